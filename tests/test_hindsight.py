"""What is not knowable on a day may be anything: altered, moved or deleted, it leaves every bit of that day as it is.

``test_no_look_ahead.py`` deletes the future of a plain synthetic book. Here the book also has facts that became known
after the grant, rows loaded after they were announced, worded claims in several sets and deals of several patents; its
future is altered too; and what counts is also what the bank had loaded.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Literal

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.artifacts import hash_state
from ipvalue.methods.base import State, available
from ipvalue.records.snapshot import Ragged, Snapshot
from tests.hindsight import eventful_book, with_another_future

Known = Literal["announced", "loaded"]
SMALL = {"gradient_boosting": {"trees": 15, "folds": 2, "minimum": 20}, "hedonic_price": {"minimum": 20}}
RAGGED = ("citations_received", "citations_made", "claims", "first_claims", "family", "ipc", "owners")


@cache
def eventful(patents: int, seed: int) -> ipv.Book:
    return eventful_book(patents, seed)


def days(number: int) -> list[str]:
    """Days drawn once and for all between 2008 and 2024."""
    drawn = np.datetime64("2008-01-01") + np.random.default_rng(30).integers(0, 6_200, number)
    return [str(day) for day in drawn]


def assert_same_tables(one: Snapshot, two: Snapshot) -> None:
    """Every table of two snapshots is the same, bit for bit."""
    pairs = [("patents", one.patents, two.patents)]
    for name in RAGGED:
        mine, theirs = getattr(one, name), getattr(two, name)
        assert isinstance(mine, Ragged)
        np.testing.assert_array_equal(mine.pointers, theirs.pointers, err_msg=name)
        pairs.append((name, dict(mine.columns), dict(theirs.columns)))
    pairs += [(name, getattr(one, name), getattr(two, name)) for name in ("economics", "transactions", "licences")]
    pairs += [(name, one.market(name), two.market(name)) for name in ("curves", "fx", "price_index")]  # type: ignore[arg-type]
    for name, columns, others in pairs:
        for column in columns.keys() - {"row"}:
            np.testing.assert_array_equal(columns[column], others[column], err_msg=f"{name}.{column}")
    assert one.claim_texts().equals(two.claim_texts())
    assert one.claim_texts(one.first_claims).equals(two.claim_texts(two.first_claims))
    for mine, theirs in zip(
        (one.events.patent, one.events.effective, one.events.known, one.events.detail, *one.events.operators),
        (two.events.patent, two.events.effective, two.events.known, two.events.detail, *two.events.operators),
    ):
        np.testing.assert_array_equal(np.sort(mine), np.sort(theirs))


@pytest.mark.parametrize(
    ("number", "day"), [pytest.param(k, day, marks=[pytest.mark.slow] * (k > 5)) for k, day in enumerate(days(30))]
)
def test_another_future_leaves_snapshot_and_features_bit_identical(number: int, day: str) -> None:
    known: Known = "loaded" if number % 2 else "announced"
    book = eventful(250, number % 3)
    other = with_another_future(book, day, known, seed=number)
    one, two = book.as_of(day, known=known), other.as_of(day, known=known)
    assert list(one.patent_ids) == list(two.patent_ids)
    assert_same_tables(one, two)
    assert ipv.extract(one).equals(ipv.extract(two))


def digest(state: State) -> str:
    found = hashlib.sha256()
    hash_state(found, state)
    return found.hexdigest()


@pytest.mark.parametrize(
    ("day", "known", "reconciliation"),
    [
        ("2018-03-04", "announced", ipv.PrecisionWeights()),
        pytest.param("2018-03-04", "loaded", ipv.StackedWeights(), marks=pytest.mark.slow),
        pytest.param("2022-06-30", "announced", ipv.StackedWeights(), marks=pytest.mark.slow),
        pytest.param("2022-06-30", "loaded", ipv.PrecisionWeights(), marks=pytest.mark.slow),
    ],
)
def test_another_future_leaves_fit_and_values_bit_identical(
    day: str, known: Known, reconciliation: ipv.PrecisionWeights | ipv.StackedWeights
) -> None:
    book = eventful(700, 1)
    other = with_another_future(book, day, known, seed=5)
    methods = [kind(**SMALL.get(name, {})) for name, kind in available().items()]
    engine = ipv.ValuationEngine(methods, reconciliation=reconciliation)
    one, two = engine.fit(book, as_of=day, known=known), engine.fit(other, as_of=day, known=known)
    mine, theirs = one.fitted, two.fitted
    assert mine.deals > 40
    assert (mine.deals, mine.grant_rates) == (theirs.deals, theirs.grant_rates)
    for name, state in mine.states.items():
        assert digest(state) == digest(theirs.states[name]), name
    assert digest(mine.reconciliation) == digest(theirs.reconciliation)
    assert one.value(book.as_of(day, known=known)).table.equals(two.value(other.as_of(day, known=known)).table)


def test_the_other_future_is_another_one_in_every_table() -> None:
    """The two tests above could not fail if nothing were altered."""
    book = eventful(700, 1)
    other = with_another_future(book, "2018-03-04", "announced", seed=5)
    for name, table in book.tables.items():
        assert not table.equals(other.tables[name]), name
    both = np.intersect1d(
        book.as_of("2024-12-31").patent_ids.astype(str), other.as_of("2024-12-31").patent_ids.astype(str)
    )
    one, two = (ipv.extract(b.as_of("2024-12-31")).loc[both] for b in (book, other))
    changed = [name for name in one if not one[name].equals(two[name])]
    for name in (
        "forward_citations",
        "remaining_term",
        "market_coverage",
        "first_claim_length",
        "alive",
        "owner_portfolio",
    ):
        assert name in changed, (name, changed)
