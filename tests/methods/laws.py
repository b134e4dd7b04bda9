"""Laws that every income method obeys, checked on one method and its state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

import ipvalue as ipv
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Subject
from ipvalue.methods.base import Estimate, Method, State
from tests.methods.exact import DIGITS, Income, agrees, benefit, chance
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
NOTHING = State()


CERTAIN = {"validity_probability__default": 1.0}


def estimate(method: Method, n: int = 1, state: State = NOTHING, assumptions: Any = CN, **columns: Any) -> Estimate:
    return method.estimate(subject(n, **columns), state, assumptions)


def exact_factor(rate: float, years: float, growth: float) -> mpmath.mpf:
    """Value today of 1 a year after tax at mid-year over whole years and a last part, with chances and CN benefit."""
    income = Income(rate, growth, CN.ramp_years["on_sale"].value, "linear", years)
    likely = chance(CN, CN.success_probability.value, challenged=False)
    return income.worth(mpmath.mpf(years)) * likely * benefit(CN.tax_rate.value, rate, int(CN.amortisation_years.value))


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
    method: Method, income: Any, state: State = NOTHING, *, n: int = 500, amortised: bool = True, seed: int = 5
) -> None:
    """The value is the income (after tax, from the book's columns by ``income(columns, i)``) times the exact factor."""
    columns = random_book(n, seed)
    result = estimate(method, n, state, **columns)
    rate = float(CN.discount_rate(np.array([8]))[0])
    with mpmath.workdps(DIGITS):
        for i in range(n):
            factor = exact_factor(rate, columns["remaining_term"][i], columns["revenue_growth"][i])
            if not amortised:
                factor /= benefit(CN.tax_rate.value, rate, int(CN.amortisation_years.value))
            assert agrees(result.value[i], income(columns, i) * factor), i


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
        np.testing.assert_allclose(other.quantiles, one.quantiles.values * scale, rtol=1e-12)


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


def with_fees(n: int, seed: int, **columns: Any) -> Subject:
    """A book of Chinese inventions with renewal fees ahead of them."""
    made = subject(n, **(random_book(n, seed) | columns))
    made.money["fee_rate"] = np.ones(n)
    day, filing = np.datetime64("2024-12-31", "D"), np.datetime64("2021-03-05", "D")
    days = {"as_of": day, "filing": filing, "grant": np.datetime64("2023-06-09", "D")}
    return replace(made, dates={name: np.full(n, date) for name, date in days.items()})


def check_fees(method: Method, state: State = NOTHING) -> None:
    """Fees lower a value, never below 0, by no more than they come to; a right that earns little is let go early."""
    poor = with_fees(200, 9, money={"revenue": 10 ** np.random.default_rng(9).uniform(2, 8, 200)})
    net, gross = (method.model_copy(update={"fees": f}).estimate(poor, state, CN) for f in ("deducted", "ignored"))
    assert (net.value <= gross.value).all()
    assert (net.value < gross.value).any()
    assert (net.value >= 0).all()
    whole = net.details["years_renewed"] == net.details["years"]
    assert 0.1 < whole.mean() < 0.99
    cost = net.details["fees"] * net.details["tax_amortisation"]
    np.testing.assert_allclose(net.value[whole], (gross.value - cost)[whole], rtol=1e-9)
    assert (net.details["log_sd"] >= gross.details["log_sd"] * (1 - 1e-12))[whole].all()
    free = method.model_copy(update={"fees": "deducted"}).estimate(subject(20, **random_book(20, 2)), state, CN)
    assert (free.details["fees"] == 0).all()


def check_ramp(method: Method, state: State = NOTHING) -> None:
    """The longer a product takes to sell in full, the less it is worth; one that is on sale takes no time."""
    columns = random_book(60, 12)
    money = columns["money"] | {"cost_to_develop": np.full(60, 1e5)}
    values = [
        estimate(method, 60, state, CN.replace(ramp_years__in_development=years), **(columns | {"money": money})).value
        for years in (0.0, 0.5, 2.0, 7.5)
    ]
    assert (np.diff(values, axis=0) < 0).all()
    assert (values[0] == estimate(method, 60, state, **columns).value).all()


def check_chances(method: Method, state: State = NOTHING) -> None:
    """A value is proportional to each chance, and a pending challenge lowers it."""
    columns = random_book(40, 13)
    value = estimate(method, 40, state, **columns).value
    half = CN.replace(enforcement_probability__default=0.5)
    np.testing.assert_allclose(estimate(method, 40, state, half, **columns).value, value * 0.5, rtol=1e-13)
    doubtful = CN.replace(validity_probability__default=0.5)
    ratio = 0.5 / CN.validity_probability["default"].value
    np.testing.assert_allclose(estimate(method, 40, state, doubtful, **columns).value, value * ratio, rtol=1e-13)
    likely = columns | {"money": columns["money"] | {"success_probability": np.full(40, 0.25)}}
    np.testing.assert_allclose(estimate(method, 40, state, **likely).value, value * 0.25, rtol=1e-13)
    assert (estimate(method, 40, state, **(columns | {"challenged": np.ones(40)})).value < value).all()


def check_currency(method: Method, state: State = NOTHING) -> None:
    """With fees: a book in another currency has the converted value."""
    one = with_fees(80, 14)
    rate = 7.13
    money = one.money | {name: one.money[name] * rate for name in ("revenue", "fee_rate")}
    mine, other = (method.estimate(book, state, CN) for book in (one, replace(one, money=money)))
    np.testing.assert_allclose(other.value, mine.value * rate, rtol=1e-12)
    np.testing.assert_allclose(other.quantiles, mine.quantiles.values * rate, rtol=1e-11)


def check_chunks(method: Method, state: State = NOTHING) -> None:
    """A patent's value and steps have the same bits alone, in any order and among all."""
    whole = with_fees(60, 4)
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
    path = (steps[flow], steps["discount_rate"], steps["years_renewed"])
    present: npt.NDArray[np.float64] = _present(*path, steps["growth"], steps["decline"])
    np.testing.assert_allclose(steps["present_value"], present, rtol=1e-13)
    likely = steps["success_probability"] * steps["validity_probability"] * steps["enforcement_probability"]
    again = (steps["present_value"] * likely - steps["fees"]) * steps["tax_amortisation"]
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
