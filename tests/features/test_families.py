"""Feature families of other packages: what is accepted, and what is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from ipvalue.errors import IpvalueError
from ipvalue.features import base
from ipvalue.features.base import Family, Feature


@dataclass
class Point:
    """An entry point as importlib.metadata gives it."""

    content: Any
    name: str = "theirs"
    value: str = "their.package:FAMILY"

    def load(self) -> Any:
        return self.content


def family(name: str, column: str) -> Family:
    feature = Feature(column, "days", 0.0, 1.0, 0, "an example", "ours")
    return Family(name, (feature,), lambda context: {column: np.zeros(len(context.snapshot))})


def found_with(monkeypatch: pytest.MonkeyPatch, *contents: Any) -> dict[str, Family]:
    monkeypatch.setattr(base, "entry_points", lambda group: [Point(each) for each in contents])
    return base.families.__wrapped__()


def test_a_family_of_another_package_comes_after_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = family("weather", "rainfall")
    found = found_with(monkeypatch, theirs)
    assert list(found) == [*base.BUILT_IN, "weather"]
    assert found["weather"] is theirs


def test_what_is_no_family_is_refused_with_the_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IpvalueError, match=r"'theirs' = 'their.package:FAMILY' is not an ipvalue Family"):
        found_with(monkeypatch, "weather")


@pytest.mark.parametrize(
    ("theirs", "taken"),
    [
        ([family("term", "rainfall")], "term"),
        ([family("weather", "remaining_term")], "remaining_term"),
        ([family("weather", "rainfall"), family("climate", "rainfall")], "rainfall"),
    ],
    ids=["family", "column of ours", "column of another package"],
)
def test_a_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch, theirs: list[Family], taken: str) -> None:
    with pytest.raises(IpvalueError, match=f"adds '{taken}'"):
        found_with(monkeypatch, *theirs)
