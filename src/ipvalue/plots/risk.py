"""Pictures of change and risk: each takes a table, and returns the Axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ipvalue.errors import IpvalueError
from ipvalue.plots.canvas import DARK, GREY, LIGHT, MARK, axes, column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["loan_cover", "tornado", "waterfall"]

_LARGEST_LABEL = 40


def waterfall(table: pd.DataFrame, ax: Axes | None = None, *, currency: str = "") -> Axes:
    """Waterfall chart from one total to another: rises light, falls dark and hatched, totals grey.

    Parameters
    ----------
    table : pandas.DataFrame
        ``label``, ``start``, ``end`` and ``amount`` of each bar, as ``Attribution.waterfall()`` gives it. The first and
        last bar, and others that start at 0 and end at their amount, are totals.
    ax : Axes, optional
    currency : str
    """
    ax = axes(ax)
    start, end, amount = (column(table, name) for name in ("start", "end", "amount"))
    place = np.arange(len(table))
    ends = np.isin(place, [0, len(table) - 1])
    total = ends & (start == 0) & (end == amount)
    kinds = (
        (total, GREY, "", "total"),
        (~total & (end >= start), LIGHT, "", "rise"),
        (~total & (end < start), DARK, "///", "fall"),
    )
    for chosen, colour, hatch, label in kinds:
        if chosen.any():
            low, height = np.minimum(start, end)[chosen], np.abs(end - start)[chosen]
            ax.bar(place[chosen], height, bottom=low, color=colour, hatch=hatch, edgecolor="white", label=label)
    ax.hlines(end[:-1], place[:-1], place[1:], color="black", linewidth=0.6)
    span = max(float(np.abs([start, end]).max()), 1e-9) if len(table) else 1.0
    for x, top, change, whole in zip(place, np.maximum(start, end), amount, total):
        ax.annotate(
            _short(change, span, signed=not whole),
            (x, top),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    ax.set_xticks(place, [_cut(label) for label in table["label"]], rotation=35, ha="right", fontsize=8)
    if len(table):
        low, high = min(0.0, float(np.minimum(start, end).min())), float(np.maximum(start, end).max())
        ax.set_ylim(low, high + 0.2 * (high - low))  # room for the amounts and the legend
    ax.yaxis.set_major_formatter(lambda level, _: _tick(level, span))
    ax.set(ylabel=f"value ({currency})" if currency else "value", title="Change of value")
    ax.legend(frameon=False, fontsize=8, ncols=3, loc="upper left")
    return ax


def tornado(table: pd.DataFrame, ax: Axes | None = None, *, top: int = 15) -> Axes:
    """Change of the total value as each assumption is lowered and raised, the largest swing on top.

    Parameters
    ----------
    table : pandas.DataFrame
        ``figure``, ``low`` and ``high``: change of the total, as a share of it, with the assumption lowered and raised.
    ax : Axes, optional
    top : int, default 15
        Bars shown.
    """
    ax = axes(ax)
    low, high = column(table, "low"), column(table, "high")
    swing = np.maximum(np.abs(low), np.abs(high))
    order = np.argsort(-swing, kind="stable")[:top][::-1]
    place = np.arange(len(order))
    ax.barh(place, 100 * low[order], color=LIGHT, edgecolor="white", height=0.8, label="assumption lowered")
    ax.barh(
        place, 100 * high[order], color=DARK, edgecolor="white", hatch="///", height=0.45, label="assumption raised"
    )
    ax.axvline(0.0, color="black", linewidth=0.8)
    names = table["figure"].astype(str).str.replace("_", " ").to_numpy()
    ax.set_yticks(place, [_cut(name) for name in names[order]], fontsize=8)
    ax.set(xlabel="change of the sum of values (%)", title="Sensitivity of the sum of values")
    ax.legend(frameon=False, loc="lower right", fontsize=8)
    return ax


def loan_cover(table: pd.DataFrame, ax: Axes | None = None, *, required: float = 1.0) -> Axes:
    """Cover of a loan by its collateral along the loan's life: median and 5 % quantile.

    Parameters
    ----------
    table : pandas.DataFrame
        ``date``, ``cover`` and ``cover_q05``, ascending by date: one loan's rows of ``collateral(...).curve``.
    ax : Axes, optional
    required : float, default 1.0
        The cover below which the loan is not secured.

    Raises
    ------
    IpvalueError
        If a column is missing, or the table holds more than one loan.
    """
    ax = axes(ax)
    if "loan_id" in table.columns and len(table["loan_id"].unique()) > 1:
        raise IpvalueError("the table holds several loans: choose one, as table[table['loan_id'] == ...]")
    median, low = column(table, "cover"), column(table, "cover_q05")
    if "date" not in table.columns:
        raise IpvalueError("the picture needs the column 'date'")
    date = pd.to_datetime(table["date"]).to_numpy()
    ax.fill_between(date, low, median, color=LIGHT, alpha=0.5, linewidth=0)
    ax.plot(date, median, "o-", color=DARK, markersize=4, label="median")
    ax.plot(date, low, "s--", color=DARK, markersize=3, markerfacecolor="white", label="5 % quantile")
    ax.axhline(required, color="black", linewidth=0.8)
    short = np.isfinite(low) & (low < required)
    if short.any():
        ax.plot(date[short], low[short], "X", color=MARK, markersize=8, label="not covered at 5 %")
    finite = np.concatenate([median[np.isfinite(median)], [required]])
    ax.set(ylabel="lendable value / exposure", title="Cover along the loan's life", ylim=(0, 1.1 * finite.max()))
    for label in ax.get_xticklabels():
        label.set(rotation=30, horizontalalignment="right")
    ax.legend(frameon=False)
    return ax


def _short(amount: float, span: float, *, signed: bool) -> str:
    """An amount in a unit that suits the largest one of the plot."""
    unit, name = _unit(span)
    if amount and abs(amount) < 0.05 * unit:
        return "≈0"
    return f"{amount / unit:{'+' if signed else ''},.1f}{name}" if amount else "0"


def _tick(level: float, span: float) -> str:
    """A level of the axis, without trailing zeros."""
    unit, name = _unit(span)
    return f"{level / unit:,.3f}".rstrip("0").rstrip(".") + (name if level else "")


def _unit(span: float) -> tuple[float, str]:
    return next(((u, n) for u, n in ((1e9, "bn"), (1e6, "m"), (1e3, "k")) if span >= 10 * u), (1.0, ""))


def _cut(label: object) -> str:
    text = str(label)
    return text if len(text) <= _LARGEST_LABEL else text[: _LARGEST_LABEL - 1] + "…"
