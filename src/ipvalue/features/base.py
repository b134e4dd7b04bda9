"""The contract of a feature family: the meaning of its columns, and the function that computes them.

A family is one file: a tuple of :class:`Feature` and a pure function of a :class:`Context`. An outside
package adds a family by an entry point of the group ``ipvalue.features`` that names a :class:`Family`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module, resources
from importlib.metadata import entry_points

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.errors import IpvalueError
from ipvalue.features.legal import LegalFacts, legal_facts
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.statistics import Statistics
from ipvalue.types import Array, Columns, Floats, Mask, Objects

__all__ = ["Context", "Family", "Feature", "Features", "families", "register_feature", "unregister_feature"]

_REGISTERED: dict[str, Family] = {}

BUILT_IN = (
    "term",
    "status",
    "renewal",
    "citations",
    "citation_quality",
    "citation_outlook",
    "claims",
    "family",
    "market",
    "owners",
    "technology",
    "quality",
    "economics",
)


@dataclass(frozen=True)
class Feature:
    """One column of the feature table.

    Parameters
    ----------
    name, unit, definition, source : str
    lower, upper : float
        Closed range.
    direction : {-1, 0, 1}
        Whether value is expected to fall or rise with it, other things equal; 0 where neither is expected.
    missing : str
        What NaN means; empty where the feature is never missing.
    needs_table : str
        A table without which the feature is unknown: without citations table, citations are unknown, not zero. Empty
        where the family itself handles missing data.
    """

    name: str
    unit: str
    lower: float
    upper: float
    direction: int
    definition: str
    source: str
    missing: str = ""
    needs_table: str = ""

    @property
    def when_missing(self) -> str:
        """What NaN means, a missing table included."""
        return "; ".join(filter(None, [self.missing, self.needs_table and f"the book has no {self.needs_table}"]))


@dataclass(frozen=True)
class Family:
    """A feature family: its columns, and the function that computes them.

    Parameters
    ----------
    name : str
    features : tuple of Feature
    compute : callable
        A pure function of a :class:`Context`; it returns one array a feature.
    """

    name: str
    features: tuple[Feature, ...]
    compute: Callable[[Context], Columns]

    @classmethod
    def listed(cls, name: str, compute: Callable[[Context], Columns]) -> Family:
        """A family of the package, whose columns are described in ``tables/features.csv``."""
        return cls(name, tuple(_catalogue()[name]), compute)


@dataclass(frozen=True)
class Context:
    """Inputs of a feature family: a snapshot with book-level statistics, and its legal facts.

    Attributes
    ----------
    snapshot : Snapshot
    earlier : dict of str to ndarray
        Columns of the families that come before this one.
    """

    snapshot: Snapshot
    earlier: Columns = field(default_factory=dict)

    @property
    def statistics(self) -> Statistics:
        """Book-level statistics on the snapshot's date, also where the snapshot is a part of the book."""
        return self.snapshot.statistics

    @cached_property
    def legal(self) -> LegalFacts:
        """Term, fees and status of each patent."""
        return legal_facts(self.snapshot)


class Features:
    """Feature columns as arrays, one element a patent (or a deal).

    Parameters
    ----------
    columns : mapping of str to ndarray
    """

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self.columns = dict(columns)

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def take(self, rows: npt.NDArray[np.integer] | Mask) -> Features:
        """Keep some rows."""
        return Features({name: values[rows] for name, values in self.columns.items()})

    def matrix(self, names: Iterable[str]) -> Floats:
        """Some columns as a matrix, one row a patent."""
        return np.ascontiguousarray(np.stack([self.columns[name] for name in names], axis=1))

    def frame(self, index: Objects) -> pd.DataFrame:
        """All columns as a DataFrame indexed by patent_id."""
        return pd.DataFrame(self.columns, index=pd.Index(index, name="patent_id"))

    @classmethod
    def concatenate(cls, parts: list[Features]) -> Features:
        """Stack the rows of several tables with the same columns."""
        return cls({name: np.concatenate([p[name] for p in parts]) for name in parts[0].columns})


@cache
def _catalogue() -> dict[str, list[Feature]]:
    """Features of the package by family, in the order of the table."""
    file = resources.files("ipvalue.features") / "tables" / "features.csv"
    found: dict[str, list[Feature]] = {}
    for row in csv.DictReader(file.read_text("utf-8").splitlines()):
        bounds = (float(row.pop("lower")), float(row.pop("upper")))
        family, direction = row.pop("family"), int(row.pop("direction"))
        feature = Feature(lower=bounds[0], upper=bounds[1], direction=direction, **row)
        found.setdefault(family, []).append(feature)
    return found


@cache
def families() -> dict[str, Family]:
    """Find all feature families: the built-in ones and those of installed packages.

    Raises
    ------
    IpvalueError
        If an entry point names no family, or a family or column whose name is taken.
    """
    found = {}
    for name in BUILT_IN:
        found[name] = import_module(f"ipvalue.features.{name}").FAMILY
    for point in entry_points(group="ipvalue.features"):
        family = point.load()
        if not isinstance(family, Family):
            raise IpvalueError(f"the entry point {point.name!r} = {point.value!r} is not an ipvalue Family")
        _check_new(family, found, f"the entry point {point.name!r}")
        found[family.name] = family
    return found | _REGISTERED


def _check_new(family: Family, found: Mapping[str, Family], where: str) -> None:
    taken = {feature.name for other in found.values() for feature in other.features}
    taken_name = [family.name] if family.name in found else [f.name for f in family.features if f.name in taken]
    if taken_name:
        raise IpvalueError(f"{where} adds {taken_name[0]!r}, which exists already: choose another name")


def register_feature(family: Family, *, replace: bool = False) -> None:
    """Add a feature family for this process, as an installed plug-in would.

    Parameters
    ----------
    family : Family
    replace : bool, default False
        Take the place of a family of the same name that was registered before, as a notebook cell that is run
        again does.

    Raises
    ------
    IpvalueError
        If it is not a family, or its name or one of its columns is taken.

    Notes
    -----
    Engines that were fitted before do not use it: they keep the features that they learnt from. Workers of a batch
    are other processes: give them the family as an installed package with an entry point ``ipvalue.features``.

    Examples
    --------
    >>> import numpy as np
    >>> import ipvalue as ipv
    >>> even = Feature("even_filing_year", "0 or 1", 0.0, 1.0, 0, "whether the filing year is even", "an example")
    >>> def compute(context):
    ...     year = context.snapshot.patents["application_date"].astype("datetime64[Y]").astype(int) + 1970
    ...     return {"even_filing_year": (year % 2 == 0).astype(float)}
    >>> ipv.register_feature(Family("calendar_year", (even,), compute))
    >>> float(ipv.extract(ipv.synthetic_book(20, seed=1).as_of("2020-12-31"))["even_filing_year"].max())
    1.0
    >>> unregister_feature("calendar_year")
    """
    if not isinstance(family, Family):
        raise IpvalueError(f"register_feature takes a Family, not {family!r}")
    again = replace and family.name in _REGISTERED
    others = {name: other for name, other in families().items() if not (again and name == family.name)}
    _check_new(family, others, "this registration")
    _REGISTERED[family.name] = family
    families.cache_clear()


def unregister_feature(name: str) -> None:
    """Remove a family that :func:`register_feature` added."""
    _REGISTERED.pop(name, None)
    families.cache_clear()
