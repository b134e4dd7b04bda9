"""The laws that every income method obeys, one test a law and method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.methods.base import Method, State
from tests.methods import laws
from tests.methods.scorecards import state

ROYALTIES = State(
    tables={"royalty": {"rate": np.full(36, 0.05), "log_sd": np.full(36, 0.7), "licences": np.zeros(36, np.int64)}}
)
METHODS = [
    (ipv.ReliefFromRoyalty(), ROYALTIES),
    (ipv.ExcessEarnings(), State()),
    (ipv.IncrementalIncome(), State()),
    (ipv.ProfitSplit(), state()),
]
LAWS = {
    "value rises with income and life and falls with the discount rate": laws.check_monotone,
    "value scales with the unit of money": laws.check_scale,
    "fees lower a value and never below zero": laws.check_fees,
    "value falls as sales take longer to come": laws.check_ramp,
    "value is proportional to each chance": laws.check_chances,
    "a book in another currency has the converted value": laws.check_currency,
    "missing inputs and expiry are reasons": laws.check_reasons,
    "values do not depend on who stands beside": laws.check_chunks,
}


@pytest.mark.parametrize("check", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("method", "learnt"), METHODS, ids=lambda each: getattr(each, "name", ""))
def test_law(method: Method, learnt: State, check: Callable[[Method, State], None]) -> None:
    check(method, learnt)
