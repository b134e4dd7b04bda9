"""Citation features: how often, how soon and by whom a patent is cited, against its field and year.

A pair of documents counts once, from the earliest date on which one is known to cite the other.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.citation_graph.disruption import disruption
from ipvalue.features.citation_graph.diversity import generality
from ipvalue.features.cohort import cohort_of
from ipvalue.features.measures import citation_lag_years, citing_families, window_counts
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Dates, Floats

__all__ = ["FAMILY", "age_years", "disruption", "generality"]

_DAYS_PER_YEAR = 365.25
_MANY = 1e6
_HALL = "Hall, Jaffe and Trajtenberg (2001), NBER Working Paper 8498"
_ALCACER = "Alcacer and Gittelman (2006), Review of Economics and Statistics 88"
_SQUICCIARINI = "Squicciarini, Dernis and Criscuolo (2013), OECD STI Working Paper 2013/03"


def age_years(start: Dates, date: np.datetime64 | Dates) -> Floats:
    """Years of 365.25 days from each date to one day, or to one each; NaN where a date is missing.

    Examples
    --------
    >>> age_years(np.array(["2020-01-01"], "datetime64[D]"), np.datetime64("2024-01-01")).tolist()
    [4.0]
    """
    days = (date - start) / np.timedelta64(1, "D")
    return np.asarray(days / _DAYS_PER_YEAR, np.float64)


def _share(part: Floats, whole: Floats) -> Floats:
    """Part of whole; NaN where the whole is nothing."""
    return np.where(whole > 0, part / np.maximum(whole, 1.0), np.nan)


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    received, made = snapshot.citations_received, snapshot.citations_made
    n = len(snapshot)
    patent = received.patent
    filing = snapshot.patents["application_date"]
    total = received.counts.astype(np.float64)
    owner = snapshot.owner
    own = (received["owner"] == owner[patent]) & (received["owner"] != 0)
    self_count = np.bincount(patent[own], minlength=n).astype(np.float64)
    examiner, applicant = (
        np.bincount(patent[received["origin"] == code], minlength=n).astype(np.float64) for code in (1, 2)
    )
    lag_sum = np.bincount(patent, weights=citation_lag_years(snapshot), minlength=n).astype(np.float64)
    cohort = cohort_of(snapshot.field, filing)
    mean = context.whole.cohorts.mean(cohort)
    backward = made.counts.astype(np.float64)
    npl = snapshot.patents["npl_citations"]
    return {
        "forward_citations": total,
        "forward_citations_3y": window_counts(snapshot, 3.0).astype(np.float64),
        "forward_citations_5y": window_counts(snapshot, 5.0).astype(np.float64),
        "forward_self_citations": self_count,
        "forward_nonself_citations": total - self_count,
        "forward_citing_families": citing_families(snapshot).astype(np.float64),
        "forward_examiner_citations": examiner,
        "forward_applicant_citations": applicant,
        "forward_examiner_share": _share(examiner, total),
        "forward_citation_lag": _share(lag_sum, total),
        "forward_citation_ratio": np.where(mean > 0, total / np.where(mean > 0, mean, 1.0), np.nan),
        "forward_citation_percentile": context.whole.cohorts.percentile(cohort, received.counts),
        "backward_citations": backward,
        "backward_self_share": _share(_backward_self(snapshot), backward),
        "npl_citations": npl,
        "npl_share": _share(np.nan_to_num(npl), np.nan_to_num(npl) + backward),
    }


def _backward_self(snapshot: Snapshot) -> Floats:
    """Citations of documents of the same first owner."""
    made = snapshot.citations_made
    mine = snapshot.owner[made.patent]
    own = (mine == made["cited_owner"]) & (mine != 0)
    return np.bincount(made.patent[own], minlength=len(snapshot)).astype(np.float64)


def _count(name: str, direction: int, definition: str, source: str = _HALL, missing: str = "") -> Feature:
    return Feature(name, "documents", 0.0, _MANY, direction, definition, source, missing)


_FEATURES = (
    _count("forward_citations", 1, "distinct documents that cite the patent, to date"),
    _count("forward_citations_3y", 1, "of these, within 3 years of publication"),
    _count("forward_citations_5y", 1, "of these, within 5 years of publication", _SQUICCIARINI),
    _count("forward_self_citations", 0, "forward citations by documents of the first owner"),
    _count("forward_nonself_citations", 1, "forward citations less self-citations"),
    _count(
        "forward_citing_families",
        1,
        "distinct families of the citing documents; one without a family counts for itself",
        "Martinez (2011), Scientometrics 86",
    ),
    _count("forward_examiner_citations", 1, "forward citations that an examiner brought", _ALCACER),
    _count("forward_applicant_citations", 1, "forward citations that an applicant brought", _ALCACER),
    Feature(
        "forward_examiner_share",
        "share",
        0.0,
        1.0,
        0,
        "share of the forward citations that an examiner brought",
        _ALCACER,
        "not cited yet",
    ),
    Feature(
        "forward_citation_lag",
        "years",
        0.0,
        500.0,
        0,
        "mean time from publication to the citations",
        _HALL,
        "not cited yet",
    ),
    Feature(
        "forward_citation_ratio",
        "ratio",
        0.0,
        _MANY,
        1,
        "forward citations over the mean of technology field and filing year, which is shrunk towards the "
        "mean of the year where the cohort is thin",
        _HALL,
        "nobody in the cohort is cited yet",
    ),
    Feature(
        "forward_citation_percentile",
        "share",
        0.0,
        1.0,
        1,
        "share of the patents of the same field and filing year that are cited less, ties by half, shrunk "
        "in the same way",
        _SQUICCIARINI,
    ),
    _count("backward_citations", 0, "distinct documents that the patent cites"),
    Feature(
        "backward_self_share",
        "share",
        0.0,
        1.0,
        0,
        "share of the cited documents that the first owner owns, as far as their owner is known",
        _HALL,
        "cites nothing",
    ),
    _count("npl_citations", 0, "non-patent literature cited", _SQUICCIARINI, "not known"),
    Feature(
        "npl_share",
        "share",
        0.0,
        1.0,
        0,
        "non-patent literature over all documents cited",
        _SQUICCIARINI,
        "cites nothing",
    ),
)
FAMILY = Family(
    "citations",
    _FEATURES,
    _compute,
    reads=("forward_citations",),
    after=(),
    tables=("citations",),
    without={"citations": tuple(f.name for f in _FEATURES if f.name != "npl_citations")},
    dated=False,
)
