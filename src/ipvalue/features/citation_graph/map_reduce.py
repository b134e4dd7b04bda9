"""The citation graph over several shards: each shard reports by key range (map), each range answers them (reduce).

Keys are 64-bit hashes of documents and families, so that ranges of equal width hold about as many documents each, and
every range is small however large the book is. A shard reports what it knows of a range (:class:`Report`). The reports
of all shards on one range are joined, and each shard gets an :class:`Answer`. Answers are whole numbers that follow
from the set of all reports. They depend neither on the order of the reports nor on how the book is divided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.features.citation_graph.disruption import citing_between, timed_keys
from ipvalue.features.citation_graph.edges import distinct, ranges
from ipvalue.features.citation_indicators import publication
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Dates, Ints, Ints32, Mask

__all__ = ["Answer", "Reduced", "Report", "WINDOW_DAYS", "range_bounds", "reduce_range", "reports_of"]


class Report(NamedTuple):
    """What one part knows of the documents and families in one key range.

    Attributes
    ----------
    document : ndarray of int64, shape (k,)
        Codes of all documents that the part knows in the range, ascending.
    row : ndarray of int32, shape (k,)
        Which patent of the part each is; -1 for none.
    published : ndarray of int32, shape (k,)
        Publication of those that are patents, days since 1970; 0 for others.
    home : ndarray of int64, shape (k,)
        Code of the family of those that are patents; 0 for none, and for others.
    cited, citing, place, day : ndarray, shape (m,)
        Citations, in the order of the cited document: its position in ``document``; the code of the citing document;
        its position among the documents of all reports of the part; and its day.
    asked, asking : ndarray of int32, shape (q,)
        What the part's patents cite: position in ``document``, and the patent's row.
    after : ndarray of int32, shape (q,)
        Publication of that patent; the answer lists the later citations of the document.
    family : ndarray of int64, shape (f,)
        Codes of the families of the part's patents, ascending.
    member, citer : ndarray of int32 and int64, shape (c,)
        Documents outside the family that cite a patent of it: position in ``family``, and the citing document.
    """

    document: Ints
    row: Ints32
    published: Ints32
    home: Ints
    cited: Ints32
    citing: Ints
    place: Ints32
    day: Ints32
    asked: Ints32
    asking: Ints32
    after: Ints32
    family: Ints
    member: Ints32
    citer: Ints


class Answer(NamedTuple):
    """What all parts together know of one range, as the answer to one report.

    Attributes
    ----------
    cites : ndarray of int32, shape (k,)
        How many documents cite each of the report's documents.
    number : ndarray of int32, shape (k,)
        Position of each among all documents of the range.
    counted : ndarray of bool, shape (m,)
        Whether a citation counts for this report: a citation that two parts report counts once.
    asking, follower : ndarray of int32 and int64, shape (p,)
        Row of a patent, and a document that cites what the patent cites, within five years of it.
    families : ndarray of int32, shape (f,)
        Documents that cite each of the report's families from outside.
    """

    cites: Ints32
    number: Ints32
    counted: Mask
    asking: Ints32
    follower: Ints
    families: Ints32


def range_bounds(count: int) -> Ints:
    """Lowest key of each range except the first, ascending.

    Examples
    --------
    >>> range_bounds(2).tolist()
    [0]
    """
    return np.array([-(2**63) + k * 2**64 // count for k in range(1, count)], np.int64)


def reports_of(snapshot: Snapshot, count: int = 1) -> list[Report]:
    """Report the citations and families of a snapshot's patents.

    Parameters
    ----------
    count : int, default 1
        Number of ranges.

    Returns
    -------
    list of Report
        One a range.
    """
    citing, cited, day = _citations(snapshot)
    patent = snapshot.patents["document"]
    document = distinct(np.concatenate([patent, citing, cited]))
    row = np.full(len(document), -1, np.int32)
    mine = np.searchsorted(document, patent)
    row[mine] = np.arange(len(patent), dtype=np.int32)
    published, home = np.zeros(len(document), np.int32), np.zeros(len(document), np.int64)
    days = _days(publication(snapshot))
    published[mine], home[mine] = days, snapshot.patents["family"]
    target = np.searchsorted(document, cited)
    order = np.argsort(target, kind="stable")
    target, citing, day = target[order], citing[order], day[order]
    place = np.searchsorted(document, citing).astype(np.int32)
    asks = np.flatnonzero(row[place] >= 0)
    asking = row[place[asks]]
    family, member, citer = _families(snapshot)
    everything = Report(
        document, row, published, home,
        _short(target), citing, place, day,
        _short(target[asks]), asking, days[asking],
        family, _short(member), citer,
    )  # fmt: skip
    return _divided(everything, range_bounds(count))


def _divided(report: Report, bounds: Ints) -> list[Report]:
    """Split a report on all keys into one report a range."""
    documents = np.searchsorted(report.document, bounds)
    families = np.searchsorted(report.family, bounds)
    cuts = zip(
        _slices(documents, len(report.document)),
        _slices(np.searchsorted(report.cited, documents), len(report.cited)),
        _slices(np.searchsorted(report.asked, documents), len(report.asked)),
        _slices(families, len(report.family)),
        _slices(np.searchsorted(report.member, families), len(report.member)),
    )
    return [
        Report(
            document=report.document[d],
            row=report.row[d],
            published=report.published[d],
            home=report.home[d],
            cited=_short(report.cited[c] - d.start),
            citing=report.citing[c],
            place=report.place[c],
            day=report.day[c],
            asked=_short(report.asked[a] - d.start),
            asking=report.asking[a],
            after=report.after[a],
            family=report.family[f],
            member=_short(report.member[m] - f.start),
            citer=report.citer[m],
        )
        for d, c, a, f, m in cuts
    ]


def _citations(snapshot: Snapshot) -> tuple[Ints, Ints, Ints32]:
    """Citations of and by the patents, each once: those from one of them to another are among the received."""
    received, made = snapshot.citations_received, snapshot.citations_made
    patent, away = snapshot.patents["document"], np.flatnonzero(made["cited"] < 0)
    citing = np.concatenate([received["document"], patent[made.patent[away]]])
    cited = np.concatenate([patent[received.patent], made["cited_document"][away]])
    day = np.concatenate([_days(received["date"]), _days(made["date"][away])])
    apart = citing != cited
    return citing[apart], cited[apart], day[apart]


def _families(snapshot: Snapshot) -> tuple[Ints, Ints, Ints]:
    """Families of the patents, and the documents outside them that cite them: position of the family, document."""
    received, home = snapshot.citations_received, snapshot.patents["family"]
    family = distinct(home[home != 0])
    cited = home[received.patent]
    outside = np.flatnonzero((cited != 0) & (cited != received["family"]))
    member = np.searchsorted(family, cited[outside])
    order = np.argsort(member, kind="stable")
    return family, member[order], received["document"][outside][order]


def _slices(bounds: Ints, end: int) -> list[slice]:
    return [slice(low, high) for low, high in pairwise([0, *bounds.tolist(), end])]


def _days(dates: Dates) -> Ints32:
    return dates.astype("datetime64[D]").astype(np.int64).astype(np.int32)


def _short(values: npt.NDArray[np.integer]) -> Ints32:
    return values.astype(np.int32)


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
    """Mask of the citations that count for each report: those of its own patents, and of documents outside the book."""
    held = np.zeros(documents, bool)
    for report, number in zip(reports, numbers):
        held[number[report.row >= 0]] = True
    return [(report.row[report.cited] >= 0) | ~held[number[report.cited]] for report, number in zip(reports, numbers)]


def _following(
    reports: Sequence[Report], numbers: Sequence[Ints32], key: Ints, citing: Ints
) -> Iterator[tuple[Ints32, Ints]]:
    """Documents that cite a reference of a patent within five years after it: row of the patent, and the document."""
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
