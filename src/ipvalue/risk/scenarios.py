"""Scenarios: named shocks of assumptions, of what patents earn, of legal validity and of the market.

A scenario is data: it can be written as JSON, stored beside a report, and read again. Its shocks are applied in their
order. The default sizes are our own choice for a first look, to be replaced by the bank's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import AssumptionError
from ipvalue.types import Floats, Mask, Texts

__all__ = [
    "FAMILIES",
    "FigureShock",
    "InvalidityShock",
    "MarketShock",
    "MoneyShock",
    "Scenario",
    "ScenarioFamily",
    "Selection",
    "default_scenarios",
    "invalidation_wave",
    "moved",
]

Operation = Literal["add", "multiply", "set"]
# figures that only enter when an engine is fitted, or when features are computed: shocking them would change nothing
_ELSEWHERE = {
    "deal_kind_factor": "it enters when an engine is fitted: fit a second engine and compare",
    "grant_prior_weight": "it enters when an engine is fitted: fit a second engine and compare",
    "method_correlation": "it enters when an engine is fitted: fit a second engine and compare",
    "fx_usd": "revenue is converted before a shock: use a MoneyShock of the revenue",
}


def moved(values: Floats, by: Operation, amount: float) -> Floats:
    """Add to values, multiply them, or set them; NaN stays NaN.

    Examples
    --------
    >>> moved(np.array([0.1, np.nan]), "set", 0.3).tolist()
    [0.3, nan]
    """
    if by == "add":
        return values + amount
    if by == "multiply":
        return values * amount
    return np.where(np.isnan(values), np.nan, amount)


class _Shock(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Selection(_Shock):
    """Which patents a shock hits: all by default, else those of some technology fields and offices."""

    fields: tuple[int, ...] = Field(default=(), description="WIPO technology fields; all where empty")
    jurisdictions: tuple[str, ...] = Field(default=(), description="offices, WIPO ST.3; all where empty")

    def hits(self, field: npt.NDArray[np.int8], jurisdiction: Texts) -> Mask:
        """Whether each patent is hit."""
        hit = np.ones(len(field), bool)
        if self.fields:
            hit &= np.isin(field, self.fields)
        if self.jurisdictions:
            hit &= np.isin(jurisdiction, self.jurisdictions)
        return hit


class FigureShock(_Shock):
    """A figure of the assumptions moves.

    Parameters
    ----------
    figure : str
        Its name, such as ``royalty_rate``.
    keys : tuple of str
        Entries of a figure by field, office or kind; all that the set names where empty. A field without an entry of
        its own gets one, moved from the default.
    by : {'add', 'multiply', 'set'}
    amount : float
        In the figure's unit; a factor to multiply by.
    given : bool, default True
        Also move what ``economics`` gives for a patent, or ``curves`` as the risk-free rate, in place of the figure.
    """

    kind: Literal["figure"] = "figure"
    figure: str
    keys: tuple[str, ...] = ()
    by: Operation
    amount: float
    given: bool = True

    @model_validator(mode="after")
    def _known(self) -> FigureShock:
        if self.figure in _ELSEWHERE:
            raise ValueError(f"{self.figure} can't be shocked: {_ELSEWHERE[self.figure]}")
        if self.figure not in Assumptions.model_fields or self.figure in ("name", "currency"):
            raise ValueError(f"there is no figure {self.figure!r}; see Assumptions.table() for the names")
        return self

    def apply(self, assumptions: Assumptions) -> Assumptions:
        """Move the figure.

        Raises
        ------
        AssumptionError
            If the figure has no such key, or leaves its bounds.
        """
        entry = getattr(assumptions, self.figure)
        if not isinstance(entry, dict):
            if self.keys:
                raise AssumptionError(f"{self.figure} is one figure, without keys such as {self.keys[0]!r}")
            return assumptions.replace(**{self.figure: self._moved(entry.value)})
        lacking = [key for key in self.keys if key not in entry and "default" not in entry]
        if lacking:
            raise AssumptionError(f"{self.figure} has no {lacking[0]!r}; there are {', '.join(entry)}")
        figures = {key: entry[key if key in entry else "default"].value for key in self.keys or tuple(entry)}
        return assumptions.replace(**{f"{self.figure}__{key}": self._moved(value) for key, value in figures.items()})

    def _moved(self, value: float) -> float:
        return float(moved(np.array([value]), self.by, self.amount)[0])


class MoneyShock(Selection):
    """What ``economics`` says of a patent moves: revenue, costs, the life of the revenue, the chance of success."""

    kind: Literal["money"] = "money"
    column: Literal["revenue", "cost_to_develop", "historical_cost", "revenue_life", "success_probability"]
    by: Operation
    amount: float


class InvalidityShock(Selection):
    """A share of granted rights loses validity; each value is multiplied by the probability to survive."""

    kind: Literal["invalidity"] = "invalidity"
    share: float = Field(ge=0, le=1, description="share of the granted rights that fall")


class MarketShock(Selection):
    """The market for patents freezes: a haircut on values, wider intervals, and no market methods.

    ``unavailable`` alone has no direction: a patent priced lower by the market than by its income gains.
    """

    kind: Literal["market"] = "market"
    haircut: float = Field(default=0.0, ge=0, le=1, description="share taken off each value")
    widening: float = Field(default=1.0, ge=1, description="factor on the logarithm of quantile over median")
    unavailable: bool = Field(default=False, description="methods of the market approach are not used")


Shock = Annotated[FigureShock | MoneyShock | InvalidityShock | MarketShock, Field(discriminator="kind")]


class Scenario(_Shock):
    """A named set of shocks.

    Examples
    --------
    >>> half = FigureShock(figure="royalty_rate", by="multiply", amount=0.5)
    >>> scenario = Scenario(name="half", description="royalties halve", shocks=(half,))
    >>> Scenario.model_validate_json(scenario.model_dump_json()) == scenario
    True
    """

    name: str = Field(min_length=1)
    description: str = ""
    shocks: tuple[Shock, ...] = ()

    @classmethod
    def combine(cls, name: str, *scenarios: Scenario) -> Scenario:
        """Combine scenarios: their shocks in order."""
        return cls(
            name=name,
            description="; ".join(s.description for s in scenarios),
            shocks=tuple(shock for s in scenarios for shock in s.shocks),
        )


ScenarioFamily = Callable[[float], Scenario]


def _rates(size: float) -> Scenario:
    shocks = tuple(FigureShock(figure=name, by="add", amount=size) for name in ("cost_of_capital", "risk_free_rate"))
    text = f"cost of capital and risk-free rate {1e4 * size:+.0f} basis points"
    return Scenario(name="rates", description=text, shocks=shocks)


def _royalty(size: float) -> Scenario:
    shock = FigureShock(figure="royalty_rate", by="multiply", amount=1.0 - size)
    text = f"royalty rates {-size:+.0%}, also those learnt and given"
    return Scenario(name="royalty", description=text, shocks=(shock,))


def _revenue(size: float) -> Scenario:
    shock = MoneyShock(column="revenue", by="multiply", amount=1.0 - size)
    return Scenario(name="revenue", description=f"revenue {-size:+.0%}", shocks=(shock,))


def _obsolescence(size: float) -> Scenario:
    """``size`` is added to the yearly decline; lives shorten by five times this share."""
    left = 1.0 - 5.0 * size
    shocks = (
        FigureShock(figure="revenue_decline", by="add", amount=size),
        FigureShock(figure="economic_life", by="multiply", amount=left),
        MoneyShock(column="revenue_life", by="multiply", amount=left),
    )
    text = f"revenue declines by {size:.0%} a year more, lives end {1 - left:.0%} earlier"
    return Scenario(name="obsolescence", description=text, shocks=shocks)


def _market(size: float) -> Scenario:
    text = f"values {-size:+.0%} and wider intervals without buyers"
    shock = MarketShock(haircut=size, widening=1.0 + size)
    return Scenario(name="market_freeze", description=text, shocks=(shock,))


def invalidation_wave(share: float, fields: tuple[int, ...] = ()) -> Scenario:
    """A share of the granted rights of some technology fields (all by default) loses validity."""
    where = f"fields {', '.join(map(str, fields))}" if fields else "all fields"
    text = f"{share:.0%} of the granted rights of {where} lose validity"
    return Scenario(name="invalidation_wave", description=text, shocks=(InvalidityShock(share=share, fields=fields),))


# function from size to scenario, and the largest size: with a revenue or royalty of 0 no income method applies
FAMILIES: dict[str, tuple[ScenarioFamily, float]] = {
    "rates": (_rates, 1.0),
    "royalty": (_royalty, 0.99),
    "revenue": (_revenue, 0.99),
    "obsolescence": (_obsolescence, 0.19),
    "invalidation_wave": (invalidation_wave, 1.0),
    "market_freeze": (_market, 1.0),
}


def default_scenarios(field: int | None = None) -> tuple[Scenario, ...]:
    """The named scenarios: rates +200 basis points, royalty -30 %, obsolescence, invalidation, freeze, and all at once.

    Parameters
    ----------
    field : int, optional
        Technology field of the invalidation wave; all fields by default.

    Returns
    -------
    tuple of Scenario

    Notes
    -----
    Obsolescence: revenue declines by 5 points a year more and lives end a quarter earlier. Invalidation: 30 % of the
    granted rights fall. Freeze: 30 % off, intervals wider by 1.3 in logarithms. Sizes are assumed.

    Examples
    --------
    >>> [scenario.name for scenario in default_scenarios()][:3]
    ['rates_up_200bp', 'royalty_down_30pct', 'faster_obsolescence']
    """
    named = [
        _rates(0.02).model_copy(update={"name": "rates_up_200bp"}),
        _royalty(0.30).model_copy(update={"name": "royalty_down_30pct"}),
        _obsolescence(0.05).model_copy(update={"name": "faster_obsolescence"}),
        invalidation_wave(0.30, () if field is None else (field,)),
        _market(0.30),
    ]
    return (*named, Scenario.combine("all_at_once", *named))
