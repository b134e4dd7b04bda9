"""A figure in a currency without a rate is not a figure that is missing: the reason says which."""

import pyarrow as pa
import pytest

import ipvalue as ipv

METHODS = (
    ipv.ReliefFromRoyalty(),
    ipv.ExcessEarnings(),
    ipv.ProfitSplit(),
    ipv.IndicatorScore(),
    ipv.ReplacementCost(),
    ipv.RealOption(),
)


@pytest.fixture(scope="module")
def reasons():
    book = ipv.Book(
        patents=pa.table(
            {
                "patent_id": ["KNOWN", "STRANGE", "SILENT"],
                "jurisdiction": ["CN"] * 3,
                "application_date": ["2020-01-01"] * 3,
                "grant_date": ["2022-01-01"] * 3,
            }
        ),
        economics=pa.table(
            {
                "patent_id": ["KNOWN", "STRANGE"],
                "known_date": ["2023-01-01"] * 2,
                "revenue": [1e8, 1e8],
                "cost_to_develop": [1e5, 1e5],
                "historical_cost": [1e5, 1e5],
                "currency": ["CNY", "XXA"],
            }
        ),
    )
    engine = ipv.ValuationEngine(METHODS).fit(book, as_of="2024-12-31")
    return engine.value(book.as_of("2024-12-31")).to_pandas()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_currency_without_a_rate_is_the_reason(reasons, method):
    said = reasons[f"reason_{method.name}"]
    assert said["KNOWN"] != "no_exchange_rate"
    assert said["STRANGE"] == "no_exchange_rate"
    assert said["SILENT"] in ("no_revenue", "no_cost")


def test_where_all_methods_say_so_the_value_does(reasons):
    assert reasons.loc["STRANGE", "reason"] == "no_exchange_rate"
