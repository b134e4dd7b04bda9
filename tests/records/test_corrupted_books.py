"""Rows in are rows valued plus rows refused, whatever is wrong; benchmarks/corrupted_books.py takes 10,000 books."""

from __future__ import annotations

import pytest

import ipvalue as ipv
from tests.records.corruption import Tables, Verdict, clean_books, corrupted, judge, judge_engine

BOOKS = 150


@pytest.fixture(scope="module")
def clean() -> list[Tables]:
    return clean_books()


@pytest.fixture(scope="module")
def small_engine() -> ipv.ValuationEngine:
    return judge_engine()


@pytest.fixture(scope="module")
def verdicts(clean: list[Tables], small_engine: ipv.ValuationEngine) -> list[Verdict]:
    return [
        judge(corrupted(clean[seed % len(clean)], seed), small_engine, seed, fit=seed % 10 == 0)
        for seed in range(BOOKS)
    ]


@pytest.mark.slow
def test_no_corrupted_book_crashes_loses_a_row_or_has_a_silent_zero(verdicts: list[Verdict]) -> None:
    assert len(verdicts) == BOOKS, "judge raises at a breach of the law"


@pytest.mark.slow
def test_the_damage_is_neither_trifling_nor_total(verdicts: list[Verdict]) -> None:
    """Most books are valued, some rows of them refused, some books refused as a whole, some learnt from."""
    valued = [v for v in verdicts if v.outcome == "valued"]
    assert 0.8 * BOOKS < len(valued) < BOOKS
    assert 0.02 < sum(v.rows_set_aside for v in valued) / sum(v.rows_in for v in valued) < 0.5
    assert sum(v.fitted for v in valued) > 7
    assert sum(v.with_value for v in valued) > 1_000
    assert sum(v.patents - v.with_value for v in valued) > 5


def test_the_same_seed_does_the_same_damage(clean: list[Tables]) -> None:
    for seed in range(5):
        one, two = (corrupted(clean[0], seed) for _ in range(2))
        assert one.keys() == two.keys()
        assert [type(t) for t in one.values()] == [type(t) for t in two.values()]


def test_a_sound_book_passes_whole(clean: list[Tables], small_engine: ipv.ValuationEngine) -> None:
    verdict = judge(dict(clean[2]), small_engine, 0, fit=True)
    assert verdict.outcome == "valued"
    assert verdict.rows_set_aside == 0
    assert verdict.fitted
