"""Valuations, loans and policies small enough to work out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

import ipvalue as ipv
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.risk.eligibility import Facts

DAY = "2024-12-31"


def valuation(values: Any, sigmas: Any = 0.0, *, remaining: Any = 10.0, grade: str = "A", **more: Any) -> ipv.Valuation:
    """Lognormal values of patents P0, P1, ... with no snapshot behind them."""
    value = np.atleast_1d(np.asarray(values, np.float64))
    n = len(value)
    quantiles = lognormal_quantiles(value, np.broadcast_to(sigmas, n))
    columns: dict[str, Any] = {
        "patent_id": more.get("ids", [f"P{k}" for k in range(n)]),
        "value": value,
        **{name: quantiles[:, k] for k, name in enumerate(("q05", "q25", "q50", "q75", "q95"))},
        "currency": ["CNY"] * n,
        "state": more.get("state", ["in_force"] * n),
        "remaining_years": np.broadcast_to(np.asarray(remaining, np.float64), n),
        "grade": [grade] * n if isinstance(grade, str) else grade,
        "reason": [""] * n,
        "grant_probability": np.ones(n),
        "disagreement": np.zeros(n),
        "log_sd": np.broadcast_to(np.asarray(sigmas, np.float64), n),
    }
    provenance = {"as_of": more.get("as_of", DAY), "currency": "CNY"}
    return ipv.Valuation(pa.table(columns), provenance)


def facts(n: int = 1, **changes: Any) -> Facts:
    """Patents with a clean register, in a liquid field."""
    no = np.zeros(n, bool)
    base: dict[str, Any] = {
        "known": ~no,
        "right": np.full(n, "invention"),
        "field": np.full(n, 6, np.int8),
        "pledges": np.zeros(n, np.int64),
        "seized": no,
        "suspended": no,
        "challenged": no,
        "fee_overdue": no,
        "co_owned": no,
        "deals": np.full(n, 500.0),
    }
    return Facts(**(base | {name: np.full(n, value) for name, value in changes.items()}))


def flat_policy(**changes: Any) -> ipv.CollateralPolicy:
    """No haircut, no sale discount: half of the median may be lent; figures can be set by ``name=number``."""
    content = ipv.CollateralPolicy(unchecked="accept").model_dump(mode="json")
    figure = {"unit": "share", "date": "2025-01-01", "certainty": "assumed", "source": "a test's own figure"}
    zero = ("sale_discount", "sale_cost", "sale_rate", "life_margin")
    content |= {name: content[name] | {"value": 0.0} for name in zero}
    for name in ("haircut_grade", "haircut_right"):
        content[name] = {key: figure | {"value": 0.0} for key in content[name]}
    for name in ("haircut_liquidity", "haircut_life"):
        content[name] = {"0": figure | {"value": 0.0}}
    content["maximum_ltv"] = {key: figure | {"value": 0.5} for key in content["maximum_ltv"]}
    for name, value in changes.items():
        content[name] = content[name] | {"value": value} if isinstance(value, float) else value
    return ipv.CollateralPolicy.model_validate(content)


def loans(*rows: tuple[Any, ...], **columns: Any) -> dict[str, Any]:
    """Rows of (loan_id, patent_id, drawn_date, maturity_date, exposure)."""
    names = ("loan_id", "patent_id", "drawn_date", "maturity_date", "exposure")
    return {name: [row[k] for row in rows] for k, name in enumerate(names)} | columns
