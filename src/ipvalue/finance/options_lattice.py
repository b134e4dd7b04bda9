"""Binomial lattices: slow and simple, the reference for the closed forms and for American options."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.finance.options_european import signs
from ipvalue.types import Floats

__all__ = ["lattice"]

_NODES_AT_A_TIME = 400_000


def lattice(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    dividend: npt.ArrayLike = 0.0,
    *,
    kind: str = "call",
    style: str = "american",
    steps: int = 501,
) -> Floats:
    """Value of an option on the binomial lattice of Leisen and Reimer.

    Parameters
    ----------
    spot, strike, years, rate, volatility, dividend, kind
        As in :func:`ipvalue.finance.options.european`.
    style : {'american', 'european'}, default 'american'
        Whether the option can be exercised at every step or at the end only.
    steps : int, default 501
        Number of steps; made odd.

    Returns
    -------
    ndarray of float64
        Value in money, of the broadcast shape; NaN where an input is NaN or out of range.

    Raises
    ------
    ValueError
        If ``kind`` or ``style`` is unknown, or there are no steps.

    Notes
    -----
    The up-probability is the Peizer-Pratt inversion of ``d2``, the up-move follows from that of ``d1``; the
    error falls with the square of the steps for a European option, and about in proportion to them for an
    American one. Work and memory grow with contracts times steps; contracts are taken in blocks.

    References
    ----------
    Leisen and Reimer (1996), Applied Mathematical Finance 3(4).

    Examples
    --------
    >>> round(float(lattice(42.0, 40.0, 0.5, 0.1, 0.2, style="european")), 2)  # Hull, chapter 15
    4.76
    """
    sign = signs(kind)
    if style not in ("american", "european"):
        raise ValueError(f"style must be 'american' or 'european', not {style!r}")
    if steps < 1:
        raise ValueError(f"a lattice needs at least one step, not {steps}")
    shape, columns = flatten(spot, strike, years, rate, volatility, dividend)
    odd = steps + 1 - steps % 2
    result = np.empty(columns[0].size)
    block = max(_NODES_AT_A_TIME // odd, 1)
    for begin in range(0, result.size, block):
        piece = [each[begin : begin + block] for each in columns]
        result[begin : begin + block] = _roll_back(piece, sign, style == "american", odd)
    return result.reshape(shape)


def _peizer_pratt(deviate: Floats, steps: int) -> Floats:
    """Probability whose binomial tail over the steps is the normal probability of the deviate."""
    scaled = deviate / (steps + 1.0 / 3.0 + 0.1 / (steps + 1.0))
    return 0.5 + np.copysign(0.5, deviate) * np.sqrt(-np.expm1(-(scaled**2) * (steps + 1.0 / 6.0)))


def _roll_back(columns: list[Floats], sign: float, early: bool, steps: int) -> Floats:
    """Values of a block of contracts, by backward induction."""
    asset, exercise, years, rate, sigma, payout = columns
    life = np.maximum(years, 0.0)
    with np.errstate(all="ignore"):
        # the lattice needs a positive spread and probabilities inside 0 to 1: inputs at the limits are moved just
        # inside
        spread = np.maximum(sigma * np.sqrt(life), 1e-6)
        log_ratio = np.log(np.maximum(asset, 1e-300)) - np.log(np.maximum(exercise, 1e-300))
        middle = np.clip((log_ratio + (rate - payout) * life) / spread, -30.0, 30.0)
        growth = np.exp((rate - payout) * life / steps)
        up_chance = _peizer_pratt(middle - 0.5 * spread, steps)
        up_chance_asset = _peizer_pratt(middle + 0.5 * spread, steps)
        up = growth * up_chance_asset / up_chance
        down = growth * (1.0 - up_chance_asset) / (1.0 - up_chance)
        discount = np.exp(-rate * life / steps)
        ups = np.arange(steps + 1)
        log_up, log_down = np.log(up)[:, None], np.log(down)[:, None]
        price = asset[:, None] * np.exp(ups * log_up + (steps - ups) * log_down)
        value = np.maximum(sign * (price - exercise[:, None]), 0.0)
        weight_up, weight_down = (discount * up_chance)[:, None], (discount * (1.0 - up_chance))[:, None]
        for step in range(steps - 1, -1, -1):
            value = weight_up * value[:, 1:] + weight_down * value[:, :-1]
            if early:
                price = price[:, : step + 1] / down[:, None]
                np.maximum(value, sign * (price - exercise[:, None]), out=value)
    valid = (asset >= 0.0) & (exercise >= 0.0) & (sigma >= 0.0)
    return np.where(valid, value[:, 0], np.nan)
