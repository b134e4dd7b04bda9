"""No method reports a level that a stock market implies as a price.

Kogan, Papanikolaou, Seru and Stoffman (2017), Quarterly Journal of Economics 132, take a patent's value from the
stock market's reaction to its grant: millions of dollars each, a share of a firm's value and no price that anyone pays.
Here such levels are put wherever they could come in, and nothing may move by a bit; the same levels, passed off as
arm's-length sales, move the values, so that the test would see them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.prices import gather
from ipvalue.methods.base import State, available

DAY = "2023-12-31"
NAMES = ("kpss", "xi_nominal", "xi_real", "stock_market_value")
SMALL = {"gradient_boosting": {"trees": 20, "folds": 2, "minimum": 20}, "hedonic_price": {"minimum": 20}}


def levels(book: ipv.Book) -> npt.NDArray[np.float64]:
    """A level for each patent, of the size of the published ones: lognormal with a median of 3.2 million dollars."""
    return 3.2e6 * np.exp(1.7 * np.random.default_rng(5).standard_normal(len(book.patent_ids)))


def with_levels(book: ipv.Book, **kind: object) -> ipv.Book:
    """The book with a transaction of each patent at its level, and the levels as columns of its own tables."""
    patents = np.asarray(book.patent_ids)
    level = levels(book)
    rows = pd.DataFrame(
        {
            "deal_id": [f"KPSS-{i}" for i in patents],
            "patent_id": patents,
            "deal_date": pd.Timestamp("2023-03-01").date(),
            "price": level,
            "currency": "USD",
            "kind": "sale",
            "arms_length": False,
            "deal_patents": 1,
        }
        | kind
    )
    frames = {name: table.to_pandas() for name, table in book.tables.items()}
    frames["transactions"] = pd.concat([frames["transactions"], rows], ignore_index=True)
    by_patent = dict(zip(patents, level))
    for table in ("patents", "economics", "transactions"):
        for name in NAMES:
            frames[table][name] = frames[table]["patent_id"].map(by_patent)
    return ipv.Book(**frames)


def assert_same_state(one: State, two: State, name: str) -> None:
    assert one.numbers == two.numbers and one.texts == two.texts, name
    for table, columns in one.tables.items():
        for column, values in columns.items():
            np.testing.assert_array_equal(values, two.tables[table][column], err_msg=f"{name}.{table}.{column}")


@pytest.fixture(scope="module")
def engine(book: ipv.Book) -> ipv.ValuationEngine:
    """Every method there is."""
    return ipv.ValuationEngine([k(**SMALL.get(n, {})) for n, k in available().items()]).fit(book, as_of=DAY)


# an unknown kind is refused with its row: read as a sale, for want of a kind, it would be a price
DISGUISES: Sequence[dict[str, object]] = (
    {"arms_length": False},
    {"arms_length": None},
    {"arms_length": True, "kind": "stock_market_reaction"},
    {"arms_length": True, "kind": "licence"},
)


@pytest.mark.slow
@pytest.mark.parametrize("disguise", DISGUISES, ids=lambda d: ",".join(f"{k}={v}" for k, v in d.items()))
def test_no_estimate_moves_by_a_bit_where_stock_market_levels_are_put(
    book: ipv.Book, engine: ipv.ValuationEngine, disguise: dict[str, object]
) -> None:
    told = with_levels(book, **disguise)
    assert set(NAMES) <= set(told.ignored["patents"])
    mine, theirs = (gather(b, b.as_of(DAY), Assumptions.default("CN"), {}) for b in (book, told))
    np.testing.assert_array_equal(theirs.deals.price, mine.deals.price)
    assert list(theirs.deals.subject.patent_id) == list(mine.deals.subject.patent_id)
    assert mine.package_deals is not None and theirs.package_deals is not None
    np.testing.assert_array_equal(theirs.package_deals.price, mine.package_deals.price)
    again = ipv.ValuationEngine(engine.methods).fit(told, as_of=DAY)
    for name, state in engine.fitted.states.items():
        assert_same_state(state, again.fitted.states[name], name)
    assert again.value(told.as_of(DAY)).table.equals(engine.value(book.as_of(DAY)).table)


def test_the_same_levels_as_arms_length_sales_would_be_seen(book: ipv.Book, engine: ipv.ValuationEngine) -> None:
    told = with_levels(book, arms_length=True)
    market = ("comparable_sales", "hedonic_price")
    deceived = ipv.ValuationEngine([k() for n, k in available().items() if n in market]).fit(told, as_of=DAY)
    assert deceived.fitted.deals > 10 * engine.fitted.deals
    one, two = engine.value(book.as_of(DAY)).to_pandas(), deceived.value(told.as_of(DAY)).to_pandas()
    for name in market:
        moved = (two[f"value_{name}"] / one[f"value_{name}"]).dropna()
        assert moved.median() > 5, name
