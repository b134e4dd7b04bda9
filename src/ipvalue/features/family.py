"""Family and owner features: where protection was sought, and by whom."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_FIVE_OFFICES = ("CN", "EP", "JP", "KR", "US")


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    members = snapshot.family
    n = len(snapshot)
    offices, code = np.unique(np.append(members["office"], _FIVE_OFFICES), return_inverse=True)
    # one entry for each pair of patent and office, however many publications it has
    pair = distinct(members.patent * len(offices) + code[: len(members)])
    size = np.bincount(pair // len(offices), minlength=n).astype(np.float64)
    big = np.isin(offices[pair % len(offices)], _FIVE_OFFICES)
    five = np.bincount((pair // len(offices))[big], minlength=n).astype(np.float64)
    known = size > 0
    return {
        "family_size": np.where(known, size, np.nan),
        "family_ip5_offices": np.where(known, five, np.nan),
        "n_inventors": snapshot.patents["n_inventors"],
        "n_owners": np.where(snapshot.owners.counts > 0, snapshot.owners.counts, np.nan).astype(np.float64),
    }


FAMILY = Family.listed("family", _compute)
