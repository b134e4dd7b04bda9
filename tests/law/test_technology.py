"""IPC symbols and the WIPO concordance."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvalue.law import technology
from tests.shared_data import DATA, existing


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("H04L 29/06", ("H04L", 29, "06")),
        ("H04L  29/06", ("H04L", 29, "06")),
        ("h04l29/06", ("H04L", 29, "06")),
        ("H04L0029060000", ("H04L", 29, "06")),
        ("A01B0007000000", ("A01B", 7, "00")),
        ("H04L 2906", ("H04L", 29, "06")),
        ("A45F  504", ("A45F", 5, "04")),
        ("A61K 31415", ("A61K", 31, "415")),
        ("A45F 504", ("A45F", 5, "04")),
        ("G06F 2203/04", ("G06F", 2203, "04")),
        ("H04L 29", ("H04L", 29, "")),
        ("H04L", ("H04L", -1, "")),
        ("H04", ("", -1, "")),
        ("", ("", -1, "")),
    ],
)
def test_every_printed_form_reads_as_one_symbol(symbol, expected):
    assert technology.read_symbol(symbol) == expected


@given(st.integers(1, 999), st.integers(0, 999))
def test_canonical_and_slash_forms_agree(group, subgroup):
    tail = f"{subgroup:02d}"
    forms = [technology.read_symbol(text) for text in (f"G06F {group}/{tail}", f"G06F{group:04d}{tail.ljust(6, '0')}")]
    assert forms[0][:2] == forms[1][:2] == ("G06F", group)


@given(st.lists(st.text(max_size=20), max_size=20))
def test_no_text_breaks_the_reader(texts):
    fields = technology.field_of(texts)
    assert fields.shape == (len(texts),)
    assert ((fields >= 0) & (fields <= 35)).all()


def test_main_group_beats_subclass_where_wipo_splits_it():
    # A61K 8 is cosmetics (14), the rest of A61K pharmaceuticals (16): WIPO concordance 2019
    assert technology.field_of(["A61K 8/02", "A61K 31/00", "A61K"]).tolist() == [14, 16, 16]


def test_a_missing_symbol_has_no_field():
    assert technology.field_of([None, float("nan"), ""]).tolist() == [0, 0, 0]


def test_fields_and_sectors_have_wipo_names():
    assert len(technology.field_names()) == 36
    assert len(technology.sector_names()) == 6
    assert technology.sector_of(np.arange(36)).tolist()[:10] == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2]


def test_concordance_agrees_with_wipos_own_file():
    path = existing(DATA / "wipo_ipc35" / "ipc_technology_raw.csv")
    with path.open(encoding="utf-8-sig") as handle:
        wipo = [(row["IPC_code"].strip("% "), int(row["Field_number"])) for row in csv.DictReader(handle)]
    whole = [(code, field) for code, field in wipo if re.fullmatch(r"[A-H]\d\d[A-Z](\s*\d+/)?", code)]
    assert len(whole) > 600
    symbols = [code if len(code) == 4 else f"{code}00" for code, _ in whole]
    found = technology.field_of(symbols).tolist()
    wrong = [(symbol, field, ours) for (symbol, field), ours in zip(whole, found) if field != ours]
    assert not wrong, wrong[:10]


def test_symbols_printed_in_real_us_grants_have_a_field():
    path = existing(DATA / "uspto_grant_xml" / "derived_patents.tsv")
    with path.open(encoding="utf-8") as handle:
        symbols = [
            symbol
            for row in csv.DictReader(handle, delimiter="\t")
            for symbol in re.split(r"[;|]", row["ipcr"] or "")
            if symbol.strip() and row["type"] == "utility"
        ]
    assert len(symbols) > 50
    assert np.mean(technology.field_of(symbols) > 0) > 0.99
