"""Whether one method's losses are smaller than another's by more than chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

__all__ = ["DieboldMariano", "diebold_mariano"]


class DieboldMariano(NamedTuple):
    """Result of :func:`diebold_mariano`."""

    difference: float
    """Mean of the first losses less the second: negative where the first method is better."""
    statistic: float
    p_value: float
    """Two-sided."""
    n: int
    """Pairs, or clusters of pairs, that were compared."""


def diebold_mariano(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    horizon: int = 1,
    clusters: npt.ArrayLike | None = None,
) -> DieboldMariano:
    """Test equal accuracy of two methods on the same cases, with the small-sample correction.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Losses of the two methods, such as squared log errors, in the order of time. Pairs of which one is missing
        are left out.
    horizon : int, default 1
        Steps ahead that were forecast: differences less than so many apart may be correlated.
    clusters : array_like, shape (n,), optional
        Cases of one cluster (an owner, a patent valued on several dates) may be correlated, whatever their order;
        only with ``horizon`` 1.

    Returns
    -------
    DieboldMariano
        Statistic and p-value are NaN with fewer than two pairs (clusters), or where the losses never differ.

    Raises
    ------
    ValueError
        If the lengths differ, ``horizon`` is not from 1 to n, or it is more than 1 with clusters.

    Notes
    -----
    With d the differences, c_k their autocovariances and h the horizon, the variance of the mean is
    (c_0 + 2 sum_{k<h} c_k) / n; over clusters it is sum(S_j^2) / n^2 with S_j the cluster's sum of d - mean(d). The
    statistic mean(d) / sd is multiplied by sqrt((n + 1 - 2 h + h (h - 1) / n) / n) (n clusters, where given) and
    compared with Student's t of n - 1 degrees of freedom. A variance estimate below zero gives NaN.

    References
    ----------
    Diebold and Mariano (1995), Journal of Business and Economic Statistics 13(3); Harvey, Leybourne and Newbold
    (1997), International Journal of Forecasting 13(2).

    Examples
    --------
    >>> found = diebold_mariano([1.0, 2.0, 1.5, 1.0], [2.0, 2.5, 2.5, 1.5])
    >>> round(found.difference, 3), round(found.p_value, 3)
    (-0.75, 0.014)
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"the losses must be two columns of one length, not of shapes {one.shape} and {two.shape}")
    known = np.isfinite(one) & np.isfinite(two)
    gap = (one - two)[known]
    if horizon < 1 or (len(gap) > 1 and horizon > len(gap)):
        raise ValueError(f"horizon={horizon}: it must be from 1 to the number of pairs, {len(gap)}")
    if clusters is not None and horizon > 1:
        raise ValueError("clusters stand in for the order of time: leave horizon at 1")
    if len(gap) < 2:
        return DieboldMariano(float(gap.mean()) if len(gap) else np.nan, np.nan, np.nan, len(gap))
    centered = gap - gap.mean()
    if clusters is None:
        n = len(gap)
        covariance = [float((centered[k:] * centered[: n - k]).sum()) / n for k in range(horizon)]
        variance = (covariance[0] + 2.0 * sum(covariance[1:])) / n
    else:
        _, place = np.unique(np.asarray(clusters)[known], return_inverse=True)
        sums = np.bincount(place, weights=centered)
        n = len(sums)
        variance = float((sums**2).sum()) / len(gap) ** 2
    if n < 2 or not variance > 0:
        return DieboldMariano(float(gap.mean()), np.nan, np.nan, n)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(gap.mean() / np.sqrt(variance) * np.sqrt(correction))
    return DieboldMariano(float(gap.mean()), statistic, float(2.0 * student.sf(abs(statistic), n - 1)), n)
