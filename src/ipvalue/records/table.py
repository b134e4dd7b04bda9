"""What a column and a table of the schema are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Column", "Kind", "Table"]

Kind = Literal["id", "code", "text", "integer", "number", "date", "list", "flag"]

_FIRST_DATE = "1790-01-01"  # the first patent statute of the United States is of 1790
_LAST_DATE = "2200-01-01"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name, kind, meaning : str
        ``kind`` is id, code, text, integer, number, date, list (of strings) or flag.
    unit : str
        What one unit of the number is; empty where there is none.
    required : bool
        A table without this column is refused, and a row without a value is set aside.
    lower, upper : float
        Closed range of a number or integer.
    codes : tuple of str
        The closed set of a code column; empty where ``pattern`` decides.
    pattern : str
        Regular expression that a code must match as a whole.
    max_length : int
        Longest text in characters (for a list: of each element).
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    lower: float | None = None
    upper: float | None = None
    codes: tuple[str, ...] = ()
    pattern: str = ""
    max_length: int = 200

    @property
    def earliest(self) -> str:
        """Earliest date that a date column takes."""
        return _FIRST_DATE

    @property
    def latest(self) -> str:
        """Latest date that a date column takes."""
        return _LAST_DATE

    def arrow_type(self) -> pa.DataType:
        """Arrow type in which the column is kept."""
        import pyarrow as pa

        types: dict[str, pa.DataType] = {
            "id": pa.string(),
            "code": pa.string(),
            "text": pa.large_string(),  # the wording of many claims is longer than offsets of 32 bits reach
            "integer": pa.int32(),
            "number": pa.float64(),
            "date": pa.date32(),
            "list": pa.list_(pa.string()),
            "flag": pa.bool_(),
        }
        return types[self.kind]

    @property
    def range_text(self) -> str:
        """The permitted values, for people."""
        if self.codes:
            return ", ".join(self.codes)
        if self.kind == "date":
            return f"{self.earliest} to {self.latest}"
        if self.lower is None and self.upper is None:
            return self.pattern
        low = "" if self.lower is None else f"{self.lower:g}"
        high = "" if self.upper is None else f"{self.upper:g}"
        return f"{low} to {high}".strip()


@dataclass(frozen=True)
class Table:
    """One table: its columns, its key, and how its rows belong to patents.

    Parameters
    ----------
    name, meaning : str
        The name as in ``Book(name=...)`` and what a row is.
    columns : dict of str to Column
        In the order in which they are kept.
    key : tuple of str
        Columns that name a row; two rows with one key and other values can't both stand. Empty: rows
        are told apart by all their values.
    patent_columns : tuple of str
        Columns that hold a patent_id of the book. With ``any_patent`` one of them is enough.
    known_column : str
        The date from which a row is known; empty where the snapshot has a rule of its own.
    """

    name: str
    meaning: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    patent_columns: tuple[str, ...] = ()
    known_column: str = ""
    required: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        needed = tuple(c.name for c in self.columns.values() if c.required)
        object.__setattr__(self, "required", needed)

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema in which the table is kept and written."""
        import pyarrow as pa

        return pa.schema([pa.field(c.name, c.arrow_type()) for c in self.columns.values()])
