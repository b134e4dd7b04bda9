"""Overrides as records: what is refused and why, sets in one order, rows read with their reasons."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import ipvalue as ipv
from ipvalue.errors import REASONS, OverrideError, Reason, SchemaError
from ipvalue.overrides.record import COLUMNS, given_set

ROW = {
    "patent_id": "P1",
    "value": 200.0,
    "low": 100.0,
    "high": 300.0,
    "currency": "CNY",
    "author": "A. Expert",
    "reason": "offer in hand",
    "made_on": "2024-06-30",
    "expires_on": "2025-06-30",
    "approver": "B. Second",
    "reference": "file 17/2024",
    "withdrawn_on": None,
}
TIMES = {**ROW, "value": None, "low": None, "high": None, "currency": None, "factor": 0.5}
FAULTS = [
    ({"reason": ""}, "override_unjustified"),
    ({"reason": " n/a "}, "override_unjustified"),
    ({"reason": "N.A."}, "override_unjustified"),
    ({"reason": "Expert judgement."}, "override_unjustified"),
    ({"reason": "xxxxxxxx"}, "override_unjustified"),
    ({"reason": "?!?!?!?!"}, "override_unjustified"),
    ({"reason": "专家判断"}, "override_unjustified"),
    ({"approver": " a.  EXPERT "}, "override_not_four_eyes"),
    ({"factor": 2.0}, "override_ambiguous"),
    ({"value": None, "low": None, "high": None}, "override_ambiguous"),
    ({"currency": None}, "override_ambiguous"),
    ({"low": None}, "override_bad_interval"),
    ({"high": None}, "override_bad_interval"),
    ({"low": 201.0}, "override_bad_interval"),
    ({"high": 199.0}, "override_bad_interval"),
    ({"low": 0.0}, "override_bad_interval"),
    ({"value": 0.0, "low": 0.0, "high": 0.0}, "override_bad_interval"),
    ({"expires_on": "2024-06-30"}, "inconsistent_dates"),
    ({"withdrawn_on": "2024-06-29"}, "inconsistent_dates"),
]


def make(**changes: object) -> ipv.Override:
    return ipv.Override.model_validate(ROW | changes)


@pytest.mark.parametrize(("changes", "code"), FAULTS)
def test_what_does_not_hold_is_refused_with_its_code(changes: dict[str, object], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    first = caught.value.errors()[0]
    assert first["type"] == code
    assert REASONS[Reason[code.upper()]] in first["msg"]


@pytest.mark.parametrize("field", ["patent_id", "author", "reason", "made_on", "expires_on"])
def test_what_is_required_is(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        ipv.Override.model_validate({name: value for name, value in ROW.items() if name != field})
    if field in ("patent_id", "author"):
        with pytest.raises(ValidationError, match=field):
            make(**{field: "  "})


@pytest.mark.parametrize("reason", ["offer in hand", "已收到报价", "licence", "Rival product launched; see file 17"])
def test_a_short_reason_that_says_something_is_one(reason: str) -> None:
    assert make(reason=reason).reason == reason


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 2e15])
def test_money_is_finite_and_not_negative(value: float) -> None:
    with pytest.raises(ValidationError):
        make(value=value, low=None, high=None)


def test_an_override_can_not_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make().value = 1.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="colour"):
        make(colour="red")


@pytest.mark.parametrize(
    ("day", "withdrawn", "holds"),
    [
        ("2024-06-29", None, False),
        ("2024-06-30", None, True),
        ("2025-06-29", None, True),
        ("2025-06-30", None, False),
        ("2024-12-30", "2024-12-31", True),
        ("2024-12-31", "2024-12-31", False),
        ("2024-06-30", "2024-06-30", False),
    ],
)
def test_it_holds_from_the_close_of_one_day_to_that_of_another(day: str, withdrawn: str | None, holds: bool) -> None:
    assert make(withdrawn_on=withdrawn).holds(dt.date.fromisoformat(day)) is holds


def test_an_id_follows_from_all_of_the_content_but_its_withdrawal() -> None:
    one = make()
    assert one.id == make(withdrawn_on="2024-12-31").id
    others = [make(value=201.0), make(reason="another offer"), make(approver=None), make(expires_on="2025-07-01")]
    assert len({one.id, *(other.id for other in others)}) == 5
    assert make(value=0.0, low=None, high=None).id == make(value=-0.0, low=None, high=None).id


def test_a_set_has_one_order_and_one_hash() -> None:
    items = [make(patent_id=name) for name in ("P3", "P1", "P2")]
    one, two = ipv.Overrides(items=items), ipv.Overrides(items=items[::-1])
    assert one == two
    assert one.hash == two.hash
    assert [item.patent_id for item in one.items] == ["P1", "P2", "P3"]
    assert ipv.Overrides(items=items, version="2").hash != one.hash


def test_two_overrides_of_a_patent_may_follow_but_not_overlap() -> None:
    following = make(made_on="2025-06-30", expires_on="2026-06-30")
    log = ipv.Overrides(items=[make(), following])
    assert len(log) == 2
    overlapping = make(made_on="2025-06-29", expires_on="2026-06-30")
    with pytest.raises(ValidationError, match="P1: two overrides of the patent hold on one day"):
        ipv.Overrides(items=[make(), overlapping])
    with pytest.raises(OverrideError, match="withdraw or shorten"):
        ipv.Overrides(items=[make()]).add(overlapping)
    withdrawn = ipv.Overrides(items=[make()]).withdraw(make().id, "2024-12-31")
    assert len(withdrawn.add(overlapping, version="2")) == 2
    # one that was withdrawn on its first day never held, and hides no overlap of those around it
    never = make(made_on="2024-09-30", withdrawn_on="2024-09-30")
    with pytest.raises(ValidationError, match="hold on one day"):
        ipv.Overrides(items=[make(), never, overlapping])


def test_withdrawing_keeps_the_record() -> None:
    log = ipv.Overrides(items=[make()])
    gone = log.withdraw(make().id, "2024-12-31", version="2")
    assert [item.id for item in gone.items] == [item.id for item in log.items]
    assert gone.version == "2"
    assert gone.hash != log.hash
    with pytest.raises(OverrideError, match="there is no override 'nonsense'"):
        log.withdraw("nonsense", "2024-12-31")
    with pytest.raises(OverrideError, match="dates contradict"):
        log.withdraw(make().id, "2024-01-01")


def test_json_round_trip_and_faults(tmp_path: Path) -> None:
    log = ipv.Overrides(name="year end", items=[make(), ipv.Override.model_validate(TIMES | {"patent_id": "P2"})])
    log.to_json(tmp_path / "log.json")
    again = ipv.Overrides.from_json(tmp_path / "log.json")
    assert again == log
    assert again.hash == log.hash
    bad = log.to_json().replace("offer in hand", "tbd", 1)
    with pytest.raises(OverrideError, match=r"items\.0\.reason: the reason cannot be checked"):
        ipv.Overrides.from_json(bad)
    assert "made_on" in ipv.Overrides.json_schema()["$defs"]["Override"]["required"]


@pytest.mark.parametrize("form", ["pandas", "arrow", "dict", "csv", "parquet"])
def test_rows_round_trip_in_every_form(form: str, tmp_path: Path) -> None:
    items = [make(patent_id="007"), ipv.Override.model_validate(TIMES | {"patent_id": "P2", "reason": 'a, b\n"c"; 价'})]
    log = ipv.Overrides(name="x", items=items)
    table: object = log.to_table()
    if form == "csv":
        log.to_csv(tmp_path / "rows.csv")
        table = tmp_path / "rows.csv"
    elif form == "parquet":
        log.to_table().to_parquet(tmp_path / "rows.parquet")
        table = str(tmp_path / "rows.parquet")
        pytest.importorskip("pyarrow")
    elif form == "arrow":
        table = pa.Table.from_pandas(log.to_table(), preserve_index=False)
    elif form == "dict":
        table = log.to_table().to_dict("list")
    found = ipv.Overrides.from_table(table, name="x")
    assert found.rejects.empty
    assert found.overrides.hash == log.hash


def test_each_bad_row_is_set_aside_with_its_code_and_the_rest_is_taken() -> None:
    rows = [ROW | {"patent_id": f"P{k}"} | changes for k, (changes, _) in enumerate(FAULTS)]
    codes = [code if changes.get("reason") != "" else "missing" for changes, code in FAULTS]
    rows += [
        ROW | {"patent_id": "X1", "value": "a lot"},
        ROW | {"patent_id": "X2", "made_on": "2024-02-30"},
        ROW | {"patent_id": "X3", "value": -5},
        ROW | {"patent_id": "X4", "currency": "yuan"},
        ROW | {"patent_id": None},
        ROW | {"patent_id": "GOOD"},
    ]
    codes += ["bad_type", "bad_date", "out_of_range", "bad_code", "missing"]
    found = ipv.Overrides.from_table(pd.DataFrame(rows))
    assert [item.patent_id for item in found.overrides.items] == ["GOOD"]
    assert found.rejects["code"].tolist() == codes
    assert found.rejects["row"].tolist() == list(range(len(codes)))
    assert (found.rejects["message"] == [REASONS[Reason[code.upper()]] for code in codes]).all()
    assert found.rejects.loc[len(FAULTS) :, "column"].tolist() == ["value", "made_on", "value", "currency", "patent_id"]


def test_repeats_and_contradictions_among_rows() -> None:
    rows = [ROW, ROW, ROW | {"patent_id": "P2"}, ROW | {"patent_id": "P2", "value": 250.0}, ROW | {"patent_id": "P3"}]
    found = ipv.Overrides.from_table(pd.DataFrame(rows))
    assert [item.patent_id for item in found.overrides.items] == ["P1", "P3"]
    assert found.rejects[["row", "code"]].to_numpy().tolist() == [
        [1, "duplicate_key"],
        [2, "override_overlaps"],
        [3, "override_overlaps"],
    ]


def test_a_table_that_lacks_or_misspells_a_column_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame([ROW])
    with pytest.raises(SchemaError, match="required column 'expires_on' is missing"):
        ipv.Overrides.from_table(frame.drop(columns="expires_on"))
    with pytest.raises(SchemaError, match="column 'aprover' is unknown"):
        ipv.Overrides.from_table(frame.rename(columns={"approver": "aprover"}))
    with pytest.raises(SchemaError, match="is not a table"):
        ipv.Overrides.from_table(17)
    with pytest.raises(OverrideError, match="can't be read"):
        ipv.Overrides.from_table(tmp_path / "nothing.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OverrideError, match="can't be read"):
        ipv.Overrides.from_table(tmp_path / "bytes.csv")


def test_columns_of_a_table_are_the_fields_of_an_override() -> None:
    assert [column.name for column in COLUMNS] == list(ipv.Override.model_fields)
    assert {c.name for c in COLUMNS if c.required} == {
        name for name, field in ipv.Override.model_fields.items() if field.is_required()
    }


TEXTS = st.text(st.sampled_from("=+-@'\t x1"), min_size=1, max_size=6).filter(lambda text: bool(text.strip()))


@given(TEXTS, TEXTS)
def test_a_spreadsheet_runs_nothing_of_a_set_and_it_comes_back_as_it_was(patent: str, author: str) -> None:
    item = make(patent_id=patent, author=author, approver=None, reason="=HYPERLINK(1)", reference="@A1")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.csv"
        ipv.Overrides(items=[item]).to_csv(file)
        cells = pd.read_csv(file, dtype=str, keep_default_na=False).iloc[0]
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)
        read = ipv.Overrides.from_table(file)
    assert read.overrides.items == (item,) and not len(read.rejects)


def test_files_that_are_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(OverrideError, match="can't be read as JSON of Overrides"):
        ipv.Overrides.from_json(tmp_path / "log.json")
    for write in (ipv.Overrides().to_json, ipv.Overrides().to_csv):
        with pytest.raises(OverrideError, match="can't be written"):
            write(tmp_path / "nowhere" / "log")


@pytest.mark.parametrize("given", [None, "log.csv", [make()], make()])
def test_what_is_no_set_is_told_how_to_become_one(given: object) -> None:
    with pytest.raises(OverrideError, match=r"a set of overrides is needed, not a \w+: Overrides\(items="):
        given_set(given)
