"""The functions of a shard in a batch: its contribution to the statistics of the book, and its values.

Both are pure functions of their arguments and of files that do not change, so that any executor may run
them, in any order and more than once, with the same bits. They name their stages to a stopwatch that may run
(``ipvalue.stopwatch``): reading, snapshot (tables coded and cut; long tables are cut when features first ask for them),
counting; engine (loaded once a worker), statistics, features, each method, reconciliation, table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from ipvalue.batch.cells import cells_are_whole
from ipvalue.batch.overlay import with_overrides
from ipvalue.batch.statistics import ranges_of, read_statistics, write_part
from ipvalue.engine import ValuationEngine
from ipvalue.features.counts import COUNTED
from ipvalue.features.statistics import Part
from ipvalue.records.book import Known
from ipvalue.records.schema import TABLES
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage
from ipvalue.valuation import Valuation

__all__ = ["BookStatistics", "Job", "count_shard", "part_file", "value_shard"]


@dataclass(frozen=True)
class Job:
    """What a batch values, and by what: paths and dates only, so that it travels to any worker.

    Attributes
    ----------
    book, work : str
        Folders of the book, and of what only the run needs.
    engine_hash, run : str
        Hashes of the engine and of the run: a worker that cached those of an earlier one must not use them.
    as_of : str
        Valuation date.
    known : {'announced', 'loaded'}
    overrides : str
        Hash of the experts' overrides; empty without any.
    """

    book: str
    work: str
    engine_hash: str
    run: str
    as_of: str
    known: Known
    overrides: str = ""

    @property
    def overrides_file(self) -> Path:
        """File of the run's overrides."""
        return Path(self.work) / "overrides.json"

    @property
    def engine(self) -> Path:
        """Folder of the saved engine."""
        return Path(self.work) / "engine"


class BookStatistics(NamedTuple):
    """Where the statistics of the book are, and what the shard itself contributed to them.

    Attributes
    ----------
    place : str
        Folder of the statistics.
    part : str
        File of the shard's own contribution.
    """

    place: str
    part: str


def part_file(job: Job, shard: int) -> Path:
    """File of what the shard contributes to the statistics of the book."""
    return Path(job.work) / "parts" / f"{shard:05d}.cells"


def count_shard(job: Job, shard: int) -> Path:
    """Count what the shard contributes to the statistics of the book, unless its file is there and sound."""
    disk, file = BookOnDisk(job.book), part_file(job, shard)
    if cells_are_whole(file):
        return file
    snapshot = _snapshot(job, shard, disk, {name: COUNTED[name] for name in TABLES if name in COUNTED})
    with stage("counting"):
        part = Part.of(snapshot, ranges_of(disk.shards))
    with stage("writing"):
        write_part(part, file)
    return file


def value_shard(job: Job, shard: int, statistics: BookStatistics) -> pa.Table:
    """Value the shard's patents, with the statistics of the book; the table carries its provenance."""
    with stage("engine"):
        disk, engine = BookOnDisk(job.book), _engine(os.fspath(job.engine), job.engine_hash)
    snapshot = _snapshot(job, shard, disk, tuple(TABLES))
    with stage("statistics"):
        found = read_statistics(Path(statistics.place), Path(statistics.part), shard, disk.shards, job.run)
    snapshot = snapshot.with_statistics(found, disk.fingerprint)
    table = engine.work(snapshot).table()
    with stage("table"):
        made = Valuation(table, engine.model.provenance(snapshot))
        return (with_overrides(made, job.overrides_file, job.overrides) if job.overrides else made).to_arrow()


def _snapshot(
    job: Job, shard: int, disk: BookOnDisk, tables: Sequence[str] | Mapping[str, Sequence[str] | None]
) -> Snapshot:
    with stage("reading"):
        book = disk.read([shard], tables=tables)
    with stage("snapshot"):
        return book.as_of(job.as_of, known=job.known)


@lru_cache(maxsize=2)
def _engine(path: str, engine_hash: str) -> ValuationEngine:
    """Load an engine once a worker."""
    return ValuationEngine.load(path)
