"""Ranks and the canonical order: the same whatever the order of the input."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.records.order import index_of, rank, sort_rows

TEXTS = st.none() | st.text(max_size=3)
VALUES = st.one_of(
    st.tuples(st.just(pa.string()), st.lists(TEXTS)),
    st.tuples(st.just(pa.float64()), st.lists(st.none() | st.floats(allow_nan=False).map(lambda x: x + 0.0))),
    st.tuples(st.just(pa.int32()), st.lists(st.none() | st.integers(-(2**31), 2**31 - 1))),
    st.tuples(st.just(pa.date32()), st.lists(st.none() | st.dates())),
    st.tuples(st.just(pa.bool_()), st.lists(st.none() | st.booleans())),
)


@given(VALUES)
def test_ranks_sort_as_the_values_do_with_null_first(case: tuple[pa.DataType, list[object]]) -> None:
    kind, values = case
    ranks = rank(pa.array(values, kind)).tolist()
    keys = [(v is not None, v.encode() if isinstance(v, str) else (v if v is not None else 0)) for v in values]
    for i in range(len(values)):
        for j in range(len(values)):
            assert (ranks[i] == ranks[j]) == (values[i] == values[j])
            if (keys[i][0], keys[j][0]) != (True, True):
                assert (ranks[i] < ranks[j]) == (keys[i][0] < keys[j][0])
            else:
                assert (ranks[i] < ranks[j]) == (keys[i] < keys[j])  # type: ignore[operator]


@given(st.lists(st.none() | st.lists(st.sampled_from(["a", "b", "\x1f", "\x1e", "0", "1"]).map("".join), min_size=1)))
def test_lists_rank_alike_only_if_they_are_alike(lists: list[list[str] | None]) -> None:
    ranks = rank(pa.array(lists, pa.list_(pa.string()))).tolist()
    for i in range(len(lists)):
        for j in range(len(lists)):
            assert (ranks[i] == ranks[j]) == (lists[i] == lists[j])


def test_lists_that_hold_the_separator_differ_from_those_that_it_separates() -> None:
    ranks = rank(pa.array([["a\x1fb"], ["a", "b"], ["a\x1e", "b"], ["a", "b"]]))
    assert len(set(ranks.tolist())) == 3
    assert ranks[1] == ranks[3]


def test_slices_rank_as_the_rows_they_show() -> None:
    for values in ([["x"], ["b"], None, ["a"]], ["x", "b", None, "a"], [9.0, 2.0, None, -1.0]):
        assert np.argsort(rank(pa.array(values).slice(1))).tolist() == [1, 2, 0]
    days = pa.array([datetime.date(1999, 1, 1), datetime.date(1960, 1, 1)])
    assert np.argsort(rank(days)).tolist() == [1, 0]


def test_null_is_in_no_set_not_even_in_one_with_null() -> None:
    assert index_of(pa.array(["b", None, "c"]), pa.array(["a", "b", None])).tolist() == [1, -1, -1]


ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.none() | st.booleans()), max_size=12)


@settings(deadline=None)
@given(rows=ROWS, seed=st.integers(0, 2**32 - 1), unique=st.booleans())
def test_the_rows_kept_depend_on_the_set_of_rows_alone(
    rows: list[tuple[str, int, bool | None]], seed: int, unique: bool
) -> None:
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    results = []
    for given_rows in (rows, shuffled):
        one, two, three = (
            pa.array([r[k] for r in given_rows], kind) for k, kind in enumerate((pa.string(), pa.int32(), pa.bool_()))
        )
        found = sort_rows([rank(one)], [two, three], len(given_rows), unique_key=unique)
        parts = [found.rows.tolist(), found.duplicates.tolist(), found.conflicts.tolist()]
        assert sorted(row for part in parts for row in part) == list(range(len(given_rows))), (
            "each row is in one of the three"
        )
        results.append([[given_rows[i] for i in part] for part in parts])
    kept, repeats, conflicts = results[0]
    assert results[1][0] == kept
    assert sorted(map(repr, results[1][1])) == sorted(map(repr, repeats))
    assert sorted(map(repr, results[1][2])) == sorted(map(repr, conflicts))
    assert len(set(kept)) == len(kept)
    assert set(kept) | set(conflicts) == set(rows)
    if unique:
        assert len({row[0] for row in kept}) == len(kept)
    else:
        assert not conflicts
