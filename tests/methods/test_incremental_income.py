"""Incremental income: against sums over years in 60 digits, and the laws of an income value."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.methods.base import State
from tests.methods import laws
from tests.methods.laws import CN, estimate
from tests.methods.subjects import subject

METHOD = ipv.IncrementalIncome()


def test_value_agrees_with_a_sum_over_years_in_60_digits() -> None:
    generic = mpmath.mpf(0.08)

    def income(columns: dict[str, Any], i: int) -> Any:
        carried = mpmath.mpf(columns["money"]["revenue"][i]) * mpmath.mpf(columns["attribution"][i])
        return carried * (mpmath.mpf(columns["operating_margin"][i]) - generic) * (1 - mpmath.mpf(CN.tax_rate.value))

    laws.check_exact(ipv.IncrementalIncome(generic_margin=0.08), income)


def test_half_a_year_by_hand() -> None:
    """2,000,000 * 0.25 * (0.22 - 0.10) * 0.75 = 45,000 a year; half of it, a quarter of a year away, at 10 %."""
    figures = {"cost_of_capital__8": 0.06, "country_risk_premium": 0.0, "patent_premium": 0.04} | laws.CERTAIN
    method = ipv.IncrementalIncome(generic_margin=0.10, tax_amortisation_benefit=False)
    columns: dict[str, Any] = {"attribution": 0.25, "operating_margin": 0.22, "remaining_term": 0.5}
    result = estimate(method, assumptions=CN.replace(**figures), money={"revenue": 2e6}, **columns)
    assert result.details["income"][0] == pytest.approx(45_000)
    assert result.value[0] == pytest.approx(22_500 / 1.10**0.25)


def test_value_falls_as_the_generic_margin_rises() -> None:
    columns = laws.random_book(20, 2)
    low, high = (estimate(ipv.IncrementalIncome(generic_margin=m), 20, **columns).value for m in (0.1, 0.2))
    assert (high < low).all()


def test_no_margin_and_no_premium_are_reasons() -> None:
    generic = CN.operating_margin["8"].value
    result = estimate(METHOD, 3, money={"revenue": 1e6}, operating_margin=[np.nan, generic, generic + 0.01])
    assert result.reason.tolist() == [Reason.NO_MARGIN, Reason.NO_EXCESS_INCOME, 0]
    assert np.isnan(result.value[:2]).all()


def test_a_given_premium_needs_no_margin() -> None:
    """A cost saving of 6 % of revenue is worth what a margin of 6 points above the generic one is worth."""
    given = estimate(ipv.IncrementalIncome(premium=0.06), money={"revenue": 1e6})
    derived = estimate(ipv.IncrementalIncome(generic_margin=0.0), money={"revenue": 1e6}, operating_margin=0.06)
    assert given.value[0] == derived.value[0]
    assert given.reason[0] == 0


def test_a_thin_premium_over_an_assumed_margin_has_a_wide_interval() -> None:
    generic = CN.operating_margin["8"].value
    result = estimate(METHOD, 2, money={"revenue": 1e6}, operating_margin=[generic + 0.02, generic + 0.2])
    assert result.details["log_sd"][0] > result.details["log_sd"][1]


@pytest.mark.parametrize(
    ("method", "generic", "premium"),
    [
        (METHOD, CN.operating_margin["8"].source, "economics.margin less the generic margin"),
        (ipv.IncrementalIncome(generic_margin=0.08), "set in the method", "economics.margin less the generic margin"),
        (ipv.IncrementalIncome(premium=0.06), CN.operating_margin["8"].source, "set in the method"),
    ],
    ids=["assumed", "generic margin set", "premium set"],
)
def test_sources_say_which_figure_is_assumed_and_which_is_set(
    method: ipv.IncrementalIncome, generic: str, premium: str
) -> None:
    found = method.sources(subject(1, money={"revenue": 1e6}), State(), CN)
    assert (found["generic_margin"], found["premium"]) == (generic, premium)
    assert (found["margin"] == "generic margin and premium") == (method.premium is not None)


def test_a_field_without_a_margin_of_its_own_takes_the_default_and_names_it() -> None:
    assumed = CN.model_copy(update={"operating_margin": {"default": CN.operating_margin["default"]}})
    found = METHOD.sources(subject(1, money={"revenue": 1e6}), State(), assumed)
    assert found["generic_margin"] == CN.operating_margin["default"].source


def test_steps_can_be_recomputed() -> None:
    steps = laws.check_steps(METHOD, "income").details
    assert (steps["premium"] == steps["margin"] - steps["generic_margin"]).all()
    income = steps["revenue"] * steps["attribution"] * steps["premium"] * (1 - steps["tax"])
    np.testing.assert_allclose(steps["income"], income, rtol=1e-15)
