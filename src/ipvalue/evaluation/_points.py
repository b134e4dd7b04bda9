"""How near values come to what they should be, and how well they rank, over the last axis and without missing pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ipvalue.types import Floats

__all__ = ["bias", "gini", "log_errors", "log_rmse", "median_ape", "r2_log", "spearman"]


def log_errors(value: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Log of value over target; NaN where either is missing, infinite, zero or negative.

    Parameters
    ----------
    value, target : array_like, shape (..., n)
        In the same currency.

    Returns
    -------
    ndarray, shape (..., n)

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
        In the same currency. Pairs of which one is missing, infinite, zero or negative are left out.

    Returns
    -------
    ndarray, shape (...)
        NaN where no pair is left.

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
        In the same currency. Pairs of which one is missing, infinite, zero or negative are left out.

    Returns
    -------
    ndarray, shape (...)
        NaN where no pair is left.

    Notes
    -----
    mean(ln(value / target)); exp of it is the geometric mean ratio.

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
        In the same currency. Pairs of which one is missing or infinite, or whose target is not positive, are left
        out; a value of 0 is an error of 1.

    Returns
    -------
    ndarray, shape (...)
        NaN where no pair is left.

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
        Pairs of which one is missing are left out.

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
    """Normalised Gini: how much of the worth stands where the values say it stands, against a perfect ranking.

    Parameters
    ----------
    value : array_like, shape (..., n)
        By which patents are ranked; ties share their mean rank.
    target : array_like, shape (..., n)
        True worth, none negative. Pairs of which one is missing are left out.

    Returns
    -------
    ndarray, shape (...)
        1 for the target's own order, about 0 for a random one, -1 for the reverse; NaN where all are worth the same.

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
        In the same currency. Pairs of which one is missing, infinite, zero or negative are left out.

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
    """Mean over the last axis of what is not missing; NaN where nothing is."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def nan_median(values: Floats) -> Floats:
    """Median over the last axis of what is not missing; NaN where nothing is."""
    ordered = np.sort(values, axis=-1)  # the missing stand last
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
    """Both sides, missing where either is."""
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
    """Quotient; NaN where nothing can be divided by."""
    good = below > 0
    return np.where(good, above / np.where(good, below, 1.0), np.nan)
