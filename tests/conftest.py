"""Fixtures that many tests share: the shared data, a synthetic book, and an engine fitted on it."""

from __future__ import annotations

from pathlib import Path

import pytest

import ipvalue as ipv
from tests.shared_data import DATA, existing

DAY = "2023-12-31"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return existing(DATA)


@pytest.fixture(scope="session")
def book() -> ipv.Book:
    """3,000 synthetic patents."""
    return ipv.synthetic_book(3_000, seed=11)


@pytest.fixture(scope="session")
def engine(book: ipv.Book) -> ipv.ValuationEngine:
    """The three default methods, with fewer trees, fitted on the synthetic book."""
    methods = [
        ipv.ReliefFromRoyalty(),
        ipv.ComparableSales(),
        ipv.GradientBoosting(trees=40, learning_rate=0.1, folds=3, minimum=40),
    ]
    return ipv.ValuationEngine(methods).fit(book, as_of=DAY)


@pytest.fixture(scope="session")
def valuation(book: ipv.Book, engine: ipv.ValuationEngine) -> ipv.Valuation:
    return engine.value(book.as_of(DAY))
