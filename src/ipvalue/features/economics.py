"""Economic features: what the latest row of the table economics says, comparable over currencies.

Revenue is left in the currency in which it was given: methods convert it with the rates of the date.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.citations import age_years
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_GIVEN = "the bank's table economics"
_ABSENT = "not known"


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


FAMILY = Family(
    "economics",
    (
        Feature("has_revenue", "0 or 1", 0.0, 1.0, 1, "whether an expected revenue is known", _GIVEN),
        Feature("attribution", "share", 0.0, 1.0, 1, "share of revenue that the patent carries", _GIVEN, _ABSENT),
        Feature("revenue_growth", "per year", -0.99, 5.0, 1, "expected growth of revenue", _GIVEN, _ABSENT),
        Feature("royalty_rate", "share", 0.0, 1.0, 1, "royalty rate known for the patent", _GIVEN, _ABSENT),
        Feature("operating_margin", "share", -10.0, 1.0, 1, "operating margin of the revenue", _GIVEN, _ABSENT),
        Feature("economics_age", "years", 0.0, 500.0, 0, "years since the economics were known", _GIVEN, _ABSENT),
    ),
    _compute,
    reads=(),
    after=(),
    tables=("economics", "curves", "fx", "price_index"),
)
