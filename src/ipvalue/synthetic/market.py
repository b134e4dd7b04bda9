"""The tables economics and licences of the synthetic book: income of patents, and royalty rates of agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from ipvalue.law.dates import add_years, years_between
from ipvalue.synthetic.common import days_after, random_days, small_table, stream, take_text
from ipvalue.synthetic.documents import draw_symbols, symbols
from ipvalue.synthetic.population import Population, choose, field_numbers
from ipvalue.synthetic.truth import Truth
from ipvalue.types import Dates, Floats, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["economics_table", "licences_table"]

TAX = 0.25
KNOWN_SHARE = -0.4  # logit of the share of patents with economics at z = 0
KNOWN_ON_QUALITY = 0.10
LASTING_ERROR, ROW_ERROR = 0.4, 0.3  # together 0.5 in the log of revenue
RATE_SPREAD = 0.65  # within a field; with the fields' own spread the rates have Parr's shape
TERRITORIES = ("worldwide", "CN", "US", "EP", "JP")
BASES = ("net_sales", "gross_sales", "profit", "unit")


def _known(population: Population, truth: Truth, rng: np.random.Generator) -> tuple[Ints, Dates]:
    """Patent and date of each row: one to three reports while the patent lives, in order."""
    start = days_after(population.application, 200)
    end = np.where(np.isnat(truth.death), population.until, days_after(truth.death, -1)).astype("M8[D]")
    chance = expit(KNOWN_SHARE + KNOWN_ON_QUALITY * population.quality)
    patents = np.flatnonzero((rng.random(population.n) < chance) & (end > start))
    patent = np.repeat(patents, rng.integers(1, 4, len(patents)))
    date = random_days(rng, start[patent], end[patent])
    _, first = np.unique(patent * 100_000 + date.astype(np.int64), return_index=True)
    return patent[first], date[first]


def _sometimes(rng: np.random.Generator, share: float, values: Floats) -> pa.Array:
    """The values, missing for all but a share of the rows."""
    import pyarrow as pa

    return pa.array(values, mask=rng.random(len(values)) >= share)


def _revenue(population: Population, truth: Truth, patent: Ints, date: Dates, attribution: Floats, seed: int) -> Floats:
    """Revenue that gives the true income by relief from royalty, with an error of the patent and one of the row."""
    rng = stream(seed, "revenue errors")
    lasting = LASTING_ERROR * rng.standard_normal(population.n)
    error = lasting[patent] + ROW_ERROR * rng.standard_normal(len(patent))
    age = years_between(population.application[patent], date)
    income = truth.theta[patent] * np.exp(-truth.delta[patent] * age)
    royalty = field_numbers("royalty")[population.field[patent]]
    revenue = income / (royalty * attribution * (1.0 - TAX)) * np.exp(error)
    return np.asarray(np.minimum(revenue, 1e15), np.float64)


def economics_table(population: Population, truth: Truth, patent_id: pa.Array, seed: int) -> dict[str, Any]:
    """Columns of the economics table.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents, their income and legal history.
    patent_id : pyarrow.Array
        Their identifiers.
    seed : int
        Seed of the book.

    Returns
    -------
    dict of str to array

    Notes
    -----
    revenue = theta * exp(-delta * age) / (royalty of the field * attribution * (1 - 25 %)) * exp(0.5 e), in
    the patent's currency; growth = exp(-delta) - 1 with an error of 3 points.
    """
    import pyarrow as pa

    rng = stream(seed, "economics")
    patent, date = _known(population, truth, rng)
    n = len(patent)
    share = 0.05 + 0.75 * rng.beta(1.5, 3.0, population.n)
    attribution = np.round(share[patent], 3)
    royalty = field_numbers("royalty")[population.field[patent]]
    pending = date < truth.outcome[patent]
    currencies = small_table("currencies")
    local = np.array([1.0 / float(usd) for usd in currencies["usd"]])
    code = np.array([currencies["currency"].index(c) for c in small_table("rights")["currency"]])
    unit = local[code][population.right[patent]]
    spent = 30_000.0 * unit * np.exp(0.15 * population.quality[patent] + 0.8 * rng.standard_normal(n))
    return {
        "patent_id": patent_id.take(pa.array(patent)),
        "known_date": date,
        "revenue": np.round(_revenue(population, truth, patent, date, attribution, seed)),
        "currency": take_text(currencies["currency"], code[population.right[patent]]),
        "growth": _sometimes(rng, 0.7, np.expm1(-truth.delta[patent]) + 0.03 * rng.standard_normal(n)),
        "revenue_life": _sometimes(rng, 0.3, np.clip(years_between(date, truth.term_end[patent]), 0, 100)),
        "attribution": attribution,
        "royalty_rate": _sometimes(rng, 0.5, np.clip(royalty * np.exp(0.2 * rng.standard_normal(n)), 0, 0.5)),
        "margin": _sometimes(rng, 0.6, np.clip(4.0 * royalty + 0.05 * rng.standard_normal(n), -0.5, 0.8)),
        "industry": take_text(small_table("fields")["industry"], population.field[patent]),
        "success_probability": pa.array(rng.beta(5.0, 2.5, n), mask=~pending),
        "cost_to_develop": pa.array(np.round(0.5 * spent * rng.gamma(2.0, 0.5, n)), mask=~pending),
        "historical_cost": _sometimes(rng, 0.6, np.round(spent)),
    }


def licences_table(n: int, until: np.datetime64, seed: int) -> dict[str, Any]:
    """Columns of the licences table: max(30, 2 % of the patents) agreements of the last 20 years.

    Parameters
    ----------
    n : int
        Patents of the book.
    until : datetime64[D]
        Last day of the book.
    seed : int
        Seed of the book.

    Returns
    -------
    dict of str to array

    Notes
    -----
    rate = royalty of the field * exp(0.65 e), in quarters of a percent. Over all fields about 35 % of the
    rates are at most 3 %, 67 % at most 5 % and 92 % at most 10 %, as Parr found.

    References
    ----------
    Parr, R. L. (2007), Royalty Rates for Licensing Intellectual Property, Wiley.
    """
    rng = stream(seed, "licences")
    size = max(30, round(0.02 * n))
    technology = choose(rng, field_numbers("share"), size)
    rate = field_numbers("royalty")[technology] * np.exp(RATE_SPREAD * rng.standard_normal(size))
    opens = add_years(np.array([until]), -20)[0]
    date = random_days(rng, np.full(size, opens), np.full(size, until))
    word = np.array(symbols()[0], object)[draw_symbols(rng, technology)]
    return {
        "licence_id": [f"LIC-{i:06d}" for i in range(size)],
        "licence_date": date,
        "ipc": [[symbol] for symbol in word],
        "industry": take_text(small_table("fields")["industry"], technology),
        "rate": np.clip(np.round(rate * 400.0), 1, 200) / 400.0,
        "base": take_text(BASES, choose(rng, np.array([0.85, 0.07, 0.05, 0.03]), size)),
        "exclusive": _exclusive(rng, size),
        "territory": take_text(TERRITORIES, choose(rng, np.array([0.4, 0.3, 0.15, 0.1, 0.05]), size)),
    }


def _exclusive(rng: np.random.Generator, size: int) -> Mask:
    return np.asarray(rng.random(size) < 0.35, bool)
