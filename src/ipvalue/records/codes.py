"""Strings as 64-bit codes that depend on nothing but the string, worked out on Arrow's own bytes.

No Python string is made and no distinct value is sought: all strings are mixed at once, eight bytes at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ipvalue.types import Ints

__all__ = ["hash_codes"]

Words = npt.NDArray[np.uint64]

_WORD = 8
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# odd constants and shifts of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA): each step is a bijection of 64 bits
_GOLDEN, _FIRST, _SECOND = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def hash_codes(values: pa.Array | pa.ChunkedArray) -> Ints:
    """Code strings by a 64-bit hash; 0 for null.

    Parameters
    ----------
    values : pyarrow.Array of string

    Returns
    -------
    ndarray of int64

    Notes
    -----
    Two strings share a code only by chance, with a probability of 2^-64 a pair. It is no secret how: who may choose
    the strings may also find two that share one.

    Examples
    --------
    >>> codes = hash_codes(pa.array(["a", None, "a"]))
    >>> bool(codes[0] == codes[2]), int(codes[1])
    (True, 0)
    """
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray) or not len(array):
        return np.zeros(len(values), np.int64)
    start, length, text = _bytes(array)
    # one more, so that the empty string is not coded as null
    code = (length + 1).astype(np.uint64) * _GOLDEN
    for begin in range(0, int(length.max()), _WORD):
        rows = np.flatnonzero(length > begin)
        every = len(rows) == len(length)
        some = slice(None) if every else rows
        word = text[start[some] + begin]
        word &= _ALL >> (np.uint64(8) * (_WORD - np.minimum(length[some] - begin, _WORD)).astype(np.uint64))
        word ^= code[some]
        code[some] = _mixed(word)
    code = _mixed(code)
    code[np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool)] = 0
    return code.view(np.int64)


def _bytes(array: pa.Array) -> tuple[Ints, Ints, Words]:
    """Where each string begins, its bytes (0 for null), and the eight bytes from each place of the text on."""
    _, offsets, data = array.buffers()
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    ends = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    start = ends[:-1]
    length = np.where(np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool), 0, np.diff(ends))
    size = int(ends[-1])
    padded = np.zeros(size + _WORD, np.uint8)
    if size:
        padded[:size] = np.frombuffer(data, np.uint8)[:size]
    return start, length, np.ndarray((size + 1,), "<u8", padded, strides=(1,))


def _mixed(word: Words) -> Words:
    """Spread every bit over all 64, in place."""
    word ^= word >> np.uint64(30)
    word *= _FIRST
    word ^= word >> np.uint64(27)
    word *= _SECOND
    word ^= word >> np.uint64(31)
    return word
