"""The claims of the synthetic patents: number, dependencies, lengths and, on request, wording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.synthetic.common import known_by, small_table, stream, take_text
from ipvalue.synthetic.population import Population, rights_numbers
from ipvalue.synthetic.texts import claim_wording
from ipvalue.synthetic.truth import Truth
from ipvalue.types import Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["claims_table"]

SECOND_SETS = 0.95  # of the granted inventions: the claims of both publications
NARROWED_LENGTH = 1.25  # the granted first claim is longer than the published one
NARROWED_NUMBER = 0.9
DEPENDENT_LENGTH = 0.28  # of the first claim's
LENGTH_ON_QUALITY = -0.10
LENGTH_SPREAD = 0.40
INDEPENDENT_SHARE = 0.10  # of the claims after the first


def _sets(population: Population, truth: Truth, claims: Ints, seed: int) -> tuple[Ints, Mask, Ints]:
    """Patent of each claim set, whether it is the granted one, and how many claims it has."""
    rng = stream(seed, "claim sets")
    published = np.flatnonzero(~np.isnat(known_by(truth.publication, population.until)))
    later = (truth.grant <= population.until) & (truth.grant > truth.publication)
    later &= rng.random(population.n) < SECOND_SETS
    second = np.flatnonzero(later)
    patent = np.r_[published, second]
    granted = np.r_[np.zeros(len(published), bool), np.ones(len(second), bool)]
    number = np.where(granted, np.maximum(np.rint(NARROWED_NUMBER * claims[patent]), 1), claims[patent])
    return patent, granted, number.astype(np.int64)


def _lengths(rng: np.random.Generator, base: Any, granted: Mask, independent: Mask) -> Ints:
    """Length of each claim in words or characters."""
    part = np.where(independent, 1.0, DEPENDENT_LENGTH) * np.where(granted & independent, NARROWED_LENGTH, 1.0)
    spread = np.exp(0.25 * rng.standard_normal(len(base)))
    return np.asarray(np.maximum(np.rint(base * part * spread), 5), np.int64)


def claims_table(
    population: Population, truth: Truth, patent_id: pa.Array, claims: Ints, seed: int, *, texts: bool
) -> dict[str, Any]:
    """Columns of the claims table.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their legal history.
    patent_id : pyarrow.Array
        Their identifiers.
    claims : int array
        Claims of each patent as published.
    seed : int
        Seed of the book.
    texts : bool
        Write the wording of claims in Chinese, English and German, and leave ``independent`` and ``length``
        to be read from it. Japanese and Korean claims keep their numbers and have no wording.

    Returns
    -------
    dict of str to array

    Notes
    -----
    Log of the first claim's length = log of the right's median - 0.10 z + 0.40 e + 0.25 u, e and u standard
    normal: broad claims are short, and broad rights earn a little more.
    """
    patent, granted, number = _sets(population, truth, claims, seed)
    rng = stream(seed, "claim lengths")
    log_length = np.log(rights_numbers("first_claim_length"))[population.right]
    log_length += LENGTH_ON_QUALITY * population.quality + LENGTH_SPREAD * rng.standard_normal(population.n)
    row = np.repeat(np.arange(len(patent)), number)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) + 1
    independent = (rank == 1) | (rng.random(len(row)) < INDEPENDENT_SHARE)
    length = _lengths(rng, np.exp(log_length)[patent][row], granted[row], independent)
    right = population.right[patent][row]
    date = np.where(granted, truth.grant[patent], truth.publication[patent]).astype("M8[D]")
    columns: dict[str, Any] = {
        "patent_id": patent_id.take(_arrow(patent[row])),
        "claim_number": rank,
        "language": take_text(small_table("rights")["language"], right),
        "publication_date": date[row],
        "independent": independent,
        "length": length,
    }
    if texts:
        columns |= claim_wording(right, row, rank, independent, length, stream(seed, "texts"))
    return columns


def _arrow(index: Ints) -> pa.Array:
    import pyarrow as pa

    return pa.array(index)
