"""Canonical order of the rows of a table, whatever the order of the input, and repeated rows.

Values are replaced by ranks: equal values have equal ranks, and null has the lowest rank. A table is sorted by the
ranks of its key. Only rows with the same key are compared by their other values, so that a usual table costs one sort
of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.types import Ints, Ints32, Mask

__all__ = ["Sorted", "index_of", "rank", "sort_rows"]

_NULL = np.iinfo(np.int64).min


def rank(column: pa.Array | pa.ChunkedArray) -> Ints:
    """Give each value an integer that sorts like the value.

    Parameters
    ----------
    column : pyarrow.Array
        Any column of the schema's types.

    Returns
    -------
    ndarray of int64, one a row
        Equal for equal values; the smallest integer for null.

    Examples
    --------
    >>> import pyarrow as pa
    >>> (rank(pa.array(["b", "a", None, "b"])) >= 0).tolist()
    [True, True, False, True]
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_list(array.type):
        array = _joined(array)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        encoded = pc.dictionary_encode(array)
        order = np.asarray(pc.sort_indices(encoded.dictionary).to_numpy(zero_copy_only=False), np.int64)
        position = np.empty(len(order), np.int64)
        position[order] = np.arange(len(order))
        indices = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64)
        values = position[indices] if len(position) else np.zeros(len(array), np.int64)
    elif pa.types.is_floating(array.type):
        bits = np.asarray(pc.fill_null(array, 0.0).to_numpy(zero_copy_only=False), np.float64).view(np.int64)
        # negative floats sort backwards by their bits
        values = np.where(bits < 0, -(bits - _NULL), bits)
    elif pa.types.is_boolean(array.type):
        values = np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), np.int64)
    else:
        integers = array.cast(pa.int32()) if pa.types.is_date(array.type) else array
        values = np.asarray(pc.fill_null(integers, 0).to_numpy(zero_copy_only=False), np.int64)
    null = np.asarray(pc.is_null(array).to_numpy(zero_copy_only=False), bool)
    return np.where(null, _NULL, values)


def _joined(lists: pa.Array) -> pa.Array:
    """Lists as texts, different for different lists: the separator is escaped where an element holds it."""
    elements = pc.replace_substring(pc.list_flatten(lists), "\x1e", "\x1e0")
    elements = pc.replace_substring(elements, "\x1f", "\x1e1")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, elements), "\x1f")
    return pc.if_else(pc.is_valid(lists), joined, pa.scalar(None, pa.string()))


def index_of(values: pa.Array | pa.ChunkedArray, among: pa.Array | pa.ChunkedArray) -> Ints32:
    """Find each value's position in a set of distinct values.

    Returns
    -------
    ndarray of int32
        The position, or -1 where the value is null or not in the set.
    """
    found = pc.index_in(values, value_set=among, skip_nulls=True)
    array = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return np.asarray(pc.fill_null(array, -1).to_numpy(zero_copy_only=False), np.int32)


class Sorted(NamedTuple):
    """Row numbers of a table in sorted order without repeats, and the rows that were left out."""

    rows: Ints
    """Row numbers in sorted order."""
    duplicates: Ints
    """Rows that repeat another row in every value."""
    conflicts: Ints
    """Rows that repeat the key of a row in ``rows`` with other values."""


def sort_rows(key: Sequence[Ints], others: Sequence[pa.Array], n_rows: int, *, unique_key: bool) -> Sorted:
    """Sort rows by key, then by all other values; find exact repeats and repeats of a key.

    Parameters
    ----------
    key : sequence of ndarray of int64
        Ranks of the sort columns, the most significant first.
    others : sequence of pyarrow.Array
        The remaining columns, compared only between rows with the same key.
    unique_key : bool
        Whether two rows may not share a key.
    """
    order = np.lexsort(tuple(reversed(key))) if key else np.arange(n_rows)
    same_key = _equal_to_previous(key, order)
    if not same_key.any():
        return Sorted(order, order[:0], order[:0])
    tied = same_key.copy()
    tied[:-1] |= same_key[1:]
    places = np.flatnonzero(tied)
    rows = order[places]
    small = [k[rows] for k in key] + [rank(o.take(pa.array(rows))) for o in others]
    # ties that remain are exact repeats; the lower row number first keeps the result independent of the sort
    within = np.lexsort((rows, *reversed(small)))
    order[places] = rows[within]
    repeat = np.zeros(n_rows, bool)
    repeat[places] = _equal_to_previous(small, within)
    clash = _equal_to_previous(key, order) & ~repeat if unique_key else np.zeros(n_rows, bool)
    return Sorted(order[~repeat & ~clash], order[repeat], order[clash])


def _equal_to_previous(columns: Sequence[Ints], order: Ints) -> Mask:
    same = np.ones(len(order), bool)
    same[:1] = False
    for column in columns:
        ordered = column[order]
        same[1:] &= ordered[1:] == ordered[:-1]
    return same
