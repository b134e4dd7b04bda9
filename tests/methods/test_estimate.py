"""What a method returns is checked: a width is read from its quantiles, and a wrong one would win the weight."""

from __future__ import annotations

import numpy as np
import pytest

from ipvalue.errors import IpvalueError, Reason
from ipvalue.methods.base import Estimate

GOOD = [50.0, 80.0, 100.0, 125.0, 200.0]


def made(value: float, quantiles: list[float]) -> Estimate:
    return Estimate.make(np.array([value, 100.0]), np.array([quantiles, GOOD]), np.zeros(2, np.int16))


@pytest.mark.parametrize(
    ("value", "quantiles"),
    [
        (100.0, GOOD[::-1]),
        (100.0, [50.0, 120.0, 100.0, 125.0, 200.0]),
        (400.0, GOOD),
        (10.0, GOOD),
        (np.nan, GOOD),
        (np.inf, GOOD),
        (100.0, [50.0, 80.0, np.nan, 125.0, 200.0]),
    ],
    ids=["descending", "out of order", "above", "below", "no value", "infinite", "a quantile missing"],
)
def test_what_is_no_distribution_is_no_estimate_and_its_neighbour_stays(value: float, quantiles: list[float]) -> None:
    found = made(value, quantiles)
    assert found.reason.tolist() == [Reason.FAILED_NUMERICALLY, 0]
    assert np.isnan(found.value[0]) and np.isnan(found.quantiles[0]).all()
    assert found.value[1] == 100.0 and found.quantiles[1].tolist() == GOOD


def test_a_sound_estimate_stays_bit_for_bit_and_rounding_is_no_fault() -> None:
    found = made(100.0, [50.0, 80.0, 80.0 * (1 - 1e-15), 125.0, 200.0])
    assert found.reason.tolist() == [0, 0]
    assert made(0.0, [0.0] * 5).reason[0] == 0


@pytest.mark.parametrize(
    "shapes", [((2,), (2, 4), (2,)), ((2,), (5, 2), (2,)), ((2, 1), (2, 5), (2,)), ((2,), (2, 5), (3,))]
)
def test_other_shapes_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    value, quantiles, reason = (np.ones(shape) for shape in shapes)
    with pytest.raises(IpvalueError, match=r"an estimate has the shapes \(n,\), \(n, 5\) and \(n,\)"):
        Estimate.make(value, quantiles, reason.astype(np.int16))
