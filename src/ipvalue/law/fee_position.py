"""Position of rights in their fee calendars: fees paid, the next fee, and the share that is still to be paid.

Offices differ in what they publish. Published payments are used where there are any. China, for one, publishes no
payments: a right in force is then taken to have paid what fell due, and a right that lapsed for non-payment to have
paid the fees before. Calendars are large, so :func:`fee_position` works on blocks of rights.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of, joint_codes
from ipvalue.law.dates import as_dates
from ipvalue.law.fees import FeeCalendar, calendar, fee_plan
from ipvalue.types import Dates, Floats, Ints16, Mask

__all__ = ["FeePosition", "counted_from_grant", "fee_position", "overdue_since", "position_in"]

_NO_DATE = np.datetime64("NaT", "D")
_DAY = np.timedelta64(1, "D")
# a right that ended this near to the day of lapse of a fee is taken to have lapsed for not paying that fee
_TOLERANCE = np.timedelta64(31, "D")
_BLOCK = 1 << 15


class FeePosition(NamedTuple):
    """Fees of rights, one element a right."""

    fees: Ints16
    """Fees from grant (or filing, where applications pay) to the end of the term."""
    paid: Ints16
    """Those seen as paid, or taken as paid."""
    next_year: npt.NDArray[np.int8]
    """Fee year of the next fee; 0 where none is left or the right has ended."""
    next_due: Dates
    """Its due date, which may have passed within the grace; NaT where there is none."""
    share_left: Floats
    """Amount of the fees not paid over the amount of all, NaN where no fee is known."""


def counted_from_grant(jurisdiction: Any, right: Any) -> Mask:
    """Whether the office counts its fee years from grant rather than from filing.

    Parameters
    ----------
    jurisdiction, right : array-like of str, shape (n,)
        ST.3 code and kind of right.

    Returns
    -------
    ndarray of bool, shape (n,)
        False where no schedule covers the right.

    References
    ----------
    Column ``anchor`` of ``fee_rules``; 35 USC 41(b); Japanese Patent Act art. 107-108.

    Examples
    --------
    >>> counted_from_grant(["US", "CN"], ["invention", "invention"]).tolist()
    [True, False]
    """
    (office, offices), (kind, kinds) = codes_of(jurisdiction), codes_of(right)
    pair, pairs = joint_codes(office, kind)
    plans = [fee_plan(offices[place], kinds[name], "large") for place, name in pairs.tolist()]
    by_grant = [plan is not None and plan.rule["anchor"] == "grant" for plan in plans]
    return np.array(by_grant or [False])[pair]


def position_in(fees: FeeCalendar, as_of: Any, last_paid_year: Any, ended: Any) -> FeePosition:
    """Position of rights in a calendar.

    Parameters
    ----------
    fees : FeeCalendar
        Of n rights.
    as_of : date or array-like of dates, shape (n,)
        The date.
    last_paid_year : array-like of int, shape (n,)
        Latest fee year seen as paid, 0 where no payment is known.
    ended : array-like of dates, shape (n,)
        Day on which the right ended, NaT while it stands.

    Returns
    -------
    FeePosition

    Notes
    -----
    A fee is paid if its year is seen as paid. Else, while the right stands: where payments are seen, once its
    grace is over and a lapse would have been published (``fees.shown_after``); where none is, once it has fallen
    due. Of a right that ended: if the day on which it would have ended for want of this fee lies more than 31 days
    before the end.

    Examples
    --------
    >>> fees = calendar(["US"], ["invention"], ["2010-03-01"], ["2013-02-19"], end=["2030-03-01"])
    >>> position = position_in(fees, "2021-04-19", [4], ["NaT"])
    >>> position.fees.tolist(), position.paid.tolist(), position.next_year.tolist(), str(position.next_due[0])
    ([3], [2], [12], '2024-08-19')
    """
    size, slots = fees.due.shape
    day = np.broadcast_to(as_dates(as_of), (size,))
    last = np.broadcast_to(np.asarray(last_paid_year, np.int64), (size,))
    end = as_dates(ended)
    stands, seen = np.isnat(end), last > 0
    shown_after = fees.shown_after.astype("timedelta64[D]")
    count, paid_count = np.zeros(size, np.int16), np.zeros(size, np.int16)
    next_year, next_due = np.zeros(size, np.int8), np.full(size, _NO_DATE)
    total, left = np.zeros(size), np.zeros(size)
    for slot in range(slots):
        due, year, amount = fees.due[:, slot], fees.fee_year[:, slot], fees.amount[:, slot]
        owed = ~np.isnat(due)
        standing = np.where(seen, fees.grace_end[:, slot] + shown_after < day, due <= day)
        gone = fees.lapse[:, slot] < end - _TOLERANCE
        paid = owed & ((year <= last) | np.where(stands, standing, gone))
        follows = owed & ~paid & stands & np.isnat(next_due)
        next_year, next_due = np.where(follows, year, next_year), np.where(follows, due, next_due)
        count, paid_count = count + owed, paid_count + paid
        total, left = total + np.where(owed, amount, 0.0), left + np.where(owed & ~paid, amount, 0.0)
    share = np.where(total > 0, left / np.where(total > 0, total, 1.0), np.nan)
    return FeePosition(count, paid_count, next_year, next_due, share)


def fee_position(
    jurisdiction: Any,
    right: Any,
    filing: Dates,
    grant: Dates,
    end: Dates,
    n_claims: Floats,
    as_of: Any,
    last_paid_year: npt.NDArray[np.integer],
    ended: Dates,
) -> FeePosition:
    """Position of rights in the fee calendars of their offices.

    Parameters
    ----------
    jurisdiction, right, filing, grant, end, n_claims
        As for :func:`ipvalue.law.fees.calendar`, shape (n,).
    as_of, last_paid_year, ended
        As for :func:`position_in`.

    Returns
    -------
    FeePosition

    Notes
    -----
    A granted European patent owes fees to its states: it is given Germany's calendar, the state in which
    nearly all are validated.

    References
    ----------
    EPC art. 86, 141 (fees for the years after the grant are the states').

    Examples
    --------
    >>> dates = [np.array([day], "datetime64[D]") for day in ("2014-08-15", "2017-05-10", "2034-08-15")]
    >>> none = np.array(["NaT"], "datetime64[D]")
    >>> place, kind = np.array(["CN"]), np.array(["invention"])
    >>> position = fee_position(place, kind, *dates, np.ones(1), "2024-12-31", np.zeros(1, int), none)
    >>> position.fees.tolist(), position.paid.tolist(), position.next_year.tolist()
    ([17], [8], [12])
    """
    office = np.where((np.asarray(jurisdiction) == "EP") & ~np.isnat(grant), "DE", jurisdiction)
    blocks = []
    for start in range(0, max(len(office), 1), _BLOCK):
        part = slice(start, start + _BLOCK)
        own = (office[part], np.asarray(right)[part], filing[part], grant[part])
        fees = calendar(*own, n_claims=n_claims[part], end=end[part], known_on=as_of)
        blocks.append(position_in(fees, as_of, last_paid_year[part], ended[part]))
    return FeePosition(*(np.concatenate(columns) for columns in zip(*blocks)))


def overdue_since(fees: FeeCalendar, last_paid_year: npt.NDArray[np.integer], as_of: Dates) -> Dates:
    """Day after the due date of the earliest fee that is unpaid, within its grace or before a lapse would be published.

    Parameters
    ----------
    fees : FeeCalendar
        Of n rights, whose payments would be seen.
    last_paid_year : ndarray of int, shape (n,)
        Latest fee year seen as paid.
    as_of : ndarray of datetime64[D], shape (n,)
        The date.

    Returns
    -------
    ndarray of datetime64[D], shape (n,)
        NaT where no fee is overdue.

    Notes
    -----
    A US patent ends with its grace, and the office says so 33 to 58 days later: until then nothing tells that it
    ended but the missing payment, and the fee is overdue. After that, a right that stands has paid.

    Examples
    --------
    >>> fees = calendar(["US"], ["invention"], ["2012-01-10"], ["2014-02-18"])
    >>> overdue_since(fees, np.array([4]), np.array(["2021-09-01"], "datetime64[D]")).astype(str).tolist()
    ['2021-08-19']
    """
    overdue = np.full(as_of.shape, _NO_DATE)
    shown_after = fees.shown_after.astype("timedelta64[D]")
    for slot in range(fees.due.shape[1]):
        due = fees.due[:, slot]
        last = fees.grace_end[:, slot] + shown_after
        within = (fees.fee_year[:, slot] > last_paid_year) & (as_of > due) & (as_of <= last)
        overdue = np.where(within & np.isnat(overdue), due + _DAY, overdue)
    return overdue
