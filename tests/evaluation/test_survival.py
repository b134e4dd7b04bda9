"""Survival of rights: the Kaplan-Meier estimate, and the prediction for the same rights at risk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.evaluation import renewal_survival
from ipvalue.evaluation.renewal_prediction import counted_survival, expected_survival
from ipvalue.evidence.renewal_history import histories
from ipvalue.finance.renewal import renewal_probability

DAY = "2024-12-31"


@pytest.fixture(scope="module")
def valued() -> ipv.Valuation:
    book = ipv.synthetic_book(5_000, seed=7)
    return ipv.ValuationEngine([ipv.RenewalOption()]).fit(book, DAY).value(book.as_of(DAY))


def test_remission_of_leukaemia_as_in_the_textbook() -> None:
    """Gehan (1965), 6-MP arm, as in Kalbfleisch and Prentice, table 1.1: S(6) = 0.857, ..., S(23) = 0.448."""
    weeks = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    # one that is censored at a week was seen through it: nothing is known beyond, and it was kept for week + 1
    years = np.array(weeks + [week + 1 for week in censored])
    lapsed = np.arange(21) < len(weeks)
    found = counted_survival(years, lapsed)
    wanted = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert {week: round(float(found.share[week]), 3) for week in wanted} == wanted
    # Greenwood's standard error of S(10) is 0.0963 (Collett, 2015, chapter 2, the same data): here on ln(-ln S)
    error = 0.0963 / abs(0.7529 * np.log(0.7529))
    assert found.low[10] == pytest.approx(0.7529 ** np.exp(1.96 * error), abs=1e-3)
    assert found.high[10] == pytest.approx(0.7529 ** np.exp(-1.96 * error), abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_curve_falls_within_its_interval_and_agrees_with_counting_by_hand(rights: list[tuple[int, bool]]) -> None:
    years, lapsed = np.array([y for y, _ in rights]), np.array([g for _, g in rights])
    found = counted_survival(years, lapsed)
    share = 1.0
    for year, (seen, low, high) in enumerate(zip(*found, strict=True)):
        at_risk = sum(y > year or (y == year and g) for y, g in rights)
        share *= 1 - sum(y == year and g for y, g in rights) / at_risk
        assert seen == pytest.approx(share, abs=1e-12)
        assert low - 1e-12 <= seen <= high + 1e-12
    assert len(found.share) == max(y + g for y, g in rights)
    # a model that says for every right what was counted predicts the same
    reach = np.tile(np.append(1.0, found.share), (len(rights), 1))
    assert expected_survival(years, lapsed, reach).share == pytest.approx(found.share, abs=1e-12)


def test_counts_lie_in_the_interval_of_the_model_that_made_them_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(3)
    n, books = 400, 300
    thresholds = np.array([0.0, 30.0, 60.0, 110.0, 200.0])
    mu = rng.normal(4.8, 0.5, n)
    reach = renewal_probability(np.tile(thresholds, (n, 1)), mu, np.ones(n))
    censored = rng.integers(1, 5, n)
    inside = []
    for _ in range(books):
        first = np.exp(mu + rng.normal(size=n))
        kept = (first[:, None] >= thresholds[None, 1:]).cumprod(axis=1).sum(axis=1)
        years, lapsed = np.minimum(kept, censored), kept < censored
        counted, predicted = counted_survival(years, lapsed), expected_survival(years, lapsed, reach)
        inside.append((predicted.low <= counted.share) & (counted.share <= predicted.high))
    assert np.mean(inside, axis=0) == pytest.approx(0.95, abs=0.035)


def test_a_book_is_counted_as_its_histories_say(valued: ipv.Valuation) -> None:
    made = valued.worksheet
    assert made is not None and made.snapshot is not None
    known = histories(made.snapshot, made.subject)
    table = renewal_survival(valued)
    assert table["lapsed"].sum() == known.lapsed.sum()
    assert table.loc[0, "at_risk"] == ((known.years > 0) | known.lapsed).sum()
    parts = [renewal_survival(valued, jurisdiction=office) for office in ("CN", "US")]
    assert all(part["at_risk"].iloc[0] < table["at_risk"].iloc[0] for part in parts)
    # fees every year in China, at three and a half, seven and a half and eleven and a half in the United States
    assert list(parts[1].index[parts[1]["lapsed"] > 0]) == [4, 8, 12]
    assert (parts[0]["lapsed"].iloc[1:9] > 0).all()


def test_a_model_fitted_to_the_book_predicts_its_renewals(valued: ipv.Valuation) -> None:
    table = renewal_survival(valued)
    many = table[table["at_risk"] >= 100]
    assert len(many) >= 10
    assert np.abs(many["share"] - many["expected"]).max() < 0.05
    assert (many["expected_low"] <= many["expected"]).all()
    assert (many["expected"] <= many["expected_high"]).all()


def test_without_a_renewal_model_nothing_is_predicted(valuation: ipv.Valuation) -> None:
    table = renewal_survival(valuation)
    assert table["expected"].isna().all()
    assert table["share"].between(0, 1).all()


def test_what_can_t_be_counted_is_refused(valued: ipv.Valuation, tmp_path: Path) -> None:
    with pytest.raises(BookError, match="of XX"):
        renewal_survival(valued, jurisdiction="XX")
    valued.to_parquet(tmp_path / "values.parquet")
    with pytest.raises(BookError, match="read from a file"):
        renewal_survival(ipv.Valuation.from_parquet(tmp_path / "values.parquet"))
