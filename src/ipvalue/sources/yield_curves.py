"""Yield curves: ChinaBond, the US Treasury's daily par yields, and tables with one tenor in each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import AnyTable, assemble, mapped, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import documented, plain_header, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format, Look
from ipvalue.types import Floats

__all__ = ["FORMAT", "read_yield_curve", "zero_rates"]

_DATE = ("date", "日期", "time period", "observation_date")
_TENOR = re.compile(
    r"(?:bc|dgs|gs|r|y)?([0-9]+(?:[.][0-9]+)?)\s*(months|month|mo|m|个月|月|years|year|yrs|yr|y|年)?", re.IGNORECASE
)
_MONTHS = ("m", "月", "个")
(_LONG,) = read_mappings("yield_curves")


def _recognise(look: Look) -> float:
    if look.kind != "table" or plain_header(look.header[0]) not in [plain_header(d) for d in _DATE]:
        return 0.0
    if not _LONG.missing(look.header):
        return 0.9
    named = [plain_header(h) for h in look.header]
    known = sum(_tenor(h) is not None for h in look.header[1:])
    if known >= 2:
        return 0.5 + 0.5 * known / (len(look.header) - 1)
    return 0.6 if named[1:] in (["rate"], ["yield"]) or (known == 1 and len(named) == 2) else 0.0


def _call(look: Look) -> str:
    """The call with the arguments that are not in the file: the currency, guessed from the language, and the tenor."""
    currency = "CNY" if any(ord(letter) > 0x2E7F for letter in "".join(look.header)) else "USD"
    alone = len(look.header) == 2 and _tenor(look.header[1]) is None
    return f'ipv.read_yield_curve({{path}}, currency="{currency}"{", tenor_years=10" if alone else ""})'


FORMAT = Format(
    "yield_curve",
    "yield curve (ChinaBond, US Treasury, or one tenor in each column)",
    "read_yield_curve",
    recognise=_recognise,
    fills={"curves": ("date", "currency", "tenor_years", "rate")},
    call=_call,
)


@documented()
def read_yield_curve(
    *paths: Source,
    currency: str,
    quoted: Literal["par", "zero"] = "par",
    coupons: int | None = None,
    tenor_years: float | None = None,
    strict: bool = False,
) -> Book:
    """Read yield curves as the table ``curves``: zero rates, annually compounded.

    Parameters
    ----------
    *paths : path
        Tables with a date and one tenor in each column (``1 Mo``, ``R3M``, ``10 Yr``, ``10年``); with a date, a tenor
        in years and a yield in each row (ChinaBond's own export); or with a date and one rate.
    currency : str
        ISO 4217.
    quoted : {'par', 'zero'}
        Kind of the yields, in percent: par yields (the Treasury's; ChinaBond's yields to maturity), or zero rates
        (即期收益率), which are not converted.
    coupons : int, optional
        Coupons per year of par yields; by default 2 for USD and 1 for other currencies.
    tenor_years : float, optional
        Tenor of a table with one rate.
    {strict}

    Returns
    -------
    Book
        A book without patents. Add it to other books with ``ipv.combine``.

    {raises}

    Notes
    -----
    ===================  ==========================================================================
    column               header
    ===================  ==========================================================================
    curves.date          Date, 日期; year first, or month first as the Treasury writes it (01/02/2024)
    curves.tenor_years   name of the column, or 标准期限(年), tenor
    curves.rate          the cell, 收益率(%), Rate; in percent
    ===================  ==========================================================================

    :func:`zero_rates` converts par yields. If every date is the first of a month, the rates are averages of that month.
    They are known at its end and get that date. An empty cell, N/A or ND means that there is no quotation. Other text
    that is not a number is rejected.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "daily-treasury-rates.csv"
    >>> _ = path.write_text('Date,"1 Yr","2 Yr"\\n01/02/2024,4.80,4.33\\n')
    >>> read_yield_curve(path, currency="USD")["curves"]["rate"].to_numpy().round(6).tolist()
    [0.048576, 0.043651]
    """
    rejects: list[Reject] = []
    parts = []
    for source in inputs(*paths, suffixes=TABLES):
        table = open_table(source, (_LONG,))
        points = _long(table) if not _LONG.missing(table.header) else _wide(table, tenor_years)
        parts.append(points)
        rejects += table.rejects
    points = pd.concat(parts, ignore_index=True)
    bad = points["rate"].isna() & points["text"].notna()
    rejects += [
        Reject(int(row), "rate", str(value), Reason.BAD_TYPE, f"tenor {tenor:g}")
        for row, value, tenor in points.loc[bad, ["row", "text", "tenor"]].itertuples(index=False, name=None)
    ]
    points = points[points["rate"].notna()]
    if quoted == "par":
        points = points.assign(rate=_zeros(points, coupons or (2 if currency == "USD" else 1)))
    curves = pa.table(
        {
            "date": pa.array(_month_ends(points["date"]), pa.string()),
            "currency": pa.array([currency] * len(points), pa.string()),
            "tenor_years": pa.array(points["tenor"], pa.float64()),
            "rate": pa.array(points["rate"], pa.float64()),
        }
    )
    return assemble({"curves": curves}, {"curves": rejects}, strict=strict)


def zero_rates(tenors: npt.ArrayLike, yields: npt.ArrayLike, coupons: int = 1) -> Floats:
    """Zero rates from par yields.

    Parameters
    ----------
    tenors : array_like, shape (k,), years
    yields : array_like, shape (..., k), per year
        Par yields, compounded ``coupons`` times a year; NaN if there is none.
    coupons : int
        Coupons a year.

    Returns
    -------
    ndarray of float64, shape (..., k), per year
        Annually compounded.

    Notes
    -----
    With coupons at t_i = i / m, par yields y_i interpolated linearly between tenors (flat beyond them), and discount
    factors d_i::

        1 = y_i / m * (d_1 + ... + d_i) + d_i      so      d_i = (1 - y_i / m * (d_1 + ... + d_(i-1))) / (1 + y_i / m)

    A tenor up to one coupon period is a bill: d = (1 + y / m) ** (-m t). Between coupon dates -log d is interpolated
    linearly. z = d ** (-1 / t) - 1.

    References
    ----------
    Hull (2018), Options, Futures and Other Derivatives, 10th ed., section 4.7 (bootstrap). US Treasury, Treasury Yield
    Curve Methodology: par yields on a bond-equivalent basis, semiannual.

    Examples
    --------
    >>> zero_rates([1, 2], [0.05, 0.06]).round(6).tolist()
    [0.05, 0.060303]
    """
    t = np.asarray(tenors, np.float64)
    y = np.atleast_2d(np.asarray(yields, np.float64))
    steps = int(np.ceil(t.max() * coupons - 1e-9))
    grid = np.arange(1, max(steps, 1) + 1) / coupons
    result = np.full(y.shape, np.nan)
    known = ~np.isnan(y)
    # days with the same tenors are computed together
    patterns, group = np.unique(known, axis=0, return_inverse=True)
    for code, pattern in enumerate(patterns):
        rows = np.flatnonzero(group.reshape(-1) == code)
        if pattern.any():
            quoted = np.ix_(rows, np.flatnonzero(pattern))
            result[quoted] = _bootstrap(t[pattern], y[quoted], grid, coupons)
    return result.reshape(np.asarray(yields).shape)


def _bootstrap(t: Floats, y: Floats, grid: Floats, m: int) -> Floats:
    order = np.argsort(t)
    par = np.stack([np.interp(grid, t[order], row[order]) for row in y]) / m
    discount = np.empty_like(par)
    annuity = np.zeros(len(y))
    for i in range(len(grid)):
        discount[:, i] = (1 - par[:, i] * annuity) / (1 + par[:, i])
        annuity += discount[:, i]
    with np.errstate(invalid="ignore"):
        decay = -np.log(discount)
    nodes = np.concatenate([[0.0], grid])
    at = np.stack([np.interp(t, nodes, np.concatenate([[0.0], row])) for row in decay])
    bill = m * t * np.log1p(y / m)
    return np.asarray(np.expm1(np.where(t <= 1 / m + 1e-9, bill, at) / t), np.float64)


def _zeros(points: pd.DataFrame, coupons: int) -> Floats:
    """Zero rates of par yields, with one curve for each date."""
    days, day = np.unique(points["date"].to_numpy(str), return_inverse=True)
    tenors, place = np.unique(points["tenor"].to_numpy(np.float64), return_inverse=True)
    table = np.full((len(days), len(tenors)), np.nan)
    table[day, place] = points["rate"]
    return zero_rates(tenors, table, coupons)[day, place] if len(tenors) else np.zeros(0)


def _month_ends(dates: pd.Series[str]) -> list[str]:
    days = pd.to_datetime(dates, format="%Y-%m-%d", errors="coerce")
    if len(days) and (days.dt.day == 1).all():
        return [str(d) for d in (days + pd.offsets.MonthEnd(0)).dt.strftime("%Y-%m-%d")]
    return [str(d) for d in dates]


def _tenor(header: str) -> float | None:
    """The tenor of a header in years; None if it has none.

    Examples
    --------
    >>> [_tenor(h) for h in ("R3M", "1 Mo", "1.5 Month", "10 Yr", "R30", "DGS3MO", "BC_10YEAR", "10年", "TD")]
    [0.25, 0.08333333333333333, 0.125, 10.0, 30.0, 0.25, 10.0, 10.0, None]
    """
    found = _TENOR.fullmatch(header.strip().replace("_", ""))
    if not found:
        return None
    unit = (found[2] or "y").lower()
    return float(found[1]) / (12.0 if unit.startswith(_MONTHS) else 1.0)


def _long(table: AnyTable) -> pd.DataFrame:
    rows = pa.concat_tables(list(mapped(table, _LONG)) or [_none([field.target for field in _LONG])])
    return _points(rows["date"], rows["tenor_years"].cast(pa.float64()).to_pylist(), rows["yield"])


def _wide(table: AnyTable, tenor_years: float | None) -> pd.DataFrame:
    header = table.header
    wanted = [plain_header(d) for d in _DATE]
    date = next((h for h in header if plain_header(h) in wanted), None)
    tenors = {h: t for h in header if (t := _tenor(h)) is not None and h != date}
    if date is not None and not tenors and tenor_years is not None and len(header) == 2:
        tenors = {header[1 - header.index(date)]: tenor_years}
    if date is None or not tenors:
        hint = "; pass the tenor of a single rate: tenor_years=10" if date is not None and len(header) == 2 else ""
        raise SourceError(f"{table.place} is not a yield curve: its columns are {', '.join(header[:12])}{hint}")
    rows = pa.concat_tables([pa.Table.from_batches([b]) for b in table.batches([date, *tenors])] or [_none(header)])
    dates = to.month_first_dates(rows[date].combine_chunks())
    return pd.concat(
        [_points(pa.chunked_array([dates]), [years] * rows.num_rows, _plain(rows[h])) for h, years in tenors.items()],
        ignore_index=True,
    )


def _none(header: Sequence[str]) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in header})


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([to.numbers(values.combine_chunks())])


def _points(dates: pa.ChunkedArray, tenors: list[float], values: pa.ChunkedArray) -> pd.DataFrame:
    texts = pd.Series(values.to_pylist(), dtype=object)
    rates = pd.to_numeric(texts, errors="coerce").astype(np.float64) / 100.0
    frame = pd.DataFrame({"row": np.arange(len(texts)), "date": dates.to_pylist(), "tenor": tenors, "text": texts})
    return frame.assign(rate=rates)
