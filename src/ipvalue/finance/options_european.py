"""The Black-Scholes-Merton formula."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ipvalue.finance.arrays import flatten
from ipvalue.types import Floats

__all__ = ["european", "european_flat", "signs"]


def signs(kind: str) -> float:
    """Sign of the payoff by the spot.

    Parameters
    ----------
    kind : {'call', 'put'}
        Kind of option.

    Returns
    -------
    float
        1 for a call, -1 for a put.

    Raises
    ------
    ValueError
        If the kind is unknown.

    Examples
    --------
    >>> signs("put")
    -1.0
    """
    if kind not in ("call", "put"):
        raise ValueError(f"kind must be 'call' or 'put', not {kind!r}")
    return 1.0 if kind == "call" else -1.0


def european(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    dividend: npt.ArrayLike = 0.0,
    *,
    kind: str = "call",
) -> Floats:
    """Value of an option that can be exercised at its end only.

    Parameters
    ----------
    spot, strike : array_like
        Value of the asset and exercise price, in money, not negative.
    years : array_like
        Time to the end; below 0 counts as 0.
    rate, dividend : array_like
        Continuous decimals a year; the yield is 0 by default.
    volatility : array_like
        Decimal a year, not negative.
    kind : {'call', 'put'}, default 'call'
        Right to buy or to sell.

    Returns
    -------
    ndarray of float64
        Value in money, of the broadcast shape; NaN where an input is NaN or out of range. Without life
        or volatility it is the discounted payoff.

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the inputs do not broadcast.

    Notes
    -----
    ``S exp(-q T) N(d1) - K exp(-r T) N(d2)`` for a call, with
    ``d1,2 = (ln(S / K) + (r - q) T) / (sigma sqrt(T)) +- sigma sqrt(T) / 2``.

    References
    ----------
    Black and Scholes (1973), Journal of Political Economy 81(3); Merton (1973), Bell Journal of Economics 4.

    Examples
    --------
    >>> round(float(european(42.0, 40.0, 0.5, 0.1, 0.2)), 2)  # Hull, chapter 15
    4.76
    """
    sign = signs(kind)
    shape, columns = flatten(spot, strike, years, rate, volatility, dividend)
    asset, exercise, life, interest, sigma, payout = columns
    return european_flat(asset, exercise, life, interest, sigma, payout, sign).reshape(shape)


def european_flat(
    asset: Floats, exercise: Floats, years: Floats, rate: Floats, sigma: Floats, payout: Floats, sign: float
) -> Floats:
    """Value as :func:`european` gives it, for contiguous arrays of one shape.

    Parameters
    ----------
    asset, exercise, years, rate, sigma, payout : ndarray of float64, shape (n,)
        As in :func:`european`.
    sign : float
        1 for calls, -1 for puts.

    Returns
    -------
    ndarray of float64, shape (n,)
        Values.

    Examples
    --------
    >>> columns = [np.array([each]) for each in (42.0, 40.0, 0.5, 0.1, 0.2, 0.0)]
    >>> european_flat(*columns, -1.0).round(2).tolist()  # Hull, chapter 15
    [0.81]
    """
    life = np.maximum(years, 0.0)
    with np.errstate(all="ignore"):
        asset_now, cash_now = asset * np.exp(-payout * life), exercise * np.exp(-rate * life)
        spread = sigma * np.sqrt(life)
        middle = (np.log(asset / exercise) + (rate - payout) * life) / spread
        value = sign * (
            asset_now * ndtr(sign * (middle + 0.5 * spread)) - cash_now * ndtr(sign * (middle - 0.5 * spread))
        )
        certain = (spread == 0.0) | (asset == 0.0) | (exercise == 0.0)
        value = np.where(certain, sign * (asset_now - cash_now), value)
        valid = (asset >= 0.0) & (exercise >= 0.0) & (sigma >= 0.0) & ~np.isnan(value)
    return np.where(valid, np.maximum(value, 0.0), np.nan)
