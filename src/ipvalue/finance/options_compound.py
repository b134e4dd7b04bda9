"""Options on options: a right to buy, at a first date, a right that lasts to a second one.

A patent in development is one: the cost of the next stage buys the option to launch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, owens_t

from ipvalue.finance.arrays import flatten
from ipvalue.finance.options_european import european_flat
from ipvalue.types import Floats

__all__ = ["bivariate_normal", "compound"]

_KINDS = {
    "call_on_call": (1.0, 1.0),
    "put_on_call": (-1.0, 1.0),
    "call_on_put": (1.0, -1.0),
    "put_on_put": (-1.0, -1.0),
}
_HALVINGS = 90
_FARTHEST = 38.0  # standard deviations beyond which a normal probability is 0 or 1 in double precision


def bivariate_normal(first: npt.ArrayLike, second: npt.ArrayLike, correlation: npt.ArrayLike) -> Floats:
    """Probability that two correlated standard normals stay below two bounds.

    Parameters
    ----------
    first, second : array_like
        Bounds.
    correlation : array_like
        -1 to 1.

    Returns
    -------
    ndarray of float64
        Probability, of the broadcast shape.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    By Owen's T function: ``(N(h) + N(k)) / 2 - T(h, a_h) - T(k, a_k) - (0 or 1/2)`` with
    ``a_h = (k - rho h) / (h sqrt(1 - rho^2))``, and 1/2 where the bounds have different signs.

    References
    ----------
    Owen (1956), Annals of Mathematical Statistics 27(4).

    Examples
    --------
    >>> round(float(bivariate_normal(0.0, 0.0, 0.5)), 12)  # 1/4 + arcsin(rho) / (2 pi)
    0.333333333333
    """
    shape, (h, k, rho) = flatten(first, second, correlation)
    h, k = np.clip(h, -_FARTHEST, _FARTHEST), np.clip(k, -_FARTHEST, _FARTHEST)
    h, k = np.where(h == 0.0, 1e-300, h), np.where(k == 0.0, 1e-300, k)
    with np.errstate(all="ignore"):
        free = np.sqrt((1.0 - rho) * (1.0 + rho))
        tails = owens_t(h, (k / h - rho) / free) + owens_t(k, (h / k - rho) / free)
        value = 0.5 * (ndtr(h) + ndtr(k)) - tails - np.where((h > 0.0) == (k > 0.0), 0.0, 0.5)
    value = np.where(rho == 1.0, ndtr(np.minimum(h, k)), value)
    value = np.where(rho == -1.0, np.maximum(ndtr(h) - ndtr(-k), 0.0), value)
    return np.where(np.isnan(value), np.nan, np.clip(value, 0.0, 1.0)).reshape(shape)


def compound(
    spot: npt.ArrayLike,
    strike_underlying: npt.ArrayLike,
    strike_compound: npt.ArrayLike,
    years_compound: npt.ArrayLike,
    years_underlying: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    dividend: npt.ArrayLike = 0.0,
    *,
    kind: str = "call_on_call",
) -> Floats:
    """Value of a European option on a European option.

    Parameters
    ----------
    spot : array_like
        Value of the asset, in money.
    strike_underlying, strike_compound : array_like
        Price of the asset at the second date, and of the option on it at the first, in money.
    years_compound, years_underlying : array_like
        Time to the first and to the second date, both from now.
    rate, dividend : array_like
        Continuous decimals a year; the yield is 0 by default.
    volatility : array_like
        Decimal a year, not negative.
    kind : {'call_on_call', 'put_on_call', 'call_on_put', 'put_on_put'}
        What is bought or sold at the first date, and what that is a right to.

    Returns
    -------
    ndarray of float64
        Value in money, of the broadcast shape; NaN where an input is NaN or out of range, or where the
        second date comes before the first.

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the inputs do not broadcast.

    Notes
    -----
    For a call on a call, with ``rho = sqrt(T1 / T2)``::

        S e^(-q T2) M(z1, y1; rho) - K2 e^(-r T2) M(z2, y2; rho) - K1 e^(-r T1) N(y2)

    where ``y`` measures the distance at ``T1`` to the spot ``S*`` at which the underlying option is worth
    ``K1``, and ``z`` that at ``T2`` to ``K2``; signs turn for puts. ``S*`` is found by bisection.

    References
    ----------
    Geske (1979), Journal of Financial Economics 7(1); Haug (2007), The Complete Guide to Option Pricing
    Formulas, section 4.13.

    Examples
    --------
    >>> value = compound(500.0, 520.0, 50.0, 0.25, 0.5, 0.08, 0.35, 0.03, kind="put_on_call")
    >>> round(float(value), 3)  # Haug (2007): 21.1965
    21.196
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, not {kind!r}")
    outer, inner = _KINDS[kind]
    strikes, lives = (strike_underlying, strike_compound), (years_compound, years_underlying)
    shape, columns = flatten(spot, *strikes, *lives, rate, volatility, dividend)
    asset, exercise, price, first, second, interest, sigma, payout = columns
    first, second = np.maximum(first, 0.0), np.maximum(second, 0.0)
    critical = _critical_spot(exercise, price, second - first, interest, sigma, payout, inner)
    with np.errstate(all="ignore"):
        value = _geske(asset, exercise, price, first, second, interest, sigma, payout, critical, outer, inner)
        at_first = asset * np.exp((interest - payout) * first)
        then = european_flat(at_first, exercise, second - first, interest, sigma, payout, inner)
        certain = np.exp(-interest * first) * np.maximum(outer * (then - price), 0.0)
        now = european_flat(asset, exercise, second, interest, sigma, payout, inner)
        plain = (sigma * np.sqrt(first) == 0.0) | (asset == 0.0)
        value = np.where(plain, certain, value)
        value = np.where(price == 0.0, now if outer > 0.0 else 0.0, value)
        sure = np.maximum(outer * -price * np.exp(-interest * first), 0.0)
        value = np.where((exercise == 0.0) & (inner < 0.0) & (price > 0.0), sure, value)
        valid = (asset >= 0.0) & (exercise >= 0.0) & (price >= 0.0) & (sigma >= 0.0) & (second >= first)
    return np.where(valid & ~np.isnan(now), np.maximum(value, 0.0), np.nan).reshape(shape)


def _critical_spot(
    exercise: Floats,
    price: Floats,
    life: Floats,
    interest: Floats,
    sigma: Floats,
    payout: Floats,
    inner: float,
) -> Floats:
    """Logarithm of the spot at which the underlying option is worth the price, by bisection."""
    with np.errstate(all="ignore"):
        cash, growth = exercise * np.exp(-interest * life), np.exp(payout * life)
        if inner > 0.0:
            low, high = np.log(price * growth), np.log((price + cash) * growth)
        else:
            low = np.log(np.maximum(cash - price, 1e-300) * growth)
            high = np.log(exercise) + np.abs(interest - payout) * life + 40.0 * sigma * np.sqrt(life) + 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            worth = european_flat(np.exp(middle), exercise, life, interest, sigma, payout, inner)
            above = inner * (worth - price) > 0.0
            low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def _geske(
    asset: Floats,
    exercise: Floats,
    price: Floats,
    first: Floats,
    second: Floats,
    interest: Floats,
    sigma: Floats,
    payout: Floats,
    critical: Floats,
    outer: float,
    inner: float,
) -> Floats:
    """The closed form, for positive times to both dates and a positive volatility."""
    drift = interest - payout + 0.5 * sigma**2
    y = (np.log(asset) - critical + drift * first) / (sigma * np.sqrt(first))
    z = (np.log(asset / exercise) + drift * second) / (sigma * np.sqrt(second))
    y_cash, z_cash = y - sigma * np.sqrt(first), z - sigma * np.sqrt(second)
    side, rho = outer * inner, outer * np.sqrt(first / second)
    of_asset = asset * np.exp(-payout * second) * bivariate_normal(inner * z, side * y, rho)
    of_cash = exercise * np.exp(-interest * second) * bivariate_normal(inner * z_cash, side * y_cash, rho)
    of_price = price * np.exp(-interest * first) * ndtr(side * y_cash)
    return side * (of_asset - of_cash) - outer * of_price
