"""Exports of Patsnap, Derwent Innovation, incoPat and their like: one publication or family a row."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import SourceError
from ipvalue.law.kinds import is_grant
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.joining.publications import (
    count_of,
    earliest_date,
    family_ids,
    members_of,
    merge_publications,
    renamed,
)
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field, documented
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_family_export"]

_MANY = to.lists(r"\s*(?:\||;|；|\n)\s*")

COLUMNS = Columns(
    "patents",
    (
        Field(
            "patent_id",
            ("Publication Number", "Publication No.", "Publication number (earliest)", "公开（公告）号", "公开公告号"),
            to.document_numbers,
            required=True,
        ),
        Field(
            "raw",
            ("Publication Number", "Publication No.", "公开（公告）号", "公开公告号"),
            own=True,
            gives="jurisdiction",
        ),
        Field("kind", ("Kind Code", "Publication Kind Code", "文献类型代码"), to.compact, note="else of the number"),
        Field(
            "application_date",
            ("Application Date", "Filing Date", "Application date", "申请日"),
            to.dates,
            required=True,
        ),
        Field(
            "priority_date",
            ("Earliest Priority Date", "Priority Date - Earliest", "Priority Date", "最早优先权日", "优先权日"),
            to.dates,
        ),
        Field(
            "publication_date",
            ("Publication Date", "公开（公告）日", "公开日"),
            to.dates,
            note="of its first publication",
        ),
        Field("grant_date", ("Grant Date", "Granted Date", "授权日", "授权公告日"), to.dates),
        Field(
            "owners",
            (
                *("Current Assignee", "Current Assignees", "[Standardized] Current Assignee", "Ultimate Parent"),
                *("当前权利人", "当前申请(专利权)人", "[标]当前申请(专利权)人"),
            ),
            _MANY,
        ),
        Field(
            "applicants",
            (
                *("Assignee/Applicant", "Assignee - Original", "Original Assignee", "Applicant", "Applicants"),
                *("Assignee", "Assignee - DWPI", "申请人", "原始申请(专利权)人"),
            ),
            _MANY,
            own=True,
            gives="owners",
            note="without a current one",
        ),
        Field("inventors", ("Inventors", "Inventor", "发明人"), _MANY, own=True, gives="n_inventors", note="counted"),
        Field(
            "main_ipc",
            ("Main IPC", "IPC - Main", "IPC主分类", "IPC主分类号"),
            _MANY,
            own=True,
            gives="ipc",
            note="leads",
        ),
        Field(
            "ipc",
            ("IPC", "IPC Classes", "IPC - Current", "IPC Classification", "IPC分类号", "CPC", "CPC - Current"),
            _MANY,
        ),
        Field(
            "n_claims", ("Claims Count", "Number of Claims", "Claim Count", "权利要求数量", "权利要求数"), to.numbers
        ),
        Field(
            "npl_citations", ("NPL Citation Count", "Count of Cited Refs - Non-patent", "非专利引用数量"), to.numbers
        ),
        Field(
            "family",
            ("INPADOC Family ID", "Family ID", "INPADOC First Family Member"),
            to.compact,
            own=True,
            gives="family_id",
        ),
        Field(
            "members",
            (
                *("Simple Family Members", "Simple Family", "INPADOC Family Members", "Family Members"),
                *("DWPI Family Members", "简单同族", "inpadoc同族", "扩展同族"),
            ),
            _MANY,
            own=True,
            gives="family_id",
            note="the first by name",
        ),
        Field(
            "application",
            ("Application Number", "Application No.", "申请号"),
            to.compact,
            own=True,
            note="one right each",
        ),
        Field(
            "priorities",
            ("Priority Numbers", "Priority Number"),
            _MANY,
            own=True,
            gives="priority_date",
            note="earliest",
        ),
    ),
)
CITATIONS = Columns(
    "citations",
    (
        Field("citing_id", ("citing", "citing_id", "Citing Patent", "施引专利"), to.document_numbers, required=True),
        Field("cited_id", ("cited", "cited_id", "Cited Patent", "被引专利"), to.document_numbers, required=True),
        Field("citing_date", ("citing_date", "Citing Date"), to.dates),
        Field("cited_date", ("cited_date", "Cited Date"), to.dates),
    ),
    part="pairs of citing and cited document",
)
MEMBERS = Columns(
    "family_members",
    (
        Field("family_id", ("family", "family_id", "INPADOC Family ID"), to.compact, required=True),
        Field("patent_id", ("member", "Family Member", "member number"), to.document_numbers, required=True),
        Field("raw", ("member", "Family Member", "member number"), own=True, gives="jurisdiction"),
        Field("publication_date", ("member_publication_date", "Member Publication Date", "publication date"), to.dates),
    ),
    part="members of families",
)
FORMAT = Format(
    "family_export",
    "Patsnap, Derwent or incoPat export (one publication or family a row)",
    "read_family_export",
    parts=(COLUMNS, CITATIONS, MEMBERS),
    fills={"patents": ("jurisdiction", "kind", "grant_date")},
)


@documented(COLUMNS, CITATIONS, MEMBERS)
def read_family_export(
    *paths: Source, citations: Source | None = None, members: Source | None = None, strict: bool = False
) -> Book:
    """Read exports of Patsnap, Derwent Innovation, incoPat and databases like them, as CSV or XLSX.

    Parameters
    ----------
    *paths : path
        Tables with one publication, or one family, a row.
    citations : path, optional
        A table of pairs of citing and cited document.
    members : path, optional
        A table of the members of families, in the families' identifiers of the export.
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book
        Patents, citations and family members. A citation of two documents outside the export is refused
        (``unknown_patent``), and so is a member of a family that no patent of it names.

    Raises
    ------
    SourceError
        If a file can't be read or is no such export.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    {columns}

    Cells with several values are cut at ``|``, ``;``, ``；`` and line ends. The office and, where there is no column
    for it, the kind are those of the publication number. All publications of one application are one row, named as the
    grant is, else as the first publication. A publication whose kind is that of a grant (:mod:`ipvalue.law.kinds`) is
    one on its day where there is no grant date. Members of a family without a date of their own are not counted, so
    they are taken only from ``members``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "export.csv"
    >>> _ = path.write_text("公开(公告)号,申请号,申请日,公开(公告)日,申请人,IPC主分类号\\n"
    ...     "CN101440091B,CN200810072486.X,2008.12.26,2011.08.10,厦门大学;某公司,C07D417/14\\n", "gb18030")
    >>> read_family_export(path)["patents"].select(["patent_id", "grant_date", "owners"]).to_pylist()
    [{'patent_id': 'CN-101440091', 'grant_date': datetime.date(2011, 8, 10),
      'owners': ['厦门大学', '某公司']}]
    """
    rejects: dict[str, list[Reject]] = {"patents": [], "citations": [], "family_members": []}
    asides = [source for source in (citations, members) if source is not None]
    parts = _read((*paths, *asides), rejects)
    if "patents" not in parts:
        raise SourceError("there is no table of publications: it has Publication Number and Application Date")
    publications = pa.table(_patents(parts["patents"]))
    kept = [name for name in publications.column_names if name != "application"]
    patents, alias = merge_publications(publications.select(kept), publications["application"].combine_chunks())
    tables = {"patents": patents}
    if "citations" in parts:
        tables["citations"] = renamed(renamed(parts["citations"], "citing_id", alias), "cited_id", alias)
    if "family_members" in parts:
        rows = parts["family_members"]
        raw = rows["raw"].combine_chunks()
        rows = rows.drop_columns("raw").append_column("jurisdiction", to.offices(raw))
        tables["family_members"] = rows.append_column("kind", to.kinds(raw))
    else:
        tables["family_members"] = members_of(patents)
    return assemble(tables, rejects, strict=strict)


def _read(paths: tuple[Source, ...], rejects: dict[str, list[Reject]]) -> dict[str, pa.Table]:
    """The tables of all files, by the table of the book that their headers tell."""
    found: dict[str, list[pa.Table]] = {}
    kinds = (COLUMNS, CITATIONS, MEMBERS)
    for source in inputs(*paths, suffixes=TABLES):
        table = open_table(source, kinds)
        part = next((kind for kind in kinds if not kind.missing(table.header)), COLUMNS)
        found.setdefault(part.table, []).extend(mapped(table, part))
        rejects[part.table] += table.rejects
    return {name: pa.concat_tables(parts, promote_options="default") for name, parts in found.items() if parts}


def _patents(batch: pa.Table) -> dict[str, pa.Array]:
    there = {name: batch[name].combine_chunks() for name in batch.column_names}
    nothing = pa.nulls(batch.num_rows, pa.string())
    no_list = pa.nulls(batch.num_rows, pa.list_(pa.string()))
    kind = pc.coalesce(there.get("kind", nothing), to.kinds(there["raw"]))
    published = there.get("publication_date", nothing)
    office = to.offices(there["raw"])
    granted = pa.array(is_grant(office.fill_null("").to_numpy(False), kind.fill_null("").to_numpy(False)))
    columns = {f.target: there[f.target] for f in COLUMNS if not f.own and f.target in there}
    return {
        **columns,
        "jurisdiction": office,
        "kind": kind,
        "priority_date": pc.coalesce(
            there.get("priority_date", nothing), earliest_date(there.get("priorities", no_list))
        ),
        "grant_date": pc.coalesce(
            there.get("grant_date", nothing), pc.if_else(granted, published, pa.scalar(None, pa.string()))
        ),
        "owners": pc.coalesce(there.get("owners", no_list), there.get("applicants", no_list)),
        "ipc": _led(there.get("main_ipc", no_list), there.get("ipc", no_list)),
        "n_inventors": count_of(there.get("inventors", no_list)),
        "family_id": pc.coalesce(
            there.get("family", nothing), family_ids(there.get("members", no_list), there["patent_id"])
        ),
        "application": there.get("application", nothing),
    }


def _led(main: pa.Array, others: pa.Array) -> pa.Array:
    """Symbols with the main one first."""
    first = pc.binary_join(pc.coalesce(main, pa.scalar([], main.type)), ";")
    rest = pc.binary_join(pc.coalesce(others, pa.scalar([], others.type)), ";")
    joined = pc.binary_join_element_wise(first, rest, ";")
    return pc.if_else(pc.equal(joined, ";"), pa.scalar(None, pa.string()), joined)
