import numpy as np

from ipvalue.finance.currency import convert, forward_rate, rate_in_currency
from ipvalue.finance.discounting import present_value, present_value_of_flows


def test_conversion_there_and_back_is_the_amount_and_into_itself_exact():
    amount = np.random.default_rng(1).lognormal(10, 4, 1_000)
    np.testing.assert_allclose(convert(convert(amount, 0.1389, 1.08), 1.08, 0.1389), amount, rtol=1e-15)
    assert (convert(amount, 0.1389, 0.1389) == amount).all()
    assert np.isnan(convert(1.0, [0.0, -1.0, np.nan], 1.0)).all()


def test_both_ways_of_conversion_agree():
    """Foreign flows at the foreign rate and today's exchange, or flows at forward exchange and the home rate."""
    spot, home, foreign, rate = 7.2, 0.0185, 0.0414, 0.11
    flows = 100.0 * 1.04 ** np.arange(10)
    abroad = spot * present_value_of_flows(flows, rate)
    at_home = flows * forward_rate(spot, home, foreign, np.arange(10) + 0.5)
    np.testing.assert_allclose(
        present_value_of_flows(at_home, rate_in_currency(rate, home, foreign)), abroad, rtol=1e-13
    )
    np.testing.assert_allclose(abroad, spot * present_value(100.0, rate, 10, growth=0.04), rtol=1e-13)


def test_equal_rates_leave_exchange_and_discount_as_they_are():
    np.testing.assert_allclose(forward_rate(7.2, 0.03, 0.03, [0.0, 5.0]), 7.2, rtol=1e-15)
    np.testing.assert_allclose(rate_in_currency(0.12, 0.03, 0.03), 0.12, rtol=1e-14)
    assert np.isnan(rate_in_currency(0.1, -1.0, 0.02))
    assert np.isnan(forward_rate(1.0, 0.02, -1.5, 1.0))
