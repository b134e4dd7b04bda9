"""The citation graph of a whole book: disruption, centrality and h-index of each patent in it.

Nodes are documents, in the book or not. Everything follows from the set of edges and the documents' dates: parts of
a book that merge to the same edges give the same graph, and a patent's measures are the same bits whichever patents
they are asked for with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ipvalue.features.disruption import HALF, LOW, Links, disruption_index, windows
from ipvalue.features.graph_edges import distinct, pointers, ranges
from ipvalue.features.measures import publication
from ipvalue.records.columns import Columns
from ipvalue.records.snapshot import Snapshot

__all__ = ["Edges", "Graph", "family_citations", "h_index", "measures", "page_rank"]

Ints = npt.NDArray[np.int64]
Short = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_NO_DAY = np.int32(np.iinfo(np.int32).max)
_DAYS_PER_YEAR = 365.25
_DAMPING = 0.5
_ROUNDS = 30
_WINDOW = 5.0
_EDGES_AT_A_TIME = 1_000_000


@dataclass(frozen=True)
class Edges:
    """What a part of a book holds of the citation graph: documents, and edges between them by position.

    Attributes
    ----------
    document : ndarray of int64, shape (k,)
        Codes, ascending.
    day : ndarray of int32, shape (k,)
        Publication, days since 1970; a very late day where unknown.
    family : ndarray of int64, shape (k,)
        Code of the family of a patent of the book; 0 for none, and for other documents.
    held : ndarray of bool, shape (k,)
        Whether the document is a patent of this part: all edges to it are here, also those from other parts.
    citing, cited : ndarray of int32, shape (m,)
        Positions in ``document``; each edge once, and none from a document to itself.
    """

    document: Ints
    day: Short
    family: Ints
    held: npt.NDArray[np.bool_]
    citing: Short
    cited: Short

    @classmethod
    def of(cls, snapshot: Snapshot) -> Edges:
        """Take the edges of a snapshot's patents, received and made."""
        received, made = snapshot.citations_received, snapshot.citations_made
        patent, published = snapshot.patents["document"], publication(snapshot)
        ends = [received["document"], patent[made.patent], patent[received.patent], made["cited_document"], patent]
        dates = [received["date"], published[made.patent], published[received.patent], made["cited_date"], published]
        document, place = np.unique(np.concatenate(ends), return_inverse=True)
        day = np.full(len(document), _NO_DAY, np.int32)
        np.minimum.at(day, place, _days(np.concatenate(dates)))
        family = np.zeros(len(document), np.int64)
        family[place[len(place) - len(patent) :]] = snapshot.patents["family"]
        held = np.zeros(len(document), bool)
        held[place[len(place) - len(patent) :]] = True
        m = len(received) + len(made)
        key = distinct((place[m : 2 * m] << HALF) | place[:m])
        citing, cited = (key & LOW).astype(np.int32), (key >> HALF).astype(np.int32)
        apart = citing != cited
        return cls(document, day, family, held, citing[apart], cited[apart])


def _days(dates: npt.NDArray[np.datetime64]) -> Short:
    days = dates.astype("datetime64[D]").astype(np.int64)
    return np.where(np.isnat(dates), np.int64(_NO_DAY), days).astype(np.int32)


@dataclass(frozen=True)
class Graph:
    """The citation graph of a book; nodes are numbered in the order of their days, then of their codes.

    Attributes
    ----------
    document : ndarray of int64, shape (n,)
        Codes, ascending.
    number : ndarray of int32, shape (n,)
        Node of each of them.
    day : ndarray of int32, shape (n,)
        Of each node.
    received, citing, made, cited : ndarray
        Edges by both ends (:class:`~ipvalue.features.disruption.Links`).
    family : ndarray of int32, shape (n,)
        Number of each node's family; -1 for none.
    members, member : ndarray of int64 and int32
        ``member[members[f]:members[f + 1]]`` are the nodes of family f.
    rank : ndarray of float64, shape (n,)
        :func:`page_rank` of each node.
    """

    document: Ints
    number: Short
    day: Short
    received: Ints
    citing: Short
    made: Ints
    cited: Short
    family: Short
    members: Ints
    member: Short
    rank: Floats

    @classmethod
    def of(cls, parts: Sequence[Edges]) -> Graph:
        """Put the graph together of its parts, in any order; they are gone through twice, one at a time."""
        document, patents, edges = _documents(parts)
        inside = np.zeros(len(document), bool)
        inside[np.searchsorted(document, patents)] = True
        day, family = np.full(len(document), _NO_DAY, np.int32), np.zeros(len(document), np.int64)
        key, filled = np.empty(edges, np.int64), 0
        for part in parts:
            place = np.searchsorted(document, part.document)
            day[place] = np.minimum(day[place], part.day)
            there = family[place]
            both = np.maximum(there, part.family)  # of two patents of one document, in whatever order they come
            family[place] = np.where(there == 0, part.family, np.where(part.family == 0, there, both))
            # the part that holds the cited patent has the edge too
            ours = part.held[part.cited] | ~inside[place[part.cited]]
            found = (place[part.cited[ours]] << HALF) | place[part.citing[ours]]
            key[filled : filled + len(found)] = found
            filled += len(found)
        order = np.argsort(day, kind="stable")
        number = np.empty(len(document), np.int32)
        number[order] = np.arange(len(document), dtype=np.int32)
        key = key[:filled]
        for first in range(0, filled, _EDGES_AT_A_TIME):
            some = key[first : first + _EDGES_AT_A_TIME]
            some[:] = (number[some >> HALF].astype(np.int64) << HALF) | number[some & LOW]
        links = Links.of_keys(key, len(document))
        rank = page_rank(links)
        return cls(document, number, day[order], *links, *_families(family[order]), rank)

    @property
    def links(self) -> Links:
        """The edges."""
        return Links(self.received, self.citing, self.made, self.cited)

    def nodes(self, document: Ints) -> Ints:
        """Nodes of some documents; -1 for one that the graph does not hold."""
        if not len(self.document):
            return np.full(len(document), -1, np.int64)
        place = np.minimum(np.searchsorted(self.document, document), len(self.document) - 1)
        return np.where(self.document[place] == document, self.number[place], -1).astype(np.int64)


def _documents(parts: Sequence[Edges]) -> tuple[Ints, Ints, int]:
    """Documents of all parts, ascending; those that are patents of the book; and the number of the parts' edges.

    Lists are merged when they hold as many as all before them, so that none is sorted often.
    """
    merged, waiting, patents, edges = np.zeros(0, np.int64), [], [np.zeros(0, np.int64)], 0
    for part in parts:
        waiting.append(part.document)
        patents.append(part.document[part.held])
        edges += len(part.citing)
        if sum(map(len, waiting)) > len(merged):
            merged, waiting = distinct(np.concatenate([merged, *waiting])), []
    return distinct(np.concatenate([merged, *waiting])), np.concatenate(patents), edges


def _families(code: Ints) -> tuple[Short, Ints, Short]:
    """Family of each node by number, and the nodes of each family."""
    known = np.flatnonzero(code)
    codes, number = np.unique(code[known], return_inverse=True)
    family = np.full(len(code), -1, np.int32)
    family[known] = number
    order = np.argsort(number, kind="stable")
    return family, pointers(number[order], len(codes)), known[order].astype(np.int32)


def measures(graph: Graph, document: Ints) -> Columns:
    """Compute the measures of some patents of the book.

    Parameters
    ----------
    graph : Graph
    document : ndarray of int64, shape (k,)
        Their documents.

    Returns
    -------
    dict of str to ndarray
        ``disruption``, ``page_rank``, ``h_index`` and ``family_citations``, one element a document; NaN for one
        that the graph does not hold.
    """
    node = graph.nodes(document)
    held = np.flatnonzero(node >= 0)
    # a document may stand for two patents; the functions below want each node once, in order
    focal, place = np.unique(node[held], return_inverse=True)
    dated = graph.day[: np.searchsorted(graph.day, _NO_DAY)].astype(np.float64)
    when = np.where(graph.day[focal] == _NO_DAY, np.nan, graph.day[focal])
    found = {
        "disruption": disruption_index(graph.links, focal, *windows(dated, when, _WINDOW * _DAYS_PER_YEAR)),
        "page_rank": graph.rank[focal],
        "h_index": h_index(graph.links, focal),
        "family_citations": family_citations(graph, focal),
    }
    columns = {name: np.full(len(document), np.nan) for name in found}
    for name, values in found.items():
        columns[name][held] = values[place]
    return columns


def family_citations(graph: Graph, focal: Ints) -> Floats:
    """Count the distinct documents outside the family that cite any member of each node's family.

    Parameters
    ----------
    graph : Graph
    focal : ndarray of int64, shape (k,)
        Nodes; one without a family is a family of its own.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    family = graph.family[focal].astype(np.int64)
    alone = family < 0
    size = np.ones(len(focal), np.int64)
    size[~alone] = np.diff(graph.members)[family[~alone]]
    owner = np.repeat(np.arange(len(focal)), size)
    node = focal[owner]
    node[~alone[owner]] = graph.member[ranges(graph.members[family[~alone]], size[~alone])]
    many = graph.received[node + 1] - graph.received[node]
    citing = graph.citing[ranges(graph.received[node], many)]
    owner = np.repeat(owner, many)
    outside = alone[owner] | (graph.family[citing] != family[owner])
    pair = distinct((owner[outside] << HALF) | citing[outside])
    return np.bincount(pair >> HALF, minlength=len(focal)).astype(np.float64)


def page_rank(links: Links) -> Floats:
    """Centrality of each node: cited by documents that are themselves cited.

    Parameters
    ----------
    links : Links

    Returns
    -------
    ndarray of float64, shape (n,)
        The stationary share of a random reader, times n: 1 is the mean.

    Notes
    -----
    r = (1 - d) + d * sum over citing documents of r / (their number of references), with d = 0.5: a reader of
    patents follows few references in turn (Bruck et al. 2016). What documents without references would hand on is
    spread evenly. 30 rounds leave less than 1e-9.

    References
    ----------
    Brin and Page (1998), Computer Networks 30; Bruck, Rethy, Szente, Tobochnik and Erdi (2016), Scientometrics 107.

    Examples
    --------
    >>> page_rank(Links.of(np.array([1, 2]), np.array([0, 0]), 3)).round(3).tolist()
    [1.5, 0.75, 0.75]
    """
    n = len(links.received) - 1
    if n == 0:
        return np.zeros(0)
    references = np.diff(links.made).astype(np.float64)
    share = np.where(references == 0, 0.0, 1.0 / np.maximum(references, 1.0))
    ends = np.flatnonzero(references == 0)
    cited = np.flatnonzero(np.diff(links.received))
    blocks = np.searchsorted(links.received[cited], np.arange(0, len(links.citing), _EDGES_AT_A_TIME))
    bounds = [*np.unique(blocks).tolist(), len(cited)]
    rank: Floats = np.ones(n, np.float64)
    for _ in range(_ROUNDS):
        handed, received = rank * share, np.zeros(n)
        for low, high in pairwise(bounds):
            first, last = links.received[cited[low]], links.received[cited[high - 1] + 1]
            starts = links.received[cited[low:high]] - first
            received[cited[low:high]] = np.add.reduceat(handed[links.citing[first:last]], starts)
        lost = float(rank[ends].sum()) / n
        rank = np.asarray((1.0 - _DAMPING) + _DAMPING * (received + lost), np.float64)
    return rank


def h_index(links: Links, focal: Ints) -> Floats:
    """Largest h such that h of the documents that cite a node are themselves cited at least h times.

    Parameters
    ----------
    links : Links
    focal : ndarray of int64, shape (k,)
        Nodes.

    Returns
    -------
    ndarray of float64, shape (k,)

    References
    ----------
    Schubert (2009), Scientometrics 78: the h-index of a single publication.

    Examples
    --------
    >>> links = Links.of(np.array([1, 2, 3, 3]), np.array([0, 0, 1, 2]), 4)
    >>> h_index(links, np.arange(4)).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    many = links.received[focal + 1] - links.received[focal]
    citing = links.citing[ranges(links.received[focal], many)].astype(np.int64)
    cites = links.received[citing + 1] - links.received[citing]
    owner = np.repeat(np.arange(len(focal)), many)
    key = np.sort((owner << HALF) | (LOW - cites))
    rank = np.arange(len(key)) - np.repeat(np.cumsum(many) - many, many) + 1
    counted = LOW - (key & LOW) >= rank
    return np.bincount(owner[counted], minlength=len(focal)).astype(np.float64)
