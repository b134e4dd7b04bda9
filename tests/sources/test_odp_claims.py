"""Claims of application files (XML4IP): the real archive against counts by regular expression, made ones for the rules.

The archive's applications are in no answer of the portal that is among the data, so the answers here are composed:
their filing and publication days are those rules need, not the offices'.
"""

from __future__ import annotations

import datetime
import itertools
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.errors import BookError, SourceError
from tests.shared_data import existing
from tests.sources.books import assert_canonical, kept_and_refused

ARCHIVE = "uspto_xml_samples/xml4ip/sample_XML4IP.ZIP"
CLAIM = re.compile(rb"<pat:Claim .*?</pat:Claim>", re.DOTALL)


@pytest.fixture
def archive(data_dir: Path) -> Path:
    path = existing(data_dir / ARCHIVE)
    return path


def documents(archive: Path) -> dict[str, bytes]:
    """Claim documents by application and day in the mail room, as their names say."""
    with zipfile.ZipFile(archive) as whole:
        names = [name for name in whole.namelist() if name.endswith(".CLM.xml")]
        return {".".join(name.rsplit("/", 1)[1].split(".")[:2]): whole.read(name) for name in names}


def answers(folder: Path, *applications: str, name: str = "answer.json", **facts: Any) -> Path:
    known = {"filingDate": "2012-01-10", "earliestPublicationDate": "2013-07-11", "applicationTypeCode": "UTL", **facts}
    bag = [{"applicationNumberText": number, "applicationMetaData": known} for number in applications]
    path = folder / name
    path.write_text(json.dumps({"patentFileWrapperDataBag": bag}))
    return path


def claims_document(number: str, received: str, *claims: str, root: str = "ClaimsDocument", more: str = "") -> str:
    return (
        f'<?xml version="1.0"?><pat:{root} xmlns:pat="urn:us:gov:doc:uspto:patent" pat:id="X{received}">'
        f"<pat:DocumentHeaderDetails><pat:ApplicationHeaderDetails><pat:ApplicationNumber>{number}</pat:ApplicationNumber>"
        f"</pat:ApplicationHeaderDetails></pat:DocumentHeaderDetails><pat:MailRoomDate>{received}</pat:MailRoomDate>{more}"
        f"<pat:ClaimSet><pat:ClaimList>{''.join(claims)}</pat:ClaimList></pat:ClaimSet></pat:{root}>"
    )


def claim(number: str, text: str, *, label: str = "", category: str = "Independent", status: str = "") -> str:
    return (
        f"<pat:Claim><pat:ClaimNumber>{number}</pat:ClaimNumber><pat:ClaimText>"
        f"<pat:ClaimLabelText>{label or f'{number}. '}</pat:ClaimLabelText>{text}</pat:ClaimText>"
        f"<pat:ClaimStatusCategory>{status}</pat:ClaimStatusCategory>"
        f"<pat:ClaimTypeCategory>{category}</pat:ClaimTypeCategory></pat:Claim>"
    )


def file(folder: Path, document: str, name: str = "claims.xml") -> Path:
    path = folder / name
    path.write_text(document, encoding="utf-8")
    return path


def test_the_real_archive_loads_whole(archive: Path, tmp_path: Path) -> None:
    found = documents(archive)
    live = {name: [c for c in CLAIM.findall(text) if b">canceled<" not in c] for name, text in found.items()}
    labelled = {name: [c for c in claims if b"<pat:ClaimLabelText" in c] for name, claims in live.items()}
    assert {name: len(claims) for name, claims in labelled.items()} == {
        "12993548.2013-05-30": 17,  # ClaimTotalQuantity says 17, too
        "13962724.2013-08-08": 22,
        "13962724.2014-11-18": 22,  # of 23 one is cancelled
        "14522151.2014-10-23": 9,  # ClaimTotalQuantity says 9, too
    }
    numbers = sorted({name.split(".")[0] for name in found})
    book = ipv.read_odp(archive, answers(tmp_path, *numbers))
    assert len(book) == len(numbers) == 3
    rows = book["claims"].to_pylist()
    got: dict[str, list[int]] = {}
    for row in rows:
        got.setdefault(f"{row['patent_id'].replace('US-', '').replace('/', '')}.{row['publication_date']}", []).append(
            row["claim_number"]
        )
    wanted = {  # a set that arrived before the publication is public with it
        name.replace("2013-05-30", "2013-07-11"): sorted(
            int(re.findall(rb"<pat:ClaimNumber>(\d+)", text)[0]) for text in claims
        )
        for name, claims in labelled.items()
    }
    assert {name: sorted(numbers_) for name, numbers_ in got.items()} == wanted
    assert kept_and_refused(book, "claims") == sum(map(len, live.values()))
    assert book.rejects["code"].tolist() == ["unreadable"] * 4
    assert book.rejects["value"].str.contains("IN THE CLAIMS").any()
    flags = [bool(re.search(rb"Independent", text)) for name in sorted(wanted) for text in _in_order(labelled, name)]
    ours = sorted(rows, key=lambda r: (r["patent_id"], r["publication_date"], r["claim_number"]))
    assert [row["independent"] for row in ours] == flags
    assert_canonical(book, tmp_path)


def _in_order(labelled: dict[str, list[bytes]], name: str) -> list[bytes]:
    claims = labelled.get(name) or labelled[name.replace("2013-07-11", "2013-05-30")]
    return sorted(claims, key=lambda text: int(re.findall(rb"<pat:ClaimNumber>(\d+)", text)[0]))


def test_the_real_wording_is_the_claims_own(archive: Path, tmp_path: Path) -> None:
    book = ipv.read_odp(archive, answers(tmp_path, "12993548", "13962724", "14522151"))
    texts = {
        (row["patent_id"], str(row["publication_date"]), row["claim_number"]): row["text"]
        for row in book["claims"].to_pylist()
    }
    assert texts["US-12/993548", "2013-07-11", 1].startswith("An adhesive tape having a carrier")
    assert texts["US-12/993548", "2013-07-11", 4].startswith("The adhesive tape of claim 1,")
    assert texts["US-13/962724", "2013-08-08", 2].startswith("The apparatus of claim 1, wherein: the frame assembly is")
    assert texts["US-13/962724", "2014-11-18", 23].startswith("An apparatus for a tool box")
    for text in texts.values():
        assert not re.match(r"\W*(\d|claim \d|\((new|original|currently|previously))", text, re.IGNORECASE)
        assert "Dkt" not in text and "HeaderText" not in text  # the margin of a page


def test_without_answers_every_claim_is_refused_with_its_application(archive: Path, tmp_path: Path) -> None:
    book = ipv.read_odp(archive)
    assert len(book) == 0 and book["claims"].num_rows == 0
    refused = book.rejects[book.rejects["table"] == "patents"]
    assert refused["value"].tolist() == ["12993548", "13962724", "14522151"]
    assert refused["code"].tolist() == ["missing"] * 3 and refused["message"].str.contains("no answer").all()
    assert book.rejects["code"].value_counts()["unknown_patent"] == 70
    found = ipv.sniff(archive)
    assert (found.format, found.reader) == ("odp_claims", "read_odp") and "answers/" in found.code


def test_order_of_files_does_not_matter(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as whole:
        paths = [
            file(tmp_path, whole.read(name).decode(), name.rsplit("/", 1)[1])
            for name in whole.namelist()
            if name.endswith(".CLM.xml")
        ]
    paths.append(answers(tmp_path, "12993548", "13962724", "14522151"))
    books = [ipv.read_odp(*order) for order in itertools.permutations(paths, 5)]
    assert len({book.fingerprint for book in books}) == 1
    assert ipv.read_odp(archive, paths[-1]).fingerprint == books[0].fingerprint


def test_no_claim_set_is_known_before_its_file_is_open(tmp_path: Path) -> None:
    early = file(tmp_path, claims_document("13000001", "2012-01-10", claim("1", "A pump.")), "early.xml")
    later = file(tmp_path, claims_document("13000001", "2014-02-03", claim("1", "A pump with a valve.")), "later.xml")
    book = ipv.read_odp(early, later, answers(tmp_path, "13000001"))
    dates = book["claims"]["publication_date"].to_pylist()
    assert dates == [datetime.date(2013, 7, 11), datetime.date(2014, 2, 3)]
    days = ("2013-07-10", "2013-07-11", "2014-02-02", "2014-02-03")
    known = [book.as_of(day).claim_texts()["text"].to_pylist() for day in days]
    assert known == [[], ["A pump."], ["A pump."], ["A pump with a valve."]]


def test_of_sets_that_open_together_the_last_filed_stands(tmp_path: Path) -> None:
    first = file(tmp_path, claims_document("13000001", "2012-01-10", claim("1", "A pump."), claim("2", "A valve.")))
    second = file(tmp_path, claims_document("13000001", "2012-05-02", claim("1", "A red pump.")), "second.xml")
    book = ipv.read_odp(first, second, answers(tmp_path, "13000001"))
    assert book["claims"]["text"].to_pylist() == ["A red pump."]
    (row,) = book.rejects.to_dict("records")
    assert (row["code"], row["value"]) == ("duplicate_key", "claims.xml") and "second.xml" in row["message"]
    with pytest.raises(BookError, match=r"claims\.xml"):
        ipv.read_odp(first, second, tmp_path / "answer.json", strict=True)


def test_granted_claims_come_from_the_grant(tmp_path: Path) -> None:
    claims = file(tmp_path, claims_document("13000001", "2012-01-10", claim("1", "A pump.")))
    secret = answers(tmp_path, "13000001", earliestPublicationDate=None, grantDate="2014-03-04", patentNumber="8662222")
    book = ipv.read_odp(claims, secret)
    assert book.patent_ids == ["US-8662222"] and book["claims"].num_rows == 0
    assert book.rejects["message"].str.contains("grant").all()
    open_ = answers(tmp_path, "13000001", grantDate="2014-03-04", patentNumber="8662222")
    assert ipv.read_odp(claims, open_)["claims"]["patent_id"].to_pylist() == ["US-8662222"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([claim("1", "(Currently Amended) A pump.")], {1: "A pump."}),
        ([claim("1", " A pump (original) of steel.", label="Claim 1 (Original):")], {1: "A pump (original) of steel."}),
        ([claim("1", "[Withdrawn - currently amended] A pump.", status="withdrawn")], {1: "A pump."}),
        ([claim("1", "A pump."), claim("2", "(Canceled)", status="canceled")], {1: "A pump."}),
        ([claim("1", "A pump"), "<pat:Claim><pat:ClaimText>CLAIMS</pat:ClaimText></pat:Claim>"], {1: "A pump"}),
        (  # a heading that the machine gave a claim's number
            [claim("1", "A pump"), "<pat:Claim><pat:ClaimNumber>1</pat:ClaimNumber></pat:Claim>"],
            {1: "A pump"},
        ),
        (  # a label that it did not see
            ["<pat:Claim><pat:ClaimNumber>7</pat:ClaimNumber><pat:ClaimText>A cat.</pat:ClaimText></pat:Claim>"],
            {7: "A cat."},
        ),
        (  # a page's margin within the text
            [claim("1", "A <pat:BoundaryData><pat:HeaderText>P. 2</pat:HeaderText></pat:BoundaryData>pump <i>x</i>")],
            {1: "A pump x"},
        ),
    ],
)
def test_what_counts_as_a_claim(tmp_path: Path, given: list[str], kept: dict[int, str]) -> None:
    path = file(tmp_path, claims_document("13000001", "2014-01-10", *given))
    book = ipv.read_odp(path, answers(tmp_path, "13000001"))
    rows = book["claims"].to_pylist()
    assert {row["claim_number"]: row["text"] for row in rows} == kept
    live = sum("canceled" not in one for one in given)
    assert len(rows) + len(book.rejects) == live


def test_other_documents_are_passed_over_or_refused(tmp_path: Path) -> None:
    good = claims_document("13000001", "2014-01-10", claim("1", "A pump."))
    abstract = claims_document("13000001", "2014-01-10", root="SpecificationDocument")
    nameless = claims_document("", "2014-01-10", claim("1", "A pump."))
    path = file(tmp_path, "".join((good, abstract, nameless, '<?xml version="1.0"?><other/>', good[:300])))
    book = ipv.read_odp(path, answers(tmp_path, "13000001"))
    assert book["claims"].num_rows == 1
    assert book.rejects["value"].tolist() == [f"claims.xml, document {n}" for n in (3, 4, 5)]
    assert [m.split(": ", 1)[1][:12] for m in book.rejects["message"]] == [
        "it names no ",
        "its root is ",
        "it is not we",
    ]
    bomb = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>'
    with pytest.raises(SourceError, match="entities"):
        ipv.read_odp(file(tmp_path, bomb, "bomb.xml"))
