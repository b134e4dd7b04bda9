"""Delimited text: encodings, delimiters, quotes, ragged rows, endless lines."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.errors import SourceError
from ipvalue.sources.reading.delimited import DelimitedTable, lay_out
from ipvalue.sources.reading.encodings import Utf8Stream, detect
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.mapping import Columns, Field


def of_bytes(content: bytes) -> Input:
    return Input("a.csv", "a.csv", lambda: io.BytesIO(content))  # type: ignore[arg-type, return-value]


def rows(content: bytes, **options: object) -> list[list[str | None]]:
    table = DelimitedTable(of_bytes(content), **options)  # type: ignore[arg-type]
    return [list(row.values()) for batch in table.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_chinese_text_is_read_in_every_encoding(encoding: str) -> None:
    text = "申请号,申请人,公开（公告）日\n" + "CN200810072486.X,厦门大学；某公司,2008.12.26\n" * 200
    table = DelimitedTable(of_bytes(text.encode(encoding)))
    assert table.header == ["申请号", "申请人", "公开（公告）日"]
    read = pa.Table.from_batches(table.batches())
    assert read["申请人"].to_pylist() == ["厦门大学；某公司"] * 200


def test_western_text_that_is_not_utf8_is_latin_with_a_note() -> None:
    content = "id,owner\n1,Société Générale\n2,Müller & Söhne\n3,Österreich\n".encode("latin-1")
    assert detect(of_bytes(content)).name == "latin-1"
    assert "assumed to be Latin-1" in DelimitedTable(of_bytes(content)).notes[0]
    assert rows(content)[0][1] == "Société Générale"


def test_a_late_wrong_byte_does_not_change_the_encoding() -> None:
    content = "id,owner\n" + "1,清华大学\n" * 50_000 + "2,"
    table = DelimitedTable(of_bytes(content.encode() + b"\xff\n"))
    read = pa.Table.from_batches(table.batches())
    assert read["owner"].to_pylist()[0] == "清华大学"
    assert read["owner"].to_pylist()[-1] == "\ufffd"
    assert "not UTF-8" in table.notes[0]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|", "，", "；", "｜"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found(delimiter: str, end: str) -> None:
    lines = [["id", "owner", "date"], *([str(i), f"x{i} y", "2020-01-01"] for i in range(300))]
    content = end.join(delimiter.join(cells) for cells in lines).encode()
    layout = lay_out(of_bytes(content))
    assert (layout.delimiter, layout.header) == (delimiter, lines[0])
    assert rows(content) == lines[1:]


def test_a_full_width_delimiter_inside_quotes_stays() -> None:
    assert rows('id，owner\n1，"a，b"\n2，c\n'.encode()) == [["1", "a，b"], ["2", "c"]]


def test_mixed_delimiters_are_rejects_with_their_lines() -> None:
    table = DelimitedTable(of_bytes(b"id,n,d\n1,a,x\n2;b;y\n3,c,z\n4\td\tw\n"))
    assert [r["id"] for b in table.batches() for r in b.to_pylist()] == ["1", "3"]
    assert [(r.row, r.value, r.detail) for r in table.rejects] == [
        (1, "2;b;y", "line 3 has 1 cells, the header has 3"),
        (3, "4\td\tw", "line 5 has 1 cells, the header has 3"),
    ]


def test_the_note_of_excel_and_preambles_are_passed_over() -> None:
    assert rows(b"sep=;\nid;n\n1;a\n") == [["1", "a"]]
    part = Columns("patents", (Field("patent_id", "id", required=True), Field("owners", "assignee")))
    content = b"search URL:,https://x/?q=a,b\n\nid,title,assignee\nUS1,t,A\n"
    table = DelimitedTable(of_bytes(content), (part,))
    assert table.header == ["id", "title", "assignee"]
    assert table.layout.header_line == 3
    assert pa.Table.from_batches(table.batches()).to_pylist() == [{"id": "US1", "title": "t", "assignee": "A"}]


def test_headers_match_whatever_their_width_case_and_brackets() -> None:
    part = Columns("patents", (Field("patent_id", "公开（公告）号 | Publication Number", required=True),))
    for header in (
        "公开(公告)号",
        "公开（公告）号 ",
        "PUBLICATION_NUMBER",
        "publication number",
        "\ufeffPublication-Number",
    ):
        assert part.match(["x", header]) == {"patent_id": header}
    with pytest.raises(SourceError, match="does not have the column '公开（公告）号'"):
        part.require("a.csv", ["number"])


def test_nul_bytes_are_rejects() -> None:
    table = DelimitedTable(of_bytes(b"id,n\n1,a\n2,b\0c\n3,d\n"))
    assert [r["id"] for b in table.batches() for r in b.to_pylist()] == ["1", "3"]
    assert [(r.row, r.detail) for r in table.rejects] == [(1, "row 1 contains a NUL character")]


def test_bytes_that_are_no_text_are_said_so() -> None:
    with pytest.raises(SourceError, match="is not text: "):
        DelimitedTable(of_bytes(bytes(range(256)) * 10 + bytes(4000)))
    with pytest.raises(SourceError, match="is empty"):
        DelimitedTable(of_bytes(b"\n \n"))


def test_a_quote_that_is_never_closed_says_where() -> None:
    content = b'id,n\n1,a\n2,"b\n' + b"3,c\n" * 100_000
    with pytest.raises(SourceError, match="a quote that opens in row 2 is not closed"):
        rows(content)
    with pytest.raises(SourceError, match="a quote is not closed"):
        rows(content + b"4,d\n" * 2_000_000, longest_line=1 << 20)
    with pytest.raises(SourceError, match="a quote that opens in row 2 is not closed"):
        list(DelimitedTable(of_bytes(content)).batches(["id"]))
    assert rows(b'id,n\n1,5" disk\n2,b\n') == [["1", '5" disk'], ["2", "b"]], "a quote inside a cell is no quote"


def test_a_file_of_another_delimiter_is_not_taken_row_by_row() -> None:
    with pytest.raises(SourceError, match="most rows do not have as many cells as the header"):
        rows(b"id,n\n" + b"1;2;3\n" * 20_000, delimiter=",")


def test_repeated_and_empty_headers_become_distinct() -> None:
    assert DelimitedTable(of_bytes(b"n,n,,n\n1,2,3,4\n")).header == ["n", "n 2", "column 3", "n 3"]


def test_only_wanted_columns_are_read() -> None:
    table = DelimitedTable(of_bytes(b"a,b,c\n1,2,3\n"))
    assert [b.schema.names for b in table.batches(["c", "a"])] == [["c", "a"]]


def test_a_table_without_rows_has_none() -> None:
    assert rows(b"a,b\n") == []
    assert rows(b"a,b") == []


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1f", exclude_categories=("Cs",)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=20), st.sampled_from(["\t", ",", ";", "|"]))
def test_whatever_the_csv_module_writes_is_read_again(cells: list[tuple[str, str, str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("c1", "c2", "c3"), *cells])
    read = rows(out.getvalue().encode(), delimiter=delimiter)
    assert read == [[c or None for c in row] for row in cells]


def test_a_stream_is_recoded_across_blocks() -> None:
    text = "é中" * 200_000 + "\n"
    for encoding in ("utf-8", "gb18030", "utf-16"):
        with Utf8Stream(of_bytes(text.encode(encoding))) as stream:
            assert b"".join(iter(lambda s=stream: s.read(777), b"")).decode() == text  # type: ignore[misc]


def test_refused_rows_of_a_real_shape_do_not_move_the_others(tmp_path: Path) -> None:
    lines = [f"{i},x" if i % 100 else f"{i},x,extra" for i in range(50_000)]
    table = DelimitedTable(of_bytes(("id,n\n" + "\n".join(lines)).encode()), longest_line=1 << 16)
    kept = [int(r["id"]) for b in table.batches() for r in b.to_pylist()]
    assert kept == [i for i in range(50_000) if i % 100]
    assert [r.row for r in table.rejects] == list(range(0, 50_000, 100))
    assert all(r.detail.startswith(f"line {r.row + 2} has 3") for r in table.rejects)
