"""Column mappings: which header of a file fills which column of the book.

The mappings are in ``sources/tables/<format>.csv``. Readers, :func:`ipvalue.sniff` and the readers' docstrings all use
the same mapping, so that a header of a new edition is added in one place.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TypeVar

import pyarrow as pa

from ipvalue.errors import SourceError
from ipvalue.records.validate import nearest
from ipvalue.sources.reading import converters as standard
from ipvalue.sources.reading.converters import Converter

__all__ = ["Columns", "Field", "documented", "plain_header", "read_mappings"]

_NOISE = re.compile(r"[\W_]+")
_Function = TypeVar("_Function", bound=Callable[..., object])
# what most readers' docstrings have in common
_STRICT = """\
strict : bool, default False
    Raise an error on the first row or document that is rejected."""
_RAISES = """\
Raises
------
SourceError
    If a file cannot be read, or no file has this format.
BookError
    With ``strict``, if anything is rejected."""


def plain_header(header: str) -> str:
    """Reduce a header to its letters and digits. Case, width, spaces, brackets and punctuation are ignored.

    Examples
    --------
    >>> plain_header("\\ufeff公开（公告）号 ") == plain_header("公开(公告)号"), plain_header("Cited_Count")
    (True, 'citedcount')
    """
    return _NOISE.sub("", unicodedata.normalize("NFKC", header).casefold())


@dataclass(frozen=True)
class Field:
    """One column of the book and the headers it is read from.

    Parameters
    ----------
    target : str
        Column of the book's table, or an internal name for a column that the reader processes further.
    headers : str
        Possible headers, the most common one first, separated by `` | ``.
    convert : callable, optional
        Converts the text to the column's values, one Arrow array at a time
        (:mod:`ipvalue.sources.reading.converters`).
    required : bool
        Whether a file without this column is not of the format.
    note : str
        Remark for the docstring.
    gives : str, optional
        Only if ``target`` is an internal name: the column of the book that the reader derives from it
        (``table.column`` if it belongs to another table), or an empty string if there is none.
    """

    target: str
    headers: str
    convert: Converter | None = None
    required: bool = False
    note: str = ""
    gives: str | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The possible headers."""
        return tuple(self.headers.split(" | "))

    @cached_property
    def plain_names(self) -> tuple[str, ...]:
        """The possible headers, as :func:`plain_header` reduces them."""
        return tuple(map(plain_header, self.names))

    @property
    def internal(self) -> bool:
        """Whether ``target`` is an internal name and not a column of the book."""
        return self.gives is not None

    @property
    def column(self) -> str:
        """The column of the book that is filled; empty if there is none."""
        return self.target if self.gives is None else self.gives


@dataclass(frozen=True)
class Columns:
    """The mapping of one kind of file to one table of the book.

    Parameters
    ----------
    table : str
        Table of the book.
    fields : tuple of Field
    part : str
        Name of this kind of file within the format, such as ``g_patent``; empty if the format has only one kind.

    Examples
    --------
    >>> columns = Columns("patents", (Field("patent_id", "Publication Number", required=True),
    ...                               Field("owners", "Applicants | 申请（专利权）人")))
    >>> columns.match(["#", "publication_number", "申请(专利权)人"])
    {'patent_id': 'publication_number', 'owners': '申请(专利权)人'}
    """

    table: str
    fields: tuple[Field, ...]
    part: str = ""

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def match(self, header: Sequence[str]) -> dict[str, str]:
        """The file's header of each target that it has. Of several possible headers, the first listed one counts."""
        present: dict[str, str] = {}
        for name in header:
            present.setdefault(plain_header(name), name)
        found: dict[str, str] = {}
        for field in self.fields:
            for plain in field.plain_names:
                if plain in present:
                    found.setdefault(field.target, present[plain])
        return found

    def missing(self, header: Sequence[str]) -> list[Field]:
        """The required fields that the file does not have."""
        found = self.match(header)
        return [field for field in self.fields if field.required and field.target not in found]

    def require(self, place: str, header: Sequence[str]) -> dict[str, str]:
        """As :meth:`match`, but raises ``SourceError`` if a required header is missing."""
        absent = self.missing(header)
        if absent:
            wanted = absent[0].names[0]
            raise SourceError(
                f"{place} does not have the column {wanted!r}; its columns are "
                f"{', '.join(repr(h) for h in list(header)[:12])}{nearest(wanted, list(header))}"
            )
        return self.match(header)

    def apply(self, batch: pa.RecordBatch | pa.Table, found: dict[str, str]) -> dict[str, pa.Array]:
        """Convert a batch of text to columns of the book. Columns that the file does not have are left out."""
        result: dict[str, pa.Array] = {}
        for field in self.fields:
            if field.target in found:
                values = batch.column(found[field.target])
                values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
                result[field.target] = field.convert(values) if field.convert else values
        return result

    def lines(self) -> list[tuple[str, str]]:
        """Pairs of column and headers, for the docstring."""
        return [
            (
                f.column if "." in f.column else f"{self.table}.{f.column}" if f.column else "-",
                ", ".join(f.names[:3]) + (" (required)" if f.required else "") + (f"; {f.note}" if f.note else ""),
            )
            for f in self.fields
        ]


def read_mappings(name: str, **converters: Converter) -> tuple[Columns, ...]:
    """Read the mappings of a format from ``sources/tables/<name>.csv``, one for each part.

    In the file, ``convert`` names one of ``converters``, or else a function of
    :mod:`ipvalue.sources.reading.converters`. ``gives`` is ``-`` for an internal name without a column of the book.

    Examples
    --------
    >>> [(columns.part, len(columns.fields)) for columns in read_mappings("exchange_rates")]
    [('data portal', 5)]
    """
    file = resources.files("ipvalue.sources") / "tables" / f"{name}.csv"
    parts: dict[tuple[str, str], list[Field]] = {}
    for row in csv.DictReader(file.read_text("utf-8").splitlines()):
        convert = converters.get(row["convert"]) or getattr(standard, row["convert"] or "-", None)
        gives = {"": None, "-": ""}.get(row["gives"], row["gives"])
        field = Field(row["target"], row["headers"], convert, row["required"] == "yes", row["note"], gives)
        parts.setdefault((row["table"], row["part"]), []).append(field)
    return tuple(Columns(table, tuple(fields), part) for (table, part), fields in parts.items())


def documented(*parts: Columns) -> Callable[[_Function], _Function]:
    """Complete a reader's docstring.

    The line ``{columns}`` becomes the table of the mapping, ``{strict}`` the description of that parameter, and
    ``{raises}`` the section of errors that most readers share.
    """

    def decorate(function: _Function) -> _Function:
        blocks = {"strict": _STRICT, "raises": _RAISES, "columns": _column_table(parts) if parts else ""}
        for name, block in blocks.items():
            text = function.__doc__ or ""  # absent under ``python -OO``
            if mark := re.search(rf"^( *)\{{{name}\}}$", text, re.MULTILINE):
                lines = "\n".join(mark[1] + line if line else line for line in block.split("\n"))
                function.__doc__ = text[: mark.start()] + lines + text[mark.end() :]
        return function

    return decorate


def _column_table(parts: Sequence[Columns]) -> str:
    rows = [line for part in parts for line in part.lines()]
    width = max(len(left) for left, _ in rows) + 2
    rule = f"{'=' * (width - 2)}  {'=' * max(len(right) for _, right in rows)}"
    return "\n".join([rule, f"{'column':<{width}}header", rule, *(f"{a:<{width}}{b}" for a, b in rows), rule])
