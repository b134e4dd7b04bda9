"""Damodaran's tables: cost of capital, margins, betas and multiples by industry, and risk premiums by country.

:func:`read_damodaran` reads a table, and :func:`industry_figures` makes figures of an assumption set from tables.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.assumptions.figures import Figure
from ipvalue.errors import SourceError
from ipvalue.sources.joining.assemble import AnyTable, mapped, one_input, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import read_mappings
from ipvalue.sources.reading.spreadsheets import SheetTable
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_damodaran", "industry_figures"]

_COLUMNS, _COUNTRIES = read_mappings("damodaran")
FORMAT = Format(
    "damodaran",
    "Damodaran's industry averages (not a book: a table of industries)",
    "read_damodaran",
    parts=(_COLUMNS, _COUNTRIES),
    everything=True,
)
_NAMES = re.compile(r"[^a-z0-9]+")
_EPOCH = np.datetime64("1899-12-30")  # day 0 of a spreadsheet


def read_damodaran(path: Source, *, edition: str | None = None) -> pd.DataFrame:
    """Read industry averages (wacc, margin, betas, capex and their like) or risk premiums by country (ctryprem).

    Parameters
    ----------
    path : path
        XLS, XLSX or CSV.
    edition : str, optional
        Date of the edition. If absent, it is read from the workbook (``Date updated``) or the column ``edition``. In
        ctryprem it is on another sheet, so that it must be passed.

    Returns
    -------
    pandas.DataFrame
        One row for each industry, indexed by name: ``firms``, all other columns as numbers, with the file's names in
        lower case with underscores (``cost_of_capital``, ``r_d_sales``), and ``edition``. Rates and margins are shares,
        and NA is missing. Totals of the market are rows too. From ctryprem, one row for each country: ``rating``,
        ``default_spread``, ``equity_risk_premium`` and ``country_risk_premium``.

    Raises
    ------
    SourceError
        If the file cannot be read, is not such a table, or a cell is neither a number nor NA.

    Notes
    -----
    Industry averages are assumptions, not a table of the book. :func:`ipvalue.industry_figures` makes figures from them
    for :meth:`ipvalue.Assumptions.with_figures`.

    References
    ----------
    Damodaran, A., Data: current, NYU Stern, published each January; free with attribution.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "wacc.csv"
    >>> _ = path.write_text("edition,Industry Name,Number of Firms,Cost of Capital\\n2025-01,Advertising,54,0.0922\\n")
    >>> float(read_damodaran(path).loc["Advertising", "cost_of_capital"])
    0.0922
    """
    source = one_input(inputs(path, suffixes=TABLES), "a table of industry averages")
    table = open_table(source, (_COLUMNS, _COUNTRIES))
    if _COLUMNS.missing(table.header) and not _COUNTRIES.missing(table.header):
        return _countries(table, edition)
    found = _COLUMNS.require(table.place, table.header)
    frames = [batch.to_pandas() for batch in table.batches()]
    if not frames:
        raise SourceError(f"{table.place} has a header but no rows")
    rows = pd.concat(frames, ignore_index=True)
    if table.rejects:
        raise SourceError(f"{table.place}: {table.rejects[0].detail}")
    rows = rows[rows[found["industry"]].notna() & rows[found["firms"]].notna()]
    result: dict[str, pd.Series] = {}
    for name in rows.columns:
        key = "firms" if name == found["firms"] else _NAMES.sub("_", name.lower()).strip("_")
        if name not in (found["industry"], "edition") and not rows[name].isna().all():
            result[key] = as_numbers(table.place, name, rows[name])
    frame = pd.DataFrame(result).set_axis(pd.Index(rows[found["industry"]].str.strip(), name="industry"))
    frame["edition"] = edition or (rows["edition"].to_numpy() if "edition" in rows else _edition(table))
    return frame


def _countries(table: AnyTable, edition: str | None) -> pd.DataFrame:
    """Premiums by country. The table ends at the first row without a rating; other lists follow."""
    if isinstance(table, SheetTable):
        table.reject_extra_cells = False  # there is a list of ratings beside the table
    rows = pd.concat([batch.to_pandas() for batch in mapped(table, _COUNTRIES)], ignore_index=True)
    complete = (rows["country"].notna() & rows["rating"].notna()).to_numpy(bool)
    rows = rows[np.logical_and.accumulate(complete)]
    names = [name for name in rows.columns if name not in ("country", "rating")]
    frame = pd.DataFrame(
        {"rating": rows["rating"].to_numpy(), **{n: as_numbers(table.place, n, rows[n]) for n in names}}
    )
    return frame.set_axis(pd.Index(rows["country"], name="country")).assign(edition=edition)


def as_numbers(place: str, name: str, values: pd.Series) -> pd.Series:
    """Numbers from text, with percentages as shares; ``SourceError`` if a cell is not a number."""
    texts = pd.Series(to.numbers(pa.array(values, pa.string(), from_pandas=True)).to_pylist(), dtype=object)
    texts = texts.str.removesuffix("%")
    numbers = pd.to_numeric(texts, errors="coerce")
    bad = (numbers.isna() & texts.notna()).to_numpy()
    if bad.any():
        raise SourceError(f"{place}: column {name!r} contains {texts[int(bad.argmax())]!r}, which is not a number")
    percent = values.astype(str).str.strip().str.endswith("%").to_numpy()
    return pd.Series(np.where(percent, numbers / 100.0, numbers).astype(np.float64))


def _edition(table: object) -> str | None:
    """The date in the workbook's ``Date updated``; None if there is none."""
    for cells in getattr(table, "before", []):
        if cells and str(cells[0]).lower().startswith("date updated"):
            for cell in cells[1:]:
                if re.fullmatch(r"[0-9]{5}", cell):
                    return str(_EPOCH + int(cell))
                if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cell):
                    return str(cell[:10])
    return None


_DEFAULT = "default"
_EDITION = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")
_UPDATE_DAY = "05"  # for an edition with a month only: the tables are updated on the 5th of January
_ASSUMED = "the industry of the field is assumed"


class _ByField(NamedTuple):
    """A figure by technology field: the product of some columns for the field's industry."""

    name: str
    columns: tuple[str, ...]
    unit: str
    certainty: str
    what: str


_BY_FIELD = (
    _ByField("cost_of_capital", ("cost_of_capital",), "per year", "published", "cost of capital"),
    _ByField(
        "development_volatility",
        ("std_dev_in_stock", "e_d_e"),
        "per year to the root",
        "derived",
        "standard deviation of the stock times the share of equity",
    ),
    _ByField(
        "operating_margin",
        ("pre_tax_lease_r_d_adj_margin",),
        "share of revenue",
        "published",
        "pre-tax operating margin adjusted for leases and R&D",
    ),
)


def industry_figures(
    *tables: pd.DataFrame,
    country: str | None = None,
    industries: Mapping[str, str] | None = None,
    edition: str | dt.date | None = None,
) -> dict[str, Figure | dict[str, Figure]]:
    """Make figures of an assumption set from Damodaran's tables.

    Parameters
    ----------
    *tables : pandas.DataFrame
        As :func:`ipvalue.read_damodaran` returns them: costs of capital (wacc), margins, working capital (wcdata),
        risk premiums by country (ctryprem), in any order.
    country : str, optional
        Country whose risk premium is used, by its name in ctryprem. Required with that table.
    industries : mapping of str to str, optional
        Industry by technology field (``"1"`` to ``"35"``) or ``"default"``, to replace ours.
    edition : str or date, optional
        Date of the figures; by default that of each table.

    Returns
    -------
    dict
        For :meth:`ipvalue.Assumptions.with_figures`, as far as the tables have the columns:

        ================================  ===========================================================================
        cost_of_capital                   ``cost_of_capital`` by field
        development_volatility            ``std_dev_in_stock * e_d_e`` by field: that of the firm, if debt is riskless
        operating_margin                  ``pre_tax_lease_r_d_adj_margin`` by field: R&D as an investment
        contributory_share                ``non_cash_wc_sales`` of the market, for ``working_capital``
        country_risk_premium              ``country_risk_premium`` of the country
        ================================  ===========================================================================

    Raises
    ------
    SourceError
        If a table has none of these columns or no date, or an industry or the country is missing.

    References
    ----------
    Damodaran, A., Data: current, NYU Stern; free with attribution.

    Examples
    --------
    >>> import ipvalue as ipv, pandas as pd
    >>> table = pd.DataFrame({"cost_of_capital": 0.09, "edition": "2026-01-05"}, index=["Machinery", "Market"])
    >>> figures = industry_figures(table, industries=dict.fromkeys([*map(str, range(1, 36)), "default"], "Machinery"))
    >>> ipv.Assumptions.default("CN").with_figures(figures).cost_of_capital["25"].value
    0.09
    """
    by_field = {**_industries(), **(industries or {})}
    figures: dict[str, Figure | dict[str, Figure]] = {}
    for table in tables:
        day = _day(table, edition)
        found: dict[str, Figure | dict[str, Figure]] = {
            each.name: _of_fields(table, each, by_field, day)
            for each in _BY_FIELD
            if {*each.columns} <= {*table.columns}
        }
        if "non_cash_wc_sales" in table:
            found["contributory_share"] = {"working_capital": _working_capital(table, by_field[_DEFAULT], day)}
        if "country_risk_premium" in table:
            found["country_risk_premium"] = _country(table, country, day)
        if not found:
            has = ", ".join(map(str, table.columns[:6]))
            raise SourceError(f"a table has none of the columns that figures are made from; it has {has}")
        figures |= found
    return figures


def _of_fields(table: pd.DataFrame, each: _ByField, industries: Mapping[str, str], day: dt.date) -> dict[str, Figure]:
    values = table[[*each.columns]].astype(float).prod(axis=1, skipna=False).dropna()
    lacking = sorted({*industries.values()} - {*values.index})
    if lacking:
        names = ", ".join(lacking[:5])
        raise SourceError(f"the table has no {each.name} of {names}; pass others as industries={{field: industry}}")
    what = f"{each.what} by industry, edition {day}"
    return {
        key: _figure(values[industry], each, day, f"{what}: {industry}{'' if key == _DEFAULT else f'; {_ASSUMED}'}")
        for key, industry in industries.items()
    }


def _working_capital(table: pd.DataFrame, market: str, day: dt.date) -> Figure:
    about = _ByField("contributory_share", ("non_cash_wc_sales",), "share of revenue", "published", "")
    return _figure(
        _one(table, market, about), about, day, f"non-cash working capital over sales, edition {day}: {market}"
    )


def _country(table: pd.DataFrame, country: str | None, day: dt.date) -> Figure:
    if country is None:
        raise SourceError("a table of risk premiums by country needs the country, such as country='China'")
    about = _ByField("country_risk_premium", ("country_risk_premium",), "per year", "published", "")
    return _figure(_one(table, country, about), about, day, f"country risk premiums, edition {day}: {country}")


def _figure(value: float, about: _ByField, day: dt.date, what: str) -> Figure:
    return Figure.model_validate(
        {
            "value": float(value),
            "unit": about.unit,
            "date": day,
            "certainty": about.certainty,
            "source": f"Damodaran (NYU Stern), {what}",
        }
    )


def _one(table: pd.DataFrame, row: str, about: _ByField) -> float:
    (column,) = about.columns
    values = table[column].dropna()
    if row not in values.index:
        near = ", ".join(map(str, values.index[:5]))
        raise SourceError(f"the table has no {column} of {row!r}; it has rows such as {near}")
    return float(values[row])


def _day(table: pd.DataFrame, edition: str | dt.date | None) -> dt.date:
    given = edition if edition is not None else next(iter(table.get("edition", pd.Series(dtype=object)).dropna()), None)
    found = _EDITION.fullmatch(str(given))
    if found is None:
        raise SourceError(f"a table's edition is {given!r}, which is not a date; pass edition='YYYY-MM-DD'")
    return dt.date.fromisoformat(f"{found[1]}-{found[2]}-{found[3] or _UPDATE_DAY}")


@cache
def _industries() -> dict[str, str]:
    file = resources.files("ipvalue.assumptions") / "tables" / "field_industries.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {row["key"]: row["industry"] for row in rows}
