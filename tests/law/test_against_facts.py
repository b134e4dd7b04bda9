"""The tables of law against the fact files they were made from, and terms on both sides of each change of law."""

from __future__ import annotations

import csv
import datetime as dt

import pytest

from ipvalue.law import term
from ipvalue.law._tables import rows
from ipvalue.law.events import Effect, encode
from ipvalue.law.states import State
from tests.shared_data import FACTS, needs

pytestmark = needs(FACTS)

RIGHTS = {
    "utility": "invention",
    "standard_patent": "invention",
    "application": "invention",
    "unitary_patent": "invention",
}
OFFICES = {"EU": "EM"}
# a rule that takes some days of another one, and why: the note of the file's row (still in force on 2001-12-11), and
# grants before the ruling of 2021-05-12
INSTEAD = {"CN-INV-1985": "CN-INV-WTO", "BR-PAT": "BR-PAT-MIN10"}

# codes whose text in the file says more than its effect: a petition granted revives, R119 withdraws an application too
NARROWER = {("US", "PMFG"), ("DE", "R119")}


def facts(name: str) -> list[dict[str, str]]:
    if not FACTS.exists():
        return []
    with (FACTS / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def anniversary(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def boundary_days(row: dict[str, str]) -> list[dt.date]:
    """First and last day of the rule, and the days beside them within it; leap days where it has neither."""
    found = []
    for name, inward in (("cond_from", 1), ("cond_to", -1)):
        if row[name]:
            day = dt.date.fromisoformat(row[name])
            found += [day, day + dt.timedelta(inward)]
    return found or [dt.date(2016, 2, 28), dt.date(2016, 2, 29), dt.date(2016, 3, 1)]


TERMS = [row for row in facts("01_term_rules.csv") if row["combine"] in ("single", "max")]


@pytest.mark.parametrize("row", TERMS, ids=[row["rule_id"] for row in TERMS])
def test_each_rule_holds_from_its_first_day_to_its_last(row: dict[str, str]) -> None:
    place = OFFICES.get(row["jurisdiction"], row["jurisdiction"])
    for day in boundary_days(row):
        by_grant = row["cond_field"] == "grant_date"
        filing, grant = (day - dt.timedelta(4_000), day) if by_grant else (day, day + dt.timedelta(900))
        base = grant if row["base_field"] in ("grant_date", "registration_date") else filing
        end = anniversary(base, int(row["term_years"]))
        if row["combine"] == "max":
            end = max(end, anniversary(grant, int(row["alt_years"])))
        found = term.end_dates(
            [place], [RIGHTS.get(row["right_kind"], row["right_kind"])], [str(filing)], grant=[str(grant)]
        )
        rule = term.rule_ids()[found.rule[0]]
        if rule != INSTEAD.get(row["rule_id"]):
            assert (str(found.actual[0]), rule) == (str(end), row["rule_id"]), day


def test_fees_are_those_of_the_fact_file() -> None:
    columns = ("year_from", "year_to", "amount", "amount_per_claim", "currency", "entity", "valid_from", "valid_to")

    def of(row: dict[str, str], right: str) -> tuple[str, ...]:
        return (row["jurisdiction"], RIGHTS.get(row[right], row[right]), *(row[name] for name in columns))

    assert {of(row, "right") for row in rows("fee_schedule")} == {
        of(row, "right_kind") for row in facts("02_fee_schedule.csv")
    }


def test_event_codes_mean_what_the_fact_file_says() -> None:
    """Effects of the file's single codes; steps before the grant advance a state, and never take it back."""
    checked = 0
    for row in facts("03_event_map.csv"):
        effect, target = row["effect"], row["operand"] if row["operand"] in State.__members__ else "UNKNOWN"
        single = not set(row["code"]) & set(" ,/") and effect in Effect.__members__
        if not single or (row["office"], row["code"]) in NARROWER:
            continue
        office = {"US-ODP": "US", "*": "NL"}.get(row["office"], row["office"])
        found = encode([office], ["inpadoc"], [row["code"]])
        said = (Effect(found.effect[0]).name, State(found.target[0]).name)
        steps = ("PUBLISHED", "EXAMINATION")
        assert said == (effect, target) or (target in steps and said == ("ADVANCE", target)), row
        checked += 1
    assert checked > 200
