"""Real grants of 2005 to 2015 against counts that another program made, and through the engine.

The ``derived_*.tsv`` beside the files were made with another parser; the files here are those that the tables
name (151 grants; the origin has 422).
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

import ipvalue as ipv
from ipvalue.sources.reading.identifiers import document_ids
from tests.shared_data import existing


def derived(data_dir: Path, name: str) -> list[dict[str, str]]:
    with (data_dir / "uspto_grant_xml" / f"derived_{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def name_of(number: str) -> str:
    return str(document_ids(["US"], [number])[0])


def iso(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


@pytest.fixture(scope="module")
def real(data_dir: Path) -> ipv.Book:
    files = sorted(existing(data_dir / "uspto_grant_xml").glob("*.xml"))
    return ipv.read_uspto_grants(*files)


@pytest.fixture(scope="module")
def registration(data_dir: Path) -> str:
    """The one statutory invention registration, which the book refuses."""
    (row,) = [r for r in derived(data_dir, "patents") if r["type"] == "sir"]
    return row["patent"]


def test_every_grant_is_in_the_book_but_the_registration(real: ipv.Book, data_dir: Path, registration: str) -> None:
    rows = derived(data_dir, "patents")
    assert real.rows_in["patents"] == len(rows) == 151
    assert set(real.patent_ids) == {name_of(r["patent"]) for r in rows} - {name_of(registration)}
    assert real.rejects["code"].value_counts().to_dict().get("unreadable", 0) == 0


def test_dates_counts_and_adjustments_are_those_of_the_documents(real: ipv.Book, data_dir: Path) -> None:
    ours = {row["patent_id"]: row for row in real["patents"].to_pylist()}
    rights = {"utility": "invention", "design": "design", "plant": "plant"}
    for row in derived(data_dir, "patents"):
        found = ours.get(name_of(row["patent"]))
        if found is None:
            continue
        assert found["application_date"].isoformat() == iso(row["app_date"])
        assert found["grant_date"].isoformat() == iso(row["grant_date"])
        assert found["n_claims"] == int(row["n_claims"])
        adjustment = int(row["term_extension_days"]) if row["term_extension_days"] else None
        assert found["term_adjustment_days"] == adjustment
        assert (found["kind"], found["right"]) == (row["kind"], rights[row["type"]])
    assert sum(row["term_adjustment_days"] is not None for row in ours.values()) == 79


def test_dates_are_in_the_order_of_a_patents_life(real: ipv.Book) -> None:
    patents = real["patents"].to_pandas()
    for early, late in [
        ("priority_date", "application_date"),
        ("parent_filing_date", "application_date"),
        ("application_date", "publication_date"),
        ("publication_date", "grant_date"),
    ]:
        both = patents[[early, late]].dropna()
        assert len(both) > 15
        assert (both[early] <= both[late]).all()


def test_every_citation_is_kept_repeated_or_refused_with_its_patent(
    real: ipv.Book, data_dir: Path, registration: str
) -> None:
    rows = [r for r in derived(data_dir, "citations") if r["is_npl"] == "0"]
    assert real.rows_in["citations"] == len(rows) == 2_531
    wanted = [r for r in rows if r["citing"] != registration]
    kept = Counter(real["citations"]["citing_id"].to_pylist())
    assert real["citations"].num_rows + real.duplicates["citations"] == len(wanted)
    # four references are printed twice in their documents, one of them as WO 02/37687 and WO 02/037687
    assert sum((Counter(name_of(r["citing"]) for r in wanted) - kept).values()) == 4
    by_examiner = [r for r in wanted if r["category"] == "cited by examiner"]
    found = [r for r in real["citations"].to_pylist() if r["origin"] == "examiner"]
    assert {(r["citing_id"], r["cited_id"]) for r in found} == {
        (name_of(r["citing"]), document_ids([r["cited_country"]], [r["cited_no"]])[0]) for r in by_examiner
    }


def test_literature_citations_are_counted(real: ipv.Book, data_dir: Path, registration: str) -> None:
    rows = [r for r in derived(data_dir, "citations") if r["is_npl"] == "1"]
    assert len(rows) == 367
    counts = Counter(name_of(r["citing"]) for r in rows if r["citing"] != registration)
    found = {r["patent_id"]: r["npl_citations"] for r in real["patents"].to_pylist() if r["npl_citations"]}
    assert found == dict(counts)


def test_claims_and_their_independence_are_those_of_the_documents(
    real: ipv.Book, data_dir: Path, registration: str
) -> None:
    rows = derived(data_dir, "claims")
    assert real.rows_in["claims"] == len(rows) == 2_183
    expected = {
        (name_of(r["patent"]), int(r["claim_num"])): (r["dependent_on"] == "", "".join(r["text"].split()))
        for r in rows
        if r["patent"] != registration
    }
    found = {
        (r["patent_id"], r["claim_number"]): (r["independent"], "".join(r["text"].split()))
        for r in real["claims"].to_pylist()
    }
    assert {k: v[0] for k, v in found.items()} == {k: v[0] for k, v in expected.items()}
    assert {k: v[1] for k, v in found.items()} == {k: v[1] for k, v in expected.items()}


def test_every_invention_has_a_technology_and_an_owner(real: ipv.Book) -> None:
    patents = real["patents"].to_pandas()
    inventions = patents[patents["right"] == "invention"]
    assert inventions["ipc"].notna().all()
    assert patents["owners"].notna().all()
    assert patents["n_inventors"].between(1, 20).all()


def test_official_samples_of_later_formats_are_read(data_dir: Path) -> None:
    """USPTO's own sample documents: v4.0 (2004), v4.2 (2006) and v4.5 (2014)."""
    files = sorted(existing(data_dir / "uspto_xml_samples").glob("xml20*/*.xml"))
    book = ipv.read_uspto_grants(*files)
    assert len(book) == len(files) and len(book.rejects) == 0
    patents = {row["patent_id"]: row for row in book["patents"].to_pylist()}
    # printed on its face: 31 claims, 605 days, five inventors, IPC A61B 5/00 first
    wearable = patents["US-8926509"]
    assert (wearable["n_claims"], wearable["term_adjustment_days"], wearable["n_inventors"]) == (31, 605, 5)
    assert (wearable["ipc"][0], wearable["owners"]) == ("A61B 5/00", ["Hmicro, Inc."])
    origins = set(book["citations"]["origin"].to_pylist())
    assert origins == {"examiner", "applicant"}


def test_order_of_the_files_does_not_matter(real: ipv.Book, data_dir: Path) -> None:
    files = sorted((data_dir / "uspto_grant_xml").glob("*.xml"), reverse=True)
    assert ipv.read_uspto_grants(*files).fingerprint == real.fingerprint


@pytest.mark.parametrize("day", ["2005-06-30", "2010-12-31", "2023-12-31"])
def test_every_real_patent_gets_a_value_or_a_reason(real: ipv.Book, book: ipv.Book, day: str) -> None:
    """Deals come from the synthetic book, so the amounts mean nothing; that none is silent does."""
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), ipv.ComparableSales()]).fit(book, as_of="2023-12-31")
    state = real.as_of(day)
    frame = engine.value(state).to_pandas()
    assert list(frame.index) == list(state.patent_ids)
    assert (frame["value"].notna() | (frame["reason"] != "")).all()
    assert frame.loc[frame["value"] == 0, "reason"].isin(["dead_right", "term_over"]).all()
    assert (frame["value"] > 0).sum() > len(frame) / 3
    assert (frame["reason_relief_from_royalty"].isin(["no_revenue", "dead_right", "term_over"])).all()
