"""Exports of Patsnap, Derwent Innovation, incoPat and similar databases, with one publication or family in each row."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import SourceError
from ipvalue.law.kinds import is_grant
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.joining.publications import members_of, patent_columns, tables_of_publications
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_family_export"]

COLUMNS, CITATIONS, MEMBERS = read_mappings("family_exports", many=to.lists(r"\s*(?:\||;|；|\n)\s*"))
FORMAT = Format(
    "family_export",
    "Patsnap, Derwent or incoPat export (one publication or family in each row)",
    "read_family_export",
    parts=(COLUMNS, CITATIONS, MEMBERS),
    fills={"patents": ("jurisdiction", "kind", "grant_date")},
)


@documented(COLUMNS, CITATIONS, MEMBERS)
def read_family_export(
    *paths: Source, citations: Source | None = None, members: Source | None = None, strict: bool = False
) -> Book:
    """Read exports of Patsnap, Derwent Innovation, incoPat and similar databases, as CSV or XLSX.

    Parameters
    ----------
    *paths : path
        Tables with one publication, or one family, in each row.
    citations : path, optional
        A table of pairs of citing and cited documents.
    members : path, optional
        A table of the members of families, with the family identifiers of the export.
    {strict}

    Returns
    -------
    Book
        Patents, citations and family members. A citation between two documents outside the export is rejected
        (``unknown_patent``), and so is a member of a family to which no patent of the export belongs.

    {raises}

    Notes
    -----
    {columns}

    Several values in one cell are separated by ``|``, ``;``, ``；`` or line ends. The office, and the kind if it has no
    column, are those of the publication number. All publications of one application are one row, named by the grant or
    else by the first publication. If there is no grant date, a publication whose kind code is that of a grant
    (:mod:`ipvalue.law.kinds`) is the grant. Members of a family count only if they have a date, so they are read only
    from ``members``.

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
    others = [source for source in (citations, members) if source is not None]
    parts = _read((*paths, *others), rejects)
    if "patents" not in parts:
        raise SourceError("no file is a table of publications with Publication Number and Application Date")
    pairs = {"citations": parts["citations"]} if "citations" in parts else {}
    tables = tables_of_publications(pa.table(_patents(parts["patents"])), pairs)
    if "family_members" in parts:
        rows = parts["family_members"]
        raw = rows["raw"].combine_chunks()
        rows = rows.drop_columns("raw").append_column("jurisdiction", to.offices(raw))
        tables["family_members"] = rows.append_column("kind", to.kinds(raw))
    else:
        tables["family_members"] = members_of(tables["patents"])
    return assemble(tables, rejects, strict=strict)


def _read(paths: tuple[Source, ...], rejects: dict[str, list[Reject]]) -> dict[str, pa.Table]:
    """The rows of all files, by the table of the book to which their headers belong."""
    found: dict[str, list[pa.Table]] = {}
    kinds = (COLUMNS, CITATIONS, MEMBERS)
    for source in inputs(*paths, suffixes=TABLES):
        table = open_table(source, kinds)
        part = next((kind for kind in kinds if not kind.missing(table.header)), COLUMNS)
        found.setdefault(part.table, []).extend(mapped(table, part))
        rejects[part.table] += table.rejects
    return {name: pa.concat_tables(parts, promote_options="default") for name, parts in found.items() if parts}


def _patents(batch: pa.Table) -> dict[str, pa.Array]:
    text, values = pa.nulls(batch.num_rows, pa.string()), pa.nulls(batch.num_rows, pa.list_(pa.string()))

    def column(name: str, absent: pa.Array) -> pa.Array:
        return batch[name].combine_chunks() if name in batch.column_names else absent

    office, kind = to.offices(column("raw", text)), pc.coalesce(column("kind", text), to.kinds(column("raw", text)))
    granted = pa.array(is_grant(office.fill_null("").to_numpy(False), kind.fill_null("").to_numpy(False)))
    return {
        "family_id": text,
        **patent_columns(batch, COLUMNS, granted),
        "jurisdiction": office,
        "kind": kind,
        "ipc": _led(column("main_ipc", values), column("ipc", values)),
    }


def _led(main: pa.Array, others: pa.Array) -> pa.Array:
    """Symbols with the main one first."""
    first = pc.binary_join(pc.coalesce(main, pa.scalar([], main.type)), ";")
    rest = pc.binary_join(pc.coalesce(others, pa.scalar([], others.type)), ";")
    joined = pc.binary_join_element_wise(first, rest, ";")
    return pc.if_else(pc.equal(joined, ";"), pa.scalar(None, pa.string()), joined)
