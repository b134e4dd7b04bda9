"""ST.36 and ST.96: real documents of three offices against ElementTree's counts, ST.27 events, hostile files.

There is no real ST.96 legal status among the data: those documents are composed after the schema of its SOURCE.md.
"""

from __future__ import annotations

import datetime
import itertools
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

import ipvalue as ipv
from ipvalue.errors import BookError, SourceError
from ipvalue.law import status
from ipvalue.sources.registry import Look
from ipvalue.sources.wipo import FORMAT
from tests.shared_data import existing
from tests.sources.books import assert_canonical, kept_and_refused


def real(data_dir: Path) -> list[Path]:
    files = sorted(existing(data_dir / "wipo_st36_cn_jp_us").glob("*.xml"))
    return [*files, *sorted((data_dir / "uspto_xml_samples" / "xmlApp2004").glob("*.xml"))]


WAYS = (
    ("PublicationNumber",),
    ("publication-reference", "doc-number"),
    ("cn-publication-reference", "doc-number"),
    ("PublicationReference", "DocNumber"),
)


def local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def named(root: Element, *names: str) -> list[Element]:
    return [element for element in root.iter() if local(element) in names]


def first_text(root: Element, *path: str) -> str:
    """Text of the first element with the last name below the first with the one before, and so on."""
    for name in path:
        root = named(root, name)[0]
    return (root.text or "").strip()


def test_every_real_document_loads_with_independent_counts(data_dir: Path, tmp_path: Path) -> None:
    for path in real(data_dir):
        root = ElementTree.parse(path).getroot()
        book = ipv.read_wipo_xml(path)
        (patent,) = book["patents"].to_pylist()
        # a Japanese document prints amendments behind: the set as filed is the one that is read
        amended = {id(e) for group in named(root, "written-amendment-group") for e in group.iter()}
        claims = [
            e for e in named(root, "claim", "Claim") if id(e) not in amended and named(e, "claim-text", "ClaimText")
        ]
        assert kept_and_refused(book, "claims") == len(claims), path
        # claims cancelled in one block have no number of their own
        blocks = [e for e in claims if "-" in (e.get("num") or "")]
        assert book["claims"].num_rows == len(claims) - len(blocks), path
        # the description cites in passing, without a number of its own
        cited = [e for e in named(root, "patcit", "PatentCitation") if named(e, "doc-number", "DocumentNumber")]
        assert kept_and_refused(book, "citations") <= len(cited), path
        numbers = {first_text(e, "doc-number" if local(e) == "patcit" else "DocumentNumber") for e in cited}
        assert book["citations"].num_rows == len(numbers), path
        assert set(book.rejects["code"]) <= {"bad_type"}, path
        stem = first_text(root, *next(way for way in WAYS if named(root, way[0])))
        assert patent["patent_id"].endswith(stem.lstrip("0")), path
        assert patent["application_date"] <= patent["publication_date"]
        assert patent["owners"] and patent["n_inventors"] >= 1
        assert_canonical(book, tmp_path / path.stem)
    assert len(real(data_dir)) == 10


def test_real_chinese_and_japanese_documents(data_dir: Path) -> None:
    books = {path.stem: ipv.read_wipo_xml(path) for path in real(data_dir)}
    old = books["cn_old1"]["patents"].to_pylist()[0]
    assert old["patent_id"] == "CN-104223352" and old["right"] == "invention" and old["kind"] == "A"
    assert old["ipc"] == ["A24B 15/18", "C11B 9/00", "C12P 1/02", "C12R 1/645"]
    text = books["cn_old1"]["claims"]["text"].to_pylist()[0]
    assert text.startswith("一种甘草发酵所得烟用香料") and "水按1:5" in text
    new = books["cn_new1"]["patents"].to_pylist()[0]
    assert new["priority_date"] == datetime.date(2016, 5, 23) and new["owners"] == ["三星显示有限公司"]
    assert set(books["cn_new1"]["claims"]["language"].to_pylist()) == {"zh"}
    japanese = books["jp_example1"]["patents"].to_pylist()[0]
    assert (japanese["patent_id"], japanese["kind"], japanese["n_claims"]) == ("JP-2021044377", "A", 6)
    assert japanese["ipc"][0] == "H01L 21/301"


def test_the_real_st96_publication_is_a_division(data_dir: Path) -> None:
    (row,) = ipv.read_wipo_xml(data_dir / "wipo_st36_cn_jp_us" / "PatentPublication_Example.xml")["patents"].to_pylist()
    assert (row["patent_id"], row["kind"]) == ("US-8936998", "B2")
    assert row["grant_date"] == datetime.date(2015, 1, 20)
    assert row["parent_filing_date"] == datetime.date(2008, 10, 14)
    assert row["publication_date"] == datetime.date(2013, 8, 22)
    assert row["priority_date"] == datetime.date(2007, 11, 8)
    assert row["n_claims"] == 10 and row["npl_citations"] == 13


def test_files_together_are_one_book_in_any_order(data_dir: Path) -> None:
    paths = real(data_dir)
    book = ipv.read_wipo_xml(*paths)
    assert len(book) == len(paths)
    assert ipv.read_wipo_xml(*reversed(paths)).fingerprint == book.fingerprint


def test_samples_of_other_formats_are_refused_with_their_root(data_dir: Path) -> None:
    folder = data_dir / "uspto_xml_samples"
    good = folder / "xmlApp2004" / "US20050004437A1.xml"
    book = ipv.read_wipo_xml(
        good, folder / "cpcScheme" / "cpc-scheme-A01L.xml", folder / "xml4ip" / "sample_XML4IP.ZIP"
    )
    with zipfile.ZipFile(folder / "xml4ip" / "sample_XML4IP.ZIP") as archive:
        inside = [name for name in archive.namelist() if name.endswith(".xml")]
    assert len(book) == 1
    assert book.rejects["code"].tolist() == ["unreadable"] * (1 + len(inside))
    assert book.rejects["message"].str.contains("class-scheme").any()


COMMON = "http://www.wipo.int/standards/XMLSchema/ST96/Common"
PATENT = "http://www.wipo.int/standards/XMLSchema/ST96/Patent"


def event(code: str, *days: tuple[str, str], more: str = "") -> str:
    names = (
        "com:StateCode",
        "com:PreviousStageCode",
        "com:CurrentStageCode",
        "pat:KeyEventCode",
        "pat:DetailedEventCode",
    )
    parts = "".join(f"<{name}>{part}</{name}>" for name, part in zip(names, code.split("-")))
    dates = "".join(f"<com:{name}>{day}</com:{name}>" for name, day in days)
    return f"<pat:StatusEventData><pat:StatusEventCode>{parts}</pat:StatusEventCode>{dates}{more}</pat:StatusEventData>"


def legal_status(*events: str, number: str = "10-2018-0012345") -> str:
    return (
        f'<pat:PatentLegalStatusData xmlns:com="{COMMON}" xmlns:pat="{PATENT}" com:st96Version="V6_0">'
        "<pat:PatentLegalStatus><pat:ApplicationIdentification><com:IPOfficeCode>KR</com:IPOfficeCode>"
        f"<com:ApplicationNumber><com:ApplicationNumberText>{number}</com:ApplicationNumberText></com:ApplicationNumber>"
        "<pat:FilingDate>2018-02-01</pat:FilingDate></pat:ApplicationIdentification><pat:PatentGrantIdentification>"
        "<com:IPOfficeCode>KR</com:IPOfficeCode><pat:PatentNumber>102012345</pat:PatentNumber>"
        "<com:PatentDocumentKindCode>B1</com:PatentDocumentKindCode><pat:GrantDate>2019-08-20</pat:GrantDate>"
        f"</pat:PatentGrantIdentification><pat:StatusEventDataBag>{''.join(events)}</pat:StatusEventDataBag>"
        "</pat:PatentLegalStatus></pat:PatentLegalStatusData>"
    )


GRANTED = event("A-2-4-F10-F11", ("EventDate", "2019-08-14"), ("PublicationDate", "2019-08-20"))
PAID = event(
    "A-4-4-U10-U11",
    ("EventDate", "2022-08-01"),
    more="<pat:PaymentEventData><com:FeePaymentYearNumber>4</com:FeePaymentYearNumber></pat:PaymentEventData>",
)
LAPSED = event(
    "N-4-6-H10-H13", ("EventDate", "2023-11-20"), ("EffectiveDate", "2023-08-15"), ("PublicationDate", "2023-12-01")
)


def table(book: ipv.Book, name: str) -> list[dict[str, Any]]:
    return [
        {k: v.isoformat() if isinstance(v, datetime.date) else v for k, v in row.items() if v is not None}
        for row in book[name].to_pylist()
    ]


def test_legal_status_becomes_st27_events_that_the_law_reads(tmp_path: Path) -> None:
    path = tmp_path / "status.xml"
    path.write_text(legal_status(GRANTED, PAID, LAPSED))
    book = ipv.read_wipo_xml(path)
    (patent,) = table(book, "patents")
    assert (patent["patent_id"], patent["grant_date"]) == ("KR-102012345", "2019-08-20")
    events = [
        (r["code"], r["effective_date"], r["announced_date"], r.get("detail")) for r in table(book, "legal_events")
    ]
    assert events == [
        ("A-2-4-F10-F11", "2019-08-14", "2019-08-20", None),
        ("A-4-4-U10-U11", "2022-08-01", "2022-08-01", "4"),
        ("N-4-6-H10-H13", "2023-08-15", "2023-12-01", None),
    ]
    frames = book["legal_events"].to_pandas(), book["patents"].to_pandas()
    states = {day: status.at(*frames, day)["state"].iloc[0] for day in ("2019-08-25", "2023-11-30", "2023-12-01")}
    assert states == {"2019-08-25": "in_force", "2023-11-30": "in_force", "2023-12-01": "lapsed"}
    assert_canonical(book, tmp_path)


def test_order_of_events_does_not_matter(tmp_path: Path) -> None:
    prints = set()
    for order in itertools.permutations((GRANTED, PAID, LAPSED)):
        path = tmp_path / "status.xml"
        path.write_text(legal_status(*order))
        prints.add(ipv.read_wipo_xml(path).fingerprint)
    assert len(prints) == 1


def chinese(number: str, kind: str, day: str, application: str = "201410408762.5", claims: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<cn-patent-document lang="ZH" country="CN"><cn-bibliographic-data>'
        f"<cn-publication-reference><document-id><country>CN</country><doc-number>{number}</doc-number><kind>{kind}</kind>"
        f"<date>{day}</date></document-id></cn-publication-reference><application-reference appl-type='发明专利'>"
        f"<document-id><country>CN</country><doc-number>{application}</doc-number><date>20140819</date></document-id>"
        f"</application-reference></cn-bibliographic-data><application-body><claims>{claims}</claims></application-body>"
        "</cn-patent-document>\n"
    )


def test_application_and_grant_of_one_file_are_one_patent(tmp_path: Path) -> None:
    path = tmp_path / "both.xml"
    claim = "<claim num='0001'><claim-text>1.一种\n\t<br/>香料。</claim-text></claim>"
    path.write_text(
        chinese("104223352", "A", "20141224", claims=claim) + chinese("104223352", "B", "20160601", claims=claim)
    )
    book = ipv.read_wipo_xml(path)
    (patent,) = table(book, "patents")
    assert (patent["kind"], patent["publication_date"], patent["grant_date"]) == ("B", "2014-12-24", "2016-06-01")
    claims = [(r["publication_date"], r["text"]) for r in table(book, "claims")]
    assert claims == [("2014-12-24", "一种香料。"), ("2016-06-01", "一种香料。")]


def test_hostile_documents_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    good = chinese("104223352", "A", "20141224")
    declared, body = '<?xml version="1.0"?><!DOCTYPE a [{}]>', "<cn-patent-document>&c;</cn-patent-document>"
    bomb = declared.format('<!ENTITY b "bb"><!ENTITY c "&b;&b;">') + body
    outside = declared.format('<!ENTITY c SYSTEM "file:///etc/hostname">') + body
    deep = chinese("104223353", "A", "20141224", "201410408763.X", "<x>" * 10_000 + "</x>" * 10_000)
    path = tmp_path / "all.xml"
    path.write_text(
        good + bomb + outside + deep + '<?xml version="1.0"?><a/>' + good.replace("104223352", "1\x00") + good[:200]
    )
    book = ipv.read_wipo_xml(path)
    assert book.patent_ids == ["CN-104223352", "CN-104223353"]
    assert book.rejects["row"].tolist() == [1, 2, 4, 5, 6]
    assert set(book.rejects["code"]) == {"unreadable"}
    (tmp_path / "gb.xml").write_bytes(good.replace("UTF-8", "GB18030").encode("gb18030"))
    with pytest.raises(SourceError, match=r"no file contains a document in ST\.36"):
        ipv.read_wipo_xml(tmp_path / "gb.xml")
    with pytest.raises(SourceError, match="is not XML"):
        (tmp_path / "a.xml").write_bytes(good.encode("utf-16"))
        ipv.read_wipo_xml(tmp_path / "a.xml")
    with pytest.raises(BookError):
        ipv.read_wipo_xml(path, strict=True)
    assert FORMAT.confidence(Look("a.xml", "xml", ("cn-patent-document",))) == 1
