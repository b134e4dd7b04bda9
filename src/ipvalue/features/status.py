"""Status features: whether the right lives, what burdens it, and what it has survived."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_MACHINE = "law.status: register events and the patents' own dates, by the event table of law/tables"
_FLAGS = {
    "pledged": "a pledge is registered",
    "preserved": "seized by a court",
    "licensed": "a recorded licence is running",
    "open_licence": "an open licence, or licence of right, is declared",
    "challenged": "an opposition, invalidation or review is pending",
    "partly_invalid": "some claims were declared invalid",
    "suspended": "the procedure is suspended",
    "litigated": "a suit was recorded",
    "opposition_survived": "a challenge ended and the right stands",
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


def _flag(name: str, definition: str, direction: int = 0) -> Feature:
    return Feature(name, "0 or 1", 0.0, 1.0, direction, definition, _MACHINE)


FAMILY = Family(
    "status",
    (
        Feature("legal_state", "code", 0.0, 13.0, 0, "legal state, by number as in law.states.State", _MACHINE),
        _flag("alive", "pending or in force"),
        _flag("pending", "application not decided yet"),
        _flag("enforceable", "granted and in force"),
        *(_flag(name, definition) for name, definition in _FLAGS.items()),
        Feature("n_transfers", "transfers", 0.0, 1e4, 0, "changes of owner", _MACHINE),
        Feature(
            "renewals_paid",
            "fee year",
            0.0,
            100.0,
            0,
            "latest year for which a renewal fee is seen as paid; 0 where none is",
            _MACHINE,
        ),
        Feature("unknown_events", "events", 0.0, 1e6, 0, "events whose code and text are unknown", _MACHINE),
    ),
    _compute,
    reads=(),
    after=(),
    tables=("legal_events",),
    without={"legal_events": (*_FLAGS, "n_transfers", "renewals_paid", "unknown_events")},
)
