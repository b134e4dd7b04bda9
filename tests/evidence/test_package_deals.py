"""Portfolio deals: their price is conserved, broken ones are refused, and they never price a patent alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.package_deals import allocate, priced
from ipvalue.evidence.prices import gather
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Deals, Evidence, PackageDeals
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
DAY = np.datetime64("2024-01-01")


def sold(n: int, seed: int, **more: Any) -> tuple[Any, np.ndarray]:
    """Patents whose worth is 1000 * (1 + citations)^0.7 per unit of remaining income, and the worth of each."""
    random = np.random.default_rng(seed)
    term = random.uniform(3, 15, n)
    some = subject(n, forward_citations=random.poisson(6, n), remaining_term=term, age=20 - term, **more)
    return some, 1000 * (1 + some.features["forward_citations"]) ** 0.7 * life_factor(some, CN)


def market(singles: int, portfolios: int, size: int, *, factor: float = 1.0, field: int = 8) -> Evidence:
    """Deals of one patent, and deals of several at a factor of the sum of their worths."""
    snapshot = ipv.synthetic_book(5, seed=1).as_of("2024-12-31")
    alone, worth = sold(singles, 1)
    random = np.random.default_rng(2)
    price = worth * np.exp(0.1 * random.standard_normal(singles))
    together, each = sold(portfolios * size, 3, field=field)
    together = replace(together, patent_id=np.array([f"Q{i:06d}" for i in range(portfolios * size)], object))
    deal = np.repeat(np.arange(portfolios), size)
    total = factor * np.bincount(deal, weights=each)[deal] if portfolios else np.zeros(0)
    packages = PackageDeals(together, total, np.full(len(deal), DAY), deal, np.ones(len(deal)))
    return Evidence(snapshot, alone, Deals(alone, price, np.full(singles, DAY)), packages)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(1e-6, 1e9)), min_size=1, max_size=20), st.floats(1.0, 1e12))
def test_allocated_prices_sum_to_the_price_of_the_deal(rows: list[tuple[int, float]], price: float) -> None:
    deal = np.unique([d for d, _ in rows], return_inverse=True)[1]
    index = np.array([i for _, i in rows])
    total = price * (1.0 + deal)
    shares = allocate(total, index, deal)
    assert (shares >= 0).all()
    for d in np.unique(deal):
        assert shares[deal == d].sum() == pytest.approx(price * (1.0 + d), rel=1e-12)


def test_allocation_goes_by_worth_and_the_size_of_the_deal_is_adjusted_for() -> None:
    """Portfolios at 70 % of what their patents fetch alone: shares as the worths, and log prices as if sold alone."""
    evidence = market(400, 200, 4, factor=0.7)
    found = priced(evidence, CN, 1.0, portfolio_deals=True)
    packages = found.size > 1
    assert packages.sum() == 800 and found.weight[packages].tolist() == [0.25] * 800
    assert evidence.package_deals is not None
    deal = evidence.package_deals.deal
    np.testing.assert_allclose(
        np.bincount(deal, weights=found.price[packages]), evidence.package_deals.price[::4], rtol=1e-12
    )
    _, worth = sold(800, 3)
    ratio = np.log(found.price[packages] / worth)
    assert np.median(np.abs(ratio - np.log(0.7))) < 0.05
    unadjusted = np.log(found.price[packages] / life_factor(evidence.package_deals.subject, CN))
    # 200 deals against a prior of 20: ten elevenths of the discount are taken off
    assert (unadjusted - found.log_price[packages]).mean() == pytest.approx(np.log(0.7) * 200 / 220, abs=0.02)


def test_without_the_option_portfolios_change_nothing() -> None:
    with_lots, without = market(100, 30, 4), replace(market(100, 30, 4), package_deals=None)
    for kind in (ipv.ComparableSales, ipv.HedonicPrice):
        method = kind(portfolio_deals=False)
        some = subject(9, forward_citations=np.arange(9.0), remaining_term=8.0)
        one, two = (method.estimate(some, method.fit(e, CN), CN) for e in (with_lots, without))
        np.testing.assert_array_equal(one.quantiles, two.quantiles)
        used = kind().estimate(some, kind().fit(with_lots, CN), CN)
        assert (used.value != one.value).any()


def test_allocated_prices_alone_price_nothing() -> None:
    """Field 16 has portfolio deals only, and a book with few single deals has none to go by."""
    method = ipv.ComparableSales()
    elsewhere = method.estimate(subject(1, field=16), method.fit(market(100, 50, 4, field=16), CN), CN)
    assert elsewhere.reason[0] == Reason.NO_COMPARABLE
    few = method.estimate(subject(1), method.fit(market(5, 50, 4), CN), CN)
    assert few.reason[0] == Reason.TOO_FEW_DEALS
    hedonic = ipv.HedonicPrice()
    assert hedonic.estimate(subject(1), hedonic.fit(market(30, 50, 4), CN), CN).reason[0] == Reason.TOO_FEW_DEALS
    none = method.fit(market(0, 50, 4), CN)
    assert method.estimate(subject(1), none, CN).reason[0] == Reason.TOO_FEW_DEALS


def test_comparables_say_which_prices_are_allocated() -> None:
    method = ipv.ComparableSales(neighbours=10)
    state = method.fit(market(100, 30, 4), CN)
    table = method.comparables(subject(2, forward_citations=[3.0, 9.0], remaining_term=8.0), state)
    assert table["allocated"].sum() == 20 and len(table) == 40
    assert table.loc[table["allocated"], "patent_id"].str.startswith("Q").all()
    assert table.loc[~table["allocated"], "patent_id"].str.startswith("P").all()
    assert (table.loc[table["allocated"], "deal_patents"] == 4).all()


def test_leaving_a_patent_out_leaves_its_portfolio_out() -> None:
    evidence = market(50, 10, 3)
    assert evidence.package_deals is not None
    subject_of_packages = evidence.package_deals.subject
    names = subject_of_packages.patent_id.copy()
    names[4] = "P000007"  # the same patent was also sold alone
    evidence = replace(
        evidence, package_deals=replace(evidence.package_deals, subject=replace(subject_of_packages, patent_id=names))
    )
    rest = evidence.with_deals(np.arange(50) != 7).package_deals
    assert rest is not None and len(rest) == 27 and rest.deal.tolist() == np.repeat(np.arange(9), 3).tolist()
    assert "P000007" not in rest.subject.patent_id
    kept = evidence.with_deals(np.arange(50) != 8).package_deals
    assert kept is not None and len(kept) == 30


def book_of(rows: list[tuple[str, str, str, float, int | None]], **columns: Any) -> ipv.Book:
    """Eight Chinese patents, and deals as (deal, patent, date, price, patents in the deal)."""
    patents = {
        "patent_id": list("ABCDEFGH"),
        "jurisdiction": ["CN"] * 8,
        "application_date": ["2012-01-01"] * 7 + ["2021-06-01"],
        "grant_date": ["2014-01-01"] * 7 + ["2023-01-01"],
        "ipc": [["H01L 21/00"]] * 8,
    }
    names = ("deal_id", "patent_id", "deal_date", "price", "deal_patents")
    deals = dict(zip(names, map(list, zip(*rows)), strict=True))
    n = len(rows)
    deals |= {"currency": ["CNY"] * n, "arms_length": [True] * n, "kind": ["sale"] * n}
    return ipv.Book(patents=patents, transactions=deals | columns)


def lots_of(book: ipv.Book) -> dict[str, float]:
    packages = gather(book, book.as_of("2022-12-31"), CN, {}).package_deals
    return {} if packages is None else dict(zip(packages.subject.patent_id, packages.price))


def test_only_whole_portfolios_enter() -> None:
    """Refused whole: a patent that the book lacks, one filed later, contradicting rows, a related party."""
    whole = [("1", p, "2020-05-01", 900.0, None) for p in "AB"]
    assert lots_of(book_of(whole)) == {"A": 900.0, "B": 900.0}
    assert lots_of(book_of([("1", p, "2020-05-01", 900.0, 3) for p in "AB"])) == {}
    assert lots_of(book_of([("1", p, "2020-05-01", 900.0, None) for p in "ABZ"])) == {}
    assert lots_of(book_of([("1", p, "2021-05-01", 900.0, None) for p in "ABH"])) == {}
    assert lots_of(book_of([("1", "A", "2020-05-01", 900.0, None), ("1", "B", "2020-05-01", 800.0, None)])) == {}
    assert lots_of(book_of([("1", "A", "2020-05-01", 900.0, None), ("1", "B", "2020-05-02", 900.0, None)])) == {}
    assert lots_of(book_of(whole, arms_length=[True, False])) == {}
    assert lots_of(book_of(whole, currency=["XAF", "XAF"])) == {}
    both = [*whole, *[("0", p, "2020-05-01", 500.0, None) for p in "CD"], ("2", "E", "2020-06-01", 70.0, None)]
    assert list(lots_of(book_of(both))) == ["A", "B", "C", "D"]
    assert lots_of(book_of(both[::-1])) == lots_of(book_of(both))


def test_the_book_s_own_portfolios_are_allocated_and_conserved(book: ipv.Book) -> None:
    evidence = gather(book, book.as_of("2023-12-31"), CN, {})
    assert evidence.package_deals is not None and len(evidence.package_deals) > 4
    found = priced(evidence, CN, 10.0, portfolio_deals=True)
    packages = found.size > 1
    assert packages.any()
    by_name = dict(
        zip(
            evidence.package_deals.subject.patent_id,
            zip(evidence.package_deals.deal, evidence.package_deals.price, evidence.package_deals.chance),
        )
    )
    paid: dict[int, float] = {}
    for name, price in zip(found.subject.patent_id[packages], found.price[packages]):
        deal, _, chance = by_name[name]
        paid[deal] = paid.get(deal, 0.0) + price * chance
    whole = {deal: price for deal, price, _ in by_name.values()}
    assert paid == pytest.approx({deal: whole[deal] for deal in paid}, rel=1e-9)
