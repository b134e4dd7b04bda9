"""Months added to dates, against the calendar of Python's own dates and numpy's, near and far."""

from __future__ import annotations

import calendar
import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvalue.law.dates import Months, add_months, month_end

MONTHS = st.integers(-300, 700)


def by_hand(day: dt.date, months: int) -> dt.date:
    year, month = divmod(12 * day.year + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@given(st.dates(dt.date(1900, 1, 1), dt.date(2200, 12, 31)), MONTHS)
def test_a_period_of_months_ends_as_the_calendar_says(day: dt.date, months: int) -> None:
    dates = np.array([day, "NaT"], "datetime64[D]")
    assert add_months(dates, months).tolist() == [by_hand(day, months), None]
    last = by_hand(day.replace(day=1), months + 1) - dt.timedelta(days=1)
    assert Months.of(dates).end(months).tolist() == [last, None]
    assert month_end(dates)[0] == np.datetime64(day.replace(day=calendar.monthrange(day.year, day.month)[1]))


@pytest.mark.parametrize("day", ["1599-12-31", "2600-12-31", "0001-03-31", "9999-01-31", "-0500-01-31"])
def test_dates_beyond_the_table_are_numpys(day: str) -> None:
    date = np.array([day, "NaT", "2024-01-31"], "datetime64[D]")
    month = date.astype("datetime64[M]")
    first, following = ((month + np.timedelta64(k, "M")).astype("datetime64[D]") for k in (1, 2))
    expected = np.minimum(first + (date - month.astype("datetime64[D]")), following - np.timedelta64(1, "D"))
    np.testing.assert_array_equal(add_months(date, 1), expected)


def test_months_broadcast_over_dates() -> None:
    found = Months.of(np.array(["2024-02-29", "NaT"], "datetime64[D]")).plus(np.array([[0], [12]]))
    assert found.astype(str).tolist() == [["2024-02-29", "NaT"], ["2025-02-28", "NaT"]]
