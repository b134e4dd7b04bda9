"""Overrides in risk: a part of their own in the attribution, moved with the model under stress, told to a lender."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.risk.attribution import CAUSES, PARTS, Attribution
from ipvalue.risk.scenarios import FigureShock, MarketShock, Scenario, default_scenarios
from ipvalue.valuation import Valuation
from tests.risk.hand import flat_policy, loans, valuation

BEFORE, AFTER = "2022-12-31", "2023-12-31"


def make(patent_id: str, value: float | None = None, **changes: object) -> ipv.Override:
    given: dict[str, object] = {"patent_id": patent_id, "author": "A. Expert", "reason": "offer in hand"}
    given |= {"made_on": "2022-06-30", "expires_on": "2024-06-30"}
    if value is not None:
        given |= {"value": value, "currency": "CNY"}
    return ipv.Override.model_validate(given | changes)


def log(*items: ipv.Override) -> ipv.Overrides:
    return ipv.Overrides(items=items)


@pytest.fixture(scope="module")
def ends() -> tuple[Valuation, Valuation]:
    book = ipv.synthetic_book(300, seed=5)
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of=BEFORE)
    return engine.value(book.as_of(BEFORE)), engine.value(book.as_of(AFTER))


@pytest.fixture(scope="module")
def names(ends: tuple[Valuation, Valuation]) -> list[str]:
    """Patents that are worth something on both dates."""
    one, two = (v.to_pandas()["value"] for v in ends)
    return sorted(one.index[one > 0].intersection(two.index[two > 0]))


@pytest.fixture(scope="module")
def plain(ends: tuple[Valuation, Valuation]) -> Attribution:
    return ipv.attribute(*ends)


def test_each_cause_is_found_where_it_was_put(
    ends: tuple[Valuation, Valuation], names: list[str], plain: Attribution
) -> None:
    kept, factor, added, removed, expired, withdrawn, changed = names[:7]
    one, two = ends
    dead = two.to_pandas().query("reason == 'dead_right'").index
    worth = one.to_pandas()["value"]
    died = next(name for name in dead if name in worth.index and worth[name] > 0)
    gone = make(withdrawn, 1e6)
    before = [make(kept, 1e6), make(factor, factor=2.0), make(removed, 1e6), make(changed, 1e6), gone, make(died, 1e6)]
    before.append(make(expired, 1e6, expires_on=AFTER))
    after = [make(kept, 1e6), make(factor, factor=2.0), make(changed, 2e6), make(died, 1e6)]
    after += [make(added, 1e6), make(expired, 1e6, expires_on=AFTER)]
    later = log(*after, gone).withdraw(gone.id, "2023-06-30")
    change = ipv.attribute(one.override(log(*before)), two.override(later))
    assert change.residual() == change.residual("shapley") == 0
    causes = change.overrides["cause"].to_dict()
    assert causes == {
        kept: "kept",
        factor: "kept",
        added: "added",
        removed: "removed",
        expired: "expired",
        withdrawn: "withdrawn",
        changed: "changed",
        died: "not_applied",
    }
    assert set(causes.values()) == set(CAUSES)
    cents, model = change.cents(), plain.cents()
    # a value that is held still takes back all that the model's own parts moved; a factor of two doubles it
    moved = model.loc[kept, "after"] - model.loc[kept, "before"]
    assert cents.loc[kept, "before"] == cents.loc[kept, "after"] == 100_000_000
    assert cents.loc[kept, "overrides"] == -moved != 0
    assert cents.loc[factor, "overrides"] == pytest.approx(
        model.loc[factor, "after"] - model.loc[factor, "before"], abs=2
    )
    assert cents.loc[added, "overrides"] == 100_000_000 - model.loc[added, "after"]
    assert cents.loc[removed, "overrides"] == model.loc[removed, "before"] - 100_000_000
    # the other parts are those of the model, override or not
    others = [name for name in PARTS if name != "overrides"]
    for how in ("sequential", "shapley"):
        assert change.cents(how)[others].equals(plain.cents(how)[others])
    by_cause = change.override_causes()
    assert round(by_cause["change"].sum() * 100) == cents["overrides"].sum()
    assert by_cause["patents"].sum() == len(causes)
    assert "experts' overrides" in str(change)


def test_without_overrides_the_part_is_nothing(plain: Attribution) -> None:
    assert (plain.cents()["overrides"] == 0).all()
    assert plain.overrides.empty
    assert plain.override_causes().empty


def test_a_set_that_is_not_renewed_expires_rather_than_is_removed(
    ends: tuple[Valuation, Valuation], names: list[str]
) -> None:
    change = ipv.attribute(ends[0].override(log(make(names[0], 1.0, expires_on="2023-06-30"))), ends[1], shapley=False)
    assert change.overrides["cause"].tolist() == ["expired"]


def test_an_overridden_patent_enters_and_leaves_with_its_whole_value(ends: tuple[Valuation, Valuation]) -> None:
    one, two = (v.to_pandas() for v in ends)
    new = next(name for name in two.index.difference(one.index) if two.loc[name, "reason"] != "dead_right")
    change = ipv.attribute(ends[0], ends[1].override(log(make(new, 5e6, low=1e6, high=9e6))), shapley=False)
    cents = change.cents().loc[new]
    assert cents["entries"] == cents["after"] == 500_000_000
    assert cents["overrides"] == 0
    assert change.residual() == 0
    assert change.overrides.empty


def test_values_from_a_file_keep_their_overrides(
    ends: tuple[Valuation, Valuation], names: list[str], tmp_path: Path
) -> None:
    before = ends[0].override(log(make(names[0], 1e6)))
    before.to_parquet(tmp_path / "before.parquet")
    made = before.worksheet
    assert made is not None and made.snapshot is not None
    read = Valuation.from_parquet(tmp_path / "before.parquet")
    state = (ipv.ValuationEngine.of(made.model), made.snapshot)
    change = ipv.attribute(read, ends[1], before_state=state, shapley=False)
    assert change.cents().equals(ipv.attribute(before, ends[1], shapley=False).cents())


@given(st.data())
@settings(max_examples=8, deadline=None)
def test_no_residual_with_any_overrides(
    ends: tuple[Valuation, Valuation], names: list[str], data: st.DataObject
) -> None:
    ids = st.sampled_from([*names[:12], *ends[1].to_pandas().index[:8]])
    sides = []
    for values in ends:
        items = []
        for name in data.draw(st.lists(ids, unique=True, max_size=10)):
            start = dt.date(2022, 1, 1) + dt.timedelta(data.draw(st.integers(0, 600)))
            dates = {"made_on": start, "expires_on": start + dt.timedelta(data.draw(st.integers(1, 900)))}
            amount = data.draw(st.floats(0, 1e9))
            factor = data.draw(st.floats(0, 50))
            items.append(
                make(name, amount, **dates) if data.draw(st.booleans()) else make(name, factor=factor, **dates)
            )
        sides.append(values.override(log(*items)))
    change = ipv.attribute(*sides, shapley=True)
    for how in ("sequential", "shapley"):
        assert change.residual(how) == 0
        cents = change.cents(how)
        assert int(cents[list(PARTS)].sum(axis=1).sum()) == int(cents["after"].sum()) - int(cents["before"].sum())
        part = change.overrides["change"].reindex(cents.index, fill_value=0)
        assert part.equals(cents["overrides"].rename("change"))
    for side, name in zip(sides, ("before", "after")):
        value = side.to_pandas()["value"].fillna(0.0)
        assert np.array_equal(change.cents().loc[value.index, name], np.rint(value * 100).astype(np.int64))


@pytest.fixture(scope="module")
def state() -> tuple[ipv.Snapshot, ipv.ValuationEngine]:
    book = ipv.synthetic_book(300, seed=5)
    return book.as_of(AFTER), ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of=AFTER)


def test_an_overridden_patent_moves_by_the_models_own_ratio(
    state: tuple[ipv.Snapshot, ipv.ValuationEngine], names: list[str]
) -> None:
    frozen = Scenario(name="frozen", shocks=(MarketShock(haircut=0.25, widening=1.5),))
    model = ipv.stress(*state, [frozen])
    items = [make(names[0], 1e6), make(names[1], factor=3.0), make(names[2], 1e6, low=9e5, high=1.1e6)]
    report = ipv.stress(*state, [frozen], overrides=log(*items))
    values = state[1].value(state[0]).override(log(*items)).to_pandas()
    assert report.values["base"].equals(values["value"].rename("base"))
    assert report.lower["base"].equals(values["q05"].rename("base"))
    for name in names[:3]:
        ratio = model.values.loc[name, "frozen"] / model.values.loc[name, "base"]
        assert report.values.loc[name, "frozen"] == pytest.approx(ratio * report.values.loc[name, "base"], rel=1e-12)
        assert ratio == pytest.approx(0.75, rel=1e-12)
        low = model.lower.loc[name, "frozen"] / model.lower.loc[name, "base"]
        assert report.lower.loc[name, "frozen"] == pytest.approx(low * report.lower.loc[name, "base"], rel=1e-12)
    others = report.values.index.difference(names[:3])
    assert report.values.loc[others].equals(model.values.loc[others])
    assert sorted(report.labels.index[report.labels["overridden"] == "yes"]) == names[:3]
    assert report.segments("overridden").loc[("yes", "frozen"), "patents"] == 3
    assert report.book().loc["frozen", "change_share"] == pytest.approx(-0.25)


def test_no_shock_moves_no_bit_of_an_override_and_an_empty_set_is_none(
    state: tuple[ipv.Snapshot, ipv.ValuationEngine], names: list[str]
) -> None:
    idle = Scenario(name="idle", shocks=(MarketShock(),))
    report = ipv.stress(*state, [idle], overrides=log(make(names[0], 123.456), make(names[1], factor=1 / 3)))
    for table in (report.values, report.lower, report.upper):
        assert table["idle"].to_numpy().tobytes() == table["base"].to_numpy().tobytes()
    nothing = ipv.stress(*state, [idle], overrides=ipv.Overrides())
    pd.testing.assert_frame_equal(nothing.values, ipv.stress(*state, [idle]).values, check_exact=True)
    assert "overridden" not in nothing.labels


def test_an_override_without_a_model_behind_it_stays_and_one_whose_model_is_lost_is_lost(
    state: tuple[ipv.Snapshot, ipv.ValuationEngine], names: list[str]
) -> None:
    snapshot, engine = state
    base = engine.value(snapshot).to_pandas()
    none = base.index[base["value"].isna()]
    assert len(none)
    collapse = Scenario(name="half", shocks=(MarketShock(haircut=1.0),))
    items = log(make(names[0], 1e6), make(none[0], 1e6, low=5e5, high=2e6))
    report = ipv.stress(snapshot, engine, [collapse], overrides=items)
    assert report.values.loc[names[0], "half"] == 0.0
    assert report.values.loc[none[0], "half"] == 1e6


def test_quantiles_stay_in_order_where_the_models_interval_narrows_more_than_an_experts_is_wide(
    state: tuple[ipv.Snapshot, ipv.ValuationEngine], names: list[str]
) -> None:
    snapshot, engine = state
    surer = Scenario(name="surer", shocks=(FigureShock(figure="revenue_log_sd", by="multiply", amount=0.2),))
    model = ipv.stress(snapshot, engine, [surer])
    ratios = [table.loc[names[0], "surer"] / table.loc[names[0], "base"] for table in (model.lower, model.values)]
    assert ratios[0] > 1.1 * ratios[1], "else there is nothing to put in order"
    scenarios = [*default_scenarios(), surer]
    tight = ipv.stress(snapshot, engine, scenarios, overrides=log(make(names[0], 1e6, low=999_999.0, high=1_000_001.0)))
    low, value, high = (table.loc[names[0]].to_numpy() for table in (tight.lower, tight.values, tight.upper))
    lost = np.isnan(ipv.stress(snapshot, engine, scenarios).values.loc[names[0]].to_numpy())
    assert (np.isnan(value) == lost).all()
    assert ((low <= value) & (value <= high))[~lost].all()
    # the median is the one that stays where it belongs
    assert tight.values.loc[names[0], "surer"] == pytest.approx(1e6 * ratios[1], rel=1e-12)
    assert not lost.all()


def test_a_lender_lends_against_the_experts_value_and_is_told_so() -> None:
    """Half of the median may be lent: 50 against 100, 15 against an expert's 30."""
    model = valuation([100.0, 100.0], grade="B", as_of="2023-12-31")
    values = model.override(log(make("P1", 30.0)))
    owed = loans(("L0", "P0", "2023-01-01", "2025-01-01", 60.0), ("L1", "P1", "2023-01-01", "2025-01-01", 60.0))
    report = ipv.collateral(values, owed, flat_policy(basis="q50"))
    pairs = report.pairs.set_index("patent_id")
    assert pairs["value"].to_dict() == {"P0": 100.0, "P1": 30.0}
    assert pairs["value_reason"].to_dict() == {"P0": "", "P1": "overridden"}
    assert pairs["model_value"].to_dict() == {"P0": 100.0, "P1": 100.0}
    assert report.loans.set_index("loan_id")["allocated"].to_dict() == {"L0": 50.0, "L1": 15.0}
    assert report.provenance["valuation"]["overrides"]["hash"] == values.overrides.hash
    assert "a value set by an expert 1" in repr(report)
    model_report = ipv.collateral(values.without_overrides(), owed, flat_policy(basis="q50"))
    assert model_report.loans["allocated"].tolist() == [50.0, 50.0]
    assert "expert" not in repr(model_report)


def test_a_reverse_stress_tells_experts_values_from_the_models(
    ends: tuple[Valuation, Valuation], names: list[str]
) -> None:
    made = ends[1].worksheet
    assert made is not None and made.snapshot is not None
    engine = ipv.ValuationEngine.of(made.model)
    total = float(ends[1].to_pandas()["value"].sum())
    overrides = log(
        make(names[0], 3 * total, expires_on="2025-06-30"), make(names[1], factor=2.0), make("CN-nowhere", 1e6)
    )
    plain = ipv.reverse_stress(made.snapshot, engine, "royalty", 0.2)
    found = ipv.reverse_stress(made.snapshot, engine, "royalty", 0.2, overrides=overrides)
    assert (plain.overridden, found.overridden) == (0, 2)
    # the loss is that of the stressed book with the same experts' values
    report = ipv.stress(made.snapshot, engine, [found.scenario], overrides=overrides).book()
    assert report["change_share"].iloc[1] == pytest.approx(-found.loss, abs=1e-12)
    assert found.loss == pytest.approx(0.2, abs=1e-3)
    assert found.size != plain.size
    assert ipv.reverse_stress(made.snapshot, engine, "royalty", 0.2, overrides=log()) == plain
