"""Present values of cash flows and annuities.

Cash flows are yearly and rates are decimals a year, annually compounded. With ``timing='mid'`` the flow of
a period falls at its middle, with ``timing='end'`` at its end. A life need not be whole: the last, partial
period carries its share of the year's flow and is valued at its own middle or end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.types import Floats

__all__ = ["annuity", "present_value"]

_SHARE_OF_PERIOD = {"mid": 0.5, "end": 1.0}
# rows whose work arrays stay in a core's cache together
_BLOCK = 4096


def _share(timing: str) -> float:
    """How far into its period a flow falls, as a share of the period."""
    try:
        return _SHARE_OF_PERIOD[timing]
    except KeyError:
        raise ValueError(f"timing must be 'mid' or 'end', not {timing!r}") from None


def present_value(
    cash_flow: npt.ArrayLike,
    rate: npt.ArrayLike,
    years: npt.ArrayLike,
    *,
    growth: npt.ArrayLike = 0.0,
    decay: npt.ArrayLike = 0.0,
    timing: str = "mid",
) -> Floats:
    """Present value of a yearly flow that grows and decays over a life of any length.

    Parameters
    ----------
    cash_flow : array_like
        Flow of the first year, in money a year.
    rate : array_like
        Discount rate, decimal a year, above -1.
    years : array_like
        Life in years, may be fractional or infinite; zero and below are worth 0.
    growth : array_like, default 0.0
        Growth of the flow from one year to the next, decimal a year, at least -1.
    decay : array_like, default 0.0
        Loss of the flow from one year to the next, decimal a year, at most 1.
    timing : {'mid', 'end'}, default 'mid'
        Where in its period a flow falls.

    Returns
    -------
    ndarray of float64
        Value in the money of ``cash_flow``, of the broadcast shape. NaN where an input is NaN or out of
        its range, infinite where an infinite life grows at least as fast as it is discounted.

    Raises
    ------
    ValueError
        If ``timing`` is unknown or the inputs do not broadcast.

    Notes
    -----
    With ``g = (1 + growth)(1 - decay)``, ``v = 1 / (1 + rate)``, ``q = g v``, ``n = floor(years)``,
    ``f = years - n`` and ``s`` = 1/2 (mid) or 1 (end)::

        PV = cash_flow * [ v^s (1 - q^n) / (1 - q)  +  q^n f v^(s f) ]

    The quotient is computed as ``expm1(n log q) / expm1(log q)``, which keeps full precision where the
    growth comes near the rate, and is ``n`` where they are equal.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapter 2 (growing annuity).

    Examples
    --------
    >>> float(present_value(100.0, 0.10, 2.0, timing="end"))  # 100/1.1 + 100/1.21
    173.553719...
    >>> present_value(100.0, 0.05, [0.5, 1.0, 3.0], growth=0.05).round(4).tolist()
    [49.3938, 97.59, 292.77]
    """
    share = _share(timing)
    shape, (flow, discount, life, growing, decaying) = flatten(cash_flow, rate, years, growth, decay)
    with np.errstate(all="ignore"):
        log_discount = np.log1p(discount)
        log_ratio = np.log1p(growing) + np.log1p(-decaying) - log_discount
        whole = np.floor(np.maximum(life, 0.0))
        fraction = np.where(np.isinf(whole), 0.0, np.maximum(life, 0.0) - whole)
        grown = np.where(whole == 0.0, 0.0, whole * log_ratio)  # 0 * -inf where nothing remains after a year
        series = np.where(log_ratio == 0.0, whole, np.expm1(grown) / np.expm1(log_ratio))
        value = np.where(whole == 0.0, 0.0, np.exp(-share * log_discount) * series)
        last = fraction * np.exp(grown - share * fraction * log_discount)
        value += np.where(fraction == 0.0, 0.0, last)
        valid = (discount > -1.0) & (growing >= -1.0) & (decaying <= 1.0) & ~np.isnan(life)
        result = np.where(value == 0.0, flow * 0.0, flow * value)
    return np.where(valid, result, np.nan).reshape(shape)


def annuity(rate: npt.ArrayLike, years: npt.ArrayLike, *, timing: str = "mid") -> Floats:
    """Present value of 1 a year over a life of any length.

    Parameters
    ----------
    rate : array_like
        Discount rate, decimal a year, above -1.
    years : array_like
        Life in years; zero and below give 0.
    timing : {'mid', 'end'}, default 'mid'
        Where in its period a flow falls.

    Returns
    -------
    ndarray of float64
        Value in years of flow, of the broadcast shape.

    Raises
    ------
    ValueError
        If ``timing`` is unknown or the inputs do not broadcast.

    Notes
    -----
    ``v^s (1 - v^n) / rate + f v^(n + s f)`` in the terms of :func:`present_value`.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapter 2.

    Examples
    --------
    >>> float(annuity(0.12, 10, timing="end"))
    5.65022302...
    """
    return present_value(1.0, rate, years, timing=timing)
