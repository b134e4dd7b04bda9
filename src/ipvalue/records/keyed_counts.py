"""Exact counts by whole-number keys: what parts of a book count, and add up in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ipvalue.types import Ints

__all__ = ["KeyedCounts"]


@dataclass(frozen=True)
class KeyedCounts:
    """Numbers of patents (or of anything) by key.

    Attributes
    ----------
    key : ndarray of int64
        Ascending, each once.
    count : ndarray of int64
    """

    key: Ints
    count: Ints

    @classmethod
    def of(cls, keys: Ints, counts: Ints | None = None) -> KeyedCounts:
        """Count keys, each once or with a number.

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
