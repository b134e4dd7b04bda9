"""Lens.org: exports as CSV, and JSON of its interface."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, one_input, open_table
from ipvalue.sources.joining.documents import (
    count_of,
    earliest_date,
    family_ids,
    members_of,
    merge_publications,
    renamed,
)
from ipvalue.sources.lens_json import RECORD_KEYS, read_records
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLE_OR_JSON, Input, Source, inputs
from ipvalue.sources.reading.json_documents import is_json
from ipvalue.sources.reading.mapping import Columns, Field, documented
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_lens"]

_MANY = to.lists(r"\s*;;\s*")

COLUMNS = Columns(
    "patents",
    (
        Field("patent_id", ("Publication Number", "Display Key"), to.document_numbers, required=True),
        Field("jurisdiction", ("Jurisdiction",), to.compact, required=True),
        Field("kind", ("Kind",), to.compact),
        Field("application_date", ("Application Date",), to.day_first_dates, required=True),
        Field("priority_date", ("Earliest Priority Date",), to.day_first_dates),
        Field("publication_date", ("Publication Date",), to.day_first_dates, note="the earliest of the application"),
        Field("owners", ("Owners", "Owners (US)"), _MANY),
        Field("ipc", ("IPCR Classifications",), _MANY),
        Field("npl_citations", ("NPL Citation Count",), to.numbers),
        Field("lens_id", ("Lens ID",), to.compact, own=True, note="joins the pairs of ``ipc``"),
        Field("application", ("Application Number",), to.compact, own=True, note="publications of one are one right"),
        Field(
            "type",
            ("Document Type", "Type"),
            to.compact,
            own=True,
            gives="grant_date",
            note="Granted Patent: the publication",
        ),
        Field("applicants", ("Applicants",), _MANY, own=True, gives="owners", note="without Owners"),
        Field("inventors", ("Inventors",), _MANY, own=True, gives="n_inventors", note="counted"),
        Field("cpc", ("CPC Classifications",), _MANY, own=True, gives="ipc", note="without IPCR"),
        Field("priorities", ("Priority Numbers",), _MANY, own=True, gives="priority_date", note="the earliest"),
        Field("members", ("Simple Family Members",), _MANY, own=True, gives="family_id", note="the first by name"),
    ),
)
PAIRS = Columns(
    "patents",
    (
        Field("lens_id", ("lens.id", "lens_id", "Lens ID"), to.compact, required=True, own=True, gives="patent_id"),
        Field("ipc", ("ipc", "IPC", "symbol"), to.compact, required=True),
    ),
    part="pairs of patent and IPC symbol",
)
FORMAT = Format(
    "lens",
    "Lens.org export (CSV or JSON)",
    "read_lens",
    parts=(COLUMNS, PAIRS),
    keys=RECORD_KEYS,
    nested={
        "patents": (
            *(
                "patent_id",
                "jurisdiction",
                "kind",
                "application_date",
                "priority_date",
                "publication_date",
                "grant_date",
            ),
            *("family_id", "ipc", "owners", "n_inventors", "npl_citations"),
        ),
        "citations": ("citing_id", "cited_id", "citing_date", "cited_date", "origin", "category"),
        "claims": ("patent_id", "claim_number", "text", "language", "publication_date"),
        "family_members": ("family_id", "jurisdiction", "kind", "publication_date", "patent_id"),
    },
)


@documented(COLUMNS)
def read_lens(*paths: Source, ipc: Source | None = None, strict: bool = False) -> Book:
    """Read exports of Lens.org, as CSV or as JSON of its interface.

    Parameters
    ----------
    *paths : path
        CSV files, JSON files (an array, JSON lines, or an answer with ``data``), archives or folders of them.
    ipc : path, optional
        A table of pairs of Lens ID and IPC symbol, which stand before those of the export.
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book
        Patents; of JSON also citations in both directions, claims and family members.

    Raises
    ------
    SourceError
        If a file can't be read or is no such export.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    {columns}

    Old exports write dates day first with two digits of the year (25/04/13): up to 30 they are of this century.
    All publications of one application are one row, named as the grant is, else as the first publication; the
    publication of a ``Granted Patent`` is its grant. ``Legal Status`` has no date and is not read, and counts of
    citations name no document. Of JSON: ``biblio``, ``families.simple_family``, ``legal_status.grant_date`` and the
    first set of ``claims``; a citation in the phase ``APP`` is the applicant's, one of the search or examination (SEA,
    ISR, PRS, EXA) the examiner's.

    A table of pairs alone names no filing date, so each of its patents is refused.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "lens-export.csv"
    >>> _ = path.write_text("#,Jurisdiction,Kind,Publication Number,Publication Date,Application Number,"
    ...     "Application Date,Type,Applicants\\n1,US,A,US 3982033 A,21/09/76,US 17439471 A,24/08/71,"
    ...     "Granted Patent,FAIRBANKS;;OTHER\\n")
    >>> read_lens(path)["patents"].select(["patent_id", "grant_date", "owners"]).to_pylist()
    [{'patent_id': 'US-3982033', 'grant_date': datetime.date(1976, 9, 21), 'owners': ['FAIRBANKS', 'OTHER']}]
    """
    found = inputs(*paths, suffixes=TABLE_OR_JSON)
    refusals: dict[str, list[Refusal]] = {"patents": []}
    texts = [source for source in found if is_json(source)]
    tables = [t for s in found if s not in texts for t in _publications(s, refusals["patents"])]
    parts: dict[str, pa.Table] = {}
    if texts:
        parts = read_records(texts, refusals["patents"])
        tables.append(parts.pop("patents"))
    publications = pa.concat_tables(tables, promote_options="default") if tables else COLUMNS_EMPTY
    if ipc is not None:
        publications = _with_symbols(publications, one_input(inputs(ipc), "ipc"), refusals["patents"])
    application = publications["application"].combine_chunks()
    kept = [c for c in publications.column_names if c not in ("application", "lens_id")]
    patents, alias = merge_publications(publications.select(kept), application)
    if "family_id" in patents.column_names and "family_members" not in parts:
        parts["family_members"] = members_of(patents)
    for name in ("citing_id", "cited_id"):
        if "citations" in parts:
            parts["citations"] = renamed(parts["citations"], name, alias)
    if "claims" in parts:
        parts["claims"] = renamed(parts["claims"], "patent_id", alias)
    return assemble({"patents": patents, **parts}, refusals, strict=strict)


COLUMNS_EMPTY = pa.table({"patent_id": pa.array([], pa.string()), "application": pa.array([], pa.string())})


def _publications(source: Input, refusals: list[Refusal]) -> Iterator[pa.Table]:
    table = open_table(source, (COLUMNS, PAIRS))
    columns = COLUMNS if not COLUMNS.missing(table.header) or PAIRS.missing(table.header) else PAIRS
    for batch in mapped(table, columns):
        yield _patents(batch) if columns is COLUMNS else _nameless(batch)
    refusals += table.refusals


def _nameless(batch: pa.Table) -> pa.Table:
    """Pairs as patents named by their Lens ID, without a filing date."""
    symbols = batch.group_by("lens_id", use_threads=False).aggregate([("ipc", "list")])
    return pa.table(
        {
            "patent_id": symbols["lens_id"],
            "ipc": symbols["ipc_list"],
            "application": symbols["lens_id"],
            "lens_id": symbols["lens_id"],
        }
    )


def _patents(batch: pa.Table) -> pa.Table:
    """Publications as rows of ``patents``, with the application's number and the Lens ID."""
    there = {name: batch[name].combine_chunks() for name in batch.column_names}
    nothing = pa.nulls(batch.num_rows, pa.string())
    no_list = pa.nulls(batch.num_rows, pa.list_(pa.string()))
    kind = there.get("type", nothing)
    granted = pc.fill_null(pc.match_substring_regex(kind, "(?i)^granted"), False)
    own = there["patent_id"]
    published = there.get("publication_date", nothing)
    columns = {
        **{f.target: there[f.target] for f in COLUMNS if not f.own and f.target in there},
        "priority_date": pc.coalesce(
            there.get("priority_date", nothing), earliest_date(there.get("priorities", no_list))
        ),
        "grant_date": pc.if_else(granted, published, pa.scalar(None, pa.string())),
        "owners": pc.coalesce(there.get("owners", no_list), there.get("applicants", no_list)),
        "ipc": pc.coalesce(there.get("ipc", no_list), there.get("cpc", no_list)),
        "n_inventors": count_of(there.get("inventors", no_list)),
        "application": there.get("application", nothing),
        "lens_id": there.get("lens_id", nothing),
    }
    if "members" in there:
        columns["family_id"] = family_ids(there["members"], own)
    return pa.table(columns)


def _with_symbols(publications: pa.Table, source: Input, refusals: list[Refusal]) -> pa.Table:
    """The IPC symbols of a table of pairs, where it knows the patent."""
    table = open_table(source, (PAIRS,))
    pairs = pa.concat_tables(list(mapped(table, PAIRS)))
    refusals += table.refusals
    symbols = pairs.group_by("lens_id", use_threads=False).aggregate([("ipc", "list")])
    if "lens_id" not in publications.column_names:
        raise SourceError(f"{source.place}: the export has no column 'Lens ID' to join the symbols by")
    place = pc.index_in(publications["lens_id"], symbols["lens_id"].combine_chunks())
    found = pc.take(symbols["ipc_list"].combine_chunks(), place)
    index = publications.schema.get_field_index("ipc")
    if index < 0:
        return publications.append_column("ipc", found)
    return publications.set_column(index, "ipc", pc.coalesce(found, publications["ipc"]))
