"""Answers of the Open Data Portal: real ones against counts by json, made ones for what each key becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import IpvalueError, SourceError
from ipvalue.features.legal import legal_facts
from ipvalue.law import status
from tests.shared_data import existing
from tests.sources.books import assert_canonical


def wrapper(application: str = "17248024", **more: Any) -> dict[str, Any]:
    """A whole file wrapper."""
    facts = {
        "filingDate": "2021-01-05",
        "grantDate": "2023-05-09",
        "patentNumber": "11646472",
        "applicationTypeCode": "UTL",
        "earliestPublicationDate": "2021-07-08",
        "earliestPublicationNumber": "US20210210819A1",
        "cpcClassificationBag": ["H01M  50/46", "H01G  11/06"],
        "inventorBag": [{"inventorNameText": "A"}, {"inventorNameText": "B"}, {"inventorNameText": "A"}],
        "applicantBag": [{"applicantNameText": "PolyPlus"}],
        "applicationStatusCode": 150,
        "applicationStatusDate": "2023-04-19",
    }
    return {"applicationNumberText": application, "applicationMetaData": facts, **more}


def write(folder: Path, *records: dict[str, Any], name: str = "answer.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"count": len(records), "patentFileWrapperDataBag": records}))
    return path


def only(book: ipv.Book) -> dict[str, Any]:
    (row,) = book["patents"].to_pylist()
    return row


def test_metadata_become_a_patent(tmp_path: Path) -> None:
    patent = only(ipv.read_odp(write(tmp_path, wrapper())))
    assert (patent["patent_id"], patent["right"], patent["n_inventors"]) == ("US-11646472", "invention", 2)
    assert (patent["owners"], patent["ipc"]) == (["PolyPlus"], ["H01M 50/46", "H01G 11/06"])
    dates = ("application_date", "publication_date", "grant_date")
    assert [str(patent[name]) for name in dates] == ["2021-01-05", "2021-07-08", "2023-05-09"]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"patentNumber": None, "grantDate": None}, "US-20210210819"),
        (
            {"patentNumber": None, "grantDate": None, "earliestPublicationNumber": "US 2017-0071586 A1"},
            "US-20170071586",
        ),
        ({"patentNumber": None, "grantDate": None, "earliestPublicationNumber": ""}, "US-17/248024"),
        ({"patentNumber": "D0584230"}, "US-D584230"),
        ({"patentNumber": "RE038000"}, "US-RE38000"),
    ],
)
def test_an_application_is_named_as_its_last_document(tmp_path: Path, facts: dict[str, Any], name: str) -> None:
    record = wrapper()
    record["applicationMetaData"].update(facts)
    assert ipv.read_odp(write(tmp_path, record)).patent_ids == [name]


def test_terms_run_from_the_earliest_parent_and_priority_counts_provisionals(tmp_path: Path) -> None:
    def parent(kind: str, day: str) -> dict[str, str]:
        return {"claimParentageTypeCode": kind, "parentApplicationFilingDate": day}

    record = wrapper(
        parentContinuityBag=[
            parent("CON", "2019-11-25"),
            parent("NST", "2004-04-14"),
            parent("PRO", "2004-02-06"),
            parent("CON", "2022-01-01"),  # after the filing: contradicts itself
            parent("CON", "0001-01-01"),
        ],
        foreignPriorityBag=[{"filingDate": "2003-12-01", "ipOfficeName": "JAPAN"}],
    )
    patent = only(ipv.read_odp(write(tmp_path, record)))
    assert str(patent["parent_filing_date"]) == "2004-04-14"
    assert str(patent["priority_date"]) == "2003-12-01"


def test_an_adjustment_is_known_from_its_last_entry(tmp_path: Path) -> None:
    history = [{"eventDate": "2023-05-09"}, {"eventDate": "2023-11-01"}, {"eventDate": "2022-01-01"}]
    adjustment = {"adjustmentTotalQuantity": 304, "patentTermAdjustmentHistoryDataBag": history}
    book = ipv.read_odp(write(tmp_path, wrapper(patentTermAdjustmentData=adjustment)))
    assert (only(book)["term_adjustment_days"], str(only(book)["term_adjustment_known_date"])) == (304, "2023-11-01")
    ends = {}
    for day in ("2023-10-31", "2023-11-01"):
        state = book.as_of(day)
        ends[day] = legal_facts(state).end[0]
    assert (ends["2023-11-01"] - ends["2023-10-31"]).astype(int) == 304


def test_transactions_are_register_entries_and_an_expiry_has_its_anniversary(tmp_path: Path) -> None:
    entries = [("2027-06-14", "EXP."), ("2028-02-01", "PMFG"), ("2022-05-01", "CTNF"), ("2027-06-14", "EXP.")]
    record = wrapper(
        eventDataBag=[{"eventCode": code, "eventDate": day, "eventDescriptionText": "x"} for day, code in entries]
    )
    book = ipv.read_odp(write(tmp_path, record))
    events = book["legal_events"].to_pandas()
    assert book.duplicates == {"legal_events": 1}
    expiry = events[events["code"] == "EXP."].iloc[0]
    assert (str(expiry["effective_date"]), str(expiry["announced_date"])) == ("2027-05-09", "2027-06-14")
    patents = book["patents"].to_pandas()
    course = {"2022-06-01": "examination", "2027-06-13": "in_force", "2027-06-14": "lapsed", "2028-02-01": "in_force"}
    assert {day: status.at(events, patents, day)["state"].item() for day in course} == course


def test_a_status_tells_what_no_transaction_does_but_never_the_grant(tmp_path: Path) -> None:
    record = wrapper()
    assert ipv.read_odp(write(tmp_path, record))["legal_events"].num_rows == 0  # 150 is dated before the grant
    said = "Patent Expired Due to NonPayment of Maintenance Fees Under 37 CFR 1.362"
    record["applicationMetaData"].update(
        applicationStatusCode=250, applicationStatusDate="2027-06-14", applicationStatusDescriptionText=said
    )
    book = ipv.read_odp(write(tmp_path, record))
    found = status.at(book["legal_events"].to_pandas(), book["patents"].to_pandas(), "2027-07-01")
    assert found["state"].tolist() == ["lapsed"]


def test_assignments_change_owners_and_pledges_are_told_apart(tmp_path: Path) -> None:
    def conveyance(said: str, recorded: str, executed: str) -> dict[str, Any]:
        return {
            "conveyanceText": said,
            "assignmentRecordedDate": recorded,
            "assignorBag": [{"assignorName": "X", "executionDate": executed}, {"executionDate": "2000-01-01"}],
            "assigneeBag": [{"assigneeNameText": "SAMSUNG ELECTRONICS CO., LTD"}],
        }

    record = wrapper(
        assignmentBag=[
            conveyance("ASSIGNMENT OF ASSIGNORS INTEREST (SEE DOCUMENT FOR DETAILS).", "2023-06-20", "2023-06-01"),
            conveyance("SECURITY INTEREST", "2024-01-10", "2024-01-05"),
            conveyance("RELEASE BY SECURED PARTY", "2025-01-10", "2025-01-05"),
            conveyance("ASSIGNMENT", "2025-02-10", "2031-01-05"),  # executed after it was recorded
        ]
    )
    book = ipv.read_odp(write(tmp_path, record))
    rows = sorted(
        (str(e["announced_date"]), str(e["effective_date"]), e["detail"]) for e in book["legal_events"].to_pylist()
    )
    assert rows == [
        ("2023-06-20", "2023-06-01", "SAMSUNG ELECTRONICS CO., LTD"),
        ("2024-01-10", "2024-01-05", None),
        ("2025-01-10", "2025-01-05", None),
        ("2025-02-10", "2000-01-01", "SAMSUNG ELECTRONICS CO., LTD"),
    ]
    events, patents = book["legal_events"].to_pandas(), book["patents"].to_pandas()
    found = {d: status.at(events, patents, d) for d in ("2023-06-19", "2024-01-09", "2024-01-10", "2025-01-10")}
    assert {d: (f["n_transfers"].item(), f["n_pledges"].item()) for d, f in found.items()} == {
        "2023-06-19": (0, 0),
        "2024-01-09": (1, 0),
        "2024-01-10": (1, 1),
        "2025-01-10": (1, 0),
    }


def test_answers_on_parts_are_put_together(tmp_path: Path) -> None:
    parts = {
        "eventDataBag": [{"eventCode": "CTNF", "eventDate": "2022-05-01"}],
        "patentTermAdjustmentData": {"adjustmentTotalQuantity": 304},
        "parentContinuityBag": [{"claimParentageTypeCode": "CON", "parentApplicationFilingDate": "2019-11-25"}],
    }
    whole = ipv.read_odp(write(tmp_path, wrapper(**parts)))
    paths = [write(tmp_path, wrapper(), name="meta.json")]
    for name, part in parts.items():
        paths.append(write(tmp_path, {"applicationNumberText": "17248024", name: part}, name=f"{name}.json"))
    assert ipv.read_odp(*paths).fingerprint == ipv.read_odp(*paths[::-1]).fingerprint == whole.fingerprint
    alone = ipv.read_odp(*paths[1:])
    assert alone.rejects["code"].value_counts().to_dict() == {"missing": 1, "unknown_patent": 1}


def test_what_is_no_right_is_refused(tmp_path: Path) -> None:
    bag = [{"applicationNumberText": n, "filingDate": "2024-02-15"} for n in ("90019421", "63123456", "29123456")]
    (tmp_path / "search.json").write_text(json.dumps({"count": 3, "patentBag": bag}))
    book = ipv.read_odp(tmp_path / "search.json")
    assert [(p["patent_id"], p["right"]) for p in book["patents"].to_pylist()] == [("US-29/123456", "design")]
    assert sorted(book.rejects["value"]) == ["provisional", "reexamination"]


def test_records_without_an_application_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, wrapper(), {"eventDataBag": []}, {"applicationNumberText": None})
    book = ipv.read_odp(path)
    assert (len(book), book.rejects["code"].tolist()) == (1, ["unreadable"] * 2)
    (tmp_path / "other.json").write_text('{"statusCodeBag": [{"applicationStatusCode": 1}]}')
    with pytest.raises(SourceError, match="no file contains a record of a US application"):
        ipv.read_odp(tmp_path / "other.json")
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(SourceError, match=r"answer\.json"):
            ipv.read_odp(path)
    path.write_text('{"patentFileWrapperDataBag": [' + "[" * 100_000)
    with pytest.raises(SourceError, match="nested too deep"):
        ipv.read_odp(path)


trees = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 20_250_101) | st.text(max_size=8) | st.just("2023-05-09"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "eventDate",
                    "eventCode",
                    "assignorBag",
                    "executionDate",
                    "filingDate",
                    "patentTermAdjustmentHistoryDataBag",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = [
    *("applicationMetaData", "eventDataBag", "parentContinuityBag", "foreignPriorityBag", "assignmentBag"),
    *("patentTermAdjustmentData", "continuityBag"),
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(more=st.dictionaries(st.sampled_from(KEYS), trees, max_size=4))
def test_strange_branches_are_empty_ones(tmp_path: Path, more: dict[str, Any]) -> None:
    path = write(tmp_path, {**wrapper(), **more}, wrapper("17000001"))
    try:
        book = ipv.read_odp(path)
    except IpvalueError:
        pytest.fail("one strange record must not cost the others")
    assert book.rows_in["patents"] == 2


@pytest.mark.parametrize(
    "name",
    [
        "uspto_odp_responses/get_patent__response.json",
        "uspto_odp_responses/search_patents__response.json",
        "uspto_odp_responses/testdata__strictdecode__get_patent.json",
        "office_fixtures_patent_client/uspto/odp/fixtures/application.json",
        "office_fixtures_patent_client/uspto/odp/fixtures/biblio.json",
        "office_fixtures_patent_client/uspto/odp/fixtures/search.json",
    ],
)
def test_real_answers_load_whole(data_dir: Path, tmp_path: Path, name: str) -> None:
    path = existing(data_dir / name)
    answer = json.loads(path.read_text())
    bag = answer.get("patentFileWrapperDataBag") or answer["patentBag"]
    entries = conveyances = statuses = 0
    for record in bag:
        facts = record.get("applicationMetaData", record)
        entries += len(record.get("eventDataBag") or record.get("transactionContentBag") or [])
        conveyances += len(record.get("assignmentBag") or [])
        statuses += bool(facts.get("applicationStatusDate")) and facts.get("applicationStatusCode", 150) != 150
    book = ipv.read_odp(path)
    assert len(book) + (book.rejects["table"] == "patents").sum() == len(bag)
    refused = int((book.rejects["table"] == "legal_events").sum())
    events = book["legal_events"].num_rows + book.duplicates.get("legal_events", 0) + refused
    assert events == entries + conveyances + statuses
    assert ipv.sniff(path).format == "odp"
    assert_canonical(book, tmp_path)


def test_the_real_grant_is_the_same_from_the_portal_and_from_xml(data_dir: Path) -> None:
    """US 11646472, from its file wrapper (with the answers on its parts) and from its grant document."""
    folder = existing(data_dir / "uspto_odp_responses")
    parts = ("adjustment", "continuity", "meta_data", "transactions")
    portal = ipv.read_odp(*(folder / f"get_patent_{part}__response.json" for part in parts))
    whole = ipv.read_odp(folder / "get_patent__response.json")
    assert portal.fingerprint == whole.fingerprint
    grant = ipv.read_uspto_grants(folder / "testdata__grant_us11646472b2_17248024.xml")
    ours, theirs = only(whole), only(grant)
    same = ("patent_id", "right", "application_date", "grant_date", "publication_date", "n_inventors")
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert ours["term_adjustment_days"] == theirs["term_adjustment_days"] == 304
    assert ours["parent_filing_date"] == theirs["parent_filing_date"]
    assert ours["priority_date"] == theirs["priority_date"]
    book = ipv.combine(grant, whole)
    assert len(book) == 1
    assert (book["claims"].num_rows, book["legal_events"].num_rows) == (
        grant["claims"].num_rows,
        whole["legal_events"].num_rows,
    )
    assert set(book.rejects["column"]) <= {"ipc", "owners"}
