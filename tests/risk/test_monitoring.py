"""Monitoring between two dates, by cases worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.risk.monitoring import stability_index
from tests.risk.hand import valuation


def test_triggers_by_hand() -> None:
    # P0 lapses, P1 falls by 21 % (a trigger), P2 by 19 % (none), P3 misses a fee, P4 is gone
    before = valuation([100.0] * 5, as_of="2023-12-31")
    states = ["lapsed", "in_force", "in_force", "grace"]
    after = valuation([0.0, 79.0, 81.0, 100.0], state=states)
    found = ipv.monitor(before, after).triggers
    pairs = list(zip(found["patent_id"], found["trigger"]))
    assert pairs == [("P0", "lapsed"), ("P1", "value_down"), ("P3", "fee_overdue"), ("P4", "gone")]
    assert len(ipv.monitor(before, after, value_fall=0.1).triggers) == 5


def test_the_calendar_waits_by_grade_and_not_after_a_trigger() -> None:
    before, after = valuation([100.0] * 3, as_of="2023-12-31"), valuation([100.0, 100.0, 10.0], grade=["A", "D", "A"])
    found = ipv.monitor(before, after).calendar["next_valuation"]
    # 365.25 days and 182.6 days, rounded; a value that fell is due at once
    assert found.tolist() == [pd.Timestamp(d) for d in ("2025-12-31", "2025-07-02", "2024-12-31")]


def test_the_register_is_compared(book: ipv.Book, engine: ipv.ValuationEngine) -> None:
    days = ("2022-12-31", "2023-12-31")
    found = ipv.monitor(*(engine.value(book.as_of(day)) for day in days))
    old, new = (ipv.extract(book.as_of(day)) for day in days)
    new = new.loc[old.index]
    expected = set(old.index[(new["n_pledges"] > old["n_pledges"]).to_numpy()])
    triggers = found.triggers
    assert expected and set(triggers.loc[triggers["trigger"] == "pledged", "patent_id"]) == expected
    assert set(old.columns) <= set(found.drift.index)
    assert found.drift.loc["technology_field", "stability_index"] < 0.1


def test_stability_index_laws() -> None:
    rng = np.random.default_rng(1)
    same, other = rng.normal(size=5000), rng.normal(size=5000)
    assert stability_index(same, same) == 0.0
    assert stability_index(same, other) < 0.02 < 0.25 < stability_index(same, other + 1.0)
    # 50 % to 75 % and 50 % to 25 %: 0.25 log 1.5 + 0.25 log 2
    assert stability_index([0, 0, 1, 1], [0, 1, 1, 1]) == pytest.approx(0.25 * np.log(3.0))
    assert np.isnan(stability_index([], [1.0]))
    assert stability_index([1.0, np.nan], [np.nan, np.nan]) > 0.25


def test_dates_and_currencies_must_fit() -> None:
    with pytest.raises(BookError, match="earlier"):
        ipv.monitor(valuation([1.0]), valuation([1.0], as_of="2020-12-31"))


def experts(*items: tuple[str, float, str]) -> ipv.Overrides:
    """A set of (patent_id, value, expires_on)."""
    said: dict[str, Any] = {
        "author": "A. Expert",
        "reason": "offer in hand",
        "made_on": "2023-06-30",
        "currency": "CNY",
    }
    return ipv.Overrides(items=[ipv.Override(patent_id=i, value=v, expires_on=e, **said) for i, v, e in items])


def test_an_override_neither_hides_a_fall_of_the_model_nor_passes_for_one() -> None:
    # P0: the model falls by half under a value that is held; P1: an expert writes down what the model holds;
    # P2: the override ends, and the value falls back to the model's; P3: both fall, no expert; P4: nothing happens
    before = valuation([100.0] * 5, 0.5, as_of="2023-12-31")
    after = valuation([50.0, 100.0, 100.0, 50.0, 100.0], 0.5, as_of="2024-12-31")
    held = ("P0", 100.0, "2025-03-31")
    one = before.override(experts(held, ("P2", 300.0, "2024-06-30")))
    two = after.override(experts(held, ("P1", 20.0, "2025-06-30")))
    found = ipv.monitor(one, two)
    triggers = found.triggers[["patent_id", "trigger", "overridden_before", "overridden_after"]]
    assert triggers.to_numpy().tolist() == [
        ["P0", "model_value_down", True, True],
        ["P1", "value_down", False, True],
        ["P2", "override_ended", True, False],
        ["P2", "value_down", True, False],
        ["P3", "value_down", False, False],
    ]
    assert found.overridden == (2, 2)
    assert found.calendar["overridden"].tolist() == [True, True, False, False, False]
    assert "values set by experts: 2 before, 2 after" in repr(found)
    # drift is the model's, and what experts do moves no score
    assert found.drift.equals(ipv.monitor(before, after).drift)


def test_a_value_is_due_again_when_its_override_expires() -> None:
    # grade A waits for twelve months; an override that ends sooner is looked at then
    before, after = valuation([100.0] * 2, 0.2, as_of="2023-12-31"), valuation([100.0] * 2, 0.2)
    found = ipv.monitor(before, after.override(experts(("P0", 100.0, "2025-03-31")))).calendar
    assert found["next_valuation"].tolist() == [pd.Timestamp("2025-03-31"), pd.Timestamp("2025-12-31")]


def test_a_summary_says_what_happened() -> None:
    before, after = valuation([100.0] * 3, as_of="2023-12-31"), valuation([100.0, 50.0, 10.0])
    said = repr(ipv.monitor(before, after))
    assert said.startswith("Monitoring of 3 living patents: 2 triggers\n  value_down: 2\n")
    assert "experts" not in said


@pytest.mark.parametrize("fall", [-3.0, 0.0, 1.1, float("nan")])
def test_a_fall_that_can_not_be_meant_is_refused(fall: float) -> None:
    with pytest.raises(BookError, match="value_fall"):
        ipv.monitor(valuation([1.0]), valuation([1.0]), value_fall=fall)


@pytest.mark.parametrize("months", [{"Z": 3.0}, {"A": -1.0}, {"A": float("nan")}, {"A": 1e9}])
def test_months_that_can_not_be_meant_are_refused(months: dict[str, float]) -> None:
    with pytest.raises(BookError, match=r"revaluation_months\['"):
        ipv.monitor(valuation([1.0]), valuation([1.0]), revaluation_months=months)
