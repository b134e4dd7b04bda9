"""Present value of a flow that has still to reach its full height: a product that is being launched.

Sales rise from nothing to their full height over the ramp; what a year sells is the mean of the rising share over
the year, so that a ramp that ends within a year is counted to the day. Rates, growth, decay and partial last
periods are as in :func:`ipvalue.finance.discounting.present_value`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.finance.discounting import present_value
from ipvalue.types import Floats

__all__ = ["SHAPES", "ramp_share", "ramped_present_value"]

SHAPES = ("linear", "s_curve")
_SHARE_OF_PERIOD = {"mid": 0.5, "end": 1.0}
# rows whose work arrays stay in a core's cache together
_BLOCK = 4096


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
