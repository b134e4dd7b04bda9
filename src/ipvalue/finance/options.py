"""Options: perpetual and exchange options are defined here, the other kinds are imported from their modules.

Rates and yields are continuously compounded decimals a year, volatility is a decimal a year, times are years.
A patent read as an option: the spot is the present value of its cash flows once developed, the strike the
cost of development, the dividend yield the yearly loss from waiting (one over the remaining life at least).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.finance.options_american import american
from ipvalue.finance.options_compound import compound
from ipvalue.finance.options_european import european, signs
from ipvalue.finance.options_lattice import lattice
from ipvalue.types import Floats

__all__ = [
    "american",
    "compound",
    "european",
    "exchange",
    "lattice",
    "perpetual",
    "perpetual_threshold",
]


def _exponent(interest: Floats, sigma: Floats, payout: Floats, sign: float) -> Floats:
    """Root of the fundamental quadratic: above 1 for a call, below 0 for a put."""
    variance = sigma**2
    drift = 0.5 - (interest - payout) / variance
    root = np.sqrt(drift**2 + 2.0 * interest / variance)
    # the root without cancellation; the other one is -2 r / (variance * this)
    large = drift + np.copysign(root, drift)
    small = -2.0 * interest / variance / large
    return np.where((drift >= 0.0) == (sign > 0.0), large, small)


def perpetual_threshold(
    strike: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    dividend: npt.ArrayLike,
    *,
    kind: str = "call",
) -> Floats:
    """Value of the asset at which a perpetual option is exercised, such as the threshold of an investment.

    Parameters
    ----------
    strike : array_like
        Cost of exercising, in money.
    rate, dividend : array_like
        Continuous decimals a year, not negative.
    volatility : array_like
        Decimal a year, positive.
    kind : {'call', 'put'}, default 'call'
        Call: exercised from the threshold upwards; put: downwards.

    Returns
    -------
    ndarray of float64
        Threshold in money, of the broadcast shape. Infinite for a call on an asset that pays nothing (never
        exercised), 0 for a put at rate 0; NaN where an input is NaN or out of range.

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the inputs do not broadcast.

    Notes
    -----
    ``V* = b / (b - 1) I`` with ``b`` the root above 1 (call) or below 0 (put) of
    ``sigma^2 b (b - 1) / 2 + (r - q) b - r = 0``.

    References
    ----------
    McDonald and Siegel (1986), Quarterly Journal of Economics 101(4); Dixit and Pindyck (1994), Investment
    under Uncertainty, chapter 5.

    Examples
    --------
    >>> round(float(perpetual_threshold(1.0, 0.04, 0.2, 0.04)), 9)
    2.0
    """
    sign = signs(kind)
    shape, (exercise, interest, sigma, payout) = flatten(strike, rate, volatility, dividend)
    with np.errstate(all="ignore"):
        exponent = _exponent(interest, sigma, payout, sign)
        threshold = exponent / (exponent - 1.0) * exercise
    never = payout == 0.0 if sign > 0.0 else interest == 0.0
    threshold = np.where(never, np.inf if sign > 0.0 else 0.0, threshold)
    valid = (exercise >= 0.0) & (interest >= 0.0) & (sigma > 0.0) & (payout >= 0.0)
    return np.where(valid, threshold, np.nan).reshape(shape)


def perpetual(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    dividend: npt.ArrayLike,
    *,
    kind: str = "call",
) -> Floats:
    """Value of a perpetual American option: an investment without a deadline.

    Parameters
    ----------
    spot, strike : array_like
        Value of the asset and cost of exercising, in money, not negative.
    rate, dividend : array_like
        Continuous decimals a year, not negative.
    volatility : array_like
        Decimal a year, positive.
    kind : {'call', 'put'}, default 'call'
        Right to acquire or to give up the asset.

    Returns
    -------
    ndarray of float64
        Value in money, of the broadcast shape; NaN where an input is NaN or out of range.

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the inputs do not broadcast.

    Notes
    -----
    ``(V* - I)(V / V*)^b`` before the threshold ``V*`` of :func:`perpetual_threshold`, ``V - I`` beyond; the
    signs of the payoff turn for a put. A call on an asset that pays nothing is worth the asset.

    References
    ----------
    McDonald and Siegel (1986), Quarterly Journal of Economics 101(4); Dixit and Pindyck (1994), chapter 5.

    Examples
    --------
    >>> round(float(perpetual(1.0, 1.0, 0.04, 0.2, 0.04)), 9)
    0.25
    """
    sign = signs(kind)
    shape, (asset, exercise, interest, sigma, payout) = flatten(spot, strike, rate, volatility, dividend)
    threshold = perpetual_threshold(exercise, interest, sigma, payout, kind=kind)
    with np.errstate(all="ignore"):
        exponent = _exponent(interest, sigma, payout, sign)
        intrinsic = sign * (asset - exercise)
        waiting = sign * (threshold - exercise) * np.exp(exponent * np.log(asset / threshold))
    beyond = sign * (asset - threshold) >= 0.0
    value = np.where(beyond, intrinsic, waiting)
    limit = asset if sign > 0.0 else exercise
    never = payout == 0.0 if sign > 0.0 else interest == 0.0
    value = np.where(never | (exercise == 0.0), limit if sign > 0.0 else np.where(never, limit, 0.0), value)
    value = np.where(asset == 0.0, 0.0 if sign > 0.0 else exercise, value)
    return np.where((asset >= 0.0) & ~np.isnan(threshold), value, np.nan).reshape(shape)


def exchange(
    spot_1: npt.ArrayLike,
    spot_2: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility_1: npt.ArrayLike,
    volatility_2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    dividend_1: npt.ArrayLike = 0.0,
    dividend_2: npt.ArrayLike = 0.0,
) -> Floats:
    """Value of the right to exchange one asset for another at the end: an option with an uncertain strike.

    Parameters
    ----------
    spot_1, spot_2 : array_like
        Value of the asset received and of the asset given, in money.
    years : array_like
        Time to the exchange.
    volatility_1, volatility_2 : array_like
        Decimals a year.
    correlation : array_like
        Of the two assets' returns, -1 to 1.
    dividend_1, dividend_2 : array_like, default 0.0
        Continuous yields, decimals a year.

    Returns
    -------
    ndarray of float64
        Value in money, of the broadcast shape; NaN where an input is NaN or out of range.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    A European call on asset 1 with asset 2 as money: strike ``spot_2``, rate ``dividend_2`` and
    ``sigma^2 = s1^2 + s2^2 - 2 rho s1 s2``.

    References
    ----------
    Margrabe (1978), Journal of Finance 33(1).

    Examples
    --------
    >>> round(float(exchange(22.0, 20.0, 0.1, 0.2, 0.25, 0.5, 0.06, 0.04)), 4)
    2.0189
    """
    one, two, rho = (np.asarray(each, dtype=np.float64) for each in (volatility_1, volatility_2, correlation))
    with np.errstate(invalid="ignore"):
        # a sum of squares: never below 0 by rounding
        variance = (one - rho * two) ** 2 + (1.0 - rho**2) * two**2
        sigma = np.where((np.abs(rho) <= 1.0) & (one >= 0.0) & (two >= 0.0), np.sqrt(variance), np.nan)
    return european(spot_1, spot_2, years, dividend_2, sigma, dividend_1)
