"""Validation report of a book: its rows, rejected rows, and what each missing table makes impossible."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from ipvalue.errors import SourceError
from ipvalue.records.book import Book
from ipvalue.records.schema import TABLES
from ipvalue.records.store import read_book

__all__ = ["effect_of_absence", "read_tables", "report"]

# the effect of an absent table
_ABSENT_TABLE = {
    "citations": "citation features are missing: values by comparison and learning lose the best characteristics",
    "claims": "claim features are missing, but for the number where patents.n_claims has it",
    "legal_events": "status comes from the patents' own dates: lapses are not seen, and pledges and licences not known",
    "family_members": "family features are missing",
    "economics": "income, cost and development option methods have no amounts and value nothing",
    "transactions": "comparable sales and gradient boosting have no prices and value nothing",
    "licences": "royalty rates are the assumed ones",
    "loans": "no loan can be checked",
    "curves": "the risk-free rate of real options is the assumed one",
    "fx": "exchange rates are the assumed ones",
    "price_index": "replacement cost takes past costs at the prices of their day",
}

# the same of a column
_ABSENT_COLUMN = {
    "patents.patent_id": "no row can be read",
    "patents.jurisdiction": "no row can be read",
    "patents.application_date": "no row can be read",
    "patents.right": "the right is taken from the kind code, else for an invention",
    "patents.kind": "utility models, designs and grants are not distinguished from applications for inventions",
    "patents.priority_date": "age and cohort count from the filing",
    "patents.parent_filing_date": "the term of a continuation counts from its own filing, and is too long",
    "patents.publication_date": "claims and citations date from the grant or the filing",
    "patents.grant_date": "a grant is seen only in legal_events: else every right is pending",
    "patents.family_id": "family features are missing, and citations within a family count as others",
    "patents.ipc": "the technology field is unknown: no royalty rate, no comparables, no cohorts of a field",
    "patents.owners": "portfolio features are missing, and self-citations count as others",
    "patents.n_inventors": "the number of inventors is missing",
    "patents.npl_citations": "science linkage is missing",
    "patents.n_claims": "the number of claims is known only from the claims table",
    "patents.term_adjustment_days": "the term of US patents ends too early",
    "patents.term_extension_days": "the term of medicines ends too early",
    "citations.citing_date": "only citations by patents of the book have a date, and others are not counted",
    "citations.citing_ipc": "generality is known only from patents of the book",
    "citations.cited_ipc": "originality is known only from patents of the book",
    "citations.cited_date": "citation lags are known only from patents of the book",
    "citations.origin": "examiners' citations are not distinguished from the applicant's",
    "citations.category": "X and Y citations are not distinguished from others",
    "claims.text": "only the number of claims is known",
    "claims.language": "the language is detected from the wording",
    "legal_events.announced_date": "an event counts as known on the day on which it takes effect",
    "legal_events.code": "events are read from their text",
    "legal_events.text": "events are read from their code",
    "family_members.publication_date": "a member is never counted",
}

_CSV_BLOCK = 1 << 24  # bytes; a row must fit into one, and a claim may have a million characters


def read_tables(path: str | os.PathLike[str]) -> Book:
    """Read a book's folder: one that ``write_book`` wrote, or one of ``<table>.parquet`` and ``<table>.csv``.

    Raises
    ------
    SourceError
        If the folder is neither, or a file can't be read.
    """
    folder = Path(path)
    if (folder / "book.json").exists():
        return read_book(folder)
    tables = {}
    for name in TABLES:
        for kind, read in (("parquet", _read_parquet), ("csv", _read_csv)):
            file = folder / f"{name}.{kind}"
            if file.exists():
                try:
                    tables[name] = read(file)
                except (pa.ArrowException, OSError, ValueError) as error:
                    raise SourceError(f"{file} can't be read as {kind}: {error}") from error
    if "patents" not in tables:
        raise SourceError(f"{folder} is not a book: it holds neither book.json nor patents.parquet nor patents.csv")
    return Book(**tables)


def _read_parquet(file: Path) -> pa.Table:
    return pq.read_table(file)


def _read_csv(file: Path) -> pa.Table:
    """Read all columns as text; the book then validates them."""
    reading = pcsv.ReadOptions(block_size=_CSV_BLOCK)
    parsing = pcsv.ParseOptions(newlines_in_values=True)  # claims have paragraphs
    with pcsv.open_csv(file, read_options=reading, parse_options=parsing) as stream:
        names = stream.schema.names
    converting = pcsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return pcsv.read_csv(file, read_options=reading, parse_options=parsing, convert_options=converting)


def report(book: Book) -> str:
    """Write a validation report.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> print(report(ipv.Book(patents={"patent_id": ["A"], "jurisdiction": ["CN"],
    ...                                "application_date": ["2020-01-01"]})).splitlines()[0])
    patents: 1 of 1 rows valid
    """
    lines = []
    for name, count in book.rows_in.items():
        refused = int((book.rejects["table"] == name).sum())
        repeats = book.duplicates.get(name, 0)
        tail = f", {refused:,} refused" if refused else ""
        tail += f", {repeats:,} repeats dropped" if repeats else ""
        lines.append(f"{name}: {book[name].num_rows:,} of {count:,} rows valid{tail}")
        lines += _empty_columns(book, name)
    if len(book.rejects):
        lines.append("refused:")
        counts = book.rejects.groupby(["table", "column", "code", "message"]).size().reset_index(name="rows")
        lines += [
            f"  {table}.{column} {code} {count:,}: {message}"
            for table, column, code, message, count in counts.itertuples(index=False, name=None)
        ]
    for name, columns in book.ignored.items():
        lines.append(f"not read: {name}: {', '.join(columns)}")
    lines += [f"absent: {name}: {effect}" for name, effect in _ABSENT_TABLE.items() if not book[name].num_rows]
    return "\n".join(lines)


def effect_of_absence(table: str, column: str = "") -> str:
    """Describe the effect of an absent table or column; empty where there is no notable effect.

    Examples
    --------
    >>> effect_of_absence("patents", "owners")
    'portfolio features are missing, and self-citations count as others'
    """
    return _ABSENT_COLUMN.get(f"{table}.{column}", "") if column else _ABSENT_TABLE.get(table, "")


def _empty_columns(book: Book, name: str) -> list[str]:
    table = book[name]
    empty = [c for c in table.column_names if table.num_rows and table[c].null_count == table.num_rows]
    return [f"  without any value: {', '.join(empty)}"] if empty else []
