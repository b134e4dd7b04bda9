"""Conversion of amounts into the currency and the price level of the valuation date."""

from __future__ import annotations

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Dates, Floats, Ints, Texts

__all__ = ["exchange_rate", "price_trend"]


def exchange_rate(snapshot: Snapshot, assumptions: Assumptions, currency: Texts, dates: Dates | None = None) -> Floats:
    """Units of the valuation's currency for one unit of each amount's currency.

    Parameters
    ----------
    snapshot : Snapshot
        Its table ``fx`` gives the rates; the latest on or before each date counts.
    assumptions : Assumptions
        ``fx_usd`` is used for a currency that ``fx`` lacks.
    currency : ndarray of str, shape (n,)
        ISO 4217; an empty text means the valuation's currency.
    dates : ndarray of datetime64[D], shape (n,), optional
        Day of each amount; the snapshot's by default.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where neither the table nor the assumptions know the currency.
    """
    when = np.full(len(currency), snapshot.date) if dates is None else dates
    own = np.full(len(currency), assumptions.currency)
    names = np.where(currency == "", own, currency)
    # exactly 1 for the same currency, for which no rate need be known
    return np.where(
        names == own, 1.0, _usd(snapshot, assumptions, names, when) / _usd(snapshot, assumptions, own, when)
    )


def _usd(snapshot: Snapshot, assumptions: Assumptions, currency: Texts, dates: Dates) -> Floats:
    table = snapshot.market("fx")
    result = np.full(len(currency), np.nan)
    for name in np.unique(currency):
        here = currency == name
        if name == "USD":
            result[here] = 1.0
            continue
        rates, place = _latest(table, "rate", str(name), dates[here])
        figure = assumptions.fx_usd.get(str(name))
        # before the first quotation, the first one is closer than an assumed rate
        assumed = np.nan if figure is None else figure.value
        result[here] = rates[np.maximum(place, 0)] if len(rates) else np.full(len(place), assumed)
    return result


def price_trend(snapshot: Snapshot, assumptions: Assumptions, currency: Texts, dates: Dates) -> Floats:
    """Price level on the snapshot's date over the level on each amount's day, in the amount's own currency.

    Parameters
    ----------
    snapshot : Snapshot
        Its table ``price_index`` gives the levels; the latest on or before a day counts.
    assumptions : Assumptions
        For its currency.
    currency : ndarray of str, shape (n,)
        ISO 4217; an empty text means the valuation's currency.
    dates : ndarray of datetime64[D], shape (n,)
        Day of each amount.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where no level is known on or before the day of the amount.
    """
    table = snapshot.market("price_index")
    names = np.where(currency == "", np.full(len(currency), assumptions.currency), currency)
    result = np.full(len(names), np.nan)
    for name in np.intersect1d(names, table["currency"]):
        here = names == name
        levels, place = _latest(table, "level", str(name), dates[here])
        then = np.where((place >= 0) & ~np.isnat(dates[here]), levels[np.maximum(place, 0)], np.nan)
        result[here] = levels[-1] / then
    return result


def _latest(table: Columns, column: str, currency: str, dates: Dates) -> tuple[Floats, Ints]:
    """A currency's figures in the order of their dates, and the place of the latest one on or before each day."""
    mine = np.flatnonzero(table["currency"] == currency)
    mine = mine[np.argsort(table["date"][mine], kind="stable")]
    return table[column][mine], np.searchsorted(table["date"][mine], dates, "right") - 1
