"""Pictures (extra ``[plot]``): each takes a Valuation or a table of results, and returns the Axes."""

from ipvalue.plots.backtests import calibration, method_comparison
from ipvalue.plots.evidence import comparables_map, renewal_survival
from ipvalue.plots.risk import loan_cover, tornado, waterfall
from ipvalue.plots.valuations import intervals, method_disagreement, overview, value_distribution, value_over_life

__all__ = [
    "calibration",
    "comparables_map",
    "intervals",
    "loan_cover",
    "method_comparison",
    "method_disagreement",
    "overview",
    "renewal_survival",
    "tornado",
    "value_distribution",
    "value_over_life",
    "waterfall",
]
