"""Plots of backtests: each takes a table of a backtest or comparison, and returns the Axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ipvalue.plots.canvas import DARK, LIGHT, MARK, axes, column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calibration", "method_comparison"]

_TWO_SIDED = 1.96
_TITLES = {
    "log_rmse": "root mean square log error (lower is better)",
    "bias": "mean log error (0 is unbiased)",
    "median_ape": "median absolute error, share of the target (lower is better)",
    "spearman": "rank correlation with the target (higher is better)",
    "coverage_90": "share of targets inside the 90 % interval (nominal 0.9)",
}
_IDEAL = {"bias": 0.0, "coverage_90": 0.9}


def calibration(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Mean target against mean value of each group, with 95 % intervals, beside the line of perfect calibration.

    Parameters
    ----------
    table : pandas.DataFrame
        As :meth:`ipvalue.evaluation.Backtest.calibration` gives it: ``value``, ``target``, ``bias_error``.
    ax : Axes, optional
    """
    ax = axes(ax)
    value, target = column(table, "value"), column(table, "target")
    factor = np.exp(_TWO_SIDED * np.nan_to_num(column(table, "bias_error")))
    if len(value):
        ends = np.array([min(value.min(), target.min()) / 1.5, max(value.max(), target.max()) * 1.5])
        ax.plot(ends, ends, color="black", linewidth=0.8, label="value = target")
        ax.fill_between(ends, ends / 1.25, ends * 1.25, color=LIGHT, alpha=0.35, linewidth=0, label="within 25 %")
        ax.vlines(value, target / factor, target * factor, color=DARK, linewidth=1.5)
        ax.plot(value, target, "o", color=DARK, markeredgecolor="white", label="group, 95 % interval")
        ax.legend(loc="upper left", edgecolor="none", framealpha=0.85)  # an interval may run behind it
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="value (geometric mean)",
        ylabel="target (geometric mean)",
        title="Calibration",
    )
    return ax


def method_comparison(table: pd.DataFrame, ax: Axes | None = None, *, metric: str = "log_rmse") -> Axes:
    """Score of each method or engine with its 95 % interval, the best on top; those without a score are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        As ``Backtest.summary()`` or ``Comparison.summary()`` gives it, one row a method or engine; the interval is
        drawn where ``<metric>_low`` and ``<metric>_high`` are there.
    ax : Axes, optional
    metric : str, default 'log_rmse'
    """
    ax = axes(ax)
    table = table[np.isfinite(column(table, metric))]
    score = column(table, metric)
    loss = {"spearman": -score, "bias": np.abs(score), "coverage_90": np.abs(score - 0.9)}.get(metric, score)
    order = np.argsort(-loss, kind="stable")
    place = np.arange(len(order))
    if {f"{metric}_low", f"{metric}_high"} <= set(table.columns):
        low, high = column(table, f"{metric}_low")[order], column(table, f"{metric}_high")[order]
        ax.hlines(place, low, high, color=LIGHT, linewidth=5, label="95 % interval")
    reconciled = np.array([str(name) == "reconciled" for name in table.index])[order]
    for chosen, mark, colour, label in ((~reconciled, "o", DARK, "method"), (reconciled, "D", MARK, "reconciled")):
        if chosen.any():
            ax.plot(score[order][chosen], place[chosen], mark, color=colour, markeredgecolor="black", label=label)
    if metric in _IDEAL:
        ax.axvline(_IDEAL[metric], color="black", linewidth=0.8)
    ax.set_yticks(place, [str(name).replace("_", " ") for name in table.index[order]])
    top = len(order) + (0.2 if reconciled.any() else -0.4)  # room for the legend, where there is one
    ax.set(xlabel=_TITLES.get(metric, metric.replace("_", " ")), title="Methods compared", ylim=(-0.6, top))
    if reconciled.any():
        ax.legend(frameon=False, loc="upper left", ncols=3, fontsize=8)
    return ax
