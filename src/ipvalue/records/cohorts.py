"""Exact counts by integer keys, and cohorts: a patent's count compared with those of its field and filing year.

Counts are exact, so that the counts of shards add up to those of the book in any order. A cohort is a technology field
and a filing year; its statistics are counts of patents by number of citations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ipvalue.types import Dates, Floats, Ints

__all__ = ["Cohorts", "KeyedCounts", "cohort_key", "cohort_key_of", "cohort_of", "filing_year"]


@dataclass(frozen=True)
class KeyedCounts:
    """Numbers of patents (or of anything) by key.

    Attributes
    ----------
    key : ndarray of int64
        Ascending, distinct.
    count : ndarray of int64
    """

    key: Ints
    count: Ints

    @classmethod
    def of(cls, keys: Ints, counts: Ints | None = None) -> KeyedCounts:
        """Count keys; with ``counts``, each key counts as often as given.

        Examples
        --------
        >>> KeyedCounts.of(np.array([7, 3, 7])).count.tolist()
        [1, 2]
        """
        wanted = np.asarray(keys, np.int64)
        if counts is None:
            ordered = np.sort(wanted)
            first = _first_of_runs(ordered)
            return cls(ordered[first], np.diff(first, append=len(ordered)))
        order = np.argsort(wanted, kind="stable")
        ordered = wanted[order]
        first = _first_of_runs(ordered)
        if not len(first):
            return cls(ordered, ordered.copy())
        return cls(ordered[first], np.add.reduceat(np.asarray(counts, np.int64)[order], first))

    @classmethod
    def merge(cls, parts: Iterable[KeyedCounts]) -> KeyedCounts:
        """Add up the counts of disjoint parts; exact in any order.

        Examples
        --------
        >>> KeyedCounts.merge([KeyedCounts.of(np.array([3])), KeyedCounts.of(np.array([3, 7]))]).count.tolist()
        [2, 1]
        """
        parts = list(parts)
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))
        return cls.of(np.concatenate([p.key for p in parts]), np.concatenate([p.count for p in parts]))

    def at(self, keys: npt.NDArray[np.integer]) -> Ints:
        """Look counts up; 0 for a key that is not there.

        Examples
        --------
        >>> KeyedCounts.of(np.array([7, 3, 7])).at(np.array([7, 8])).tolist()
        [2, 0]
        """
        wanted = np.asarray(keys, np.int64)
        if not len(self.key):
            return np.zeros(wanted.shape, np.int64)
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        return np.where(self.key[place] == wanted, self.count[place], 0)


def _first_of_runs(ordered: Ints) -> Ints:
    """Where each run of equal keys begins."""
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return np.flatnonzero(first)


_COUNT_BITS = 24
_LARGEST = (1 << _COUNT_BITS) - 1
_YEARS = 4096
# weight, in patents, of the year's statistics over all fields against those of the patent's own field
_PRIOR_PATENTS = 20.0


def cohort_of(field: npt.NDArray[np.integer], filing: Dates) -> Ints:
    """Number the cohort of each patent: technology field and filing year.

    Examples
    --------
    >>> cohort_of(np.array([3]), np.array(["2010-05-01"], "datetime64[D]")).tolist()
    [14298]
    """
    return cohort_key_of(np.asarray(field, np.int64), filing_year(filing))


def cohort_key_of(field: Ints, year: Ints) -> Ints:
    """Number the cohort of a technology field and filing year."""
    return field * _YEARS + year


def filing_year(filing: Dates) -> Ints:
    """Calendar year of each date."""
    return np.asarray(filing.astype("datetime64[Y]").astype(np.int64) + 1970, np.int64)


def cohort_key(cohort: Ints, citations: Ints) -> Ints:
    """Pack cohort and citation count into one integer, which sorts by cohort and then by count."""
    return np.asarray((cohort << _COUNT_BITS) | np.minimum(citations, _LARGEST), np.int64)


def _year(cohort: Ints) -> Ints:
    return cohort % _YEARS


@dataclass(frozen=True)
class Cohorts:
    """Number of patents by cohort and number of forward citations.

    Attributes
    ----------
    key : ndarray of int64
        Cohort and citation count, packed, ascending.
    patents : ndarray of int64
        Patents with this count in this cohort.
    """

    key: Ints
    patents: Ints

    @classmethod
    def count(cls, cohort: Ints, citations: Ints) -> Cohorts:
        """Count patents by cohort and citations."""
        return cls.from_counts(KeyedCounts.of(cohort_key(cohort, citations)))

    @classmethod
    def from_counts(cls, counts: KeyedCounts) -> Cohorts:
        """Read the counts of :func:`cohort_key`."""
        return cls(counts.key, counts.count)

    def by_year(self) -> Cohorts:
        """The same counts over all fields of a year."""
        cohort, count = self.key >> _COUNT_BITS, self.key & _LARGEST
        return Cohorts.from_counts(KeyedCounts.of((_year(cohort) << _COUNT_BITS) | count, self.patents))

    def _size_and_sum(self, cohort: Ints) -> tuple[Floats, Floats]:
        low = np.searchsorted(self.key, cohort << _COUNT_BITS, "left")
        high = np.searchsorted(self.key, (cohort << _COUNT_BITS) | _LARGEST, "right")
        size = np.concatenate([[0], np.cumsum(self.patents)])
        total = np.concatenate([[0], np.cumsum(self.patents * (self.key & _LARGEST))])
        return (size[high] - size[low]).astype(np.float64), (total[high] - total[low]).astype(np.float64)

    def _rank(self, cohort: Ints, count: Ints) -> tuple[Floats, Floats, Floats]:
        """Size of the cohort, the mid-rank of the count in it, and how many have a higher count."""
        size = np.concatenate([[0], np.cumsum(self.patents)])
        cell = (cohort << _COUNT_BITS) | np.minimum(count, _LARGEST)
        first = size[np.searchsorted(self.key, cohort << _COUNT_BITS, "left")]
        below = size[np.searchsorted(self.key, cell, "left")]
        upto = size[np.searchsorted(self.key, cell, "right")]
        last = size[np.searchsorted(self.key, (cohort << _COUNT_BITS) | _LARGEST, "right")]
        middle = 0.5 * ((below - first) + (upto - first)).astype(np.float64)
        return (last - first).astype(np.float64), middle, (last - upto).astype(np.float64)

    def mean(self, cohort: Ints) -> Floats:
        """Mean number of citations in each patent's cohort, shrunk towards the year's mean over all fields.

        Notes
        -----
        (sum + m * mean of the year) / (n + m) with m = 20 patents, so that a thin cohort leans on its year.
        """
        size, total = self._size_and_sum(cohort)
        year = self.by_year()
        year_size, year_total = year._size_and_sum(_year(cohort))
        year_mean = year_total / np.maximum(year_size, 1.0)
        return (total + _PRIOR_PATENTS * year_mean) / (size + _PRIOR_PATENTS)

    def percentile(self, cohort: Ints, count: Ints) -> Floats:
        """Share of the cohort that is cited less, ties by half, shrunk as the mean is.

        Examples
        --------
        >>> cohorts = Cohorts.count(np.full(4, 2010), np.array([0, 0, 1, 9]))
        >>> cohorts.percentile(np.array([2010]), np.array([9])).tolist()
        [0.875]
        """
        size, rank, _ = self._rank(cohort, count)
        year_size, year_rank, _ = self.by_year()._rank(_year(cohort), count)
        year_share = year_rank / np.maximum(year_size, 1.0)
        return (rank + _PRIOR_PATENTS * year_share) / (size + _PRIOR_PATENTS)

    def share_above(self, cohort: Ints, count: Ints) -> Floats:
        """Share of the cohort that is cited more, shrunk as the mean is.

        Examples
        --------
        >>> cohorts = Cohorts.count(np.full(4, 2010), np.array([0, 0, 1, 9]))
        >>> cohorts.share_above(np.array([2010]), np.array([0])).tolist()
        [0.5]
        """
        size, _, above = self._rank(cohort, count)
        year_size, _, year_above = self.by_year()._rank(_year(cohort), count)
        return (above + _PRIOR_PATENTS * year_above / np.maximum(year_size, 1.0)) / (size + _PRIOR_PATENTS)

    def quantile(self, cohort: Ints, level: float) -> Floats:
        """Smallest count that a share of each patent's cohort does not exceed; the year's where the cohort is thin.

        Parameters
        ----------
        cohort : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of float64, shape (n,)
            Of the cohort where it has 20 patents or more, else of its year over all fields; 0 for an empty one.

        Examples
        --------
        >>> cohorts = Cohorts.count(np.full(100, 2010), np.arange(100))
        >>> cohorts.quantile(np.array([2010]), 0.98).tolist()
        [97.0]
        """
        distinct, place = np.unique(cohort, return_inverse=True)
        size, own = self._at_level(distinct, level)
        _, year = self.by_year()._at_level(_year(distinct), level)
        return np.where(size >= _PRIOR_PATENTS, own, year)[place]

    def _at_level(self, cohort: Ints, level: float) -> tuple[Floats, Floats]:
        if not len(self.key):
            return np.zeros(len(cohort)), np.zeros(len(cohort))
        size = np.concatenate([[0], np.cumsum(self.patents)])
        first = size[np.searchsorted(self.key, cohort << _COUNT_BITS, "left")]
        last = size[np.searchsorted(self.key, (cohort << _COUNT_BITS) | _LARGEST, "right")]
        # as an integer rank, so that rounding of the level cannot move it
        rank = first + np.ceil(np.round(level * (last - first), 9)).astype(np.int64)
        cell = np.minimum(np.searchsorted(size[1:], rank, "left"), len(self.key) - 1)
        value = np.where(last > first, self.key[cell] & _LARGEST, 0)
        return (last - first).astype(np.float64), value.astype(np.float64)
