"""University renewals: dates, payments and expiries as the fee calendar has them, and nothing that is not known."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import SourceError
from ipvalue.law.events import Effect, encode
from ipvalue.law.states import State
from tests.shared_data import existing

HEADER = (
    "id,assignee,priority date,filing/creation date,publication date,grant date,num_authors,"
    "num_nonpatent_citations,num_claims,payment_times\n"
)


def table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "renewals.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def patent(number: str = "US6699658B1", grant: str = "2004-03-02", paid: str = "1") -> str:
    return f"{number},A University,1996-05-31,1998-01-20,{grant},{grant},4,34,42,{paid}"


def events_of(path: Path, **more: object) -> list[tuple[str, str, str, str]]:
    frame = ipv.read_university_renewals(path, **more)["legal_events"].to_pandas()  # type: ignore[arg-type]
    columns = ["code", "detail", "effective_date", "announced_date"]
    return [tuple(r) for r in frame.sort_values("effective_date")[columns].astype(str).values.tolist()]


def test_paid_fees_and_the_expiry_stand_at_the_dates_of_the_statute(tmp_path: Path) -> None:
    """35 USC 41(b): 3.5, 7.5 and 11.5 years; expiry at 4, 8 or 12 years after grant."""
    assert events_of(table(tmp_path, patent(paid="2"))) == [
        ("M2551", "4", "2007-09-02", "2007-09-02"),
        ("M2552", "8", "2011-09-02", "2011-09-02"),
        ("EXP.", "12", "2016-03-02", "2016-04-06"),
    ]
    assert [e[0] for e in events_of(table(tmp_path, patent(paid="3")))] == ["M2551", "M2552", "M2553"]


def test_codes_are_known_to_the_event_map() -> None:
    operators = encode(["US"] * 4, ["uspto"] * 4, ["M2551", "M2552", "M2553", "EXP."])
    assert operators.known.all()
    assert operators.effect.tolist() == [Effect.PAY] * 3 + [Effect.SET]
    assert operators.year[:3].tolist() == [4, 8, 12] and operators.target[3] == State.LAPSED


@pytest.mark.parametrize(("grant", "expired"), [("2005-08-02", True), ("2005-08-03", False)])
def test_an_expiry_is_written_only_if_it_could_be_known(tmp_path: Path, grant: str, expired: bool) -> None:
    """Twelve years after 2005-08-02 and 35 days are 2017-09-06, the day on which payments were counted."""
    codes = [event[0] for event in events_of(table(tmp_path, patent(grant=grant, paid="2")))]
    assert ("EXP." in codes) is expired


def test_no_event_is_later_than_the_day_of_the_count(tmp_path: Path) -> None:
    events = events_of(table(tmp_path, patent(paid="3"), patent("US6699659B1", paid="0")), observed="2014-01-01")
    assert all(announced <= "2014-01-01" for *_, announced in events)


def test_plants_and_reissues_have_no_events(tmp_path: Path) -> None:
    """35 USC 41(b)(3): no fee for plants; 37 CFR 1.362(b): a reissue owes by its original's grant, not named here."""
    path = table(tmp_path, patent("USPP14562P2", paid="0"), patent("USRE38425E1", paid="1"))
    book = ipv.read_university_renewals(path)
    assert book["legal_events"].num_rows == 0
    assert {r["patent_id"]: r["right"] for r in book["patents"].to_pylist()} == {
        "US-PP14562": "plant",
        "US-RE38425": "invention",
    }


@pytest.mark.parametrize("paid", ["4", "-1", "1.5", "", "many", "inf"])
def test_impossible_number_of_payments_is_refused(tmp_path: Path, paid: str) -> None:
    book = ipv.read_university_renewals(table(tmp_path, patent(paid=paid), patent("US6699659B1")))
    assert book.patent_ids == ["US-6699659"]
    assert book.rejects[["table", "row", "column", "value", "code"]].values.tolist() == [
        ["patents", 0, "payment_times", paid, "out_of_range"]
    ]
    assert book.rows_in["patents"] == 2


def test_bad_rows_are_refused_by_the_book(tmp_path: Path) -> None:
    path = table(tmp_path, patent("6699658"), patent("US6699659B1", grant="2004-02-30"), patent("US6699660B1"), "US1")
    book = ipv.read_university_renewals(path)
    assert book.patent_ids == ["US-6699660"]
    assert book.rows_in["patents"] == 4
    assert (book.rejects["table"] == "patents").sum() == 3


def test_file_of_another_form_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"does not have the column 'payment_times'; .*; did you mean 'payment_time'"):
        ipv.read_university_renewals(table(tmp_path, header=HEADER.replace("payment_times", "payment_time")))
    with pytest.raises(SourceError, match="cannot be opened"):
        ipv.read_university_renewals(tmp_path / "nowhere.csv")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="does not have the column 'id'"):
        ipv.read_university_renewals(tmp_path / "bytes")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(SourceError, match="is empty"):
        ipv.read_university_renewals(tmp_path / "empty")
    with pytest.raises(SourceError, match="observed"):
        ipv.read_university_renewals(table(tmp_path, patent()), observed="September")


def test_a_packed_file_and_a_folder_are_the_same_book(tmp_path: Path) -> None:
    path = table(tmp_path, patent(), patent("US6699659B1", paid="3"))
    packed = tmp_path / "packed" / "renewals.csv.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain = ipv.read_university_renewals(path).fingerprint
    assert ipv.read_university_renewals(packed).fingerprint == plain
    assert ipv.read_university_renewals(packed.parent).fingerprint == plain
    (packed.parent / "other.csv").write_text(HEADER)
    with pytest.raises(SourceError, match="there are 2"):
        ipv.read_university_renewals(packed.parent)


def test_table_without_rows_is_an_empty_book(tmp_path: Path) -> None:
    assert len(ipv.read_university_renewals(table(tmp_path))) == 0


@pytest.fixture(scope="module")
def rows(data_dir: Path) -> list[dict[str, str]]:
    with (data_dir / "us_university_renewals" / "renewals_granted_2004_2005.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def university(data_dir: Path) -> ipv.Book:
    path = existing(data_dir / "us_university_renewals" / "renewals_granted_2004_2005.csv")
    return ipv.read_university_renewals(path)


def test_real_table_has_one_stray_row(university: ipv.Book, rows: list[dict[str, str]]) -> None:
    assert len(rows) == university.rows_in["patents"] == 5_669
    assert university.rejects[["column", "value"]].values.tolist() == [["payment_times", "4"]]
    assert university["patents"]["ipc"].null_count == len(university) == 5_668


def test_real_payments_and_expiries_equal_an_independent_count(
    university: ipv.Book, rows: list[dict[str, str]]
) -> None:
    fee_paying = [r for r in rows if r["id"][2:3].isdigit() and r["payment_times"] in "0123"]
    payments = sum(int(r["payment_times"]) for r in fee_paying)
    # ISO dates compare as text: 12 years after grant, and five weeks, up to 2017-09-06
    lapses = [
        r
        for r in fee_paying
        if r["payment_times"] in "01" or (r["payment_times"] == "2" and r["grant date"] <= "2005-08-02")
    ]
    codes = university["legal_events"].to_pandas()["code"].value_counts()
    assert codes.filter(like="M").sum() == payments
    assert codes["EXP."] == len(lapses)


def test_status_on_the_day_of_the_count_is_what_the_table_says(
    university: ipv.Book, rows: list[dict[str, str]]
) -> None:
    """The state machine reads the events back: who paid all fees due lives, or its term is over."""
    state = university.as_of("2017-09-06")
    states = ipv.extract(state)["legal_state"]
    paid = {r["id"]: r["payment_times"] for r in rows}
    by_id = {f"US-{number[2:9]}": count for number, count in paid.items() if number[2:9].isdigit()}
    utility = states[states.index.isin(by_id)]
    counts = np.array([by_id[i] for i in utility.index])
    assert (utility[counts == "0"] == State.LAPSED).all()
    assert (utility[counts == "1"] == State.LAPSED).all()
    assert utility[counts == "3"].isin([State.IN_FORCE, State.EXPIRED]).all()


def test_every_university_patent_gets_a_value_or_a_reason(university: ipv.Book, book: ipv.Book) -> None:
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), ipv.ComparableSales()]).fit(book, as_of="2023-12-31")
    frame = engine.value(university.as_of("2017-09-06")).to_pandas()
    assert len(frame) == 5_668
    assert (frame["value"].notna() | (frame["reason"] != "")).all()
    dead = frame["state"].isin(["lapsed", "expired"])
    assert (frame.loc[dead, "value"] == 0).all()
    # no IPC and no revenue are in the file, so no method applies to the living, and each says so
    assert set(frame.loc[~dead, "reason_comparable_sales"]) == {"no_technology"}
    assert set(frame.loc[~dead, "reason_relief_from_royalty"]) == {"no_revenue"}
