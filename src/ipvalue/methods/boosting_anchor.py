"""Linear part of gradient boosting: a ridge regression on a few anchor columns, and effects of classes.

With few observations, trees approximate a steep slope only in many small steps; a line has it at once. Trees then learn
the residual. Rows with all anchor columns have one line. The other rows have another line, of the columns that all rows
have. Slopes never have the opposite sign of the known direction of a column. A class of rows (a technology field) has
an effect of its own, shrunk towards 0 where there are few observations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ipvalue.finance.ridge import ridge
from ipvalue.types import Array, Columns, Floats, Ints, Mask

__all__ = [
    "anchor_line",
    "anchor_parts",
    "anchor_slopes",
    "class_effects",
    "complete_rows",
    "effect_of",
    "fit_anchor",
    "place_in",
]

_FEWEST = 20
_PENALTY = 5.0


def fit_anchor(anchors: Floats, target: Floats, directions: Sequence[int]) -> dict[str, Floats]:
    """Fit the line of complete rows and that of the others.

    Parameters
    ----------
    anchors : ndarray, shape (n, k)
        NaN where unknown.
    target : ndarray, shape (n,)
    directions : sequence of int, length k
        -1 falling, 1 rising, 0 free.

    Returns
    -------
    dict of str to ndarray, shape (k + 1,)
        ``complete`` and ``partial``: intercept at the centre, then slopes; ``complete_centre`` and
        ``partial_centre``: 0, then the columns' means. ``use``: 1 where complete rows have their own line.

    Notes
    -----
    Ridge on standardised columns with a penalty of 5 observations. With fewer than 20 complete rows, all rows
    have the line of the others; with fewer than 20 others, that line is fitted on all rows.

    References
    ----------
    Hoerl and Kennard (1970), Technometrics 12.

    Examples
    --------
    >>> x = np.arange(100.0)[:, None]
    >>> line = fit_anchor(x, 2.0 * x[:, 0] + 1.0, [1])
    >>> np.round(anchor_line(line, np.array([[50.0], [np.nan]])), 0).tolist()
    [101.0, 100.0]
    """
    known_rows = complete_rows(anchors)
    own = known_rows.sum() >= _FEWEST
    others = ~known_rows if own and (~known_rows).sum() >= _FEWEST else np.ones(len(target), bool)
    # columns with missing values in the group are dropped
    shared = np.isfinite(anchors[~known_rows]).all(axis=0) & (~known_rows).any()
    partial, partial_centre = _line(anchors[others], target[others], directions, np.asarray(shared, np.bool_))
    every = np.ones(anchors.shape[1], bool)
    rows = known_rows if own else others
    complete, complete_centre = _line(
        anchors[rows], target[rows], directions, np.asarray(every if own else shared, np.bool_)
    )
    return {
        "complete": complete,
        "complete_centre": complete_centre,
        "partial": partial,
        "partial_centre": partial_centre,
        "use": np.full(len(complete), float(own)),
    }


def complete_rows(anchors: Floats) -> Mask:
    """Mask of the rows that have all anchors."""
    return np.asarray(np.isfinite(anchors).all(axis=1), np.bool_)


def _line(columns: Floats, target: Floats, directions: Sequence[int], use: Mask) -> tuple[Floats, ...]:
    """Intercept at the centre and slopes (0 for a column not used), and the centre."""
    k = columns.shape[1]
    slope, centre = np.zeros(k), np.zeros(k)
    chosen = columns[:, use]
    if use.any():
        centre[use] = chosen.mean(axis=0)
        slope[use] = ridge(chosen, target, _PENALTY).slope
    against = np.asarray(directions) * slope < 0
    slope[against] = 0.0
    return np.concatenate([[target.mean()], slope]), np.concatenate([[0.0], centre])


def anchor_parts(line: Mapping[str, Floats], anchors: Floats) -> Floats:
    """Intercept and each column's part of the line of every row.

    Parameters
    ----------
    line : mapping of str to ndarray
        From :func:`fit_anchor`.
    anchors : ndarray, shape (n, k)

    Returns
    -------
    ndarray, shape (n, k + 1)
        The parts sum to the line; an unknown column is set to its mean.
    """
    slopes = anchor_slopes(line, anchors)
    known_rows = _complete(line, anchors)[:, None]
    away = anchors - np.where(known_rows, line["complete_centre"], line["partial_centre"])[:, 1:]
    parts = slopes[:, 1:] * np.where(np.isfinite(away), away, 0.0)
    return np.concatenate([slopes[:, :1], parts], axis=1)


def anchor_slopes(line: Mapping[str, Floats], anchors: Floats) -> Floats:
    """Intercept at the centre and slopes of the line of every row, shape (n, k + 1)."""
    return np.where(_complete(line, anchors)[:, None], line["complete"], line["partial"])


def _complete(line: Mapping[str, Floats], anchors: Floats) -> Mask:
    return complete_rows(anchors) & bool(line["use"][0] > 0)


def anchor_line(line: Mapping[str, Floats], anchors: Floats) -> Floats:
    """The line of every row, its parts summed in the order of the columns."""
    parts = anchor_parts(line, anchors)
    total = parts[:, 0].copy()
    for k in range(1, parts.shape[1]):
        total += parts[:, k]
    return total


def class_effects(left: Floats, known_rows: Mask, classes: Ints) -> Columns:
    """Effect of each class on the residual of the line.

    Parameters
    ----------
    left : ndarray, shape (n,)
    known_rows : ndarray of bool, shape (n,)
        Rows with all anchors, which are closer to the line and get a larger weight.
    classes : ndarray of int, shape (n,)

    Returns
    -------
    dict of str to ndarray
        ``class``, ascending, and ``effect``.

    Notes
    -----
    Best linear prediction of a random effect: W m / (W + 1 / t^2), with m the class's weighted mean, W the sum of its
    weights (the inverse mean square about the class means, by kind of row), and t^2 the variance between classes by
    moments: (sum of W (m - mean)^2 - (classes - 1)) / (sum of W - sum of W^2 / sum of W), not below 0.

    References
    ----------
    Robinson (1991), That BLUP is a good thing, Statistical Science 6. DerSimonian and Laird (1986), Controlled
    Clinical Trials 7.

    Examples
    --------
    >>> left = np.array([1.1, 0.9, 1.0, -0.9, -1.1, -1.0])
    >>> found = class_effects(left, np.ones(6, bool), np.array([1, 1, 1, 2, 2, 2]))
    >>> np.round(found["effect"], 2).tolist()
    [1.0, -1.0]
    """
    distinct, place = np.unique(classes, return_inverse=True)
    weight = _precision(left, known_rows)
    mean = np.bincount(place, weight * left) / np.bincount(place, weight)
    free = len(left) / max(len(left) - len(distinct), 1)
    weight = _precision((left - mean[place]) * np.sqrt(free), known_rows)
    known = np.bincount(place, weight).astype(np.float64)
    mean = np.bincount(place, weight * left) / known
    between = _between(mean, known)
    return {"class": distinct.astype(np.int64), "effect": mean * between * known / (1.0 + between * known)}


def _precision(error: Floats, known_rows: Mask) -> Floats:
    """Inverse mean square of the rows of each kind."""
    weight = np.ones(len(error))
    for kind in (known_rows, ~known_rows):
        if kind.any():
            weight[kind] = 1.0 / max(float(np.mean(error[kind] ** 2)), 1e-6)
    return weight


def _between(mean: Floats, known: Floats) -> float:
    """Variance between classes, by moments."""
    total = known.sum()
    spread = (known * (mean - (known * mean).sum() / total) ** 2).sum() - (len(mean) - 1)
    base = total - (known**2).sum() / total
    return max(float(spread / base), 0.0) if base > 1e-9 * total else 0.0


def effect_of(effects: Mapping[str, Array], classes: Ints) -> Floats:
    """Effect of each row's class; 0 where the fit had no such class."""
    place = place_in(effects["class"], classes)
    return np.where(place >= 0, effects["effect"][place], 0.0)


def place_in(table: Ints, values: Ints) -> Ints:
    """Position of each value in an ascending table, -1 where it is not there."""
    place = np.minimum(np.searchsorted(table, values), len(table) - 1)
    return np.where(table[place] == values, place, -1)
