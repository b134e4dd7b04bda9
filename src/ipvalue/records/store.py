"""A book on disk: Parquet shards that can each be valued alone.

``book/book.json`` is the manifest: format, fingerprint, shard count, and SHA-256 of every file.
``book/shard-00007/<table>.parquet`` holds the rows of the shard's patents. A citation between two shards is
written into both, since it is a forward citation there and a backward citation here; rows that belong to no
patent (licences, market data) are written once, into ``book/shared/``.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.errors import ArtifactError, BookError
from ipvalue.records.book import Book
from ipvalue.records.order import index_of
from ipvalue.records.schema import TABLES
from ipvalue.records.validate import refuse_overflow, sort_table
from ipvalue.types import Ints, Objects

__all__ = ["BookOnDisk", "file_digest", "read_book", "shard_of", "write_book"]

FORMAT = 1
_MANIFEST = "book.json"


def shard_of(patent_ids: Objects, shards: int) -> Ints:
    """Assign patents to shards by the CRC-32 of their identifier, whatever else the book holds.

    Examples
    --------
    >>> shard_of(np.array(["CN-1-B", "CN-2-B"], object), 1).tolist()
    [0, 0]
    """
    codes = np.fromiter((zlib.crc32(i.encode()) for i in patent_ids), np.int64, len(patent_ids))
    return codes % shards


def write_book(book: Book, path: str | os.PathLike[str], *, shards: int = 16) -> None:
    """Write a book as Parquet shards.

    Parameters
    ----------
    book : Book
        The book.
    path : path
        A folder that does not exist or is empty. It is written completely or not at all.
    shards : int, default 16
        Parts of the book. 10,000 to 50,000 patents a shard suit a batch.

    Raises
    ------
    BookError
        If the folder holds files, it can't be written, or ``shards`` is not a positive integer.

    Examples
    --------
    >>> import ipvalue as ipv, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "book"
    >>> book = ipv.synthetic_book(50, seed=1)
    >>> ipv.write_book(book, folder, shards=2)
    >>> ipv.read_book(folder).fingerprint == book.fingerprint
    True
    """
    target = Path(path).absolute()
    if isinstance(shards, bool) or not isinstance(shards, int | np.integer) or shards < 1:
        raise BookError(f"shards={shards!r}: the number of shards must be an integer, at least 1")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BookError(f"{target} is not an empty folder; choose another one or remove it first")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as room:
            draft = Path(room) / target.name
            draft.mkdir()
            _write(book, draft, int(shards))
            if target.exists():
                target.rmdir()
            draft.rename(target)
    except OSError as error:
        raise BookError(f"{target} can't be written: {error}") from error


def _write(book: Book, folder: Path, shards: int) -> None:
    owner = shard_of(np.asarray(book["patents"]["patent_id"].to_numpy(), object), shards)
    for name, table in book.tables.items():
        for place, part in _parts(book, name, table, owner, shards):
            (folder / place).mkdir(exist_ok=True)
            pq.write_table(part, folder / place / f"{name}.parquet", compression="zstd")
    files = sorted(p for p in folder.rglob("*.parquet"))
    manifest = {
        "format": FORMAT,
        "fingerprint": book.fingerprint,
        "patents": len(book),
        "shards": shards,
        "rows": {name: t.num_rows for name, t in book.tables.items()},
        "rejects": _count_rejects(book),
        "files": {p.relative_to(folder).as_posix(): file_digest(p) for p in files},
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1))


def _count_rejects(book: Book) -> dict[str, int]:
    """Refused rows by table, column and code."""
    rejects = book.rejects
    kinds = (f"{t}.{c} {code}" for t, c, code in zip(rejects["table"], rejects["column"], rejects["code"]))
    return dict(sorted(Counter(kinds).items()))


def read_book(path: str | os.PathLike[str]) -> Book:
    """Read all shards of a book that :func:`write_book` wrote.

    Parameters
    ----------
    path : path
        The book's folder.

    Returns
    -------
    Book
        The same book, to the bit.

    Raises
    ------
    ArtifactError
        If the folder is not a book, or a file is missing, damaged or not in the manifest.
    """
    disk = BookOnDisk(path)
    book = disk.read(range(disk.shards))
    if book.fingerprint != disk.fingerprint:
        raise ArtifactError(f"{disk.path} is damaged: the fingerprint of its content is not the manifest's")
    return book


class BookOnDisk:
    """A book's folder: its manifest, and its shards, which are read on demand.

    Parameters
    ----------
    path : path
        The book's folder.

    Attributes
    ----------
    shards, patents : int
    fingerprint : str
    rows, rejects : dict of str to int
        Rows by table; rows that were refused when the book was made, by table, column and code.

    Raises
    ------
    ArtifactError
        If the folder is not a book.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self.manifest: dict[str, Any] = json.loads((self.path / _MANIFEST).read_text(encoding="utf-8"))
            if self.manifest["format"] != FORMAT:
                raise ValueError(f"it is of format {self.manifest['format']!r}, and {FORMAT} is read here")
            self.shards = int(self.manifest["shards"])
            self.fingerprint = str(self.manifest["fingerprint"])
            self.patents = int(self.manifest["patents"])
            self.rows: dict[str, int] = dict(self.manifest.get("rows", {}))
            self.rejects: dict[str, int] = dict(self.manifest.get("rejects", {}))
            self.files: dict[str, str] = dict(self.manifest["files"])
        except FileNotFoundError as error:
            raise ArtifactError(
                f"{self.path} is not a book: it holds no {_MANIFEST}; write one with write_book"
            ) from error
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ArtifactError(f"{self.path / _MANIFEST} is damaged: {error}") from error

    def read(
        self, shards: Sequence[int], *, tables: Sequence[str] | Mapping[str, Sequence[str] | None] = tuple(TABLES)
    ) -> Book:
        """Read some shards as one book, and verify their files against the manifest.

        Parameters
        ----------
        tables : sequence of str, or mapping of str to sequence of str
            Tables to read; all by default. A mapping gives the columns of each table (None for all of them): the other
            columns are null, so that such a book must not be written or valued.

        Raises
        ------
        BookError
            If there is no such shard.
        ArtifactError
            If a file is missing, damaged or not in the manifest.
        """
        strange = [s for s in shards if not 0 <= s < self.shards]
        if strange:
            raise BookError(f"the book {self.path} has the shards 0 to {self.shards - 1}, and no shard {strange[0]}")
        self._refuse_strangers([f"shard-{s:05d}" for s in shards])
        found: dict[str, pa.Table] = {}
        wanted = tables if isinstance(tables, Mapping) else dict.fromkeys(tables)
        for name, columns in wanted.items():
            spec = TABLES[name]
            places = [f"shard-{s:05d}/{name}.parquet" for s in shards] + [f"shared/{name}.parquet"]
            parts = [self._read(place, len(shards) > 1, columns) for place in places if place in self.files]
            if parts:
                filled = [_filled(part, name) for part in parts]
                table = pa.concat_tables([part.cast(spec.arrow_schema()) for part in filled])
                # one shard is in canonical order already; several are sorted again, and a row that appears in two of
                # them is taken once
                found[name] = table.combine_chunks() if len(parts) == 1 else _merge(name, table)
        found.setdefault("patents", TABLES["patents"].arrow_schema().empty_table())
        return Book.from_canonical(found)

    def shard_digest(self, shard: int) -> str:
        """SHA-256 over the names and hashes of the files of a shard, including the shared ones."""
        mine = [f for f in sorted(self.files.items()) if f[0].startswith((f"shard-{shard:05d}/", "shared/"))]
        return hashlib.sha256(json.dumps(mine).encode()).hexdigest()

    def _read(self, place: str, threads: bool, columns: Sequence[str] | None) -> pa.Table:
        file = self.path / place
        try:
            content = file.read_bytes()
        except FileNotFoundError as error:
            raise ArtifactError(f"the book {self.path} lacks its file {place}; write the book again") from error
        except OSError as error:
            raise ArtifactError(f"{file} can't be read: {error}") from error
        # parse the same bytes that were hashed
        if hashlib.sha256(content).hexdigest() != self.files[place]:
            raise ArtifactError(f"{file} is damaged: its SHA-256 is not the manifest's; write the book again")
        try:
            # a batch runs one worker a processor, so that further threads would only compete with them
            names = None if columns is None else list(columns)
            return pq.read_table(pa.BufferReader(content), columns=names, partitioning=None, use_threads=threads)
        except (pa.ArrowException, OSError) as error:
            raise ArtifactError(f"{file} is damaged: {error}; write the book again") from error

    def _refuse_strangers(self, folders: Sequence[str]) -> None:
        for folder in [*folders, "shared"]:
            for file in sorted((self.path / folder).glob("*.parquet")):
                if f"{folder}/{file.name}" not in self.files:
                    raise ArtifactError(f"{file} is not in the manifest: remove it, or write the book again")


def _filled(table: pa.Table, name: str) -> pa.Table:
    """The table with all columns of its schema; those that were not read, or that came after its writing, are null.

    Raises
    ------
    ArtifactError
        If it has a column that this version does not know.
    """
    schema = TABLES[name].arrow_schema()
    strange = sorted({*table.column_names} - {*schema.names})
    if strange:
        raise ArtifactError(f"the table {name} on disk has a column {strange[0]!r} that this version does not know")
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(schema.names)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _merge(name: str, table: pa.Table) -> pa.Table:
    refuse_overflow(TABLES[name], table)
    return table.take(pa.array(sort_table(TABLES[name], table.combine_chunks()).rows)).combine_chunks()


def _parts(book: Book, name: str, table: pa.Table, owner: Ints, shards: int) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each shard, with its folder; a table without patents is shared by all shards."""
    columns = ("patent_id",) if name == "family_members" else TABLES[name].patent_columns
    if not columns:
        yield "shared", table
        return
    lists = [_shards_of_rows(book, name, table, column, owner) for column in columns]
    for shard in range(shards):
        mine = np.zeros(table.num_rows, bool)
        for rows, homes in lists:
            mine[rows[homes == shard]] = True
        yield f"shard-{shard:05d}", table.filter(pa.array(mine))


def _shards_of_rows(book: Book, name: str, table: pa.Table, column: str, owner: Ints) -> tuple[Ints, Ints]:
    """Row numbers and the shard in which each is needed; a row may be needed in several shards."""
    if name == "family_members":
        return _shards_of_families(book, table, owner)
    place = index_of(table[column], book["patents"]["patent_id"].combine_chunks())
    rows = np.flatnonzero(place >= 0)
    return rows, owner[place[rows]]


def _shards_of_families(book: Book, table: pa.Table, owner: Ints) -> tuple[Ints, Ints]:
    """A family's rows go to every shard that holds a patent of the family."""
    families = table["family_id"].unique()
    of_row = index_of(table["family_id"], families)
    of_patent = index_of(book["patents"]["family_id"], families)
    known = of_patent >= 0
    pairs = np.unique(np.stack([of_patent[known], owner[known]]), axis=1)
    order = np.argsort(of_row, kind="stable")
    low = np.searchsorted(of_row[order], pairs[0], "left")
    counts = np.searchsorted(of_row[order], pairs[0], "right") - low
    pointers = np.concatenate([[0], np.cumsum(counts)])
    rows = order[np.arange(pointers[-1]) + np.repeat(low - pointers[:-1], counts)]
    return rows, np.repeat(pairs[1], counts)
