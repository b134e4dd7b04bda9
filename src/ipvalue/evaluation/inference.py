"""Statistics with a sampling error: calibration by group, bootstrap intervals, and the test of equal accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from ipvalue.types import Array, Columns, Floats, Ints, Positions

__all__ = [
    "DieboldMariano",
    "Interval",
    "bootstrap_interval",
    "calibration_by_segment",
    "calibration_by_size",
    "diebold_mariano",
]

_BLOCK = 2_000_000  # numbers in memory at once


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
        Takes the columns with any leading axes, works over the last one and leaves NaN out, as those of
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
    block = max(1, _BLOCK // n)
    found = []
    for first in range(0, draws, block):
        chosen = rng.integers(len(size), size=(min(block, draws - first), len(size)))
        index = _index(rows, start, size, chosen)
        # index -1 is the appended NaN: a missing pair, which every metric leaves out
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


def _index(rows: Ints, start: Ints, size: Ints, chosen: Ints) -> Ints:
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


class DieboldMariano(NamedTuple):
    """Result of :func:`diebold_mariano`."""

    difference: float
    """Mean of the first losses less the second: negative where the first method is better."""
    statistic: float
    p_value: float
    """Two-sided."""
    n: int
    """Pairs, or clusters of pairs, that were compared."""


def diebold_mariano(
    first: npt.ArrayLike, second: npt.ArrayLike, *, horizon: int = 1, clusters: npt.ArrayLike | None = None
) -> DieboldMariano:
    """Test equal accuracy of two methods on the same cases, with the small-sample correction.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Losses of the two methods, such as squared log errors, in the order of time. Pairs with a missing part are
        left out.
    horizon : int, default 1
        Steps ahead that were forecast: differences less than so many apart may be correlated.
    clusters : array_like, shape (n,), optional
        Cases of one cluster (an owner, a patent valued on several dates) may be correlated, whatever their order;
        only with ``horizon`` 1.

    Returns
    -------
    DieboldMariano
        Statistic and p-value are NaN with fewer than two pairs (clusters), or where the losses never differ.

    Raises
    ------
    ValueError
        If the lengths differ, ``horizon`` is not from 1 to n, or it is more than 1 with clusters.

    Notes
    -----
    With d the differences, c_k their autocovariances and h the horizon, the variance of the mean is
    (c_0 + 2 sum_{k<h} c_k) / n; over clusters it is sum(S_j^2) / n^2 with S_j the cluster's sum of d - mean(d). The
    statistic mean(d) / sd is multiplied by sqrt((n + 1 - 2 h + h (h - 1) / n) / n) (n clusters, where given) and
    compared with Student's t of n - 1 degrees of freedom. A variance estimate below zero gives NaN.

    References
    ----------
    Diebold and Mariano (1995), Journal of Business and Economic Statistics 13(3); Harvey, Leybourne and Newbold
    (1997), International Journal of Forecasting 13(2).

    Examples
    --------
    >>> found = diebold_mariano([1.0, 2.0, 1.5, 1.0], [2.0, 2.5, 2.5, 1.5])
    >>> round(found.difference, 3), round(found.p_value, 3)
    (-0.75, 0.014)
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"the losses must be two columns of one length, not of shapes {one.shape} and {two.shape}")
    known = np.isfinite(one) & np.isfinite(two)
    gap = (one - two)[known]
    if horizon < 1 or (len(gap) > 1 and horizon > len(gap)):
        raise ValueError(f"horizon={horizon}: it must be from 1 to the number of pairs, {len(gap)}")
    if clusters is not None and horizon > 1:
        raise ValueError("clusters have no order of time: with clusters, horizon must be 1")
    if len(gap) < 2:
        return DieboldMariano(float(gap.mean()) if len(gap) else np.nan, np.nan, np.nan, len(gap))
    centered = gap - gap.mean()
    if clusters is None:
        n = len(gap)
        covariance = [float((centered[k:] * centered[: n - k]).sum()) / n for k in range(horizon)]
        variance = (covariance[0] + 2.0 * sum(covariance[1:])) / n
    else:
        _, place = np.unique(np.asarray(clusters)[known], return_inverse=True)
        sums = np.bincount(place, weights=centered)
        n = len(sums)
        variance = float((sums**2).sum()) / len(gap) ** 2
    if n < 2 or not variance > 0:
        return DieboldMariano(float(gap.mean()), np.nan, np.nan, n)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(gap.mean() / np.sqrt(variance) * np.sqrt(correction))
    return DieboldMariano(float(gap.mean()), statistic, float(2.0 * student.sf(abs(statistic), n - 1)), n)


def calibration_by_size(value: npt.ArrayLike, target: npt.ArrayLike, groups: int = 10) -> Columns:
    """Values against targets in groups of equal number by the size of the value: deciles by default.

    Parameters
    ----------
    value, target : array_like, shape (n,)
        In one currency; pairs with a missing, infinite or non-positive part are left out.
    groups : int, default 10

    Returns
    -------
    dict of str to ndarray, shape (groups,) or less
        ``group`` (from 1, the smallest values), ``n``, ``value`` and ``target`` (geometric means), ``bias`` (mean
        log error) and ``bias_error`` (its standard error; NaN for one pair).

    Notes
    -----
    A calibrated valuation has a bias near 0 in each group.

    Examples
    --------
    >>> table = calibration_by_size([1.0, 2.0, 10.0, 20.0], [1.0, 2.0, 5.0, 10.0], groups=2)
    >>> table["bias"].round(3).tolist()
    [0.0, 0.693]
    """
    v, y = np.asarray(value, np.float64), np.asarray(target, np.float64)
    use = _usable(v, y)
    rank = np.argsort(np.argsort(v[use], kind="stable"), kind="stable")
    group = rank * groups // max(len(use), 1) + 1
    return _by_group("group", group, v[use], y[use])


def calibration_by_segment(value: npt.ArrayLike, target: npt.ArrayLike, segment: npt.ArrayLike) -> Columns:
    """Values against targets by segment, such as jurisdiction or technology field.

    Parameters
    ----------
    value, target : array_like, shape (n,)
        In one currency; pairs with a missing, infinite or non-positive part are left out.
    segment : array_like, shape (n,)

    Returns
    -------
    dict of str to ndarray, one element a segment in sorted order
        ``segment`` and the columns of :func:`calibration_by_size`.

    Examples
    --------
    >>> table = calibration_by_segment([1.0, 4.0, 4.0], [1.0, 2.0, 2.0], ["CN", "US", "US"])
    >>> table["segment"].tolist(), table["bias"].round(3).tolist()
    (['CN', 'US'], [0.0, 0.693])
    """
    v, y = np.asarray(value, np.float64), np.asarray(target, np.float64)
    use = _usable(v, y)
    return _by_group("segment", np.asarray(segment)[use], v[use], y[use])


def _usable(value: Floats, target: Floats) -> Positions:
    return np.flatnonzero(np.isfinite(value) & np.isfinite(target) & (value > 0) & (target > 0))


def _by_group(name: str, group: Array, value: Floats, target: Floats) -> Columns:
    labels, place = np.unique(group, return_inverse=True)
    n = np.bincount(place, minlength=len(labels)).astype(np.float64)
    error = np.log(value / target)
    bias = np.bincount(place, weights=error, minlength=len(labels)) / n
    square = np.bincount(place, weights=(error - bias[place]) ** 2, minlength=len(labels))
    several = n > 1
    spread = np.sqrt(square / np.where(several, (n - 1.0) * n, 1.0))
    means = [np.exp(np.bincount(place, weights=np.log(x), minlength=len(labels)) / n) for x in (value, target)]
    return {
        name: labels,
        "n": n.astype(np.int64),
        "value": means[0],
        "target": means[1],
        "bias": bias,
        "bias_error": np.where(several, spread, np.nan),
    }
