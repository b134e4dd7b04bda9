"""Real Chinese data: 2,049 rows of applications, the gazette's texts and codes, claim sets, three histories."""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

import ipvalue as ipv
from ipvalue.law import status
from ipvalue.law.numbers import cn_check_digit
from ipvalue.sources.joining.office_documents import numbered_claims
from tests.sources.books import assert_canonical, kept_and_refused, write_rows

Rows = list[dict[str, str]]


def table(book: ipv.Book, name: str) -> list[dict[str, Any]]:
    return [
        {k: v.isoformat() if isinstance(v, datetime.date) else v for k, v in row.items() if v is not None}
        for row in book[name].to_pylist()
    ]


def test_real_rows_load_with_independent_counts(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "cn_legal_status_survival" / "cn_inventions_half.csv"
    book = ipv.read_cnipa(path)
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    rows = [dict(zip(next(csv.reader([lines[0]])), next(csv.reader([line])))) for line in lines[1:] if line.strip()]
    sound = [row for row in rows if row["app_num"].startswith("CN") and row["app_num"][2:10].isdigit()]
    assert (len(rows), len(sound)) == (2049, 2045)
    assert len(book) == len(sound)
    assert book.rejects["code"].tolist() == ["unreadable"] * 4
    assert kept_and_refused(book, "patents") == book.rows_in["patents"] == len(rows)
    steps = ("substantive_review", "app_withdraw", "reject", "recover", "waive", "terminate")
    dated = {step: [row[step] for row in sound if row[step] not in ("NA", "")] for step in steps}
    assert book["legal_events"].num_rows == sum(map(len, dated.values())) == 3727
    grants = {row["pub_num"]: row["grant"] for row in sound if row["grant"] not in ("NA", "")}
    found = {f"CN{r['patent_id'][3:]}A": r["grant_date"] for r in table(book, "patents") if "grant_date" in r}
    assert found == grants
    claims = [int(row["total_claims"]) for row in sound if row["total_claims"].isdigit()]
    assert sum(r.get("n_claims", 0) for r in table(book, "patents")) == sum(claims)
    assert_canonical(book, tmp_path)


def test_states_of_the_real_rows_agree_with_the_file(data_dir: Path) -> None:
    path = data_dir / "cn_legal_status_survival" / "cn_inventions_half.csv"
    book = ipv.read_cnipa(path)
    events, patents = book["legal_events"].to_pandas(), book["patents"].to_pandas()
    states = status.at(events, patents, "2017-08-31").set_index("patent_id")["state"]
    frame = pd.read_csv(io.StringIO(path.read_bytes().decode("utf-8", "replace")), dtype=str).set_index("pub_num")
    frame = frame[frame["app_num"].str.fullmatch(r"CN\d{8}\.[\dX]", na=False)]
    frame.index = "CN-" + frame.index.str[2:-1]
    never_restored = frame["recover"].isna()
    ended = frame["terminate"].notna() & never_restored
    assert (states[frame.index[ended]].isin(["lapsed", "expired"])).mean() > 0.99
    alive = frame["grant"].notna() & frame["terminate"].isna() & frame["waive"].isna()
    young = pd.to_datetime(frame["app_date"], errors="coerce") > "1997-09-01"
    assert (states[frame.index[alive & young]].isin(["in_force", "grace"])).mean() > 0.99
    gone = frame["app_withdraw"].notna() & never_restored & frame["grant"].isna()
    assert (states[frame.index[gone]] == "withdrawn").mean() > 0.99


def test_real_announcement_texts_are_understood(data_dir: Path, tmp_path: Path) -> None:
    with (data_dir / "cn_status_and_claims" / "legal_status_texts.csv").open(encoding="utf-8-sig") as file:
        texts = list(csv.DictReader(file))
    digits = [f"2018{1}{n:07d}" for n in range(len(texts))]
    rows = [
        {"申请号": d, "申请日": "2018-01-02", "授权公告日": "2019-03-05" if t["class"] != "dead_before_grant" else "",
         "法律状态": t["text_zh"], "法律状态公告日": "2020.05.05"}
        for d, t in zip(digits, texts)
    ]  # fmt: skip
    book = ipv.read_cnipa(write_rows(tmp_path, rows, "gb18030"))
    assert book["legal_events"].num_rows == len(texts)
    frame = status.at(book["legal_events"].to_pandas(), book["patents"].to_pandas(), "2021-01-01")
    state = dict(zip(frame["patent_id"], frame["state"]))
    dead = {"lapsed", "expired", "surrendered", "invalidated", "withdrawn", "refused"}
    for d, text in zip(digits, texts):
        found = state[f"CN-{d}.{cn_check_digit([d])[0]}"]
        if text["class"] == "dead_after_grant":
            assert found in dead, text


def test_real_gazette_codes_arrive_as_codes(data_dir: Path, tmp_path: Path) -> None:
    with (data_dir / "cn_status_and_claims" / "cnipa_event_codes.csv").open(encoding="utf-8-sig") as file:
        codes = list(csv.DictReader(file))
    rows = [
        {
            "申请号": f"20181{n:07d}",
            "申请日": "2018-01-02",
            "法律状态": f"{c['code']} {c['text_zh']}",
            "法律状态公告日": "20200505",
        }
        for n, c in enumerate(codes)
    ]
    events = table(ipv.read_cnipa(write_rows(tmp_path, rows)), "legal_events")
    assert [(e["code"], e["text"]) for e in events] == [(c["code"], c["text_zh"]) for c in codes]
    assert len(codes) == 22


def test_real_claim_sets_are_cut_where_examiners_cut_them(data_dir: Path) -> None:
    for claim_set in json.loads((data_dir / "cn_status_and_claims" / "claims_sets.json").read_text(encoding="utf-8")):
        claims = numbered_claims(claim_set["text"])
        assert [int(c.number) for c in claims] == list(range(1, claim_set["n_claims"] + 1)), claim_set["id"]
        run_on = numbered_claims(claim_set["text"].replace("\n", ""))
        assert [c.number for c in run_on] == [c.number for c in claims], claim_set["id"]


def test_real_histories_of_three_applications(data_dir: Path, tmp_path: Path) -> None:
    cases = json.loads((data_dir / "cn_status_and_claims" / "legal_history_3.json").read_text(encoding="utf-8"))
    rows = [
        {
            "申请号": case["ApplicationNumber"],
            "申请日": case["ApplicationDate"],
            "公开（公告）号": case["PublicationNumber"],
            "公开（公告）日": case["PublicationDate"],
            "专利类型": case["Kind"],
            "法律状态": ";".join(event["Desc"] for event in case["PatentLegalHistory"]),
            "法律状态公告日": ";".join(event["LegalStatusDate"] for event in case["PatentLegalHistory"]),
        }
        for case in cases
    ]
    book = ipv.read_cnipa(write_rows(tmp_path, rows))
    assert len(book) == 3
    assert book["legal_events"].num_rows == sum(len(case["PatentLegalHistory"]) for case in cases)
    assert {row["right"] for row in table(book, "patents")} == {"invention", "design"}
