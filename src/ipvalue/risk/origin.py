"""What risk reports read from a valuation: columns, segments, and the snapshot and assumptions behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import BookError, IpvalueError, require
from ipvalue.evidence.currency import exchange_rate
from ipvalue.law.technology import field_names
from ipvalue.records.book import parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Floats, Objects, Quantiles, Texts
from ipvalue.valuation import Valuation

__all__ = [
    "Origin",
    "date_of",
    "expect",
    "labels_by",
    "model_value",
    "number",
    "origin_of",
    "rates_of",
    "segment_labels",
    "sigma_of",
    "text",
]

_BY_CURRENCY = {"CNY": "CN", "USD": "US", "EUR": "EU"}


class Origin(NamedTuple):
    """Snapshot and assumptions that a valuation was made from."""

    snapshot: Snapshot | None
    assumptions: Assumptions


_MAKE = {
    "Valuation": "engine.value(book.as_of(date))",
    "Snapshot": "book.as_of(date)",
    "CollateralPolicy": "CollateralPolicy(...) or CollateralPolicy.from_json(path)",
    "PortfolioCorrelation": "PortfolioCorrelation.of(market, field, owner)",
}


def expect(name: str, given: object, kind: type) -> None:
    """Raise :class:`IpvalueError` for an argument of a wrong type, and say how to make a right one."""
    require(given, kind, name, _MAKE[kind.__name__])


def origin_of(valuation: Valuation, snapshot: Snapshot | None, assumptions: Assumptions | None) -> Origin:
    """Snapshot and assumptions: those given, else the valuation's own, else the default set of its currency.

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
    """Day of a report: the valuation date or a later day; an earlier one raises :class:`BookError`."""
    valued = parse_date(valuation.provenance["as_of"])
    day = valued if as_of is None else parse_date(as_of)
    if day < valued:
        raise BookError(f"as_of={day} is earlier than the values, which are of {valued}")
    return day


def rates_of(currency: Objects, valued_in: str, rates: Mapping[str, float] | None, origin: Origin) -> Floats:
    """Units of the valuation's currency for one unit of each currency; NaN where unknown.

    Rates given come first, then those of the snapshot and the assumptions. A rate that is not above 0 raises
    :class:`BookError`.
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


def model_value(valuation: Valuation) -> Floats:
    """The model's value of each patent, overridden or not; NaN for null."""
    names = valuation.table.column_names
    column = valuation.table["model_value" if "model_value" in names else "value"]
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def text(valuation: Valuation, name: str) -> Texts:
    """A column of short texts; empty for null."""
    values = valuation.table[name].to_numpy(zero_copy_only=False)
    return np.where(values == None, "", values).astype(str)  # noqa: E711


def sigma_of(valuation: Valuation) -> Floats:
    """Standard deviation of each log value, from the distance of the 5 and 95 % quantiles; 0 without a value."""
    low, high = number(valuation, "q05"), number(valuation, "q95")
    sigma = Quantiles(np.column_stack([low, high])).log_sd
    return np.where(np.isfinite(sigma) & (low > 0), sigma, 0.0)


def segment_labels(snapshot: Snapshot, grade: Objects) -> pd.DataFrame:
    """Segments of each patent: ``field``, ``jurisdiction``, ``grade`` ('' for none) and first ``owner``, as text."""
    number = snapshot.field.astype(np.int64)
    names = np.array(field_names(), object)
    columns = {
        "field": np.array([f"{k} {name}" for k, name in enumerate(names)], object)[number],
        "jurisdiction": snapshot.patents["jurisdiction"].astype(object),
        "grade": np.where(grade == "", "none", grade).astype(object),
        "owner": np.where(snapshot.owner_name == "", "unknown", snapshot.owner_name).astype(object),
    }
    return pd.DataFrame(columns, index=pd.Index(snapshot.patent_ids, name="patent_id"))


def labels_by(labels: pd.DataFrame, by: str | pd.Series) -> pd.Series:
    """Labels to group by: a named segment, or a Series by patent_id.

    Raises
    ------
    IpvalueError
        If there is no such segment, or a patent has no label.
    """
    if isinstance(by, pd.Series):
        own = by.reindex(labels.index)
        if own.isna().any():
            raise IpvalueError(f"no label is given for the patent {own.index[own.isna()][0]!r}")
        return own.rename(str(by.name or "segment"))
    if by not in labels.columns:
        raise IpvalueError(f"there is no segment {by!r}; there are {', '.join(map(str, labels.columns))}")
    named: pd.Series = labels[by]
    return named
