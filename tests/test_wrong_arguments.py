"""What a newcomer types wrongly in a notebook is answered with what to write instead."""

from collections.abc import Callable

import pytest

import ipvalue as ipv
from ipvalue.errors import IpvalueError

RELIEF = ipv.ReliefFromRoyalty()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ipv.ValuationEngine(RELIEF), "list of methods"),
        (lambda: ipv.ValuationEngine("relief_from_royalty"), "list of methods"),
        (lambda: ipv.ValuationEngine([ipv.ReliefFromRoyalty]), r"write ReliefFromRoyalty\(\)"),
        (lambda: ipv.ValuationEngine(["relief_from_royalty"]), r"write ReliefFromRoyalty\(\)"),
        (lambda: ipv.ValuationEngine([7]), "methods is a int"),
        (lambda: ipv.ValuationEngine([RELIEF], "CN"), "assumptions is a str"),
        (lambda: ipv.ValuationEngine([RELIEF], reconciliation="precision"), "reconciliation is a str"),
        (lambda: ipv.ValuationEngine([RELIEF]).fit([], "2024-12-31"), "book is a list"),
        (lambda: ipv.compare([ipv.ValuationEngine([RELIEF])], None, ["2024-12-31"]), "engines is a list"),
        (lambda: ipv.compare({"a": "relief"}, None, ["2024-12-31"]), "engine is a str"),
        (lambda: ipv.backtest("relief", ipv.synthetic_book(5, seed=1), ["2024-12-31"]), "engine is a str"),
    ],
)
def test_a_wrong_argument_is_named_with_what_to_write(call: Callable[[], object], message: str) -> None:
    with pytest.raises(IpvalueError, match=message):
        call()


def test_a_book_is_no_snapshot(book: ipv.Book, engine: ipv.ValuationEngine) -> None:
    for call in (engine.value, ipv.extract):
        with pytest.raises(IpvalueError, match=r"book\.as_of"):
            call(book)  # type: ignore[operator]


def test_fixed_weights_of_a_method_that_is_not_there_are_refused() -> None:
    slip = ipv.FixedWeights(weights={"relief_from_royalti": 1.0})
    with pytest.raises(IpvalueError, match="relief_from_royalti"):
        ipv.ValuationEngine([RELIEF], reconciliation=slip)


@pytest.mark.parametrize("weight", [-1.0, 0.0, float("nan"), float("inf")])
def test_fixed_weights_are_numbers_that_can_weigh(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        ipv.FixedWeights(weights={"relief_from_royalty": weight})
