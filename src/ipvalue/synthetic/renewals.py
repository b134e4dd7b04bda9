"""Renewal decisions of the synthetic owners: keep the right while its income exceeds what keeping it costs.

At each fee the owner compares the income of the years that the fee covers, as he sees it, with a multiple of
the official fee (attorney, handling and doubt included). He sees the true income times exp(0.45 e + 0.35 u),
with e drawn once for the patent and u at every fee. Income falls and fees rise, so that this one-step rule is
the optimal one for an owner without an option to come back.

References
----------
Schankerman, M. and Pakes, A. (1986), Estimates of the value of patent rights in European countries during the
post-1950 period, Economic Journal 96, 1052-1076.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipvalue.law.dates import add_years, years_between
from ipvalue.synthetic.common import days_after, small_table, stream
from ipvalue.synthetic.population import Population, rights_numbers
from ipvalue.types import Dates, Floats, Ints, Mask

__all__ = ["Renewals", "renewals"]

LASTING_ERROR = 0.45
YEARLY_ERROR = 0.35
REVIVED_SHARE = 0.04
LATE_SHARE = 0.07
LAST_FEE_YEAR = 25
GERMAN_GRACE_DAYS = 184  # a German right ends with the six months of grace, others on the due date
COUNTED_FROM_GRANT = ("US", "JP", "KR")
REVIVING_OFFICES = ("CN", "US")
_NEVER = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Renewals:
    """Lapse and, where the right came back, the gap (one element a patent); and one element a payment."""

    lapse: Dates
    gap_start: Dates
    gap_end: Dates
    payer: Ints
    paid: Dates
    fee_year: Ints
    late: Mask


def _fee_tables() -> tuple[Floats, Floats]:
    """Fee and years covered, by row of rights.csv and fee year; 0 where no fee is due."""
    rights, fees = small_table("rights"), small_table("fees")
    row = {key: i for i, key in enumerate(zip(rights["jurisdiction"], rights["right"]))}
    amount = np.zeros((len(row), LAST_FEE_YEAR + 1))
    covered = np.zeros_like(amount)
    who = [row[key] for key in zip(fees["jurisdiction"], fees["right"])]
    year = np.array(fees["year"], np.int64)
    amount[who, year] = np.array(fees["amount"], np.float64)
    covered[who, year] = np.array(fees["years_covered"], np.float64)
    return amount, covered


def _due(population: Population, rows: Ints, office: Ints, grant: Dates, year: int) -> Dates:
    """Day on which the right ends if the fee of the year is not paid.

    The fee of a year is due at its start, counted from filing or grant; the American fee of the 4th, 8th and
    12th year keeps the right beyond that anniversary of the grant.
    """
    from_grant = np.isin(office, COUNTED_FROM_GRANT)
    base = np.where(from_grant, grant[rows], population.application[rows]).astype("M8[D]")
    due = add_years(base, np.where(office == "US", year, year - 1))
    return np.where(office == "DE", days_after(due, GERMAN_GRACE_DAYS), due).astype("M8[D]")


def _perceived(theta: Floats, delta: Floats, discount: Floats, age: Floats, covered: Floats, error: Floats) -> Floats:
    """Log of the income of the covered years as the owner sees it."""
    annuity = -np.expm1(-(delta + discount) * covered) / (delta + discount)
    return np.asarray(np.log(theta * annuity) - delta * age + error, np.float64)


def _payment_dates(rng: np.random.Generator, office: Ints, due: Dates) -> tuple[Dates, Mask]:
    """Date of payment, and whether it was late; Americans pay half a year before the right would end."""
    late = rng.random(len(due)) < LATE_SHARE
    american = office == "US"
    early = np.where(american, 184 + rng.integers(0, 180, len(due)), rng.integers(3, 60, len(due)))
    grace = np.where(american, -rng.integers(5, 180, len(due)), rng.integers(5, 170, len(due)))
    grace = np.where(office == "DE", -rng.integers(5, 170, len(due)), grace)
    early = np.where(office == "DE", early + GERMAN_GRACE_DAYS, early)
    return days_after(due, np.where(late, grace, -early)), late


def renewals(
    population: Population,
    theta: Floats,
    delta: Floats,
    discount: Floats,
    grant: Dates,
    term_end: Dates,
    seed: int,
) -> Renewals:
    """Decide every fee of every granted patent up to the last day of the book.

    Parameters
    ----------
    population : Population
        The patents.
    theta, delta, discount : float array
        Yearly income at filing in the patent's currency, its continuous decay, and the discount rate.
    grant, term_end : datetime64[D] array
        Grant, NaT where there is none, and last day of the term.
    seed : int
        Seed of the book.

    Returns
    -------
    Renewals
        A lapse is dated on the day on which the right ends, however much later the office announces it.
    """
    rng = stream(seed, "renewals")
    amount, covered = _fee_tables()
    cost = amount * rights_numbers("keep_multiple")[:, None]
    offices = np.array(small_table("rights")["jurisdiction"])
    lasting = LASTING_ERROR * rng.standard_normal(population.n)
    lapse = np.full(population.n, _NEVER, "M8[D]")
    gap_start, gap_end = lapse.copy(), lapse.copy()
    going = ~np.isnat(grant) & (grant <= population.until)
    payments: list[tuple[Ints, Dates, Ints, Mask]] = []
    for year in range(2, LAST_FEE_YEAR + 1):
        rows = np.flatnonzero(going & (cost[:, year] > 0)[population.right])
        office = offices[population.right[rows]]
        due = _due(population, rows, office, grant, year)
        timely = (due > grant[rows]) & (due <= np.minimum(term_end[rows], population.until))
        timely &= np.isnat(gap_end[rows]) | (due > gap_end[rows])
        rows, office, due = rows[timely], office[timely], due[timely]
        right = population.right[rows]
        error = lasting[rows] + YEARLY_ERROR * rng.standard_normal(len(rows))
        age = years_between(population.application[rows], due)
        seen = _perceived(theta[rows], delta[rows], discount[rows], age, covered[right, year], error)
        keep = seen >= np.log(cost[right, year])
        revived, back = _revivals(rng, office, due, keep | ~np.isnat(gap_end[rows]), population.until)
        gap_start[rows[revived]], gap_end[rows[revived]] = due[revived], back[revived]
        ends = ~keep & ~revived
        lapse[rows[ends]] = due[ends]
        going[rows[ends]] = False
        paid, late = _payment_dates(rng, office, due)
        payments.append((rows[keep], paid[keep], np.full(keep.sum(), year), late[keep]))
    payer, paid, fee_year, late = (np.concatenate([p[i] for p in payments]) for i in range(4))
    return Renewals(lapse, gap_start, gap_end, payer, paid, fee_year, late)


def _revivals(
    rng: np.random.Generator, office: Ints, due: Dates, barred: Mask, until: np.datetime64
) -> tuple[Mask, Dates]:
    """Which unpaid rights are restored, and when: after the office has announced the lapse."""
    wait = np.where(office == "CN", 440, 60) + rng.integers(30, 250, len(due))
    back = days_after(due, wait)
    chance = np.isin(office, REVIVING_OFFICES) & (rng.random(len(due)) < REVIVED_SHARE)
    return chance & ~barred & (back <= until), back
