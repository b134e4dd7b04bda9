"""Coerce the columns of a table to the schema: unambiguous values are converted, others get a reason code.

Unambiguous are: ISO dates as text (also without dashes), timestamps as their day in their own time zone, integers
as numbers, whole numbers as integers and identifiers, numbers as text, 0/1 and true/false as flags, text of codes in
another case, bytes that are UTF-8, lists written with ``;`` or ``|``. Everything here works on whole Arrow columns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason
from ipvalue.records.arrow import decoded, plain
from ipvalue.records.schema import Column
from ipvalue.types import Floats, Ints, Ints16, Mask

__all__ = ["Coerced", "coerce"]

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]00:00(:00(\.0+)?)?(Z|\+00:00)?)?$"
_COMPACT_DATE = r"^[0-9]{8}$"

Coerced = tuple[pa.Array, Ints16]
"""The column in the schema's type with null for every bad value, and a reason code for each row."""


def coerce(column: Column, values: pa.Array | pa.ChunkedArray) -> Coerced:
    """Coerce one column to its schema type.

    Parameters
    ----------
    column : Column
        The column's schema.
    values : pyarrow.Array
        The values as they came.

    Returns
    -------
    tuple of (pyarrow.Array, ndarray of int16)
        The column in its schema type (null where bad) and a :class:`~ipvalue.errors.Reason` a row.

    Examples
    --------
    >>> from ipvalue.records.schema import TABLES
    >>> dates, codes = coerce(TABLES["patents"].columns["grant_date"], pa.array(["2020-02-29", "2021-02-29", None]))
    >>> dates.to_pylist()[0].isoformat(), codes.tolist()
    ('2020-02-29', [0, 3, 0])
    """
    texts, unreadable = decoded(plain(values))
    result, codes = _COERCIONS[column.kind](column, texts)
    codes[unreadable] = Reason.BAD_TYPE
    result = result.combine_chunks() if isinstance(result, pa.ChunkedArray) else result
    if column.required:
        missing = _mask(pc.is_null(result)) & (codes == 0)
        codes[missing] = Reason.MISSING
    if codes.any():
        result = pc.if_else(pa.array(codes == 0), result, pa.scalar(None, column.arrow_type()))
    return result, codes


def _mask(array: pa.Array | pa.ChunkedArray) -> Mask:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), bool)


def _codes(bad: Mask, reason: Reason) -> Ints16:
    return np.where(bad, np.int16(reason), np.int16(0)).astype(np.int16)


def _refuse_all(column: Column, values: pa.Array) -> Coerced:
    """A type that cannot hold this kind: every value that is not null is bad."""
    there = _mask(pc.is_valid(values))
    return pa.nulls(len(values), column.arrow_type()), _codes(there, Reason.BAD_TYPE)


def _text(column: Column, values: pa.Array) -> Coerced:
    if pa.types.is_floating(values.type) and column.kind in ("id", "text"):
        values = _whole(values)
    if pa.types.is_integer(values.type) and column.kind in ("id", "text"):
        values = values.cast(pa.string())  # identifiers and fee years come as integers
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return (
            (pa.nulls(len(values), column.arrow_type()), _codes(np.zeros(len(values), bool), Reason.OK))
            if pa.types.is_null(values.type)
            else _refuse_all(column, values)
        )
    if column.kind != "text":
        values = pc.utf8_trim_whitespace(values)
    values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    # bytes bound characters from above, and are counted without decoding
    too_long = _mask(pc.greater(pc.binary_length(values), column.max_length))
    if too_long.any():
        too_long = _mask(pc.greater(pc.utf8_length(values), column.max_length))
    return values.cast(column.arrow_type()), _codes(too_long, Reason.TOO_LONG)


def _whole(values: pa.Array) -> pa.Array:
    """Floats as integers where all are whole: in pandas an integer column with a missing value is one of floats."""
    numbers = np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    missing = np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        integral = missing | ((numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53))
    return pa.array(np.where(missing, 0, numbers).astype(np.int64), mask=missing) if integral.all() else values


def _code(column: Column, values: pa.Array) -> Coerced:
    texts, codes = _text(column, values)
    encoded = pc.dictionary_encode(texts)
    names = encoded.dictionary
    if column.codes:
        lower = pc.utf8_lower(names)
        good = pc.is_in(lower, pa.array(column.codes))
        names = lower
    else:
        cased = (
            names
            if pc.all(pc.match_substring_regex(names, f"^({column.pattern})$")).as_py()
            else _recased(column, names)
        )
        good = pc.match_substring_regex(cased, f"^({column.pattern})$")
        names = cased
    indices = encoded.indices
    bad = _mask(pc.invert(pc.take(good, indices))) if len(names) else np.zeros(len(texts), bool)
    codes[bad & (codes == 0)] = Reason.BAD_CODE
    return pc.take(names, indices), codes


def _recased(column: Column, names: pa.Array) -> pa.Array:
    """Codes with their case corrected: many files write upper-case codes in lower case, or the reverse."""
    upper, lower = pc.utf8_upper(names), pc.utf8_lower(names)
    fits_upper = pc.match_substring_regex(upper, f"^({column.pattern})$")
    fits_lower = pc.match_substring_regex(lower, f"^({column.pattern})$")
    fits = pc.match_substring_regex(names, f"^({column.pattern})$")
    return pc.if_else(fits, names, pc.if_else(fits_upper, upper, pc.if_else(fits_lower, lower, names)))


def _numbers(column: Column, values: pa.Array) -> tuple[Floats, Ints16]:
    """Values as float64 with NaN for null, and reason codes."""
    if pa.types.is_null(values.type):
        return np.full(len(values), np.nan), np.zeros(len(values), np.int16)
    bad = np.zeros(len(values), bool)
    if pa.types.is_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
        fits = pc.match_substring_regex(trimmed, _NUMBER)
        bad = _mask(pc.invert(fits))
        values = pc.if_else(fits, trimmed, pa.scalar(None, pa.string())).cast(pa.float64())
    elif pa.types.is_decimal(values.type) or pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        values = values.cast(pa.float64(), safe=False)
    else:
        _, codes = _refuse_all(column, values)
        return np.full(len(values), np.nan), codes
    array = np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
    codes = _codes(bad, Reason.BAD_TYPE)
    codes[np.isinf(array)] = Reason.NOT_FINITE
    low = -np.inf if column.lower is None else column.lower
    high = np.inf if column.upper is None else column.upper
    with np.errstate(invalid="ignore"):
        codes[(codes == 0) & ((array < low) | (array > high))] = Reason.OUT_OF_RANGE
    return array, codes


def _number(column: Column, values: pa.Array) -> Coerced:
    array, codes = _numbers(column, values)
    array = array + 0.0  # minus zero and zero are one value, and must be one in a hash
    return pa.array(array, pa.float64(), mask=np.isnan(array)), codes


def _integer(column: Column, values: pa.Array) -> Coerced:
    array, codes = _numbers(column, values)
    missing = np.isnan(array)
    with np.errstate(invalid="ignore"):
        codes[(codes == 0) & ~missing & (array != np.floor(array))] = Reason.BAD_TYPE
    usable = ~missing & (codes == 0)
    integers = np.where(usable, array, 0).astype(np.int32)
    return pa.array(integers, pa.int32(), mask=~usable), codes


def _flag(column: Column, values: pa.Array) -> Coerced:
    if pa.types.is_boolean(values.type):
        return values, np.zeros(len(values), np.int16)
    if pa.types.is_string(values.type):
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        lower = pc.if_else(pc.equal(lower, ""), pa.scalar(None, pa.string()), lower)
        true = pc.is_in(lower, pa.array(["true", "1", "yes", "y"]))
        known = pc.is_in(lower, pa.array(["true", "1", "yes", "y", "false", "0", "no", "n"]))
        bad = _mask(pc.and_(pc.is_valid(lower), pc.invert(known)))
        return pc.if_else(pc.is_valid(lower), true, pa.scalar(None, pa.bool_())), _codes(bad, Reason.BAD_TYPE)
    array, codes = _numbers(column, values)
    codes[(codes == 0) & ~np.isnan(array) & (array != 0) & (array != 1)] = Reason.BAD_TYPE
    return pa.array(array == 1, pa.bool_(), mask=np.isnan(array) | (codes != 0)), codes


def _date(column: Column, values: pa.Array) -> Coerced:
    bad = np.zeros(len(values), bool)
    kind = values.type
    if pa.types.is_string(kind):
        values, bad = _parse_dates(values)
    elif pa.types.is_timestamp(kind):
        values, bad = _days_of(values)
    elif pa.types.is_date(kind):
        values = values.cast(pa.date32(), safe=False)
    elif pa.types.is_null(kind):
        values = pa.nulls(len(values), pa.date32())
    else:
        array, codes = _refuse_all(column, values)
        return array, np.where(codes != 0, np.int16(Reason.BAD_DATE), codes).astype(np.int16)
    codes = _codes(bad, Reason.BAD_DATE)
    days = np.asarray(pc.fill_null(values.cast(pa.int32()), 0).to_numpy(zero_copy_only=False))
    first, last = (int(np.datetime64(d, "D").astype(np.int64)) for d in (column.earliest, column.latest))
    codes[(codes == 0) & _mask(pc.is_valid(values)) & ((days < first) | (days > last))] = Reason.OUT_OF_RANGE
    return values, codes


def _days_of(values: pa.Array) -> tuple[pa.Array, Mask]:
    """The local day of each timestamp in its time zone; bad where the zone is unknown."""
    try:
        local = pc.local_timestamp(values) if values.type.tz else values
        return pc.floor_temporal(local, unit="day").cast(pa.date32(), safe=False), np.zeros(len(values), bool)
    except pa.ArrowInvalid:
        return pa.nulls(len(values), pa.date32()), _mask(pc.is_valid(values))


def _parse_dates(values: pa.Array) -> tuple[pa.Array, Mask]:
    """ISO dates; a day that the calendar lacks (30 February) is bad, not moved to the next month."""
    trimmed = pc.utf8_trim_whitespace(values)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    compact = pc.match_substring_regex(trimmed, _COMPACT_DATE)
    dashed = pc.replace_substring_regex(trimmed, r"^([0-9]{4})([0-9]{2})([0-9]{2})$", r"\1-\2-\3")
    fits = pc.or_(compact, pc.match_substring_regex(trimmed, _ISO_DATE))
    day = pc.utf8_slice_codeunits(pc.if_else(fits, dashed, pa.scalar(None, pa.string())), 0, 10)
    parsed = pc.strptime(day, format="%Y-%m-%d", unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(parsed, format="%Y-%m-%d"), day)
    good = pc.fill_null(same, False)
    dates = pc.if_else(good, parsed, pa.scalar(None, pa.timestamp("s"))).cast(pa.date32())
    return dates, _mask(pc.is_valid(trimmed)) & ~_mask(good)


def _list(column: Column, values: pa.Array) -> Coerced:
    kind = values.type
    if pa.types.is_null(kind):
        return pa.nulls(len(values), column.arrow_type()), np.zeros(len(values), np.int16)
    if pa.types.is_string(kind):
        values = pc.split_pattern_regex(values, r"\s*[;|]\s*")
    elif not any(is_list(kind) for is_list in _LISTS):
        return _refuse_all(column, values)
    elements, unreadable = decoded(plain(values.flatten()))
    if pa.types.is_null(elements.type):
        elements = elements.cast(pa.string())
    if unreadable.any() or not pa.types.is_string(elements.type):
        return _refuse_all(column, values)
    # lengths, not offsets: a null list may own elements in the buffers, which flatten leaves out
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False), np.int64)
    lengths = np.where(_mask(pc.is_valid(values)), lengths, 0)
    return _tidy_list(column, np.repeat(np.arange(len(values)), lengths), elements, len(values))


_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def _tidy_list(column: Column, parents: Ints, elements: pa.Array, n_rows: int) -> Coerced:
    """Trim the elements, drop the empty ones, and refuse a list with an element that is too long."""
    elements = pc.utf8_trim_whitespace(elements)
    keep = _mask(pc.not_equal(elements, ""))
    too_long = _mask(pc.greater(pc.utf8_length(elements), column.max_length))
    bad = np.zeros(n_rows, bool)
    bad[parents[too_long]] = True
    counts = np.bincount(parents[keep], minlength=n_rows)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    tidy = pa.ListArray.from_arrays(pa.array(offsets), elements.filter(pa.array(keep)))
    empty = pa.array(counts == 0)  # an empty list and no list both mean unknown
    return pc.if_else(empty, pa.scalar(None, column.arrow_type()), tidy), _codes(bad, Reason.TOO_LONG)


_COERCIONS: dict[str, Callable[[Column, pa.Array], Coerced]] = {
    "id": _text,
    "text": _text,
    "code": _code,
    "number": _number,
    "integer": _integer,
    "flag": _flag,
    "date": _date,
    "list": _list,
}
