"""Pictures of values: each takes a Valuation and an Axes, and returns the Axes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ipvalue.plots.canvas import DARK, LIGHT, axes, pyplot
from ipvalue.valuation import Valuation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["intervals", "method_disagreement", "overview", "value_distribution", "value_over_life"]

_SHOWN = 40


def value_distribution(valuation: Valuation, ax: Axes | None = None) -> Axes:
    """Histogram of the values of living rights, on a log scale, with the median and the mean."""
    ax = axes(ax)
    value = valuation.to_pandas()["value"]
    alive = value[value > 0].to_numpy()
    currency = valuation.provenance["currency"]
    if len(alive):
        low = max(alive.min(), 1e-2)
        edges = np.geomspace(low, max(alive.max(), low) * 1.0001, 50)
        ax.hist(alive, bins=edges.tolist(), color=LIGHT, edgecolor="white", linewidth=0.4)
        ax.axvline(np.median(alive), color=DARK, label=f"median {np.median(alive):,.0f}")
        ax.axvline(alive.mean(), color=DARK, linestyle="--", label=f"mean {alive.mean():,.0f}")
        ax.legend(frameon=False)
    ax.set(
        xscale="log", xlabel=f"value of a living right ({currency})", ylabel="patents", title="Distribution of values"
    )
    return ax


def intervals(valuation: Valuation, ax: Axes | None = None) -> Axes:
    """The highest values with their 50 % and 90 % intervals."""
    ax = axes(ax)
    frame = valuation.to_pandas()
    top = frame[frame["value"] > 0].sort_values("value", ascending=False).head(_SHOWN)
    place = np.arange(len(top))
    ax.vlines(place, top["q05"], top["q95"], color=LIGHT, linewidth=3, label="90 % interval")
    ax.vlines(place, top["q25"], top["q75"], color=DARK, linewidth=3, label="50 % interval")
    ax.plot(place, top["value"], "o", color="white", markeredgecolor="black", markersize=4, label="value")
    ax.set(
        yscale="log" if len(top) else "linear",
        ylabel=f"value ({valuation.provenance['currency']})",
        xlabel="patents, by value",
        title=f"The {len(top)} highest values",
        xticks=[],
    )
    ax.legend(frameon=False)
    return ax


def method_disagreement(valuation: Valuation, ax: Axes | None = None) -> Axes:
    """Each method's value over the reconciled one: median, middle half and 90 % of the patents."""
    from matplotlib.ticker import LogLocator, NullLocator

    ax = axes(ax)
    frame = valuation.to_pandas()
    names = [c.removeprefix("value_") for c in frame.columns if c.startswith("value_")]
    alive = frame[frame["value"] > 0]
    on_grant = alive["value"] / alive["grant_probability"]
    for place, name in enumerate(names):
        ratio = (alive[f"value_{name}"] / on_grant).dropna().to_numpy()
        if len(ratio):
            low, quarter, middle, three, high = np.quantile(ratio, [0.05, 0.25, 0.5, 0.75, 0.95])
            ax.hlines(place, low, high, color=LIGHT, linewidth=4)
            ax.hlines(place, quarter, three, color=DARK, linewidth=8)
            ax.plot(middle, place, "o", color="white", markeredgecolor="black")
    labels = [f"{n.replace('_', ' ')}\n({int(alive[f'value_{n}'].notna().sum()):,} patents)" for n in names]
    ax.axvline(1.0, color="black", linewidth=0.8)
    ax.set(xscale="log", xlabel="method's value / reconciled value", title="How the methods differ")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
    ax.set_yticks(range(len(names)), labels)
    ax.set_ylim(-0.6, len(names) - 0.4)
    return ax


def value_over_life(valuation: Valuation, ax: Axes | None = None) -> Axes:
    """Median value, and the middle half, by remaining term."""
    ax = axes(ax)
    frame = valuation.to_pandas()
    alive = frame[(frame["value"] > 0) & frame["remaining_years"].notna()]
    groups = alive.groupby(np.floor(alive["remaining_years"]).clip(upper=20))["value"]
    table = pd.DataFrame({level: groups.quantile(level) for level in (0.25, 0.5, 0.75)})
    if len(table):
        ax.fill_between(table.index + 0.5, table[0.25], table[0.75], color=LIGHT, label="middle half of the patents")
        ax.plot(table.index + 0.5, table[0.5], "o-", color=DARK, markersize=3, label="median")
        ax.legend(frameon=False)
        ax.set_yscale("log")
    ax.set(
        xlabel="remaining term (years)",
        ylabel=f"value ({valuation.provenance['currency']})",
        title="Value by remaining term",
    )
    return ax


def overview(valuation: Valuation, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Write the four pictures of a valuation into one file.

    Parameters
    ----------
    valuation : Valuation
    path : path
        PNG, SVG or PDF by its ending.
    title : str
        Shown above, with the date; say there what the book is.
    """
    plt = pyplot()
    figure, places = plt.subplots(2, 2, figsize=(13, 8.5), layout="constrained")
    for draw, ax in zip((value_distribution, intervals, method_disagreement, value_over_life), places.flat):
        draw(valuation, ax)
    figure.suptitle(f"{title}, {len(valuation):,} patents as of {valuation.provenance['as_of']}".lstrip(", "))
    figure.savefig(os.fspath(path), dpi=120)
    plt.close(figure)
