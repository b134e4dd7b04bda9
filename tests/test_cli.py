"""The command line: demo, revalue and check, and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
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


@pytest.mark.parametrize(("plot", "said"), [("nowhere/x.png", "there is no folder"), ("x.nothing", "x.nothing")])
def test_a_picture_that_can_not_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plot: str, said: str
) -> None:
    assert main(["demo", "--patents", "20", "--plot", str(tmp_path / plot)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("ipvalue: --plot ") and said in printed.err and printed.err.count("\n") == 1
    if "folder" in said:
        assert printed.out == "", "what can't be written is said before anything is valued"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is full is Linux's")
def test_output_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "patents.csv").write_text("patent_id,jurisdiction,application_date\nCN-1-B,CN,2015-03-01\n")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "ipvalue", "check", str(tmp_path)]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "ipvalue: No space left on device\n")


def test_revalue_counts_events_from_the_date_that_is_asked_for(
    book: ipv.Book, engine: ipv.ValuationEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ipv.write_book(book, tmp_path / "book", shards=2)
    engine.save(tmp_path / "engine")
    places = [str(tmp_path / "book"), str(tmp_path / "values"), "--engine", str(tmp_path / "engine")]
    assert main(["revalue", *places, "--as-of", "2023-12-31", "--known", "loaded"]) == 0
    capsys.readouterr()
    read = ipv.Valuation.from_parquet(tmp_path / "values")
    assert read.table.equals(engine.value(book.as_of("2023-12-31", known="loaded")).table)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"ipvalue {ipv.__version__}"
