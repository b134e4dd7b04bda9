import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.finance.discounting import SHAPES, present_value, ramp_share, ramped_present_value


def sold(time, ramp, shape):
    """Primitive of the share of full sales: what is sold until a time."""
    if time >= ramp:
        return ramp / 2 + (time - ramp)
    x = time / ramp
    return ramp * (x**2 / 2 if shape == "linear" else x**3 - x**4 / 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_share_of_a_period_is_the_mean_of_the_rising_sales_in_60_digits(shape):
    draw = np.random.default_rng(2)
    begin = draw.uniform(0, 8, 2_000)
    end = begin + 10 ** draw.uniform(-12, 0.5, 2_000)
    ramp = draw.uniform(0.01, 8, 2_000)
    ours = ramp_share(begin, end, ramp, shape=shape)
    with mpmath.workdps(60):
        for a, b, r, share in zip(*(map(mpmath.mpf, column) for column in (begin, end, ramp)), ours):
            exact = (sold(b, r, shape) - sold(a, r, shape)) / (b - a)
            assert abs(share - exact) <= 1e-13 * exact


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("timing, share", [("mid", 0.5), ("end", 1.0)])
def test_value_equals_the_year_by_year_sum_in_60_digits(shape, timing, share):
    draw = np.random.default_rng(3)
    n = 5_000  # more rows than a block has
    rate, growth, decay = draw.uniform(0, 0.4, n), draw.uniform(-0.3, 0.3, n), draw.uniform(0, 0.5, n)
    years, ramp = draw.uniform(0.001, 25, n), draw.uniform(0, 12, n)
    ramp[:200], years[200:300] = 0.0, np.floor(years[200:300])
    ours = ramped_present_value(100.0, rate, years, ramp, shape=shape, growth=growth, decay=decay, timing=timing)
    with mpmath.workdps(60):
        for i in range(0, n, 10):
            r, g, d, life, rise = (mpmath.mpf(column[i]) for column in (rate, growth, decay, years, ramp))
            total, k = mpmath.mpf(0), 0
            while k < life:
                part = min(life - k, mpmath.mpf(1))
                mean = (sold(k + part, rise, shape) - sold(mpmath.mpf(k), rise, shape)) / part if rise > 0 else 1
                total += 100 * mean * part * ((1 + g) * (1 - d)) ** k * (1 + r) ** -(k + mpmath.mpf(share) * part)
                k += 1
            assert abs(ours[i] - total) <= 1e-12 * total


def test_no_ramp_is_the_plain_value_to_the_bit():
    years = np.random.default_rng(4).uniform(0, 20, 500)
    plain = present_value(100.0, 0.11, years, growth=0.02, decay=0.1)
    assert (ramped_present_value(100.0, 0.11, years, 0.0, growth=0.02, decay=0.1) == plain).all()


def test_bits_do_not_depend_on_neighbours():
    draw = np.random.default_rng(5)
    years, ramp = draw.uniform(0, 20, 9_001), draw.uniform(0, 6, 9_001)
    whole = ramped_present_value(1.0, 0.1, years, ramp, growth=0.03)
    assert (whole[::-7] == ramped_present_value(1.0, 0.1, years[::-7], ramp[::-7], growth=0.03)).all()
    assert whole[17] == ramped_present_value(1.0, 0.1, years[17], ramp[17], growth=0.03)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 0.4), st.floats(0.1, 20), st.floats(0, 10), st.floats(0.01, 5), st.sampled_from(SHAPES))
def test_value_falls_as_the_ramp_lengthens_and_lies_between_nothing_and_full_sales(rate, years, ramp, more, shape):
    short, long = (ramped_present_value(1.0, rate, years, r, shape=shape) for r in (ramp, ramp + more))
    assert 0 < long <= short * (1 + 1e-13)
    assert short <= present_value(1.0, rate, years) * (1 + 1e-13)


def test_bad_inputs_are_nan_and_unknown_words_are_refused():
    assert np.isnan(ramped_present_value(1.0, 0.1, 5.0, [np.nan, -1.0, np.inf])).all()
    assert np.isnan(ramped_present_value(np.nan, 0.1, 5.0, 2.0))
    assert np.isnan(ramp_share([2.0, -1.0], 1.0, 3.0)).all()
    assert ramped_present_value(1.0, 0.1, [0.0, -2.0], 3.0).tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="'step'"):
        ramp_share(0.0, 1.0, 1.0, shape="step")
    with pytest.raises(ValueError, match="'start'"):
        ramped_present_value(1.0, 0.1, 1.0, 1.0, timing="start")
