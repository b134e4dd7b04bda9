"""The engine: snapshot, methods and assumptions to a valuation."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ipvalue.artifacts import hash_state, read_folder, read_state, readable, versions, write_folder
from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import IpvalueError, NotFittedError, Reason, require
from ipvalue.evidence.grants import counted_grants, grant_group
from ipvalue.evidence.prices import gather, prepare
from ipvalue.evidence.subject import Subject
from ipvalue.features import Whole
from ipvalue.features.grant import grant_probability
from ipvalue.law.dates import years_between
from ipvalue.methods.base import Estimate, Method, State, checked, create
from ipvalue.methods.comparable_sales import ComparableSales
from ipvalue.methods.gradient_boosting import GradientBoosting
from ipvalue.methods.indicator_score import IndicatorScore
from ipvalue.methods.indicators import Indicator
from ipvalue.methods.relief_from_royalty import ReliefFromRoyalty
from ipvalue.reconcile import FixedWeights, PrecisionWeights, Reconciled, Reconciliation, StackedWeights
from ipvalue.reconcile.held_out import out_of_sample
from ipvalue.records.book import Book, Known, parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.stopwatch import stage
from ipvalue.types import Columns, Floats, Ints16, Mask
from ipvalue.valuation import QUANTILE_NAMES, Valuation, assemble, grade_of, interval_sd, no_value_reason

__all__ = ["Learnt", "ValuationEngine"]

_RECONCILIATIONS = {kind.kind: kind for kind in (PrecisionWeights, FixedWeights, StackedWeights)}


@dataclass(frozen=True)
class Learnt:
    """What an engine learnt from a book, and from which.

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
    """

    as_of: str
    known: Known
    book: str
    grant_rates: dict[str, float]
    states: dict[str, State]
    reconciliation: State
    deals: int


class ValuationEngine:
    """Methods, assumptions and a reconciliation that value a snapshot together.

    Parameters
    ----------
    methods : sequence of Method, optional
        By default relief from royalty, comparable sales and gradient boosting.
    assumptions : Assumptions, optional
        By default ``Assumptions.default("CN")``.
    reconciliation : Reconciliation, optional
        By default ``PrecisionWeights()``.
    folds : int, default 3
        Folds by patent in which the methods' errors on deals are measured out of sample.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(400, seed=7)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2023-12-31")
    >>> valuation = engine.value(book.as_of("2024-12-31"))
    >>> len(valuation) == len(book.as_of("2024-12-31"))
    True
    """

    def __init__(
        self,
        methods: Sequence[Method] | None = None,
        assumptions: Assumptions | None = None,
        reconciliation: Reconciliation | None = None,
        *,
        folds: int = 3,
    ) -> None:
        chosen = [ReliefFromRoyalty(), ComparableSales(), GradientBoosting()] if methods is None else checked(methods)
        require(assumptions, (Assumptions, type(None)), "assumptions", "Assumptions.default('CN')")
        require(reconciliation, (Reconciliation, type(None)), "reconciliation", "PrecisionWeights()")
        names = [method.name for method in chosen]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise IpvalueError(f"the method {twice[0]!r} stands twice in the engine")
        if folds < 2:
            raise IpvalueError(f"folds={folds}: errors out of sample need at least two folds")
        self.methods = tuple(chosen)
        self.assumptions = Assumptions.default("CN") if assumptions is None else assumptions
        self.reconciliation = PrecisionWeights() if reconciliation is None else reconciliation
        self.reconciliation.check(names)
        self.folds = folds
        self.learnt: Learnt | None = None

    @classmethod
    def bank_internal(
        cls, region: str, *, assumptions: Assumptions | None = None, indicators: tuple[Indicator, ...] = ()
    ) -> ValuationEngine:
        """Make the engine that Chinese banks' internal valuation is published to follow.

        Its defaults stand in for official data and say so: see :mod:`ipvalue.methods.indicator_score`.

        Parameters
        ----------
        region : {'CN'}
        assumptions : Assumptions, optional
            The bank's figures, such as ``royalty_rate`` by industry from CNIPA's statistics.
        indicators : tuple of Indicator, optional
            The bank's table, as :func:`ipvalue.methods.indicators.read_indicators` reads it.

        Raises
        ------
        IpvalueError
            If no such scheme is known for the region.
        """
        if region != "CN":
            raise IpvalueError(f"no scheme of internal valuation is known for {region!r}; there is one for 'CN'")
        # one method: deals, where there are any, must still correct and widen it
        return cls([IndicatorScore(indicators=indicators)], assumptions or Assumptions.default("CN"))

    @property
    def names(self) -> list[str]:
        """The methods' names, in order."""
        return [method.name for method in self.methods]

    def fit(self, book: Book, as_of: object, *, known: Known = "announced") -> ValuationEngine:
        """Learn from what was known of a book on a date.

        Parameters
        ----------
        book : Book
        as_of : date
            The fit date; nothing known later is read.
        known : {'announced', 'loaded'}

        Returns
        -------
        ValuationEngine
            A fitted copy; the engine itself stays as it is.
        """
        require(book, Book, "book", "ipv.Book(patents=...)")
        day = parse_date(as_of)
        rates = counted_grants(book.as_of(day, known=known), self.assumptions)
        evidence = gather(book, day, known, self.assumptions, rates)
        held_out = out_of_sample(self.methods, evidence, self.assumptions, self.folds)
        price, years = evidence.deals.price, years_between(evidence.deals.date, day)
        reconciliation = self.reconciliation.fit(self.names, held_out, price, self.assumptions, years)
        states = {m.name: m.fit(evidence, self.assumptions) for m in self.methods}
        learnt = Learnt(str(day), known, book.fingerprint, rates, states, reconciliation, len(price))
        return self._with(learnt)

    def value(
        self, snapshot: Snapshot, *, whole: Whole | None = None, book_fingerprint: str | None = None
    ) -> Valuation:
        """Value every patent of a snapshot.

        Parameters
        ----------
        snapshot : Snapshot
        whole : Whole, optional
            Statistics of the whole book, where the snapshot is a part of it.
        book_fingerprint : str, optional
            Of the whole book, in the same case.

        Returns
        -------
        Valuation
            One row a patent, valued or with the reason why not.
        """
        from ipvalue.explain import Explainer

        require(snapshot, Snapshot, "snapshot", "book.as_of('2024-12-31')")
        whole = Whole.of(snapshot) if whole is None else whole
        with stage("features"):
            subject = prepare(snapshot, self.assumptions, whole)
        table = self.table(subject)
        fingerprint = snapshot.book_fingerprint if book_fingerprint is None else book_fingerprint
        return Valuation(table, self.provenance(snapshot, fingerprint), Explainer(self, snapshot, whole))

    def table(self, subject: Subject) -> pa.Table:
        """Value every patent of a subject: the table of a :class:`~ipvalue.Valuation`.

        A row follows from the subject's row and the engine alone, whatever other rows there are.
        """
        estimates, combined = self.estimate(subject)
        with stage("table"):
            columns, reason = self.finish(subject, estimates, combined)
            state = subject.features["legal_state"].astype(np.int8)
            return assemble(
                subject.patent_id, columns, state, reason, self.assumptions.currency, self.names, estimates, combined
            )

    def estimate(self, subject: Subject) -> tuple[list[Estimate], Reconciled]:
        """Ask every method, and combine what they say."""
        learnt = self.fitted
        estimates = []
        for method in self.methods:
            with stage(f"method {method.name}"):
                estimates.append(method.estimate(subject, learnt.states[method.name], self.assumptions))
        dead = _worthless(subject)
        with stage("reconciliation"):
            estimates = [_without(estimate, dead) for estimate in estimates]
            return estimates, self.reconciliation.combine(self.names, estimates, learnt.reconciliation)

    def finish(self, subject: Subject, estimates: list[Estimate], combined: Reconciled) -> tuple[Columns, Ints16]:
        """From the value on grant to the value: dead rights are worth 0, applications their chance of grant."""
        dead = _worthless(subject)
        pending = subject.features["pending"] == 1
        chance = np.where(pending, self.chance(subject), np.where(dead, 0.0, 1.0))
        value = np.where(dead, 0.0, combined.value * chance)
        quantiles = np.where(dead[:, None], 0.0, combined.quantiles * chance[:, None])
        over = np.where(subject.features["alive"] == 0, Reason.DEAD_RIGHT, Reason.TERM_OVER)
        reason = np.where(dead, over, no_value_reason(combined, estimates)).astype(np.int16)
        used = (combined.weights > 0).sum(axis=1)
        spread = np.where(dead, np.nan, interval_sd(combined.quantiles))
        columns = {
            "value": value,
            **{name: np.ascontiguousarray(quantiles[:, k]) for k, name in enumerate(QUANTILE_NAMES)},
            "remaining_years": np.where(dead, 0.0, subject.features["remaining_term"]),
            "grade": np.where(dead, "A", grade_of(spread, used, combined.disagreement, pending)),
            "grant_probability": chance,
            "disagreement": combined.disagreement,
            "log_sd": combined.log_sd,
        }
        return columns, reason

    def chance(self, subject: Subject) -> Floats:
        """Probability of grant of each patent's group, as if it were pending."""
        assumed = self.assumptions.by_key("grant_probability", subject.jurisdiction)
        return grant_probability(grant_group(subject.jurisdiction, subject.right), self.fitted.grant_rates, assumed)

    @property
    def fitted(self) -> Learnt:
        """What the engine has learnt.

        Raises
        ------
        NotFittedError
            If it has learnt nothing yet.
        """
        if self.learnt is None:
            raise NotFittedError(
                "the engine is not fitted: call engine.fit(book, as_of=...) first, or load a saved one"
            )
        return self.learnt

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted engine into a folder: JSON, Parquet and text, with SHA-256 sums.

        Parameters
        ----------
        path : path
            The folder; an engine saved there before is replaced.
        """
        learnt = self.fitted
        states = {f"method-{name}": state for name, state in learnt.states.items()}
        write_folder(path, self._content(), states | {"reconciliation": learnt.reconciliation})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ValuationEngine:
        """Read an engine that :meth:`save` wrote; every file is verified first.

        Raises
        ------
        ArtifactError
            If the folder is no engine, a file is damaged, or the engine is of a version that can't be read.
        """
        content, folder = read_folder(path)
        with readable(folder):
            engine = cls(
                [create(m["name"], m["parameters"]) for m in content["methods"]],
                Assumptions.model_validate(content["assumptions"]),
                _RECONCILIATIONS[content["reconciliation"]["kind"]](**content["reconciliation"]["parameters"]),
                folds=content["folds"],
            )
            states = {name: read_state(folder / f"method-{name}") for name in engine.names}
            learnt = Learnt(**content["learnt"], states=states, reconciliation=read_state(folder / "reconciliation"))
            return engine._with(learnt)

    @property
    def hash(self) -> str:
        """SHA-256 over the methods, assumptions, reconciliation and everything learnt."""
        digest = hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode())
        for name, state in [*self.fitted.states.items(), ("reconciliation", self.fitted.reconciliation)]:
            digest.update(name.encode())
            hash_state(digest, state)
        return digest.hexdigest()

    def provenance(self, snapshot: Snapshot, book_fingerprint: str) -> dict[str, Any]:
        """Say by what, of what and as of when values are made; nothing in it depends on the clock."""
        learnt = self.fitted
        return {
            "as_of": str(snapshot.date),
            "known": snapshot.known,
            "currency": self.assumptions.currency,
            "value_levels": list(QUANTILE_NAMES),
            "methods": {m.name: {"parameters": m.model_dump(mode="json"), "interval": m.covers} for m in self.methods},
            "assumptions": self.assumptions.name,
            "assumptions_hash": self.assumptions.hash,
            "engine_hash": self.hash,
            "engine_fitted_as_of": learnt.as_of,
            "engine_fitted_on_book": learnt.book,
            "engine_deals": learnt.deals,
            "book": book_fingerprint,
            "versions": versions(),
        }

    def __repr__(self) -> str:
        state = "not fitted"
        if self.learnt is not None:
            state = f"fitted as of {self.learnt.as_of} on {self.learnt.deals:,} deals"
        methods = ", ".join(repr(m) for m in self.methods)
        return f"ValuationEngine([{methods}], {self.assumptions.name}, {self.reconciliation.kind}; {state})"

    def _with(self, learnt: Learnt) -> ValuationEngine:
        copy = ValuationEngine(self.methods, self.assumptions, self.reconciliation, folds=self.folds)
        copy.learnt = learnt
        return copy

    def _content(self) -> dict[str, Any]:
        learnt = self.fitted
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
            },
        }


def _worthless(subject: Subject) -> Mask:
    """Rights that are dead, or alive on the last day of their term."""
    return np.asarray((subject.features["alive"] == 0) | (subject.features["remaining_term"] == 0))


def _without(estimate: Estimate, dead: Mask) -> Estimate:
    """Take the estimates of dead rights away: a method's value is that of a right that lives."""
    return replace(
        estimate,
        value=np.where(dead, np.nan, estimate.value),
        quantiles=np.where(dead[:, None], np.nan, estimate.quantiles),
        reason=np.where(dead, np.int16(Reason.DEAD_RIGHT), estimate.reason).astype(np.int16),
    )
