"""Royalty benchmarking: royalty rates of the book's licences, compared with the assumed and the learnt rates.

The column ``learnt`` by technology field is the rate that relief from royalty takes for a patent without a rate of its
own: the licences of the field, shrunk towards all licences and these towards the assumed rate
(:func:`ipvalue.methods.relief_from_royalty.royalty_table`). By sector and industry it is the same computation on
wider or other groups, for comparison.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import IpvalueError
from ipvalue.law.technology import field_names, sector_names, sector_of
from ipvalue.methods.relief_from_royalty import royalty_table
from ipvalue.records.book import Book
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Floats, Ints

__all__ = ["QUANTILES", "royalty_benchmark"]

QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)
_BASES = ("net_sales", "gross_sales", "")
_FIELDS = np.arange(36)
_INDUSTRY = "industry:"


class _Groups(NamedTuple):
    """Groups of licences: their codes and names, the group of each licence, and the assumed rate of each."""

    code: list[str]
    name: list[str]
    member: Ints
    assumed: Floats
    source: list[str]


def royalty_benchmark(
    source: Book | Snapshot,
    *,
    as_of: object = None,
    assumptions: Assumptions | None = None,
    by: Literal["field", "sector", "industry"] = "field",
    licence_weight: float = 10.0,
) -> pd.DataFrame:
    """Tabulate the royalty rates of the licences known on a date.

    Parameters
    ----------
    as_of : date, optional
        The day; required with a book, refused with a snapshot, which has its own.
    assumptions : Assumptions, optional
        By default ``Assumptions.default("CN")``.
    by : {'field', 'sector', 'industry'}
        Group: WIPO technology field, its sector, or the industry that the licence names.
    licence_weight : float, default 10
        Licences of a group that weigh as much as the wider group, as in relief from royalty.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``by`` (number of the field or sector, 0 where unknown; code of the industry, '' where unknown):
        ``name``; ``licences`` with a rate above 0 on net or gross sales or an unnamed base; ``q10`` to ``q90``,
        quantiles of their rates (share of revenue, NaN without licences); ``learnt``, the shrunk median, and
        ``log_sd``, the shrunk spread in log units; ``assumed`` and ``assumed_source`` (with date and certainty).

    Raises
    ------
    IpvalueError
        If the date is missing or superfluous, or the group is unknown.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> table = royalty_benchmark(ipv.synthetic_book(2_000, seed=7), as_of="2024-12-31", by="sector")
    >>> licensed = table[table["licences"] > 0]
    >>> bool((licensed["q10"] <= licensed["q90"]).all())
    True
    """
    snapshot = _snapshot(source, as_of)
    figures = Assumptions.default("CN") if assumptions is None else assumptions
    licences = snapshot.licences
    usable = (licences["rate"] > 0) & np.isin(licences["base"], _BASES)
    known = {name: values[usable] for name, values in licences.items()}
    if by not in ("field", "sector", "industry"):
        raise IpvalueError(f"by={by!r}: licences are grouped by 'field', 'sector' or 'industry'")
    groups = _by_industry(known, figures) if by == "industry" else _by_technology(known, figures, sector=by == "sector")
    count = len(groups.code)
    # royalty_table counts 36 groups at least: what is added here has no licence and is cut off again
    padded = np.append(groups.assumed, np.full(max(len(_FIELDS) - count, 0), figures.royalty_rate["default"].value))
    learnt, spread, licensed = royalty_table(
        groups.member, known["rate"], padded, figures.royalty_log_sd.value, licence_weight
    )
    rates = [known["rate"][groups.member == k] for k in range(count)]
    rows = [np.quantile(r, QUANTILES) if len(r) else np.full(len(QUANTILES), np.nan) for r in rates]
    quantiles = np.array(rows).reshape(count, len(QUANTILES))
    columns = {f"q{round(100 * level):02d}": quantiles[:, j] for j, level in enumerate(QUANTILES)}
    index = pd.Index(groups.code if by == "industry" else [int(code) for code in groups.code], name=by)
    return pd.DataFrame(
        {
            "name": groups.name,
            "licences": licensed[:count],
            **columns,
            "learnt": learnt[:count],
            "log_sd": spread[:count],
            "assumed": groups.assumed,
            "assumed_source": groups.source,
        },
        index=index,
    )


def _snapshot(source: Book | Snapshot, as_of: object) -> Snapshot:
    if isinstance(source, Snapshot):
        if as_of is not None:
            raise IpvalueError("a snapshot has its own date: leave as_of out, or give the book")
        return source
    if as_of is None:
        raise IpvalueError("licences are known as of a date: give as_of with a book")
    return source.as_of(as_of)


def _by_technology(licences: Columns, assumptions: Assumptions, *, sector: bool) -> _Groups:
    """By field; or by sector, for which the geometric mean of its fields' rates is assumed."""
    rate = assumptions.by_field("royalty_rate", _FIELDS)
    sources = [_source(assumptions, str(field)) for field in _FIELDS]
    fields = licences["field"].astype(np.int64)
    if not sector:
        return _Groups([str(f) for f in _FIELDS], field_names(), fields, rate, sources)
    place = sector_of(_FIELDS).astype(np.int64)
    codes = np.unique(place)
    assumed = np.array([np.exp(np.log(rate[place == code]).mean()) for code in codes])
    joined = ["; ".join(dict.fromkeys(s for s, p in zip(sources, place) if p == code)) for code in codes]
    return _Groups([str(c) for c in codes], sector_names(), place[fields], assumed, joined)


def _by_industry(licences: Columns, assumptions: Assumptions) -> _Groups:
    """By industry: those of the licences, and those for which a rate is assumed."""
    assumed = {key.removeprefix(_INDUSTRY) for key in assumptions.royalty_rate if key.startswith(_INDUSTRY)}
    codes = sorted({*map(str, np.unique(licences["industry"])), *assumed})
    member = np.searchsorted(np.array(codes, str), licences["industry"].astype(str)).astype(np.int64)
    keys = [_INDUSTRY + code for code in codes]
    rate = assumptions.by_key("royalty_rate", np.array(keys, str))
    names = [code or "unknown" for code in codes]
    return _Groups(codes, names, member, rate, [_source(assumptions, key) for key in keys])


def _source(assumptions: Assumptions, key: str) -> str:
    figure = assumptions.royalty_rate.get(key, assumptions.royalty_rate["default"])
    return f"{figure.certainty}, {figure.date}: {figure.source}"
