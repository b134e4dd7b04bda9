"""Palette and Axes of all plots.

Readable in grey and for the colour-blind: two tones of blue, and an orange that also has its own marker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ipvalue.errors import IpvalueError, MissingExtraError
from ipvalue.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DARK", "GREY", "LIGHT", "MARK", "axes", "column", "pyplot"]

DARK, LIGHT, MARK, GREY = "#1f4e79", "#9dc3e6", "#c55a11", "#7f7f7f"


def axes(ax: Axes | None) -> Axes:
    """Axes to draw on: those given, or new ones."""
    if ax is not None:
        return ax
    _, made = pyplot().subplots(figsize=(7, 4.2), layout="constrained")
    return made  # type: ignore[no-any-return]


def pyplot() -> Any:
    """Import matplotlib, or name the extra to install.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'ipvalue[plot]'") from error
    return plt


def column(table: pd.DataFrame, name: str) -> Floats:
    """Take a column of numbers of a table that a picture is drawn from.

    Raises
    ------
    IpvalueError
        If the table has no such column.
    """
    if name not in table.columns:
        raise IpvalueError(f"the picture needs the column {name!r}; the table has {', '.join(map(str, table.columns))}")
    return table[name].to_numpy(np.float64)
