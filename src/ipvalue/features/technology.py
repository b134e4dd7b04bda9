"""Technology features: the field, and how many subclasses the patent spans."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.records.cohorts import KeyedCounts, cohort_key_of, filing_year
from ipvalue.types import Columns, Floats, Ints

__all__ = ["FAMILY"]


def _distinct(patent: Ints, label: npt.NDArray[np.integer], n: int) -> Floats:
    """Count the distinct labels (0 is none) of each patent."""
    known = label != 0
    pairs = distinct((patent[known] << 32) | label[known].astype(np.int64))
    return np.bincount(pairs >> 32, minlength=n).astype(np.float64)


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    n, symbols = len(snapshot), snapshot.ipc
    scope = _distinct(symbols.patent, symbols["subclass"], n)
    fields = _distinct(symbols.patent, symbols["field"], n)
    year = filing_year(snapshot.patents["application_date"])
    today = int(filing_year(np.array([snapshot.date]))[0])
    field = snapshot.field.astype(np.int64)
    size = context.statistics.counts["cohort_size"]
    return {
        "field_crowding": np.where(field > 0, size.at(cohort_key_of(field, year)), np.nan),
        "field_growth": np.where(field > 0, _growth(size, field, today), np.nan),
        "technology_field": np.where(snapshot.field > 0, snapshot.field, np.nan).astype(np.float64),
        "patent_scope": np.where(scope > 0, scope, np.nan),
        "n_technology_fields": np.where(fields > 0, fields, np.nan),
    }


def _growth(size: KeyedCounts, field: Ints, year: int) -> Floats:
    """Log of the field's filings 3 to 5 years ago over those 6 to 8 years ago.

    Filings of the last two years are mostly unpublished: they are no evidence of growth.
    """
    fields = np.arange(36)
    late, early = (
        np.sum([size.at(cohort_key_of(fields, np.full(36, year - lag))) for lag in lags], axis=0)
        for lags in ((3, 4, 5), (6, 7, 8))
    )
    # one filing is added on both sides, so that an empty window does not give infinity
    return np.asarray(np.log((late + 1.0) / (early + 1.0))[field], np.float64)


FAMILY = Family.listed("technology", _compute)
