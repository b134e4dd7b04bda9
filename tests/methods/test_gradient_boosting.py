"""Gradient boosting: coverage, order of quantiles, reproducibility, and what is said where LightGBM is missing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Deals, Evidence, Subject
from ipvalue.finance.conformal import conformal_quantiles
from ipvalue.methods.base import State
from ipvalue.methods.boosting_inputs import fit_income, input_names
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
METHOD = ipv.GradientBoosting()


def market(n: int, seed: int) -> tuple[Deals, np.ndarray]:
    """Heteroscedastic prices: noise grows with the number of claims."""
    random = np.random.default_rng(seed)
    citations, claims = random.poisson(6, n).astype(float), random.integers(1, 30, n).astype(float)
    sold = subject(n, forward_citations=citations, n_claims=claims, remaining_term=random.uniform(3, 15, n))
    noise = (0.2 + 0.03 * claims) * random.standard_normal(n)
    price = 1e5 * (1 + citations) ** 0.8 * life_factor(sold, CN) * np.exp(noise)
    return Deals(sold, price, np.full(n, np.datetime64("2022-01-01"))), price


@pytest.fixture(scope="module")
def fitted() -> tuple[Evidence, object]:
    deals, _ = market(1500, 1)
    snapshot = ipv.synthetic_book(5, seed=1).as_of("2024-12-31")
    evidence = Evidence(snapshot, deals.subject, deals)
    return evidence, METHOD.fit(evidence, CN)


def test_interval_covers_fresh_prices_as_often_as_it_says(fitted: tuple[Evidence, object]) -> None:
    fresh, price = market(4000, 2)
    q = METHOD.estimate(fresh.subject, fitted[1], CN).quantiles  # type: ignore[arg-type]
    ninety, fifty = ((q[:, a] <= price) & (price <= q[:, b]) for a, b in ((0, 4), (1, 3)))
    assert abs(ninety.mean() - 0.90) < 0.03
    assert abs(fifty.mean() - 0.50) < 0.05
    noisy = fresh.subject.features["n_claims"] > 20
    assert abs(ninety[noisy].mean() - 0.90) < 0.05, "the scale model must widen the interval where prices are noisy"


def test_quantiles_never_cross_and_value_is_the_median(fitted: tuple[Evidence, object]) -> None:
    fresh, _ = market(500, 3)
    result = METHOD.estimate(fresh.subject, fitted[1], CN)  # type: ignore[arg-type]
    assert (np.diff(result.quantiles, axis=1) > 0).all()
    np.testing.assert_array_equal(result.value, result.quantiles[:, 2])


def test_value_never_falls_with_a_feature_whose_direction_is_up(fitted: tuple[Evidence, object]) -> None:
    some = subject(30, forward_citations=np.arange(30.0), n_claims=10.0)
    log_price = METHOD.estimate(some, fitted[1], CN).details["log_price"]  # type: ignore[arg-type]
    assert (np.diff(log_price) >= 0).all()
    assert log_price[-1] > log_price[0]


def test_fit_is_reproducible_and_does_not_depend_on_threads(fitted: tuple[Evidence, object]) -> None:
    evidence, _ = fitted
    one, two = (METHOD.model_copy(update={"threads": k, "trees": 40, "folds": 2}).fit(evidence, CN) for k in (1, 2))
    assert _trees(one.texts["location"]) == _trees(two.texts["location"])
    np.testing.assert_array_equal(one.tables["scores"]["q05"], two.tables["scores"]["q05"])


def _trees(text: str) -> str:
    """The model without its list of parameters, in which the number of threads stands."""
    return text.split("parameters:")[0]


def test_missing_features_stay_missing(fitted: tuple[Evidence, object]) -> None:
    bare = subject(3)
    assert np.isfinite(METHOD.estimate(bare, fitted[1], CN).value).all()  # type: ignore[arg-type]


def test_contributions_sum_to_the_log_price(fitted: tuple[Evidence, object]) -> None:
    fresh, _ = market(20, 4)
    table = METHOD.contributions(fresh.subject, fitted[1], CN)  # type: ignore[arg-type]
    log_price = METHOD.estimate(fresh.subject, fitted[1], CN).details["log_price"]  # type: ignore[arg-type]
    np.testing.assert_allclose(table.sum(axis=1), log_price, rtol=1e-9)


def earning(n: int, seed: int, known: float = 0.4) -> tuple[Subject, np.ndarray]:
    """Patents whose income depends on their citations, and is known of some; and the income."""
    random = np.random.default_rng(seed)
    citations = random.poisson(6, n).astype(float)
    income = 1e5 * (1 + citations) ** 0.8 * np.exp(0.5 * random.standard_normal(n))
    seen = random.random(n) < known
    revenue = np.where(seen, income / (0.25 * 0.04), np.nan)
    share, rate = np.where(seen, 0.25, np.nan), np.where(seen, 0.04, np.nan)
    term = random.uniform(3, 15, n)
    features = {"forward_citations": citations, "attribution": share, "royalty_rate": rate, "remaining_term": term}
    some = subject(n, money={"revenue": revenue}, has_revenue=seen, field=random.integers(1, 4, n), **features)
    named = np.array([f"S{seed}-{i}" for i in range(n)], object)
    return replace(some, patent_id=named), income


@pytest.fixture(scope="module")
def earner() -> State:
    """Fitted on 120 deals of a book of 3,000 patents, of which 1,200 have a revenue."""
    sold, income = earning(120, 1)
    book, _ = earning(3000, 2)
    price = income * life_factor(sold, CN) * np.exp(0.25 * np.random.default_rng(3).standard_normal(120))
    deals = Deals(sold, price, np.datetime64("2020-01-01") + np.arange(120))
    snapshot = ipv.synthetic_book(5, seed=1).as_of("2024-12-31")
    return METHOD.fit(Evidence(snapshot, book, deals), CN)


def test_revenues_of_the_book_tell_what_few_deals_can_not(earner: State) -> None:
    assert "income" in earner.texts
    bare = State(numbers=earner.numbers, tables=earner.tables, texts={})
    assert (METHOD.estimate(earning(3, 4)[0], bare, CN).reason == Reason.TOO_FEW_DEALS).all()
    fresh, income = earning(2000, 5)
    log_price = METHOD.estimate(fresh, earner, CN).details["log_price"]
    error = np.log(income) - log_price
    seen = fresh.features["has_revenue"] == 1
    assert error[seen].std() < 0.25, "a patent's own income is seen"
    assert error[~seen].std() < 0.60, "0.5 is what the citations do not tell"


def test_deals_of_a_patent_do_not_see_its_revenue_in_the_expected_income() -> None:
    """Where all patents with a revenue are sold, none is left to learn the expected income from."""
    sold, income = earning(400, 1, known=1.0)
    deals = Deals(sold, income * life_factor(sold, CN), np.datetime64("2020-01-01") + np.arange(400))
    evidence = Evidence(ipv.synthetic_book(5, seed=1).as_of("2024-12-31"), sold, deals)
    assert fit_income(evidence, CN, input_names(), trees=20, threads=1, seed=7) is None
    other = Evidence(evidence.snapshot, earning(400, 2, known=1.0)[0], deals)
    assert fit_income(other, CN, input_names(), trees=20, threads=1, seed=7) is not None


def test_contributions_share_out_the_expected_income_too(earner: State) -> None:
    fresh, _ = earning(50, 6)
    table = METHOD.contributions(fresh, earner, CN)
    found = METHOD.estimate(fresh, earner, CN)
    np.testing.assert_allclose(table.sum(axis=1), found.details["log_price"], rtol=1e-9)
    assert table["forward_citations"].std() > 0.1


def test_value_rises_with_revenue_and_a_patent_without_remaining_income_has_none(earner: State) -> None:
    revenue = np.array([1e6, 1e7, 1e8, 1e7])
    term = np.array([8.0, 8.0, 8.0, 0.0])
    some = subject(4, money={"revenue": revenue}, has_revenue=1.0, forward_citations=3.0, remaining_term=term)
    found = METHOD.estimate(some, earner, CN)
    assert (np.diff(found.value[:3]) > 0).all()
    assert found.reason.tolist() == [0, 0, 0, Reason.TERM_OVER]
    assert np.isnan(found.value[3])


def test_steps_add_up(earner: State) -> None:
    details = METHOD.estimate(earning(30, 7)[0], earner, CN).details
    assert {step.name for step in METHOD.steps} == set(details)
    np.testing.assert_allclose(details["log_price"], details["line"] + details["trees"])
    exponent = details["log_price"] + np.exp(details["log_scale"]) * details["median_score"]
    np.testing.assert_allclose(details["estimate"], details["life_factor"] * np.exp(exponent))


@pytest.mark.parametrize("by", ["field", "sector"])
def test_calibration_by_group_is_of_the_patents_own_group(by: str) -> None:
    """Three fields, the third twice as noisy."""
    random = np.random.default_rng(0)
    sold = replace(market(1500, 1)[0].subject, field=random.choice(np.array([1, 14, 35], np.int8), 1500))
    noise = np.where(sold.field == 35, 0.8, 0.2) * random.standard_normal(1500)
    deals = Deals(sold, 1e5 * life_factor(sold, CN) * np.exp(noise), np.datetime64("2020-01-01") + np.arange(1500))
    evidence = Evidence(ipv.synthetic_book(5, seed=1).as_of("2024-12-31"), sold, deals)
    method = ipv.GradientBoosting(calibrate_by=by, trees=20)  # type: ignore[arg-type]
    state = method.fit(evidence, CN)
    assert state.tables["scores"]["group"].tolist() == ([-1, 1, 14, 35] if by == "field" else [-1, 1, 3, 5])
    found = method.estimate(sold, state, CN)
    inside = (found.quantiles[:, 0] <= deals.price) & (deals.price <= found.quantiles[:, 4])
    assert all(abs(inside[sold.field == k].mean() - 0.9) < 0.05 for k in (1, 14, 35))


def test_too_few_deals_refuse_all() -> None:
    deals, _ = market(30, 1)
    snapshot = ipv.synthetic_book(5, seed=1).as_of("2024-12-31")
    state = METHOD.fit(Evidence(snapshot, deals.subject, deals), CN)
    assert (METHOD.estimate(deals.subject, state, CN).reason == Reason.TOO_FEW_DEALS).all()


def test_conformal_quantiles_cover_at_least_nominally_on_average() -> None:
    """Vovk, Gammerman and Shafer (2005): rank ceil(0.95 (n + 1)) covers a new exchangeable score with 95 % or more."""
    random = np.random.default_rng(0)
    inside = []
    for _ in range(3000):
        scores = random.standard_normal(40)
        low, high = conformal_quantiles(scores[:-1], (0.05, 0.95))
        inside.append(low <= scores[-1] <= high)
    assert np.mean(inside) == pytest.approx(0.90, abs=0.02)


def test_missing_libgomp_names_what_to_install(tmp_path: Path) -> None:
    """A package lightgbm that fails as the real one does where libgomp is missing."""
    broken = tmp_path / "lightgbm"
    broken.mkdir()
    message = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (broken / "__init__.py").write_text(f"raise OSError({message!r})\n")
    code = (
        "import ipvalue as ipv\n"
        "book = ipv.synthetic_book(1500, seed=1)\n"
        "ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of='2024-12-31').value(book.as_of('2024-12-31'))\n"
        "try:\n"
        "    ipv.ValuationEngine([ipv.GradientBoosting(minimum=20)]).fit(book, as_of='2024-12-31')\n"
        "except ipv.errors.MissingExtraError as error:\n"
        "    print(error)\n"
    )
    path = [str(tmp_path), *[p for p in sys.path if p]]
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(path)}, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "libgomp1" in run.stdout and "pip install lightgbm" in run.stdout
