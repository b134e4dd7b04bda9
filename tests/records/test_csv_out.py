"""CSV that goes out runs nothing in a spreadsheet, and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.records.csv_out import inert


@given(st.lists(st.text(max_size=20)))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(values: list[str]) -> None:
    for before, after in zip(values, inert(pa.array(values, pa.string())).to_pylist()):
        assert after in (before, "'" + before)
        if after[:1] in ("=", "+", "-", "@", "\t", "\r"):
            float(after)


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
