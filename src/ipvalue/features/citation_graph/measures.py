"""Measures of patents in the citation graph of a book: disruption, PageRank, h-index, family citations.

Nodes are documents, in the book or not. No shard holds all citations of what its patents cite. Shards exchange
citations by key range (:mod:`ipvalue.features.citation_graph.map_reduce`), and each computes the measures of its own
patents from the answers. All measures are counts and ratios of counts, so that they have the same bits however the book
is divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ipvalue.features.citation_graph.disruption import disruption_of
from ipvalue.features.citation_graph.edges import HALF, LOW
from ipvalue.features.citation_graph.map_reduce import WINDOW_DAYS, Answer, Reduced, Report, reduce_range
from ipvalue.features.citation_graph.page_rank import UNIT, Citations, ranks_at, ranks_of_cited
from ipvalue.records.statistics import CitationMeasures
from ipvalue.types import Floats, Ints, Ints32

__all__ = ["Block", "block_of", "first_numbers", "h_index", "measure", "measures_of_part"]


def measure(parts: Sequence[Sequence[Report]]) -> CitationMeasures:
    """Measure the patents of all parts of a book at once.

    Parameters
    ----------
    parts : sequence of sequence of Report
        By part and key range; the parts in any order.
    """
    ranges = [reduce_range(reports) for reports in zip(*parts)]
    answers = [[each.answers[k] for each in ranges] for k in range(len(parts))]
    first = first_numbers(ranges)
    blocks = [block_of(reports, found, first) for reports, found in zip(parts, answers)]
    citations = [block.citations for block in blocks]
    found = [
        measures_of_part(reports, each, ranks_at(block.patents, block.citations, ranks))
        for reports, each, block, ranks in zip(parts, answers, blocks, ranks_of_cited(citations, int(first[-1])))
    ]
    order = np.argsort(np.concatenate([each.document for each in found]), kind="stable")
    names = [f.name for f in fields(CitationMeasures)]
    return CitationMeasures(*(np.concatenate([getattr(each, name) for each in found])[order] for name in names))


@dataclass(frozen=True)
class Block:
    """A part's share of the graph, with node numbers that all parts share.

    Attributes
    ----------
    citations : Citations
        Those that are counted in this part.
    patents : ndarray of int32, shape (n,)
        The part's patents in the order of their codes.
    """

    citations: Citations
    patents: Ints32


def first_numbers(reduced: Sequence[Reduced]) -> Ints:
    """Number of the first document of each range, and of all documents."""
    return np.cumsum([0, *(reduced.documents for reduced in reduced)])


def block_of(reports: Sequence[Report], answers: Sequence[Answer], first: Ints) -> Block:
    """A part's citations and patents by node number."""
    number = np.concatenate([answer.number + start for answer, start in zip(answers, first)]).astype(np.int32)
    counted = [answer.counted.astype(bool) for answer in answers]
    cited = _joined([report.cited for report in reports], reports)
    place = np.concatenate([report.place for report in reports])
    mine = np.concatenate(counted)
    held = np.concatenate([report.row for report in reports]) >= 0
    return Block(Citations.of(number[place[mine]], number[cited[mine]]), number[held])


def measures_of_part(reports: Sequence[Report], answers: Sequence[Answer], ranks: Ints) -> CitationMeasures:
    """Measure the patents of one part from its reports and the answers to them.

    Parameters
    ----------
    answers : sequence of Answer
        One a report.
    ranks : ndarray of int64, shape (n,)
        Of the part's patents in the order of their codes, in units of 2**-31.
    """
    document = np.concatenate([report.document for report in reports])
    row = np.concatenate([report.row for report in reports])
    published = np.concatenate([report.published for report in reports])
    home = np.concatenate([report.home for report in reports])
    held = np.flatnonzero(row >= 0)
    order = np.empty(len(held), np.int64)  # of a row, the place among the patents by code
    order[row[held]] = np.arange(len(held))
    cited = _joined([report.cited for report in reports], reports)
    received = np.flatnonzero(row[cited] >= 0)
    owner = order[row[cited[received]]]
    place = np.concatenate([report.place for report in reports])[received]
    age = np.concatenate([report.day for report in reports])[received].astype(np.int64) - published[cited[received]]
    soon = (age > 0) & (age <= WINDOW_DAYS)
    asking = order[np.concatenate([answer.asking for answer in answers])]
    follower = np.concatenate([answer.follower for answer in answers])
    disruption = disruption_of(len(held), (owner[soon], document[place[soon]]), (asking, follower))
    cites = np.concatenate([answer.cites for answer in answers]).astype(np.int64)
    return CitationMeasures(
        document[held],
        disruption,
        ranks / UNIT,
        h_index(owner, cites[place], len(held)),
        _family_citations(reports, answers, home[held], np.bincount(owner, minlength=len(held))),
    )


def _joined(positions: Sequence[Ints32], reports: Sequence[Report]) -> Ints:
    """Positions within each report as positions among the documents of all."""
    starts = np.cumsum([0, *(len(report.document) for report in reports)])
    return np.concatenate([each.astype(np.int64) + start for each, start in zip(positions, starts)])


def _family_citations(reports: Sequence[Report], answers: Sequence[Answer], home: Ints, received: Ints) -> Floats:
    """Documents outside the family that cite it; a patent without a family counts as its own family."""
    family = np.concatenate([report.family for report in reports])
    counts = np.append(np.concatenate([answer.families for answer in answers]), 0)
    return np.where(home == 0, received, counts[np.searchsorted(family, home) * (home != 0)]).astype(np.float64)


def h_index(owner: Ints, cites: Ints, n: int) -> Floats:
    """Largest h such that h of the documents that cite a patent are themselves cited at least h times.

    Parameters
    ----------
    owner : ndarray of int64, shape (m,)
        The cited patent of each citation.
    cites : ndarray of int64, shape (m,)
        How often the citing document is itself cited.
    n : int
        Number of patents.

    References
    ----------
    Schubert (2009), Scientometrics 78: the h-index of a single publication.

    Examples
    --------
    >>> h_index(np.array([0, 0, 1]), np.array([2, 2, 0]), 2).tolist()
    [2.0, 0.0]
    """
    many = np.bincount(owner, minlength=n)
    key = np.sort((owner << HALF) | (LOW - cites))
    rank = np.arange(len(key)) - np.repeat(np.cumsum(many) - many, many) + 1
    counted = LOW - (key & LOW) >= rank
    return np.bincount(key[counted] >> HALF, minlength=n).astype(np.float64)
