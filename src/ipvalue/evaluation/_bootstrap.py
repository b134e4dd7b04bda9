"""Bootstrap intervals of any metric, with rows or whole clusters drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.types import Floats, Ints

__all__ = ["Interval", "bootstrap_interval"]

_CELLS = 2_000_000  # numbers held at once


class Interval(NamedTuple):
    """A metric, and the interval in which it would lie for other patents of the same kind."""

    estimate: float
    low: float
    high: float


def bootstrap_interval(
    metric: Callable[..., Floats],
    *columns: npt.ArrayLike,
    clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 1_000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a metric.

    Parameters
    ----------
    metric : callable
        Takes the columns with any leading axes, works over the last one and leaves NaN out, as all of
        :mod:`ipvalue.evaluation.metrics` that return one number do.
    *columns : array_like, shape (n,)
        What the metric takes.
    clusters : array_like, shape (n,), optional
        Rows of one cluster (an owner, a deal, a patent valued on several dates) are drawn together.
    level : float, default 0.95
        Of the interval.
    draws : int, default 1000
    seed : int, default 0

    Returns
    -------
    Interval
        ``estimate`` on the rows themselves, ``low`` and ``high``; all NaN without rows.

    Notes
    -----
    Quantiles (1 - level) / 2 and (1 + level) / 2 of the metric over samples drawn with replacement.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; Field and Welsh (2007), Bootstrapping
    clustered data, Journal of the Royal Statistical Society B 69(3).

    Examples
    --------
    >>> from ipvalue.evaluation.metrics import bias
    >>> found = bootstrap_interval(bias, [2.0, 0.5, 1.0, 1.2], [1.0, 1.0, 1.0, 1.0], draws=200)
    >>> found.low < found.estimate < found.high
    True
    """
    data = [np.asarray(column, np.float64) for column in columns]
    n = len(data[0])
    if not n:
        return Interval(np.nan, np.nan, np.nan)
    rows, start, size = _clusters(n, clusters)
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // n)
    found = []
    for first in range(0, draws, block):
        chosen = rng.integers(len(size), size=(min(block, draws - first), len(size)))
        index = _index(rows, start, size, chosen)
        # a place without a row is a missing pair, which every metric leaves out
        found.append(metric(*(np.append(column, np.nan)[index] for column in data)))
    tail = (1.0 - level) / 2.0
    sample = np.concatenate(found)
    sample = sample[~np.isnan(sample)]
    low, high = np.quantile(sample, [tail, 1.0 - tail]) if len(sample) else (np.nan, np.nan)
    return Interval(float(metric(*data)), float(low), float(high))


def _clusters(n: int, clusters: npt.ArrayLike | None) -> tuple[Ints, Ints, Ints]:
    """Rows in the order of their clusters, and where each cluster starts and how long it is."""
    if clusters is None:
        rows = np.arange(n)
        return rows, rows, np.ones(n, np.int64)
    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    size = np.bincount(place)
    return np.argsort(place, kind="stable"), np.cumsum(size) - size, size.astype(np.int64)


def _index(
    rows: Ints,
    start: Ints,
    size: Ints,
    chosen: Ints,
) -> Ints:
    """Rows of each draw's clusters, filled up with -1 to the longest draw."""
    if len(size) == len(rows):
        return np.asarray(rows[chosen], np.int64)
    drawn = size[chosen]
    length = drawn.sum(axis=1)
    index = np.full((len(chosen), int(length.max())), -1, np.int64)
    flat = drawn.ravel()
    before = np.cumsum(flat) - flat
    step = np.arange(flat.sum()) - np.repeat(before, flat)
    source = rows[np.repeat(start[chosen].ravel(), flat) + step]
    index[np.arange(index.shape[1]) < length[:, None]] = source
    return index
