"""Present values of cash flows, and (from their own module) the costs of capital to discount them at.

Cash flows are yearly and rates are decimals a year, annually compounded. With ``timing='mid'`` the flow of
a period falls at its middle, with ``timing='end'`` at its end. A life need not be whole: the last, partial
period carries its share of the year's flow and is valued at its own middle or end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.finance.cost_of_capital import build_up, capm, wacc
from ipvalue.types import Floats

__all__ = [
    "annuity",
    "build_up",
    "capm",
    "curve_rate",
    "gordon",
    "present_value",
    "present_value_of_flows",
    "wacc",
]

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


def gordon(
    cash_flow: npt.ArrayLike,
    rate: npt.ArrayLike,
    growth: npt.ArrayLike,
    *,
    timing: str = "end",
    after: npt.ArrayLike = 0.0,
) -> Floats:
    """Value of a flow that grows for ever, from now or after a horizon (the terminal value, discounted).

    Parameters
    ----------
    cash_flow : array_like
        Flow of the first year, in money a year.
    rate : array_like
        Discount rate, decimal a year.
    growth : array_like
        Growth of the flow, decimal a year, below the rate.
    timing : {'mid', 'end'}, default 'end'
        Where in its period a flow falls; the textbook formula has it at the end.
    after : array_like, default 0.0
        Years from now until the first period begins; ``cash_flow`` is the flow of that period.

    Returns
    -------
    ndarray of float64
        Value, of the broadcast shape; NaN where ``growth >= rate``, for the formula has no meaning there.

    Raises
    ------
    ValueError
        If ``timing`` is unknown or the inputs do not broadcast.

    Notes
    -----
    ``cash_flow / (rate - growth) (1 + rate)^(-after)``, times ``(1 + rate)^(1/2)`` with flows at mid-year.

    References
    ----------
    Gordon and Shapiro (1956), Management Science 3(1).

    Examples
    --------
    >>> float(gordon(100.0, 0.08, 0.03))
    2000.0
    >>> round(float(gordon(100.0, 0.08, 0.03, after=5.0)), 6)  # 2000 / 1.08^5
    1361.166394
    """
    share = _share(timing)
    shape, (flow, discount, growing, wait) = flatten(cash_flow, rate, growth, after)
    with np.errstate(all="ignore"):
        value = flow / (discount - growing) * np.exp((1.0 - share - wait) * np.log1p(discount))
    valid = (growing < discount) & (growing >= -1.0) & (discount > -1.0)
    return np.where(valid, value, np.nan).reshape(shape)


def curve_rate(tenors: npt.ArrayLike, rates: npt.ArrayLike, times: npt.ArrayLike) -> Floats:
    """Zero rate of a curve at any time, linear between its tenors and flat outside them.

    Parameters
    ----------
    tenors : array_like, shape (k,)
        Tenors in years, strictly increasing.
    rates : array_like, shape (k,)
        Zero rates, decimal a year, annually compounded.
    times : array_like
        Times in years.

    Returns
    -------
    ndarray of float64
        Rate at each time, of the shape of ``times``; NaN at a NaN time.

    Raises
    ------
    ValueError
        If the curve is empty, or its tenors do not increase.

    Notes
    -----
    Linear interpolation of the rate, not of the discount factor.

    References
    ----------
    Hagan and West (2006), Applied Mathematical Finance 13(2), section 5 (linear on rates).

    Examples
    --------
    >>> curve_rate([1.0, 5.0], [0.02, 0.04], [0.5, 3.0, 30.0]).tolist()
    [0.02, 0.03, 0.04]
    """
    knots = np.asarray(tenors, dtype=np.float64)
    levels = np.asarray(rates, dtype=np.float64)
    if knots.ndim != 1 or knots.shape != levels.shape or knots.size == 0:
        raise ValueError(f"a curve needs as many rates as tenors, at least one: {knots.shape}, {levels.shape}")
    if not bool(np.all(np.diff(knots) > 0.0)):
        raise ValueError("the tenors of a curve must increase strictly")
    shape, (points,) = flatten(times)
    return np.interp(points, knots, levels).reshape(shape)


def present_value_of_flows(
    flows: npt.ArrayLike,
    rate: npt.ArrayLike,
    *,
    tenors: npt.ArrayLike | None = None,
    times: npt.ArrayLike | None = None,
    years: npt.ArrayLike | None = None,
    timing: str = "mid",
) -> Floats:
    """Present value of explicit cash flows, one row a stream and one column a period.

    Parameters
    ----------
    flows : array_like, shape (n, periods) or (periods,)
        Cash flows in money.
    rate : array_like
        Flat rate, a number or one a row (shape (n,)); or, where ``tenors`` is given, the zero rates of a
        curve, shape (k,) for all rows.
    tenors : array_like, shape (k,), optional
        Tenors of the curve in years.
    times : array_like, shape (periods,), optional
        When each flow falls, in years; by default the middle or the end of years 1, 2, ...
    years : array_like, shape (n,) or a number, optional
        Life of each row, may be fractional: the period in which it ends carries that share of its flow, which falls
        at the middle or the end of the share; later flows are cut off. Not together with ``times``.
    timing : {'mid', 'end'}, default 'mid'
        Used where ``times`` is not given.

    Returns
    -------
    ndarray of float64, shape (n,) or ()
        Value of each row; NaN where a flow of the row or its rate is NaN.

    Raises
    ------
    ValueError
        If ``timing`` is unknown, shapes do not fit, or both ``times`` and ``years`` are given.

    Notes
    -----
    ``sum over t of flow_t (1 + rate(t))^(-t)``, added from the first period to the last, so that a row's
    value does not depend on its neighbours; rows are worked on in blocks that stay in cache.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapters 2 and 3.

    Examples
    --------
    >>> flows = [[100.0, 100.0], [0.0, 121.0]]
    >>> present_value_of_flows(flows, 0.10, timing="end").round(6).tolist()
    [173.553719, 100.0]
    >>> present_value_of_flows(flows, [0.10, 0.10], tenors=[1.0, 2.0], timing="end").round(6).tolist()
    [173.553719, 100.0]
    """
    table = np.asarray(flows, dtype=np.float64)
    rows = np.atleast_2d(table)
    middles = np.arange(rows.shape[1]) + _share(timing)
    when: Floats = np.asarray(middles if times is None else times, dtype=np.float64)
    if rows.ndim != 2 or when.shape != (rows.shape[1],):
        raise ValueError(f"flows of shape {table.shape} need {rows.shape[-1]} times, not {when.shape}")
    if times is not None and years is not None:
        raise ValueError("give the times of the flows or the years of life, not both")
    count = rows.shape[0]
    curve = None if tenors is None else (np.asarray(tenors, np.float64), np.asarray(rate, np.float64))
    flat: Floats = np.broadcast_to(np.asarray(rate if tenors is None else 0.0, np.float64), (count,))
    life: Floats = np.broadcast_to(np.asarray(np.inf if years is None else years, np.float64), (count,))
    value = np.empty(count)
    for first in range(0, count, _BLOCK):
        part = slice(first, first + _BLOCK)
        value[part] = _sum_of_flows(rows[part], when, flat[part].copy(), life[part], curve, _share(timing))
    return value.reshape(table.shape[:-1])


def _sum_of_flows(
    rows: Floats, when: Floats, flat: Floats, life: Floats, curve: tuple[Floats, Floats] | None, share: float
) -> Floats:
    """Present value of a block of rows, period by period."""
    value = np.where(np.isnan(life), np.nan, np.zeros(len(rows)))
    for period in range(rows.shape[1]):
        # a life that ends within the period leaves a part of it, whose flow falls earlier
        part = np.minimum(np.maximum(life - period, 0.0), 1.0)
        time = when[period] - share * (1.0 - part)
        discount = flat if curve is None else curve_rate(*curve, time)
        with np.errstate(all="ignore"):
            due = rows[:, period] * part * np.exp(-time * np.log1p(discount))
        value = value + np.where(part == 0.0, 0.0, due)
    return value
