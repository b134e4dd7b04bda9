"""Citation features of quality: breadth, novelty, disruption, centrality.

Breadth measures use the leading IPC subclass of the citing and cited documents; measures of the citation graph are
those of the book (:mod:`ipvalue.features.citation_graph.measures`).
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_indicators import (
    generality_of,
    originality_of,
    radicalness_of,
    technology_cycle_time,
    window_counts,
)
from ipvalue.records.cohorts import cohort_of
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_BREAKTHROUGH = 0.01


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    network = context.statistics.graph.at(snapshot.patents["document"])
    total = context.earlier["forward_citations"]
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    above = context.statistics.cohorts.share_above(cohort, snapshot.citations_received.counts)
    return {
        "forward_citations_7y": window_counts(snapshot, 7.0).astype(np.float64),
        "generality": generality_of(snapshot, bias_correction=False),
        "generality_corrected": generality_of(snapshot, bias_correction=True),
        "originality": originality_of(snapshot, bias_correction=False),
        "originality_corrected": originality_of(snapshot, bias_correction=True),
        "radicalness": radicalness_of(snapshot),
        "breakthrough": ((above < _BREAKTHROUGH) & (total > 0)).astype(np.float64),
        "technology_cycle_time": technology_cycle_time(snapshot),
        "disruption_5y": network["disruption"],
        "page_rank": network["page_rank"],
        "family_citations": network["family_citations"],
        "citation_h_index": network["h_index"],
    }


FAMILY = Family.listed("citation_quality", _compute)
