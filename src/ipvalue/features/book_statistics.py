"""Counting the book-level statistics of a snapshot, in one piece or as the sum of its parts.

Each part (a shard) contributes counts and its citations by key range. Parts give the same statistics in any order,
so that a shard that is valued with the statistics of the book gets the same bits as in the book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ipvalue.features.citation_graph.map_reduce import Report, reports_of
from ipvalue.features.citation_graph.measures import measure
from ipvalue.features.citation_indicators import citation_lag_years, log_indicators, publication, quality_components
from ipvalue.features.grant_decisions import decision_counts
from ipvalue.features.hazard import group_of, renewal_counts
from ipvalue.features.legal import legal_facts
from ipvalue.law.dates import add_months
from ipvalue.law.fee_position import counted_from_grant
from ipvalue.law.states import DEAD, ENFORCEABLE, State
from ipvalue.records.cohorts import KeyedCounts, cohort_key, cohort_of
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.statistics import CITED_YEARS, Statistics
from ipvalue.types import Ints

__all__ = ["COUNTED", "FACTOR_SLOTS", "Part", "count", "counts_of", "merged_counts", "owner_field_key"]

COUNTED: dict[str, tuple[str, ...] | None] = {
    "patents": None,
    "citations": ("citing_id", "cited_id", "citing_date", "citing_family", "citing_ipc", "cited_date"),
    "claims": ("patent_id", "claim_number", "publication_date", "independent", "length"),
    "family_members": ("family_id", "jurisdiction", "publication_date"),
    "legal_events": None,
}
"""Tables, and columns of them (None for all), that the statistics of a book are counted from."""

FACTOR_SLOTS = 8
# a Chinese lapse is gazetted 12 to 14 months after the day from which it counts (law/tables/fee_rules.csv), and
# 98 % of the real ones of 2004 to 2017 were within 18 (tests/law/test_real_histories.py)
_MONTHS_UNSEEN = 18


def _forward_citations(snapshot: Snapshot) -> KeyedCounts:
    """Patents by technology field, filing year and number of forward citations."""
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    return KeyedCounts.of(cohort_key(cohort, snapshot.citations_received.counts))


def _cohort_size(snapshot: Snapshot) -> KeyedCounts:
    """Patents by technology field and filing year."""
    return KeyedCounts.of(cohort_of(snapshot.field, snapshot.patents["application_date"]))


def _portfolio(snapshot: Snapshot) -> KeyedCounts:
    """Patents by first owner, the unknown owner (0) left out."""
    return KeyedCounts.of(snapshot.owner[snapshot.owner != 0])


def owner_field_key(owner: Ints, field: npt.NDArray[np.integer]) -> Ints:
    """Key of an owner in a technology field: the owner's hash plus the field (it may wrap around)."""
    return np.asarray(owner * np.int64(64) + field, np.int64)


def _owner_field(snapshot: Snapshot) -> KeyedCounts:
    """Patents by first owner and technology field."""
    known = snapshot.owner != 0
    return KeyedCounts.of(owner_field_key(snapshot.owner[known], snapshot.field[known]))


def _citation_ages(snapshot: Snapshot) -> KeyedCounts:
    """Citations by technology field and age of the patent in full years."""
    field = snapshot.field[snapshot.citations_received.patent].astype(np.int64)
    age = np.minimum(citation_lag_years(snapshot).astype(np.int64), CITED_YEARS)
    return KeyedCounts.of(field * (CITED_YEARS + 1) + age)


def _observed_ages(snapshot: Snapshot) -> KeyedCounts:
    """Patents by technology field and full years since publication."""
    days = (snapshot.date - publication(snapshot)) / np.timedelta64(1, "D")
    age = np.clip((days / 365.25).astype(np.int64), 0, CITED_YEARS)
    return KeyedCounts.of(snapshot.field.astype(np.int64) * (CITED_YEARS + 1) + age)


def _quality(snapshot: Snapshot) -> dict[str, KeyedCounts]:
    """Patents by cohort and each component of the quality indices, and the moments of the common factor."""
    components = quality_components(snapshot)
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    by_component = {
        f"quality_{name}": KeyedCounts.of(cohort_key(cohort[values >= 0], values[values >= 0]))
        for name, values in components.items()
    }
    rows = log_indicators(components)
    known = rows[:, 0] >= 0
    return by_component | {"factor": _moments(rows[known], cohort[known])}


def _moments(rows: Ints, cohort: Ints) -> KeyedCounts:
    """Sums of indicators by cohort (and their number), and sums of their products under keys of -1 and below."""
    k = rows.shape[1]
    sums = [KeyedCounts.of(cohort * FACTOR_SLOTS + i, rows[:, i]) for i in range(k)]
    size = KeyedCounts.of(cohort * FACTOR_SLOTS + k)
    cross = (rows.T @ rows)[np.triu_indices(k)]
    return KeyedCounts.merge([*sums, size, KeyedCounts.of(-1 - np.arange(len(cross)), cross)])


def counts_of(snapshot: Snapshot) -> dict[str, KeyedCounts]:
    """Counts of one part for the statistics of the book, by name."""
    return {
        "forward_citations": _forward_citations(snapshot),
        "cohort_size": _cohort_size(snapshot),
        "portfolio": _portfolio(snapshot),
        "owner_field": _owner_field(snapshot),
        "citation_ages": _citation_ages(snapshot),
        **_quality(snapshot),
        "observed_ages": _observed_ages(snapshot),
        "renewals": _renewals(snapshot),
        "decisions": _decisions(snapshot),
    }


def _renewals(snapshot: Snapshot) -> KeyedCounts:
    """Years at risk and lapses of granted rights by office, right and age, as far as lapses are known by now."""
    patents, legal = snapshot.patents, legal_facts(snapshot)
    state, since = legal.status.state, legal.status.since
    from_grant = counted_from_grant(patents["jurisdiction"], patents["right"])
    lapsed = np.isin(state, (State.LAPSED, State.SURRENDERED))
    never = np.datetime64("NaT", "D")
    other_end = np.where(DEAD[state] & ~lapsed, since, never)
    return renewal_counts(
        group_of(patents["jurisdiction"], patents["right"], from_grant),
        np.where(from_grant, patents["grant_date"], patents["application_date"]),
        patents["grant_date"],
        np.where(lapsed, since, never),
        np.fmin(np.fmin(legal.end, other_end), add_months(np.asarray(snapshot.date), -_MONTHS_UNSEEN)),
    )


def _decisions(snapshot: Snapshot) -> KeyedCounts:
    """Granted, and refused or withdrawn applications by office and right."""
    patents, state = snapshot.patents, legal_facts(snapshot).status.state
    # an expiry without a grant date is not evidence of a grant: pending applications expire by the calendar too
    died = DEAD[state] & (state < State.WITHDRAWN) & (state != State.EXPIRED)
    granted = ~np.isnat(patents["grant_date"]) | ENFORCEABLE[state] | died
    refused = ~granted & np.isin(state, (State.WITHDRAWN, State.REFUSED))
    return decision_counts(group_of(patents["jurisdiction"], patents["right"]), granted, refused)


@dataclass(frozen=True)
class Part:
    """Contribution of one part (a shard) to the statistics of the book."""

    counts: dict[str, KeyedCounts]
    reports: Sequence[Report]

    @classmethod
    def of(cls, snapshot: Snapshot, ranges: int = 1) -> Part:
        """Count a part, and report its citations in some number of key ranges: the same number in all parts."""
        return cls(counts_of(snapshot), reports_of(snapshot, ranges))


def count(snapshot: Snapshot) -> Statistics:
    """Count the statistics of the snapshot of a book.

    Use ``snapshot.statistics`` instead: it caches the result, and parts of the snapshot inherit it.
    """
    return from_parts([Part.of(snapshot)])


def from_parts(parts: Sequence[Part]) -> Statistics:
    """Add up the statistics of a book from its parts, in any order.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> snapshot = ipv.synthetic_book(40, seed=1).as_of("2024-12-31")
    >>> halves = [Part.of(snapshot.select(slice(k, None, 2))) for k in (1, 0)]
    >>> int(from_parts(halves).counts["cohort_size"].count.sum())
    40
    """
    return Statistics(merged_counts([part.counts for part in parts]), measure([part.reports for part in parts]))


def merged_counts(parts: Sequence[Mapping[str, KeyedCounts]]) -> dict[str, KeyedCounts]:
    """Add up the counts of all parts."""
    return {name: KeyedCounts.merge(part[name] for part in parts) for name in parts[0]}
