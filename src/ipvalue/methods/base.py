"""The contract of a valuation method, and the registry through which an engine finds one by name.

A method is a frozen set of parameters with two verbs. ``fit`` learns from evidence and returns a
:class:`State` (arrays, numbers and texts; nothing hidden, nothing pickled); ``estimate`` values every patent
of a subject. What a method computes is the value of an enforceable right, or of an application as if it were
granted. The engine accounts for dead rights and for the probability of grant, in the same way for all methods.

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
from pydantic import BaseModel, ConfigDict

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import IpvalueError, Reason, require
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.types import LEVELS, Array, Floats, Ints16, Quantiles

__all__ = [
    "BUILT_IN",
    "Estimate",
    "Method",
    "State",
    "Step",
    "available",
    "checked",
    "create",
    "register_method",
    "unregister_method",
]

_REGISTERED: dict[str, type[Method]] = {}
_ROUNDING = 1e-9  # of the largest quantile: by how much rounding may put quantiles out of order


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
class State:
    """The learnt state of a method: numbers, tables of arrays, and texts (a LightGBM model is a text)."""

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
    quantiles : Quantiles
        At 5, 25, 50, 75 and 95 %, ascending.
    reason : ndarray of int16, shape (n,)
        Why there is no value (:class:`~ipvalue.errors.Reason`); 0 where there is one.
    details : dict of str to ndarray
        Every intermediate quantity by the names of the method's steps.
    """

    value: Floats
    quantiles: Quantiles
    reason: Ints16
    details: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # methods of plug-ins may pass a plain array
        if not isinstance(self.quantiles, Quantiles):
            object.__setattr__(self, "quantiles", Quantiles(np.asarray(self.quantiles, np.float64)))

    @classmethod
    def make(
        cls, value: Floats, quantiles: Floats, reason: Ints16, details: Mapping[str, Array] | None = None
    ) -> Estimate:
        """Make an estimate, and check it row by row.

        Parameters
        ----------
        value : ndarray, shape (n,)
        quantiles : ndarray, shape (n, 5)
        reason : ndarray of int16, shape (n,)
        details : dict of str to ndarray, optional

        Returns
        -------
        Estimate
            There is no value where there is a reason code, where a number is not finite, or where the quantiles do not
            ascend or the value lies outside them. The width of such quantiles would win a weight that it does not earn.

        Raises
        ------
        IpvalueError
            If the arrays have other shapes.
        """
        spread = np.asarray(quantiles, np.float64)
        shapes = (np.shape(value), np.shape(spread), np.shape(reason))
        if np.ndim(value) != 1 or shapes != ((n := len(value),), (n, len(LEVELS)), (n,)):
            raise IpvalueError(
                f"an estimate has the shapes (n,), (n, {len(LEVELS)}) and (n,) for value, quantiles and reason, "
                f"not {shapes[0]}, {shapes[1]} and {shapes[2]}"
            )
        sound = np.isfinite(value) & np.isfinite(spread).all(axis=1)
        with np.errstate(invalid="ignore"):
            room = _ROUNDING * np.abs(spread).max(axis=1, initial=0.0)
            sound &= (np.diff(spread, axis=1) >= -room[:, None]).all(axis=1)
            sound &= (value >= spread[:, 0] - room) & (value <= spread[:, -1] + room)
        codes = np.where((reason == 0) & ~sound, np.int16(Reason.FAILED_NUMERICALLY), reason).astype(np.int16)
        good = codes == 0
        return cls(np.where(good, value, np.nan), Quantiles(spread).replace(~good, np.nan), codes, details or {})

    @classmethod
    def refuse(cls, n: int, reason: Reason) -> Estimate:
        """Refuse all patents for one reason."""
        return cls(np.full(n, np.nan), Quantiles.missing(n), np.full(n, reason, np.int16))


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
    """The valuation approach (IVS 103 of 2025, IVS 105 of 2022) to which it belongs, or the family beside them."""
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
        """Adapt the learnt state to changed assumptions, as a stress test needs; unchanged by default.

        A method that learns rates which the assumptions also contain scales its learnt rates by the same ratio, so that
        a shock to the assumption also moves patents valued by learnt rates. Equal assumptions leave the state
        unchanged.
        """
        return state

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Source of each step's figure for the first patent, where it differs between patents."""
        return {}

    def appendix(self, subject: Subject, state: State, assumptions: Assumptions) -> list[tuple[Step, float]]:
        """Further lines of the first patent's explanation, after the steps, such as the comparables used."""
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
        If an entry point names something that is not a method, or a name that is taken.

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
            raise IpvalueError(f"the entry point {point.name!r} = {point.value!r} is not an ipvalue Method")
        if method.name in found:
            raise IpvalueError(f"the entry point {point.name!r} adds a second method named {method.name!r}")
        found[method.name] = method
    return found | _REGISTERED


def register_method(kind: type[Method], *, replace: bool = False) -> type[Method]:
    """Add a method for this process, as an installed plug-in would; a notebook may use it as a class decorator.

    Parameters
    ----------
    kind : type
        A :class:`Method`.
    replace : bool, default False
        Take the place of a method of the same name that was registered before, as a notebook cell that is run again
        does.

    Returns
    -------
    type
        The class itself.

    Raises
    ------
    IpvalueError
        If it is not a method, or its name is taken.

    Notes
    -----
    An engine needs no registration to use a method; :meth:`ipvalue.ValuationEngine.load` does. Workers of a batch are
    other processes: give them the method as an installed package with an entry point ``ipvalue.methods``.
    """
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise IpvalueError(f"register_method takes a class derived from ipvalue.Method, not {kind!r}")
    taken = available().keys() - (_REGISTERED.keys() if replace else set())
    if kind.name in taken:
        raise IpvalueError(f"there is a method named {kind.name!r} already: choose another name, or replace=True")
    _REGISTERED[kind.name] = kind
    available.cache_clear()
    return kind


def unregister_method(name: str) -> None:
    """Remove a method that :func:`register_method` added."""
    _REGISTERED.pop(name, None)
    available.cache_clear()


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
            "is the package that provides it installed?"
        )
    return methods[name](**parameters)


def checked(methods: Sequence[Method]) -> list[Method]:
    """Check the methods of an engine and return them as a list.

    Raises
    ------
    IpvalueError
        If there is none, or one is a name, a class or anything else that is not a method.
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
