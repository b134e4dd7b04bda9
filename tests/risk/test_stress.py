"""Stress: no shock changes no bit, each named scenario has its direction, and a reverse stress meets its loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import AssumptionError, IpvalueError
from ipvalue.evidence.prices import prepare
from ipvalue.risk.scenarios import (
    FAMILIES,
    FigureShock,
    InvalidityShock,
    MarketShock,
    MoneyShock,
    Scenario,
    default_scenarios,
    invalidation_wave,
)
from ipvalue.risk.stress import StressReport, stressed_quantiles
from ipvalue.types import QUANTILE_NAMES

DAY = "2023-12-31"
EVERY = 6


@pytest.fixture(scope="module")
def state(book: ipv.Book) -> ipv.Snapshot:
    whole = book.as_of(DAY)
    return whole.select(np.arange(0, len(whole), EVERY))


@pytest.fixture(scope="module")
def income(book: ipv.Book) -> ipv.ValuationEngine:
    """Relief from royalty alone: every scenario has a direction patent by patent."""
    return ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of=DAY)


@pytest.fixture(scope="module")
def report(state: ipv.Snapshot, income: ipv.ValuationEngine) -> StressReport:
    return ipv.stress(state, income)


def only(shock: FigureShock | MoneyShock | InvalidityShock | MarketShock, name: str = "one") -> Scenario:
    return Scenario(name=name, shocks=(shock,))


def bits(frame: pd.DataFrame) -> list[bytes]:
    return [np.ascontiguousarray(frame[name].to_numpy(np.float64)).tobytes() for name in frame]


IDLE = [
    FigureShock(figure="cost_of_capital", by="add", amount=0.0),
    FigureShock(figure="royalty_rate", by="multiply", amount=1.0),
    FigureShock(figure="royalty_log_sd", by="multiply", amount=1.0),
    FigureShock(figure="grant_probability", by="add", amount=0.0),
    FigureShock(figure="revenue_decline", by="add", amount=0.0),
    FigureShock(figure="success_probability", by="multiply", amount=1.0),
    MoneyShock(column="revenue", by="multiply", amount=1.0),
    MoneyShock(column="revenue", by="set", amount=1.0, jurisdictions=("ZZ",)),
    MoneyShock(column="revenue_life", by="add", amount=0.0),
    InvalidityShock(share=0.0),
    InvalidityShock(share=1.0, jurisdictions=("ZZ",)),
    MarketShock(),
]


@given(st.lists(st.sampled_from(IDLE), max_size=5))
@settings(max_examples=15, deadline=None)
def test_no_shock_changes_no_bit(shocks: list[FigureShock]) -> None:
    book, engine = _small()
    state = book.as_of(DAY)
    expected = engine.value(state).to_pandas()
    scenario = Scenario(name="idle", shocks=tuple(shocks))
    quantiles = stressed_quantiles(prepare(state, engine.assumptions), engine.model, scenario)
    for k, name in enumerate(QUANTILE_NAMES):
        assert np.array_equal(quantiles[:, k], expected[name].to_numpy(np.float64), equal_nan=True)


_KEPT: dict[str, tuple[ipv.Book, ipv.ValuationEngine]] = {}


def _small() -> tuple[ipv.Book, ipv.ValuationEngine]:
    if "small" not in _KEPT:
        book = ipv.synthetic_book(250, seed=5)
        methods = [ipv.ReliefFromRoyalty(), ipv.IndicatorScore(), ipv.ProfitSplit()]
        _KEPT["small"] = (book, ipv.ValuationEngine(methods).fit(book, as_of=DAY))
    return _KEPT["small"]


def test_the_base_is_the_valuation_with_all_methods(state: ipv.Snapshot, engine: ipv.ValuationEngine) -> None:
    report = ipv.stress(state, engine, [Scenario(name="nothing")])
    expected = engine.value(state).to_pandas()
    assert bits(report.values) == [expected["value"].to_numpy(np.float64).tobytes()] * 2
    assert bits(report.lower) == [expected["q05"].to_numpy(np.float64).tobytes()] * 2
    assert bits(report.upper) == [expected["q95"].to_numpy(np.float64).tobytes()] * 2


@pytest.mark.parametrize("name", [scenario.name for scenario in default_scenarios()])
def test_no_patent_gains_by_a_named_scenario(report: StressReport, name: str) -> None:
    worth = report.values["base"] > 0
    assert worth.sum() > 50
    assert (report.changes.loc[worth, name] <= 0).all()
    assert (report.changes.loc[worth, name] < 0).mean() > 0.5
    assert report.book().loc[name, "change"] < 0
    assert report.book().loc[name, "gaining"] == 0


def test_patents_that_gain_are_counted(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    report = ipv.stress(state, income, [only(FigureShock(figure="royalty_rate", by="multiply", amount=1.5))])
    gained = (report.changes["one"] > 0).sum()
    assert report.book()["gaining"].tolist() == [0, gained] and gained > 50


@pytest.mark.parametrize("name", [scenario.name for scenario in default_scenarios()])
def test_no_book_of_three_methods_gains_by_a_named_scenario(
    state: ipv.Snapshot, engine: ipv.ValuationEngine, name: str
) -> None:
    chosen = [scenario for scenario in default_scenarios() if scenario.name == name]
    assert ipv.stress(state, engine, chosen).book().loc[name, "change_share"] < 0


@pytest.mark.parametrize(("family", "sizes"), [(f, np.linspace(0, 0.9 * top, 4)) for f, (_, top) in FAMILIES.items()])
def test_a_larger_shock_costs_more(
    state: ipv.Snapshot, income: ipv.ValuationEngine, family: str, sizes: list[float]
) -> None:
    make = FAMILIES[family][0]
    chosen = [make(float(s)).model_copy(update={"name": f"{k}"}) for k, s in enumerate(sizes)]
    sums = ipv.stress(state, income, chosen).book()["sum_of_medians"].to_numpy()
    assert sums[0] == sums[1]
    assert (np.diff(sums[1:]) < 0).all()


def test_all_at_once_costs_more_than_each(report: StressReport) -> None:
    change = report.book()["change"]
    assert (change["all_at_once"] < change.drop("all_at_once")).all()


def test_a_royalty_shock_reaches_assumed_learnt_and_given_rates(
    state: ipv.Snapshot, income: ipv.ValuationEngine
) -> None:
    """Without fees to pay, a value is proportional to the royalty rate wherever it comes from."""
    model = replace(income.model, methods=(ipv.ReliefFromRoyalty(fees="ignored"),))
    engine = ipv.ValuationEngine.of(model)
    report = ipv.stress(state, engine, [FAMILIES["royalty"][0](0.3)])
    worth = report.values["base"] > 0
    given = np.isfinite(prepare(state, engine.assumptions).features["royalty_rate"])
    assert (worth & given).sum() > 5
    assert (worth & ~given).sum() > 30
    np.testing.assert_allclose(report.values.loc[worth, "royalty"] / report.values.loc[worth, "base"], 0.7, rtol=1e-9)


def test_a_shock_of_the_risk_free_rate_moves_the_books_curve(state: ipv.Snapshot, book: ipv.Book) -> None:
    option = ipv.ValuationEngine([ipv.RealOption()]).fit(book, as_of=DAY)
    up = {"figure": "risk_free_rate", "by": "add", "amount": 0.01}
    moves = only(FigureShock.model_validate(up), "moves")
    stands = only(FigureShock.model_validate({**up, "given": False}), "stands")
    frame = ipv.stress(state, option, [moves, stands]).values.dropna()
    assert (frame["moves"] >= frame["base"] * (1 - 1e-12)).all()  # a cost that is paid later weighs less
    assert (frame["moves"] > frame["base"] * 1.0001).sum() >= 3
    assert (frame["stands"] == frame["base"]).all()  # the assumed rate stands in for a curve alone


def test_what_the_bank_states_can_be_left_alone(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    shock = FigureShock(figure="royalty_rate", by="multiply", amount=0.7, given=False)
    report = ipv.stress(state, income, [only(shock)])
    given = np.isfinite(prepare(state, income.assumptions).features["royalty_rate"])
    assert (report.changes.loc[given, "one"] == 0).all()
    assert (report.changes.loc[~given, "one"] < 0).any()


def test_a_shock_of_one_field_leaves_the_others(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    field = int(np.bincount(state.field[state.field > 0]).argmax())
    shocks = (
        FigureShock(figure="royalty_rate", keys=(str(field),), by="multiply", amount=0.5),
        MoneyShock(column="revenue", by="multiply", amount=0.9, fields=(field,)),
        InvalidityShock(share=0.2, fields=(field,)),
        MarketShock(haircut=0.1, fields=(field,)),
    )
    change = ipv.stress(state, income, [Scenario(name="one", shocks=shocks)]).changes["one"]
    assert (change[state.field != field] == 0).all()
    assert (change[state.field == field] < 0).any()


def test_an_invalidation_wave_takes_its_share_of_granted_rights_and_nothing_else(
    state: ipv.Snapshot, income: ipv.ValuationEngine
) -> None:
    report = ipv.stress(state, income, [invalidation_wave(0.25)])
    pending = prepare(state, income.assumptions).features["pending"] == 1
    worth = (report.values["base"] > 0).to_numpy()
    base, fallen = report.values["base"].to_numpy(), report.values["invalidation_wave"].to_numpy()
    assert (fallen[worth & ~pending] == 0.75 * base[worth & ~pending]).all()
    assert (fallen[worth & pending] == base[worth & pending]).all()


def test_a_freeze_takes_its_haircut_and_widens_the_interval(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    report = ipv.stress(state, income, [only(MarketShock(haircut=0.3, widening=1.5))])
    worth = report.values["base"] > 0
    width = np.log(report.upper[worth] / report.lower[worth])
    np.testing.assert_allclose(report.values.loc[worth, "one"], 0.7 * report.values.loc[worth, "base"])
    np.testing.assert_allclose(width["one"], 1.5 * width["base"])


def test_market_methods_fall_silent_in_a_freeze(state: ipv.Snapshot, book: ipv.Book) -> None:
    engine = ipv.ValuationEngine([ipv.ComparableSales()]).fit(book, as_of=DAY)
    report = ipv.stress(state, engine, [only(MarketShock(unavailable=True))])
    worth = report.values["base"] > 0
    assert report.values.loc[worth, "one"].isna().all()
    row = report.book().loc["one"]
    assert row["without_value"] == worth.sum() > 0
    assert row["change_share"] == -1.0


def test_segments_add_up_to_the_book(report: StressReport) -> None:
    total = report.book()["sum_of_medians"]
    for by in ("field", "jurisdiction", "grade", "owner"):
        sums = report.segments(by).groupby("scenario")["sum_of_medians"].sum()
        np.testing.assert_allclose(sums, total[sums.index])
    own = pd.Series("all", index=report.values.index, name="desk")
    assert report.segments(own).xs("royalty_down_30pct", level="scenario")["patents"].tolist() == [len(report.values)]
    with pytest.raises(IpvalueError, match="no segment 'colour'"):
        report.segments("colour")
    with pytest.raises(IpvalueError, match="no label is given"):
        report.segments(own.iloc[:-1])


def test_the_report_says_what_its_sums_are(report: StressReport) -> None:
    assert "sums of medians" in repr(report)
    assert "royalty_down_30pct" in repr(report)


@pytest.mark.parametrize("family", ["rates", "royalty", "revenue", "invalidation_wave", "market_freeze"])
def test_a_reverse_stress_meets_its_loss(state: ipv.Snapshot, income: ipv.ValuationEngine, family: str) -> None:
    found = ipv.reverse_stress(state, income, family, 0.2)
    assert found.loss == pytest.approx(0.2, abs=2e-3)
    again = ipv.stress(state, income, [found.scenario]).book()
    assert -again.loc[found.scenario.name, "change_share"] == pytest.approx(found.loss, rel=1e-9)


def test_a_haircut_of_the_lost_share_is_its_own_reverse(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    found = ipv.reverse_stress(state, income, lambda x: only(MarketShock(haircut=x)), 0.35, largest=1.0)
    assert found.size == pytest.approx(0.35, abs=1e-6)


def test_a_loss_out_of_reach_is_said(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    with pytest.raises(IpvalueError, match="is not reached"):
        ipv.reverse_stress(state, income, "market_freeze", 0.5, largest=0.2)
    with pytest.raises(IpvalueError, match="no family of scenarios 'weather'"):
        ipv.reverse_stress(state, income, "weather", 0.5)
    with pytest.raises(IpvalueError, match="give largest="):
        ipv.reverse_stress(state, income, lambda x: only(MarketShock(haircut=x)), 0.5)
    with pytest.raises(IpvalueError, match="share between 0 and 1"):
        ipv.reverse_stress(state, income, "rates", 1.0)


def test_a_shock_that_would_change_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="enters when an engine is fitted"):
        FigureShock(figure="deal_kind_factor", by="multiply", amount=0.5)
    with pytest.raises(ValueError, match="no figure 'weather'"):
        FigureShock(figure="weather", by="add", amount=1.0)


def test_a_shock_out_of_bounds_or_without_its_key_is_said() -> None:
    assumed = ipv.Assumptions.default("CN")
    with pytest.raises(AssumptionError, match="share lies between 0 and 1"):
        FigureShock(figure="tax_rate", by="set", amount=1.5).apply(assumed)
    with pytest.raises(AssumptionError, match="without keys"):
        FigureShock(figure="tax_rate", keys=("1",), by="add", amount=0.0).apply(assumed)
    with pytest.raises(AssumptionError, match="has no 'house'"):
        FigureShock(figure="contributory_share", keys=("house",), by="add", amount=0.0).apply(assumed)


def test_two_scenarios_of_one_name_are_refused(state: ipv.Snapshot, income: ipv.ValuationEngine) -> None:
    with pytest.raises(IpvalueError, match="two scenarios"):
        ipv.stress(state, income, [Scenario(name="base")])


def test_a_chance_of_grant_moves_for_examined_rights_alone(book: ipv.Book, income: ipv.ValuationEngine) -> None:
    state = book.as_of(DAY)
    shock = FigureShock(figure="grant_probability", by="multiply", amount=0.5)
    report = ipv.stress(state, income, [only(shock)])
    subject = prepare(state, income.assumptions)
    pending = (subject.features["pending"] == 1) & (report.values["base"] > 0).to_numpy()
    examined = pending & (subject.right == "invention")
    ratio = (report.values["one"] / report.values["base"]).to_numpy()
    assert examined.sum() > 5
    np.testing.assert_allclose(ratio[examined], 0.5)
    assert (report.changes["one"].to_numpy()[~pending] == 0).all()


def test_a_scenario_survives_json() -> None:
    for scenario in default_scenarios(field=12):
        assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


@pytest.mark.parametrize(
    "wrong", [{"largest": -0.5}, {"largest": float("nan")}, {"tolerance": 0.0}, {"tolerance": float("nan")}]
)
def test_a_search_that_can_not_be_meant_is_refused(
    state: ipv.Snapshot, income: ipv.ValuationEngine, wrong: dict[str, float]
) -> None:
    with pytest.raises(IpvalueError, match=next(iter(wrong))):
        ipv.reverse_stress(state, income, "royalty", 0.1, **wrong)
