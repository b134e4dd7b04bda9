"""An expert's override of one value, and sets of them: frozen, justified, dated, versioned and hashed."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, ClassVar, NamedTuple, Self

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ipvalue.assumptions.figures import FigureSet
from ipvalue.errors import REASONS, IpvalueError, OverrideError, Reason

__all__ = ["Override", "Overrides", "OverridesRead", "given_set"]

LARGEST_VALUE = 1e15
LARGEST_FACTOR = 1e3
_FORMULA = re.compile(r"^'*(?=[=+\-@\t\r\n])")
_LEAST_SUBSTANCE = 4  # letters and digits: a Chinese reason can be that short
_NO_REASONS = """
    none null na nan missing unknown unclear test testing todo tbd tba pending override overridden manual manually
    adjustment adjusted expert expertjudgement expertjudgment judgement judgment expertopinion seeabove asdiscussed
    asagreed because update updated other various misc notapplicable noreason reason
    专家判断 人工调整 其他原因
"""
_PLACEHOLDERS = frozenset(_NO_REASONS.split())


def _unsigned_zero(amount: float) -> float:
    """Minus zero and zero are one amount, and must be one in a hash."""
    return amount + 0.0


Amount = Annotated[float, Field(ge=0, le=LARGEST_VALUE), AfterValidator(_unsigned_zero)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _fault(reason: Reason, place: str = "") -> PydanticCustomError:
    """A fault whose type is the reason's code."""
    return PydanticCustomError(reason.label, "{text}", {"text": f"{place}{REASONS[reason]}"})


class Override(BaseModel):
    """One expert's value of one patent in the place of the model's.

    Attributes
    ----------
    patent_id : str
    value : float, optional
        The value itself, in ``currency``; of an application after its chance of grant. Either this or ``factor``.
    factor : float, optional
        Times the model's value and quantiles.
    low, high : float, optional
        5 % and 95 % quantiles of ``value``. Without them the model's interval keeps its proportions about it.
    currency : str, optional
        ISO 4217; with ``value`` alone, and needed there.
    author, reason : str
        Who set it, and what the model does not know. Placeholders such as "n/a" or "expert judgement" are no reason.
    made_on, expires_on : date
        It holds at the close of ``made_on`` and no longer at the close of ``expires_on``.
    approver : str, optional
        Who approved it: not the author.
    reference : str, optional
        Where its evidence is kept: a file number, a link.
    withdrawn_on : date, optional
        Given up early: it no longer holds at the close of this day.

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
            raise _fault(Reason.OVERRIDE_UNJUSTIFIED)
        return reason

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        place = f"{self.patent_id}: "
        if (self.value is None) == (self.factor is None) or (self.value is None) != (self.currency is None):
            raise _fault(Reason.OVERRIDE_AMBIGUOUS, place)
        if (self.low is not None or self.high is not None) and not self._bracketed():
            raise _fault(Reason.OVERRIDE_BAD_INTERVAL, place)
        if self.expires_on <= self.made_on or (self.withdrawn_on is not None and self.withdrawn_on < self.made_on):
            raise _fault(Reason.INCONSISTENT_DATES, place)
        if self.approver is not None and _person(self.approver) == _person(self.author):
            raise _fault(Reason.OVERRIDE_NOT_FOUR_EYES, place)
        return self

    def _bracketed(self) -> bool:
        if self.value is None or self.low is None or self.high is None:
            return False
        return 0 < self.low <= self.value <= self.high

    @property
    def id(self) -> str:
        """The first 16 digits of the SHA-256 of its content; to withdraw it does not change it."""
        return hashlib.sha256(self.model_dump_json(exclude={"withdrawn_on"}).encode()).hexdigest()[:16]

    @property
    def ends_on(self) -> dt.date:
        """The day at whose close it no longer holds."""
        return self.expires_on if self.withdrawn_on is None else min(self.expires_on, self.withdrawn_on)

    def holds(self, day: dt.date) -> bool:
        """Whether it counts at the close of a day."""
        return self.made_on <= day < self.ends_on


class OverridesRead(NamedTuple):
    """What :meth:`Overrides.from_table` read: the overrides, and the rows that were set aside."""

    overrides: Overrides
    rejects: pd.DataFrame


class Overrides(FigureSet):
    """A set of overrides, in one order whatever order they came in.

    Expired and withdrawn ones belong in it: what held last year must be found next year. No two overrides of one patent
    hold on one day.

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
        twice = sorted({item.patent_id for item, overlaps in zip(items, overlapping(items)) if overlaps})
        if twice:
            raise _fault(Reason.OVERRIDE_OVERLAPS, f"{twice[0]}: ")
        return tuple(sorted(items, key=lambda item: (item.patent_id, item.made_on, item.ends_on, item.id)))

    def __len__(self) -> int:
        return len(self.items)

    def add(self, *items: Override, version: str | None = None) -> Overrides:
        """The set with more overrides.

        Raises
        ------
        OverrideError
            If two overrides of a patent would hold on one day: withdraw the old one first.
        """
        return self._with((*self.items, *items), version)

    def withdraw(self, override_id: str, on: dt.date | str, *, version: str | None = None) -> Overrides:
        """The set in which one override is given up: it stays in the set, and no longer holds at the close of a day.

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
            ``overrides``, and ``rejects``: row, patent_id, column, code and message of each row that was set aside.
            Of overrides of one patent that hold on one day none is taken, as nobody knows which counts; of equal rows
            the first is.

        Raises
        ------
        SchemaError
            If it is no table, or a column is missing or unknown.
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
        from ipvalue.overrides.rows import read_rows

        items, rejects = read_rows(data)
        return OverridesRead(cls(name=name, version=version, items=tuple(items)), rejects)

    def to_table(self) -> pd.DataFrame:
        """The overrides as rows, in the columns that :meth:`from_table` reads, with their ``id`` as index."""
        frame = pd.DataFrame([item.model_dump() for item in self.items], columns=list(Override.model_fields))
        return frame.set_index(pd.Index([item.id for item in self.items], name="id", dtype=object))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as a CSV file that :meth:`from_table` reads again, and that a spreadsheet runs nothing of.

        Text that begins like a formula gets an apostrophe in front, which :meth:`from_table` takes away again.

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
    """The set that a call was given.

    Raises
    ------
    OverrideError
        If it is something else, such as a list of overrides.
    """
    if isinstance(given, Overrides):
        return given
    raise OverrideError(
        f"a set of overrides is needed, not a {type(given).__name__}: Overrides(items=[...]), "
        "Overrides.from_json(path), or Overrides.from_table(path).overrides"
    )


def overlapping(items: Sequence[Override]) -> list[bool]:
    """Whether each override holds on a day on which another one of its patent does."""
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
