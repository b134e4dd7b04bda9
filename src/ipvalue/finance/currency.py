"""Amounts and discount rates in another currency.

A value may be converted in two ways that must agree: discount foreign flows at a foreign rate and convert the value
at today's rate, or convert each flow at its forward rate and discount at a home rate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.types import Floats

__all__ = ["convert", "forward_rate", "rate_in_currency"]


def convert(amount: npt.ArrayLike, price_of_from: npt.ArrayLike, price_of_to: npt.ArrayLike = 1.0) -> Floats:
    """Amount of money in another currency, by way of a third one.

    Parameters
    ----------
    amount : array_like
        In the currency converted from.
    price_of_from, price_of_to : array_like
        Units of the third currency (mostly US dollars) for one unit of each; above 0.

    Returns
    -------
    ndarray of float64
        In the currency converted to, of the broadcast shape; NaN where a price is not above 0.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    ``amount * (price_of_from / price_of_to)``; exactly ``amount`` where both are equal.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapter 27 (cross rates).

    Examples
    --------
    >>> round(float(convert(100.0, 1.08, 0.144)), 6)  # euro to yuan by way of the dollar
    750.0
    """
    shape, (money, source, target) = flatten(amount, price_of_from, price_of_to)
    with np.errstate(all="ignore"):
        value = money * (source / target)
    return np.where((source > 0.0) & (target > 0.0), value, np.nan).reshape(shape)


def forward_rate(
    spot: npt.ArrayLike, home_rate: npt.ArrayLike, foreign_rate: npt.ArrayLike, years: npt.ArrayLike
) -> Floats:
    """Forward rate of exchange by covered interest parity.

    Parameters
    ----------
    spot : array_like
        Home units for one foreign unit today.
    home_rate, foreign_rate : array_like
        Riskless rates of the two currencies, decimals a year, above -1.
    years : array_like
        Time to delivery in years.

    Returns
    -------
    ndarray of float64
        Home units for one foreign unit then, of the broadcast shape; NaN where a rate is out of range.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    ``spot * ((1 + home_rate) / (1 + foreign_rate))^years``.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapter 27 (interest rate parity).

    Examples
    --------
    >>> round(float(forward_rate(7.2, 0.02, 0.04, 1.0)), 6)
    7.061538
    """
    shape, (today, home, foreign, time) = flatten(spot, home_rate, foreign_rate, years)
    with np.errstate(all="ignore"):
        value = today * np.exp(time * (np.log1p(home) - np.log1p(foreign)))
    return np.where((home > -1.0) & (foreign > -1.0), value, np.nan).reshape(shape)


def rate_in_currency(rate: npt.ArrayLike, home_rate: npt.ArrayLike, foreign_rate: npt.ArrayLike) -> Floats:
    """Discount rate for home flows that values them as the foreign rate values foreign flows.

    Parameters
    ----------
    rate : array_like
        Discount rate of flows in the foreign currency, decimal a year, above -1.
    home_rate, foreign_rate : array_like
        Riskless rates, or expected inflation, of the two currencies, decimals a year, above -1.

    Returns
    -------
    ndarray of float64
        Discount rate of the same flows in home currency, of the broadcast shape; NaN where a rate is out of range.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    ``(1 + rate)(1 + home_rate) / (1 + foreign_rate) - 1``, the rate at which both ways of conversion agree.

    References
    ----------
    Damodaran (2012), Investment Valuation, 3rd ed., chapter 7 (discount rates in another currency).

    Examples
    --------
    >>> round(float(rate_in_currency(0.10, 0.02, 0.04)), 6)
    0.078846
    """
    shape, (discount, home, foreign) = flatten(rate, home_rate, foreign_rate)
    with np.errstate(all="ignore"):
        value = np.expm1(np.log1p(discount) + np.log1p(home) - np.log1p(foreign))
    return np.where((discount > -1.0) & (home > -1.0) & (foreign > -1.0), value, np.nan).reshape(shape)
