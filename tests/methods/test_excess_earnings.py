"""Excess earnings: against sums over years in 60 digits, and the laws of an income value."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from tests.methods import laws
from tests.methods.laws import CN, estimate

METHOD = ipv.ExcessEarnings()


def charge_rate() -> Any:
    """By hand: each asset's share of revenue times its return."""
    names = ("working_capital", "fixed_assets", "workforce")
    shares, returns = CN.contributory_share, CN.contributory_return
    return sum(mpmath.mpf(shares[k].value) * mpmath.mpf(returns[k].value) for k in names)


def test_value_agrees_with_a_sum_over_years_in_60_digits() -> None:
    def income(columns: dict[str, Any], i: int) -> Any:
        carried = mpmath.mpf(columns["money"]["revenue"][i]) * mpmath.mpf(columns["attribution"][i])
        left = mpmath.mpf(columns["operating_margin"][i]) * (1 - mpmath.mpf(CN.tax_rate.value)) - charge_rate()
        return carried * left

    laws.check_exact(METHOD, income)


def test_one_year_by_hand() -> None:
    """1,000,000 * 0.5 * (0.20 * 0.75 - 0.021) = 64,500 a year; half a year on, at 10 %, times 1 year's factor."""
    figures = {"contributory_share__working_capital": 0.10, "contributory_return__working_capital": 0.05}
    figures |= {"contributory_share__fixed_assets": 0.20, "contributory_return__fixed_assets": 0.06}
    figures |= {"contributory_share__workforce": 0.05, "contributory_return__workforce": 0.08}
    figures |= {"cost_of_capital__8": 0.06, "country_risk_premium": 0.0, "patent_premium": 0.04} | laws.CERTAIN
    method = ipv.ExcessEarnings(tax_amortisation_benefit=False)
    result = estimate(
        method,
        assumptions=CN.replace(**figures),
        money={"revenue": 1e6},
        attribution=0.5,
        operating_margin=0.20,
        remaining_term=1.0,
        revenue_growth=0.0,
    )
    assert result.details["charge"][0] == pytest.approx(10_500)
    assert result.details["excess"][0] == pytest.approx(64_500)
    assert result.value[0] == pytest.approx(64_500 / 1.10**0.5)


def test_value_falls_as_contributory_assets_ask_more() -> None:
    columns = laws.random_book(20, 2)
    dear = CN.replace(contributory_return__fixed_assets=0.12)
    assert (estimate(METHOD, 20, assumptions=dear, **columns).value < estimate(METHOD, 20, **columns).value).all()


def test_a_margin_that_only_feeds_the_other_assets_leaves_no_value() -> None:
    result = estimate(METHOD, 3, money={"revenue": 1e6}, operating_margin=[-0.1, 0.01, 0.3])
    assert result.reason.tolist() == [Reason.NO_EXCESS_INCOME, Reason.NO_EXCESS_INCOME, 0]
    assert np.isnan(result.value[:2]).all()


def test_an_unknown_margin_is_the_industrys_and_widens_the_interval() -> None:
    assumed = CN.operating_margin["8"].value
    result = estimate(METHOD, 2, money={"revenue": 1e6}, operating_margin=[np.nan, assumed])
    assert result.value[0] == result.value[1]
    assert result.details["log_sd"][0] > result.details["log_sd"][1]


def test_steps_can_be_recomputed() -> None:
    steps = laws.check_steps(METHOD, "excess").details
    profit = steps["revenue"] * steps["attribution"] * steps["margin"] * (1 - steps["tax"])
    np.testing.assert_allclose(steps["profit"], profit, rtol=1e-15)
    np.testing.assert_allclose(steps["excess"], steps["profit"] - steps["charge"], rtol=1e-15)
