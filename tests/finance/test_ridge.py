"""Ridge: least squares in the limit, exact leave-one-out, weights as repeated rows, shrinkage by the penalty."""

from __future__ import annotations

import numpy as np
import pytest

from ipvalue.finance.ridge import leave_one_out, ridge


def sample(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
    return x, x @ [1.0, -0.2, 3.0, 0.5] + 7 + 0.1 * random.standard_normal(n)


def test_without_penalty_it_is_least_squares() -> None:
    x, y = sample(200)
    fit = ridge(x, y, 0.0)
    exact, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(200)]), y, rcond=None)
    np.testing.assert_allclose([*fit.slope, fit.intercept], exact, rtol=1e-8)
    assert fit.deviation == pytest.approx(0.1, rel=0.15)
    np.testing.assert_allclose(fit.residual, y - x @ fit.slope - fit.intercept, atol=1e-12)


def test_leverages_sum_to_the_number_of_coefficients() -> None:
    assert ridge(*sample(60), 0.0).leverage.sum() == pytest.approx(5.0)


def test_leave_one_out_equals_refitting_without_the_row() -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((40, 3)), random.standard_normal(40)
    fit = ridge(x, y, 1e-9)
    quick = leave_one_out(fit.residual, fit.leverage)
    for j in (0, 7, 39):
        rest = np.arange(40) != j
        exact, *_ = np.linalg.lstsq(np.column_stack([x[rest], np.ones(39)]), y[rest], rcond=None)
        assert quick[j] == pytest.approx(y[j] - np.append(x[j], 1.0) @ exact, rel=1e-6)


def test_a_weight_of_two_is_the_row_written_twice() -> None:
    x, y = sample(50)
    weight = np.where(np.arange(50) < 20, 2.0, 1.0)
    rows = np.repeat(np.arange(50), weight.astype(int))
    one, two = ridge(x, y, 5.0, weight), ridge(x[rows], y[rows], 5.0)
    np.testing.assert_allclose(one.slope, two.slope, rtol=1e-10)
    assert one.intercept == pytest.approx(two.intercept)
    assert one.deviation == pytest.approx(two.deviation)
    first = np.searchsorted(rows, np.arange(50))
    np.testing.assert_allclose(one.leverage, weight * two.leverage[first], rtol=1e-10)


def test_slopes_shrink_as_the_penalty_rises_and_a_constant_column_has_none() -> None:
    x, y = sample(100)
    x = np.column_stack([x, np.full(100, 3.0)])
    size = [np.abs(ridge(x, y, p).slope * x.std(axis=0)).sum() for p in (0.0, 10.0, 1e3, 1e7)]
    assert (np.diff(size) < 0).all() and size[-1] < 1e-3
    assert ridge(x, y, 0.0).slope[4] == 0.0
