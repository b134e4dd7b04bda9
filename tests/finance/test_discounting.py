import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.finance.discounting import annuity, present_value


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
        present_value(100.0, 0.08, np.inf, growth=0.03), 2000.0 * 1.08**0.5, rtol=1e-14, err_msg="half a year sooner"
    )
    assert np.isposinf(present_value(100.0, 0.03, np.inf, growth=0.05))


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


def test_annuity_at_no_rate_is_the_life():
    np.testing.assert_array_equal(annuity(0.0, [0.25, 3.0, 7.5]), [0.25, 3.0, 7.5])
