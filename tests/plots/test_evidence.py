"""Pictures of deals and renewals show what methods and tables say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue import plots
from ipvalue.errors import BookError, IpvalueError
from ipvalue.evaluation import renewal_survival

if TYPE_CHECKING:
    from matplotlib.axes import Axes

pytest.importorskip("matplotlib", reason="pictures need the extra [plot]")

TABLE = pd.DataFrame(
    {
        "at_risk": [40, 30, 10],
        "lapsed": [0, 6, 5],
        "share": [1.0, 0.8, 0.4],
        "low": [1.0, 0.6, 0.2],
        "high": [1.0, 0.9, 0.6],
        "expected": [0.98, 0.7, 0.5],
        "expected_low": [0.95, 0.6, 0.3],
        "expected_high": [1.0, 0.8, 0.7],
    },
    index=pd.RangeIndex(3, name="year"),
)


def blank() -> Axes:
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()  # type: ignore[no-any-return]


def entries(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.fixture(scope="module")
def priced(valuation: ipv.Valuation) -> str:
    values = valuation.to_pandas()["value_comparable_sales"]
    return str(values[values > 0].sort_values().index[-5])


@pytest.fixture(scope="module")
def deals(valuation: ipv.Valuation, priced: str) -> pd.DataFrame:
    sheet = valuation.worksheet
    assert sheet is not None
    method = next(m for m in sheet.model.methods if isinstance(m, ipv.ComparableSales))
    return method.comparables(sheet.one(priced).subject, sheet.model.state(method))


def points(ax: Axes) -> pd.DataFrame:
    """Distance, price and area of every mark of a comparable, nearest first."""
    marks = [c for c in ax.collections if hasattr(c, "get_sizes")]
    rows = [(x, y, size) for c in marks for (x, y), size in zip(np.asarray(c.get_offsets()), c.get_sizes())]
    return pd.DataFrame(rows, columns=["distance", "price", "area"]).sort_values("distance", ignore_index=True)


def test_each_comparable_stands_at_its_distance_and_adjusted_price(
    valuation: ipv.Valuation, priced: str, deals: pd.DataFrame
) -> None:
    ax = plots.comparables_map(valuation, priced, blank())
    ax.figure.canvas.draw()
    steps = valuation.explain(priced)
    steps = steps[steps["part"] == "comparable_sales"].set_index("quantity")["value"]
    found = points(ax)
    assert found["distance"].to_numpy() == pytest.approx(deals["distance"].to_numpy(np.float64))
    assert found["price"].to_numpy() == pytest.approx((deals["adjusted_price"] * steps["life_factor"]).to_numpy())
    heavy = deals["weight"].argsort(kind="stable")
    assert (found["area"].iloc[heavy].diff().dropna() >= -1e-9).all()
    assert found["area"].iloc[heavy.iloc[-1]] > found["area"].iloc[heavy.iloc[0]]


def test_the_patent_stands_in_the_middle_of_its_comparables_weights(
    valuation: ipv.Valuation, priced: str, deals: pd.DataFrame
) -> None:
    ax = plots.comparables_map(valuation, priced, blank())
    patent = next(line for line in ax.lines if line.get_label() == "the patent, 90 % interval")
    (place,), (value,) = np.asarray(patent.get_xdata()), np.asarray(patent.get_ydata())
    assert place == 0.0
    assert value == valuation.to_pandas().loc[priced, "value_comparable_sales"]
    above = deals["weight"].to_numpy()[points(ax)["price"].to_numpy() > value].sum()
    assert above == pytest.approx(0.5, abs=deals["weight"].max())


def test_the_heaviest_comparables_are_named(valuation: ipv.Valuation, priced: str, deals: pd.DataFrame) -> None:
    named = entries(plots.comparables_map(valuation, priced, blank()))
    heaviest = deals.sort_values("weight", ascending=False, kind="stable")["patent_id"].head(3)
    assert [entry.split(",")[0] for entry in named[-3:]] == heaviest.to_list()


def test_a_map_without_comparables_says_why(
    valuation: ipv.Valuation, book: ipv.Book, priced: str, tmp_path: Path
) -> None:
    values = valuation.to_pandas()
    dead = values.index[values["reason"] == "dead_right"][0]
    with pytest.raises(BookError, match=f"{dead} has no comparables: .+"):
        plots.comparables_map(valuation, str(dead), blank())
    with pytest.raises(BookError, match="no patent 'XX'"):
        plots.comparables_map(valuation, "XX", blank())
    valuation.to_parquet(tmp_path / "values.parquet")
    with pytest.raises(BookError, match="read from a file"):
        plots.comparables_map(ipv.Valuation.from_parquet(tmp_path / "values.parquet"), priced, blank())
    other = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, "2023-12-31").value(book.as_of("2023-12-31"))
    with pytest.raises(IpvalueError, match="no ComparableSales, its methods are relief_from_royalty"):
        plots.comparables_map(other, priced, blank())


def test_steps_of_survival_are_the_table_s_and_the_last_one_is_seen() -> None:
    ax = plots.renewal_survival(TABLE, blank())
    ax.figure.canvas.draw()
    lines = {str(line.get_label()): line for line in ax.lines}
    for label, wanted in (("observed", [1.0, 0.8, 0.4, 0.4]), ("renewal model", [0.98, 0.7, 0.5, 0.5])):
        assert np.asarray(lines[label].get_xdata()).tolist() == [0, 1, 2, 3]
        assert np.asarray(lines[label].get_ydata()).tolist() == wanted
        assert lines[label].get_drawstyle() == "steps-post"
    heights = {round(float(y), 6) for path in ax.collections[0].get_paths() for y in np.asarray(path.vertices)[:, 1]}
    assert {0.3, 0.7} <= heights
    assert {"40", "30", "10"} <= {text.get_text() for text in ax.texts}


def test_survival_without_a_model_has_the_interval_of_what_was_counted() -> None:
    none = TABLE.assign(expected=np.nan, expected_low=np.nan, expected_high=np.nan)
    ax = plots.renewal_survival(none, blank())
    assert entries(ax) == ["95 % interval", "observed"]
    heights = {round(float(y), 6) for path in ax.collections[0].get_paths() for y in np.asarray(path.vertices)[:, 1]}
    assert {0.2, 0.6} <= heights
    with pytest.raises(IpvalueError, match="needs the column 'share'"):
        plots.renewal_survival(TABLE.drop(columns="share"), blank())


def test_a_valuation_is_drawn_as_its_table(valuation: ipv.Valuation) -> None:
    drawn, table = plots.renewal_survival(valuation, blank()), renewal_survival(valuation)
    line = next(line for line in drawn.lines if line.get_label() == "observed")
    assert np.asarray(line.get_ydata()).tolist() == [*table["share"], table["share"].iloc[-1]]
