"""What every reader's book must satisfy, whatever the source."""

from __future__ import annotations

import csv
from pathlib import Path

import ipvalue as ipv
from ipvalue.records.schema import TABLES


def assert_canonical(book: ipv.Book, folder: Path) -> None:
    """The book is in the schema's types, needs no more coercion, and survives Parquet unchanged."""
    for name, table in book.tables.items():
        assert table.schema.equals(TABLES[name].arrow_schema()), name
    again = ipv.Book(**book.tables)
    assert again.rejects.empty and not again.duplicates and not again.ignored
    assert again.fingerprint == book.fingerprint
    ipv.write_book(book, folder / "book")
    assert ipv.read_book(folder / "book").fingerprint == book.fingerprint


def kept_and_refused(book: ipv.Book, table: str) -> int:
    """Rows of a table that are accounted for: kept, refused, or dropped as exact repeats."""
    refused = int((book.rejects["table"] == table).sum())
    return book[table].num_rows + refused + book.duplicates.get(table, 0)


def write_rows(folder: Path, rows: list[dict[str, str]], encoding: str = "utf-8-sig", name: str = "list.csv") -> Path:
    """A delimited list with the keys of all rows as header, in the order in which they first come."""
    path = folder / name
    header = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)
    return path
