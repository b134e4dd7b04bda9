"""What no part of a book can tell from itself: cohorts, portfolios, fields, hazards, and the citation graph.

A part contributes tallies (exact counts) and its citation edges; parts make the same whole in any order.
A shard is then valued alone, with the whole beside it, and gets the same bits as in the whole book.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ipvalue.errors import IpvalueError
from ipvalue.features.citation_graph.map_shard import Report, reports_of
from ipvalue.features.citation_graph.measures import Standing
from ipvalue.features.cohort import Cohorts
from ipvalue.features.counts import CITED_YEARS, dated_tallies, tallies
from ipvalue.features.tally import Tally
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Floats

__all__ = ["Part", "Whole", "digest_of", "merged_tallies"]


_RATE_PRIOR = 50.0


@dataclass(frozen=True)
class Part:
    """What one part of a book contributes to the whole."""

    tallies: dict[str, Tally]
    reports: Sequence[Report]

    @classmethod
    def of(cls, snapshot: Snapshot, ranges: int = 1) -> Part:
        """Count a part, and report its citations in so many ranges: the same number in all parts."""
        return cls(tallies(snapshot) | dated_tallies(snapshot), reports_of(snapshot, ranges))


@dataclass(frozen=True)
class Whole:
    """Statistics of a whole book on one date.

    Attributes
    ----------
    tallies : dict of str to Tally
    graph : Standing
        The standing of patents in the citation graph; beside a shard, of the shard's patents.
    """

    tallies: dict[str, Tally]
    graph: Standing

    @classmethod
    def of(cls, snapshot: Snapshot) -> Whole:
        """Take a snapshot for the whole book."""
        return cls.from_parts([Part.of(snapshot)])

    @classmethod
    def from_parts(cls, parts: Sequence[Part]) -> Whole:
        """Put the whole together of its parts, in any order.

        Parameters
        ----------
        parts : sequence of Part

        Examples
        --------
        >>> import ipvalue as ipv
        >>> snapshot = ipv.synthetic_book(40, seed=1).as_of("2024-12-31")
        >>> halves = [Part.of(snapshot.select(slice(k, None, 2))) for k in (1, 0)]
        >>> int(Whole.from_parts(halves).tallies["cohort_size"].count.sum())
        40
        """
        return cls(merged_tallies([part.tallies for part in parts]), Standing.of([part.reports for part in parts]))

    def only(self, names: Iterable[str] | None) -> Whole:
        """Show some statistics and no others: names of tallies, and ``"graph"``; all for None.

        Raises
        ------
        IpvalueError
            Later, when another one is read.
        """
        if names is None:
            return self
        chosen = set(names)
        shown = _Shown({name: self.tallies[name] for name in chosen - {"graph"}})
        return Whole(shown, self.graph if "graph" in chosen else cast(Standing, _Hidden()))

    def digests(self) -> dict[str, str]:
        """SHA-256 of each tally and of the graph, by the names of :meth:`only`."""
        found = {name: digest_of(tally.key, tally.count) for name, tally in self.tallies.items()}
        return found | {"graph": digest_of(*(getattr(self.graph, field.name) for field in fields(Standing)))}

    def distribution(self, name: str) -> Cohorts:
        """Patents by field, filing year and a component of the quality indices."""
        return Cohorts.from_tally(self.tallies[f"quality_{name}"])

    @cached_property
    def cohorts(self) -> Cohorts:
        """Patents by field, filing year and forward citations."""
        return Cohorts.from_tally(self.tallies["forward_citations"])

    @cached_property
    def citation_rates(self) -> Floats:
        """Citations a patent and year of age, by technology field: shape (36, 20).

        Patents that have lived through the whole of the year of age are at risk in it; the rates of a field
        lean on those of all fields by the weight of 50 patents.
        """
        keys = np.arange(36)[:, None] * (CITED_YEARS + 1) + np.arange(CITED_YEARS + 1)[None, :]
        cited = self.tallies["citation_ages"].at(keys)[:, :CITED_YEARS].astype(np.float64)
        observed = self.tallies["observed_ages"].at(keys)
        # a patent of age a has been seen in the years 0 to a - 1 whole, and in year a in part: half on average
        whole = observed[:, ::-1].cumsum(axis=1)[:, ::-1]
        at_risk = whole[:, 1:] + 0.5 * observed[:, :CITED_YEARS]
        pooled = (cited.sum(axis=0) + 1e-9) / (at_risk.sum(axis=0) + 1e-9)
        rates = (cited + _RATE_PRIOR * pooled) / (at_risk + _RATE_PRIOR)
        return np.asarray(rates, np.float64)


class _Shown(dict[str, Tally]):
    """Tallies that a family has named."""

    def __missing__(self, name: str) -> Tally:
        raise IpvalueError(f"the feature family reads the tally {name!r} without naming it in its 'reads'")


class _Hidden:
    """Stands for a graph that a family has not named."""

    def __getattr__(self, name: str) -> Any:
        raise IpvalueError("the feature family reads the citation graph without naming 'graph' in its 'reads'")


def merged_tallies(parts: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    """Add up the tallies of all parts."""
    return {name: Tally.merge(part[name] for part in parts) for name in parts[0]}


def digest_of(*arrays: npt.NDArray[Any]) -> str:
    """SHA-256 of arrays, their types and shapes included."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
