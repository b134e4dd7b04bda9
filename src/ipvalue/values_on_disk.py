"""Read values from disk and verify that they are complete, unchanged and from one run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ipvalue.errors import ArtifactError
from ipvalue.overrides.log import counted
from ipvalue.values import PROVENANCE_KEY, Values

__all__ = ["read_values"]

_RUN, _MANIFEST = "_run.json", "_manifest.json"
_NEEDED = ("patent_id", "value", "currency", "reason")


def read_values(path: str | os.PathLike[str]) -> Values:
    """Read a file of values, a folder of them, or a batch.

    Parameters
    ----------
    path : path
        Every part of a batch is compared with the manifest.

    Returns
    -------
    Values
        In the order of patent_id.

    Raises
    ------
    ArtifactError
        If it holds no values, values of several runs, several rows of a patent, or a batch that is not finished or has
        missing, changed or additional parts.
    """
    folder = Path(path)
    if (folder / _MANIFEST).exists():
        parts = _of_batch(folder)
    elif (folder / _RUN).exists():
        raise ArtifactError(
            f"the batch in {folder} has not finished: run it again to complete it, then read its values"
        )
    elif folder.is_dir():
        parts = [(file, _parsed(file, file)) for file in _files(folder)]
    else:
        parts = [(folder, _parsed(path, os.fspath(path)))]
    if not parts:
        raise ArtifactError(f"{folder} holds no ipvalue values: there is no Parquet file in it")
    provenance = _one_provenance(parts)
    table = pa.concat_tables([part.replace_schema_metadata(None) for _, part in parts])
    table = table.take(pc.sort_indices(table["patent_id"])).combine_chunks()
    _refuse_repeated(table, path)
    return counted(Values(table, provenance, path=os.fspath(path)))


def _files(folder: Path) -> list[Path]:
    """Parquet files of a folder, as readers of datasets find them: those named _x or .x are skipped."""
    found = sorted(folder.rglob("*.parquet"))
    return [f for f in found if not any(name.startswith(("_", ".")) for name in f.relative_to(folder).parts)]


def _of_batch(folder: Path) -> list[tuple[Path, pa.Table]]:
    """The parts listed in the manifest, each verified by its hash."""
    try:
        shards = json.loads((folder / _MANIFEST).read_text())["shards"]
        listed = {folder / f"part-{line['shard']:05d}.parquet": str(line["sha256"]) for line in shards}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder / _MANIFEST} is damaged: {error!r}; run the batch again to repair it") from error
    strange = sorted(set(_files(folder)) - set(listed))
    if strange:
        raise ArtifactError(f"{strange[0]} is not a part of the batch: remove it, so that no patent is read twice")
    parts = []
    for file, digest in listed.items():
        if not file.is_file():
            raise ArtifactError(f"{file} is missing: run the batch again to repair it")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ArtifactError(f"{file} can't be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise ArtifactError(f"{file} was changed since the batch finished: run it again to repair it")
        parts.append((file, _parsed(file, pa.BufferReader(content))))
    return parts


def _parsed(path: object, source: Any) -> pa.Table:
    """Read a Parquet file; folder names such as ``date=2024-12-31`` do not become columns."""
    try:
        table = pq.read_table(source, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise ArtifactError(f"{path} holds no ipvalue values: {error}") from error
    missing = [name for name in _NEEDED if name not in table.column_names]
    if PROVENANCE_KEY not in (table.schema.metadata or {}) or missing:
        what = f"it has no column {missing[0]!r}" if missing else "it has no provenance in its metadata"
        raise ArtifactError(f"{path} holds no ipvalue values: {what}; write them with Valuation.to_parquet")
    return table


def _one_provenance(parts: Iterable[tuple[Path, pa.Table]]) -> dict[str, Any]:
    """The provenance that all parts have."""
    first: tuple[Path, dict[str, Any]] | None = None
    for file, table in parts:
        try:
            provenance = json.loads(table.schema.metadata[PROVENANCE_KEY])
            provenance["as_of"], provenance["currency"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{file} holds no ipvalue values: its provenance is damaged: {error!r}") from error
        if first is None:
            first = (file, provenance)
        elif provenance != first[1]:
            differ = sorted(k for k in {*provenance, *first[1]} if provenance.get(k) != first[1].get(k))
            raise ArtifactError(
                f"{file} and {first[0]} are values of different runs: {', '.join(differ)} differ; read them one by one"
            )
    return {} if first is None else first[1]


def _refuse_repeated(table: pa.Table, path: object) -> None:
    """Refuse a patent with several rows; rows are in the order of patent_id."""
    ids = table["patent_id"]
    if len(ids) < 2:
        return
    same = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    if pc.any(same).as_py():
        repeated = ids.slice(1).filter(same)[0].as_py()
        raise ArtifactError(f"{path} holds the patent {repeated!r} in several rows; it must have one")
