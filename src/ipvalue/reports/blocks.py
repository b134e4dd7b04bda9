"""Building blocks of a dossier, independent of the output format: sections of texts, tables, formulas, pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Block",
    "Formula",
    "Picture",
    "Section",
    "Table",
    "Text",
    "cell",
    "picture",
]

_DAY = 10


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Formula:
    """Text whose line breaks and spaces are kept: a formula, or a module's documentation."""

    text: str


@dataclass(frozen=True, eq=False)
class Table:
    """A table with a caption. An index with a name is shown as the first column.

    Attributes
    ----------
    caption : str
    frame : pandas.DataFrame
    empty : str
        What is written in the place of a table without rows.
    links : str
        Name of the column whose cells are identifiers of sections, separated by spaces; they are written as links.
    """

    caption: str
    frame: pd.DataFrame
    empty: str = "nothing to show"
    links: str = ""

    @property
    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells as text."""
        frame = self.frame.reset_index() if self.frame.index.name else self.frame
        header = [str(name) for name in frame.columns]
        return header, [[cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]


@dataclass(frozen=True)
class Picture:
    """A picture as PNG, with what it shows."""

    caption: str
    png: bytes


Block = Text | Formula | Table | Picture


@dataclass(frozen=True)
class Section:
    """A section of a dossier.

    Attributes
    ----------
    id : str
        Short and fixed: what links and checklists point to.
    title : str
    blocks : tuple of Block
    """

    id: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """Everything that the section says, as plain text: one line a paragraph, or a row of a table."""
        lines = [self.title]
        for block in self.blocks:
            if isinstance(block, Table):
                header, rows = block.rows
                lines += [block.caption, " | ".join(header), *(" | ".join(row) for row in rows)]
            else:
                lines.append(block.caption if isinstance(block, Picture) else block.text)
        return "\n".join(lines)


def cell(value: object) -> str:
    """One value as a table shows it: numbers with four significant digits, nothing where nothing is known.

    Examples
    --------
    >>> cell(1234567.0), cell(0.0412345), cell(float("nan")), cell(True), cell(12)
    ('1,234,567', '0.04123', '', 'yes', '12')
    """
    if value is None or value is pd.NaT or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        value = float(value)
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, pd.Timestamp | np.datetime64):
        return str(value)[:_DAY]
    return str(value)


def picture(caption: str, draw: Callable[[Axes], object]) -> tuple[Block, ...]:
    """Draw a picture on Axes of its own.

    Parameters
    ----------
    caption : str
    draw : callable
        Takes the Axes.

    Returns
    -------
    tuple of Block
        The picture; nothing where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return ()
    figure = Figure(figsize=(8, 4.6), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    draw(figure.subplots())
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return (Picture(caption, file.getvalue()),)
