"""Allocation of the price of a package deal to its patents, in proportion to the estimated price of each alone.

Formula. With V_i a value index of patent i that is known before the deal, and P the price of the deal::

    allocated_i = P * V_i / sum over the deal's patents of V          (they sum to P)
    V_i         = grant probability_i * life factor_i * exp(a + beta x_i + gamma_field - trend * years since)

a, beta, gamma and trend are the ridge regression of the log prices of patents that were sold alone
(:mod:`ipvalue.finance.ridge`, :mod:`ipvalue.evidence.remaining_life`). A deal of n patents is one observation: each
of its allocated prices has the weight 1 / n. A portfolio is not sold for the sum of the prices of its patents alone:
the mean of log(P / sum V), shrunk to 0 by ``_PRIOR_DEALS`` deals, is subtracted as an adjustment for size.

Source. IVS 105 (2022; IVS 103 of 2025) 30 and 210 (adjustments of comparable transactions; allocation of a price over
the assets of a group by their relative values, as a purchase price allocation does). The weight and the prior are ours.

An allocated price tells the level of the deal, but not how its patents differ in price. It is no evidence of the price
of a characteristic, and no method prices from allocated prices alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.characteristics import characteristics
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Deals, Evidence, PackageDeals, Subject
from ipvalue.finance.ridge import ridge
from ipvalue.types import Dates, Floats, Ints

__all__ = ["Priced", "allocate", "priced"]

_FIELDS = np.arange(36)
_DAYS_PER_YEAR = 365.25
_PRIOR_DEALS = 20.0


@dataclass(frozen=True)
class Priced:
    """Prices to learn from, one element a patent: first prices of single patents, then allocated prices.

    Attributes
    ----------
    subject : Subject
    price : ndarray, shape (n,)
        As a granted right and as by sale, in the assumptions' currency.
    log_price : ndarray, shape (n,)
        Logarithm of the price per unit of remaining income, adjusted for the size of the deal.
    date : ndarray of datetime64[D], shape (n,)
    age : ndarray, shape (n,)
        Years from the deal to the fit date.
    size : ndarray of int64, shape (n,)
        Patents in the deal; the price is allocated where it is above 1.
    """

    subject: Subject
    price: Floats
    log_price: Floats
    date: Dates
    age: Floats
    size: Ints

    def __len__(self) -> int:
        return len(self.price)

    @property
    def weight(self) -> Floats:
        """Weight of each price: a deal counts once, however many patents it has."""
        return np.asarray(1.0 / self.size, np.float64)

    @property
    def fields(self) -> Floats:
        """Indicators of the technology field, shape (n, 36)."""
        return np.asarray(self.subject.field[:, None] == _FIELDS, np.float64)


def allocate(price: Floats, index: Floats, deal: Ints) -> Floats:
    """Divide each deal's price among its patents, in proportion to a value index.

    Parameters
    ----------
    price : ndarray, shape (n,)
        Price of the deal to which each patent belongs.
    index : ndarray, shape (n,)
        Above 0; its unit does not matter.
    deal : ndarray of int64, shape (n,)
        Number of the deal of each patent, from 0.

    Returns
    -------
    ndarray, shape (n,)
        Allocated prices, which sum to the price of each deal.

    Examples
    --------
    >>> allocate(np.array([90.0, 90.0, 5.0]), np.array([2.0, 1.0, 7.0]), np.array([0, 0, 1])).tolist()
    [60.0, 30.0, 5.0]
    """
    return price * (index / np.bincount(deal, weights=index)[deal])


def priced(evidence: Evidence, assumptions: Assumptions, penalty: float, *, portfolio_deals: bool) -> Priced:
    """Collect the prices that a market method learns from.

    Parameters
    ----------
    penalty : float
        Of the regression that the value index comes from, in observations.
    portfolio_deals : bool
        Add allocated prices of patents that were sold together.

    Returns
    -------
    Priced
        Patents without remaining income are left out, and deals of several patents with one such among them.
    """
    alone = _alone(evidence, assumptions)
    packages = evidence.package_deals
    if not portfolio_deals or packages is None or not len(packages) or not len(alone):
        return alone
    factor = life_factor(packages.subject, assumptions)
    packages = packages.without(packages.subject.patent_id[~(factor > 0)])
    return _join(alone, _together(packages, alone, evidence, assumptions, penalty)) if len(packages) else alone


def _alone(evidence: Evidence, assumptions: Assumptions) -> Priced:
    factor = life_factor(evidence.deals.subject, assumptions)
    deals, factor = evidence.deals.take(factor > 0), factor[factor > 0]
    age = _years(evidence, deals)
    return Priced(
        deals.subject, deals.price, np.log(deals.price / factor), deals.date, age, np.ones(len(deals), np.int64)
    )


def _together(
    packages: PackageDeals, alone: Priced, evidence: Evidence, assumptions: Assumptions, penalty: float
) -> Priced:
    """Allocate the prices of packages by a regression on patents sold alone."""
    matrix, levels = characteristics(alone.subject)
    fit = ridge(np.column_stack([matrix, -alone.age, alone.fields]), alone.log_price, penalty)
    age, factor = _years(evidence, packages), life_factor(packages.subject, assumptions)
    fields = (packages.subject.field[:, None] == _FIELDS).astype(np.float64)
    worth = np.column_stack([characteristics(packages.subject, levels)[0], -age, fields]) @ fit.slope + fit.intercept
    index = packages.chance * factor * np.exp(worth)
    price = allocate(packages.price, index, packages.deal) / packages.chance
    first = np.unique(packages.deal, return_index=True)[1]
    premium = np.log(packages.price[first] / np.bincount(packages.deal, weights=index))
    adjustment = float(premium.sum() / (len(first) + _PRIOR_DEALS))
    return Priced(packages.subject, price, np.log(price / factor) - adjustment, packages.date, age, packages.size)


def _years(evidence: Evidence, sold: Deals | PackageDeals) -> Floats:
    return np.asarray((evidence.snapshot.date - sold.date) / np.timedelta64(1, "D") / _DAYS_PER_YEAR, np.float64)


def _join(one: Priced, two: Priced) -> Priced:
    return Priced(
        Subject.concatenate([one.subject, two.subject]),
        np.concatenate([one.price, two.price]),
        np.concatenate([one.log_price, two.log_price]),
        np.concatenate([one.date, two.date]),
        np.concatenate([one.age, two.age]),
        np.concatenate([one.size, two.size]),
    )
