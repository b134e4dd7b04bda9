"""Nothing known later may change a snapshot, a feature, a fit or a value: the future is deleted and compared with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.methods.base import available
from tests.futures import without_future

BOOKS = {seed: ipv.synthetic_book(250, seed=seed) for seed in range(4)}
DAYS = st.dates(min_value=np.datetime64("2006-01-01").item(), max_value=np.datetime64("2024-12-30").item())


@settings(max_examples=25, deadline=None)
@given(seed=st.sampled_from(sorted(BOOKS)), day=DAYS)
def test_deleting_the_future_leaves_snapshot_and_features_bit_identical(seed: int, day: object) -> None:
    whole, past = BOOKS[seed], without_future(BOOKS[seed], str(day))
    with_future, without = whole.as_of(day), past.as_of(day)
    assert list(with_future.patent_ids) == list(without.patent_ids)
    for name, values in with_future.patents.items():
        np.testing.assert_array_equal(values, without.patents[name], err_msg=name)
    for table in ("citations_received", "citations_made", "claims", "first_claims", "family", "ipc", "owners"):
        mine, theirs = getattr(with_future, table), getattr(without, table)
        np.testing.assert_array_equal(mine.pointers, theirs.pointers, err_msg=table)
        for name in mine.columns.keys() - {"row"}:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=f"{table}.{name}")
    for table in ("economics", "transactions", "licences"):
        for name, values in getattr(with_future, table).items():
            np.testing.assert_array_equal(values, getattr(without, table)[name], err_msg=f"{table}.{name}")
    assert ipv.extract(with_future).equals(ipv.extract(without))


@pytest.mark.parametrize("day", ["2018-06-30", pytest.param("2022-03-15", marks=pytest.mark.slow)])
def test_deleting_the_future_leaves_fit_and_values_bit_identical(book: ipv.Book, day: str) -> None:
    small = {"gradient_boosting": {"trees": 20, "folds": 2, "minimum": 20}, "hedonic_price": {"minimum": 20}}
    engine = ipv.ValuationEngine([kind(**small.get(name, {})) for name, kind in available().items()])
    past = without_future(book, day)
    with_future, without = engine.fit(book, as_of=day), engine.fit(past, as_of=day)
    assert with_future.learnt is not None and with_future.learnt.deals > 20
    for name, state in with_future.learnt.states.items():
        other = without.fitted.states[name]
        assert state.texts == other.texts
        assert state.numbers == other.numbers
        for table, columns in state.tables.items():
            for column, values in columns.items():
                np.testing.assert_array_equal(values, other.tables[table][column], err_msg=f"{name}.{table}.{column}")
    assert with_future.value(book.as_of(day)).table.equals(without.value(past.as_of(day)).table)


def test_an_event_counts_only_once_it_is_announced() -> None:
    """A Chinese lapse is retroactive to the due date, and gazetted about a year later."""
    patents = {
        "patent_id": ["CN-1-B"],
        "jurisdiction": ["CN"],
        "application_date": ["2014-08-15"],
        "grant_date": ["2017-05-10"],
    }
    lapse = {
        "patent_id": ["CN-1-B"],
        "effective_date": ["2020-08-15"],
        "announced_date": ["2021-09-03"],
        "loaded_date": ["2021-09-20"],
        "scheme": ["cnipa"],
        "code": ["CF01"],
    }
    book = ipv.Book(patents=patents, legal_events=lapse)

    def alive(day: str, **known: str) -> float:
        return float(ipv.extract(book.as_of(day, **known))["alive"].iloc[0])  # type: ignore[arg-type]

    assert alive("2021-09-02") == 1.0
    assert alive("2021-09-03") == 0.0
    assert alive("2021-09-03", known="loaded") == 1.0
    assert alive("2021-09-20", known="loaded") == 0.0
