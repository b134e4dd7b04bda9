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

from ipvalue.features.cohort import Cohorts, cohort_key, cohort_of
from ipvalue.features.grant import decision_tally
from ipvalue.features.hazard import group_of, renewal_tally
from ipvalue.features.legal import legal_facts
from ipvalue.features.measures import citation_lag_years, log_indicators, publication, quality_components
from ipvalue.features.network import Edges, network_columns
from ipvalue.features.tally import Tally
from ipvalue.law.dates import add_months
from ipvalue.law.fee_position import counted_from_grant
from ipvalue.law.states import DEAD, ENFORCEABLE, State
from ipvalue.records.columns import Columns
from ipvalue.records.snapshot import Snapshot

__all__ = ["FACTOR_SLOTS", "Part", "Whole", "owner_field_key"]

Ints = npt.NDArray[np.int64]

FACTOR_SLOTS = 8
_CITED_YEARS = 20
_RATE_PRIOR = 50.0
# a Chinese lapse is gazetted 12 to 14 months after the day from which it counts (law/tables/fee_rules.csv), and
# 98 % of the real ones of 2004 to 2017 were within 18 (tests/law/test_real_histories.py)
_MONTHS_UNSEEN = 18


def _forward_citations(snapshot: Snapshot) -> Tally:
    """Patents by technology field, filing year and number of forward citations."""
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    return Tally.of(cohort_key(cohort, snapshot.citations_received.counts))


def _cohort_size(snapshot: Snapshot) -> Tally:
    """Patents by technology field and filing year."""
    return Tally.of(cohort_of(snapshot.field, snapshot.patents["application_date"]))


def _portfolio(snapshot: Snapshot) -> Tally:
    """Patents by first owner, the unknown owner (0) left out."""
    return Tally.of(snapshot.owner[snapshot.owner != 0])


def owner_field_key(owner: npt.NDArray[np.int64], field: npt.NDArray[np.integer]) -> Ints:
    """Key of an owner in a technology field: the owner's hash, moved on by the field (it may wrap around)."""
    return np.asarray(owner * np.int64(64) + field, np.int64)


def _owner_field(snapshot: Snapshot) -> Tally:
    """Patents by first owner and technology field."""
    known = snapshot.owner != 0
    return Tally.of(owner_field_key(snapshot.owner[known], snapshot.field[known]))


def _citation_ages(snapshot: Snapshot) -> Tally:
    """Citations by technology field and age of the patent in full years."""
    field = snapshot.field[snapshot.citations_received.patent].astype(np.int64)
    age = np.minimum(citation_lag_years(snapshot).astype(np.int64), _CITED_YEARS)
    return Tally.of(field * (_CITED_YEARS + 1) + age)


def _observed_ages(snapshot: Snapshot) -> Tally:
    """Patents by technology field and full years since publication."""
    days = (snapshot.date - publication(snapshot)) / np.timedelta64(1, "D")
    age = np.clip((days / 365.25).astype(np.int64), 0, _CITED_YEARS)
    return Tally.of(snapshot.field.astype(np.int64) * (_CITED_YEARS + 1) + age)


def _quality(snapshot: Snapshot) -> dict[str, Tally]:
    """Patents by cohort and each component of the quality indices, and the moments of the common factor."""
    components = quality_components(snapshot)
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    tallies = {
        f"quality_{name}": Tally.of(cohort_key(cohort[values >= 0], values[values >= 0]))
        for name, values in components.items()
    }
    rows = log_indicators(components)
    known = rows[:, 0] >= 0
    return tallies | {"factor": _moments(rows[known], cohort[known])}


def _moments(rows: Ints, cohort: Ints) -> Tally:
    """Sums of indicators by cohort (and their number), and sums of their products under keys of -1 and below."""
    k = rows.shape[1]
    sums = [Tally.of(cohort * FACTOR_SLOTS + i, rows[:, i]) for i in range(k)]
    size = Tally.of(cohort * FACTOR_SLOTS + k)
    cross = (rows.T @ rows)[np.triu_indices(k)]
    return Tally.merge([*sums, size, Tally.of(-1 - np.arange(len(cross)), cross)])


def _tallies(snapshot: Snapshot) -> dict[str, Tally]:
    return {
        "forward_citations": _forward_citations(snapshot),
        "cohort_size": _cohort_size(snapshot),
        "portfolio": _portfolio(snapshot),
        "owner_field": _owner_field(snapshot),
        "citation_ages": _citation_ages(snapshot),
        "observed_ages": _observed_ages(snapshot),
        "renewals": _renewals(snapshot),
        "decisions": _decisions(snapshot),
        **_quality(snapshot),
    }


def _renewals(snapshot: Snapshot) -> Tally:
    """Years at risk and lapses of granted rights by office, right and age, as far as lapses are known by now."""
    patents, legal = snapshot.patents, legal_facts(snapshot)
    state, since = legal.status.state, legal.status.since
    from_grant = counted_from_grant(patents["jurisdiction"], patents["right"])
    lapsed = np.isin(state, (State.LAPSED, State.SURRENDERED))
    never = np.datetime64("NaT", "D")
    other_end = np.where(DEAD[state] & ~lapsed, since, never)
    return renewal_tally(
        group_of(patents["jurisdiction"], patents["right"], from_grant),
        np.where(from_grant, patents["grant_date"], patents["application_date"]),
        patents["grant_date"],
        np.where(lapsed, since, never),
        np.fmin(np.fmin(legal.end, other_end), add_months(np.asarray(snapshot.date), -_MONTHS_UNSEEN)),
    )


def _decisions(snapshot: Snapshot) -> Tally:
    """Granted, and refused or withdrawn applications by office and right."""
    patents, state = snapshot.patents, legal_facts(snapshot).status.state
    granted = ~np.isnat(patents["grant_date"]) | ENFORCEABLE[state] | (DEAD[state] & (state < State.WITHDRAWN))
    refused = ~granted & np.isin(state, (State.WITHDRAWN, State.REFUSED))
    return decision_tally(group_of(patents["jurisdiction"], patents["right"]), granted, refused)


@dataclass(frozen=True)
class Part:
    """What one part of a book contributes to the whole."""

    tallies: dict[str, Tally]
    edges: Edges

    @classmethod
    def of(cls, snapshot: Snapshot) -> Part:
        """Count a part."""
        return cls(_tallies(snapshot), Edges.of(snapshot))

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
        keys = np.arange(36)[:, None] * (_CITED_YEARS + 1) + np.arange(_CITED_YEARS + 1)[None, :]
        cited = self.tallies["citation_ages"].at(keys)[:, :_CITED_YEARS].astype(np.float64)
        observed = self.tallies["observed_ages"].at(keys)
        # a patent of age a has been seen in the years 0 to a - 1 whole, and in year a in part: half on average
        whole = observed[:, ::-1].cumsum(axis=1)[:, ::-1]
        at_risk = whole[:, 1:] + 0.5 * observed[:, :_CITED_YEARS]
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
