"""The value of a loan's collateral along the loan's life, as the patents age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipvalue.finance.discounting import present_value
from ipvalue.finance.distributions import fenton_wilkinson
from ipvalue.types import Floats, Ints

__all__ = ["Ageing", "aged_share", "cover_lost", "grouped_quantile"]

_Z05 = -1.6448536269514722


class Ageing(NamedTuple):
    """What the ageing of patents follows from, one element a patent."""

    remaining: Floats
    """Remaining years now."""
    rate: Floats
    """Discount rate a year."""
    decline: Floats
    """Decline of income a year."""
    volatility: Floats
    """Yearly standard deviation of the log value."""
    sigma: Floats
    """Standard deviation of the log value now."""


def aged_share(ageing: Ageing, years: Floats) -> Floats:
    """Share of today's value that is left after some years.

    Parameters
    ----------
    ageing : Ageing
    years : ndarray, shape (n,)
        Years from now, at least 0.

    Returns
    -------
    ndarray, shape (n,)
        1 now, 0 from the end of the term on.

    Notes
    -----
    Value is income times the life factor of :func:`ipvalue.evidence.remaining_life.life_factor`, and income declines::

        V(t) / V(0) = (1 - decline) ** t * F(remaining - t) / F(remaining)

    with F the mid-year present value of one unit a year over the life. Over whole years this is the value rolled
    forward: what is left after t years' income, at the discount rate. Discount rates, the decline and the
    legal status stay as they are now.

    Examples
    --------
    >>> ten = Ageing(*(np.array([v]) for v in (10.0, 0.0, 0.0, 0.2, 0.5)))
    >>> aged_share(ten, np.array([4.0])).round(12).tolist()  # without interest and decline value falls evenly
    [0.6]
    """
    one = np.ones(len(years))
    now = present_value(one, ageing.rate, ageing.remaining, decay=ageing.decline)
    then = present_value(one, ageing.rate, np.maximum(ageing.remaining - years, 0.0), decay=ageing.decline)
    with np.errstate(all="ignore"):
        share = (1.0 - ageing.decline) ** years * then / now
    return np.where(now > 0, share, 0.0)


def grouped_quantile(
    median: Floats, sigma: Floats, group: Ints, n_groups: int, correlation: float
) -> tuple[Floats, Floats]:
    """Median and 5 % quantile of each group's sum of correlated lognormals.

    Parameters
    ----------
    median, sigma : ndarray, shape (n,)
        Of each summand.
    group : ndarray of int64, shape (n,)
        Group of each summand, ascending.
    n_groups : int
    correlation : float
        Of any two log values.

    Returns
    -------
    median, q05 : ndarray, shape (n_groups,)
        By matched moments (:func:`ipvalue.finance.distributions.fenton_wilkinson`); the sum of the summands'
        quantiles is another number. 0 where a group is empty.
    """
    counts = np.bincount(group, minlength=n_groups)
    start = np.cumsum(counts) - counts
    mean = median * np.exp(0.5 * sigma**2)
    middle, low = np.zeros(n_groups), np.zeros(n_groups)
    for size in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == size)
        places = start[rows][:, None] + np.arange(size)
        if size == 1:  # a lognormal is its own sum
            centre, spread = median[places[:, 0]], sigma[places[:, 0]]
        else:
            centre, spread = fenton_wilkinson(mean[places], sigma[places], correlation)
        middle[rows], low[rows] = centre, centre * np.exp(_Z05 * spread)
    return middle, low


def cover_lost(years: Floats, cover: Floats, until: Floats) -> Floats:
    """When each loan's cover first falls below 1.

    Parameters
    ----------
    years : ndarray, shape (steps, loans)
        Points in time, ascending in each column.
    cover : ndarray, shape (steps, loans)
        What could be lent over what is owed.
    until : ndarray, shape (loans,)
        Years to maturity: later points do not count.

    Returns
    -------
    ndarray, shape (loans,)
        Years from now, between two points by a straight line; NaN where cover holds until maturity.

    Examples
    --------
    >>> cover_lost(np.array([[0.0], [1.0], [2.0]]), np.array([[1.4], [1.1], [0.9]]), np.array([2.0])).round(9).tolist()
    [1.5]
    """
    short = (cover < 1.0) & (years <= until)
    first = np.argmax(short, axis=0)
    column = np.arange(years.shape[1])
    before = np.maximum(first - 1, 0)
    high, low = cover[before, column], cover[first, column]
    with np.errstate(all="ignore"):
        way = np.where(first == 0, 0.0, (high - 1.0) / (high - low))
    way = np.where(np.isfinite(way), way, 1.0)  # from unlimited cover: at the later point
    when = years[before, column] + way * (years[first, column] - years[before, column])
    return np.where(short.any(axis=0), when, np.nan)
