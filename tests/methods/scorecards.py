"""A scorecard of two indicators whose score can be computed by hand."""

from __future__ import annotations

from typing import Any

import mpmath

from ipvalue.methods.base import State
from ipvalue.methods.indicators import Indicator, learn
from tests.methods import laws
from tests.methods.subjects import subject


def indicator(dimension: Any, name: str, weight: float, feature: str, low: float, high: float) -> Indicator:
    return Indicator(
        dimension=dimension,
        group="test",
        indicator=name,
        weight=weight,
        feature=feature,
        transform="scale",
        low=low,
        high=high,
        certainty="assumed",
        date="2026-01-01",
        source="made for the test",
    )


TABLE = (
    indicator("technical", "cited", 3.0, "forward_citation_percentile", 0.0, 1.0),
    indicator("legal", "survived", 1.0, "opposition_survived", -1.0, 1.0),
)


def state(table: tuple[Indicator, ...] = TABLE) -> State:
    """What a method learns from a book of 200 random patents."""

    class Book:
        subject = subject(200, **laws.random_book(200, 9))

    return learn(table, Book())  # type: ignore[arg-type]


def exact_score(columns: dict[str, Any], i: int) -> Any:
    """By hand: three parts of the citation percentile, one of 50 or 100 for a survived challenge."""
    cited = 100 * mpmath.mpf(columns["forward_citation_percentile"][i])
    return (3 * cited + (100 if columns["opposition_survived"][i] == 1 else 50)) / 4
