"""What no part of a book can tell from itself: cohorts, portfolios, fields, hazards, and the citation graph.

A part contributes tallies (exact counts) and its citation edges; parts merge in any order to the same whole.
A shard is then valued alone, with the whole beside it, and gets the same bits as in the whole book.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ipvalue.features.cohort import Cohorts
from ipvalue.features.counts import CITED_YEARS, tallies
from ipvalue.features.network import Edges, network_columns
from ipvalue.features.tally import Tally
from ipvalue.records.columns import Columns
from ipvalue.records.snapshot import Snapshot

__all__ = ["Part", "Whole"]

Ints = npt.NDArray[np.int64]

_RATE_PRIOR = 50.0


@dataclass(frozen=True)
class Part:
    """What one part of a book contributes to the whole."""

    tallies: dict[str, Tally]
    edges: Edges

    @classmethod
    def of(cls, snapshot: Snapshot) -> Part:
        """Count a part."""
        return cls(tallies(snapshot), Edges.of(snapshot))

    @classmethod
    def merge(cls, parts: Iterable[Part]) -> Part:
        """Add up disjoint parts.

        Examples
        --------
        >>> import ipvalue as ipv
        >>> snapshot = ipv.synthetic_book(40, seed=1).as_of("2024-12-31")
        >>> halves = [Part.of(snapshot.select(slice(k, None, 2))) for k in (1, 0)]
        >>> int(Part.merge(halves).tallies["cohort_size"].count.sum())
        40
        """
        parts = list(parts)
        tallies = {name: Tally.merge(p.tallies[name] for p in parts) for name in parts[0].tallies}
        return cls(tallies, Edges.merge(p.edges for p in parts))


@dataclass(frozen=True)
class Whole:
    """Statistics of a whole book on one date.

    Attributes
    ----------
    tallies : dict of str to Tally
    network : dict of str to ndarray
        Measures of the citation graph, one element a patent of the book, by ``document``.
    """

    tallies: dict[str, Tally]
    network: Columns

    @classmethod
    def of(cls, snapshot: Snapshot) -> Whole:
        """Take a snapshot for the whole book."""
        return cls.from_parts([Part.of(snapshot)])

    @classmethod
    def from_parts(cls, parts: Iterable[Part]) -> Whole:
        """Put the whole together of its parts."""
        merged = Part.merge(parts)
        return cls(merged.tallies, network_columns(merged.edges))

    def distribution(self, name: str) -> Cohorts:
        """Patents by field, filing year and a component of the quality indices."""
        return Cohorts.from_tally(self.tallies[f"quality_{name}"])

    def of_patents(self, name: str, document: Ints) -> npt.NDArray[np.float64]:
        """Look a measure of the citation graph up; NaN for a patent that the whole does not hold."""
        known, values = self.network["document"], self.network[name]
        if not len(known):
            return np.full(len(document), np.nan)
        place = np.minimum(np.searchsorted(known, document), len(known) - 1)
        return np.where(known[place] == document, values[place], np.nan)

    @cached_property
    def cohorts(self) -> Cohorts:
        """Patents by field, filing year and forward citations."""
        return Cohorts.from_tally(self.tallies["forward_citations"])

    @cached_property
    def citation_rates(self) -> npt.NDArray[np.float64]:
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

    def columns(self) -> dict[str, Columns]:
        """Everything as named tables of arrays, to be kept on disk."""
        tables: dict[str, Columns] = {name: {"key": t.key, "count": t.count} for name, t in self.tallies.items()}
        return tables | {"network": self.network}

    @classmethod
    def from_columns(cls, tables: dict[str, Columns]) -> Whole:
        """Read what :meth:`columns` gave."""
        tallies = {name: Tally(tables[name]["key"], tables[name]["count"]) for name in tables.keys() - {"network"}}
        return cls(tallies, tables["network"])
