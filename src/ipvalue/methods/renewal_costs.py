"""Renewal fees as a cost of the income: their present value, and the year in which the owner stops paying.

No owner pays a fee that costs more than the income it secures. A lapsed right does not come back, so the owner chooses
one year: all fees before it are paid, and none after it.
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

__all__ = ["RenewalCosts", "optimal_renewal", "renewal_costs"]

Worth = Callable[[Ints, Floats], Floats]
# rows whose fee calendars fit into a core's cache
_BLOCK = 4096


class RenewalCosts(NamedTuple):
    """How long each right is renewed and what that costs, one element a right."""

    years: Floats
    """Years from the valuation until the owner lets the right lapse, at most the years of its income."""
    fees: Floats
    """Present value of the fees paid until then, after tax."""


def optimal_renewal(due: Floats, lapse: Floats, fee: Floats, years: Floats, rate: Floats, worth: Worth) -> RenewalCosts:
    """Choose for each right the year until which its renewal fees are paid.

    Parameters
    ----------
    due, lapse : ndarray, shape (n, slots)
        Years from the valuation to each fee's due date and to the end of a right for which it is not paid; they rise
        along the slots. NaN where there is no fee; one due on or before the valuation date is already paid.
    fee : ndarray, shape (n, slots)
        Fee after tax, in the money of the income.
    years : ndarray, shape (n,)
        Years of income if all fees are paid.
    rate : ndarray, shape (n,)
        Discount rate, decimal a year.
    worth : callable
        Present value of the income of some rows until given times: ``worth(rows, times)``.

    Notes
    -----
    Maximises ``worth(min(lapse_j, years)) - sum over i < j of fee_i (1 + rate)^(-due_i)`` over the stops j. The last
    stop is ``years``, with all fees due until then. Nothing is paid before the first stop, so that no value is below 0.
    Where two stops are worth the same, the right is renewed longer.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96 (renewal as a choice of the year in which to stop).

    Examples
    --------
    >>> import numpy as np
    >>> income = lambda rows, times: 100.0 * times
    >>> optimal_renewal(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]]), np.array([[40.0, 150.0]]), np.array([3.0]),
    ...                  np.array([0.0]), income)
    RenewalCosts(years=array([2.]), fees=array([40.]))
    """
    n = len(years)
    best, stopped, cost, paid = np.full(n, -np.inf), years.copy(), np.zeros(n), np.zeros(n)
    discount = np.log1p(rate)
    for slot in range(due.shape[1]):
        rows = np.flatnonzero((due[:, slot] > 0.0) & (lapse[:, slot] < years))
        if not len(rows):
            continue
        stop = lapse[rows, slot]
        net = worth(rows, stop) - paid[rows]
        better = net >= best[rows]
        chosen = rows[better]
        best[chosen], stopped[chosen], cost[chosen] = net[better], stop[better], paid[chosen]
        paid[rows] += fee[rows, slot] * np.exp(-discount[rows] * due[rows, slot])
    # rights without a fee ahead have nothing to choose
    rows = np.flatnonzero(np.isfinite(best))
    last = worth(rows, years[rows]) - paid[rows]
    to_the_end = rows[last >= best[rows]]
    stopped[to_the_end], cost[to_the_end] = years[to_the_end], paid[to_the_end]
    return RenewalCosts(stopped, cost)


def renewal_costs(subject: Subject, rows: Ints, years: Floats, rate: Floats, tax: Floats, worth: Worth) -> RenewalCosts:
    """Present value of the renewal fees still to come, and how long the owner pays them.

    Parameters
    ----------
    rows : ndarray of int64, shape (k,)
        Rights with a known income and an exchange rate for their fees.
    years, rate, tax : ndarray, shape (n,)
        Years of income, discount rate and tax rate of all rights.
    worth : callable
        As in :func:`optimal_renewal`, by rows of the subject.

    Returns
    -------
    RenewalCosts
        Of all rights; those not in ``rows`` pay nothing and stay in force for all their years.

    Notes
    -----
    Fees are the large payer's, in the amounts in force on the valuation date, at that day's exchange rate. An
    application is treated as granted on that date. A fee that is overdue counts as paid.
    """
    stopped, cost = years.copy(), np.zeros(len(years))
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
        found = optimal_renewal(
            years_between(today, fees.due),
            years_between(today, fees.lapse),
            amount,
            years[block],
            rate[block],
            lambda inner, times, block=block: worth(block[inner], times),  # type: ignore[misc]
        )
        stopped[block], cost[block] = found
    return RenewalCosts(stopped, cost)
