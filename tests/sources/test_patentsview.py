"""PatentsView's tables: small folders in the release's layout, and counts by csv."""

from __future__ import annotations

import csv
import gzip
import random
import zipfile
from collections import defaultdict
from pathlib import Path

import pytest

import ipvalue as ipv
from ipvalue.errors import BookError, SourceError
from tests.sources.books import assert_canonical
from tests.sources.patentsview_files import table


def release(folder: Path) -> Path:
    """Three patents, one of them withdrawn, and two strangers that cite and are cited."""
    folder.mkdir(exist_ok=True)
    table(
        folder,
        "g_patent",
        [
            ("10000000", "utility", "2018-06-19", "Coherent LADAR", "B2", 20, 0, "ipg180619.xml"),
            ("D584230", "design", "2009-01-06", "Golf ball", "S1", 1, 0, "ipg090106.xml"),
            ("RE38000", "reissue", "2003-02-18", "Pump", "E1", 0, 0, "pg030218.sgml"),
            ("10000001", "utility", "2018-06-19", "Withdrawn", "B2", 3, 1, "ipg180619.xml"),
            ("10500000", "utility", "2019-12-10", "Stranger", "B2", 9, 0, "ipg191210.xml"),
        ],
    )
    table(
        folder,
        "g_application",
        [
            ("14/643719", "10000000", "14", "2015-03-10", "14", 0),
            ("29/300000", "D584230", "29", "2008-01-02", "29", 0),
            ("09/000001", "RE38000", "09", "2001-05-06", "09", 0),
            ("09/000002", "10500000", "15", "2017-05-06", "15", 0),
        ],
    )
    table(
        folder,
        "g_us_patent_citation",
        [
            ("10000000", 0, "RE38000", "2003-02-00", "Pump", "E1", "cited by applicant"),
            ("10000000", 1, "5000000", "1991-03-19", "Old", "A", "cited by examiner"),
            ("10000000", 2, "5000001", "1991-00-00", "Old", "A", "cited by other"),
            ("10500000", 0, "10000000", "2018-06-19", "LADAR", "B2", "cited by third party"),
            ("10500000", 1, "9999999", "2018-06-12", "Far", "B2", "cited by examiner"),
            ("RE38000", 0, "4000000", "1976-12-28", "Old", "A", ""),
        ],
    )
    table(
        folder,
        "g_claims_2018",
        [
            ("10000000", 0, '1. A system, comprising:\n\ta "laser" source.', "", "00001", 1),
            ("10000000", 1, "2. The system of claim 1.", "claim 1", "00002", 0),
            ("10500000", 0, "1. Another.", "-1", "00001", 1),
        ],
    )
    table(
        folder,
        "g_cpc_current",
        [
            ("10000000", 1, "G", "G01", "G01S", "G01S17/89", "additional"),
            ("10000000", 0, "G", "G01", "G01S", "G01S7/4917", "inventional"),
            ("RE38000", 0, "F", "F04", "F04B", "F04B17/00", "inventional"),
        ],
    )
    table(
        folder,
        "g_ipc_at_issue",
        [
            ("10000000", 1, "A", "G", "1", "s", "17", "8", "I", "B", "H", "2018-06-19"),
            ("10000000", 0, "A", "G", "01", "S", "7", "4914", "I", "B", "H", "2018-06-19"),
            ("10500000", 0, "A", "H", "04", "L", "9", "00", "I", "B", "H", "2019-12-10"),
        ],
    )
    table(
        folder,
        "g_assignee_disambiguated",
        [
            ("10000000", 1, "b", "Ada", "Lovelace", "", 4, "x"),
            ("10000000", 0, "a", "", "", "Raytheon  Company", 2, "x"),
            ("10500000", 0, "c", "", "", "Third Corp.", 2, "x"),
        ],
    )
    table(folder, "g_inventor_disambiguated", [("10000000", k, f"i{k}", "A") for k in range(3)])
    table(folder, "g_us_term_of_grant", [("10000000", "", "", "", "87")])
    return folder


def test_each_table_fills_its_columns(tmp_path: Path) -> None:
    book = ipv.read_patentsview(release(tmp_path))
    patents = {row["patent_id"]: row for row in book["patents"].to_pylist()}
    assert set(patents) == {"US-10000000", "US-D584230", "US-RE38000", "US-10500000"}
    ladar = patents["US-10000000"]
    assert (ladar["right"], ladar["kind"], ladar["n_claims"], ladar["n_inventors"]) == ("invention", "B2", 20, 3)
    assert (str(ladar["application_date"]), str(ladar["grant_date"])) == ("2015-03-10", "2018-06-19")
    assert ladar["ipc"] == ["G01S 7/4914", "G01S 17/08"]
    assert ladar["owners"] == ["Raytheon Company", "Ada Lovelace"]
    assert ladar["term_adjustment_days"] == 87
    assert (patents["US-RE38000"]["right"], patents["US-RE38000"]["n_claims"]) == ("invention", None)
    assert patents["US-RE38000"]["ipc"] == ["F04B17/00"]  # none at issue, so the current ones
    assert patents["US-D584230"]["right"] == "design"
    assert book.rejects[["value", "code"]].values.tolist() == [["US-10000001", "withdrawn_document"]]
    claims = {row["claim_number"]: row for row in book["claims"].to_pylist() if row["patent_id"] == "US-10000000"}
    assert claims[1]["text"] == '1. A system, comprising:\n\ta "laser" source.'
    assert [(claims[k]["independent"], str(claims[k]["publication_date"])) for k in (1, 2)] == [
        (True, "2018-06-19"),
        (False, "2018-06-19"),
    ]
    cited = {(c["citing_id"], c["cited_id"]): c for c in book["citations"].to_pylist()}
    assert {c["origin"] for c in cited.values()} == {"applicant", "examiner", "third_party", None}
    assert str(cited["US-10000000", "US-5000001"]["cited_date"]) == "1991-01-01"
    assert len(cited) == 6


def test_a_portfolio_knows_date_class_and_owner_of_who_cites_it(tmp_path: Path) -> None:
    """A citation without its citing date is never counted, and the citing patent is not in the book."""
    book = ipv.read_patentsview(release(tmp_path), patents=["US10000000B2", "7"])
    assert book.patent_ids == ["US-10000000"]
    assert book.rejects[["value", "code", "row"]].values.tolist() == [["7", "unknown_patent", 1]]
    cited = {(c["citing_id"], c["cited_id"]): c for c in book["citations"].to_pylist()}
    assert len(cited) == 4
    forward = cited["US-10500000", "US-10000000"]
    assert (str(forward["citing_date"]), forward["citing_ipc"]) == ("2019-12-10", "H04L 9/00")
    assert (forward["citing_owner"], forward["cited_owner"]) == ("Third Corp.", "Raytheon Company")
    assert cited["US-10000000", "US-RE38000"]["cited_ipc"] == "F04B17/00"
    assert book["claims"].num_rows == 2
    # the same citations say the same where all patents are read
    whole = ipv.read_patentsview(tmp_path).select(["US-10000000"])
    assert whole["citations"].equals(book["citations"])
    assert whole["patents"].equals(book["patents"])


def test_archives_and_the_order_of_rows_and_files_do_not_matter(tmp_path: Path) -> None:
    book = ipv.read_patentsview(release(tmp_path / "plain"))
    (tmp_path / "packed").mkdir()
    paths = sorted((tmp_path / "plain").glob("*.tsv"))
    for place, path in enumerate(paths):
        head, *rows = list(csv.reader(path.read_text("utf-8").splitlines(keepends=True), delimiter="\t"))
        random.Random(place).shuffle(rows)
        moved = table(tmp_path, path.stem, rows, " ".join(head))
        if place % 2:
            with zipfile.ZipFile(tmp_path / "packed" / f"{path.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(moved, path.name)
        else:
            (tmp_path / "packed" / f"{path.name}.gz").write_bytes(gzip.compress(moved.read_bytes()))
    packed = sorted((tmp_path / "packed").iterdir(), reverse=True)
    assert ipv.read_patentsview(*packed).fingerprint == book.fingerprint
    assert ipv.read_patentsview(tmp_path / "packed").fingerprint == book.fingerprint


def test_headers_of_the_older_release_are_read(tmp_path: Path) -> None:
    """``patent.tsv`` and its like, as they were called to 2021."""
    table(
        tmp_path,
        "patent",
        [("9", "utility", "0D584230", "US", "2009-01-06", "", "B2", 4, "x.xml", 0)],
        "id type number country date title kind num_claims filename withdrawn",
    )
    table(
        tmp_path,
        "application",
        [("11/1", "D584230", "11", "111", "US", "2007-03-04")],
        "id patent_id series_code number country date",
    )
    table(
        tmp_path,
        "uspatentcitation",
        [("u", "9000000", "D584230", "2009-01-00", "x", "S1", "US", "cited by examiner", 0)],
        "uuid patent_id citation_id date name kind country category sequence",
    )
    table(
        tmp_path,
        "cpc_current",
        [("u", "D584230", "H", "H01", "H01L", "H01L21/02", "inventional", 0)],
        "uuid patent_id section_id subsection_id group_id subgroup_id category sequence",
    )
    book = ipv.read_patentsview(tmp_path)
    (patent,) = book["patents"].to_pylist()
    assert (patent["patent_id"], str(patent["application_date"])) == ("US-D584230", "2007-03-04")
    assert patent["ipc"] == ["H01L21/02"]
    assert [str(d) for d in book["citations"]["cited_date"].to_pylist()] == ["2009-01-01"]


def test_dirty_dates_refuse_their_row_alone(tmp_path: Path) -> None:
    days = {"1": "1074-11-12", "2": "2001-00-00", "3": "", "4": "2001-02-03", "5": "2019-01-01", "6": "0000-00-00"}
    table(tmp_path, "g_patent", [(n, "utility", "2018-06-19", "t", "B2", 1, 0, "f") for n in (*days, "7", "sir")])
    table(
        tmp_path,
        "g_application",
        [("9", n, "9", day, "9", 0) for n, day in days.items()]
        # a patent that appears twice was filed on the earlier day
        + [("9", "4", "9", "2002-02-03", "9", 0), ("9", "4", "9", "2001-02-03", "9", 0)],
    )
    book = ipv.read_patentsview(tmp_path)
    assert book.patent_ids == ["US-4"]
    assert str(book["patents"]["application_date"][0]) == "2001-02-03"
    assert book.rejects["code"].value_counts().to_dict() == {
        "missing": 4,  # two without a day, and two without an application
        "out_of_range": 1,
        "bad_date": 1,
        "inconsistent_dates": 1,
    }
    with pytest.raises(BookError, match="bad row"):
        ipv.read_patentsview(tmp_path, strict=True)


def test_counts_are_those_of_csv(tmp_path: Path) -> None:
    """A made release of a few hundred patents with repeats, strangers and unusual texts, counted by Python's csv."""
    dice = random.Random(5)
    numbers = [str(9_000_000 + k) for k in range(300)] + [f"D{600_000 + k}" for k in range(60)]
    book_of = dice.sample(numbers, 200)
    texts = ["1. A thing.", 'The "thing" of\tclaim 1', "a\n\nb", "ünï 发明", "", "'=1+1"]
    table(tmp_path, "g_patent", [(n, "utility", "2015-02-03", "t", "B2", 2, 0, "f") for n in book_of])
    table(tmp_path, "g_application", [("1", n, "1", "2012-02-03", "1", 0) for n in numbers])
    cites = [(dice.choice(numbers), k % 7, dice.choice(numbers), "2010-05-00", "", "", "") for k in range(4_000)]
    table(tmp_path, "g_us_patent_citation", [*cites, *cites[:50]])
    claims = [(n, k, texts[k % 6], "", k + 1, 0) for n in numbers for k in range(dice.randrange(9))]
    table(tmp_path, "g_claims_2018", claims[::2])
    (tmp_path / "g_claims_2019.tsv").write_text(table(tmp_path, "g_claims_2018", claims[1::2]).read_text())
    table(tmp_path, "g_claims_2018", claims[::2])
    book = ipv.read_patentsview(tmp_path)
    held, counted = set(book_of), defaultdict(int)
    with (tmp_path / "g_us_patent_citation.tsv").open(newline="") as file:
        pairs = [(r["patent_id"], r["citation_patent_id"]) for r in csv.DictReader(file, delimiter="\t")]
    for name in ("g_claims_2018.tsv", "g_claims_2019.tsv"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                counted[f"US-{row['patent_id']}"] += row["patent_id"] in held
    wanted = [p for p in pairs if held & set(p)]
    assert len(book) == 200
    assert book["citations"].num_rows == len(set(wanted))
    assert book.rows_in["citations"] == len(wanted)
    found = defaultdict(int)
    for name in book["claims"]["patent_id"].to_pylist():
        found[name] += 1
    assert dict(found) == {name: n for name, n in counted.items() if n}


def test_terms_run_from_the_earliest_parent(tmp_path: Path) -> None:
    def related(patent: str, kind: str, what: str, day: str) -> tuple[object, ...]:
        return (patent, "09", "US", kind, what, day, "", 0, "")

    table(
        release(tmp_path),
        "g_us_rel_doc",
        [
            related("10000000", "continuation", "parent document", "2012-05-06"),
            related("10000000", "division", "parent document", "2010-05-06"),
            related("10000000", "continuation", "parent grant document", "2009-05-06"),
            related("10000000", "continuation", "child document", "2009-01-06"),
            related("10000000", "continuation", "parent document", "0110-08-04"),
            related("10000000", "continuation", "parent document", "2016-08-04"),  # after the filing
            related("10000000", "us-provisional-application", "", "2009-05-08"),
            related("10000000", "related-publication", "", "2001-05-08"),
            related("RE38000", "reissue", "parent document", "1998-02-03"),
            related("10500000", "us-provisional-application", "", "2016-05-08"),
        ],
    )
    table(
        tmp_path,
        "g_foreign_priority",
        [("10000000", 0, "national", "1", "2009-02-03", "JP"), ("D584230", 0, "national", "1", "2007-11-03", "JP")],
    )
    book = ipv.read_patentsview(tmp_path)
    patents = {row["patent_id"]: row for row in book["patents"].to_pylist()}

    def days(name: str) -> dict[str, str]:
        return {patent: str(row[name]) for patent, row in patents.items() if row[name]}

    assert days("parent_filing_date") == {"US-10000000": "2010-05-06", "US-RE38000": "1998-02-03"}
    assert days("priority_date") == {
        "US-10000000": "2009-02-03",
        "US-RE38000": "1998-02-03",
        "US-10500000": "2016-05-08",
        "US-D584230": "2007-11-03",
    }
    assert_canonical(book, tmp_path)


@pytest.mark.parametrize("number", ["10000000", "US-10000000-B2", "us 10,000,000"])
def test_a_portfolio_may_be_written_in_several_ways(tmp_path: Path, number: str) -> None:
    assert ipv.read_patentsview(release(tmp_path), patents=[number]).patent_ids == ["US-10000000"]


def test_what_is_not_patentsview_is_said(tmp_path: Path) -> None:
    release(tmp_path)
    table(tmp_path, "g_location_disambiguated", [("1", "x")], "location_id city")  # of the release, but not needed
    assert len(ipv.read_patentsview(tmp_path)) == 4
    other = table(tmp_path, "loans", [("1", "x")], "loan bank")
    with pytest.raises(SourceError, match=r"loans\.tsv is not a table of PatentsView; its columns are loan, bank"):
        ipv.read_patentsview(tmp_path)
    with pytest.raises(SourceError, match="pass \\['10000000'\\]"):
        ipv.read_patentsview(tmp_path / "g_patent.tsv", tmp_path / "g_application.tsv", patents="10000000")
    with pytest.raises(SourceError, match="g_application is not among the files"):
        ipv.read_patentsview(tmp_path / "g_patent.tsv")
    other.unlink()
    found = ipv.sniff(tmp_path)
    assert (found.format, found.reader) == ("patentsview", "read_patentsview")
    assert {"ipc", "owners", "application_date", "term_adjustment_days"} <= set(found.tables["patents"])


def test_hostile_tables_are_refused_or_read_in_part(tmp_path: Path) -> None:
    release(tmp_path)
    path = tmp_path / "g_us_patent_citation.tsv"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # cut off within the last row
    assert ipv.read_patentsview(tmp_path)["citations"].num_rows == 5
    path.write_bytes(whole.replace(b"5000000", b"5000\x0000"))
    book = ipv.read_patentsview(tmp_path)
    assert book.rejects["code"].tolist().count("unreadable") == 1
    assert book["citations"].num_rows == 5
    path.write_bytes(whole + b'"10000000"\t"3"\t"50')  # a quote that is not closed
    book = ipv.read_patentsview(tmp_path)
    assert book["citations"].num_rows == 6
    assert "has 3 cells, the header has 7" in " ".join(book.rejects["message"])
