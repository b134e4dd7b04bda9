import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.finance.distributions import (
    LEVELS,
    fenton_wilkinson,
    lognormal_quantiles,
    weighted_quantile,
)


def test_lognormal_median_and_ninety_percent_interval():
    quantiles = lognormal_quantiles([100.0, 5.0], [0.3, 1.2])
    assert quantiles.shape == (2, 5)
    np.testing.assert_array_equal(quantiles[:, 2], [100.0, 5.0])
    np.testing.assert_allclose(np.log(quantiles[:, 4] / quantiles[:, 0]), 2 * 1.6448536269514722 * np.array([0.3, 1.2]))


def test_lognormal_degenerate_inputs():
    np.testing.assert_array_equal(lognormal_quantiles(0.0, 1.0), np.zeros(5))
    np.testing.assert_array_equal(lognormal_quantiles(7.0, 0.0, [0.0, 0.5, 1.0]), [7.0, 7.0, 7.0])
    assert np.isnan(lognormal_quantiles([np.nan, 1.0, -1.0, 0.0], [1.0, -1.0, 1.0, np.nan])).all()


def test_sum_of_equal_comonotone_values_keeps_their_sigma():
    median, sigma = fenton_wilkinson(np.full(1000, 10.0), np.full(1000, 0.9), 1.0)
    np.testing.assert_allclose(sigma, 0.9, rtol=1e-12)
    np.testing.assert_allclose(median, 10_000 * np.exp(-0.405), rtol=1e-12)


def test_single_correlation_agrees_with_its_matrix():
    draw = np.random.default_rng(5)
    means, sigmas = draw.lognormal(10, 2, 40), draw.uniform(0.1, 2.5, 40)
    matrix = np.full((40, 40), 0.3)
    np.fill_diagonal(matrix, 1.0)
    for short, long in zip(fenton_wilkinson(means, sigmas, 0.3), fenton_wilkinson(means, sigmas, matrix)):
        np.testing.assert_allclose(short, long, rtol=1e-12)


def test_sum_matches_simulation_and_ignores_order():
    draw = np.random.default_rng(6)
    means, sigmas = draw.lognormal(3, 0.5, 50), draw.uniform(0.2, 0.6, 50)
    common, own = draw.normal(size=(100_000, 1)), draw.normal(size=(100_000, 50))
    total = (means * np.exp(sigmas * (np.sqrt(0.2) * common + np.sqrt(0.8) * own) - sigmas**2 / 2)).sum(axis=1)
    median, sigma = fenton_wilkinson(means, sigmas, 0.2)
    np.testing.assert_allclose([np.median(total), np.log(total).std()], [median, sigma], rtol=0.01)
    order = draw.permutation(50)
    assert fenton_wilkinson(means[order], sigmas[order], 0.2) == (median, sigma)


def test_sum_of_dead_rights_is_nothing_and_bad_correlations_are_refused():
    assert fenton_wilkinson([0.0, 0.0], [1.0, 1.0], 0.5) == (0.0, 0.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fenton_wilkinson([1.0, 1.0], [1.0, 1.0], -0.5)
    with pytest.raises(ValueError, match="matrix"):
        fenton_wilkinson([1.0, 1.0], [1.0, 1.0], np.eye(3))


def test_equal_weights_give_hazens_quantiles():
    values = np.random.default_rng(7).normal(size=(20, 31))
    levels = [0.0, 0.05, 0.31, 0.5, 0.95, 1.0]
    np.testing.assert_allclose(
        weighted_quantile(values, np.ones(31), levels), np.quantile(values, levels, axis=1, method="hazen").T
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([1.0, 2.0, 5.0, np.nan]), st.sampled_from([0.0, 0.1, 0.3, np.nan])),
        min_size=1,
        max_size=9,
    ),
    st.randoms(use_true_random=False),
)
def test_order_of_observations_never_matters_and_quantiles_rise(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    rows = np.array([pairs, shuffled])
    quantiles = weighted_quantile(rows[..., 0], rows[..., 1])
    np.testing.assert_array_equal(quantiles[0], quantiles[1])
    has_weight = any(value == value and weight > 0 for value, weight in pairs)
    assert np.isnan(quantiles).all() != has_weight
    assert not has_weight or (np.diff(quantiles) >= 0).all()


def test_rows_without_weight_are_nan_and_rows_do_not_mix():
    values = np.array([[3.0, 1.0], [np.nan, np.nan], [5.0, np.nan]])
    quantiles = weighted_quantile(values, [[1.0, 0.0], [1.0, 1.0], [2.0, 1.0]], [0.1, 0.9])
    np.testing.assert_array_equal(quantiles, [[3.0, 3.0], [np.nan, np.nan], [5.0, 5.0]])
    assert weighted_quantile(np.empty((2, 0)), np.empty(0)).shape == (2, 5)


def test_levels_are_the_five_of_the_design():
    assert LEVELS == (0.05, 0.25, 0.5, 0.75, 0.95)
    with pytest.raises(ValueError, match="levels"):
        lognormal_quantiles(1.0, 1.0, [5.0])
