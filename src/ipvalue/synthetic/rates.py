"""Market data of the synthetic book: yield curves, exchange rates and price indices, one date a year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ipvalue.law.dates import add_years
from ipvalue.synthetic.common import small_table, stream
from ipvalue.types import Dates, Floats

__all__ = ["curves_table", "fx_table", "price_index_table", "quotation_dates", "to_currency"]

QUOTATIONS = 26
TENORS = np.array([0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0, 30.0])
SLOPE_YEARS = 5.0
LEVEL_SPREAD = 0.004  # standard deviation of a curve's yearly level
INDEX_SPREAD = 0.008


def quotation_dates(until: np.datetime64) -> Dates:
    """The last day of the book and its anniversaries of the 25 years before, oldest first."""
    return add_years(np.full(QUOTATIONS, until), np.arange(QUOTATIONS) - QUOTATIONS + 1)


def _numbers(column: str) -> Floats:
    return np.array(small_table("currencies")[column], np.float64)


def _grid(values: Floats, name: str, until: np.datetime64) -> dict[str, Any]:
    """Columns of a table with one row a date and currency; values by currency, then date."""
    dates, currencies = quotation_dates(until), small_table("currencies")["currency"]
    return {
        "date": np.tile(dates, len(currencies)),
        "currency": np.repeat(np.array(currencies, object), len(dates)),
        name: values.ravel(),
    }


def fx_table(seed: int, until: np.datetime64) -> dict[str, Any]:
    """Columns of the fx table: parity times exp(spread * e), drawn anew each year."""
    noise = stream(seed, "fx").standard_normal((len(_numbers("usd")), QUOTATIONS))
    return _grid(_numbers("usd")[:, None] * np.exp(_numbers("usd_spread")[:, None] * noise), "rate", until)


def price_index_table(seed: int, until: np.datetime64) -> dict[str, Any]:
    """Columns of the price index table: 100 on the oldest date, then inflation with a random error each year."""
    inflation = _numbers("inflation")[:, None]
    change = inflation + INDEX_SPREAD * stream(seed, "prices").standard_normal((len(inflation), QUOTATIONS))
    change[:, 0] = 0.0
    return _grid(100.0 * np.exp(np.cumsum(change, axis=1)), "level", until)


def curves_table(seed: int, until: np.datetime64) -> dict[str, Any]:
    """Columns of the curves table: level + slope * (1 - exp(-tenor / 5)), the level drawn each year."""
    dates, currencies = quotation_dates(until), small_table("currencies")["currency"]
    noise = LEVEL_SPREAD * stream(seed, "curves").standard_normal((len(currencies), QUOTATIONS))
    level = _numbers("curve_level")[:, None] + noise
    shape = _numbers("curve_slope")[:, None] * -np.expm1(-TENORS / SLOPE_YEARS)
    rate = level[:, :, None] + shape[:, None, :]
    return {
        "date": np.tile(np.repeat(dates, len(TENORS)), len(currencies)),
        "currency": np.repeat(np.array(currencies, object), len(dates) * len(TENORS)),
        "tenor_years": np.tile(TENORS, len(currencies) * len(dates)),
        "rate": np.round(rate.ravel(), 6),
    }


def to_currency(amount: Floats, currency: Any, target: str, fx: Mapping[str, Any], as_of: np.datetime64) -> Floats:
    """Amounts in another currency, at the last quotation on or before a date (the first one before that).

    Parameters
    ----------
    amount : float array
        Amounts in whole units.
    currency : str array
        Currency of each amount.
    target : str
        Currency wanted.
    fx : mapping
        Columns of the fx table.
    as_of : datetime64[D]
        The date.

    Returns
    -------
    float array

    Raises
    ------
    KeyError
        If the table does not quote one of the currencies.
    """
    dates, codes = np.asarray(fx["date"], "M8[D]"), np.asarray(fx["currency"], object)
    used = max(dates.min(), dates[dates <= as_of].max(initial=dates.min()))
    quoted = {str(c): float(r) for c, r in zip(codes[dates == used], np.asarray(fx["rate"])[dates == used])}
    names, position = np.unique(np.asarray(currency, str), return_inverse=True)
    factors = np.array([quoted[name] / quoted[target] for name in names])
    return np.asarray(amount * factors[position], np.float64)
