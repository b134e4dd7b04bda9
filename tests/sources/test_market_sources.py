"""Market data: real curves, tables of industries and economies, and made ones against hand-computed numbers."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import SourceError
from ipvalue.sources.yield_curves import zero_rates


def test_the_chinese_curve_loads_whole(data_dir: Path) -> None:
    path = data_dir / "yield_curves/chinabond_yieldcurve.csv"
    frame = pd.read_csv(path, dtype=str).drop(columns=["DATE", "TD"])
    book = ipv.read_yield_curve(path, currency="CNY")
    assert book["curves"].num_rows == int(frame.notna().sum().sum()) == 24_872
    assert book.rejects.empty
    short = book["curves"].to_pandas().query("tenor_years <= 1")
    assert np.allclose(
        short.sort_values(["date", "tenor_years"])["rate"].iloc[:3], [0.01505, 0.015891, 0.0168], atol=1e-12
    )


def test_a_monthly_average_is_known_at_the_end_of_its_month(data_dir: Path) -> None:
    path = data_dir / "yield_curves/us_10y_monthly.csv"
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    book = ipv.read_yield_curve(path, currency="USD", tenor_years=10)
    curves = book["curves"].to_pandas()
    assert len(curves) == len(rows) == 879
    assert str(curves["date"].iloc[0]) == "1953-04-30"
    # a flat curve: only the compounding changes
    assert np.allclose(curves["rate"], [(1 + float(r["Rate"]) / 200) ** 2 - 1 for r in rows], atol=1e-12)
    with pytest.raises(SourceError, match="pass the tenor"):
        ipv.read_yield_curve(path, currency="USD")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0, 0.12), min_size=4, max_size=4), st.sampled_from([1, 2]))
def test_zero_rates_price_par_bonds_at_par(yields: list[float], coupons: int) -> None:
    tenors = np.array([1.0, 2.0, 3.0, 4.0])
    zeros = zero_rates(tenors, yields, coupons)
    grid = np.arange(1, 4 * coupons + 1) / coupons
    par = np.interp(grid, tenors, yields)
    every = zero_rates(grid, par, coupons)
    assert np.allclose(every[np.searchsorted(grid, tenors)], zeros, atol=1e-9)
    discount = (1 + every) ** -grid
    for i in range(len(grid)):
        assert np.isclose(par[i] / coupons * discount[: i + 1].sum() + discount[i], 1.0, atol=1e-9)


def test_treasury_and_chinabond_exports(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('Date,"1 Mo","6 Mo","1 Yr"\n01/02/2024,5.55,N/A,4.80\n01/03/2024,x,5.25,\n')
    book = ipv.read_yield_curve(tmp_path / "t.csv", currency="USD")
    points = {(str(p["date"]), round(p["tenor_years"], 4)): p["rate"] for p in book["curves"].to_pylist()}
    assert set(points) == {("2024-01-02", 0.0833), ("2024-01-02", 1.0), ("2024-01-03", 0.5)}
    assert points["2024-01-02", 0.0833] == pytest.approx((1 + 0.0555 / 2) ** 2 - 1)
    assert book.rejects[["column", "value", "code"]].values.tolist() == [["rate", "x", "bad_type"]]
    (tmp_path / "c.csv").write_text(
        "日期,标准期限说明,标准期限(年),收益率(%)\n2024/1/2,1y,1.0,2.08\n2024/1/2,10y,10,2.56\n", "gb18030"
    )
    book = ipv.read_yield_curve(tmp_path / "c.csv", currency="CNY", quoted="zero")
    assert book["curves"]["rate"].to_pylist() == [pytest.approx(0.0208), pytest.approx(0.0256)]
    assert ipv.sniff(tmp_path / "c.csv").format == ipv.sniff(tmp_path / "t.csv").format == "yield_curve"


def test_rates_of_the_european_central_bank(tmp_path: Path) -> None:
    text = "Date,USD,JPY,GBP,CYP,\n2024-01-03,1.0919,155.92,0.86288,N/A,\n2024-01-02,1.0956,,0.86645,N/A,\n"
    with zipfile.ZipFile(tmp_path / "eurofxref-hist.zip", "w") as archive:
        archive.writestr("eurofxref-hist.csv", text)
    rates = {
        (str(r["date"]), r["currency"]): r["rate"]
        for r in ipv.read_ecb_fx(tmp_path / "eurofxref-hist.zip")["fx"].to_pylist()
    }
    assert len(rates) == 4 + 3
    assert rates["2024-01-03", "EUR"] == 1.0919
    assert rates["2024-01-03", "JPY"] == pytest.approx(1.0919 / 155.92)
    assert rates["2024-01-02", "USD"] == 1.0
    portal = (
        "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE\n"
        "k,M,USD,EUR,SP00,A,2024-01,1.0905\nk,M,CNY,EUR,SP00,A,2024-01,7.82\nk,M,CNY,EUR,SP00,E,2024-01,7.7\n"
    )
    (tmp_path / "data.csv").write_text(portal)
    book = ipv.read_ecb_fx(tmp_path / "data.csv")
    assert {(str(r["date"]), r["currency"], round(r["rate"], 6)) for r in book["fx"].to_pylist()} == {
        ("2024-01-31", "USD", 1.0),
        ("2024-01-31", "EUR", 1.0905),
        ("2024-01-31", "CNY", round(1.0905 / 7.82, 6)),
    }
    (tmp_path / "x.csv").write_text("Date,JPY\n2024-01-02,155\n")
    with pytest.raises(SourceError, match="no rate of the US dollar"):
        ipv.read_ecb_fx(tmp_path / "x.csv")


def test_gross_domestic_product_loads_whole(data_dir: Path) -> None:
    path = data_dir / "worldbank/gdp.csv"
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    frame = ipv.read_world_bank(path)
    assert len(frame) == len(rows) == 13_979
    assert frame["value"].sum() == pytest.approx(sum(float(r["Value"]) for r in rows), rel=1e-12)
    assert set(frame.loc[frame["code"] == "CHN", "office"]) == {"CN"}
    groups = frame[frame["office"].isna()]["code"].unique()
    assert {"WLD", "EUU", "OED"} <= set(groups)
    # every economy has its office: what has none is a group of economies, or the Channel Islands
    names = {r["Country Code"]: r["Country Name"] for r in rows}
    assert all(any(c in names[g] for c in " &-()") or g in ("WLD",) for g in groups)


def test_the_wide_form_of_the_world_bank(tmp_path: Path) -> None:
    text = (
        '"Data Source","World Development Indicators",\n\n"Last Updated Date","2026-02-01",\n\n'
        '"Country Name","Country Code","Indicator Name","Indicator Code","2022","2023",\n'
        '"China","CHN","GNI (current US$)","NY.GNP.MKTP.CD","17700000000000","",\n'
        '"World","WLD","GNI (current US$)","NY.GNP.MKTP.CD","1e14","1.05e14",\n'
    )
    with zipfile.ZipFile(tmp_path / "API.zip", "w") as archive:
        archive.writestr("API_NY.GNP.csv", text)
        archive.writestr("Metadata_Country.csv", "x,y\n")
    frame = ipv.read_world_bank(tmp_path / "API.zip")
    assert frame[["code", "year", "value"]].values.tolist() == [
        ["CHN", 2022, 1.77e13],
        ["WLD", 2022, 1e14],
        ["WLD", 2023, 1.05e14],
    ]
    with pytest.raises(SourceError, match="does not contain the indicator 'X'"):
        ipv.read_world_bank(tmp_path / "API.zip", indicator="X")


CSVS = [
    "EVA_2025-01",
    "betas_2025-01",
    "histgr_2025-01",
    "margin_2025-01",
    "wacc_2025-01",
    "wacc_2026-01",
    "wcdata_2025-01",
]


@pytest.mark.parametrize("name", CSVS)
def test_industry_tables_load_whole(data_dir: Path, name: str) -> None:
    path = data_dir / f"damodaran_2025_2026/{name}.csv"
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    frame = ipv.read_damodaran(path)
    assert frame.index.tolist() == [r["Industry Name"].strip() for r in rows]
    assert set(frame["edition"]) == {name[-7:]}
    numbers = [
        float(v) for r in rows for k, v in r.items() if k not in ("edition", "Industry Name") and v not in ("", "NA")
    ]
    assert np.nansum(frame.drop(columns="edition").to_numpy(float)) == pytest.approx(sum(numbers), rel=1e-9)


@pytest.mark.parametrize("name", ["capex", "margin", "pbvdata", "pedata", "psdata", "vebitda", "wacc"])
def test_industry_workbooks_load_whole(data_dir: Path, name: str) -> None:
    xlrd = pytest.importorskip("xlrd")
    path = data_dir / f"damodaran/{name}_sample.xls"
    sheet = xlrd.open_workbook(path).sheet_by_name("Industry Averages")
    begin = next(r for r in range(sheet.nrows) if str(sheet.cell_value(r, 0)).lower() == "industry name")
    rows = [sheet.row_values(r) for r in range(begin + 1, sheet.nrows) if sheet.cell_value(r, 1) != ""]
    frame = ipv.read_damodaran(path)
    assert frame.index.tolist() == [str(r[0]).strip() for r in rows]
    assert set(frame["edition"]) == {"2026-01-05"}
    assert frame["firms"].tolist() == [r[1] for r in rows]


def test_one_edition_is_the_same_as_workbook_and_as_csv(data_dir: Path) -> None:
    pytest.importorskip("xlrd")
    xls = ipv.read_damodaran(data_dir / "damodaran/wacc_sample.xls")
    text = ipv.read_damodaran(data_dir / "damodaran_2025_2026/wacc_2026-01.csv")
    pd.testing.assert_frame_equal(xls.drop(columns="edition"), text.drop(columns="edition"))


def test_premia_by_country(data_dir: Path) -> None:
    pytest.importorskip("xlrd")
    frame = ipv.read_damodaran(data_dir / "damodaran/ctryprem_sample.xls", edition="2026-01-05")
    assert len(frame) == 157, "rows 9 to 165 of the sheet"
    assert frame.loc["China", "rating"] == "A1"
    # 5.14 % and 0.91 % for China, and a mature premium of 4.23 %, in SOURCE.md
    assert frame.loc["China", ["equity_risk_premium", "country_risk_premium"]].astype(float).round(4).tolist() == [
        0.0514,
        0.0091,
    ]
    assert frame.loc["Germany", "equity_risk_premium"] == pytest.approx(0.0423)


def test_royalties_of_all_shapes(tmp_path: Path) -> None:
    text = (
        "备案号,备案日期,提成率(%),行业,许可种类,IPC分类号\nA1,2020年5月6日,5,C27,独占,A61K31/00;A61P1/00\nA2,2021/1/2,3至5,C39,普通,\n"
        "A3,2021/1/2,250,C39,普通,\n"
    )
    (tmp_path / "r.csv").write_text(text, "gb18030")
    book = ipv.read_royalties(tmp_path / "r.csv")
    assert [(r["licence_id"], r["rate"], r["exclusive"]) for r in book["licences"].to_pylist()] == [
        ("A1", 0.05, True),
        ("A2", pytest.approx(0.04), False),
    ]
    assert book.rejects["code"].tolist() == ["out_of_range"]


def test_market_data_join_a_book(book: ipv.Book, tmp_path: Path) -> None:
    (tmp_path / "fx.csv").write_text("Date,USD,JPY\n1999-01-04,1.1789,133.73\n")
    joined = ipv.combine(book, ipv.read_ecb_fx(tmp_path / "fx.csv"))
    assert joined.patent_ids == book.patent_ids
    assert joined["fx"].num_rows == book["fx"].num_rows + 3
    assert ipv.combine(book).fingerprint == book.fingerprint == ipv.combine(book, book).fingerprint
    assert len(io.StringIO(repr(joined)).readlines()) >= 2


def test_a_single_table_is_found_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "SOURCE.md").write_text("where it comes from")
    (tmp_path / "gdp.csv").write_text("Country Name,Country Code,Year,Value\nChina,CHN,2023,17794783039552\n")
    assert ipv.read_world_bank(tmp_path)["office"].tolist() == ["CN"]
    (tmp_path / "gdp.csv").write_text("Industry Name,Number of Firms,Cost of Capital\nAdvertising,54,0.0922\n")
    assert ipv.read_damodaran(tmp_path).index.tolist() == ["Advertising"]
