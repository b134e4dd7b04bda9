"""Nearest neighbours are those of an elementwise search to the last bit: alone, together, with ties, at any scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ipvalue.finance.nearest_neighbours import nearest


def elementwise(points: np.ndarray, others: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    square = np.zeros((len(points), len(others)))
    for i in range(points.shape[1]):
        square += (others[:, i] - points[:, i, None]) ** 2
    order = np.argsort(square, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(square, order, axis=1)


def same(points: np.ndarray, others: np.ndarray, k: int) -> None:
    for mine, theirs in zip(nearest(points, others, k), elementwise(points, others, k)):
        np.testing.assert_array_equal(mine, theirs)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda d: st.tuples(
            arrays.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(d)), elements=st.integers(-3, 3)),
            arrays.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(d)), elements=st.integers(-3, 3)),
        )
    ),
    st.integers(1, 12),
    st.sampled_from([1.0, 0.1, 1e-160, 1e150]),
    st.sampled_from([0.0, 1e8]),
)
def test_ties_go_to_the_lower_position_at_any_scale_and_far_from_the_origin(
    pair: tuple[np.ndarray, np.ndarray], k: int, scale: float, shift: float
) -> None:
    """Whole numbers give many equal distances; a shift of 1e8 drowns the differences of the matrix product."""
    points, others = (part * scale + shift for part in pair)
    same(points, others, k)


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_many_points_of_many_dimensions(scale: float) -> None:
    random = np.random.default_rng(0)
    others = 5.0 + scale * random.standard_normal((300, 16))
    others[50:60] = others[40:50]
    points = 5.0 + scale * random.standard_normal((1500, 16))
    points[:10] = others[:10]
    same(points, others, 25)


def test_a_point_has_the_same_neighbours_alone_and_among_others() -> None:
    random = np.random.default_rng(1)
    others, points = random.standard_normal((200, 7)), random.standard_normal((1300, 7))
    place, square = nearest(points, others, 9)
    for rows in (np.array([3]), np.arange(500, 530), np.arange(1299, -1, -1)):
        mine = nearest(points[rows], others, 9)
        np.testing.assert_array_equal(mine[0], place[rows])
        np.testing.assert_array_equal(mine[1], square[rows])


def test_fewer_others_than_asked_for_are_all_returned() -> None:
    place, square = nearest(np.zeros((2, 1)), np.array([[2.0], [1.0]]), 5)
    assert place.tolist() == [[1, 0], [1, 0]] and square.tolist() == [[1.0, 4.0], [1.0, 4.0]]
    assert nearest(np.zeros((2, 1)), np.zeros((0, 1)), 5)[0].shape == (2, 0)
