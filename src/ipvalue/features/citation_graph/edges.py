"""Edges of the citation graph: checking, grouping by node, one edge a pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.types import Ints

__all__ = ["HALF", "LOW", "checked_edges", "checked_nodes", "distinct", "ranges"]

HALF, LOW = np.int64(32), np.int64(2**32 - 1)
"""Bits of the lower of two numbers that are packed into one, and their mask."""


def checked_nodes(index: npt.ArrayLike, n: int | None = None) -> Ints:
    """Nodes as a checked array.

    Parameters
    ----------
    index : array_like of int, shape (m,)
        Nodes; negative ones are unknown.
    n : int, optional
        Number of nodes.

    Returns
    -------
    ndarray of int64, shape (m,)
        The nodes.

    Raises
    ------
    ValueError
        If they are not whole numbers in one dimension, or one is ``n`` or larger.

    Examples
    --------
    >>> checked_nodes([2, -1], 3).tolist()
    [2, -1]
    """
    node = np.atleast_1d(np.asarray(index))
    if node.size == 0:
        return np.empty(0, dtype=np.int64)
    if node.ndim != 1 or node.dtype.kind not in "iu":
        raise ValueError(f"nodes must be a list of whole numbers, not {node.dtype} of shape {node.shape}")
    if n is not None and int(node.max()) >= n:
        raise ValueError(f"node {int(node.max())} lies outside 0 to {n - 1}")
    return node.astype(np.int64, copy=False)


def checked_edges(citing: npt.ArrayLike, cited: npt.ArrayLike, n: int | None = None) -> tuple[Ints, Ints]:
    """Both ends of the edges, checked.

    Parameters
    ----------
    citing, cited : array_like of int, shape (m,)
        Edges.
    n : int, optional
        Number of nodes.

    Returns
    -------
    citing, cited : ndarray of int64, shape (m,)
        The edges.

    Raises
    ------
    ValueError
        As :func:`checked_nodes`, and if the arrays differ in length.

    Examples
    --------
    >>> [each.tolist() for each in checked_edges([1], [0])]
    [[1], [0]]
    """
    source, target = checked_nodes(citing, n), checked_nodes(cited, n)
    if source.shape != target.shape:
        raise ValueError(f"{source.size} citing but {target.size} cited nodes")
    return source, target


def distinct(values: Ints) -> Ints:
    """Distinct whole numbers, ascending.

    By a sort: the hash table behind ``numpy.unique`` takes four times as long on millions of keys.

    Examples
    --------
    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered = np.sort(values)
    return np.asarray(
        ordered[np.concatenate([np.ones(min(1, ordered.size), bool), ordered[1:] != ordered[:-1]])], np.int64
    )


def ranges(start: Ints, count: Ints) -> Ints:
    """Whole numbers of several ranges, one range after the other.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(count)
    total = int(ends[-1]) if ends.size else 0
    return np.asarray(np.arange(total) + np.repeat(start - (ends - count), count), np.int64)
