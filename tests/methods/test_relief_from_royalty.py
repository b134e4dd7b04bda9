"""Relief from royalty: against a 60-digit computation, and the laws that any value of savings obeys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.methods.base import Estimate, State
from ipvalue.methods.relief_from_royalty import royalty_table
from tests.methods import laws
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
METHOD = ipv.ReliefFromRoyalty()
LEARNT = State(
    tables={"royalty": {"rate": np.full(36, 0.05), "log_sd": np.full(36, 0.7), "licences": np.zeros(36, np.int64)}}
)


def estimate(n: int = 1, assumptions: ipv.Assumptions = CN, **columns: object) -> Estimate:
    return ipv.ReliefFromRoyalty().estimate(subject(n, **columns), LEARNT, assumptions)


@settings(max_examples=60, deadline=None)
@given(
    revenue=st.floats(1e3, 1e9),
    share=st.floats(0.01, 0.9),
    rate=st.floats(0.001, 0.5),
    term=st.floats(0.1, 14),
    more=st.floats(1.01, 2.0),
)
def test_value_rises_with_revenue_attribution_royalty_and_remaining_life(
    revenue: float, share: float, rate: float, term: float, more: float
) -> None:
    base: dict[str, object] = {
        "money": {"revenue": revenue},
        "attribution": share,
        "royalty_rate": rate,
        "remaining_term": term,
    }
    value = estimate(**base).value[0]
    assert estimate(**base | {"money": {"revenue": revenue * more}}).value[0] > value
    assert estimate(**base | {"attribution": min(share * more, 1.0)}).value[0] > value
    assert estimate(**base | {"royalty_rate": rate * more}).value[0] > value
    assert estimate(**base | {"remaining_term": term * more if term * more < 15 else 15.0}).value[0] >= value


def test_value_falls_as_discount_rate_tax_and_decline_rise() -> None:
    base = {"money": {"revenue": 1e6}}
    value = estimate(**base).value[0]
    assert estimate(assumptions=CN.replace(patent_premium=0.08), **base).value[0] < value
    assert estimate(assumptions=CN.replace(revenue_decline__default=0.2), **base).value[0] < value
    without = ipv.ReliefFromRoyalty(tax_amortisation_benefit=False)
    subjects = subject(1, **base)
    low, high = (without.estimate(subjects, LEARNT, CN.replace(tax_rate=t)).value[0] for t in (0.15, 0.25))
    assert high < low
    assert low == pytest.approx(high * 0.85 / 0.75, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_value_scales_with_the_unit_of_money(scale: float) -> None:
    one, other = (estimate(money={"revenue": 1e6 * s}) for s in (1.0, scale))
    np.testing.assert_allclose(other.value, one.value * scale, rtol=1e-13)
    np.testing.assert_allclose(other.quantiles, one.quantiles.values * scale, rtol=1e-12)


def test_steps_can_be_recomputed() -> None:
    laws.check_steps(METHOD, "saving", LEARNT)


def test_no_revenue_no_term_and_no_income_are_reasons_not_values() -> None:
    result = estimate(
        4,
        money={"revenue": [np.nan, 0.0, 1e6, 1e6], "success_probability": [1, 1, 1, 0]},
        remaining_term=[10, 10, np.nan, 10],
    )
    expected = [Reason.NO_REVENUE, Reason.NO_REVENUE, Reason.NO_TERM_RULE, Reason.NO_FUTURE_INCOME]
    assert result.reason.tolist() == expected
    assert np.isnan(result.value).all()


def test_a_stated_growth_replaces_the_assumed_decline() -> None:
    stated = estimate(money={"revenue": 1e6}, revenue_growth=-0.10)
    assert stated.details["decline"][0] == 0.0
    assert estimate(money={"revenue": 1e6}).details["decline"][0] == CN.revenue_decline["default"].value


def test_interval_narrows_as_more_is_given() -> None:
    assumed = estimate(money={"revenue": 1e6})
    known = estimate(money={"revenue": 1e6}, attribution=0.25, royalty_rate=0.05)
    assert known.details["log_sd"][0] < assumed.details["log_sd"][0]
    assert (np.diff(known.quantiles[0]) > 0).all()


def test_royalty_of_a_field_leans_on_its_licences_as_they_grow() -> None:
    """Posterior by hand: one licence of 10 % in field 3 with weight 1, all licences 10 %, assumed 4 %."""
    center, _, counts = royalty_table(np.array([3]), np.array([0.10]), np.full(36, 0.04), 0.7, 1.0)
    overall = (np.log(0.10) + np.log(0.04)) / 2
    assert center[3] == pytest.approx(np.exp((np.log(0.10) + overall) / 2))
    assert center[5] == pytest.approx(np.exp(overall))
    assert counts[3] == 1
    many, spread, _ = royalty_table(np.full(500, 3), np.full(500, 0.10), np.full(36, 0.04), 0.7, 1.0)
    assert many[3] == pytest.approx(0.10, rel=0.01)
    assert spread[3] < 0.1


def test_a_book_without_licences_takes_the_assumed_rate() -> None:
    center, spread, _ = royalty_table(np.zeros(0, int), np.zeros(0), np.full(36, 0.043), 0.72, 10.0)
    np.testing.assert_allclose(center, 0.043)
    np.testing.assert_allclose(spread, 0.72)
