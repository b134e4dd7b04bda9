"""The citation graph of a whole book: disruption, centrality and h-index of each patent in it.

Nodes are documents, in the book or not. Everything follows from the set of edges and the documents' dates,
sorted by their codes: parts of a book that merge to the same edges give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ipvalue.features.graph import disruption
from ipvalue.features.graph_edges import distinct
from ipvalue.features.measures import publication
from ipvalue.records.columns import Columns
from ipvalue.records.snapshot import Snapshot

__all__ = ["Edges", "h_index", "network_columns", "page_rank"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NO_DAY = np.iinfo(np.int64).max
_DAYS_PER_YEAR = 365.25
_DAMPING = 0.5
_ROUNDS = 30
_WINDOW = 5.0


@dataclass(frozen=True)
class Edges:
    """Citation edges between documents, and the patents of the book.

    Attributes
    ----------
    citing, cited : ndarray of int64
        Codes of the documents.
    citing_day, cited_day : ndarray of int64
        Publication, days since 1970; a very late day where unknown.
    patents, patent_day, patent_family : ndarray of int64
        Codes, publication (or filing) and family of the patents of the book; 0 for no family.
    """

    citing: Ints
    cited: Ints
    citing_day: Ints
    cited_day: Ints
    patents: Ints
    patent_day: Ints
    patent_family: Ints

    @classmethod
    def of(cls, snapshot: Snapshot) -> Edges:
        """Take the edges of a snapshot's patents, received and made."""
        received, made = snapshot.citations_received, snapshot.citations_made
        document = snapshot.patents["document"]
        published = publication(snapshot)
        return cls(
            citing=np.concatenate([received["document"], document[made.patent]]),
            cited=np.concatenate([document[received.patent], made["cited_document"]]),
            citing_day=_days(np.concatenate([received["date"], made["date"]])),
            cited_day=_days(np.concatenate([published[received.patent], made["cited_date"]])),
            patents=document,
            patent_day=_days(published),
            patent_family=snapshot.patents["family"],
        )

    @classmethod
    def merge(cls, parts: Iterable[Edges]) -> Edges:
        """Put edges together; those that two parts hold are still held twice."""
        parts = list(parts)
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))


def _days(dates: npt.NDArray[np.datetime64]) -> Ints:
    days = dates.astype("datetime64[D]").astype(np.int64)
    return np.where(np.isnat(dates), np.int64(_NO_DAY), days)


def network_columns(edges: Edges) -> Columns:
    """Compute the measures of each patent of the book.

    Parameters
    ----------
    edges : Edges

    Returns
    -------
    dict of str to ndarray
        ``document`` (ascending), ``disruption``, ``page_rank``, ``h_index`` and ``family_citations``, one
        element a patent.
    """
    nodes, place = np.unique(np.concatenate([edges.citing, edges.cited, edges.patents]), return_inverse=True)
    n, m = len(nodes), len(edges.citing)
    citing, cited = place[:m], place[m : 2 * m]
    pair = distinct(citing * np.int64(max(n, 1)) + cited)
    pair = pair[pair // max(n, 1) != pair % max(n, 1)]  # a document that cites itself says nothing
    citing, cited = pair // max(n, 1), pair % max(n, 1)
    day = np.full(n, _NO_DAY, np.int64)
    np.minimum.at(day, place, np.concatenate([edges.citing_day, edges.cited_day, edges.patent_day]))
    year = np.where(day == _NO_DAY, np.nan, day / _DAYS_PER_YEAR)
    kept = distinct(place[2 * m :])
    inside = np.zeros(n, bool)
    inside[kept] = True
    return {
        "document": nodes[kept],
        "disruption": disruption(citing, cited, year, window=_WINDOW, focal=inside)[kept],
        "page_rank": page_rank(citing, cited, n)[kept],
        "h_index": h_index(citing, cited, n)[kept],
        "family_citations": _family_citations(citing, cited, _families(edges, place[2 * m :], n))[kept],
    }


def _families(edges: Edges, node: Ints, n: int) -> Ints:
    """Family of each node, as numbers from 0; a node without one is a family of its own."""
    code = np.zeros(n, np.int64)
    code[node] = edges.patent_family
    distinct_codes, number = np.unique(code, return_inverse=True)
    return np.where(code == 0, len(distinct_codes) + np.arange(n), number)


def _family_citations(citing: Ints, cited: Ints, family: Ints) -> Floats:
    """Distinct documents outside the family that cite any member of each node's family."""
    outside = family[citing] != family[cited]
    width = np.int64(len(family) + 1)
    pair = distinct(family[cited[outside]] * width + citing[outside])
    counts = np.bincount(pair // width, minlength=int(family.max(initial=0)) + 1)
    return counts[family].astype(np.float64)


def page_rank(citing: Ints, cited: Ints, n: int) -> Floats:
    """Centrality of each node: cited by documents that are themselves cited.

    Parameters
    ----------
    citing, cited : ndarray of int64, shape (m,)
        Edges, sorted, each once.
    n : int
        Number of nodes.

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
    >>> page_rank(np.array([1, 2]), np.array([0, 0]), 3).round(3).tolist()
    [1.5, 0.75, 0.75]
    """
    if n == 0:
        return np.zeros(0)
    references = np.bincount(citing, minlength=n).astype(np.float64)
    ends = references == 0
    rank: Floats = np.ones(n, np.float64)
    for _ in range(_ROUNDS):
        handed = np.where(ends, 0.0, rank / np.where(ends, 1.0, references))
        received = np.bincount(cited, weights=handed[citing], minlength=n)
        lost = float(rank[ends].sum()) / n
        rank = np.asarray((1.0 - _DAMPING) + _DAMPING * (received + lost), np.float64)
    return rank


def h_index(citing: Ints, cited: Ints, n: int) -> Floats:
    """Largest h such that h of the documents that cite a node are themselves cited at least h times.

    Parameters
    ----------
    citing, cited : ndarray of int64, shape (m,)
        Edges, each once.
    n : int
        Number of nodes.

    Returns
    -------
    ndarray of float64, shape (n,)

    References
    ----------
    Schubert (2009), Scientometrics 78: the h-index of a single publication.

    Examples
    --------
    >>> h_index(np.array([1, 2, 3, 3]), np.array([0, 0, 1, 2]), 4).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    if len(citing) == 0:
        return np.zeros(n)
    cites = np.bincount(cited, minlength=n)[citing]
    order = np.lexsort((-cites, cited))
    start = np.searchsorted(cited[order], np.arange(n))
    rank = np.arange(len(order)) - start[cited[order]] + 1
    counted = cites[order] >= rank
    return np.bincount(cited[order][counted], minlength=n).astype(np.float64)
