"""Conformal quantiles by group: coverage on exchangeable scores, and what small groups do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.finance.conformal import conformal_quantiles, fewest_scores, grouped_quantiles


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(19, 120), min_size=1, max_size=4),
    heavy=st.booleans(),
    level=st.sampled_from([0.5, 0.8, 0.9]),
)
def test_every_group_is_covered_at_least_nominally(seed: int, sizes: list[int], heavy: bool, level: float) -> None:
    """Vovk, Gammerman and Shafer (2005), section 4.5: whatever the groups' distributions and the other groups."""
    random, times, fresh = np.random.default_rng(seed), 60, 40
    levels = ((1 - level) / 2, (1 + level) / 2)
    group = np.repeat(np.arange(len(sizes)), sizes)
    scale, shift = random.uniform(0.1, 10, len(sizes)), random.uniform(-5, 5, len(sizes))
    inside = np.zeros((times, len(sizes)))
    for k in range(times):
        draw = random.standard_t(2, len(group)) if heavy else random.standard_normal(len(group))
        found, quantiles = grouped_quantiles(scale[group] * draw + shift[group], group, levels)
        assert found.tolist() == list(range(len(sizes)))
        new = random.standard_t(2, (fresh, len(sizes))) if heavy else random.standard_normal((fresh, len(sizes)))
        new = scale * new + shift
        inside[k] = ((quantiles[:, 0] <= new) & (new <= quantiles[:, 1])).mean(axis=0)
    error = inside.std(axis=0, ddof=1) / np.sqrt(times)
    assert (inside.mean(axis=0) >= level - 5 * error).all()


def test_small_groups_have_no_quantiles_of_their_own() -> None:
    scores, group = np.arange(57.0), np.repeat([4, 9, 2], [18, 19, 20])
    assert grouped_quantiles(scores, group, (0.05, 0.95))[0].tolist() == [2, 9]
    assert grouped_quantiles(scores, group, (0.05, 0.95), fewest=20)[0].tolist() == [2]
    nothing = grouped_quantiles(scores, group, (0.05, 0.95), fewest=100)
    assert nothing[0].shape == (0,) and nothing[1].shape == (0, 2)


@pytest.mark.parametrize("level", [0.6, 0.75, 0.9, 0.95, 0.99])
def test_fewest_scores_is_the_smallest_number_whose_rank_exists(level: float) -> None:
    n = fewest_scores((1 - level, level))
    assert np.ceil(level * (n + 1) - 1e-9) <= n < np.ceil(level * n - 1e-9) + 1


def test_one_group_has_the_quantiles_of_all() -> None:
    scores = np.random.default_rng(3).standard_normal(200)
    _, quantiles = grouped_quantiles(scores, np.zeros(200, np.int64))
    np.testing.assert_array_equal(quantiles[0], conformal_quantiles(scores))
