"""Dates and amounts of the fees of one plan, as arrays of fees by rights: a row is a fee, a column a right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._fee_plans import Plan
from ipvalue.law.dates import Months, add_months, add_years, month_end
from ipvalue.types import Dates, Floats, Mask

__all__ = ["Slots", "slots_of"]

_DAY = np.timedelta64(1, "D")
_NO_DATE = np.datetime64("NaT", "D")


class _Dates(NamedTuple):
    due: Dates
    grace_end: Dates
    lapse: Dates


class Slots(NamedTuple):
    """Fees of a plan by rights of one group: arrays of shape (k, n)."""

    owed: Mask
    """Whether the fee arises and falls due before the end of the term."""
    due: Dates
    grace_end: Dates
    lapse: Dates
    amount: Floats


def slots_of(
    plan: Plan,
    filing: Dates,
    grant: Dates,
    n_claims: Floats,
    end: Dates,
    known_on: Dates,
) -> Slots:
    """Dates and amounts of all fees of a plan; parameters of shape (n,) as in :func:`ipvalue.law.fees.calendar`."""
    dates = _dates(plan, filing, grant)
    owed = ~np.isnat(dates.due) & ~(dates.due >= end)
    whole = [number for number, slot in enumerate(plan.slots) if slot.whole]
    owed[whole] &= ~(add_years(dates.due[whole], 1) > end)
    return Slots(owed, *dates, _amounts(plan, dates.due, known_on, grant, n_claims))


def _dates(plan: Plan, filing: Dates, grant: Dates) -> _Dates:
    """Due date, end of grace and lapse of each fee; NaT where the fee does not arise."""
    rule = plan.rule
    anchor = Months.of(grant if rule["anchor"] == "grant" else filing)
    shift = np.timedelta64(int(rule["offset_days"]), "D")
    months = np.array([12 * (slot.year - 1) for slot in plan.slots])[:, None] + int(rule["offset_months"])
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
    """Day on which a right ends that is not paid for."""
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
    when, offers = np.fmin(due, known_on), plan.offers
    window = np.zeros(due.shape, np.int64)
    for valid_from in offers.valid_from.T[1:]:
        window += when >= valid_from[:, None]
    window += np.arange(len(plan.slots))[:, None] * offers.amount.shape[1]
    amount = offers.amount.ravel()[window]
    if offers.per_claim.any():
        amount = amount + offers.per_claim.ravel()[window] * n_claims
    for row in plan.discounts:
        within = [int(row["fee_year_from"]) <= slot.year <= int(row["fee_year_to"]) for slot in plan.slots]
        spared = np.broadcast_to(np.array(within)[:, None], due.shape)
        if row["years_from_grant"]:
            # the grant year is the first of the years, so its fee year is at most that many less one before
            spared = spared & (due <= add_years(grant, int(row["years_from_grant"]) - 1))
        amount = np.where(spared, amount * (1.0 - float(row["discount"])), amount)
    return amount
