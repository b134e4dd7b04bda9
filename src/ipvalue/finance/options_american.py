"""American options by spectral collocation of the exercise boundary.

The value of an American option is that of the European one plus the income that early exercise saves, an
integral along the boundary at which exercise becomes optimal. The boundary solves an integral equation; it
is so smooth in the right variable that a few Chebyshev nodes give it to many digits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ipvalue.finance.arrays import Floats, flatten
from ipvalue.finance.options_european import european_flat, signs
from ipvalue.finance.options_lattice import lattice

__all__ = ["american"]

_NODES, _POINTS, _ITERATIONS, _PRICING_POINTS = 9, 12, 8, 24
_BLOCK = 1_024
_LEAST_SPREAD = 1e-3
_ROOT_TWO_PI = float(np.sqrt(2.0 * np.pi))


class _Scheme(NamedTuple):
    """What is the same for all contracts: nodes, quadrature and interpolation between the nodes."""

    position: Floats  # of each node on the scale of the square root of time, 0 to 1
    point: Floats  # of each quadrature point, share of the root of the time span, 0 to 1
    weight: Floats
    interpolate: Floats  # node of the boundary asked for, point, node it is read from
    pricing_point: Floats
    pricing_weight: Floats
    pricing_interpolate: Floats  # point, node


@lru_cache(maxsize=1)
def _scheme() -> _Scheme:
    """Compute nodes and weights once."""
    position = 0.5 * (1.0 - np.cos(np.pi * np.arange(_NODES + 1) / _NODES))
    point, weight = np.polynomial.legendre.leggauss(_POINTS)
    pricing_point, pricing_weight = np.polynomial.legendre.leggauss(_PRICING_POINTS)
    point, pricing_point = 0.5 * (1.0 + point), 0.5 * (1.0 + pricing_point)
    inner = [_barycentric(position, each * np.sqrt(1.0 - point**2)) for each in position]
    outer = _barycentric(position, np.sqrt(1.0 - pricing_point**2))
    return _Scheme(position, point, weight, np.array(inner), pricing_point, pricing_weight, outer)


def _barycentric(nodes: Floats, wanted: Floats) -> Floats:
    """Weights that read the Chebyshev interpolant at wanted places, none of which is inexact at a node."""
    sign = np.where(np.arange(nodes.size) % 2 == 0, 1.0, -1.0)
    sign[[0, -1]] *= 0.5
    gap = wanted[:, None] - nodes[None, :]
    hit = gap == 0.0
    terms = sign / np.where(hit, 1.0, gap)
    weights: Floats = terms / terms.sum(axis=1, keepdims=True)
    weights[hit.any(axis=1)] = hit[hit.any(axis=1)]
    return weights


class _Puts(NamedTuple):
    """A block of puts with positive life, spread and reason for early exercise, in units of the strike."""

    asset: Floats
    years: Floats
    rate: Floats
    sigma: Floats
    payout: Floats


def american(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    dividend: npt.ArrayLike = 0.0,
    *,
    kind: str = "call",
) -> Floats:
    """Value of an option that can be exercised at any time until its end.

    Parameters
    ----------
    spot, strike : array_like
        Value of the asset and exercise price, in money, not negative.
    years : array_like
        Time to the end; below 0 counts as 0.
    rate, dividend : array_like
        Continuous decimals a year; the yield is 0 by default. Both may be negative.
    volatility : array_like
        Decimal a year, not negative.
    kind : {'call', 'put'}, default 'call'
        Right to buy or to sell.

    Returns
    -------
    ndarray of float64
        Value in money, of the broadcast shape; NaN where an input is NaN or out of range. At least the
        European value and at least the payoff now.

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the inputs do not broadcast.

    Notes
    -----
    A put is worth ``p + int_0^T [r K e^(-r s) N(-d2(s)) - q S e^(-q s) N(-d1(s))] ds``, with ``d1,2`` taken
    from the boundary at time ``T - s``. The boundary is found on Chebyshev nodes in the square root of time
    by fixed-point iteration (the paper's system A), with Newton's step where that would swing, between its
    limits at 0 and at infinity. A call is the put with spot and strike, and rate and yield, exchanged. Where
    the yield is below a negative rate (of the put) there are two boundaries; those rare contracts go to a
    lattice of 1,001 steps. Below a total volatility of 0.001 the asset is taken to be certain.

    Against fine lattices, over volatilities of 0.15 to 1, lives to 15 years, rates of 0.02 to 0.1 and yields
    to 0.12, the error is below 1e-3 of every value above a thousandth of the strike, at the median below
    2e-5; where rates are large against the variance (0.2 against 0.05 squared) it reaches a few thousandths.

    References
    ----------
    Andersen, Lake and Offengenden (2016), Journal of Computational Finance 20(1); McDonald and Schroder
    (1998), Journal of Computational Finance 1(3) (calls as puts).

    Examples
    --------
    >>> round(float(american(40.0, 40.0, 1.0, 0.06, 0.4, kind="put")), 2)  # Longstaff and Schwartz (2001)
    5.32
    """
    sign = signs(kind)
    shape, columns = flatten(spot, strike, years, rate, volatility, dividend)
    asset, exercise, life, interest, sigma, payout = columns
    life = np.maximum(life, 0.0)
    value = european_flat(asset, exercise, life, interest, sigma, payout, sign)
    if sign > 0.0:
        asset, exercise, interest, payout = exercise, asset, payout, interest
    valid = ~np.isnan(value)
    value = np.maximum(value, np.where(valid, exercise - asset, np.nan))
    waits = (payout >= np.minimum(interest, 0.0)) & (interest <= 0.0)
    early = valid & ~waits & (life > 0.0) & (asset > 0.0) & (exercise > 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        certain = early & ~(sigma * np.sqrt(life) >= _LEAST_SPREAD)
    double = early & (interest < 0.0) & ~certain
    single = np.flatnonzero(early & ~certain & ~double)
    value[certain] = _certain_put(*(each[certain] for each in (asset, exercise, life, interest, payout)))
    if bool(double.any()):
        chosen = [each[double] for each in (asset, exercise, life, interest, sigma, payout)]
        value[double] = np.maximum(value[double], lattice(*chosen, kind="put", steps=1_001))
    for begin in range(0, single.size, _BLOCK):
        rows = single[begin : begin + _BLOCK]
        puts = _Puts(asset[rows] / exercise[rows], *(each[rows] for each in (life, interest, sigma, payout)))
        value[rows] = np.maximum(value[rows], exercise[rows] * _put(puts, value[rows] / exercise[rows]))
    return value.reshape(shape)


def _certain_put(asset: Floats, exercise: Floats, life: Floats, rate: Floats, payout: Floats) -> Floats:
    """Best exercise when the asset's path is certain: now, at the end, or where income turns."""
    with np.errstate(all="ignore"):
        turn = (np.log(payout * asset) - np.log(rate * exercise)) / (payout - rate)
        turn = np.clip(np.where(np.isfinite(turn), turn, 0.0), 0.0, life)
        paid = [exercise * np.exp(-rate * when) - asset * np.exp(-payout * when) for when in (turn, life)]
    return np.maximum(np.maximum(exercise - asset, 0.0), np.maximum(*paid))


def _limits(puts: _Puts) -> tuple[Floats, Floats]:
    """Boundary just before the end and for an endless life, in units of the strike."""
    variance = puts.sigma**2
    with np.errstate(all="ignore"):
        start = np.where(puts.payout > puts.rate, puts.rate / puts.payout, 1.0)
        drift = 0.5 - (puts.rate - puts.payout) / variance
        root = np.sqrt(drift**2 + 2.0 * puts.rate / variance)
        exponent = np.where(drift > 0.0, -2.0 * puts.rate / variance / (drift + root), drift - root)
    return start, exponent / (exponent - 1.0)


def _boundary(puts: _Puts) -> list[Floats]:
    """Logarithm of the boundary at each node, relative to its value just before the end."""
    scheme = _scheme()
    start, end = _limits(puts)
    lowest = np.log(np.maximum(end / start, 1e-300))
    root = np.sqrt(puts.years)
    log: list[Floats] = []
    for position in scheme.position:
        with np.errstate(all="ignore"):
            share = np.exp(-2.0 * puts.sigma * root * position / (1.0 - end / start))
            log.append(np.log(np.maximum(end / start + (1.0 - end / start) * share, 1e-300)))
    for _ in range(_ITERATIONS):
        squared = [each**2 for each in log]
        log = [log[0]] + [
            np.clip(_improved(puts, start, log[node], squared, node), lowest, 0.0) for node in range(1, _NODES + 1)
        ]
    return log


def _read(squared: list[Floats], weights: Floats) -> Floats:
    """Logarithm of the boundary between the nodes, from its interpolated square; one row a point."""
    between = np.zeros((weights.shape[0], squared[0].size))
    for node, values in enumerate(squared):
        between += weights[:, node, None] * values
    return -np.sqrt(np.maximum(between, 0.0))


def _improved(puts: _Puts, start: Floats, log: Floats, squared: list[Floats], node: int) -> Floats:
    """One Newton step of the boundary at a node, with the boundary before it held fast."""
    scheme = _scheme()
    rate, payout, sigma = puts.rate, puts.payout, puts.sigma
    time = puts.years * scheme.position[node] ** 2
    point = scheme.point[:, None]
    root = np.sqrt(time)
    spread = sigma * root
    with np.errstate(all="ignore"):
        span = time * point**2
        gap = log - _read(squared, scheme.interpolate[node]) + (rate - payout) * span
        upper = gap / (spread * point) + 0.5 * spread * point
        lower = upper - spread * point
        cash = np.exp(rate * (time - span)) * _density(lower)
        asset = np.exp(payout * (time - span)) * _density(upper)
        asset_held = np.exp(payout * (time - span)) * ndtr(upper) * root * point
        last_upper = (log + np.log(start) + (rate - payout) * time) / spread + 0.5 * spread
        last_lower = last_upper - spread
        last_cash, last_asset = _density(last_lower) / spread, _density(last_upper) / spread
        numerator = last_cash + rate * root / sigma * _weigh(cash)
        denominator = last_asset + ndtr(last_upper) + payout * root * _weigh(asset / sigma + asset_held)
        numerator_slope = -last_cash * last_lower / spread - rate / sigma**2 * _weigh(cash * lower / point)
        denominator_slope = last_asset * (1.0 - last_upper / spread) + payout / sigma * _weigh(
            asset * (root - upper / (sigma * point))
        )
        fixed = np.log(numerator / denominator) - (rate - payout) * time - np.log(start)
        slope = numerator_slope / numerator - denominator_slope / denominator
        # Newton where plain iteration would swing from side to side, and plain iteration elsewhere
        improved = log - (log - fixed) / (1.0 - np.minimum(slope, 0.0))
    return np.where(np.isfinite(improved), improved, log)


def _weigh(values: Floats) -> Floats:
    """Integral over the points of a node, added in their order."""
    total = np.zeros(values.shape[1])
    for row, weight in enumerate(_scheme().weight):
        total += weight * values[row]
    return total


def _density(deviate: Floats) -> Floats:
    """Standard normal density."""
    return np.exp(-0.5 * deviate**2) / _ROOT_TWO_PI


def _put(puts: _Puts, floor: Floats) -> Floats:
    """Value in units of the strike; below the boundary the payoff, else European value and premium."""
    scheme = _scheme()
    start, _ = _limits(puts)
    log = _boundary(puts)
    point = scheme.pricing_point[:, None]
    european = european_flat(puts.asset, np.ones(puts.asset.size), puts.years, puts.rate, puts.sigma, puts.payout, -1.0)
    spread = puts.sigma * np.sqrt(puts.years)
    with np.errstate(all="ignore"):
        edge = _read([each**2 for each in log], scheme.pricing_interpolate) + np.log(start)
        span = puts.years * point**2
        gap = np.log(puts.asset) - edge + (puts.rate - puts.payout) * span
        upper = gap / (spread * point) + 0.5 * spread * point
        lower = upper - spread * point
        income = puts.rate * np.exp(-puts.rate * span) * ndtr(-lower)
        income -= puts.payout * puts.asset * np.exp(-puts.payout * span) * ndtr(-upper)
        premium = np.zeros(puts.asset.size)
        for row, weight in enumerate(scheme.pricing_weight):
            premium += weight * scheme.pricing_point[row] * income[row]
        value = european + puts.years * np.maximum(premium, 0.0)
        exercised = np.log(puts.asset) <= log[-1] + np.log(start)
    return np.where(exercised, 1.0 - puts.asset, np.where(np.isfinite(value), value, floor))
