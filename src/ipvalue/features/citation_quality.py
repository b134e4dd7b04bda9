"""What citations say of quality: breadth, novelty, disruption, centrality.

Breadth measures use the leading IPC subclass of the citing and cited documents; measures of the citation graph are
those of the whole book (:mod:`ipvalue.features.citation_graph.measures`).
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.cohort import cohort_of
from ipvalue.features.measures import (
    generality_of,
    originality_of,
    radicalness_of,
    technology_cycle_time,
    window_counts,
)
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_HALL = "Hall, Jaffe and Trajtenberg (2001), NBER Working Paper 8498"
_OECD = "Squicciarini, Dernis and Criscuolo (2013), OECD STI Working Paper 2013/03"
_BREAKTHROUGH = 0.01


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    network = context.whole.graph.at(snapshot.patents["document"])
    total = context.earlier["forward_citations"]
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    above = context.whole.cohorts.share_above(cohort, snapshot.citations_received.counts)
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


def _share(name: str, direction: int, definition: str, source: str, missing: str) -> Feature:
    return Feature(name, "share", 0.0, 1.0, direction, definition, source, missing)


_FEATURES = (
    Feature(
        "forward_citations_7y",
        "documents",
        0.0,
        1e6,
        1,
        "forward citations within 7 years of publication",
        _OECD,
    ),
    _share(
        "generality",
        1,
        "1 - sum of squared shares of the citing documents over IPC subclasses",
        _HALL,
        "no citing document with a class",
    ),
    _share(
        "generality_corrected",
        1,
        "generality times n / (n - 1), n citing documents with a class",
        _HALL,
        "fewer than two citing documents with a class",
    ),
    _share(
        "originality",
        1,
        "1 - sum of squared shares of the cited documents over IPC subclasses",
        _HALL,
        "no cited document with a class",
    ),
    _share(
        "originality_corrected",
        1,
        "originality times n / (n - 1), n cited documents with a class",
        _HALL,
        "fewer than two cited documents with a class",
    ),
    _share(
        "radicalness",
        0,
        "share of the cited documents whose leading IPC subclass the patent does not have",
        "Shane (2001), Management Science 47; " + _OECD,
        "no cited document with a class, or no class of its own",
    ),
    Feature(
        "breakthrough",
        "0 or 1",
        0.0,
        1.0,
        1,
        "whether fewer than 1 % of the patents of its field and filing year are cited more, shrunk towards the "
        "year where the cohort is thin",
        "Ahuja and Lampert (2001), Strategic Management Journal 22; " + _OECD,
    ),
    Feature(
        "technology_cycle_time",
        "years",
        0.0,
        400.0,
        -1,
        "median age of the cited documents at publication",
        "Narin (1994), Evaluation Review 18; Kayal and Waters (1999), IEEE Trans. Eng. Management 46",
        "no cited document with a date",
    ),
    Feature(
        "disruption_5y",
        "index",
        -1.0,
        1.0,
        0,
        "CD index: documents of the next 5 years that cite the patent and not what it builds on, less those that "
        "cite both, over all that cite either",
        "Funk and Owen-Smith (2017), Management Science 63",
        "nothing that came within 5 years cites the patent or what it cites",
    ),
    Feature(
        "page_rank",
        "uncited = 0.5",
        0.5,
        1e7,
        1,
        "centrality in the citation graph of the book, damping 0.5: 0.5 + half the sum of each citing document's "
        "own centrality over its references",
        "Brin and Page (1998), Computer Networks 30; Bruck et al. (2016), Scientometrics 107",
    ),
    Feature(
        "family_citations",
        "documents",
        0.0,
        1e6,
        1,
        "distinct documents outside the family that cite any member of the family that is in the book",
        "Martinez (2011), Scientometrics 86",
    ),
    Feature(
        "citation_h_index",
        "documents",
        0.0,
        1e5,
        1,
        "largest h such that h citing documents are themselves cited h times in the book",
        "Schubert (2009), Scientometrics 78",
    ),
)
FAMILY = Family(
    "citation_quality",
    _FEATURES,
    _compute,
    reads=("forward_citations", "graph"),
    after=("citations",),
    tables=("citations",),
    without={"citations": tuple(f.name for f in _FEATURES)},
    dated=False,
)
