"""Composite indices of the literature, each named by its source.

The OECD's patent quality index (4 and 6 components), a common factor in the manner of Lanjouw and Schankerman, and
the Patent Asset Index. Components are set against the patents of the same technology field and filing year in the book,
as the sources do against their statistics databases: an index compares patents of one book.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.book_statistics import FACTOR_SLOTS
from ipvalue.features.citation_indicators import SCALE, log_indicators, quality_components
from ipvalue.records.cohorts import cohort_of
from ipvalue.records.statistics import Statistics
from ipvalue.types import Columns, Floats, Ints

__all__ = ["FAMILY", "factor_weights", "normalised"]

_WINSOR = 0.98
_FOUR = ("forward_5y", "family_size", "claims", "generality")
_INDICATORS = 4
# indicators are integer thousandths: the rounding variance of a constant is far below that of one step
_NO_VARIANCE = 1e-9
_WELL_CONDITIONED = 1e8


def normalised(values: Ints, cohort: Ints, statistics: Statistics, name: str) -> Floats:
    """Component over the 98 % quantile of its field and filing year, at most 1; 0 where unknown.

    Notes
    -----
    The OECD normalises by the cohort's maximum after winsorising at the 98 % quantile, which is this; a component
    that is not known (no citing document, no family) counts as its lowest value there.
    """
    top = statistics.distribution(name).quantile(cohort, _WINSOR)
    return np.where((values > 0) & (top > 0), np.minimum(values / np.where(top > 0, top, 1.0), 1.0), 0.0)


def factor_weights(statistics: Statistics) -> tuple[Floats, Floats]:
    """Scoring weights of the common factor of the four log indicators, and its loadings.

    Returns
    -------
    tuple of ndarray, each of shape (4,)
        Weights of the regression score, and loadings; zeros where the book has too few patents.

    Notes
    -----
    The covariance within cohorts is Sigma = (sum x x' - sum of n m m' over cohorts) / (N - cohorts). One common
    factor: the loadings l minimise the distance of l l' to the off-diagonal of the correlation matrix (principal axis,
    iterated); the score is l' R^-1 z (Thomson's regression score). An indicator that does not vary in the book, as
    citations where there are none, has no part in it; of indicators that vary together the least weights are taken.
    """
    moments = statistics.counts["factor"]
    products, sums = moments.key < 0, moments.key >= 0
    upper = np.zeros(_INDICATORS * (_INDICATORS + 1) // 2)
    upper[-1 - moments.key[products]] = moments.count[products] / SCALE**2
    cohort, slot = moments.key[sums] // FACTOR_SLOTS, moments.key[sums] % FACTOR_SLOTS
    cohorts, place = np.unique(cohort, return_inverse=True)
    table = np.zeros((len(cohorts), _INDICATORS + 1))
    table[place, slot] = moments.count[sums]
    size, total = table[:, -1], table[:, :-1] / SCALE
    freedom = size.sum() - len(cohorts)
    if freedom < 10 * _INDICATORS:
        return np.zeros(_INDICATORS), np.zeros(_INDICATORS)
    second = np.zeros((_INDICATORS, _INDICATORS))
    second[np.triu_indices(_INDICATORS)] = upper
    second = second + np.triu(second, 1).T
    within = (second - (total / size[:, None]).T @ total) / freedom
    weights, loading = np.zeros(_INDICATORS), np.zeros(_INDICATORS)
    varies = np.flatnonzero(np.diag(within) > _NO_VARIANCE)
    if len(varies) > 1:
        deviation = np.sqrt(np.diag(within)[varies])
        correlation = within[np.ix_(varies, varies)] / deviation[:, None] / deviation[None, :]
        loading[varies] = _principal_axis(correlation)
        weights[varies] = _regression(correlation, loading[varies]) / deviation
    return weights, loading


def _regression(correlation: Floats, loading: Floats) -> Floats:
    """Weights of Thomson's score; those of least norm where the correlations leave more than one choice."""
    if np.linalg.cond(correlation) < _WELL_CONDITIONED:
        return np.asarray(np.linalg.solve(correlation, loading), np.float64)
    return np.asarray(np.linalg.pinv(correlation, rcond=1.0 / _WELL_CONDITIONED, hermitian=True) @ loading, np.float64)


def _principal_axis(correlation: Floats) -> Floats:
    """Loadings of one common factor, signed so that they sum to a positive number."""
    communality = np.full(len(correlation), 0.5)
    loading = np.zeros(len(correlation))
    for _ in range(100):
        reduced = correlation.copy()
        np.fill_diagonal(reduced, communality)
        values, vectors = np.linalg.eigh(reduced)
        loading = vectors[:, -1] * np.sqrt(max(values[-1], 0.0))
        communality = np.clip(loading**2, 0.0, 0.99)
    return loading if loading.sum() >= 0 else -loading


def _factor(components: dict[str, Ints], cohort: Ints, statistics: Statistics) -> Floats:
    """Common factor of each patent against the mean of its cohort; NaN where an indicator is unknown."""
    weights, _ = factor_weights(statistics)
    rows = log_indicators(components)
    moments = statistics.counts["factor"]
    size = moments.at(cohort * FACTOR_SLOTS + _INDICATORS).astype(np.float64)
    score = np.zeros(len(cohort))
    for i in range(_INDICATORS):
        mean = moments.at(cohort * FACTOR_SLOTS + i) / np.maximum(size, 1.0)
        # a thin cohort's mean is mostly the patent itself: its deviation is drawn towards 0 either way
        score = score + weights[i] * (rows[:, i] - mean) / SCALE
    return np.where(rows[:, 0] >= 0, score, np.nan)


def _compute(context: Context) -> Columns:
    snapshot, statistics = context.snapshot, context.statistics
    cohort = cohort_of(snapshot.field, snapshot.patents["application_date"])
    components = quality_components(snapshot)
    parts = {name: normalised(components[name], cohort, statistics, name) for name in components}
    # the shorter the way to grant, the higher the component; a pending application has none
    lag = np.where(components["grant_lag"] > 0, 1.0 - parts["grant_lag"], 0.0)
    four = _mean([parts[name] for name in _FOUR])
    return {
        "quality_index_4": four,
        "quality_index_6": _mean([*(parts[name] for name in _FOUR), parts["backward"], lag]),
        "quality_factor": _factor(components, cohort, statistics),
    }


def _mean(parts: list[Floats]) -> Floats:
    total = np.zeros_like(parts[0])
    for part in parts:
        total = total + part
    return total / len(parts)


FAMILY = Family.listed("quality", _compute)
