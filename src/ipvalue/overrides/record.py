"""Overrides of values by experts, and sets of them: justified, dated, versioned, hashed, and read from rows."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ipvalue.assumptions.figures import FigureSet
from ipvalue.errors import REASONS, IpvalueError, OverrideError, Reason, SchemaError
from ipvalue.records.arrow import to_arrow
from ipvalue.records.coerce import coerce
from ipvalue.records.schema import Column

__all__ = ["COLUMNS", "Override", "Overrides", "OverridesRead", "given_set", "read_rows"]

LARGEST_VALUE = 1e15
LARGEST_FACTOR = 1e3
_LEAST_SUBSTANCE = 4  # letters and digits; a Chinese reason can be this short
_NO_REASONS = """
    none null na nan missing unknown unclear test testing todo tbd tba pending override overridden manual manually
    adjustment adjusted expert expertjudgement expertjudgment judgement judgment expertopinion seeabove asdiscussed
    asagreed because update updated other various misc notapplicable noreason reason
    专家判断 人工调整 其他原因
"""
_PLACEHOLDERS = frozenset(_NO_REASONS.split())


def _unsigned_zero(amount: float) -> float:
    """Minus zero as zero, so that both have the same hash."""
    return amount + 0.0


Amount = Annotated[float, Field(ge=0, le=LARGEST_VALUE), AfterValidator(_unsigned_zero)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def fault(reason: Reason, place: str = "") -> PydanticCustomError:
    """An error with the reason's code as its type."""
    return PydanticCustomError(reason.label, "{text}", {"text": f"{place}{REASONS[reason]}"})


class Override(BaseModel):
    """One expert's value of one patent, which replaces the model's.

    Attributes
    ----------
    patent_id : str
    value : float, optional
        The value itself, in ``currency``; of an application after its chance of grant. Either this or ``factor``.
    factor : float, optional
        Times the model's value and quantiles.
    low, high : float, optional
        5 % and 95 % quantiles of ``value``. Without them the model's interval is scaled to the value.
    currency : str, optional
        ISO 4217; required with ``value``, not allowed with ``factor``.
    author, reason : str
        Who set it, and what the model does not know. Placeholders such as "n/a" or "expert judgement" are not accepted.
    made_on, expires_on : date
        It is in force from the close of ``made_on`` until the close of ``expires_on``.
    approver : str, optional
        Who approved it: not the author.
    reference : str, optional
        Where the evidence is filed: a file number, a link.
    withdrawn_on : date, optional
        Withdrawn early: it is not in force from the close of this day.

    Examples
    --------
    >>> offer = Override(patent_id="CN-1", value=2e5, currency="CNY", author="A. Expert", reason="offer in hand",
    ...                  made_on="2024-06-30", expires_on="2025-06-30")
    >>> offer.holds(dt.date(2024, 12, 31)), offer.holds(dt.date(2025, 6, 30))
    (True, False)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)

    patent_id: Name
    value: Amount | None = None
    factor: Annotated[float, Field(ge=0, le=LARGEST_FACTOR), AfterValidator(_unsigned_zero)] | None = None
    low: Amount | None = None
    high: Amount | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    author: Name
    reason: str = Field(max_length=4000)
    made_on: dt.date
    expires_on: dt.date
    approver: Name | None = None
    reference: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    withdrawn_on: dt.date | None = None

    @field_validator("reason")
    @classmethod
    def _justified(cls, reason: str) -> str:
        substance = "".join(c for c in reason.casefold() if c.isalnum())
        if len(substance) < _LEAST_SUBSTANCE or len(set(substance)) == 1 or substance in _PLACEHOLDERS:
            raise fault(Reason.OVERRIDE_UNJUSTIFIED)
        return reason

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        place = f"{self.patent_id}: "
        if (self.value is None) == (self.factor is None) or (self.value is None) != (self.currency is None):
            raise fault(Reason.OVERRIDE_AMBIGUOUS, place)
        if (self.low is not None or self.high is not None) and not self._bracketed():
            raise fault(Reason.OVERRIDE_BAD_INTERVAL, place)
        if self.expires_on <= self.made_on or (self.withdrawn_on is not None and self.withdrawn_on < self.made_on):
            raise fault(Reason.INCONSISTENT_DATES, place)
        if self.approver is not None and _person(self.approver) == _person(self.author):
            raise fault(Reason.OVERRIDE_NOT_FOUR_EYES, place)
        return self

    def _bracketed(self) -> bool:
        if self.value is None or self.low is None or self.high is None:
            return False
        return 0 < self.low <= self.value <= self.high

    @property
    def id(self) -> str:
        """The first 16 digits of the SHA-256 of its content, except ``withdrawn_on``."""
        return hashlib.sha256(self.model_dump_json(exclude={"withdrawn_on"}).encode()).hexdigest()[:16]

    @property
    def ends_on(self) -> dt.date:
        """The day at whose close it ends."""
        return self.expires_on if self.withdrawn_on is None else min(self.expires_on, self.withdrawn_on)

    def holds(self, day: dt.date) -> bool:
        """Whether it is in force at the close of a day."""
        return self.made_on <= day < self.ends_on


def overlapping(items: Sequence[Override]) -> list[bool]:
    """Whether each override is in force on the same day as another one of its patent."""
    found = [False] * len(items)
    by_patent = defaultdict(list)
    for place, item in enumerate(items):
        if item.made_on < item.ends_on:
            by_patent[item.patent_id].append(place)
    for places in by_patent.values():
        for one, two in combinations(places, 2):
            if items[one].made_on < items[two].ends_on and items[two].made_on < items[one].ends_on:
                found[one] = found[two] = True
    return found


def _person(name: str) -> str:
    return " ".join(name.casefold().split())


COLUMNS = (
    Column("patent_id", "id", "the patent", required=True),
    Column("value", "number", "the value set", "currency units", lower=0, upper=LARGEST_VALUE),
    Column("factor", "number", "times the model's value", lower=0, upper=LARGEST_FACTOR),
    Column("low", "number", "5 % quantile of the value set", "currency units", lower=0, upper=LARGEST_VALUE),
    Column("high", "number", "95 % quantile of the value set", "currency units", lower=0, upper=LARGEST_VALUE),
    Column("currency", "code", "currency of the value set, ISO 4217", pattern="[A-Z]{3}"),
    Column("author", "id", "who set it", required=True),
    Column("reason", "text", "what the model does not know", required=True, max_length=4000),
    Column("made_on", "date", "day from whose close it is in force", "day", required=True),
    Column("expires_on", "date", "day at whose close it ends", "day", required=True),
    Column("approver", "id", "who approved it"),
    Column("reference", "text", "where the evidence is filed", max_length=500),
    Column("withdrawn_on", "date", "day at whose close it was withdrawn", "day"),
)
"""Columns of a table of overrides."""

_INERT = r"^'(?='*[=+\-@\t\r\n])"  # the apostrophe that makes a spreadsheet show a formula as text
_REJECT_COLUMNS = ["row", "patent_id", "column", "code", "message"]


def read_rows(data: object) -> tuple[list[Override], pd.DataFrame]:
    """Overrides and rejected rows of a table, in the order of its rows; see :meth:`ipvalue.Overrides.from_table`."""
    raw = to_arrow("overrides", _opened(data))
    unknown = sorted({*raw.column_names} - {column.name for column in COLUMNS})
    if unknown:
        raise SchemaError(f"overrides: the column {unknown[0]!r} is unknown; rename or drop it")
    columns, faults = _coerced(raw)
    found: dict[int, Override] = {}
    for row in range(raw.num_rows):  # a loop: overrides are made by hand and few
        if row not in faults:
            try:
                found[row] = Override.model_validate({name: values[row] for name, values in columns.items()})
            except ValidationError as error:
                faults[row] = _fault_of(error)
    seen: set[Override] = set()
    for row, item in list(found.items()):
        if item in seen:
            faults[row] = ("patent_id", Reason.DUPLICATE_KEY)
            del found[row]
        seen.add(item)
    for row, overlaps in zip(list(found), overlapping(list(found.values()))):
        if overlaps:
            faults[row] = ("made_on", Reason.OVERRIDE_OVERLAPS)
            del found[row]
    rejects = [
        (row, columns["patent_id"][row], column, reason.label, REASONS[reason])
        for row, (column, reason) in sorted(faults.items())
    ]
    return list(found.values()), pd.DataFrame(rejects, columns=_REJECT_COLUMNS)


def _opened(data: object) -> object:
    """A file as a table; anything else unchanged."""
    if not isinstance(data, str | os.PathLike):
        return data
    path = Path(data)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        # all as text: identifiers keep leading zeros, and numbers and dates are parsed value by value
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        return table.replace(_INERT, "", regex=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise OverrideError(f"{path} can't be read as a table of overrides: {error}") from error


def _coerced(raw: pa.Table) -> tuple[dict[str, list[object]], dict[int, tuple[str, Reason]]]:
    """Columns as Python values, None for null, and the first fault of each row."""
    columns: dict[str, list[object]] = {}
    faults: dict[int, tuple[str, Reason]] = {}
    for column in COLUMNS:
        if column.name not in raw.column_names:
            if column.required:
                raise SchemaError(f"overrides: the required column {column.name!r} is missing")
            columns[column.name] = [None] * raw.num_rows
            continue
        values, codes = coerce(column, raw[column.name])
        columns[column.name] = values.to_pylist()
        for row in np.flatnonzero(codes):
            faults.setdefault(int(row), (column.name, Reason(int(codes[row]))))
    return columns, faults


def _fault_of(error: ValidationError) -> tuple[str, Reason]:
    """Column and code of an override's first fault: the fault's type is the code's label."""
    first = error.errors()[0]
    column = str(first["loc"][0]) if first["loc"] else ""
    return column, Reason.__members__.get(first["type"].upper(), Reason.BAD_TYPE)


_FORMULA = re.compile(r"^'*(?=[=+\-@\t\r\n])")


class OverridesRead(NamedTuple):
    """Result of :meth:`Overrides.from_table`: the overrides, and the rejected rows."""

    overrides: Overrides
    rejects: pd.DataFrame


class Overrides(FigureSet):
    """A sorted set of overrides.

    It includes expired and withdrawn ones, so that values of earlier dates can be reproduced. Two overrides of one
    patent cannot be in force on the same day.

    Attributes
    ----------
    name, version : str
    items : tuple of Override

    Examples
    --------
    >>> offer = Override(patent_id="CN-1", factor=0.5, author="A. Expert", reason="licence was cancelled",
    ...                  made_on="2024-06-30", expires_on="2025-06-30")
    >>> log = Overrides(name="2024", items=[offer])
    >>> Overrides.from_json(log.to_json()) == log, len(log), log.hash == Overrides(name="2024", items=(offer,)).hash
    (True, 1, True)
    >>> log.withdraw(offer.id, "2024-09-30").items[0].holds(dt.date(2024, 12, 31))
    False
    """

    fault: ClassVar[type[IpvalueError]] = OverrideError

    name: str = "overrides"
    version: str = "1"
    items: tuple[Override, ...] = ()

    @field_validator("items")
    @classmethod
    def _ordered(cls, items: tuple[Override, ...]) -> tuple[Override, ...]:
        overlapped = sorted({item.patent_id for item, overlaps in zip(items, overlapping(items)) if overlaps})
        if overlapped:
            raise fault(Reason.OVERRIDE_OVERLAPS, f"{overlapped[0]}: ")
        return tuple(sorted(items, key=lambda item: (item.patent_id, item.made_on, item.ends_on, item.id)))

    def __len__(self) -> int:
        return len(self.items)

    def add(self, *items: Override, version: str | None = None) -> Overrides:
        """The set with more overrides.

        Raises
        ------
        OverrideError
            If two overrides of a patent would be in force on the same day: withdraw the old one first.
        """
        return self._with((*self.items, *items), version)

    def withdraw(self, override_id: str, on: dt.date | str, *, version: str | None = None) -> Overrides:
        """The set with one override withdrawn: it stays in the set, and is not in force from the close of a day.

        Raises
        ------
        OverrideError
            If there is no such override, or it was made later.
        """
        if override_id not in {item.id for item in self.items}:
            raise OverrideError(f"there is no override {override_id!r} in {self.name!r}: see to_table() for their ids")
        changed = [item.model_dump() | ({"withdrawn_on": on} if item.id == override_id else {}) for item in self.items]
        return self._with(changed, version)

    def _with(self, items: Sequence[object], version: str | None) -> Overrides:
        try:
            return Overrides.model_validate({"name": self.name, "version": version or self.version, "items": items})
        except ValidationError as error:
            raise OverrideError(str(error.errors()[0]["msg"])) from error

    @classmethod
    def from_table(cls, data: object, *, name: str = "overrides", version: str = "1") -> OverridesRead:
        """Read overrides from rows: any table, or the path of a CSV or Parquet file.

        Parameters
        ----------
        data : table or path
            Columns by the names of :class:`Override`; patent_id, author, reason, made_on and expires_on are required.
        name, version : str
            Of the set.

        Returns
        -------
        OverridesRead
            ``overrides``, and ``rejects``: row, patent_id, column, code and message of each rejected row. Overrides
            of one patent in force on the same day are all rejected; of equal rows the first is taken.

        Raises
        ------
        SchemaError
            If it is not a table, or a column is missing or unknown.
        OverrideError
            If the file can't be read.

        Examples
        --------
        >>> rows = {"patent_id": ["CN-1", "CN-2"], "factor": [0.5, 2.0], "author": ["A. Expert"] * 2,
        ...         "reason": ["licence was cancelled", "n/a"], "made_on": ["2024-06-30"] * 2,
        ...         "expires_on": ["2025-06-30"] * 2}
        >>> found = Overrides.from_table(rows)
        >>> len(found.overrides), found.rejects["code"].tolist()
        (1, ['override_unjustified'])
        """
        items, rejects = read_rows(data)
        return OverridesRead(cls(name=name, version=version, items=tuple(items)), rejects)

    def to_table(self) -> pd.DataFrame:
        """The overrides as rows, in the columns that :meth:`from_table` reads, with their ``id`` as index."""
        frame = pd.DataFrame([item.model_dump() for item in self.items], columns=list(Override.model_fields))
        return frame.set_index(pd.Index([item.id for item in self.items], name="id", dtype=object))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as a CSV file for :meth:`from_table`, safe to open in a spreadsheet.

        Text that begins like a formula gets a leading apostrophe, which :meth:`from_table` removes.

        Raises
        ------
        OverrideError
            If the file can't be written.
        """
        frame = self.to_table()
        for name in ("patent_id", "author", "reason", "approver", "reference"):
            frame[name] = [_FORMULA.sub(r"'\g<0>", text) if isinstance(text, str) else text for text in frame[name]]
        try:
            frame.to_csv(path, index=False)
        except OSError as error:
            raise OverrideError(f"{path} can't be written: {error}") from error


def given_set(given: object) -> Overrides:
    """The given set of overrides; anything else, such as a list, raises :class:`OverrideError`."""
    if isinstance(given, Overrides):
        return given
    raise OverrideError(
        f"a set of overrides is needed, not a {type(given).__name__}: Overrides(items=[...]), "
        "Overrides.from_json(path), or Overrides.from_table(path).overrides"
    )
