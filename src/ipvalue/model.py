"""A fitted model: methods, assumptions and a reconciliation, with their learnt states."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from ipvalue.artifacts import hash_state, versions
from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.grant_probability import UNEXAMINED, grant_group, grant_probability
from ipvalue.evidence.subject import Subject
from ipvalue.methods.base import Method, State
from ipvalue.plugins import versions_of
from ipvalue.reconcile import Reconciliation
from ipvalue.records.book import Known
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import QUANTILE_NAMES, Floats

__all__ = ["Learnt", "Model"]


@dataclass(frozen=True)
class Learnt:
    """Everything that a model learnt from a book, and the identity of that book.

    Attributes
    ----------
    as_of : str
        The fit date; nothing known later was read.
    known : {'announced', 'loaded'}
    book : str
        Fingerprint of the book.
    grant_rates : dict of str to float
        Probability of grant by office and right.
    states : dict of str to State
        Of each method, by name.
    reconciliation : State
    deals : int
        Arm's-length prices learnt from.
    features : tuple of str
        Names of the features that existed at the fit: the model reads no others.
    """

    as_of: str
    known: Known
    book: str
    grant_rates: dict[str, float]
    states: dict[str, State]
    reconciliation: State
    deals: int
    features: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """Everything that determines values besides the snapshot.

    Attributes
    ----------
    methods : tuple of Method
    assumptions : Assumptions
    reconciliation : Reconciliation
    folds : int
        Folds by patent in which the methods' errors on deals were measured out of sample.
    learnt : Learnt
    """

    methods: tuple[Method, ...]
    assumptions: Assumptions
    reconciliation: Reconciliation
    folds: int
    learnt: Learnt

    @property
    def names(self) -> list[str]:
        """The methods' names, in order."""
        return [method.name for method in self.methods]

    def state(self, method: Method) -> State:
        """The learnt state of a method."""
        return self.learnt.states[method.name]

    def grant_probability(self, subject: Subject) -> Floats:
        """Probability of grant of each patent's group, as if it were pending."""
        assumed = self.assumptions.by_key("grant_probability", subject.jurisdiction)
        return grant_probability(grant_group(subject.jurisdiction, subject.right), self.learnt.grant_rates, assumed)

    def with_assumptions(self, assumptions: Assumptions, *, carry: bool = True) -> Model:
        """The model under other assumptions, without learning again.

        Parameters
        ----------
        carry : bool, default True
            Change learnt figures by the ratio of the corresponding assumptions: each method's state by
            :meth:`ipvalue.Method.restate`, and the learnt probability of grant, up to 1. Prices and the methods' errors
            on them stay as learnt. With False nothing learnt changes.
        """
        if not carry:
            return replace(self, assumptions=assumptions)
        before, learnt = self.assumptions, self.learnt
        states = {m.name: m.restate(learnt.states[m.name], before, assumptions) for m in self.methods}
        rates = {name: _moved_rate(name, rate, before, assumptions) for name, rate in learnt.grant_rates.items()}
        return replace(self, assumptions=assumptions, learnt=replace(learnt, states=states, grant_rates=rates))

    def content(self) -> dict[str, Any]:
        """The model as a JSON document, without the states of its methods."""
        learnt = self.learnt
        return {
            "methods": [{"name": m.name, "parameters": m.model_dump(mode="json")} for m in self.methods],
            "assumptions": self.assumptions.model_dump(mode="json"),
            "reconciliation": {
                "kind": self.reconciliation.kind,
                "parameters": self.reconciliation.model_dump(mode="json"),
            },
            "folds": self.folds,
            "learnt": {
                "as_of": learnt.as_of,
                "known": learnt.known,
                "book": learnt.book,
                "grant_rates": learnt.grant_rates,
                "deals": learnt.deals,
                "features": list(learnt.features),
            },
        }

    @property
    def hash(self) -> str:
        """SHA-256 over the methods, assumptions, reconciliation and everything learnt."""
        digest = hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode())
        for name, state in [*self.learnt.states.items(), ("reconciliation", self.learnt.reconciliation)]:
            digest.update(name.encode())
            hash_state(digest, state)
        return digest.hexdigest()

    def provenance(self, snapshot: Snapshot) -> dict[str, Any]:
        """Provenance of values: dates, hashes, parameters and versions; it does not depend on the clock."""
        learnt = self.learnt
        kinds = [*(type(method) for method in self.methods), type(self.reconciliation)]
        plugins = versions_of(kinds, learnt.features)
        provenance = {
            "as_of": str(snapshot.date),
            "known": snapshot.known,
            "currency": self.assumptions.currency,
            "value_levels": list(QUANTILE_NAMES),
            "grade_bounds": self.assumptions.grade_bounds().tolist(),
            "methods": {m.name: {"parameters": m.model_dump(mode="json"), "interval": m.covers} for m in self.methods},
            "assumptions": self.assumptions.name,
            "assumptions_hash": self.assumptions.hash,
            "engine_hash": self.hash,
            "engine_fitted_as_of": learnt.as_of,
            "engine_fitted_on_book": learnt.book,
            "engine_deals": learnt.deals,
            "book": snapshot.book_fingerprint,
            "versions": versions(),
        }
        return provenance | ({"plugins": plugins} if plugins else {})


def _moved_rate(name: str, rate: float, before: Assumptions, after: Assumptions) -> float:
    """A learnt rate scaled by the ratio of the assumed ones; rights registered without examination do not change."""
    office, _, right = name.partition("/")
    old, new = (a.grant_probability.get(office, a.grant_probability["default"]).value for a in (before, after))
    return rate if right in UNEXAMINED or old == new or old == 0.0 else min(rate * (new / old), 1.0)
