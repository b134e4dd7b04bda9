"""Exports of Lens, Google Patents and analysts' databases: real files against counts by other means, and made ones."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.errors import SourceError


def rows_of(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode(encoding)
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))
    return list(csv.DictReader(lines, delimiter="\t" if ".tsv" in path.name else ","))


def accounted(book: ipv.Book, table: str) -> int:
    """Rows that came in, by where they went."""
    refused = int((book.rejects["table"] == table).sum())
    return book[table].num_rows + refused + book.duplicates.get(table, 0)


def round_trip(book: ipv.Book, folder: Path) -> None:
    """Book to Parquet and back is identical, and what was coerced needs no coercion again."""
    ipv.write_book(book, folder)
    again = ipv.read_book(folder)
    assert again.fingerprint == book.fingerprint
    rebuilt = ipv.Book(**book.tables)
    assert rebuilt.rejects.empty
    assert (rebuilt.duplicates, rebuilt.ignored) == ({}, {})
    for name, table in book.tables.items():
        assert rebuilt[name].equals(table), name


@pytest.mark.parametrize(
    ("name", "encoding", "number", "kind"),
    [
        ("wipo_oss_patent_analytics/pizza_lens_1000_raw.csv", "latin-1", "Application Number", "Type"),
        ("wipo_drones/lens_records.csv.gz", "utf-8", "application_number", "type"),
    ],
)
def test_lens_exports_load_whole(
    data_dir: Path, tmp_path: Path, name: str, encoding: str, number: str, kind: str
) -> None:
    rows = rows_of(data_dir / name, encoding)
    book = ipv.read_lens(data_dir / name)
    assert accounted(book, "patents") == len({r[number] for r in rows})
    dates = {r[number]: r.get("Application Date", r.get("application_date", "")) for r in rows}
    assert (book.rejects["code"] == "missing").sum() == sum(not d for d in dates.values())
    assert set(book.rejects["code"]) <= {"missing", "duplicate_key", "inconsistent_dates"}
    granted = sum(r[kind] == "Granted Patent" for r in rows)
    found = int(book["patents"]["grant_date"].is_valid().to_numpy().sum())
    assert granted - len(book.rejects) <= found <= granted
    round_trip(book, tmp_path / "book")


def test_a_date_that_the_source_itself_has_wrong_is_refused(data_dir: Path) -> None:
    """Dates of the last days of December stand a year late in this export (filed after they were published)."""
    rows = rows_of(data_dir / "wipo_drones/lens_records.csv.gz")
    book = ipv.read_lens(data_dir / "wipo_drones/lens_records.csv.gz")

    def day(text: str) -> str:
        d, m, y = text.split("/")
        return f"{'20' if int(y) <= 30 else '19'}{y}-{m}-{d}"

    def priority(row: dict[str, str]) -> str:
        found = re.findall(r"\d{8}(?=;;|$)", row["priority_numbers"])
        return f"{min(found)[:4]}-{min(found)[4:6]}-{min(found)[6:]}" if found else ""

    wrong = sum(
        day(r["publication_date"]) < day(r["application_date"]) or priority(r) > day(r["application_date"])
        for r in rows
    )
    assert (book.rejects["code"] == "inconsistent_dates").sum() == wrong > 0


@pytest.mark.parametrize("name", ["data_CRISPR_ipc.tsv.gz", "data_Cyanobacteria_ipc.tsv.gz"])
def test_pairs_of_lens_id_and_symbol_join_an_export(data_dir: Path, tmp_path: Path, name: str) -> None:
    path = data_dir / "lens_crispr_cyano_ipc" / name
    pairs = rows_of(path)
    wanted = pd.DataFrame(pairs).groupby("lens.id", sort=True)["ipc"].agg(list)
    alone = ipv.read_lens(path)
    assert len(alone) == 0
    assert len(alone.rejects) == alone.rows_in["patents"] == len(wanted)
    some = wanted.iloc[:: len(wanted) // 500]
    lines = [f"US,A1,US 2010/{i:07d} A1,2010-02-03,2009-01-02,{lens}" for i, lens in enumerate(some.index)]
    header = "Jurisdiction,Kind,Publication Number,Publication Date,Application Date,Lens ID\n"
    (tmp_path / "lens.csv").write_text(header + "\n".join(lines))
    book = ipv.read_lens(tmp_path / "lens.csv", ipc=path)
    assert dict(zip(book.patent_ids, book["patents"]["ipc"].to_pylist())) == {
        f"US-2010{i:07d}": symbols for i, symbols in enumerate(some)
    }


def lens_record() -> dict[str, object]:
    def document(office: str, number: str, kind: str, date: str) -> dict[str, object]:
        return {"document_id": {"jurisdiction": office, "doc_number": number, "kind": kind, "date": date}}

    return {
        "lens_id": "000-1",
        "jurisdiction": "US",
        "doc_number": "20130101709",
        "kind": "A1",
        "date_published": "2013-04-25",
        "publication_type": "PATENT_APPLICATION",
        "biblio": {
            "application_reference": {
                "jurisdiction": "US",
                "doc_number": "201213657122",
                "kind": "A",
                "date": "2012-10-22",
            },
            "priority_claims": {"claims": [{"date": "2011-10-24"}], "earliest_claim": {"date": "2011-10-24"}},
            "parties": {
                "applicants": [{"extracted_name": {"value": "PIZZA HUT INC"}}],
                "inventors": [{"extracted_name": {"value": "RADER JEFF"}}],
            },
            "classifications_ipcr": {"classifications": [{"symbol": "A23L1/00"}, {"symbol": "G01N5/00"}]},
            "references_cited": {
                "npl_count": 1,
                "citations": [
                    {"patcit": document("EP", "1234567", "B1", "2001-01-03"), "cited_phase": "SEA", "category": ["X"]},
                    {"nplcit": {"text": "a book"}},
                ],
            },
            "cited_by": {"patents": [document("WO", "2015103219", "A1", "2015-07-09")]},
        },
        "families": {"simple_family": {"members": [document("CN", "103000000", "A", "2013-03-27")]}},
        "claims": [
            {"lang": "en", "claims": [{"claim_text": ["1. A pan."]}, {"claim_text": ["2. The pan of claim 1."]}]}
        ],
    }


def test_lens_json_brings_citations_claims_and_family(tmp_path: Path) -> None:
    grant = lens_record() | {
        "lens_id": "000-2",
        "doc_number": "8700000",
        "kind": "B2",
        "date_published": "2014-04-15",
        "publication_type": "GRANTED_PATENT",
        "claims": [],
    }
    answer = {"total": 3, "data": [lens_record(), grant, {"jurisdiction": "US", "biblio": 5}]}
    (tmp_path / "lens.json").write_text(json.dumps(answer))
    book = ipv.read_lens(tmp_path / "lens.json")
    (patent,) = book["patents"].to_pylist()
    assert (patent["patent_id"], str(patent["publication_date"]), str(patent["grant_date"])) == (
        "US-8700000",
        "2013-04-25",
        "2014-04-15",
    )
    assert patent["ipc"] == ["A23L1/00", "G01N5/00"]
    assert (patent["owners"], patent["n_inventors"], patent["npl_citations"]) == (["PIZZA HUT INC"], 1, 1)
    assert {(c["citing_id"], c["cited_id"], c["origin"], c["category"]) for c in book["citations"].to_pylist()} == {
        ("US-8700000", "EP-1234567", "examiner", "X"),
        ("WO-2015103219", "US-8700000", None, None),
    }
    assert book["claims"]["text"].to_pylist() == ["1. A pan.", "2. The pan of claim 1."]
    assert book["family_members"]["jurisdiction"].to_pylist() == ["CN"]
    assert len(book.rejects) == 1
    round_trip(book, tmp_path / "book")


def test_google_search_and_the_real_list_load(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "us_university_renewals/renewals_granted_2004_2005.csv"
    rows = rows_of(path)
    book = ipv.read_google_patents(path)
    assert accounted(book, "patents") == len({r["id"] for r in rows}) == 5_669
    assert {str(d) for d in book["patents"]["grant_date"].to_pylist()} == {r["grant date"] for r in rows}
    round_trip(book, tmp_path / "book")


def bigquery_row(number: str, kind: str, **more: object) -> dict[str, object]:
    return {
        "publication_number": f"US-{number}-{kind}",
        "application_number": "US-1",
        "country_code": "US",
        "kind_code": kind,
        "family_id": "55",
        "filing_date": 20040618,
        "priority_date": 0,
        "publication_date": 20051222,
        "grant_date": 0,
        "ipc": [{"code": "G06F17/30"}],
        "assignee_harmonized": [{"name": "GOOGLE INC", "country_code": "US"}],
        "inventor_harmonized": [{"name": "DEAN JEFFREY"}, {"name": "GHEMAWAT SANJAY"}],
        "citation": [
            {"publication_number": "US-5000000-A", "type": "APP", "category": "", "npl_text": ""},
            {"publication_number": "", "npl_text": "a paper", "type": "SEA", "category": "A"},
        ],
        "claims_localized": [{"text": "1. A method.", "language": "en"}],
        **more,
    }


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_bigquery_exports_as_json_and_parquet_are_one_book(tmp_path: Path, kind: str) -> None:
    rows = [
        bigquery_row("2005000001", "A1"),
        bigquery_row("7650331", "B1", publication_date=20100119, grant_date=20100119, claims_localized=[]),
    ]
    path = tmp_path / f"export.{kind}"
    if kind == "json":
        path.write_text("\n".join(json.dumps(r) for r in rows) + "\nnonsense}\n")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = ipv.sniff(path)
    assert found.format == "google_patents"
    assert "citations" in found.tables
    book = ipv.read_google_patents(path)
    (patent,) = book["patents"].to_pylist()
    assert (patent["patent_id"], str(patent["publication_date"]), str(patent["grant_date"])) == (
        "US-7650331",
        "2005-12-22",
        "2010-01-19",
    )
    assert (patent["n_inventors"], patent["npl_citations"], patent["family_id"]) == (2, 1, "55")
    assert set(book["citations"]["cited_id"].to_pylist()) == {"US-5000000"}
    assert set(book["citations"]["origin"].to_pylist()) == {"applicant"}
    assert book["claims"]["text"].to_pylist() == ["1. A method."]
    assert book.rejects["code"].tolist() == (["unreadable"] if kind == "json" else [])


def test_a_real_family_export_loads(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "wipo_oss_patent_analytics/ritonavir.csv"
    rows = rows_of(path)
    book = ipv.read_family_export(path)
    assert accounted(book, "patents") == len(rows) == 804
    by_id = {p["patent_id"]: p for p in book["patents"].to_pylist()}
    for row in rows:
        assert str(by_id[_id(row["publication number"])]["application_date"]) == row["application date"][:10]
    with_family = sum(r["family members"] not in ("", "None") for r in rows)
    assert sum(p["family_id"] is not None for p in by_id.values()) == with_family
    round_trip(book, tmp_path / "book")


def _id(number: str) -> str:
    from ipvalue.sources.reading.identifiers import document_ids

    return str(document_ids([number[:2]], [number[2:]])[0])


def test_a_real_citation_graph_with_its_families_loads(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "wipo_drones"
    pairs, members = (
        rows_of(folder / "citation_edges_backward.csv.gz"),
        rows_of(folder / "inpadoc_family_members.csv.gz"),
    )
    book = ipv.read_family_export(
        folder / "patents.csv.gz",
        citations=folder / "citation_edges_backward.csv.gz",
        members=folder / "inpadoc_family_members.csv.gz",
    )
    assert accounted(book, "citations") == len(pairs) == 245_407
    assert accounted(book, "family_members") == len(members) == 49_625
    rights = {r["application_number"] or r["publication_number"] for r in rows_of(folder / "patents.csv.gz")}
    assert accounted(book, "patents") == len(rights)
    assert set(book.rejects["code"]) <= {"unknown_patent", "out_of_range", "missing", "inconsistent_dates"}
    round_trip(book, tmp_path / "book")


@pytest.mark.parametrize(
    ("header", "values"),
    [
        (
            "Publication Number|No|Current Assignee|Application Number|Application Date|Publication Date|Main IPC|IPC",
            "CN101440091B|x|厦门大学|CN200810072486.X|2008-12-26|2011-08-10|C07D417/14|A61P31/18; A61K31/426",
        ),
        (
            "公开（公告）号|标题|当前权利人|申请号|申请日|公开（公告）日|IPC主分类|IPC",
            "CN101440091B|x|厦门大学|CN200810072486.X|2008.12.26|2011.08.10|C07D417/14|A61P31/18; A61K31/426",
        ),
        (
            "Publication Number|Title - DWPI|Assignee/Applicant|Application Number|Application Date|Publication Date|"
            "IPC - Main|IPC - Current",
            "CN101440091B|x|厦门大学|CN200810072486X|20081226|20110810|C07D417/14|A61P31/18; A61K31/426",
        ),
    ],
    ids=["patsnap", "incopat", "derwent"],
)
def test_three_databases_say_the_same(tmp_path: Path, header: str, values: str) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.Workbook()
    for line in (header, values):
        sheet.active.append(line.split("|"))
    sheet.save(tmp_path / "export.xlsx")
    (tmp_path / "export.csv").write_text(f"{header}\n{values}\n".replace("|", "\t"), "gb18030")
    for name in ("export.xlsx", "export.csv"):
        assert ipv.sniff(tmp_path / name).format in ("family_export", "cnipa")
        (patent,) = ipv.read_family_export(tmp_path / name)["patents"].to_pylist()
        assert (patent["patent_id"], patent["kind"]) == ("CN-101440091", "B")
        assert str(patent["application_date"]) == "2008-12-26"
        assert patent["ipc"] == ["C07D417/14", "A61P31/18", "A61K31/426"]
        assert (patent["owners"], str(patent["grant_date"])) == (["厦门大学"], "2011-08-10")


@pytest.mark.parametrize("read", [ipv.read_lens, ipv.read_google_patents, ipv.read_family_export])
def test_a_file_of_another_format_says_what_it_lacks(tmp_path: Path, read: object) -> None:
    (tmp_path / "a.csv").write_text("name,colour\na,red\n")
    with pytest.raises(SourceError, match=r"does not have the column '.*; its columns are 'name', 'colour'"):
        read(tmp_path / "a.csv")  # type: ignore[operator]
