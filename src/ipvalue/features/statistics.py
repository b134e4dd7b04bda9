"""Counting the book-level statistics of a snapshot, in one piece or as the sum of its parts.

Each part (a shard) contributes counts and its citations by key range. Parts give the same statistics in any order,
so that a shard that is valued with the statistics of the book gets the same bits as in the book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ipvalue.features.citation_graph.map_shard import Report, reports_of
from ipvalue.features.citation_graph.measures import measure
from ipvalue.features.counts import counts_of
from ipvalue.records.keyed_counts import KeyedCounts
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.statistics import Statistics

__all__ = ["Part", "count", "merged_counts"]


@dataclass(frozen=True)
class Part:
    """What one part of a book contributes to the statistics of the book."""

    counts: dict[str, KeyedCounts]
    reports: Sequence[Report]

    @classmethod
    def of(cls, snapshot: Snapshot, ranges: int = 1) -> Part:
        """Count a part, and report its citations in some number of key ranges: the same number in all parts."""
        return cls(counts_of(snapshot), reports_of(snapshot, ranges))


def count(snapshot: Snapshot) -> Statistics:
    """Count the statistics of a snapshot that is a whole book.

    Call ``snapshot.statistics`` instead: it counts once, and a part of a snapshot inherits what was counted.
    """
    return from_parts([Part.of(snapshot)])


def from_parts(parts: Sequence[Part]) -> Statistics:
    """Add up the statistics of a book from its parts, in any order.

    Parameters
    ----------
    parts : sequence of Part

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
