"""One worksheet: a part of a snapshot has the bits of the whole, and everything reads the same quantities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError, IpvalueError
from ipvalue.methods.base import available
from ipvalue.worksheet import Worksheet

DAY = "2023-12-31"


@pytest.fixture(scope="module")
def small() -> ipv.Book:
    return ipv.synthetic_book(1_200, seed=4)


@pytest.fixture(scope="module")
def every(small: ipv.Book) -> ipv.ValuationEngine:
    """All built-in methods."""
    few = {"gradient_boosting": {"trees": 20, "income_trees": 20, "folds": 2, "minimum": 20}}
    kinds = [kind for kind in available().values() if kind.__module__.startswith("ipvalue.")]
    return ipv.ValuationEngine([kind(**few.get(kind.name, {})) for kind in kinds]).fit(small, as_of=DAY)


@pytest.fixture(scope="module")
def state(small: ipv.Book) -> ipv.Snapshot:
    return small.as_of(DAY)


@pytest.fixture(scope="module")
def valued(every: ipv.ValuationEngine, state: ipv.Snapshot) -> ipv.Valuation:
    return every.value(state)


def drawn(data: st.DataObject, n: int, most: int) -> np.ndarray:
    """Random rows in ascending order, each once."""
    rows = st.lists(st.integers(0, n - 1), min_size=1, max_size=most, unique=True)
    return np.array(sorted(data.draw(rows)))


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_the_value_of_a_part_is_the_part_of_the_values_bit_for_bit(
    data: st.DataObject, every: ipv.ValuationEngine, state: ipv.Snapshot, valued: ipv.Valuation
) -> None:
    """With all methods, for random rows, also where the part is the first thing that is computed of its snapshot."""
    rows = drawn(data, len(state), 40)
    expected = valued.table.take(pa.array(rows)).combine_chunks()
    assert every.value(state.select(rows)).table.equals(expected)
    fresh = ipv.Snapshot.cut(state._columns, state.date, state.known).select(rows)
    assert every.value(fresh).table.equals(expected)


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_an_explanation_on_a_part_is_that_of_the_whole(
    data: st.DataObject, every: ipv.ValuationEngine, state: ipv.Snapshot, valued: ipv.Valuation
) -> None:
    rows = drawn(data, len(state), 9)
    part = every.value(state.select(rows))
    patent = str(state.patent_ids[rows[0]])
    steps = part.explain(patent)
    pd.testing.assert_frame_equal(steps, valued.explain(patent), check_exact=True)
    last, value = steps["value"].iloc[-1], part.to_pandas().loc[patent, "value"]
    assert last == value or (pd.isna(last) and pd.isna(value))


def test_a_part_is_never_taken_for_the_book(state: ipv.Snapshot, small: ipv.Book) -> None:
    part = state.select(np.arange(0, len(state), 7))
    assert part.statistics is state.statistics
    assert part.select(np.arange(3)).statistics is state.statistics
    assert part.book_fingerprint == small.fingerprint
    apart = small.select(part.patent_ids).as_of(DAY)
    assert int(apart.statistics.counts["cohort_size"].count.sum()) == len(part)


def test_a_worksheet_names_every_quantity(
    every: ipv.ValuationEngine, state: ipv.Snapshot, valued: ipv.Valuation
) -> None:
    sheet = every.work(state)
    assert isinstance(sheet, Worksheet)
    columns = sheet.to_pandas()
    assert list(columns.index) == list(state.patent_ids)
    for method in every.methods:
        known = np.isfinite(columns[f"{method.name}.value"])
        for step in method.steps if known.any() else ():
            assert f"{method.name}.{step.name}" in columns, "every step that an explanation shows is a column"
        np.testing.assert_array_equal(
            columns.loc[known, f"{method.name}.value"], valued.to_pandas().loc[known, f"value_{method.name}"]
        )
    np.testing.assert_array_equal(columns["result.value"], valued.to_pandas()["value"].to_numpy(np.float64))
    assert sheet.table().equals(valued.table)


def test_features_of_a_snapshot_are_computed_once(
    small: ipv.Book, every: ipv.ValuationEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By extract, value, stress and the value of a part; a snapshot of the same day is the same snapshot."""
    import ipvalue.features.base as base

    calls = []
    term = base.families()["term"]

    def counted(context: base.Context) -> object:
        calls.append(len(context.snapshot))
        return term.compute(context)

    monkeypatch.setitem(base.families(), "term", base.Family(term.name, term.features, counted))  # type: ignore[arg-type]
    state = small.as_of("2021-06-30")
    ipv.extract(state)
    every.value(state)
    ipv.stress(state, every)
    every.value(small.as_of("2021-06-30").select(np.arange(5)))
    assert calls == [len(state)]


def test_other_assumptions_need_no_fit(every: ipv.ValuationEngine, state: ipv.Snapshot, valued: ipv.Valuation) -> None:
    """The same figures give the same bits; a higher tax lowers what is earned, and prices stay as learnt."""
    same = every.with_assumptions(every.assumptions)
    assert same.value(state).table.equals(valued.table)
    taxed = every.with_assumptions(every.assumptions.replace(tax_rate=0.45)).value(state).to_pandas()
    before = valued.to_pandas()
    worth = before["value_relief_from_royalty"] > 0
    assert worth.any()
    assert (taxed.loc[worth, "value_relief_from_royalty"] < before.loc[worth, "value_relief_from_royalty"]).all()
    assert taxed["value_comparable_sales"].equals(before["value_comparable_sales"])
    assert every.assumptions.tax_rate.value != 0.45, "the engine itself stays as it is"


def test_fit_cuts_its_day_once(small: ipv.Book, monkeypatch: pytest.MonkeyPatch) -> None:
    days = []
    cut = ipv.Snapshot.cut.__func__  # type: ignore[attr-defined]

    def counted(cls: type, columns: object, date: np.datetime64, known: str) -> ipv.Snapshot:
        days.append(str(date))
        return cut(cls, columns, date, known)

    monkeypatch.setattr(ipv.Snapshot, "cut", classmethod(counted))
    ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(small, as_of="2022-03-31")
    assert days.count("2022-03-31") == 1


@pytest.mark.parametrize("rows", [["CN-1"], [0.5], [[0, 1]], [10**9], [True, False], "CN-1", [None]])
def test_rows_that_fit_no_snapshot_are_refused(state: ipv.Snapshot, rows: object) -> None:
    with pytest.raises(BookError, match=r"select takes row numbers from 0 to \d+, or a mask"):
        state.select(rows)  # type: ignore[arg-type]


def test_only_snapshots_and_subjects_are_worked(every: ipv.ValuationEngine, small: ipv.Book) -> None:
    with pytest.raises(IpvalueError, match="a Snapshot or Subject is needed"):
        every.work(small)  # type: ignore[arg-type]
