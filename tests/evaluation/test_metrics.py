"""Metrics against independent formulas, scipy and integrals, and the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats
from scipy.stats import norm

from ipvalue.evaluation import metrics

N = 60
POSITIVE = arrays(np.float64, N, elements=st.floats(1e-3, 1e9))
RNG = np.random.default_rng(3)
VALUE, TARGET = np.exp(RNG.normal(size=(2, 400)))


@given(POSITIVE, POSITIVE, st.floats(1e-3, 1e3))
def test_scale_free_metrics_do_not_see_the_currency(value: np.ndarray, target: np.ndarray, rate: float) -> None:
    for name in ("log_rmse", "bias", "median_ape"):
        metric = getattr(metrics, name)
        np.testing.assert_allclose(metric(value * rate, target * rate), metric(value, target), rtol=1e-6, atol=1e-9)


@given(POSITIVE, POSITIVE)
def test_metrics_keep_their_bounds_and_perfect_values_score_best(value: np.ndarray, target: np.ndarray) -> None:
    assert metrics.log_rmse(value, target) >= abs(metrics.bias(value, target)) - 1e-12
    assert metrics.log_rmse(target, target) == 0
    assert metrics.median_ape(value, target) >= 0
    for metric in (metrics.spearman, metrics.gini):
        score, best = metric(value, target), metric(target, target)
        assert np.isnan(score) or -1 - 1e-9 <= score <= 1 + 1e-9
        assert np.isnan(best) or best == pytest.approx(1)
    r2 = metrics.r2_log(value, target)
    assert np.isnan(r2) or r2 <= 1


@given(POSITIVE, POSITIVE)
def test_rankings_do_not_change_under_a_rising_function(value: np.ndarray, target: np.ndarray) -> None:
    value, target = np.round(value, 3), np.round(target, 3)
    for metric in (metrics.spearman, metrics.gini):
        # doubling is exact, so that ties stay ties
        np.testing.assert_equal(metric(2.0 * value, target), metric(value, target))


def test_points_agree_with_formulas_written_out() -> None:
    error = np.log(VALUE) - np.log(TARGET)
    assert metrics.log_rmse(VALUE, TARGET) == pytest.approx(np.sqrt(np.mean(error**2)))
    assert metrics.bias(VALUE, TARGET) == pytest.approx(np.mean(error))
    assert metrics.median_ape(VALUE, TARGET) == pytest.approx(np.median(np.abs(VALUE - TARGET) / TARGET))
    log = np.log(TARGET)
    assert metrics.r2_log(VALUE, TARGET) == pytest.approx(1 - np.sum(error**2) / np.sum((log - log.mean()) ** 2))


def test_spearman_agrees_with_scipy_with_and_without_ties() -> None:
    for digits in (0, 1, 8):
        one, two = VALUE.round(digits), (VALUE + TARGET).round(digits)
        assert metrics.spearman(one, two) == pytest.approx(stats.spearmanr(one, two)[0])


def test_gini_agrees_with_the_area_under_the_concentration_curve() -> None:
    def area(order: np.ndarray) -> float:
        curve = np.concatenate([[0.0], np.cumsum(TARGET[order]) / TARGET.sum()])
        return float(1 - 2 * np.trapezoid(curve, dx=1 / len(TARGET)))

    mixed = VALUE * TARGET
    expected = area(np.argsort(mixed)) / area(np.argsort(TARGET))
    assert metrics.gini(mixed, TARGET) == pytest.approx(expected)
    assert metrics.gini(-TARGET, TARGET) == pytest.approx(-1)


def test_missing_pairs_are_left_out_and_nothing_left_is_nan() -> None:
    value, target = np.append(VALUE, [np.nan, 1.0]), np.append(TARGET, [1.0, np.nan])
    for name in ("log_rmse", "bias", "median_ape", "spearman", "gini", "r2_log"):
        metric = getattr(metrics, name)
        assert metric(value, target) == pytest.approx(float(metric(VALUE, TARGET)))
        assert np.isnan(metric(np.full(3, np.nan), np.ones(3)))
        assert np.isnan(metric(np.zeros(0), np.zeros(0)))
    assert metrics.log_rmse([0.0, 2.0], [1.0, 2.0]) == 0  # a value of 0 has no logarithm
    assert metrics.median_ape([0.0], [4.0]) == 1


def test_metrics_work_on_many_draws_at_once() -> None:
    stack = np.stack([VALUE, TARGET[::-1]]), np.stack([TARGET, VALUE])
    for name in ("log_rmse", "bias", "median_ape", "spearman", "gini", "r2_log"):
        metric = getattr(metrics, name)
        one_by_one = [metric(stack[0][k], stack[1][k]) for k in range(2)]
        np.testing.assert_allclose(metric(*stack), one_by_one, rtol=1e-12)


@given(st.floats(0.02, 0.98), st.floats(-3, 3))
def test_pinball_is_least_at_the_quantile(level: float, other: float) -> None:
    sample = norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    best = np.quantile(sample, level, method="inverted_cdf")
    guesses = np.column_stack([np.full(2_000, best), np.full(2_000, other)])
    at_best, at_other = metrics.pinball(guesses, sample, np.array([level, level]))
    assert at_best <= at_other + 1e-12


@given(arrays(np.float64, (N, 5), elements=st.floats(-50, 50)), arrays(np.float64, N, elements=st.floats(-50, 50)))
def test_pinball_and_crps_are_not_negative(quantiles: np.ndarray, target: np.ndarray) -> None:
    quantiles = np.sort(quantiles, axis=1)
    assert (metrics.pinball_losses(quantiles, target) >= 0).all()
    assert (metrics.crps(quantiles, target) >= 0).all()


def integral_crps(distribution: object, y: float) -> float:
    """CRPS by its definition: the integral of (F(x) - 1{x >= y})^2."""
    below, _ = integrate.quad(lambda x: distribution.cdf(x) ** 2, -50, y, limit=400)  # type: ignore[attr-defined]
    above, _ = integrate.quad(lambda x: distribution.sf(x) ** 2, y, 200, limit=400)  # type: ignore[attr-defined]
    return below + above


@pytest.mark.parametrize("y", [0.2, 1.0, 3.5])
def test_closed_forms_of_crps_equal_the_integral(y: float) -> None:
    assert metrics.crps_normal(0.3, 0.8, y) == pytest.approx(integral_crps(norm(0.3, 0.8), y), abs=1e-7)
    lognormal = stats.lognorm(0.6, scale=np.exp(0.2))
    assert metrics.crps_lognormal(0.2, 0.6, y) == pytest.approx(integral_crps(lognormal, y), abs=1e-6)


def test_crps_from_many_quantiles_approaches_the_closed_form() -> None:
    levels = (np.arange(999) + 1) / 1_000
    quantiles = np.tile(norm.ppf(levels), (3, 1))
    target = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(metrics.crps(quantiles, target, levels), metrics.crps_normal(0, 1, target), atol=2e-3)


@given(arrays(np.float64, (3, N), elements=st.floats(-9, 9)))
def test_coverage_lies_between_nothing_and_all(columns: np.ndarray) -> None:
    low, high = np.minimum(columns[0], columns[1]), np.maximum(columns[0], columns[1])
    share = metrics.coverage(low, high, columns[2])
    assert 0 <= share <= 1
    assert metrics.coverage(low - 1, high + 1, columns[2]) >= share


def test_interval_score_is_least_at_the_true_interval() -> None:
    sample = norm.ppf((np.arange(4_000) + 0.5) / 4_000)
    scores = [metrics.interval_score(*(np.full(4_000, s * e) for s in (-1, 1)), sample, 0.9).mean()
              for e in (1.3, norm.ppf(0.95), 2.1)]  # fmt: skip
    assert scores[1] < min(scores[0], scores[2])


def test_quantiles_between_levels_are_exact_for_a_lognormal_and_hold_the_known_ones() -> None:
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    known = np.exp(1.0 + np.outer([0.3, 2.0], norm.ppf(levels)))
    wanted = np.array([0.05, 0.1, 0.5, 0.6, 0.9, 0.95])
    found = metrics.quantiles_at(known, wanted)
    np.testing.assert_allclose(found, np.exp(1.0 + np.outer([0.3, 2.0], norm.ppf(wanted))), rtol=1e-12)
    np.testing.assert_array_equal(metrics.quantiles_at(known, levels), known)
    assert metrics.quantiles_at(np.zeros((1, 5)), [0.1, 0.9]).tolist() == [[0.0, 0.0]]
    assert np.isnan(metrics.quantiles_at(np.full((1, 5), np.nan), [0.1])).all()
    with pytest.raises(ValueError, match="within"):
        metrics.quantiles_at(known, [0.01])


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_quantiles_between_levels_rise(seed: int) -> None:
    known = np.sort(np.random.default_rng(seed).lognormal(size=(20, 5)), axis=1)
    wanted = np.linspace(0.05, 0.95, 19)
    assert (np.diff(metrics.quantiles_at(known, wanted), axis=1) >= -1e-9 * known.max()).all()


def test_bootstrap_is_seeded_and_covers_as_it_should() -> None:
    """The 95 % interval of a mean of 60 numbers holds the true mean in about 93 to 95 % of samples."""
    rng = np.random.default_rng(1)
    hits = []
    for seed in range(300):
        found = metrics.bootstrap_interval(metrics.bias, np.exp(rng.normal(size=60)), np.ones(60), draws=300, seed=seed)
        hits.append(found.low <= 0 <= found.high)
    assert 0.90 <= np.mean(hits) <= 0.98
    again = [metrics.bootstrap_interval(metrics.spearman, VALUE, TARGET, draws=50, seed=4) for _ in range(2)]
    assert again[0] == again[1]


def test_bootstrap_of_clusters_is_wider_where_rows_repeat() -> None:
    value, target, owner = np.repeat(VALUE[:50], 8), np.repeat(TARGET[:50], 8), np.repeat(np.arange(50), 8)
    alone = metrics.bootstrap_interval(metrics.bias, value, target)
    together = metrics.bootstrap_interval(metrics.bias, value, target, clusters=owner)
    fifty = metrics.bootstrap_interval(metrics.bias, VALUE[:50], TARGET[:50])
    assert together.estimate == pytest.approx(alone.estimate)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert together.high - together.low == pytest.approx(fifty.high - fifty.low, rel=0.15)


def test_diebold_mariano_equals_the_formula_written_out() -> None:
    """Harvey, Leybourne and Newbold (1997), equations 2 to 9, for two steps ahead."""
    one, two = RNG.normal(size=(2, 40)) ** 2
    d, n, h = one - two, 40, 2
    autocovariance = [np.sum((d[k:] - d.mean()) * (d[: n - k] - d.mean())) / n for k in range(h)]
    statistic = d.mean() / np.sqrt((autocovariance[0] + 2 * autocovariance[1]) / n)
    corrected = statistic * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    found = metrics.diebold_mariano(one, two, horizon=h)
    assert found.statistic == pytest.approx(corrected)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(corrected), n - 1))


def test_diebold_mariano_of_one_step_is_the_paired_t_test() -> None:
    """With h = 1 the correction turns the variance over n into that over n - 1."""
    one, two = RNG.normal(size=(2, 30)) ** 2
    found, t = metrics.diebold_mariano(one, two), stats.ttest_rel(one, two)
    assert (found.statistic, found.p_value) == pytest.approx((t.statistic, t.pvalue))
    alone = metrics.diebold_mariano(one, two, clusters=np.arange(30))
    assert alone == pytest.approx(found)
    assert metrics.diebold_mariano(two, one).statistic == pytest.approx(-found.statistic)


def test_diebold_mariano_does_not_count_copies_as_evidence() -> None:
    one, two = RNG.normal(size=(2, 30)) ** 2
    copies = metrics.diebold_mariano(np.repeat(one, 9), np.repeat(two, 9), clusters=np.repeat(np.arange(30), 9))
    assert copies == pytest.approx(metrics.diebold_mariano(one, two))


def test_diebold_mariano_says_what_it_cannot_tell() -> None:
    assert np.isnan(metrics.diebold_mariano(np.ones(5), np.ones(5)).p_value)
    assert np.isnan(metrics.diebold_mariano([1.0, np.nan], [2.0, 1.0]).p_value)
    with pytest.raises(ValueError, match="horizon"):
        metrics.diebold_mariano(np.ones(3), np.zeros(3), horizon=4)
    with pytest.raises(ValueError, match="one length"):
        metrics.diebold_mariano(np.ones(3), np.zeros(4))


def test_calibration_groups_are_of_equal_number_and_add_up_to_the_bias() -> None:
    table = metrics.calibration_by_size(VALUE, TARGET)
    assert table["group"].tolist() == list(range(1, 11))
    assert (table["n"] == 40).all()
    assert np.average(table["bias"], weights=table["n"]) == pytest.approx(float(metrics.bias(VALUE, TARGET)))
    assert (np.diff(table["value"]) > 0).all()
    segments = metrics.calibration_by_segment(VALUE, TARGET, np.arange(400) % 3)
    assert segments["n"].sum() == 400
    one = VALUE[::3] / TARGET[::3]
    assert segments["bias_error"][0] == pytest.approx(np.log(one).std(ddof=1) / np.sqrt(len(one)))
