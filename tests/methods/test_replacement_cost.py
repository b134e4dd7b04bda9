"""Replacement cost: examples by hand, and the laws of a cost that wears away with the right's life."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.prices import prepare
from ipvalue.methods.base import Estimate, State
from tests.futures import without_future
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
DATES = {"as_of": "2024-03-01", "filing": "2019-03-01", "grant": "2022-02-22"}


def estimate(n: int = 1, fees: bool = False, assumptions: ipv.Assumptions = CN, **columns: object) -> Estimate:
    patents = subject(n, **{"dates": DATES} | columns)  # type: ignore[arg-type]
    return ipv.ReplacementCost(fees=fees).estimate(patents, State(), assumptions)


def test_cost_is_trended_and_worn_by_age_over_life() -> None:
    """By hand: 1,000 at an index risen by 20 %, 5 of 15 years gone."""
    result = estimate(money={"historical_cost": 1000.0, "price_trend": 1.2})
    assert result.value[0] == pytest.approx(1000 * 1.2 * 10 / 15)
    assert result.details["functional"][0] == pytest.approx(5 / 15)


def test_without_a_price_index_the_cost_is_untrended_and_says_so() -> None:
    patents = subject(1, money={"historical_cost": 1000.0}, dates=DATES)
    method = ipv.ReplacementCost(fees=False)
    result = method.estimate(patents, State(), CN)
    assert result.details["trend"][0] == 1.0
    assert "untrended" in method.sources(patents, State(), CN)["trend"]


def test_a_right_that_is_known_to_earn_nothing_is_worth_less() -> None:
    result = estimate(3, money={"historical_cost": 1000.0, "revenue": [np.nan, 0.0, 5.0]})
    assert result.value[1] == pytest.approx(result.value[0] * (1 - CN.idle_obsolescence.value))
    assert result.value[2] == result.value[0]


def test_fees_paid_so_far_are_part_of_the_cost() -> None:
    """CNIPA, invention filed 1 March 2019, granted February 2022: fourth to sixth year by 1 March 2024, at 1,200 yuan.

    Fees of the years 4 to 6 are 1,200 yuan each (CNIPA fee schedule); that of year 6 is due on 1 March 2024.
    """
    with_fees = estimate(fees=True, money={"historical_cost": 1000.0, "fee_rate": 1.0})
    assert with_fees.details["fees_paid"][0] == 3 * 1200
    assert with_fees.value[0] == pytest.approx((1000 + 3600) * 10 / 15)
    converted = estimate(fees=True, money={"historical_cost": 1000.0, "fee_rate": 0.5})
    assert converted.details["fees_paid"][0] == 1800


@settings(max_examples=40, deadline=None)
@given(
    cost=st.floats(1.0, 1e9),
    age=st.floats(0.0, 19.0),
    remaining=st.floats(0.01, 20.0),
    more=st.floats(1.01, 3.0),
    trend=st.floats(0.5, 5.0),
)
def test_value_rises_with_cost_prices_and_life_and_falls_with_age(
    cost: float, age: float, remaining: float, more: float, trend: float
) -> None:
    def value(**changes: float) -> float:
        x = {"cost": cost, "age": age, "remaining": remaining, "trend": trend} | changes
        money = {"historical_cost": x["cost"], "price_trend": x["trend"]}
        return float(estimate(money=money, age=x["age"], remaining_term=x["remaining"]).value[0])

    base = value()
    assert value(cost=cost * more) == pytest.approx(base * more)
    assert value(trend=trend * more) == pytest.approx(base * more)
    assert value(remaining=remaining * more) >= base
    assert value(age=age + more) < base
    assert base <= cost * trend * (1 + 1e-12)


def test_value_falls_to_zero_at_expiry() -> None:
    result = estimate(3, money={"historical_cost": 1000.0}, age=[19, 19.999, 20], remaining_term=[1, 0.001, 0])
    assert result.value[1] < 0.1 < result.value[0]
    assert result.reason[2] == Reason.TERM_OVER


def test_unknown_cost_and_term_are_reasons() -> None:
    result = estimate(3, money={"historical_cost": [np.nan, 0.0, 10.0]}, remaining_term=[10, 10, np.nan])
    assert result.reason.tolist() == [Reason.NO_COST, Reason.NO_COST, Reason.NO_TERM_RULE]


def test_quantiles_are_ordered_about_the_value() -> None:
    result = estimate(money={"historical_cost": 1000.0})
    assert (np.diff(result.quantiles[0]) > 0).all()
    assert result.quantiles[0, 2] == result.value[0]


def index_book(levels: dict[str, float]) -> ipv.Book:
    return ipv.Book(
        patents={
            "patent_id": ["CN-1-B"],
            "jurisdiction": ["CN"],
            "application_date": ["2015-01-01"],
            "grant_date": ["2018-01-01"],
        },
        economics={
            "patent_id": ["CN-1-B"],
            "known_date": ["2019-06-30"],
            "historical_cost": [1e6],
            "currency": ["USD"],
        },
        price_index={"date": list(levels), "currency": ["USD"] * len(levels), "level": list(levels.values())},
        fx={"date": ["2010-01-01"], "currency": ["CNY"], "rate": [0.2]},
    )


def test_the_index_of_the_costs_own_currency_counts_as_known_on_the_date() -> None:
    book = index_book({"2019-01-01": 100.0, "2023-01-01": 130.0, "2024-06-01": 150.0})
    patents = prepare(book.as_of("2023-12-31"), CN)
    assert patents.money["price_trend"][0] == pytest.approx(1.3)
    assert patents.money["historical_cost"][0] == pytest.approx(5e6)
    later = index_book({"2020-01-01": 100.0, "2023-01-01": 130.0})
    assert np.isnan(prepare(later.as_of("2023-12-31"), CN).money["price_trend"][0])


def test_values_do_not_look_ahead_nor_depend_on_the_chunk(book: ipv.Book) -> None:
    method, day = ipv.ReplacementCost(), "2020-06-30"
    whole = prepare(book.as_of(day), CN)
    result = method.estimate(whole, State(), CN)
    past = method.estimate(prepare(without_future(book, day).as_of(day), CN), State(), CN)
    np.testing.assert_array_equal(result.quantiles, past.quantiles)
    parts = [method.estimate(whole.take(rows), State(), CN) for rows in np.array_split(np.arange(len(whole)), 5)]
    np.testing.assert_array_equal(result.quantiles, np.concatenate([p.quantiles for p in parts]))
    assert (result.reason == 0).sum() > 100
