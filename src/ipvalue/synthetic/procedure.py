"""What registers say between the steps: office actions, status entries, notices and second entries of payments.

Each row of ``tables/procedure.csv`` is one kind of entry of one office: it follows a step of the register
or an earlier entry by some days, and is written only while the stage that it belongs to lasts. Entries tell nothing
that the steps do not: they are drawn without a look at quality, and no right lives or dies through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.synthetic.population import Population
from ipvalue.synthetic.setup import days_after, small_table, stream, take_text
from ipvalue.synthetic.truth import Truth
from ipvalue.types import Dates, Ints

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["procedure_columns"]

Dated = tuple[Ints, Dates]  # patents and days, one element an entry
LOADED_AFTER_DAYS = 7  # not before the step that an entry belongs to, which is loaded within the week
_FAR = np.datetime64("9999-01-01", "D")


def procedure_columns(
    population: Population, truth: Truth, steps: Mapping[str, Dated], patent_id: pa.Array, seed: int
) -> list[dict[str, Any]]:
    """Columns of the legal events table, one part a kind of entry.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their fate.
    steps : mapping of str to (int array, datetime64[D] array)
        Patents and days of the register's steps that entries follow; NaT where a step did not happen.
    patent_id : pyarrow.Array
        Identifiers of the patents.
    seed : int
        Seed of the book.

    Returns
    -------
    list of dict of str to array
        Nothing is later than the last day of the book.
    """
    rng = stream(seed, "procedure")
    table = small_table("procedure")
    offices = np.array(small_table("rights")["jurisdiction"])[population.right]
    ends = _ends(truth, steps["allowed"][1])
    written: dict[tuple[str, str], Dated] = {}
    parts = []
    for k, (office, name) in enumerate(zip(table["jurisdiction"], table["name"])):
        kind = {column: values[k] for column, values in table.items()}
        patent, day = written.get((office, kind["after"])) or steps[kind["after"]]
        patent, day = _drawn(rng, kind, patent, day, offices == office)
        lasts = day < ends[kind["before"]][patent]
        written[office, name] = patent[lasts], day[lasts]
        parts.append(_columns(rng, kind, *written[office, name], population.until, patent_id))
    return parts


def _ends(truth: Truth, allowed: Dates) -> dict[str, Dates]:
    """First day after each stage: examination, the wait for the grant, and the life of the right."""
    decision = np.fmin(allowed, truth.outcome)
    death = np.where(np.isnat(truth.death), _FAR, truth.death).astype("M8[D]")
    return {"decision": np.minimum(decision, death), "grant": truth.grant, "death": death}


def _drawn(rng: np.random.Generator, kind: dict[str, str], patent: Ints, day: Dates, member: Any) -> Dated:
    """Patents of the office that get an entry, and its day."""
    place = np.flatnonzero(member[patent] & ~np.isnat(day))
    place = place[rng.random(len(place)) < float(kind["share"])]
    wait = rng.integers(int(kind["low"]), int(kind["high"]) + 1, len(place))
    return patent[place], days_after(day[place], wait)


def _columns(
    rng: np.random.Generator,
    kind: dict[str, str],
    patent: Ints,
    day: Dates,
    until: np.datetime64,
    patent_id: pa.Array,
) -> dict[str, Any]:
    """One kind of entry as columns of the table, as far as it is public by the last day."""
    import pyarrow as pa

    wait = rng.integers(int(kind["announced_low"]), int(kind["announced_high"]) + 1, len(patent))
    announced = days_after(day, wait)
    loaded = np.minimum(days_after(announced, LOADED_AFTER_DAYS), until)
    shown = announced <= until
    patent, day, announced, loaded = patent[shown], day[shown], announced[shown], loaded[shown]
    same = np.zeros(len(patent), np.int64)
    words = {name: take_text([kind[name]], same) for name in ("scheme", "code", "text")}
    return {
        "patent_id": patent_id.take(pa.array(patent)),
        "effective_date": day,
        "announced_date": announced,
        "loaded_date": loaded,
        "office": take_text([kind["jurisdiction"]], same),
        "detail": take_text([kind["detail"]], same if kind["detail"] else same - 1),
        **words,
    }
