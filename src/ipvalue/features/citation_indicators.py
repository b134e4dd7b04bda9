"""Indicators from a patent's own citations, as arrays: for feature families and for the book-level counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ipvalue.features.citation_graph.diversity import spread, squares
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.records.snapshot import Snapshot, derived
from ipvalue.types import Dates, Floats, Ints, Ints32

__all__ = [
    "QUALITY",
    "SCALE",
    "citation_lag_years",
    "citing_families",
    "generality_of",
    "originality_of",
    "log_indicators",
    "publication",
    "quality_components",
    "radicalness_of",
    "technology_cycle_time",
    "window_counts",
]

_DAYS_PER_YEAR = 365.25


@derived
def publication(snapshot: Snapshot) -> Dates:
    """Publication of each patent; its filing where it is not published."""
    published = snapshot.patents["publication_date"]
    return np.where(np.isnat(published), snapshot.patents["application_date"], published)


@derived
def citation_lag_years(snapshot: Snapshot) -> Floats:
    """Years from a patent's publication to each citation that it receives; not below 0."""
    received = snapshot.citations_received
    lag = (received["date"] - publication(snapshot)[received.patent]) / np.timedelta64(1, "D")
    return np.maximum(lag / _DAYS_PER_YEAR, 0.0)


def window_counts(snapshot: Snapshot, years: float) -> Ints:
    """Citations that each patent receives within some years of its publication.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> snapshot = ipv.synthetic_book(50, seed=1).as_of("2024-12-31")
    >>> bool((window_counts(snapshot, 5.0) <= snapshot.citations_received.counts).all())
    True
    """
    received = snapshot.citations_received
    inside = citation_lag_years(snapshot) <= years
    return np.bincount(received.patent[inside], minlength=len(snapshot))


def citing_families(snapshot: Snapshot) -> Ints:
    """Distinct families among the documents that cite each patent; a document without one counts for itself."""
    received = snapshot.citations_received
    source = np.where(received["family"] != 0, received["family"], received["document"])
    patent = received.patent
    # codes are numbered first, so that patent and number sort as one integer
    number = pd.factorize(source)[0]
    pairs = distinct((patent << 32) | number)
    return np.bincount(pairs >> 32, minlength=len(snapshot))


def generality_of(snapshot: Snapshot, *, bias_correction: bool) -> Floats:
    """Spread of the citing documents over IPC subclasses (:mod:`ipvalue.features.citation_graph.diversity`).

    Parameters
    ----------
    bias_correction : bool
        Multiply by n / (n - 1).

    References
    ----------
    Hall, Jaffe and Trajtenberg (2001), NBER Working Paper 8498.
    """
    return spread(*_received_squares(snapshot), bias_correction=bias_correction)


def originality_of(snapshot: Snapshot, *, bias_correction: bool) -> Floats:
    """Spread of the cited documents over IPC subclasses; parameters as for :func:`generality_of`."""
    return spread(*_made_squares(snapshot), bias_correction=bias_correction)


def _labels(subclass: Ints32) -> Ints:
    """IPC subclass of each document as a integer; -1 where unknown."""
    return np.where(subclass == 0, -1, subclass.astype(np.int64))


@derived
def _received_squares(snapshot: Snapshot) -> tuple[Ints, Ints]:
    received = snapshot.citations_received
    return squares(received.patent, _labels(received["subclass"]), len(snapshot))


@derived
def _made_squares(snapshot: Snapshot) -> tuple[Ints, Ints]:
    made = snapshot.citations_made
    return squares(made.patent, _labels(made["cited_subclass"]), len(snapshot))


def radicalness_of(snapshot: Snapshot) -> Floats:
    """Share of the cited documents whose leading IPC subclass the patent itself does not have.

    Notes
    -----
    Shane (2001) counts the classes of the cited patents other than the patent's own; here each cited
    document has one, its leading subclass.
    """
    made, own, n = snapshot.citations_made, snapshot.ipc, len(snapshot)
    shift = np.int64(1) << 32
    mine = np.unique(own.patent * shift + own["subclass"].astype(np.int64))
    cited = made["cited_subclass"].astype(np.int64)
    known = np.flatnonzero((cited != 0) & (own.counts[made.patent] > 0))
    pair = made.patent[known] * shift + cited[known]
    place = np.minimum(np.searchsorted(mine, pair), max(len(mine) - 1, 0))
    foreign = mine[place] != pair if len(mine) else np.ones(len(pair), bool)
    total = np.bincount(made.patent[known], minlength=n)
    other = np.bincount(made.patent[known][foreign], minlength=n)
    return np.where(total > 0, other / np.maximum(total, 1), np.nan)


def technology_cycle_time(snapshot: Snapshot) -> Floats:
    """Median years from the cited documents' publication to that of the patent; NaN where none is dated."""
    made, n = snapshot.citations_made, len(snapshot)
    cited: Dates = made["cited_date"]
    age = (publication(snapshot)[made.patent] - cited) / np.timedelta64(1, "D") / _DAYS_PER_YEAR
    known = np.flatnonzero(age >= 0)
    patent, age = made.patent[known], age[known]
    order = np.lexsort((age, patent))
    counts = np.bincount(patent, minlength=n)
    first = np.cumsum(counts) - counts
    padded = np.append(age[order], np.nan)
    low = np.where(counts > 0, first + (counts - 1) // 2, len(padded) - 1)
    high = np.where(counts > 0, first + counts // 2, len(padded) - 1)
    return np.asarray(0.5 * (padded[low] + padded[high]), np.float64)


QUALITY = ("forward_5y", "family_size", "claims", "generality", "backward", "grant_lag")
"""Components of the OECD quality indices, as integers that add up over parts of a book."""
SCALE = 1000


@derived
def quality_components(snapshot: Snapshot) -> dict[str, Ints]:
    """Components of the composite indices, each as an integer; -1 where unknown.

    Returns
    -------
    dict of str to ndarray of int64
        By the names of :data:`QUALITY`: citations within 5 years, offices of the family, claims, generality in
        thousandths, backward citations, and the grant lag in days.
    """
    general = generality_of(snapshot, bias_correction=False)
    lag = (snapshot.patents["grant_date"] - snapshot.patents["application_date"]) / np.timedelta64(1, "D")
    stated = snapshot.patents["n_claims"]
    claims = np.where(snapshot.claims.counts > 0, snapshot.claims.counts, np.where(stated > 0, stated, np.nan))
    return {
        "forward_5y": window_counts(snapshot, 5.0).astype(np.int64),
        "family_size": family_offices(snapshot),
        "claims": _rounded(claims),
        "generality": _rounded(general * SCALE),
        "backward": snapshot.citations_made.counts,
        "grant_lag": _rounded(lag),
    }


def family_offices(snapshot: Snapshot) -> Ints:
    """Distinct offices in which each patent's family is published; -1 where none is known."""
    members = snapshot.family
    names, code = np.unique(members["office"], return_inverse=True)
    pair = distinct(members.patent * np.int64(max(len(names), 1)) + code)
    size = np.bincount(pair // max(len(names), 1), minlength=len(snapshot))
    return np.where(size > 0, size, -1)


def log_indicators(components: dict[str, Ints]) -> Ints:
    """Indicators of the common factor: log (1 + count) of citations, family, claims and references, in thousandths.

    Parameters
    ----------
    components : dict
        As :func:`quality_components` gives them.

    Returns
    -------
    ndarray of int64, shape (n, 4)
        -1 in the row of a patent of which one is unknown. Integers, so that sums of products over
        parts of a book are exact.
    """
    columns = [components[name] for name in ("forward_5y", "family_size", "claims", "backward")]
    known = np.all([c >= 0 for c in columns], axis=0)
    logs = [np.rint(SCALE * np.log1p(np.maximum(c, 0))).astype(np.int64) for c in columns]
    return np.where(known[:, None], np.stack(logs, axis=1), -1)


def _rounded(values: Floats) -> Ints:
    known = np.isfinite(values)
    return np.where(known, np.rint(np.where(known, values, 0.0)), -1).astype(np.int64)
