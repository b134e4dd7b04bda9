"""Workbooks: dates, numbers and text as text, the right sheet and header, and nothing dangerous."""

from __future__ import annotations

import datetime
import sys
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from ipvalue.errors import MissingExtraError, SourceError
from ipvalue.sources.reading.files import inputs
from ipvalue.sources.reading.mapping import Columns, Field
from ipvalue.sources.reading.spreadsheets import SheetTable

PART = Columns("patents", (Field("patent_id", "公开（公告）号", required=True), Field("application_date", "申请日")))


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["说明", "x"])
    sheet = book.create_sheet("数据")
    sheet.append(["导出时间", datetime.date(2026, 1, 1)])
    sheet.append([])
    sheet.append(["公开(公告)号", "申请日", "n", "share", "flag", None])
    sheet.append(["CN101440091B", datetime.datetime(2008, 12, 26), 7, 0.25, True])
    sheet.append(["CN2B", "2009.01.02", 3.0, None, False])
    sheet.append([None] * 5)
    sheet.append(["CN3B", datetime.date(2010, 1, 3), "=1+1", "", None, None, "stray"])
    book.save(path)
    return path


def table(path: Path) -> SheetTable:
    return SheetTable(inputs(path)[0], (PART,))


def test_the_sheet_and_header_that_fit_are_found_and_cells_are_text(tmp_path: Path) -> None:
    sheet = table(workbook(tmp_path / "a.xlsx"))
    assert (sheet.sheet, sheet.header) == ("数据", ["公开(公告)号", "申请日", "n", "share", "flag"])
    assert pa.Table.from_batches(sheet.batches()).to_pylist() == [
        {"公开(公告)号": "CN101440091B", "申请日": "2008-12-26", "n": "7", "share": "0.25", "flag": "true"},
        {"公开(公告)号": "CN2B", "申请日": "2009.01.02", "n": "3", "share": None, "flag": "false"},
    ]
    assert [(r.row, r.detail) for r in sheet.rejects] == [(2, "row 3 after the header has 7 cells, the header has 5")]
    assert sheet.before[0] == ["导出时间", "2026-01-01"]


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "a.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ipvalue\[excel\]'"):
        table(path)


def rewritten(path: Path, name: str, change: bytes) -> Path:
    """The workbook with one part replaced."""
    with zipfile.ZipFile(workbook(path)) as archive:
        parts = {e.filename: archive.read(e) for e in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in {**parts, name: change}.items():
            archive.writestr(part, content)
    return path


def test_an_entity_bomb_in_a_workbook_is_refused(tmp_path: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><worksheet>&y;</worksheet>'
    with pytest.raises(SourceError, match="declares entities in xl/worksheets/sheet1"):
        table(rewritten(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", bomb))


def test_a_zip_bomb_in_a_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="archive bomb"):
        table(rewritten(tmp_path / "a.xlsx", "xl/media/image.bin", bytes(50_000_000)))


def test_damaged_workbooks_are_said_so(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "a.xlsx").read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="damaged or incomplete"):
        table(tmp_path / "cut.xlsx")
    with pytest.raises(SourceError, match=r"is not an XLSX workbook|damaged workbook"):
        table(rewritten(tmp_path / "b.xlsx", "xl/workbook.xml", b"<nonsense"))
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    with pytest.raises(SourceError, match="is not an XLS workbook"):
        table(tmp_path / "a.xls")
