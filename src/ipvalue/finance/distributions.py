"""Quantiles of lognormal distributions and of weighted observations, and sums of correlated lognormals.

Quantiles are in the last axis, in the order of their levels. :data:`LEVELS` are the five levels of the library.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ipvalue.finance.arrays import flatten
from ipvalue.types import LEVELS, Floats, Mask

__all__ = [
    "LEVELS",
    "fenton_wilkinson",
    "lognormal_quantiles",
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
        raise ValueError(f"values of shape {table.shape}: write a table (rows, observations), or [values] for one row")
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
    # one sort is enough unless observations are equal, as all absent ones are
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


def fenton_wilkinson(
    means: npt.ArrayLike, sigmas: npt.ArrayLike, correlation: npt.ArrayLike = 0.0
) -> tuple[Floats, Floats]:
    """Lognormal with the mean and variance of a sum of correlated lognormals.

    Parameters
    ----------
    means : array_like, shape (..., k)
        Mean (not median) of each summand, in money, at least 0.
    sigmas : array_like, shape (..., k)
        Standard deviation of each logarithm.
    correlation : array_like, default 0.0
        Correlation of the logarithms: one number from 0 to 1 between any two, or a (k, k) matrix.

    Returns
    -------
    median, sigma : ndarray of float64, shape (...)
        Parameters of the approximating lognormal; both 0 where every summand is 0.

    Raises
    ------
    ValueError
        If a single correlation lies outside 0 to 1, or a matrix does not fit.

    Notes
    -----
    The variance is exact: ``sum_ij m_i m_j (exp(rho_ij s_i s_j) - 1)``. With one correlation it is computed
    in O(k) from ``exp(rho s_i s_j) - 1 = sum_p rho^p / p! s_i^p s_j^p``, so that a portfolio of any size can
    be summed. The summands are added in sorted order: theirs does not matter. The shape of the sum is not
    exactly lognormal; its far upper tail is understated when the sigmas are large and unequal.

    References
    ----------
    Fenton (1960), IRE Transactions on Communications Systems 8(1); Abu-Dayya and Beaulieu (1994), IEEE
    Transactions on Communications 42 (correlated summands).

    Examples
    --------
    >>> median, sigma = fenton_wilkinson([100.0, 100.0], [0.5, 0.5], 1.0)
    >>> round(float(sigma), 12), round(float(median), 6)  # twice the same value
    (0.5, 176.499381)
    """
    mean, spread = np.broadcast_arrays(np.asarray(means, dtype=np.float64), np.asarray(sigmas, dtype=np.float64))
    rho = np.asarray(correlation, dtype=np.float64)
    total = np.sort(mean, axis=-1).sum(axis=-1)
    variance = _variance_one_factor(mean, spread, float(rho)) if rho.ndim == 0 else _variance(mean, spread, rho)
    with np.errstate(all="ignore"):
        squared = np.where(total == 0.0, 0.0, np.log1p(variance / total**2))
        return np.asarray(total * np.exp(-0.5 * squared)), np.asarray(np.sqrt(squared))


def _variance(mean: Floats, spread: Floats, rho: Floats) -> Floats:
    """Variance of the sum under a matrix of correlations."""
    if rho.shape != (mean.shape[-1], mean.shape[-1]):
        raise ValueError(f"{mean.shape[-1]} summands do not fit a correlation matrix of shape {rho.shape}")
    pairs = mean[..., :, None] * mean[..., None, :] * np.expm1(rho * spread[..., :, None] * spread[..., None, :])
    return np.asarray(np.sort(pairs.reshape(*pairs.shape[:-2], -1), axis=-1).sum(axis=-1))


def _variance_one_factor(mean: Floats, spread: Floats, rho: float) -> Floats:
    """Variance of the sum under one correlation, by the exponential series."""
    if not 0.0 <= rho <= 1.0:
        raise ValueError(f"a single correlation must lie between 0 and 1, not {rho}")
    own = mean**2 * (np.expm1(spread**2) - np.expm1(rho * spread**2))
    variance = np.sort(own, axis=-1).sum(axis=-1)
    largest = rho * float(np.nanmax(spread, initial=0.0)) ** 2
    power = mean
    factor = 1.0
    for order in range(1, int(np.ceil(math.e * min(largest, 200.0))) + 40):
        power = power * spread
        factor = factor * rho / order
        variance = variance + factor * np.sort(power, axis=-1).sum(axis=-1) ** 2
    return np.asarray(variance)
