"""Market coverage: how large the economies are in which the family seeks protection.

Gross domestic product in current US dollars replaces gross national income, for which the table is not at
hand. A year's figure is taken as published on 1 July of the next year, so that a snapshot sees no later one.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.law.ep_rights import MAIN_STATES
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Floats, Ints, Texts

__all__ = ["FAMILY", "market_weight", "offices_of"]

_PUBLISHED_MONTH = 7
_REFERENCE = "US"


def offices_of(snapshot: Snapshot) -> tuple[Ints, Texts]:
    """Distinct pairs of patent and office: where the family is published, and the patent's own office.

    Returns
    -------
    tuple of ndarray
        Position of the patent and code of the office, sorted by patent and office.
    """
    members = snapshot.family
    n = len(snapshot)
    patent = np.concatenate([members.patent, np.arange(n)])
    names, code = np.unique(np.concatenate([members["office"], snapshot.patents["jurisdiction"]]), return_inverse=True)
    pair = distinct(patent * max(len(names), 1) + code)
    return pair // max(len(names), 1), names[pair % max(len(names), 1)] if len(names) else np.zeros(0, "<U2")


@cache
def _gdp() -> dict[str, tuple[Ints, Floats]]:
    """Years and gross domestic product of each office's economy."""
    file = resources.files("ipvalue.features") / "tables" / "market_gdp.csv"
    found: dict[str, list[tuple[int, float]]] = {}
    for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        found.setdefault(row["office"], []).append((int(row["year"]), float(row["gdp_usd"])))
    for pairs in found.values():
        pairs.sort()
    return {
        office: (np.array([y for y, _ in pairs], np.int64), np.array([g for _, g in pairs]))
        for office, pairs in found.items()
    }


def market_weight(offices: Texts, date: np.datetime64) -> Floats:
    """Size of each office's economy against that of the United States, as known on a day.

    Parameters
    ----------
    offices : ndarray of str, shape (n,)
        WIPO ST.3. EP counts as Germany, France and Great Britain, in which nearly every European patent is
        validated; WO for none.
    date : numpy.datetime64
        The day.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where the economy's size is not known.

    Examples
    --------
    >>> market_weight(np.array(["US", "WO"]), np.datetime64("2024-12-31")).tolist()
    [1.0, 0.0]
    """
    month = date.astype("datetime64[M]").astype(np.int64)
    last_year = 1970 + month // 12 - (1 if month % 12 + 1 >= _PUBLISHED_MONTH else 2)
    names, code = np.unique(offices, return_inverse=True)
    reference = _latest(_REFERENCE, int(last_year))
    sizes = [
        sum(_latest(state, int(last_year)) for state in (MAIN_STATES if name == "EP" else (str(name),)))
        for name in names
    ]
    return (np.array(sizes, np.float64) / reference)[code] if len(names) else np.zeros(0)


def _latest(office: str, year: int) -> float:
    """Figure of the year, or of the last one before it; the first one where all are later."""
    if office not in _gdp():
        return 0.0
    years, sizes = _gdp()[office]
    return float(sizes[max(int(np.searchsorted(years, year, "right")) - 1, 0)])


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    patent, office = offices_of(snapshot)
    weight = market_weight(office, snapshot.date)
    three = [np.bincount(patent[office == name], minlength=len(snapshot)) > 0 for name in ("EP", "JP", "US")]
    coverage = np.bincount(patent, weights=weight, minlength=len(snapshot)).astype(np.float64)
    return {
        "market_coverage": coverage,
        "triadic": (three[0] & three[1] & three[2]).astype(np.float64),
        "competitive_impact": context.earlier["forward_citation_ratio"] * coverage,
    }


FAMILY = Family.listed("market", _compute)
