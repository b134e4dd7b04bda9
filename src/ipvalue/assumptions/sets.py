"""Typed, dated and sourced assumption sets.

Every figure has a unit, a date, a source and a certainty: ``published`` (the source states
it), ``derived`` (computed from published figures) or ``assumed`` (our own choice, to be replaced by the
bank's). The default sets are data (``assumptions/tables/figures.csv``), not code.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ConfigDict, Field, ValidationError, model_validator

from ipvalue.assumptions.figures import Figure, FigureSet
from ipvalue.errors import AssumptionError
from ipvalue.types import Floats, Texts

__all__ = ["Assumptions", "Figure"]

_DEFAULT = "default"
_SHARES_BY_KEY = ("royalty_rate", "grant_probability", "validity_probability", "enforcement_probability")
_LONGEST_RAMP = 50
_HIGHEST_RATE = 10.0
_WIDEST = 5.0
_NAMED_BOUNDS = {
    "revenue_growth": (-0.99, 5.0),
    "revenue_decline": (-5.0, 1.0),
    "operating_margin": (-10.0, 1.0),
    "contributory_share": (0.0, 100.0),
    "contributory_return": (-1.0, 10.0),
    "risk_free_rate": (-0.5, 10.0),
    "grant_prior_weight": (0.0, math.inf),
    "decline_sd": (0.0, 1.0),
    "operating_margin_sd": (0.0, 10.0),
}
_CURRENCY = {"CN": "CNY", "US": "USD", "EU": "EUR"}


class Assumptions(FigureSet):
    """A set of assumptions: figures that a valuation uses where the book has none.

    Keys of the dictionaries are technology fields ``"1"`` to ``"35"`` (WIPO), offices or currencies;
    ``"default"`` is used for all others. A row of ``economics`` overrides the figure for its patent.

    Attributes
    ----------
    name, currency : str
        The set's name, and the currency of the values (ISO 4217).
    cost_of_capital : dict of Figure
        By technology field, per year; with ``country_risk_premium`` and ``patent_premium`` it makes the
        discount rate.
    royalty_rate : dict of Figure
        By technology field, share of revenue; ``royalty_log_sd`` is its spread in log units. The scorecard
        also looks up ``"industry:"`` with the code in ``economics.industry``.
    tax_rate, amortisation_years : Figure
        For tax on royalties saved, and for the tax amortisation benefit.
    revenue_decline, revenue_growth, attribution, success_probability, economic_life : Figure
        Expectations of revenue where ``economics`` has none; success is technical and commercial together.
    ramp_years : dict of Figure
        Years until sales are full: ``on_sale``, and ``in_development`` for a patent with a cost still to be spent.
    validity_probability : dict of Figure
        Probability that a granted right is valid: ``challenged`` while a challenge is pending, else ``default``.
    enforcement_probability : dict of Figure
        Probability that the income can be enforced against infringers, by office.
    grant_probability : dict of Figure
        By office, for pending applications; ``grant_prior_weight`` is its weight in decisions.
    revenue_log_sd, attribution_log_sd, decline_sd, method_correlation : Figure
        Uncertainty, from which the income method's interval and the reconciliation follow.
    fx_usd : dict of Figure
        US dollars for one unit of a currency, where the table ``fx`` has no rate.
    deal_kind_factor : dict of Figure
        Price of a kind of deal against the price of a sale.
    operating_margin : dict of Figure
        By technology field, share of revenue, where ``economics`` has none; ``operating_margin_sd`` is its spread.
    contributory_share, contributory_return : dict of Figure
        By contributory asset: its amount over revenue, and the return it must earn after tax;
        ``contributory_log_sd`` is the spread of their charge.
    profit_share : dict of Figure
        ``floor`` and ``ceiling`` of a patent's share of profit.
    risk_free_rate : Figure
        Ten-year government yield of the region, for options where the table ``curves`` has none of the currency.
    development_volatility : dict of Figure
        By technology field: yearly standard deviation of the logarithm of what a developed patent is worth.
    replacement_log_sd, idle_obsolescence : Figure
        Spread of what replacing a right would cost, and the share of it that is lost where the right is known to
        earn nothing.
    price_drift_sd : Figure
        Prior standard deviation of how far a method's prices drift from the market's, a year, in log units.
    grade_log_sd : dict of Figure
        Largest standard deviation of the log value at which the confidence grades ``A``, ``B``, ``C`` and ``D`` are
        given.

    Examples
    --------
    >>> from ipvalue import Assumptions
    >>> cn = Assumptions.default("CN")
    >>> cn.currency, cn.tax_rate.value, cn.tax_rate.certainty
    ('CNY', 0.25, 'published')
    >>> Assumptions.from_json(cn.to_json()) == cn
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    cost_of_capital: dict[str, Figure]
    country_risk_premium: Figure
    patent_premium: Figure
    royalty_rate: dict[str, Figure]
    royalty_log_sd: Figure
    tax_rate: Figure
    amortisation_years: Figure
    revenue_decline: dict[str, Figure]
    revenue_growth: Figure
    attribution: Figure
    success_probability: Figure
    economic_life: Figure
    ramp_years: dict[str, Figure]
    validity_probability: dict[str, Figure]
    enforcement_probability: dict[str, Figure]
    grant_probability: dict[str, Figure]
    grant_prior_weight: Figure
    revenue_log_sd: Figure
    attribution_log_sd: Figure
    decline_sd: Figure
    method_correlation: Figure
    fx_usd: dict[str, Figure]
    deal_kind_factor: dict[str, Figure]
    operating_margin: dict[str, Figure]
    operating_margin_sd: Figure
    contributory_share: dict[str, Figure]
    contributory_return: dict[str, Figure]
    contributory_log_sd: Figure
    profit_share: dict[str, Figure]
    risk_free_rate: Figure
    development_volatility: dict[str, Figure]
    replacement_log_sd: Figure
    idle_obsolescence: Figure
    price_drift_sd: Figure
    grade_log_sd: dict[str, Figure]

    @model_validator(mode="after")
    def _bounds(self) -> Assumptions:
        shares = ("tax_rate", "attribution", "success_probability", "method_correlation", "idle_obsolescence")
        for path, figure in self._figures():
            name = path.split(".")[0]
            if (name in shares or name in _SHARES_BY_KEY) and not 0 <= figure.value <= 1:
                raise ValueError(f"{path} = {figure.value}: a share lies between 0 and 1")
            if name in ("amortisation_years", "economic_life", "fx_usd", "deal_kind_factor") and figure.value <= 0:
                raise ValueError(f"{path} = {figure.value}: it must be above 0")
            if name == "ramp_years" and not 0 <= figure.value <= _LONGEST_RAMP:
                raise ValueError(f"{path} = {figure.value}: a ramp lasts 0 to {_LONGEST_RAMP} years")
            # methods take the logarithms of these two
            if name in ("development_volatility", "royalty_rate") and figure.value <= 0:
                raise ValueError(f"{path} = {figure.value}: it must be above 0")
            low, high = _between(name)
            if not low <= figure.value <= high:
                raise ValueError(f"{path} = {figure.value}: it lies between {low:g} and {high:g}")
        if self.tax_rate.value == 1.0:
            raise ValueError("tax_rate = 1.0: no income would be left after tax; it must be below 1")
        keyed = (
            "cost_of_capital",
            "royalty_rate",
            "revenue_decline",
            "grant_probability",
            "validity_probability",
            "enforcement_probability",
            "operating_margin",
            "development_volatility",
        )
        for name in keyed:
            if _DEFAULT not in getattr(self, name):
                raise ValueError(f"{name} lacks the key {_DEFAULT!r}, which is used for all keys that are not named")
        premium = self.country_risk_premium.value + self.patent_premium.value
        for key, figure in self.cost_of_capital.items():
            if not 0.0 <= figure.value + premium <= _HIGHEST_RATE:
                raise ValueError(
                    f"cost_of_capital.{key} = {figure.value} with country_risk_premium and patent_premium makes a "
                    f"discount rate of {figure.value + premium:g}: it lies between 0 and {_HIGHEST_RATE:g}"
                )
        bounds = self.grade_bounds()
        if set(self.grade_log_sd) != {*"ABCD"} or not (0 < bounds[0] < bounds[1] < bounds[2] < bounds[3]):
            raise ValueError("grade_log_sd has the keys 'A', 'B', 'C' and 'D', with bounds that rise from above 0")
        if self.price_drift_sd.value <= 0:
            raise ValueError(f"price_drift_sd = {self.price_drift_sd.value}: it must be above 0")
        if set(self.ramp_years) != {"on_sale", "in_development"}:
            raise ValueError("ramp_years has the keys 'on_sale' and 'in_development'")
        if set(self.contributory_share) != set(self.contributory_return):
            raise ValueError("contributory_share and contributory_return must name the same assets")
        if not 0 < self.profit_share["floor"].value <= self.profit_share["ceiling"].value <= 1:
            raise ValueError("profit_share: floor and ceiling lie between 0 and 1, the floor not above the ceiling")
        return self

    @classmethod
    def default(cls, region: Literal["CN", "US", "EU"] = "CN", *, as_of: str | dt.date | None = None) -> Assumptions:
        """Make the default set of a region.

        Parameters
        ----------
        region : {'CN', 'US', 'EU'}
            Which one.
        as_of : date, optional
            Take the latest edition of each figure on or before this day; the first edition where all are
            later. Without it, the latest of all.

        Raises
        ------
        AssumptionError
            If there is no set for the region.
        """
        if region not in _CURRENCY:
            raise AssumptionError(f"there is no default set for {region!r}; there are {', '.join(_CURRENCY)}")
        last = dt.date.max if as_of is None else dt.date.fromisoformat(str(as_of))
        content: dict[str, Any] = {"name": f"default {region}", "currency": _CURRENCY[region]}
        editions: dict[tuple[str, str], dt.date] = {}
        for row in _rows():
            if row["set"] not in ("ALL", region):
                continue
            place, date = (row["figure"], row["key"]), dt.date.fromisoformat(row["date"])
            if place in editions and not editions[place] < date <= last:
                continue
            editions[place] = date
            figure = {k: row[k] for k in ("value", "unit", "date", "certainty", "source")}
            if row["key"]:
                content.setdefault(row["figure"], {})[row["key"]] = figure
            else:
                content[row["figure"]] = figure
        return cls.model_validate(content)

    def grade_bounds(self) -> Floats:
        """Bounds of the confidence grades A to D, ascending; see ``grade_log_sd``."""
        return np.array([figure.value for _, figure in sorted(self.grade_log_sd.items())])

    def replace(self, **figures: float) -> Assumptions:
        """Make a set with other numbers, as a scenario or a bank's own view.

        Parameters
        ----------
        **figures : float
            New values by name; a dictionary entry as ``royalty_rate__default=0.05``.

        Returns
        -------
        Assumptions
            The source of a new figure names the former source.

        Examples
        --------
        >>> from ipvalue import Assumptions
        >>> Assumptions.default("CN").replace(tax_rate=0.15).tax_rate.source[:11]
        'set by user'
        """
        content = self.model_dump()
        for name, value in figures.items():
            figure, _, key = name.partition("__")
            place = content.get(figure)
            entry = place.get(key, place.get(_DEFAULT)) if key and isinstance(place, dict) else place
            if not isinstance(entry, dict) or "value" not in entry:
                raise AssumptionError(f"there is no figure {name!r}; Assumptions.table() lists the names")
            changed = {
                **entry,
                "value": value,
                "certainty": "assumed",
                "source": f"set by user; was: {entry['source']}",
            }
            if key and isinstance(place, dict):
                place[key] = changed
            else:
                content[figure] = changed
        return self._changed(content)

    def with_figures(self, figures: Mapping[str, Figure | Mapping[str, Figure]]) -> Assumptions:
        """Make a set in which some figures are replaced, with their own dates and sources.

        Parameters
        ----------
        figures : mapping
            Figure by name, or by name and key; other entries do not change. For example
            from :func:`ipvalue.industry_figures`.

        Raises
        ------
        AssumptionError
            If a name is none of the set's, a figure with keys is given without or the other way round, or is out of
            bounds.

        Examples
        --------
        >>> from ipvalue import Assumptions, Figure
        >>> own = Figure(value=0.031, unit="per year", date="2026-06-30", certainty="published", source="treasury desk")
        >>> Assumptions.default("CN").with_figures({"risk_free_rate": own}).risk_free_rate.source
        'treasury desk'
        """
        content = self.model_dump()
        for name, given in figures.items():
            if name not in content or name in ("name", "currency"):
                raise AssumptionError(f"there is no figure {name!r}; Assumptions.table() lists the names")
            keyed = "value" not in content[name]
            if keyed == isinstance(given, Figure):
                raise AssumptionError(
                    f"{name} {'has a figure for each key: give keys' if keyed else 'is one figure, without keys'}"
                )
            if isinstance(given, Figure):
                content[name] = given.model_dump()
            else:
                content[name] |= {key: figure.model_dump() for key, figure in given.items()}
        return self._changed(content)

    def table(self) -> pd.DataFrame:
        """All figures as a table: name, value, unit, date, certainty, source."""
        return pd.DataFrame([{"figure": path, **figure.model_dump()} for path, figure in self._figures()])

    def diff(self, other: Assumptions) -> pd.DataFrame:
        """Compare two sets: the figures whose value differs, with both values."""
        mine, theirs = dict(self._figures()), dict(other._figures())
        rows = [
            {
                "figure": p,
                "value": mine[p].value if p in mine else np.nan,
                "other": theirs[p].value if p in theirs else np.nan,
            }
            for p in sorted({*mine, *theirs})
            if p not in mine or p not in theirs or mine[p].value != theirs[p].value
        ]
        return pd.DataFrame(rows, columns=["figure", "value", "other"])

    def by_field(self, name: str, field: npt.NDArray[np.integer]) -> Floats:
        """Look a figure up for each patent's technology field (0 = unknown takes the default)."""
        table: dict[str, Figure] = getattr(self, name)
        lookup = np.array([table.get(str(k), table[_DEFAULT]).value for k in range(36)])
        return np.asarray(lookup[field], np.float64)

    def by_key(self, name: str, keys: Texts) -> Floats:
        """Look a figure up by office, currency or kind; NaN where neither the key nor a default is there."""
        table: dict[str, Figure] = getattr(self, name)
        distinct, places = np.unique(keys, return_inverse=True)
        values = [table.get(str(k), table.get(_DEFAULT)) for k in distinct]
        return np.array([np.nan if v is None else v.value for v in values], np.float64)[places]

    def discount_rate(self, field: npt.NDArray[np.integer]) -> Floats:
        """Discount rate of each patent: cost of capital of its field, country risk and patent premium."""
        return self.by_field("cost_of_capital", field) + (self.country_risk_premium.value + self.patent_premium.value)

    @classmethod
    def _changed(cls, content: dict[str, Any]) -> Assumptions:
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise AssumptionError(str(error.errors()[0]["msg"])) from error

    def _figures(self) -> list[tuple[str, Figure]]:
        rows: list[tuple[str, Figure]] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Figure):
                rows.append((name, value))
            elif isinstance(value, dict):
                rows += [(f"{name}.{key}", figure) for key, figure in value.items()]
        return rows


def _between(name: str) -> tuple[float, float]:
    """Bounds of a figure by its name; infinite where every number is allowed."""
    if name.endswith("_log_sd"):
        return 0.0, _WIDEST
    return _NAMED_BOUNDS.get(name, (-math.inf, math.inf))


def _rows() -> list[dict[str, str]]:
    file = resources.files("ipvalue.assumptions") / "tables" / "figures.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
