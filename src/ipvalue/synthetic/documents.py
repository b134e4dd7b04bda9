"""The documents of the synthetic patents: the patents table itself, families and claims.

All that this file writes depends on the quality z only through the means stated beside each draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.synthetic.common import days_after, known_by, small_table, stream, take_text
from ipvalue.synthetic.population import Population, choose, field_numbers, rights_numbers
from ipvalue.synthetic.truth import Truth
from ipvalue.types import Dates, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["claims_numbers", "family_table", "owner_names", "patents_table", "symbols"]

MAIN_GROUPS = (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21)
SUBGROUPS = ("00", "02", "04", "06", "08", "10", "14", "18", "22", "30")
FAMILY_OFFICES = ("WO", "US", "EP", "CN", "JP", "KR", "DE", "CA", "AU", "GB", "IN", "TW", "BR", "FR", "RU")
FAMILY_WEIGHTS = (9.0, 9.0, 8.0, 8.0, 6.0, 5.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0)


def symbols() -> tuple[list[str], Ints]:
    """IPC symbols of the generator and, as positions, where those of each field begin.

    Returns
    -------
    list of str, int array of length 36
        Symbols in the order of the fields; those of field f (from 0) are ``begins[f]:begins[f + 1]``.
    """
    words: list[str] = []
    begins = [0]
    for entry in small_table("fields")["symbols"]:
        for item in entry.split():
            subclass, _, group = item.partition(":")
            groups = (group,) if group else MAIN_GROUPS
            words += [f"{subclass} {main}/{sub}" for main in groups for sub in SUBGROUPS]
        begins.append(len(words))
    return words, np.array(begins, np.int64)


def draw_symbols(rng: np.random.Generator, technology: Ints) -> Ints:
    """Position of one symbol for each field number."""
    _, begins = symbols()
    width = begins[technology + 1] - begins[technology]
    return np.asarray(begins[technology] + rng.random(len(technology)) * width, np.int64)


def owner_names(owner: Ints) -> pa.Array:
    """Names of owners by number; no real company is meant."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.utf8_lpad(pc.cast(pa.array(owner), pa.string()), width=6, padding="0")
    return pc.binary_join_element_wise("SYNTHETIC OWNER", digits, " ")


def _list_column(values: pa.Array, counts: Ints) -> pa.Array:
    """List column from values laid end to end."""
    import pyarrow as pa

    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _ipc_lists(population: Population, seed: int) -> tuple[pa.Array, Ints]:
    """IPC list of each patent and the position of its leading symbol.

    There are 1 + Poisson(0.9 exp(0.08 z)) symbols; three in four of the further ones lie in the same field.
    """
    rng = stream(seed, "ipc")
    counts = 1 + np.minimum(rng.poisson(0.9 * np.exp(0.08 * population.quality)), 9)
    begins = np.cumsum(counts) - counts
    own = np.repeat(population.field, counts)
    other = choose(rng, field_numbers("share"), len(own))
    leading = np.zeros(len(own), bool)
    leading[begins] = True
    technology = np.where(leading | (rng.random(len(own)) < 0.75), own, other)
    position = draw_symbols(rng, technology)
    return _list_column(take_text(symbols()[0], position), counts), position[begins]


def _owner_lists(population: Population, seed: int) -> pa.Array:
    """Owners of each patent: one, and in one of twenty a second."""
    rng = stream(seed, "owner lists")
    counts = 1 + (rng.random(population.n) < 0.05).astype(np.int64)
    begins = np.cumsum(counts) - counts
    owner = np.repeat(population.owner, counts)
    second = np.ones(len(owner), bool)
    second[begins] = False
    owner = owner + np.where(second, 1, 0)
    return _list_column(owner_names(owner), counts)


def _kinds(population: Population, granted: Mask) -> pa.Array:
    rights = small_table("rights")
    position = population.right + np.where(granted, 0, len(rights["right"]))
    return take_text(rights["kind_grant"] + rights["kind_application"], position)


def patents_table(
    population: Population, truth: Truth, patent_id: pa.Array, claims: Ints, seed: int
) -> tuple[dict[str, Any], Ints]:
    """Columns of the patents table, and the position of each leading IPC symbol.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their legal history.
    patent_id : pyarrow.Array
        Their identifiers.
    claims : int array
        Number of claims.
    seed : int
        Seed of the book.

    Returns
    -------
    dict of str to array, int array
        Nothing in it happened after the last day of the book.

    Notes
    -----
    Inventors: 1 + Poisson(1.5 exp(0.08 z)). Literature: negative binomial with shape 0.5 and mean
    2 s exp(0.15 z), where s is the field's closeness to science.
    """
    import pyarrow as pa

    rng = stream(seed, "people and literature")
    z, n = population.quality, population.n
    grant = known_by(truth.grant, population.until)
    granted = ~np.isnat(grant)
    rights = small_table("rights")
    ipc, leading = _ipc_lists(population, seed)
    science = field_numbers("science")[population.field] * rng.gamma(0.5, 2.0, n)
    extension_known = known_by(truth.extension_known, population.until)
    columns = {
        "patent_id": patent_id,
        "jurisdiction": take_text(rights["jurisdiction"], population.right),
        "right": take_text(rights["right"], population.right),
        "kind": _kinds(population, granted),
        "application_date": population.application,
        "priority_date": population.priority,
        "parent_filing_date": population.parent,
        "publication_date": known_by(truth.publication, population.until),
        "grant_date": grant,
        "family_id": family_names(population.family),
        "ipc": ipc,
        "owners": _owner_lists(population, seed),
        "n_inventors": 1 + rng.poisson(1.5 * np.exp(0.08 * z)),
        "npl_citations": rng.poisson(2.0 * science * np.exp(0.15 * z)),
        "n_claims": claims,
        "term_adjustment_days": pa.array(truth.adjustment, mask=~granted | (truth.adjustment == 0)),
        "term_extension_days": pa.array(truth.extension, mask=np.isnat(extension_known)),
        "term_extension_known_date": extension_known,
        "disclaimer_date": np.where(granted, truth.disclaimer, np.datetime64("NaT", "D")).astype("M8[D]"),
    }
    return columns, leading


def family_names(family: Ints) -> pa.Array:
    """Identifiers of families by number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.utf8_lpad(pc.cast(pa.array(family), pa.string()), width=8, padding="0")
    return pc.binary_join_element_wise("F", digits, "")


def _outside_members(population: Population, seed: int) -> tuple[Ints, Ints, Dates]:
    """Family, office and publication of the members that are not in the book.

    Their number is Poisson with mean g exp(0.35 z), g by the first member's jurisdiction and right; offices
    are drawn without repetition with weights, by the largest exponential race.
    """
    rng = stream(seed, "family members")
    first = np.flatnonzero(population.first_in_family)
    mean = rights_numbers("family")[population.right[first]] * np.exp(0.35 * population.quality[first])
    wanted = np.minimum(rng.poisson(mean), len(FAMILY_OFFICES))
    some = np.flatnonzero(wanted)
    race = rng.exponential(size=(len(some), len(FAMILY_OFFICES))) / np.array(FAMILY_WEIGHTS)
    offices = np.array(small_table("rights")["jurisdiction"])
    place = np.array([FAMILY_OFFICES.index(office) for office in offices])[population.right]
    row = np.full(population.family[-1] + 1, -1)
    row[population.family[first[some]]] = np.arange(len(some))
    inside = row[population.family] >= 0
    race[row[population.family[inside]], place[inside]] = np.inf
    order = np.argsort(race, axis=1)
    usable = np.isfinite(np.take_along_axis(race, order, axis=1))
    taken = (np.arange(len(FAMILY_OFFICES)) < wanted[some][:, None]) & usable
    family = np.repeat(population.family[first[some]], taken.sum(axis=1))
    filed = np.repeat(population.application[first[some]], taken.sum(axis=1))
    published = days_after(filed, 540 + rng.integers(0, 700, len(filed)))
    return family, order[taken], published


def family_table(population: Population, truth: Truth, patent_id: pa.Array, seed: int) -> dict[str, Any]:
    """Columns of the family members table: the book's own patents, then members elsewhere."""
    import pyarrow as pa

    published = known_by(truth.publication, population.until)
    inside = np.flatnonzero(~np.isnat(published))
    family, office, outside = _outside_members(population, seed)
    shown = outside <= population.until
    rights = small_table("rights")
    granted = truth.grant <= population.until
    own = population.right[inside]
    empty = pa.nulls(int(shown.sum()), pa.string())
    jurisdictions = [take_text(rights["jurisdiction"], own), take_text(FAMILY_OFFICES, office[shown])]
    kinds = [_kinds(population, granted).take(pa.array(inside)), pa.repeat("A", int(shown.sum()))]
    return {
        "family_id": family_names(np.r_[population.family[inside], family[shown]]),
        "jurisdiction": pa.concat_arrays(jurisdictions),
        "kind": pa.concat_arrays(kinds),
        "publication_date": np.r_[published[inside], outside[shown]],
        "patent_id": pa.concat_arrays([patent_id.take(pa.array(inside)), empty]),
    }


def claims_numbers(population: Population, seed: int) -> Ints:
    """Claims of each patent: 1 + negative binomial of shape 3, mean of the right times exp(0.08 z).

    The mean of an invention is about a quarter above that of all applications at its office (US 17.6, EP 14.7, KR
    11.2, JP 10.4, CN 8.1), as patents that are bought and lent against are no average ones; a Chinese utility model
    has 10, the number up to which its office asks no fee by claim.

    References
    ----------
    IP5 Statistics Report, 2017 edition: average number of claims per application.
    """
    rng = stream(seed, "claims")
    mean = (rights_numbers("claims")[population.right] - 1.0) * np.exp(0.08 * population.quality)
    return 1 + rng.poisson(mean * rng.gamma(3.0, 1.0 / 3.0, population.n))
