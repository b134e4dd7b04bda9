"""How honest quantiles and intervals are: coverage, width, pinball loss, CRPS and interval score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from ipvalue.evaluation._points import nan_mean
from ipvalue.finance.distributions import LEVELS
from ipvalue.types import Floats

__all__ = [
    "coverage",
    "crps",
    "crps_lognormal",
    "crps_normal",
    "interval_score",
    "log_width",
    "pinball",
    "pinball_losses",
    "quantiles_at",
]


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
        If a level lies outside the known ones: tails are not made up.

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
        Rows of which one is missing are left out.

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
    """Say of each row whether its target lies in its interval: 1, 0, or NaN where something is missing."""
    a, b, y = (np.asarray(v, np.float64) for v in (low, high, target))
    missing = np.isnan(a) | np.isnan(b) | np.isnan(y)
    return np.where(missing, np.nan, ((y >= a) & (y <= b)).astype(np.float64))


def log_width(low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Mean log width of intervals: exp of it is the factor that the typical interval spans.

    Parameters
    ----------
    low, high : array_like, shape (..., n)
        Rows whose ends are missing, infinite or not positive are left out.

    Returns
    -------
    ndarray, shape (...)

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
        In the unit of the quantiles: pass logarithms of both for a loss that is free of the currency's scale.
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
        In the unit of the quantiles, as in :func:`pinball_losses`; rows of which something is missing are left out.
    levels : array_like, shape (k,)

    Returns
    -------
    ndarray, shape (k,)

    Notes
    -----
    Its least value is reached at the target's own quantile.

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
        In the unit of the quantiles: pass logarithms of both for a score that is free of the currency's scale.
    levels : array_like, shape (k,)
        Rising.

    Returns
    -------
    ndarray, shape (n,)
        In the unit of the target, none negative; NaN where something is missing.

    Notes
    -----
    CRPS = 2 integral of pinball loss over levels from 0 to 1, here the sum over the k levels, each standing for the
    levels nearer to it than to any other. The tails beyond the outer levels count as the outer levels do.

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
    """Winkler's interval score of each row: the width, and a fine for every target outside.

    Parameters
    ----------
    low, high, target : array_like, shape (n,)
        Pass logarithms of all for a score that is free of the currency's scale.
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
