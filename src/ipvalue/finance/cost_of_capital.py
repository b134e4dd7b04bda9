"""Costs of capital: weighted average, capital asset pricing model, build-up.

Rates are decimals a year, annually compounded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.types import Floats

__all__ = ["build_up", "capm", "wacc"]


def wacc(
    equity_weight: npt.ArrayLike,
    cost_of_equity: npt.ArrayLike,
    cost_of_debt: npt.ArrayLike,
    tax: npt.ArrayLike = 0.0,
) -> Floats:
    """Weighted average cost of capital after tax.

    Parameters
    ----------
    equity_weight : array_like
        Share of equity in the capital, 0 to 1.
    cost_of_equity, cost_of_debt : array_like
        Decimals a year; the cost of debt is before tax.
    tax : array_like, default 0.0
        Tax rate at which interest is deducted.

    Returns
    -------
    ndarray of float64
        Rate, of the broadcast shape; NaN where the weight lies outside 0 to 1.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    ``E ke + (1 - E) kd (1 - tax)``.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapter 19.

    Examples
    --------
    >>> round(float(wacc(0.6, 0.12, 0.05, 0.25)), 12)
    0.087
    """
    shape, (weight, equity, debt, rate) = flatten(equity_weight, cost_of_equity, cost_of_debt, tax)
    value = weight * equity + (1.0 - weight) * debt * (1.0 - rate)
    return np.where((weight >= 0.0) & (weight <= 1.0), value, np.nan).reshape(shape)


def capm(
    risk_free: npt.ArrayLike,
    beta: npt.ArrayLike,
    equity_premium: npt.ArrayLike,
    *,
    size_premium: npt.ArrayLike = 0.0,
    specific_premium: npt.ArrayLike = 0.0,
) -> Floats:
    """Cost of equity by the capital asset pricing model, with the practice's premiums.

    Parameters
    ----------
    risk_free : array_like
        Risk-free rate, decimal a year.
    beta : array_like
        Sensitivity to the market.
    equity_premium : array_like
        Return of the market over the risk-free rate, decimal a year.
    size_premium, specific_premium : array_like, default 0.0
        Added for size and for the asset's own risk, decimals a year.

    Returns
    -------
    ndarray of float64
        Rate, of the broadcast shape.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    ``rf + beta * premium + size + specific``.

    References
    ----------
    Sharpe (1964), Journal of Finance 19(3).

    Examples
    --------
    >>> round(float(capm(0.02, 1.2, 0.05, size_premium=0.01)), 12)
    0.09
    """
    shape, parts = flatten(risk_free, beta, equity_premium, size_premium, specific_premium)
    base, sensitivity, premium, size, specific = parts
    return (base + sensitivity * premium + size + specific).reshape(shape)


def build_up(risk_free: npt.ArrayLike, *premiums: npt.ArrayLike) -> Floats:
    """Discount rate as the risk-free rate plus one premium for each risk.

    Parameters
    ----------
    risk_free : array_like
        Risk-free rate, decimal a year.
    *premiums : array_like
        Premiums, decimals a year, added in the order given.

    Returns
    -------
    ndarray of float64
        Rate, of the broadcast shape.

    Raises
    ------
    ValueError
        If the inputs do not broadcast.

    Notes
    -----
    ``rf + sum of premiums``.

    References
    ----------
    Pratt and Grabowski (2014), Cost of Capital, chapter 9.

    Examples
    --------
    >>> round(float(build_up(0.02, 0.05, 0.03)), 12)
    0.1
    """
    shape, (total, *others) = flatten(risk_free, *premiums)
    for premium in others:
        total = total + premium
    return total.reshape(shape)
