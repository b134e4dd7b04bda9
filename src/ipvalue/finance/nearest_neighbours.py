"""Nearest neighbours, exact to the last bit: candidates by a matrix product, distances and ties elementwise.

The order of the neighbours is defined by distances that are summed coordinate by coordinate; ties go to the lower
index. It depends on the two points alone. The rounding of a matrix product depends on how many points are asked for
together. The product is therefore only used to shorten the search. Where its error could change the result, all
distances are computed elementwise.
"""

from __future__ import annotations

import numpy as np

from ipvalue.types import Floats, Ints, Mask

__all__ = ["nearest"]

_BLOCK = 512
_UNIT = 2.0**-53
_TINY = float(np.finfo(np.float64).tiny)


def nearest(points: Floats, others: Floats, k: int) -> tuple[Ints, Floats]:
    """Find the k nearest of some points, nearest first.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Points whose neighbours are sought.
    others : ndarray, shape (m, d)
        Points among which they are sought.
    k : int
        How many; all where there are fewer.

    Returns
    -------
    tuple of ndarray, each of shape (n, min(k, m))
        Positions in ``others`` and squared distances, ascending; equal distances in the order of positions.

    Notes
    -----
    |a - b|^2 = |a|^2 - 2 a b + |b|^2 orders all m by a matrix product in double precision. Its error and that of
    the elementwise sum are each below (d + 4) u (|a| + |b|)^2 with u = 2^-53 (Higham 2002, section 3.1, for any
    order of summation; the smallest normal number is added for underflow). Where the k-th and the next differ by
    more than four times that, the set of the k is certain; all other points are searched elementwise.

    References
    ----------
    Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd ed.

    Examples
    --------
    >>> index, square = nearest(np.array([[0.0]]), np.array([[3.0], [1.0], [-1.0]]), 2)
    >>> index.tolist(), square.tolist()
    ([[1, 2]], [[1.0, 1.0]])
    """
    k = min(k, len(others))
    index, square = np.empty((len(points), k), np.int64), np.empty((len(points), k))
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, start + _BLOCK)
        chosen, certain = _candidates(points[rows], others, k)
        index[rows], square[rows] = _sorted(points[rows], others, chosen)
        unsure = start + np.flatnonzero(~certain)
        if len(unsure):
            every = np.broadcast_to(np.arange(len(others)), (len(unsure), len(others)))
            found, distance = _sorted(points[unsure], others, every)
            index[unsure], square[unsure] = found[:, :k], distance[:, :k]
    return index, square


def _candidates(points: Floats, others: Floats, k: int) -> tuple[Ints, Mask]:
    """The k nearest by the matrix product, in order of position, and whether they are so for certain."""
    if k == len(others):
        return np.broadcast_to(np.arange(k), (len(points), k)), np.ones(len(points), bool)
    length = (others**2).sum(axis=1)
    order = points @ (-2.0 * others.T)
    order += length
    place = np.argpartition(order, k, axis=1)[:, : k + 1]
    value = np.take_along_axis(order, place, axis=1)
    reach = np.sqrt((points**2).sum(axis=1)) + np.sqrt(length.max())
    error = (points.shape[1] + 4) * (_UNIT * reach**2 + _TINY)
    certain = value[:, k] - value[:, :k].max(axis=1) > 4.0 * error
    return np.sort(place[:, :k], axis=1), certain


def _sorted(points: Floats, others: Floats, chosen: Ints) -> tuple[Ints, Floats]:
    """Squared distances to the chosen, summed coordinate by coordinate, ascending."""
    square = np.zeros(chosen.shape)
    for column, point in zip(np.ascontiguousarray(others.T), points.T):
        gap = column.take(chosen)
        gap -= point[:, None]
        gap *= gap
        square += gap
    order = np.argsort(square, axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1), np.take_along_axis(square, order, axis=1)
