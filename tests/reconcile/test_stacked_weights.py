"""Stacked weights: the best mixture on the deals, on the simplex, and precision where no deal teaches."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.methods.base import Estimate
from ipvalue.reconcile.stacked import simplex_weights

CN = ipv.Assumptions.default("CN")
NAMES = ["a", "b", "c"]


def lognormal(median: np.ndarray, sigma: float) -> Estimate:
    reason = np.where(np.isnan(median), np.int16(Reason.NO_REVENUE), np.int16(0)).astype(np.int16)
    return Estimate.make(median.copy(), lognormal_quantiles(median, np.full(len(median), sigma)), reason)


def market(n: int, seed: int, spread: tuple[float, ...]) -> tuple[list[Estimate], np.ndarray]:
    """Methods with independent log errors of the given spreads, which all claim the same spread of 0.5."""
    random = np.random.default_rng(seed)
    price = 10 ** random.uniform(3, 8, n)
    return [lognormal(price * np.exp(s * random.standard_normal(n)), 0.5) for s in spread], price


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 6)), elements=st.floats(-1e3, 1e3)))
def test_weights_are_on_the_simplex_and_in_sample_no_single_method_is_better(error: np.ndarray) -> None:
    weight = simplex_weights(error)
    assert (weight >= 0).all()
    assert weight.sum() == pytest.approx(1.0, abs=1e-12)
    square = (error**2).mean(axis=0)
    assert ((error @ weight) ** 2).mean() <= square.min() + 1e-9 * (square.max() + 1.0)


def test_stacking_is_the_minimum_over_a_grid_of_the_simplex() -> None:
    random = np.random.default_rng(0)
    error = random.standard_normal((50, 3)) @ np.array([[1.0, 0.6, 0.1], [0.0, 0.9, 0.3], [0.0, 0.0, 1.4]])
    best = ((error @ simplex_weights(error)) ** 2).mean()
    grid = [(i / 40, j / 40, 1 - (i + j) / 40) for i, j in itertools.product(range(41), repeat=2) if i + j <= 40]
    assert best <= min(((error @ np.array(w)) ** 2).mean() for w in grid) + 1e-12


def test_known_weights_are_recovered_from_simulated_errors() -> None:
    """Independent errors with variances 0.16, 0.64 and 1.44: Bates and Granger's weights are their inverses, scaled."""
    estimates, price = market(20_000, 1, (0.4, 0.8, 1.2))
    method = ipv.StackedWeights(prior_deals=0)
    state = method.fit(NAMES, estimates, price, CN)
    inverse = 1 / np.array([0.16, 0.64, 1.44])
    result = method.combine(NAMES, estimates, state)
    np.testing.assert_allclose(result.weights[0], inverse / inverse.sum(), atol=0.01)
    assert state.tables["weights"]["deals"].tolist() == [20_000.0] * 3


def test_a_method_that_is_noise_gets_next_to_nothing() -> None:
    estimates, price = market(3000, 2, (0.3, 6.0))
    method = ipv.StackedWeights(prior_deals=0)
    weights = method.combine(NAMES[:2], estimates, method.fit(NAMES[:2], estimates, price, CN)).weights
    assert (weights[:, 1] < 0.01).all()


def test_each_group_of_methods_learns_its_own_weights_and_an_unseen_one_takes_precision() -> None:
    """Where c applies, a is good and b bad; where it does not, the other way round; a with c alone was never sold."""
    n = 4000
    random = np.random.default_rng(3)
    price = 10 ** random.uniform(3, 8, n)
    with_c = np.arange(n) < n // 2
    a = price * np.exp(np.where(with_c, 0.2, 2.0) * random.standard_normal(n))
    b = price * np.exp(np.where(with_c, 2.0, 0.2) * random.standard_normal(n))
    c = np.where(with_c, price * np.exp(random.standard_normal(n)), np.nan)
    estimates = [lognormal(v, 0.5) for v in (a, b, c)]
    stacked, precision = ipv.StackedWeights(prior_deals=10), ipv.PrecisionWeights()
    state = stacked.fit(NAMES, estimates, price, CN)
    weights = stacked.combine(NAMES, estimates, state).weights
    assert weights[0, 0] > 0.9 and weights[-1, 1] > 0.9 and weights[-1, 2] == 0.0
    unseen = [lognormal(np.array([1e5]), 0.4), lognormal(np.array([np.nan]), 0.4), lognormal(np.array([2e5]), 0.9)]
    np.testing.assert_array_equal(
        stacked.combine(NAMES, unseen, state).weights, precision.combine(NAMES, unseen, state).weights
    )


def test_few_deals_lean_on_precision_and_none_leaves_it_alone() -> None:
    estimates, price = market(40, 4, (0.3, 3.0))
    few = [Estimate(e.value[:10], e.quantiles[:10], e.reason[:10]) for e in estimates]
    names = NAMES[:2]
    method = ipv.StackedWeights(prior_deals=30)
    state = method.fit(names, few, price[:10], CN)
    alone = dict(zip(state.tables["weights"]["method"], state.tables["weights"]["weight"]))
    precise = ipv.PrecisionWeights().combine(names, estimates, state).weights
    expected = (10 * np.array([alone["a"], alone["b"]]) + 30 * precise) / 40
    np.testing.assert_allclose(method.combine(names, estimates, state).weights, expected, rtol=1e-12)
    nothing = method.fit(names, [], np.zeros(0), CN)
    assert "weights" not in nothing.tables
    unlearnt = ipv.PrecisionWeights().combine(names, estimates, nothing).weights
    np.testing.assert_array_equal(method.combine(names, estimates, nothing).weights, unlearnt)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(1e-3, 1e9), min_size=3, max_size=3),
    applies=st.lists(st.booleans(), min_size=3, max_size=3),
    prior=st.floats(0.0, 1e4),
    seed=st.integers(0, 20),
)
def test_reconciled_weights_are_shares_of_the_methods_that_apply(
    values: list[float], applies: list[bool], prior: float, seed: int
) -> None:
    method = ipv.StackedWeights(prior_deals=prior)
    estimates, price = market(30, seed, (0.4, 0.8, 1.2))
    state = method.fit(NAMES, estimates, price, CN)
    one = [lognormal(np.array([v if use else np.nan]), 0.5) for v, use in zip(values, applies)]
    result = method.combine(NAMES, one, state)
    assert (result.weights >= 0).all()
    assert (result.weights[0][~np.array(applies)] == 0).all()
    if any(applies):
        assert result.weights.sum() == pytest.approx(1.0)
        assert result.reason[0] == 0 and result.value[0] > 0
    else:
        assert result.reason[0] == Reason.NO_METHOD_APPLIED


def test_interval_covers_fresh_prices_as_often_as_it_says() -> None:
    method = ipv.StackedWeights()
    estimates, price = market(2000, 5, (0.4, 0.8, 1.2))
    state = method.fit(NAMES, estimates, price, CN)
    fresh, paid = market(6000, 6, (0.4, 0.8, 1.2))
    q = method.combine(NAMES, fresh, state).quantiles
    assert np.mean((q[:, 0] <= paid) & (paid <= q[:, 4])) == pytest.approx(0.90, abs=0.025)


def test_neither_chunks_nor_the_order_of_patents_change_a_bit_and_the_order_of_deals_only_rounding() -> None:
    method = ipv.StackedWeights()
    estimates, price = market(500, 7, (0.4, 0.8, 1.2))
    state = method.fit(NAMES, estimates, price, CN)
    whole = method.combine(NAMES, estimates, state).quantiles
    for rows in (np.array([3]), np.arange(100, 117), np.arange(499, -1, -1)):
        part = [Estimate(e.value[rows], e.quantiles[rows], e.reason[rows]) for e in estimates]
        np.testing.assert_array_equal(method.combine(NAMES, part, state).quantiles, whole[rows])
    back = np.arange(499, -1, -1)
    turned = method.fit(
        NAMES, [Estimate(e.value[back], e.quantiles[back], e.reason[back]) for e in estimates], price[back], CN
    )
    np.testing.assert_allclose(turned.tables["weights"]["weight"], state.tables["weights"]["weight"], rtol=1e-9)


def test_an_engine_with_stacked_weights_is_saved_and_loaded_to_the_bit(book: ipv.Book, tmp_path: Path) -> None:
    engine = ipv.ValuationEngine(
        [ipv.ReliefFromRoyalty(), ipv.ComparableSales(), ipv.HedonicPrice(minimum=40)],
        reconciliation=ipv.StackedWeights(prior_deals=20),
    ).fit(book, as_of="2023-12-31")
    engine.save(tmp_path / "engine")
    loaded = ipv.ValuationEngine.load(tmp_path / "engine")
    assert loaded.hash == engine.hash
    assert loaded.reconciliation == engine.reconciliation
    state = book.as_of("2023-12-31")
    assert loaded.value(state).table.equals(engine.value(state).table)
