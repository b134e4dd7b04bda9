"""Maximum likelihood estimates of the returns of rights from their renewals: coefficients, spread and decay.

The initial return of a right that lapsed lies between two thresholds, that of a right that was kept above one. For a
given decay the thresholds are known, and the likelihood is that of an ordered probit with known cut points. It is
concave in coefficients and precision, so Newton's method finds its one maximum. The decay maximises the profile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from ipvalue.finance.renewal import renewal_log_likelihood
from ipvalue.types import Floats

__all__ = ["Bounds", "RenewalFit", "fit_renewals", "interval_log_likelihood"]

Bounds = tuple[Floats, Floats]
"""Least and largest initial return that fits each history, shape (n,) each; 0 and infinite where open."""

_NARROWEST = 1.0 + 1e-6
_LOG_TWO_PI = float(np.log(2.0 * np.pi))
_STEP = 1e-3


class RenewalFit(NamedTuple):
    """Estimates, and their covariance in the order coefficients, sigma, decay."""

    coefficients: Floats
    sigma: float
    decay: float
    covariance: Floats
    log_likelihood: float

    @property
    def standard_errors(self) -> Floats:
        """Standard errors of coefficients, sigma and decay."""
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.diag(self.covariance))


def interval_log_likelihood(bounds: Bounds, mu: Floats, sigma: float) -> Floats:
    """Log-probability that each lognormal return lies between its bounds.

    Parameters
    ----------
    bounds : tuple of ndarray, each of shape (n,)
    mu : ndarray, shape (n,)
        Mean of the logarithm.
    sigma : float
        Standard deviation of the logarithm.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> interval_log_likelihood((np.array([1.0]), np.array([np.inf])), np.zeros(1), 1.0).round(4).tolist()
    [-0.6931]
    """
    low, high = bounds
    table = np.column_stack([low, high])
    return renewal_log_likelihood(table, np.ones(len(low), np.int64), np.isfinite(high), mu, sigma)


def fit_renewals(
    design: Floats,
    bounds_at: Callable[[float], Bounds],
    penalty: Floats,
    *,
    decay: float | None = None,
    limits: tuple[float, float] = (0.002, 0.6),
) -> RenewalFit:
    """Fit initial returns ``exp(design @ coefficients + sigma e)`` to renewal histories.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        One row a right.
    bounds_at : callable
        Bounds of each right's initial return for a decay.
    penalty : ndarray, shape (p,)
        Half the weight of each squared coefficient over sigma (a normal prior's inverse variance); 0 for none.
    decay : float, optional
        A known decay; estimated by default.
    limits : tuple of float
        Bounds of the search for the decay.

    Returns
    -------
    RenewalFit
        NaN where the likelihood has no maximum inside.

    Notes
    -----
    With ``g = coefficients / sigma`` and ``k = 1 / sigma`` the log-likelihood ``ln(N(k ln t_h - x g) - N(k ln t_l -
    x g))`` is concave. The covariance is the inverse of the negative Hessian of all parameters at the maximum,
    carried to coefficients and sigma by the delta method; a decay on its limit, or known, has no error.

    References
    ----------
    Schankerman and Pakes (1986), Economic Journal 96(384); Burridge (1981), JRSS B 43 (concavity).
    """
    start = _start(design, bounds_at(decay or 0.1))
    best = {"theta": start}

    def profile(candidate: float) -> float:
        best["theta"], value = _newton(design, bounds_at(candidate), penalty, best["theta"])
        return -value

    if decay is None:
        decay = float(minimize_scalar(profile, bounds=limits, method="bounded", options={"xatol": 1e-5}).x)
        inside = limits[0] + 2 * _STEP < decay < limits[1] - 2 * _STEP
    else:
        inside = False
    theta, value = _newton(design, bounds_at(decay), penalty, best["theta"])
    covariance = _covariance(design, bounds_at, penalty, theta, decay, inside)
    return RenewalFit(theta[:-1] / theta[-1], float(1.0 / theta[-1]), decay, covariance, value)


def _start(design: Floats, bounds: Bounds) -> Floats:
    """Starting values: all returns at the middle of the finite bounds, with a spread of 2."""
    finite = np.concatenate([b[(b > 0) & np.isfinite(b)] for b in bounds])
    theta = np.zeros(design.shape[1] + 1)
    theta[0], theta[-1] = 0.5 * float(np.log(np.median(finite))), 0.5
    return theta


def _value(design: Floats, bounds: Bounds, penalty: Floats, theta: Floats) -> float:
    coefficients, sigma = theta[:-1] / theta[-1], float(1.0 / theta[-1])
    total = interval_log_likelihood(_opened(bounds), design @ coefficients, sigma).sum()
    return float(total - (penalty * theta[:-1] ** 2).sum())


def _opened(bounds: Bounds) -> Bounds:
    """Bounds with a minimum distance: two thresholds are equal where a fee is not above the one before."""
    low, high = bounds
    return low, np.maximum(high, low * _NARROWEST)


def _derivatives(design: Floats, bounds: Bounds, penalty: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Gradient and Hessian in ``g`` and ``k``."""
    low, high = _opened(bounds)
    gamma, precision = theta[:-1], float(theta[-1])
    center = design @ gamma
    log_chance = interval_log_likelihood((low, high), center / precision, 1.0 / precision)
    below, above = low > 0, np.isfinite(high)
    log_low, log_high = np.log(np.where(below, low, 1.0)), np.log(np.where(above, high, 1.0))
    lower, upper = precision * log_low - center, precision * log_high - center
    a = np.where(above, np.exp(-0.5 * (upper**2 + _LOG_TWO_PI) - log_chance), 0.0)
    b = np.where(below, np.exp(-0.5 * (lower**2 + _LOG_TWO_PI) - log_chance), 0.0)
    hh, ll, hl = -upper * a - a * a, lower * b - b * b, a * b
    mixed = (hh + hl) * log_high + (hl + ll) * log_low
    gradient = np.append(-design.T @ (a - b) - 2.0 * penalty * gamma, (a * log_high - b * log_low).sum())
    hessian = np.empty((len(theta), len(theta)))
    hessian[:-1, :-1] = design.T @ (design * (hh + 2.0 * hl + ll)[:, None]) - 2.0 * np.diag(penalty)
    hessian[:-1, -1] = hessian[-1, :-1] = -design.T @ mixed
    hessian[-1, -1] = (hh * log_high**2 + 2.0 * hl * log_high * log_low + ll * log_low**2).sum()
    return gradient, hessian


def _newton(design: Floats, bounds: Bounds, penalty: Floats, theta: Floats) -> tuple[Floats, float]:
    """Maximum for known bounds, by Newton's method with halved steps."""
    value = _value(design, bounds, penalty, theta)
    for _ in range(60):
        gradient, hessian = _derivatives(design, bounds, penalty, theta)
        ridge = 1e-9 * np.abs(np.diag(hessian)).max()
        step = np.linalg.solve(hessian - ridge * np.eye(len(theta)), -gradient)
        size, better = 1.0, False
        for _ in range(30):
            trial = theta + size * step
            if trial[-1] > 0:
                reached = _value(design, bounds, penalty, trial)
                if reached > value:
                    better = True
                    break
            size *= 0.5
        if not better:
            break
        gained = reached - value
        theta, value = trial, reached
        if gained < 1e-9 * max(abs(value), 1.0):
            break
    return theta, value


def _covariance(
    design: Floats,
    bounds_at: Callable[[float], Bounds],
    penalty: Floats,
    theta: Floats,
    decay: float,
    estimated: bool,
) -> Floats:
    """Covariance of coefficients, sigma and decay, by the inverse negative Hessian and the delta method."""
    p = len(theta)
    information = np.zeros((p + 1, p + 1))
    information[:p, :p] = -_derivatives(design, bounds_at(decay), penalty, theta)[1]
    information[p, p] = 1.0
    if estimated:
        ends = [bounds_at(decay + sign * _STEP) for sign in (-1.0, 1.0)]
        slopes = [_derivatives(design, end, penalty, theta)[0] for end in ends]
        information[:p, p] = information[p, :p] = -(slopes[1] - slopes[0]) / (2.0 * _STEP)
        around = [_value(design, end, penalty, theta) for end in ends]
        middle = _value(design, bounds_at(decay), penalty, theta)
        information[p, p] = -(around[0] - 2.0 * middle + around[1]) / _STEP**2
    precision = theta[-1]
    jacobian = np.zeros((p + 1, p + 1))
    jacobian[: p - 1, : p - 1] = np.eye(p - 1) / precision
    jacobian[: p - 1, p - 1] = -theta[:-1] / precision**2
    jacobian[p - 1, p - 1] = -1.0 / precision**2
    jacobian[p, p] = 1.0
    covariance = jacobian @ np.linalg.pinv(information, hermitian=True) @ jacobian.T
    if not estimated:
        covariance[p, :] = covariance[:, p] = 0.0
    return np.asarray(covariance, np.float64)
