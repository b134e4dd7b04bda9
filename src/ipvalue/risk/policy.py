"""The collateral policy: which patents secure a loan and how much may be lent; default figures of risk.

Every figure says its date, its source and how certain it is. The default follows Chinese rules
(``tables/collateral_policy.csv``); most of its figures are assumed: replace them by the bank's.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from ipvalue.assumptions.figures import Figure, FigureSet
from ipvalue.types import Floats, Texts

__all__ = ["CollateralPolicy", "RULES", "default_figure", "default_figures"]

_NAMES = ("value", "unit", "date", "certainty", "source")


def default_figures(table: str, name: str) -> dict[str, Figure]:
    """Figures of one name by key, from a file in ``risk/tables`` and in its order; a new dictionary.

    Examples
    --------
    >>> sorted(default_figures("collateral_policy.csv", "maximum_ltv"))
    ['design', 'invention', 'plant', 'utility_model']
    """
    return dict(_read(table)[name])


def default_figure(table: str, name: str) -> Figure:
    """A figure without keys; see :func:`default_figures`."""
    return _read(table)[name][""]


@cache
def _read(table: str) -> dict[str, dict[str, Figure]]:
    file = resources.files("ipvalue.risk") / "tables" / table
    found: dict[str, dict[str, Figure]] = {}
    for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        figure = Figure.model_validate({name: row[name] for name in _NAMES})
        found.setdefault(row["figure"], {})[row["key"]] = figure
    return found


RULES = (
    "not_in_force",
    "life_too_short",
    "pledged_elsewhere",
    "seized",
    "ownership_disputed",
    "under_challenge",
    "no_consent",
    "fee_overdue",
    "no_value",
    "grade_too_low",
    "right_not_accepted",
    "no_maturity",
)
"""Rules by the reason code that they give; see :func:`ipvalue.errors.explain_reason`."""
# without these no amount can be computed
_FIXED_RULES = ("no_value", "no_maturity", "right_not_accepted")
_GRADES = "ABCDE"
_BANDS = ("haircut_liquidity", "haircut_life", "sale_months")


_TABLE = "collateral_policy.csv"


def _one(name: str) -> Any:
    """Field with the default figure of the table."""
    return Field(default_factory=lambda: default_figure(_TABLE, name))


def _by_key(name: str) -> Any:
    """Field with the default figures by key of the table."""
    return Field(default_factory=lambda: default_figures(_TABLE, name))


class CollateralPolicy(FigureSet):
    """Rules, haircuts and limits of lending against patents.

    Attributes
    ----------
    name, version : str
    basis : {'q05', 'q25', 'q50'}
        Quantile of the value from which haircuts are taken; q50 is the median.
    worst_grade : {'A' to 'E'}
        Worst grade of a value that is accepted.
    waived : tuple of str
        Rules of :data:`RULES` that are not applied, such as ``'under_challenge'``.
    unchecked : {'refuse', 'accept'}
        What to do with a patent whose register is not at hand (values read from a file).
    step_months : {3, 12}
        Step of the curve along a loan's life.
    repayment : {'bullet', 'linear'}
        How the exposure falls until the loan is due.
    life_margin : Figure
        Years by which a right must outlive the loan.
    haircut_grade, haircut_right : dict of Figure
        Share of the value taken off, by grade and by kind of right.
    haircut_liquidity, haircut_life : dict of Figure
        The same from that many known deals of the field on, and from that many remaining years on.
    sale_discount, sale_cost, sale_rate : Figure
        Forced sale: discount, cost as a share of the price, and yearly cost of waiting.
    sale_months : dict of Figure
        Months until a forced sale is paid, from that many deals of the field on.
    maximum_ltv : dict of Figure
        Highest loan, as a share of the median value, by kind of right; other rights are not accepted.
    margin_call_cover : Figure
        Cover (lendable value over exposure) below which more collateral is required.
    correlation : Figure
        Of the log values of patents that secure one loan.

    References
    ----------
    CNIPA announcement no. 461 (2021), art. 4 and the grounds on which a pledge is not registered: right not in
    force, fee not paid, seizure or dispute over ownership, debt longer than the term, co-owners' consent, pledged
    already, invalidation pending (the parties may insist). Civil Code of China (2020), art. 440 and 444.

    Examples
    --------
    >>> from ipvalue.risk.policy import CollateralPolicy
    >>> policy = CollateralPolicy()
    >>> policy.maximum_ltv["invention"].value, policy.maximum_ltv["invention"].certainty
    (0.25, 'published')
    >>> CollateralPolicy.from_json(policy.to_json()) == policy
    True
    """

    name: str = "default CN"
    version: str = "1"
    basis: Literal["q05", "q25", "q50"] = "q25"
    worst_grade: Literal["A", "B", "C", "D", "E"] = "D"
    waived: tuple[str, ...] = ()
    unchecked: Literal["refuse", "accept"] = "refuse"
    step_months: Literal[3, 12] = 12
    repayment: Literal["bullet", "linear"] = "bullet"
    life_margin: Figure = _one("life_margin")
    haircut_grade: dict[str, Figure] = _by_key("haircut_grade")
    haircut_right: dict[str, Figure] = _by_key("haircut_right")
    haircut_liquidity: dict[str, Figure] = _by_key("haircut_liquidity")
    haircut_life: dict[str, Figure] = _by_key("haircut_life")
    sale_discount: Figure = _one("sale_discount")
    sale_cost: Figure = _one("sale_cost")
    sale_months: dict[str, Figure] = _by_key("sale_months")
    sale_rate: Figure = _one("sale_rate")
    maximum_ltv: dict[str, Figure] = _by_key("maximum_ltv")
    margin_call_cover: Figure = _one("margin_call_cover")
    correlation: Figure = _one("correlation")

    @model_validator(mode="after")
    def _bounds(self) -> CollateralPolicy:
        for path, figure in self._figures():
            if figure.unit == "share" and not 0 <= figure.value <= 1:
                raise ValueError(f"{path} = {figure.value}: a share must be between 0 and 1")
            if figure.value < 0:
                raise ValueError(f"{path} = {figure.value}: it must not be negative")
        unknown = sorted({*self.waived} - {*RULES} | {*self.waived} & {*_FIXED_RULES})
        if unknown:
            raise ValueError(f"waived: {unknown[0]!r} is not a rule that can be waived")
        if set(self.haircut_grade) != set(_GRADES):
            raise ValueError(f"haircut_grade has the keys {', '.join(_GRADES)}")
        if not set(self.maximum_ltv) <= set(self.haircut_right):
            raise ValueError("haircut_right must have every right of maximum_ltv")
        for name in _BANDS:
            band_starts(getattr(self, name), name)
        return self

    def table(self) -> pd.DataFrame:
        """All figures as a table: figure, value, unit, date, certainty, source."""
        return pd.DataFrame([{"figure": path, **figure.model_dump()} for path, figure in self._figures()])

    def by_key(self, name: str, keys: Texts) -> Floats:
        """Figure for each row's grade or right; NaN where there is none."""
        table: dict[str, Figure] = getattr(self, name)
        distinct, places = np.unique(keys.astype(str), return_inverse=True)
        found = [table[str(k)].value if str(k) in table else np.nan for k in distinct]
        return np.array(found, np.float64)[places]

    def by_band(self, name: str, amounts: Floats) -> Floats:
        """Figure of the band of each amount; an unknown amount is in the lowest band."""
        table: dict[str, Figure] = getattr(self, name)
        starts = band_starts(table, name)
        values = np.array([table[key].value for key in sorted(table, key=float)])
        return values[np.searchsorted(starts, np.nan_to_num(amounts, nan=0.0), side="right") - 1]

    def _figures(self) -> list[tuple[str, Figure]]:
        rows: list[tuple[str, Figure]] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Figure):
                rows.append((name, value))
            elif isinstance(value, dict):
                rows += [(f"{name}.{key}", figure) for key, figure in value.items()]
        return rows


def band_starts(table: dict[str, Figure], name: str) -> Floats:
    """Lower bounds of the bands of a table, ascending.

    Raises
    ------
    ValueError
        If a key is not a number, or no band begins at 0.
    """
    try:
        starts = np.sort(np.array([float(key) for key in table]))
    except ValueError:
        raise ValueError(f"{name}: the keys are the lower bounds of bands") from None
    if not len(starts) or starts[0] != 0:
        raise ValueError(f"{name}: the lowest band begins at 0")
    return starts
