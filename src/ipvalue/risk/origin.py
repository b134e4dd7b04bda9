"""What a valuation brings along: its columns, and the snapshot and assumptions that it was made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import BookError, require
from ipvalue.evidence.currency import exchange_rate
from ipvalue.records.book import parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Floats, Objects, Quantiles, Texts
from ipvalue.valuation import Valuation

__all__ = ["Origin", "date_of", "expect", "number", "origin_of", "rates_of", "sigma_of", "text"]

_BY_CURRENCY = {"CNY": "CN", "USD": "US", "EUR": "EU"}


class Origin(NamedTuple):
    """Where a valuation comes from."""

    snapshot: Snapshot | None
    assumptions: Assumptions


_MAKE = {
    "Valuation": "engine.value(book.as_of(date))",
    "Snapshot": "book.as_of(date)",
    "CollateralPolicy": "CollateralPolicy(...) or CollateralPolicy.from_json(path)",
    "PortfolioCorrelation": "PortfolioCorrelation.of(market, field, owner)",
}


def expect(name: str, given: object, kind: type) -> None:
    """Refuse an argument of another kind, and say how to make one of the right kind.

    Raises
    ------
    IpvalueError
        If it is of another kind.
    """
    require(given, kind, name, _MAKE[kind.__name__])


def origin_of(valuation: Valuation, snapshot: Snapshot | None, assumptions: Assumptions | None) -> Origin:
    """Find snapshot and assumptions: those given, else the valuation's own, else the default set of its currency.

    Raises
    ------
    BookError
        If the snapshot is of another day than the values.
    """
    sheet = valuation.worksheet
    if snapshot is not None and str(snapshot.date) != valuation.provenance["as_of"]:
        raise BookError(f"the snapshot is of {snapshot.date}, the values are of {valuation.provenance['as_of']}")
    if sheet is not None:
        snapshot = sheet.snapshot if snapshot is None else snapshot
        assumptions = sheet.model.assumptions if assumptions is None else assumptions
    if assumptions is None:
        region: Any = _BY_CURRENCY.get(str(valuation.provenance["currency"]), "CN")
        assumptions = Assumptions.default(region)
    return Origin(snapshot, assumptions)


def date_of(valuation: Valuation, as_of: object | None) -> np.datetime64:
    """Day of the report: the values' own, or a later one.

    Raises
    ------
    BookError
        If it is earlier: nothing may be known before its day.
    """
    valued = parse_date(valuation.provenance["as_of"])
    day = valued if as_of is None else parse_date(as_of)
    if day < valued:
        raise BookError(f"as_of={day} is earlier than the values, which are of {valued}")
    return day


def rates_of(currency: Objects, valued_in: str, rates: Mapping[str, float] | None, origin: Origin) -> Floats:
    """Units of the valuation's currency for one unit of each currency; NaN where unknown.

    Rates given count first, then what the snapshot and the assumptions know.

    Raises
    ------
    BookError
        If a rate given is no number above 0.
    """
    for name, rate in (rates or {}).items():
        if isinstance(rate, bool) or not isinstance(rate, Real) or not 0.0 < float(rate) < math.inf:
            raise BookError(f"rates[{name!r}]={rate!r}: a rate is a number above 0, in {valued_in} for one {name}")
    names = np.array([str(c) for c in currency] or [""])[: len(currency)]
    given = {**(rates or {}), valued_in: 1.0, "": 1.0}
    distinct, place = np.unique(names, return_inverse=True)
    found = np.array([given.get(str(name), np.nan) for name in distinct], np.float64)
    if origin.snapshot is not None and origin.assumptions.currency == valued_in:
        known = exchange_rate(origin.snapshot, origin.assumptions, distinct)
        found = np.where(np.isnan(found), known, found)
    return np.where(found > 0, found, np.nan)[place]


def number(valuation: Valuation, name: str) -> Floats:
    """A column of numbers; NaN for null."""
    column = valuation.table[name].to_numpy(zero_copy_only=False)
    return np.asarray(column, np.float64)


def text(valuation: Valuation, name: str) -> Texts:
    """A column of short texts; empty for null."""
    values = valuation.table[name].to_numpy(zero_copy_only=False)
    return np.where(values == None, "", values).astype(str)  # noqa: E711


def sigma_of(valuation: Valuation) -> Floats:
    """Standard deviation of each log value, from the distance of the 5 and 95 % quantiles; 0 without a value."""
    low, high = number(valuation, "q05"), number(valuation, "q95")
    sigma = Quantiles(np.column_stack([low, high])).log_sd
    return np.where(np.isfinite(sigma) & (low > 0), sigma, 0.0)
