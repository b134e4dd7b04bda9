"""Google Patents: the CSV of a search, and the BigQuery table ``patents.publications`` as JSON or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.errors import SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.joining.office_documents import CITATIONS, CLAIMS, FAMILY_MEMBERS
from ipvalue.sources.joining.publications import CITATION_ORIGINS, count_of, members_of, tables_of_publications
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLE_OR_JSON, Input, Source, inputs
from ipvalue.sources.reading.json_records import is_json, list_at, objects, table_of_records, text_at
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_google_patents"]

Row = dict[str, Any]

COLUMNS, BIGQUERY = read_mappings("google_patents", owners=to.lists(r"\s*[;|]\s*"), inventors=to.lists(r"\s*,\s*"))
FORMAT = Format(
    "google_patents",
    "Google Patents (CSV of a search, or BigQuery export as JSON or Parquet)",
    "read_google_patents",
    parts=(COLUMNS, BIGQUERY),
    keys=("publication_number", "country_code", "filing_date"),
    fills={"patents": ("jurisdiction",)},
    nested={
        "patents": (
            *("patent_id", "kind", "application_date", "priority_date", "publication_date", "grant_date", "family_id"),
            *("ipc", "owners", "n_inventors", "npl_citations"),
        ),
        "citations": ("citing_id", "cited_id", "citing_date", "origin", "category"),
        "claims": CLAIMS,
        "family_members": FAMILY_MEMBERS,
    },
)

_PATENTS = {
    **dict.fromkeys(("patent_id", "jurisdiction", "kind", "application_date", "priority_date"), pa.string()),
    **dict.fromkeys(("publication_date", "grant_date", "family_id", "application"), pa.string()),
    **dict.fromkeys(("ipc", "owners"), pa.list_(pa.string())),
    **dict.fromkeys(("n_inventors", "npl_citations"), pa.string()),
}
_ROWS_AT_ONCE = 2_000


@documented(COLUMNS)
def read_google_patents(*paths: Source, strict: bool = False) -> Book:
    """Read the CSV of a Google Patents search, or a BigQuery export of its publications.

    Parameters
    ----------
    *paths : path
        CSV files of a search, or JSON lines or Parquet files with rows of
        ``patents-public-data.patents.publications``; archives or folders of them.
    {strict}

    Returns
    -------
    Book
        Patents. From BigQuery also citations, claims and the members of families that are in the export.

    {raises}

    Notes
    -----
    {columns}

    Office and kind are those of the identifier. Google also shows the grant date at the application, so that a row of
    an application may have the date of its later grant.

    From a BigQuery row, these fields are read: publication_number, country_code, kind_code, filing_date, priority_date,
    publication_date, grant_date (0 means none), family_id (DOCDB), ipc or cpc, assignee_harmonized or assignee,
    inventor_harmonized or inventor, citation (npl_text counts in npl_citations; citations of type APP are from the
    applicant; SEA, ISR, EXA and PRS from the examiner), claims_localized (one text for each publication, which the
    claim parser splits). Publications with one application_number are one row.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "gp-search.csv"
    >>> _ = path.write_text("search URL:,https://patents.google.com/?q=x\\nid,title,assignee,inventor/author,"
    ...     "priority date,filing/creation date,publication date,grant date,result link\\n"
    ...     "US-7650331-B1,System,Google Inc.,"
    ...     '"Jeffrey Dean, Sanjay Ghemawat",2004-06-18,2004-06-18,2010-01-19,2010-01-19,x\\n')
    >>> read_google_patents(path)["patents"].select(["patent_id", "kind", "n_inventors"]).to_pylist()
    [{'patent_id': 'US-7650331', 'kind': 'B1', 'n_inventors': 2}]
    """
    rejects: list[Reject] = []
    tables: list[pa.Table] = []
    others: dict[str, list[pa.Table]] = {"citations": [], "claims": []}
    for source in inputs(*paths, suffixes=(*TABLE_OR_JSON, ".parquet", "")):
        if source.head(4) == b"PAR1" or is_json(source):
            for part in _exported(source, rejects):
                tables.append(part["patents"])
                others["citations"].append(part["citations"])
                others["claims"].append(part["claims"])
        else:
            table = open_table(source, (COLUMNS,))
            tables += [_searched(batch) for batch in mapped(table, COLUMNS)]
            rejects += table.rejects
    publications = pa.concat_tables(tables, promote_options="default") if tables else table_of_records([], _PATENTS)
    found = {name: pa.concat_tables(parts) for name, parts in others.items() if sum(p.num_rows for p in parts)}
    found = tables_of_publications(publications, found)
    if "citations" in found:
        found["family_members"] = members_of(found["patents"])
    return assemble(found, {"patents": rejects}, strict=strict)


def _searched(batch: pa.Table) -> pa.Table:
    """Rows of a search; office and kind are those of the identifier."""
    there = {name: batch[name].combine_chunks() for name in batch.column_names}
    inventors = there.pop("inventors", None)
    raw = there.pop("raw")
    there |= {"jurisdiction": to.offices(raw), "kind": to.kinds(raw)}
    there["application"] = pa.nulls(batch.num_rows, pa.string())
    if inventors is not None:
        there["n_inventors"] = count_of(inventors)
    return pa.table(there)


def _exported(source: Input, rejects: list[Reject]) -> Iterator[dict[str, pa.Table]]:
    some: list[Row] = []
    for row in _rows(source, rejects):
        some.append(row)
        if len(some) == _ROWS_AT_ONCE:
            yield _tables(some)
            some = []
    yield _tables(some)


def _rows(source: Input, rejects: list[Reject]) -> Iterator[Row]:
    if source.head(4) != b"PAR1":
        yield from objects(source, rejects, key="publication_number")
        return
    try:
        with source.seekable() as copy:
            file = pq.ParquetFile(copy)
            wanted = [n for n in file.schema_arrow.names if n in _READ]
            if "publication_number" not in wanted or "filing_date" not in wanted:
                raise SourceError(
                    f"{source.place} has no publication_number or no filing_date, so it is not a BigQuery export"
                )
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=wanted):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{source.place} is not a valid Parquet file: {error}") from error


_READ = {
    *("publication_number", "application_number", "country_code", "kind_code", "family_id", "filing_date"),
    *("priority_date", "publication_date", "grant_date", "ipc", "cpc", "assignee_harmonized", "assignee"),
    *("inventor_harmonized", "inventor", "citation", "claims_localized"),
}


def _tables(rows: list[Row]) -> dict[str, pa.Table]:
    numbers = [text_at(row, "publication_number") for row in rows]
    ids = to.document_numbers(pa.array(numbers, pa.string())).to_pylist()
    patents = [_patent(row, own) for row, own in zip(rows, ids)]
    citations = table_of_records(
        (c for row, own in zip(rows, ids) for c in _citations(row, own)), dict.fromkeys(CITATIONS, pa.string())
    )
    place = citations.schema.get_field_index("cited_id")
    cited = to.document_numbers(citations["cited_id"].combine_chunks())
    claims = (c for row, own in zip(rows, ids) for c in _claims(row, own))
    return {
        "patents": table_of_records(patents, _PATENTS),
        "citations": citations.set_column(place, "cited_id", cited),
        "claims": table_of_records(claims, dict.fromkeys(CLAIMS, pa.string())),
    }


def _day(row: Any, name: str) -> str | None:
    day = text_at(row, name)
    return None if day in (None, "0") else day


def _patent(row: Row, own: str | None) -> Row:
    owners = [text_at(a, "name") for a in list_at(row, "assignee_harmonized")]
    owners = owners or [text_at({"name": a}, "name") for a in list_at(row, "assignee")]
    symbols = [text_at(c, "code") for c in list_at(row, "ipc")] or [text_at(c, "code") for c in list_at(row, "cpc")]
    inventors = list_at(row, "inventor_harmonized") or list_at(row, "inventor")
    cited = list_at(row, "citation")
    return {
        "patent_id": own,
        "jurisdiction": text_at(row, "country_code"),
        "kind": text_at(row, "kind_code"),
        "application_date": _day(row, "filing_date"),
        "priority_date": _day(row, "priority_date"),
        "publication_date": _iso(_day(row, "publication_date")),
        "grant_date": _iso(_day(row, "grant_date")),
        "family_id": text_at(row, "family_id"),
        "application": text_at(row, "application_number"),
        "ipc": [s for s in symbols if s] or None,
        "owners": [o for o in owners if o] or None,
        "n_inventors": str(len(inventors)) if inventors else None,
        "npl_citations": str(sum(bool(text_at(c, "npl_text")) for c in cited)) if cited else None,
    }


def _iso(day: str | None) -> str | None:
    """A date with dashes, so that all dates sort correctly."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day and len(day) == 8 and day.isdigit() else day


def _citations(row: Row, own: str | None) -> Iterator[Row]:
    for citation in list_at(row, "citation"):
        if text_at(citation, "publication_number"):
            category = (text_at(citation, "category") or "").upper()
            yield {
                "citing_id": own,
                "cited_id": text_at(citation, "publication_number"),
                "citing_date": _day(row, "publication_date"),
                "origin": CITATION_ORIGINS.get((text_at(citation, "type") or "").upper()),
                "category": category if category.isalpha() and len(category) <= 4 else None,
            }


def _claims(row: Row, own: str | None) -> Iterator[Row]:
    for claims in list_at(row, "claims_localized")[:1]:
        if text_at(claims, "text"):
            yield {
                "patent_id": own,
                "claim_number": "1",
                "text": text_at(claims, "text"),
                "language": text_at(claims, "language"),
                "publication_date": _day(row, "publication_date"),
            }
