import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.features.citation_graph import disruption as module
from ipvalue.features.citation_graph.disruption import disruption
from ipvalue.features.citation_graph.diversity import generality
from tests.shared_data import CASES, needs


@needs(CASES)
def test_published_generality_by_hand():
    cases = [case for case in json.loads(CASES.read_text()) if case["method"] == "generality"]
    assert len(cases) == 3
    for case in cases:
        classes, correction = case["inputs"]["classes"], case["inputs"]["bias_correction"]
        value = generality(np.zeros(len(classes), dtype=int), classes, bias_correction=correction)
        np.testing.assert_allclose(value, [case["expected"]], rtol=0, atol=case["tolerance"])


def test_generality_at_the_edges():
    value = generality([0, 2, 2, 3, -1], [5, 1, 1, 7, 7], bias_correction=False, n_groups=5)
    np.testing.assert_array_equal(value, [0.0, np.nan, 0.0, 0.0, np.nan])
    np.testing.assert_array_equal(generality([0, 2, 2], [5, 1, 1]), [np.nan, np.nan, 0.0])
    assert generality([], []).size == 0
    np.testing.assert_array_equal(generality([], [], n_groups=2), [np.nan, np.nan])
    assert generality(np.zeros(3, int), [0, 1, 2])[0] == 1.0
    with pytest.raises(ValueError, match="outside"):
        generality([3], [1], n_groups=2)
    with pytest.raises(ValueError, match="labels"):
        generality([3, 1], [1])


def test_unknown_classes_are_left_out_whatever_the_type_of_label():
    group = [0, 0, 0, 0]
    numbers = generality(group, [4, 9, -1, 4])
    np.testing.assert_array_equal(numbers, generality(group, np.array(["x", "y", None, "x"], dtype=object)))
    np.testing.assert_array_equal(numbers, generality(group, [10**15, 3, -1, 10**15]))


edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=40)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40))
def test_generality_equals_its_definition_and_ignores_order(pairs):
    group, label = np.array(pairs).T
    value = generality(group, label, n_groups=5)
    np.testing.assert_array_equal(value, generality(group[::-1], label[::-1], n_groups=5))
    for node in range(5):
        counts = np.bincount(label[group == node], minlength=4)
        number = counts.sum()
        expected = np.nan if number < 2 else number / (number - 1) * (1 - ((counts / number) ** 2).sum())
        np.testing.assert_allclose(value[node], expected, atol=1e-14)


def slow_disruption(citing, cited, year, window):
    """The definition, node by node with sets."""
    references = {node: set() for node in range(len(year))}
    for source, target in zip(citing, cited):
        if source != target:
            references[source].add(target)
    result = []
    for focal, built_on in references.items():
        only, both, around = 0, 0, 0
        for work, list_of_work in references.items():
            lag = year[work] - year[focal]
            if not 0 < lag <= (np.inf if window is None else window):
                continue
            cites, cites_references = focal in list_of_work, bool(built_on & list_of_work)
            only += cites and not cites_references
            both += cites and cites_references
            around += cites_references and not cites
        total = only + both + around
        result.append((only - both) / total if total else np.nan)
    return np.array(result)


def test_disruption_of_the_three_textbook_graphs():
    # references 0 and 1, focal 2, later works 3, 4, 5 (Funk and Owen-Smith 2017, figure 1)
    year, built = np.array([1990, 1990, 2000, 2005, 2005, 2005]), ([2, 2], [0, 1])
    disruptive = disruption(built[0] + [3, 4, 5], built[1] + [2, 2, 2], year)
    consolidating = disruption(built[0] + [3, 3, 4, 4, 5, 5], built[1] + [2, 0, 2, 1, 2, 0], year)
    mixed = disruption(built[0] + [3, 4, 4, 5], built[1] + [2, 2, 1, 0], year)
    assert (disruptive[2], consolidating[2], mixed[2]) == (1.0, -1.0, 0.0)
    assert np.isnan(disruptive[[3, 4, 5]]).all()


@settings(max_examples=200, deadline=None)
@given(edges, st.lists(st.integers(2000, 2006), min_size=8, max_size=8), st.sampled_from([None, 2, 4.5]))
def test_disruption_equals_its_definition_with_cycles_duplicates_and_self_citations(pairs, year, window):
    citing = [pair[0] for pair in pairs]
    cited = [pair[1] for pair in pairs]
    np.testing.assert_array_equal(
        disruption(citing, cited, year, window=window), slow_disruption(citing, cited, year, window)
    )


def test_disruption_does_not_depend_on_the_size_of_a_piece(monkeypatch):
    draw = np.random.default_rng(2)
    citing, cited = draw.integers(0, 300, (2, 4_000))
    year = draw.uniform(1990, 2020, 300)
    whole = disruption(citing, cited, year, window=8)
    for size in (1, 500, 20_000):
        monkeypatch.setattr(module, "_PAIRS_AT_A_TIME", size)
        np.testing.assert_array_equal(whole, disruption(citing, cited, year, window=8))
    np.testing.assert_array_equal(whole, slow_disruption(citing, cited, year, 8))


def test_disruption_of_unknown_years_and_empty_graphs():
    assert np.isnan(disruption([], [], [2000.0, 2001.0])).all()
    assert np.isnan(disruption([1, 2], [0, 1], [np.nan, np.nan, 2001.0])).all()
    assert disruption([], [], []).size == 0
    with pytest.raises(ValueError, match="outside"):
        disruption([5], [0], [2000.0])


def test_a_million_citations_in_seconds():
    draw = np.random.default_rng(3)
    n, m = 100_000, 1_000_000
    cited, citing, label = draw.integers(0, n, m), draw.integers(0, n, m), draw.integers(0, 640, m)
    start = time.process_time()
    generality(cited, label, n_groups=n)
    spent = time.process_time() - start
    start = time.process_time()
    disruption(citing, cited, draw.uniform(1990, 2020, n), window=5)
    print(f"\ngenerality {spent:.2f} s, disruption {time.process_time() - start:.2f} s")
    assert spent < 2.0
    assert time.process_time() - start < 30.0
