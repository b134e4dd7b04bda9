"""Files of every format, damaged at random: a result or an error of ours, never another one, and soon."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import IpvalueError
from tests.sources.grants import grant

LENS = (
    "#,Jurisdiction,Kind,Publication Number,Publication Date,Application Number,Application Date,Priority Numbers,"
    "Applicants,Inventors,Type,CPC Classifications,IPCR Classifications,Simple Family Members\n"
    + "1,US,A1,US 2013/0101709 A1,25/04/13,US 201213657122 A,22/10/12,US 201161550506 P 20111024,PIZZA;;B,A;;B,"
    '"Patent Application",A23L1/0067;;G01G19/00,A23L1/00,US 2013/0101709 A1;;EP 1234567 B1\n' * 3
)
GOOGLE = (
    "search URL:,x\nid,title,assignee,inventor/author,priority date,filing/creation date,publication date,grant date\n"
    + ('US-7650331-B1,"a, b",Google,"Dean, G",2004-06-18,2004-06-18,2010-01-19,2010-01-19\n' * 3)
)
FAMILY = (
    "公开（公告）号,申请日,公开（公告）日,申请人,IPC,权利要求数量\n"
    + "CN101440091B,2008.12.26,2011.08.10,厦门大学；某,C07D417/14,7\n" * 3
)
CURVE = 'Date,"1 Mo","1 Yr","10 Yr"\n' + "01/02/2024,5.55,4.80,3.95\n01/03/2024,5.54,N/A,3.91\n"
FX = "Date,USD,JPY,CNY\n2024-01-02,1.0956,155.71,7.82\n2024-01-03,1.0919,N/A,7.8\n"
ROYALTIES = "Agreement ID,Effective Date,Royalty Rate,Industry,Exclusivity\n7,2015-03-01,3% - 5%,C27,Exclusive\n"
DAMODARAN = "edition,Industry Name,Number of Firms,Cost of Capital\n2025-01,Advertising,54,0.0922\n"
BANK = "Country Name,Country Code,Year,Value\nChina,CHN,2023,17794783039552\n"
RECORD = {
    "lens_id": "1",
    "jurisdiction": "US",
    "doc_number": "20130101709",
    "kind": "A1",
    "date_published": "2013-04-25",
    "biblio": {
        "application_reference": {"doc_number": "1", "date": "2012-10-22"},
        "references_cited": {"citations": []},
    },
}
BIGQUERY = {
    "publication_number": "US-1-A",
    "country_code": "US",
    "filing_date": 20040618,
    "citation": [{"type": "APP"}],
}

FEES = (
    "8457796       12721698 N 20100311 20130604 20170704 EXP. \n08457796 12721698 ? 20100311 20130604 20180920 PMFG\n"
)
WRAPPER = {
    "applicationNumberText": "17248024",
    "applicationMetaData": {"filingDate": "2021-01-05", "patentNumber": "11646472", "grantDate": "2023-05-09"},
    "eventDataBag": [{"eventCode": "EXP.", "eventDate": "2027-06-14"}],
    "assignmentBag": [{"conveyanceText": "ASSIGNMENT", "assignmentRecordedDate": "2023-06-20", "assignorBag": [{}]}],
}
CITATIONS = '"patent_id"\t"citation_patent_id"\t"citation_date"\t"citation_category"\n' + (
    '"10000000"\t"RE38000"\t"2003-02-00"\t"cited by applicant"\n"10000000"\t5000000\t1991-03-19\t\n'
)


def read_patentsview(path: Path) -> ipv.Book:
    """A table of citations with the two without which it is none of a release."""
    rest = path.parent / "rest"
    rest.mkdir(exist_ok=True)
    (rest / "g_patent.tsv").write_text("patent_id\tpatent_type\tpatent_date\n10000000\tutility\t2018-06-19\n")
    (rest / "g_application.tsv").write_text("application_id\tpatent_id\tfiling_date\n1\t10000000\t2015-03-10\n")
    return ipv.read_patentsview(path, rest)


READERS: dict[str, tuple[Callable[..., object], str, bytes]] = {
    "lens": (ipv.read_lens, "a.csv", LENS.encode()),
    "lens json": (ipv.read_lens, "a.json", json.dumps({"data": [RECORD] * 3}).encode()),
    "google": (ipv.read_google_patents, "a.csv", GOOGLE.encode()),
    "bigquery": (ipv.read_google_patents, "a.json", ("\n".join([json.dumps(BIGQUERY)] * 3)).encode()),
    "family": (ipv.read_family_export, "a.csv", FAMILY.encode("gb18030")),
    "curve": (functools.partial(ipv.read_yield_curve, currency="USD"), "a.csv", CURVE.encode()),
    "fx": (ipv.read_ecb_fx, "a.csv", FX.encode()),
    "royalties": (ipv.read_royalties, "a.csv", ROYALTIES.encode()),
    "damodaran": (ipv.read_damodaran, "a.csv", DAMODARAN.encode()),
    "patentsview": (read_patentsview, "g_us_patent_citation.tsv", CITATIONS.encode()),
    "fees": (ipv.read_maintenance_fees, "MaintFeeEvents.txt", FEES.encode()),
    "odp": (ipv.read_odp, "a.json", json.dumps({"patentFileWrapperDataBag": [WRAPPER] * 2}).encode()),
    "grants": (ipv.read_uspto_grants, "a.xml", (grant() + grant("07000002")).encode()),
    "world bank": (ipv.read_world_bank, "a.csv", BANK.encode()),
}
PIECES = [
    b"\0",
    b'"',
    b",",
    b"\n",
    b"\r",
    b"\t",
    b"\xff\xfe",
    b";",
    b"=1+1",
    b"9" * 400,
    b"[" * 300,
    b"{",
    b"}",
    "，".encode(),
    b"-",
    b"NaN",
]


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, len(data)))
        what = draw(st.integers(0, 3))
        if what == 0:
            data[place:] = b""
        elif what == 1:
            data[place:place] = draw(st.sampled_from(PIECES))
        elif what == 2 and data:
            data[min(place, len(data) - 1)] = draw(st.integers(0, 255))
        else:
            del data[place : place + draw(st.integers(1, 30))]
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    read, file, content = READERS[name]
    path = tmp_path / file
    path.write_bytes(data.draw(damage(content)))
    with contextlib.suppress(IpvalueError):
        read(path)
    with contextlib.suppress(IpvalueError):
        assert str(ipv.sniff(path))


@pytest.mark.parametrize("name", READERS)
def test_the_sound_file_is_read_and_recognised(tmp_path: Path, name: str) -> None:
    read, file, content = READERS[name]
    (tmp_path / file).write_bytes(content)
    found = read(tmp_path / file)
    assert not isinstance(found, ipv.Book) or found.rejects.empty
    sniffed = ipv.sniff(tmp_path / file)
    wanted = getattr(read, "func", read).__name__  # type: ignore[attr-defined]
    assert sniffed.reader == wanted
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"inside/{file}", content)
    (tmp_path / "a.zip").write_bytes(packed.getvalue())
    again = read(tmp_path / "a.zip")
    if isinstance(found, ipv.Book) and isinstance(again, ipv.Book):
        assert again.tables == found.tables


@pytest.mark.parametrize(
    "content",
    [
        b'{"' + b'\\"' * 200_000,
        b'{"a":"' * 60_000,
        b"<!--" * 60_000,
        b"<!DOCTYPE a [" * 20_000,
        b"<?" * 100_000,
        b'"' * 200_001,
    ],
    ids=["escapes", "strings", "comments", "doctypes", "instructions", "quotes"],
)
def test_what_would_make_a_search_slow_is_looked_at_quickly(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    begin = time.process_time()
    with contextlib.suppress(IpvalueError):
        ipv.sniff(tmp_path / "a")
    assert time.process_time() - begin < 3.0
