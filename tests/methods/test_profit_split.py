"""Profit split: against sums over years in 60 digits, and the laws of an income value."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from tests.methods import laws
from tests.methods.laws import CN, estimate
from tests.methods.scorecards import TABLE, exact_score, state

METHOD = ipv.ProfitSplit()


def test_value_agrees_with_a_sum_over_years_in_60_digits() -> None:
    floor, ceiling = (mpmath.mpf(CN.profit_share[k].value) for k in ("floor", "ceiling"))

    def income(columns: dict[str, Any], i: int) -> Any:
        carried = mpmath.mpf(columns["money"]["revenue"][i]) * mpmath.mpf(columns["attribution"][i])
        share = floor + (ceiling - floor) * exact_score(columns, i) / 100
        return carried * mpmath.mpf(columns["operating_margin"][i]) * share * (1 - mpmath.mpf(CN.tax_rate.value))

    laws.check_exact(METHOD, income, state())


def test_one_year_by_hand() -> None:
    """1,000,000 * 0.5 * 0.20 = 100,000 of profit; score 75: share 0.2425; 18,187.50 after tax, half a year away."""
    figures = {"cost_of_capital__8": 0.06, "country_risk_premium": 0.0, "patent_premium": 0.04} | laws.CERTAIN
    columns: dict[str, Any] = {"attribution": 0.5, "operating_margin": 0.2, "remaining_term": 1.0}
    columns |= {"forward_citation_percentile": 2 / 3, "opposition_survived": 1.0}
    method = ipv.ProfitSplit(tax_amortisation_benefit=False)
    result = estimate(method, 1, state(), CN.replace(**figures), money={"revenue": 1e6}, **columns)
    assert result.details["score"][0] == pytest.approx(75.0)
    assert result.details["share_rate"][0] == pytest.approx(0.2425)
    assert result.value[0] == pytest.approx(18_187.5 / 1.10**0.5)


def test_value_rises_with_the_score_from_the_floor_to_the_ceiling() -> None:
    columns: dict[str, Any] = {"operating_margin": 0.2, "forward_citation_percentile": [0.0, 0.5, 1.0]}
    table = TABLE[:1]
    result = estimate(METHOD, 3, state(table), money={"revenue": 1e6}, **columns)
    assert (np.diff(result.value) > 0).all()
    bounds = CN.profit_share
    assert result.value[2] / result.value[0] == pytest.approx(bounds["ceiling"].value / bounds["floor"].value)


def test_no_profit_and_no_indicators_are_reasons() -> None:
    columns: dict[str, Any] = {"operating_margin": [-0.1, 0.2, 0.2], "forward_citation_percentile": [0.5, np.nan, 0.5]}
    result = estimate(METHOD, 3, state(), money={"revenue": 1e6}, **columns)
    assert result.reason.tolist() == [Reason.NO_EXCESS_INCOME, Reason.NO_INDICATORS, 0]
    assert np.isnan(result.value[:2]).all()


def test_steps_can_be_recomputed() -> None:
    steps = laws.check_steps(METHOD, "income", state()).details
    bounds = CN.profit_share
    share = bounds["floor"].value + (bounds["ceiling"].value - bounds["floor"].value) * steps["score"] / 100
    np.testing.assert_allclose(steps["share_rate"], share, rtol=1e-15)
    income = steps["revenue"] * steps["attribution"] * steps["margin"] * steps["share_rate"] * (1 - steps["tax"])
    np.testing.assert_allclose(steps["income"], income, rtol=1e-15)
