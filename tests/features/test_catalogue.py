"""The catalogue is the table: every column is described, inside its range, and missing only where that is explained."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv

CATALOGUE = ipv.feature_catalogue().set_index("name")
BOOKS = {
    "synthetic": ipv.synthetic_book(6000, seed=5).as_of("2022-06-30"),
    "with wording": ipv.synthetic_book(120, seed=5, claim_texts=True).as_of("2022-06-30"),
    "three columns": ipv.Book(
        patents={
            "patent_id": ["A", "B"],
            "jurisdiction": ["CN", "XX"],
            "application_date": ["2010-01-01", "2020-01-01"],
        }
    ).as_of("2022-06-30"),
    "empty": ipv.synthetic_book(20, seed=5).as_of("1995-01-01"),
}
CLAIMS = [
    "1. A compound.\n2. Use of the compound of claim 1.\n3. The compound of claim 9.",
    "1. A non-transitory computer-readable medium.\n2. A pump.",
]
BOOKS["claims by hand"] = ipv.Book(
    patents={"patent_id": ["A", "B"], "jurisdiction": ["US", "US"], "application_date": ["2010-01-01", "2010-01-01"]},
    claims={
        "patent_id": [name for name, text in zip("AB", CLAIMS) for _ in text.split("\n")],
        "claim_number": [number for text in CLAIMS for number, _ in enumerate(text.split("\n"), 1)],
        "text": [line for text in CLAIMS for line in text.split("\n")],
        "language": ["en"] * 5,
        "publication_date": ["2012-01-01"] * 5,
    },
).as_of("2022-06-30")
TABLES = {name: ipv.extract(snapshot) for name, snapshot in BOOKS.items()}


@pytest.fixture(params=sorted(TABLES))
def table(request: pytest.FixtureRequest) -> pd.DataFrame:
    return TABLES[request.param]


def test_extract_returns_exactly_the_catalogue(table: pd.DataFrame) -> None:
    assert list(table.columns) == list(CATALOGUE.index)
    assert (table.dtypes == np.float64).all()
    assert table.index.name == "patent_id"


def test_every_value_lies_in_its_range(table: pd.DataFrame) -> None:
    for name, values in table.items():
        known = values.dropna()
        assert known.between(CATALOGUE.loc[name, "lower"], CATALOGUE.loc[name, "upper"]).all(), name
        assert not np.isinf(known).any(), name


def test_a_feature_is_missing_only_where_the_catalogue_says_what_that_means(table: pd.DataFrame) -> None:
    for name, values in table.items():
        if values.isna().any():
            assert CATALOGUE.loc[name, "missing"], f"{name} is missing, and nothing says why"


def test_every_feature_has_unit_definition_and_source() -> None:
    for column in ("unit", "definition", "source", "family"):
        assert (CATALOGUE[column].str.len() > 0).all()
    assert CATALOGUE.index.is_unique
    assert CATALOGUE["direction"].isin([-1, 0, 1]).all()


def test_every_feature_varies_in_some_book() -> None:
    whole = pd.concat([TABLES["synthetic"], TABLES["with wording"], TABLES["claims by hand"]])
    constant = {name for name in whole if whole[name].nunique() < 2}
    # the generator makes no open licences, suspensions, suits or unknown codes, and few seizures
    assert constant <= {"open_licence", "suspended", "litigated", "unknown_events", "preserved"}
