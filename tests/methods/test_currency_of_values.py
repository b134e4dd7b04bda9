"""The currency of the values is a unit: with rates of exchange that never moved, no value may depend on it."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest

import ipvalue as ipv
from ipvalue.evidence.prices import gather
from ipvalue.methods.boosting import predict_columns
from ipvalue.methods.boosting_inputs import design_columns, fit_income, input_names

DAY = "2023-12-31"


@pytest.fixture(scope="module")
def pair(book):
    """One book in yuan and in dollars, and the dollars of a yuan."""
    still = 0.14
    table = book.tables["fx"]
    rates = {"CNY": still, "EUR": 1.1, "JPY": 0.007, "KRW": 0.0008, "USD": 1.0}
    rate = [rates.get(name, 1.0) for name in table["currency"].to_pylist()]
    table = table.set_column(table.schema.get_field_index("rate"), "rate", [rate])
    flat = ipv.Book(**{**book.tables, "fx": table.filter(pc.is_valid(table["rate"]))})
    methods = [
        ipv.ReliefFromRoyalty(),
        ipv.ComparableSales(),
        ipv.HedonicPrice(minimum=20),
        ipv.GradientBoosting(trees=60, folds=3, minimum=20),
        ipv.RenewalOption(minimum=50),
        ipv.ReplacementCost(),
    ]
    yuan = ipv.Assumptions.default("CN")
    dollars = yuan.model_copy(update={"currency": "USD"})
    found = [
        ipv.ValuationEngine(methods, each).fit(flat, as_of=DAY).value(flat.as_of(DAY)).to_pandas()
        for each in (yuan, dollars)
    ]
    return *found, still


@pytest.mark.slow
@pytest.mark.parametrize(
    "column",
    [
        "value",
        "q05",
        "q95",
        "value_relief_from_royalty",
        "value_comparable_sales",
        "value_hedonic_price",
        "value_gradient_boosting",
        "q95_gradient_boosting",
        "value_renewal_option",
        "value_replacement_cost",
    ],
)
def test_values_in_dollars_are_those_in_yuan_at_the_rate(pair, column):
    yuan, dollars, rate = pair
    known = yuan[column] > 0
    assert known.sum() > 50
    np.testing.assert_allclose(dollars.loc[known, column], yuan.loc[known, column] * rate, rtol=1e-6)


def test_grades_do_not_depend_on_the_currency(pair):
    yuan, dollars, _ = pair
    assert (yuan["grade"].astype(str) == dollars["grade"].astype(str)).all()


def test_expected_income_is_learnt_alike_in_every_currency(book):
    """Its trees see single precision: a target away from 0 rounded otherwise, and splits that were near ties moved."""
    yuan = ipv.Assumptions.default("CN")
    evidence = gather(book, book.as_of(DAY), yuan, {})
    subject = evidence.subject
    money = {**subject.money, "revenue": subject.money["revenue"] * 0.14}
    found = []
    for each in (subject, replace(subject, money=money)):
        text = fit_income(replace(evidence, subject=each), yuan, input_names(), trees=50, threads=1, seed=7)
        assert text is not None
        found.append(predict_columns([text], design_columns(each, yuan))[0])
    np.testing.assert_allclose(found[0] - found[1], (found[0] - found[1])[0], rtol=0, atol=1e-9)
