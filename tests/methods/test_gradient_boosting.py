"""Gradient boosting: coverage, order of quantiles, reproducibility, and what is said where LightGBM is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.finance.conformal import conformal_quantiles
from ipvalue.methods.base import Deals, Evidence
from ipvalue.methods.life import life_factor

sys.path.insert(0, str(Path(__file__).parent))
from subjects import subject

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
