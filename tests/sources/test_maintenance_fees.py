"""The USPTO's maintenance-fee events: real histories written in the file's form, and what is no such file."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import SourceError
from ipvalue.law import status
from ipvalue.sources.maintenance_fees import expired_on
from tests.shared_data import existing
from tests.sources.books import assert_canonical

RECORDED = "2024-06-30"


def line(patent: str, filed: str, granted: str, day: str, code: str, entity: str = "N", width: int = 13) -> str:
    """One event in the file's columns; ISO dates."""
    plain = [text.replace("-", "") for text in (filed, granted, day)]
    return f"{patent:<{width}} {'12345678':<8} {entity} {plain[0]} {plain[1]} {plain[2]} {code:<5}\n"


def read(folder: Path, *lines: str) -> ipv.Book:
    path = folder / "MaintFeeEvents_20240101.txt"
    path.write_text("".join(lines))
    return ipv.read_maintenance_fees(path)


def states(book: ipv.Book, day: str) -> dict[str, str]:
    patents = book["patents"].to_pandas()
    found = status.at(book["legal_events"].to_pandas(), patents, day)["state"]
    return dict(zip(patents["patent_id"], found))


def test_events_keep_their_codes_and_an_expiry_its_anniversary(tmp_path: Path) -> None:
    about = ("2010-03-11", "2013-06-04")
    book = read(
        tmp_path,
        line("08457796", *about, "2016-12-01", "M1551"),
        line("8457796", *about, "2021-07-03", "EXP.", entity="M", width=7),
        line("RE038000", *about, "2017-07-03", "EXP."),
        line("8457796", *about, "2022-01-03", "PMFG", entity="?"),
        "\n",
    )
    assert book["patents"].to_pylist()[0]["right"] == "invention"
    found = {
        (e["patent_id"], e["code"]): (str(e["effective_date"]), str(e["announced_date"]))
        for e in book["legal_events"].to_pylist()
    }
    assert found == {
        ("US-8457796", "M1551"): ("2016-12-01", "2016-12-01"),
        ("US-8457796", "EXP."): ("2021-06-04", "2021-07-03"),
        ("US-8457796", "PMFG"): ("2022-01-03", "2022-01-03"),
        ("US-RE38000", "EXP."): ("2017-07-03", "2017-07-03"),  # fees of a reissue count from its original
    }
    days = {"2021-07-02": "in_force", "2021-07-03": "lapsed", "2022-01-02": "lapsed", "2022-01-03": "in_force"}
    assert {day: states(book, day)["US-8457796"] for day in days} == days
    assert len(book.rejects) == 0


def test_real_histories_end_as_the_office_says(data_dir: Path, tmp_path: Path) -> None:
    source = existing(data_dir / "uspto_peds_status")
    with (source / "applications.csv").open(newline="") as file:
        own = {row["application"]: row for row in csv.DictReader(file)}
    with gzip.open(source / "transactions.csv.gz", "rt", newline="") as file:
        entries = [row for row in csv.DictReader(file) if own[row["application"]]["grant_date"]]
    codes = ("M1", "M2", "M3", "EXP", "REM", "PMF", "BIG", "SMAL", "MICR")
    events = [
        (own[e["application"]], e)
        for e in entries
        if e["code"].startswith(codes) and e["code"] not in ("M137", "M2109") and len(e["code"]) <= 5
    ]
    lines = [
        line(p["patent_number"], p["filing_date"], p["grant_date"], e["date"], e["code"], p["entity"][:1])
        for p, e in events
    ]
    with zipfile.ZipFile(tmp_path / "MaintFeeEvents.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MaintFeeEvents_20240624.txt", "".join(lines))
    book = ipv.read_maintenance_fees(tmp_path / "MaintFeeEvents.zip")
    numbers = {p["patent_number"] for p, _ in events}
    assert len(book) == len(numbers) > 50
    assert book["legal_events"].num_rows + book.duplicates.get("legal_events", 0) == len(events)
    counted = Counter(e["code"] for _, e in events)
    found = Counter(book["legal_events"]["code"].to_pylist())
    assert {code: found[code] for code in ("M1551", "M1552", "M1553", "EXP.", "PMFG")} == {
        code: counted[code] for code in ("M1551", "M1552", "M1553", "EXP.", "PMFG")
    }
    said = {f"US-{p['patent_number']}": p["status"] for p, _ in events}
    state = states(book, RECORDED)
    lapsed = {name for name, text in said.items() if "NonPayment" in text}
    assert {name for name, text in state.items() if text == "lapsed"} == lapsed
    assert len(lapsed) >= 5
    assert_canonical(book, tmp_path)
    # 12721698 expired in 2017 and was accepted late in 2018
    assert state["US-8457796"] == "in_force"
    assert states(book, "2018-01-01")["US-8457796"] == "lapsed"


def test_real_lapses_take_effect_on_the_anniversary(data_dir: Path, tmp_path: Path) -> None:
    path = existing(data_dir / "us_lapsed_patents" / "us_lapsed_half.csv")
    table = pd.read_csv(path, dtype=str, encoding_errors="replace")
    table = table[table["Application Status Category"].str.contains("NonPayment", na=False)]
    columns = {"filed": "Filing Date", "granted": "Grant Date", "posted": "Abandonment Date"}
    days = {ours: pd.to_datetime(table[theirs], format="%m/%d/%Y", errors="coerce") for ours, theirs in columns.items()}
    usable = days["filed"].notna() & days["granted"].notna() & days["posted"].notna()
    number = table["Patent Number"].where(usable).dropna()
    iso = {name: values[usable].dt.strftime("%Y-%m-%d").tolist() for name, values in days.items()}
    entity = table.loc[usable, "Entity Status"].str[:1]
    lines = [line(*row[:4], "EXP.", row[4]) for row in zip(number, *iso.values(), entity)]
    book = read(tmp_path, *lines)
    assert book["legal_events"].num_rows == len(set(lines)) > 450
    events = book["legal_events"].to_pandas().merge(book["patents"].to_pandas(), on="patent_id")
    anniversaries = [
        {granted + pd.DateOffset(years=years) for years in (4, 8, 12)}
        for granted in pd.to_datetime(events["grant_date"])
    ]
    on_one = [day in among for day, among in zip(pd.to_datetime(events["effective_date"]), anniversaries)]
    assert np.mean(on_one) > 0.97  # the rest were given up otherwise, or their grant is that of a reissue
    assert set(states(book, "2023-12-31").values()) <= {"lapsed"}


def test_a_portfolio_leaves_the_others_out(tmp_path: Path) -> None:
    about = ("2010-03-11", "2013-06-04", "2016-12-01", "M1551")
    path = tmp_path / "MaintFeeEvents_20240101.txt"
    path.write_text("".join(line(str(n), *about) for n in range(8_000_000, 8_001_000)))
    book = ipv.read_maintenance_fees(path, patents=["US-8000001", "US8000999B2", "8000998", "7"])
    assert book.patent_ids == ["US-8000001", "US-8000998", "US-8000999"]
    assert book["legal_events"].num_rows == 3
    with pytest.raises(SourceError, match="pass \\['8000001'\\]"):
        ipv.read_maintenance_fees(path, patents="8000001")


def test_grants_and_fees_make_one_book(tmp_path: Path) -> None:
    """A patent is one row with what each source knows of it; contradictions are told, and the first book stands."""
    grants = ipv.Book(
        patents={
            "patent_id": ["US-8457796", "US-9000000"],
            "jurisdiction": ["US", "US"],
            "application_date": ["2010-03-11", "2011-01-01"],
            "grant_date": [None, "2015-04-07"],
            "ipc": [["G06F 17/30"], ["A61K 31/00"]],
            "owners": [["Dr. No"], None],
        },
        claims={"patent_id": ["US-8457796"], "claim_number": [1], "text": ["1. A thing."]},
    )
    fees = read(
        tmp_path,
        line("8457796", "2010-03-11", "2013-06-04", "2016-12-01", "M1551"),
        line("9000000", "2011-01-02", "2015-04-07", "2018-12-01", "M1551"),
        line("9999999", "2016-01-02", "2018-06-12", "2021-12-01", "M1551"),
    )
    book = ipv.combine(grants, fees)
    patents = {p["patent_id"]: p for p in book["patents"].to_pylist()}
    assert set(patents) == {"US-8457796", "US-9000000", "US-9999999"}
    assert str(patents["US-8457796"]["grant_date"]) == "2013-06-04"
    assert patents["US-8457796"]["ipc"] == ["G06F 17/30"]
    assert str(patents["US-9000000"]["application_date"]) == "2011-01-01"
    assert book["legal_events"].num_rows == 3
    assert book["claims"].num_rows == 1
    assert book.rejects[["table", "column", "value", "code"]].values.tolist() == [
        ["patents", "application_date", "US-9000000: 2011-01-02", "duplicate_key"]
    ]
    again = ipv.combine(fees, grants)
    assert (
        str({p["patent_id"]: p for p in again["patents"].to_pylist()}["US-9000000"]["application_date"]) == "2011-01-02"
    )
    assert ipv.combine(grants, grants).fingerprint == grants.fingerprint
    assert ipv.combine(grants, grants).rejects.empty


def test_lines_of_another_form_are_refused(tmp_path: Path) -> None:
    good = line("8457796", "2010-03-11", "2013-06-04", "2016-12-01", "M1551")
    book = read(
        tmp_path,
        good,
        good.replace("M1551", "M1\x00551"),
        "8457796 12721698 N 2010\n",
        good.replace("20161201", "20161301"),
        good.replace("20130604", "00000000"),
        good[:30] + "\n",
        good.replace("20130604", "20130611"),
    )
    assert book.rejects["code"].value_counts().to_dict() == {"unreadable": 3, "bad_date": 1, "duplicate_key": 1}
    assert str(book["patents"]["grant_date"][0]) == "2013-06-04"
    assert book.rejects.loc[book.rejects["code"] == "unreadable", "row"].tolist() == [1, 2, 5]


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    path.write_text("once upon a time\n" * 50)
    with pytest.raises(SourceError, match="most of its lines have another form, such as 'once upon a time'"):
        ipv.read_maintenance_fees(path)
    path.write_bytes(b"8" * (1 << 20))
    with pytest.raises(SourceError, match="is longer than 65,536 bytes"):
        ipv.read_maintenance_fees(path)
    path.write_text(line("8457796", "2010-03-11", "2013-06-04", "2016-12-01", "M1551") * 3)
    assert ipv.sniff(path).reader == "read_maintenance_fees"


@settings(max_examples=60, deadline=None)
@given(
    granted=st.dates(date(1990, 1, 1), date(2020, 12, 31)), years=st.sampled_from([4, 8, 12]), late=st.integers(-5, 300)
)
def test_an_expiry_is_never_after_its_entry_nor_long_before(granted: date, years: int, late: int) -> None:
    anniversary = granted.replace(year=granted.year + years) if (granted.month, granted.day) != (2, 29) else None
    if anniversary is None:
        return
    posted = anniversary + timedelta(days=late)
    day = expired_on(np.array([granted], "datetime64[D]"), np.array([posted], "datetime64[D]"))[0].astype(date)
    assert day == (anniversary if 0 <= late <= 120 else posted)
