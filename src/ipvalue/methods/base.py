"""The contract of a valuation method, and the registry through which an engine finds one by name.

A method is a frozen set of parameters with two verbs. ``fit`` learns from evidence and returns a
:class:`State` (arrays, numbers and texts; nothing hidden, nothing pickled); ``estimate`` values every patent
of a subject. What a method computes is the value of an enforceable right, or of an application as if it were
granted: death and the probability of grant are the engine's business, the same for all methods.

An outside package adds a method by an entry point of the group ``ipvalue.methods`` that names the class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from ipvalue.assumptions import Assumptions
from ipvalue.errors import IpvalueError, Reason, require
from ipvalue.features import Features
from ipvalue.finance.distributions import LEVELS
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Array, Columns, Dates, Floats, Ints, Ints16, Mask, Objects, Texts

__all__ = [
    "BUILT_IN",
    "Deals",
    "Estimate",
    "Evidence",
    "Lots",
    "Method",
    "State",
    "Step",
    "Subject",
    "available",
    "checked",
    "create",
]


BUILT_IN = {
    "relief_from_royalty": "ipvalue.methods.relief_from_royalty:ReliefFromRoyalty",
    "comparable_sales": "ipvalue.methods.comparable_sales:ComparableSales",
    "hedonic_price": "ipvalue.methods.hedonic_price:HedonicPrice",
    "gradient_boosting": "ipvalue.methods.gradient_boosting:GradientBoosting",
    "excess_earnings": "ipvalue.methods.excess_earnings:ExcessEarnings",
    "incremental_income": "ipvalue.methods.incremental_income:IncrementalIncome",
    "profit_split": "ipvalue.methods.profit_split:ProfitSplit",
    "indicator_score": "ipvalue.methods.indicator_score:IndicatorScore",
    "real_option": "ipvalue.methods.real_option:RealOption",
    "renewal_option": "ipvalue.methods.renewal_option:RenewalOption",
    "replacement_cost": "ipvalue.methods.replacement_cost:ReplacementCost",
}


@dataclass(frozen=True)
class Subject:
    """What is to be valued: everything a method sees of each patent, as columns.

    Attributes
    ----------
    patent_id : ndarray of str, shape (n,)
    jurisdiction, right : ndarray of str, shape (n,)
    field : ndarray of int8, shape (n,)
        WIPO technology field; 0 unknown.
    features : Features
        One column a feature.
    money : dict of str to ndarray
        ``revenue``, ``cost_to_develop`` and ``historical_cost`` in the assumptions' currency, ``exchange_rate`` by
        which they were converted (NaN where no rate of their currency is known), and
        ``revenue_life`` and ``success_probability`` as given; ``price_trend``, the price level on the date over
        that of the day of the economics; ``fee_rate``, units of the assumptions' currency for one unit of the
        currency of the right's renewal fees; ``zero_rate_1`` to ``zero_rate_20``, the yield curve of the
        assumptions' currency. NaN where unknown. ``industry`` of the revenue, '' where unknown.
    dates : dict of str to ndarray of datetime64[D]
        ``as_of`` (the day of which the features are), ``filing`` and ``grant``.
    """

    patent_id: Objects
    jurisdiction: Texts
    right: Texts
    field: npt.NDArray[np.int8]
    features: Features
    money: Columns
    dates: Columns

    def __len__(self) -> int:
        return len(self.patent_id)

    def take(self, rows: npt.NDArray[np.integer] | Mask) -> Subject:
        """Keep some patents, in any order and number."""
        money = {name: values[rows] for name, values in self.money.items()}
        dates = {name: values[rows] for name, values in self.dates.items()}
        office, right = self.jurisdiction[rows], self.right[rows]
        return Subject(self.patent_id[rows], office, right, self.field[rows], self.features.take(rows), money, dates)

    @classmethod
    def concatenate(cls, parts: list[Subject]) -> Subject:
        """Put several subjects one after the other."""
        return cls(
            patent_id=np.concatenate([p.patent_id for p in parts]),
            jurisdiction=np.concatenate([p.jurisdiction for p in parts]),
            right=np.concatenate([p.right for p in parts]),
            field=np.concatenate([p.field for p in parts]),
            features=Features.concatenate([p.features for p in parts]),
            money={name: np.concatenate([p.money[name] for p in parts]) for name in parts[0].money},
            dates={name: np.concatenate([p.dates[name] for p in parts]) for name in parts[0].dates},
        )


@dataclass(frozen=True)
class Deals:
    """Arm's-length prices of single patents, each with what was known of the patent before the deal.

    Attributes
    ----------
    subject : Subject
        One element a deal.
    price : ndarray, shape (n_deals,)
        Price of the patent as a granted right and as by sale, in the assumptions' currency.
    date : ndarray of datetime64[D], shape (n_deals,)
    """

    subject: Subject
    price: Floats
    date: Dates

    def __len__(self) -> int:
        return len(self.price)

    def take(self, rows: npt.NDArray[np.integer] | Mask) -> Deals:
        """Keep some deals."""
        return Deals(self.subject.take(rows), self.price[rows], self.date[rows])


@dataclass(frozen=True)
class Lots:
    """Patents that were sold together at arm's length, one element a patent, the patents of a deal together.

    Only deals of which every patent is known are here.

    Attributes
    ----------
    subject : Subject
        What was known of each patent before the deal.
    price : ndarray, shape (n_lots,)
        Price of the whole deal as by sale, in the assumptions' currency: the same for all its patents.
    date : ndarray of datetime64[D], shape (n_lots,)
    deal : ndarray of int64, shape (n_lots,)
        Number of the deal, from 0.
    chance : ndarray, shape (n_lots,)
        Probability of grant of each patent on that day; 1 where it was granted.
    """

    subject: Subject
    price: Floats
    date: Dates
    deal: Ints
    chance: Floats

    def __len__(self) -> int:
        return len(self.price)

    @property
    def size(self) -> Ints:
        """Patents in the deal of each lot."""
        return np.bincount(self.deal)[self.deal] if len(self) else np.zeros(0, np.int64)

    def without(self, patent_ids: Objects) -> Lots:
        """Leave out every deal that holds one of the patents."""
        gone = np.unique(self.deal[np.isin(self.subject.patent_id.astype(str), patent_ids.astype(str))])
        rows = np.flatnonzero(~np.isin(self.deal, gone))
        deal = np.unique(self.deal[rows], return_inverse=True)[1]
        return Lots(self.subject.take(rows), self.price[rows], self.date[rows], deal, self.chance[rows])


@dataclass(frozen=True)
class Evidence:
    """What a method may learn from: the book as known on the fit date, and the deals until then.

    ``deals`` hold a price of one patent each, and nothing else is a price; ``lots`` are patents sold together,
    whose price each is unknown.
    """

    snapshot: Snapshot
    subject: Subject
    deals: Deals
    lots: Lots | None = None

    def with_deals(self, rows: npt.NDArray[np.integer] | Mask) -> Evidence:
        """The same evidence with some of the deals; lots with a patent that is left out are left out too."""
        kept = self.deals.take(rows)
        if self.lots is None:
            return Evidence(self.snapshot, self.subject, kept)
        gone = np.setdiff1d(self.deals.subject.patent_id.astype(str), kept.subject.patent_id.astype(str))
        return Evidence(self.snapshot, self.subject, kept, self.lots.without(gone))


@dataclass(frozen=True)
class State:
    """What a method has learnt: numbers, tables of arrays, and texts (a LightGBM model is a text)."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """A method's values of all patents of a subject.

    Attributes
    ----------
    value : ndarray, shape (n,)
        Median value in the assumptions' currency; NaN where the method does not apply.
    quantiles : ndarray, shape (n, 5)
        At the levels 5, 25, 50, 75 and 95 %, ascending.
    reason : ndarray of int16, shape (n,)
        Why there is no value (:class:`~ipvalue.errors.Reason`); 0 where there is one.
    details : dict of str to ndarray
        Every intermediate quantity by the names of the method's steps.
    """

    value: Floats
    quantiles: Floats
    reason: Ints16
    details: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        value: Floats,
        quantiles: Floats,
        reason: Ints16,
        details: Mapping[str, Array] | None = None,
    ) -> Estimate:
        """Put an estimate together; where a reason says so, or a number is not finite, there is no value."""
        finite = np.isfinite(value) & np.isfinite(quantiles).all(axis=1)
        codes = np.where((reason == 0) & ~finite, np.int16(Reason.FAILED_NUMERICALLY), reason).astype(np.int16)
        good = codes == 0
        return cls(np.where(good, value, np.nan), np.where(good[:, None], quantiles, np.nan), codes, details or {})

    @classmethod
    def refuse(cls, n: int, reason: Reason) -> Estimate:
        """Refuse all patents for one reason."""
        nothing = np.full(n, np.nan)
        return cls(nothing, np.full((n, len(LEVELS)), np.nan), np.full(n, reason, np.int16))


@dataclass(frozen=True)
class Step:
    """One line of a method's arithmetic: the quantity, how it follows from those above, its unit and source."""

    name: str
    formula: str
    unit: str
    source: str = ""


class Method(BaseModel, ABC):
    """A valuation method: frozen parameters, ``fit`` and ``estimate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """Name in tables and in the registry."""
    approach: ClassVar[Literal["income", "market", "cost", "option", "machine learning", "scorecard"]]
    """The approach of IVS 105 to which it belongs, or the family beside them."""
    covers: ClassVar[str]
    """What its interval covers, in one sentence."""
    steps: ClassVar[tuple[Step, ...]] = ()
    """Its arithmetic, in order; each name is a key of ``Estimate.details``."""

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Learn from evidence; a method that learns nothing returns an empty state."""
        return State()

    @abstractmethod
    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value every patent of the subject as an enforceable right."""

    def restate(self, state: State, before: Assumptions, after: Assumptions) -> State:
        """Move what was learnt along with the assumptions that it stands beside, as a stress does; unchanged here.

        A method whose state holds rates of a kind that the assumptions also name scales them alike, so that a shock of
        that figure reaches patents valued by learnt rates. Nothing moves where the assumptions do not.
        """
        return state

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the step's figure of the first patent comes from, where that differs by patent."""
        return {}

    def appendix(self, subject: Subject, state: State, assumptions: Assumptions) -> list[tuple[Step, float]]:
        """Further lines of the first patent's explanation, after the steps: what the figures rest on."""
        return []

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, info in type(self).model_fields.items()
            if getattr(self, name) != info.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


@cache
def available() -> dict[str, type[Method]]:
    """Find all methods: the built-in ones and those of installed packages.

    Returns
    -------
    dict of str to type
        Method classes by name.

    Raises
    ------
    IpvalueError
        If an entry point names something that is no method, or a name that is taken.

    Examples
    --------
    >>> "relief_from_royalty" in available()
    True
    """
    found: dict[str, type[Method]] = {}
    for name, place in BUILT_IN.items():
        module, _, attribute = place.partition(":")
        found[name] = getattr(import_module(module), attribute)
    for point in entry_points(group="ipvalue.methods"):
        method = point.load()
        if not (isinstance(method, type) and issubclass(method, Method)):
            raise IpvalueError(f"the entry point {point.name!r} = {point.value!r} names no ipvalue Method")
        if method.name in found:
            raise IpvalueError(f"the entry point {point.name!r} brings a second method named {method.name!r}")
        found[method.name] = method
    return found


def create(name: str, parameters: Mapping[str, Any]) -> Method:
    """Make a method by name, as a saved engine does.

    Raises
    ------
    IpvalueError
        If no installed package has the method, with the names that there are.

    Examples
    --------
    >>> create("relief_from_royalty", {})
    ReliefFromRoyalty()
    """
    methods = available()
    if name not in methods:
        raise IpvalueError(
            f"no method is named {name!r}; there are {', '.join(sorted(methods))}: "
            "is the package that brings it installed?"
        )
    return methods[name](**parameters)


def checked(methods: Sequence[Method]) -> list[Method]:
    """Methods as a list; what else users give for them is refused with what to write instead.

    Raises
    ------
    IpvalueError
        If it is a name, a class or anything else that is no method.
    """
    if isinstance(methods, (Method, str)) or not isinstance(methods, Iterable):
        raise IpvalueError(f"methods={methods!r}: give a list of methods, as [ReliefFromRoyalty()]")
    chosen = list(methods)
    if not chosen:
        raise IpvalueError("an engine needs at least one method")
    for method in chosen:
        if isinstance(method, type) and issubclass(method, Method):
            raise IpvalueError(f"{method.__name__} is a class, not a method: write {method.__name__}()")
        if isinstance(method, str) and method in available():
            raise IpvalueError(f"{method!r} is a name, not a method: write {available()[method].__name__}()")
        require(method, Method, "methods", "ReliefFromRoyalty()")
    return chosen
