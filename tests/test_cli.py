"""The command line: demo, revalue and check, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import ipvalue as ipv
from ipvalue.__main__ import main


def test_demo_prints_and_plots_and_says_that_the_book_is_synthetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "demo.png"
    assert main(["demo", "--patents", "1500", "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "synthetic book" in printed
    assert "no real patent" in printed
    assert "value on grant" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_revalue_from_the_command_line(
    book: ipv.Book, engine: ipv.ValuationEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ipv.write_book(book, tmp_path / "book", shards=2)
    engine.save(tmp_path / "engine")
    places = [str(tmp_path / "book"), str(tmp_path / "values"), "--engine", str(tmp_path / "engine")]
    assert main(["revalue", *places, "--as-of", "2023-12-31"]) == 0
    assert "patents revalued" in capsys.readouterr().out
    assert main(["revalue", *places, "--as-of", "31.12.2023"]) == 1
    assert "YYYY-MM-DD" in capsys.readouterr().err


def test_check_reports_what_is_there_refused_and_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "patents.csv").write_text(
        "patent_id,jurisdiction,application_date\nCN-1-B,CN,2015-03-01\nCN-2-B,CN,2015-02-30\n"
    )
    assert main(["check", str(tmp_path)]) == 2
    printed = capsys.readouterr().out
    assert "patents: 1 of 2 rows valid, 1 refused" in printed
    assert "patents.application_date bad_date 1" in printed
    assert "absent: transactions: comparable sales" in printed


def test_check_of_no_book_says_what_it_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert "neither book.json nor patents.parquet" in capsys.readouterr().err
