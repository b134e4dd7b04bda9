"""Pictures (extra ``[plot]``): each takes a Valuation or a table of results, and returns the Axes."""

from ipvalue.plots.quality import calibration, method_comparison
from ipvalue.plots.risk import loan_cover, tornado, waterfall
from ipvalue.plots.values import intervals, method_disagreement, overview, value_distribution, value_over_life

__all__ = [
    "calibration",
    "intervals",
    "loan_cover",
    "method_comparison",
    "method_disagreement",
    "overview",
    "tornado",
    "value_distribution",
    "value_over_life",
    "waterfall",
]
