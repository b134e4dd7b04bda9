"""The contract of a feature family: what each column means, and the function that computes them.

A family is one file: a tuple of :class:`Feature` and a pure function of a :class:`Context`. An outside
package adds a family by an entry point of the group ``ipvalue.features`` that names a :class:`Family`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.errors import IpvalueError
from ipvalue.features.legal import LegalFacts, legal_facts
from ipvalue.features.statistics import Whole
from ipvalue.types import Array, Columns, Floats, Mask, Objects

if TYPE_CHECKING:
    from ipvalue.records.snapshot import Snapshot

__all__ = ["Context", "Family", "Feature", "Features", "families"]

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
    """

    name: str
    unit: str
    lower: float
    upper: float
    direction: int
    definition: str
    source: str
    missing: str = ""


@dataclass(frozen=True)
class Family:
    """A feature family: its columns, the function that computes them, and what that function reads.

    Parameters
    ----------
    name : str
    features : tuple of Feature
    compute : callable
    reads : tuple of str, optional
        Statistics of the whole book that it reads: names of tallies, and ``"graph"``; all by default. It is shown no
        others, so that columns can be kept for as long as these stay the same.
    after : tuple of str, optional
        Families whose columns it takes; all that stand before it by default.
    tables : tuple of str, optional
        Tables that it reads beside ``patents``; all by default.
    without : mapping of str to tuple of str, optional
        By table, the features that are unknown in a book that lacks it: that a book has no citations at all is not to
        say that nobody cites its patents. By default what the family computes stands.
    dated : bool, default True
        Whether its columns depend on the date apart from what is known by then. Those that don't stay the same until
        something new is known.
    """

    name: str
    features: tuple[Feature, ...]
    compute: Callable[[Context], Columns]
    reads: tuple[str, ...] | None = None
    after: tuple[str, ...] | None = None
    tables: tuple[str, ...] | None = None
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dated: bool = True

    def missing(self, feature: Feature) -> str:
        """What NaN means in one of its columns; empty where it is never missing."""
        lacking = [f"the book has no {table}" for table, names in self.without.items() if feature.name in names]
        return "; ".join(filter(None, [feature.missing, *lacking]))


@dataclass(frozen=True)
class Context:
    """What a family computes from: a snapshot, the whole book that it belongs to, and the legal facts.

    Attributes
    ----------
    snapshot : Snapshot
    whole : Whole
        Of the whole book on the snapshot's date, also where the snapshot is a part of it.
    earlier : dict of str to ndarray
        Columns of the families that stand before this one.
    """

    snapshot: Snapshot
    whole: Whole
    earlier: Columns = field(default_factory=dict)

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
            raise IpvalueError(f"the entry point {point.name!r} = {point.value!r} names no ipvalue Family")
        taken = {feature.name for other in found.values() for feature in other.features}
        twice = [family.name] if family.name in found else [f.name for f in family.features if f.name in taken]
        if twice:
            raise IpvalueError(f"the entry point {point.name!r} brings a second {twice[0]!r}")
        found[family.name] = family
    return found
