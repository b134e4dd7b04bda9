"""Conformal quantiles: intervals whose coverage follows from exchangeability alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.distributions import LEVELS
from ipvalue.types import Floats, Ints

__all__ = ["conformal_quantiles", "fewest_scores", "grouped_quantiles"]


def conformal_quantiles(scores: Floats, levels: npt.ArrayLike = LEVELS) -> Floats:
    """Quantiles of scores that cover a new one with at least their nominal probability.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Exchangeable scores.
    levels : array_like, shape (k,)

    Returns
    -------
    ndarray, shape (k,)
        For q > 1/2 the score of rank ceil(q (n + 1)), for q < 1/2 that of rank floor(q (n + 1)), the extreme
        score where there are too few; the median for q = 1/2.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World.

    Examples
    --------
    >>> conformal_quantiles(np.arange(1.0, 100.0), (0.05, 0.5, 0.95)).tolist()
    [5.0, 50.0, 95.0]
    """
    ordered = np.sort(scores)
    n = len(ordered)
    level = np.asarray(levels, np.float64)
    exact = level * (n + 1)
    rank = np.where(level > 0.5, np.ceil(exact - 1e-9), np.floor(exact + 1e-9)).astype(np.int64)
    values = ordered[np.clip(rank - 1, 0, n - 1)]
    return np.where(level == 0.5, np.median(ordered), values)


def fewest_scores(levels: npt.ArrayLike = LEVELS) -> int:
    """Fewest scores for which every level is a rank that exists, so that coverage holds in finite samples.

    Notes
    -----
    Smallest n with ceil(q (n + 1)) <= n for the largest q, and likewise below: n >= q / (1 - q).

    Examples
    --------
    >>> fewest_scores((0.05, 0.95))
    19
    """
    level = np.asarray(levels, np.float64)
    most = np.maximum(level, 1.0 - level).max()
    return int(np.ceil(most / (1.0 - most) - 1e-9))


def grouped_quantiles(
    scores: Floats, group: Ints, levels: npt.ArrayLike = LEVELS, *, fewest: int = 0
) -> tuple[Ints, Floats]:
    """Conformal quantiles of each group that has enough scores (Mondrian).

    Parameters
    ----------
    scores : ndarray, shape (n,)
    group : ndarray of int, shape (n,)
    levels : array_like, shape (k,)
    fewest : int, default 0
        Fewest scores of a group; never less than :func:`fewest_scores`. Others take the quantiles of all scores.

    Returns
    -------
    tuple of (ndarray of int of shape (m,), ndarray of shape (m, k))
        The groups with quantiles of their own, ascending, and those quantiles.

    Notes
    -----
    Within a group whose scores are exchangeable, each one covers at least nominally, whatever the other groups do.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), section 4.5.

    Examples
    --------
    >>> groups, quantiles = grouped_quantiles(np.arange(1.0, 109.0), np.repeat([3, 7], [99, 9]), (0.05, 0.95))
    >>> groups.tolist(), quantiles.tolist()
    ([3], [[5.0, 95.0]])
    """
    found, count = np.unique(group, return_counts=True)
    large = found[count >= max(fewest, fewest_scores(levels))]
    rows = [conformal_quantiles(scores[group == one], levels) for one in large]
    return large.astype(np.int64), np.array(rows, np.float64).reshape(len(large), np.size(levels))
