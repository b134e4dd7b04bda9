"""Chinese exports: header and number variants, announcements, several files of one patent, hostile files."""

from __future__ import annotations

import datetime
import itertools
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError, SourceError
from ipvalue.law import status
from ipvalue.law.numbers import cn_check_digit
from ipvalue.sources.cnipa import FORMAT
from ipvalue.sources.cnipa_cells import notices
from ipvalue.sources.registry import Look
from tests.sources.books import assert_canonical, write_rows

Rows = list[dict[str, str]]
LIST: Rows = [
    {
        "申请号": "CN201911130921.9",
        "申请日": "2019.11.18",
        "公开（公告）号": "CN110825000A",
        "公开（公告）日": "2020年2月21日",
        "IPC分类号": "H04L 29/08(2006.01)I;G06F 9/50(2006.01)I",
        "主分类号": "G06F9/50(2006.01)I",
        "权利要求数量": "10",
        "权利要求": "1.一种方法。2.根据权利要求1所述的方法。",
        "申请（专利权）人": "甲公司;乙大学",
        "发明人": "张三;李四；王五",
        "引证": "CN104000000B;US20190123456A1；期刊文献",
        "简单同族": "CN110825000A;US11000000B2",
    },
    {
        "申请号": "ZL201911130921",
        "申请日": "20191118",
        "公开（公告）号": "CN110825000B",
        "公开（公告）日": "2021-03-05",
        "当前权利人": "丙公司",
        "法律状态": "授权;实质审查的生效",
        "法律状态公告日": "2021.03.05;2020.03.17",
        "简单同族": "US11000000B2;CN110825000A",
    },
    {
        "申请号": "２０１０２０１５２０７６．３",
        "申请日": "2010/4/1",
        "公开（公告）号": "CN201700000U",
        "公开（公告）日": "2011.01.05",
        "专利类型": "实用新型",
    },
]


def workbook(folder: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    path = folder / "list.xlsx"
    book.save(path)
    return path


def table(book: ipv.Book, name: str) -> list[dict[str, Any]]:
    return [
        {k: v.isoformat() if isinstance(v, datetime.date) else v for k, v in row.items() if v is not None}
        for row in book[name].to_pylist()
    ]


def one(tmp_path: Path, **cells: str) -> ipv.Book:
    base = {"申请号": "201911130921.9", "申请日": "2019-11-18", "公开（公告）号": "CN110825000B"}
    return ipv.read_cnipa(write_rows(tmp_path, [base | cells]))


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-8", "utf-16"])
def test_documents_of_one_application_are_one_patent_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    book = ipv.read_cnipa(write_rows(tmp_path, LIST, encoding))
    first, second = table(book, "patents")
    assert first == {
        "patent_id": "CN-110825000",
        "jurisdiction": "CN",
        "right": "invention",
        "kind": "B",
        "application_date": "2019-11-18",
        "publication_date": "2020-02-21",
        "grant_date": "2021-03-05",
        "family_id": "CN-110825000",
        "ipc": ["G06F 9/50", "H04L 29/08"],
        "owners": ["丙公司"],
        "n_inventors": 3,
        "n_claims": 10,
    }
    assert (second["patent_id"], second["right"], second["grant_date"]) == (
        "CN-201700000",
        "utility_model",
        "2011-01-05",
    )
    assert {row["cited_id"] for row in table(book, "citations")} == {"CN-104000000", "US-20190123456"}
    assert [row["claim_number"] for row in table(book, "claims")] == [1, 2]
    members = {(r["patent_id"], r.get("publication_date")) for r in table(book, "family_members")}
    assert members == {("CN-110825000", "2020-02-21"), ("CN-110825000", "2021-03-05"), ("US-11000000", None)}
    assert [(r["announced_date"], r["text"]) for r in table(book, "legal_events")] == [
        ("2020-03-17", "实质审查的生效"),
        ("2021-03-05", "授权"),
    ]
    assert book.rejects.empty
    assert_canonical(book, tmp_path)


def test_a_workbook_reads_as_the_same_book(tmp_path: Path) -> None:
    header = list(dict.fromkeys(key for row in LIST for key in row))
    cells: list[list[Any]] = [[row.get(h) for h in header] for row in LIST]
    cells[1][1] = datetime.datetime(2019, 11, 18)
    cells[2][header.index("公开（公告）日")] = datetime.date(2011, 1, 5)
    path = workbook(tmp_path, [["检索结果"], [], header, *cells])
    assert ipv.read_cnipa(path).fingerprint == ipv.read_cnipa(write_rows(tmp_path, LIST)).fingerprint


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(LIST))), cut=st.integers(0, len(LIST)))
def test_order_and_division_of_rows_do_not_matter(tmp_path: Path, order: list[int], cut: int) -> None:
    rows = [LIST[i] for i in order]
    parts = [write_rows(tmp_path, some, name=f"{n}.csv") for n, some in enumerate((rows[:cut], rows[cut:])) if some]
    assert ipv.read_cnipa(*parts).fingerprint == ipv.read_cnipa(write_rows(tmp_path, LIST)).fingerprint


@pytest.mark.parametrize(
    "number",
    [
        "ZL201911130921.9",
        "CN201911130921.9",
        "201911130921",
        "2019111309219",
        " CN 2019 1 1130921.9",
        "ＺＬ２０１９１１１３０９２１．９",
    ],
)
def test_forms_of_an_application_number_are_one(tmp_path: Path, number: str) -> None:
    book = ipv.read_cnipa(write_rows(tmp_path, [{"申请号": number, "申请日": "2019-11-18"}]))
    assert book.patent_ids == ["CN-201911130921.9"]


def test_old_numbers_get_their_check_digit(tmp_path: Path) -> None:
    numbers = ["85100001", "01108608.4", "99816481.X"]
    book = ipv.read_cnipa(write_rows(tmp_path, [{"申请号": n, "申请日": "2001-07-09"} for n in numbers]))
    assert book.patent_ids == sorted(f"CN-{n[:8]}.{cn_check_digit([n[:8]])[0]}" for n in numbers)
    assert "CN-01108608.4" in book.patent_ids


@pytest.mark.parametrize(
    "written", ["2019.03.05", "2019年3月5日", "20190305", "2019/3/5", "２０１９－０３－０５", "2019-03-05 00:00:00"]
)
def test_forms_of_a_day(tmp_path: Path, written: str) -> None:
    (row,) = table(one(tmp_path, 授权公告日=written, 申请日="2018-01-02"), "patents")
    assert row["grant_date"] == "2019-03-05"


@pytest.mark.parametrize("bad", ["2019-13-05", "2019-02-30", "三月五日"])
def test_a_day_that_is_none_is_refused(tmp_path: Path, bad: str) -> None:
    book = one(tmp_path, 申请日=bad)
    assert book.rejects[["column", "code"]].values.tolist() == [["application_date", "bad_date"]]


def test_header_variants(tmp_path: Path) -> None:
    for number, day in itertools.product(("申请号", "专利申请号", "申请号 "), ("申请日", "申请日期")):
        book = ipv.read_cnipa(
            write_rows(tmp_path, [{number: "201911130921.9", day: "2019-11-18", "公开(公告)号": "CN110825000B"}])
        )
        assert book.patent_ids == ["CN-110825000"]


def test_a_list_of_announcements_joins_the_list_of_patents(tmp_path: Path) -> None:
    events = [
        {
            "申请号": "2019111309219",
            "法律状态公告日": "2022.07.01",
            "法律状态": "专利权的转移",
            "法律状态信息": "登记生效日:20220620",
        },
        {"申请号": "201899999999.9", "法律状态公告日": "2022.07.01", "法律状态": "授权", "法律状态信息": ""},
    ]
    book = ipv.read_cnipa(write_rows(tmp_path, events, name="events.csv"), write_rows(tmp_path, LIST[:2]))
    assert ("2022-06-20", "2022-07-01") in {
        (r["effective_date"], r["announced_date"]) for r in table(book, "legal_events")
    }
    assert len(book) == 1
    # an application of which only an announcement is known has no filing date
    assert sorted(book.rejects["code"]) == ["missing", "unknown_patent"]


def test_pledges_carry_their_number_and_raise_the_flag(tmp_path: Path) -> None:
    text = "专利权质押合同登记的生效;IPC(主分类):G06F 9/50;登记号:Y2021990000123;登记生效日:20210901;质权人:某银行"
    book = one(tmp_path, 法律状态=text, 法律状态公告日="20210917", 授权公告日="2021-03-05")
    (event,) = table(book, "legal_events")
    assert (event["effective_date"], event["announced_date"]) == ("2021-09-01", "2021-09-17")
    assert event["detail"] == "Y2021990000123"
    pledged = {
        day: bool(status.at(book["legal_events"].to_pandas(), book["patents"].to_pandas(), day)["pledged"].iloc[0])
        for day in ("2021-09-16", "2021-09-17")
    }
    assert pledged == {"2021-09-16": False, "2021-09-17": True}


def test_pledge_columns_are_events(tmp_path: Path) -> None:
    book = one(
        tmp_path,
        质押登记日="2021.9.1;2023.2.1",
        质押登记号="Y1234567;Y7654321",
        质押解除日="2022.1.10",
        质权人="某银行",
    )
    events = [(r["effective_date"], r["text"].split(";")[0], r["detail"]) for r in table(book, "legal_events")]
    assert events == [
        ("2021-09-01", "专利权质押合同登记的生效", "Y1234567"),
        ("2022-01-10", "专利权质押合同登记的注销", "Y1234567"),
        ("2023-02-01", "专利权质押合同登记的生效", "Y7654321"),
    ]


def test_a_history_in_one_cell() -> None:
    history = "20210305 授权\n20200317 实质审查的生效;20200221 公开"
    expected = [("2021-03-05", "授权"), ("2020-03-17", "实质审查的生效"), ("2020-02-21", "公开")]
    assert [(n.announced, n.text) for n in notices(None, None, history, None) or []] == expected
    other = "授权(2021-03-05);实质审查的生效(2020-03-17);公开(2020-02-21)"
    assert [(n.announced, n.text) for n in notices(other, None, None, None) or []] == expected


def test_a_state_without_a_day_is_no_event_and_unequal_lists_are_refused(tmp_path: Path) -> None:
    assert one(tmp_path, 法律状态="有效")["legal_events"].num_rows == 0
    book = one(tmp_path, 法律状态="授权", 法律状态公告日="2020.1.1;2020.2.2")
    assert book.rejects[["table", "code"]].values.tolist() == [["legal_events", "unreadable"]]


def test_documents_of_other_offices_keep_their_bibliography(tmp_path: Path) -> None:
    rows = [
        {
            "申请号": "US15/123456",
            "申请日": "2016-03-04",
            "公开（公告）号": "US20170000001A1",
            "公开（公告）日": "2017-01-05",
            "法律状态": "授权",
            "法律状态公告日": "2019-01-01",
        },
        {
            "申请号": "US15/123456",
            "申请日": "2016-03-04",
            "公开（公告）号": "US10000001B2",
            "公开（公告）日": "2018-06-19",
            "法律状态": "授权",
            "法律状态公告日": "2019-01-01",
        },
    ]
    book = ipv.read_cnipa(write_rows(tmp_path, rows))
    (patent,) = table(book, "patents")
    assert (patent["patent_id"], patent["grant_date"], patent["publication_date"]) == (
        "US-10000001",
        "2018-06-19",
        "2017-01-05",
    )
    assert book["legal_events"].num_rows == 0


def test_hostile_files(tmp_path: Path) -> None:
    whole = write_rows(tmp_path, LIST, "gb18030").read_bytes()
    broken = tmp_path / "broken.csv"
    broken.write_bytes(whole[: len(whole) // 2])
    assert ipv.read_cnipa(broken).rows_in["patents"] >= 1
    broken.write_bytes(whole.replace(b"201911130921.9", b"2019\x00\x0011130921.9"))
    book = ipv.read_cnipa(broken)
    assert "NUL" in book.rejects["message"].iloc[0]
    with pytest.raises(SourceError, match="申请号"):
        broken.write_text("a,b\n1,2\n")
        ipv.read_cnipa(broken)
    with pytest.raises(SourceError):
        broken.write_bytes(b"PK\x03\x04 no archive")
        ipv.read_cnipa(broken)
    with zipfile.ZipFile(tmp_path / "list.zip", "w") as archive:
        archive.writestr("list.csv", whole)
    assert ipv.read_cnipa(tmp_path / "list.zip").fingerprint == ipv.read_cnipa(tmp_path / "list.csv").fingerprint
    with pytest.raises(BookError):
        ipv.read_cnipa(write_rows(tmp_path, [*LIST, {"申请号": "无此号"}]), strict=True)


def test_the_format_is_recognised_by_its_headers() -> None:
    assert FORMAT.confidence(Look("list.csv", "table", ("申请号", "申请日", "公开(公告)号", "法律状态"))) > 0.5
    assert FORMAT.confidence(Look("list.csv", "table", ("Publication Number", "Title"))) == 0
