"""Renewal fees of a subject by year since grant: fees paid so far, and fees still to come.

Fees follow the right's schedule for large payers, in the amounts in force on each due date as far as the tables of
:mod:`ipvalue.law` contain them, in the valuation's currency at the exchange rate of the valuation date.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipvalue.evidence.subject import Subject
from ipvalue.law.dates import as_dates, years_between
from ipvalue.law.fees import FeeCalendar, calendar
from ipvalue.types import Dates, Floats, Ints, Mask

__all__ = ["YEARS", "FeeYears", "by_year", "fee_calendar", "fees_paid", "granted_on"]

YEARS = 25
# a lapse falls on an anniversary up to a leap day and a month's end
_NEARLY_A_YEAR = 0.1


class FeeYears(NamedTuple):
    """Fees by year since grant: rights by :data:`YEARS`."""

    amount: Floats
    """Fee, currency units, that renews the right for the year and until the next fee; 0 where none is due, NaN from
    the year in which the term has ended."""
    covered: Mask
    """Whether any schedule with a fee after grant covers the right, one element a right."""


def granted_on(subject: Subject) -> Dates:
    """Grant date; for an application the valuation date, since it is valued as granted."""
    grant, today = subject.dates["grant"], subject.dates["as_of"]
    return np.asarray(np.where(np.isnat(grant), today, grant), "datetime64[D]")


def fee_calendar(subject: Subject) -> FeeCalendar:
    """Renewal fees of each right over its life, as known on the valuation date, in its office's currency."""
    return calendar(
        subject.jurisdiction,
        subject.right,
        subject.dates["filing"],
        granted_on(subject),
        n_claims=subject.features["n_claims"],
        known_on=subject.dates["as_of"],
    )


def slot_years(fees: FeeCalendar, grant: Dates) -> Ints:
    """Year since grant for which each fee is paid: the first that begins after the right would have lapsed.

    A fee that is due before grant belongs to no such year and has -1.
    """
    after = years_between(np.asarray(grant)[:, None], fees.lapse)
    year = np.ceil(after - _NEARLY_A_YEAR)
    return np.where((after > 0) & (year < YEARS), year, -1).astype(np.int64)


def by_year(fees: FeeCalendar, grant: Dates, fee_rate: Floats, term: Floats) -> FeeYears:
    """Assign fees to years since grant.

    Parameters
    ----------
    fees : FeeCalendar
        Of n rights.
    grant : ndarray of datetime64[D], shape (n,)
    fee_rate : ndarray, shape (n,)
        Units of the valuation's currency for one unit of the fees'.
    term : ndarray, shape (n,)
        Years from grant to the end of the term.
    """
    n = len(grant)
    amount = np.zeros((n, YEARS))
    if fees.due.shape[1] == 0:
        return FeeYears(amount, np.zeros(n, bool))
    year = slot_years(fees, grant)
    cells = amount.reshape(-1)
    for slot in range(year.shape[1]):
        rows = np.flatnonzero(year[:, slot] >= 0)
        cells[rows * YEARS + year[rows, slot]] += fees.amount[rows, slot] * fee_rate[rows]
    amount[np.arange(YEARS)[None, :] >= term[:, None]] = np.nan
    return FeeYears(amount, np.asarray((year >= 0).any(axis=1)))


def fees_paid(subject: Subject) -> Floats:
    """Renewal fees due by the date of valuation, without interest.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the valuation's currency; 0 where no schedule covers the right, NaN where no exchange rate is known.

    Notes
    -----
    A right that is alive has paid what was due; a fee in its grace that nothing shows as paid counts too.
    """
    fees = fee_calendar(subject)
    behind = fees.due <= as_dates(subject.dates["as_of"])[:, None]
    total = np.zeros(len(subject))
    for slot in range(fees.due.shape[1]):
        total = total + np.where(behind[:, slot], fees.amount[:, slot], 0.0)
    return np.where(total > 0, total * subject.money["fee_rate"], 0.0)
