"""Economic features from the latest row of the table economics, comparable across currencies.

Revenue is left in the currency in which it was given: methods convert it with the rates of the date.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citations import age_years
from ipvalue.types import Columns

__all__ = ["FAMILY"]


def _compute(context: Context) -> Columns:
    rows = context.snapshot.economics
    return {
        "has_revenue": np.isfinite(rows["revenue"]).astype(np.float64),
        "attribution": rows["attribution"],
        "revenue_growth": rows["growth"],
        "royalty_rate": rows["royalty_rate"],
        "operating_margin": rows["margin"],
        "economics_age": age_years(rows["date"], context.snapshot.date),
    }


FAMILY = Family.listed("economics", _compute)
