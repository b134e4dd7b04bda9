"""Terms of protection: golden dates from statutes and offices, and the laws that every term obeys."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvalue.errors import SchemaError
from ipvalue.law import term
from ipvalue.law._tables import rows
from ipvalue.law.dates import add_years, as_dates, days_between
from tests.shared_data import FACTS, absent

VECTORS = FACTS / "01c_term_test_vectors.csv"
RIGHTS = {"utility": "invention", "spc": "invention"}


def _vectors():
    if not VECTORS.exists():
        return absent(VECTORS)
    with VECTORS.open(encoding="utf-8") as handle:
        return [pytest.param(row, id=f"{row['rule_id']}-{number}") for number, row in enumerate(csv.DictReader(handle))]


@pytest.mark.parametrize("row", _vectors())
def test_golden_expiry_dates(row):
    extra = dict(part.split("=") for part in row["extra"].split(";") if "=" in part)
    adjustment = float(extra.get("pta", "nan"))
    if "exam_request" in extra:
        # Implementing Regulations (2023) rules 77-79: grant - max(filing + 4 years, request + 3 years) - delays
        late = max(add_years(as_dates(row["filing_date"]), 4), add_years(as_dates(extra["exam_request"]), 3))
        delays = float(extra.get("reasonable_delay", 0)) + float(extra.get("applicant_delay", 0))
        adjustment = max(float(days_between(late, row["grant_date"])) - delays, 0.0)
    extension = np.nan
    if "first_ma" in extra:  # Regulation (EC) 469/2009 art. 13: first authorisation - filing - 5 years
        extension = float(days_between(add_years(as_dates(row["filing_date"]), 5), extra["first_ma"]))
    found = term.end_dates(
        [row["jurisdiction"]],
        [RIGHTS.get(row["right_kind"], row["right_kind"])],
        [row["filing_date"]],
        [row["earliest_us_nonprov"] or "NaT"],
        [row["grant_date"] or "NaT"],
        adjustment,
        extension,
        [extra.get("td", "NaT")],
        health_related=extra.get("pharma") == "1",
    )
    # national offices count an SPC in days or in months: the fact file asks for two days
    tolerance = 2 if row["rule_id"] == "EP-SPC" else 0
    difference = found.actual[0] - np.datetime64(row["expected_expiry"])
    assert abs(difference / np.timedelta64(1, "D")) <= tolerance, found
    if row["rule_id"] not in ("CN-PTA", "US-PTA", "US-TD", "EP-SPC"):
        assert term.rule_ids()[found.rule[0]] == row["rule_id"]


days = st.integers(0, 20_000).map(lambda day: np.datetime64("1975-01-01") + np.timedelta64(day, "D"))
pairs = st.sampled_from(
    [
        ("CN", "invention"), ("CN", "design"), ("US", "invention"), ("US", "design"), ("US", "plant"),
        ("EP", "invention"), ("JP", "design"), ("KR", "invention"), ("BR", "invention"), ("CA", "design"),
    ]
)  # fmt: skip


@given(pairs, days, days, st.floats(0, 3000), st.floats(0, 3000), days)
def test_extension_never_shortens_and_disclaimer_never_lengthens(pair, filing, grant, adjust, extend, cut):
    place, right = [pair[0]], [pair[1]]
    plain = term.end_dates(place, right, [filing], grant=[grant])
    extended = term.end_dates(place, right, [filing], grant=[grant], adjustment_days=adjust, extension_days=extend)
    cut_short = term.end_dates(
        place, right, [filing], grant=[grant], adjustment_days=adjust, extension_days=extend, disclaimer=[cut]
    )
    if plain.rule[0] < 0:
        assert np.isnat(plain.actual[0])
        return
    assert plain.statutory[0] == extended.statutory[0] == cut_short.statutory[0]
    assert extended.statutory[0] <= extended.adjusted[0] <= extended.actual[0]
    assert cut_short.actual[0] <= extended.actual[0]


@given(st.lists(st.tuples(pairs, days, days), min_size=1, max_size=30), st.randoms())
def test_each_patent_is_dated_alone(patents, random):
    shuffled = list(patents)
    random.shuffle(shuffled)

    def ends(items):
        found = term.end_dates(
            [pair[0] for pair, _, _ in items],
            [pair[1] for pair, _, _ in items],
            [filing for _, filing, _ in items],
            grant=[grant for _, _, grant in items],
        )
        return dict(zip([str(item) for item in items], found.actual.astype(str).tolist()))

    assert ends(patents) == ends(shuffled)


def test_a_term_from_a_leap_day_ends_on_28_february():
    found = term.end_dates(["CN"], ["design"], ["2004-02-29"])
    assert str(found.actual[0]) == "2014-02-28"


def test_extension_is_added_after_the_disclaimer():
    # Merck v. Hi-Tech, 482 F.3d 1317 (Fed. Cir. 2007)
    found = term.end_dates(
        ["US"],
        ["invention"],
        ["2005-04-12"],
        grant=["2008-01-01"],
        extension_days=365,
        disclaimer=["2024-01-01"],
    )
    assert str(found.adjusted[0]) == "2024-01-01"
    assert str(found.actual[0]) == "2024-12-31"


def test_extension_is_capped_at_five_years():
    # 35 USC 156(g)(6)(A)
    found = term.end_dates(["US"], ["invention"], ["2005-04-12"], grant=["2008-01-01"], extension_days=9999)
    assert str(found.actual[0]) == "2030-04-12"


def test_an_adjustment_that_the_law_does_not_know_is_ignored():
    found = term.end_dates(
        ["CN", "CN", "US"],
        ["utility_model", "invention", "invention"],
        ["2015-01-01", "2010-01-01", "1990-01-01"],
        grant=["2016-01-01", "2018-01-01", "1993-01-01"],
        adjustment_days=500,
    )
    assert (found.adjusted == found.statutory).all()


def test_a_late_continuation_of_an_old_application_keeps_its_adjustment():
    # 35 USC 154(b) goes by the application's own filing, 154(a)(2) counts the term from the parent's
    parent, grant = ["1994-03-01"] * 4, ["2010-08-03"] * 4
    own = ["1995-06-07", "1995-06-08", "2005-04-12", "2005-04-12"]
    right = ["invention", "invention", "invention", "plant"]
    found = term.end_dates(["US"] * 4, right, own, parent, grant, adjustment_days=300)
    assert found.adjusted.astype(str).tolist() == ["2027-08-03", "2014-12-26", "2014-12-26", "2014-12-26"]


def test_chinese_patents_of_the_first_law_live_20_years_if_they_saw_accession_to_the_wto():
    # in force on 2001-12-11 through the anniversary's eve: filed from 1986-12-12 on
    found = term.end_dates(["CN"] * 4, "invention", ["1986-12-11", "1986-12-12", "1992-12-31", "1993-01-01"])
    assert found.actual.astype(str).tolist() == ["2001-12-11", "2006-12-12", "2012-12-31", "2013-01-01"]


def test_every_right_with_a_fee_schedule_has_a_term():
    pairs = {(row["jurisdiction"], row["right"]) for row in rows("fee_schedule") if row["right"] != "spc"}
    place, right = zip(*sorted(pairs))
    found = term.end_dates(place, right, "2015-06-01", grant="2018-01-09")
    assert not np.isnat(found.actual).any(), [pair for pair, end in zip(sorted(pairs), found.actual) if np.isnat(end)]


def test_without_a_grant_date_only_the_filing_branch_counts():
    found = term.end_dates(["US", "US"], ["invention", "design"], ["1994-06-01", "2016-01-01"])
    assert str(found.actual[0]) == "2014-06-01"
    assert np.isnat(found.actual[1])
    assert found.rule[1] >= 0


def test_no_rule_gives_no_date():
    found = term.end_dates(["WO", "XX", None], ["invention"] * 3, ["2010-01-01"] * 3)
    assert np.isnat(found.actual).all()
    assert found.rule.tolist() == [-1, -1, -1]


def test_china_ends_the_day_before_the_anniversary():
    # CNIPA Guidelines: term 1999-09-06 to 2009-09-05, terminated 2009-09-06
    found = term.end_dates(["CN"], ["utility_model"], ["1999-09-06"])
    assert str(term.in_force_through(found.actual, ["CN"])[0]) == "2009-09-05"


def test_expiry_of_a_table_with_only_the_required_columns():
    table = pd.DataFrame(
        {"jurisdiction": ["CN", "WO"], "application_date": pd.to_datetime(["2010-03-15", None])}, index=[5, 3]
    )
    found = term.expiry(table)
    assert found.index.tolist() == [5, 3]
    assert found["rule"].tolist() == ["CN-INV-1993", ""]
    with pytest.raises(SchemaError, match="application_date"):
        term.expiry(table[["jurisdiction"]])


def test_kind_code_tells_the_right_where_it_is_missing():
    table = pd.DataFrame(
        {
            "jurisdiction": ["CN", "CN", "CN"],
            "right": [None, "design", None],
            "kind": ["U", "U", None],
            "application_date": ["2015-01-01"] * 3,
        }
    )
    assert term.expiry(table)["rule"].tolist() == ["CN-UM-1993", "CN-DES-1993", "CN-INV-1993"]


def test_of_many_terms_each_is_what_it_is_alone():
    size = 400_000
    random = np.random.default_rng(1)
    filing = np.datetime64("1990-01-01") + random.integers(0, 12_000, size).astype("timedelta64[D]")
    place = np.array(["CN", "US", "EP", "JP", "KR"], dtype=object)[random.integers(0, 5, size)]
    grant = filing + np.timedelta64(900, "D")
    together = term.end_dates(place, "invention", filing, grant=grant, adjustment_days=100.0)
    some = np.arange(0, size, 4999)
    alone = term.end_dates(place[some], "invention", filing[some], grant=grant[some], adjustment_days=100.0)
    for column, few in zip(together, alone):
        np.testing.assert_array_equal(column[some], few)
