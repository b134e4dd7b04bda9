"""Comparable sales: the nearest deals of the field, adjusted, or the reason why there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.characteristics import characteristics
from ipvalue.evidence.prices import gather, prepare
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Deals, Evidence
from ipvalue.finance.distributions import weighted_quantile
from tests.methods.subjects import subject

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
    matrix, _ = characteristics(some, state.tables["slopes"]["level"], state.tables["offices"]["office"])
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


def test_only_arms_length_prices_of_single_patents_are_learnt_from() -> None:
    """A related party's price and a price without a rate of exchange are no prices; a portfolio's is no patent's."""
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
    evidence = gather(book, book.as_of("2022-12-31"), CN, {})
    found = dict(zip(evidence.deals.subject.patent_id, evidence.deals.price))
    assert set(found) == {"A", "C"}
    assert found["A"] == 100.0
    assert found["C"] == pytest.approx(70.0 / CN.deal_kind_factor["auction"].value)
    assert evidence.package_deals is not None
    assert list(zip(evidence.package_deals.subject.patent_id, evidence.package_deals.price)) == [
        ("C", 900.0),
        ("D", 900.0),
    ]


def test_a_patent_of_an_office_that_pays_more_is_worth_more(snapshot: ipv.Snapshot) -> None:
    """Same characteristics, other office: the prices differ by what the office's deals fetched."""
    evidence = market(400, snapshot)
    sold = evidence.deals.subject
    office = np.where(np.arange(400) % 2 == 0, "CN", "US")
    price = evidence.deals.price * np.where(office == "US", 3.0, 1.0)
    mixed = replace(sold, jurisdiction=office)
    method = ipv.ComparableSales()
    state = method.fit(Evidence(snapshot, mixed, Deals(mixed, price, evidence.deals.date)), CN)
    assert state.tables["offices"]["office"].tolist() == ["CN", "US"]
    value = [
        method.estimate(subject(1, forward_citations=5.0, jurisdiction=o), state, CN).value[0] for o in ("CN", "US")
    ]
    assert value[1] / value[0] == pytest.approx(3.0, rel=0.15)
    nearest = method.comparables(subject(1, forward_citations=5.0, jurisdiction="US"), state)
    assert (office[[int(i[1:]) for i in nearest["patent_id"]]] == "US").all()


def test_explanation_lists_the_comparables_that_make_the_value(book: ipv.Book, engine: ipv.ValuationEngine) -> None:
    state = book.as_of("2023-12-31")
    valuation = engine.value(state)
    frame = valuation.to_pandas()
    one = frame.index[frame["value_comparable_sales"].notna() & (frame["state"] == "in_force")][0]
    lines = valuation.explain(one)
    lines = lines[lines["part"] == "comparable_sales"].set_index("quantity")
    shown = lines[lines.index.str.startswith("comparable ")]
    assert len(shown) == lines.loc["neighbours", "value"]
    method, learnt = engine.methods[1], engine.fitted.states["comparable_sales"]
    assert isinstance(method, ipv.ComparableSales)
    mine = prepare(state.select(np.array([state.position(one)])), engine.assumptions)
    table = method.comparables(mine, learnt)
    np.testing.assert_array_equal(table["adjusted_price"], shown["value"].astype(float))
    assert (np.diff(table["distance"]) >= 0).all()
    assert table["weight"].sum() == pytest.approx(1.0)
    assert (table["allocated"] == (table["deal_patents"] > 1)).all()
    assert table["allocated"].sum() == lines.loc["allocated", "value"]
    median = weighted_quantile(np.log(table["adjusted_price"].to_numpy())[None], table["weight"].to_numpy(), (0.5,))
    assert np.exp(median[0, 0]) == pytest.approx(lines.loc["adjusted_price", "value"], rel=1e-9)
    for row, how in zip(table.itertuples(), shown["how"]):
        assert str(row.patent_id) in how and str(row.deal_date) in how
        assert ("a share of a deal" in how) == row.allocated
