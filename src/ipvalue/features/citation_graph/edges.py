"""Edges of the citation graph: checking, grouping by node, one edge a pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ipvalue.types import Ints

__all__ = ["bisect", "checked_edges", "checked_nodes", "csr", "distinct", "distinct_pairs", "pointers", "ranges"]


def csr(index: npt.ArrayLike, n: int) -> tuple[Ints, Ints]:
    """Group positions by node.

    Parameters
    ----------
    index : array_like of int, shape (m,)
        Node of each entry; negative ones are left out.
    n : int
        Number of nodes.

    Returns
    -------
    indptr : ndarray of int64, shape (n + 1,)
        ``order[indptr[i]:indptr[i + 1]]`` are the entries of node ``i``.
    order : ndarray of int64, shape (m without the unknown,)
        Positions in ``index``, in rising order within each node.

    Raises
    ------
    ValueError
        If a node is ``n`` or larger.

    Notes
    -----
    A counting sort in linear time, about twice as fast as a stable argsort.

    References
    ----------
    Saad (2003), Iterative Methods for Sparse Linear Systems, section 3.4 (the format).

    Examples
    --------
    >>> indptr, order = csr([2, 0, 2], 3)
    >>> indptr.tolist(), order.tolist()
    ([0, 1, 1, 3], [1, 0, 2])
    """
    node = checked_nodes(index, n)
    known = np.flatnonzero(node >= 0)
    entries = sparse.coo_array(
        (np.ones(known.size, dtype=np.int8), (node[known], known)), shape=(n, max(node.size, 1))
    ).tocsr()
    return entries.indptr.astype(np.int64), entries.indices.astype(np.int64)


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


def distinct_pairs(citing: npt.ArrayLike, cited: npt.ArrayLike, date: npt.ArrayLike | None = None) -> Ints:
    """Pick one edge for each pair of nodes: the earliest.

    Parameters
    ----------
    citing, cited : array_like of int, shape (m,)
        Edges; those with a negative node are left out.
    date : array_like of datetime64[D], shape (m,), optional
        When each citation was made; NaT counts as later than any date.

    Returns
    -------
    ndarray of int64
        Positions of the edges kept, by citing and cited node.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    Of several edges of one pair and date the first is kept.

    References
    ----------
    Jaffe and de Rassenfosse (2017), Journal of the Association for Information Science and Technology 68(6)
    (one citation a pair of documents).

    Examples
    --------
    >>> dates = np.array(["2001-05-01", "2000-01-01", "2003-01-01"], dtype="datetime64[D]")
    >>> distinct_pairs([1, 1, 2], [0, 0, 0], dates).tolist()
    [1, 2]
    """
    source, target = checked_edges(citing, cited)
    kept = np.flatnonzero((source >= 0) & (target >= 0))
    if kept.size == 0:
        return kept.astype(np.int64)
    key = source[kept] * (int(target.max()) + 1) + target[kept]
    if date is None:
        order = np.argsort(key, kind="stable")
    else:
        day = np.asarray(date, dtype="datetime64[D]")
        if day.shape != source.shape:
            raise ValueError(f"{source.size} edges but {day.size} dates")
        late = np.where(np.isnat(day), np.iinfo(np.int64).max, day.astype(np.int64))
        order = np.lexsort((late[kept], key))
    first = np.diff(key[order], prepend=-1) != 0
    chosen: Ints = kept[order[first]].astype(np.int64)
    return chosen


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


def pointers(sorted_nodes: npt.NDArray[np.integer], n: int) -> Ints:
    """Where the entries of each node begin in a list that is sorted by node, with the end of the last.

    Examples
    --------
    >>> pointers(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    counts = np.bincount(sorted_nodes, minlength=n)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def bisect(values: npt.NDArray[np.integer], low: Ints, high: Ints, wanted: Ints) -> Ints:
    """Find the first position between ``low`` and ``high`` whose value is not below the wanted one.

    Parameters
    ----------
    values : ndarray of int, shape (m,)
        Ascending within each range.
    low, high, wanted : ndarray of int64, shape (k,)
        Begin and end (excluded) of each search, and what is sought.

    Returns
    -------
    ndarray of int64, shape (k,)
        ``high`` where all values are below.

    Examples
    --------
    >>> bisect(np.array([3, 7, 1, 4]), np.array([0, 2]), np.array([2, 4]), np.array([5, 9])).tolist()
    [1, 4]
    """
    low, high = low.copy(), high.copy()
    open_ = np.flatnonzero(low < high)
    while open_.size:
        middle = (low[open_] + high[open_]) // 2
        below = values[middle] < wanted[open_]
        low[open_[below]] = middle[below] + 1
        high[open_[~below]] = middle[~below]
        open_ = open_[low[open_] < high[open_]]
    return low
