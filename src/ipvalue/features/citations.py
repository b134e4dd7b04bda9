"""Citation features: number, age and origin of a patent's citations, compared with its field and year.

A pair of documents counts once, from the earliest date on which the citation is known.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_graph.disruption import disruption
from ipvalue.features.citation_graph.diversity import generality
from ipvalue.features.citation_indicators import citation_lag_years, citing_families, window_counts
from ipvalue.records.cohorts import cohort_of
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Dates, Floats

__all__ = ["FAMILY", "age_years", "disruption", "generality"]

_DAYS_PER_YEAR = 365.25


def age_years(start: Dates, date: np.datetime64 | Dates) -> Floats:
    """Years of 365.25 days from each date to one day, or to one each; NaN where a date is missing.

    Examples
    --------
    >>> age_years(np.array(["2020-01-01"], "datetime64[D]"), np.datetime64("2024-01-01")).tolist()
    [4.0]
    """
    days = (date - start) / np.timedelta64(1, "D")
    return np.asarray(days / _DAYS_PER_YEAR, np.float64)


def _share(part: Floats, total: Floats) -> Floats:
    """Part over total; NaN where the total is 0."""
    return np.where(total > 0, part / np.maximum(total, 1.0), np.nan)


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
    mean = context.statistics.cohorts.mean(cohort)
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
        "forward_citation_percentile": context.statistics.cohorts.percentile(cohort, received.counts),
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


FAMILY = Family.listed("citations", _compute)
