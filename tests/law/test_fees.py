"""Renewal fees: published amounts and dates, and the laws of the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvalue.law import fees
from ipvalue.law._tables import rows


def one(jurisdiction, right, filing, grant, **options):
    return fees.calendar([jurisdiction], [right], [filing], [grant], **options)


def used(calendar):
    return ~np.isnat(calendar.due[0])


def test_chinese_invention_fees_by_year():
    # CNIPA schedule: 900/1200/2000/4000/6000/8000 for years 1-3/4-6/7-9/10-12/13-15/16-20
    calendar = one("CN", "invention", "2014-08-15", "2017-05-10", end=["2034-08-15"])
    year, amount = calendar.fee_year[0][used(calendar)], calendar.amount[0][used(calendar)]
    expected = {4: 1200, 6: 1200, 7: 2000, 9: 2000, 10: 4000, 13: 6000, 16: 8000, 20: 8000}
    found = dict(zip(year.tolist(), amount.tolist()))
    assert {number: found[number] for number in expected} == expected
    # the grant year is year 3; its fee is paid with the grant
    assert year.min() == 4
    assert year.max() == 20


def test_a_chinese_year_of_compensation_costs_a_fee_only_where_it_is_whole():
    # filed 2016-01-10: the 21st year is 2036-01-10 to 2037-01-09, its fee of 8,000 is owed from 366 days on
    ends = ["2036-01-10", "2036-12-31", "2037-01-09", "2037-01-10", "2037-11-01", "2038-01-10", "NaT"]
    calendar = fees.calendar(["CN"] * 7, "invention", "2016-01-10", "2022-03-01", end=ends)
    assert calendar.fee_year.max(axis=1).tolist() == [20, 20, 20, 21, 21, 22, 25]
    assert calendar.amount[3, calendar.fee_year[3] == 21].tolist() == [8000.0]


def test_a_chinese_right_ends_on_the_due_date_if_unpaid():
    # CF01 with effect from 2020-08-15 for a filing of 15 August (fact file 03_status_test_vectors)
    calendar = one("CN", "invention", "2014-08-15", "2017-05-10")
    slot = calendar.fee_year[0].tolist().index(7)
    assert str(calendar.due[0, slot]) == "2020-08-15"
    assert str(calendar.lapse[0, slot]) == "2020-08-15"
    assert str(calendar.grace_end[0, slot]) == "2021-02-15"


@pytest.mark.parametrize(
    ("entity", "amounts"),
    [("large", [2150, 4040, 8280]), ("small", [860, 1616, 3312]), ("micro", [430, 808, 1656])],
)
def test_us_maintenance_fees_of_2025(entity, amounts):
    # 37 CFR 1.20(e)-(g) from 2025-01-19; fact file 02_fee_schedule
    calendar = one("US", "invention", "2020-01-01", "2023-01-31", entity=entity)
    assert calendar.amount[0].tolist() == amounts
    assert calendar.due[0].astype(str).tolist() == ["2026-07-31", "2030-07-31", "2034-07-31"]
    assert calendar.lapse[0].astype(str).tolist() == ["2027-01-31", "2031-01-31", "2035-01-31"]


def test_the_amount_is_that_in_force_on_the_due_date():
    # 2000 USD from 2020-10-02, 1600 USD from 2013-03-19
    calendar = fees.calendar("US", "invention", "2010-01-01", ["2017-04-01", "2017-04-02", "2009-01-06"])
    assert calendar.amount[:, 0].tolist() == [1600, 2000, 1600]


@pytest.mark.parametrize(("jurisdiction", "lapse"), [("GB", "2024-01-19"), ("FR", "2024-01-31"), ("DE", "2024-08-01")])
def test_lapse_dates_of_ep2110298(jurisdiction, lapse):
    # PG25 entries of EP2110298 by state (fact file 02b)
    calendar = one(jurisdiction, "invention", "2008-01-19", "2012-06-06")
    slot = calendar.fee_year[0].tolist().index(17)
    assert str(calendar.due[0, slot]) == "2024-01-31"
    assert str(calendar.lapse[0, slot]) == lapse


def test_an_ep_record_owes_fees_only_until_grant():
    pending = one("EP", "invention", "2018-03-10", "NaT")
    granted = one("EP", "invention", "2018-03-10", "2021-06-01")
    assert pending.fee_year[0].tolist() == list(range(3, 21))
    assert granted.fee_year[0][used(granted)].tolist() == [3, 4]
    assert str(granted.due[0, 0]) == "2020-03-31"


def test_japanese_and_korean_fees_rise_with_claims():
    # JP 2022-04: 10300 + 800 a claim in years 4-6; KR 2023-08: 36000 + 20000 a claim
    calendar = fees.calendar(["JP", "KR"], "invention", "2019-01-01", "2021-06-10", n_claims=[10, 10])
    assert calendar.amount[:, 0].tolist() == [10_300 + 8_000, 36_000 + 200_000]
    assert calendar.due[:, 0].astype(str).tolist() == ["2024-06-09", "2024-06-10"]
    assert calendar.currency.tolist() == ["JPY", "KRW"]


def test_small_chinese_owners_are_spared_85_percent_for_ten_years():
    calendar = one("CN", "invention", "2010-02-01", "2012-03-01", entity="small")
    share = dict(zip(calendar.fee_year[0].tolist(), calendar.amount[0].tolist()))
    # granted in year 3: years 3 to 12 are spared
    assert share[4] == pytest.approx(1200 * 0.15)
    assert share[12] == pytest.approx(4000 * 0.15)
    assert share[13] == 6000


def test_a_german_utility_model_pays_once_a_band():
    calendar = one("DE", "utility_model", "2020-05-04", "2020-07-01", end=["2030-05-04"])
    assert calendar.fee_year[0].tolist() == [4, 7, 9]
    assert calendar.amount[0].tolist() == [210, 350, 530]


def test_late_british_grants_pay_within_three_months():
    calendar = one("GB", "invention", "2010-01-19", "2016-02-10")
    assert str(calendar.due[0, 0]) == "2016-05-31"
    assert calendar.lapse[0, 0] == calendar.due[0, 0]


def test_no_schedule_means_no_currency_and_no_fee():
    calendar = fees.calendar(["XX", "WO"], "invention", "2010-01-01", "2012-01-01")
    assert calendar.currency.tolist() == ["", ""]
    assert np.isnat(calendar.due).all()


PAIRS = sorted({(row["jurisdiction"], row["right"]) for row in rows("fee_rules")})
days = st.integers(0, 12_000).map(lambda day: np.datetime64("1995-01-01") + np.timedelta64(day, "D"))


@given(st.sampled_from(PAIRS), days, st.integers(0, 4000), st.sampled_from(["large", "small", "micro"]))
def test_dates_of_a_calendar_are_in_order(pair, filing, lag, entity):
    calendar = one(*pair, filing, filing + np.timedelta64(lag, "D"), entity=entity, n_claims=12)
    some = used(calendar)
    due, grace, lapse = (values[0][some] for values in (calendar.due, calendar.grace_end, calendar.lapse))
    assert (np.diff(due) >= np.timedelta64(0, "D")).all()
    assert (due <= grace).all()
    assert (calendar.amount[0][some] > 0).all()
    # GB lapses on the anniversary, which lies in the month whose end is the due date
    assert (lapse >= due - np.timedelta64(31, "D")).all()
    assert (lapse <= grace + np.timedelta64(1, "D")).all()


def test_schedule_lists_future_fees_until_the_term_ends():
    patents = pd.DataFrame(
        {
            "patent_id": ["b", "a", "c"],
            "jurisdiction": ["CN", "US", "XX"],
            "right": ["utility_model", "invention", "invention"],
            "application_date": ["2016-06-01", "2018-01-01", "2018-01-01"],
            "grant_date": ["2017-01-03", "2020-02-04", None],
        }
    )
    found = fees.schedule(patents, "2024-01-01")
    assert found["patent_id"].tolist() == ["a", "a", "b", "b"]
    assert found["fee_year"].tolist() == [8, 12, 9, 10]
    assert found["amount"].tolist() == [3760, 7700, 2000, 2000], "37 CFR 1.20 as of that day"
    hindsight = fees.schedule(patents, "2024-01-01", known_on="NaT")
    assert hindsight["amount"].tolist() == [4040, 8280, 2000, 2000]
    pd.testing.assert_frame_equal(fees.schedule(patents, "2024-01-01", known_on="2025-01-19"), hindsight)
    assert (found["due_date"] > "2024-01-01").all()
    assert len(fees.schedule(patents.iloc[2:], "2024-01-01")) == 0


def test_four_hundred_thousand_calendars_fit_in_memory():
    size = 400_000
    random = np.random.default_rng(3)
    filing = np.datetime64("2000-01-01") + random.integers(0, 8000, size).astype("timedelta64[D]")
    place = np.array(["CN", "CN", "US", "EP", "DE", "JP", "KR"], dtype=object)[random.integers(0, 7, size)]
    calendar = fees.calendar(place, "invention", filing, filing + np.timedelta64(900, "D"), n_claims=9.0)
    held = sum(values.nbytes for values in calendar)
    assert held < 4e8


def test_a_schedule_of_a_later_day_is_not_foreseen():
    us = (["US"], ["invention"], ["2019-03-01"], ["2022-02-22"])
    before, after = fees.calendar(*us, known_on=["2025-01-18"]), fees.calendar(*us, known_on=["2025-01-19"])
    assert before.amount.tolist() == [[2000.0, 3760.0, 7700.0]], "37 CFR 1.20(e)-(g) until 2025-01-18"
    assert after.amount.tolist() == fees.calendar(*us).amount.tolist() == [[2150.0, 4040.0, 8280.0]]
    np.testing.assert_array_equal(before.due, after.due)
