"""The validation report, and folders of CSV and Parquet as books."""

from __future__ import annotations

from pathlib import Path

import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.errors import SchemaError, SourceError
from ipvalue.records.check import read_tables, report
from ipvalue.records.schema import TABLES

PATENTS = "patent_id,jurisdiction,application_date,owners\nA,cn,2010-01-01,x;y\nB,??,2010-01-01,\nA,CN,20100101,x|y\n"


def test_the_report_accounts_for_every_row_and_names_what_is_absent() -> None:
    book = ipv.Book(
        patents={
            "patent_id": ["A", "B", "A"],
            "jurisdiction": ["cn", "??", "CN"],
            "application_date": ["2010-01-01"] * 3,
            "colour": ["red"] * 3,
            "owners": [None] * 3,
        }
    )
    lines = report(book).splitlines()
    assert lines[0] == "patents: 1 of 3 rows valid, 1 refused, 1 repeats dropped"
    assert lines[1].startswith("  without any value: kind, ")
    assert "  patents.jurisdiction bad_code 1: the value is not one of the column's codes" in lines
    assert "not read: patents: colour" in lines
    absent = [line.split(":")[1].strip() for line in lines if line.startswith("absent: ")]
    assert absent == [name for name in TABLES if name != "patents"]


def test_a_whole_book_lacks_nothing(book: ipv.Book) -> None:
    assert "refused" not in report(book)
    assert "absent" not in report(book)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_of_tables_is_the_book_of_these_tables(tmp_path: Path, kind: str) -> None:
    book = ipv.synthetic_book(60, seed=8)
    for name, table in book.tables.items():
        if kind == "parquet":
            pq.write_table(table, tmp_path / f"{name}.parquet")
            continue
        lists = [c for c in table.column_names if TABLES[name].columns[c].kind == "list"]
        frame = table.to_pandas()
        for column in lists:
            frame[column] = [None if v is None else ";".join(v) for v in frame[column]]
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    assert read_tables(tmp_path).fingerprint == book.fingerprint


def test_a_written_book_is_read_as_one(tmp_path: Path) -> None:
    book = ipv.synthetic_book(60, seed=8)
    ipv.write_book(book, tmp_path / "book", shards=2)
    assert read_tables(tmp_path / "book").fingerprint == book.fingerprint


def test_csv_is_judged_by_the_rules_of_the_book(tmp_path: Path) -> None:
    (tmp_path / "patents.csv").write_text(PATENTS)
    book = read_tables(tmp_path)
    assert (len(book), book.duplicates, book.rejects["code"].tolist()) == (1, {"patents": 1}, ["bad_code"])
    (tmp_path / "patents.csv").write_text("\ufeff" + PATENTS.replace("cn", "NA"), encoding="utf-8")
    assert read_tables(tmp_path)["patents"]["jurisdiction"].to_pylist() == ["CN"], "NA is Namibia, and a conflict"


def test_claims_of_several_paragraphs_and_of_great_length_can_be_read_from_csv(tmp_path: Path) -> None:
    (tmp_path / "patents.csv").write_text(PATENTS)
    text = "1. A device,\n  comprising\n\n" + "a part, " * 120_000
    lines = [f'A,{k},"{text}"' for k in range(1, 4)]
    (tmp_path / "claims.csv").write_text("patent_id,claim_number,text\n" + "\n".join(lines) + "\n")
    book = read_tables(tmp_path)
    assert book["claims"]["text"].to_pylist() == [text] * 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        "patent_id,申请国\nA,中国\n".encode("gbk"),
        "patent_id\n甲\n".encode("gbk"),
        b"a,b\n1\n",
        b'a\n"open\n',
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / f"patents.{kind}").write_bytes(content)
    with pytest.raises((SourceError, SchemaError), match="patents"):
        read_tables(tmp_path)


def test_a_folder_without_patents_is_no_book(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(SourceError, match="is not a book"):
            read_tables(place)


def test_a_csv_without_a_required_column_is_refused_with_the_nearest_spelling(tmp_path: Path) -> None:
    table = pcsv.read_csv((tmp_path / "x.csv") if (tmp_path / "x.csv").exists() else _written(tmp_path))
    pcsv.write_csv(
        table.rename_columns(["patent_id", "jurisdicton", "application_date", "owners"]), tmp_path / "patents.csv"
    )
    with pytest.raises(SchemaError, match="nearest column is 'jurisdicton'"):
        read_tables(tmp_path)


def _written(folder: Path) -> Path:
    (folder / "x.csv").write_text(PATENTS)
    return folder / "x.csv"
