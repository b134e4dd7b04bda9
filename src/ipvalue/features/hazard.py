"""Hazard of lapse by age, from a book's own renewals, and the expected life that follows from it.

Owners let patents lapse that are not worth their fees. The hazard is estimated as in a mortality table, from
patent-years at risk and lapses by group and age. Both are integers, so that the counts of shards add up to those of the
book.

Only complete years count: from the first anniversary on which the right was in force, up to the last one by which a
lapse would be known. A year in which the term ends, or the right is invalidated, is left out.

References
----------
Kaplan and Meier (1958), Journal of the American Statistical Association 53; Pakes (1986), Econometrica 54
(renewals as decisions); Batten (1978), Mortality Table Construction, chapter 4 (exposure).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law.dates import add_months
from ipvalue.records.cohorts import KeyedCounts
from ipvalue.types import Dates, Floats, Ints, Mask, Texts

__all__ = [
    "OLDEST",
    "RIGHT_KINDS",
    "Hazards",
    "completed_years",
    "expected_years",
    "group_of",
    "renewal_counts",
    "shrunk_share",
    "yearly_hazard",
]

OLDEST = 64
_RIGHTS = ("", "invention", "utility_model", "design", "plant")
RIGHT_KINDS = 16
# weight, in patent-years, of what offices have in common against a group's own counts
_PRIOR_YEARS = 50.0
_SURE = 1.0 - 1e-9
_LEAST_FORCE = 1e-300  # below it the quotient of two tiny numbers loses its digits, and the survivors are all


def group_of(jurisdiction: Texts, right: Texts, from_grant: Mask | bool = False) -> Ints:
    """Number the group of each patent: office, right, and whether age counts from grant.

    Examples
    --------
    >>> group_of(np.array(["CN", "CN"]), np.array(["invention", "design"])).tolist()
    [138466, 138470]
    """
    letters = np.ascontiguousarray(jurisdiction, "<U2").view(np.uint32).reshape(-1, 2).astype(np.int64)
    kind = np.zeros(len(letters), np.int64)
    for number, name in enumerate(_RIGHTS):
        kind[right == name] = number
    return np.asarray(((letters[:, 0] * 128 + letters[:, 1]) * (RIGHT_KINDS // 2) + kind) * 2 + from_grant, np.int64)


def completed_years(start: Dates, day: Dates) -> Ints:
    """Whole years from one date to another, by anniversaries; neither may be NaT.

    Examples
    --------
    >>> start = np.array(["2004-02-29", "2014-08-15", "2014-08-15"], "datetime64[D]")
    >>> completed_years(start, np.array(["2005-02-28", "2020-08-14", "2020-08-15"], "datetime64[D]")).tolist()
    [1, 5, 6]
    """
    months = (day.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(np.int64)
    return np.asarray((months - (add_months(start, months) > day)) // 12, np.int64)


def renewal_counts(group: Ints, start: Dates, entered: Dates, lapse: Dates, until: Dates) -> KeyedCounts:
    """Count years at risk and lapses by group and age.

    Parameters
    ----------
    group : ndarray of int64, shape (n,)
        From :func:`group_of`.
    start : ndarray of datetime64[D], shape (n,)
        Date from which age counts.
    entered : ndarray of datetime64[D], shape (n,)
        Grant.
    lapse : ndarray of datetime64[D], shape (n,)
        Day of the lapse, NaT where the right did not lapse.
    until : ndarray of datetime64[D], shape (n,)
        End of the observation: of the term, or the last day by which a lapse would be known.

    Returns
    -------
    KeyedCounts
        Key ((group * 64 + age) * 2 + lapsed): years survived and years in which the right lapsed. A right with
        an unknown date is left out.

    Examples
    --------
    >>> days = [np.array([day], "datetime64[D]") for day in ("2014-08-15", "2017-05-10", "2020-08-15", "2024-12-31")]
    >>> counts = renewal_counts(np.array([1]), *days)
    >>> [(int(key) // 2 % 64, int(key) % 2, int(count)) for key, count in zip(counts.key, counts.count)]
    [(3, 0, 1), (4, 0, 1), (5, 0, 1), (6, 1, 1)]
    """
    known = np.flatnonzero(~np.isnat(start) & ~np.isnat(entered) & ~np.isnat(until))
    group, start, entered, lapse, until = group[known], start[known], entered[known], lapse[known], until[known]
    lapsed = ~np.isnat(lapse)
    first = completed_years(start, entered)
    first = np.maximum(first + (add_months(start, 12 * first) < entered), 0)
    last = np.clip(completed_years(start, until), 0, OLDEST)
    exit_age = np.where(lapsed, completed_years(start, np.where(lapsed, lapse, start)), OLDEST)
    ends = lapsed & (first <= exit_age) & (exit_age < last)
    survived = np.maximum(np.minimum(last, exit_age), first)
    groups, place = np.unique(group, return_inverse=True)
    shape = (len(groups), OLDEST + 1)
    at_risk = first < survived
    steps = _count(place[at_risk], first[at_risk], shape) - _count(place[at_risk], survived[at_risk], shape)
    years = np.stack([np.cumsum(steps, axis=1), _count(place[ends], exit_age[ends], shape)], axis=2)[:, :OLDEST]
    keys = (groups[:, None, None] * OLDEST + np.arange(OLDEST)[None, :, None]) * 2 + np.arange(2)
    some = years > 0
    return KeyedCounts.of(keys[some], years[some])


def _count(row: Ints, column: Ints, shape: tuple[int, int]) -> Ints:
    flat = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1])
    return np.asarray(flat.reshape(shape), np.int64)


class Hazards(NamedTuple):
    """Yearly hazard of lapse by group and age."""

    group: Ints
    """Groups, ascending."""
    rate: Floats
    """Shape (groups, 64): share of the rights at the age that lapse within the year; NaN if nothing was counted."""

    @classmethod
    def of(cls, counts: KeyedCounts, wanted: Ints) -> Hazards:
        """Estimate the hazards of some groups.

        Parameters
        ----------
        counts : KeyedCounts
            From :func:`renewal_counts`.
        wanted : ndarray of int64
            Groups, which may be absent from the counts.

        Notes
        -----
        With lapses L, years at risk E and m = 50 patent-years: (L + m p) / (E + m), where p is the hazard at the
        age over all offices of the same right and way of counting age, itself shrunk by m towards that
        hazard over all ages, itself shrunk by m towards the one over everything.

        Examples
        --------
        >>> counts = KeyedCounts.of(np.array([(32 * 64 + 6) * 2, (32 * 64 + 6) * 2 + 1]), np.array([30, 20]))
        >>> float(Hazards.of(counts, np.array([32])).rate[0, 6])
        0.4
        """
        group, age, lapsed = counts.key // (2 * OLDEST), counts.key // 2 % OLDEST, counts.key % 2
        rows = np.unique(np.concatenate([group, np.asarray(wanted, np.int64)]))
        table = np.zeros((2, len(rows), OLDEST))
        np.add.at(table, (lapsed, np.searchsorted(rows, group), age), counts.count)
        pools = np.zeros((2, RIGHT_KINDS, OLDEST))
        for kind in range(RIGHT_KINDS):
            pools[:, kind] = table[:, rows % RIGHT_KINDS == kind].sum(axis=1)
        total = pools.sum()
        everything = pools[1].sum() / total if total else np.nan
        by_kind = pools.sum(axis=2)
        level = shrunk_share(by_kind[1], by_kind.sum(axis=0), everything)
        pooled = shrunk_share(pools[1], pools.sum(axis=0), level[:, None])
        return cls(rows, shrunk_share(table[1], table.sum(axis=0), pooled[rows % RIGHT_KINDS]))


def shrunk_share(
    events: npt.ArrayLike, total: npt.ArrayLike, prior: npt.ArrayLike, weight: float = _PRIOR_YEARS
) -> Floats:
    """Share of events in a total, shrunk towards a prior share: the mean of a beta posterior.

    Notes
    -----
    ``(events + weight * prior) / (total + weight)``, with the weight in the unit of the total.

    Examples
    --------
    >>> float(shrunk_share(2, 3, 0.5, 1.0))
    0.625
    """
    share = (np.asarray(events) + weight * np.asarray(prior)) / (np.asarray(total) + weight)
    return np.asarray(share, np.float64)


def _force(rate: Floats) -> Floats:
    """Force of lapse that gives a yearly hazard, constant within the year."""
    return -np.log1p(-np.clip(rate, 0.0, _SURE))


def yearly_hazard(rate: Floats, row: Ints, age: Floats) -> Floats:
    """Chance that a right lapses within a year from now.

    Parameters
    ----------
    rate : ndarray, shape (groups, ages)
        Hazards by group and whole age.
    row : ndarray of int64, shape (n,)
        Group of each right.
    age : ndarray, shape (n,)
        Age in years, NaN where unknown.

    Notes
    -----
    With f the part of the present year of age a that has passed: 1 - (1 - h(a))^(1-f) (1 - h(a+1))^f.

    Examples
    --------
    >>> yearly_hazard(np.array([[0.1, 0.2]]), np.array([0]), np.array([0.0])).round(12).tolist()
    [0.1]
    """
    known = np.isfinite(age)
    years = np.where(known, age, 0.0)
    cell = np.clip(np.floor(years).astype(np.int64), 0, rate.shape[1] - 1)
    following = np.minimum(cell + 1, rate.shape[1] - 1)
    passed = np.clip(years - cell, 0.0, 1.0)
    force = _force(rate)
    hazard = -np.expm1(-((1.0 - passed) * force[row, cell] + passed * force[row, following]))
    return np.where(known, np.clip(hazard, 0.0, 1.0), np.nan)


def expected_years(rate: Floats, row: Ints, age: Floats, remaining: Floats) -> Floats:
    """Years until lapse or the end of the term, whichever comes first, in expectation.

    Parameters
    ----------
    rate : ndarray, shape (groups, ages)
        Hazards by group and whole age; the last age's holds for all later ones.
    row : ndarray of int64, shape (n,)
        Group of each right.
    age, remaining : ndarray, shape (n,)
        Age and remaining term in years, NaN where unknown.

    Notes
    -----
    The integral of the survival function over the remaining term, with a constant force of lapse within each
    year of age (Bowers et al., 1997, Actuarial Mathematics, section 3.6).

    Examples
    --------
    >>> half = np.array([[0.5]])
    >>> expected_years(half, np.array([0]), np.array([0.0]), np.array([1.0])).round(6).tolist()
    [0.721348]
    """
    force = _force(rate)
    expected = np.where(np.isfinite(age) & np.isfinite(remaining), 0.0, np.nan)
    rows = np.flatnonzero(np.isfinite(expected) & (remaining > 0))
    cell = np.maximum(np.floor(age[rows]), 0.0)
    step, left = np.minimum(cell + 1.0 - np.maximum(age[rows], 0.0), remaining[rows]), remaining[rows].copy()
    survival = np.ones(len(rows))
    while len(rows):
        mu = force[row[rows], np.minimum(cell, rate.shape[1] - 1).astype(np.int64)]
        lost = -np.expm1(-mu * step)
        some = mu > _LEAST_FORCE
        expected[rows] += survival * np.where(some, lost / np.where(some, mu, 1.0), step)
        left, survival, cell = left - step, survival * (1.0 - lost), cell + 1.0
        on = left > 0
        rows, left, survival, cell = rows[on], left[on], survival[on], cell[on]
        step = np.minimum(1.0, left)
    return np.minimum(expected, remaining)
