"""What a right is still worth part-way through its life, given that its holder has kept it so far."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from ipvalue.types import Floats

__all__ = ["remaining_value", "return_quantile"]


def remaining_value(
    first_return: Floats, decay: float, discount: Floats, fees: Floats, elapsed: Floats, term: Floats
) -> Floats:
    """Value of the years that are left under the best renewal decisions.

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
    ``W_a = max(0, r_1 (1 - decay)^a w_a (1 + i)^(-w_a / 2) - c_a + W_(a+1) (1 + i)^(-w_a))``. With whole years
    it is :func:`ipvalue.finance.renewal.renewal_value`.

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
