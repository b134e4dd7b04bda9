"""A fitted engine under other assumptions or with another's learning, without fitting again."""

from __future__ import annotations

from dataclasses import replace

from ipvalue.assumptions.sets import Assumptions
from ipvalue.engine import ValuationEngine
from ipvalue.evidence.grants import UNEXAMINED

__all__ = ["under", "with_assumptions"]


def with_assumptions(engine: ValuationEngine, assumptions: Assumptions) -> ValuationEngine:
    """The engine with other assumptions, and everything that it learnt as it was."""
    copy = ValuationEngine(engine.methods, assumptions, engine.reconciliation, folds=engine.folds)
    copy.learnt = engine.fitted
    return copy


def under(engine: ValuationEngine, assumptions: Assumptions) -> ValuationEngine:
    """The engine where the assumptions have moved: what it learnt moves with what it was learnt for.

    Parameters
    ----------
    engine : ValuationEngine
        Fitted.
    assumptions : Assumptions
        Those that hold now.

    Returns
    -------
    ValuationEngine
        Each method's state restated by :meth:`ipvalue.Method.restate`, and the chance of grant that the book taught
        multiplied by the ratio of the assumed ones, up to 1. Prices, and how methods err on them, stay as learnt.
    """
    before = engine.assumptions
    learnt = engine.fitted
    states = {m.name: m.restate(learnt.states[m.name], before, assumptions) for m in engine.methods}
    rates = {name: _grant_rate(name, rate, before, assumptions) for name, rate in learnt.grant_rates.items()}
    copy = with_assumptions(engine, assumptions)
    copy.learnt = replace(learnt, states=states, grant_rates=rates)
    return copy


def _grant_rate(name: str, rate: float, before: Assumptions, after: Assumptions) -> float:
    """Unexamined rights have none: what is assumed of an office's examination is not theirs."""
    office, _, right = name.partition("/")
    old, new = (a.grant_probability.get(office, a.grant_probability["default"]).value for a in (before, after))
    return rate if right in UNEXAMINED or old == new or old == 0.0 else min(rate * (new / old), 1.0)
