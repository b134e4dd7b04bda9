"""How each office dates and prices renewal fees: ``fee_rules``, ``fee_schedule``, ``fee_discounts``."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ipvalue.law._tables import rows
from ipvalue.types import Dates, Floats

__all__ = ["Offers", "Plan", "Slot", "fee_plan"]

_NEVER = np.datetime64(np.iinfo(np.int64).max, "D")


class Slot(NamedTuple):
    """Amounts of one fee year, by the day from which they are in force."""

    year: int
    valid_from: Dates
    amount: Floats
    per_claim: Floats
    whole: bool
    """Owed only for a year that lies wholly within the term."""


class Offers(NamedTuple):
    """Amounts of all fee years of a plan: slots by the schedules that were in force one after the other."""

    valid_from: Dates
    """Never, where a slot has fewer schedules than another."""
    amount: Floats
    per_claim: Floats


class Plan(NamedTuple):
    """How one office dates and prices the fees of one right for one kind of payer."""

    rule: dict[str, str]
    currency: str
    slots: tuple[Slot, ...]
    discounts: tuple[dict[str, str], ...]
    offers: Offers


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
        _slot(year, offers.get(entity) or offers.get("full") or offers["large"])
        for year, offers in sorted(by_year.items())
        if year >= int(rule["first_year"])
    ]
    discounts = [row for row in rows("fee_discounts") if (row["jurisdiction"], row["entity"]) == (jurisdiction, entity)]
    return Plan(rule, schedule_rows[0]["currency"], tuple(slots), tuple(discounts), _offers(slots))


def _offers(slots: list[Slot]) -> Offers:
    shape = (len(slots), max((slot.amount.size for slot in slots), default=1))
    offers = Offers(np.full(shape, _NEVER), np.zeros(shape), np.zeros(shape))
    for row, slot in enumerate(slots):
        for table, values in zip(offers, slot[1:4]):
            table[row, : slot.amount.size] = values
    return offers


def _slot(year: int, offers: list[dict[str, str]]) -> Slot:
    offers = sorted(offers, key=lambda row: row["valid_from"])
    return Slot(
        year,
        np.array([row["valid_from"] for row in offers], dtype="datetime64[D]"),
        np.array([float(row["amount"]) for row in offers]),
        np.array([float(row["amount_per_claim"]) for row in offers]),
        offers[0]["whole_years"] == "1",
    )
