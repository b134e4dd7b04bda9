"""Features that several fits share: made once for each key, and only one large table is kept."""

from __future__ import annotations

import numpy as np
import pytest

from ipvalue.evidence import shared
from ipvalue.features import Features


class Maker:
    """Makes features of some patents, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def of(self, patents: int) -> Features:
        self.asked.append(patents)
        return Features({"age": np.arange(float(patents))})


def test_a_key_is_made_once_in_a_block_and_each_time_outside() -> None:
    maker = Maker()
    with shared.sharing():
        for _ in range(3):
            columns = shared.shared_features("2020-12-31", lambda: maker.of(2))
        assert columns["term"]["age"].tolist() == [0.0, 1.0]
        assert maker.asked == [2]
    for _ in range(2):
        shared.shared_features("2020-12-31", lambda: maker.of(2))
    assert maker.asked == [2, 2, 2]


def test_of_large_tables_only_the_last_is_kept_and_small_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_FEW", 5)
    maker = Maker()
    with shared.sharing():
        for patents in (3, 10, 20, 3, 20, 10):
            shared.shared_features(patents, lambda patents=patents: maker.of(patents))
    assert maker.asked == [3, 10, 20, 10]
