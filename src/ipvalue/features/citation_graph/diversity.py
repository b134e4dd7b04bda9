"""Spread of citations over classes: generality and originality.

Groups are integers from 0. A citation with a negative group or label is unknown and left out. Results do not depend
on the order of the citations, to the last bit, because only integers are added up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ipvalue.features.citation_graph.edges import checked_nodes
from ipvalue.types import Floats, Ints

__all__ = ["generality", "spread", "squares"]


def squares(group: npt.ArrayLike, label: npt.ArrayLike, n_groups: int | None = None) -> tuple[Ints, Ints]:
    """Citations of each group, and the sum of the squared numbers by class: exact integers.

    Parameters
    ----------
    group, label, n_groups
        As for :func:`generality`.

    Examples
    --------
    >>> [each.tolist() for each in squares([0, 0, 2], ["A", "B", "A"])]
    [[2, 0, 1], [2, 0, 1]]
    """
    node = checked_nodes(group, n_groups)
    code = _codes(label)
    if code.shape != node.shape:
        raise ValueError(f"{node.size} groups but {code.size} labels")
    n = n_groups if n_groups is not None else int(node.max(initial=-1)) + 1
    known = (node >= 0) & (code >= 0)
    width = int(code.max(initial=-1)) + 1
    key = node[known] * width + code[known]
    # half the bytes sort in about half the time
    key = np.sort(key.astype(np.int32) if n * width < np.iinfo(np.int32).max else key)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    runs = np.diff(starts, append=key.size)
    owner = key[starts] // max(width, 1)
    # integers far below 2^53: the sums are exact
    total, square = (np.bincount(owner, weights=each, minlength=n) for each in (runs, runs * runs))
    return total.astype(np.int64), square.astype(np.int64)


def _codes(label: npt.ArrayLike) -> Ints:
    """Class labels as codes from 0; integers are used as they are, missing ones get -1."""
    labels: npt.NDArray[Any] = np.atleast_1d(np.asarray(label))
    if labels.size == 0:
        return np.empty(0, dtype=np.int64)
    if labels.dtype.kind in "iu":
        if int(labels.max()) <= 2 * labels.size + 1_000_000:
            return labels.astype(np.int64, copy=False)
        import pandas as pd

        # a hash table: codes are compared with each other only, and a sort takes several times as long
        codes = pd.factorize(labels)[0]
        return np.where(labels < 0, -1, codes).astype(np.int64)
    import pandas as pd

    return pd.factorize(pd.Series(labels))[0].astype(np.int64)


def generality(
    group: npt.ArrayLike, label: npt.ArrayLike, *, bias_correction: bool = True, n_groups: int | None = None
) -> Floats:
    """Spread of citations over classes: generality of the citing, originality of the cited.

    Parameters
    ----------
    group : array_like of int, shape (m,)
        Patent of each citation: the cited for generality, the citing for originality.
    label : array_like, shape (m,)
        Class of the patent at the other end: integers or texts; negative or missing ones are left out.
    bias_correction : bool, default True
        Correct for the downward bias of few citations.
    n_groups : int, optional
        Length of the result; by default the largest group plus one.

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        0 if all citations are of one class, towards 1 if they spread; NaN without citation, and with the
        correction also for a single one.

    Raises
    ------
    ValueError
        If shapes do not fit or a group lies outside 0 to n_groups - 1.

    Notes
    -----
    ``(N / (N - 1)) (1 - sum over classes of (n_class / N)^2)``, without the first factor if uncorrected.

    References
    ----------
    Trajtenberg, Henderson and Jaffe (1997), Economics of Innovation and New Technology 5(1); Hall, Jaffe and
    Trajtenberg (2001), NBER Working Paper 8498, appendix 2 (the correction, by B. Hall).

    Examples
    --------
    >>> generality([0, 0, 0, 0], ["A", "A", "B", "C"], bias_correction=False).tolist()
    [0.625]
    >>> generality([0, 0, 0, 0], ["A", "A", "B", "C"]).round(4).tolist()
    [0.8333]
    """
    return spread(*squares(group, label, n_groups), bias_correction=bias_correction)


def spread(total: Ints, square: Ints, *, bias_correction: bool) -> Floats:
    """Generality from the result of :func:`squares`.

    Examples
    --------
    >>> spread(np.array([4]), np.array([6]), bias_correction=False).tolist()
    [0.625]
    """
    number = total.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        # integers until the only division: no cancellation
        apart = number**2 - square
        return apart / (number * (number - 1.0)) if bias_correction else apart / number**2
