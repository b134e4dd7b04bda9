import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from ipvalue.finance import options
from ipvalue.finance.options_compound import bivariate_normal
from tests.shared_data import CASES, absent


def published():
    if not CASES.exists():
        return absent(CASES, {})
    cases = json.loads(CASES.read_text())
    return [pytest.param(case, id=case["id"]) for case in cases if hasattr(options, case["method"])]


@pytest.mark.parametrize("case", published())
def test_published_option_values(case):
    value = getattr(options, case["method"])(**case["inputs"])
    absolute = "absolute" in case["note"] or "two decimals" in case["note"]
    tolerance = case["tolerance"] * (1.0 if absolute else abs(case["expected"]))
    assert abs(value - case["expected"]) <= tolerance
    if "fine_lattice" in case:  # of 1000 x 1000 finite differences
        assert value == pytest.approx(case["fine_lattice"], rel=2e-4)


def grid(*axes):
    return np.ascontiguousarray(np.array(list(itertools.product(*axes)), dtype=float).T)


@pytest.mark.parametrize("kind", ["put", "call"])
def test_american_is_within_a_thousandth_of_a_fine_lattice(kind):
    spot, years, rate, sigma, payout = grid(
        [0.7, 0.85, 1, 1.15, 1.4],
        [0.25, 1, 5, 15],
        [0.02, 0.05, 0.1],
        [0.15, 0.3, 0.6, 1.0],
        [0, 0.03, 0.06, 0.12],
    )[:, :: 7 if kind == "put" else 11]
    inputs = (spot, 1.0, years, rate, sigma, payout)
    coarse, fine = (options.lattice(*inputs, kind=kind, steps=steps) for steps in (751, 1503))
    reference = 2 * fine - coarse  # the error of an American lattice falls in proportion to the steps
    worth = reference > 1e-3
    error = np.abs(options.american(*inputs, kind=kind) - reference)[worth] / reference[worth]
    print(f"\n{kind}: {worth.sum()} contracts, median {np.median(error):.1e}, largest {error.max():.1e}")
    assert error.max() < 1e-3
    assert np.median(error) < 2e-5


def test_american_is_stable_where_rates_are_large_against_volatility():
    spot, years, rate, sigma, payout = grid([1, 1.15], [0.5, 3, 10, 20], [0.1, 0.2], [0.05, 0.1], [-0.02, 0, 0.02, 0.1])
    inputs = (spot, 1.0, years, rate, sigma, payout)
    value = options.american(*inputs, kind="put")
    lattices = np.mean([options.lattice(*inputs, kind="put", steps=steps) for steps in (801, 901, 1001, 1101)], axis=0)
    np.testing.assert_allclose(value, lattices, rtol=1e-2, atol=1e-4)


parts = st.tuples(
    st.floats(0.3, 3.0),
    st.floats(0.01, 25.0),
    st.floats(-0.02, 0.15),
    st.floats(0.05, 1.0),
    st.floats(-0.02, 0.15),
)


@settings(max_examples=150, deadline=None)
@given(parts, st.sampled_from(["call", "put"]))
def test_american_lies_above_european_and_payoff_and_below_the_obvious(contract, kind):
    spot, years, rate, sigma, payout = contract
    value = options.american(spot, 1.0, years, rate, sigma, payout, kind=kind)
    european = options.european(spot, 1.0, years, rate, sigma, payout, kind=kind)
    assert value >= european
    assert value >= (spot - 1.0 if kind == "call" else 1.0 - spot)
    most = spot * np.exp(max(-payout, 0) * years) if kind == "call" else np.exp(max(-rate, 0) * years)
    assert value <= most * (1 + 1e-9)


@settings(max_examples=100, deadline=None)
@given(parts, st.sampled_from(["call", "put"]))
def test_american_value_rises_with_life_and_volatility(contract, kind):
    spot, years, rate, sigma, payout = contract
    value = options.american(spot, 1.0, years, rate, sigma, payout, kind=kind)
    slack = 1e-3 * value + 1e-5
    assert options.american(spot, 1.0, 1.3 * years, rate, sigma, payout, kind=kind) >= value - slack
    assert options.american(spot, 1.0, years, rate, 1.2 * sigma, payout, kind=kind) >= value - slack


def test_american_call_without_yield_is_european_and_long_options_are_perpetual():
    inputs = (np.array([0.8, 1.0, 1.3]), 1.0, 5.0, 0.05, 0.3)
    np.testing.assert_array_equal(options.american(*inputs), options.european(*inputs))
    long = options.american([0.7, 1.0, 1.5], 1.0, 400.0, 0.05, 0.3, 0.04, kind="call")
    np.testing.assert_allclose(long, options.perpetual([0.7, 1.0, 1.5], 1.0, 0.05, 0.3, 0.04), rtol=1e-3)


def test_contracts_that_share_a_boundary_have_the_bits_of_contracts_alone():
    draw = np.random.default_rng(5)
    n = 1_300  # more than a block
    spots = draw.uniform(0.5, 2.0, (n, 4))
    terms = (draw.uniform(0.1, 15, (n, 1)), draw.uniform(0, 0.3, (n, 1)), 0.25, draw.uniform(0, 0.1, (n, 1)))
    for kind in ("call", "put"):
        shared = options.american(spots, 1.0, *terms, kind=kind)
        apart = [options.american(spot, 1.0, *(np.ravel(each) for each in terms), kind=kind) for spot in spots.T]
        np.testing.assert_array_equal(shared, np.column_stack(apart))


def test_american_calls_are_puts_with_the_roles_exchanged():
    spot, years, rate, sigma, payout = grid([0.8, 1.2], [0.5, 5], [0.03, 0.08], [0.2, 0.6], [0.02, 0.09])
    call = options.american(spot, 1.0, years, rate, sigma, payout, kind="call")
    put = options.american(1.0, spot, years, payout, sigma, rate, kind="put")
    np.testing.assert_allclose(call, put, rtol=1e-13)


def test_negative_rates_with_two_boundaries_agree_with_the_lattice():
    value = options.american([0.8, 0.95, 1.1], 1.0, 5.0, -0.01, 0.1, -0.04, kind="put")
    fine = options.lattice([0.8, 0.95, 1.1], 1.0, 5.0, -0.01, 0.1, -0.04, kind="put", steps=2_001)
    np.testing.assert_allclose(value, fine, rtol=2e-3)


def test_bits_of_american_values_do_not_depend_on_the_batch():
    draw = np.random.default_rng(8)
    n = 2_500
    columns = (
        draw.uniform(0.5, 2, n),
        draw.uniform(0.8, 1.2, n),
        draw.uniform(0, 20, n),
        draw.uniform(-0.01, 0.1, n),
        draw.uniform(0.1, 0.8, n),
        draw.uniform(-0.01, 0.1, n),
    )
    for function in (options.american, options.european):
        whole = function(*columns)
        np.testing.assert_array_equal(whole[::-1], function(*(each[::-1] for each in columns)))
        some = slice(17, 2_100, 61)
        np.testing.assert_array_equal(whole[some], function(*(each[some] for each in columns)))


@pytest.mark.parametrize("function", [options.european, options.american, options.lattice])
def test_degenerate_contracts(function):
    assert function(120.0, 100.0, 0.0, 0.05, 0.3) == pytest.approx(20.0)
    assert function(80.0, 100.0, 0.0, 0.05, 0.3) == pytest.approx(0.0, abs=1e-9)
    assert function(80.0, 100.0, -1.0, 0.05, 0.3, kind="put") == pytest.approx(20.0)
    assert function(100.0, 100.0, 2.0, 0.05, 0.0) == pytest.approx(100 - 100 * np.exp(-0.1), rel=1e-3)
    assert function(0.0, 100.0, 2.0, 0.05, 0.3) == 0.0
    assert function(100.0, 0.0, 2.0, 0.05, 0.3) == pytest.approx(100.0)
    assert function(100.0, 0.0, 2.0, 0.05, 0.3, kind="put") == pytest.approx(0.0, abs=1e-9)
    least = 100.0 if function is not options.european else 100 * np.exp(-0.1)
    assert function(0.0, 100.0, 2.0, 0.05, 0.3, kind="put") == pytest.approx(least)
    assert np.isnan(function([np.nan, -1.0, 1.0, 1.0], [1.0, 1.0, -1.0, 1.0], 1.0, 0.05, [0.3, 0.3, 0.3, -0.3])).all()
    with pytest.raises(ValueError, match="kind"):
        function(1.0, 1.0, 1.0, 0.05, 0.3, kind="straddle")


def test_a_certain_asset_is_exercised_at_the_best_time():
    # K e^(-rt) - S e^(-qt) is largest where r K e^(-rt) = q S e^(-qt)
    times = np.linspace(0, 10, 100_001)
    for rate, payout, spot in ((0.02, 0.10, 0.9), (0.05, 0.0, 0.9), (-0.02, 0.03, 0.9), (0.02, 0.3, 1.5)):
        best = max(np.max(np.exp(-rate * times) - spot * np.exp(-payout * times)), 0.0)
        assert options.american(spot, 1.0, 10.0, rate, 0.0, payout, kind="put") == pytest.approx(best, rel=1e-8)


@settings(deadline=None)
@given(parts)
def test_put_call_parity(contract):
    spot, years, rate, sigma, payout = contract
    call, put = (options.european(spot, 1.0, years, rate, sigma, payout, kind=kind) for kind in ("call", "put"))
    np.testing.assert_allclose(call - put, spot * np.exp(-payout * years) - np.exp(-rate * years), atol=1e-13)


def test_lattice_of_a_european_option_converges_to_the_formula():
    spot, years, rate, sigma, payout = grid([0.8, 1.0, 1.3], [0.5, 10], [0.0, 0.08], [0.1, 0.7], [0.0, 0.05])
    for kind in ("call", "put"):
        exact = options.european(spot, 1.0, years, rate, sigma, payout, kind=kind)
        close = options.lattice(spot, 1.0, years, rate, sigma, payout, kind=kind, style="european", steps=301)
        np.testing.assert_allclose(close, exact, rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="style"):
        options.lattice(1.0, 1.0, 1.0, 0.05, 0.3, style="asian")
    with pytest.raises(ValueError, match="step"):
        options.lattice(1.0, 1.0, 1.0, 0.05, 0.3, steps=0)


def test_perpetual_put_of_mertons_formula_and_the_limits():
    # Merton (1973): without yield the exponent of the put is -2 r / sigma^2
    rate, sigma, exponent = 0.05, 0.3, 2 * 0.05 / 0.3**2
    threshold = exponent / (1 + exponent)
    np.testing.assert_allclose(options.perpetual_threshold(1.0, rate, sigma, 0.0, kind="put"), threshold)
    value = (1 - threshold) * (1.2 / threshold) ** -exponent
    np.testing.assert_allclose(options.perpetual(1.2, 1.0, rate, sigma, 0.0, kind="put"), value)
    assert options.perpetual(0.3, 1.0, rate, sigma, 0.0, kind="put") == pytest.approx(0.7)
    assert options.perpetual(5.0, 1.0, rate, sigma, 0.0) == 5.0
    assert np.isposinf(options.perpetual_threshold(1.0, rate, sigma, 0.0))
    assert options.perpetual(0.0, 1.0, rate, sigma, 0.04) == 0.0
    assert options.perpetual(0.0, 1.0, rate, sigma, 0.04, kind="put") == 1.0
    assert options.perpetual(2.0, 0.0, rate, sigma, 0.04) == 2.0
    assert options.perpetual(2.0, 0.0, rate, sigma, 0.04, kind="put") == 0.0
    assert options.perpetual(2.0, 1.0, 0.0, sigma, 0.04, kind="put") == 1.0
    assert np.isnan(options.perpetual([np.nan, 1.0, -1.0], 1.0, [0.05, -0.05, 0.05], sigma, 0.04)).all()


def test_threshold_of_investment_rises_with_uncertainty():
    thresholds = options.perpetual_threshold(1.0, 0.05, [0.01, 0.1, 0.3, 0.6], 0.05)
    assert (np.diff(thresholds) > 0).all()
    assert thresholds[0] == pytest.approx(1.0, abs=0.05)


def test_exchange_into_a_certain_asset_is_an_ordinary_option():
    value = options.exchange(110.0, 100.0, 2.0, 0.3, 0.0, 0.0, 0.02, 0.05)
    np.testing.assert_allclose(value, options.european(110.0, 100.0, 2.0, 0.05, 0.3, 0.02))
    same = options.exchange(110.0, 100.0, 2.0, 0.3, 0.3, 1.0)
    np.testing.assert_allclose(same, 10.0, atol=1e-6)
    assert np.isnan(options.exchange(1.0, 1.0, 1.0, 0.2, 0.2, [1.5, np.nan])).all()


@pytest.mark.parametrize("rho", [-1.0, -0.99, -0.4, 0.0, 0.6, 0.999, 1.0])
def test_bivariate_normal_against_scipy(rho):
    points = [-6.0, -1.3, 0.0, 0.4, 2.5, 50.0]
    for h, k in itertools.product(points, points):
        exact = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]], allow_singular=True).cdf([h, k])
        assert bivariate_normal(h, k, rho) == pytest.approx(exact, abs=1e-7 if abs(rho) == 1 else 1e-9)


@pytest.mark.parametrize("kind", ["call_on_call", "put_on_call", "call_on_put", "put_on_put"])
def test_compound_option_is_the_expected_payoff_at_the_first_date(kind):
    spot, strike, price, first, second, rate, sigma, payout = 100.0, 95.0, 8.0, 0.75, 2.0, 0.05, 0.35, 0.03
    outer, inner = kind.split("_on_")

    def payoff(deviate):
        then = spot * np.exp((rate - payout - sigma**2 / 2) * first + sigma * np.sqrt(first) * deviate)
        option = options.european(then, strike, second - first, rate, sigma, payout, kind=inner)
        return np.maximum((option - price) * (1 if outer == "call" else -1), 0) * stats.norm.pdf(deviate)

    expected = np.exp(-rate * first) * integrate.quad(payoff, -9, 9, limit=400, epsabs=1e-9)[0]
    value = options.compound(spot, strike, price, first, second, rate, sigma, payout, kind=kind)
    np.testing.assert_allclose(value, expected, rtol=1e-7)


def test_compound_at_the_limits():
    call = options.european(100.0, 95.0, 2.0, 0.05, 0.35)
    np.testing.assert_allclose(options.compound(100.0, 95.0, 0.0, 1.0, 2.0, 0.05, 0.35), call)
    np.testing.assert_allclose(options.compound(100.0, 95.0, 8.0, 0.0, 2.0, 0.05, 0.35), call - 8.0)
    np.testing.assert_allclose(
        options.compound(100.0, 95.0, 8.0, 2.0, 2.0, 0.05, 0.35),
        options.european(100.0, 103.0, 2.0, 0.05, 0.35),
        rtol=1e-8,
    )
    assert options.compound(100.0, 95.0, 8.0, 1.0, 2.0, 0.05, 0.0) == pytest.approx(
        100 - 95 * np.exp(-0.1) - 8 * np.exp(-0.05)
    )
    assert options.compound(100.0, 95.0, 200.0, 1.0, 2.0, 0.05, 0.35, kind="call_on_put") == pytest.approx(
        0.0, abs=1e-12
    )
    assert options.compound(100.0, 0.0, 8.0, 1.0, 2.0, 0.05, 0.35, kind="put_on_put") == pytest.approx(
        8 * np.exp(-0.05)
    )
    assert options.compound(0.0, 95.0, 8.0, 1.0, 2.0, 0.05, 0.35) == 0.0
    assert np.isnan(options.compound([100.0, np.nan], 95.0, 8.0, [3.0, 1.0], 2.0, 0.05, 0.35)).all()
    with pytest.raises(ValueError, match="kind"):
        options.compound(1.0, 1.0, 1.0, 1.0, 2.0, 0.05, 0.3, kind="call")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("spot", [1e-306, 1e-200, 1e-30])
def test_an_option_on_an_asset_close_to_zero_is_worth_nothing_without_a_warning(spot):
    value = options.american(spot, 1e5, 10.0, 0.02, 0.3, 0.1)
    assert 0.0 <= value <= spot
