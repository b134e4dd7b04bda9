"""Exchange rates: the European Central Bank's reference rates, as its history file or as its data portal's CSV."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import AnyTable, assemble, mapped, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field, plain_header
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.sources.registry import Format, Look

__all__ = ["FORMAT", "read_ecb_fx"]

_CODE = re.compile("[A-Z]{3}")
_LONG = Columns(
    "fx",
    (
        Field("date", ("TIME_PERIOD",), to.dates, required=True),
        Field("currency", ("CURRENCY",), to.compact, required=True),
        Field("against", ("CURRENCY_DENOM",), to.compact, required=True, own=True),
        Field("units", ("OBS_VALUE",), to.numbers, required=True, own=True, gives="rate"),
        Field("suffix", ("EXR_SUFFIX",), to.compact, own=True),
    ),
    part="data portal",
)


def _recognise(look: Look) -> float:
    if look.kind != "table" or plain_header(look.header[0]) != "date" or "USD" not in look.header:
        return 0.0
    codes = sum(_CODE.fullmatch(h) is not None for h in look.header[1:])
    return 0.5 + 0.5 * codes / (len(look.header) - 1)


FORMAT = Format(
    "ecb_fx",
    "exchange rates of the European Central Bank",
    "read_ecb_fx",
    parts=(_LONG,),
    recognise=_recognise,
    fills={"fx": ("date", "currency", "rate")},
)


def read_ecb_fx(*paths: Source, strict: bool = False) -> Book:
    """Read the European Central Bank's reference rates as the table ``fx``: US dollars for one unit.

    Parameters
    ----------
    *paths : path
        ``eurofxref-hist.csv`` (also as ``.zip``), or a CSV of the data portal (data set EXR).
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book
        Without patents; put it to others with ``ipv.combine``. The euro has a rate like the others.

    Raises
    ------
    SourceError
        If a file can't be read, or lacks the US dollar, by which all rates are expressed.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    ============  ==============================================================
    column        header
    ============  ==============================================================
    fx.date       Date, TIME_PERIOD
    fx.currency   name of the column, CURRENCY
    fx.rate       units of USD for one euro over units of the currency for one euro
    ============  ==============================================================

    N/A is no quotation. Of the data portal only rates against the euro are read, and of several series the averages
    (suffix A). A month or year is dated on its last day, on which its average is known. A day without a dollar rate has
    no rates.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "eurofxref-hist.csv"
    >>> _ = path.write_text("Date,USD,JPY,CYP,\\n2024-01-02,1.0956,155.71,N/A,\\n")
    >>> book = read_ecb_fx(path)
    >>> dict(zip(book["fx"]["currency"].to_pylist(), book["fx"]["rate"].to_numpy().round(6).tolist()))
    {'EUR': 1.0956, 'JPY': 0.007036, 'USD': 1.0}
    """
    refusals: list[Refusal] = []
    parts = []
    for source in inputs(*paths, suffixes=TABLES):
        table = open_table(source, (_LONG,))
        parts.append(_long(table) if not _LONG.missing(table.header) else _wide(table))
        refusals += table.refusals
    quotes = pd.concat(parts, ignore_index=True)
    units = pd.to_numeric(quotes["units"], errors="coerce").astype(np.float64)
    bad = quotes["units"].notna() & ~(units > 0)
    refusals += [
        Refusal(int(row), "rate", str(value), Reason.BAD_TYPE, f"{currency} of {date}")
        for row, date, currency, value in quotes[bad].itertuples(index=False, name=None)
    ]
    quotes = quotes.assign(units=units)[units > 0]
    euros = pd.DataFrame({"date": quotes["date"].unique(), "currency": "EUR", "units": 1.0})
    quotes = pd.concat([quotes, euros], ignore_index=True)
    dollars = quotes[quotes["currency"] == "USD"].drop_duplicates("date").set_index("date")["units"]
    if dollars.empty:
        raise SourceError(f"{inputs(*paths)[0].place} has no rate of the US dollar, by which all rates are expressed")
    quotes = quotes.assign(rate=quotes["date"].map(dollars) / quotes["units"]).dropna(subset=["rate"])
    fx = pa.table(
        {
            "date": pa.array(quotes["date"], pa.string()),
            "currency": pa.array(quotes["currency"], pa.string()),
            "rate": pa.array(quotes["rate"], pa.float64()),
        }
    )
    return assemble({"fx": fx}, {"fx": refusals}, strict=strict)


def _wide(table: AnyTable) -> pd.DataFrame:
    date = next((h for h in table.header if plain_header(h) == "date"), None)
    codes = [h for h in table.header if _CODE.fullmatch(h)]
    if date is None or not codes:
        raise SourceError(
            f"{table.place} holds no exchange rates: no Date and currencies in {', '.join(table.header[:12])}"
        )
    rows = [pa.Table.from_batches([batch]) for batch in table.batches([date, *codes])]
    parts = []
    for batch in rows:
        dates = _days(to.dates(batch[date].combine_chunks()).to_pylist())
        parts += [
            pd.DataFrame(
                {
                    "row": np.arange(batch.num_rows),
                    "date": dates,
                    "currency": code,
                    "units": pd.Series(to.numbers(batch[code].combine_chunks()).to_pylist(), dtype=object),
                }
            )
            for code in codes
        ]
    return pd.concat(parts, ignore_index=True) if parts else _nothing()


def _long(table: AnyTable) -> pd.DataFrame:
    parts = [batch.to_pandas() for batch in mapped(table, _LONG)]
    if not parts:
        return _nothing()
    rows = pd.concat(parts, ignore_index=True)
    rows["row"] = np.arange(len(rows))
    rows = rows[rows["against"] == "EUR"]
    if "suffix" in rows and (rows["suffix"] == "A").any():
        rows = rows[rows["suffix"] == "A"]
    rows["date"] = _days(rows["date"].tolist())
    wanted: pd.DataFrame = rows[["row", "date", "currency", "units"]]
    return wanted


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"row": [], "date": [], "currency": [], "units": []}, dtype=object)


def _days(texts: list[str | None]) -> list[str | None]:
    """The last day of a month or year that stands for itself; days as they are, also as ``24 November 2026``."""
    found = []
    for text in texts:
        day = text
        if text and re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", text):
            month = text if "-" in text else f"{text}-12"
            day = _month_end(month)
        elif text and re.fullmatch(r"[0-9]{1,2} [A-Z][a-z]+ [0-9]{4}", text):
            day = pd.to_datetime(text, format="%d %B %Y").strftime("%Y-%m-%d")
        found.append(day)
    return found


def _month_end(month: str) -> str:
    following = np.datetime64(month, "M") + np.timedelta64(1, "M")
    return str(following.astype("datetime64[D]") - np.timedelta64(1, "D"))
