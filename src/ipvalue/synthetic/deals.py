"""Transactions of the synthetic book: sales, auctions, court sales and licences, of one patent or several.

The price of an arm's-length sale is the true value on the day times exp(0.25 e); other deals pay a known part
of it. Which patents are sold depends on quality only weakly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.law.dates import add_years, years_between
from ipvalue.synthetic.common import days_after, random_days, small_table, stream, take_text
from ipvalue.synthetic.population import Population, choose
from ipvalue.synthetic.rates import to_currency
from ipvalue.synthetic.truth import Truth, truth_columns, value_on
from ipvalue.types import Dates, Floats, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "Deals", "draw_deals", "transactions_table"]

SOLD_SHARE = 0.05
SOLD_ON_QUALITY = 0.15
YEARS_OF_DEALS = 12
PENDING_SHARE = 0.10  # of the deals: applications
PORTFOLIO_SHARE = 0.25  # of the draws; fewer remain, as all patents must have one owner and be alive together
PRICE_SPREAD = 0.25
RELATED_SHARE = 0.10
KINDS = ("sale", "auction", "exclusive_licence", "court")
KIND_WEIGHTS = np.array([0.80, 0.08, 0.10, 0.02])
KIND_PRICE = np.array([1.0, 0.6, 0.7, 0.5])  # of the true value
PORTFOLIO_PRICE = 0.85


@dataclass(frozen=True)
class Deals:
    """One element a patent in a deal, deals with their patents together."""

    deal: Ints
    patent: Ints
    date: Dates
    price: Floats
    kind: Ints
    related: Mask
    size: Ints


def _windows(population: Population, truth: Truth, pending: Mask) -> tuple[Dates, Dates]:
    """First and last day on which each patent can be sold: while granted and alive, or while pending."""
    opens = add_years(np.array([population.until]), -YEARS_OF_DEALS)[0]
    start = np.where(pending, days_after(population.application, 365), days_after(truth.outcome, 30))
    far = np.where(np.isnat(truth.death), population.until, days_after(truth.death, -30)).astype("M8[D]")
    far = np.where(pending, np.minimum(far, days_after(truth.outcome, -30)), far)
    return np.maximum(start, opens).astype("M8[D]"), np.minimum(far, population.until).astype("M8[D]")


def _group(rng: np.random.Generator, owner: Ints) -> Ints:
    """Deal of each sold patent, patents sorted by owner: single ones, and runs of 2 to 10 of one owner."""
    n = len(owner)
    sizes = np.where(rng.random(n) < PORTFOLIO_SHARE, rng.integers(2, 11, n), 1)
    block = np.repeat(np.arange(n), sizes)[:n]
    begins = np.r_[True, (np.diff(block) > 0) | (np.diff(owner) != 0)] if n else np.zeros(0, bool)
    return np.cumsum(begins) - 1


def _sold(population: Population, truth: Truth, rng: np.random.Generator) -> tuple[Ints, Dates, Dates]:
    """Patents sold, sorted by owner, with the first and last day on which each could be."""
    pending = rng.random(population.n) < PENDING_SHARE
    start, end = _windows(population, truth, pending)
    steady = np.isnat(truth.gap_start)  # a right that lapsed and came back is left out
    # the chance of a sale is the same in each year of life. With one chance a life, whatever its length, the sales of
    # the last years would be of rights with more value than rights with the same features had before
    years = np.maximum(years_between(start, end), 0.0)
    weight = np.where(steady, years * np.exp(SOLD_ON_QUALITY * population.quality), 0.0)
    share = np.where(pending, PENDING_SHARE, 1.0 - PENDING_SHARE)
    total = np.where(pending, weight[pending].sum(), weight[~pending].sum())
    sold = np.flatnonzero(
        rng.random(population.n) < SOLD_SHARE * population.n * share * weight / np.maximum(total, 1e-9)
    )
    sold = sold[np.argsort(population.owner[sold], kind="stable")]
    return sold, start[sold], end[sold]


def draw_deals(population: Population, truth: Truth, fx: dict[str, Any], seed: int) -> Deals:
    """Draw the deals of the twelve years before the last day of the book.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents, their income and legal history.
    fx : dict
        Columns of the fx table: a portfolio is paid in the currency of its first patent.
    seed : int
        Seed of the book.

    Returns
    -------
    Deals

    Notes
    -----
    Chance to be sold: 5 % of all, a tenth of them applications, alike in each year of life, times exp(0.15 z). Price of
    a deal = sum of the true values on the day * part of its kind * 0.85 for a portfolio * exp(0.25 e), and between
    related parties * exp(-0.7 + e').
    """
    rng = stream(seed, "deals")
    sold, start, end = _sold(population, truth, rng)
    deal = _group(rng, population.owner[sold])
    n = int(deal[-1]) + 1 if len(deal) else 0
    first = np.searchsorted(deal, np.arange(n))
    date = random_days(rng, start[first], end[first])[deal]
    inside = (date >= start) & (date <= end)
    sold, deal, date = sold[inside], deal[inside], date[inside]
    kind = choose(rng, KIND_WEIGHTS, n)
    related = rng.random(n) < RELATED_SHARE
    size = np.bincount(deal, minlength=n)
    columns = {name: values[sold] for name, values in truth_columns(population, truth).items()}
    currency = np.array(small_table("rights")["currency"], object)[population.right]
    dollars = _yearly(value_on(date, columns), currency[sold], date, fx, "USD", to_dollars=True)
    part = KIND_PRICE[kind] * np.where(size > 1, PORTFOLIO_PRICE, 1.0) * np.exp(PRICE_SPREAD * rng.standard_normal(n))
    part *= np.where(related, np.exp(-0.7 + rng.standard_normal(n)), 1.0)
    total = np.bincount(deal, weights=dollars, minlength=n) * part
    paid = currency[sold[np.searchsorted(deal, deal)]]
    price = _yearly(total[deal], paid, date, fx, "USD", to_dollars=False)
    return Deals(deal, sold, date, np.round(price), kind[deal], related[deal], size[deal])


def _yearly(amount: Floats, currency: Any, date: Dates, fx: dict[str, Any], dollar: str, *, to_dollars: bool) -> Floats:
    """Amounts in dollars, or dollars in other currencies, each at the quotation before its date."""
    result = amount.copy()
    for quotation in np.unique(fx["date"]):
        rows = date >= quotation
        factor = to_currency(np.ones(rows.sum()), currency[rows], dollar, fx, quotation)
        result[rows] = amount[rows] * (factor if to_dollars else 1.0 / factor)
    return result


def transactions_table(population: Population, deals: Deals, patent_id: pa.Array) -> dict[str, Any]:
    """Columns of the transactions table; the price is that of the whole deal."""
    import pyarrow as pa
    import pyarrow.compute as pc

    currency = np.array(small_table("rights")["currency"], object)[population.right]
    digits = pc.utf8_lpad(pc.cast(pa.array(deals.deal), pa.string()), width=7, padding="0")
    return {
        "deal_id": pc.binary_join_element_wise("DEAL", digits, "-"),
        "patent_id": patent_id.take(pa.array(deals.patent)),
        "deal_date": deals.date,
        "price": deals.price,
        "currency": currency[deals.patent[np.searchsorted(deals.deal, deals.deal)]],
        "kind": take_text(KINDS, deals.kind),
        "arms_length": ~deals.related,
        "deal_patents": deals.size,
    }
