"""From the tables of a source, and the rows that it refused, to a book; and several books to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd
import pyarrow as pa

from ipvalue.errors import BookError, SourceError
from ipvalue.records.book import Book
from ipvalue.records.schema import TABLES
from ipvalue.records.validate import empty_rejects
from ipvalue.sources.joining.merge import one_row_a_patent
from ipvalue.sources.reading.delimited import DelimitedTable
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.mapping import Columns
from ipvalue.sources.reading.refusals import Refusal, refused_rows
from ipvalue.sources.reading.spreadsheets import SheetTable, is_spreadsheet

__all__ = ["AnyTable", "assemble", "combine", "mapped", "one_input", "open_table"]

AnyTable = DelimitedTable | SheetTable


def open_table(source: Input, parts: Sequence[Columns], *, delimiter: str = "", quoted: bool = True) -> AnyTable:
    """Open a table of text, a workbook's sheet or a delimited file, by how it begins."""
    if is_spreadsheet(source):
        return SheetTable(source, parts)
    return DelimitedTable(source, parts, delimiter=delimiter, quoted=quoted)


def mapped(table: AnyTable, columns: Columns) -> Iterator[pa.Table]:
    """Batches of a table in the columns of the book, by a mapping; ``SourceError`` where it lacks a required header."""
    found = columns.require(table.place, table.header)
    for batch in table.batches(list(dict.fromkeys(found.values()))):
        yield pa.table(columns.apply(batch, found))


def assemble(
    tables: Mapping[str, pa.Table | Iterable[pa.Table]],
    refusals: Mapping[str, list[Refusal]] | None = None,
    *,
    strict: bool = False,
) -> Book:
    """Make a book of a source's tables.

    Parameters
    ----------
    tables : mapping of str to table or tables
        By table of the book, whole or in parts with the same columns. Without ``patents``, as in market data, the
        book has none.
    refusals : mapping of str to list of Refusal, optional
        What the source could not read, by table. Read after the tables, which may be generators that fill it.
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book

    Examples
    --------
    >>> book = assemble({"fx": pa.table({"date": ["2024-01-02"], "currency": ["EUR"], "rate": ["1.09"]})})
    >>> len(book), book["fx"]["rate"].to_pylist()
    (0, [1.09])
    """
    whole = {name: _whole(name, parts) for name, parts in tables.items()}
    whole.setdefault("patents", TABLES["patents"].arrow_schema().empty_table())
    refused = [refused_rows(name, rows) for name, rows in (refusals or {}).items() if rows]
    return Book(**whole, strict=strict, refused=pd.concat(refused, ignore_index=True) if refused else None)


def _whole(name: str, parts: pa.Table | Iterable[pa.Table]) -> pa.Table:
    """One table of the parts; a required column that none has is there without a value, so that rows are refused."""
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
    """Make one book of several, such as grants with their fees, or patents of one source and market data of another.

    Parameters
    ----------
    *books : Book
    strict : bool, default False
        Raise where two of them contradict each other.

    Returns
    -------
    Book
        A patent that stands in several is one row: each column has the first book's value, or of the next ones what
        the first leaves open. Where a later book says otherwise, that is in ``rejects`` (``duplicate_key``), with all
        that the books refused themselves. Of the other tables, rows that stand in several are kept once; where two
        have one key and other values, the first in sorted order stands.

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
        raise BookError("no book is given")
    tables = {
        name: pa.concat_tables([book[name] for book in books])
        for name in TABLES
        if name == "patents" or any(name in book.tables for book in books)
    }
    tables["patents"], contradictions = one_row_a_patent(tables["patents"])
    rejects = [
        frame for frame in (*(book.rejects for book in books), refused_rows("patents", contradictions)) if len(frame)
    ]
    return Book(**tables, strict=strict, refused=pd.concat(rejects, ignore_index=True) if rejects else empty_rejects())


def one_input(found: list[Input], what: str) -> Input:
    """The only file of several that were found; ``SourceError`` where there are more."""
    if len(found) > 1:
        names = ", ".join(i.name for i in found[:5])
        raise SourceError(f"{what} is one file, but there are {len(found)}: {names}; give one of them")
    return found[0]
