"""What boosted quantiles learn from and what they say, the folds of a cross-fit, and when more trees are no better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.types import Dates, Floats, Ints, Objects

__all__ = ["Observations", "Predicted", "fewest_within_error", "folds_of"]


@dataclass(frozen=True)
class Observations:
    """What is learnt from; one element an observation.

    Attributes
    ----------
    matrix : ndarray, shape (n, k)
        Inputs; NaN where missing.
    target : ndarray, shape (n,)
    key : ndarray of str, shape (n,)
        Observations of one key (a patent sold twice) are never in different folds.
    date : ndarray of datetime64, shape (n,)
        By which the latest are found.
    anchors : ndarray, shape (n, m)
        Columns of the line; NaN where unknown.
    classes : ndarray of int, shape (n,)
        Class whose effect is added to the line, 0 or more; all the same where there is none.
    group : ndarray of int, shape (n,)
        Group of the calibration, 0 or more.
    """

    matrix: Floats
    target: Floats
    key: Objects
    date: Dates
    anchors: Floats
    classes: Ints
    group: Ints

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: npt.NDArray[Any]) -> Observations:
        """Keep some observations."""
        parts = (self.matrix, self.target, self.key, self.date, self.anchors, self.classes, self.group)
        return Observations(*(part[rows] for part in parts))

    @classmethod
    def plain(cls, matrix: Floats, target: Floats, key: Objects) -> Observations:
        """Observations without anchors, classes and groups, in the order of time."""
        n = len(target)
        date = np.arange(n).astype("datetime64[D]")
        return cls(matrix, target, key, date, np.zeros((n, 0)), np.zeros(n, np.int64), np.zeros(n, np.int64))


@dataclass(frozen=True)
class Predicted:
    """Line, trees, log scale and conformal quantiles of the score, one element (or row) a patent."""

    line: Floats
    trees: Floats
    log_scale: Floats
    scores: Floats

    @property
    def location(self) -> Floats:
        """Line and trees together."""
        return self.line + self.trees

    @property
    def quantiles(self) -> Floats:
        """Quantiles of the target, shape (n, 5), at the library's levels."""
        return self.location[:, None] + np.exp(self.log_scale)[:, None] * self.scores


def folds_of(key: Objects, folds: int, seed: int) -> Ints:
    """Fold of each observation by its key, so that one key is in one fold."""
    codes = pd.util.hash_array(key, hash_key=f"{seed:016d}"[:16], categorize=False)
    return (codes % np.uint64(folds)).astype(np.int64)


def fewest_within_error(numbers: Ints, errors: Floats) -> int:
    """Smallest number whose mean error is within one standard error of that of the last.

    Parameters
    ----------
    numbers : ndarray of int, shape (m,)
        Ascending; the last is the one with the least mean error.
    errors : ndarray, shape (m, n)
        Squared error of each validation observation.

    Returns
    -------
    int

    Notes
    -----
    The standard error is that of the mean of the paired differences.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, section 3.4.3.

    Examples
    --------
    >>> fewest_within_error(np.array([1, 2, 3]), np.array([[9.0, 9.0, 8.0], [1.0, 2.0, 1.5], [1.1, 1.7, 1.5]]))
    2
    """
    more = errors - errors[-1]
    error = more.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])
    return int(numbers[np.flatnonzero(more.mean(axis=1) <= error)[0]])
