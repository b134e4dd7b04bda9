"""Answers of the JPO's interface: the real ones of one application, against what their JSON says."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.errors import SourceError
from ipvalue.law import status
from ipvalue.sources.jpo import FORMAT
from ipvalue.sources.registry import Look
from tests.shared_data import existing
from tests.sources.books import assert_canonical


@pytest.fixture
def folder(data_dir: Path) -> Path:
    folder = existing(data_dir / "jpo_api_responses")
    return folder


def data_of(folder: Path, name: str) -> dict[str, Any]:
    path = next(folder.glob(f"*__{name}__2020123456.json"))
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["result"]["data"]
    return data


def test_all_real_answers_join_into_one_patent(folder: Path, tmp_path: Path) -> None:
    book = ipv.read_jpo(folder)
    (patent,) = (row for row in book["patents"].to_pylist() if row["patent_id"] == "JP-7533889")
    assert patent["application_date"] == datetime.date(2020, 7, 20)
    assert patent["priority_date"] == datetime.date(2019, 11, 21)
    assert patent["publication_date"] == datetime.date(2021, 6, 10)
    assert patent["grant_date"] == datetime.date(2024, 8, 5)
    assert (patent["owners"], patent["n_claims"], patent["kind"]) == (["メイショウ株式会社"], 5, "B2")
    cited = {item["documentNumber"] for item in data_of(folder, "cite_doc_info")["patentDoc"]}
    assert book["citations"].num_rows == len(cited) == 7
    first = {r["cited_id"]: r["citing_date"] for r in book["citations"].to_pylist()}
    assert first["JP-2002233033"] == datetime.date(2024, 2, 20) and "JP-S60046093" in first and "JP-H04087383" in first
    files = [json.loads(path.read_text(encoding="utf-8"))["result"] for path in sorted(folder.glob("*.json"))]
    silent = [answer for answer in files if "applicationNumber" not in answer["data"]]
    assert (book.rejects["code"] == "unreadable").sum() == len(silent) == 3
    # another application, which only a table of numbers names
    assert (book.rejects["code"] == "missing").sum() == 1
    assert_canonical(book, tmp_path)


def test_events_of_the_file_are_public_with_the_publication(folder: Path) -> None:
    path = next(folder.glob("*app_progress__2020123456.json"))
    book = ipv.read_jpo(path)
    listed = [d for part in data_of(folder, "app_progress")["bibliographyInformation"] for d in part["documentList"]]
    expected = {(d["documentCode"], d["legalDate"]) for d in listed if d["documentCode"] != "A63"}
    events = book["legal_events"].to_pylist()
    assert {(r["code"], r["effective_date"].strftime("%Y%m%d")) for r in events} == expected
    assert all(r["announced_date"] >= datetime.date(2021, 6, 10) for r in events)
    frames = book["legal_events"].to_pandas(), book["patents"].to_pandas()
    states = {day: status.at(*frames, day)["state"].iloc[0] for day in ("2022-01-01", "2024-03-01", "2024-09-01")}
    assert states == {"2022-01-01": "published", "2024-03-01": "examination", "2024-09-01": "in_force"}


def test_order_of_answers_does_not_matter(folder: Path) -> None:
    paths = sorted(folder.glob("*.json"))
    assert ipv.read_jpo(*reversed(paths)).fingerprint == ipv.read_jpo(*paths).fingerprint


def test_hostile_answers(tmp_path: Path) -> None:
    good = {
        "result": {
            "data": {"applicationNumber": "2020123456", "filingDate": "20200720", "registrationNumber": "7533889"}
        }
    }
    (tmp_path / "good.json").write_text(json.dumps(good))
    (tmp_path / "list.json").write_text('[1, {"result": []}, {"result": {"data": {"applicationNumber": 5}}}]')
    (tmp_path / "deep.json").write_text('{"result": ' + "[" * 500 + "]" * 500 + "}")
    (tmp_path / "odd.json").write_text(json.dumps({"result": {"data": {"applicationNumber": "1", "patentDoc": "x"}}}))
    book = ipv.read_jpo(tmp_path)
    assert book.patent_ids == ["JP-7533889"]
    assert sorted(book.rejects["code"]) == ["missing", *["unreadable"] * 4]
    (tmp_path / "cut.json").write_text(json.dumps(good)[:-9])
    with pytest.raises(SourceError, match="names an application"):
        ipv.read_jpo(tmp_path / "cut.json")
    assert (
        FORMAT.confidence(Look("a.json", "json", ("result", "statusCode", "errorMessage", "remainAccessCount"))) > 0.9
    )
