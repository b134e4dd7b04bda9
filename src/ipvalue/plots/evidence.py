"""Pictures of the evidence behind values: the deals that price a patent, and the renewals that owners paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ipvalue.errors import BookError, IpvalueError, explain_reason
from ipvalue.evaluation.renewal_prediction import renewal_survival as survival_table
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.methods.comparable_sales import ComparableSales
from ipvalue.plots.canvas import DARK, GREY, LIGHT, MARK, axes, column
from ipvalue.valuation import Valuation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["comparables_map", "renewal_survival"]

_SMALLEST, _LARGEST = 14.0, 180.0  # marks, in square points
_LABELS = ((-9, 7), (9, 7), (-9, -9))  # where the heaviest are numbered, in points from the mark


def comparables_map(valuation: Valuation, patent_id: str, ax: Axes | None = None) -> Axes:
    """Plot the deals behind a patent's market value: their distance from it, their price and their weight.

    Each deal is drawn at its distance from the patent: a cross for the price paid, and a disc (a square where it is a
    share of a package deal) for the price adjusted to the patent, with an area by its weight. The patent itself is at
    distance 0 with the method's value and 90 % interval.

    Parameters
    ----------
    valuation : Valuation
        Made by an engine with :class:`ipvalue.ComparableSales`, not read from a file.
    patent_id : str
    ax : Axes, optional

    Raises
    ------
    BookError
        If there is no such patent, it has no comparables, or the valuation was read from a file.
    IpvalueError
        If the engine has no comparable sales.

    Notes
    -----
    A distance of 1 is one residual deviation of log price, by the characteristics that move prices and the time since
    the deal: :mod:`ipvalue.methods.comparable_sales`. The value is the weighted median of the adjusted prices, for a
    granted right, before reconciliation.
    """
    deals, value, ends = _comparables(valuation, patent_id)
    ax = axes(ax)
    distance, weight, adjusted, paid = (column(deals, name) for name in ("distance", "weight", "adjusted", "price"))
    ax.vlines(distance, np.minimum(paid, adjusted), np.maximum(paid, adjusted), color=GREY, linewidth=0.6, alpha=0.7)
    ax.plot(distance, paid, "x", color=GREY, markersize=4, label="price paid")
    area = _SMALLEST + (_LARGEST - _SMALLEST) * weight / weight.max()
    allocated = deals["allocated"].to_numpy(bool)
    for chosen, mark, colour, label in (
        (~allocated, "o", DARK, "adjusted price, area: weight"),
        (allocated, "s", LIGHT, "the same, share of a package deal"),
    ):
        if chosen.any():
            points = ax.scatter(
                distance[chosen], adjusted[chosen], s=area[chosen], marker=mark, color=colour, label=label
            )
            points.set(edgecolor="black", linewidth=0.6, zorder=3.0)
    ax.axhline(value, color=MARK, linewidth=0.8, linestyle="--")
    ax.vlines(0.0, *ends, color=MARK, linewidth=2.5)
    ax.plot(0.0, value, "D", color=MARK, markeredgecolor="black", markersize=8, label="the patent, 90 % interval")
    heaviest = np.argsort(-weight, kind="stable")
    for rank, (row, offset) in enumerate(zip(heaviest, _LABELS), start=1):
        place, label = (
            (distance[row], adjusted[row]),
            f"{deals['patent_id'].iloc[row]}, weight {100 * weight[row]:.0f} %",
        )
        box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "black", "linewidth": 0.6}
        ax.annotate(str(rank), place, xytext=offset, textcoords="offset points", fontsize=7, bbox=box, zorder=4.0)
        ax.plot([], [], color="black", marker=f"${rank}$", linestyle="none", markersize=6, label=label)
    ax.set(
        yscale="log",
        xlim=(-0.06 * distance.max(), 1.12 * distance.max()),
        xlabel="distance from the patent (residual deviations of price)",
        ylabel=f"price ({valuation.provenance['currency']})",
        title=f"Comparables of {patent_id}",
    )
    ax.legend(frameon=False, fontsize=8, markerscale=0.8, loc="upper left", bbox_to_anchor=(0, -0.14), ncols=2)
    return ax


def _comparables(valuation: Valuation, patent_id: str) -> tuple[pd.DataFrame, float, tuple[float, float]]:
    """Deals with ``adjusted`` prices in money, the method's value and the ends of its interval."""
    sheet = valuation.worksheet
    if sheet is None or sheet.snapshot is None:
        raise BookError("these values were read from a file; to see comparables, value their snapshot with the engine")
    method = next((m for m in sheet.model.methods if isinstance(m, ComparableSales)), None)
    if method is None:
        raise IpvalueError(f"the engine has no ComparableSales, its methods are {', '.join(sheet.model.names)}")
    place = sheet.snapshot.position(patent_id)
    subject = sheet.subject.take(np.array([place]))
    row = valuation.table.slice(place, 1).to_pylist()[0]
    if not (row[f"value_{method.name}"] or 0.0) > 0:
        label = row[f"reason_{method.name}"] or row["reason"]
        raise BookError(f"{patent_id} has no comparables: {explain_reason(label) if label else 'its value is 0'}")
    deals = method.comparables(subject, sheet.model.state(method))
    factor = float(life_factor(subject, sheet.model.assumptions)[0])
    low, value, high = (row[f"{name}_{method.name}"] for name in ("q05", "value", "q95"))
    return deals.assign(adjusted=deals["adjusted_price"] * factor), value, (low, high)


def renewal_survival(source: Valuation | pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of rights that owners still renew by years since grant, beside the renewal model's prediction.

    Parameters
    ----------
    source : Valuation or pandas.DataFrame
        A valuation made by an engine, or the table that :func:`ipvalue.evaluation.renewal_survival` makes of one (for
        one office, say).
    ax : Axes, optional

    Raises
    ------
    BookError
        If the valuation was read from a file, or its book holds no renewals.
    IpvalueError
        If the table lacks a column.

    Notes
    -----
    The band is the model's: it covers the observed share in 95 of 100 books if the model is right. Without a model it
    is the band of the observed share. The numbers of rights at risk are below the curve: where they are small, the
    curve is uncertain.
    """
    from matplotlib.ticker import MaxNLocator

    table = survival_table(source) if isinstance(source, Valuation) else source
    ax = axes(ax)
    share, expected, at_risk = (column(table, name) for name in ("share", "expected", "at_risk"))
    # a share holds until the next year's decision, the last one too
    year = np.append(table.index.to_numpy(np.float64), table.index[-1:] + 1.0)
    predicted = bool(np.isfinite(expected).any())
    low, high = (column(table, name) for name in (("expected_low", "expected_high") if predicted else ("low", "high")))
    label = "model's 95 % interval" if predicted else "95 % interval"
    low, high, expected, share = (np.append(line, line[-1:]) for line in (low, high, expected, share))
    ax.fill_between(year, low, high, step="post", color=LIGHT, alpha=0.7, linewidth=0, label=label)
    if predicted:
        ax.step(year, expected, where="post", color=MARK, linestyle="--", linewidth=1.5, label="renewal model")
    ax.step(year, share, where="post", color=DARK, linewidth=1.8, label="observed")
    for row in range(0, len(at_risk), max(1, len(at_risk) // 6)):
        ax.text(year[row], 0.02, f"{int(at_risk[row]):,}", fontsize=7, va="bottom")
    ax.text(0.01, 0.07, "rights at risk", transform=ax.transAxes, fontsize=7)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(
        xlabel="years since grant", ylabel="share still renewed", title="How long owners keep paying", ylim=(0, 1.05)
    )
    ax.legend(frameon=False, fontsize=8, loc="upper right")
    return ax
