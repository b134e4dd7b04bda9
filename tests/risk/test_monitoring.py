"""Monitoring between two dates, by cases worked out by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.risk.drift import stability_index

sys.path.insert(0, str(Path(__file__).parent))
from hand import valuation


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
