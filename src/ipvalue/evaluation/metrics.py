"""Metrics of values and their intervals: pure functions of arrays, each with its formula and source.

A metric that returns one number works over the last axis of its arguments, leaves out pairs with a missing part, and is
NaN where no pair is left.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from ipvalue.evaluation.inference import (
    DieboldMariano,
    Interval,
    bootstrap_interval,
    calibration_by_segment,
    calibration_by_size,
    diebold_mariano,
)
from ipvalue.finance.distributions import LEVELS
from ipvalue.types import Floats

__all__ = [
    "DieboldMariano",
    "Interval",
    "bias",
    "bootstrap_interval",
    "calibration_by_segment",
    "calibration_by_size",
    "coverage",
    "crps",
    "crps_lognormal",
    "crps_normal",
    "diebold_mariano",
    "gini",
    "interval_score",
    "log_errors",
    "log_rmse",
    "log_width",
    "median_ape",
    "pinball",
    "pinball_losses",
    "quantiles_at",
    "r2_log",
    "spearman",
]


def log_errors(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Log of value over target; NaN where either is missing, infinite, zero or negative.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        In one currency.

    Examples
    --------
    >>> log_errors([np.e, 1.0, 0.0], [1.0, 1.0, 1.0]).tolist()
    [1.0, 0.0, nan]
    """
    return _log(value) - _log(target)


def log_rmse(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Root mean squared log error.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        In one currency; pairs with a missing, infinite or non-positive part are left out.

    Notes
    -----
    sqrt(mean(ln(value / target)^2)).

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy, International Journal of
    Forecasting 22(4).

    Examples
    --------
    >>> round(float(log_rmse([2.0, 0.5], [1.0, 1.0])), 4)
    0.6931
    """
    return np.sqrt(nan_mean(log_errors(value, target) ** 2))


def bias(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Mean log error: positive where values are too high.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        In one currency; pairs with a missing, infinite or non-positive part are left out.

    Notes
    -----
    mean(ln(value / target)); its exponential is the geometric mean ratio.

    Examples
    --------
    >>> float(bias([2.0, 0.5], [1.0, 1.0]))
    0.0
    """
    return nan_mean(log_errors(value, target))


def median_ape(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Median absolute error as a share of the target.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        In one currency; pairs with a missing or infinite part or a target that is not positive are left out. A value
        of 0 is an error of 1.

    Notes
    -----
    median(|value / target - 1|).

    References
    ----------
    Armstrong and Collopy (1992), Error measures for generalizing about forecasting methods, International Journal
    of Forecasting 8(1).

    Examples
    --------
    >>> median_ape([110.0, 50.0, 100.0], [100.0, 100.0, 100.0]).round(9).item()
    0.1
    """
    estimate, true = np.asarray(value, np.float64), np.asarray(target, np.float64)
    true = np.where(true > 0, true, np.nan)
    error = np.abs(estimate / true - 1.0)
    return nan_median(np.where(np.isfinite(error), error, np.nan))


def spearman(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Rank correlation.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        Pairs with a missing part are left out.

    Returns
    -------
    ndarray, shape (...)
        From -1 to 1; NaN with fewer than two pairs, or where one side never varies.

    Notes
    -----
    Pearson's correlation of the ranks; ties share their mean rank.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15(1).

    Examples
    --------
    >>> spearman([1.0, 5.0, 9.0, np.nan], [10.0, 20.0, 30.0, 0.0]).round(9).item()
    1.0
    """
    one, two = (_center(r) for r in _ranks(value, target))
    product = np.nansum(one * two, axis=-1)
    scale = np.sqrt(np.nansum(one**2, axis=-1) * np.nansum(two**2, axis=-1))
    return _ratio(product, scale)


def gini(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Normalised Gini coefficient: how well values rank patents by their worth; a perfect ranking has 1.

    Parameters
    ----------
    value : array_like, shape (..., n)
        By which patents are ranked; ties share their mean rank.
    target : array_like, shape (..., n)
        True worth, none negative. Pairs with a missing part are left out.

    Returns
    -------
    ndarray, shape (...)
        1 for the order of the targets, about 0 for a random one, -1 for the reverse; NaN where all are worth the same.

    Notes
    -----
    G(value) / G(target) with G(x) = 2 sum(rank(x) target) / (n sum(target)) - (n + 1) / n.

    References
    ----------
    Lerman and Yitzhaki (1984), A note on the calculation and interpretation of the Gini index, Economics Letters
    15; Frees, Meyers and Cummings (2011), Summarizing insurance scores using a Gini index, JASA 106.

    Examples
    --------
    >>> gini([1.0, 2.0, 3.0], [10.0, 20.0, 60.0]).round(9).item()
    1.0
    """
    estimate, true = _pairs(value, target)
    by_value, by_target = _ranks(estimate, true)
    centered = _center(by_value), _center(by_target)
    return _ratio(*(np.nansum(rank * true, axis=-1) for rank in centered))


def r2_log(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Share of the variance of log targets that the log values explain.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        In one currency; pairs with a missing, infinite or non-positive part are left out.

    Returns
    -------
    ndarray, shape (...)
        At most 1, negative where the mean target would do better; NaN where the targets never vary.

    Notes
    -----
    1 - sum((ln target - ln value)^2) / sum((ln target - mean(ln target))^2): bias counts against it.

    Examples
    --------
    >>> r2_log([1.0, 10.0, 100.0], [1.0, 10.0, 100.0]).item()
    1.0
    """
    one, two = _pairs(_log(value), _log(target))
    rest = np.nansum((two - one) ** 2, axis=-1)
    return 1.0 - _ratio(rest, np.nansum(_center(two) ** 2, axis=-1))


def nan_mean(values: Floats) -> Floats:
    """Mean over the last axis without missing values; NaN where all are missing."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def nan_median(values: Floats) -> Floats:
    """Median over the last axis without missing values; NaN where all are missing."""
    ordered = np.sort(values, axis=-1)  # missing values come last
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return np.where(count > 0, (low + high) / 2.0, np.nan)[..., 0]


def _log(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    usable = np.isfinite(array) & (array > 0)
    return np.where(usable, np.log(np.where(usable, array, 1.0)), np.nan)


def _pairs(one: npt.ArrayLike, two: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both arrays, missing where either is."""
    first, second = np.broadcast_arrays(np.asarray(one, np.float64), np.asarray(two, np.float64))
    known = ~(np.isnan(first) | np.isnan(second))
    return np.where(known, first, np.nan), np.where(known, second, np.nan)


def _ranks(one: npt.ArrayLike, two: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Ranks of the complete pairs, from 1; NaN elsewhere."""
    first, second = _pairs(one, two)
    return _rank(first), _rank(second)


def _rank(values: Floats) -> Floats:
    # NaN counts as larger than all, so that ranks of the rest are those among themselves
    ranks = np.asarray(rankdata(np.where(np.isnan(values), np.inf, values), axis=-1), np.float64)
    finite = ~np.isnan(values)
    if np.isposinf(values).any():  # true infinities share ranks with the missing: rank them apart
        ranks = np.asarray(rankdata(values, axis=-1, nan_policy="omit"), np.float64)
    return np.where(finite, ranks, np.nan)


def _center(values: Floats) -> Floats:
    return values - nan_mean(values)[..., None]


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient; NaN where the denominator is not positive."""
    good = below > 0
    return np.where(good, above / np.where(good, below, 1.0), np.nan)


def quantiles_at(quantiles: npt.ArrayLike, wanted: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Quantiles at other levels, between those that are known.

    Parameters
    ----------
    quantiles : array_like, shape (n, k)
        Rising along each row, in money, none negative.
    wanted : array_like, shape (m,)
        Levels within the range of ``levels``.
    levels : array_like, shape (k,)

    Returns
    -------
    ndarray, shape (n, m)
        NaN where a neighbouring quantile is missing; 0 where it is 0.

    Raises
    ------
    ValueError
        If a level lies outside the known ones: tails are not extrapolated.

    Notes
    -----
    ln q(p) is linear in the normal score of p between neighbouring levels: exact for a lognormal, and it returns the
    known quantiles at their own levels.

    Examples
    --------
    >>> known = np.exp(0.5 * np.array([[-1.6448536, -0.6744898, 0.0, 0.6744898, 1.6448536]]))
    >>> (np.log(quantiles_at(known, [0.1, 0.9])) / 0.5).round(4).tolist()
    [[-1.2816, 1.2816]]
    """
    q, level, goal = (np.asarray(a, np.float64) for a in (quantiles, levels, wanted))
    if goal.size and (goal.min() < level[0] or goal.max() > level[-1]):
        raise ValueError(f"levels must lie within {level[0]} to {level[-1]}")
    right = np.clip(np.searchsorted(level, goal, side="left"), 1, len(level) - 1)
    score, goal_score = ndtri(level), ndtri(goal)
    share = (goal_score - score[right - 1]) / (score[right] - score[right - 1])
    zero = q == 0
    log = np.where(zero, 0.0, np.log(np.where(q > 0, q, np.where(zero, 1.0, np.nan))))
    result = np.exp(log[:, right - 1] * (1.0 - share) + log[:, right] * share)
    exact = share == 1.0
    result = np.where(exact, q[:, right], np.where(share == 0.0, q[:, right - 1], result))
    return np.where((zero[:, right - 1] & ~exact) | zero[:, right], 0.0, result)


def coverage(low: npt.ArrayLike, high: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Share of targets inside their interval, ends included.

    Parameters
    ----------
    low, high, target : array_like, shape (..., n)
        Rows with a missing part are left out.

    Returns
    -------
    ndarray, shape (...)
        From 0 to 1; NaN where no row is left.

    References
    ----------
    Christoffersen (1998), Evaluating interval forecasts, International Economic Review 39(4).

    Examples
    --------
    >>> float(coverage([0.0, 0.0, 0.0, np.nan], [1.0, 1.0, 1.0, 1.0], [0.5, 2.0, 1.0, 0.5]).round(3))
    0.667
    """
    return nan_mean(inside(low, high, target))


def inside(low: npt.ArrayLike, high: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Whether the target of each row lies in its interval: 1, 0, or NaN where something is missing."""
    a, b, y = (np.asarray(v, np.float64) for v in (low, high, target))
    missing = np.isnan(a) | np.isnan(b) | np.isnan(y)
    return np.where(missing, np.nan, ((y >= a) & (y <= b)).astype(np.float64))


def log_width(low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Mean log width of intervals; its exponential is the factor that a typical interval spans.

    Parameters
    ----------
    low, high : array_like, shape (..., n)
        Rows whose ends are missing, infinite or not positive are left out.

    Examples
    --------
    >>> float(np.exp(log_width([1.0, 2.0], [4.0, 8.0])).round(9))
    4.0
    """
    a, b = (np.asarray(v, np.float64) for v in (low, high))
    usable = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    return nan_mean(np.where(usable, np.log(np.where(usable, b, 1.0) / np.where(usable, a, 1.0)), np.nan))


def pinball_losses(quantiles: npt.ArrayLike, target: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Pinball loss of each row and level.

    Parameters
    ----------
    quantiles : array_like, shape (n, k)
    target : array_like, shape (n,)
        In the unit of the quantiles; pass logarithms of both for a scale-free loss.
    levels : array_like, shape (k,)

    Returns
    -------
    ndarray, shape (n, k)
        None negative; NaN where something is missing.

    Notes
    -----
    max(p (y - q), (p - 1) (y - q)).

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46(1).

    Examples
    --------
    >>> pinball_losses([[1.0]], [3.0], [0.9]).round(9).tolist()
    [[1.8]]
    """
    q, y, p = (np.asarray(v, np.float64) for v in (quantiles, target, levels))
    gap = y[:, None] - q
    return np.maximum(p * gap, (p - 1.0) * gap)


def pinball(quantiles: npt.ArrayLike, target: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Mean pinball loss at each level.

    Parameters
    ----------
    quantiles : array_like, shape (n, k)
    target : array_like, shape (n,)
        In the unit of the quantiles, as in :func:`pinball_losses`; rows with a missing part are left out.
    levels : array_like, shape (k,)

    Examples
    --------
    >>> pinball([[1.0], [1.0]], [0.0, 2.0], [0.5]).tolist()
    [0.5]
    """
    return nan_mean(pinball_losses(quantiles, target, levels).T)


def crps(quantiles: npt.ArrayLike, target: npt.ArrayLike, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Continuous ranked probability score of each row, from quantiles.

    Parameters
    ----------
    quantiles : array_like, shape (n, k)
    target : array_like, shape (n,)
        In the unit of the quantiles; pass logarithms of both for a scale-free score.
    levels : array_like, shape (k,)
        Rising.

    Returns
    -------
    ndarray, shape (n,)
        In the unit of the target, none negative; NaN where something is missing.

    Notes
    -----
    CRPS = 2 integral of pinball loss over levels from 0 to 1, here the sum over the k levels, each weighted by the
    share of levels that are nearest to it. The tails beyond the outer levels count as the outer levels do.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102; Gneiting and Ranjan (2011), Journal of
    Business and Economic Statistics 29(3).

    Examples
    --------
    >>> crps([[2.0]], [3.0], [0.5]).tolist()
    [1.0]
    """
    level = np.asarray(levels, np.float64)
    edges = np.concatenate([[0.0], (level[1:] + level[:-1]) / 2.0, [1.0]])
    losses = pinball_losses(quantiles, target, level)
    total = np.zeros(len(losses))
    for k, share in enumerate(np.diff(edges)):
        total = total + 2.0 * share * losses[:, k]
    return total


def crps_normal(mean: npt.ArrayLike, deviation: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Continuous ranked probability score of a normal forecast; of logarithms for a lognormal one.

    Parameters
    ----------
    mean, deviation, target : array_like
        Broadcast together; ``deviation`` positive.

    Returns
    -------
    ndarray
        In the unit of the target; NaN where something is missing.

    Notes
    -----
    s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)), z = (y - mean) / s.

    References
    ----------
    Gneiting, Raftery, Westveld and Goldman (2005), Monthly Weather Review 133.

    Examples
    --------
    >>> crps_normal(0.0, 1.0, 0.0).round(6).item()
    0.233695
    """
    s = np.asarray(deviation, np.float64)
    z = (np.asarray(target, np.float64) - np.asarray(mean, np.float64)) / s
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(s * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi)), np.float64)


def crps_lognormal(log_mean: npt.ArrayLike, log_sd: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Continuous ranked probability score of a lognormal forecast, in money.

    Parameters
    ----------
    log_mean, log_sd : array_like
        Mean and standard deviation of the logarithm.
    target : array_like
        Positive.

    Returns
    -------
    ndarray
        In the unit of the target; NaN where something is missing or the target is not positive.

    Notes
    -----
    y (2 Phi(w) - 1) - 2 exp(m + s^2 / 2) (Phi(w - s) + Phi(s / sqrt(2)) - 1),  w = (ln y - m) / s.

    References
    ----------
    Baran and Lerch (2015), Log-normal distribution based EMOS models, Quarterly Journal of the Royal Meteorological
    Society 141.

    Examples
    --------
    >>> crps_lognormal(0.0, 0.5, 1.0).round(6).item()
    0.120792
    """
    m, s, y = (np.asarray(v, np.float64) for v in (log_mean, log_sd, target))
    y = np.where(y > 0, y, np.nan)
    w = (np.log(y) - m) / s
    mean = np.exp(m + s**2 / 2.0)
    score = y * (2.0 * ndtr(w) - 1.0) - 2.0 * mean * (ndtr(w - s) + ndtr(s / np.sqrt(2.0)) - 1.0)
    return np.asarray(score, np.float64)


def interval_score(low: npt.ArrayLike, high: npt.ArrayLike, target: npt.ArrayLike, level: float) -> Floats:
    """Winkler's interval score of each row: the width, plus a penalty for a target outside.

    Parameters
    ----------
    low, high, target : array_like, shape (n,)
        Pass logarithms of all for a scale-free score.
    level : float
        Nominal coverage, such as 0.9.

    Returns
    -------
    ndarray, shape (n,)
        NaN where something is missing.

    Notes
    -----
    (u - l) + 2 / (1 - level) (max(l - y, 0) + max(y - u, 0)); least in the mean at the true quantiles.

    References
    ----------
    Winkler (1972), JASA 67; Gneiting and Raftery (2007), JASA 102.

    Examples
    --------
    >>> interval_score([0.0], [1.0], [1.5], 0.9).round(9).tolist()
    [11.0]
    """
    a, b, y = (np.asarray(v, np.float64) for v in (low, high, target))
    return (b - a) + 2.0 / (1.0 - level) * (np.maximum(a - y, 0.0) + np.maximum(y - b, 0.0))
