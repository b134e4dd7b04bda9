"""Where values are too high or too low: by their own size, and by segment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.evaluation._points import log_errors
from ipvalue.types import Array, Columns, Floats

__all__ = ["calibration_by_segment", "calibration_by_size"]


def calibration_by_size(value: npt.ArrayLike, target: npt.ArrayLike, groups: int = 10) -> Columns:
    """Values against targets in groups of equal number by the size of the value: deciles by default.

    Parameters
    ----------
    value, target : array_like, shape (n,)
        In the same currency. Pairs of which one is missing, infinite, zero or negative are left out.
    groups : int, default 10

    Returns
    -------
    dict of str to ndarray, shape (groups,) or less
        ``group`` (from 1, the smallest values), ``n``, ``value`` and ``target`` (geometric means), ``bias`` (mean
        log error) and ``bias_error`` (its standard error; NaN for one pair).

    Notes
    -----
    A calibrated valuation has a bias near 0 in each group: whoever is valued high is paid high, by as much.

    Examples
    --------
    >>> table = calibration_by_size([1.0, 2.0, 10.0, 20.0], [1.0, 2.0, 5.0, 10.0], groups=2)
    >>> table["bias"].round(3).tolist()
    [0.0, 0.693]
    """
    v, y = np.asarray(value, np.float64), np.asarray(target, np.float64)
    use = np.flatnonzero(np.isfinite(log_errors(v, y)))
    rank = np.argsort(np.argsort(v[use], kind="stable"), kind="stable")
    group = rank * groups // max(len(use), 1) + 1
    return _by_group("group", group, v[use], y[use])


def calibration_by_segment(value: npt.ArrayLike, target: npt.ArrayLike, segment: npt.ArrayLike) -> Columns:
    """Values against targets by segment, such as jurisdiction or technology field.

    Parameters
    ----------
    value, target : array_like, shape (n,)
        In the same currency. Pairs of which one is missing, infinite, zero or negative are left out.
    segment : array_like, shape (n,)

    Returns
    -------
    dict of str to ndarray, one element a segment in sorted order
        ``segment`` and the columns of :func:`calibration_by_size`.

    Examples
    --------
    >>> table = calibration_by_segment([1.0, 4.0, 4.0], [1.0, 2.0, 2.0], ["CN", "US", "US"])
    >>> table["segment"].tolist(), table["bias"].round(3).tolist()
    (['CN', 'US'], [0.0, 0.693])
    """
    v, y = np.asarray(value, np.float64), np.asarray(target, np.float64)
    use = np.flatnonzero(np.isfinite(log_errors(v, y)))
    return _by_group("segment", np.asarray(segment)[use], v[use], y[use])


def _by_group(
    name: str,
    group: Array,
    value: Floats,
    target: Floats,
) -> Columns:
    labels, place = np.unique(group, return_inverse=True)
    n = np.bincount(place, minlength=len(labels)).astype(np.float64)
    error = np.log(value / target)
    bias = np.bincount(place, weights=error, minlength=len(labels)) / n
    square = np.bincount(place, weights=(error - bias[place]) ** 2, minlength=len(labels))
    several = n > 1
    spread = np.sqrt(square / np.where(several, (n - 1.0) * n, 1.0))
    means = [np.exp(np.bincount(place, weights=np.log(x), minlength=len(labels)) / n) for x in (value, target)]
    return {
        name: labels,
        "n": n.astype(np.int64),
        "value": means[0],
        "target": means[1],
        "bias": bias,
        "bias_error": np.where(several, spread, np.nan),
    }
