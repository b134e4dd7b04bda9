"""``sniff`` and ``check``: what a path is, how it is read, and what is missing at what cost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

import ipvalue as ipv
from ipvalue.__main__ import main
from ipvalue.errors import SourceError
from ipvalue.records.check import effect_of_absence
from ipvalue.records.schema import TABLES
from ipvalue.sources.registry import PLACES, formats

REAL = {
    "lens": ["wipo_oss_patent_analytics/pizza_lens_1000_raw.csv", "wipo_drones/lens_records.csv.gz"],
    "family_export": ["wipo_oss_patent_analytics/ritonavir.csv", "wipo_drones/patents.csv.gz"],
    "university_renewals": ["us_university_renewals/renewals_granted_2004_2005.csv"],
    "yield_curve": ["yield_curves/chinabond_yieldcurve.csv", "yield_curves/us_10y_monthly.csv"],
    "world_bank": ["worldbank/gdp.csv"],
    "damodaran": ["damodaran_2025_2026/wacc_2026-01.csv", "damodaran_2025_2026/margin_2025-01.csv"],
    "uspto_grants": ["uspto_grant_xml"],
    "cnipa": ["cn_legal_status_survival/cn_inventions_half.csv"],
    "ops": ["epo_ops_responses/get_legal__response.xml", "epo_ops_responses/get_register_biblio__response.xml"],
    "wipo_xml": ["wipo_st36_cn_jp_us/cn_new1.xml", "wipo_st36_cn_jp_us/jp_example1.xml"],
    "odp": [
        "uspto_odp_responses/get_patent_meta_data__response.json",
        "uspto_odp_responses/get_patent_foreign_priority__response.json",
        "office_fixtures_patent_client/uspto/odp/fixtures/foreign_priority.json",
    ],
    "odp_claims": ["uspto_xml_samples/xml4ip/sample_XML4IP.ZIP"],
    "jpo": ["jpo_api_responses/patent__v1__registration_info__2020123456.json"],
    "": ["published_value_facts/auctions.csv", "wilder_generality_originality/SOURCE.md"],
}


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in REAL.items() for path in paths])
def test_real_files_are_recognised(data_dir: Path, name: str, path: str) -> None:
    found = ipv.sniff(data_dir / path)
    assert found.format == name
    if name:
        assert found.reader in found.code
        assert 0.3 <= found.confidence <= 1
    assert path.split("/")[-1] in str(found)


def test_every_format_is_declared_once_and_has_a_public_reader() -> None:
    declared = formats()
    assert len({f.name for f in declared}) == len(declared) >= len(PLACES)
    for one in declared:
        assert one.reader in ipv.__all__
        assert callable(getattr(ipv, one.reader))
        for part in one.parts:
            if part.table in TABLES:
                given = {f.column if "." in f.column else f"{part.table}.{f.column}" for f in part if f.column}
                assert given <= {f"{table}.{column}" for table in TABLES for column in TABLES[table].columns}, one.name
        for filled in (one.fills, one.nested):
            for table, columns in filled.items():
                assert set(columns) <= set(TABLES[table].columns), one.name


@pytest.mark.parametrize("one", [f for f in formats() if f.parts], ids=lambda f: f.name)
def test_a_reader_shows_its_mapping(one: object) -> None:
    text = getattr(ipv, one.reader).__doc__  # type: ignore[attr-defined]
    assert "{columns}" not in text
    if one.parts[0].table in TABLES and one.name != "university_renewals":  # type: ignore[attr-defined]
        for field in one.parts[0]:  # type: ignore[attr-defined]
            table = one.parts[0].table  # type: ignore[attr-defined]
            column = field.column if "." in field.column else f"{table}.{field.column}"
            assert not field.column or column in text


def test_the_line_for_a_curve_reads_it(data_dir: Path, tmp_path: Path) -> None:
    for name in ("chinabond_yieldcurve.csv", "us_10y_monthly.csv"):
        found = ipv.sniff(data_dir / "yield_curves" / name)
        assert eval(found.code, {"ipv": ipv})["curves"].num_rows > 800
    path = tmp_path / "curve.csv"
    path.write_text("日期,标准期限(年),收益率(%)\n2024-01-02,10,2.56\n", "gb18030")
    assert ipv.sniff(path).code.endswith('currency="CNY")')


def test_what_a_table_of_industries_holds_is_all_read(data_dir: Path) -> None:
    (file,) = ipv.sniff(data_dir / "damodaran_2025_2026/wacc_2026-01.csv").files
    assert file.unread == ()


def test_what_is_absent_has_its_price(tmp_path: Path) -> None:
    path = tmp_path / "lens.csv.gz"
    header = "Jurisdiction,Kind,Publication Number,Publication Date,Application Date"
    text = f"{header}\nUS,A1,US 2013/1 A1,2013-01-02,2012-01-02\n"
    path.write_bytes(gzip.compress(text.encode()))
    found = ipv.sniff(path)
    assert found.tables == {"patents": ("patent_id", "jurisdiction", "kind", "application_date", "publication_date")}
    assert found.missing["patents.ipc"] == effect_of_absence("patents", "ipc") != ""
    assert found.missing["citations"] == effect_of_absence("citations") != ""
    assert "patents.kind" not in found.missing
    shown = str(found)
    assert "absent: patents.ipc: the technology field is unknown" in shown
    assert "1 rows sampled" in shown


def test_prices_are_of_columns_that_there_are() -> None:
    from ipvalue.records import check

    assert {key.split(".")[0] for key in check._ABSENT_COLUMN} <= set(TABLES)
    assert all(key.split(".")[1] in TABLES[key.split(".")[0]].columns for key in check._ABSENT_COLUMN)


@pytest.mark.parametrize("column", ["ipc", "owners", "n_inventors", "npl_citations", "priority_date", "family_id"])
def test_the_price_of_a_column_is_true(book: ipv.Book, column: str) -> None:
    """Where a column is emptied, features change."""
    table = book["patents"]
    place = table.schema.get_field_index(column)
    empty = table.set_column(place, table.schema.field(place), pa.nulls(table.num_rows, table.schema.field(place).type))
    tables = {name: t for name, t in book.tables.items() if name not in ("patents", "family_members")}
    before = ipv.extract(ipv.Book(table, **tables).as_of("2020-12-31"))
    after = ipv.extract(ipv.Book(empty, **tables).as_of("2020-12-31"))
    assert not before.equals(after)
    assert effect_of_absence("patents", column)


def test_check_prints_coverage_of_any_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "export.csv"
    path.write_text("公开（公告）号,申请日,公开（公告）日\nCN101440091A,2008.12.26,2009.05.27\nCN2A,x,\n", "gb18030")
    assert main(["check", str(path)]) == 2
    printed = capsys.readouterr().out
    assert "gb18030" in printed
    assert "absent: patents.ipc" in printed
    assert "patents: 1 of 2 rows valid, 1 refused" in printed
    assert main(["check", "--look", str(path)]) == 0
    assert "rows valid" not in capsys.readouterr().out
    (tmp_path / "gdp.csv").write_text("Country Name,Country Code,Year,Value\nChina,CHN,2023,1\n")
    assert main(["check", str(tmp_path / "gdp.csv")]) == 0
    assert "1 rows: code, office, year, value" in capsys.readouterr().out


def test_check_of_what_is_unknown_shows_what_it_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("colour,size\nred,1\n")
    assert main(["check", str(tmp_path / "a.csv")]) == 1
    assert "unknown format: a.csv (table: colour, size)" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "absent.csv")]) == 1
    assert "cannot be opened" in capsys.readouterr().err


def test_a_book_on_disk_is_known(book: ipv.Book, tmp_path: Path) -> None:
    ipv.write_book(book, tmp_path / "book")
    assert ipv.sniff(tmp_path / "book").code == f"ipv.read_book({str(tmp_path / 'book')!r})"


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"<", b"{", b"[[[[", b"PK\x03\x04", b"PAR1", b"\x1f\x8b\x08", b"a"]
)
def test_rubbish_is_of_no_format_or_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish"
    path.write_bytes(content)
    try:
        assert ipv.sniff(path).format == ""
    except SourceError as error:
        assert "rubbish" in str(error)


def test_a_lens_answer_is_known_by_its_keys(tmp_path: Path) -> None:
    record = {"lens_id": "1", "jurisdiction": "US", "doc_number": "1", "biblio": {"x": 1}}
    (tmp_path / "a.json").write_text(json.dumps({"total": 1, "data": [record]}))
    found = ipv.sniff(tmp_path / "a.json")
    assert (found.format, "citations" in found.tables) == ("lens", True)
