"""Arrays on disk that are read row by row: a table of arrays, one row a shard or range, under one checksum.

The file is an Arrow file of lists, one record batch a row, so that a reader of one row reads the bytes of that row
alone. It is read, not mapped: a kernel may map megabytes around each byte that is touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ipvalue.batch.files import write_file
from ipvalue.errors import BatchError
from ipvalue.types import Array

__all__ = ["ArrayFile", "is_sound", "stated_digest", "write_arrays"]

_ABOUT, _SUM = b"about", b"sha256"


def write_arrays(
    path: Path, rows: Sequence[Mapping[str, Array]], about: Mapping[str, Any] | None = None, *, lasting: bool = True
) -> str:
    """Write a table of arrays; the file appears whole.

    Parameters
    ----------
    path : path
    rows : sequence of mapping of str to ndarray
        Arrays in one dimension by column, of any length; a column that a row does not have is empty there.
    about : mapping, optional
        What else belongs to the file, as JSON.
    lasting : bool, default True
        Whether the file must outlive a crash of the machine. One that only the run needs is not synced: if it comes
        out of a crash damaged, its checksum says so, and it is made again.

    Returns
    -------
    str
        SHA-256 of the content.
    """
    kinds = {name: _plain(array) for row in rows for name, array in row.items()}
    batches = [[_plain(row.get(name, empty[:0])) for name, empty in kinds.items()] for row in rows]
    said = json.dumps(dict(about or {}))
    digest = _digest(said, (array for batch in batches for array in batch))
    types = [pa.list_(pa.from_numpy_dtype(array.dtype)) for array in kinds.values()]
    schema = pa.schema(list(zip(kinds, types)), {_ABOUT: said.encode(), _SUM: digest.encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            lists = [pa.ListArray.from_arrays(np.array([0, len(array)], np.int32), pa.array(array)) for array in batch]
            writer.write_batch(pa.record_batch(lists, schema=schema))
    write_file(path, sink.getvalue(), synced=lasting)
    return digest


def _plain(array: Array) -> Array:
    """Booleans as bytes: Arrow packs booleans into bits, which no numpy array is a view of."""
    return array.view(np.uint8) if array.dtype.kind == "b" else array


def _digest(about: str, arrays: Iterator[Array]) -> str:
    digest = hashlib.sha256(about.encode())
    for array in arrays:
        digest.update(f"{array.dtype} {len(array)} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def stated_digest(path: Path) -> str | None:
    """SHA-256 that a file says of itself, unproved; none where there is no such file."""
    try:
        return ArrayFile(path).digest
    except BatchError:
        return None


def is_sound(path: Path) -> bool:
    """Tell whether a file is there and has the content that it was written with."""
    try:
        cells = ArrayFile(path)
        return bool(cells.digest == _digest(json.dumps(cells.about), cells.everything()))
    except BatchError:
        return False


class ArrayFile:
    """A table of arrays that :func:`write_arrays` wrote.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    about : dict
    digest : str

    Raises
    ------
    BatchError
        Here or when a row is read, if the file is missing or cut short; :func:`is_sound` finds any other damage.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pa.ipc.open_file(pa.OSFile(str(path)))
            metadata = self._file.schema.metadata
            self.about: dict[str, Any] = json.loads(metadata[_ABOUT])
            self.digest: str = metadata[_SUM].decode()
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def __len__(self) -> int:
        return int(self._file.num_record_batches)

    def __call__(self, row: int) -> dict[str, Array]:
        """Read the arrays of a row, by column."""
        try:
            batch = self._file.get_batch(row)
            names = self._file.schema.names
            return {name: column.values.to_numpy() for name, column in zip(names, batch.columns)}
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def everything(self) -> Iterator[Array]:
        """Read all arrays, row by row."""
        for row in range(len(self)):
            yield from self(row).values()

    def _damaged(self, error: Exception) -> BatchError:
        return BatchError(f"{self._path} is damaged: {error}; run again to make it again")
