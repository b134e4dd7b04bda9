"""Renewal fees: due dates, amounts, and the day on which a right ends if a fee is not paid.

A calendar has one slot for each fee that a right can still owe after its grant (or, where an office charges
applications, from filing). The table ``fee_rules`` says how each office dates its fees, ``fee_schedule`` what
they cost from when to when, ``fee_discounts`` how much small entities save.

Which amount counts is decided by the due date: the latest amount that was in force by then. A date after the
last known schedule keeps the last amount; one before the first known schedule takes the first, so amounts of
the distant past are approximations. Fees that are paid with the grant itself (China's grant year,
Japan's and Korea's first three years) are not in the calendar: without them there is no right. Chinese years of
compensation (from the 21st on) cost a fee only if they are full years. Weekends and holidays, which put off the last
day to pay but not the day on which a right ends (35 USC 21(b), Rule 134 EPC, rule 5 of the Chinese Implementing
Regulations), are not followed.

References
----------
37 CFR 1.20(e)-(g), 1.362; Rule 51 EPC; CNIPA fee schedule (2001, amended 2021); PatKostG; the sources of each
row are in the tables.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of, joint_codes
from ipvalue.law._frames import date_column, number_column, require, rights_column
from ipvalue.law._tables import rows
from ipvalue.law.dates import Months, add_months, add_years, as_dates, month_end
from ipvalue.law.term import end_dates_of_table
from ipvalue.types import Dates, Floats, Ints, Ints16, Mask, Texts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FeeCalendar", "calendar", "fee_plan", "schedule"]

_DAY = np.timedelta64(1, "D")
_NO_DATE = np.datetime64("NaT", "D")
_NEVER = np.datetime64(np.iinfo(np.int64).max, "D")
# rights whose fees stay in a core's cache together
_BLOCK = 2048


class FeeYear(NamedTuple):
    """Amounts of one fee year, by the day from which they are in force."""

    year: int
    valid_from: Dates
    amount: Floats
    per_claim: Floats
    full_year_only: bool
    """The fee is owed only for a year that lies within the term as a whole."""


class Amounts(NamedTuple):
    """Amounts of a plan: fee years by the schedules that were in force one after the other."""

    valid_from: Dates
    """A day that never comes, where a fee year has fewer schedules than another."""
    amount: Floats
    per_claim: Floats


class Plan(NamedTuple):
    """How one office dates and prices the fees of one right for one kind of payer."""

    rule: dict[str, str]
    currency: str
    years: tuple[FeeYear, ...]
    discounts: tuple[dict[str, str], ...]
    amounts: Amounts


@cache
def _rules() -> dict[tuple[str, str], dict[str, str]]:
    return {(row["jurisdiction"], row["right"]): row for row in rows("fee_rules")}


@cache
def fee_plan(jurisdiction: str, right: str, entity: str) -> Plan | None:
    """Fees of a jurisdiction and right, None where no schedule covers them."""
    rule = _rules().get((jurisdiction, right))
    schedule_rows = [
        row for row in rows("fee_schedule") if (row["jurisdiction"], row["right"]) == (jurisdiction, right)
    ]
    if rule is None or not schedule_rows:
        return None
    by_year: dict[int, dict[str, list[dict[str, str]]]] = {}
    for row in schedule_rows:
        last = row["year_from"] if row["lump"] else row["year_to"]
        for year in range(int(row["year_from"]), int(last) + 1):
            by_year.setdefault(year, {}).setdefault(row["entity"], []).append(row)
    slots = [
        _fee_year(year, schedules.get(entity) or schedules.get("full") or schedules["large"])
        for year, schedules in sorted(by_year.items())
        if year >= int(rule["first_year"])
    ]
    discounts = [row for row in rows("fee_discounts") if (row["jurisdiction"], row["entity"]) == (jurisdiction, entity)]
    return Plan(rule, schedule_rows[0]["currency"], tuple(slots), tuple(discounts), _amount_table(slots))


def _amount_table(slots: list[FeeYear]) -> Amounts:
    shape = (len(slots), max((slot.amount.size for slot in slots), default=1))
    amounts = Amounts(np.full(shape, _NEVER), np.zeros(shape), np.zeros(shape))
    for row, slot in enumerate(slots):
        for table, values in zip(amounts, slot[1:4]):
            table[row, : slot.amount.size] = values
    return amounts


def _fee_year(year: int, schedules: list[dict[str, str]]) -> FeeYear:
    schedules = sorted(schedules, key=lambda row: row["valid_from"])
    return FeeYear(
        year,
        np.array([row["valid_from"] for row in schedules], dtype="datetime64[D]"),
        np.array([float(row["amount"]) for row in schedules]),
        np.array([float(row["amount_per_claim"]) for row in schedules]),
        schedules[0]["whole_years"] == "1",
    )


class _Dates(NamedTuple):
    due: Dates
    grace_end: Dates
    lapse: Dates


class PlanFees(NamedTuple):
    """Fees of a plan by rights of one group: arrays of shape (k, n)."""

    owed: Mask
    """Whether the fee arises and falls due before the end of the term."""
    due: Dates
    grace_end: Dates
    lapse: Dates
    amount: Floats


def fees_of_plan(
    plan: Plan,
    filing: Dates,
    grant: Dates,
    n_claims: Floats,
    end: Dates,
    known_on: Dates,
) -> PlanFees:
    """Dates and amounts of all fees of a plan; parameters of shape (n,) as in :func:`ipvalue.law.fees.calendar`."""
    dates = _dates(plan, filing, grant)
    owed = ~np.isnat(dates.due) & ~(dates.due >= end)
    whole = [number for number, slot in enumerate(plan.years) if slot.full_year_only]
    owed[whole] &= ~(add_years(dates.due[whole], 1) > end)
    return PlanFees(owed, *dates, _amounts(plan, dates.due, known_on, grant, n_claims))


def _dates(plan: Plan, filing: Dates, grant: Dates) -> _Dates:
    """Due date, end of grace and lapse of each fee; NaT where the fee does not arise."""
    rule = plan.rule
    anchor = Months.of(grant if rule["anchor"] == "grant" else filing)
    shift = np.timedelta64(int(rule["offset_days"]), "D")
    months = np.array([12 * (slot.year - 1) for slot in plan.years])[:, None] + int(rule["offset_months"])
    grace = int(rule["grace_months"])
    if rule["month_end"] and not int(rule["offset_days"]):
        due, grace_end = anchor.end(months), anchor.end(months + grace)
    else:
        due, grace_end = anchor.plus(months) + shift, anchor.plus(months + grace) + shift
        if rule["month_end"]:
            due, grace_end = month_end(due), month_end(grace_end)
    lapse = _lapse(rule["lapse"], due, grace_end, anchor, months)
    if rule["before_grant"] == "at_grant":
        earliest = month_end(add_months(grant, int(rule["at_grant_months"])))
        late = due < earliest
        due = np.where(late | np.isnat(grant), earliest, due)
        grace_end = np.where(late, month_end(add_months(earliest, grace)), grace_end)
        lapse = np.where(late, due, lapse)
    elif rule["before_grant"] == "none":
        due = np.where(due > grant, due, _NO_DATE)
    elif rule["before_grant"] == "application_only":
        due = np.where(np.isnat(grant) | (due <= grant), due, _NO_DATE)
    return _Dates(due, grace_end, lapse)


def _lapse(kind: str, due: Dates, grace_end: Dates, anchor: Months, months: npt.NDArray[np.integer]) -> Dates:
    """Day on which a right ends if the fee is not paid."""
    if kind == "due":
        return due
    if kind == "day_after_due":
        return due + _DAY
    if kind == "grace_end":
        return grace_end
    if kind == "day_after_grace":
        return grace_end + _DAY
    return anchor.plus(months)


def _amounts(plan: Plan, due: Dates, known_on: Dates, grant: Dates, n_claims: Floats) -> Floats:
    """Fees by the schedule in force on the due date, or on the earlier day on which it is foreseen."""
    when, amounts = np.fmin(due, known_on), plan.amounts
    window = np.zeros(due.shape, np.int64)
    for valid_from in amounts.valid_from.T[1:]:
        window += when >= valid_from[:, None]
    window += np.arange(len(plan.years))[:, None] * amounts.amount.shape[1]
    amount = amounts.amount.ravel()[window]
    if amounts.per_claim.any():
        amount = amount + amounts.per_claim.ravel()[window] * n_claims
    for row in plan.discounts:
        within = [int(row["fee_year_from"]) <= slot.year <= int(row["fee_year_to"]) for slot in plan.years]
        spared = np.broadcast_to(np.array(within)[:, None], due.shape)
        if row["years_from_grant"]:
            # the grant year counts as the first year of the reduction
            spared = spared & (due <= add_years(grant, int(row["years_from_grant"]) - 1))
        amount = np.where(spared, amount * (1.0 - float(row["discount"])), amount)
    return amount


class FeeCalendar(NamedTuple):
    """Renewal fees of rights: two-dimensional arrays, rights by slots; NaT and 0 where a slot is not used."""

    fee_year: npt.NDArray[np.int8]
    """Patent year that the fee pays for, as the office counts it."""
    due: Dates
    """Last day to pay without surcharge, datetime64[D]; rises along the slots."""
    amount: Floats
    """Fee in whole units of the currency, without surcharge."""
    grace_end: Dates
    """Last day to pay with surcharge."""
    lapse: Dates
    """Day on which the right has ended if the fee is never paid (in many states before the grace is over)."""
    currency: Texts
    """ISO 4217 code, one a right; empty where no schedule covers the right."""
    shown_after: Ints16
    """Days from the end of the grace until a lapse is published at the latest, one a right; 0 where unknown."""


def calendar(
    jurisdiction: Any,
    right: Any,
    filing: Any,
    grant: Any,
    *,
    entity: Any = "large",
    n_claims: Any = np.nan,
    end: Any = _NO_DATE,
    known_on: Any = _NO_DATE,
) -> FeeCalendar:
    """Renewal-fee calendars of rights.

    Parameters
    ----------
    jurisdiction, right : array-like of str, shape (n,)
        ST.3 code; ``'invention'``, ``'utility_model'``, ``'design'`` or another right of the table.
    filing, grant : array-like of dates, shape (n,)
        Filing date, and grant date, NaT while pending. An office that charges granted rights only has no
        slots for a pending application; pass the expected grant date to foresee them.
    entity : {'large', 'small', 'micro'} or array-like, optional
        Size of the payer. Where an office knows no such size, the full fee.
    n_claims : array-like of float, optional
        Claims, for offices that charge by claim (JP, KR); NaN counts as one claim.
    end : array-like of dates, optional
        End of the term: fees due on or after it are left out. NaT keeps all.
    known_on : array-like of dates, optional
        Day on which the calendar is drawn up: a schedule that came into force later is not looked at, and later fees
        are foreseen at the amounts of that day. NaT looks at all schedules.

    Returns
    -------
    FeeCalendar
        At most 25 slots a right, as many as the longest of the rights present needs.

    Notes
    -----
    ``due = anchor + 12 (year - 1) months + offset``, to the month's end where the rule says so. A European
    record owes fees as an application only: after grant its fees are those of the states. Late back fees of
    a British or Indian patent fall due three months after grant, at the month's end.

    References
    ----------
    The columns ``source`` of ``fee_rules`` and ``fee_schedule``.

    Examples
    --------
    >>> fees = calendar(["US"], ["invention"], ["2019-03-01"], ["2022-02-22"])
    >>> fees.due.astype(str).tolist(), fees.amount.tolist()
    ([['2025-08-22', '2029-08-22', '2033-08-22']], [[2150.0, 4040.0, 8280.0]])
    >>> str(fees.lapse[0, 0])
    '2026-02-22'
    >>> calendar(["US"], ["invention"], ["2019-03-01"], ["2022-02-22"], known_on=["2024-12-31"]).amount.tolist()
    [[2000.0, 3760.0, 7700.0]]
    """
    coded = [codes_of(values) for values in (jurisdiction, right, entity)]
    columns: list[Any] = list(
        np.broadcast_arrays(
            *(codes for codes, _ in coded),
            as_dates(filing),
            as_dates(grant),
            np.nan_to_num(np.asarray(n_claims, dtype=np.float64), nan=1.0),
            as_dates(end),
            as_dates(known_on),
        )
    )
    groups, combinations = joint_codes(*columns[:3])
    plans = [
        fee_plan(*(names[number] for (_, names), number in zip(coded, combination)))
        for combination in combinations.tolist()
    ]
    n_slots = max((len(plan.years) for plan in plans if plan), default=0)
    found = _empty(groups.size, n_slots, plans, groups)
    for group, plan in enumerate(plans):
        if plan:
            where = np.flatnonzero(groups == group)
            _fill(found, plan, where, *(column[where] for column in columns[3:]))
    return found


def _empty(size: int, n_slots: int, plans: list[Plan | None], groups: Ints) -> FeeCalendar:
    # a slot of all rights is contiguous in memory, because calendars are written and read slot by slot
    days = [np.full((n_slots, size), _NO_DATE).T for _ in range(3)]
    return FeeCalendar(
        np.zeros((n_slots, size), dtype=np.int8).T,
        days[0],
        np.zeros((n_slots, size)).T,
        days[1],
        days[2],
        np.array([plan.currency if plan else "" for plan in plans] or [""])[groups],
        np.array([int(plan.rule["lapse_shown_days"]) if plan else 0 for plan in plans] or [0], np.int16)[groups],
    )


def _fill(found: FeeCalendar, plan: Plan, where: Ints, *columns: npt.NDArray[Any]) -> None:
    """Write the slots of one plan into the calendar, some rights at a time."""
    years = np.array([slot.year for slot in plan.years], np.int8)[:, None]
    for first in range(0, len(where), _BLOCK):
        part = slice(first, first + _BLOCK)
        slots = fees_of_plan(plan, *(column[part] for column in columns))
        at = where[part]
        for values, slot_values, missing in (
            (found.fee_year, years, np.int8(0)),
            (found.due, slots.due, _NO_DATE),
            (found.amount, slots.amount, 0.0),
            (found.grace_end, slots.grace_end, _NO_DATE),
            (found.lapse, slots.lapse, _NO_DATE),
        ):
            values.T[: len(plan.years), at] = np.where(slots.owed, slot_values, missing)


def schedule(patents: pd.DataFrame, as_of: Any, *, known_on: Any = None) -> pd.DataFrame:
    """Fees that a patents table still owes after a date, until each patent's term ends.

    Parameters
    ----------
    patents : DataFrame
        Columns patent_id, jurisdiction, application_date; optional grant_date, n_claims, entity and the
        columns of :func:`ipvalue.law.term.expiry`.
    as_of : date-like
        Fees due after this day are listed.
    known_on : date-like, optional
        Day by whose schedules amounts are foreseen, by default ``as_of``: no amount that came into force later is
        seen. NaT looks at all schedules.

    Returns
    -------
    DataFrame
        patent_id, fee_year, due_date, amount, currency; sorted by patent_id and due date. A patent without a
        schedule, or whose fees are all behind it, has no row. Whether the right is alive is not asked.

    Raises
    ------
    SchemaError
        If a required column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> patents = pd.DataFrame({"patent_id": ["a"], "jurisdiction": ["CN"], "right": ["design"],
    ...                         "application_date": ["2012-05-04"], "grant_date": ["2012-11-07"]})
    >>> schedule(patents, "2020-01-01")
      patent_id  fee_year   due_date  amount currency
    0         a         9 2020-05-04  2000.0      CNY
    1         a        10 2021-05-04  2000.0      CNY
    """
    import pandas as pd

    require(patents, "patent_id", "jurisdiction", "application_date")
    fees = calendar(
        patents["jurisdiction"],
        rights_column(patents),
        date_column(patents, "application_date"),
        date_column(patents, "grant_date"),
        entity=patents["entity"] if "entity" in patents.columns else "large",
        n_claims=number_column(patents, "n_claims"),
        end=end_dates_of_table(patents).actual,
        known_on=as_of if known_on is None else known_on,
    )
    row, slot = np.nonzero(fees.due > as_dates(as_of))
    listed = pd.DataFrame(
        {
            "patent_id": patents["patent_id"].to_numpy()[row],
            "fee_year": fees.fee_year[row, slot],
            "due_date": fees.due[row, slot].astype("datetime64[s]"),
            "amount": fees.amount[row, slot],
            "currency": fees.currency[row],
        }
    )
    return listed.sort_values(["patent_id", "due_date", "fee_year"], kind="stable", ignore_index=True)
