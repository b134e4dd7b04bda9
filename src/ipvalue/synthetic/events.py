"""The register events of the synthetic book in the codes of each office, as far as announced by its last day.

A step (publication, grant, lapse ...) is drawn elsewhere; here it gets the code, scheme and wording that the
office uses, and the date on which the office makes it public. Steps that an office does not publish are left
out, such as payments in China. Entries between the steps (office actions, status entries, notices, second entries of
payments) come last and are drawn from their own random stream (:func:`procedure_columns`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.synthetic.common import days_after, small_table, stream, take_text
from ipvalue.synthetic.deals import KINDS, Deals
from ipvalue.synthetic.encumbrances import REGISTRATION_DAYS, Encumbrance
from ipvalue.synthetic.population import Population
from ipvalue.synthetic.truth import DEATH_KINDS, Truth
from ipvalue.types import Dates, Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "events_table",
    "procedure_columns",
]

EP_STATES = ("DE", "FR", "GB")  # every synthetic European patent is validated in these states
LAPSE_ANNOUNCED = {
    "CN": (380, 430),
    "US": (33, 37),
    "EP": (200, 320),
    "JP": (190, 260),
    "KR": (190, 260),
    "DE": (20, 60),
}
EXPIRY_ANNOUNCED_SHARE = 0.6
NOT_TAKEN_UP_SHARE = 0.1  # of the Chinese withdrawals
SECOND_SCHEME_UNTIL = np.datetime64("2017-01-01", "D")  # until then the INPADOC feed repeats the Chinese one
_NEVER = np.datetime64("NaT", "D")
Rows = tuple[str, Ints, Dates, Dates, Any]


@lru_cache(maxsize=1)
def _codes() -> dict[tuple[str, str], int]:
    """Row of events.csv by office and step."""
    table = small_table("events")
    return {key: i for i, key in enumerate(zip(table["jurisdiction"], table["step"]))}


def _offices(population: Population) -> Any:
    return np.array(small_table("rights")["jurisdiction"])[population.right]


def _prosecution(population: Population, truth: Truth, rng: np.random.Generator) -> list[Rows]:
    """Publication, examination, allowance and grant or failure."""
    n = population.n
    invention = (np.array(small_table("rights")["right"]) == "invention")[population.right]
    every = np.arange(n)
    examined = np.maximum(truth.publication, days_after(population.application, 100))
    examined = days_after(examined, rng.integers(10, 120, n))
    examined = np.where(invention & (examined < truth.outcome), examined, _NEVER).astype("M8[D]")
    reported = days_after(examined, 200 + rng.integers(0, 200, n))
    reported = np.where(reported < truth.outcome, reported, _NEVER).astype("M8[D]")
    allowed = days_after(truth.grant, -rng.integers(60, 170, n))
    allowed = np.where(invention & (allowed > examined), allowed, _NEVER).astype("M8[D]")
    published = np.where(invention, truth.publication, _NEVER).astype("M8[D]")
    return [
        ("publication", every, published, published, None),
        ("examination", every, examined, examined, None),
        ("examination_report", every, reported, reported, None),
        ("allowed", every, allowed, allowed, None),
        ("grant", every, truth.grant, truth.grant, None),
        *_failed(population, truth, rng),
        *_notices(population, truth, published, examined, reported, rng),
    ]


def _notices(
    population: Population,
    truth: Truth,
    published: Dates,
    examined: Dates,
    reported: Dates,
    rng: np.random.Generator,
) -> list[Rows]:
    """Other entries: Chinese steps of older years in a second scheme, and formal notices."""
    every = np.arange(population.n)
    answered = days_after(reported, rng.integers(60, 180, population.n))
    answered = np.where(answered < truth.outcome, answered, _NEVER).astype("M8[D]")
    fee = days_after(truth.grant, -rng.integers(10, 50, population.n))
    rows: list[Rows] = [
        ("publication_notice", every, published, published, None),
        ("examination_answer", every, answered, answered, None),
        ("grant_fee", every, fee, fee, None),
        ("grant_notice", every, truth.grant, truth.grant, None),
    ]
    for step, date in (("publication", published), ("examination", examined), ("grant", truth.grant)):
        older = np.where(date < SECOND_SCHEME_UNTIL, date, _NEVER).astype("M8[D]")
        rows.append((f"{step}_older", every, older, older, None))
    changed = np.flatnonzero(rng.random(population.n) < 0.15)
    when = days_after(published[changed], rng.integers(30, 400, len(changed)))
    when = np.where(when < truth.outcome[changed], when, _NEVER).astype("M8[D]")
    rows.append(("inventor_change", changed, when, when, None))
    return rows


def _failed(population: Population, truth: Truth, rng: np.random.Generator) -> list[Rows]:
    """Refusals and withdrawals of published applications."""
    shown = ~np.isnat(truth.publication)
    refused = np.flatnonzero(shown & (truth.death_kind == DEATH_KINDS.index("refused")))
    withdrawn = np.flatnonzero(shown & (truth.death_kind == DEATH_KINDS.index("withdrawn")))
    left = (_offices(population)[withdrawn] == "CN") & (rng.random(len(withdrawn)) < NOT_TAKEN_UP_SHARE)
    return [
        (step, rows, truth.death[rows], truth.death[rows], None)
        for step, rows in (
            ("refused", refused),
            ("withdrawn", withdrawn[~left]),
            ("not_taken_up", withdrawn[left]),
        )
    ]


def _announcement(office: Any, lapse: Dates, rng: np.random.Generator) -> Dates:
    """Day on which each office announces a lapse."""
    low = np.array([LAPSE_ANNOUNCED[code][0] for code in LAPSE_ANNOUNCED])
    high = np.array([LAPSE_ANNOUNCED[code][1] for code in LAPSE_ANNOUNCED])
    names = np.array(list(LAPSE_ANNOUNCED))
    order = np.argsort(names)
    place = order[np.searchsorted(names, office, sorter=order)]
    return days_after(lapse, low[place] + rng.random(len(lapse)) * (high[place] - low[place]))


def _endings(population: Population, truth: Truth, rng: np.random.Generator) -> list[Rows]:
    """Lapse, restoration, expiry and surrender."""
    office = _offices(population)
    lapsed = np.flatnonzero(truth.death_kind == DEATH_KINDS.index("lapsed"))
    back = np.flatnonzero(~np.isnat(truth.gap_start))
    rows = np.r_[lapsed, back]
    date = np.r_[truth.death[lapsed], truth.gap_start[back]]
    announced = _announcement(office[rows], date, rng)
    states = np.where(office[rows] == "EP", len(EP_STATES), 1)
    state = np.arange(states.sum()) - np.repeat(np.cumsum(states) - states, states)
    state = np.where(np.repeat(office[rows] == "EP", states), state, -1)
    expired = np.flatnonzero(truth.death_kind == DEATH_KINDS.index("expired"))
    expired = expired[rng.random(len(expired)) < EXPIRY_ANNOUNCED_SHARE]
    expiry = truth.death[expired]
    given = truth.death_kind == DEATH_KINDS.index("surrendered")
    single, double = np.flatnonzero(given & ~truth.double), np.flatnonzero(given & truth.double)
    return [
        (
            "lapsed",
            np.repeat(rows, states),
            np.repeat(date, states),
            np.repeat(announced, states),
            take_text(EP_STATES, state),
        ),
        ("revived", back, truth.gap_end[back], truth.gap_end[back], None),
        ("expired", expired, expiry, days_after(expiry, rng.integers(5, 60, len(expired))), None),
        ("surrendered", single, truth.death[single], truth.death[single], None),
        ("surrendered_double", double, truth.death[double], truth.death[double], None),
    ]


def _challenges(population: Population, truth: Truth) -> list[Rows]:
    """Oppositions and invalidations with their results, and European grants that nobody opposed."""
    office = _offices(population)
    alive = np.isnat(truth.death)
    started = ~np.isnat(truth.challenge) & (alive | (truth.death >= truth.challenge))
    ended = started & (alive | (truth.death >= truth.challenge_end))
    invention = (np.array(small_table("rights")["right"]) == "invention")[population.right]
    quiet = invention & np.isin(office, ("EP", "DE")) & np.isnat(truth.challenge) & ~np.isnat(truth.grant)
    unopposed = days_after(truth.grant, 300)
    quiet &= alive | (truth.death > unopposed)
    cuts = [
        ("opposition", started, truth.challenge),
        ("opposition_rejected", ended & (truth.challenge_result == 1), truth.challenge_end),
        ("amended", ended & (truth.challenge_result == 2) & (office == "EP"), truth.challenge_end),
        ("partly_invalid", ended & (truth.challenge_result == 2) & (office == "CN"), truth.challenge_end),
        ("invalidated", truth.death_kind == DEATH_KINDS.index("invalidated"), truth.death),
        ("no_opposition", quiet, unopposed),
    ]
    return [(step, np.flatnonzero(who), when[who], when[who], None) for step, who, when in cuts]


def _standing(truth: Truth) -> Mask:
    """Whether the right was alive when a payment was made."""
    death = truth.death[truth.fees.payer]
    return np.asarray(np.isnat(death) | (truth.fees.paid < death))


def _payments(population: Population, truth: Truth, rng: np.random.Generator) -> list[Rows]:
    """Payments where the office publishes them, with the fee year; American surcharges and reminders."""
    fees, standing = truth.fees, _standing(truth)
    payer, paid = fees.payer[standing], fees.paid[standing]
    year, late = fees.fee_year[standing], fees.late[standing]
    office = _offices(population)[payer]
    detail = take_text([str(y) for y in range(26)], year)
    american = office == "US"
    rows: list[Rows] = []
    rest = np.flatnonzero(~american & (office != "EP"))
    rows.append(("payment", payer[rest], paid[rest], paid[rest], _pick(detail, rest)))
    rows += _european_payments(payer, paid, year, np.flatnonzero(office == "EP"))
    for fee_year in (4, 8, 12):
        due = np.flatnonzero(american & (year == fee_year))
        rows.append((f"payment_{fee_year}", payer[due], paid[due], paid[due], _pick(detail, due)))
        overdue = due[late[due]]
        rows.append((f"surcharge_{fee_year}", payer[overdue], paid[overdue], paid[overdue], None))
    overdue = np.flatnonzero(american & late)
    window = days_after(paid[overdue], -rng.integers(5, 60, len(overdue)))
    rows.append(("reminder", payer[overdue], window, window, None))
    return rows


def _european_payments(payer: Ints, paid: Dates, year: Ints, rows: Ints) -> list[Rows]:
    """National fees of European patents, one event a state, with state and fee year."""
    return [
        (
            "payment",
            payer[rows],
            paid[rows],
            paid[rows],
            take_text([f"{state} {y}" for y in range(26)], year[rows]),
        )
        for state in EP_STATES
    ]


def _pick(values: pa.Array, rows: Ints) -> pa.Array:
    import pyarrow as pa

    return values.take(pa.array(rows))


def _encumbrance_rows(encumbrances: dict[str, Encumbrance]) -> list[Rows]:
    """Beginning and end of each encumbrance, with its number."""
    rows: list[Rows] = []
    for name, one in encumbrances.items():
        for step, day in (("on", one.begins), ("off", one.ends)):
            rows.append((f"{name}_{step}", one.patent, day, days_after(day, REGISTRATION_DAYS), one.number))
    return rows


def _party_changes(population: Population, truth: Truth, deals: Deals, rng: np.random.Generator) -> list[Rows]:
    """Transfers after sales, and new names of owners."""
    sold = np.flatnonzero(deals.kind != KINDS.index("exclusive_licence"))
    patent, date = deals.patent[sold], days_after(deals.date[sold], rng.integers(20, 120, len(sold)))
    rows: list[Rows] = [
        ("transfer", patent, _while_alive(truth, patent, date), days_after(date, REGISTRATION_DAYS), None)
    ]
    for step, share in (("name_change", 0.04), ("address_change", 0.10)):
        changed = np.flatnonzero((rng.random(population.n) < share) & (truth.grant <= population.until))
        when = days_after(truth.grant[changed], rng.integers(100, 2500, len(changed)))
        when = _while_alive(truth, changed, when)
        rows.append((step, changed, when, when, None))
    return rows


def _while_alive(truth: Truth, patent: Ints, date: Dates) -> Dates:
    """The dates, NaT where the right is dead by then."""
    death = truth.death[patent]
    return np.where(np.isnat(death) | (date < death), date, _NEVER).astype("M8[D]")


def _part(population: Population, rows: Rows, rng: np.random.Generator) -> dict[str, Any]:
    """One step of all offices as rows of the table, without what is not public by the last day."""
    step, patent, effective, announced, detail = rows
    names = sorted(set(small_table("rights")["jurisdiction"]))
    code_of = np.array([_codes().get((name, step), -1) for name in names])
    code = code_of[np.searchsorted(names, _offices(population)[patent])]
    shown = np.flatnonzero((code >= 0) & (announced <= population.until) & (effective <= population.until))
    loaded = days_after(announced[shown], rng.integers(1, 8, len(shown)))
    return {
        "patent": patent[shown],
        "code": code[shown],
        "effective_date": effective[shown],
        "announced_date": announced[shown],
        "loaded_date": np.minimum(loaded, population.until),
        "detail": None if detail is None else _pick(detail, shown),
    }


def events_table(
    population: Population,
    truth: Truth,
    deals: Deals,
    encumbrances: dict[str, Encumbrance],
    patent_id: pa.Array,
    seed: int,
) -> list[dict[str, Any]]:
    """Columns of the legal events table, one part a step.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their legal history.
    deals, encumbrances : Deals, dict of str to Encumbrance
        What leads to transfers, pledges, recorded licences and preservations.
    patent_id : pyarrow.Array
        Identifiers of the patents.
    seed : int
        Seed of the book.

    Returns
    -------
    list of dict of str to array
    """
    import pyarrow as pa

    rng = stream(seed, "events")
    table = small_table("events")
    steps = [
        *_prosecution(population, truth, rng),
        *_endings(population, truth, rng),
        *_challenges(population, truth),
        *_payments(population, truth, rng),
        *_encumbrance_rows(encumbrances),
        *_party_changes(population, truth, deals, rng),
    ]
    parts = []
    for rows in steps:
        part = _part(population, rows, rng)
        patent, code, detail = part.pop("patent"), part.pop("code"), part.pop("detail")
        part["patent_id"] = patent_id.take(pa.array(patent))
        part["detail"] = pa.nulls(len(patent), pa.string()) if detail is None else detail
        part |= {name: take_text(table[name], code) for name in ("scheme", "code", "text")}
        part["office"] = take_text(table["jurisdiction"], code)
        parts.append(part)
    return parts + procedure_columns(population, truth, _followed(truth, steps), patent_id, seed)


def _followed(truth: Truth, steps: list[Rows]) -> dict[str, tuple[Ints, Dates]]:
    """Patents and days of the steps that further entries follow."""
    names = ("publication", "examination", "examination_report", "examination_answer", "allowed", "grant")
    followed = {step: (rows[0], rows[1]) for step, *rows in steps if step in (*names, "no_opposition")}
    standing = _standing(truth)
    payer, paid, year = (column[standing] for column in (truth.fees.payer, truth.fees.paid, truth.fees.fee_year))
    for fee_year in (4, 8, 12):
        followed[f"payment_{fee_year}"] = payer[year == fee_year], paid[year == fee_year]
    return followed | {"payment": (payer, paid)}


Dated = tuple[Ints, Dates]  # patents and days, one element an entry
LOADED_AFTER_DAYS = 7  # not before the step that an entry belongs to, which is loaded within the week
_FAR = np.datetime64("9999-01-01", "D")


def procedure_columns(
    population: Population, truth: Truth, steps: Mapping[str, Dated], patent_id: pa.Array, seed: int
) -> list[dict[str, Any]]:
    """Columns of the legal events table, one part a kind of entry.

    Parameters
    ----------
    population, truth : Population, Truth
        The patents and their legal history.
    steps : mapping of str to (int array, datetime64[D] array)
        Patents and days of the register's steps that entries follow; NaT where a step did not happen.
    patent_id : pyarrow.Array
        Identifiers of the patents.
    seed : int
        Seed of the book.

    Returns
    -------
    list of dict of str to array
        Nothing is later than the last day of the book.
    """
    rng = stream(seed, "procedure")
    table = small_table("procedure")
    offices = np.array(small_table("rights")["jurisdiction"])[population.right]
    ends = _ends(truth, steps["allowed"][1])
    written: dict[tuple[str, str], Dated] = {}
    parts = []
    for k, (office, name) in enumerate(zip(table["jurisdiction"], table["name"])):
        kind = {column: values[k] for column, values in table.items()}
        patent, day = written.get((office, kind["after"])) or steps[kind["after"]]
        patent, day = _drawn(rng, kind, patent, day, offices == office)
        lasts = day < ends[kind["before"]][patent]
        written[office, name] = patent[lasts], day[lasts]
        parts.append(_columns(rng, kind, *written[office, name], population.until, patent_id))
    return parts


def _ends(truth: Truth, allowed: Dates) -> dict[str, Dates]:
    """First day after each stage: examination, the wait for the grant, and the life of the right."""
    decision = np.fmin(allowed, truth.outcome)
    death = np.where(np.isnat(truth.death), _FAR, truth.death).astype("M8[D]")
    return {"decision": np.minimum(decision, death), "grant": truth.grant, "death": death}


def _drawn(rng: np.random.Generator, kind: dict[str, str], patent: Ints, day: Dates, member: Any) -> Dated:
    """Patents of the office that get an entry, and its day."""
    place = np.flatnonzero(member[patent] & ~np.isnat(day))
    place = place[rng.random(len(place)) < float(kind["share"])]
    wait = rng.integers(int(kind["low"]), int(kind["high"]) + 1, len(place))
    return patent[place], days_after(day[place], wait)


def _columns(
    rng: np.random.Generator,
    kind: dict[str, str],
    patent: Ints,
    day: Dates,
    until: np.datetime64,
    patent_id: pa.Array,
) -> dict[str, Any]:
    """One kind of entry as columns of the table, as far as it is public by the last day."""
    import pyarrow as pa

    wait = rng.integers(int(kind["announced_low"]), int(kind["announced_high"]) + 1, len(patent))
    announced = days_after(day, wait)
    loaded = np.minimum(days_after(announced, LOADED_AFTER_DAYS), until)
    shown = announced <= until
    patent, day, announced, loaded = patent[shown], day[shown], announced[shown], loaded[shown]
    same = np.zeros(len(patent), np.int64)
    words = {name: take_text([kind[name]], same) for name in ("scheme", "code", "text")}
    return {
        "patent_id": patent_id.take(pa.array(patent)),
        "effective_date": day,
        "announced_date": announced,
        "loaded_date": loaded,
        "office": take_text([kind["jurisdiction"]], same),
        "detail": take_text([kind["detail"]], same if kind["detail"] else same - 1),
        **words,
    }
