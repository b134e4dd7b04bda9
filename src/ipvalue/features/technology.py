"""Technology features: the field, and how many subclasses the patent spans."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.features.base import Context, Family, Feature
from ipvalue.records.columns import Columns

__all__ = ["FAMILY"]

_SCHMOCH = "Schmoch (2008), Concept of a technology classification, report to WIPO; WIPO update of July 2019"
_LERNER = "Lerner (1994), RAND Journal of Economics 25"


def _distinct(patent: npt.NDArray[np.int64], label: npt.NDArray[np.integer], n: int) -> npt.NDArray[np.float64]:
    """Count the distinct labels (0 is none) of each patent."""
    known = label != 0
    pairs = np.unique(np.stack([patent[known], label[known].astype(np.int64)]), axis=1)
    return np.bincount(pairs[0], minlength=n).astype(np.float64)


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    n, symbols = len(snapshot), snapshot.ipc
    scope = _distinct(symbols.patent, symbols["subclass"], n)
    fields = _distinct(symbols.patent, symbols["field"], n)
    return {
        "technology_field": np.where(snapshot.field > 0, snapshot.field, np.nan).astype(np.float64),
        "patent_scope": np.where(scope > 0, scope, np.nan),
        "n_technology_fields": np.where(fields > 0, fields, np.nan),
    }


FAMILY = Family(
    "technology",
    (
        Feature(
            "technology_field",
            "WIPO field number",
            1.0,
            35.0,
            0,
            "technology field of the leading IPC symbol",
            _SCHMOCH,
            "no IPC symbol with a field is known",
        ),
        Feature(
            "patent_scope", "subclasses", 1.0, 1e4, 1, "distinct IPC subclasses", _LERNER, "no IPC symbol is known"
        ),
        Feature(
            "n_technology_fields", "fields", 1.0, 35.0, 0, "distinct technology fields", _SCHMOCH, "no field is known"
        ),
    ),
    _compute,
)
