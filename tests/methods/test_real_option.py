"""The option to develop: Damodaran's Avonex, and the laws that every such option obeys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.risk_free_rates import CURVE_COLUMNS, curve_columns
from ipvalue.methods.base import Estimate, State
from ipvalue.methods.real_option import development_option
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
LEARNT = State(
    tables={"royalty": {"rate": np.full(36, 0.05), "log_sd": np.full(36, 0.7), "licences": np.zeros(36, np.int64)}}
)


def estimate(n: int = 1, exercise: str = "american", assumptions: ipv.Assumptions = CN, **columns: object) -> Estimate:
    return ipv.RealOption(exercise=exercise).estimate(subject(n, **columns), LEARNT, assumptions)


def money(revenue: float, cost: float) -> dict[str, dict[str, float]]:
    return {"money": {"revenue": revenue, "cost_to_develop": cost}}


def test_avonex_is_worth_what_damodaran_says(data_dir: Path) -> None:
    cases = json.loads((data_dir.parent / "cases" / "cases.json").read_text("utf-8"))
    rows = cases["cases"] if isinstance(cases, dict) else cases
    case = next(row for row in rows if row["id"] == "damodaran-avonex")
    given_ = case["inputs"]
    assert 1 / given_["years"] == pytest.approx(given_["dividend"])
    value = development_option(
        given_["spot"], given_["strike"], given_["years"], given_["rate"], given_["volatility"], exercise="european"
    )
    assert float(value) == pytest.approx(case["expected"], rel=case["tolerance"])


def test_spot_is_the_value_of_relief_from_royalty() -> None:
    columns = money(1e6, 5e4)
    income = ipv.ReliefFromRoyalty().estimate(subject(1, **columns), LEARNT, CN)
    result = estimate(**columns)
    assert result.details["spot"][0] == income.value[0]
    assert result.details["delay"][0] == pytest.approx(1 / 10)
    assert result.details["rate"][0] == pytest.approx(np.log(1 + CN.risk_free_rate.value))


def test_the_rate_is_the_curves_at_the_remaining_years() -> None:
    """By hand: 4 % at ten years and 6 % at twenty are 4.6 % at thirteen; a life of 20 years, 5 of them gone, has 15."""
    curve = {"zero_rate_1": 0.01, "zero_rate_5": 0.03, "zero_rate_10": 0.04, "zero_rate_20": 0.06}
    given_ = subject(3, money={"revenue": 1e6, "cost_to_develop": 5e4, **curve}, remaining_term=[13.0, 0.5, 25.0])
    result = ipv.RealOption().estimate(given_, LEARNT, CN)
    assert result.details["rate"].tolist() == pytest.approx(np.log1p([0.046, 0.01, 0.05]).tolist())
    assert ipv.RealOption().sources(given_, LEARNT, CN)["rate"] == "curves, CNY"
    assumed = subject(1, **money(1e6, 5e4))
    assert ipv.RealOption().sources(assumed, LEARNT, CN)["rate"] == CN.risk_free_rate.source


def test_the_curve_is_the_last_one_known_in_the_valuations_currency() -> None:
    rows = [
        ("2020-12-31", "CNY", 1.0, 0.02),
        ("2020-12-31", "CNY", 10.0, 0.03),
        ("2021-06-30", "CNY", 1.0, 0.05),
        ("2020-12-31", "USD", 10.0, 0.09),
    ]
    curves = pd.DataFrame(rows, columns=["date", "currency", "tenor_years", "rate"])
    patents = pd.DataFrame({"patent_id": ["A"], "jurisdiction": ["CN"], "application_date": ["2019-01-01"]})
    book = ipv.Book(patents, curves=curves)

    def known(day: str, region: Literal["CN", "US", "EU"] = "CN") -> list[float]:
        columns = curve_columns(book.as_of(day), ipv.Assumptions.default(region), 1)
        return [float(columns[name][0]) for name in CURVE_COLUMNS]

    assert known("2021-06-29") == pytest.approx([0.02, 0.02 + 0.01 * 4 / 9, 0.03, 0.03])
    assert known("2021-06-30") == pytest.approx([0.05] * 4)
    assert known("2021-06-30", "US") == pytest.approx([0.09] * 4)
    assert np.isnan(known("2020-12-30")).all() and np.isnan(known("2021-06-30", "EU")).all()


@settings(max_examples=40, deadline=None)
@given(
    spot=st.floats(1e3, 1e9),
    ratio=st.floats(0.2, 3.0),
    years=st.floats(0.5, 19.0),
    rate=st.floats(0.0, 0.1),
    volatility=st.floats(0.15, 0.8),
    more=st.floats(1.05, 2.0),
)
def test_option_laws(spot: float, ratio: float, years: float, rate: float, volatility: float, more: float) -> None:
    cost = spot * ratio
    value = float(development_option(spot, cost, years, rate, volatility))
    near = 1e-3 * value + 1e-6 * cost
    assert value >= max(spot - cost, 0.0) - 1e-9 * spot
    assert value >= float(development_option(spot, cost, years, rate, volatility, exercise="european")) - 1e-9 * spot
    assert float(development_option(spot * more, cost, years, rate, volatility)) >= value - near
    assert float(development_option(spot, cost * more, years, rate, volatility)) <= value + near
    assert float(development_option(spot, cost, years, rate, volatility * more)) >= value - near
    assert float(development_option(spot, cost, years * more, rate, volatility)) >= value - near
    assert float(development_option(spot * more, cost * more, years, rate, volatility)) == pytest.approx(value * more)


def test_value_rises_with_revenue_and_falls_with_cost() -> None:
    result = estimate(3, money={"revenue": [1e6, 2e6, 1e6], "cost_to_develop": [5e4, 5e4, 1e5]})
    assert result.value[1] > result.value[0] > result.value[2] > 0
    assert (np.diff(result.quantiles, axis=1) > 0).all()
    assert (result.value >= result.details["intrinsic"]).all()


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_value_scales_with_the_unit_of_money(scale: float) -> None:
    one, other = (estimate(**money(1e6 * s, 5e4 * s)) for s in (1.0, scale))
    np.testing.assert_allclose(other.value, one.value * scale, rtol=1e-9)
    np.testing.assert_allclose(other.quantiles, one.quantiles.values * scale, rtol=1e-8)


def test_no_cost_no_revenue_and_no_life_are_reasons() -> None:
    result = estimate(
        5,
        money={"revenue": [1e6, 1e6, np.nan, 1e6, 1e6], "cost_to_develop": [np.nan, 0.0, 1e4, 1e4, 1e4]},
        remaining_term=[10, 10, 10, np.nan, 0],
    )
    expected = [Reason.NO_COST, Reason.NO_COST, Reason.NO_REVENUE, Reason.NO_TERM_RULE, Reason.TERM_OVER]
    assert result.reason.tolist() == expected
    assert np.isnan(result.value).all()


def test_value_dies_with_the_right() -> None:
    """An option in the money is worth its intrinsic value, which falls to nothing with the years of income."""
    result = estimate(4, money={"revenue": 1e6, "cost_to_develop": 10.0}, remaining_term=[1.0, 0.1, 0.01, 0.004])
    assert (np.diff(result.value) < 0).all()
    assert result.value[-1] < 0.01 * result.value[0]


def test_values_do_not_depend_on_the_chunk() -> None:
    random = np.random.default_rng(3)
    n = 500
    columns = {"revenue": 10 ** random.uniform(4, 8, n), "cost_to_develop": 10 ** random.uniform(3, 7, n)}
    patents = subject(n, money=columns, remaining_term=random.uniform(0.1, 18, n))
    method = ipv.RealOption()
    whole = method.estimate(patents, LEARNT, CN)
    parts = [method.estimate(patents.take(rows), LEARNT, CN) for rows in np.array_split(np.arange(n), 7)]
    np.testing.assert_array_equal(whole.value, np.concatenate([p.value for p in parts]))
    np.testing.assert_array_equal(whole.quantiles, np.concatenate([p.quantiles for p in parts]))
