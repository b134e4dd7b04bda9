"""The risk-free rate for a patent's remaining years: from the yield curve known on the date, else the assumed one.

A subject has the curve as zero rates at a few tenors, one column each, so that past deals, shards and the mixed inputs
of an attribution have the curve of their own date.
"""

from __future__ import annotations

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.subject import Subject
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Floats, Mask

__all__ = ["CURVE_COLUMNS", "TENORS", "curve_columns", "risk_free_rate"]

TENORS = (1.0, 5.0, 10.0, 20.0)
"""Years; a patent has at most 20. The curve is linear between these tenors."""
CURVE_COLUMNS = tuple(f"zero_rate_{tenor:.0f}" for tenor in TENORS)


def curve_columns(market: Snapshot, assumptions: Assumptions, n: int) -> Columns:
    """Zero rates of the valuation's currency, by the last quotation on or before the date.

    Parameters
    ----------
    market : Snapshot
        Its table ``curves``.
    assumptions : Assumptions
        For its currency.
    n : int
        Patents.

    Returns
    -------
    dict of str to ndarray, each of shape (n,)
        By :data:`CURVE_COLUMNS`, annually compounded decimals a year; NaN where no curve of the currency is known.
        Linear between the curve's own tenors, constant beyond its shortest and longest.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> snapshot = ipv.synthetic_book(20, seed=1).as_of("2020-12-31")
    >>> curve = curve_columns(snapshot, ipv.Assumptions.default("CN"), 2)
    >>> bool(curve["zero_rate_1"][0] < curve["zero_rate_20"][0])
    True
    """
    table = market.market("curves")
    mine = np.flatnonzero(table["currency"] == assumptions.currency)
    rates = np.full(len(TENORS), np.nan)
    if len(mine):
        last = mine[table["date"][mine] == table["date"][mine].max()]
        last = last[np.argsort(table["tenor_years"][last], kind="stable")]
        rates = np.interp(TENORS, table["tenor_years"][last], table["rate"][last])
    return {name: np.full(n, rate) for name, rate in zip(CURVE_COLUMNS, rates)}


def risk_free_rate(subject: Subject, assumptions: Assumptions, years: Floats) -> tuple[Floats, Mask]:
    """Riskless rate for each patent's years, and whether a curve gives it.

    Parameters
    ----------
    subject : Subject
        Its money has :data:`CURVE_COLUMNS`.
    assumptions : Assumptions
        ``risk_free_rate`` is used where no curve is known.
    years : ndarray, shape (n,)
        Tenor; NaN gives NaN where a curve is known.

    Returns
    -------
    rate : ndarray, shape (n,)
        Annually compounded decimal a year.
    known : ndarray of bool, shape (n,)
    """
    curve = np.stack([subject.money[name] for name in CURVE_COLUMNS])
    tenors = np.array(TENORS)
    left = np.clip(np.searchsorted(tenors, years) - 1, 0, len(tenors) - 2)
    share = np.clip((years - tenors[left]) / (tenors[left + 1] - tenors[left]), 0.0, 1.0)
    row = np.arange(len(subject))
    rate = curve[left, row] * (1.0 - share) + curve[left + 1, row] * share
    known = np.isfinite(curve[0])
    return np.where(known, rate, assumptions.risk_free_rate.value), known
