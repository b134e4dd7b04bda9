"""The standing of patents in the citation graph, as parts meet over ranges of codes, against counts by sets."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.features.citation_graph.map_reduce import range_bounds, reports_of
from ipvalue.features.citation_graph.measures import measure
from ipvalue.features.citation_indicators import publication
from ipvalue.features.citations import disruption
from ipvalue.records.snapshot import Snapshot

DAY = "2022-12-31"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return ipv.synthetic_book(1_500, seed=31).as_of(DAY)


@pytest.fixture(scope="module")
def graph(snapshot: Snapshot) -> dict[tuple[int, int], int]:
    """Day of each citation by its two documents."""
    days: dict[tuple[int, int], int] = {}
    patent = snapshot.patents["document"]
    for rows, makers, targets in (
        (snapshot.citations_received, None, patent),
        (snapshot.citations_made, patent, None),
    ):
        one = rows["document"] if makers is None else makers[rows.patent]
        other = rows["cited_document"] if targets is None else targets[rows.patent]
        dates = rows["date"].astype(np.int64).tolist()
        pairs = zip(one.tolist(), other.tolist(), dates)
        days |= {(citing, cited): day for citing, cited, day in pairs if citing != cited}
    return days


def test_disruption_equals_a_count_by_sets(snapshot: Snapshot, graph: dict[tuple[int, int], int]) -> None:
    makes, receives = defaultdict(set), defaultdict(dict)
    for (citing, cited), day in graph.items():
        makes[citing].add(cited)
        receives[cited][citing] = day
    found = ipv.extract(snapshot)["disruption_5y"].to_numpy()
    days = publication(snapshot).astype(np.int64)
    defined = 0
    for row, (document, day) in enumerate(zip(snapshot.patents["document"].tolist(), days.tolist())):
        soon = lambda who: {a for a, when in receives[who].items() if 0 < when - day <= 1826}  # noqa: B023, E731
        direct = soon(document)
        indirect = set().union(*(soon(cited) for cited in makes[document]))
        total = len(direct | indirect)
        expected = (len(direct) - 2 * len(direct & indirect)) / total if total else np.nan
        np.testing.assert_allclose(found[row], expected, rtol=1e-12)
        defined += total > 0
    assert defined > 300


def test_disruption_equals_that_of_the_graph_in_memory(snapshot: Snapshot, graph: dict[tuple[int, int], int]) -> None:
    """Where each document has one day in all its citations, both definitions are one."""
    when = dict(zip(snapshot.patents["document"].tolist(), publication(snapshot).astype(np.int64).tolist()))
    for (citing, _), day in graph.items():
        when[citing] = min(day, when.get(citing, day))
    odd = {citing for (citing, _), day in graph.items() if when[citing] != day}
    assert not odd, "the generator dates a citation by the publication of the citing document"
    names = sorted({document for pair in graph for document in pair} | set(when))
    place = {name: k for k, name in enumerate(names)}
    citing, cited = (np.array([place[pair[end]] for pair in graph]) for end in (0, 1))
    year = np.array([when.get(name, np.nan) for name in names], float) / 365.25
    whole = disruption(citing, cited, year, window=1826.25 / 365.25)
    mine = [place[document] for document in snapshot.patents["document"].tolist()]
    np.testing.assert_allclose(ipv.extract(snapshot)["disruption_5y"], whole[mine], rtol=1e-12)


@pytest.mark.parametrize("ranges", [1, 2, 7, 128])
def test_every_document_is_in_one_range_and_every_citation_is_told_once(snapshot: Snapshot, ranges: int) -> None:
    whole, parts = reports_of(snapshot)[0], reports_of(snapshot, ranges)
    assert len(parts) == ranges == len(range_bounds(ranges)) + 1
    np.testing.assert_array_equal(np.concatenate([part.document for part in parts]), whole.document)
    np.testing.assert_array_equal(np.concatenate([part.citing for part in parts]), whole.citing)
    np.testing.assert_array_equal(
        np.concatenate([part.document[part.cited] for part in parts]), whole.document[whole.cited]
    )
    np.testing.assert_array_equal(np.concatenate([part.family for part in parts]), whole.family)


def test_a_document_that_nobody_knows_has_no_standing(snapshot: Snapshot) -> None:
    found = measure([reports_of(snapshot)]).at(np.array([1, 2], np.int64))
    assert all(np.isnan(values).all() for values in found.values())
    nothing = measure([reports_of(snapshot.select(np.zeros(0, np.int64)))])
    assert pd.DataFrame(nothing.at(np.array([1], np.int64))).isna().all(axis=None)
