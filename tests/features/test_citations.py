"""Citation counts: equal to a count by hand, each pair once, and only what was known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.records.cohorts import Cohorts, KeyedCounts, cohort_of

PATENTS = pd.DataFrame(
    {
        "patent_id": ["A", "B", "C"],
        "jurisdiction": ["US"] * 3,
        "application_date": ["2005-01-01", "2006-01-01", "2007-01-01"],
        "publication_date": ["2006-07-01", "2007-07-01", "2008-07-01"],
        "grant_date": ["2008-01-01", "2009-01-01", "2010-01-01"],
        "owners": [["Alpha"], ["Alpha"], ["Beta"]],
        "ipc": [["H01L 21/00"], ["H01L 21/00"], ["A61K 31/00"]],
    }
)
CITATIONS = pd.DataFrame(
    [
        ("B", "A", "2007-07-01", "applicant"),  # a self-citation, one year after publication
        ("B", "A", "2009-01-01", "examiner"),  # the same pair again: counts once, from the earlier date
        ("C", "A", None, "examiner"),  # dated by the book: the publication of C
        ("X", "A", "2012-01-01", "examiner"),  # from outside, five and a half years after publication
        ("A", "A", "2006-07-01", "applicant"),  # cites itself
        ("C", "OLD", "2008-07-01", "applicant"),  # backward, to a document outside
        ("Y", "B", None, "examiner"),  # undated and from outside: never counted
    ],
    columns=["citing_id", "cited_id", "citing_date", "origin"],
)


def features(day: str, patent: str) -> pd.Series:
    book = ipv.Book(PATENTS, citations=CITATIONS)
    assert len(book.rejects) == 0
    return ipv.extract(book.as_of(day)).loc[patent]


def test_counts_by_hand() -> None:
    a = features("2015-01-01", "A")
    assert a["forward_citations"] == 4
    assert a["forward_citations_3y"] == 3
    assert a["forward_citations_5y"] == 3
    assert a["forward_self_citations"] == 2
    assert a["forward_nonself_citations"] == 2
    assert a["forward_examiner_share"] == pytest.approx(0.5)
    assert a["backward_citations"] == 1
    c = features("2015-01-01", "C")
    assert (c["backward_citations"], c["forward_citations"]) == (2, 0)
    assert features("2015-01-01", "B")["forward_citations"] == 0


def test_counts_grow_as_citations_become_known() -> None:
    counts = [
        features(day, "A")["forward_citations"] for day in ("2007-06-30", "2007-07-01", "2008-07-01", "2012-01-01")
    ]
    assert counts == [1, 2, 3, 4]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_repeated_row_and_another_order_change_no_count(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(range(len(CITATIONS))), max_size=6))
    order = data.draw(st.permutations(range(len(CITATIONS) + len(rows))))
    more = pd.concat([CITATIONS, CITATIONS.iloc[rows]]).iloc[list(order)]
    book = ipv.Book(PATENTS, citations=more)
    pd.testing.assert_frame_equal(
        ipv.extract(book.as_of("2015-01-01")), ipv.extract(ipv.Book(PATENTS, citations=CITATIONS).as_of("2015-01-01"))
    )


def test_self_citations_never_count_as_others(book: ipv.Book) -> None:
    table = ipv.extract(book.as_of("2023-12-31"))
    assert (table["forward_self_citations"] + table["forward_nonself_citations"] == table["forward_citations"]).all()
    assert (table["forward_citations_3y"] <= table["forward_citations_5y"]).all()
    assert (table["forward_citations_5y"] <= table["forward_citations"]).all()


def test_forward_counts_equal_an_independent_count_in_pandas(book: ipv.Book) -> None:
    day = pd.Timestamp("2021-05-05").date()
    rows = book["citations"].select(["citing_id", "cited_id", "citing_date"]).to_pandas()
    known = rows[rows["citing_date"] <= day].drop_duplicates(["citing_id", "cited_id"])
    table = ipv.extract(book.as_of(day))
    forward = known.groupby("cited_id").size().reindex(table.index).fillna(0)
    backward = known.groupby("citing_id").size().reindex(table.index).fillna(0)
    np.testing.assert_array_equal(table["forward_citations"], forward)
    np.testing.assert_array_equal(table["backward_citations"], backward)


def test_percentile_is_the_mid_rank_among_field_and_year_shrunk_to_the_year() -> None:
    cohort = np.array([3 * 4096 + 2010] * 30 + [4 * 4096 + 2010] * 10)
    count = np.array([0] * 15 + [5] * 15 + [1] * 10)
    cohorts = Cohorts.count(cohort, count)
    own, year = 22.5 / 30, (15 + 10 + 7.5) / 40
    expected = (30 * own + 20 * year) / 50
    assert cohorts.percentile(cohort[:1], np.array([5]))[0] == pytest.approx(expected)
    mean = (75 + 20 * 85 / 40) / 50
    assert cohorts.mean(cohort[:1])[0] == pytest.approx(mean)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 35), st.integers(1995, 2024), st.integers(0, 300)), min_size=1, max_size=80),
    cuts=st.lists(st.integers(0, 80), max_size=4),
)
def test_cohorts_of_parts_add_up_to_those_of_the_whole(rows: list[tuple[int, int, int]], cuts: list[int]) -> None:
    field, year, count = (np.array(column) for column in zip(*rows))
    cohort = cohort_of(field, (year - 1970).astype("datetime64[Y]").astype("datetime64[D]"))
    whole = Cohorts.count(cohort, count)
    parts = [Cohorts.count(c, n) for c, n in zip(np.split(cohort, sorted(cuts)), np.split(count, sorted(cuts)))]
    merged = Cohorts.from_counts(KeyedCounts.merge(KeyedCounts(p.key, p.patents) for p in reversed(parts)))
    np.testing.assert_array_equal(merged.key, whole.key)
    np.testing.assert_array_equal(merged.patents, whole.patents)
    assert ((whole.percentile(cohort, count) >= 0) & (whole.percentile(cohort, count) <= 1)).all()
