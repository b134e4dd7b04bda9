"""The engine: fit methods and a reconciliation on a book, value snapshots, save and load what was learnt."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ipvalue.artifacts import read_folder, read_state, readable, write_folder
from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import ArtifactError, IpvalueError, NotFittedError, require
from ipvalue.evidence.grant_probability import counted_grants
from ipvalue.evidence.prices import gather
from ipvalue.evidence.subject import Subject
from ipvalue.features.base import families
from ipvalue.law.dates import years_between
from ipvalue.methods.base import Method, available, checked, create
from ipvalue.methods.comparable_sales import ComparableSales
from ipvalue.methods.gradient_boosting import GradientBoosting
from ipvalue.methods.indicator_score import IndicatorScore
from ipvalue.methods.indicators import Indicator
from ipvalue.methods.relief_from_royalty import ReliefFromRoyalty
from ipvalue.model import Learnt, Model
from ipvalue.reconcile import PrecisionWeights, Reconciliation, reconciliations
from ipvalue.reconcile.held_out import out_of_sample
from ipvalue.records.book import Book, Known, parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.valuation import Valuation
from ipvalue.worksheet import Worksheet, work

__all__ = ["ValuationEngine"]


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
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise IpvalueError(f"the method {repeated[0]!r} appears twice in the engine")
        if folds < 2:
            raise IpvalueError(f"folds={folds}: errors out of sample need at least two folds")
        self.methods = tuple(chosen)
        self.assumptions = Assumptions.default("CN") if assumptions is None else assumptions
        self.reconciliation = PrecisionWeights() if reconciliation is None else reconciliation
        self.reconciliation.check(names)
        self.folds = folds
        self._model: Model | None = None

    @classmethod
    def bank_internal(
        cls, region: str, *, assumptions: Assumptions | None = None, indicators: tuple[Indicator, ...] = ()
    ) -> ValuationEngine:
        """Make the engine that Chinese banks' internal valuation is published to follow.

        Its default figures replace official data that are not included, and are marked as such: see
        :mod:`ipvalue.methods.indicator_score`.

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
        # a single method, which deals, if any, still correct and widen
        return cls([IndicatorScore(indicators=indicators)], assumptions or Assumptions.default("CN"))

    @property
    def names(self) -> list[str]:
        """The methods' names, in order."""
        return [method.name for method in self.methods]

    def fit(self, book: Book, as_of: object, *, known: Known = "announced") -> ValuationEngine:
        """Fit the engine on a book as it was known on a date.

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
        snapshot = book.as_of(day, known=known)
        rates = counted_grants(snapshot, self.assumptions)
        evidence = gather(book, snapshot, self.assumptions, rates)
        held_out = out_of_sample(self.methods, evidence, self.assumptions, self.folds)
        price, years = evidence.deals.price, years_between(evidence.deals.date, day)
        reconciliation = self.reconciliation.fit(self.names, held_out, price, self.assumptions, years)
        states = {m.name: m.fit(evidence, self.assumptions) for m in self.methods}
        features = tuple(evidence.subject.features.columns)
        learnt = Learnt(str(day), known, book.fingerprint, rates, states, reconciliation, len(price), features)
        return ValuationEngine.of(Model(self.methods, self.assumptions, self.reconciliation, self.folds, learnt))

    def work(self, subject: Snapshot | Subject) -> Worksheet:
        """Compute every named quantity of every patent, from input to result.

        Parameters
        ----------
        subject : Snapshot or Subject
            A part of a snapshot (:meth:`ipvalue.Snapshot.select`) gives the same bits as the snapshot.

        Returns
        -------
        Worksheet
            ``.quantities()`` has all arrays by name, ``.to_pandas()`` makes a table of them.

        Examples
        --------
        >>> import ipvalue as ipv
        >>> book = ipv.synthetic_book(200, seed=7)
        >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
        >>> sheet = engine.work(book.as_of("2024-12-31"))
        >>> bool((sheet.to_pandas()["relief_from_royalty.royalty_rate"].dropna() > 0).all())
        True
        """
        require(subject, (Snapshot, Subject), "subject", "book.as_of('2024-12-31')")
        return work(self.model, subject)

    def value(self, snapshot: Snapshot) -> Valuation:
        """Value every patent of a snapshot.

        Parameters
        ----------
        snapshot : Snapshot
            Patents of a part of a snapshot (:meth:`ipvalue.Snapshot.select`) have the same values, bit for bit, as in
            the snapshot, since the part has the statistics of the book.

        Returns
        -------
        Valuation
            One row a patent, valued or with the reason why not.
        """
        require(snapshot, Snapshot, "snapshot", "book.as_of('2024-12-31')")
        sheet = self.work(snapshot)
        return Valuation(sheet.table(), self.model.provenance(snapshot), sheet.without_details())

    def with_assumptions(self, assumptions: Assumptions) -> ValuationEngine:
        """The engine under other assumptions, without fitting again.

        Returns
        -------
        ValuationEngine
            Learnt figures that correspond to an assumption change by the same ratio, such as royalty rates learnt from
            licences and the probability of grant. Prices and the methods' errors stay as learnt: fit again to learn
            them under the other assumptions. An engine that is not fitted only gets the assumptions.

        Examples
        --------
        >>> import ipvalue as ipv
        >>> book = ipv.synthetic_book(200, seed=7)
        >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
        >>> taxed = engine.with_assumptions(engine.assumptions.replace(tax_rate=0.4))
        >>> state = book.as_of("2024-12-31")
        >>> bool(taxed.value(state).to_pandas()["value"].sum() < engine.value(state).to_pandas()["value"].sum())
        True
        """
        require(assumptions, Assumptions, "assumptions", "Assumptions.default('CN')")
        if self._model is None:
            return ValuationEngine(self.methods, assumptions, self.reconciliation, folds=self.folds)
        return ValuationEngine.of(self._model.with_assumptions(assumptions))

    @property
    def model(self) -> Model:
        """The fitted model: everything that determines values besides the snapshot.

        Raises
        ------
        NotFittedError
            If the engine is not fitted.
        """
        if self._model is None:
            raise NotFittedError(
                "the engine is not fitted: call engine.fit(book, as_of=...) first, or load a saved one"
            )
        return self._model

    @property
    def fitted(self) -> Learnt:
        """The learnt state of the fitted engine.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        """
        return self.model.learnt

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the fitted engine in a folder: JSON, Parquet and text, with SHA-256 sums.

        Parameters
        ----------
        path : path
            The folder; an engine saved there before is replaced.

        Raises
        ------
        ArtifactError
            If a method or the reconciliation could not be loaded again, since no installed package has an
            entry point for it; or if the folder holds something else or can't be written.
        """
        model = self.model
        for method in model.methods:
            if available().get(method.name) is not type(method):
                raise ArtifactError(
                    f"the method {method.name!r} ({type(method).__qualname__}) could not be loaded again: give it an "
                    "entry point of the group 'ipvalue.methods', or call ipvalue.register_method before save and load"
                )
        kind = self.reconciliation.kind
        if reconciliations().get(kind) is not type(self.reconciliation):
            raise ArtifactError(
                f"the reconciliation {kind!r} ({type(self.reconciliation).__qualname__}) could not be loaded again: "
                "give it an entry point of the group 'ipvalue.reconciliations'"
            )
        states = {f"method-{name}": state for name, state in model.learnt.states.items()}
        write_folder(path, model.content(), states | {"reconciliation": model.learnt.reconciliation})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ValuationEngine:
        """Read an engine that :meth:`save` wrote; every file is verified first.

        Raises
        ------
        ArtifactError
            If the folder is not an engine, a file is damaged, the engine is of a version that can't be read, or it
            learnt from features that no installed package provides.
        """
        content, folder = read_folder(path)
        with readable(folder):
            kind = content["reconciliation"]["kind"]
            if kind not in reconciliations():
                raise ArtifactError(
                    f"{folder} was saved with the reconciliation {kind!r}, which no installed package provides: "
                    "install the package, or fit the engine again"
                )
            engine = cls(
                [create(m["name"], m["parameters"]) for m in content["methods"]],
                Assumptions.model_validate(content["assumptions"]),
                reconciliations()[kind](**content["reconciliation"]["parameters"]),
                folds=content["folds"],
            )
            states = {name: read_state(folder / f"method-{name}") for name in engine.names}
            stored = content["learnt"] | {"features": tuple(content["learnt"]["features"])}
            learnt = Learnt(**stored, states=states, reconciliation=read_state(folder / "reconciliation"))
            missing = sorted({*learnt.features} - {f.name for family in families().values() for f in family.features})
            if missing:
                raise ArtifactError(
                    f"{folder} learnt from the feature {missing[0]!r}, which does not exist here: install the package "
                    "that provides it, or fit the engine again"
                )
            return cls.of(Model(engine.methods, engine.assumptions, engine.reconciliation, engine.folds, learnt))

    @property
    def learnt(self) -> Learnt | None:
        """The learnt state; None before the engine is fitted."""
        return None if self._model is None else self._model.learnt

    @property
    def hash(self) -> str:
        """SHA-256 over the methods, assumptions, reconciliation and everything learnt."""
        return self.model.hash

    def __repr__(self) -> str:
        state = "not fitted"
        if self._model is not None:
            state = f"fitted as of {self.fitted.as_of} on {self.fitted.deals:,} deals"
        methods = ", ".join(repr(m) for m in self.methods)
        return f"ValuationEngine([{methods}], {self.assumptions.name}, {self.reconciliation.kind}; {state})"

    @classmethod
    def of(cls, model: Model) -> ValuationEngine:
        """The engine of a fitted model."""
        engine = cls(model.methods, model.assumptions, model.reconciliation, folds=model.folds)
        engine._model = model
        return engine
