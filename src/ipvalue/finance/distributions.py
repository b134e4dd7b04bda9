"""Quantiles of values: lognormal, Pareto and weighted empirical; combinations and sums.

Quantiles stand in the last axis, in the order of their levels; :data:`LEVELS` are the library's five.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ipvalue.finance.arrays import flatten
from ipvalue.finance.lognormal_sums import fenton_wilkinson
from ipvalue.types import LEVELS, Floats, Mask

__all__ = [
    "LEVELS",
    "combine_quantiles",
    "fenton_wilkinson",
    "lognormal_quantiles",
    "monotone",
    "pareto_tail_quantile",
    "sigma_from_quantiles",
    "weighted_quantile",
]


def _levels(levels: npt.ArrayLike) -> Floats:
    """Levels as a checked array."""
    checked = np.asarray(levels, dtype=np.float64)
    if checked.ndim != 1 or not bool(np.all((checked >= 0.0) & (checked <= 1.0))):
        raise ValueError(f"levels must be a list of numbers from 0 to 1, not {levels!r}")
    return checked


def lognormal_quantiles(median: npt.ArrayLike, sigma: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Quantiles of a lognormal value.

    Parameters
    ----------
    median : array_like, shape (...)
        Median in money; a dead right has median 0 and all its quantiles 0.
    sigma : array_like, shape (...)
        Standard deviation of the logarithm, at least 0.
    levels : array_like, shape (k,), default LEVELS
        Probabilities.

    Returns
    -------
    ndarray of float64, shape (..., k)
        Quantiles in the money of ``median``; NaN where the median or sigma is NaN or negative.

    Raises
    ------
    ValueError
        If a level lies outside 0 to 1.

    Notes
    -----
    ``median * exp(sigma * z(level))`` with the standard normal quantile ``z``.

    References
    ----------
    Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 14.

    Examples
    --------
    >>> lognormal_quantiles(100.0, 0.5).round(2).tolist()
    [43.94, 71.37, 100.0, 140.11, 227.6]
    """
    deviates = ndtri(_levels(levels))
    shape, (middle, spread) = flatten(median, sigma)
    result = np.empty((middle.size, deviates.size))
    with np.errstate(all="ignore"):
        for column, deviate in enumerate(deviates):
            shift = np.where(spread == 0.0, 0.0, spread * deviate)
            result[:, column] = np.where(middle == 0.0, 0.0 * spread, middle * np.exp(shift))
    result[~((middle >= 0.0) & (spread >= 0.0))] = np.nan
    return result.reshape((*shape, deviates.size))


def sigma_from_quantiles(quantiles: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Standard deviation of the logarithm that fits given quantiles best.

    Parameters
    ----------
    quantiles : array_like, shape (..., k)
        Quantiles in money.
    levels : array_like, shape (k,), default LEVELS
        Their probabilities, strictly between 0 and 1.

    Returns
    -------
    ndarray of float64, shape (...)
        Sigma; 0 where all quantiles are the same number, NaN where one is NaN, or where they differ and
        one is not positive.

    Raises
    ------
    ValueError
        If a level lies outside 0 to 1, or their number is not that of the last axis.

    Notes
    -----
    Least-squares slope of the log quantiles on the normal deviates; exact for a lognormal.

    References
    ----------
    Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 14
    (fitting by quantiles).

    Examples
    --------
    >>> round(float(sigma_from_quantiles(lognormal_quantiles(100.0, 0.5))), 12)
    0.5
    """
    table = np.asarray(quantiles, dtype=np.float64)
    deviates = ndtri(_levels(levels))
    if table.ndim == 0 or table.shape[-1] != deviates.size:
        raise ValueError(f"quantiles of shape {table.shape} do not have {deviates.size} levels")
    centred = deviates - deviates.mean()
    rows = table.reshape(-1, deviates.size)
    slope = np.zeros(len(rows))
    with np.errstate(all="ignore"):
        for column, deviate in enumerate(centred):
            slope = slope + deviate * np.log(np.ascontiguousarray(rows[:, column]))
        slope = slope / np.sum(centred**2)
    same = np.all(rows == rows[:, :1], axis=1)
    positive = np.all(rows > 0.0, axis=1)
    return np.where(same, 0.0, np.where(positive, slope, np.nan)).reshape(table.shape[:-1])


def combine_quantiles(quantiles: npt.ArrayLike, weights: npt.ArrayLike, *, log: bool = True) -> Floats:
    """Combine several estimates' quantiles into one set, level by level.

    Parameters
    ----------
    quantiles : array_like, shape (n, methods, k)
        Quantiles in money; an estimate with a NaN counts as absent.
    weights : array_like, shape (n, methods) or (methods,)
        Weights; NaN and negative ones count as 0.
    log : bool, default True
        Average logarithms, so that the result is a weighted geometric mean; a 0 then makes the level 0.

    Returns
    -------
    ndarray of float64, shape (n, k)
        Combined quantiles; NaN where no estimate has weight.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Vincent averaging: ``Q(p) = sum_m w_m Q_m(p) / sum_m w_m`` on the scale chosen. The average of lognormals
    on the log scale is lognormal with the averaged log median and sigma.

    References
    ----------
    Vincent (1912); Ratcliff (1979), Psychological Bulletin 86(3); Lichtendahl, Grushka-Cockayne and
    Winkler (2013), Management Science 59(7).

    Examples
    --------
    >>> combine_quantiles([[[50.0, 100.0], [200.0, 400.0]]], [0.5, 0.5]).round(6).tolist()
    [[100.0, 200.0]]
    """
    table = np.asarray(quantiles, dtype=np.float64)
    if table.ndim != 3:
        raise ValueError(f"quantiles need the shape (n, methods, levels), not {table.shape}")
    share = np.array(np.broadcast_to(np.asarray(weights, dtype=np.float64), table.shape[:2]))
    absent = np.isnan(table).any(axis=2) | ~(share > 0.0)
    share[absent] = 0.0
    total = np.zeros(len(table))
    combined = np.zeros((table.shape[0], table.shape[2]))
    with np.errstate(all="ignore"):
        for method in range(table.shape[1]):
            level = np.log(np.ascontiguousarray(table[:, method])) if log else table[:, method]
            present = share[:, method] > 0.0
            combined[present] += share[present, method, None] * level[present]
            total = total + share[:, method]
        combined = combined / total[:, None]
        combined = np.exp(combined) if log else combined
    combined[total == 0.0] = np.nan
    return combined


def pareto_tail_quantile(
    threshold: npt.ArrayLike, exceedance: npt.ArrayLike, alpha: npt.ArrayLike, levels: npt.ArrayLike
) -> Floats:
    """Quantiles in the Pareto tail above a threshold.

    Parameters
    ----------
    threshold : array_like, shape (...)
        Where the tail begins, in money, positive.
    exceedance : array_like, shape (...)
        Probability of exceeding the threshold, 0 to 1.
    alpha : array_like, shape (...)
        Tail index, positive; the mean is infinite at 1 and below.
    levels : array_like, shape (k,)
        Probabilities of the whole distribution.

    Returns
    -------
    ndarray of float64, shape (..., k)
        Quantiles in money; NaN below the threshold's own level, infinite at level 1.

    Raises
    ------
    ValueError
        If a level lies outside 0 to 1.

    Notes
    -----
    ``threshold * (exceedance / (1 - level))^(1 / alpha)``.

    References
    ----------
    Embrechts, Klueppelberg and Mikosch (1997), Modelling Extremal Events, chapter 6; Scherer and Harhoff
    (2000), Research Policy 29 (tails of patent values).

    Examples
    --------
    >>> pareto_tail_quantile(1e6, 0.1, 1.0, [0.8, 0.9, 0.99]).round().tolist()
    [nan, 1000000.0, 10000000.0]
    """
    points = _levels(levels)
    shape, (start, chance, index) = flatten(threshold, exceedance, alpha)
    result = np.empty((start.size, points.size))
    valid = (start > 0.0) & (index > 0.0) & (chance >= 0.0) & (chance <= 1.0)
    with np.errstate(all="ignore"):
        for column, level in enumerate(points):
            multiple = np.exp(np.log(chance / (1.0 - level)) / index)
            # an exceedance of 1 - level is the threshold itself, whatever the last bit of the subtraction
            inside = valid & (1.0 - level <= chance * (1.0 + 1e-12))
            result[:, column] = np.where(inside, start * np.maximum(multiple, 1.0), np.nan)
    return result.reshape((*shape, points.size))


def weighted_quantile(values: npt.ArrayLike, weights: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Quantiles of weighted observations, row by row.

    Parameters
    ----------
    values : array_like, shape (n, k)
        Observations; NaN ones are ignored.
    weights : array_like, shape (n, k) or (k,)
        Weights; NaN, zero and negative ones are ignored.
    levels : array_like, shape (m,), default LEVELS
        Probabilities.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Quantiles; NaN where a row has no observation with weight.

    Raises
    ------
    ValueError
        If the shapes do not fit or a level lies outside 0 to 1.

    Notes
    -----
    An observation with weight ``w`` stands at ``p = (W - w / 2) / W_total``, with ``W`` the weight up to and
    including it; between observations the quantile is linear, outside them flat (Hazen's definition where
    the weights are equal). Equal values are ordered by weight, so that the order of the columns never
    matters, to the last bit.

    References
    ----------
    Hyndman and Fan (1996), The American Statistician 50(4), definition 5.

    Examples
    --------
    >>> weighted_quantile([[1.0, 2.0, 3.0, float("nan")]], [1.0, 1.0, 2.0, 9.0], [0.0, 0.5, 1.0]).tolist()
    [[1.0, 2.333333333333333..., 3.0]]
    """
    points = _levels(levels)
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"values need the shape (rows, observations), not {table.shape}")
    share = np.array(np.broadcast_to(np.asarray(weights, dtype=np.float64), table.shape))
    if table.shape[1] == 0:
        return np.full((len(table), points.size), np.nan)
    absent = np.isnan(table) | ~(share > 0.0)
    share[absent] = 0.0
    observed = np.where(absent, np.inf, table)
    observed, share = _sorted_rows(observed, share, absent)
    running = np.cumsum(share, axis=1)
    return _interpolate(observed, share, running, points)


def _sorted_rows(observed: Floats, share: Floats, absent: Mask) -> tuple[Floats, Floats]:
    """Observations and weights of each row in the order of absence, observation and weight."""
    order = np.argsort(observed, axis=1)
    result = np.take_along_axis(observed, order, axis=1), np.take_along_axis(share, order, axis=1)
    # one sort tells the order unless observations are equal, as all absent ones are
    tied = np.flatnonzero((result[0][:, 1:] == result[0][:, :-1]).any(axis=1))
    if len(tied):
        order = np.lexsort((share[tied], observed[tied], absent[tied]), axis=-1)
        for sorted_rows, values in zip(result, (observed, share)):
            sorted_rows[tied] = np.take_along_axis(values[tied], order, axis=1)
    return result


def _interpolate(observed: Floats, share: Floats, running: Floats, points: Floats) -> Floats:
    """Weighted quantiles of rows already sorted, with absent observations last and of no weight."""
    total = running[:, -1]
    count = np.count_nonzero(share, axis=1)
    rows = np.arange(len(observed))
    last = np.maximum(count - 1, 0)
    result = np.empty((len(observed), points.size))
    with np.errstate(all="ignore"):
        position = (running - 0.5 * share) / total[:, None]
        position[share == 0.0] = np.inf
        for column, level in enumerate(points):
            above = np.minimum(np.count_nonzero(position < level, axis=1), last)
            below = np.maximum(above - 1, 0)
            low, high = observed[rows, below], observed[rows, above]
            reach = (level - position[rows, below]) / (position[rows, above] - position[rows, below])
            reach = np.clip(np.where(above == below, 0.0, reach), 0.0, 1.0)
            result[:, column] = np.where(low == high, low, low + reach * (high - low))
    result[count == 0] = np.nan
    return result


def monotone(quantiles: npt.ArrayLike) -> Floats:
    """Rearrange quantiles that cross into increasing order.

    Parameters
    ----------
    quantiles : array_like, shape (..., k)
        Quantiles in the order of their levels.

    Returns
    -------
    ndarray of float64, shape (..., k)
        The same numbers sorted along the last axis; all NaN where one of them is NaN.

    Raises
    ------
    ValueError
        If the input is a single number.

    Notes
    -----
    Sorting never moves a set of estimated quantiles further from the true, increasing ones.

    References
    ----------
    Chernozhukov, Fernandez-Val and Galichon (2010), Econometrica 78(3).

    Examples
    --------
    >>> monotone([[1.0, 3.0, 2.0]]).tolist()
    [[1.0, 2.0, 3.0]]
    """
    table = np.asarray(quantiles, dtype=np.float64)
    if table.ndim == 0:
        raise ValueError("quantiles need at least one axis")
    return np.where(np.isnan(table).any(axis=-1, keepdims=True), np.nan, np.sort(table, axis=-1))
