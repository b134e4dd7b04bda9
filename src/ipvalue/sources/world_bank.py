"""World Bank indicators by economy and year, such as GDP and GNI, with the codes of the patent offices."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ipvalue.errors import SourceError
from ipvalue.sources.damodaran import as_numbers
from ipvalue.sources.joining.assemble import one_input, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Input, Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_world_bank"]

# codes of ISO 3166-1: three letters, then the two letters that WIPO ST.3 also uses
_ISO = """
ABW AW AFG AF AGO AO ALB AL AND AD ARE AE ARG AR ARM AM ASM AS ATG AG AUS AU AUT AT AZE AZ BDI BI BEL BE BEN BJ BFA BF
BGD BD BGR BG BHR BH BHS BS BIH BA BLR BY BLZ BZ BMU BM BOL BO BRA BR BRB BB BRN BN BTN BT BWA BW CAF CF CAN CA CHE CH
CHL CL CHN CN CIV CI CMR CM COD CD COG CG COL CO COM KM CPV CV CRI CR CUB CU CUW CW CYM KY CYP CY CZE CZ DEU DE DJI DJ
DMA DM DNK DK DOM DO DZA DZ ECU EC EGY EG ERI ER ESP ES EST EE ETH ET FIN FI FJI FJ FRA FR FRO FO FSM FM GAB GA GBR GB
GEO GE GHA GH GIB GI GIN GN GMB GM GNB GW GNQ GQ GRC GR GRD GD GRL GL GTM GT GUM GU GUY GY HKG HK HND HN HRV HR HTI HT
HUN HU IDN ID IMN IM IND IN IRL IE IRN IR IRQ IQ ISL IS ISR IL ITA IT JAM JM JOR JO JPN JP KAZ KZ KEN KE KGZ KG KHM KH
KIR KI KNA KN KOR KR KWT KW LAO LA LBN LB LBR LR LBY LY LCA LC LIE LI LKA LK LSO LS LTU LT LUX LU LVA LV MAC MO MAF MF
MAR MA MCO MC MDA MD MDG MG MDV MV MEX MX MHL MH MKD MK MLI ML MLT MT MMR MM MNE ME MNG MN MNP MP MOZ MZ MRT MR MUS MU
MWI MW MYS MY NAM NA NCL NC NER NE NGA NG NIC NI NLD NL NOR NO NPL NP NRU NR NZL NZ OMN OM PAK PK PAN PA PER PE PHL PH
PLW PW PNG PG POL PL PRI PR PRK KP PRT PT PRY PY PSE PS PYF PF QAT QA ROU RO RUS RU RWA RW SAU SA SDN SD SEN SN SGP SG
SLB SB SLE SL SLV SV SMR SM SOM SO SRB RS SSD SS STP ST SUR SR SVK SK SVN SI SWE SE SWZ SZ SXM SX SYC SC SYR SY TCA TC
TCD TD TGO TG THA TH TJK TJ TKM TM TLS TL TON TO TTO TT TUN TN TUR TR TUV TV TWN TW TZA TZ UGA UG UKR UA URY UY USA US
UZB UZ VCT VC VEN VE VGB VG VIR VI VNM VN VUT VU WSM WS XKX XK YEM YE ZAF ZA ZMB ZM ZWE ZW
"""
_CODES = _ISO.split()
_OFFICE = dict(zip(_CODES[::2], _CODES[1::2]))
_LONG = Columns(
    "economies",
    (
        Field("code", "Country Code", to.compact, required=True, gives=""),
        Field("year", "Year", to.compact, required=True, gives=""),
        Field("value", "Value", to.numbers, required=True, gives=""),
    ),
)
_WIDE = Columns(
    "economies",
    (
        Field("code", "Country Code", to.compact, required=True, gives=""),
        Field("indicator", "Indicator Code", to.compact, required=True, gives=""),
    ),
)
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
            "office": rows["code"].map(_OFFICE).to_numpy(),
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
