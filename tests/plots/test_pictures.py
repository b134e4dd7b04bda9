"""Pictures take a table, return the Axes, and show what the table says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ipvalue import plots
from ipvalue.errors import IpvalueError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

pytest.importorskip("matplotlib", reason="pictures need the extra [plot]")

WATERFALL = pd.DataFrame(
    {
        "label": ["2023-12-31", "time", "legal", "2024-12-31"],
        "start": [0.0, 100.0, 80.0, 0.0],
        "end": [100.0, 80.0, 110.0, 110.0],
        "amount": [100.0, -20.0, 30.0, 110.0],
    }
)
TORNADO = pd.DataFrame({"figure": ["tax_rate", "royalty_rate"], "low": [0.02, -0.3], "high": [-0.02, 0.4]})
COVER = pd.DataFrame(
    {
        "date": pd.to_datetime(["2024-12-31", "2025-12-31", "2026-12-31"]),
        "cover": [2.0, 1.6, 1.2],
        "cover_q05": [1.1, 0.9, 0.6],
    }
)
CALIBRATION = pd.DataFrame({"value": [1e4, 1e5], "target": [2e4, 1e5], "bias_error": [0.1, np.nan]})
SUMMARY = pd.DataFrame(
    {"log_rmse": [0.9, 1.4, 0.8], "log_rmse_low": [0.8, 1.2, 0.7], "log_rmse_high": [1.0, 1.6, 0.9]},
    index=pd.Index(["reconciled", "comparable_sales", "relief_from_royalty"], name="value_by"),
)
PICTURES: dict[str, tuple[Callable[..., Axes], pd.DataFrame]] = {
    "waterfall": (plots.waterfall, WATERFALL),
    "tornado": (plots.tornado, TORNADO),
    "loan_cover": (plots.loan_cover, COVER),
    "calibration": (plots.calibration, CALIBRATION),
    "method_comparison": (plots.method_comparison, SUMMARY),
}


def blank() -> Axes:
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_returns_the_axes_it_was_given(name: str) -> None:
    draw, table = PICTURES[name]
    ax = blank()
    assert draw(table, ax) is ax
    assert ax.get_title()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", PICTURES)
def test_a_table_without_a_column_is_refused_by_name(name: str) -> None:
    draw, table = PICTURES[name]
    with pytest.raises(IpvalueError, match=f"needs the column '{table.columns[-1].replace('_low', '')}'|log_rmse"):
        draw(table.drop(columns=table.columns[-1 if name != "method_comparison" else 0]), blank())


def test_an_empty_tables_picture_is_empty() -> None:
    for picture in (plots.calibration(CALIBRATION.iloc[:0], blank()), plots.tornado(TORNADO.iloc[:0], blank())):
        picture.figure.canvas.draw()
        assert [*picture.patches, *picture.collections] == []


def test_bars_of_a_waterfall_stand_where_the_table_says() -> None:
    bars = plots.waterfall(WATERFALL, blank()).patches
    found = sorted((round(b.get_x() + b.get_width() / 2), b.get_y(), b.get_y() + b.get_height()) for b in bars)
    assert found == [(0, 0, 100), (1, 80, 100), (2, 80, 110), (3, 0, 110)]


@pytest.mark.parametrize(
    ("largest", "fall", "labels", "tick"),
    [
        (1.55e9, 1.9e6, ["1,550.0m", "-1.9m"], "250m"),
        (2.5e10, 1.2e9, ["25.0bn", "-1.2bn"], "5bn"),
        (1.55e9, 4e3, ["1,550.0m", "≈0"], "250m"),
        (1.55e9, 0.0, ["1,550.0m", "0"], "250m"),
        (110.0, 20.0, ["110.0", "-20.0"], "20"),
    ],
)
def test_amounts_are_told_in_a_unit_that_keeps_them_apart(
    largest: float, fall: float, labels: list[str], tick: str
) -> None:
    left = largest - fall
    columns = {"start": [0.0, largest, 0.0], "end": [largest, left, left], "amount": [largest, -fall, left]}
    table = pd.DataFrame({"label": ["a", "b", "c"], **columns})
    ax = plots.waterfall(table, blank())
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.texts][:2] == labels
    ticks = [text.get_text() for text in ax.get_yticklabels()]
    assert ticks[0] == "0"
    assert tick in ticks
    assert len({*ticks}) == len(ticks)


def test_the_largest_swing_is_on_top_of_a_tornado() -> None:
    ax = plots.tornado(TORNADO, blank())
    assert [t.get_text() for t in ax.get_yticklabels()] == ["tax rate", "royalty rate"]


def test_the_best_method_is_on_top() -> None:
    ax = plots.method_comparison(SUMMARY, blank())
    assert [t.get_text() for t in ax.get_yticklabels()][-1] == "relief from royalty"
    unscored = plots.method_comparison(SUMMARY.assign(log_rmse=[0.9, 1.4, np.nan]), blank())
    assert [t.get_text() for t in unscored.get_yticklabels()] == ["comparable sales", "reconciled"]


def test_cover_of_several_loans_is_refused() -> None:
    with pytest.raises(IpvalueError, match="several loans"):
        plots.loan_cover(COVER.assign(loan_id=["a", "b", "b"]), blank())


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match="plot"):
        plots.tornado(TORNADO)
