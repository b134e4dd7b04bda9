"""USPTO grant XML: what each element becomes, and what happens to documents that can't be read."""

from __future__ import annotations

import socket
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError, SourceError
from tests.sources.grants import DECLARATION, grant, reference, related, write


def only(book: ipv.Book) -> dict[str, Any]:
    """The book's only patent."""
    (row,) = book["patents"].to_pylist()
    return {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()}


def head_of(tmp_path: Path, head: str, **more: str) -> dict[str, Any]:
    return only(ipv.read_uspto_grants(write(tmp_path, grant(head=head, **more))))


def test_a_cited_patent_is_the_patent_of_the_book_whatever_kind_is_printed(tmp_path: Path) -> None:
    cited = "<references-cited>" + reference("7000001", kind="A") + "</references-cited>"
    path = write(tmp_path, grant("07000001", kind="B2"), grant("07000002", head=cited, granted="20070220"))
    (row,) = ipv.read_uspto_grants(path)["citations"].to_pylist()
    assert (row["citing_id"], row["cited_id"]) == ("US-7000002", "US-7000001")
    assert row["citing_date"].isoformat() == "2007-02-20"


@pytest.mark.parametrize(
    ("application_type", "number", "kind", "name", "right"),
    [
        ("utility", "07000001", "B1", "US-7000001", "invention"),
        ("reissue", "RE038680", "E1", "US-RE38680", "invention"),
        ("design", "D0584230", "S1", "US-D584230", "design"),
        ("plant", "PP014562", "P2", "US-PP14562", "plant"),
    ],
)
def test_right_follows_the_type_of_application(
    tmp_path: Path, application_type: str, number: str, kind: str, name: str, right: str
) -> None:
    path = write(tmp_path, grant(number, kind=kind, application_type=application_type))
    row = only(ipv.read_uspto_grants(path))
    assert (row["patent_id"], row["right"], row["kind"]) == (name, right, kind)


def test_statutory_invention_registration_is_refused_since_it_is_no_right(tmp_path: Path) -> None:
    book = ipv.read_uspto_grants(write(tmp_path, grant("H0002140", kind="H1", application_type="sir")))
    assert len(book) == 0
    assert book.rejects[["table", "column", "value", "code"]].values.tolist() == [
        ["patents", "right", "sir", "bad_code"]
    ]


@pytest.mark.parametrize("relation", ["continuation", "division", "continuation-in-part", "reissue"])
def test_term_runs_from_the_earliest_parent(tmp_path: Path, relation: str) -> None:
    """35 USC 154(a)(2); for a reissue, the original's term (35 USC 251)."""
    parents = related(relation, "20010203") + related("continuation", "20020304")
    row = head_of(tmp_path, f"<us-related-documents>{parents}</us-related-documents>")
    assert row["parent_filing_date"] == row["priority_date"] == "2001-02-03"


def test_term_never_runs_from_a_provisional_or_a_substituted_application(tmp_path: Path) -> None:
    """35 USC 154(a)(3) for the provisional; MPEP 201.09 for the substitute."""
    documents = related("us-provisional-application", "20020110") + related("substitution", "20010110")
    row = head_of(tmp_path, f"<us-related-documents>{documents}</us-related-documents>")
    assert (row["parent_filing_date"], row["priority_date"]) == (None, "2002-01-10")


def test_dates_that_contradict_the_filing_do_not_cost_the_patent(tmp_path: Path) -> None:
    documents = related("continuation", "20040101") + related("related-publication", "20010101")
    row = head_of(tmp_path, f"<us-related-documents>{documents}</us-related-documents>")
    assert (row["parent_filing_date"], row["publication_date"]) == (None, "2006-02-14")


def test_first_publication_is_the_application_or_the_international_one(tmp_path: Path) -> None:
    own = f"<us-related-documents>{related('related-publication', '20040812')}</us-related-documents>"
    world = (
        "<pct-or-regional-publishing-data><document-id><date>20040715</date></document-id>"
        "</pct-or-regional-publishing-data>"
    )
    assert head_of(tmp_path, own)["publication_date"] == "2004-08-12"
    assert head_of(tmp_path, own + world)["publication_date"] == "2004-07-15"
    assert head_of(tmp_path, "")["publication_date"] == "2006-02-14"


@pytest.mark.parametrize(
    ("printed", "symbol"),
    [
        ("A45F  504", "A45F 5/04"),
        ("B62D 3502", "B62D 35/02"),
        ("A61K 31505", "A61K 31/505"),
        ("C07D40312", "C07D 403/12"),
        ("G06F015/16", "G06F 15/16"),
        ("?", "?"),
    ],
)
def test_old_classes_are_read_by_columns(tmp_path: Path, printed: str, symbol: str) -> None:
    head = f"<classification-ipc><main-classification>{printed}</main-classification></classification-ipc>"
    assert head_of(tmp_path, head)["ipc"] == [symbol]


def test_leading_class_comes_first_and_none_comes_twice(tmp_path: Path) -> None:
    def symbol(tag: str, group: str) -> str:
        parts = "<section>H</section><class>01</class><subclass>L</subclass>"
        return f"<{tag}>{parts}<main-group>{group}</main-group><subgroup>00</subgroup></{tag}>"

    ipcr = "".join(symbol("classification-ipcr", g) for g in ("29", "21", "29"))
    cpc = f"<classifications-cpc><main-cpc>{symbol('classification-cpc', '33')}</main-cpc></classifications-cpc>"
    both = f"<classifications-ipcr>{ipcr}</classifications-ipcr>{cpc}"
    assert head_of(tmp_path, both)["ipc"] == ["H01L 29/00", "H01L 21/00"]
    assert head_of(tmp_path, cpc)["ipc"] == ["H01L 33/00"]


def test_owners_are_assignees_else_applicants_and_inventors_count_once(tmp_path: Path) -> None:
    person = "<addressbook><last-name>Lovelace</last-name><first-name>Ada</first-name></addressbook>"
    parties = (
        f'<us-parties><us-applicants><us-applicant app-type="applicant-inventor">{person}</us-applicant>'
        "</us-applicants>"
        f"<inventors><inventor>{person}</inventor></inventors></us-parties>"
    )
    assignee = (
        "<assignees><assignee><addressbook><orgname>Engines \n Ltd.</orgname></addressbook></assignee></assignees>"
    )
    alone = head_of(tmp_path, parties)
    assert (alone["owners"], alone["n_inventors"]) == (["Ada Lovelace"], 1)
    assert head_of(tmp_path, parties + assignee)["owners"] == ["Engines Ltd."]


def test_cited_documents_keep_origin_and_month(tmp_path: Path) -> None:
    cited = (
        reference("1", date="19010500")
        + reference("2", date="19840000", category="cited by other")
        + reference("3", date="19990115", category="cited by applicant")
        + reference("4", date="19991301", category="cited by third party")
        + "<citation><nplcit><othercit>A paper</othercit></nplcit><category>cited by other</category></citation>"
    )
    path = write(tmp_path, grant(head=f"<references-cited>{cited}</references-cited>"))
    book = ipv.read_uspto_grants(path)
    rows = sorted((r["cited_id"], r["origin"], r["cited_date"].isoformat()) for r in book["citations"].to_pylist())
    assert rows == [
        ("US-1", "examiner", "1901-05-01"),
        ("US-2", "applicant", "1984-01-01"),
        ("US-3", "applicant", "1999-01-15"),
    ]
    assert book.rejects[["table", "column", "value", "code"]].values.tolist() == [
        ["citations", "cited_date", "1999-13-01", "bad_date"]
    ]
    assert only(book)["npl_citations"] == 1


def test_words_of_nested_claim_parts_do_not_run_together_and_formulae_stay_whole(tmp_path: Path) -> None:
    claims = (
        '<claims><claim num="00001"><claim-text>1. A fuel of H<sub>2</sub>O, comprising:'
        "<claim-text>water;</claim-text><claim-text>air.</claim-text></claim-text></claim>"
        '<claim num="00002"><claim-text>2. The fuel of <claim-ref idref="CLM-00001">claim 1</claim-ref>.'
        "</claim-text></claim></claims>"
    )
    rows = ipv.read_uspto_grants(write(tmp_path, grant(body=claims)))["claims"].to_pylist()
    assert [r["text"] for r in rows] == ["1. A fuel of H2O, comprising: water; air.", "2. The fuel of claim 1."]
    assert [(r["claim_number"], r["independent"], r["language"]) for r in rows] == [(1, True, "en"), (2, False, "en")]
    assert {r["publication_date"].isoformat() for r in rows} == {"2006-02-14"}


def test_a_broken_document_costs_one_row(tmp_path: Path) -> None:
    broken = grant("07000002").replace("</us-bibliographic-data-grant>", "")
    nameless = grant("07000002").replace("<doc-number>07000002</doc-number>", "")
    path = write(tmp_path, grant("07000001"), broken, grant("07000003"), nameless, grant("07000004")[:-60])
    book = ipv.read_uspto_grants(path)
    assert book.patent_ids == ["US-7000001", "US-7000003"]
    assert book.rejects[["table", "row", "value", "code"]].values.tolist() == [
        ["patents", 1, "ipg.xml, document 2", "unreadable"],
        ["patents", 3, "ipg.xml, document 4", "unreadable"],
        ["patents", 4, "ipg.xml, document 5", "unreadable"],
    ]
    assert book.rejects["message"].tolist()[1].endswith("it has no patent number")
    assert book.rows_in["patents"] == len(book) + len(book.rejects) == 5
    with pytest.raises(BookError, match="document 2"):
        ipv.read_uspto_grants(path, strict=True)


def test_sequence_listings_between_grants_are_no_rows(tmp_path: Path) -> None:
    listing = f"{DECLARATION}<!DOCTYPE sequence-cwu><sequence-cwu><number>1</number></sequence-cwu>"
    book = ipv.read_uspto_grants(write(tmp_path, grant("07000001"), listing, grant("07000002")))
    assert len(book) == book.rows_in["patents"] == 2


BOMB = '<!DOCTYPE us-patent-grant [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
FETCH = '<!DOCTYPE us-patent-grant [<!ENTITY secret SYSTEM "file:///etc/hostname">]>\n'


@pytest.mark.parametrize("doctype", [BOMB, FETCH])
def test_entities_are_refused_even_if_nothing_uses_them(tmp_path: Path, doctype: str) -> None:
    title = "<invention-title>A box</invention-title>"
    book = ipv.read_uspto_grants(write(tmp_path, grant(doctype=doctype, head=title), grant("07000002")))
    assert book.patent_ids == ["US-7000002"]
    assert "entities and external references are not accepted" in book.rejects["message"][0]


def test_undeclared_entity_costs_the_document_only(tmp_path: Path) -> None:
    title = "<invention-title>&minus;</invention-title>"
    book = ipv.read_uspto_grants(write(tmp_path, grant(head=title), grant("07000002")))
    assert book.patent_ids == ["US-7000002"] and book.rejects["code"].tolist() == ["unreadable"]


def test_doctype_is_tolerated_and_never_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the reader must not open a connection")

    monkeypatch.setattr(socket, "socket", no_network)
    dtd = tmp_path / "other.dtd"
    dtd.write_text('<!ENTITY leaked "content of another file">')
    title = "<invention-title>A box &leaked;</invention-title>"
    for system in ("http://127.0.0.1:9/us-patent-grant.dtd", dtd.as_uri(), "other.dtd"):
        doctype = f'<!DOCTYPE us-patent-grant PUBLIC "-//USPTO//DTD" "{system}" [ ]>\n'
        using = grant("07000002", doctype=doctype, head=title)
        book = ipv.read_uspto_grants(write(tmp_path, grant(doctype=doctype), using))
        assert book.patent_ids == ["US-7000001"], "the DTD, had it been read, would have defined the entity"
        assert book.rejects["message"].str.contains("undefined entity &leaked;").all()


def test_deep_nesting_neither_crashes_nor_stops_the_file(tmp_path: Path) -> None:
    deep = "<claims><claim>" + "<claim-text>" * 50_000 + "x" + "</claim-text>" * 50_000 + "</claim></claims>"
    book = ipv.read_uspto_grants(write(tmp_path, grant(body=deep), grant("07000002")))
    assert book.rows_in["patents"] == 2
    assert "US-7000002" in book.patent_ids
    assert len(book) + len(book.rejects[book.rejects["table"] == "patents"]) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not XML"),
        (b"patent_id,date\n1,2\n", "is not XML"),
        (b"\xff\xfe<\x00", "is not XML"),
        (b'<?xml version="1.0"?><us-patent-application/>', "contains no us-patent-grant"),
        (b'<?xml version="1.0"?><sequence-cwu/>', "contains no us-patent-grant"),
    ],
)
def test_path_of_another_format_is_an_error_that_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        ipv.read_uspto_grants(path)


def test_a_weekly_archive_is_read_as_it_comes(tmp_path: Path) -> None:
    packed = tmp_path / "ipg.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ipg.xml", grant())
        archive.writestr("ipg.txt", "a list of what is in it")
    assert ipv.read_uspto_grants(packed).patent_ids == ["US-7000001"]


def test_missing_and_absent_paths_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        ipv.read_uspto_grants(tmp_path / "nowhere.xml")
    with pytest.raises(SourceError, match=r"contains no file with \.xml"):
        ipv.read_uspto_grants(tmp_path)
    with pytest.raises(SourceError, match="no file is given"):
        ipv.read_uspto_grants()


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_a_file_raises_anything_but_our_errors(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes overwritten, inserted or cut anywhere: the other documents are read, or the path is refused."""
    content = bytearray("".join(grant(f"0700000{n}") for n in range(3)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=20))
    path = tmp_path / "damaged.xml"
    path.write_bytes(content)
    try:
        book = ipv.read_uspto_grants(path)
    except SourceError:
        return
    refused = int((book.rejects["table"] == "patents").sum())
    assert book.rows_in["patents"] == len(book) + refused + book.duplicates.get("patents", 0)
