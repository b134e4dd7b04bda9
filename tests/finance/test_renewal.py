import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from ipvalue.finance.renewal import (
    remaining_value,
    renewal_log_likelihood,
    renewal_probability,
    renewal_thresholds,
)

# Chinese invention annuities of years 1 to 20 (CNIPA schedule; facts 02_fee_schedule)
ANNUITIES = np.repeat([900.0, 1200, 2000, 4000, 6000, 8000], [3, 3, 3, 3, 3, 5])


def plans(first, decay, discount, fees):
    """Value of stopping after 0, 1, 2 ... years, by plain sums: one row a right, one column a plan."""
    age = np.arange(len(fees))
    earned = np.atleast_1d(first)[:, None] * (1 - decay) ** age * (1 + discount) ** -(age + 0.5)
    paid = np.asarray(fees) * (1.0 + discount) ** -age
    return np.concatenate([np.zeros((len(earned), 1)), np.cumsum(earned - paid, axis=1)], axis=1)


def years_kept(first, decay, discount, fees):
    """Years of the best plan, the longest of several that are equally good."""
    values = plans(first, decay, discount, fees)
    return values.shape[1] - 1 - np.argmax(values[:, ::-1], axis=1)


def value_from_the_start(first, decay, discount, fees):
    first = np.atleast_1d(np.asarray(first, float))
    one = np.ones(len(first))
    table = np.broadcast_to(np.asarray(fees, float), (len(first), len(fees)))
    return remaining_value(first, decay, discount * one, table, 0.0 * one, len(fees) * one)


contracts = st.tuples(
    st.floats(0.1, 5_000.0),
    st.floats(0.0, 0.6),
    st.floats(0.0, 0.3),
    st.lists(st.floats(0.0, 3_000.0), min_size=1, max_size=8),
)


@settings(max_examples=200, deadline=None)
@given(contracts)
def test_value_is_that_of_the_best_plan_even_with_irregular_fees(contract):
    value = value_from_the_start(*contract)
    np.testing.assert_allclose(value, plans(*contract).max(axis=1), rtol=1e-9, atol=1e-7)


@settings(max_examples=200, deadline=None)
@given(contracts)
def test_thresholds_separate_those_who_keep_from_those_who_stop(contract):
    _, decay, discount, fees = contract
    thresholds = renewal_thresholds(decay, discount, fees)
    assert (np.diff(thresholds) >= 0).all()
    for age, threshold in enumerate(thresholds):
        if 0.01 < threshold < 1e12:
            assert years_kept(threshold * (1 + 1e-7), decay, discount, fees) > age
            assert years_kept(threshold * (1 - 1e-7), decay, discount, fees) <= age


def test_rising_fees_make_the_rule_of_schankerman_and_pakes():
    # with falling returns and rising fees a right is renewed as long as the year's return covers its fee
    thresholds = renewal_thresholds(0.15, 0.1, ANNUITIES)
    np.testing.assert_allclose(thresholds, ANNUITIES / 0.85 ** np.arange(20) * 1.1**0.5)


def test_thresholds_look_past_years_in_which_nothing_is_due():
    fees = np.zeros(20)
    fees[[4, 8, 12]] = 2150.0, 4040.0, 8280.0  # US maintenance fees since 2025-01-19 as due at these ages
    thresholds = renewal_thresholds(0.1, 0.1, fees)
    np.testing.assert_array_equal(thresholds[:4], 0.0)
    assert (thresholds[4:8] == thresholds[4]).all()
    assert thresholds[4] < thresholds[8] < thresholds[12] == thresholds[19]


def test_an_expired_right_cannot_be_kept():
    fees = [100.0, 100.0, np.nan, np.nan]
    assert renewal_thresholds(0.0, 0.0, fees).tolist() == [100.0, 100.0, np.inf, np.inf]


def test_bad_parameters_give_nan_and_shapes_broadcast():
    assert np.isnan(renewal_thresholds([np.nan, 2.0], 0.1, [1.0, 1.0])).all()
    assert renewal_thresholds(0.1, 0.1, np.ones((5, 4))).shape == (5, 4)
    with pytest.raises(ValueError, match="ages"):
        renewal_thresholds(0.1, 0.1, 5.0)


@settings(deadline=None)
@given(st.floats(1.0, 1e4), st.floats(0.0, 0.5), st.floats(0.0, 0.3))
def test_value_rises_with_return_and_falls_with_decay_and_fees(first, decay, discount):
    value = value_from_the_start(first, decay, discount, ANNUITIES)
    assert value_from_the_start(1.1 * first, decay, discount, ANNUITIES) >= value
    assert value_from_the_start(first, min(decay + 0.05, 1.0), discount, ANNUITIES) <= value + 1e-9
    assert value_from_the_start(first, decay, discount, 1.1 * ANNUITIES) <= value


def test_rows_do_not_depend_on_their_neighbours():
    draw = np.random.default_rng(9)
    first, discount = draw.lognormal(7, 2, 301), draw.uniform(0, 0.3, 301)
    value = value_from_the_start(first, 0.15, discount, ANNUITIES)
    for row in range(0, 301, 37):
        assert value_from_the_start(first[row], 0.15, discount[row], ANNUITIES)[0] == value[row]


def test_likelihoods_of_all_histories_sum_to_one():
    thresholds = renewal_thresholds(0.15, 0.1, ANNUITIES)
    years = np.arange(21)
    likelihood = np.exp(renewal_log_likelihood(thresholds, years, years < 20, 8.0, 1.5))
    np.testing.assert_allclose(likelihood.sum(), 1.0, rtol=1e-12)
    survival = renewal_probability(thresholds, 8.0, 1.5)
    np.testing.assert_allclose(likelihood[:-1], -np.diff(np.concatenate(([1.0], survival))), rtol=1e-9)
    np.testing.assert_allclose(survival, stats.norm.sf((np.log(thresholds) - 8) / 1.5))


def test_likelihood_keeps_its_digits_in_both_tails():
    thresholds = np.exp([-30.0, -29.0, 29.0, 30.0])
    value = renewal_log_likelihood(thresholds, [1, 3], [True, True], 0.0, 1.0)
    np.testing.assert_allclose(value[0], value[1], rtol=1e-14)
    exact = stats.norm.logcdf(-29) + np.log1p(-np.exp(stats.norm.logcdf(-30) - stats.norm.logcdf(-29)))
    np.testing.assert_allclose(value[0], exact, rtol=1e-12)


def test_impossible_and_unknown_histories():
    value = renewal_log_likelihood([100.0, 100.0], [1, 3, -1, 1], [True, True, False, False], [0, 0, 0, np.nan], 1.0)
    assert value[0] == -np.inf
    assert np.isnan(value[1:]).all()
    assert np.isnan(renewal_log_likelihood([100.0], [0], [True], 0.0, 0.0)).all()
    assert renewal_log_likelihood([100.0], [0], [False], 0.0, 1.0)[0] == 0.0


def test_true_parameters_are_recovered_from_simulated_renewals():
    draw = np.random.default_rng(10)
    first = draw.lognormal(8.0, 1.5, 20_000)
    kept = years_kept(first, 0.15, 0.1, ANNUITIES)
    last_look = draw.integers(1, 21, first.size)
    ended = kept < last_look
    thresholds = renewal_thresholds(0.15, 0.1, ANNUITIES)

    def loss(parameters):
        values = renewal_log_likelihood(
            thresholds, np.minimum(kept, last_look), ended, parameters[0], np.exp(parameters[1])
        )
        return -values.sum()

    found = optimize.minimize(loss, [6.0, 0.2], method="Nelder-Mead").x
    np.testing.assert_allclose([found[0], np.exp(found[1])], [8.0, 1.5], rtol=0.02)
