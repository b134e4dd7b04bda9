"""A cache of features between runs with the same book, date and code.

A change of assumptions, curves, deals or the engine changes no feature: such a run reads features and statistics from
the cache and only computes values. A change of the tables that features are made from changes the book-level
statistics, and with them features of nearly every patent: it makes a new entry.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa

from ipvalue.artifacts import versions
from ipvalue.batch.atomic_files import LOCK, sole_user, write_file
from ipvalue.batch.statistics_files import StatisticsFiles
from ipvalue.errors import BatchError
from ipvalue.features import Features
from ipvalue.features.base import families
from ipvalue.plugins import found_points
from ipvalue.records.store import BookOnDisk

__all__ = ["FEATURE_TABLES", "VALUE_TABLES", "CacheEntry", "FeatureCache"]

FEATURE_TABLES = ("patents", "citations", "claims", "legal_events", "family_members", "economics")
VALUE_TABLES = ("patents", "economics", "curves", "fx", "price_index")
"""Tables that values are made from where the features are cached."""
_SUM = 32
_PREFIX = "features-of-"
_LOG = logging.getLogger("ipvalue.batch")


@cache
def _code_hash() -> str:
    """Hash of the code and tables that features depend on, of this package and of its plug-ins."""
    digest = hashlib.sha256(json.dumps(versions(), sort_keys=True).encode())
    root = Path(__file__).parents[1]
    for file in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".csv")):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    for point in found_points():
        spec = find_spec(point.module)
        digest.update(Path(spec.origin).read_bytes() if spec and spec.origin else point.value.encode())
    return digest.hexdigest()


class CacheEntry:
    """Folder with features and statistics of one book on one date, shard by shard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.statistics = StatisticsFiles(folder)

    def _file(self, shard: int) -> Path:
        return self.folder / f"features-{shard:05d}.arrow"

    def holds(self, shards: int) -> bool:
        """Whether the entry is complete: statistics are verified here, features when they are read."""
        return all(self._file(shard).is_file() for shard in range(shards)) and self.statistics.are_sound(shards)

    def read(self, shard: int) -> Features | None:
        """Features of a shard's patents; None where they are missing or damaged."""
        file = self._file(shard)
        try:
            content = memoryview(file.read_bytes())
            if hashlib.sha256(content[_SUM:]).digest() != content[:_SUM]:
                raise ValueError("its checksum is not that of its content")
            table = pa.ipc.open_file(pa.py_buffer(content[_SUM:])).read_all()
            return Features({name: np.asarray(table[name].to_numpy()) for name in table.column_names})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, pa.ArrowException) as error:
            _LOG.warning("cached features can't be used", extra={"path": os.fspath(file), "error": repr(error)})
            return None

    def write(self, shard: int, features: Features) -> None:
        """Write features of a shard's patents, atomically."""
        table = pa.table({name: pa.array(values) for name, values in features.columns.items()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        content = sink.getvalue()
        write_file(self._file(shard), hashlib.sha256(content).digest(), content)


class FeatureCache:
    """A folder of entries; a run keeps its own entry and removes all others."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @contextmanager
    def locked(self, values: Path) -> Iterator[None]:
        """Exclude a second run that uses the folder.

        Raises
        ------
        BatchError
            If another process uses it, it is in the folder of the values, holds other files, or can't be written.
        """
        mine, theirs = self.path.resolve(), values.resolve()
        if mine == theirs or theirs in mine.parents:
            raise BatchError(f"keep={os.fspath(self.path)!r} is in the folder of the values; choose one outside")
        with sole_user(self.path, self._check_no_other_files, "caches its features in"):
            yield

    def _check_no_other_files(self) -> None:
        found = [p.name for p in self.path.iterdir()] if self.path.is_dir() else []
        strange = [name for name in found if name != LOCK and not name.startswith(_PREFIX)]
        if strange:
            raise BatchError(
                f"{self.path} holds files that are not cached features ({min(strange)}); choose another folder"
            )

    def entry(self, disk: BookOnDisk, as_of: str, known: str) -> CacheEntry:
        """The entry of a book on a date: where its features are, or will be."""
        files = {place: digest for place, digest in disk.files.items() if Path(place).stem in FEATURE_TABLES}
        columns = [feature.name for family in families().values() for feature in family.features]
        key = [_code_hash(), disk.shards, files, as_of, known, columns]
        return CacheEntry(
            self.path / f"{_PREFIX}{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()}"
        )

    def drop_others(self, entry: CacheEntry) -> None:
        """Remove the entries of other books, dates and versions."""
        for folder in self.path.glob(f"{_PREFIX}*"):
            if folder != entry.folder:
                shutil.rmtree(folder, ignore_errors=True)
