"""Damodaran's industry tables: cost of capital, margins, betas and multiples by industry, and risk by country."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ipvalue.errors import SourceError
from ipvalue.sources.joining.assemble import AnyTable, mapped, one_input, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field
from ipvalue.sources.reading.spreadsheets import SheetTable
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_damodaran"]

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
    if table.refusals:
        raise SourceError(f"{table.place}: {table.refusals[0].detail}")
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
