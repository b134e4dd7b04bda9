"""Patents of the synthetic book: families, fields, offices, owners, filing dates and identifiers.

A family is drawn first: its field, owner, first filing date and a standard normal quality. Its members in
the book are one patent in most families and more in some; they share field, owner and most of the quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ipvalue.law.dates import add_years
from ipvalue.synthetic.common import DAYS_A_YEAR, days_after, small_table, stream, take_text
from ipvalue.types import Dates, Floats, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Population", "draw_population", "field_numbers", "patent_ids", "rights_numbers"]

YEARS_OF_FILINGS = 25
FILING_GROWTH = 0.08  # per year, continuous: roughly the world's filings of 2000 to 2024
MEMBERS_SHARE_MORE = 0.12  # probability that a family has a further member in the book
FAMILY_CORRELATION = 0.85  # of the quality of two members of one family is the square of this
OWNERS_A_PATENT = 0.3
ZIPF_EXPONENT = 0.85  # size of the r-th largest owner falls as r to this power
HOME_FIELD_SHARE = 0.4  # of an owner's families lie in the owner's home field
UNITED_STATES = "US"
CONTINUATION_SHARE = 0.08


@dataclass(frozen=True)
class Population:
    """One element a patent; ``right`` is the row in rights.csv and ``field`` starts at 0."""

    n: int
    family: Ints
    first_in_family: Mask
    field: Ints
    right: Ints
    owner: Ints
    quality: Floats
    application: Dates
    priority: Dates
    parent: Dates
    until: np.datetime64


def field_numbers(column: str) -> Floats:
    """One number a technology field from fields.csv."""
    return np.array(small_table("fields")[column], np.float64)


def rights_numbers(column: str) -> Floats:
    """One number a jurisdiction and kind of right from rights.csv."""
    return np.array(small_table("rights")[column], np.float64)


def choose(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Positions drawn with the given weights, by inversion of their running sum."""
    cumulative = np.cumsum(weights)
    position = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return np.asarray(np.minimum(position, len(weights) - 1), np.int64)


def _families(n: int, seed: int) -> tuple[Ints, int]:
    """Family of each patent; family sizes in the book are geometric."""
    rng = stream(seed, "families")
    sizes = rng.geometric(1.0 - MEMBERS_SHARE_MORE, n)
    family = np.repeat(np.arange(n), sizes)[:n]
    return family.astype(np.int64), int(family[-1]) + 1


def _owners_and_fields(n_families: int, seed: int) -> tuple[Ints, Ints]:
    """Owner and field of each family; a part of the owner's families lies in its home field."""
    rng = stream(seed, "owners")
    n_owners = max(1, round(OWNERS_A_PATENT * n_families))
    owner = choose(rng, np.arange(1, n_owners + 1.0) ** -ZIPF_EXPONENT, n_families)
    share = field_numbers("share")
    home = choose(rng, share, n_owners)
    own = choose(rng, share, n_families)
    return owner, np.where(rng.random(n_families) < HOME_FIELD_SHARE, home[owner], own)


def _first_filings(n_families: int, until: np.datetime64, seed: int) -> Dates:
    """First filing of each family: density grows exponentially over the years of filings."""
    rng = stream(seed, "filings")
    growth = FILING_GROWTH * YEARS_OF_FILINGS
    back = -np.log(1.0 - rng.random(n_families) * (1.0 - np.exp(-growth))) / FILING_GROWTH
    start = add_years(np.array([until]), -YEARS_OF_FILINGS)[0] + np.timedelta64(1, "D")
    return np.asarray(np.maximum(days_after(np.full(n_families, until), -back * DAYS_A_YEAR), start), "M8[D]")


def _member_dates(
    family: Ints, first: Mask, right: Ints, filed: Dates, until: np.datetime64, seed: int
) -> tuple[Dates, Dates, Dates]:
    """Application, priority and continuation parent of each patent.

    Later members follow the first within the priority year and claim it. Of first members abroad a half
    claims a priority outside the book. Some US applications continue a parent, which counts for the term.
    """
    rng = stream(seed, "dates")
    n = len(family)
    earliest = filed[family]
    lag = np.where(first, 0, 300 + rng.integers(0, 66, n))
    application = np.minimum(days_after(earliest, lag), until)
    jurisdiction = np.array(small_table("rights")["jurisdiction"])[right]
    abroad = first & (jurisdiction != "CN") & (rng.random(n) < 0.5)
    outside = days_after(application, -(300 + rng.integers(0, 66, n)))
    nothing = np.full(n, np.datetime64("NaT", "D"), "M8[D]")
    priority = np.where(abroad, outside, np.where(first, nothing, earliest)).astype("M8[D]")
    kind = np.array(small_table("rights")["right"])[right]
    continued = (jurisdiction == UNITED_STATES) & (kind == "invention")
    continued &= rng.random(n) < CONTINUATION_SHARE
    parent = days_after(application, -(365 + rng.integers(0, 900, n)))
    return application, priority, np.where(continued, parent, nothing).astype("M8[D]")


def draw_population(n: int, seed: int, until: np.datetime64) -> Population:
    """Draw the patents of a book, before anything happens to them.

    Parameters
    ----------
    n : int
        Number of patents, at least 1.
    seed : int
        Seed of the book.
    until : datetime64[D]
        Last day of the book; filings lie in the 25 years before it.

    Returns
    -------
    Population

    Notes
    -----
    quality of a member = 0.85 * family's + sqrt(1 - 0.85^2) * own, both standard normal.

    Examples
    --------
    >>> draw_population(3, 1, np.datetime64("2024-12-31")).n
    3
    """
    family, n_families = _families(n, seed)
    first = np.r_[True, np.diff(family) > 0]
    owner, technology = _owners_and_fields(n_families, seed)
    right = choose(stream(seed, "rights"), rights_numbers("share"), n)
    filed = _first_filings(n_families, until, seed)
    application, priority, parent = _member_dates(family, first, right, filed, until, seed)
    rng = stream(seed, "quality")
    shared, own = rng.standard_normal(n_families), rng.standard_normal(n)
    quality = FAMILY_CORRELATION * shared[family] + np.sqrt(1.0 - FAMILY_CORRELATION**2) * own
    return Population(
        n,
        family,
        first,
        technology[family],
        right,
        owner[family],
        quality,
        application,
        priority,
        parent,
        until,
    )


def patent_ids(population: Population, granted: Mask, seed: int) -> pa.Array:
    """Unique identifiers such as ``CN-101234567-B``; the kind code is that of the book's last day.

    Numbers rise with the application date within each jurisdiction and right, with random gaps.
    """
    import pyarrow.compute as pc

    table = small_table("rights")
    order = np.lexsort((population.application, population.right))
    counts = np.bincount(population.right, minlength=len(table["right"]))
    begins = np.cumsum(counts) - counts
    rank = np.empty(population.n, np.int64)
    rank[order] = np.arange(population.n) - begins[population.right[order]]
    gap = np.maximum(rights_numbers("number_room") // np.maximum(counts + 1, 1), 1).astype(np.int64)
    gap = np.minimum(gap, 37)[population.right]
    within = (stream(seed, "numbers").random(population.n) * gap).astype(np.int64)
    number = rights_numbers("number_start").astype(np.int64)[population.right] + rank * gap + within
    prefix = [f"{office}-{letter}" for office, letter in zip(table["jurisdiction"], table["number_prefix"])]
    kinds = np.where(granted, 0, len(counts)) + population.right
    kind = take_text(table["kind_grant"] + table["kind_application"], kinds)
    digits = pc.cast(number, "string")
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(take_text(prefix, population.right), digits, ""), kind, "-"
    )
