"""Comparable sales: the nearest deals of the field, adjusted, or the reason why there are none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.methods.base import Deals, Evidence
from ipvalue.methods.comparable_sales import characteristics, ridge
from ipvalue.methods.life import life_factor

sys.path.insert(0, str(Path(__file__).parent))
from subjects import subject

CN = ipv.Assumptions.default("CN")


@pytest.fixture(scope="module")
def snapshot() -> ipv.Snapshot:
    return ipv.synthetic_book(20, seed=1).as_of("2024-12-31")


def market(n: int, snapshot: ipv.Snapshot, *, field: object = 8, noise: float = 0.1, seed: int = 3) -> Evidence:
    """Deals whose price per unit of remaining income is 1000 * (1 + citations)^0.7, with noise."""
    random = np.random.default_rng(seed)
    citations = random.poisson(6, n).astype(float)
    term = random.uniform(3, 15, n)
    sold = subject(n, field=field, forward_citations=citations, remaining_term=term, age=20 - term)
    price = 1000 * (1 + citations) ** 0.7 * life_factor(sold, CN) * np.exp(noise * random.standard_normal(n))
    dates = np.datetime64("2024-01-01") - random.integers(0, 2000, n).astype("timedelta64[D]")
    return Evidence(snapshot, sold, Deals(sold, price, dates))


def test_known_price_law_is_recovered(snapshot: ipv.Snapshot) -> None:
    method, evidence = ipv.ComparableSales(), market(800, snapshot)
    state = method.fit(evidence, CN)
    fresh = subject(50, forward_citations=np.arange(50) % 12, remaining_term=8.0, age=12.0)
    result = method.estimate(fresh, state, CN)
    truth = 1000 * (1 + np.arange(50) % 12) ** 0.7 * life_factor(fresh, CN)
    assert np.abs(np.log(result.value / truth)).max() < 0.12
    inside = (result.quantiles[:, 0] < truth) & (truth < result.quantiles[:, -1])
    assert inside.mean() > 0.8


def test_value_rises_with_citations_and_falls_to_zero_with_the_term(snapshot: ipv.Snapshot) -> None:
    method = ipv.ComparableSales()
    state = method.fit(market(500, snapshot), CN)
    low, high = method.estimate(subject(2, forward_citations=[1.0, 12.0]), state, CN).value
    assert high > low
    value = method.estimate(subject(3, forward_citations=5.0, remaining_term=[5.0, 0.5, 0.01]), state, CN).value
    assert value[0] > value[1] > value[2]
    assert value[2] < 0.01 * value[0]
    assert method.estimate(subject(1, remaining_term=0.0), state, CN).reason[0] == Reason.TERM_OVER


def test_too_few_deals_in_field_and_sector_is_no_comparable(snapshot: ipv.Snapshot) -> None:
    """Field 8 is electrical engineering; field 16 (pharmaceuticals) has no deal in its sector."""
    method = ipv.ComparableSales()
    state = method.fit(market(100, snapshot, field=8), CN)
    result = method.estimate(subject(3, field=[8, 16, 0], forward_citations=3.0), state, CN)
    assert result.reason.tolist() == [0, Reason.NO_COMPARABLE, Reason.NO_TECHNOLOGY]
    assert np.isfinite(result.value[0]) and np.isnan(result.value[1:]).all()


def test_a_thin_field_is_priced_by_its_sector(snapshot: ipv.Snapshot) -> None:
    fields = np.where(np.arange(60) < 3, 8, 6)
    method = ipv.ComparableSales()
    result = method.estimate(
        subject(1, field=8, forward_citations=3.0), method.fit(market(60, snapshot, field=fields), CN), CN
    )
    assert result.reason[0] == 0
    assert result.details["comparables"][0] == 60


def test_a_book_with_too_few_deals_refuses_all(snapshot: ipv.Snapshot) -> None:
    method = ipv.ComparableSales()
    state = method.fit(market(5, snapshot), CN)
    assert (method.estimate(subject(3), state, CN).reason == Reason.TOO_FEW_DEALS).all()


def test_nearest_deals_are_those_of_a_brute_force(snapshot: ipv.Snapshot) -> None:
    method, evidence = ipv.ComparableSales(neighbours=7), market(120, snapshot)
    state = method.fit(evidence, CN)
    some = subject(9, forward_citations=np.arange(9.0), remaining_term=np.linspace(2, 14, 9))
    matrix, _ = characteristics(some.features, some.money, state.tables["slopes"]["level"])
    pool = np.arange(120)
    nearest, square = method.nearest(matrix, pool, state)
    deals = np.stack(list(state.tables["matrix"].values()), axis=1)
    weight = state.tables["slopes"]["slope"] / state.numbers["deviation"]
    full = (((matrix[:, None] - deals[None]) * weight) ** 2).sum(axis=2) + (state.tables["deals"]["age"] / 8.0) ** 2
    np.testing.assert_allclose(square, np.sort(full, axis=1)[:, :7], rtol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(full, nearest, axis=1), square, rtol=1e-9)


def test_values_do_not_depend_on_who_else_is_valued(snapshot: ipv.Snapshot) -> None:
    method = ipv.ComparableSales()
    state = method.fit(market(300, snapshot), CN)
    random = np.random.default_rng(1)
    many = subject(257, forward_citations=random.poisson(5, 257), remaining_term=random.uniform(1, 15, 257))
    whole = method.estimate(many, state, CN).quantiles
    for rows in (np.arange(1), np.arange(100, 113), np.arange(256, -1, -1)):
        np.testing.assert_array_equal(method.estimate(many.take(rows), state, CN).quantiles, whole[rows])


def test_ridge_without_penalty_is_least_squares() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
    y = x @ [1.0, -0.2, 3.0, 0.5] + 7 + 0.1 * random.standard_normal(200)
    slope, intercept, deviation = ridge(x, y, 0.0)
    exact, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(200)]), y, rcond=None)
    np.testing.assert_allclose([*slope, intercept], exact, rtol=1e-8)
    assert deviation == pytest.approx(0.1, rel=0.15)


def test_only_arms_length_prices_of_single_patents_are_learnt_from() -> None:
    """A portfolio price, a related party's price and a price without a currency are no comparables."""
    from ipvalue.methods.evidence import gather

    patents = {
        "patent_id": ["A", "B", "C", "D"],
        "jurisdiction": ["CN"] * 4,
        "application_date": ["2012-01-01"] * 4,
        "grant_date": ["2014-01-01"] * 4,
        "ipc": [["H01L 21/00"]] * 4,
    }
    deals = {
        "deal_id": ["1", "2", "3", "3", "4", "5"],
        "patent_id": ["A", "B", "C", "D", "C", "D"],
        "deal_date": ["2020-05-01"] * 6,
        "price": [100.0, 100.0, 900.0, 900.0, 70.0, 100.0],
        "currency": ["CNY", "CNY", "CNY", "CNY", "CNY", "XAF"],
        "arms_length": [True, None, True, True, True, True],
        "kind": ["sale", "sale", "sale", "sale", "auction", "sale"],
    }
    book = ipv.Book(patents=patents, transactions=deals)
    evidence = gather(book, np.datetime64("2022-12-31"), "announced", CN, {})
    found = dict(zip(evidence.deals.subject.patent_id, evidence.deals.price))
    assert set(found) == {"A", "C"}
    assert found["A"] == 100.0
    assert found["C"] == pytest.approx(70.0 / CN.deal_kind_factor["auction"].value)
