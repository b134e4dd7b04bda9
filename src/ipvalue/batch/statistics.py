"""Statistics of a book on disk: what each shard contributes, and the whole that they make.

A part is one file of arrays. The whole is a folder: tallies as Parquet, and the citation graph as arrays that workers
map into memory, so that all workers of a machine share one copy and read only the pages that they touch.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.batch.plan import write_file
from ipvalue.features.network import Edges, Graph
from ipvalue.features.tally import Tally
from ipvalue.features.whole import Part, Whole

__all__ = ["PartsOnDisk", "read_digests", "read_part", "read_whole", "write_part", "write_whole"]

_DIGESTS = "digests.json"


def write_part(part: Part, path: Path) -> None:
    """Keep what a shard contributes; the file appears whole."""
    arrays = {f"edges/{field.name}": getattr(part.edges, field.name) for field in fields(Edges)}
    for name, tally in part.tallies.items():
        arrays |= {f"key/{name}": tally.key, f"count/{name}": tally.count}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, buffer.getbuffer())


def read_part(path: Path) -> Part:
    """Read what :func:`write_part` wrote."""
    with np.load(path, allow_pickle=False) as file:
        names = [name.removeprefix("key/") for name in file.files if name.startswith("key/")]
        tallies = {name: Tally(file[f"key/{name}"], file[f"count/{name}"]) for name in names}
        return Part(tallies, Edges(**{field.name: file[f"edges/{field.name}"] for field in fields(Edges)}))


class PartsOnDisk(Sequence[Part]):
    """Parts in files, each read when it is asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, k: Any) -> Any:
        return read_part(self.files[k])


def write_whole(whole: Whole, folder: Path) -> None:
    """Keep the statistics of the whole book beside the values that they make; the folder appears whole."""
    draft = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, tally in whole.tallies.items():
        pq.write_table(pa.table({"key": tally.key, "count": tally.count}), draft / f"{name}.parquet")
    for field in fields(Graph):
        np.save(draft / f"{field.name}.npy", getattr(whole.graph, field.name), allow_pickle=False)
    (draft / _DIGESTS).write_text(json.dumps(whole.digests()))
    draft.rename(folder)


def read_digests(folder: str) -> dict[str, str]:
    """Read the digest of each statistic of a whole."""
    digests: dict[str, str] = json.loads((Path(folder) / _DIGESTS).read_text())
    return digests


@lru_cache(maxsize=1)
def read_whole(folder: str, run: str) -> Whole:
    """Read what :func:`write_whole` wrote, once a worker."""
    place, tallies = Path(folder), {}
    for file in sorted(place.glob("*.parquet")):
        table = pq.read_table(file)
        tallies[file.stem] = Tally(table["key"].to_numpy(), table["count"].to_numpy())
    # a view of the base class: the subclass memmap slows every small slice down
    arrays = {f.name: np.asarray(np.load(place / f"{f.name}.npy", mmap_mode="r")) for f in fields(Graph)}
    return Whole(tallies, Graph(**arrays))
