"""Reconciliation: least variance, honest intervals, and no method's absence stops the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.methods.base import Estimate, State

CN = ipv.Assumptions.default("CN")
NAMES = ["a", "b", "c"]


def lognormal(median: object, sigma: object) -> Estimate:
    value, spread = np.broadcast_arrays(np.asarray(median, float), np.asarray(sigma, float))
    reason = np.where(np.isnan(value), np.int16(Reason.NO_REVENUE), np.int16(0)).astype(np.int16)
    return Estimate.make(value.copy(), lognormal_quantiles(value, spread), reason)


def unlearnt(method: ipv.Reconciliation, names: list[str], correlation: float) -> State:
    return method.fit(names, [], np.zeros(0), CN.replace(method_correlation=correlation))


def test_two_independent_methods_weigh_by_inverse_variance() -> None:
    """Bates and Granger (1969): variances 0.04 and 0.16 give weights 0.8 and 0.2, variance 0.032."""
    method = ipv.PrecisionWeights()
    state = unlearnt(method, NAMES[:2], 0.0)
    result = method.combine(NAMES[:2], [lognormal([100.0], 0.2), lognormal([100.0], 0.4)], state)
    np.testing.assert_allclose(result.weights, [[0.8, 0.2]], rtol=1e-9)
    assert result.log_sd[0] == pytest.approx(np.sqrt(0.032), rel=1e-6)
    assert result.value[0] == pytest.approx(100.0)
    assert result.disagreement[0] == 0.0


def test_disagreement_widens_the_interval() -> None:
    method = ipv.PrecisionWeights()
    state = unlearnt(method, NAMES[:2], 0.3)
    agree = method.combine(NAMES[:2], [lognormal([100.0], 0.3), lognormal([110.0], 0.3)], state)
    differ = method.combine(NAMES[:2], [lognormal([100.0], 0.3), lognormal([900.0], 0.3)], state)
    assert differ.log_sd[0] > 2 * agree.log_sd[0]
    assert differ.disagreement[0] == pytest.approx(np.log(9.0) / 2, rel=1e-6)


def test_patents_go_on_without_the_methods_that_do_not_apply() -> None:
    method = ipv.PrecisionWeights()
    state = unlearnt(method, NAMES, 0.3)
    estimates = [
        lognormal([1.0, np.nan, np.nan], 0.5),
        lognormal([2.0, 2.0, np.nan], 0.5),
        lognormal(np.full(3, np.nan), 0.5),
    ]
    result = method.combine(NAMES, estimates, state)
    assert result.reason.tolist() == [0, 0, Reason.NO_METHOD_APPLIED]
    np.testing.assert_array_equal(result.weights[1], [0.0, 1.0, 0.0])
    assert result.value[1] == pytest.approx(2.0)
    assert np.isnan(result.value[2])
    assert result.weights[2].sum() == 0.0


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(1e-3, 1e9), min_size=3, max_size=3),
    spreads=st.lists(st.floats(0.05, 3.0), min_size=3, max_size=3),
    correlation=st.floats(0.0, 0.9),
)
def test_value_lies_between_the_methods_and_weights_are_shares(
    values: list[float], spreads: list[float], correlation: float
) -> None:
    method = ipv.PrecisionWeights()
    estimates = [lognormal([v], s) for v, s in zip(values, spreads)]
    result = method.combine(NAMES, estimates, unlearnt(method, NAMES, correlation))
    assert (result.weights >= 0).all()
    assert result.weights.sum() == pytest.approx(1.0)
    assert min(values) * (1 - 1e-9) <= result.value[0] <= max(values) * (1 + 1e-9)
    assert (np.diff(result.quantiles[0]) > 0).all()


def market(n: int, seed: int) -> tuple[list[Estimate], np.ndarray]:
    """Two methods with correlated errors: the first unbiased but over-confident, the second biased by log 2."""
    random = np.random.default_rng(seed)
    truth = 10 ** random.uniform(3, 8, n)
    common = random.standard_normal(n)
    first = 0.4 * (0.6 * common + 0.8 * random.standard_normal(n))
    second = 0.8 * (0.6 * common + 0.8 * random.standard_normal(n)) + np.log(2.0)
    return [lognormal(truth * np.exp(first), 0.2), lognormal(truth * np.exp(second), 0.8)], truth


def test_bias_inflation_and_correlation_are_learnt_from_deals() -> None:
    estimates, truth = market(4000, 1)
    state = ipv.PrecisionWeights().fit(NAMES[:2], estimates, truth, CN)
    table = state.tables["methods"]
    np.testing.assert_allclose(table["bias"], [0.0, -np.log(2.0)], atol=0.05)
    np.testing.assert_allclose(table["inflation"], [2.0, 1.0], rtol=0.05)
    assert state.tables["correlation"]["a"][1] == pytest.approx(0.36, abs=0.05)


def drifting(n: int, seed: int, drift: float) -> tuple[list[Estimate], np.ndarray, np.ndarray]:
    """Prices in the money of their day, estimates in today's: old deals were paid less by ``drift`` a year."""
    estimates, truth = market(n, seed)
    years = np.random.default_rng(seed + 100).uniform(0.0, 12.0, n)
    return estimates, truth * np.exp(-drift * years), years


def test_the_bias_is_that_of_the_fit_date_where_prices_drift() -> None:
    estimates, price, years = drifting(4000, 3, 0.04)
    state = ipv.PrecisionWeights().fit(NAMES[:2], estimates, price, CN, years)
    np.testing.assert_allclose(state.tables["methods"]["drift"], [-0.04, -0.04], atol=0.008)
    np.testing.assert_allclose(state.tables["methods"]["bias"], [0.0, -np.log(2.0)], atol=0.08)
    np.testing.assert_allclose(state.tables["methods"]["inflation"], [2.0, 1.0], rtol=0.05)
    without = ipv.PrecisionWeights().fit(NAMES[:2], estimates, price, CN)
    assert without.tables["methods"]["bias"][0] == pytest.approx(-0.04 * 6, abs=0.03)  # the mean age is six years
    fresh, today = market(6000, 4)
    q = ipv.PrecisionWeights().combine(NAMES[:2], fresh, state).quantiles
    assert np.mean(today <= q[:, 2]) == pytest.approx(0.50, abs=0.04)
    assert np.mean((q[:, 0] <= today) & (today <= q[:, 4])) == pytest.approx(0.90, abs=0.02)


def test_few_deals_tell_no_drift() -> None:
    """Without a drift, what is found of it by chance stays small beside what prices can drift."""
    found = []
    for seed in range(20):
        estimates, price, years = drifting(40, seed, 0.0)
        found += list(ipv.PrecisionWeights().fit(NAMES[:2], estimates, price, CN, years).tables["methods"]["drift"])
    assert np.abs(found).max() < 0.06 and np.std(found) < 0.02
    one = ipv.PrecisionWeights().fit(NAMES[:2], estimates, price, CN, np.full(40, 3.0))
    assert one.tables["methods"]["drift"].tolist() == [0.0, 0.0]


def test_reconciled_interval_covers_fresh_prices_as_often_as_it_says() -> None:
    method = ipv.PrecisionWeights()
    estimates, truth = market(3000, 1)
    state = method.fit(NAMES[:2], estimates, truth, CN)
    fresh, price = market(6000, 2)
    q = method.combine(NAMES[:2], fresh, state).quantiles
    assert np.mean((q[:, 0] <= price) & (price <= q[:, 4])) == pytest.approx(0.90, abs=0.02)
    assert np.mean((q[:, 1] <= price) & (price <= q[:, 3])) == pytest.approx(0.50, abs=0.03)


def few_deals(random: np.random.Generator, n: int) -> tuple[list[Estimate], np.ndarray]:
    """Four methods with correlated, heavy-tailed errors and biases; all but the first miss three patents in ten."""
    truth, common = random.normal(13.0, 1.5, n), 0.3 * random.standard_t(4, n)
    estimates = []
    for k in range(4):
        value = np.exp(truth + common + random.standard_t(4, n) * (0.4 + 0.2 * k) + 0.2 * k)
        estimates.append(lognormal(np.where(random.random(n) < 0.3 * (k > 0), np.nan, value), 0.5))
    return estimates, np.exp(truth)


@pytest.mark.parametrize("method", [ipv.PrecisionWeights(), ipv.StackedWeights(), ipv.StackedWeights(prior_deals=0)])
def test_intervals_learnt_from_few_deals_cover_fresh_prices_as_often_as_they_say(method: ipv.StackedWeights) -> None:
    """With errors measured on the deals that taught the weights, stacking without a prior covers 88 % here."""
    names, random = ["a", "b", "c", "d"], np.random.default_rng(3)
    wide, narrow = [], []
    for _ in range(60):
        estimates, truth = few_deals(random, 100)
        state = method.fit(names, estimates, truth, CN)
        fresh, price = few_deals(random, 1_000)
        q = method.combine(names, fresh, state).quantiles
        wide.append(np.mean((q[:, 0] <= price) & (price <= q[:, 4])))
        narrow.append(np.mean((q[:, 1] <= price) & (price <= q[:, 3])))
    assert np.mean(wide) > 0.89
    assert np.mean(narrow) > 0.475


def test_values_do_not_depend_on_who_else_is_valued() -> None:
    method = ipv.PrecisionWeights()
    estimates, truth = market(500, 1)
    state = method.fit(NAMES[:2], estimates, truth, CN)
    whole = method.combine(NAMES[:2], estimates, state).quantiles
    for rows in (np.array([3]), np.arange(100, 117)):
        part = [Estimate(e.value[rows], e.quantiles[rows], e.reason[rows]) for e in estimates]
        np.testing.assert_array_equal(method.combine(NAMES[:2], part, state).quantiles, whole[rows])


def test_fixed_weights_are_scaled_to_the_methods_that_apply() -> None:
    method = ipv.FixedWeights(weights={"a": 2.0, "b": 1.0, "c": 1.0})
    estimates = [lognormal([1.0, np.nan], 0.5), lognormal([1.0, 1.0], 0.5), lognormal([1.0, 1.0], 0.5)]
    result = method.combine(NAMES, estimates, unlearnt(method, NAMES, 0.3))
    np.testing.assert_allclose(result.weights, [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]])
