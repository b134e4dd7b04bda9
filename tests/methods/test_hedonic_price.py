"""Hedonic price: least squares in the limit, exact leave-one-out, an index from the deals, and no bias of the mean."""

from __future__ import annotations

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Deals, Evidence
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")


def market(n: int, seed: int, trend: float = 0.1) -> tuple[Evidence, np.ndarray]:
    """Prices 1000 (1 + citations)^0.6, ten per cent dearer each year, with skewed noise."""
    random = np.random.default_rng(seed)
    citations = random.poisson(5, n).astype(float)
    years = random.integers(0, 5, n)
    sold = subject(
        n, forward_citations=citations, remaining_term=random.uniform(3, 15, n), age=random.uniform(1, 12, n)
    )
    noise = random.gumbel(0, 0.4, n)
    price = 1000 * (1 + citations) ** 0.6 * np.exp(trend * years + noise) * life_factor(sold, CN)
    dates = (np.datetime64("2018-06-01") + (years * 365).astype("timedelta64[D]")).astype("datetime64[D]")
    snapshot = ipv.synthetic_book(5, seed=1).as_of("2024-12-31")
    return Evidence(snapshot, sold, Deals(sold, price, dates)), price


@pytest.fixture(scope="module")
def fitted() -> tuple[Evidence, object]:
    evidence, _ = market(2500, 1)
    return evidence, ipv.HedonicPrice(penalty=1.0).fit(evidence, CN)


def test_index_rises_with_the_prices_of_the_years(fitted: tuple[Evidence, object]) -> None:
    index = fitted[1].tables["index"]  # type: ignore[attr-defined]
    assert index["year"].tolist() == [2018, 2019, 2020, 2021, 2022]
    np.testing.assert_allclose(np.diff(index["effect"]), 0.1, atol=0.06)


def test_interval_covers_and_the_mean_is_unbiased_on_fresh_prices(fitted: tuple[Evidence, object]) -> None:
    """Prices of the last year only: the value takes that year's index."""
    fresh, price = market(8000, 2)
    last = fresh.deals.date >= np.datetime64("2022-01-01")
    result = ipv.HedonicPrice().estimate(fresh.subject.take(last), fitted[1], CN)  # type: ignore[arg-type]
    inside = (result.quantiles[:, 0] <= price[last]) & (price[last] <= result.quantiles[:, 4])
    assert inside.mean() == pytest.approx(0.90, abs=0.03)
    assert result.details["smeared_mean"].sum() == pytest.approx(price[last].sum(), rel=0.06)
    assert np.median(price[last] / result.value) == pytest.approx(1.0, abs=0.06)


def test_value_rises_with_citations_and_falls_to_zero_with_the_term(fitted: tuple[Evidence, object]) -> None:
    method, state = ipv.HedonicPrice(), fitted[1]
    low, high = method.estimate(subject(2, forward_citations=[1.0, 9.0]), state, CN).value  # type: ignore[arg-type]
    assert high > low
    value = method.estimate(subject(2, remaining_term=[8.0, 0.01]), state, CN).value  # type: ignore[arg-type]
    assert value[1] < 0.01 * value[0]
    assert method.estimate(subject(1, remaining_term=0.0), state, CN).reason[0] == Reason.TERM_OVER  # type: ignore[arg-type]


def test_values_do_not_depend_on_who_else_is_valued(fitted: tuple[Evidence, object]) -> None:
    evidence, state = fitted
    whole = ipv.HedonicPrice().estimate(evidence.subject, state, CN).quantiles  # type: ignore[arg-type]
    for rows in (np.array([7]), np.arange(50, 81)):
        part = ipv.HedonicPrice().estimate(evidence.subject.take(rows), state, CN)  # type: ignore[arg-type]
        np.testing.assert_array_equal(part.quantiles, whole[rows])


def test_too_few_deals_refuse_all() -> None:
    evidence, _ = market(30, 1)
    state = ipv.HedonicPrice().fit(evidence, CN)
    assert (ipv.HedonicPrice().estimate(subject(3), state, CN).reason == Reason.TOO_FEW_DEALS).all()
