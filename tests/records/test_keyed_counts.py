"""Tallies against Python's own counter."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ipvalue.records.cohorts import KeyedCounts

KEYS = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(KEYS | st.integers(0, 5), st.integers(-(2**40), 2**40)), max_size=40))
def test_a_tally_is_a_count_in_ascending_order_of_keys(rows: list[tuple[int, int]]) -> None:
    keys, weights = (np.array(column, np.int64) for column in zip(*rows)) if rows else (np.zeros(0, np.int64),) * 2
    once, weighed = Counter(keys.tolist()), Counter[int]()
    for key, weight in zip(keys.tolist(), weights.tolist()):
        weighed[key] += weight
    for tally, expected in ((KeyedCounts.of(keys), once), (KeyedCounts.of(keys, weights), weighed)):
        assert tally.key.tolist() == sorted(expected)
        assert tally.count.tolist() == [expected[key] for key in sorted(expected)]
        assert tally.key.dtype == tally.count.dtype == np.int64
