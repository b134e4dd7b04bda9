"""Overrides on values: worked out by hand, nothing of the model lost, and no order that matters."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import OverrideError
from ipvalue.overrides.apply import COLUMNS, KEPT
from ipvalue.overrides.review import WARNINGS, review
from ipvalue.types import QUANTILE_NAMES
from ipvalue.valuation import Valuation

DAY = "2023-12-31"
QUANTILES = {"q05": 50.0, "q25": 80.0, "q50": 100.0, "q75": 125.0, "q95": 200.0}
STATES = {
    "P0": (100.0, "B", ""),
    "P1": (100.0, "C", ""),
    "dead": (0.0, "A", "dead_right"),
    "none": (None, "", "no_revenue"),
}


def by_hand() -> Valuation:
    """Two living patents, one dead, one without a value."""
    table = {
        "patent_id": list(STATES),
        "value": [value for value, _, _ in STATES.values()],
        **{
            name: [None if value is None else q * value / 100.0 for value, _, _ in STATES.values()]
            for name, q in QUANTILES.items()
        },
        "currency": ["CNY"] * 4,
        "state": ["in_force", "in_force", "lapsed", "in_force"],
        "grade": [grade for _, grade, _ in STATES.values()],
        "reason": [reason for _, _, reason in STATES.values()],
        "log_sd": [0.42, 0.42, 0.0, None],
    }
    order = np.argsort(list(STATES))
    schema = {"value": pa.float64(), **{name: pa.float64() for name in QUANTILES}}
    arrays = {name: pa.array(values, schema.get(name)).take(pa.array(order)) for name, values in table.items()}
    return Valuation(pa.table(arrays), {"as_of": DAY, "currency": "CNY"})


def make(patent_id: str = "P0", **changes: object) -> ipv.Override:
    given = {"patent_id": patent_id, "author": "A. Expert", "reason": "offer in hand"}
    given |= {"made_on": "2023-06-30", "expires_on": "2024-06-30"}
    if "factor" not in changes:
        given |= {"value": 300.0, "currency": "CNY"}
    return ipv.Override.model_validate(given | changes)


def one(*items: ipv.Override) -> ipv.Overrides:
    return ipv.Overrides(items=items)


def quantiles(row: pd.Series) -> list[float]:
    return [row[name] for name in QUANTILE_NAMES]


def test_a_value_takes_the_models_interval_in_proportion() -> None:
    row = by_hand().override(one(make())).to_pandas().loc["P0"]
    assert row["value"] == 300.0
    assert quantiles(row) == [150.0, 240.0, 300.0, 375.0, 600.0]
    assert (row["grade"], row["reason"], row["log_sd"]) == ("B", "overridden", 0.42)


def test_a_factor_multiplies_value_and_interval() -> None:
    row = by_hand().override(one(make(factor=0.5))).to_pandas().loc["P0"]
    assert row["value"] == 50.0
    assert quantiles(row) == [25.0, 40.0, 50.0, 62.5, 100.0]


def test_an_interval_of_its_own_is_lognormal_on_each_side() -> None:
    """z of 75 % over z of 95 % is 0.6745 / 1.6449 = 0.41007."""
    row = by_hand().override(one(make(low=150.0, high=900.0))).to_pandas().loc["P0"]
    assert quantiles(row)[::2] == [150.0, 300.0, 900.0]
    assert row["q25"] == pytest.approx(300.0 * 0.5**0.41006, rel=1e-4)
    assert row["q75"] == pytest.approx(300.0 * 3.0**0.41006, rel=1e-4)


@pytest.mark.parametrize(
    ("patent_id", "low", "high", "grade"),
    [
        # a standard deviation of ln(310 / 290) / 3.29 = 0.02 is an A, and one method makes it B; P1's model has a C
        ("P0", 290.0, 310.0, "B"),
        ("P1", 290.0, 310.0, "C"),
        # ln(30) / 3.29 = 1.03 is a D, and one method makes it E
        ("P1", 60.0, 1800.0, "E"),
    ],
)
def test_a_narrow_interval_can_not_raise_a_grade_and_a_wide_one_lowers_it(
    patent_id: str, low: float, high: float, grade: str
) -> None:
    found = by_hand().override(one(make(patent_id, low=low, high=high))).to_pandas()
    assert found.loc[patent_id, "grade"] == grade


def test_rows_of_a_valuation_may_stand_in_any_order() -> None:
    items = one(make("P0", author="first"), make("P1", low=60.0, high=1800.0, author="second", expires_on="2025-01-01"))
    plain = by_hand()
    back = Valuation(plain.table.take(pa.array([3, 2, 1, 0])), plain.provenance)
    forth = plain.override(items).to_pandas()
    assert back.override(items).to_pandas().loc[forth.index].equals(forth)
    assert forth.loc[["P0", "P1"], "override_author"].tolist() == ["first", "second"]


def test_a_patent_without_a_value_is_valued_with_an_interval_of_its_own() -> None:
    found = by_hand().override(one(make("none", low=200.0, high=450.0))).to_pandas().loc["none"]
    assert found["value"] == 300.0
    assert found["grade"] == "B"
    assert np.isnan(found["model_value"])
    assert found["model_reason"] == "no_revenue"


def test_a_value_can_be_set_to_nothing() -> None:
    for item in (make(value=0.0), make(factor=0.0), make("none", value=0.0)):
        row = by_hand().override(one(item)).to_pandas().loc[item.patent_id]
        assert row["value"] == 0.0
        assert quantiles(row) == [0.0] * 5


NOT_APPLIED = [
    (make(made_on="2024-01-01"), "override_not_yet_made"),
    (make(made_on="2023-12-31"), "overridden"),
    (make(expires_on="2023-12-31"), "override_expired"),
    (make(expires_on="2024-01-01"), "overridden"),
    (make(withdrawn_on="2023-12-31"), "override_withdrawn"),
    (make(withdrawn_on="2024-01-01"), "overridden"),
    (make(withdrawn_on="2023-12-31", expires_on="2023-12-30"), "override_expired"),
    (make("XX"), "unknown_patent"),
    (make("dead"), "dead_right"),
    (make("dead", factor=2.0), "dead_right"),
    (make(currency="USD"), "override_other_currency"),
    (make("none"), "override_no_interval"),
    (make("none", factor=2.0), "override_no_model_value"),
]


@pytest.mark.parametrize(("item", "status"), NOT_APPLIED)
def test_what_becomes_of_each_override_is_said(item: ipv.Override, status: str) -> None:
    plain, values = by_hand(), by_hand().override(one(item))
    log = values.override_log()
    assert log["status"].tolist() == [status]
    assert log.index.tolist() == [item.id]
    if status != "overridden":
        kept = values.table.select(plain.table.column_names)
        assert kept.equals(plain.table)
        assert values.table["override_id"].null_count == len(plain)
        assert values.provenance["overrides"]["not_applied"] == {status: 1}
        assert log["value"].isna().all()
    faults = {"unknown_patent", "dead_right", "override_other_currency"}
    if status in faults | {"override_no_interval", "override_no_model_value"}:
        with pytest.raises(OverrideError, match=f"{item.id} of '{item.patent_id}' can't be applied"):
            plain.override(one(item), strict=True)
    else:
        plain.override(one(item), strict=True)


def test_what_it_adds_is_documented_and_says_who_and_why() -> None:
    plain = by_hand()
    values = plain.override(one(make(approver="B. Second", reference="file 17")))
    assert values.table.column_names == [*plain.table.column_names, *COLUMNS]
    row = values.to_pandas().loc["P0"]
    told = {name: row[f"override_{name}"] for name in ("author", "approver", "reason", "reference", "id")}
    item = values.overrides.items[0]
    assert told == {
        "author": "A. Expert",
        "approver": "B. Second",
        "reason": "offer in hand",
        "reference": "file 17",
        "id": item.id,
    }
    assert (row["override_made_on"], row["override_expires_on"]) == (dt.date(2023, 6, 30), dt.date(2024, 6, 30))
    for name in KEPT:
        assert values.table[f"model_{name}"].equals(plain.table[name])
    assert "overridden by experts 1" in repr(values)


def test_its_hash_and_all_of_it_are_in_the_provenance_and_survive_a_file(tmp_path: Path) -> None:
    log = ipv.Overrides(name="year end", version="3", items=(make(), make("XX")))
    values = by_hand().override(log)
    said = values.provenance["overrides"]
    assert (said["hash"], said["name"], said["version"]) == (log.hash, "year end", "3")
    assert (said["applied"], said["not_applied"]) == (1, {"unknown_patent": 1})
    values.to_parquet(tmp_path / "values.parquet")
    again = Valuation.from_parquet(tmp_path / "values.parquet")
    assert again.table.equals(values.table)
    assert again.provenance == values.provenance
    assert again.overrides == log
    assert again.overrides.hash == log.hash
    assert again.override_log().equals(values.override_log())
    assert again.without_overrides().table.equals(by_hand().table)


def test_one_set_at_a_time_always_on_the_models_values() -> None:
    plain, halves = by_hand(), one(make(factor=0.5))
    twice = plain.override(halves).override(halves)
    assert twice.table.equals(plain.override(halves).table)
    assert twice.to_pandas().loc["P0", "value"] == 50.0
    other = plain.override(halves).override(one(make("P1")))
    assert other.table.equals(plain.override(one(make("P1"))).table)
    assert plain.override(halves).override(ipv.Overrides()).provenance == plain.provenance


def living(valuation: Valuation) -> list[str]:
    frame = valuation.to_pandas()
    return sorted(frame.index[frame["value"] > 0])


def drawn(draw: st.DrawFn, ids: list[str]) -> list[ipv.Override]:
    chosen = draw(st.lists(st.sampled_from(ids), unique=True, max_size=8))
    items = []
    for patent_id in chosen:
        start = dt.date(2023, 1, 1) + dt.timedelta(draw(st.integers(0, 500)))
        dates = {"made_on": start, "expires_on": start + dt.timedelta(draw(st.integers(1, 500)))}
        if draw(st.booleans()):
            items.append(make(patent_id, factor=draw(st.floats(0, 100)), **dates))
        else:
            value = draw(st.floats(1e-3, 1e9))
            low, high = value * draw(st.floats(0.01, 1.0)), value * draw(st.floats(1.0, 100.0))
            interval = {"low": low, "high": high} if draw(st.booleans()) else {}
            items.append(make(patent_id, value=value, **interval, **dates))
    return items


def same_bits(one: Valuation, two: Valuation) -> bool:
    """Arrow's equality takes 0 and -0 for one; bytes do not."""
    numbers = [name for name in one.table.column_names if pa.types.is_floating(one.table[name].type)]
    return one.table.equals(two.table) and all(
        one.table[name].to_numpy().tobytes() == two.table[name].to_numpy().tobytes() for name in numbers
    )


def test_an_empty_set_changes_nothing(valuation: Valuation) -> None:
    made = valuation.override(ipv.Overrides())
    assert same_bits(made, valuation)
    assert made.table.schema.equals(valuation.table.schema)
    assert made.provenance == valuation.provenance


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_order_does_not_matter_removal_gives_the_model_back_and_others_keep_their_bits(
    valuation: Valuation, data: st.DataObject
) -> None:
    frame = valuation.to_pandas()
    ids = [*living(valuation)[:6], *frame.index[frame["value"] == 0][:2], *frame.index[frame["value"].isna()][:2], "XX"]
    items = st.composite(drawn)(ids)
    chosen = data.draw(items)
    shuffled = data.draw(st.permutations(chosen))
    one_way, other = valuation.override(ipv.Overrides(items=chosen)), valuation.override(ipv.Overrides(items=shuffled))
    assert same_bits(one_way, other)
    assert one_way.provenance == other.provenance
    back = one_way.without_overrides()
    assert same_bits(back, valuation)
    assert back.provenance == valuation.provenance
    if chosen:
        after = one_way.to_pandas()
        over = after["override_id"].notna()
        untouched = valuation.table.filter(pa.array(~over.to_numpy()))
        assert one_way.table.filter(pa.array(~over.to_numpy())).select(valuation.table.column_names).equals(untouched)
        log = one_way.override_log()
        assert set(after.index[over]) == set(log.loc[log["status"] == "overridden", "patent_id"])
        assert (np.diff(after.loc[over, list(QUANTILE_NAMES)].to_numpy(), axis=1) >= 0).all()
        assert (after.loc[over, "value"] == after.loc[over, "q50"]).all()
        assert (frame.loc[after.index[over], "reason"] != "dead_right").all()


def test_an_explanation_shows_the_models_steps_and_then_the_override(valuation: Valuation) -> None:
    name, other = living(valuation)[:2]
    model = valuation.to_pandas().loc[name, "value"]
    values = valuation.override(one(make(name, factor=0.25, approver="B. Second")))
    steps, before = values.explain(name), valuation.explain(name)
    assert steps.iloc[: len(before)].equals(before)
    more = steps.iloc[len(before) :]
    assert set(more["part"]) == {"override"}
    assert more["value"].iloc[0] == model
    lines = more.set_index("quantity")
    assert lines.loc["author", "value"] == "A. Expert"
    assert lines.loc["author", "how"] == "offer in hand"
    assert lines.loc["factor", "value"] == 0.25
    assert steps.iloc[-1]["quantity"] == "value"
    assert steps.iloc[-1]["value"] == values.to_pandas().loc[name, "value"] == 0.25 * model
    assert values.explain(other).equals(valuation.explain(other))


def test_a_review_by_hand() -> None:
    """P0 from 100 to 300 without approval, P1 from 100 to 90 for three years, and one not applied."""
    items = [
        make(),
        make("P1", factor=0.9, author="C. Third", approver="B. Second", expires_on="2026-06-30"),
        make("XX"),
    ]
    found = review(by_hand().override(one(*items)))
    summary = found.summary.set_index("measure")["value"]
    assert summary["overrides in force"] == 2
    assert summary["share of patents"] == 0.5
    assert summary["sum of the model's values"] == 200.0
    assert summary["change of the sum by overrides"] == 190.0
    assert summary["overridden values as a share of the sum"] == 1.0
    assert summary["approved by a second person"] == 1
    warned = found.warnings.set_index("patent_id")["warnings"]
    assert warned.to_dict() == {"P0": "material; outside_interval; no_approver", "P1": "long"}
    every = found.by_author.loc["all"]
    assert (every["up"], every["down"]) == (1, 1)
    assert every["bias"] == pytest.approx((np.log(3.0) + np.log(0.9)) / 2)
    assert every["sign_test"] == 1.0
    assert found.by_author.index.tolist() == ["A. Expert", "C. Third", "all"]
    assert found.not_applied[["status", "overrides"]].to_numpy().tolist() == [["unknown_patent", 1]]
    assert found.sizes.loc[0.5, "ratio"] == pytest.approx(1.95)
    assert "second look: 2" in repr(found)
    assert set("; ".join(warned).split("; ")) <= set(WARNINGS)


def test_a_review_warns_before_expiry_and_of_values_out_of_nowhere() -> None:
    items = [make(expires_on="2024-03-30", approver="B"), make("none", low=1.0, high=900.0, approver="B")]
    found = review(by_hand().override(one(*items)), material=3.0)
    assert found.expiring[["patent_id", "days_left"]].to_numpy().tolist() == [["P0", 90]]
    warned = found.warnings.set_index("patent_id")["warnings"]
    assert warned["none"] == "no_model_value"
    assert warned["P0"] == "outside_interval; expiring"
    assert review(by_hand().override(one(items[0])), expiring_days=89).expiring.empty


def test_ten_overrides_in_one_direction_are_told_from_chance(valuation: Valuation) -> None:
    items = [make(name, factor=2.0) for name in living(valuation)[:10]]
    every = review(valuation, ipv.Overrides(items=items)).by_author.loc["all"]
    assert every["bias"] == pytest.approx(np.log(2.0))
    assert every["sign_test"] == pytest.approx(2.0 / 2**10)


def test_a_review_of_nothing_is_empty() -> None:
    found = review(by_hand())
    assert found.summary.set_index("measure")["value"]["overrides in force"] == 0
    assert found.warnings.empty
    assert found.by_author.empty
