"""Laws that every income method obeys, checked on one method and its state."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.methods.base import Estimate, Method, State

sys.path.insert(0, str(Path(__file__).parent))
from subjects import subject

CN = ipv.Assumptions.default("CN")
NOTHING = State()


def estimate(method: Method, n: int = 1, state: State = NOTHING, assumptions: Any = CN, **columns: Any) -> Estimate:
    return method.estimate(subject(n, **columns), state, assumptions)


def exact_factor(rate: float, years: float, growth: float) -> mpmath.mpf:
    """Value today of 1 a year after tax at mid-year over whole years and a last part, with the CN benefit."""
    r, n, g = mpmath.mpf(rate), mpmath.mpf(years), mpmath.mpf(growth)
    whole, half = int(mpmath.floor(n)), mpmath.mpf(1) / 2
    total = sum((1 + g) ** k * (1 + r) ** -(k + half) for k in range(whole))
    rest = n - whole
    total += rest * (1 + g) ** whole * (1 + r) ** -(whole + rest / 2)
    m = int(CN.amortisation_years.value)
    saved = mpmath.mpf(CN.tax_rate.value) / m * sum((1 + r) ** -(k + half) for k in range(m))
    return total / (1 - saved)


def random_book(n: int, seed: int) -> dict[str, Any]:
    """Columns of n patents for which everything that an income method asks for is known."""
    random = np.random.default_rng(seed)
    return {
        "money": {"revenue": 10 ** random.uniform(3, 10, n)},
        "attribution": random.uniform(0.01, 1, n),
        "operating_margin": random.uniform(0.35, 0.6, n),
        "revenue_growth": random.uniform(-0.3, 0.2, n),
        "remaining_term": random.uniform(0.01, 15, n),
        "age": np.full(n, 2.0),
        "forward_citation_percentile": random.uniform(0, 1, n),
        "market_coverage": random.uniform(0, 2, n),
        "opposition_survived": np.round(random.uniform(0, 1, n)),
        "challenged": np.zeros(n),
        "partly_invalid": np.zeros(n),
        "product_claim_share": random.uniform(0, 1, n),
    }


def check_exact(
    method: Method, income: Any, state: State = NOTHING, *, n: int = 300, benefit: bool = True, seed: int = 5
) -> None:
    """The value is the income (after tax, from the book's columns by ``income(columns, i)``) times the exact factor."""
    columns = random_book(n, seed)
    result = estimate(method, n, state, **columns)
    rate = float(CN.discount_rate(np.array([8]))[0])
    with mpmath.workdps(60):
        for i in range(n):
            factor = exact_factor(rate, columns["remaining_term"][i], columns["revenue_growth"][i])
            if not benefit:
                r, m = mpmath.mpf(rate), int(CN.amortisation_years.value)
                annuity = sum((1 + r) ** -(k + mpmath.mpf(1) / 2) for k in range(m))
                factor *= 1 - mpmath.mpf(CN.tax_rate.value) / m * annuity
            exact = income(columns, i) * factor
            assert abs(result.value[i] - exact) <= 1e-12 * abs(exact), i


def check_monotone(method: Method, state: State = NOTHING) -> None:
    """Value rises with revenue, attribution, margin and remaining term, and falls with rate, decline and tax."""
    base: dict[str, Any] = random_book(50, 8)
    value = estimate(method, 50, state, **base).value
    assert np.isfinite(value).all()
    more = base | {"money": {"revenue": base["money"]["revenue"] * 1.1}}
    assert (estimate(method, 50, state, **more).value > value).all()
    for name, factor in (("attribution", 1.1), ("operating_margin", 1.1), ("remaining_term", 1.2)):
        higher = estimate(method, 50, state, **(base | {name: base[name] * factor})).value
        assert (higher >= value * (1 - 1e-12)).all(), name
    assert (estimate(method, 50, state, CN.replace(patent_premium=0.08), **base).value < value).all()
    unstated = base | {"revenue_growth": np.full(50, np.nan)}
    slow = estimate(method, 50, state, **unstated).value
    fast = estimate(method, 50, state, CN.replace(revenue_decline__default=0.2), **unstated).value
    long = base["remaining_term"] > 1  # within the first year nothing has declined yet
    assert (fast[long] < slow[long]).all()


def check_scale(method: Method, state: State = NOTHING) -> None:
    """Money in another unit gives the same value in that unit."""
    base: dict[str, Any] = random_book(40, 3)
    one = estimate(method, 40, state, **base)
    for scale in (1e-3, 7.13):
        other = estimate(method, 40, state, **(base | {"money": {"revenue": base["money"]["revenue"] * scale}}))
        np.testing.assert_allclose(other.value, one.value * scale, rtol=1e-13)
        np.testing.assert_allclose(other.quantiles, one.quantiles * scale, rtol=1e-12)


def check_reasons(method: Method, state: State = NOTHING) -> None:
    """No revenue, no term, no success and no remaining life are reasons, never values or silent zeros."""
    base = {name: np.full(5, 0.5) for name in ("operating_margin", "forward_citation_percentile", "attribution")}
    facts = {name: np.zeros(5) for name in ("challenged", "partly_invalid", "opposition_survived")}
    money = {"revenue": [np.nan, 0.0, 1e6, 1e6, 1e6], "success_probability": [1, 1, 1, 0, 1]}
    result = estimate(method, 5, state, money=money, remaining_term=[10, 10, np.nan, 10, 0], **base, **facts)
    no, term, over = Reason.NO_REVENUE, Reason.NO_TERM_RULE, Reason.NO_FUTURE_INCOME
    assert result.reason.tolist() == [no, no, term, over, over]
    assert np.isnan(result.value).all()
    assert result.details["estimate"][4] == 0.0  # worth nothing at expiry


def check_chunks(method: Method, state: State = NOTHING) -> None:
    """A patent's value and steps have the same bits alone, in any order and among all."""
    whole = subject(60, **random_book(60, 4))
    order = np.random.default_rng(1).permutation(60)
    together = method.estimate(whole, state, CN)
    shuffled = method.estimate(whole.take(order), state, CN)
    parts = [method.estimate(whole.take(np.arange(k, k + 7)), state, CN) for k in range(0, 56, 7)]
    assert (shuffled.value == together.value[order]).all()
    assert (np.concatenate([p.value for p in parts]) == together.value[:56]).all()
    assert (np.concatenate([p.quantiles for p in parts]) == together.quantiles[:56]).all()


def check_steps(method: Method, flow: str, state: State = NOTHING) -> Estimate:
    """Steps are all in the details and lead to the estimate; quantiles ascend about it."""
    result = estimate(method, 30, state, **random_book(30, 6))
    steps = result.details
    assert list(steps) == [step.name for step in method.steps]
    path = (steps[flow], steps["discount_rate"], steps["years"])
    present: npt.NDArray[np.float64] = _present(*path, steps["growth"], steps["decline"])
    np.testing.assert_allclose(steps["present_value"], present, rtol=1e-13)
    again = steps["present_value"] * steps["success_probability"] * steps["tax_amortisation"]
    assert (again == result.value).all()
    assert (steps["estimate"] == result.value).all()
    np.testing.assert_allclose(result.quantiles[:, 2], result.value, rtol=1e-13)
    assert (np.diff(result.quantiles, axis=1) > 0).all()
    z = 1.6448536269514722
    np.testing.assert_allclose(result.quantiles[:, 4], result.value * np.exp(z * steps["log_sd"]), rtol=1e-12)
    return result


def _present(*path: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from ipvalue.finance.discounting import present_value

    flow, rate, years, growth, decline = path
    return present_value(flow, rate, years, growth=growth, decay=decline, timing="mid")
