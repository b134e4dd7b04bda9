"""Drift of a distribution between two dates: the population stability index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.types import Floats

__all__ = ["stability_index"]

_EMPTY = 0.5


def stability_index(before: npt.ArrayLike, after: npt.ArrayLike, bins: int = 10) -> float:
    """Population stability index of two samples.

    Parameters
    ----------
    before, after : array_like
        Samples; missing values make a bin of their own.
    bins : int
        Bins by quantiles of the earlier sample; equal quantiles are one bin.

    Returns
    -------
    float
        0 where both have the same shares; NaN where a sample is empty. By the usual rule of thumb, below 0.1 is
        stable and above 0.25 has shifted.

    Notes
    -----
    ``sum over bins of (p_after - p_before) log(p_after / p_before)``. A bin that is empty in one sample counts half an
    observation there, so that the index stays finite.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards (index and rule of thumb); Kullback and Leibler (1951), Annals of
    Mathematical Statistics 22 (the divergence).

    Examples
    --------
    >>> stability_index([1, 2, 3, 4], [1, 2, 3, 4], bins=2)
    0.0
    >>> round(stability_index([1, 1, 2, 2], [1, 2, 2, 2], bins=2), 4)  # 0.25 log 1.5 + 0.25 log 2
    0.2747
    """
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if not len(first) or not len(second):
        return np.nan
    known = np.sort(first[~np.isnan(first)])
    # edges are values of the sample itself (method 'lower'), so that a flag's two values fall into two bins
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner, method="lower")) if len(known) else np.zeros(0)

    def shares(sample: Floats) -> Floats:
        place = np.where(np.isnan(sample), len(edges) + 1, np.searchsorted(edges, sample, side="left"))
        return np.bincount(place, minlength=len(edges) + 2).astype(np.float64)

    old, new = shares(first), shares(second)
    used = (old > 0) | (new > 0)
    p = np.maximum(old[used], _EMPTY) / len(first)
    q = np.maximum(new[used], _EMPTY) / len(second)
    return float(((q - p) * np.log(q / p)).sum())
