"""Conformal quantiles: intervals whose coverage follows from exchangeability alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.distributions import LEVELS

__all__ = ["conformal_quantiles"]

Floats = npt.NDArray[np.float64]


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
