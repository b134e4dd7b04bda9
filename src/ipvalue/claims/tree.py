"""Dependency trees of claim sets on arrays: references, problems and depths."""

from __future__ import annotations

from enum import IntFlag

import numpy as np

from ipvalue.types import Ints, Mask

__all__ = ["ClaimProblem", "claim_depths", "cyclic_claims", "expand_edges", "find_parents"]


LARGEST_NUMBER = 999


class ClaimProblem(IntFlag):
    """What is wrong with a claim; a claim may have several problems."""

    NONE = 0
    EMPTY = 1
    NUMBER_GAP = 2
    DUPLICATE_NUMBER = 4
    MISSING_PARENT = 8
    FORWARD_REFERENCE = 16
    SELF_REFERENCE = 32
    CYCLE = 64
    NUMBER_TOO_LARGE = 128


def expand_edges(counts: Ints, named: Ints, text_of_claim: Ints, preceding: Ints, number: Ints) -> tuple[Ints, Ints]:
    """References of each claim from the references of its text.

    Parameters
    ----------
    counts : ndarray of int64, shape (texts,)
        How many claims each distinct text names.
    named : ndarray of int64, shape (sum of counts,)
        The claims named, text by text.
    text_of_claim : ndarray of int64, shape (claims,)
        Which text each claim has.
    preceding : ndarray of int64, shape (claims,)
        1 where the claim refers to all claims before it, 2 where to the one before.
    number : ndarray of int64, shape (claims,)
        The claim's number.

    Returns
    -------
    claim, parent : ndarray of int64, shape (edges,)
        Position of the claim, and the number it refers to; sorted, each pair once.

    Examples
    --------
    >>> claim, parent = expand_edges(np.array([0, 2]), np.array([1, 3]), np.array([0, 1]), np.array([0, 0]),
    ...                              np.array([1, 4]))
    >>> claim.tolist(), parent.tolist()
    ([1, 1], [1, 3])
    """
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])) if counts.size else np.empty(0, np.int64)
    direct = counts[text_of_claim]
    claim, offset = _ranges(direct)
    parent = named[starts[text_of_claim][claim] + offset]
    earlier = np.where(number <= LARGEST_NUMBER, number - 1, 0)
    before = np.where(preceding == 1, earlier, np.where(preceding == 2, np.minimum(earlier, 1), 0))
    claim_2, offset_2 = _ranges(np.maximum(before, 0))
    parent_2 = np.where(preceding[claim_2] == 1, offset_2 + 1, number[claim_2] - 1)
    packed = np.concatenate((claim, claim_2)) * (LARGEST_NUMBER + 1) + np.concatenate((parent, parent_2))
    packed.sort()
    packed = packed[np.diff(packed, prepend=-1) != 0]
    return packed // (LARGEST_NUMBER + 1), packed % (LARGEST_NUMBER + 1)


def _ranges(counts: Ints) -> tuple[Ints, Ints]:
    """Owner of each of ``sum(counts)`` places, and the place within its owner."""
    owner = np.repeat(np.arange(counts.size), counts)
    begin = np.cumsum(counts) - counts
    return owner, np.arange(owner.size) - begin[owner]


def find_parents(row: Ints, number: Ints, wanted_row: Ints, wanted_number: Ints) -> Ints:
    """Position of the claim that carries a number in a row.

    Parameters
    ----------
    row, number : ndarray of int64, shape (claims,)
        Row and number of each claim.
    wanted_row, wanted_number : ndarray of int64, shape (edges,)
        What to look for.

    Returns
    -------
    ndarray of int64, shape (edges,)
        Position of the first such claim, -1 where there is none.

    Examples
    --------
    >>> find_parents(np.array([0, 0]), np.array([1, 2]), np.array([0, 0]), np.array([2, 7])).tolist()
    [1, -1]
    """
    if row.size == 0 or wanted_row.size == 0:
        return np.full(wanted_row.size, -1, dtype=np.int64)
    width = int(number.max()) + LARGEST_NUMBER + 2
    keys, first = np.unique(row * width + number, return_index=True)
    wanted = wanted_row * width + wanted_number
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[place] == wanted, first[place], -1).astype(np.int64)


def cyclic_claims(child: Ints, parent: Ints, n: int) -> Mask:
    """Claims that depend, directly or not, on themselves.

    Parameters
    ----------
    child, parent : ndarray of int64, shape (edges,)
        Positions of claims.
    n : int
        Number of claims.

    Returns
    -------
    ndarray of bool, shape (n,)
        True on every claim between two of which dependency runs in a circle.

    Notes
    -----
    Claims without parents, and claims without children, are taken away until none is left to take.

    Examples
    --------
    >>> cyclic_claims(np.array([0, 1, 2]), np.array([1, 0, 0]), 3).tolist()
    [True, True, False]
    """
    while child.size:
        has_parent = np.bincount(child, minlength=n) > 0
        has_child = np.bincount(parent, minlength=n) > 0
        keep = has_parent[parent] & has_child[child]
        if bool(keep.all()):
            break
        child, parent = child[keep], parent[keep]
    result = np.zeros(n, dtype=bool)
    result[child] = True
    return result


def claim_depths(child: Ints, parent: Ints, root: Mask) -> Ints:
    """How many references lie between a claim and the nearest independent claim it rests on.

    Parameters
    ----------
    child, parent : ndarray of int64, shape (edges,)
        Positions of claims, edges to existing claims.
    root : ndarray of bool, shape (claims,)
        Claims that stand by themselves.

    Returns
    -------
    ndarray of int64, shape (claims,)
        0 for a root; 1 for a claim from which no independent claim can be reached.

    Examples
    --------
    >>> claim_depths(np.array([1, 2, 2]), np.array([0, 1, 0]), np.array([True, False, False])).tolist()
    [0, 1, 1]
    """
    unreached = np.iinfo(np.int64).max
    depth = np.where(root, 0, unreached)
    level = 0
    while child.size:
        child, parent = child[depth[child] == unreached], parent[depth[child] == unreached]
        reached = child[depth[parent] == level]
        if reached.size == 0:
            break
        level += 1
        depth[reached] = level
    return np.where(depth == unreached, 1, depth)
