"""The snapshot: what was known at the close of a day, and nothing else, also in any part of it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.features.book_statistics import Part, from_parts
from ipvalue.records.columns import hash_codes, subclass_codes
from ipvalue.records.snapshot import Snapshot

PATENTS = {
    "patent_id": ["A", "B", "C"],
    "jurisdiction": ["US", "CN", "EP"],
    "kind": ["B2", "B", None],
    "application_date": ["2010-01-01", "2012-01-01", "2014-01-01"],
    "publication_date": ["2011-07-01", "2013-07-01", None],
    "grant_date": ["2013-01-01", "2014-05-05", None],
    "family_id": ["F", "F", None],
    "ipc": [["A61K 31/00", "H04L 29/06"], ["H04L 29/06"], None],
    "owners": [["x", "y"], ["x"], None],
    "n_claims": [10, 20, 30],
    "n_inventors": [1, 2, 3],
    "npl_citations": [0, 5, None],
    "term_adjustment_days": [100, None, None],
    "term_extension_days": [300, None, None],
    "term_extension_known_date": ["2016-03-03", None, None],
    "disclaimer_date": ["2029-01-01", None, None],
    "disclaimer_known_date": ["2012-06-06", None, None],
}


def snapshot(day: str, **tables: object) -> Snapshot:
    return ipv.Book(patents=PATENTS, **tables).as_of(day)


def known(day: str, name: str, row: int = 0) -> str:
    return str(snapshot(day).patents[name][row])


def test_a_patent_is_in_the_snapshot_from_its_filing_on() -> None:
    assert list(snapshot("2009-12-31").patent_ids) == []
    assert list(snapshot("2010-01-01").patent_ids) == ["A"]
    assert list(snapshot("2013-12-31").patent_ids) == ["A", "B"]


@pytest.mark.parametrize(
    ("name", "before", "from_day", "value"),
    [
        ("publication_date", "2011-06-30", "2011-07-01", "2011-07-01"),
        ("n_claims", "2011-06-30", "2011-07-01", "10.0"),
        ("n_inventors", "2011-06-30", "2011-07-01", "1.0"),
        ("npl_citations", "2011-06-30", "2011-07-01", "0.0"),
        ("grant_date", "2012-12-31", "2013-01-01", "2013-01-01"),
        ("kind", "2012-12-31", "2013-01-01", "B2"),
        ("term_adjustment_days", "2012-12-31", "2013-01-01", "100.0"),
        ("term_extension_days", "2016-03-02", "2016-03-03", "300.0"),
        ("term_extension_known_date", "2016-03-02", "2016-03-03", "2016-03-03"),
        ("disclaimer_date", "2012-06-05", "2012-06-06", "2029-01-01"),
    ],
)
def test_a_fact_is_known_from_its_publication_on(name: str, before: str, from_day: str, value: str) -> None:
    assert known(before, name) in ("nan", "NaT", "")
    assert known(from_day, name) == value


def test_facts_of_a_patent_without_dates_are_taken_as_known() -> None:
    assert known("2014-01-01", "n_claims", 2) == "30.0"


CITATIONS = {
    "citing_id": ["B", "B", "X", "X", "Y", "A", "Z"],
    "cited_id": ["A", "A", "A", "A", "B", "W", "A"],
    "citing_date": ["2013-07-01", "2014-05-05", "2015-01-01", None, "2012-06-01", None, None],
    "origin": ["examiner", "applicant", None, None, None, None, None],
}


def test_citations_are_dated_distinct_and_counted_from_their_day_on() -> None:
    at = {day: snapshot(day, citations=CITATIONS) for day in ("2013-06-30", "2013-07-01", "2015-01-01")}
    assert at["2013-06-30"].citations_received.counts.tolist() == [0, 1]
    assert at["2013-07-01"].citations_received.counts.tolist() == [1, 1]
    last = at["2015-01-01"].citations_received
    assert last.counts.tolist() == [2, 1, 0], "B twice on A counts once; Z has no date"
    assert last["date"].astype(str).tolist() == ["2013-07-01", "2015-01-01", "2012-06-01"]
    assert last["citing"].tolist() == [1, -1, -1]
    made = at["2015-01-01"].citations_made
    assert made.counts.tolist() == [1, 1, 0]
    assert made["cited"].tolist() == [-1, 0], "A cites W, dated by A's publication"
    assert made["date"].astype(str).tolist() == ["2011-07-01", "2013-07-01"]


def test_what_an_unpublished_application_cites_is_not_seen() -> None:
    # C was filed in 2014 and is neither published nor granted in the book: its filing is no date of a citation
    citations = {"citing_id": ["C", "B"], "cited_id": ["A", "A"]}
    received = snapshot("2024-12-31", citations=citations).citations_received
    assert received.counts.tolist() == [1, 0, 0]
    assert received["date"].astype(str).tolist() == ["2013-07-01"]


def test_the_latest_claim_set_stands() -> None:
    claims = {
        "patent_id": ["A", "A", "A", "A", "B"],
        "claim_number": [1, 2, 3, 1, 1],
        "publication_date": ["2011-07-01", "2011-07-01", "2011-07-01", "2013-01-01", None],
        "text": ["one", "two", "three", "granted", "later"],
    }
    texts = {
        day: snapshot(day, claims=claims).claim_texts()["text"].to_pylist()
        for day in ("2011-06-30", "2012-12-31", "2013-01-01", "2014-05-05")
    }
    assert texts == {
        "2011-06-30": [],
        "2012-12-31": ["one", "two", "three"],
        "2013-01-01": ["granted"],
        "2014-05-05": ["granted", "later"],
    }


def test_the_latest_row_of_economics_stands() -> None:
    rows = {
        "patent_id": ["A", "A", "B"],
        "known_date": ["2014-01-01", "2012-01-01", "2015-01-01"],
        "revenue": [None, 5.0, 7.0],
        "currency": ["USD", "CNY", None],
    }
    early, late = (snapshot(day, economics=rows).economics for day in ("2013-12-31", "2014-12-31"))
    assert early["revenue"].tolist() == pytest.approx([5.0, np.nan], nan_ok=True)
    assert early["currency"].tolist() == ["CNY", ""]
    assert late["revenue"].tolist() == pytest.approx([np.nan] * 3, nan_ok=True), "not filled from an older row"
    assert late["currency"].tolist() == ["USD", "", ""]


def test_a_family_is_what_was_published_and_belongs_to_each_of_its_patents() -> None:
    members = {
        "family_id": ["F", "F", "F", "F"],
        "jurisdiction": ["US", "JP", "DE", "KR"],
        "publication_date": ["2011-07-01", "2012-07-01", None, "2020-01-01"],
    }
    family = snapshot("2014-12-31", family_members=members).family
    assert family.counts.tolist() == [2, 2, 0], "without a date never counted; no family, no members"
    assert sorted(family["office"][:2]) == ["JP", "US"]


def test_deals_licences_and_market_data_count_from_their_day_on() -> None:
    tables = {
        "transactions": {"deal_id": ["d"], "patent_id": ["B"], "deal_date": ["2014-06-01"], "price": [3.0]},
        "licences": {"licence_id": ["l"], "licence_date": ["2014-06-01"], "rate": [0.03], "ipc": [["H04L"]]},
        "fx": {"date": ["2014-06-01"], "currency": ["CNY"], "rate": [0.16]},
    }
    before, after = (snapshot(day, **tables) for day in ("2014-05-31", "2014-06-01"))
    for part, n in ((before, 0), (after, 1)):
        assert len(part.transactions["price"]) == len(part.licences["rate"]) == len(part.market("fx")["rate"]) == n
    assert after.transactions["patent"].tolist() == [1]
    assert after.licences["field"].tolist() == [int(after.field[1])]


def test_the_field_is_that_of_the_first_symbol_that_has_one() -> None:
    book = ipv.Book(
        patents={
            "patent_id": ["A", "B", "C"],
            "jurisdiction": ["CN"] * 3,
            "application_date": ["2010-01-01"] * 3,
            "ipc": [["no symbol", "H04L 29/06", "A61K"], ["H04L"], ["🜚"]],
        }
    )
    field = book.as_of("2020-01-01").field
    assert field[0] == field[1] > 0
    assert field[2] == 0


def test_position_finds_each_patent_and_says_why_not() -> None:
    book = ipv.Book(
        patents={
            "patent_id": ["A", "A\x00", "ä", "界", "🜚", "later"],
            "jurisdiction": ["CN"] * 6,
            "application_date": ["2010-01-01"] * 5 + ["2020-01-01"],
        }
    )
    part = book.as_of("2015-01-01")
    assert [part.position(i) for i in part.patent_ids] == list(range(5))
    with pytest.raises(BookError, match=r"'later'.*not filed by 2015-01-01"):
        part.position("later")
    for absent in ("", "B", "zzz", 5, None):
        with pytest.raises(BookError, match="not in the book"):
            part.position(absent)  # type: ignore[arg-type]


def test_select_refuses_positions_out_of_order() -> None:
    part = snapshot("2020-01-01")
    assert list(part.select(np.array([0, 2])).patent_ids) == ["A", "C"]
    for positions in ([1, 0], [1, 1]):
        with pytest.raises(BookError, match="ascending"):
            part.select(np.array(positions))


SMALL = ipv.synthetic_book(150, seed=9, claim_texts=True)
LONG = ("citations_received", "citations_made", "claims", "family", "ipc", "owners")


@settings(max_examples=20, deadline=None)
@given(data=st.data(), day=st.sampled_from(["2008-02-29", "2016-06-30", "2024-12-31"]))
def test_features_of_a_part_are_the_part_of_the_features_bit_for_bit(data: st.DataObject, day: str) -> None:
    """Select then compute = compute then select, given the statistics of the whole; from the book or the snapshot."""
    whole = SMALL.as_of(day)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole))), bool)
    statistics = whole.statistics
    expected = ipv.extract(whole)[mask]
    assert ipv.extract(whole.select(mask)).equals(expected)
    ids = whole.patent_ids[mask]
    apart = SMALL.select(ids).as_of(day)
    assert ipv.extract(apart.with_statistics(statistics, SMALL.fingerprint)).equals(expected)
    together = from_parts([Part.of(whole.select(m)) for m in (mask, ~mask)])
    for name, tally in statistics.counts.items():
        assert together.counts[name].key.tolist() == tally.key.tolist(), name


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_each_table_of_a_part_is_the_part_of_the_table(data: st.DataObject) -> None:
    whole = SMALL.as_of("2020-12-31")
    rows = np.flatnonzero(data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole))))
    part = whole.select(rows)
    assert [part.position(i) for i in whole.patent_ids[rows]] == list(range(len(rows)))
    for name, values in whole.patents.items():
        np.testing.assert_array_equal(part.patents[name], values[rows], err_msg=name)
    for name, values in whole.economics.items():
        np.testing.assert_array_equal(part.economics[name], values[rows], err_msg=name)
    for name in LONG:
        mine, all_rows = getattr(part, name), getattr(whole, name)
        inside = np.isin(all_rows.patent, rows)
        assert mine.counts.tolist() == all_rows.counts[rows].tolist(), name
        for column, values in all_rows.columns.items():
            if column not in ("citing", "cited"):  # positions differ
                np.testing.assert_array_equal(mine[column], values[inside], err_msg=f"{name}.{column}")
    deals = np.isin(whole.transactions["patent"], rows)
    np.testing.assert_array_equal(part.transactions["price"], whole.transactions["price"][deals])
    np.testing.assert_array_equal(rows[part.transactions["patent"]], whole.transactions["patent"][deals])
    inside = np.isin(whole.events.patent, rows)
    np.testing.assert_array_equal(part.events.effective, whole.events.effective[inside])
    assert part.claim_texts().equals(whole.claim_texts().filter(pa.array(np.isin(whole.claims.patent, rows))))


def test_an_empty_part_has_features_of_no_patent() -> None:
    whole = SMALL.as_of("2020-12-31")
    frame = ipv.extract(whole.select(np.zeros(len(whole), bool)))
    assert len(frame) == 0
    assert list(frame.columns) == list(ipv.extract(whole).columns)


def test_codes_depend_on_the_string_alone() -> None:
    one, two = hash_codes(pa.array(["a", None, "b", "a\x00"])), hash_codes(pa.array(["b", "a"]))
    assert one.tolist()[:3] == [two[1], 0, two[0]]
    assert one[3] != one[0]
    assert hash_codes(pa.chunked_array([[], ["a"]], pa.string())).tolist() == [two[1]]
    assert hash_codes(pa.array([], pa.string())).tolist() == []


@given(st.lists(st.none() | st.text(max_size=40) | st.sampled_from(["", "\x00", "a" * 8, "a" * 16, "界" * 9])))
def test_codes_tell_strings_apart_wherever_they_lie_in_memory(texts: list[str | None]) -> None:
    codes = hash_codes(pa.array(texts, pa.string()))
    assert len(set(codes.tolist())) == len(set(texts))
    assert [code == 0 for code in codes] == [text is None for text in texts]
    around = pa.array(["x", *texts, "tail"], pa.string()).slice(1, len(texts))
    assert hash_codes(around).tolist() == codes.tolist()
    assert hash_codes(pa.chunked_array([pa.array([each], pa.string()) for each in texts], pa.string())).tolist() == (
        codes.tolist()
    )


def test_codes_of_many_like_strings_are_spread_over_all_bits() -> None:
    codes = hash_codes(pa.array([f"CN-{100_000_000 + k}-B" for k in range(1 << 16)]))
    assert len(np.unique(codes)) == len(codes)
    for bits in (codes & 0xFF, (codes >> 56) & 0xFF):
        counts = np.bincount(bits, minlength=256)
        # chi square with 255 degrees of freedom: mean 255, deviation 22.6
        assert ((counts - 256.0) ** 2 / 256.0).sum() < 255 + 6 * 22.6


def test_subclasses_are_four_ascii_characters() -> None:
    codes = subclass_codes(pa.array(["h04l 29/06", "H04L", "H04", None, "界", ""]))
    assert codes[0] == codes[1] != codes[2]
    assert codes[3:].tolist() == [0, 0, 0]


def test_repr_says_what_was_known_and_when() -> None:
    assert "3 patents as announced by 2020-01-01 (CN 1, EP 1, US 1)" in repr(snapshot("2020-01-01"))


def test_citations_are_coded_only_as_far_as_they_are_asked_for() -> None:
    state = snapshot("2015-01-01", citations=CITATIONS)
    received = state.citations_received
    made = state._columns.citations._made
    assert "date" in made and "owner" not in made
    assert len(received["owner"]) == len(received)
    assert "owner" in made and "family" not in made


def test_a_snapshot_is_freed_without_a_search_for_cycles() -> None:
    gc.disable()
    try:
        state = snapshot("2015-01-01", citations=CITATIONS)
        ipv.extract(state)
        gone = weakref.ref(state)
        del state
        assert gone() is None
    finally:
        gc.enable()
