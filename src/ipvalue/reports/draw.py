"""Pictures of a dossier: drawn off screen, without touching the caller's figures; none without matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from ipvalue.reports.blocks import Block, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["picture"]


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
