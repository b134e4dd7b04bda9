"""The value of a book as one amount: against exact moments, quadratic sums and one another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.errors import BookError
from ipvalue.finance.distributions import fenton_wilkinson
from ipvalue.risk.portfolio import Factors, PortfolioCorrelation, simulate_total, total_variance
from tests.risk.hand import valuation

MEDIAN = np.array([100.0, 50.0, 200.0, 10.0, 80.0, 80.0])
SIGMA = np.array([0.5, 0.8, 0.3, 1.0, 0.6, 0.4])
FIELD, OWNER = np.array([0, 0, 1, 1, 2, 0]), np.array([0, 1, 0, 0, 2, 0])


def risk(correlation: tuple[float, float, float], **more: object) -> object:
    shares = PortfolioCorrelation.of(*correlation)
    given = {"field": FIELD, "owner": OWNER, "correlation": shares, "scenarios": 40_000} | more
    return ipv.portfolio(valuation(MEDIAN, SIGMA), **given)


def test_independent_lognormals_have_the_exact_mean_and_variance() -> None:
    found = risk((0.0, 0.0, 0.0)).moments
    mean = MEDIAN * np.exp(SIGMA**2 / 2)
    assert found["mean"] == pytest.approx(mean.sum(), rel=1e-12)
    assert found["standard_deviation"] ** 2 == pytest.approx((mean**2 * np.expm1(SIGMA**2)).sum(), rel=1e-12)


def test_the_variance_equals_the_sum_over_all_pairs() -> None:
    a, b, c = 0.2, 0.15, 0.1
    rho = a + b * (FIELD[:, None] == FIELD) + c * (OWNER[:, None] == OWNER)
    np.fill_diagonal(rho, 1.0)
    mean = MEDIAN * np.exp(SIGMA**2 / 2)
    pairs = mean[:, None] * mean * np.expm1(rho * SIGMA[:, None] * SIGMA)
    assert total_variance(mean, SIGMA, Factors(FIELD, OWNER, a, b, c)) == pytest.approx(pairs.sum(), rel=1e-12)
    centre, spread = fenton_wilkinson(mean, SIGMA, rho)
    found = risk((a, b, c), scenarios=0).moments
    assert (found["analytic_median"], found["analytic_sigma"]) == pytest.approx((float(centre), float(spread)))


def test_one_factor_equals_the_library_sum() -> None:
    mean = MEDIAN * np.exp(SIGMA**2 / 2)
    _, spread = fenton_wilkinson(mean, SIGMA, 0.3)
    assert risk((0.3, 0.0, 0.0), scenarios=0).moments["analytic_sigma"] == pytest.approx(float(spread))


@pytest.mark.parametrize("correlation", [(0.0, 0.0, 0.0), (0.2, 0.1, 0.1), (0.5, 0.3, 0.2)])
def test_simulation_and_analytic_agree(correlation: tuple[float, float, float]) -> None:
    found = risk(correlation)
    m = found.moments
    assert found.provenance["analytic_reliable"]
    assert abs(m["simulated_mean"] - m["mean"]) < 4 * m["simulation_error"]
    assert m["simulation_error"] * 200 == pytest.approx(m["standard_deviation"], rel=0.05)  # 40,000 draws
    # the shape is not exactly lognormal: within 4 % of the quantile, 6 % of what may be lost
    assert found.quantiles["simulated"].tolist() == pytest.approx(found.quantiles["analytic"].tolist(), rel=0.04)
    losses = found.losses
    for name in ("value_at_risk", "expected_shortfall"):
        assert losses[f"{name}_simulated"].tolist() == pytest.approx(losses[name].tolist(), rel=0.06)


def test_one_patent_is_its_own_book_exactly() -> None:
    one = ipv.portfolio(valuation([100.0], 0.5), field=["x"], owner=["y"], scenarios=0)
    expected = 100 * np.exp(0.5 * np.array([-1.6448536, -0.6744898, 0, 0.6744898, 1.6448536]))
    assert one.quantiles["analytic"].tolist() == pytest.approx(expected.tolist())
    assert one.quantiles["sum_of_patents_quantiles"].tolist() == pytest.approx(expected.tolist())
    assert one.losses["diversification"].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


def test_the_sum_of_quantiles_is_no_quantile_of_the_sum() -> None:
    found = risk((0.15, 0.1, 0.05)).quantiles
    assert found.loc[0.05, "sum_of_patents_quantiles"] < 0.75 * found.loc[0.05, "analytic"]
    assert found.loc[0.95, "sum_of_patents_quantiles"] > 1.2 * found.loc[0.95, "analytic"]


def test_equal_patents_that_move_as_one_have_no_diversification() -> None:
    same = {"field": [1] * 3, "owner": [1] * 3, "correlation": PortfolioCorrelation.of(1.0, 0.0, 0.0), "scenarios": 0}
    found = ipv.portfolio(valuation([100.0] * 3, 0.5), **same)
    assert found.losses["diversification"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


def test_losses_rise_with_each_correlation() -> None:
    base = risk((0.1, 0.1, 0.1), scenarios=0).losses["value_at_risk"]
    for more in ((0.3, 0.1, 0.1), (0.1, 0.3, 0.1), (0.1, 0.1, 0.3)):
        assert (risk(more, scenarios=0).losses["value_at_risk"] > base).all()


def test_concentration_by_hand() -> None:
    # values 60, 30, 10 without spread: shares 0.6, 0.3, 0.1; index 0.36 + 0.09 + 0.01 = 0.46
    # one owner holds the first and the last: 0.7 and 0.3, index 0.49 + 0.09 = 0.58
    found = ipv.portfolio(valuation([60.0, 30.0, 10.0]), field=["a", "b", None], owner=["u", "v", "u"], scenarios=0)
    table = found.concentration
    assert table["herfindahl"].tolist() == pytest.approx([0.46, 0.46, 0.58])
    assert table.loc["patent", "top_1"] == pytest.approx(0.6)
    assert table.loc["owner", "equal_groups"] == pytest.approx(1 / 0.58)


def test_unknown_owners_share_nothing() -> None:
    unknown = ipv.portfolio(valuation([10.0, 10.0], 0.5), field=["a", "b"], owner=[None, ""], scenarios=0)
    other = ipv.portfolio(valuation([10.0, 10.0], 0.5), field=["a", "b"], owner=["u", "v"], scenarios=0)
    assert unknown.moments == pytest.approx(other.moments, nan_ok=True)


def test_draws_follow_from_the_seed_alone() -> None:
    factors = Factors(FIELD, OWNER, 0.2, 0.1, 0.1)
    draws = simulate_total(MEDIAN, SIGMA, factors, 100, 3)
    assert (draws[:40] == simulate_total(MEDIAN, SIGMA, factors, 40, 3)).all()
    assert (draws != simulate_total(MEDIAN, SIGMA, factors, 100, 4)).all()


def test_a_book_of_dead_patents_is_worth_nothing() -> None:
    found = ipv.portfolio(valuation([0.0, np.nan]), field=[1, 1], owner=[1, 1], scenarios=10)
    assert found.moments["mean"] == 0.0 and found.provenance["left_out"] == 2
    assert found.quantiles["analytic"].tolist() == [0.0] * 5


def test_the_snapshot_gives_fields_and_owners(valuation: ipv.Valuation, book: ipv.Book) -> None:
    found = ipv.portfolio(valuation, scenarios=64)
    bare = ipv.Valuation(valuation.table, valuation.provenance)
    with pytest.raises(BookError, match="snapshot"):
        ipv.portfolio(bare)
    again = ipv.portfolio(bare, snapshot=book.as_of("2023-12-31"), scenarios=64)
    pd.testing.assert_frame_equal(found.quantiles, again.quantiles)
    with pytest.raises(BookError, match="elements"):
        ipv.portfolio(bare, field=[1], owner=[2])
    found = ipv.portfolio(valuation, scenarios=2000)
    assert 0 < found.losses["diversification_simulated"].iloc[0] < 1
    # three methods, few deals: sigmas above 2, for which matched moments say nothing
    assert found.moments["largest_sigma"] > 2 and not found.provenance["analytic_reliable"]
    assert "not reliable" in repr(found)


def test_shares_of_variance_are_bounded() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        PortfolioCorrelation.of(0.5, 0.4, 0.2)
