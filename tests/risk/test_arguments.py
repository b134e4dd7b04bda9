"""Arguments that can't be meant are refused by name, with what to write instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import ipvalue as ipv
from ipvalue.errors import BookError, IpvalueError, OverrideError
from ipvalue.risk.scenarios import Scenario
from tests.risk.hand import loans, valuation

ONE = valuation(100.0)
LOANS = loans(("L1", "P0", "2022-01-01", "2026-12-31", 10.0))
CALLS: list[tuple[Callable[..., object], str]] = [
    (lambda book, state, engine: ipv.collateral(state, LOANS), "valuation is a Snapshot.*and a Valuation is needed"),
    (lambda book, state, engine: ipv.collateral(ONE, LOANS, {}), "policy is a dict"),
    (lambda book, state, engine: ipv.portfolio(state), "valuation is a Snapshot"),
    (lambda book, state, engine: ipv.portfolio(ONE, correlation=0.3), "PortfolioCorrelation.of"),
    (lambda book, state, engine: ipv.portfolio(ONE, scenarios=-1), "scenarios=-1"),
    (lambda book, state, engine: ipv.portfolio(ONE, scenarios=1e4), "scenarios=10000.0"),
    (lambda book, state, engine: ipv.portfolio(ONE, seed=-1), "seed=-1"),
    (lambda book, state, engine: ipv.portfolio(ONE, confidence=0.99), "confidence=0.99: one or more levels"),
    (lambda book, state, engine: ipv.portfolio(ONE, confidence=(1.5,)), "confidence"),
    (lambda book, state, engine: ipv.portfolio(ONE, confidence=()), "confidence"),
    (lambda book, state, engine: ipv.monitor(ONE, None), "after is a NoneType"),
    (lambda book, state, engine: ipv.attribute(None, ONE), "before is a NoneType"),
    (lambda book, state, engine: ipv.attribute(ONE, ONE, before_state=engine), r"before_state is \(engine, snapshot\)"),
    (lambda book, state, engine: ipv.attribute(ONE, ONE, before_state=(engine, book)), "before_state is"),
    (lambda book, state, engine: ipv.stress(book, engine), "a Snapshot is needed: give one as book.as_of"),
    (lambda book, state, engine: ipv.stress(state, engine, Scenario(name="n")), r"write \[scenario\]"),
    (lambda book, state, engine: ipv.stress(state, engine, ["royalty"]), r"write \[scenario\]"),
    (lambda book, state, engine: ipv.reverse_stress(book, engine, "royalty", 0.1), "a Snapshot is needed"),
    (lambda book, state, engine: engine.value(book), "snapshot is a .*Book.*a Snapshot is needed"),
]


@pytest.mark.parametrize(("call", "said"), CALLS, ids=[said for _, said in CALLS])
def test_what_can_not_be_meant_is_refused(
    book: ipv.Book, engine: ipv.ValuationEngine, call: Callable[..., object], said: str
) -> None:
    with pytest.raises((BookError, IpvalueError), match=said):
        call(book, book.as_of("2023-12-31"), engine)


@pytest.mark.parametrize("given", [[], "log.csv"])
def test_a_list_or_a_path_is_no_set_of_overrides(book: ipv.Book, engine: ipv.ValuationEngine, given: object) -> None:
    state = book.as_of("2023-12-31")
    for call in (
        lambda: ONE.override(given),  # type: ignore[arg-type]
        lambda: ipv.stress(state, engine, [], overrides=given),  # type: ignore[arg-type]
        lambda: ipv.reverse_stress(state, engine, "royalty", 0.1, overrides=given),  # type: ignore[arg-type]
    ):
        with pytest.raises(OverrideError, match="a set of overrides is needed"):
            call()
