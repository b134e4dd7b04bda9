"""Citations of the synthetic book: who cites its patents, and what its patents cite.

Forward citations of a patent are a Poisson process with a gamma-distributed intensity (so their number is
negative binomial); the lag from filing to the citing document's publication is gamma distributed with its
mode at four years. A citing document is a patent of the book or one outside it, near in date and in the
same field or, in one of four cases, in another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.synthetic.common import days_after, known_by, small_table, stream, take_text
from ipvalue.synthetic.documents import draw_symbols, family_names, owner_names, symbols
from ipvalue.synthetic.population import Population, choose, field_numbers, rights_numbers
from ipvalue.synthetic.truth import Truth
from ipvalue.types import Dates, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["citations_table"]

CITED_ON_QUALITY = 0.45
INTENSITY_SHAPE = 1.2
LAG_SHAPE, LAG_SCALE = 3.0, 2.0  # years; mode (3 - 1) * 2 = 4
SAME_FIELD = 0.75
SELF_SHARE = 0.10
BOOK_SHARE = 0.15  # of the citations that come from a patent of the book, where one is at hand
DOCUMENTS_A_CITATION = 0.6  # outside documents that cite the book, per citation
CITING_ON_QUALITY = 0.10
EARLIER_DOCUMENTS = 0.5  # outside documents that the book cites, per citation
NEAREST_DAYS = 400  # a citation takes an outside document that lies this near in its field
BOOK_NEAREST_DAYS = 60
ORIGINS = ("examiner", "applicant", "third_party")
CATEGORIES = ("X", "Y", "A")
OFFICES = ("US", "CN", "EP", "JP", "KR", "WO")
OFFICE_WEIGHTS = np.array([0.35, 0.33, 0.1, 0.08, 0.06, 0.08])


@dataclass(frozen=True)
class _Citing:
    """Citations of the book's patents before they have a citing document; one element a citation."""

    cited: Ints
    date: Dates
    field: Ints
    own: Mask


def _demand(population: Population, seed: int) -> _Citing:
    """Forward citations: cited patent, date and field of the citing document, and whether a self-citation.

    Expected number over all time = rate of the right * rate of the field * exp(0.45 z).
    """
    rng = stream(seed, "forward citations")
    mean = rights_numbers("forward")[population.right] * field_numbers("citation")[population.field]
    mean *= np.exp(CITED_ON_QUALITY * population.quality)
    mean *= rng.gamma(INTENSITY_SHAPE, 1.0 / INTENSITY_SHAPE, population.n)
    cited = np.repeat(np.arange(population.n), rng.poisson(mean))
    lag = 60.0 + 365.25 * rng.gamma(LAG_SHAPE, LAG_SCALE, len(cited))
    date = days_after(population.application[cited], lag)
    shown = date <= population.until
    cited, date = cited[shown], date[shown]
    other = choose(rng, field_numbers("share"), len(cited))
    same = rng.random(len(cited)) < SAME_FIELD
    return _Citing(cited, date, np.where(same, population.field[cited], other), rng.random(len(cited)) < SELF_SHARE)


def _key(technology: Ints, date: Dates) -> Ints:
    """One number by which documents are sorted by field, then by date."""
    return technology * 1_000_000 + date.astype(np.int64)


def _from_book(population: Population, publication: Dates, demand: _Citing, seed: int) -> Ints:
    """Citing patent of the book for the citations that have one, else -1.

    It is the published patent of the field that is nearest after the date aimed at, within two months.
    """
    rng = stream(seed, "citing patents")
    published = np.flatnonzero(~np.isnat(publication))
    keys = _key(population.field[published], publication[published])
    order = np.argsort(keys, kind="stable")
    keys, published = keys[order], published[order]
    wanted = np.flatnonzero((rng.random(len(demand.cited)) < BOOK_SHARE) & ~demand.own)
    target = _key(demand.field[wanted], demand.date[wanted])
    place = np.searchsorted(keys, target)
    found = place < len(keys)
    place = np.minimum(place, max(len(keys) - 1, 0))
    result = np.full(len(demand.cited), -1, np.int64)
    if len(keys):
        citing = published[place]
        found &= (keys[place] - target <= BOOK_NEAREST_DAYS) & (citing != demand.cited[wanted])
        found &= publication[citing] > population.application[demand.cited[wanted]]
        result[wanted[found]] = citing[found]
    return result


@dataclass(frozen=True)
class _Documents:
    """Outside documents; one element a document."""

    date: Dates
    field: Ints
    owner: Ints


def _outside(population: Population, demand: _Citing, rows: Ints, seed: int) -> tuple[_Documents, Ints]:
    """Outside documents for the given citations, and the document of each.

    Documents are placed where citations are wanted; a citation takes the next document of its field. A
    self-citation has a document of its own, with the owner of the cited patent.
    """
    rng = stream(seed, "citing documents")
    own = demand.own[rows]
    shared = rows[~own]
    seeds = shared[rng.random(len(shared)) < DOCUMENTS_A_CITATION]
    seeds = seeds[np.argsort(_key(demand.field[seeds], demand.date[seeds]), kind="stable")]
    if len(seeds) == 0:
        seeds = shared[:1]
    keys = _key(demand.field[seeds], demand.date[seeds])
    target = _key(demand.field[shared], demand.date[shared])
    place = np.minimum(np.searchsorted(keys, target), max(len(keys) - 1, 0))
    early = demand.date[seeds][place] <= population.application[demand.cited[shared]]
    wrong = early | (np.abs(keys[place] - target) > NEAREST_DAYS)
    single = np.r_[shared[wrong], rows[own]]
    n_owners = max(20, len(rows) // 20)
    owners = population.owner.max() + 1 + choose(rng, np.arange(1, n_owners + 1.0) ** -0.85, len(seeds) + len(single))
    owners[len(owners) - own.sum() :] = population.owner[demand.cited[rows[own]]]
    sources = np.r_[seeds, single]
    document = np.full(len(demand.cited), -1, np.int64)
    document[shared] = place
    document[single] = len(seeds) + np.arange(len(single))
    return _Documents(demand.date[sources], demand.field[sources], owners), document[rows]


def _outside_names(documents: _Documents, rng: np.random.Generator) -> tuple[pa.Array, Ints]:
    """Publication numbers of outside documents, unique, and their leading symbols."""
    import pyarrow as pa
    import pyarrow.compute as pc

    n = len(documents.date)
    office = choose(rng, OFFICE_WEIGHTS, n)
    year = documents.date.astype("M8[Y]").astype(np.int64) + 1970
    number = pc.cast(pa.array(year * 10_000_000 + np.arange(n)), pa.string())
    prefix = take_text([f"{code}-" for code in OFFICES], office)
    name = pc.binary_join_element_wise(pc.binary_join_element_wise(prefix, number, ""), "A1", "-")
    return name, draw_symbols(rng, documents.field)


def _origins(rng: np.random.Generator, american: Mask, n: int) -> tuple[pa.Array, pa.Array]:
    """Origin of citations, and the search report's category for those that examiners brought."""
    applicant = np.where(american, 0.55, 0.15)  # American applicants must disclose what they know
    draw = rng.random(n)
    origin = np.where(draw < applicant, 1, np.where(draw > 0.995, 2, 0))
    category = choose(rng, np.array([0.2, 0.25, 0.55]), n)
    return take_text(ORIGINS, origin), take_text(CATEGORIES, np.where(origin == 0, category, -1))


def _distinct(citing: Ints, cited: Ints, n: int) -> Ints:
    """Rows that keep one of each pair of citing and cited document, in their order."""
    _, first = np.unique(citing * n + cited, return_index=True)
    return np.sort(first)


def _forward(
    population: Population, publication: Dates, patent_id: pa.Array, leading: Ints, seed: int
) -> dict[str, Any]:
    """Columns of the citations that the book's patents receive."""
    import pyarrow as pa

    n = population.n
    demand = _demand(population, seed)
    inside = _from_book(population, publication, demand, seed)
    rows = np.flatnonzero(inside < 0)
    documents, document = _outside(population, demand, rows, seed)
    citing = inside.copy()
    citing[rows] = n + document
    keep = _distinct(citing, demand.cited, n)
    citing, cited = citing[keep], demand.cited[keep]
    rng = stream(seed, "citing names")
    names, symbol = _outside_names(documents, rng)
    n_families = int(population.family[-1]) + 1
    family = family_names(np.r_[population.family, n_families + np.arange(len(symbol))])
    owner = owner_names(np.r_[population.owner, documents.owner])
    index = pa.array(citing)
    origin, category = _origins(rng, _american(population)[cited], len(cited))
    return {
        "citing_id": pa.concat_arrays([patent_id, names]).take(index),
        "cited_id": patent_id.take(pa.array(cited)),
        "citing_date": np.r_[publication, documents.date][citing],
        "citing_ipc": take_text(symbols()[0], np.r_[leading, symbol][citing]),
        "citing_owner": owner.take(index),
        "citing_family": family.take(index),
        "origin": origin,
        "category": category,
    }


def _american(population: Population) -> Mask:
    """Whether a patent is American."""
    return np.asarray(np.array(small_table("rights")["jurisdiction"])[population.right] == "US", np.bool_)


def _backward_counts(population: Population, publication: Dates, seed: int) -> Ints:
    """Outside documents that each published patent cites: mean of the right times exp(0.10 z)."""
    rng = stream(seed, "backward citations")
    mean = rights_numbers("backward")[population.right] * np.exp(CITING_ON_QUALITY * population.quality)
    counts = rng.poisson(mean * rng.gamma(2.0, 0.5, population.n))
    return np.where(np.isnat(publication), 0, counts)


def _backward(
    population: Population, publication: Dates, patent_id: pa.Array, leading: Ints, seed: int
) -> dict[str, Any]:
    """Columns of the citations that the book's patents make to earlier documents outside the book."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = _backward_counts(population, publication, seed)
    citing = np.repeat(np.arange(population.n), counts)
    rng = stream(seed, "cited documents")
    pool = max(10, int(EARLIER_DOCUMENTS * len(citing)))
    block = pool // len(field_numbers("share")) + 1
    cited = population.field[citing] * block + (rng.random(len(citing)) ** 2 * block).astype(np.int64)
    keep = _distinct(citing, cited, len(field_numbers("share")) * block)
    citing, cited = citing[keep], cited[keep]
    number = pc.cast(pa.array(3_000_000 + cited), pa.string())
    prefix = take_text(("US-", "CN-", "EP-"), cited % 3)
    name = pc.binary_join_element_wise(pc.binary_join_element_wise(prefix, number, ""), "A", "-")
    index = pa.array(citing)
    origin, category = _origins(rng, _american(population)[citing], len(citing))
    return {
        "citing_id": patent_id.take(index),
        "cited_id": name,
        "citing_date": publication[citing],
        "citing_ipc": take_text(symbols()[0], leading[citing]),
        "citing_owner": owner_names(population.owner).take(index),
        "citing_family": family_names(population.family).take(index),
        "origin": origin,
        "category": category,
    }


def citations_table(
    population: Population, truth: Truth, patent_id: pa.Array, leading: Ints, seed: int
) -> list[dict[str, Any]]:
    """Columns of the citations table in two parts: received, and made to documents outside the book.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their legal history.
    patent_id : pyarrow.Array
        Their identifiers.
    leading : int array
        Position of each patent's leading IPC symbol.
    seed : int
        Seed of the book.

    Returns
    -------
    list of dict of str to array
    """
    publication = known_by(truth.publication, population.until)
    return [
        _forward(population, publication, patent_id, leading, seed),
        _backward(population, publication, patent_id, leading, seed),
    ]
