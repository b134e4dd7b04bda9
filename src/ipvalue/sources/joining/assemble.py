"""From the tables of a source and its rejects to a book, and from several books to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import BookError, Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.records.order import rank
from ipvalue.records.schema import TABLES
from ipvalue.records.validate import empty_rejects
from ipvalue.sources.reading.delimited import DelimitedTable
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.mapping import Columns
from ipvalue.sources.reading.rejects import Reject, reject_rows
from ipvalue.sources.reading.spreadsheets import SheetTable, is_spreadsheet
from ipvalue.types import Ints, Mask

__all__ = ["AnyTable", "assemble", "combine", "mapped", "one_input", "open_table", "one_row_a_patent"]

AnyTable = DelimitedTable | SheetTable


def open_table(source: Input, parts: Sequence[Columns], *, delimiter: str = "", quoted: bool = True) -> AnyTable:
    """Open a workbook's sheet or a delimited file, from its first bytes."""
    if is_spreadsheet(source):
        return SheetTable(source, parts)
    return DelimitedTable(source, parts, delimiter=delimiter, quoted=quoted)


def mapped(table: AnyTable, columns: Columns) -> Iterator[pa.Table]:
    """Batches of a table in columns of the book; ``SourceError`` if a required header is missing."""
    found = columns.require(table.place, table.header)
    for batch in table.batches(list(dict.fromkeys(found.values()))):
        yield pa.table(columns.apply(batch, found))


def assemble(
    tables: Mapping[str, pa.Table | Iterable[pa.Table]],
    rejects: Mapping[str, list[Reject]] | None = None,
    *,
    strict: bool = False,
) -> Book:
    """Make a book from the tables of a source.

    Parameters
    ----------
    tables : mapping of str to table or tables
        Tables of the book, each as one table or in parts. Without ``patents``, as in market data, the book has no
        patents.
    rejects : mapping of str to list of Reject, optional
        What the source could not read, by table. It is used after the tables, which may be generators that fill it.
    strict : bool, default False
        Raise an error on the first row that is rejected.

    Returns
    -------
    Book

    Examples
    --------
    >>> book = assemble({"fx": pa.table({"date": ["2024-01-02"], "currency": ["EUR"], "rate": ["1.09"]})})
    >>> len(book), book["fx"]["rate"].to_pylist()
    (0, [1.09])
    """
    complete = {name: _one_table(name, parts) for name, parts in tables.items()}
    complete.setdefault("patents", TABLES["patents"].arrow_schema().empty_table())
    frames = [reject_rows(name, rows) for name, rows in (rejects or {}).items() if rows]
    return Book(**complete, strict=strict, refused=pd.concat(frames, ignore_index=True) if frames else None)


def _one_table(name: str, parts: pa.Table | Iterable[pa.Table]) -> pa.Table:
    """One table of several parts. A required column that no part has is added empty, so that its rows are rejected."""
    if not isinstance(parts, pa.Table):
        some = list(parts)
        parts = pa.concat_tables(some, promote_options="default") if some else pa.table({})
    if not parts.num_columns:
        return TABLES[name].arrow_schema().empty_table()
    for required in TABLES[name].required:
        if required not in parts.column_names:
            parts = parts.append_column(required, pa.nulls(parts.num_rows, pa.string()))
    return parts


def combine(*books: Book, strict: bool = False) -> Book:
    """Combine several books into one, such as grants with their fees, or patents with market data.

    Parameters
    ----------
    *books : Book
    strict : bool, default False
        Raise an error if two books contradict each other.

    Returns
    -------
    Book
        A patent that is in several books is one row. Each column has the value of the first book that has one. A
        different value in a later book is in ``rejects`` (``duplicate_key``), together with the rejects of all books.
        In the other tables, a row that is in several books is used once. Of two rows with the same key and different
        values, the first in sorted order is used.

    Raises
    ------
    BookError
        If no book is given.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(50, seed=1)
    >>> rates = assemble({"fx": pa.table({"date": ["1999-01-04"], "currency": ["EUR"], "rate": ["1.1789"]})})
    >>> len(combine(book, rates)), combine(book, rates)["fx"].num_rows - book["fx"].num_rows
    (50, 1)
    """
    if not books:
        raise BookError("no book is given; pass one or more books")
    tables = {
        name: pa.concat_tables([book[name] for book in books])
        for name in TABLES
        if name == "patents" or any(name in book.tables for book in books)
    }
    tables["patents"], contradictions = one_row_a_patent(tables["patents"])
    rejects = [
        frame for frame in (*(book.rejects for book in books), reject_rows("patents", contradictions)) if len(frame)
    ]
    return Book(**tables, strict=strict, refused=pd.concat(rejects, ignore_index=True) if rejects else empty_rejects())


def one_input(found: list[Input], what: str) -> Input:
    """The one file that was found; ``SourceError`` if there are several."""
    if len(found) > 1:
        names = ", ".join(i.name for i in found[:5])
        raise SourceError(f"{what} must be one file, but there are {len(found)}: {names}; pass one of them")
    return found[0]


def one_row_a_patent(table: pa.Table) -> tuple[pa.Table, list[Reject]]:
    """Merge the rows of each patent: every column has its first value. Different later values are rejected.

    Examples
    --------
    >>> rows = pa.table({"patent_id": ["US-1", "US-1"], "kind": [None, "B2"], "n_claims": [3, 4]})
    >>> merged, rejects = one_row_a_patent(rows)
    >>> merged.to_pylist(), [(r.column, r.value) for r in rejects]
    ([{'patent_id': 'US-1', 'kind': 'B2', 'n_claims': 3}], [('n_claims', 'US-1: 4')])
    """
    encoded = pc.dictionary_encode(table["patent_id"].combine_chunks())
    patent = np.asarray(encoded.indices, np.int64)
    n_patents = len(encoded.dictionary)
    if n_patents == table.num_rows:
        return table, []
    columns: dict[str, pa.Array] = {"patent_id": encoded.dictionary}
    rejects: list[Reject] = []
    for name in table.column_names:
        if name == "patent_id":
            continue
        values = table[name].combine_chunks()
        there = np.asarray(pc.is_valid(values).to_numpy(zero_copy_only=False), bool)
        place = _first(patent, there, n_patents)
        columns[name] = values.take(pa.array(np.maximum(place, 0), mask=place < 0))
        ranks = rank(values)
        for row in np.flatnonzero(there & (ranks != ranks[np.maximum(place, 0)][patent])).tolist():
            value = f"{table['patent_id'][row]}: {values[row]}"
            detail = "an earlier row of the patent has another value"
            rejects.append(Reject(row, name, value, Reason.DUPLICATE_KEY, detail))
    return pa.table(columns).select(table.column_names), rejects


def _first(patent: Ints, there: Mask, n_patents: int) -> Ints:
    """The first row of each patent with a value; -1 if there is none."""
    rows = np.flatnonzero(there)[::-1]
    place = np.full(n_patents, -1, np.int64)
    place[patent[rows]] = rows  # the last assignment, which is the first row of the table, remains
    return place
