"""Damodaran's industry tables: cost of capital, margins, betas and multiples by industry, and risk by country."""

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

from ipvalue.assumptions.figures import Figure
from ipvalue.errors import SourceError
from ipvalue.sources.joining.assemble import AnyTable, mapped, one_input, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field
from ipvalue.sources.reading.spreadsheets import SheetTable
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_damodaran", "industry_figures"]

_COLUMNS = Columns(
    "industries",
    (
        Field("industry", ("Industry Name", "Industry name", "Industry"), required=True, own=True),
        Field("firms", ("Number of Firms", "Number of firms"), required=True, own=True),
    ),
)
_COUNTRIES = Columns(
    "countries",
    (
        Field("country", ("Country",), to.compact, required=True, own=True),
        Field("rating", ("Moody's rating",), to.compact, required=True, own=True),
        Field("default_spread", ("Rating-based Default Spread",), to.numbers, own=True),
        Field("equity_risk_premium", ("Total Equity Risk Premium",), to.numbers, required=True, own=True),
        Field("country_risk_premium", ("Country Risk Premium",), to.numbers, required=True, own=True),
    ),
)
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
    """Read industry averages (wacc, margin, betas, capex and their like) or premia by country (ctryprem).

    Parameters
    ----------
    path : path
        XLS, XLSX or CSV.
    edition : str, optional
        Date of the edition; read from the workbook (``Date updated``) or the column ``edition`` where absent. That of
        ctryprem stands on another sheet, so it is to be given.

    Returns
    -------
    pandas.DataFrame
        One row an industry, by its name: ``firms``, all other columns as numbers under the names of the file in small
        letters with underscores (``cost_of_capital``, ``pre_tax_unadjusted_operating_margin``, ``r_d_sales``), and
        ``edition``. Rates and margins are shares. NA is missing. The totals of the market are rows like others. Of
        ctryprem one row a country: ``rating``, ``default_spread``, ``equity_risk_premium``, ``country_risk_premium``.

    Raises
    ------
    SourceError
        If the file can't be read, is no such table, or a cell is neither a number nor NA.

    Notes
    -----
    No table of the book holds industries, since nothing in it varies by them: they are assumptions.
    :func:`ipvalue.industry_figures` makes figures of them for :meth:`ipvalue.Assumptions.with_figures`.

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
        raise SourceError(f"{table.place} has a header and no row")
    rows = pd.concat(frames, ignore_index=True)
    if table.rejects:
        raise SourceError(f"{table.place}: {table.rejects[0].detail}")
    rows = rows[rows[found["industry"]].notna() & rows[found["firms"]].notna()]
    result: dict[str, pd.Series] = {}
    for name in rows.columns:
        key = "firms" if name == found["firms"] else _NAMES.sub("_", name.lower()).strip("_")
        if name not in (found["industry"], "edition") and not rows[name].isna().all():
            result[key] = _numbers(table.place, name, rows[name])
    frame = pd.DataFrame(result).set_axis(pd.Index(rows[found["industry"]].str.strip(), name="industry"))
    frame["edition"] = edition or (rows["edition"].to_numpy() if "edition" in rows else _edition(table))
    return frame


def _countries(table: AnyTable, edition: str | None) -> pd.DataFrame:
    """Premia by country; the table ends at the first row without a rating, below which other lists stand."""
    if isinstance(table, SheetTable):
        table.refuse_strays = False  # a list of ratings stands beside the table
    rows = pd.concat([batch.to_pandas() for batch in mapped(table, _COUNTRIES)], ignore_index=True)
    whole = (rows["country"].notna() & rows["rating"].notna()).to_numpy(bool)
    rows = rows[np.logical_and.accumulate(whole)]
    names = [name for name in rows.columns if name not in ("country", "rating")]
    frame = pd.DataFrame({"rating": rows["rating"].to_numpy(), **{n: _numbers(table.place, n, rows[n]) for n in names}})
    return frame.set_axis(pd.Index(rows["country"], name="country")).assign(edition=edition)


def _numbers(place: str, name: str, values: pd.Series) -> pd.Series:
    import pyarrow as pa

    texts = to.numbers(pa.array(values, pa.string(), from_pandas=True)).to_pylist()
    texts = [t.removesuffix("%") if t else t for t in texts]
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    bad = numbers.isna() & pd.Series(texts, dtype=object).notna()
    if bad.any():
        raise SourceError(f"{place}: column {name!r} holds {texts[int(bad.to_numpy().argmax())]!r}, which is no number")
    percent = values.astype(str).str.strip().str.endswith("%").to_numpy()
    return pd.Series(np.where(percent, numbers / 100.0, numbers).astype(np.float64))


def _edition(table: object) -> str | None:
    """The date in the workbook's ``Date updated``; None where there is none."""
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
_UPDATE_DAY = "05"  # an edition that names its month alone: the tables are updated on the 5th of January
_STANDS = "the industry that stands for the field is assumed"


class _ByField(NamedTuple):
    """A figure by field: the product of some columns at the field's industry."""

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
        premia by country (ctryprem), in any order.
    country : str, optional
        Whose risk premium is taken from ctryprem, by its name there; required with that table.
    industries : mapping of str to str, optional
        Industry by technology field (``"1"`` to ``"35"``) or ``"default"``, where ours does not suit.
    edition : str or date, optional
        Day of the figures; by default that of each table.

    Returns
    -------
    dict
        For :meth:`ipvalue.Assumptions.with_figures`; of each table what it has:

        ================================  ===========================================================================
        cost_of_capital                   ``cost_of_capital`` by field
        development_volatility            ``std_dev_in_stock * e_d_e`` by field: of the whole firm, debt being riskless
        operating_margin                  ``pre_tax_lease_r_d_adj_margin`` by field: R&D as an investment
        contributory_share                ``non_cash_wc_sales`` of the whole market, for ``working_capital``
        country_risk_premium              ``country_risk_premium`` of the country
        ================================  ===========================================================================

    Raises
    ------
    SourceError
        If a table has none of these columns, no date, or lacks an industry or the country.

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
            raise SourceError(f"a table has none of the columns from which figures follow; it has {has}")
        figures |= found
    return figures


def _of_fields(table: pd.DataFrame, each: _ByField, industries: Mapping[str, str], day: dt.date) -> dict[str, Figure]:
    values = table[[*each.columns]].astype(float).prod(axis=1, skipna=False).dropna()
    lacking = sorted({*industries.values()} - {*values.index})
    if lacking:
        names = ", ".join(lacking[:5])
        raise SourceError(f"the table has no {each.name} of {names}: name others as industries={{field: industry}}")
    what = f"{each.what} by industry, edition {day}"
    return {
        key: _figure(values[industry], each, day, f"{what}: {industry}{'' if key == _DEFAULT else f'; {_STANDS}'}")
        for key, industry in industries.items()
    }


def _working_capital(table: pd.DataFrame, market: str, day: dt.date) -> Figure:
    about = _ByField("contributory_share", ("non_cash_wc_sales",), "share of revenue", "published", "")
    return _figure(
        _one(table, market, about), about, day, f"non-cash working capital over sales, edition {day}: {market}"
    )


def _country(table: pd.DataFrame, country: str | None, day: dt.date) -> Figure:
    if country is None:
        raise SourceError("a table of premia by country needs country=, such as country='China'")
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
    said = edition if edition is not None else next(iter(table.get("edition", pd.Series(dtype=object)).dropna()), None)
    found = _EDITION.fullmatch(str(said))
    if found is None:
        raise SourceError(f"a table's edition is {said!r}, which is no date: give edition='YYYY-MM-DD'")
    return dt.date.fromisoformat(f"{found[1]}-{found[2]}-{found[3] or _UPDATE_DAY}")


@cache
def _industries() -> dict[str, str]:
    file = resources.files("ipvalue.assumptions") / "tables" / "field_industries.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {row["key"]: row["industry"] for row in rows}
