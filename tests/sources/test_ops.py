"""OPS answers: real XML against counts made with other means, JSON as XML, joined answers, hostile files."""

from __future__ import annotations

import csv
import datetime
import json
import random
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import SourceError
from ipvalue.law import status
from ipvalue.sources.ops import FORMAT
from ipvalue.sources.registry import Look
from tests.sources.books import assert_canonical, kept_and_refused

FOLDERS = ("epo_ops_responses", "office_fixtures_patent_client/epo/ops")
EX, OPS = "{http://www.epo.org/exchange}", "{http://ops.epo.org}"


def answers(data_dir: Path) -> list[Path]:
    files = [path for folder in FOLDERS for path in sorted((data_dir / folder).rglob("*.xml"))]
    if not files:
        pytest.skip("the answers of OPS are not among the real data")
    return [path for path in files if path.read_bytes().lstrip().startswith(b"<")]


def docdb(element: Element, path: str) -> tuple[str, str, str] | None:
    for found in element.iterfind(f"{path}/{EX}document-id"):
        if found.get("document-id-type") == "docdb":
            country, number, day = (found.findtext(EX + n) or "" for n in ("country", "doc-number", "date"))
            return country, number, day
    return None


def dated_applications(root: Element) -> set[tuple[str, str]]:
    """Applications of a bibliography or family answer that say when they were filed."""
    found = set()
    for element in root.iter():
        head = element.find(EX + "bibliographic-data") if element.tag == EX + "exchange-document" else element
        if element.tag not in (EX + "exchange-document", OPS + "family-member") or head is None:
            continue
        reference = docdb(head, EX + "application-reference")
        days = [e.text for e in head.iterfind(f"{EX}application-reference/{EX}document-id/{EX}date")]
        if reference and days:
            found.add(reference[:2])
    return found


@pytest.mark.slow
def test_every_real_answer_loads_with_independent_counts(data_dir: Path, tmp_path: Path) -> None:
    loaded = Counter[str]()
    for number, path in enumerate(answers(data_dir)):
        root = ElementTree.parse(path).getroot()
        if "register" in path.name:
            continue
        try:
            book = ipv.read_ops(path)
        except SourceError as error:
            text = path.read_text()
            assert "<fault" in text or "document-inquiry" in text or "register-search" in text, path
            assert path.name in str(error)
            loaded["nothing"] += 1
            continue
        assert len(book) == len(dated_applications(root)), path
        citations = {
            (docdb(e, f"{EX}patcit") or [""] * 3)[:2]
            for e in root.iter(EX + "citation")
            if e.find(EX + "patcit") is not None
        }
        assert len({r["cited_id"] for r in book["citations"].to_pylist()}) == len(citations), path
        legal = sum(1 for _ in root.iter(OPS + "legal"))
        assert kept_and_refused(book, "legal_events") == legal, path
        assert set(book.rejects["code"]) <= {"missing", "unknown_patent"}, path
        assert_canonical(book, tmp_path / str(number))
        loaded["whole" if len(book) else "refused"] += 1
    assert loaded["whole"] >= 15 and loaded["refused"] >= 5 and loaded["nothing"] == 4


def test_real_legal_events_agree_with_another_parser(data_dir: Path) -> None:
    with (data_dir / "epo_ops_responses" / "derived_legal_events.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 259
    for name in sorted({row["file"] for row in rows}):
        path = data_dir / name
        path = path if path.exists() else next(data_dir.rglob(Path(name).name))
        of_file = [row for row in rows if row["file"] == name]
        book = ipv.read_ops(path)

        def iso(day: str) -> str:
            return f"{day[:4]}-{day[4:6]}-{day[6:]}" if re.fullmatch(r"\d{8}", day) else day

        found = Counter((r["code"], r["announced_date"].isoformat()) for r in book["legal_events"].to_pylist())
        expected = Counter((row["code"], iso(row["gazette_date"])) for row in of_file)
        assert set(found) == set(expected) and not found - expected, name
        effective = {(row["code"], iso(row["effective_date"])) for row in of_file if row["effective_date"]}
        assert effective <= {(r["code"], r["effective_date"].isoformat()) for r in book["legal_events"].to_pylist()}
        text = path.read_text(encoding="utf-8")
        blocks = [block for block in re.findall(r"<ops:legal .*?</ops:legal>", text, re.S) if 'code="PGFP"' in block]
        paid = {tuple(re.findall(r"<ops:L5(?:01|20)EP [^>]*>([^<]*)", block)) for block in blocks}
        assert paid == {tuple(r["detail"].split()) for r in book["legal_events"].to_pylist() if r["code"] == "PGFP"}


def test_answers_about_one_patent_join(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "epo_ops_responses"
    names = ("biblio", "claims", "legal", "family", "register_biblio", "register_events", "register_procedural_steps")
    book = ipv.read_ops(*(folder / f"get_{name}__response.xml" for name in names))
    patents = {row["patent_id"]: row for row in book["patents"].to_pylist()}
    patent = patents["EP-2400812"]
    assert patent["application_date"] == datetime.date(2010, 6, 24)
    assert patent["publication_date"] == datetime.date(2011, 12, 28)
    assert patent["grant_date"] == datetime.date(2019, 11, 27)
    assert patent["family_id"] == "43088294" and patent["owners"] == ["9Solutions Oy"] and patent["n_inventors"] == 3
    assert set(patents) == {"EP-2400812", "US-9648662", "CA-2744162"}
    assert book["claims"].num_rows == 15
    # the claims answer does not say when they were published: the bibliography does
    assert set(book["claims"]["publication_date"].to_pylist()) == {datetime.date(2011, 12, 28)}
    assert {r["cited_id"] for r in book["citations"].to_pylist() if r["citing_id"] == "EP-2400812"} >= {"WO-2002054790"}
    assert book.rejects.empty
    states = status.at(book["legal_events"].to_pandas(), book["patents"].to_pandas(), "2025-10-01")
    assert dict(zip(states["patent_id"], states["state"]))["EP-2400812"] in ("in_force", "grace")
    assert_canonical(book, tmp_path)


def test_what_is_announced_later_is_not_known_before(data_dir: Path) -> None:
    book = ipv.read_ops(data_dir / "epo_ops_responses" / "get_legal__response.xml")
    lapses = [r for r in book["legal_events"].to_pylist() if r["code"] == "PG25"]
    assert lapses and all(r["announced_date"] > r["effective_date"] for r in lapses)
    assert {len(r["detail"]) for r in lapses} == {2}


def to_json(element: Element) -> Any:
    """An element as the service's JSON answers write it."""
    names = {"http://www.epo.org/exchange": "", "http://ops.epo.org": "ops:", "http://www.epo.org/fulltext": "ftxt:"}

    def name(tag: str) -> str:
        space, _, local = tag[1:].rpartition("}")
        return names[space] + local if tag.startswith("{") else tag

    value: dict[str, Any] = {f"@{key}": text for key, text in element.attrib.items()}
    for child in element:
        value.setdefault(name(child.tag), []).append(to_json(child))
    if element.text and element.text.strip():
        value["$"] = element.text
    return {key: item[0] if isinstance(item, list) and len(item) == 1 else item for key, item in value.items()}


@pytest.mark.parametrize("name", ["biblio", "claims", "legal", "family_with_biblio", "family_with_legal"])
def test_json_reads_as_the_same_book_as_xml(data_dir: Path, tmp_path: Path, name: str) -> None:
    path = data_dir / "epo_ops_responses" / f"get_{name}__response.xml"
    written = tmp_path / "answer.json"
    written.write_text(json.dumps({"ops:world-patent-data": to_json(ElementTree.parse(path).getroot())}))
    family = path.with_name("get_family__response.xml")
    assert ipv.read_ops(written, family).fingerprint == ipv.read_ops(path, family).fingerprint


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_order_of_answers_does_not_matter(data_dir: Path, seed: int) -> None:
    paths = sorted((data_dir / "epo_ops_responses").glob("get_*__response.xml"))
    shuffled = random.Random(seed).sample(paths, len(paths))
    assert ipv.read_ops(*shuffled).fingerprint == ipv.read_ops(*paths).fingerprint


def test_claims_in_one_text_and_in_several(data_dir: Path) -> None:
    folder = data_dir / "office_fixtures_patent_client/epo/ops/published/test"
    for name, count in (("claims_example", 11), ("claims_example_2", 20)):
        path = folder / f"{name}.xml"
        biblio = folder / "biblio_example.xml"
        text = "".join(ElementTree.parse(path).getroot().itertext())
        numbers = re.findall(r"(?:^|\n)\s*(\d+)\s*\. ", text)
        assert len(numbers) == count
        book = ipv.read_ops(path, biblio)
        claims = kept_and_refused(book, "claims")
        assert claims == count, name


MEMBER = (
    '<ops:world-patent-data xmlns:ops="http://ops.epo.org" xmlns="http://www.epo.org/exchange"><ops:family-member '
    'family-id="1"><publication-reference><document-id document-id-type="docdb"><country>EP</country><doc-number>{n}'
    "</doc-number><kind>B1</kind><date>20191127</date></document-id></publication-reference><application-reference>"
    '<document-id document-id-type="docdb"><country>EP</country><doc-number>10{n}</doc-number><date>20100624</date>'
    "</document-id></application-reference>{more}</ops:family-member></ops:world-patent-data>"
)


def test_hostile_answers_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    good = MEMBER.format(n="2400812", more="")
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>' + good.replace("20191127", "&c;")
    deep = MEMBER.format(n="2400813", more="<x>" * 10_000 + "</x>" * 10_000)
    for name, text in {
        "good": good, "bomb": bomb, "cut": good[:-40], "nul": good.replace("B1", "B\0"), "deep": deep,
        "other": "<html><body>Not found</body></html>",
    }.items():  # fmt: skip
        (tmp_path / f"{name}.xml").write_text(text)
    (tmp_path / "latin.xml").write_bytes(
        b'<?xml version="1.0" encoding="UTF-8"?>' + good.replace("B1", "\xe9").encode("latin-1")
    )
    (tmp_path / "nested.json").write_text('{"ops:world-patent-data": ' + '{"a": ' * 500 + "1" + "}" * 501)
    (tmp_path / "other.json").write_text('[{"a": 1}]')
    book = ipv.read_ops(tmp_path)
    assert book.patent_ids == ["EP-2400812", "EP-2400813"]
    refused = {row["value"].split(",")[0] for row in book.rejects.to_dict("records")}
    assert refused == {"bomb.xml", "cut.xml", "nul.xml", "other.xml", "latin.xml", "nested.json", "other.json"}
    assert set(book.rejects["code"]) == {"unreadable"}


def test_archives_and_what_is_no_answer(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.xml", MEMBER.format(n="2400812", more=""))
        archive.writestr("two.xml", MEMBER.format(n="2400813", more=""))
    assert ipv.read_ops(tmp_path / "a.zip").patent_ids == ["EP-2400812", "EP-2400813"]
    (tmp_path / "a.txt").write_text("a,b\n")
    with pytest.raises(SourceError, match="is not XML"):
        ipv.read_ops(tmp_path / "a.txt")
    assert FORMAT.confidence(Look("a.xml", "xml", ("world-patent-data",))) == 1
