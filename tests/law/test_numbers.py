"""Numbers of patent documents in one normal form."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvalue.law import numbers
from ipvalue.law._tables import rows
from tests.shared_data import DATA, existing


@pytest.mark.parametrize(
    ("printed", "normal", "kind"),
    [
        ("US 2019/0123456 A1", "US20190123456", "A1"),
        ("US2019123456A1", "US20190123456", "A1"),
        ("US11257243B2", "US11257243", "B2"),
        ("US 06,836,899 B1", "US6836899", "B1"),
        ("USD0900000S1", "USD900000", "S1"),
        ("USRE48000E1", "USRE48000", "E1"),
        ("US 10/339,710", "US10/339710", ""),
        ("CN.104000000.B", "CN104000000", "B"),
        ("CN1306954A", "CN1306954", "A"),
        ("ZL 00100015.2", "CN00100015.2", ""),
        ("CN2019111309219", "CN201911130921.9", ""),
        ("201911130921", "CN201911130921.9", ""),
        ("EP1000000B1", "EP1000000", "B1"),
        ("EP 0 123 456 A2", "EP0123456", "A2"),
        ("EP99203729.1", "EP99203729.1", ""),
        ("WO 2022/146786 A1", "WO2022146786", "A1"),
        ("WO9912345A1", "WO1999012345", "A1"),
        ("WO 02/12345 A2", "WO2002012345", "A2"),
        ("PCT/CN2019/123456", "PCT/CN2019/123456", ""),
        ("JP2015123456A", "JP2015123456", "A"),
        ("JPH05123456A", "JPH05123456", "A"),
        ("JP H5-123456 A", "JPH05123456", "A"),
        ("JP5123456B2", "JP5123456", "B2"),
        ("KR10-2932214B1", "KR102932214", "B1"),
        ("KR 10-2019-0123456", "KR1020190123456", ""),
    ],
)
def test_printed_forms_have_one_normal_form(printed, normal, kind):
    found = numbers.normalise([printed])
    assert (found.number[0], found.kind[0]) == (normal, kind)
    # the normal form is its own normal form
    assert numbers.normalise([normal]).number[0] == normal


def test_every_pattern_reads_its_example_as_its_own_series():
    formats = rows("number_formats")
    found = numbers.normalise([row["example"] for row in formats])
    assert found.series.tolist() == [row["series"] for row in formats]
    assert found.jurisdiction.tolist() == [row["jurisdiction"] for row in formats]


def test_a_wrong_check_digit_is_reported_not_refused():
    # 00100005.2 is a found sample that fails (fact file 05)
    found = numbers.normalise(["CN201911130921.9", "CN201911130921.8", "CN00100005.2", "CN201911130921", "EP1"])
    assert found.check.tolist() == [1, 0, 0, -1, -1]
    assert (found.number != "").all()


@given(st.integers(2003, 2030), st.sampled_from("12389"), st.integers(0, 9_999_999))
def test_one_wrong_digit_is_always_caught(year, kind, serial):
    digits = f"{year}{kind}{serial:07d}"
    check = numbers.cn_check_digit([digits])[0]
    assert numbers.normalise([f"CN{digits}.{check}"]).check[0] == 1
    wrong = digits[:-1] + str((int(digits[-1]) + 3) % 10)
    assert numbers.normalise([f"CN{wrong}.{check}"]).check[0] == 0


@given(st.lists(st.one_of(st.none(), st.text(max_size=24)), max_size=20))
def test_no_text_breaks_the_reader(texts):
    found = numbers.normalise(texts)
    assert all(column.shape == (len(texts),) for column in found)
    assert ((found.series == "") == (found.number == "")).all()


def test_real_chinese_application_numbers_hold_their_check_digit():
    path = existing(DATA / "cn_legal_status_survival" / "cn_inventions_half.csv")
    with path.open(encoding="utf-8", errors="replace") as handle:
        printed = [row["app_num"] for row in csv.DictReader(handle) if row["app_year"].isdigit()]
    found = numbers.normalise(printed)
    assert len(printed) > 1000
    assert (found.series == "application").mean() > 0.99
    assert np.mean(found.check[found.series == "application"] == 1) > 0.99
