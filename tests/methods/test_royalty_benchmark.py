"""Royalty benchmarking: the licences' quantiles, and the very rates that relief from royalty takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import IpvalueError
from ipvalue.evidence.subject import Evidence
from ipvalue.methods.royalty_benchmark import royalty_benchmark

DAY = "2023-12-31"
CN = ipv.Assumptions.default("CN")
PATENT = {"patent_id": ["A"], "jurisdiction": ["CN"], "application_date": ["2012-01-01"]}
SYMBOLS = ("H01L 21/00", "A61K 31/00", "G06F 17/00", "E04B 1/00", "")


def book_of(rates: list[float], symbols: list[str], bases: list[str], industries: list[str]) -> ipv.Book:
    n = len(rates)
    licences = {
        "licence_id": [f"L{i}" for i in range(n)],
        "licence_date": ["2020-01-01"] * n,
        "ipc": [[s] if s else [] for s in symbols],
        "industry": industries,
        "rate": rates,
        "base": bases,
    }
    return ipv.Book(patents=PATENT, licences=licences)


@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_the_learnt_rate_of_each_field_is_the_one_that_relief_from_royalty_takes(book: ipv.Book, weight: float) -> None:
    snapshot = book.as_of(DAY)
    table = royalty_benchmark(snapshot, by="field", licence_weight=weight)
    evidence = Evidence(snapshot, None, None)  # type: ignore[arg-type]
    state = ipv.ReliefFromRoyalty(licence_weight=weight).fit(evidence, CN).tables["royalty"]
    np.testing.assert_array_equal(table["learnt"], state["rate"])
    np.testing.assert_array_equal(table["log_sd"], state["log_sd"])
    np.testing.assert_array_equal(table["licences"], state["licences"])


licence = st.tuples(
    st.floats(0.0, 1.0),
    st.sampled_from(SYMBOLS),
    st.sampled_from(("net_sales", "gross_sales", "profit", "unit", "")),
    st.sampled_from(("C39", "C27", "I65", "")),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(licence, min_size=1, max_size=30), st.sampled_from(("field", "sector", "industry")))
def test_quantiles_are_ordered_counts_add_up_and_the_learnt_rate_lies_among_what_it_is_made_of(
    rows: list[tuple[float, str, str, str]], by: str
) -> None:
    book = book_of(*(list(column) for column in zip(*rows)))
    table = royalty_benchmark(book, as_of=DAY, by=by)  # type: ignore[arg-type]
    rates = [rate for rate, _, base, _ in rows if rate > 0 and base not in ("profit", "unit")]
    assert table["licences"].sum() == len(rates)
    some = table[table["licences"] > 0]
    assert (np.diff(some[["q10", "q25", "q50", "q75", "q90"]].to_numpy(), axis=1) >= 0).all()
    assert table.loc[table["licences"] == 0, ["q10", "q50", "q90"]].isna().all(axis=None)
    among = [*rates, CN.royalty_rate["default"].value, *table["assumed"]]
    low, high = min(among), max(among)
    assert ((table["learnt"] >= low * (1 - 1e-9)) & (table["learnt"] <= high * (1 + 1e-9))).all()
    assert (table["log_sd"] > 0).all()
    assert all(len(source) > 10 for source in table["assumed_source"])
    turned = royalty_benchmark(book_of(*(list(c)[::-1] for c in zip(*rows))), as_of=DAY, by=by)  # type: ignore[arg-type]
    np.testing.assert_allclose(
        turned.drop(columns=["name", "assumed_source"]), table.drop(columns=["name", "assumed_source"])
    )


def test_a_higher_licence_raises_the_rate_of_its_field_and_of_no_other_more() -> None:
    rates, n = [0.03, 0.03, 0.05, 0.04], 4
    symbols, bases, industries = ["H01L 21/00"] * 2 + ["A61K 31/00"] * 2, ["net_sales"] * n, ["C39"] * n
    low = royalty_benchmark(book_of(rates, symbols, bases, industries), as_of=DAY)["learnt"]
    high = royalty_benchmark(book_of([0.3, *rates[1:]], symbols, bases, industries), as_of=DAY)["learnt"]
    rise = np.log(high / low)
    assert (rise > 0).all() and rise.idxmax() == 8


def test_a_licence_of_a_later_day_is_not_seen() -> None:
    book = book_of([0.05], ["H01L 21/00"], ["net_sales"], ["C39"])
    assert royalty_benchmark(book, as_of="2019-12-31")["licences"].sum() == 0
    assert royalty_benchmark(book, as_of="2020-01-01").loc[8, "licences"] == 1


def test_industries_show_the_rates_assumed_for_them_beside_the_licences() -> None:
    assumed = CN.replace(**{"royalty_rate__industry:C39": 0.061})
    table = royalty_benchmark(
        book_of([0.02, 0.08], ["", ""], ["net_sales", ""], ["C27", "C27"]),
        as_of=DAY,
        assumptions=assumed,
        by="industry",
    )
    assert table["licences"].to_dict() == {"C27": 2, "C39": 0}
    assert table.loc["C39", "assumed"] == 0.061
    assert "set by user" in table.loc["C39", "assumed_source"]
    assert table.loc["C27", "q50"] == pytest.approx(0.05)


def test_a_date_is_needed_once_and_groups_are_known() -> None:
    book = book_of([0.05], ["H01L 21/00"], ["net_sales"], ["C39"])
    with pytest.raises(IpvalueError, match="as_of"):
        royalty_benchmark(book)
    with pytest.raises(IpvalueError, match="own date"):
        royalty_benchmark(book.as_of(DAY), as_of=DAY)
    with pytest.raises(IpvalueError, match="'field', 'sector' or 'industry'"):
        royalty_benchmark(book, as_of=DAY, by="country")  # type: ignore[arg-type]
