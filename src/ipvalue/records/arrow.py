"""Convert any table to Arrow columns of simple types: pandas, polars, Arrow streams and dicts of columns.

A Python loop over values runs only where a pandas object column mixes types or text is not UTF-8, since no Arrow type
can hold such a column.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import SchemaError
from ipvalue.types import Mask

__all__ = ["TEXT_LIMIT", "decoded", "overflows", "plain", "to_arrow"]

TEXT_LIMIT = 2**31 - 1
"""Bytes of text that one array with offsets of 32 bits can hold; columns with more have offsets of 64."""

_WIDE = {
    pa.string(): pa.large_string(),
    pa.binary(): pa.large_binary(),
    pa.string_view(): pa.large_string(),
    pa.binary_view(): pa.large_binary(),
}


def to_arrow(name: str, table: object) -> pa.Table:
    """Read any table: an object with the Arrow C stream interface, a pandas frame, or a dict of columns.

    Parameters
    ----------
    name : str
        The table's name, for the error message.
    table : object
        pyarrow, polars, DuckDB and ADBC results, pandas frames, or a mapping of column name to values.

    Returns
    -------
    pyarrow.Table
        One contiguous chunk a column, without dictionaries, views and extension types; text with a value
        that is not UTF-8 as bytes; text of more than 2 GB as ``large_string``.

    Raises
    ------
    SchemaError
        If it is none of these, has two columns of one name, or is damaged.

    Examples
    --------
    >>> to_arrow("patents", {"patent_id": ["A", "B"]}).num_rows
    2
    """
    try:
        if isinstance(table, pa.Table):
            result = table
        elif isinstance(table, Mapping) or _is_pandas(table):
            result = _from_columns(name, table)
        elif hasattr(table, "__arrow_c_stream__"):
            result = _from_stream(name, table)
        else:
            raise SchemaError(
                f"table {name!r}: a {type(table).__name__} is not a table; pass a pandas, polars or pyarrow table, "
                "any object with the Arrow C stream interface, or a dict of columns"
            )
        if len(set(result.column_names)) < result.num_columns:
            twice = sorted({c for c in result.column_names if result.column_names.count(c) > 1})
            raise SchemaError(f"table {name!r}: column {twice[0]!r} appears twice; rename or drop one")
        columns = [plain(_sound(column)) for column in result.columns]
        return pa.table(columns, names=result.column_names)
    except pa.ArrowException as error:
        raise SchemaError(f"table {name!r} can't be read as an Arrow table: {error}") from error


def _is_pandas(table: object) -> bool:
    return _is_pandas_object(table) and hasattr(table, "columns")


def _is_pandas_object(values: object) -> bool:
    return type(values).__module__.split(".", 1)[0] == "pandas"


def _from_stream(name: str, table: Any) -> pa.Table:
    try:
        return pa.table(table)
    except Exception as error:  # a foreign producer may fail in any way
        raise SchemaError(f"table {name!r} can't be read as an Arrow table: {error}") from error


def _from_columns(name: str, table: Any) -> pa.Table:
    """Convert column by column, so that one faulty column does not make the table unreadable."""
    keys = list(table.columns if _is_pandas(table) else table)
    if len({str(key) for key in keys}) < len(keys):
        raise SchemaError(f"table {name!r}: two columns have one name; rename or drop one")
    arrays = {str(key): _array(f"table {name!r}: column {key!r}", table[key]) for key in keys}
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise SchemaError(f"table {name!r}: its columns differ in length: {lengths}")
    return pa.table(arrays)


def _array(place: str, values: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if hasattr(values, "__arrow_c_stream__") and not _is_pandas_object(values):
        return pa.chunked_array(values)
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise SchemaError(f"{place} is a single {type(values).__name__}; pass one value a row")
    values = values if hasattr(values, "__len__") else list(values)
    try:
        if getattr(values, "dtype", None) in (None, object) and np.datetime64 in set(map(type, values)):
            raise TypeError("Arrow cannot read such objects, and crashes where numbers are mixed with them")
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([_text_of(value) for value in values], pa.string())


def _text_of(value: Any) -> str | None:
    """One value of a mixed column as text, which is then checked like any other text."""
    if value is None or isinstance(value, str):
        return value if value is None else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _text_of(value.item())
    if isinstance(value, list | tuple | np.ndarray):
        value = ";".join(str(part) for part in value if part is not None)
    text = str(value)
    if text in ("nan", "NaT", "None", "<NA>"):
        return None
    if isinstance(value, datetime.datetime):
        text = value.date().isoformat()
    elif isinstance(value, np.datetime64):
        text = str(value.astype("datetime64[D]"))
    return text.encode("utf-8", "replace").decode("utf-8")


def _sound(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Check a column's buffers; faulty values get a type that can hold them, so that only their rows are refused.

    Text that is not UTF-8 becomes bytes, and dates in milliseconds become timestamps.
    """
    if pa.types.is_date64(column.type):
        return pa.chunked_array([chunk.view(pa.timestamp("ms")) for chunk in column.chunks], pa.timestamp("ms"))
    try:
        column.validate(full=True)
        return column
    except pa.ArrowInvalid:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise
        raw = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())
        raw.validate(full=True)
        return raw


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One chunk of a simple type."""
    array = values
    if isinstance(array, pa.ChunkedArray):
        if array.type in _WIDE and array.num_chunks > 1 and overflows(array):
            array = array.cast(_WIDE[array.type])
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_dictionary(array.type):
        words = plain(array.dictionary)  # Arrow cannot decode dictionaries of views
        array = pc.take(words.cast(_WIDE.get(words.type, words.type)), array.indices)
    return _narrow(array)


def _narrow(array: pa.Array) -> pa.Array:
    """Text with offsets of 32 bits, if it fits."""
    if array.type not in (pa.large_string(), pa.string_view()):
        return array
    return array.cast(pa.large_string() if overflows(array) else pa.string())


def overflows(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column has more text, in its lists too, than one array with offsets of 32 bits can hold.

    Examples
    --------
    >>> overflows(pa.array(["some", "words"]))
    False
    """
    if pa.types.is_list(column.type):
        return overflows(pc.list_flatten(column))
    if column.type not in (*_WIDE, *_WIDE.values()) or column.nbytes <= TEXT_LIMIT:
        return False
    if column.type in (pa.string_view(), pa.binary_view()):
        column = column.cast(_WIDE[column.type])
    return int(pc.sum(pc.binary_length(column)).as_py() or 0) > TEXT_LIMIT


def decoded(values: pa.Array) -> tuple[pa.Array, Mask]:
    """Bytes as text with null where they are not UTF-8, and a mask of these rows."""
    unreadable = np.zeros(len(values), bool)
    kind = values.type
    if not (kind in (pa.binary(), pa.large_binary(), pa.binary_view()) or pa.types.is_fixed_size_binary(kind)):
        return values, unreadable
    try:
        return _narrow(values.cast(pa.large_binary()).cast(pa.large_string())), unreadable
    except pa.ArrowInvalid:
        texts = [None if value is None else _utf8(value) for value in values.to_pylist()]
        there = np.asarray(values.is_valid().to_numpy(zero_copy_only=False), bool)
        return _narrow(pa.array(texts, pa.large_string())), there & np.array([text is None for text in texts], bool)


def _utf8(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None
