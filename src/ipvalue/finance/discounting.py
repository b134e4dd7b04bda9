"""Present values of cash flows: level, growing or decaying, and rising to their full height over some years.

Cash flows are yearly and rates are decimals a year, annually compounded. With ``timing='mid'`` the flow of a period
falls at its middle, with ``timing='end'`` at its end. A life may be fractional: the last, partial period carries its
share of the year's flow and is valued at its own middle or end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.types import Floats

__all__ = [
    "SHAPES",
    "annuity",
    "present_value",
    "ramp_share",
    "ramped_present_value",
]

SHAPES = ("linear", "s_curve")
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


def ramp_share(begin: npt.ArrayLike, end: npt.ArrayLike, ramp_years: npt.ArrayLike, *, shape: str = "linear") -> Floats:
    """Mean share of full sales between two times since launch.

    Parameters
    ----------
    begin, end : array_like
        Times since launch in years, ``0 <= begin <= end``.
    ramp_years : array_like
        Years until sales are full; 0 for a product that sells in full from the first day.
    shape : {'linear', 's_curve'}, default 'linear'
        A straight line, or the curve ``3 x^2 - 2 x^3`` that begins and ends level.

    Returns
    -------
    ndarray of float64
        Share between 0 and 1, of the broadcast shape; NaN where ``begin > end`` or an input is negative or NaN.

    Raises
    ------
    ValueError
        If the shape is unknown or the inputs do not broadcast.

    Notes
    -----
    With ``a = begin / ramp`` and ``b = min(end / ramp, 1)`` the mean over the rising part is ``(a + b) / 2`` for the
    line, and ``(a^2 + a b + b^2) - (a + b)(a^2 + b^2) / 2`` for the curve: quotients of the primitive that are
    already divided out, so that a very short period loses no digits. The full part counts 1.

    References
    ----------
    Smith and Parr (2005), Intellectual Property: Valuation, Exploitation, and Infringement Damages, 4th ed. (product
    life cycle in the income approach).

    Examples
    --------
    >>> ramp_share([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], 2.0).tolist()
    [0.25, 0.75, 1.0]
    >>> ramp_share([0.0, 1.0], [1.0, 2.0], 2.0, shape="s_curve").tolist()
    [0.1875, 0.8125]
    """
    if shape not in SHAPES:
        raise ValueError(f"shape must be one of {SHAPES}, not {shape!r}")
    form, (start, stop, ramp) = flatten(begin, end, ramp_years)
    rising = (ramp > 0.0) & (start < ramp)
    length = np.where(rising, ramp, 1.0)
    a, b = np.minimum(start, length) / length, np.minimum(stop, length) / length
    mean = (a + b) / 2.0 if shape == "linear" else (a * a + a * b + b * b) - (a + b) * (a * a + b * b) / 2.0
    period = stop - start
    full = np.where(period > 0.0, np.maximum(stop - ramp, 0.0) / np.where(period > 0.0, period, 1.0), 0.0)
    share = np.where(rising, mean * (1.0 - full) + full, 1.0)
    valid = (start >= 0.0) & (stop >= start) & (ramp >= 0.0)
    return np.where(valid, share, np.nan).reshape(form)


def ramped_present_value(
    cash_flow: npt.ArrayLike,
    rate: npt.ArrayLike,
    years: npt.ArrayLike,
    ramp_years: npt.ArrayLike,
    *,
    shape: str = "linear",
    growth: npt.ArrayLike = 0.0,
    decay: npt.ArrayLike = 0.0,
    timing: str = "mid",
) -> Floats:
    """Present value of a yearly flow that rises to its full height over a ramp, grows and decays.

    Parameters
    ----------
    cash_flow : array_like
        Flow of the first year if sales were full, in money a year.
    rate, years, growth, decay, timing
        As in :func:`ipvalue.finance.discounting.present_value`.
    ramp_years : array_like
        Years from now until sales are full, finite and at least 0; with 0 the value is that of
        :func:`~ipvalue.finance.discounting.present_value`, to the bit.
    shape : {'linear', 's_curve'}, default 'linear'
        As in :func:`ramp_share`.

    Returns
    -------
    ndarray of float64
        Value in the money of ``cash_flow``, of the broadcast shape. NaN where an input is NaN or out of its range.

    Raises
    ------
    ValueError
        If ``shape`` or ``timing`` is unknown or the inputs do not broadcast.

    Notes
    -----
    With ``K = ceil(ramp_years)``, ``q = (1 + growth)(1 - decay) / (1 + rate)`` and ``w_k`` the :func:`ramp_share` of
    year k::

        PV = sum over k < K of w_k q^k PV(cash_flow, min(max(years - k, 0), 1))  +  q^K PV(cash_flow, years - K)

    that is, the years of the ramp one by one and the rest in closed form. All terms have one sign, so no digits are
    lost however short the life is against the ramp. Rows are worked on in blocks that stay in cache.

    References
    ----------
    Brealey, Myers and Allen (2020), Principles of Corporate Finance, chapter 2.

    Examples
    --------
    >>> float(ramped_present_value(100.0, 0.10, 2.0, 2.0, timing="end"))  # 25/1.1 + 75/1.21
    84.71074380...
    """
    form, columns = flatten(cash_flow, rate, years, ramp_years, growth, decay)
    value = present_value(*columns[:3], growth=columns[4], decay=columns[5], timing=timing)
    value[~(np.isfinite(columns[3]) & (columns[3] >= 0.0))] = np.nan
    ramping = np.flatnonzero((columns[3] > 0.0) & np.isfinite(value))
    for first in range(0, len(ramping), _BLOCK):
        rows = ramping[first : first + _BLOCK]
        value[rows] = _by_year([column[rows] for column in columns], shape, timing)
    return value.reshape(form)


def _by_year(columns: list[Floats], shape: str, timing: str) -> Floats:
    """Years of the ramp one by one, the rest in closed form; columns as in :func:`ramped_present_value`."""
    flow, rate, years, ramp, growth, decay = columns
    ratio = (1.0 + growth) * (1.0 - decay) / (1.0 + rate)
    launched = np.ceil(ramp)
    total, carried = np.zeros(len(flow)), np.ones(len(flow))
    for year in range(int(launched.max())):
        left = np.minimum(np.maximum(years - year, 0.0), 1.0)
        share = ramp_share(np.full(len(flow), float(year)), year + left, ramp, shape=shape)
        inside = year < launched
        total += np.where(inside, share * carried * present_value(flow, rate, left, timing=timing), 0.0)
        carried = np.where(inside, carried * ratio, carried)
    rest = present_value(flow, rate, years - launched, growth=growth, decay=decay, timing=timing)
    return total + carried * rest
