"""Pledges, recorded licences and preservations of the synthetic Chinese rights, and the loans behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.law.dates import add_years
from ipvalue.synthetic.common import days_after, random_days, small_table, stream
from ipvalue.synthetic.population import Population
from ipvalue.synthetic.truth import Truth, truth_columns, value_on
from ipvalue.types import Dates, Floats, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["REGISTRATION_DAYS", "Encumbrance", "draw_encumbrances", "loans_table"]

YEARS_OF_ENCUMBRANCES = 10
PLEDGED_SHARE, PLEDGED_ON_QUALITY = 0.05, 0.3
LICENSED_SHARE, LICENSED_ON_QUALITY = 0.02, 0.4
PRESERVED_SHARE, PRESERVED_ON_QUALITY = 0.005, 0.2
FINANCED_SHARE = 0.8  # of the pledges that stand on the last day, with a loan in the book
LOAN_TO_VALUE = 0.35
REGISTRATION_DAYS = 15  # from the effect of an encumbrance, or its end, to its announcement


@dataclass(frozen=True)
class Encumbrance:
    """One kind of encumbrance; one element an encumbrance. ``ends`` is NaT where no end is registered."""

    patent: Ints
    begins: Dates
    due: Dates
    ends: Dates
    number: pa.Array


def _encumbrance(
    population: Population,
    truth: Truth,
    rng: np.random.Generator,
    chance: Floats,
    years: tuple[float, float],
    stem: str,
) -> Encumbrance:
    """Encumbrances begun while the right was alive; three in four of those that are due are also cancelled."""
    import pyarrow as pa
    import pyarrow.compute as pc

    opens = add_years(np.array([population.until]), -YEARS_OF_ENCUMBRANCES)[0]
    chinese = (np.array(small_table("rights")["jurisdiction"]) == "CN")[population.right]
    start = np.maximum(days_after(truth.grant, 60), opens).astype("M8[D]")
    last = np.where(np.isnat(truth.death), population.until, days_after(truth.death, -90)).astype("M8[D]")
    eligible = chinese & ~np.isnat(truth.grant) & (last > start)
    patent = np.flatnonzero(eligible & (rng.random(population.n) < chance))
    begins = random_days(rng, start[patent], last[patent])
    low, high = years
    due = days_after(begins, 365.25 * (low + (high - low) * rng.random(len(patent))))
    ends = np.where(
        rng.random(len(patent)) < 0.75,
        days_after(due, rng.integers(5, 120, len(patent))),
        np.datetime64("NaT", "D"),
    )
    year = begins.astype("M8[Y]").astype(np.int64) + 1970
    number = pc.cast(pa.array(year * 100_000_000 + np.arange(len(patent))), pa.string())
    return Encumbrance(patent, begins, due, ends.astype("M8[D]"), pc.binary_join_element_wise(stem, number, ""))


def draw_encumbrances(population: Population, truth: Truth, seed: int) -> dict[str, Encumbrance]:
    """Draw the encumbrances of the ten years before the last day of the book.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their legal history.
    seed : int
        Seed of the book.

    Returns
    -------
    dict of str to Encumbrance
        ``pledge``, ``licence`` and ``preservation``. The chance of each is a share times exp(b z), with
        b = 0.3, 0.4 and 0.2.
    """
    z = population.quality
    pledged = PLEDGED_SHARE * np.exp(PLEDGED_ON_QUALITY * z)
    licensed = LICENSED_SHARE * np.exp(LICENSED_ON_QUALITY * z)
    preserved = PRESERVED_SHARE * np.exp(PRESERVED_ON_QUALITY * z)
    return {
        "pledge": _encumbrance(population, truth, stream(seed, "pledges"), pledged, (1.0, 3.0), "Y"),
        "licence": _encumbrance(population, truth, stream(seed, "recorded licences"), licensed, (2.0, 8.0), "X"),
        "preservation": _encumbrance(population, truth, stream(seed, "preservations"), preserved, (0.5, 2.0), "B"),
    }


def loans_table(
    population: Population, truth: Truth, pledges: Encumbrance, patent_id: pa.Array, seed: int
) -> dict[str, Any]:
    """Columns of the loans table: one patent secures one loan, still owed on the last day of the book.

    Exposure = 35 % of the true value on the day of the pledge * exp(0.5 e), less what was paid back since.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rng = stream(seed, "loans")
    standing = _standing(pledges, population.until)
    financed = np.flatnonzero(standing & (rng.random(len(pledges.patent)) < FINANCED_SHARE))
    patent, begins = pledges.patent[financed], pledges.begins[financed]
    columns = {name: values[patent] for name, values in truth_columns(population, truth).items()}
    owed = LOAN_TO_VALUE * value_on(begins, columns) * np.exp(0.5 * rng.standard_normal(len(patent)))
    owed *= 1.0 - 0.5 * rng.random(len(patent))
    drawn = np.minimum(days_after(begins, rng.integers(1, 30, len(patent))), population.until)
    return {
        "loan_id": pc.binary_join_element_wise("LOAN", pledges.number.take(pa.array(financed)), "-"),
        "patent_id": patent_id.take(pa.array(patent)),
        "drawn_date": drawn,
        "maturity_date": pledges.due[financed],
        "exposure": np.maximum(np.round(owed, -2), 100.0),
        "currency": np.full(len(patent), "CNY", object),
    }


def _standing(encumbrance: Encumbrance, until: np.datetime64) -> Mask:
    """Whether an encumbrance is announced, and neither cancelled nor due, by the date."""
    announced = days_after(encumbrance.begins, REGISTRATION_DAYS) <= until
    return announced & (encumbrance.due > until) & (np.isnat(encumbrance.ends) | (encumbrance.ends > until))
