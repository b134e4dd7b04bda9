"""Engines that are compared share what the book looks like, and are judged as each would be alone."""

import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.features import book_statistics
from ipvalue.records.statistics import Statistics

DATES = ["2021-12-31", "2022-12-31"]


def engines() -> dict[str, ipv.ValuationEngine]:
    kinds = (ipv.ReliefFromRoyalty, ipv.ComparableSales, ipv.IndicatorScore)
    return {kind.__name__: ipv.ValuationEngine([kind()]) for kind in kinds}


@pytest.fixture
def wholes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Dates on which statistics of the whole book were taken."""
    asked: list[str] = []
    former = book_statistics.count

    def counted(snapshot: ipv.Snapshot) -> Statistics:
        asked.append(str(snapshot.date))
        return former(snapshot)

    monkeypatch.setattr(book_statistics, "count", counted)
    return asked


@pytest.mark.slow
def test_more_engines_ask_for_no_more_statistics(wholes: list[str]) -> None:
    book = ipv.synthetic_book(3_000, seed=11)  # of its own: a book remembers what was computed of it
    several = engines()
    ipv.compare({"first": several["ReliefFromRoyalty"]}, book, DATES, target="truth")
    alone = len(wholes)
    ipv.compare(several, book, DATES, target="truth")
    assert alone < len(wholes) <= 2 * alone


@pytest.mark.slow
def test_each_engine_is_judged_as_alone(book: ipv.Book) -> None:
    together = ipv.compare(engines(), book, DATES, target="truth", workers=2)
    for name, engine in engines().items():
        alone = pd.concat([ipv.backtest(engine, book, [day], target="truth").table for day in DATES], ignore_index=True)
        pd.testing.assert_frame_equal(together.backtests[name].table, alone, check_exact=True)
