"""The CSV tables of facts in ``law/tables``: read once, when first asked for."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources import files

__all__ = ["rows"]


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of one table of facts.

    Parameters
    ----------
    name : str
        File name in ``law/tables`` without ``.csv``.

    Returns
    -------
    tuple of dict
        One dict a row, column name to text, in the file's order.

    Examples
    --------
    >>> rows("fields35")[2]["field_name"]
    'Telecommunications'
    """
    text = files("ipvalue.law").joinpath("tables", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text)))
