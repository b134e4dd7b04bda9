"""Codes of distinct strings: functions work on the distinct values and spread the answers over the array."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipvalue.types import Ints

__all__ = ["codes_of", "joint_codes"]


def codes_of(values: Any) -> tuple[Ints, list[str]]:
    """Distinct strings of an array-like, and the index of each element among them.

    Parameters
    ----------
    values : array-like of str, shape (n,)
        Missing values (None, NaN, NA) count as the empty string. Categoricals are not expanded.

    Returns
    -------
    codes : int64 array, shape (n,)
        Index of each element in ``names``.
    names : list of str
        Distinct values, the empty string first (whether or not it occurs).

    Examples
    --------
    >>> codes, names = codes_of(["CN", "US", None, "CN"])
    >>> codes.tolist(), names
    ([1, 2, 0, 1], ['', 'CN', 'US'])
    """
    import pandas as pd

    if np.ndim(values) == 0:
        values = [values]
    if not hasattr(values, "dtype"):
        values = np.asarray(values, dtype=object)
    codes, uniques = pd.factorize(values)
    texts = [str(value) for value in uniques]
    names = ["", *dict.fromkeys(text for text in texts if text)]
    position = {name: index for index, name in enumerate(names)}
    lookup = np.array([position[text] for text in texts] + [0], dtype=np.int64)
    return lookup[codes], names


def joint_codes(*parts: Ints) -> tuple[Ints, Ints]:
    """Distinct combinations of several code arrays of one length.

    Parameters
    ----------
    *parts : int64 arrays, shape (n,)
        Codes from 0 on.

    Returns
    -------
    codes : int64 array, shape (n,)
        Index of each element's combination.
    combinations : int64 array, shape (k, number of parts)
        The distinct combinations, in order of first appearance.

    Examples
    --------
    >>> codes, combinations = joint_codes(np.array([0, 1, 0]), np.array([2, 2, 2]))
    >>> codes.tolist(), combinations.tolist()
    ([0, 1, 0], [[0, 2], [1, 2]])
    """
    import pandas as pd

    sizes = [int(part.max()) + 1 if part.size else 1 for part in parts]
    key = np.zeros(parts[0].shape, dtype=np.int64)
    for part, size in zip(parts, sizes):
        key = key * size + part
    codes, distinct = pd.factorize(key)
    columns = []
    for size in reversed(sizes):
        columns.append(distinct % size)
        distinct = distinct // size
    return codes.astype(np.int64), np.stack(columns[::-1], axis=1)
