"""PATSTAT tables in the layout of the catalogue, composed: there is no real extract among the data."""

from __future__ import annotations

import csv
import datetime
import io
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import SourceError
from ipvalue.law import status
from ipvalue.sources.patstat import FORMAT
from ipvalue.sources.registry import Look
from tests.sources.books import assert_canonical

NEVER = "9999-12-31"
# a Euro-PCT family (EP 1, US 2 as a continuation of 5, WO 3), a German utility model 4 that cites it, an application 9
# that PATSTAT made up
TABLES: dict[str, str] = {
    "tls201": f"""
appln_id,appln_auth,appln_nr,appln_kind,appln_filing_date,ipr_type,earliest_filing_date,granted,docdb_family_id,inpadoc_family_id,nb_applicants,nb_inventors
1,EP,10167109,A,2010-06-24,PI,2009-07-01,Y,43088294,100,1,3
2,US,201113167395,A,2011-06-23,PI,2009-07-01,Y,43088294,100,1,0
3,IB,2010059999,W,2010-06-24,PI,2009-07-01,N,43088294,100,1,3
4,DE,202015000001,U,2015-01-05,UM,2015-01-05,Y,55555555,200,1,1
5,US,20080123456,A,2008-12-01,PI,2008-12-01,N,66666666,100,1,2
9,FR,D9999,D,{NEVER},PI,{NEVER},N,0,0,0,0
""",
    "tls204": "appln_id,prior_appln_id,prior_appln_seq_nr\n1,5,1\n3,777,1\n",
    "tls206": """
person_id,person_name,person_address,person_ctry_code,doc_std_name,psn_name,psn_sector
11,"9Solutions Oy, Oulu",x,FI,9SOLUTIONS OY,9SOLUTIONS,COMPANY
12,Herrala Sami,,FI,HERRALA S,,INDIVIDUAL
13,Muster GmbH,,DE,,,COMPANY
""",
    "tls207": """
person_id,appln_id,applt_seq_nr,invt_seq_nr
12,1,2,1
11,1,1,0
11,2,1,0
12,2,0,1
13,2,0,2
13,4,1,0
""",
    "tls209": """
appln_id,ipc_class_symbol,ipc_class_level,ipc_version,ipc_value,ipc_position,ipc_gener_auth
1,H04W  84/20,A,2009-01-01,I,L,EP
1,H04B   7/14,A,2006-01-01,I,F,EP
""",
    "tls224": "appln_id,cpc_class_symbol\n1,H04W  88/04\n4,F16L  37/00\n",
    "tls211": f"""
pat_publn_id,publn_auth,publn_nr,publn_nr_original,publn_kind,appln_id,publn_date,publn_lg,publn_first_grant,publn_claims
101,EP,2400812,,A1,1,2011-12-28,en,N,15
102,EP,2400812,,B1,1,2019-11-27,en,Y,12
103,US,2012057518,,A1,2,2012-03-08,en,N,0
104,US,9648662,,B2,2,2017-05-09,en,Y,14
105,WO,2010149844,,A1,3,2010-12-29,en,N,0
106,DE,202015000001,,U1,4,2015-03-12,de,Y,0
107,US,2010000001,,A1,5,{NEVER},en,N,0
""",
    "tls212": """
pat_publn_id,citn_replenished,citn_id,citn_origin,cited_pat_publn_id,cited_appln_id,pat_citn_seq_nr,cited_npl_publn_id,npl_citn_seq_nr
101,0,1,SEA,105,0,1,0,0
101,0,2,SEA,0,0,0,900001,1
102,0,1,EXA,105,0,1,0,0
102,0,2,APP,500,0,2,0,0
102,0,3,OPP,0,0,0,900001,1
106,0,1,APP,101,0,1,0,0
106,0,2,SEA,0,5,2,0,0
600,0,1,SEA,104,0,1,0,0
""",
    "tls214": "npl_publn_id,npl_type,npl_biblio\n900001,s,A paper\n",
    "tls215": "pat_publn_id,citn_replenished,citn_id,citn_categ\n101,0,1,Y\n101,0,1,A\n106,0,1,X\n",
    "tls216": "appln_id,parent_appln_id,contn_type\n2,5,CON\n",
    "tls231": f"""
event_id,appln_id,event_seq_nr,event_type,event_auth,event_code,event_filing_date,event_publn_date,event_effective_date,event_text,fee_country,fee_payment_date,fee_renewal_year,fee_text,lapse_country,lapse_date,lapse_text
1,1,1,   ,EP,PG25,{NEVER},2020-05-01,{NEVER},,  ,{NEVER},9999,,NL,2019-11-27,FAILURE TO PAY
2,1,2,   ,EP,PGFP,{NEVER},2025-07-09,{NEVER},,DE,2025-06-20,16,,  ,{NEVER},
3,2,1,   ,US,AS,2011-11-14,2011-11-20,2011-10-31,ASSIGNMENT OF ASSIGNORS INTEREST,  ,{NEVER},9999,,  ,{NEVER},
4,777,1,   ,US,AS,2011-11-14,{NEVER},{NEVER},OTHER,  ,{NEVER},9999,,  ,{NEVER},
""",
}  # fmt: skip


def rows_of(name: str) -> list[list[str]]:
    return list(csv.reader(TABLES[name].strip().splitlines()))


def written(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def extract(folder: Path, *without: str) -> Path:
    for name in set(TABLES) - set(without):
        (folder / f"{name}_part01.csv").write_text(TABLES[name].strip() + "\n", encoding="utf-8")
    return folder


def table(book: ipv.Book, name: str) -> list[dict[str, Any]]:
    return [
        {k: v.isoformat() if isinstance(v, datetime.date) else v for k, v in row.items() if v is not None}
        for row in book[name].to_pylist()
    ]


def test_an_extract_becomes_a_book(tmp_path: Path) -> None:
    book = ipv.read_patstat(extract(tmp_path))
    patents = {row["patent_id"]: row for row in table(book, "patents")}
    assert set(patents) == {"EP-2400812", "US-9648662", "WO-2010149844", "DE-202015000001", "US-20100000001"}
    assert patents["EP-2400812"] == {
        "patent_id": "EP-2400812",
        "jurisdiction": "EP",
        "right": "invention",
        "kind": "B1",
        "application_date": "2010-06-24",
        "priority_date": "2008-12-01",
        "publication_date": "2011-12-28",
        "grant_date": "2019-11-27",
        "family_id": "43088294",
        "ipc": ["H04B 7/14", "H04W 84/20"],
        "owners": ["9SOLUTIONS", "HERRALA S"],
        "n_inventors": 3,
        "npl_citations": 1,
        "n_claims": 12,
    }
    american = patents["US-9648662"]
    assert american["parent_filing_date"] == "2008-12-01" and american["n_inventors"] == 2
    assert american["priority_date"] == "2009-07-01", "tls204 names none, so the earliest filing"
    assert patents["DE-202015000001"]["right"] == "utility_model"
    assert patents["DE-202015000001"]["ipc"] == ["F16L 37/00"]
    assert patents["DE-202015000001"]["owners"] == ["Muster GmbH"]
    assert "priority_date" not in patents["DE-202015000001"]
    assert patents["WO-2010149844"]["jurisdiction"] == "WO"
    assert book.rejects[["table", "column", "code"]].values.tolist() == [["patents", "application_date", "missing"]]
    assert_canonical(book, tmp_path)


def test_citations_are_counted_once_from_the_first_day(tmp_path: Path) -> None:
    rows = table(ipv.read_patstat(extract(tmp_path)), "citations")
    found = {(r["citing_id"], r["cited_id"]): (r.get("citing_date"), r.get("origin"), r.get("category")) for r in rows}
    assert len(found) == len(rows) == 5
    assert found["EP-2400812", "WO-2010149844"] == ("2011-12-28", "examiner", "AY")
    assert found["EP-2400812", "PATSTAT-P500"] == ("2019-11-27", "applicant", None)
    assert found["DE-202015000001", "EP-2400812"] == ("2015-03-12", "applicant", "X")
    assert found["DE-202015000001", "US-20100000001"] == ("2015-03-12", "examiner", None)
    assert found["PATSTAT-P600", "US-9648662"] == (None, "examiner", None)


def test_events_are_known_when_published(tmp_path: Path) -> None:
    book = ipv.read_patstat(extract(tmp_path))
    events = [
        (r["code"], r["effective_date"], r["announced_date"], r.get("detail")) for r in table(book, "legal_events")
    ]
    assert events == [
        ("PG25", "2019-11-27", "2020-05-01", "NL"),
        ("PGFP", "2025-06-20", "2025-07-09", "DE 16"),
        ("AS", "2011-10-31", "2011-11-20", None),
    ]
    states = status.at(book["legal_events"].to_pandas(), book["patents"].to_pandas(), "2020-12-31")
    assert dict(zip(states["patent_id"], states["state"]))["EP-2400812"] in ("in_force", "grace")


def test_families_simple_and_extended(tmp_path: Path) -> None:
    extract(tmp_path)
    simple = {(r["family_id"], r["patent_id"]) for r in table(ipv.read_patstat(tmp_path), "family_members")}
    assert ("43088294", "US-9648662") in simple and ("66666666", "US-20100000001") in simple
    extended = {r["family_id"] for r in table(ipv.read_patstat(tmp_path, family="inpadoc"), "family_members")}
    assert extended == {"INPADOC-100", "INPADOC-200"}


def test_one_office_keeps_its_links_to_the_others(tmp_path: Path) -> None:
    extract(tmp_path)
    book = ipv.read_patstat(tmp_path, offices=["EP"])
    whole = ipv.read_patstat(tmp_path)
    assert book.patent_ids == ["EP-2400812"]
    assert table(book, "patents") == [r for r in table(whole, "patents") if r["patent_id"] == "EP-2400812"]
    pairs = {(r["citing_id"], r["cited_id"]) for r in table(whole, "citations")}
    assert {(r["citing_id"], r["cited_id"]) for r in table(book, "citations")} == {
        p for p in pairs if "EP-2400812" in p
    }
    family = {r["patent_id"] for r in table(whole, "family_members") if r["family_id"] == "43088294"}
    assert {r["patent_id"] for r in table(book, "family_members")} == family
    assert book.rejects.empty


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_order_parts_case_and_columns_do_not_matter(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / str(seed)
    folder.mkdir(exist_ok=True)
    for name in TABLES:
        header, *rows = rows_of(name)
        places = chance.sample(range(len(header)), len(header))
        rows = chance.sample(rows, len(rows))
        cut = chance.randint(0, len(rows))
        for number, some in enumerate((rows[:cut], rows[cut:]), 1):
            case = str.upper if chance.random() < 0.5 else str
            cells = [[case(header[p]) for p in places], *([row[p] for p in places] for row in some)]
            (folder / f"{name}_part{number:02}.csv").write_text(written(cells))
    plain = tmp_path / "plain"
    plain.mkdir(exist_ok=True)
    assert ipv.read_patstat(folder).fingerprint == ipv.read_patstat(extract(plain)).fingerprint


def test_packed_tables_under_other_names_are_known_by_their_headers(tmp_path: Path) -> None:
    plain = ipv.read_patstat(extract(tmp_path))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, name in enumerate(TABLES):
            archive.writestr(f"query_{number}.csv", TABLES[name].strip() + "\n")
    assert ipv.read_patstat(tmp_path / "all.zip").fingerprint == plain.fingerprint


def test_an_older_edition_says_grants_as_numbers(tmp_path: Path) -> None:
    extract(tmp_path)
    header, *rows = rows_of("tls211")
    place = header.index("publn_first_grant")
    older = [[*r[:place], {"Y": "1", "N": "0"}[r[place]], *r[place + 1 :]] for r in rows]
    fingerprint = ipv.read_patstat(tmp_path).fingerprint
    (tmp_path / "tls211_part01.csv").write_text(written([header, *older]))
    assert ipv.read_patstat(tmp_path).fingerprint == fingerprint


def test_only_two_tables_are_needed(tmp_path: Path) -> None:
    others = set(TABLES) - {"tls201", "tls211"}
    book = ipv.read_patstat(extract(tmp_path, *others))
    assert len(book) == 5 and book["citations"].num_rows == 0
    (tmp_path / "tls211_part01.csv").unlink()
    with pytest.raises(SourceError, match="tls211 is missing"):
        ipv.read_patstat(tmp_path)


def test_hostile_tables(tmp_path: Path) -> None:
    extract(tmp_path)
    path = tmp_path / "tls201_part02.csv"
    path.write_text(
        "appln_id,appln_auth,appln_filing_date\nx,EP,2010-01-01\n1,EP,2012-02-02\n-3,EP,2010-01-01\n20,EP\n"
    )
    book = ipv.read_patstat(tmp_path)
    assert sorted(book.rejects["code"]) == ["duplicate_key", "missing", "unreadable", "unreadable", "unreadable"]
    path.write_bytes(b"appln_id,appln_auth,appln_filing_date\n21,EP,2010-01-01\n22,E\0P,2010-01-01\n")
    assert "NUL" in " ".join(ipv.read_patstat(tmp_path).rejects["message"])
    path.write_text("a,b,c\n1,2,3\n")
    with pytest.raises(SourceError, match="appln_id"):
        ipv.read_patstat(tmp_path)
    path.write_bytes(b"\xff\xfe\x00\x00\x00")
    with pytest.raises(SourceError):
        ipv.read_patstat(tmp_path)
    path.unlink()
    with pytest.raises(SourceError, match="offices"):
        ipv.read_patstat(tmp_path, offices="EP")
    assert FORMAT.confidence(Look("a.csv", "table", tuple(rows_of("tls231")[0]))) > 0.5
