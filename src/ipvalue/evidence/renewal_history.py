"""Renewal histories of a book: the years for which each granted right was renewed, and whether it then lapsed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.evidence.fee_years import by_year, fee_calendar, granted_on, slot_years
from ipvalue.evidence.subject import Subject
from ipvalue.features.legal import legal_facts
from ipvalue.finance.renewal import renewal_thresholds
from ipvalue.finance.renewal_fit import Bounds
from ipvalue.law.dates import years_between
from ipvalue.law.fees import FeeCalendar
from ipvalue.law.states import ALIVE, State
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Dates, Floats, Ints, Mask

__all__ = ["Histories", "Thresholds", "histories", "settled_until", "settled_years"]

# days until a lapse for want of payment is in the register. It works back to the due date and is gazetted about a year
# later (CNIPA: 383 days in tests/test_no_look_ahead.py); in the United States after 33 to 36 days (samples in
# law/tables/fee_rules.csv), and a reinstatement of the first weeks is given time to appear
_GAZETTED_DAYS = {"US": 60}
_LATEST_GAZETTED = 400
_NEAR = np.timedelta64(400, "D")
_FAR = np.timedelta64(10**6, "D")


class Thresholds:
    """Thresholds of initial returns for many rights, computed once for each distinct schedule.

    Parameters
    ----------
    fees : ndarray, shape (n, years)
        By year since grant, NaN from the end of the term.
    discount : ndarray, shape (n,)
    """

    def __init__(self, fees: Floats, discount: Floats) -> None:
        rows = np.ascontiguousarray(np.column_stack([fees, discount]))
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        self._fees, self._discount, self._place = fees[first], discount[first], place

    def at(self, decay: float) -> Floats:
        """Renewal thresholds of each distinct schedule, after a column of zeros for no fee paid."""
        table = renewal_thresholds(decay, self._discount, self._fees)
        return np.column_stack([np.zeros(len(table)), table])

    def table(self, decay: float) -> Floats:
        """Least initial return with which each right is renewed for 0, 1, ... years: rights by years."""
        return np.asarray(self.at(decay)[self._place], np.float64)

    def reach(self, decay: float, years: Ints) -> Floats:
        """Least initial return of each right that was renewed for so many years."""
        return np.asarray(self.at(decay)[self._place, years], np.float64)

    def bounds(self, decay: float, years: Ints, lapsed: Mask) -> Bounds:
        """Lower and upper bound of the initial return that each history implies."""
        table = self.at(decay)
        low = table[self._place, years]
        high = np.where(lapsed, table[self._place, np.minimum(years + 1, table.shape[1] - 1)], np.inf)
        return low, high


class Histories(NamedTuple):
    """Renewal histories, one element a right."""

    row: Ints
    """Position in the snapshot."""
    years: Ints
    """Years since grant for which the fees were paid."""
    lapsed: Mask
    """Whether the next fee was then not paid."""
    fees: Floats
    """By year since grant, shape (n, 25), in the valuation's currency."""

    def take(self, chosen: Mask | Ints) -> Histories:
        """Keep some."""
        return Histories(self.row[chosen], self.years[chosen], self.lapsed[chosen], self.fees[chosen])


def settled_until(subject: Subject) -> Dates:
    """Day until which a missed fee would be in the register by the date of valuation."""
    delay = np.full(len(subject), _LATEST_GAZETTED)
    for office, days in _GAZETTED_DAYS.items():
        delay[subject.jurisdiction == office] = days
    return np.asarray(subject.dates["as_of"] - delay.astype("timedelta64[D]"), "datetime64[D]")


def settled_years(fees: FeeCalendar, table: Floats, year: Ints, until: Dates, last_paid: Floats) -> Ints:
    """Years since grant for which it is settled that the fees were paid.

    Parameters
    ----------
    table : ndarray, shape (n, years)
        The same fees by year since grant; a year that begins after the term does not count.
    year : ndarray of int, shape (n, slots)
        From :func:`~ipvalue.evidence.fee_years.slot_years`.
    until : ndarray of datetime64[D], shape (n,)
        Day until which the right is known to have lived.
    last_paid : ndarray, shape (n,)
        Latest fee year that is seen as paid; 0 where none is.
    """
    paid = (fees.lapse <= until[:, None]) | (fees.fee_year <= last_paid[:, None])
    known = np.where(paid & (year >= 0), year + 1, 0)
    alive = np.isfinite(table).sum(axis=1)
    return np.asarray(np.minimum(known.max(axis=1, initial=0), alive), np.int64)


def histories(snapshot: Snapshot, subject: Subject) -> Histories:
    """Read the renewals of every granted right that a fee schedule covers.

    Parameters
    ----------
    snapshot : Snapshot
        The book as known on the day.
    subject : Subject
        The same patents.

    Notes
    -----
    A lapsed right did not pay the fee whose due date or lapse lies nearest to its end, and paid all before. A right
    that lives, or ended in another way, paid what was due by its end, as far as a missed fee would be gazetted by
    now. A fee due later is not used, whether paid or not: counting the lapses that are already known, but not the
    renewals that will become known later, would bias the likelihood. Rights without a settled fee are left out.
    """
    legal = legal_facts(snapshot)
    grant, fees = granted_on(subject), fee_calendar(subject)
    table = by_year(fees, grant, subject.money["fee_rate"], years_between(grant, legal.end))
    usable = table.covered & ~np.isnat(subject.dates["grant"]) & np.isfinite(subject.money["fee_rate"])
    if not usable.any():
        nothing = np.zeros(0, np.int64)
        return Histories(nothing, nothing, nothing.astype(bool), table.amount[:0])
    year, since = slot_years(fees, grant), legal.status.since
    ended = np.where(np.isnat(since) | ALIVE[legal.status.state], snapshot.date, since)
    settled = settled_until(subject)
    years = settled_years(fees, table.amount, year, np.minimum(ended, settled), np.zeros(len(year)))
    lapsed = legal.status.state == State.LAPSED
    unpaid, distance = _unpaid_slot(fees, year, since)
    each = np.arange(len(year))
    missed = year[each, unpaid]
    lapsed &= fees.lapse[each, unpaid] <= settled
    lapsed &= (distance <= _NEAR) & (missed < np.isfinite(table.amount).sum(axis=1))
    years = np.where(lapsed, missed, years)
    row = np.flatnonzero(usable & (lapsed | (years > 0)))
    return Histories(row, years[row], lapsed[row], table.amount[row])


def _unpaid_slot(fees: FeeCalendar, year: Ints, since: Dates) -> tuple[Ints, npt.NDArray[np.timedelta64]]:
    """Slot whose lapse or due date lies nearest to the end of each right, and how near."""
    nearest, distance = np.zeros(len(since), np.int64), np.full(len(since), _FAR)
    for slot in range(year.shape[1]):
        for day in (fees.lapse[:, slot], fees.due[:, slot]):
            away = np.abs(day - since)
            closer = (year[:, slot] >= 0) & ~np.isnat(away) & (away < distance)
            nearest, distance = np.where(closer, slot, nearest), np.where(closer, away, distance)
    return nearest, distance
