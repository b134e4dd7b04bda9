"""Real grants as PatentsView tables: the same as from their XML, and those of a week of 1976."""

from __future__ import annotations

import csv
import gzip
import re
import zipfile
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

import ipvalue as ipv
from tests.shared_data import existing
from tests.sources.patentsview_files import table


def earlier_filings(source: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Related documents and foreign priorities as the release lists them."""

    def iso(day: str) -> str:
        return f"{day[:4]}-{day[4:6]}-{day[6:]}"

    related, foreign = [], []
    for path in sorted(source.glob("*.xml")):
        for document in path.read_text("utf-8").split("<?xml")[1:]:
            root = fromstring(f"<?xml{document}".encode())
            number = root.findtext(".//publication-reference/document-id/doc-number") or ""
            for entry in root.findall(".//us-related-documents/*"):
                parent = entry.findtext("relation/parent-doc/document-id/date")
                if parent:
                    related.append((number, "", "US", entry.tag, "parent document", iso(parent), "", "0", ""))
                elif day := entry.findtext("document-id/date"):
                    related.append((number, "", "US", entry.tag, "", iso(day), "", "0", ""))
            days = [day.text or "" for day in root.findall(".//priority-claims/priority-claim/date")]
            foreign += [(number, "0", "national", "", iso(day), "") for day in days]
    return related, foreign


@pytest.mark.parametrize("packed", [False, True])
def test_real_grants_are_the_same_from_xml_and_from_tables(data_dir: Path, tmp_path: Path, packed: bool) -> None:
    """The tables are written from what another parser found in the same documents."""
    source = existing(data_dir / "uspto_grant_xml")

    def derived(name: str) -> list[dict[str, str]]:
        with (source / f"derived_{name}.tsv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def iso(day: str) -> str:
        return f"{day[:4]}-{day[4:6]}-{day[6:]}"

    patents = derived("patents")
    table(
        tmp_path,
        "g_patent",
        [
            (p["patent"], p["type"], iso(p["grant_date"]), p["title"], p["kind"], p["n_claims"], 0, p["file"])
            for p in patents
        ],
    )
    table(tmp_path, "g_application", [(p["app_no"], p["patent"], "", iso(p["app_date"]), "", 0) for p in patents])
    table(tmp_path, "g_us_term_of_grant", [(p["patent"], "", "", "", p["term_extension_days"]) for p in patents])
    cited = [c for c in derived("citations") if c["is_npl"] == "0" and c["cited_country"] == "US"]
    granted = [c for c in cited if len(c["cited_no"]) < 9]  # applications are another table of the release
    table(
        tmp_path,
        "g_us_patent_citation",
        [(c["citing"], 0, c["cited_no"], iso(c["cited_date"]), "", c["cited_kind"], c["category"]) for c in granted],
    )
    claims = derived("claims")
    table(
        tmp_path,
        "g_claims_2018",
        [(c["patent"], 0, c["text"], c["dependent_on"], c["claim_num"], 0) for c in claims],
    )
    related, foreign = earlier_filings(source)
    table(tmp_path, "g_us_rel_doc", related)
    table(tmp_path, "g_foreign_priority", foreign)
    if packed:
        with zipfile.ZipFile(tmp_path / "release.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(tmp_path.glob("*.tsv")):
                archive.write(path, path.name)
    tables = ipv.read_patentsview(tmp_path / "release.zip" if packed else tmp_path)
    grants = ipv.read_uspto_grants(source)
    assert tables.patent_ids == grants.patent_ids
    assert len(tables) == 150
    same = ["patent_id", "right", "kind", "application_date", "grant_date", "n_claims", "term_adjustment_days"]
    same += ["parent_filing_date", "priority_date"]
    assert tables["patents"].select(same).equals(grants["patents"].select(same))
    assert sum(d is not None for d in tables["patents"]["parent_filing_date"].to_pylist()) > 15

    def citations(book: ipv.Book) -> list[dict[str, object]]:
        rows = book["citations"].select(["citing_id", "cited_id", "citing_date", "cited_date", "origin"]).to_pylist()
        numbers = {f"US-{c['cited_no'].lstrip('0')}" for c in granted}
        return [r for r in rows if any(r["cited_id"].replace("US-D0", "US-D") == n for n in numbers)]

    ours, theirs = citations(tables), citations(grants)
    assert len(ours) == len(theirs) > 1_500
    assert ours == theirs
    keys = ["patent_id", "claim_number", "independent", "publication_date", "language"]
    assert tables["claims"].select(keys).equals(grants["claims"].select(keys))
    words = [[t.split() for t in book["claims"]["text"].to_pylist()] for book in (tables, grants)]
    assert words[0] == words[1]


def test_a_week_of_1976_loads_with_its_old_numbers(data_dir: Path, tmp_path: Path) -> None:
    path = existing(data_dir / "uspto_1976_week1" / "grants.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def number(wku: str) -> str:
        """``RE0286710``: letters, zeros, the number, and a check digit."""
        return re.sub(r"^([A-Z]*)0*([0-9]+)[0-9]$", r"\1\2", wku)

    table(
        tmp_path, "g_patent", [(number(r["WKU"]), "utility", r["Issue_Date"], r["Title"], "A", 0, 0, "") for r in rows]
    )
    table(tmp_path, "g_application", [("", number(r["WKU"]), "", r["App_Date"], "", 0) for r in rows])
    cites = [(number(r["WKU"]), 0, c, "", "", "", "") for r in rows for c in r["References"].split(";") if c.isdigit()]
    table(tmp_path, "g_us_patent_citation", cites)
    book = ipv.read_patentsview(tmp_path)
    held = set(book.patent_ids)
    refused = book.rejects[book.rejects["table"] == "patents"]
    assert len(rows) == 1_379
    assert len(book) + len(refused) == len({r["WKU"] for r in rows})
    # dates of filing that stand in the source like this: later than the grant, or none
    late = {r["WKU"] for r in rows if not r["App_Date"] or r["App_Date"] > r["Issue_Date"]}
    assert len(refused) == len(late)
    wanted = {(f"US-{citing}", f"US-{int(cited)}") for citing, _, cited, *_ in cites}
    found = set(zip(book["citations"]["citing_id"].to_pylist(), book["citations"]["cited_id"].to_pylist()))
    assert found == {pair for pair in wanted if held & set(pair)}
