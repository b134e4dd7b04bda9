"""Sums of correlated lognormals: the value of a portfolio from the values of its parts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.types import Floats

__all__ = ["fenton_wilkinson"]


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
    for order in range(1, int(np.ceil(np.e * min(largest, 200.0))) + 40):
        power = power * spread
        factor = factor * rho / order
        variance = variance + factor * np.sort(power, axis=-1).sum(axis=-1) ** 2
    return np.asarray(variance)
