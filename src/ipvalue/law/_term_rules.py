"""The rules of term of the table ``term_rules``, read once."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ipvalue.law._tables import rows

__all__ = ["Rule", "ends_at_start_of_day", "rule_ids", "term_rules"]


class Rule(NamedTuple):
    """One row of ``term_rules``."""

    number: int
    condition_field: str
    condition_from: np.datetime64
    condition_to: np.datetime64
    base: str
    years: int
    alternative_years: int
    adjustment_field: str
    adjustment_from: np.datetime64
    extension_cap_months: int
    disclaimer: bool
    not_health_related: bool


@cache
def term_rules() -> dict[tuple[str, str], list[Rule]]:
    """Rules that set a term, by (jurisdiction, right), in the order of the table."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for number, row in enumerate(rows("term_rules")):
        if row["combine"] not in ("single", "max"):
            continue
        rule = Rule(
            number=number,
            condition_field=row["condition_field"],
            condition_from=np.datetime64(row["condition_from"] or "0001-01-01", "D"),
            condition_to=np.datetime64(row["condition_to"] or "9999-12-31", "D"),
            base=row["base"],
            years=int(row["years"]),
            alternative_years=int(row["alternative_years"] or 0),
            adjustment_field=row["adjustment_field"],
            adjustment_from=np.datetime64(row["adjustment_from"] or "NaT", "D"),
            extension_cap_months=int(row["extension_cap_months"] or 0),
            disclaimer=row["disclaimer"] == "1",
            not_health_related=row["not_health_related"] == "1",
        )
        found.setdefault((row["jurisdiction"], row["right"]), []).append(rule)
    return found


def rule_ids() -> list[str]:
    """Names of the rows of ``term_rules``.

    Returns
    -------
    list of str
        ``rule_ids()[term.rule]`` names the rule that a term follows.

    Examples
    --------
    >>> rule_ids()[0]
    'CN-INV-1993'
    """
    return [row["rule_id"] for row in rows("term_rules")]


@cache
def ends_at_start_of_day() -> frozenset[str]:
    """Jurisdictions where a right is in force until the day before the anniversary."""
    return frozenset(
        row["jurisdiction"] for row in rows("term_rules") if row["last_day_rule"] == "day_before_anniversary"
    )
