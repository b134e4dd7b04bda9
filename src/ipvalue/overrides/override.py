"""An expert's override of one value: frozen, justified and dated."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ipvalue.errors import REASONS, Reason

__all__ = ["LARGEST_FACTOR", "LARGEST_VALUE", "Override", "fault", "overlapping"]

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
