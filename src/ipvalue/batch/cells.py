"""Arrays on disk that are read piece by piece: a table of arrays, one row a shard or range, under one checksum.

The file is an Arrow table of lists behind the SHA-256 of its bytes. It is mapped into memory, so that a reader of one
row touches the pages of that row alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ipvalue.batch.files import write_file
from ipvalue.errors import BatchError

__all__ = ["Cells", "cells_digest", "cells_are_whole", "write_cells"]

Array = npt.NDArray[Any]
_SUM = hashlib.sha256().digest_size


def write_cells(
    path: Path, rows: Sequence[Mapping[str, Array]], about: Mapping[str, Any] | None = None, *, kept: bool = True
) -> str:
    """Write a table of arrays; the file appears whole.

    Parameters
    ----------
    path : path
    rows : sequence of mapping of str to ndarray
        Arrays in one dimension by column, of any length; a column that a row does not have is empty there.
    about : mapping, optional
        What else is to be kept, as JSON.
    kept : bool, default True
        Whether the file must outlive a crash of the machine. One that only the run needs is not synced: if it comes
        out of a crash damaged, its checksum says so, and it is made again.

    Returns
    -------
    str
        SHA-256 of the content.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
    table = table.replace_schema_metadata({b"about": json.dumps(dict(about or {})).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue()
    digest = hashlib.sha256(content)
    write_file(path, digest.digest(), content, synced=kept)
    return digest.hexdigest()


def _column(arrays: Sequence[Array | None]) -> pa.Array:
    kind = next(each for each in arrays if each is not None).dtype
    whole: list[Array] = [np.zeros(0, kind) if each is None else each for each in arrays]
    offsets = np.cumsum([0, *(len(each) for each in whole)]).astype(np.int32)
    values: Array = np.concatenate(whole)
    return pa.ListArray.from_arrays(offsets, pa.array(values.view(np.uint8) if kind.kind == "b" else values))


def cells_digest(path: Path) -> str | None:
    """SHA-256 that a file says of itself, unproved; none where there is no file."""
    try:
        with path.open("rb") as stream:
            return stream.read(_SUM).hex()
    except OSError:
        return None


def cells_are_whole(path: Path) -> bool:
    """Tell whether a file is there and has the checksum that it was written with."""
    try:
        with path.open("rb") as stream:
            said = stream.read(_SUM)
            return len(said) == _SUM and hashlib.file_digest(stream, "sha256").digest() == said
    except OSError:
        return False


class Cells:
    """A table of arrays that :func:`write_cells` wrote.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    about : dict

    Raises
    ------
    BatchError
        If the file is missing or cut short; :func:`cells_are_whole` finds any other damage.
    """

    def __init__(self, path: Path) -> None:
        try:
            mapped = pa.memory_map(str(path))
            self._table = pa.ipc.open_file(pa.BufferReader(mapped.read_buffer().slice(_SUM))).read_all()
            self.about: dict[str, Any] = json.loads(self._table.schema.metadata[b"about"])
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise BatchError(f"{path} is damaged: {error}; run again to make it again") from error

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def names(self) -> list[str]:
        """Columns."""
        return list(self._table.column_names)

    def __call__(self, row: int, name: str) -> Array:
        """One array, a view of the file."""
        column = self._table[name].chunk(0)
        start, end = column.offsets[row].as_py(), column.offsets[row + 1].as_py()
        return np.asarray(column.values.slice(start, end - start).to_numpy())
