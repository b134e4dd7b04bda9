"""Where the parts of a book meet: the reports of all parts on one range of codes, and the answers to them.

An answer is whole numbers and codes that follow from the set of all reports, not from their order or from how the
book is divided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ipvalue.features.citation_graph.disruption import citing_between, timed_keys
from ipvalue.features.citation_graph.edges import distinct, ranges
from ipvalue.features.citation_graph.map_shard import Answer, Report
from ipvalue.types import Ints, Ints32, Mask

__all__ = ["WINDOW_DAYS", "Reduced", "reduce_range"]


WINDOW_DAYS = 1826  # five years


class Reduced(NamedTuple):
    """Answers on one range, one a report, and the number of documents in the range."""

    documents: int
    answers: list[Answer]


def reduce_range(reports: Sequence[Report]) -> Reduced:
    """Answer the reports of all parts on one range.

    Parameters
    ----------
    reports : sequence of Report
        One a part, in any order.

    Returns
    -------
    Reduced
        Answers in the order of the reports.
    """
    document = distinct(np.concatenate([report.document for report in reports]))
    numbers = [np.searchsorted(document, report.document).astype(np.int32) for report in reports]
    counted = _counted(reports, numbers, len(document))
    cited = np.concatenate([n[r.cited[c]] for r, n, c in zip(reports, numbers, counted)])
    cites = np.bincount(cited, minlength=len(document)).astype(np.int32)
    key = timed_keys(cited, np.concatenate([r.day[c] for r, c in zip(reports, counted)]))
    order = np.argsort(key, kind="stable")
    citing = np.concatenate([r.citing[c] for r, c in zip(reports, counted)])[order]
    following = _following(reports, numbers, key[order], citing)
    answers = [
        Answer(cites[number], number, mine, *pairs, families)
        for number, mine, pairs, families in zip(numbers, counted, following, _citers(reports))
    ]
    return Reduced(len(document), answers)


def _counted(reports: Sequence[Report], numbers: Sequence[Ints32], documents: int) -> list[Mask]:
    """Citations that count, by report: the part of the cited patent has all of them; of other documents, the citing."""
    held = np.zeros(documents, bool)
    for report, number in zip(reports, numbers):
        held[number[report.row >= 0]] = True
    return [(report.row[report.cited] >= 0) | ~held[number[report.cited]] for report, number in zip(reports, numbers)]


def _following(
    reports: Sequence[Report], numbers: Sequence[Ints32], key: Ints, citing: Ints
) -> Iterator[tuple[Ints32, Ints]]:
    """Who cites what each patent cites, within five years after it: row of the patent, and that document."""
    for report, number in zip(reports, numbers):
        asked = number[report.asked]
        first = report.after.astype(np.int64) + 1
        low, high = citing_between(key, asked, first, first + WINDOW_DAYS)
        yield np.repeat(report.asking, high - low), citing[ranges(low, high - low)]


def _citers(reports: Sequence[Report]) -> Iterator[Ints32]:
    """Distinct documents that cite each family from outside."""
    family = distinct(np.concatenate([report.family for report in reports]))
    places = [np.searchsorted(family, report.family) for report in reports]
    owner = np.concatenate([place[report.member] for place, report in zip(places, reports)])
    citer = np.concatenate([report.citer for report in reports])
    order = np.lexsort((citer, owner))
    owner, citer = owner[order], citer[order]
    new = np.ones(len(owner), bool)
    new[1:] = (owner[1:] != owner[:-1]) | (citer[1:] != citer[:-1])
    counts = np.bincount(owner[new], minlength=len(family)).astype(np.int32)
    yield from (counts[place] for place in places)
