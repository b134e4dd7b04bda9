"""Hash of a book's content, independent of the order of its rows and of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.records.schema import TABLES

__all__ = ["fingerprint"]


def fingerprint(tables: Mapping[str, pa.Table]) -> str:
    """Hash valid tables in canonical order.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        A book's :attr:`~ipvalue.records.book.Book.tables`; an absent table and one without rows are the same.

    Returns
    -------
    str
        SHA-256 in hexadecimal.

    Examples
    --------
    >>> len(fingerprint({}))
    64
    """
    digest = hashlib.sha256()
    for name, spec in TABLES.items():
        table = tables.get(name, spec.arrow_schema().empty_table())
        digest.update(f"{name}:{table.num_rows};".encode())
        for column_name, column in zip(table.column_names, table.columns):
            # a book that was written before a column was added is the same book, with nothing known in that column
            if not (spec.columns[column_name].added and column.null_count == len(column)):
                _add(digest, column.combine_chunks())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, column: pa.Array | pa.ChunkedArray) -> None:
    """Feed a column: validity, then lengths of lists and texts, then the values with null as zero."""
    array = pa.array([], column.type) if isinstance(column, pa.ChunkedArray) else column
    valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), bool)
    digest.update(np.packbits(valid).tobytes())
    if pa.types.is_list(array.type):
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        digest.update(np.asarray(lengths.to_numpy(zero_copy_only=False), np.int32).tobytes())
        array = pc.list_flatten(array)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        _add_texts(digest, array.fill_null(""))
        return
    if pa.types.is_date(array.type):
        array = array.cast(pa.int32())
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    digest.update(np.asarray(array.fill_null(0).to_numpy(zero_copy_only=False)).tobytes())


def _add_texts(digest: hashlib._Hash, array: pa.Array) -> None:
    lengths = pc.binary_length(array)
    digest.update(np.asarray(lengths.to_numpy(zero_copy_only=False), np.int32).tobytes())
    if len(array):
        width = np.int64 if pa.types.is_large_string(array.type) else np.int32
        offsets = np.frombuffer(array.buffers()[1], width)[array.offset : array.offset + len(array) + 1]
        text = array.buffers()[2]
        if text is not None:
            digest.update(memoryview(text)[offsets[0] : offsets[-1]])
