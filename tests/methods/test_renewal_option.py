"""The renewal option: it recovers what made a book's renewals, foretells real ones, and obeys the laws of an option."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.prices import gather, prepare
from ipvalue.evidence.renewal_history import histories
from ipvalue.evidence.subject import Evidence
from ipvalue.finance.renewal import remaining_value, renewal_thresholds, return_quantile
from ipvalue.finance.renewal_fit import fit_renewals, interval_log_likelihood
from ipvalue.methods.base import Estimate, State
from tests.futures import without_future
from tests.methods.renewal_books import TRUE, simulate
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
OBSERVED = "2021-06-30"
METHOD = ipv.RenewalOption(features=("n_claims", "n_inventors"))
LEARNT = State(
    numbers={"sigma": 1.8, "decay": 0.16, "sigma_error": 0.1, "decay_error": 0.01, "histories": 9.0, "let_go": 5.0},
    tables={
        "coefficients": {"value": np.concatenate([[9.0, 0.5, 0.0], np.zeros(35)]), "error": np.zeros(38)},
        "features": {"center": np.array([2.5, 1.0]), "scale": np.ones(2)},
    },
)
DATES = {"as_of": "2021-06-30", "filing": "2013-03-01", "grant": "2016-02-22"}


def evidence_of(book: ipv.Book, day: str) -> Evidence:
    return gather(book, book.as_of(day), CN, {})


def estimate(n: int = 1, assumptions: ipv.Assumptions = CN, **columns: object) -> Estimate:
    given_ = {"dates": DATES, "money": {"fee_rate": 1.0}, "remaining_term": 11.67, "n_claims": 10.0} | columns
    return METHOD.estimate(subject(n, **given_), LEARNT, assumptions)  # type: ignore[arg-type]


def test_fit_recovers_a_simulated_book() -> None:
    """Within three standard errors on 8,000 patents; benchmarks/renewal.py counts the errors of many larger books."""
    state = METHOD.fit(evidence_of(simulate(8_000, 4, OBSERVED, CN), OBSERVED), CN)
    scale = state.tables["features"]["scale"]
    value, error = (state.tables["coefficients"][name] for name in ("value", "error"))
    for k, name in enumerate(METHOD.features):
        assert abs(value[k + 1] / scale[k] - TRUE[name]) < 3 * error[k + 1] / scale[k], name
    for name in ("sigma", "decay"):
        assert abs(state.numbers[name] - TRUE[name]) < 3 * state.numbers[f"{name}_error"], name
        assert state.numbers[f"{name}_error"] < 0.1 * TRUE[name]


def test_every_history_of_a_simulated_book_is_read_as_it_was() -> None:
    """Those let go are those whose lapse is settled by the date, and no one else."""
    book = simulate(2_000, 5, OBSERVED, CN)
    evidence = evidence_of(book, OBSERVED)
    known = histories(evidence.snapshot, evidence.subject)
    events = book["legal_events"].to_pandas()
    delay = np.where(events["patent_id"].str.startswith("US"), 60, 400).astype("timedelta64[D]")
    settled = events["effective_date"].to_numpy("datetime64[D]") <= np.datetime64(OBSERVED) - delay
    assert set(evidence.subject.patent_id[known.row[known.lapsed]]) == set(events["patent_id"][settled])


def test_errors_of_the_fit_are_those_of_its_likelihood() -> None:
    """Standard errors against central differences of the whole log-likelihood, three fees, known scale of returns."""
    random = np.random.default_rng(8)
    n, fees, rate = 4_000, np.array([50.0, 60.0, 80.0, 120.0, 180.0, 270.0]), 0.1
    design = np.column_stack([np.ones(n), random.standard_normal(n)])
    first = np.exp(design @ [5.0, 0.5] + 1.2 * random.standard_normal(n))
    years = (first[:, None] >= renewal_thresholds(0.15, rate, fees)).sum(axis=1)
    let_go = years < len(fees)

    def bounds(decay: float) -> tuple[np.ndarray, np.ndarray]:
        table = np.concatenate([[0.0], renewal_thresholds(decay, rate, fees), [np.inf]])
        return table[years], np.where(let_go, table[years + 1], np.inf)

    fitted = fit_renewals(design, bounds, np.zeros(2))
    best = np.array([*fitted.coefficients, fitted.sigma, fitted.decay])

    def likelihood(x: np.ndarray) -> float:
        return float(interval_log_likelihood(bounds(x[3]), design @ x[:2], x[2]).sum())

    step = 1e-3 * np.eye(4)
    hessian = np.array(
        [
            [
                sum(a * b * likelihood(best + a * step[i] + b * step[j]) for a in (-1, 1) for b in (-1, 1)) / 4e-6
                for j in range(4)
            ]
            for i in range(4)
        ]
    )
    np.testing.assert_allclose(fitted.standard_errors, np.sqrt(np.diag(np.linalg.inv(-hessian))), rtol=0.03)
    assert likelihood(best) >= likelihood(np.array([5.0, 0.5, 1.2, 0.15]))


def test_real_renewals_are_foretold_better_than_by_age_alone(data_dir: Path) -> None:
    """US university patents: held-out log-likelihood over three folds; figures of ten in RESULTS.md."""
    from benchmarks import renewal

    book = renewal.university()
    if book is None:
        pytest.skip(f"the university renewals are not in {data_dir}")
    frame = renewal.held_out(book, folds=3)
    assert len(frame) > 4_000
    assert frame["renewal option"].sum() > frame["age only"].sum()
    assert frame["renewal option"].sum() > frame["renewal option, no features"].sum()


@settings(max_examples=50, deadline=None)
@given(
    first=st.floats(10.0, 1e6),
    decay=st.floats(0.0, 0.5),
    rate=st.floats(0.0, 0.3),
    fees=st.lists(st.floats(0.0, 1e4), min_size=1, max_size=12),
)
def test_value_from_the_start_is_that_of_whole_years(
    first: float, decay: float, rate: float, fees: list[float]
) -> None:
    one, table = np.ones(1), np.array([fees])
    whole = remaining_value(first * one, decay, rate * one, table, 0.0 * one, len(fees) * one)
    ages = np.arange(len(fees))
    years = first * (1 - decay) ** ages * (1 + rate) ** -(ages + 0.5) - np.array(fees) * (1.0 + rate) ** -ages
    np.testing.assert_allclose(whole, max(0.0, np.cumsum(years).max()), rtol=1e-9, atol=1e-6)
    kept_for_ever = remaining_value(first * one, decay, rate * one, 0 * table, 0.0 * one, len(fees) * one)
    assert kept_for_ever[0] >= whole[0] - 1e-9
    discounted = sum(c / (1 + rate) ** k for k, c in enumerate(fees))
    assert whole[0] >= kept_for_ever[0] - discounted - 1e-6, "at least the value without the option to stop"


def test_truncated_quantiles_are_those_of_a_simulation() -> None:
    draws = np.exp(1.0 + 0.8 * np.random.default_rng(1).standard_normal(400_000))
    kept = draws[draws >= 4.0]
    for level in (0.05, 0.5, 0.95):
        exact = return_quantile(level, np.array([1.0]), 0.8, np.array([4.0]))[0]
        assert exact == pytest.approx(np.quantile(kept, level), rel=0.02)


def test_value_by_hand_with_the_fees_of_a_chinese_invention() -> None:
    """Filed 1 March 2013, granted 22 February 2016, valued 30 June 2021: 5.35 years gone, five fees settled by 2020."""
    result = estimate()
    details = {name: float(values[0]) for name, values in result.details.items()}
    assert details["years_paid"] == 5
    assert details["elapsed"] == pytest.approx(5.352, abs=2e-3)
    course = (np.array([details["discount_rate"]]), np.zeros((1, 25)))
    ends = (np.array([details["elapsed"]]), np.array([details["term"]]))
    free = remaining_value(np.array([details["first_return"]]), 0.16, *course, *ends)[0]
    assert free - details["fees_ahead"] <= result.value[0] <= free
    assert details["first_return"] >= details["threshold"] > 0


def test_value_rises_with_claims_and_life_and_falls_with_the_discount_rate() -> None:
    result = estimate(3, n_claims=[10.0, 20.0, 10.0], remaining_term=[11.67, 11.67, 5.0])
    assert result.value[1] > result.value[0] >= result.value[2] > 0
    # the median owner would stop within five years; those of the upper tail would not
    assert result.quantiles[0, 4] > result.quantiles[2, 4]
    assert (np.diff(result.quantiles, axis=1) > 0).all()
    assert estimate(assumptions=CN.replace(patent_premium=0.1)).value[0] < result.value[0]


def test_value_falls_to_nothing_at_expiry() -> None:
    result = estimate(3, remaining_term=[1.0, 0.01, 0.0])
    assert result.value[1] < 0.02 * result.value[0]
    assert result.reason[2] == Reason.TERM_OVER


def test_an_owner_who_paid_longer_is_believed_more() -> None:
    """The same patent, of which it is settled that the fees of later years were paid."""
    later = estimate(renewals_paid=9.0)
    assert later.details["threshold"][0] > estimate().details["threshold"][0]
    assert later.details["first_return"][0] > estimate().details["first_return"][0]


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_value_scales_with_the_unit_of_money(scale: float) -> None:
    """Fees, and the mean of log returns, in another currency."""
    value = LEARNT.tables["coefficients"]["value"] + np.log(scale) * (np.arange(38) == 0)
    tables = {"coefficients": {"value": value}, "features": LEARNT.tables["features"]}
    patents = subject(1, dates=DATES, money={"fee_rate": scale}, remaining_term=11.67, n_claims=10.0)
    other = METHOD.estimate(patents, State(LEARNT.numbers, tables), CN)
    np.testing.assert_allclose(other.quantiles, estimate().quantiles.values * scale, rtol=1e-9)


def test_reasons() -> None:
    assert estimate(jurisdiction="WO").reason[0] == Reason.NO_FEE_SCHEDULE
    assert estimate(jurisdiction="EP").reason[0] == Reason.NO_FEE_SCHEDULE
    assert estimate(remaining_term=np.nan).reason[0] == Reason.NO_TERM_RULE
    assert estimate(money={"fee_rate": np.nan}).reason[0] == Reason.NO_EXCHANGE_RATE
    patents = subject(2, dates=DATES)
    assert (METHOD.estimate(patents, State(), CN).reason == Reason.NO_RENEWAL_MODEL).all()
    small = evidence_of(simulate(100, 1, OBSERVED, CN), OBSERVED)
    assert METHOD.fit(small, CN) == State()
    with pytest.raises(ValueError, match="no feature 'claims'"):
        ipv.RenewalOption(features=("claims",))


def test_an_application_is_valued_as_if_granted_today() -> None:
    pending = {"as_of": "2021-06-30", "filing": "2019-03-01"}
    result = estimate(dates=pending, pending=1.0, enforceable=0.0, remaining_term=17.67)
    assert result.details["elapsed"][0] == 0
    assert result.details["threshold"][0] == 0
    assert result.value[0] > 0


def test_fit_and_values_do_not_look_ahead_nor_depend_on_the_chunk(book: ipv.Book) -> None:
    method, day = ipv.RenewalOption(minimum=50), "2020-06-30"
    engine = ipv.ValuationEngine([method])
    with_future, without = (engine.fit(b, as_of=day) for b in (book, without_future(book, day)))
    state, other = (e.fitted.states[method.name] for e in (with_future, without))
    assert state.numbers and state.numbers == other.numbers
    np.testing.assert_array_equal(
        state.tables["coefficients"]["value"], other.tables["coefficients"]["value"], err_msg="look-ahead"
    )
    whole = prepare(book.as_of(day), CN)
    result = method.estimate(whole, state, CN)
    parts = [method.estimate(whole.take(rows), state, CN) for rows in np.array_split(np.arange(len(whole)), 5)]
    np.testing.assert_array_equal(result.quantiles, np.concatenate([p.quantiles for p in parts]))
    assert (result.reason == 0).sum() > 500


def test_a_fitted_engine_is_saved_and_loaded(book: ipv.Book, tmp_path: Path) -> None:
    methods = [ipv.RenewalOption(minimum=50), ipv.RealOption(), ipv.ReplacementCost()]
    engine = ipv.ValuationEngine(methods).fit(book, as_of="2023-12-31")
    engine.save(tmp_path / "engine")
    loaded = ipv.ValuationEngine.load(tmp_path / "engine")
    values = engine.value(book.as_of("2023-12-31"))
    assert values.table.equals(loaded.value(book.as_of("2023-12-31")).table)
    frame = values.to_pandas()
    best = frame["value_real_option"].idxmax()
    assert {"real_option", "renewal_option"} <= set(values.explain(best)["part"])
