"""Renewal fees as a cost of the income: what they take from it, and when the owner lets the right go.

Nobody pays a fee that costs more than the income which it keeps. Since a right that has lapsed does not come back,
the owner's choice is one year: all fees before it are paid, none after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ipvalue.evidence.fee_years import granted_on
from ipvalue.evidence.subject import Subject
from ipvalue.law.dates import years_between
from ipvalue.law.fees import calendar
from ipvalue.types import Floats, Ints

__all__ = ["Upkeep", "keep_while_worth", "upkeep"]

Worth = Callable[[Ints, Floats], Floats]
# rows whose fee calendars stay in a core's cache together
_BLOCK = 4096


class Upkeep(NamedTuple):
    """How long each right is kept and what that costs, one element a right."""

    years: Floats
    """Years from the valuation until the owner lets the right go, at most the years of its income."""
    fees: Floats
    """Present value of the fees paid until then, after tax."""


def keep_while_worth(due: Floats, lapse: Floats, fee: Floats, years: Floats, rate: Floats, worth: Worth) -> Upkeep:
    """Choose how long to pay for each right.

    Parameters
    ----------
    due, lapse : ndarray, shape (n, slots)
        Years from the valuation to each fee's due date and to the end of a right for which it is not paid; they rise
        along the slots. NaN where there is no fee; one due on or before the valuation is behind the right.
    fee : ndarray, shape (n, slots)
        Fee after tax, in the money of the income.
    years : ndarray, shape (n,)
        Years of income if all fees are paid.
    rate : ndarray, shape (n,)
        Discount rate, decimal a year.
    worth : callable
        Present value of the income of some rows until given times: ``worth(rows, times)``.

    Returns
    -------
    Upkeep

    Notes
    -----
    The largest over stops j of ``worth(min(lapse_j, years)) - sum over i < j of fee_i (1 + rate)^(-due_i)``, the last
    stop being ``years`` with all fees that keep any of it. Nothing is paid before the first stop, so no value is
    below 0. Where two stops are worth the same the right is kept longer.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96 (renewal as a choice of the year in which to stop).

    Examples
    --------
    >>> import numpy as np
    >>> income = lambda rows, times: 100.0 * times
    >>> keep_while_worth(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]]), np.array([[40.0, 150.0]]), np.array([3.0]),
    ...                  np.array([0.0]), income)
    Upkeep(years=array([2.]), fees=array([40.]))
    """
    n = len(years)
    best, kept, cost, paid = np.full(n, -np.inf), years.copy(), np.zeros(n), np.zeros(n)
    discount = np.log1p(rate)
    for slot in range(due.shape[1]):
        rows = np.flatnonzero((due[:, slot] > 0.0) & (lapse[:, slot] < years))
        if not len(rows):
            continue
        stop = lapse[rows, slot]
        net = worth(rows, stop) - paid[rows]
        better = net >= best[rows]
        chosen = rows[better]
        best[chosen], kept[chosen], cost[chosen] = net[better], stop[better], paid[chosen]
        paid[rows] += fee[rows, slot] * np.exp(-discount[rows] * due[rows, slot])
    # without a fee ahead there is nothing to choose
    rows = np.flatnonzero(np.isfinite(best))
    last = worth(rows, years[rows]) - paid[rows]
    whole = rows[last >= best[rows]]
    kept[whole], cost[whole] = years[whole], paid[whole]
    return Upkeep(kept, cost)


def upkeep(subject: Subject, rows: Ints, years: Floats, rate: Floats, tax: Floats, worth: Worth) -> Upkeep:
    """Renewal fees still to come of a subject's rights, and how long the owner pays them.

    Parameters
    ----------
    subject : Subject
    rows : ndarray of int64, shape (k,)
        Rights to look at; those with a known income and a rate of exchange for their fees.
    years, rate, tax : ndarray, shape (n,)
        Years of income, discount rate and tax rate of all rights.
    worth : callable
        As in :func:`keep_while_worth`, by rows of the subject.

    Returns
    -------
    Upkeep
        Of all rights; those not in ``rows`` pay nothing and are kept for all their years.

    Notes
    -----
    Fees are the large payer's, in the amounts in force on the valuation date, at that day's rate of exchange. An
    application is taken as granted on that date. A fee that is overdue counts as paid.
    """
    kept, cost = years.copy(), np.zeros(len(years))
    grant = granted_on(subject)
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        fees = calendar(
            subject.jurisdiction[block],
            subject.right[block],
            subject.dates["filing"][block],
            grant[block],
            n_claims=subject.features["n_claims"][block],
            known_on=subject.dates["as_of"][block],
        )
        today = subject.dates["as_of"][block][:, None]
        amount = fees.amount * (subject.money["fee_rate"][block] * (1.0 - tax[block]))[:, None]
        found = keep_while_worth(
            years_between(today, fees.due),
            years_between(today, fees.lapse),
            amount,
            years[block],
            rate[block],
            lambda inner, times, block=block: worth(block[inner], times),  # type: ignore[misc]
        )
        kept[block], cost[block] = found
    return Upkeep(kept, cost)
