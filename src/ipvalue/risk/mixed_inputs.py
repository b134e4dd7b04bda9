"""Values of the same patents with mixed inputs: some groups of inputs of one valuation, the others of another.

========== ==================================================================================================
time       the date, and with it ages, remaining terms and the age of the economics; a right that has expired
market     exchange rates, price levels and yield curves, on the date of each valuation
assumptions the engine's assumption set
legal      status and fees of the right, its dates and its end of term
features   citations and all other features, ``economics`` included
engine     methods, what they learnt, reconciliation and versions
========== ==================================================================================================

Quantities that depend on two groups are computed from the mixture: a remaining term from the end of term of one and the
date of the other, revenue from the amount of one and the exchange rate of the other. The legal state ``expired``
follows from age alone and belongs to time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ipvalue.evidence.prices import money_of, prepare
from ipvalue.evidence.subject import Subject
from ipvalue.features import Features
from ipvalue.features.base import families
from ipvalue.features.citations import age_years
from ipvalue.features.legal import legal_facts
from ipvalue.features.term import term_columns
from ipvalue.law.states import State
from ipvalue.model import Model
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.whole_cents import to_cents
from ipvalue.types import Array, Columns, Dates, Ints, Positions, Texts
from ipvalue.worksheet import work

__all__ = ["GROUPS", "ValuationInputs", "MixedInputs", "inputs_of"]

GROUPS = ("time", "market", "assumptions", "legal", "features", "engine")
_LEGAL_FAMILIES = ("status", "renewal")
_TERM_DATES = ("filing", "grant", "priority", "statutory", "end")


@dataclass(frozen=True)
class ValuationInputs:
    """All inputs of one of the two valuations, one element a patent.

    Of ``market`` only the date, exchange rates, price levels and yield curves are used. ``economics`` are the rows that
    the subject's money was converted from. ``term`` has the dates ``filing``, ``grant``, ``priority``, ``statutory``
    and ``end``, from which ages and terms follow.
    """

    model: Model
    market: Snapshot
    subject: Subject
    economics: Columns
    term: Columns

    def take(self, rows: Positions) -> ValuationInputs:
        """Select patents."""
        economics = {name: values[rows] for name, values in self.economics.items()}
        term = {name: values[rows] for name, values in self.term.items()}
        return replace(self, subject=self.subject.take(rows), economics=economics, term=term)


def inputs_of(model: Model, snapshot: Snapshot) -> ValuationInputs:
    """All inputs of the values of a snapshot."""
    patents, legal = snapshot.patents, legal_facts(snapshot)
    dates = [patents[f"{name}_date"] for name in ("application", "grant", "priority")]
    term = dict(zip(_TERM_DATES, (*dates, legal.term.statutory, legal.end)))
    return ValuationInputs(model, snapshot, prepare(snapshot, model.assumptions), snapshot.economics, term)


class MixedInputs:
    """Values of the same patents in every state between two valuations.

    ``before`` and ``after`` have the same patents in the same order.
    """

    def __init__(self, before: ValuationInputs, after: ValuationInputs) -> None:
        self.pair = (before, after)
        self.active = tuple(group for group in GROUPS if self._differs(group))
        """Groups that differ; the others have no effect."""
        self._known: dict[int, Ints] = {}
        self._money: dict[tuple[object, ...], Columns] = {}

    @property
    def evaluated(self) -> int:
        """MixedInputs valued so far."""
        return len(self._known)

    def cents(self, changed: frozenset[str]) -> Ints:
        """Values in whole cents with these groups of after and the others of before; no value counts as 0."""
        key = sum(1 << k for k, group in enumerate(self.active) if group in changed)
        if key not in self._known:
            self._known[key] = to_cents(work(*self.mixed(changed)).value)
        return self._known[key]

    def mixed(self, changed: frozenset[str]) -> tuple[Model, Subject]:
        """The model and the subject of a state between the two."""
        time, _, figures, _, features, engine = (self.pair[group in changed] for group in GROUPS)
        model = engine.model
        if figures is not engine:
            model = model.with_assumptions(figures.model.assumptions, carry=False)
        term = {name: self._legal(changed, [inputs.term[name] for inputs in self.pair]) for name in _TERM_DATES}
        right = self._legal(changed, [inputs.subject.right for inputs in self.pair])
        date = time.subject.dates["as_of"]
        office = features.subject.jurisdiction
        return model, Subject(
            features.subject.patent_id,
            office,
            right,
            features.subject.field,
            Features(self._columns(changed, term, date)),
            self._converted(changed, right),
            {"as_of": date, "filing": term["filing"], "grant": term["grant"]},
        )

    def _converted(self, changed: frozenset[str], right: Texts) -> Columns:
        """Money of a state, cached for the states with the same inputs of it."""
        chosen = tuple(group in changed for group in ("market", "assumptions", "features"))
        key = (*chosen, right.tobytes())
        if key not in self._money:
            market, figures, features = (self.pair[inputs] for inputs in chosen)
            office, rows = features.subject.jurisdiction, features.economics
            self._money[key] = money_of(market.market, figures.model.assumptions, rows, office, right)
        return self._money[key]

    def _columns(self, changed: frozenset[str], term: Columns, date: Dates) -> Columns:
        """Feature columns: those of the term by date, those of the status by patent, and the others as they are."""
        inputs = self.pair["features" in changed]
        columns = dict(inputs.subject.features.columns)
        for name in _legal_names():
            columns[name] = self._legal(changed, [s.subject.features.columns[name] for s in self.pair])
        filing, grant, priority, statutory, end = (term[name] for name in _TERM_DATES)
        columns |= term_columns(filing, grant, priority, statutory, end, date)
        columns["economics_age"] = age_years(inputs.economics["date"], date)
        # on the earlier date what came later has the age 0
        for group, names in (("legal", ("age", "years_since_grant")), ("features", ("economics_age",))):
            if ("time" in changed) != (group in changed):
                columns |= {name: np.maximum(columns[name], 0.0) for name in names}
        return columns

    def _legal(self, changed: frozenset[str], of: list[Array]) -> Array:
        """Values of the legal group; for an expired patent, of the group of time."""
        expired = self.pair[1].subject.features["legal_state"] == State.EXPIRED
        return np.where(expired, of["time" in changed], of["legal" in changed])

    def _differs(self, group: str) -> bool:
        before, after = self.pair
        if group == "time":
            return bool((before.subject.dates["as_of"] != after.subject.dates["as_of"]).any())
        if group == "market":
            quotes = ("fx", "price_index", "curves")
            same = all(_same(before.market.market(name), after.market.market(name)) for name in quotes)  # type: ignore[arg-type]
            return not same or before.market.date != after.market.date
        if group == "assumptions":
            return before.model.assumptions != after.model.assumptions
        if group == "engine":
            return not _alike(before.model, after.model)
        if group == "legal":
            one, two = ({n: s.subject.features.columns[n] for n in _legal_names()} | s.term for s in self.pair)
            return not _same(one, two) or not np.array_equal(before.subject.right, after.subject.right)
        columns = [_others(inputs.subject) | inputs.economics for inputs in self.pair]
        return not _same(*columns)


def _legal_names() -> list[str]:
    return [feature.name for name in _LEGAL_FAMILIES for feature in families()[name].features]


def _others(subject: Subject) -> Columns:
    """Columns of the group ``features``, but those of the economics."""
    elsewhere = {*_legal_names(), *(feature.name for feature in families()["term"].features), "economics_age"}
    columns = {f"feature {n}": c for n, c in subject.features.columns.items() if n not in elsewhere}
    return columns | {"subject field": subject.field, "subject office": subject.jurisdiction}


def _same(one: Columns, two: Columns) -> bool:
    if one.keys() != two.keys():
        return False
    return all(np.array_equal(one[n], two[n], equal_nan=one[n].dtype.kind in "fmM") for n in one)


def _alike(one: Model, two: Model) -> bool:
    """Whether two models differ only by their assumptions."""
    if (one.methods, one.reconciliation) != (two.methods, two.reconciliation):
        return False
    return one.learnt is two.learnt or two.with_assumptions(one.assumptions, carry=False).hash == one.hash
