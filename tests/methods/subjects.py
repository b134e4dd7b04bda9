"""Subjects made by hand: the few columns that a method reads, all others missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipvalue.evidence.risk_free_rates import CURVE_COLUMNS
from ipvalue.evidence.subject import Subject
from ipvalue.features import Features, feature_catalogue

_DEFAULTS = {"age": 5.0, "remaining_term": 10.0, "alive": 1.0, "enforceable": 1.0, "pending": 0.0, "economics_age": 0.0}


def subject(
    n: int,
    *,
    field: Any = 8,
    money: dict[str, Any] | None = None,
    dates: dict[str, str] | None = None,
    jurisdiction: str = "CN",
    **features: Any,
) -> Subject:
    """n patents of one field with the given features and money; what is not given is missing."""
    columns = {
        name: np.broadcast_to(np.asarray(features.get(name, _DEFAULTS.get(name, np.nan)), float), (n,)).copy()
        for name in feature_catalogue()["name"]
    }
    names = ("revenue", "cost_to_develop", "historical_cost", "revenue_life", "success_probability")
    names = (*names, "price_trend", "fee_rate", "exchange_rate", *CURVE_COLUMNS)
    given = {"exchange_rate": 1.0} | (money or {})
    days = dates or {}
    amounts = {k: np.broadcast_to(np.asarray(given.get(k, np.nan), float), (n,)).copy() for k in names}
    amounts["industry"] = np.broadcast_to(np.asarray(given.get("industry", "")), (n,)).copy()
    return Subject(
        np.array([f"P{i:06d}" for i in range(n)], object),
        np.full(n, jurisdiction),
        np.full(n, "invention"),
        np.broadcast_to(np.asarray(field, np.int8), (n,)).copy(),
        Features(columns),
        amounts,
        {k: np.full(n, np.datetime64(days.get(k, "NaT"), "D")) for k in ("as_of", "filing", "grant")},
    )
