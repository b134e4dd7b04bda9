"""Exact parts of a change: money in whole cents, so that sums are integers without rounding errors.

The value of each state is rounded to whole cents once; everything after that is integer arithmetic. In a stated order
the parts are differences of consecutive states. Shapley values are integers over k!; they are rounded down, and the
remaining cents go to the largest remainders, the earlier group first in a tie. In both cases parts sum to the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import factorial

import numpy as np

from ipvalue.errors import IpvalueError
from ipvalue.types import Floats, Ints

__all__ = ["LARGEST", "MOST_GROUPS", "sequential_parts", "shapley_parts", "to_cents"]


LARGEST = 2.0**53
"""Integers above this are not exact in float64."""
MOST_GROUPS = 6
"""6! * 2**53 is below 2**63: with more groups a Shapley value's numerator would not fit."""


def to_cents(value: Floats) -> Ints:
    """Round values to whole cents; no value counts as 0.

    Raises
    ------
    IpvalueError
        If a value is too large to be exact in cents.

    Examples
    --------
    >>> to_cents(np.array([0.125, 3.0, np.nan])).tolist()
    [12, 300, 0]
    """
    cents = np.rint(np.nan_to_num(value) * 100.0)
    if (np.abs(cents) > LARGEST).any() or float(np.abs(cents).sum()) > 2.0**62:
        raise IpvalueError(f"values above {LARGEST / 100:,.0f} can't be attributed to the cent: use larger units")
    return cents.astype(np.int64)


def sequential_parts(states: Sequence[Ints]) -> list[Ints]:
    """Differences of k + 1 consecutive states: k parts that sum to the last state less the first."""
    return [later - earlier for earlier, later in pairwise(states)]


def shapley_parts(states: Mapping[int, Ints], groups: int) -> list[Ints]:
    """Shapley value of each group: its change of value, averaged over all orders in which groups can change.

    Parameters
    ----------
    states : mapping of int to ndarray of int64, each of shape (n,)
        The value when the groups whose bits are set have changed; all 2^k of them.
    groups : int
        k, at most :data:`MOST_GROUPS`.

    Returns
    -------
    list of ndarray of int64, each of shape (n,)
        k parts in whole cents; they sum to ``states[2^k - 1] - states[0]`` exactly.

    Notes
    -----
    k! times group g's value is the sum over coalitions S without g of |S|! (k - 1 - |S|)! (v(S + g) - v(S)).

    References
    ----------
    Shapley (1953), A value for n-person games, Contributions to the Theory of Games II.
    Shorrocks (2013), Decomposition procedures for distributional analysis, Journal of Economic Inequality 11.

    Examples
    --------
    >>> states = {0: np.array([0]), 1: np.array([10]), 2: np.array([20]), 3: np.array([61])}
    >>> [part.tolist() for part in shapley_parts(states, 2)]
    [[26], [35]]
    """
    if groups > MOST_GROUPS:
        raise IpvalueError(f"{groups} groups: at most {MOST_GROUPS} can be shared out to the cent")
    every, whole = factorial(groups), (1 << groups) - 1
    scaled = np.zeros((groups, len(states[0])), np.int64)
    for g in range(groups):
        for coalition in range(1 << groups):
            if not coalition >> g & 1:
                size = coalition.bit_count()
                weight = factorial(size) * factorial(groups - 1 - size)
                scaled[g] += weight * (states[coalition | 1 << g] - states[coalition])
    floor, rest = np.divmod(scaled, every)
    left = states[whole] - states[0] - floor.sum(axis=0)
    rank = np.argsort(np.argsort(-rest, axis=0, kind="stable"), axis=0, kind="stable")
    return list(floor + (rank < left))
