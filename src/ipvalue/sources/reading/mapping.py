"""Which column of the book stands under which header: one table a format, for reading, ``sniff`` and docstrings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from ipvalue.errors import SourceError
from ipvalue.records.validate import nearest

__all__ = ["Columns", "Field", "documented", "plain_header"]

Converter = Callable[[pa.Array], pa.Array]
_NOISE = re.compile(r"[\W_]+")
_Function = TypeVar("_Function", bound=Callable[..., object])
_MARK = "{columns}"


def plain_header(header: str) -> str:
    """Reduce a header to its letters and digits: case, width, spaces, brackets and marks don't count.

    Examples
    --------
    >>> plain_header("\\ufeff公开（公告）号 ") == plain_header("公开(公告)号"), plain_header("Cited_Count")
    (True, 'citedcount')
    """
    return _NOISE.sub("", unicodedata.normalize("NFKC", header).casefold())


@dataclass(frozen=True)
class Field:
    """One column of the book and where it comes from.

    Parameters
    ----------
    target : str
        Column of the book's table, or a name of the reader's own for what it reads and makes columns of itself.
    headers : tuple of str
        Headers under which it stands, the usual one first; case, width, spaces and brackets don't count.
    convert : callable, optional
        From text to the column, whole arrays at a time (:mod:`ipvalue.sources.reading.converters`).
    required : bool
        Without it the file is not of the format.
    note : str
        What is assumed, for the docstring.
    own : bool
        True where ``target`` is no column of the book.
    gives : str
        For such a one, the column of the book that the reader makes of it, as ``table.column`` where it is one of
        another table; empty for none.
    """

    target: str
    headers: tuple[str, ...]
    convert: Converter | None = None
    required: bool = False
    note: str = ""
    own: bool = False
    gives: str = ""

    @property
    def column(self) -> str:
        """The column of the book that it fills; empty for none."""
        return self.gives if self.own else self.target


@dataclass(frozen=True)
class Columns:
    """The mapping of one kind of file to one table of the book.

    Parameters
    ----------
    table : str
        Table of the book.
    fields : tuple of Field
    part : str
        Name of this file among those of the format, such as ``g_patent``; empty where there is one kind only.

    Examples
    --------
    >>> columns = Columns("patents", (Field("patent_id", ("Publication Number",), required=True),
    ...                               Field("owners", ("Applicants", "申请（专利权）人"))))
    >>> columns.match(["#", "publication_number", "申请(专利权)人"])
    {'patent_id': 'publication_number', 'owners': '申请(专利权)人'}
    """

    table: str
    fields: tuple[Field, ...]
    part: str = ""

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def match(self, header: Sequence[str]) -> dict[str, str]:
        """Header of each target that the file has; of several variants the first listed that is there."""
        there: dict[str, str] = {}
        for name in header:
            there.setdefault(plain_header(name), name)
        found: dict[str, str] = {}
        for field in self.fields:
            for variant in field.headers:
                if field.target not in found and plain_header(variant) in there:
                    found[field.target] = there[plain_header(variant)]
        return found

    def missing(self, header: Sequence[str]) -> list[Field]:
        """The required fields that the file lacks."""
        found = self.match(header)
        return [field for field in self.fields if field.required and field.target not in found]

    def require(self, place: str, header: Sequence[str]) -> dict[str, str]:
        """As :meth:`match`, with a ``SourceError`` where a required header is absent."""
        absent = self.missing(header)
        if absent:
            wanted = absent[0].headers[0]
            raise SourceError(
                f"{place} lacks the column {wanted!r}{nearest(wanted, list(header))}; "
                f"its columns: {', '.join(repr(h) for h in list(header)[:12])}"
            )
        return self.match(header)

    def apply(self, batch: pa.RecordBatch | pa.Table, found: dict[str, str]) -> dict[str, pa.Array]:
        """Columns of the book from a batch of text, converted; those that the file lacks are left out."""
        result: dict[str, pa.Array] = {}
        for field in self.fields:
            if field.target in found:
                values = batch.column(found[field.target])
                values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
                result[field.target] = field.convert(values) if field.convert else values
        return result

    def lines(self) -> list[tuple[str, str]]:
        """Pairs of column and header for people."""
        return [
            (
                f.column if "." in f.column else f"{self.table}.{f.column}" if f.column else "-",
                ", ".join(f.headers[:3]) + (" (required)" if f.required else "") + (f"; {f.note}" if f.note else ""),
            )
            for f in self.fields
        ]


def documented(*parts: Columns) -> Callable[[_Function], _Function]:
    """Write the mapping into a reader's docstring, in place of the line ``{columns}``."""

    def decorate(function: _Function) -> _Function:
        if function.__doc__:
            rows = [line for part in parts for line in part.lines()]
            width = max(len(left) for left, _ in rows) + 2
            longest = max(len(right) for _, right in rows)
            rule = f"{'=' * (width - 2)}  {'=' * longest}"
            table = [rule, f"{'column':<{width}}header", rule, *(f"{a:<{width}}{b}" for a, b in rows), rule]
            indent = re.search(r"^( *)\{columns\}", function.__doc__, re.MULTILINE)
            before = indent[1] if indent else ""
            function.__doc__ = function.__doc__.replace(before + _MARK, "\n".join(before + line for line in table))
        return function

    return decorate
