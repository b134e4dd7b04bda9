import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.finance.discounting import (
    annuity,
    build_up,
    capm,
    curve_rate,
    gordon,
    present_value,
    present_value_of_flows,
    wacc,
)
from tests.shared_data import DATA, existing


def year_by_year(flow, rate, years, growth, decay, share):
    """The sum that the closed form stands for, in 60 digits."""
    ratio = (1 + mpmath.mpf(growth)) * (1 - mpmath.mpf(decay))
    discount = 1 + mpmath.mpf(rate)
    whole, total, current = int(mpmath.floor(years)), mpmath.mpf(0), mpmath.mpf(flow)
    fraction = mpmath.mpf(years) - whole
    factor = 1 / discount
    at = discount ** -mpmath.mpf(share)
    for _ in range(whole):
        total += current * at
        current *= ratio
        at *= factor
    return total + current * fraction * discount ** -(whole + share * fraction)


@pytest.mark.parametrize("timing, share", [("mid", 0.5), ("end", 1.0)])
def test_closed_form_equals_the_year_by_year_sum_in_60_digits(timing, share):
    draw = np.random.default_rng(20240731)
    n = 5_000
    flow = draw.lognormal(12, 3, n)
    rate = draw.uniform(-0.05, 0.6, n)
    years = draw.uniform(0, 35, n)
    growth = draw.uniform(-0.5, 0.4, n)
    decay = draw.uniform(0, 0.6, n)
    growth[:500], decay[:500] = rate[:500], 0.0  # equal
    growth[500:1000] = rate[500:1000] * (1 + 1e-9)  # nearly equal
    decay[500:1000] = 0.0
    years[1000:1500] = np.floor(years[1000:1500])
    years[1500:2000] /= 40
    rate[2000:2200] = 0.0
    ours = present_value(flow, rate, years, growth=growth, decay=decay, timing=timing)
    with mpmath.workdps(60):
        exact = [float(year_by_year(*row, share)) for row in zip(flow, rate, years, growth, decay)]
    np.testing.assert_allclose(ours, exact, rtol=1e-12, atol=0)


def test_bits_do_not_depend_on_length_stride_or_shape():
    draw = np.random.default_rng(1)
    n = 1_001
    rate, years, growth, decay = (
        draw.uniform(0, 0.3, n),
        draw.uniform(0, 25, n),
        draw.uniform(-0.1, 0.2, n),
        draw.uniform(0, 0.4, n),
    )
    whole = present_value(100.0, rate, years, growth=growth, decay=decay)
    alone = [present_value(100.0, *row[:2], growth=row[2], decay=row[3])[()] for row in zip(rate, years, growth, decay)]
    np.testing.assert_array_equal(whole, alone)
    np.testing.assert_array_equal(
        whole[::-3], present_value(100.0, rate[::-3], years[::-3], growth=growth[::-3], decay=decay[::-3])
    )
    same_rate = present_value(100.0, 0.1, years)
    np.testing.assert_array_equal(same_rate, present_value(100.0, np.full(n, 0.1), years))


def test_result_has_the_broadcast_shape():
    assert present_value(1.0, 0.1, 5.0).shape == ()
    assert present_value(np.ones((3, 1)), [0.1, 0.2], 5.0).shape == (3, 2)
    assert present_value([], 0.1, 5.0).shape == (0,)


def test_no_life_is_worth_nothing():
    np.testing.assert_array_equal(present_value(100.0, 0.1, [0.0, -3.0, -np.inf]), [0.0, 0.0, 0.0])


@pytest.mark.parametrize("place", range(5))
def test_nan_in_any_input_gives_nan(place):
    inputs = [100.0, 0.1, 5.5, 0.02, 0.1]
    inputs[place] = np.nan
    assert np.isnan(present_value(*inputs[:3], growth=inputs[3], decay=inputs[4]))
    inputs[2] = np.nan if place == 2 else 0.0
    assert np.isnan(present_value(*inputs[:3], growth=inputs[3], decay=inputs[4]))


def test_out_of_range_inputs_give_nan_and_total_decay_leaves_the_first_year():
    assert np.isnan(present_value(1.0, -1.0, 5.0))
    assert np.isnan(present_value(1.0, 0.1, 5.0, growth=-1.5))
    assert np.isnan(present_value(1.0, 0.1, 5.0, decay=1.5))
    assert present_value(1.0, 0.1, 5.5, decay=1.0) == present_value(1.0, 0.1, 1.0)
    assert present_value(1.0, 0.1, 0.5, decay=1.0) == present_value(1.0, 0.1, 0.5)


def test_infinite_life_is_gordons_perpetuity():
    np.testing.assert_allclose(present_value(100.0, 0.08, np.inf, growth=0.03, timing="end"), 2000.0, rtol=1e-14)
    np.testing.assert_allclose(
        present_value(100.0, 0.08, np.inf, growth=0.03), gordon(100.0, 0.08, 0.03, timing="mid"), rtol=1e-14
    )
    assert np.isposinf(present_value(100.0, 0.03, np.inf, growth=0.05))
    assert np.isnan(gordon(100.0, 0.03, 0.03))


def test_unknown_timing_is_refused_by_name():
    with pytest.raises(ValueError, match="'start'"):
        present_value(1.0, 0.1, 1.0, timing="start")


rates = st.floats(0.0, 0.5)
lives = st.floats(0.05, 40.0)


@settings(max_examples=200, deadline=None)
@given(rates, rates, lives, st.floats(-0.3, 0.3))
def test_value_falls_as_discount_rate_rises(low, high, years, growth):
    low, high = sorted((low, high))
    assert present_value(1.0, low, years, growth=growth) >= present_value(1.0, high, years, growth=growth) * (1 - 1e-13)


@settings(max_examples=200, deadline=None)
@given(rates, lives, lives, st.floats(0.0, 0.9))
def test_value_rises_with_life_and_falls_with_decay(rate, one, other, decay):
    short, long = sorted((one, other))
    assert present_value(1.0, rate, short) <= present_value(1.0, rate, long) * (1 + 1e-13)
    assert present_value(1.0, rate, long, decay=decay) <= present_value(1.0, rate, long) * (1 + 1e-13)


def test_flow_matrix_agrees_with_the_closed_form():
    flows = 100.0 * 1.03 ** np.arange(12)
    np.testing.assert_allclose(
        present_value_of_flows(flows, 0.09), present_value(100.0, 0.09, 12, growth=0.03), rtol=1e-14
    )
    table = np.vstack([flows, 2 * flows])
    np.testing.assert_allclose(
        present_value_of_flows(table, [0.09, 0.05], timing="end"),
        present_value([100.0, 200.0], [0.09, 0.05], 12, growth=0.03, timing="end"),
        rtol=1e-14,
    )


def test_flow_matrix_on_a_curve_discounts_each_flow_at_its_own_rate():
    value = present_value_of_flows([[0.0, 110.0], [105.0, 0.0]], [0.05, 0.06], tenors=[1, 2], timing="end")
    np.testing.assert_allclose(value, [110 / 1.06**2, 105 / 1.05], rtol=1e-14)
    at = present_value_of_flows([[105.0]], [0.05, 0.06], tenors=[1, 2], times=[1.5])
    np.testing.assert_allclose(at, [105 / 1.055**1.5], rtol=1e-14)


def test_flow_rows_do_not_depend_on_their_neighbours():
    table = np.random.default_rng(3).normal(size=(57, 20))
    rate = np.random.default_rng(4).uniform(0, 0.2, 57)
    alone = [present_value_of_flows(row, one)[()] for row, one in zip(table, rate)]
    np.testing.assert_array_equal(present_value_of_flows(table, rate), alone)


def test_wrong_shapes_and_curves_are_refused():
    with pytest.raises(ValueError, match="times"):
        present_value_of_flows([[1.0, 2.0]], 0.1, times=[1.0])
    with pytest.raises(ValueError, match="increase"):
        curve_rate([2.0, 1.0], [0.1, 0.1], 1.0)
    with pytest.raises(ValueError, match="as many rates"):
        curve_rate([1.0, 2.0], [0.1], 1.0)


def test_curve_is_linear_inside_and_flat_outside():
    np.testing.assert_allclose(curve_rate([1, 3], [0.02, 0.06], [0, 1, 2, 3, 9]), [0.02, 0.02, 0.04, 0.06, 0.06])
    assert np.isnan(curve_rate([1, 3], [0.02, 0.06], np.nan))


def test_costs_of_capital():
    np.testing.assert_allclose(wacc([1.0, 0.0], 0.12, 0.05, 0.2), [0.12, 0.04])
    assert np.isnan(wacc(1.2, 0.1, 0.05))
    np.testing.assert_allclose(capm(0.02, [1.0, 2.0], 0.05, specific_premium=0.01), [0.08, 0.13])
    np.testing.assert_allclose(build_up(0.02), 0.02)
    np.testing.assert_allclose(build_up([0.02, 0.03], 0.01, 0.02), [0.05, 0.06])


def test_annuity_at_no_rate_is_the_life():
    np.testing.assert_array_equal(annuity(0.0, [0.25, 3.0, 7.5]), [0.25, 3.0, 7.5])


def test_flows_of_a_fractional_life_are_cut_within_their_last_period():
    draw = np.random.default_rng(11)
    years = np.concatenate([draw.uniform(0, 12, 9_000), [0.0, 12.0, 3.0, -1.0]])  # more rows than a block has
    rate = draw.uniform(0.01, 0.3, len(years))
    flows = np.broadcast_to(100.0 * 1.03 ** np.arange(12), (len(years), 12))
    for timing in ("mid", "end"):
        np.testing.assert_allclose(
            present_value_of_flows(flows, rate, years=years, timing=timing),
            present_value(100.0, rate, years, growth=0.03, timing=timing),
            rtol=1e-13,
        )
    on_curve = present_value_of_flows(flows, [0.07, 0.07], tenors=[1.0, 9.0], years=years)
    np.testing.assert_allclose(on_curve, present_value(100.0, 0.07, years, growth=0.03), rtol=1e-13)
    with pytest.raises(ValueError, match="not both"):
        present_value_of_flows([[1.0]], 0.1, times=[0.5], years=1.0)
    assert np.isnan(present_value_of_flows([[1.0, 2.0]], 0.1, years=np.nan)).all()


def test_terminal_value_after_a_horizon_completes_the_perpetuity():
    """Flows of the first n years and Gordon's value of those after them are all flows."""
    for timing in ("mid", "end"):
        early = present_value(100.0, 0.09, 7, growth=0.02, timing=timing)
        late = gordon(100.0 * 1.02**7, 0.09, 0.02, timing=timing, after=7.0)
        np.testing.assert_allclose(early + late, gordon(100.0, 0.09, 0.02, timing=timing), rtol=1e-14)


HEADERS = {"2025-01": 0.25, "2026-01": 0.25}


@pytest.mark.parametrize("edition", sorted(HEADERS))
def test_published_costs_of_capital_of_every_industry(edition):
    """Damodaran (NYU Stern), cost of capital by industry, US: WACC from its parts, tax at the marginal 25 %."""
    file = existing(DATA / "damodaran_2025_2026" / f"wacc_{edition}.csv")
    table = pd.read_csv(file)
    assert len(table) == 96
    ours = wacc(table["E/(D+E)"], table["Cost of Equity"], table["Cost of Debt"], HEADERS[edition])
    np.testing.assert_allclose(ours, table["Cost of Capital"], rtol=1e-9)
    # CAPM: cost of equity is one line over beta for all industries, riskless rate and premium its two numbers
    spread = np.diff(table["Cost of Equity"].to_numpy()[[0, 1]]) / np.diff(table["Beta"].to_numpy()[[0, 1]])
    riskless = table["Cost of Equity"][0] - spread * table["Beta"][0]
    np.testing.assert_allclose(capm(riskless, table["Beta"], spread), table["Cost of Equity"], rtol=1e-9)
    assert 0.03 < riskless[0] < 0.05
    assert 0.04 < spread[0] < 0.05
