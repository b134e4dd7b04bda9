"""Claim features of books written by hand: what they say, when they say it, and that rows do not touch one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv

COLUMNS = list(ipv.feature_catalogue().set_index("family").loc["claims", "name"])
Row = tuple[str, int, str, str, str | None, bool | None, float | None]
FIELDS = ("patent_id", "claim_number", "publication_date", "language", "text", "independent", "length")


def book(rows: Sequence[Row], patents: str = "ABC") -> ipv.Book:
    columns = dict(zip(FIELDS, (list(each) for each in zip(*rows))))
    return ipv.Book(
        patents={
            "patent_id": list(patents),
            "jurisdiction": ["US"] * len(patents),
            "application_date": ["2010-01-01"] * len(patents),
        },
        claims=columns,
    )


def worded(patent: str, date: str, language: str, *texts: str) -> list[Row]:
    return [(patent, number, date, language, text, None, None) for number, text in enumerate(texts, 1)]


def features(of: ipv.Book, day: str = "2020-01-01") -> pd.DataFrame:
    return ipv.extract(of.as_of(day))[COLUMNS]


PUBLISHED = (
    "A pump comprising a valve.",
    "The pump of claim 1, which is red.",
    "Use of a pump.",
    "A method of pumping.",
)
GRANTED = (
    "1. A pump comprising a valve and means for heating the valve.",
    "2. The pump of claim 1, which is red.",
    "【Claim 3】 The pump of claim 2.",
    "4. The pump of claim 1 or 9.",
    "5. A vehicle comprising the pump of claim 1.",
)


def test_wording_gives_tree_kinds_and_form() -> None:
    row = features(book(worded("A", "2012-01-01", "en", *GRANTED))).loc["A"]
    expected = {
        "n_claims": 5,
        "n_independent_claims": 1,
        "n_legally_independent_claims": 2,
        "independent_claim_share": 1 / 5,
        "first_claim_length": 11,
        "shortest_independent_length": 11,  # claim 5 takes in the words of claim 1
        "claim_depth": 2,
        "claim_depth_mean": 4 / 5,
        "claim_tree_width": 2,
        "claim_problem_share": 1 / 5,  # claim 4 refers to a claim that the set lacks
        "product_claim_share": 1,
        "process_claim_share": 0,
        "use_claim_share": 0,
        "program_claim_share": 0,
        "means_plus_function_share": 1 / 5,
        "claims_added": math.nan,
        "independent_length_growth": math.nan,
    }
    assert row.to_dict() == pytest.approx(expected, nan_ok=True)


def test_narrowing_counts_from_the_day_on_which_the_second_set_is_published() -> None:
    both = book(worded("A", "2012-01-01", "en", *PUBLISHED) + worded("A", "2014-05-06", "en", *GRANTED))
    before, after = features(both, "2014-05-05").loc["A"], features(both, "2014-05-06").loc["A"]
    assert before["n_claims"] == 4
    assert np.isnan(before[["claims_added", "independent_length_growth"]]).all()
    assert (before["use_claim_share"], before["process_claim_share"]) == (1 / 3, 1 / 3)
    assert after["claims_added"] == 1
    assert after["independent_length_growth"] == pytest.approx(math.log(11 / 4))
    assert after["n_legally_independent_claims"] == 2


def test_narrowing_is_measured_against_the_earliest_of_three_sets() -> None:
    dates = ("2012-01-01", "2013-01-01", "2014-01-01")
    rows = [
        row
        for date, texts in zip(dates, (PUBLISHED, PUBLISHED[:1], GRANTED))
        for row in worded("A", date, "en", *texts)
    ]
    assert [features(book(rows), day).loc["A", "claims_added"] for day in dates[1:]] == [-3, 1]


def test_sets_of_two_languages_are_not_compared_in_length() -> None:
    rows = worded("A", "2012-01-01", "en", *PUBLISHED) + worded("A", "2014-01-01", "zh", "一种泵，包括阀。")
    row = features(book(rows)).loc["A"]
    assert row["claims_added"] == -3
    assert np.isnan(row["independent_length_growth"])


def numeric(patent: str, date: str, *claims: tuple[bool | None, float | None]) -> list[Row]:
    return [(patent, number, date, "ko", None, alone, length) for number, (alone, length) in enumerate(claims, 1)]


def test_columns_give_counts_and_narrowing_where_there_is_no_wording() -> None:
    rows = numeric("A", "2012-01-01", (True, 100.0), (False, 20.0), (True, 80.0))
    rows += numeric("A", "2014-01-01", (True, 120.0), (False, 20.0))
    rows += numeric("B", "2012-01-01", (None, 100.0), (True, 50.0))
    table = features(book(rows))
    first = {"n_claims": 2, "n_independent_claims": 1, "first_claim_length": 120, "shortest_independent_length": 120}
    assert {name: table.loc["A", name] for name in first} == first
    assert table.loc["A", "claims_added"] == -1
    assert table.loc["A", "independent_length_growth"] == pytest.approx(math.log(120 / 80))
    assert np.isnan(table.loc["B", "n_independent_claims"])  # a flag for every claim is needed
    unread = [
        "n_legally_independent_claims",
        "claim_depth",
        "claim_tree_width",
        "product_claim_share",
        "claim_problem_share",
    ]
    assert table[unread].isna().all().all()
    assert table.loc["C"].isna().all()


def test_a_set_with_wording_and_one_without_are_not_compared_in_length() -> None:
    rows = numeric("A", "2012-01-01", (True, 100.0)) + worded("A", "2014-01-01", "en", *GRANTED)
    assert np.isnan(features(book(rows)).loc["A", "independent_length_growth"])
    empty = worded("A", "2012-01-01", "en", "") + worded("A", "2014-01-01", "en", *GRANTED)
    assert not np.isinf(features(book(empty)).loc["A"]).any()


def test_a_patent_valued_alone_has_the_same_bits() -> None:
    snapshot = ipv.synthetic_book(150, seed=3, claim_texts=True).as_of("2022-06-30")
    whole = ipv.extract(snapshot)[COLUMNS]
    assert whole["independent_length_growth"].notna().sum() > 5
    for place in range(0, len(snapshot), 7):
        alone = ipv.extract(snapshot.select(np.array([place])))[COLUMNS]
        pd.testing.assert_frame_equal(alone, whole.iloc[[place]], check_exact=True)
