"""Metrics of values and their intervals: pure functions of arrays, each with its formula and source.

A metric that returns one number works over the last axis and leaves out pairs of which a part is missing; what
counts as missing is said by each.
"""

from __future__ import annotations

from ipvalue.evaluation._bootstrap import Interval, bootstrap_interval
from ipvalue.evaluation._calibration import calibration_by_segment, calibration_by_size
from ipvalue.evaluation._diebold_mariano import DieboldMariano, diebold_mariano
from ipvalue.evaluation._intervals import (
    coverage,
    crps,
    crps_lognormal,
    crps_normal,
    interval_score,
    log_width,
    pinball,
    pinball_losses,
    quantiles_at,
)
from ipvalue.evaluation._points import bias, gini, log_errors, log_rmse, median_ape, r2_log, spearman

__all__ = [
    "DieboldMariano",
    "Interval",
    "bias",
    "bootstrap_interval",
    "calibration_by_segment",
    "calibration_by_size",
    "coverage",
    "crps",
    "crps_lognormal",
    "crps_normal",
    "diebold_mariano",
    "gini",
    "interval_score",
    "log_errors",
    "log_rmse",
    "log_width",
    "median_ape",
    "pinball",
    "pinball_losses",
    "quantiles_at",
    "r2_log",
    "spearman",
]
