"""Term features: how old the right is and how long it may still live."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.citations import age_years
from ipvalue.law.term import remaining_years
from ipvalue.types import Columns, Dates

__all__ = ["FAMILY", "term_columns"]


_STATUTES = "law.term: the statute of each office and right, with source and date in law/tables/term_rules.csv"
_HARHOFF = "Harhoff and Wagner (2009), Management Science 55"
_LONGEST = 200.0


def term_columns(
    filing: Dates, grant: Dates, priority: Dates, statutory: Dates, end: Dates, date: np.datetime64 | Dates
) -> Columns:
    """Columns of the family from dates, each of shape (n,).

    Parameters
    ----------
    filing, grant, priority : ndarray of datetime64[D]
        Of each patent; NaT where there is none.
    statutory, end : ndarray of datetime64[D]
        End of the basic term, and of the term with adjustments and extensions.
    date : datetime64 or ndarray of datetime64[D]
        Day of which the columns are.
    """
    age, remaining = age_years(filing, date), remaining_years(end, date)
    whole = age + remaining
    return {
        "age": age,
        "remaining_term": remaining,
        "remaining_statutory_term": remaining_years(statutory, date),
        "remaining_share": np.where(whole > 0, remaining / np.where(whole > 0, whole, 1.0), np.nan),
        "grant_lag": (grant - filing) / np.timedelta64(1, "D") / 365.25,
        "years_since_grant": age_years(grant, date),
        "years_since_priority": age_years(np.where(np.isnat(priority), filing, priority), date),
    }


def _compute(context: Context) -> Columns:
    patents, legal = context.snapshot.patents, context.legal
    filing, grant, priority = (patents[name] for name in ("application_date", "grant_date", "priority_date"))
    return term_columns(filing, grant, priority, legal.term.statutory, legal.end, context.snapshot.date)


def _years(name: str, direction: int, definition: str, missing: str = "", source: str = _STATUTES) -> Feature:
    return Feature(name, "years", 0.0, _LONGEST, direction, definition, source, missing)


_NO_RULE = "no rule covers the office and right, or the term counts from a grant that is not there yet"

FAMILY = Family(
    "term",
    (
        _years("age", 0, "years since filing"),
        _years("remaining_term", 1, "years to the end of the term, adjustments and extensions included", _NO_RULE),
        _years("remaining_statutory_term", 1, "years to the end of the basic term", _NO_RULE),
        Feature(
            "remaining_share",
            "share",
            0.0,
            1.0,
            1,
            "remaining term over age and remaining term",
            _STATUTES,
            _NO_RULE,
        ),
        _years("grant_lag", 0, "years from filing to grant", "not granted", _HARHOFF),
        _years("years_since_grant", 0, "years since grant", "not granted"),
        _years("years_since_priority", 0, "years since the earliest priority, or filing"),
    ),
    _compute,
    reads=(),
    after=(),
    tables=("legal_events",),
)
