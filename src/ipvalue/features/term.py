"""Term features: how old the right is and how long it may still live."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citations import age_years
from ipvalue.law.term import remaining_years
from ipvalue.types import Columns, Dates

__all__ = ["FAMILY", "term_columns"]


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
    total = age + remaining
    return {
        "age": age,
        "remaining_term": remaining,
        "remaining_statutory_term": remaining_years(statutory, date),
        "remaining_share": np.where(total > 0, remaining / np.where(total > 0, total, 1.0), np.nan),
        "grant_lag": (grant - filing) / np.timedelta64(1, "D") / 365.25,
        "years_since_grant": age_years(grant, date),
        "years_since_priority": age_years(np.where(np.isnat(priority), filing, priority), date),
    }


def _compute(context: Context) -> Columns:
    patents, legal = context.snapshot.patents, context.legal
    filing, grant, priority = (patents[name] for name in ("application_date", "grant_date", "priority_date"))
    return term_columns(filing, grant, priority, legal.term.statutory, legal.end, context.snapshot.date)


FAMILY = Family.listed("term", _compute)
