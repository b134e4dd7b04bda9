"""Disruption (CD index) of patents, over a graph whose nodes are numbered in the order of their dates.

With that numbering a window of time is a range of numbers, and the works that cite a node within it stand together
in its sorted list: nothing outside a window is ever looked at. Results are ratios of whole numbers, which depend on
a node's own surroundings alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.features.citation_graph.edges import bisect, checked_edges, distinct, ranges
from ipvalue.types import Floats, Ints, Ints32

__all__ = ["HALF", "LOW", "Links", "disruption", "disruption_index", "windows"]


HALF, LOW = np.int64(32), np.int64(2**32 - 1)
_PAIRS_AT_A_TIME = 4_000_000
_KEYS_AT_A_TIME = 1_000_000


def disruption(
    citing: npt.ArrayLike,
    cited: npt.ArrayLike,
    year: npt.ArrayLike,
    *,
    window: float | None = None,
    focal: npt.ArrayLike | None = None,
) -> Floats:
    """Disruption (CD index) of each node: whether later works cite it in place of what it builds on.

    Parameters
    ----------
    citing, cited : array_like of int, shape (m,)
        Edges. Repeated edges count once, a node's citation of itself not at all.
    year : array_like, shape (n,)
        When each node appeared, in years (may be fractional, NaN where unknown).
    window : float, optional
        Count works that appeared up to so many years after the node; by default all.
    focal : array_like of bool, shape (n,), optional
        Nodes for which the index is wanted; by default all.

    Returns
    -------
    ndarray of float64, shape (n,)
        -1 (consolidating: all who cite it also cite its references) to 1 (disruptive); NaN where no later
        work cites the node or its references, and where it is not wanted.

    Raises
    ------
    ValueError
        If shapes do not fit or a node lies outside 0 to n - 1.

    Notes
    -----
    Of the works that appeared later than the node and within the window, ``f`` cite only the node, ``b`` the
    node and a reference of it, ``r`` only references: ``CD = (f - b) / (f + b + r)``. A cited node
    without known references gets 1 by this definition, which says more about the data than about the node.

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
    wanted = np.ones(n, bool) if focal is None else np.asarray(focal, dtype=bool)
    source, target = checked_edges(citing, cited, n)
    order = np.argsort(when, kind="stable")  # unknown years last
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    known = (source >= 0) & (target >= 0) & (source != target)
    links = Links.of(rank[source[known]], rank[target[known]], n)
    dated = when[order][np.isfinite(when[order])]
    nodes = np.flatnonzero(wanted)
    after, until = windows(dated, when[nodes], window)
    result = np.full(n, np.nan)
    result[nodes] = disruption_index(links, rank[nodes], after, until)
    return result


class Links(NamedTuple):
    """Edges by both ends, each once; nodes are numbered in the order of their dates, those without one last.

    Attributes
    ----------
    received : ndarray of int64, shape (n + 1,)
        ``citing[received[i]:received[i + 1]]`` are the works that cite node i, ascending.
    citing : ndarray of int32, shape (m,)
    made : ndarray of int64, shape (n + 1,)
        ``cited[made[i]:made[i + 1]]`` are the works that node i cites, ascending.
    cited : ndarray of int32, shape (m,)
    """

    received: Ints
    citing: Ints32
    made: Ints
    cited: Ints32

    @classmethod
    def of(cls, citing: Ints, cited: Ints, n: int) -> Links:
        """Group edges, which may repeat, by both their ends."""
        return cls.of_keys((cited << HALF) | citing, n)

    @classmethod
    def of_keys(cls, key: Ints, n: int) -> Links:
        """Group edges given as ``cited * 2**32 + citing``, in any order; their array is used up.

        At no time is there a second array of their size: a book of millions has more edges than anything else.
        """
        key.sort()
        m = _drop_repeats(key)
        key = key[:m]
        starts = np.arange(n + 1) << HALF
        received, citing = np.searchsorted(key, starts).astype(np.int64), _low_half(key)
        for block in _blocks(key):
            block[:] = (block >> HALF) | ((block & LOW) << HALF)
        key.sort()
        return cls(received, citing, np.searchsorted(key, starts).astype(np.int64), _low_half(key))


def _blocks(key: Ints) -> Iterator[Ints]:
    """Views of an array, piece by piece."""
    for first in range(0, len(key), _KEYS_AT_A_TIME):
        yield key[first : first + _KEYS_AT_A_TIME]


def _drop_repeats(key: Ints) -> int:
    """Move the distinct values of a sorted array to its front; tell how many there are."""
    kept, last = 0, None
    for block in _blocks(key):
        new = block[np.diff(block, prepend=block[0] - 1 if last is None else last) != 0]
        last = block[-1]
        key[kept : kept + len(new)] = new
        kept += len(new)
    return kept


def _low_half(key: Ints) -> Ints32:
    """Lower 32 bits of each key."""
    found = np.empty(len(key), np.int32)
    for block, into in zip(_blocks(key), range(0, len(key), _KEYS_AT_A_TIME)):
        found[into : into + len(block)] = block & LOW
    return found


def windows(dated: Floats, when: Floats, window: float | None) -> tuple[Ints, Ints]:
    """Numbers of the first node after each date, and of the first beyond the window; equal for an unknown date.

    Parameters
    ----------
    dated : ndarray, shape (k,)
        Dates of the nodes that have one, in order.
    when : ndarray, shape (n,)
        NaN where unknown.
    window : float, optional
        In the unit of the dates; without end by default.
    """
    known = np.isfinite(when)
    after = np.searchsorted(dated, np.where(known, when, np.inf), side="right")
    until = np.searchsorted(
        dated, np.where(known, when + (np.inf if window is None else window), -np.inf), side="right"
    )
    return after, np.maximum(after, until)


def disruption_index(links: Links, focal: Ints, after: Ints, until: Ints) -> Floats:
    """Disruption of some nodes among the works numbered ``after`` to ``until`` (excluded) of each.

    Parameters
    ----------
    links : Links
    focal, after, until : ndarray of int64, shape (k,)

    Returns
    -------
    ndarray of float64, shape (k,)
        As :func:`disruption`; it depends on the node's own surroundings, not on the other nodes asked for.
    """
    first, last = _between(links, focal, after, until)
    direct = last - first
    references = links.made[focal + 1] - links.made[focal]
    owner = np.repeat(np.arange(len(focal)), references)
    target = links.cited[ranges(links.made[focal], references)].astype(np.int64)
    begin, end = _between(links, target, after[owner], until[owner])
    use = np.flatnonzero(end > begin)
    owner, begin, many = owner[use], begin[use], (end - begin)[use]
    both, either = np.zeros(len(focal), np.int64), np.zeros(len(focal), np.int64)
    for low, high in _chunks(owner, many):
        some = slice(owner[low], owner[high - 1] + 1)
        indirect = _keys(links, owner[low:high], begin[low:high], many[low:high])
        either += np.bincount(indirect >> HALF, minlength=len(focal))
        own = _keys(links, np.arange(some.start, some.stop), first[some], direct[some])
        merged = np.sort(np.concatenate([indirect, own]))
        twice = merged[1:][merged[1:] == merged[:-1]]
        both += np.bincount(twice >> HALF, minlength=len(focal))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (direct - 2 * both) / (direct - both + either).astype(np.float64)


def _between(links: Links, node: Ints, after: Ints, until: Ints) -> tuple[Ints, Ints]:
    """Where the works between two numbers stand among those that cite each node."""
    start, end = links.received[node], links.received[node + 1]
    first = bisect(links.citing, start, end, after)
    return first, bisect(links.citing, first, end, until)


def _keys(links: Links, owner: Ints, begin: Ints, many: Ints) -> Ints:
    """Distinct pairs of an owner and a citing work, ``owner * 2**32 + work``, ascending."""
    return distinct((np.repeat(owner, many) << HALF) | links.citing[ranges(begin, many)])


def _chunks(source: Ints, fan: Ints) -> list[tuple[int, int]]:
    """Ranges of sorted edges with a bounded number of pairs, none of which divides a citing node's edges."""
    ends = np.flatnonzero(np.diff(source, append=-1)) + 1
    work = np.cumsum(fan)[ends - 1]
    bounds = [0]
    done = 0
    while bounds[-1] < source.size:
        last = max(int(np.searchsorted(work, done + _PAIRS_AT_A_TIME, side="right")) - 1, 0)
        last = max(last, int(np.searchsorted(ends, bounds[-1], side="right")))
        bounds.append(int(ends[last]))
        done = int(work[last])
    return list(pairwise(bounds))
