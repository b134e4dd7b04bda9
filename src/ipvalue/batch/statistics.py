"""Statistics of a book on disk: what each shard contributes, and the whole that they make.

A part is one file of arrays. The whole is a folder: tallies as Parquet, and the citation graph as arrays that workers
map into memory, so that all workers of a machine share one copy and read only the pages that they touch.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.batch.files import remove, write_file
from ipvalue.errors import BatchError
from ipvalue.features.network import Edges, Graph
from ipvalue.features.tally import Tally
from ipvalue.features.whole import Part, Whole
from ipvalue.records.store import file_digest

__all__ = [
    "PartOnDisk",
    "PartsOnDisk",
    "part_is_whole",
    "read_digests",
    "read_whole",
    "whole_digest",
    "write_part",
    "write_whole",
]

_DIGESTS, _SUMS = "digests.json", "sums.json"


def write_part(part: Part, path: Path) -> None:
    """Keep what a shard contributes; the file appears whole."""
    arrays = {f"edges/{field.name}": getattr(part.edges, field.name) for field in fields(Edges)}
    for name, tally in part.tallies.items():
        arrays |= {f"key/{name}": tally.key, f"count/{name}": tally.count}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_file(path, buffer.getbuffer())


def part_is_whole(path: Path) -> bool:
    """Tell whether a part is there and undamaged: every array in it has the checksum that it was written with."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError):
        return False


class PartOnDisk:
    """A part in a file that :func:`write_part` wrote; tallies and edges are read apart, each when asked for.

    Parameters
    ----------
    path : path

    Raises
    ------
    BatchError
        When what is asked for is damaged; checksums are checked on the way.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def tallies(self) -> dict[str, Tally]:
        """Counts by name."""
        with self._opened() as file:
            names = [name.removeprefix("key/") for name in file.files if name.startswith("key/")]
            return {name: Tally(file[f"key/{name}"], file[f"count/{name}"]) for name in names}

    @property
    def edges(self) -> Edges:
        """Edges of the citation graph."""
        with self._opened() as file:
            return Edges(**{field.name: file[f"edges/{field.name}"] for field in fields(Edges)})

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                yield file
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise BatchError(f"{self.path} is damaged: {error}; run again to count the shard again") from error


class PartsOnDisk(Sequence[PartOnDisk]):
    """Parts in files."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, k: Any) -> Any:
        return PartOnDisk(self.files[k])


def write_whole(whole: Whole, folder: Path) -> str:
    """Keep the statistics of the whole book beside the values that they make; give their hash."""
    draft = folder.with_name(folder.name + ".tmp")
    remove(draft)
    draft.mkdir(parents=True)
    for name, tally in whole.tallies.items():
        pq.write_table(pa.table({"key": tally.key, "count": tally.count}), draft / f"{name}.parquet")
    for field in fields(Graph):
        np.save(draft / f"{field.name}.npy", getattr(whole.graph, field.name), allow_pickle=False)
    (draft / _DIGESTS).write_text(json.dumps(whole.digests()))
    sums = {file.name: file_digest(file) for file in sorted(draft.iterdir())}
    content = json.dumps(sums, indent=1, sort_keys=True).encode()
    (draft / _SUMS).write_bytes(content)
    # no sync: what a crash of the machine leaves of the folder, whole_digest refuses, and it is made again
    draft.rename(folder)
    return hashlib.sha256(content).hexdigest()


def whole_digest(folder: Path) -> str | None:
    """Hash of the statistics that a folder keeps; none if it is not there or damaged."""
    try:
        content = (folder / _SUMS).read_bytes()
        whole = all(file_digest(folder / name) == digest for name, digest in json.loads(content).items())
    except (OSError, ValueError, AttributeError):
        return None
    return hashlib.sha256(content).hexdigest() if whole else None


def read_digests(folder: str) -> dict[str, str]:
    """Read the digest of each statistic of a whole."""
    digests: dict[str, str] = json.loads((Path(folder) / _DIGESTS).read_text())
    return digests


@lru_cache(maxsize=1)
def read_whole(folder: str, run: str) -> Whole:
    """Read what :func:`write_whole` wrote, once a worker.

    Raises
    ------
    BatchError
        If a file is missing or cut short; :func:`whole_digest`, which a batch asks first, finds any other damage.
    """
    place, tallies = Path(folder), {}
    try:
        for file in sorted(place.glob("*.parquet")):
            table = pq.read_table(file)
            tallies[file.stem] = Tally(table["key"].to_numpy(), table["count"].to_numpy())
        # a view of the base class: the subclass memmap slows every small slice down
        arrays = {f.name: np.asarray(np.load(place / f"{f.name}.npy", mmap_mode="r")) for f in fields(Graph)}
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:
        raise BatchError(f"{place} is damaged: {error}; run again to make it again") from error
    return Whole(tallies, Graph(**arrays))
