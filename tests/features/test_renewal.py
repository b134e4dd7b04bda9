"""Renewal features: cases worked by hand, the laws of hazard and expected life, and the whole from its parts."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.features.book_statistics import Part, from_parts
from ipvalue.features.citation_graph.measures import CitationMeasures
from ipvalue.features.grant_decisions import granted_shares
from ipvalue.features.hazard import OLDEST, Hazards, expected_years, group_of, renewal_counts, yearly_hazard
from ipvalue.records.cohorts import KeyedCounts
from tests.shared_data import existing

CHINA = int(group_of(np.array(["CN"]), np.array(["invention"]))[0])


def day(text: str) -> np.ndarray:
    return np.array([text], "datetime64[D]")


def book_of(events: list[tuple[str, ...]] = (), **columns: object) -> ipv.Book:
    patents = {"patent_id": ["A"], "jurisdiction": ["CN"], "application_date": ["2010-05-04"], **columns}
    table = None
    if events:
        names = ("patent_id", "office", "scheme", "code", "effective_date", "announced_date", "detail")
        table = pd.DataFrame(events, columns=names)
    return ipv.Book(patents=patents, legal_events=table)


def features(book: ipv.Book, date: str) -> pd.Series:
    return ipv.extract(book.as_of(date)).iloc[0]


def test_fees_of_a_chinese_invention_by_hand() -> None:
    # filed 2010-05-04, granted 2013-03-01 in patent year 3: fee years 4 to 20 are left, 17 fees, due on 4 May of
    # 2013 to 2029; by 2020-12-31 those of years 4 to 11 have fallen due
    found = features(book_of(grant_date=["2013-03-01"]), "2020-12-31")
    assert found["fees_paid"] == 8
    assert found["share_of_fees_paid"] == pytest.approx(8 / 17)
    assert found["fee_year_next"] == 12
    assert found["next_fee_years"] == pytest.approx(
        (np.datetime64("2021-05-04") - np.datetime64("2020-12-31")).astype(int) / 365.25
    )
    # CNIPA schedule: years 4-6 1200, 7-9 2000, 10-12 4000, 13-15 6000, 16-20 8000 yuan
    whole, paid = 3 * 1200 + 3 * 2000 + 3 * 4000 + 3 * 6000 + 5 * 8000, 3 * 1200 + 3 * 2000 + 2 * 4000
    assert found["remaining_fees_share"] == pytest.approx(1 - paid / whole)
    assert found["years_in_force"] == pytest.approx(2862 / 365.25)


def test_a_lapsed_right_has_paid_the_fees_before_its_lapse() -> None:
    # the fee of year 7, due 2016-05-04, was not paid; the lapse was gazetted on 2017-06-20
    lapse = ("A", "CN", "cnipa", "CF01", "2016-05-04", "2017-06-20", "")
    book = book_of([lapse], grant_date=["2013-03-01"])
    before, after = features(book, "2017-06-19"), features(book, "2017-06-20")
    assert (before["fees_paid"], after["fees_paid"]) == (5, 3)
    assert np.isnan(after["fee_year_next"]) and np.isnan(after["next_fee_years"])
    assert after["expected_life"] == 0
    assert after["years_in_force"] == pytest.approx(1160 / 365.25)


def test_a_us_fee_that_is_seen_as_paid_counts_and_one_in_grace_does_not() -> None:
    columns = {"jurisdiction": ["US"], "application_date": ["2012-01-10"], "grant_date": ["2014-02-18"]}
    book = book_of([("A", "US", "uspto", "M1551", "2017-08-01", "2017-08-01", "")], **columns)
    # fees due 2017-08-18, 2021-08-18 and 2025-08-18; grace to 2022-02-18 (35 USC 41(b))
    found = features(book, "2021-09-01")
    assert (found["fees_paid"], found["fee_year_next"], found["legal_state"]) == (1, 8, 6)
    assert found["next_fee_years"] == pytest.approx(-14 / 365.25)
    assert features(book, "2021-08-18")["legal_state"] == 5
    between = features(book, "2022-03-01")  # past its grace, but a lapse shows up to 58 days later
    assert (between["fees_paid"], between["fee_year_next"], between["legal_state"]) == (1, 8, 6)
    later = features(book, "2022-04-18")  # still standing when it would have shown: paid, though nobody told
    assert (later["fees_paid"], later["fee_year_next"], later["legal_state"]) == (2, 12, 5)


def test_an_application_at_an_office_that_charges_grants_only_owes_no_fee() -> None:
    found = features(book_of(), "2012-12-31")
    assert (
        found[["share_of_fees_paid", "fees_paid", "remaining_fees_share", "fee_year_next", "expected_life"]]
        .isna()
        .all()
    )


def test_pledges_and_licences_are_counted_by_day_also_after_they_ended() -> None:
    entries = [
        ("A", "CN", "cnipa", "PE01", "2014-01-02", "2014-01-20", "Y1"),
        ("A", "CN", "inpadoc", "PE01", "2014-01-02", "2014-01-20", "Y1"),
        ("A", "CN", "cnipa", "PC01", "2015-01-02", "2015-01-20", "Y1"),
        ("A", "CN", "cnipa", "PE01", "2016-01-02", "2016-01-20", "Y2"),
        ("A", "CN", "cnipa", "EE01", "2016-03-02", "2016-03-20", "X1"),
    ]
    found = features(book_of(entries, grant_date=["2013-03-01"]), "2018-01-01")
    assert (found["n_pledges"], found["pledges_recorded"], found["licences_recorded"]) == (1, 2, 1)


def test_the_probability_of_grant_is_the_books_share_and_only_for_applications() -> None:
    n = 200
    grant = np.full(n, "2014-01-01", object)
    grant[:80] = None
    refused = pd.DataFrame({"patent_id": [f"P{i:03}" for i in range(40)], "code": "RJ01"})
    refused = refused.assign(office="CN", scheme="cnipa", effective_date="2014-01-01", announced_date="2014-01-01")
    patents = {"patent_id": [f"P{i:03}" for i in range(n)], "jurisdiction": ["CN"] * n}
    patents |= {"application_date": ["2010-05-04"] * n, "grant_date": grant}
    table = ipv.extract(ipv.Book(patents=patents, legal_events=refused).as_of("2015-01-01"))
    # 120 granted of 160 decided; the only office, so shrinking moves nothing
    assert table["probability_of_grant"].iloc[40:80].to_numpy() == pytest.approx(0.75)
    assert table["probability_of_grant"].drop(index=table.index[40:80]).isna().all()


def test_exposures_by_hand() -> None:
    # granted at age 2.8 and alive by 2020-01-01: years of age 3 to 8 are complete
    alive = renewal_counts(np.array([1]), day("2010-05-04"), day("2013-03-01"), day("NaT"), day("2020-01-01"))
    assert [(int(k) // 2 % OLDEST, int(k) % 2) for k in alive.key] == [(age, 0) for age in range(3, 9)]
    # granted on an anniversary: the year that begins on it counts; lapsed on the anniversary of age 6
    lapsed = renewal_counts(np.array([1]), day("2010-05-04"), day("2013-05-04"), day("2016-05-04"), day("2020-01-01"))
    assert [(int(k) // 2 % OLDEST, int(k) % 2) for k in lapsed.key] == [(3, 0), (4, 0), (5, 0), (6, 1)]
    # a lapse in a year that is not yet wholly observed is no lapse, nor is the year at risk
    fresh = renewal_counts(np.array([1]), day("2010-05-04"), day("2013-05-04"), day("2016-05-04"), day("2017-05-03"))
    assert [(int(k) // 2 % OLDEST, int(k) % 2) for k in fresh.key] == [(3, 0), (4, 0), (5, 0)]


def test_a_hazard_by_hand() -> None:
    # one office, no other: 900 survive and 100 lapse at age 5; nothing else is known, so every level says 0.1
    tally = KeyedCounts.of(np.array([(CHINA * OLDEST + 5) * 2, (CHINA * OLDEST + 5) * 2 + 1]), np.array([900, 100]))
    hazards = Hazards.of(tally, np.array([CHINA]))
    np.testing.assert_allclose(hazards.rate, 0.1)
    # a second office of 10 years without a lapse leans on both: pool 100 / 1010 at the age and over all
    other = CHINA + 16
    more = KeyedCounts.merge([tally, KeyedCounts.of(np.array([(other * OLDEST + 5) * 2]), np.array([10]))])
    pool = 100 / 1010
    assert Hazards.of(more, np.array([other])).rate[1, 5] == pytest.approx(50 * pool / 60)


def test_expected_life_of_a_constant_hazard_is_the_annuity() -> None:
    rate = np.full((1, OLDEST), 0.08)
    force = -np.log(1 - 0.08)
    found = expected_years(rate, np.zeros(2, int), np.array([3.4, 7.0]), np.array([12.3, 0.0]))
    assert found.tolist() == pytest.approx([(1 - np.exp(-force * 12.3)) / force, 0.0])
    assert yearly_hazard(rate, np.zeros(1, int), np.array([3.4]))[0] == pytest.approx(0.08)


def test_an_empty_book_knows_no_hazard() -> None:
    nothing = KeyedCounts.of(np.zeros(0, np.int64))
    assert np.isnan(Hazards.of(nothing, np.array([CHINA])).rate).all()
    assert np.isnan(granted_shares(nothing, np.array([CHINA]))).all()


rates = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)
spans = st.floats(0.0, 40.0)


@given(rates, spans, spans)
def test_expected_life_lies_between_nothing_and_the_remaining_term(rate: list[float], age: float, left: float) -> None:
    table, row = np.array([rate]), np.zeros(1, int)
    life = expected_years(table, row, np.array([age]), np.array([left]))[0]
    assert 0.0 <= life <= left
    assert 0.0 <= yearly_hazard(table, row, np.array([age]))[0] <= 1.0


@given(rates, spans, spans, st.floats(0.0, 1.0))
def test_expected_life_falls_as_the_hazard_rises(rate: list[float], age: float, left: float, rise: float) -> None:
    low = np.array([rate])
    high = low + rise * (1.0 - low)
    row, at, term = np.zeros(1, int), np.array([age]), np.array([left])
    assert expected_years(high, row, at, term)[0] <= expected_years(low, row, at, term)[0] + 1e-9


@given(rates, spans, spans)
def test_expected_life_is_made_of_this_year_and_what_follows(rate: list[float], age: float, left: float) -> None:
    """Life over a term = life over one year + survival of it times life from then on."""
    table, row = np.array([rate]), np.zeros(1, int)
    first = min(1.0, left)
    whole = expected_years(table, row, np.array([age]), np.array([left]))[0]
    now = expected_years(table, row, np.array([age]), np.array([first]))[0]
    hazard = yearly_hazard(table, row, np.array([age]))[0]
    then = expected_years(table, row, np.array([age + first]), np.array([left - first]))[0]
    assert whole == pytest.approx(now + (1.0 - hazard) * then, abs=1e-6)


counts = st.dictionaries(st.tuples(st.integers(0, 40), st.integers(0, 1)), st.integers(1, 500), max_size=20)


@given(counts)
def test_every_hazard_is_a_share(found: dict[tuple[int, int], int]) -> None:
    keys = np.array([((CHINA + 16 * (age % 3)) * OLDEST + age) * 2 + lapsed for age, lapsed in found], np.int64)
    rate = Hazards.of(KeyedCounts.of(keys, np.array(list(found.values()), np.int64)), np.array([CHINA])).rate
    assert np.isnan(rate).all() if not found else ((rate >= 0) & (rate <= 1)).all()


BOOK = ipv.synthetic_book(600, seed=21)


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 5), st.integers(1, 6), st.sampled_from(["2012-06-30", "2019-12-31", "2023-03-01"]), st.randoms())
def test_the_parts_of_a_book_add_up_to_the_whole(parts: int, ranges: int, date: str, random) -> None:
    snapshot = BOOK.as_of(date)
    cut = [snapshot.select(slice(number, None, parts)) for number in range(parts)]
    random.shuffle(cut)
    whole, merged = snapshot.statistics, from_parts([Part.of(part, ranges) for part in cut])
    for name, tally in whole.counts.items():
        np.testing.assert_array_equal(tally.key, merged.counts[name].key)
        np.testing.assert_array_equal(tally.count, merged.counts[name].count)
    for field in fields(CitationMeasures):
        np.testing.assert_array_equal(getattr(whole.graph, field.name), getattr(merged.graph, field.name))
    names = ["share_of_fees_paid", "lapse_hazard", "expected_life", "probability_of_grant", "fee_year_next"]
    together = ipv.extract(snapshot)[names]
    apart = pd.concat([ipv.extract(part)[names] for part in cut])
    pd.testing.assert_frame_equal(together, apart.loc[together.index], check_exact=True)


def test_in_a_book_life_stays_within_the_term_and_the_dead_have_none() -> None:
    table = ipv.extract(ipv.synthetic_book(4000, seed=4).as_of("2020-12-31"))
    known = table["expected_life"].notna() & table["remaining_term"].notna()
    assert (table["expected_life"] <= table["remaining_term"])[known].all()
    dead = (table["alive"] == 0) & (table["legal_state"] > 0)
    assert (table.loc[dead, "expected_life"] == 0).all()
    assert table.loc[table["enforceable"] == 1, "lapse_hazard"].between(0, 1).all()
    assert table["lapse_hazard"].nunique() > 100


def test_the_hazard_of_real_chinese_inventions_is_that_of_a_plain_count(data_dir) -> None:
    path = existing(data_dir / "cn_legal_status_survival" / "cn_inventions_half.csv")
    table = pd.read_csv(path, encoding_errors="replace", dtype=str)
    table = table[table["app_year"].str.fullmatch(r"\d{4}", na=False) & table["grant"].notna()].drop_duplicates(
        "app_num"
    )
    names = {"patent_id": table["app_num"], "application_date": table["app_date"], "grant_date": table["grant"]}
    patents = pd.DataFrame(names).assign(jurisdiction="CN", right="invention")
    # the file dates a lapse by its gazette; revived rights keep their lapse here, there is no second one
    gone = table[table["terminate"].notna()]
    events = pd.DataFrame({"patent_id": gone["app_num"], "effective_date": gone["terminate"]})
    events = events.assign(office="CN", scheme="cnipa", code="CF01", announced_date=gone["terminate"])
    tally = Part.of(ipv.Book(patents=patents, legal_events=events).as_of("2017-08-31")).counts["renewals"]

    survived, lapsed = np.zeros(OLDEST, int), np.zeros(OLDEST, int)
    horizon = pd.Timestamp("2016-02-29")  # 18 months before
    for filing, grant, end in zip(table["app_date"], table["grant"], table["terminate"]):
        start = pd.Timestamp(filing)
        for age in range(20):
            begins, ends = start + pd.DateOffset(years=age), start + pd.DateOffset(years=age + 1)
            if begins < pd.Timestamp(grant) or ends > horizon or (isinstance(end, str) and pd.Timestamp(end) < begins):
                continue
            left = isinstance(end, str) and pd.Timestamp(end) < ends
            survived[age] += not left
            lapsed[age] += left
    keys = (CHINA * OLDEST + np.arange(OLDEST)) * 2
    np.testing.assert_array_equal(tally.at(keys), survived)
    np.testing.assert_array_equal(tally.at(keys + 1), lapsed)

    # SOURCE.md: of the granted patents of the whole file 0.595 are alive at the start of age 10, 0.346 of age 15; it
    # counts as alive also what is not granted yet at the age, so it lies above a survival with late entry
    hazard = lapsed / np.maximum(survived + lapsed, 1)
    at_ten, at_fifteen = np.prod(1 - hazard[:10]), np.prod(1 - hazard[:15])
    print(f"alive at 10: {at_ten:.3f}, at 15: {at_fifteen:.3f}")
    assert at_ten == pytest.approx(0.595, abs=0.05)
    assert at_fifteen == pytest.approx(0.346, abs=0.05)
