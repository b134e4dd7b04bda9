"""CSV that goes out runs nothing in a spreadsheet, and loses nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.records.csv_out import inert


@given(st.lists(st.text(max_size=20) | st.text("=+-@;\t \ufeffa1", max_size=12)))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(values: list[str]) -> None:
    for before, after in zip(values, inert(pa.array(values, pa.string())).to_pylist()):
        assert after.replace("'", "") == before.replace("'", ""), "nothing but apostrophes is added"
        for cell in re.split(r"[;\t]", after):
            shown = re.sub(r"^[\s\u3000\ufeff\u200b-\u200f\u2060]+", "", cell)
            assert shown[:1] not in tuple("=+-@＝＋－＠") or re.fullmatch(
                r"[+-][0-9.]+([eE][+-]?[0-9]+)?", shown.rstrip()
            )


@pytest.mark.parametrize(
    "text",
    ["=1", " =1", "\ufeff=1", "\u200b=1", "\u3000＝1", "＠SUM(A1)", "－x", "＋x", "\t=1", "\n=1", "\u00a0@x"],
)
def test_what_a_spreadsheet_skips_hides_no_formula(text: str) -> None:
    (found,) = inert(pa.array([text])).to_pylist()
    assert found.startswith("'") and found.replace("'", "") == text


def test_a_formula_after_a_semicolon_is_inert_too() -> None:
    """Where a program splits columns at semicolons, a cell begins after each of them."""
    found = inert(pa.array(["A;=1+1", "A; @x", "1;-2", "B\t=1", ";-;@"])).to_pylist()
    assert found == ["A;'=1+1", "A; '@x", "1;'-2", "B\t'=1", ";'-;'@"]


def test_values_are_written_as_csv_with_numbers_as_numbers(valuation: ipv.Valuation, tmp_path: Path) -> None:
    valuation.to_csv(tmp_path / "values.csv")
    read = pd.read_csv(tmp_path / "values.csv", index_col="patent_id")
    frame = valuation.to_pandas()
    assert read.index.tolist() == frame.index.tolist()
    pd.testing.assert_series_equal(read["value"], frame["value"], check_dtype=False, rtol=1e-12)


def test_owners_headers_and_lists_are_inert(tmp_path: Path) -> None:
    table = pd.DataFrame({"=cmd|' /C calc'!A0": [["@evil", "b"], ["c"]], "n": [-1.5, 2.0]})
    ipv.write_csv(table, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines == ['"\'=cmd|\' /C calc\'!A0","n"', '"\'@evil;b",-1.5', '"c",2']
    with pytest.raises(BookError, match="can't be written"):
        ipv.write_csv(table, tmp_path / "no" / "a.csv")
