"""Lens.org: CSV exports, and JSON from its interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, one_input, open_table
from ipvalue.sources.joining.office_documents import CITATIONS, CLAIMS, FAMILY_MEMBERS
from ipvalue.sources.joining.publications import (
    CITATION_ORIGINS,
    members_of,
    patent_columns,
    tables_of_publications,
)
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLE_OR_JSON, Input, Source, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.json_records import is_json, list_at, objects, table_of_records, text_at, value_at
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_lens"]

RECORD_KEYS = ("lens_id", "doc_number", "biblio")

Row = dict[str, Any]


_TEXT, _LIST = pa.string(), pa.list_(pa.string())
_PATENTS = {
    **dict.fromkeys(("patent_id", "jurisdiction", "kind", "application_date", "priority_date"), _TEXT),
    **dict.fromkeys(("publication_date", "grant_date", "family_id", "application", "lens_id"), _TEXT),
    **dict.fromkeys(("ipc", "owners"), _LIST),
    **dict.fromkeys(("n_inventors", "npl_citations"), _TEXT),
}
_OTHERS = {"citations": CITATIONS, "claims": CLAIMS, "family_members": FAMILY_MEMBERS}


def _tables_of_json(sources: Iterable[Input], rejects: list[Reject]) -> dict[str, pa.Table]:
    """Publications, citations, claims and family members in JSON files."""
    rows: dict[str, list[Row]] = {"patents": [], **{name: [] for name in _OTHERS}}
    for source in sources:
        for record in objects(source, rejects, under=("data",)):
            _add(rows, record)
    return {
        "patents": table_of_records(rows["patents"], _PATENTS),
        **{
            name: table_of_records(rows[name], dict.fromkeys(columns, _TEXT))
            for name, columns in _OTHERS.items()
            if rows[name]
        },
    }


def _add(rows: dict[str, list[Row]], record: Row) -> None:
    office, number = text_at(record, "jurisdiction"), text_at(record, "doc_number")
    own = document_ids([office], [number])[0]
    published = text_at(record, "date_published") or text_at(record, "biblio", "publication_reference", "date")
    family = list(_members(record))
    named = sorted(m["patent_id"] for m in family if m["patent_id"])
    family_id = min(named[0], own) if named and own else None
    rows["patents"].append(_patent(record, own, published, family_id))
    rows["citations"] += _citations(record, own, published)
    rows["claims"] += _claims(record, own, published)
    rows["family_members"] += [{**member, "family_id": family_id} for member in family if family_id]


def _patent(record: Row, own: str | None, published: str | None, family_id: str | None) -> Row:
    biblio = value_at(record, "biblio")
    application = value_at(biblio, "application_reference")
    parts = [text_at(application, key) for key in ("jurisdiction", "doc_number", "kind")]
    granted = text_at(record, "publication_type") == "GRANTED_PATENT"
    claims = [text_at(c, "date") for c in list_at(biblio, "priority_claims", "claims")]
    owners = _names(biblio, "owners_all") or _names(biblio, "applicants")
    symbols = [text_at(c, "symbol") for c in list_at(biblio, "classifications_ipcr", "classifications")]
    symbols = symbols or [text_at(c, "symbol") for c in list_at(biblio, "classifications_cpc", "classifications")]
    return {
        "patent_id": own,
        "jurisdiction": text_at(record, "jurisdiction"),
        "kind": text_at(record, "kind"),
        "application_date": text_at(application, "date"),
        "priority_date": text_at(biblio, "priority_claims", "earliest_claim", "date")
        or min(filter(None, claims), default=None),
        "publication_date": published,
        "grant_date": text_at(record, "legal_status", "grant_date") or (published if granted else None),
        "family_id": family_id,
        "application": " ".join(p for p in parts if p) if parts[1] else None,
        "lens_id": text_at(record, "lens_id"),
        "ipc": [s for s in symbols if s] or None,
        "owners": owners or None,
        "n_inventors": str(len(inventors)) if (inventors := _names(biblio, "inventors")) else None,
        "npl_citations": text_at(biblio, "references_cited", "npl_count"),
    }


def _names(biblio: Any, role: str) -> list[str]:
    names = [text_at(party, "extracted_name", "value") for party in list_at(biblio, "parties", role)]
    return list(dict.fromkeys(name for name in names if name))


def _document(reference: Any) -> tuple[str | None, str | None]:
    """Identifier and date of a referenced document."""
    document = value_at(reference, "document_id")
    name = document_ids([text_at(document, "jurisdiction")], [text_at(document, "doc_number")])[0]
    return name, text_at(document, "date")


def _citations(record: Row, own: str | None, published: str | None) -> Iterator[Row]:
    for citation in list_at(record, "biblio", "references_cited", "citations"):
        cited, date = _document(value_at(citation, "patcit"))
        if cited:
            phase = text_at(citation, "cited_phase") or ""
            categories = [c for c in list_at(citation, "category") if isinstance(c, str)]
            yield {
                "citing_id": own,
                "cited_id": cited,
                "citing_date": published,
                "cited_date": date,
                "origin": CITATION_ORIGINS.get(phase.upper()),
                "category": "".join(categories)[:4].upper() or None,
            }
    for citation in list_at(record, "biblio", "cited_by", "patents"):
        citing, date = _document(citation)
        if citing:
            yield {"citing_id": citing, "cited_id": own, "citing_date": date, "cited_date": published}


def _claims(record: Row, own: str | None, published: str | None) -> Iterator[Row]:
    for claim_set in list_at(record, "claims")[:1]:
        for number, claim in enumerate(list_at(claim_set, "claims"), 1):
            wording = " ".join(part for part in list_at(claim, "claim_text") if isinstance(part, str))
            if wording.strip():
                yield dict(zip(CLAIMS, (own, str(number), wording, text_at(claim_set, "lang"), published)))


def _members(record: Row) -> Iterator[Row]:
    for member in list_at(record, "families", "simple_family", "members"):
        name, date = _document(member)
        office = text_at(member, "document_id", "jurisdiction")
        if office:
            kind = text_at(member, "document_id", "kind")
            yield {"jurisdiction": office, "kind": kind, "publication_date": date, "patent_id": name}


COLUMNS, PAIRS = read_mappings("lens", many=to.lists(r"\s*;;\s*"))
FORMAT = Format(
    "lens",
    "Lens.org export (CSV or JSON)",
    "read_lens",
    parts=(COLUMNS, PAIRS),
    keys=RECORD_KEYS,
    nested={
        "patents": tuple(name for name in _PATENTS if name not in ("application", "lens_id")),
        **_OTHERS,
    },
)


@documented(COLUMNS)
def read_lens(*paths: Source, ipc: Source | None = None, strict: bool = False) -> Book:
    """Read exports of Lens.org, as CSV or as JSON of its interface.

    Parameters
    ----------
    *paths : path
        CSV files, JSON files (an array, JSON lines, or an object with ``data``), archives or folders of them.
    ipc : path, optional
        A table of pairs of Lens ID and IPC symbol, which replace the symbols of the export.
    {strict}

    Returns
    -------
    Book
        Patents. From JSON also citations in both directions, claims and family members.

    {raises}

    Notes
    -----
    {columns}

    Old exports write dates with the day first and two digits of the year (25/04/13). Years up to 30 belong to this
    century. All publications of one application are one row, named by the grant or else by the first publication. A
    publication of type ``Granted Patent`` is the grant. ``Legal Status`` is not read because it has no date, nor are
    counts of citations. From JSON, ``biblio``, ``families.simple_family``, ``legal_status.grant_date`` and the first
    set of ``claims`` are read. A citation in the phase APP is from the applicant; SEA, ISR, PRS and EXA from the
    examiner.

    A table of pairs alone contains no filing dates, so all its patents are rejected.

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
    rejects: dict[str, list[Reject]] = {"patents": []}
    texts = [source for source in found if is_json(source)]
    tables = [t for s in found if s not in texts for t in _publications(s, rejects["patents"])]
    parts: dict[str, pa.Table] = {}
    if texts:
        parts = _tables_of_json(texts, rejects["patents"])
        tables.append(parts.pop("patents"))
    publications = pa.concat_tables(tables, promote_options="default") if tables else _NO_PUBLICATIONS
    if ipc is not None:
        publications = _with_symbols(publications, one_input(inputs(ipc), "ipc"), rejects["patents"])
    found_tables = tables_of_publications(
        publications.select([c for c in publications.column_names if c != "lens_id"]), parts
    )
    if "family_id" in found_tables["patents"].column_names:
        found_tables.setdefault("family_members", members_of(found_tables["patents"]))
    return assemble(found_tables, rejects, strict=strict)


_NO_PUBLICATIONS = pa.table({"patent_id": pa.array([], _TEXT), "application": pa.array([], _TEXT)})


def _publications(source: Input, rejects: list[Reject]) -> Iterator[pa.Table]:
    table = open_table(source, (COLUMNS, PAIRS))
    columns = COLUMNS if not COLUMNS.missing(table.header) or PAIRS.missing(table.header) else PAIRS
    for batch in mapped(table, columns):
        yield _patents(batch) if columns is COLUMNS else _nameless(batch)
    rejects += table.rejects


def _nameless(batch: pa.Table) -> pa.Table:
    """Pairs of Lens ID and symbol as patents without a filing date."""
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
    """Publications as rows of ``patents``, with the application number and the Lens ID."""
    text, values = pa.nulls(batch.num_rows, _TEXT), pa.nulls(batch.num_rows, _LIST)

    def column(name: str, absent: pa.Array) -> pa.Array:
        return batch[name].combine_chunks() if name in batch.column_names else absent

    granted = pc.fill_null(pc.match_substring_regex(column("type", text), "(?i)^granted"), False)
    columns = patent_columns(batch, COLUMNS, granted)
    return pa.table(
        {
            **columns,
            "ipc": pc.coalesce(column("ipc", values), column("cpc", values)),
            "lens_id": column("lens_id", text),
        }
    )


def _with_symbols(publications: pa.Table, source: Input, rejects: list[Reject]) -> pa.Table:
    """The publications with the IPC symbols of a table of pairs."""
    table = open_table(source, (PAIRS,))
    pairs = pa.concat_tables(list(mapped(table, PAIRS)))
    rejects += table.rejects
    symbols = pairs.group_by("lens_id", use_threads=False).aggregate([("ipc", "list")])
    if "lens_id" not in publications.column_names:
        raise SourceError(f"{source.place}: the export has no column 'Lens ID', by which the symbols are joined")
    place = pc.index_in(publications["lens_id"], symbols["lens_id"].combine_chunks())
    found = pc.take(symbols["ipc_list"].combine_chunks(), place)
    index = publications.schema.get_field_index("ipc")
    if index < 0:
        return publications.append_column("ipc", found)
    return publications.set_column(index, "ipc", pc.coalesce(found, publications["ipc"]))
