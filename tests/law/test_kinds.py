"""Kind codes mean something only together with the office."""

from __future__ import annotations

import csv

import numpy as np

from ipvalue.law import kinds
from tests.shared_data import FACTS, existing


def test_one_code_means_different_things_at_different_offices():
    offices, codes = ["US", "CN", "EP", "JP"], ["A", "A", "B1", "Y1"]
    assert kinds.is_grant(offices, codes).tolist() == [True, False, True, True]
    assert kinds.right_of(offices, codes).tolist() == ["invention", "invention", "invention", "utility_model"]


def test_a_code_outside_the_table_is_read_by_its_letter_only_if_the_letter_is_clear():
    # all DE B codes are grants of inventions; US P codes may be applications or grants
    assert kinds.right_of(["DE", "US"], ["B9", "P9"]).tolist() == ["invention", "plant"]
    assert kinds.is_grant(["DE", "US", "US"], ["B9", "P2", "P5"]).tolist() == [True, True, False]
    assert kinds.right_of(["US", "XX", "CN"], ["P5", "B1", ""]).tolist() == ["", "", ""]


def test_missing_values_and_scalars_are_accepted():
    assert kinds.right_of("CN", [None, "s", np.nan]).tolist() == ["", "design", ""]
    assert kinds.is_grant([], []).shape == (0,)


def test_ranges_of_codes_are_all_known():
    codes = ["C1", "C7", "Y3", "U8", "U9"]
    assert kinds.is_grant("CN", codes).all()


def test_every_kind_of_the_fact_file_is_known():
    path = existing(FACTS / "05_kind_codes.csv")
    with path.open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["kind"].isalnum()]
    assert len(rows) > 50
    found = kinds.is_grant([row["office"] for row in rows], [row["kind"] for row in rows])
    assert found.tolist() == [row["is_grant"] == "1" for row in rows]
    assert (kinds.right_of([row["office"] for row in rows], [row["kind"] for row in rows]) != "").all()
