"""Default figures of risk policies, read from their tables."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from ipvalue.assumptions.sets import Figure

__all__ = ["default_figure", "default_figures"]

_NAMES = ("value", "unit", "date", "certainty", "source")


def default_figures(table: str, name: str) -> dict[str, Figure]:
    """Figures of one name by key, in the order of the table.

    Parameters
    ----------
    table : str
        File in ``risk/tables``.
    name : str
        The figure.

    Returns
    -------
    dict of Figure
        A new dictionary.

    Examples
    --------
    >>> sorted(default_figures("collateral_policy.csv", "maximum_ltv"))
    ['design', 'invention', 'plant', 'utility_model']
    """
    return dict(_read(table)[name])


def default_figure(table: str, name: str) -> Figure:
    """A figure without keys; see :func:`default_figures`."""
    return _read(table)[name][""]


@cache
def _read(table: str) -> dict[str, dict[str, Figure]]:
    file = resources.files("ipvalue.risk") / "tables" / table
    found: dict[str, dict[str, Figure]] = {}
    for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        figure = Figure.model_validate({name: row[name] for name in _NAMES})
        found.setdefault(row["figure"], {})[row["key"]] = figure
    return found
