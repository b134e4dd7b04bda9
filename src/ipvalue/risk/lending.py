"""From values to loans: lendable value, its allocation to loans by rank, and its change over a loan's life."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipvalue.finance.discounting import present_value
from ipvalue.finance.distributions import fenton_wilkinson
from ipvalue.risk.policy import CollateralPolicy
from ipvalue.types import Floats, Ints, Texts

__all__ = [
    "Ageing",
    "Allocation",
    "Lending",
    "aged_share",
    "allocate",
    "cover_lost",
    "grouped_quantile",
    "lending",
    "rounded_cents",
]


class Lending(NamedTuple):
    """What can be lent against patents, one element a row."""

    haircut_grade: Floats
    haircut_right: Floats
    haircut_liquidity: Floats
    haircut_life: Floats
    haircut: Floats
    """All of them together, as a share of the basis."""
    collateral_value: Floats
    """Basis after haircuts."""
    sale_months: Floats
    forced_sale_value: Floats
    """What a forced sale brings, as of today."""
    lendable: Floats
    """Most that may be lent."""


def lending(
    policy: CollateralPolicy,
    median: Floats,
    basis: Floats,
    remaining: Floats,
    grade: Texts,
    right: Texts,
    deals: Floats,
) -> Lending:
    """Work out what can be lent against each patent.

    Parameters
    ----------
    policy : CollateralPolicy
    median, basis, remaining, grade, right, deals : ndarray, shape (n,)
        Median value and the policy's quantile in money, remaining years, grade, right and known deals in the field. An
        unknown right ('') has the largest haircut and the lowest ceiling.

    Returns
    -------
    Lending
        NaN where there is no value; a right that the policy does not accept lends 0.

    Notes
    -----
    ::

        collateral value  = basis * (1 - h_grade) (1 - h_right) (1 - h_liquidity) (1 - h_life)
        forced-sale value = collateral value * (1 - discount) (1 - cost) / (1 + rate) ** (months / 12)
        lendable          = min(forced-sale value, maximum loan-to-value * median)

    Examples
    --------
    >>> one = lending(CollateralPolicy(), *(np.array([v]) for v in (100.0, 80.0, 9.0, "A", "invention", 500.0)))
    >>> one.collateral_value.tolist(), one.forced_sale_value.round(4).tolist(), one.lendable.tolist()
    ([80.0], [48.5891], [25.0])
    """
    parts = (
        _with_worst(policy, "haircut_grade", grade),
        _with_worst(policy, "haircut_right", right),
        policy.by_band("haircut_liquidity", deals),
        policy.by_band("haircut_life", remaining),
    )
    share = (1 - parts[0]) * (1 - parts[1]) * (1 - parts[2]) * (1 - parts[3])
    months = policy.by_band("sale_months", deals)
    waiting = (1 + policy.sale_rate.value) ** (-months / 12)
    worth = basis * share
    sold = worth * ((1 - policy.sale_discount.value) * (1 - policy.sale_cost.value)) * waiting
    ceiling = np.where(
        right == "",
        min((f.value for f in policy.maximum_ltv.values()), default=0.0),
        np.nan_to_num(policy.by_key("maximum_ltv", right), nan=0.0),
    )
    return Lending(*parts, 1 - share, worth, months, sold, np.minimum(sold, ceiling * median))


def _with_worst(policy: CollateralPolicy, name: str, keys: Texts) -> Floats:
    """Haircut by key; the largest for a key without one."""
    found = policy.by_key(name, keys)
    return np.where(np.isnan(found), max(f.value for f in getattr(policy, name).values()), found)


_LARGEST = 2**62


class Allocation(NamedTuple):
    """One element a pair of loan and patent, in hundredths."""

    available: Ints
    """What loans of better rank leave of the patent."""
    allocated: Ints
    """What the loan takes of it."""


def rounded_cents(money: Floats, *, up: bool = False) -> Ints:
    """Money in whole hundredths, rounded down (up: what is owed); missing and negative money is 0."""
    hundredths = np.nan_to_num(money, nan=0.0, posinf=0.0, neginf=0.0) * 100.0
    rounded = np.ceil(hundredths - 1e-6) if up else np.floor(hundredths + 1e-6)
    return np.clip(rounded, 0, _LARGEST).astype(np.int64)


def allocate(loan: Ints, patent: Ints, capacity: Ints, need: Ints) -> Allocation:
    """Allocate the value of patents to the loans that they secure, in rank order, in whole hundredths of money.

    Parameters
    ----------
    loan, patent : ndarray of int64, shape (n,)
        Pairs, sorted by loan; loans are numbered in rank order, the best first.
    capacity, need : ndarray of int64
        Lendable value of each patent, and exposure of each loan, in hundredths.

    Notes
    -----
    A loan takes from its patents in proportion to what better ranks have left of each. Loans that share no patent
    are served together: the loop runs over the longest chain of loans, not over loans or patents. In integers, what
    all loans take from a patent never exceeds its lendable value.

    Examples
    --------
    >>> loan, patent = np.array([0, 1, 1]), np.array([0, 0, 1])
    >>> allocate(loan, patent, np.array([100, 50]), np.array([60, 200])).allocated.tolist()
    [60, 40, 50]
    """
    level = _levels(loan, patent, len(need))[loan] if len(loan) else loan
    left = capacity.copy()
    available, allocated = np.zeros(len(loan), np.int64), np.zeros(len(loan), np.int64)
    for step in range(int(level.max(initial=-1)) + 1):
        here = np.flatnonzero(level == step)
        available[here] = left[patent[here]]
        allocated[here] = _share_out(loan[here], available[here], need)
        left[patent[here]] -= allocated[here]  # loans of one level share no patent
    return Allocation(available, allocated)


def _levels(loan: Ints, patent: Ints, n_loans: int) -> Ints:
    """How many loans must be served before each: the longest chain over shared patents."""
    order = np.lexsort((loan, patent))
    earlier = np.full(len(loan), -1, np.int64)
    same = patent[order][1:] == patent[order][:-1]
    earlier[order[1:][same]] = loan[order[:-1][same]]
    linked = np.flatnonzero(earlier >= 0)
    level = np.zeros(n_loans, np.int64)
    while True:
        longer = level.copy()
        np.maximum.at(longer, loan[linked], level[earlier[linked]] + 1)
        if (longer == level).all():
            return level
        level = longer


def _share_out(loan: Ints, room: Ints, need: Ints) -> Ints:
    """Take what each loan needs from its patents, in proportion to what each has left."""
    _, start, place = np.unique(loan, return_index=True, return_inverse=True)
    total = np.add.reduceat(room, start)
    wanted = np.minimum(need[loan[start]], total)
    share = np.where(wanted == total, 1.0, wanted / np.maximum(total, 1))
    # shares of very large amounts may be a few hundredths too large or too small: the running sum stops at what is
    # needed, and what is missing comes from the first patents that have it
    taken = np.minimum(np.floor(room * share[place] + 1e-6).astype(np.int64), room)
    taken = np.where((wanted == total)[place], room, taken)
    reached = np.minimum(_running(taken, start, place), wanted[place])
    taken = reached - np.where(np.arange(len(taken)) == start[place], 0, np.roll(reached, 1))
    missing = wanted - np.add.reduceat(taken, start)
    spare = room - taken
    before = _running(spare, start, place) - spare
    return np.asarray(taken + np.clip(missing[place] - before, 0, spare), np.int64)


def _running(values: Ints, start: Ints, place: Ints) -> Ints:
    """Running sum within each group."""
    total = np.cumsum(values)
    return np.asarray(total - (total - values)[start][place])


_Z05 = -1.6448536269514722


class Ageing(NamedTuple):
    """Inputs of the ageing of values, one element a patent."""

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
        Years from now, at least 0; the share is 1 now, and 0 from the end of the term on.

    Notes
    -----
    Value is income times the life factor of :func:`ipvalue.evidence.remaining_life.life_factor`, and income declines::

        V(t) / V(0) = (1 - decline) ** t * F(remaining - t) / F(remaining)

    with F the mid-year present value of one unit a year over the life: the value rolled forward at the discount rate.
    Discount rates, the decline and the legal status stay as they are now.

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
    median, sigma, group : ndarray, shape (n,)
        Of each value; groups are sorted.
    correlation : float
        Of any two log values.

    Notes
    -----
    By matched moments (:func:`ipvalue.finance.distributions.fenton_wilkinson`), not the sum of quantiles; 0 for an
    empty group.
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
    years, cover : ndarray, shape (steps, loans)
        Points in time, ascending in each column, and lendable value over exposure at each.
    until : ndarray, shape (loans,)
        Years to maturity: later points do not count.

    Returns
    -------
    ndarray, shape (loans,)
        Years from now, by linear interpolation; NaN where cover holds until maturity.

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
