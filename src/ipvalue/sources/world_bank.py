"""World Bank indicators by economy and year, such as GDP and GNI, with the codes of the patent offices."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from ipvalue.errors import SourceError
from ipvalue.sources.damodaran import as_numbers
from ipvalue.sources.joining.assemble import one_input, open_table
from ipvalue.sources.reading.files import TABLES, Input, Source, inputs
from ipvalue.sources.reading.mapping import read_mappings
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_world_bank"]

_LONG, _WIDE = read_mappings("world_bank")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?: \[YR[0-9]{4}\])?")
FORMAT = Format(
    "world_bank",
    "World Bank indicator by economy and year (not a book: a table of economies)",
    "read_world_bank",
    parts=(_LONG, _WIDE),
    everything=True,
)


def read_world_bank(path: Source, *, indicator: str | None = None) -> pd.DataFrame:
    """Read an indicator of the World Bank, such as GDP (NY.GDP.MKTP.CD) or GNI (NY.GNP.MKTP.CD).

    Parameters
    ----------
    path : path
        A CSV or XLSX file with one year in each row (Country Code, Year, Value) or in each column, or the archive of
        the World Bank's download.
    indicator : str, optional
        Code of the indicator, if the file contains several.

    Returns
    -------
    pandas.DataFrame
        Columns ``code`` (ISO 3166-1, three letters, or the World Bank's own for groups of economies), ``office`` (WIPO
        ST.3; missing for groups), ``year`` and ``value``, sorted by code and year. Years without a value are left out.

    Raises
    ------
    SourceError
        If the file cannot be read, is not such a table, contains several indicators, or a value is not a number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "gdp.csv"
    >>> _ = path.write_text("Country Name,Country Code,Year,Value\\nChina,CHN,2023,17794783039552\\n")
    >>> read_world_bank(path)[["office", "year", "value"]].values.tolist()
    [['CN', 2023, 17794783039552.0]]
    """
    table = open_table(_data_file(inputs(path, suffixes=TABLES)), (_LONG, _WIDE))
    long = not _LONG.missing(table.header)
    found = (_LONG if long else _WIDE).require(table.place, table.header)
    frames = [batch.to_pandas() for batch in table.batches()]
    if not frames:
        raise SourceError(f"{table.place} has a header but no rows")
    rows = pd.concat(frames, ignore_index=True)
    if long:
        rows = rows.rename(columns={found["code"]: "code", found["year"]: "year", found["value"]: "value"})
    else:
        rows = _of_indicator(table.place, rows, found["indicator"], indicator)
        years = [name for name in rows.columns if _YEAR.fullmatch(name)]
        rows = rows.rename(columns={found["code"]: "code"}).melt("code", years, "year", "value")
    numbers = as_numbers(table.place, "value", rows["value"])
    years = rows["year"].astype(str).str.slice(0, 4)
    if not years.str.fullmatch("[0-9]{4}").all():
        raise SourceError(f"{table.place}: a year is not a number of four digits")
    frame = pd.DataFrame(
        {
            "code": rows["code"].to_numpy(),
            "office": rows["code"].map(_offices()).to_numpy(),
            "year": years.to_numpy(np.int64),
        }
    )
    frame["value"] = numbers.to_numpy(np.float64)
    frame = frame[frame["value"].notna() & frame["code"].notna()]
    return frame.sort_values(["code", "year"], kind="stable", ignore_index=True)


def _data_file(found: list[Input]) -> Input:
    """The data file of the download's archive, which also contains two files of metadata."""
    data = [source for source in found if not source.name.startswith("Metadata_")]
    return one_input(data or found, "an indicator")


def _of_indicator(place: str, rows: pd.DataFrame, column: str, wanted: str | None) -> pd.DataFrame:
    present = sorted(rows[column].dropna().unique())
    if wanted is None and len(present) > 1:
        raise SourceError(f"{place} contains {len(present)} indicators; select one: indicator={present[0]!r}")
    if wanted is not None and wanted not in present:
        raise SourceError(f"{place} does not contain the indicator {wanted!r}; it has {', '.join(present[:8])}")
    return rows if wanted is None else rows[rows[column] == wanted]


@cache
def _offices() -> dict[str, str]:
    """Codes of ISO 3166-1: the three letters of the World Bank, and the two letters of WIPO ST.3."""
    file = resources.files("ipvalue.sources") / "tables" / "economies.csv"
    return dict(line.split(",") for line in file.read_text("utf-8").split()[1:])
