"""Disruption (CD index) of patents: for a graph in memory, and the counting kernel that batches use too.

Both count the same sorted pairs of a patent and a later document (:func:`disruption_of`). A batch collects the pairs
by key range (:mod:`ipvalue.features.citation_graph.map_reduce`); :func:`disruption` takes them from arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ipvalue.features.citation_graph.edges import HALF, checked_edges, ranges
from ipvalue.types import Floats, Ints

__all__ = ["citing_between", "disruption", "disruption_of", "timed_keys"]

_CODE_BITS = 43  # one of them is the relation of the document to the patent
_CODE_SHIFT = 64 - _CODE_BITS + 1
_MOST_OWNERS = 2 ** (63 - _CODE_BITS)
_TIME_ZERO = np.int64(2**31)
_PAIRS_AT_A_TIME = 4_000_000


def disruption(
    citing: npt.ArrayLike, cited: npt.ArrayLike, year: npt.ArrayLike, *, window: float | None = None
) -> Floats:
    """Disruption (CD index) of each node: whether later works cite the node instead of its references.

    Parameters
    ----------
    citing, cited : array_like of int, shape (m,)
        Edges; a negative node is unknown. Repeated edges count once, a node's citation of itself not at all.
    year : array_like, shape (n,)
        When each node appeared, in years (may be fractional, NaN where unknown).
    window : float, optional
        Count works that appeared up to so many years after the node; by default all.

    Returns
    -------
    ndarray of float64, shape (n,)
        -1 (consolidating: all who cite it also cite its references) to 1 (disruptive); NaN where no later
        work cites the node or its references.

    Raises
    ------
    ValueError
        If shapes do not fit or a node lies outside 0 to n - 1.

    Notes
    -----
    Of the works that appeared later than the node and within the window, ``f`` cite only the node, ``b`` the
    node and a reference of it, ``r`` only references: ``CD = (f - b) / (f + b + r)``. A cited node
    without known references gets 1 by this definition, which reflects missing data rather than the node.

    References
    ----------
    Funk and Owen-Smith (2017), Management Science 63(3); Holst et al. (2024), arXiv 2402.14583 (nodes
    without references).

    Examples
    --------
    >>> disruption([1, 2, 3, 3, 4], [0, 1, 1, 0, 0], [2000, 2001, 2002, 2003, 2004])[1:2].round(4).tolist()
    [0.0]
    """
    when = np.atleast_1d(np.asarray(year, dtype=np.float64))
    n = when.size
    source, target = checked_edges(citing, cited, n)
    known = np.flatnonzero((source >= 0) & (target >= 0) & (source != target))
    known = known[np.argsort(source[known], kind="stable")]
    source, target = source[known], target[known]
    rank, after, until = _windows(when, window)
    key = timed_keys(target, rank[source])
    order = np.argsort(key, kind="stable")
    key, citer = key[order], source[order]
    begin, end = citing_between(key, np.arange(n), after, until)
    low, high = citing_between(key, target, after[source], until[source])
    result = np.empty(n)
    for first, last in _blocks(source, high - low, n):
        nodes, edges = slice(first, last), slice(*np.searchsorted(source, [first, last]))
        direct = _pairs_of(np.arange(last - first), citer, begin[nodes], end[nodes])
        indirect = _pairs_of(source[edges] - first, citer, low[edges], high[edges])
        result[nodes] = disruption_of(last - first, direct, indirect)
    return result


def _windows(when: Floats, window: float | None) -> tuple[Ints, Ints, Ints]:
    """Rank of each date (-1 where unknown), and of the first and the last (excluded) later date in the window."""
    known = np.isfinite(when)
    dates = np.unique(when[known])
    rank = np.where(known, np.searchsorted(dates, when), -1)
    after = np.where(known, rank + 1, 0)
    beyond = np.searchsorted(dates, when + (np.inf if window is None else window), side="right")
    return rank, after, np.where(known, np.maximum(beyond, after), 0)


def _blocks(source: Ints, pairs: Ints, n: int) -> Iterator[tuple[int, int]]:
    """Ranges of nodes with a bounded number of pairs each; ``pairs`` is that of each edge."""
    block = np.cumsum(np.bincount(source, weights=pairs, minlength=n)) // _PAIRS_AT_A_TIME
    return pairwise([0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), n])


def _pairs_of(owner: Ints, citer: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Owner and code of each work between two positions; the number of a node is moved to the bits of a code."""
    return np.repeat(owner, high - low), citer[ranges(low, high - low)] << _CODE_SHIFT


def timed_keys(cited: npt.NDArray[np.integer], time: npt.NDArray[np.integer]) -> Ints:
    """A cited node and a time in one number, which sorts by node and then by time.

    Parameters
    ----------
    cited, time : ndarray of int, shape (m,)
        Below 2**31 each; the time may be negative.

    Examples
    --------
    >>> np.argsort(timed_keys(np.array([1, 0, 0]), np.array([-5, 7, -7]))).tolist()
    [2, 1, 0]
    """
    return np.asarray((cited.astype(np.int64) << HALF) | (time.astype(np.int64) + _TIME_ZERO), np.int64)


def citing_between(
    key: Ints, asked: npt.NDArray[np.integer], after: npt.NDArray[np.integer], until: npt.NDArray[np.integer]
) -> tuple[Ints, Ints]:
    """First and last position of the citations of some nodes within a time window of each.

    Parameters
    ----------
    key : ndarray of int64, shape (m,)
        From :func:`timed_keys`, ascending.
    asked, after, until : ndarray of int, shape (k,)
        Cited node, first time of the window, and first time beyond it.

    Examples
    --------
    >>> key = timed_keys(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 2]))
    >>> [each.tolist() for each in citing_between(key, np.array([0]), np.array([2]), np.array([4]))]
    [[1], [3]]
    """
    return np.searchsorted(key, timed_keys(asked, after)), np.searchsorted(key, timed_keys(asked, until))


def disruption_of(n: int, direct: tuple[Ints, Ints], indirect: tuple[Ints, Ints]) -> Floats:
    """Disruption (CD index) from the documents that cite each patent, and those that cite its references.

    Parameters
    ----------
    n : int
        Number of patents.
    direct, indirect : (ndarray of int64, ndarray of int64)
        Patent and code of a later document; indirect pairs may repeat.

    Returns
    -------
    ndarray of float64, shape (n,)
        As :func:`disruption` defines it.

    Examples
    --------
    >>> one, other = np.array([1 << 40, 1 << 50])
    >>> disruption_of(1, (np.array([0, 0]), np.array([one, other])), (np.array([0]), np.array([one]))).tolist()
    [0.0]
    """
    if n > _MOST_OWNERS:
        pairs = zip(_owners(n, *direct), _owners(n, *indirect))
        return np.concatenate([disruption_of(_MOST_OWNERS, *each) for each in pairs])[:n]
    key = np.concatenate([_pairs(*indirect, 0), _pairs(*direct, 1)])
    key.sort()
    # of one patent and document those that say "cites its references" come before those that say "cites it"
    first = np.flatnonzero(np.diff(key >> 1, prepend=-1))
    last = np.append(first, len(key))[1:] - 1
    owner, follows, cited = key[first] >> _CODE_BITS, (key[first] & 1) == 0, (key[last] & 1) == 1
    cites_it, cites_both, cites_references = (
        np.bincount(owner[some], minlength=n) for some in (cited, follows & cited, follows)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            (cites_it - 2 * cites_both) / (cites_it - cites_both + cites_references).astype(np.float64), np.float64
        )


def _pairs(owner: Ints, code: Ints, cites: int) -> Ints:
    """Patent, document and their relation, packed into one number.

    Documents are identified by the upper 42 bits of their codes. Codes are hashes, so that two documents around one
    patent are taken for the same one with a probability of 2**-42.
    """
    bits = (code.view(np.uint64) >> np.uint64(_CODE_SHIFT)).view(np.int64)
    return np.asarray((owner << _CODE_BITS) | (bits << 1) | cites, np.int64)


def _owners(n: int, owner: Ints, code: Ints) -> list[tuple[Ints, Ints]]:
    """Pairs by blocks of patents, with patent numbers within each block."""
    block = owner // _MOST_OWNERS
    return [(owner[block == k] - k * _MOST_OWNERS, code[block == k]) for k in range(-(-n // _MOST_OWNERS))]
