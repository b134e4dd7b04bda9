"""The renewal model: a right is kept as long as its expected returns are worth the renewal fees.

The holder earns a return that decays from year to year, and pays a fee at the beginning of each year to keep the
right. The right lapses when the remaining returns are not worth the remaining fees. The age at which a right lapsed
therefore bounds the return that its holder expected.

When not to use: returns that can rise again or are learnt over time (Pakes 1986), and rights that lapse for other
reasons than their fees.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtr, ndtri

from ipvalue.finance.arrays import flatten
from ipvalue.types import Floats, Mask

__all__ = ["remaining_value", "renewal_log_likelihood", "renewal_probability", "renewal_thresholds", "return_quantile"]


def _parts(
    fees: npt.ArrayLike, decay: npt.ArrayLike, discount: npt.ArrayLike, *others: npt.ArrayLike
) -> tuple[tuple[int, ...], Floats, list[Floats]]:
    """Shape of the result, fees as (rows, ages), and the parameters as (rows,)."""
    table = np.asarray(fees, dtype=np.float64)
    if table.ndim == 0:
        raise ValueError(f"fees={fees!r}: write a list with one fee for each of the ages")
    shape, flat = flatten(np.empty(table.shape[:-1]), decay, discount, *others)
    rows = np.array(np.broadcast_to(table, (*shape, table.shape[-1]))).reshape(-1, table.shape[-1])
    return shape, rows, flat[1:]


def _invalid(decay: Floats, discount: Floats) -> Mask:
    """Where decay or discount rate is NaN or out of range."""
    return ~((decay <= 1.0) & (discount > -1.0))


def _returns(loss: Floats, ages: int) -> list[Floats]:
    """Return of each year per unit of the first, by repeated multiplication."""
    returns = [np.ones(loss.size)]
    for _ in range(1, ages):
        returns.append(returns[-1] * (1.0 - loss))
    return returns


def renewal_thresholds(decay: npt.ArrayLike, discount: npt.ArrayLike, fees: npt.ArrayLike) -> Floats:
    """Least initial return with which the right is kept through each age.

    Parameters
    ----------
    decay : array_like
        Share of the return that is lost from one year to the next, at most 1.
    discount : array_like
        Discount rate, decimal a year, above -1.
    fees : array_like, shape (..., ages)
        Fee at the beginning of each year, in money; NaN from the year in which the right has expired.

    Returns
    -------
    ndarray of float64, shape (..., ages)
        Threshold of the return of the first year, in money, not falling with age; infinite from the year
        in which the right has expired; NaN where a parameter is NaN or out of range.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    At age ``a`` the holder pays if for some later age ``b`` the returns of ``a`` to ``b`` are worth their
    fees: ``t_a = min over b of sum c_s v^(s-a) / sum d_s v^(s-a+1/2)``, with ``d_s`` the return
    per unit of the first year's. A right reaches age ``a`` only if it was kept at all ages before,
    hence the running maximum.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96(384).

    Examples
    --------
    >>> renewal_thresholds(0.5, 0.0, [100.0, 100.0, 100.0]).tolist()
    [100.0, 200.0, 400.0]
    """
    shape, due, (loss, rate) = _parts(fees, decay, discount)
    ages = due.shape[1]
    thresholds = np.full(due.shape, np.inf)
    with np.errstate(all="ignore"):
        factor, half = 1.0 / (1.0 + rate), np.exp(-0.5 * np.log1p(rate))
        returns = _returns(loss, ages)
        for age in range(ages):
            costs, gains, weight = np.zeros(rate.size), np.zeros(rate.size), np.ones(rate.size)
            for later in range(age, ages):
                costs = costs + weight * due[:, later]
                gains = gains + weight * half * returns[later]
                ratio = np.where(costs <= 0.0, 0.0, costs / gains)
                thresholds[:, age] = np.fmin(thresholds[:, age], ratio)
                weight = weight * factor
    thresholds = np.maximum.accumulate(thresholds, axis=1)
    thresholds[_invalid(loss, rate)] = np.nan
    return thresholds.reshape((*shape, ages))


def _deviate(threshold: Floats, mu: Floats, sigma: Floats) -> Floats:
    """Where a threshold lies in the distribution of log initial returns, in standard deviations."""
    with np.errstate(all="ignore"):
        return (np.log(threshold) - mu) / sigma


def renewal_probability(thresholds: npt.ArrayLike, mu: npt.ArrayLike, sigma: npt.ArrayLike) -> Floats:
    """Share of rights that are kept through each age, if initial returns are lognormal.

    Parameters
    ----------
    thresholds : array_like, shape (..., ages)
        From :func:`renewal_thresholds`.
    mu, sigma : array_like, shape (...)
        Mean and standard deviation (positive) of the logarithm of the initial return.

    Returns
    -------
    ndarray of float64, shape (..., ages)
        Probability, not rising with age; NaN where an input is NaN or sigma is not positive.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ``P(kept through a) = 1 - N((ln t_a - mu) / sigma)``.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96(384); Lanjouw, Pakes and Putnam (1998), Journal of
    Industrial Economics 46(4).

    Examples
    --------
    >>> renewal_probability([100.0, 200.0], np.log(100.0), 1.0).round(4).tolist()
    [0.5, 0.2441]
    """
    table = np.asarray(thresholds, dtype=np.float64)
    centre = np.asarray(mu, dtype=np.float64)[..., None]
    spread = np.asarray(sigma, dtype=np.float64)[..., None]
    shape, (bound, middle, scale) = flatten(table, centre, spread)
    probability = ndtr(-_deviate(bound, middle, scale))
    return np.where(scale > 0.0, probability, np.nan).reshape(shape)


def renewal_log_likelihood(
    thresholds: npt.ArrayLike,
    years_kept: npt.ArrayLike,
    ended: npt.ArrayLike,
    mu: npt.ArrayLike,
    sigma: npt.ArrayLike,
) -> Floats:
    """Logarithm of the probability of each right's observed renewals, if initial returns are lognormal.

    Parameters
    ----------
    thresholds : array_like, shape (n, ages) or (ages,)
        From :func:`renewal_thresholds`.
    years_kept : array_like of int, shape (n,)
        For how many years the fees were paid, 0 to ages.
    ended : array_like of bool, shape (n,)
        Whether the right then lapsed; False if it was still kept at the last look, or had reached the
        end of its term.
    mu, sigma : array_like, shape (n,) or ()
        Mean and standard deviation (positive) of the logarithm of the initial return.

    Returns
    -------
    ndarray of float64, shape (n,)
        Log-likelihood: minus infinity for an impossible history (lapsed at an age at which nothing was
        due); NaN where an input is NaN, sigma is not positive or the years lie outside 0 to ages.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Lapsed after ``k`` years: ``ln(F(t_(k+1)) - F(t_k))``; kept for ``k`` years at the last look:
    ``ln(1 - F(t_k))``, with ``F`` the distribution of the initial return and ``t_0 = 0``. Differences are
    taken in the tail where they are small, so that no likelihood is lost to rounding.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96(384).

    Examples
    --------
    >>> renewal_log_likelihood([100.0, 200.0], [1, 1], [True, False], np.log(100.0), 1.0).round(4).tolist()
    [-1.363, -0.6931]
    """
    kept = np.atleast_1d(np.asarray(years_kept, dtype=np.int64))
    table = np.asarray(thresholds, dtype=np.float64)
    table = np.broadcast_to(table, (kept.size, table.shape[-1]))
    ages = table.shape[1]
    _, (_, middle, scale, lapsed) = flatten(np.empty(kept.shape), mu, sigma, np.asarray(ended, dtype=np.float64))
    rows, place = np.arange(kept.size), np.clip(kept, 0, ages)
    bounds = np.concatenate((np.zeros((kept.size, 1)), table, np.full((kept.size, 1), np.inf)), axis=1)
    low = _deviate(np.ascontiguousarray(bounds[rows, place]), middle, scale)
    high = _deviate(np.ascontiguousarray(bounds[rows, place + 1]), middle, scale)
    value = np.where(lapsed > 0.0, _log_between(low, high), log_ndtr(-low))
    valid = (scale > 0.0) & (kept >= 0) & (kept <= ages) & ~np.isnan(low) & ~np.isnan(high)
    return np.where(valid, value, np.nan)


def _log_between(low: Floats, high: Floats) -> Floats:
    """Logarithm of the standard normal probability between two deviates."""
    with np.errstate(all="ignore"):
        turned = low + high > 0.0
        left, right = np.where(turned, -high, low), np.where(turned, -low, high)
        larger, smaller = log_ndtr(right), log_ndtr(left)
        value = larger + np.log1p(-np.exp(smaller - larger))
    return np.where(right > left, value, -np.inf)


def remaining_value(
    first_return: Floats, decay: float, discount: Floats, fees: Floats, elapsed: Floats, term: Floats
) -> Floats:
    """Value of the remaining years under the best renewal decisions.

    Parameters
    ----------
    first_return : ndarray, shape (n,)
        Return of the first year of the right's life, in money.
    decay : float
        Share of the return lost from one year to the next.
    discount : ndarray, shape (n,)
        Discount rate, decimal a year.
    fees : ndarray, shape (n, years)
        Fee still to be paid at the beginning of each year of the right's life, 0 where none is or where it is paid.
    elapsed, term : ndarray, shape (n,)
        Years of its life that have passed, and that there are in all; years after the last column count nothing.

    Returns
    -------
    ndarray, shape (n,)
        In money; 0 where the term is over.

    Notes
    -----
    Backward over the years ``a`` of life, of which the share ``w_a`` lies between now and the end of the term:
    ``W_a = max(0, r_1 (1 - decay)^a w_a (1 + i)^(-w_a / 2) - c_a + W_(a+1) (1 + i)^(-w_a))``.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96(384).

    Examples
    --------
    >>> one = np.ones(1)
    >>> remaining_value(1000 * one, 0.2, 0 * one, np.array([[0.0, 300.0, 700.0]]), 0.5 * one, 3 * one).tolist()
    [1000.0]
    """
    value = np.zeros(len(first_return))
    log_factor = -np.log1p(discount)
    for year in range(fees.shape[1] - 1, -1, -1):
        share = np.clip(np.minimum(year + 1.0, term) - np.maximum(float(year), elapsed), 0.0, 1.0)
        half = np.exp(0.5 * share * log_factor)
        flow = first_return * (1.0 - decay) ** year * share * half
        value = np.maximum(flow - np.where(share > 0, fees[:, year], 0.0) + value * half * half, 0.0)
    return np.where(np.isnan(first_return) | np.isnan(term), np.nan, value)


def return_quantile(level: float, mu: Floats, sigma: float, threshold: Floats) -> Floats:
    """Quantile of a lognormal return of which it is known that it is not below a threshold.

    Parameters
    ----------
    level : float
        Between 0 and 1.
    mu : ndarray, shape (n,)
        Mean of the logarithm before the threshold is known.
    sigma : float
        Its standard deviation.
    threshold : ndarray, shape (n,)
        In money; 0 where nothing is known.

    Returns
    -------
    ndarray, shape (n,)
        In money.

    Notes
    -----
    ``exp(mu - sigma N^-1((1 - level) (1 - F(threshold))))``, taken in the upper tail, where no digits are lost.

    Examples
    --------
    >>> return_quantile(0.5, np.zeros(2), 1.0, np.array([0.0, 1.0])).round(4).tolist()  # N^-1(3/4) = 0.6745
    [1.0, 1.963]
    """
    with np.errstate(divide="ignore"):
        survival = ndtr((mu - np.log(threshold)) / sigma)
    return np.asarray(np.maximum(np.exp(mu - sigma * ndtri((1.0 - level) * survival)), threshold), np.float64)
