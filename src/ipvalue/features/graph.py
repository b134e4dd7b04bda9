"""The citation graph as arrays: counts, concentration over classes, and disruption.

Nodes are integers from 0, edges are pairs (citing, cited) in two arrays of one length. A negative node or
label means unknown, and its edge is left out. Results do not depend on the order of the edges, to the last
bit, because everything that is added up is a whole number.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ipvalue.features.graph_edges import checked_edges, checked_nodes, csr, distinct, distinct_pairs

__all__ = ["csr", "disruption", "distinct_pairs", "forward_counts", "generality", "herfindahl"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_DAYS_PER_YEAR = 365.25
_PAIRS_AT_A_TIME = 4_000_000


def forward_counts(
    cited: npt.ArrayLike,
    citing_date: npt.ArrayLike,
    origin_date: npt.ArrayLike,
    n: int,
    window_years: float | None = None,
) -> Floats:
    """Count the citations that each node receives, at will within so many years of its origin.

    Parameters
    ----------
    cited : array_like of int, shape (m,)
        Cited node of each citation.
    citing_date : array_like of datetime64[D], shape (m,)
        When each citation was made.
    origin_date : array_like of datetime64[D], shape (n,)
        Where each node's window begins.
    n : int
        Number of nodes.
    window_years : float, optional
        Length of the window in years of 365.25 days; by default without end.

    Returns
    -------
    ndarray of float64, shape (n,)
        Counts. With a window: NaN where the origin is NaT; citations without date are not counted, those
        dated before the origin are.

    Raises
    ------
    ValueError
        If shapes do not fit or a node lies outside 0 to n - 1.

    Notes
    -----
    A citation counts if ``citing_date - origin_date <= window_years * 365.25`` days.

    References
    ----------
    Hall, Jaffe and Trajtenberg (2005), RAND Journal of Economics 36(1).

    Examples
    --------
    >>> day = lambda *years: np.array([f"{year}-01-01" for year in years], dtype="datetime64[D]")
    >>> forward_counts([0, 0, 1], day(2003, 2012, 2012), day(2000, 2010), 2, window_years=5).tolist()
    [1.0, 1.0]
    """
    target = checked_nodes(cited, n)
    counted = target >= 0
    if window_years is None:
        return np.bincount(target[counted], minlength=n).astype(np.float64)
    made = np.atleast_1d(np.asarray(citing_date, dtype="datetime64[D]"))
    origin = np.atleast_1d(np.asarray(origin_date, dtype="datetime64[D]"))
    if made.size != target.size or origin.size != n:
        raise ValueError(f"{target.size} citations of {n} nodes: {made.size} dates, {origin.size} origins")
    lag = made[counted] - origin[target[counted]]
    inside = lag <= np.timedelta64(int(np.floor(window_years * _DAYS_PER_YEAR)), "D")
    counts = np.bincount(target[counted][inside], minlength=n).astype(np.float64)
    return np.where(np.isnat(origin), np.nan, counts)


def _squares(group: npt.ArrayLike, label: npt.ArrayLike, n_groups: int | None) -> tuple[Ints, Ints]:
    """Citations of each group, and the sum of the squared numbers by class: exact integers."""
    node = checked_nodes(group, n_groups)
    code = _codes(label)
    if code.shape != node.shape:
        raise ValueError(f"{node.size} groups but {code.size} labels")
    n = n_groups if n_groups is not None else int(node.max(initial=-1)) + 1
    known = (node >= 0) & (code >= 0)
    width = int(code.max(initial=-1)) + 1
    key = node[known] * width + code[known]
    # half the bytes sort in about half the time
    key = np.sort(key.astype(np.int32) if n * width < np.iinfo(np.int32).max else key)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    runs = np.diff(starts, append=key.size)
    owner = key[starts] // max(width, 1)
    total, squares = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    np.add.at(total, owner, runs)
    np.add.at(squares, owner, runs * runs)
    return total, squares


def _codes(label: npt.ArrayLike) -> Ints:
    """Class labels as codes from 0; whole numbers stand for themselves, missing ones get -1."""
    labels: npt.NDArray[Any] = np.atleast_1d(np.asarray(label))
    if labels.size == 0:
        return np.empty(0, dtype=np.int64)
    if labels.dtype.kind in "iu":
        if int(labels.max()) <= 2 * labels.size + 1_000_000:
            return labels.astype(np.int64, copy=False)
        codes = np.unique(labels, return_inverse=True)[1]
        return np.where(labels < 0, -1, codes).astype(np.int64)
    import pandas as pd

    return pd.factorize(pd.Series(labels))[0].astype(np.int64)


def herfindahl(group: npt.ArrayLike, label: npt.ArrayLike, *, n_groups: int | None = None) -> Floats:
    """Concentration of each group's entries over classes.

    Parameters
    ----------
    group : array_like of int, shape (m,)
        Group of each entry.
    label : array_like, shape (m,)
        Class of each entry: whole numbers or texts; negative or missing ones are left out.
    n_groups : int, optional
        Length of the result; by default the largest group plus one.

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        1 if all entries are of one class; NaN for a group without entries.

    Raises
    ------
    ValueError
        If shapes do not fit or a group lies outside 0 to n_groups - 1.

    Notes
    -----
    ``sum over classes of (n_class / n)^2``.

    References
    ----------
    Herfindahl (1950), Concentration in the U.S. Steel Industry; Hall, Jaffe and Trajtenberg (2001), NBER
    Working Paper 8498.

    Examples
    --------
    >>> herfindahl([0, 0, 2], ["A", "B", "A"]).tolist()
    [0.5, nan, 1.0]
    """
    total, squares = _squares(group, label, n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        return squares / total.astype(np.float64) ** 2


def generality(
    group: npt.ArrayLike, label: npt.ArrayLike, *, bias_correction: bool = True, n_groups: int | None = None
) -> Floats:
    """Spread of citations over classes: generality of the citing, originality of the cited.

    Parameters
    ----------
    group : array_like of int, shape (m,)
        Patent of each citation: the cited for generality, the citing for originality.
    label : array_like, shape (m,)
        Class of the patent at the other end: whole numbers or texts; negative or missing ones are left out.
    bias_correction : bool, default True
        Correct for the downward bias of few citations.
    n_groups : int, optional
        Length of the result; by default the largest group plus one.

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        0 if all citations are of one class, towards 1 if they spread; NaN without citation, and with the
        correction also for a single one.

    Raises
    ------
    ValueError
        If shapes do not fit or a group lies outside 0 to n_groups - 1.

    Notes
    -----
    ``(N / (N - 1)) (1 - sum over classes of (n_class / N)^2)``, without the first factor if uncorrected.

    References
    ----------
    Trajtenberg, Henderson and Jaffe (1997), Economics of Innovation and New Technology 5(1); Hall, Jaffe and
    Trajtenberg (2001), NBER Working Paper 8498, appendix 2 (the correction, by B. Hall).

    Examples
    --------
    >>> generality([0, 0, 0, 0], ["A", "A", "B", "C"], bias_correction=False).tolist()
    [0.625]
    >>> generality([0, 0, 0, 0], ["A", "A", "B", "C"]).round(4).tolist()
    [0.8333]
    """
    total, squares = _squares(group, label, n_groups)
    number = total.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        # whole numbers up to the one division: no cancellation
        spread = number**2 - squares
        return spread / (number * (number - 1.0)) if bias_correction else spread / number**2


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
    kept = distinct_pairs(source, target)
    source, target = source[kept], target[kept]
    apart = source != target
    source, target = source[apart], target[apart]
    later = _later(when, source, target, window) & wanted[target]
    citing_node = np.bincount(target[later], minlength=n)
    direct = np.sort(target[later] * np.int64(n) + source[later])
    both, either = _reference_citers(source, target, when, window, wanted, direct)
    only_node = citing_node - both
    with np.errstate(invalid="ignore", divide="ignore"):
        index = (only_node - both) / (only_node + either).astype(np.float64)
    return np.where(wanted, index, np.nan)


def _later(when: Floats, node: Ints, focal: Ints, window: float | None) -> Bools:
    """Whether a node appeared after a focal one and within its window."""
    # the end is added to the focal year, not compared as a difference: _window_ranges must round as this does
    return (when[node] > when[focal]) & (when[node] <= when[focal] + (np.inf if window is None else window))


def _reference_citers(
    source: Ints, target: Ints, when: Floats, window: float | None, wanted: Bools, direct: Ints
) -> tuple[Ints, Ints]:
    """For each node, later works that cite a reference of it: those that also cite it, and all.

    The works that cite a reference stand in the order of their year, so that only those inside a node's window are
    ever looked at; ``direct`` holds the sorted keys node * n + work of the works that cite the node itself.
    """
    n = when.size
    both, either = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    dated = np.flatnonzero(np.isfinite(when[source]))
    order = dated[np.lexsort((when[source[dated]], target[dated]))]
    citers = source[order]
    first, last = _window_ranges(target[order], when[citers], source, target, when, window)
    use = np.flatnonzero(wanted[source] & (last > first))
    use = use[np.argsort(source[use], kind="stable")]
    node, begin, many = source[use], first[use], (last - first)[use]
    for low, high in _chunks(node, many):
        count = many[low:high]
        focal = np.repeat(node[low:high], count)
        offset = np.arange(focal.size) - np.repeat(np.cumsum(count) - count, count)
        indirect = distinct(focal * n + citers[np.repeat(begin[low:high], count) + offset])
        nodes = indirect // n
        either += np.bincount(nodes, minlength=n)
        # the keys of the works that cite the chunk's nodes themselves stand together in the sorted ones
        span = slice(*np.searchsorted(direct, [node[low] * n, (node[high - 1] + 1) * n]))
        merged = np.sort(np.concatenate([indirect, direct[span]]))
        twice = merged[1:][merged[1:] == merged[:-1]]
        both += np.bincount(twice // n, minlength=n)
    return both, either


def _window_ranges(
    reference: Ints, citer_year: Floats, source: Ints, target: Ints, when: Floats, window: float | None
) -> tuple[Ints, Ints]:
    """For each edge, where the works begin and end that cite its target within the window of its source.

    ``reference`` and ``citer_year`` are sorted together. Years become ranks, and target and rank one key.
    """
    years = np.unique(when[np.isfinite(when)])
    width = np.int64(years.size + 1)
    keys = reference * width + np.searchsorted(years, citer_year)
    start = when[source]
    known = np.isfinite(start)
    after = np.searchsorted(years, np.where(known, start, np.inf), side="right")
    end = np.where(known, start + (np.inf if window is None else window), -np.inf)
    until = np.searchsorted(years, end, side="right")
    first = np.searchsorted(keys, target * width + after, side="left")
    last = np.searchsorted(keys, target * width + until, side="left")
    return first, np.maximum(first, last)


def _chunks(source: Ints, fan: Ints) -> list[tuple[int, int]]:
    """Ranges of edges with a bounded number of pairs, none of which divides a citing node's edges."""
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
