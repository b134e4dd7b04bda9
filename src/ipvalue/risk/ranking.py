"""Several patents to one loan and one patent to several loans: who is served first, to the last cent.

Money is counted in whole hundredths here, so that what all loans take from a patent never exceeds what it
gives, exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipvalue.types import Floats, Ints

__all__ = ["Allocation", "allocate", "to_cents"]

_LARGEST = 2**62


class Allocation(NamedTuple):
    """One element a pair of loan and patent, in hundredths."""

    available: Ints
    """What loans of better rank leave of the patent."""
    allocated: Ints
    """What the loan takes of it."""


def to_cents(money: Floats, *, up: bool = False) -> Ints:
    """Money in whole hundredths, rounded down (up: what is owed); missing and negative money is 0."""
    hundredths = np.nan_to_num(money, nan=0.0, posinf=0.0, neginf=0.0) * 100.0
    rounded = np.ceil(hundredths - 1e-6) if up else np.floor(hundredths + 1e-6)
    return np.clip(rounded, 0, _LARGEST).astype(np.int64)


def allocate(loan: Ints, patent: Ints, capacity: Ints, need: Ints) -> Allocation:
    """Serve the loans in rank order out of the patents that secure them.

    Parameters
    ----------
    loan, patent : ndarray of int64, shape (n,)
        Pairs; loans are numbered in rank order, the best first, and pairs stand in that order.
    capacity : ndarray of int64, shape (patents,)
        What each patent gives, in hundredths.
    need : ndarray of int64, shape (loans,)
        What each loan needs, in hundredths.

    Returns
    -------
    Allocation

    Notes
    -----
    A loan takes from its patents in proportion to what better ranks have left of each. Loans that share no patent
    are served together: the loop runs over the longest chain of loans, not over loans or patents.

    Examples
    --------
    >>> loan, patent = np.array([0, 1, 1]), np.array([0, 0, 1])
    >>> allocate(loan, patent, np.array([100, 50]), np.array([60, 200])).allocated.tolist()
    [60, 40, 50]
    """
    level = _levels(loan, patent, len(need))[loan] if len(loan) else loan
    left = capacity.copy()
    available, allocated = np.zeros(len(loan), np.int64), np.zeros(len(loan), np.int64)
    for step in range(int(level.max(initial=-1)) + 1):
        here = np.flatnonzero(level == step)
        available[here] = left[patent[here]]
        allocated[here] = _share_out(loan[here], available[here], need)
        left[patent[here]] -= allocated[here]  # loans of one level share no patent
    return Allocation(available, allocated)


def _levels(loan: Ints, patent: Ints, n_loans: int) -> Ints:
    """How many loans must be served before each: the longest chain over shared patents."""
    order = np.lexsort((loan, patent))
    earlier = np.full(len(loan), -1, np.int64)
    same = patent[order][1:] == patent[order][:-1]
    earlier[order[1:][same]] = loan[order[:-1][same]]
    linked = np.flatnonzero(earlier >= 0)
    level = np.zeros(n_loans, np.int64)
    while True:
        longer = level.copy()
        np.maximum.at(longer, loan[linked], level[earlier[linked]] + 1)
        if (longer == level).all():
            return level
        level = longer


def _share_out(loan: Ints, room: Ints, need: Ints) -> Ints:
    """Take what each loan needs from its patents, in proportion to the room of each."""
    _, start, place = np.unique(loan, return_index=True, return_inverse=True)
    total = np.add.reduceat(room, start)
    wanted = np.minimum(need[loan[start]], total)
    share = np.where(wanted == total, 1.0, wanted / np.maximum(total, 1))
    # a share of a very large amount may be a few hundredths off, either way: the running sum stops at what is
    # wanted, and what is missing is taken from the first that have it
    taken = np.minimum(np.floor(room * share[place] + 1e-6).astype(np.int64), room)
    taken = np.where((wanted == total)[place], room, taken)
    reached = np.minimum(_running(taken, start, place), wanted[place])
    taken = reached - np.where(np.arange(len(taken)) == start[place], 0, np.roll(reached, 1))
    missing = wanted - np.add.reduceat(taken, start)
    spare = room - taken
    before = _running(spare, start, place) - spare
    return np.asarray(taken + np.clip(missing[place] - before, 0, spare), np.int64)


def _running(values: Ints, start: Ints, place: Ints) -> Ints:
    """Running sum within each group."""
    total = np.cumsum(values)
    return np.asarray(total - (total - values)[start][place])
