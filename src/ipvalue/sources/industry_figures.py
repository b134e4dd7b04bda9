"""From Damodaran's tables to figures of an assumption set: the industry that stands for each technology field."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

import pandas as pd

from ipvalue.assumptions.figures import Figure
from ipvalue.errors import SourceError

__all__ = ["industry_figures"]

_DEFAULT = "default"
_EDITION = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")
_UPDATE_DAY = "05"  # an edition that names its month alone: the tables are updated on the 5th of January
_STANDS = "the industry that stands for the field is assumed"


class _ByField(NamedTuple):
    """A figure by field: the product of some columns at the field's industry."""

    name: str
    columns: tuple[str, ...]
    unit: str
    certainty: str
    what: str


_BY_FIELD = (
    _ByField("cost_of_capital", ("cost_of_capital",), "per year", "published", "cost of capital"),
    _ByField(
        "development_volatility",
        ("std_dev_in_stock", "e_d_e"),
        "per year to the root",
        "derived",
        "standard deviation of the stock times the share of equity",
    ),
    _ByField(
        "operating_margin",
        ("pre_tax_lease_r_d_adj_margin",),
        "share of revenue",
        "published",
        "pre-tax operating margin adjusted for leases and R&D",
    ),
)


def industry_figures(
    *tables: pd.DataFrame,
    country: str | None = None,
    industries: Mapping[str, str] | None = None,
    edition: str | dt.date | None = None,
) -> dict[str, Figure | dict[str, Figure]]:
    """Make figures of an assumption set from Damodaran's tables.

    Parameters
    ----------
    *tables : pandas.DataFrame
        As :func:`ipvalue.read_damodaran` returns them: costs of capital (wacc), margins, working capital (wcdata),
        premia by country (ctryprem), in any order.
    country : str, optional
        Whose risk premium is taken from ctryprem, by its name there; required with that table.
    industries : mapping of str to str, optional
        Industry by technology field (``"1"`` to ``"35"``) or ``"default"``, where ours does not suit.
    edition : str or date, optional
        Day of the figures; by default that of each table.

    Returns
    -------
    dict
        For :meth:`ipvalue.Assumptions.with_figures`; of each table what it has:

        ================================  ===========================================================================
        cost_of_capital                   ``cost_of_capital`` by field
        development_volatility            ``std_dev_in_stock * e_d_e`` by field: of the whole firm, debt being riskless
        operating_margin                  ``pre_tax_lease_r_d_adj_margin`` by field: R&D as an investment
        contributory_share                ``non_cash_wc_sales`` of the whole market, for ``working_capital``
        country_risk_premium              ``country_risk_premium`` of the country
        ================================  ===========================================================================

    Raises
    ------
    SourceError
        If a table has none of these columns, no date, or lacks an industry or the country.

    References
    ----------
    Damodaran, A., Data: current, NYU Stern; free with attribution.

    Examples
    --------
    >>> import ipvalue as ipv, pandas as pd
    >>> table = pd.DataFrame({"cost_of_capital": 0.09, "edition": "2026-01-05"}, index=["Machinery", "Market"])
    >>> figures = industry_figures(table, industries=dict.fromkeys([*map(str, range(1, 36)), "default"], "Machinery"))
    >>> ipv.Assumptions.default("CN").with_figures(figures).cost_of_capital["25"].value
    0.09
    """
    by_field = {**_industries(), **(industries or {})}
    figures: dict[str, Figure | dict[str, Figure]] = {}
    for table in tables:
        day = _day(table, edition)
        found: dict[str, Figure | dict[str, Figure]] = {
            each.name: _of_fields(table, each, by_field, day)
            for each in _BY_FIELD
            if {*each.columns} <= {*table.columns}
        }
        if "non_cash_wc_sales" in table:
            found["contributory_share"] = {"working_capital": _working_capital(table, by_field[_DEFAULT], day)}
        if "country_risk_premium" in table:
            found["country_risk_premium"] = _country(table, country, day)
        if not found:
            has = ", ".join(map(str, table.columns[:6]))
            raise SourceError(f"a table has none of the columns from which figures follow; it has {has}")
        figures |= found
    return figures


def _of_fields(table: pd.DataFrame, each: _ByField, industries: Mapping[str, str], day: dt.date) -> dict[str, Figure]:
    values = table[[*each.columns]].astype(float).prod(axis=1, skipna=False).dropna()
    lacking = sorted({*industries.values()} - {*values.index})
    if lacking:
        names = ", ".join(lacking[:5])
        raise SourceError(f"the table has no {each.name} of {names}: name others as industries={{field: industry}}")
    what = f"{each.what} by industry, edition {day}"
    return {
        key: _figure(values[industry], each, day, f"{what}: {industry}{'' if key == _DEFAULT else f'; {_STANDS}'}")
        for key, industry in industries.items()
    }


def _working_capital(table: pd.DataFrame, market: str, day: dt.date) -> Figure:
    about = _ByField("contributory_share", ("non_cash_wc_sales",), "share of revenue", "published", "")
    return _figure(
        _one(table, market, about), about, day, f"non-cash working capital over sales, edition {day}: {market}"
    )


def _country(table: pd.DataFrame, country: str | None, day: dt.date) -> Figure:
    if country is None:
        raise SourceError("a table of premia by country needs country=, such as country='China'")
    about = _ByField("country_risk_premium", ("country_risk_premium",), "per year", "published", "")
    return _figure(_one(table, country, about), about, day, f"country risk premiums, edition {day}: {country}")


def _figure(value: float, about: _ByField, day: dt.date, what: str) -> Figure:
    return Figure.model_validate(
        {
            "value": float(value),
            "unit": about.unit,
            "date": day,
            "certainty": about.certainty,
            "source": f"Damodaran (NYU Stern), {what}",
        }
    )


def _one(table: pd.DataFrame, row: str, about: _ByField) -> float:
    (column,) = about.columns
    values = table[column].dropna()
    if row not in values.index:
        near = ", ".join(map(str, values.index[:5]))
        raise SourceError(f"the table has no {column} of {row!r}; it has rows such as {near}")
    return float(values[row])


def _day(table: pd.DataFrame, edition: str | dt.date | None) -> dt.date:
    said = edition if edition is not None else next(iter(table.get("edition", pd.Series(dtype=object)).dropna()), None)
    found = _EDITION.fullmatch(str(said))
    if found is None:
        raise SourceError(f"a table's edition is {said!r}, which is no date: give edition='YYYY-MM-DD'")
    return dt.date.fromisoformat(f"{found[1]}-{found[2]}-{found[3] or _UPDATE_DAY}")


@cache
def _industries() -> dict[str, str]:
    file = resources.files("ipvalue.assumptions") / "tables" / "field_industries.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {row["key"]: row["industry"] for row in rows}
