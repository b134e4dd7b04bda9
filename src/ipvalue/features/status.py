"""Status features: whether the right lives, what burdens it, and what it has survived."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_FLAGS = {
    "pledged": "a pledge is registered",
    "preserved": "seized by a court",
    "licensed": "a recorded licence is running",
    "open_licence": "an open licence, or licence of right, is declared",
    "challenged": "an opposition, invalidation or review is pending",
    "partly_invalid": "some claims were declared invalid",
    "suspended": "the procedure is suspended",
    "litigated": "a suit was recorded",
    "opposition_survived": "a challenge ended and the right was maintained",
}


def _compute(context: Context) -> Columns:
    legal = context.legal
    status = legal.status
    columns = {
        "legal_state": status.state,
        "alive": legal.alive,
        "pending": legal.pending,
        "enforceable": legal.enforceable,
        **{name: getattr(status, name) for name in _FLAGS},
        "n_transfers": status.n_transfers,
        "renewals_paid": status.last_paid_year,
        "unknown_events": status.n_unknown_codes,
    }
    return {name: np.asarray(values, np.float64) for name, values in columns.items()}


FAMILY = Family.listed("status", _compute)
