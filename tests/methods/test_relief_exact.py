"""Relief from royalty on 10,000 random patents against 60 digits: ramp, fees, chances, benefit, partial last year."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.evidence.subject import Subject
from ipvalue.law.fees import calendar
from ipvalue.methods.base import State
from tests.methods.exact import DIGITS, Income, agrees, benefit, chance, net_value
from tests.methods.subjects import subject

CN = ipv.Assumptions.default("CN")
DAY = np.datetime64("2024-12-31", "D")
LEARNT = State(
    tables={"royalty": {"rate": np.full(36, 0.05), "log_sd": np.full(36, 0.7), "licences": np.zeros(36, np.int64)}}
)
COUNT = 2_000


def random_subject(office: str, seed: int) -> Subject:
    """Granted rights and applications of one office: revenue so small or large that fees matter or do not."""
    random = np.random.default_rng(seed)
    n = COUNT
    term = random.uniform(0.01, 15.5, n)
    made = subject(
        n,
        field=random.integers(0, 36, n),
        jurisdiction=office,
        money={
            "revenue": 10 ** random.uniform(4.5, 9, n),
            "success_probability": random.uniform(0.05, 1, n),
            "cost_to_develop": np.where(random.uniform(size=n) < 0.5, 1e5, np.nan),
            "fee_rate": 10 ** random.uniform(-1, 0.5, n),
        },
        attribution=random.uniform(0.01, 1, n),
        royalty_rate=random.uniform(0.001, 0.3, n),
        revenue_growth=random.uniform(-0.3, 0.2, n),
        challenged=random.integers(0, 2, n),
        n_claims=random.integers(1, 30, n),
        remaining_term=term,
        age=2.0,
    )
    filing = DAY - random.integers(500, 6000, n).astype("m8[D]")
    grant = np.where(random.uniform(size=n) < 0.9, filing + np.timedelta64(700, "D"), np.datetime64("NaT", "D"))
    grant = np.where(grant > DAY, np.datetime64("NaT", "D"), grant)
    return replace(made, dates={"as_of": np.full(n, DAY), "filing": filing, "grant": grant})


def fees_of(book: Subject) -> list[list[tuple[float, float, float]]]:
    """Due date and lapse in days from the valuation, and the fee in the valuation's currency, a patent."""
    grant = np.where(np.isnat(book.dates["grant"]), DAY, book.dates["grant"])
    office, right = book.jurisdiction, book.right
    found = calendar(office, right, book.dates["filing"], grant, n_claims=book.features["n_claims"], known_on=DAY)
    days = [(column - DAY).astype(float) for column in (found.due, found.lapse)]
    amount = found.amount * book.money["fee_rate"][:, None]
    return [
        [(days[0][i, k], days[1][i, k], amount[i, k]) for k in np.flatnonzero(~np.isnat(found.due[i]))]
        for i in range(len(book))
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("office", "shape", "on_sale", "in_development"),
    [
        ("CN", "linear", 0.0, 2.0),
        ("US", "s_curve", 0.35, 4.0),
        ("JP", "linear", 1.0, 7.3),
        ("DE", "s_curve", 0.0, 3.5),
        ("GB", "linear", 0.6, 20.0),
    ],
)
def test_value_agrees_with_a_sum_over_years_in_60_digits(
    office: str, shape: str, on_sale: float, in_development: float
) -> None:
    """5 offices of 2,000 patents: within 1e-12 of the exact value."""
    book = random_subject(office, seed=len(shape) + int(10 * in_development))
    assumed = CN.replace(ramp_years__on_sale=on_sale, ramp_years__in_development=in_development)
    result = ipv.ReliefFromRoyalty(ramp=shape).estimate(book, LEARNT, assumed)
    assert (result.reason == 0).all()
    assert (result.details["fees"] > 0).mean() > 0.3
    assert (result.details["years_renewed"] < result.details["years"]).mean() > 0.02
    rate, fees, given, money = assumed.discount_rate(book.field), fees_of(book), book.features, book.money
    wrong: list[Any] = []
    with mpmath.workdps(DIGITS):
        after_tax = 1 - mpmath.mpf(assumed.tax_rate.value)
        for i in range(len(book)):
            ramp = in_development if money["cost_to_develop"][i] > 0 else on_sale
            years = given["remaining_term"][i]
            income = Income(rate[i], given["revenue_growth"][i], ramp, shape, years)
            flow = mpmath.mpf(money["revenue"][i]) * given["attribution"][i] * given["royalty_rate"][i] * after_tax
            flow *= chance(assumed, money["success_probability"][i], given["challenged"][i] > 0)
            exact = net_value(income, flow, years, fees[i], after_tax)
            exact *= benefit(assumed.tax_rate.value, rate[i], int(assumed.amortisation_years.value))
            if not agrees(result.value[i], exact):
                wrong.append((i, result.value[i], float(exact), float(result.value[i] / exact - 1)))
    assert not wrong
