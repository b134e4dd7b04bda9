"""Exchange rates of the European Central Bank, from its history file or a CSV file of its data portal."""

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
from ipvalue.sources.reading.mapping import documented, plain_header, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format, Look

__all__ = ["FORMAT", "read_ecb_fx"]

_CODE = re.compile("[A-Z]{3}")
(_LONG,) = read_mappings("exchange_rates")


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


@documented()
def read_ecb_fx(*paths: Source, strict: bool = False) -> Book:
    """Read the European Central Bank's reference rates as the table ``fx``: US dollars for one unit.

    Parameters
    ----------
    *paths : path
        ``eurofxref-hist.csv`` (also as ``.zip``), or a CSV of the data portal (data set EXR).
    {strict}

    Returns
    -------
    Book
        A book without patents. Add it to other books with ``ipv.combine``. The euro has a rate like other currencies.

    {raises}

    Notes
    -----
    ============  ==============================================================
    column        header
    ============  ==============================================================
    fx.date       Date, TIME_PERIOD
    fx.currency   name of the column, CURRENCY
    fx.rate       units of USD for one euro over units of the currency for one euro
    ============  ==============================================================

    N/A means that there is no quotation. From the data portal, only rates against the euro are read, and of several
    series the averages (suffix A). The rate of a month or a year has the date of its last day, when the average is
    known. A day without a rate of the US dollar has no rates, because all rates are expressed in dollars.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "eurofxref-hist.csv"
    >>> _ = path.write_text("Date,USD,JPY,CYP,\\n2024-01-02,1.0956,155.71,N/A,\\n")
    >>> book = read_ecb_fx(path)
    >>> dict(zip(book["fx"]["currency"].to_pylist(), book["fx"]["rate"].to_numpy().round(6).tolist()))
    {'EUR': 1.0956, 'JPY': 0.007036, 'USD': 1.0}
    """
    rejects: list[Reject] = []
    parts = []
    for source in inputs(*paths, suffixes=TABLES):
        table = open_table(source, (_LONG,))
        parts.append(_long(table) if not _LONG.missing(table.header) else _wide(table))
        rejects += table.rejects
    quotes = pd.concat(parts, ignore_index=True)
    units = pd.to_numeric(quotes["units"], errors="coerce").astype(np.float64)
    bad = quotes["units"].notna() & ~(units > 0)
    rejects += [
        Reject(int(row), "rate", str(value), Reason.BAD_TYPE, f"{currency} of {date}")
        for row, date, currency, value in quotes[bad].itertuples(index=False, name=None)
    ]
    quotes = quotes.assign(units=units)[units > 0]
    euros = pd.DataFrame({"date": quotes["date"].unique(), "currency": "EUR", "units": 1.0})
    quotes = pd.concat([quotes, euros], ignore_index=True)
    dollars = quotes[quotes["currency"] == "USD"].drop_duplicates("date").set_index("date")["units"]
    if dollars.empty:
        raise SourceError(f"{inputs(*paths)[0].place} has no rate of the US dollar, in which all rates are expressed")
    quotes = quotes.assign(rate=quotes["date"].map(dollars) / quotes["units"]).dropna(subset=["rate"])
    fx = pa.table(
        {
            "date": pa.array(quotes["date"], pa.string()),
            "currency": pa.array(quotes["currency"], pa.string()),
            "rate": pa.array(quotes["rate"], pa.float64()),
        }
    )
    return assemble({"fx": fx}, {"fx": rejects}, strict=strict)


def _wide(table: AnyTable) -> pd.DataFrame:
    date = next((h for h in table.header if plain_header(h) == "date"), None)
    codes = [h for h in table.header if _CODE.fullmatch(h)]
    if date is None or not codes:
        raise SourceError(
            f"{table.place} contains no exchange rates: no Date or no currency in {', '.join(table.header[:12])}"
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
    """The last day of a month or a year. Dates are returned unchanged, and ``24 November 2026`` as ISO text."""
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
