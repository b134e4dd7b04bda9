"""A real citation graph (patents on drones, 245,407 pairs): every count equals a count by dictionaries and sets.

The data hold self-citations, cycles, repeated publications and rows without a date (see the folder's SOURCE.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import ipvalue as ipv
from ipvalue.features.citation_graph.disruption import disruption
from ipvalue.features.citation_graph.measures import h_index
from ipvalue.features.citation_graph.page_rank import UNIT, Citations, ranks_of_cited

DAY = "2018-03-31"


@pytest.fixture(scope="module")
def tables(data_dir: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = data_dir / "wipo_drones"
    patents = pd.read_csv(folder / "patents.csv.gz", dtype=str)
    edges = pd.read_csv(folder / "citation_edges_backward.csv.gz", dtype=str)
    year = pd.to_numeric(patents["publication_year"], errors="coerce")
    patents["published"] = pd.to_datetime(year.map("{:.0f}-07-01".format).where(year.notna()), errors="coerce")
    filed = pd.to_datetime(patents["application_date"], errors="coerce")
    patents["filed"] = filed.where(filed <= patents["published"], patents["published"])
    return patents, edges


@pytest.fixture(scope="module")
def book(tables: tuple[pd.DataFrame, pd.DataFrame]) -> ipv.Book:
    patents, edges = tables
    frame = pd.DataFrame(
        {
            "patent_id": patents["publication_number"],
            "jurisdiction": patents["publication_number"].str[:2],
            "application_date": patents["filed"],
            "publication_date": patents["published"],
            "family_id": patents["inpadoc_first_family_member"],
        }
    )
    return ipv.Book(frame, citations=edges.rename(columns={"citing": "citing_id", "cited": "cited_id"}))


@pytest.fixture(scope="module")
def pairs(tables: tuple[pd.DataFrame, pd.DataFrame], book: ipv.Book) -> list[tuple[str, str]]:
    """Distinct pairs of which the citing document is a patent of the book, published by the day: counted by hand."""
    patents, edges = tables
    ids = set(book.patent_ids)
    when = dict(zip(patents["publication_number"], patents["published"]))
    last = pd.Timestamp(DAY)
    return sorted({(a, b) for a, b in zip(edges["citing"], edges["cited"]) if a in ids and when[a] <= last})


def test_rows_without_a_date_are_set_aside_and_the_rest_is_kept(
    tables: tuple[pd.DataFrame, pd.DataFrame], book: ipv.Book
) -> None:
    patents, _ = tables
    undated, year_one = int(patents["filed"].isna().sum()), int((patents["filed"] < "1700-01-01").sum())
    assert (undated, year_one) == (24, 134), "24 rows have no year, 134 are filed on 0001-01-01"
    refused = book.rejects[book.rejects["table"] == "patents"]["code"].value_counts()
    assert refused.to_dict() == {"out_of_range": year_one, "missing": undated}
    assert len(book) == len(patents) - undated - year_one


def test_counts_equal_an_independent_count(book: ipv.Book, pairs: list[tuple[str, str]]) -> None:
    table = ipv.extract(book.as_of(DAY))
    assert len(pairs) > 200_000
    forward, backward = Counter(b for _, b in pairs), Counter(a for a, _ in pairs)
    np.testing.assert_array_equal(table["forward_citations"], [forward[i] for i in table.index])
    np.testing.assert_array_equal(table["backward_citations"], [backward[i] for i in table.index])
    assert table["forward_citations"].max() > 50
    assert sum(a == b for a, b in pairs) >= 1, "a document that cites itself is in the data"


def test_citing_families_equal_an_independent_count(
    tables: tuple[pd.DataFrame, pd.DataFrame], book: ipv.Book, pairs: list[tuple[str, str]]
) -> None:
    patents, _ = tables
    family = dict(zip(patents["publication_number"], patents["inpadoc_first_family_member"]))
    known = {k: v for k, v in family.items() if isinstance(v, str)}
    citing = defaultdict(set)
    for a, b in pairs:
        citing[b].add(("family", known[a]) if a in known else ("document", a))
    table = ipv.extract(book.as_of(DAY))
    np.testing.assert_array_equal(table["forward_citing_families"], [len(citing[i]) for i in table.index])
    assert (table["forward_citing_families"] <= table["forward_citations"]).all()
    assert (table["forward_citing_families"] < table["forward_citations"]).any()


def test_h_index_and_centrality_equal_an_independent_computation(pairs: list[tuple[str, str]]) -> None:
    apart = [(a, b) for a, b in pairs if a != b]
    names = sorted({n for pair in apart for n in pair})
    place = {name: k for k, name in enumerate(names)}
    edges = np.array(sorted((place[a], place[b]) for a, b in apart))
    citing, cited = edges.T
    count = Counter(cited.tolist())
    by_cited = defaultdict(list)
    for a, b in edges.tolist():
        by_cited[b].append(count[a])
    h = h_index(cited, np.array([count[a] for a in citing.tolist()]), len(names))
    for node in range(0, len(names), 997):
        ranked = sorted(by_cited[node], reverse=True)
        assert h[node] == sum(c >= k for k, c in enumerate(ranked, 1))
    order = np.argsort(cited, kind="stable")
    graph = Citations.of(citing[order].astype(np.int32), cited[order].astype(np.int32))
    rank = np.full(len(names), 0.5)
    rank[graph.cited] = next(ranks_of_cited([graph], len(names))) / UNIT
    references = Counter(citing.tolist())
    transposed = sparse.csr_array(
        (1.0 / np.array([references[a] for a in citing.tolist()]), (cited, citing)), shape=(len(names), len(names))
    )
    exact = sparse.linalg.spsolve(
        sparse.eye_array(len(names), format="csc") - 0.5 * transposed.tocsc(), 0.5 * np.ones(len(names))
    )
    np.testing.assert_allclose(rank, exact, rtol=1e-6)
    assert rank.min() == 0.5


def test_disruption_equals_a_count_by_sets(pairs: list[tuple[str, str]]) -> None:
    """Funk and Owen-Smith (2017), on the part of the graph inside the book, cycles included."""
    some = [(a, b) for a, b in pairs if a != b][:60_000]
    names = sorted({n for pair in some for n in pair})
    place = {name: k for k, name in enumerate(names)}
    year = np.random.default_rng(0).integers(1990, 2018, len(names)).astype(float)
    citing = np.array([place[a] for a, _ in some])
    cited = np.array([place[b] for _, b in some])
    result = disruption(citing, cited, year, window=5.0)
    makes, receives = defaultdict(set), defaultdict(set)
    for a, b in zip(citing.tolist(), cited.tolist()):
        makes[a].add(b)
        receives[b].add(a)
    for node in range(0, len(names), 503):
        soon = lambda x, node=node: 0 < year[x] - year[node] <= 5  # noqa: E731
        direct = {a for a in receives[node] if soon(a)}
        indirect = {a for b in makes[node] for a in receives[b] if soon(a) and a != node}
        both = direct & indirect
        total = len(direct | indirect)
        expected = (len(direct - both) - len(both)) / total if total else np.nan
        np.testing.assert_allclose(result[node], expected, rtol=1e-12)


def test_family_citations_equal_an_independent_count(
    tables: tuple[pd.DataFrame, pd.DataFrame], book: ipv.Book, pairs: list[tuple[str, str]]
) -> None:
    patents, _ = tables
    family = {k: v for k, v in zip(patents["publication_number"], patents["inpadoc_first_family_member"]) if v == v}
    inside = set(book.patent_ids)
    group = lambda i: ("family", family[i]) if i in inside and i in family else ("alone", i)  # noqa: E731
    citing = defaultdict(set)
    for a, b in pairs:
        if group(a) != group(b):
            citing[group(b)].add(a)
    table = ipv.extract(book.as_of(DAY))
    np.testing.assert_array_equal(table["family_citations"], [len(citing[group(i)]) for i in table.index])
