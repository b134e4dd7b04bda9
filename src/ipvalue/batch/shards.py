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

import pyarrow as pa

from ipvalue.batch.array_file import is_sound, stated_digest
from ipvalue.batch.feature_cache import VALUE_TABLES, CacheEntry
from ipvalue.batch.run_overrides import with_overrides
from ipvalue.batch.statistics import (
    StatisticsFiles,
    measure_graph,
    ranges_of,
    read_counts,
    read_graph,
    write_graph,
    write_part,
)
from ipvalue.engine import ValuationEngine
from ipvalue.evidence.prices import prepare
from ipvalue.features.book_statistics import COUNTED, Part
from ipvalue.records.book import Known
from ipvalue.records.schema import TABLES
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.statistics import Statistics
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage
from ipvalue.valuation import Valuation

__all__ = ["Job", "answers_folder", "count_shard", "part_file", "value_shard"]


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
    statistics : str
        Folder of the book-level statistics beside the values.
    overrides : str
        Hash of the experts' overrides; empty without any.
    cache : str
        Folder of the entry of the feature cache; empty without one.
    """

    book: str
    work: str
    engine_hash: str
    run: str
    as_of: str
    known: Known
    statistics: str
    overrides: str = ""
    cache: str = ""

    @property
    def overrides_file(self) -> Path:
        """File of the run's overrides."""
        return Path(self.work) / "overrides.json"

    @property
    def engine(self) -> Path:
        """Folder of the saved engine."""
        return Path(self.work) / "engine"


def part_file(job: Job, shard: int) -> Path:
    """File of what the shard contributes to the statistics of the book."""
    return Path(job.work) / "parts" / f"{shard:05d}.arrays"


def count_shard(job: Job, shard: int) -> Path:
    """Count what the shard contributes to the statistics of the book, unless its file is there and sound."""
    disk, file = BookOnDisk(job.book), part_file(job, shard)
    if is_sound(file):
        return file
    snapshot = _snapshot(job, shard, disk, {name: COUNTED[name] for name in TABLES if name in COUNTED})
    with stage("counting"):
        part = Part.of(snapshot, ranges_of(disk.shards))
    with stage("writing"):
        write_part(part, file)
    return file


def answers_folder(job: Job) -> Path:
    """Folder of the answers on all key ranges, while the run goes on."""
    return Path(job.work) / "answers"


def value_shard(job: Job, shard: int) -> pa.Table:
    """Value the shard's patents, with the statistics of the book; the table carries its provenance.

    The shard's own statistics are left beside the values before its values are, so that whoever finds the values can
    explain them.
    """
    with stage("engine"):
        disk, engine = BookOnDisk(job.book), _engine(os.fspath(job.engine), job.engine_hash)
    entry = CacheEntry(Path(job.cache)) if job.cache else None
    with stage("cache"):
        cached = None if entry is None else entry.read(shard)
    snapshot = _snapshot(job, shard, disk, tuple(TABLES) if cached is None else VALUE_TABLES)
    with stage("statistics"):
        snapshot = snapshot.with_statistics(_statistics(job, shard, disk, entry), disk.fingerprint)
    subject = prepare(snapshot, engine.assumptions, cached) if cached is not None else None
    sheet = engine.work(snapshot if subject is None else subject)
    if entry is not None and cached is None:
        with stage("cache"):
            entry.write(shard, sheet.subject.features)
    table = sheet.table()
    with stage("table"):
        made = Valuation(table, engine.model.provenance(snapshot))
        return (with_overrides(made, job.overrides_file, job.overrides) if job.overrides else made).to_arrow()


def _statistics(job: Job, shard: int, disk: BookOnDisk, entry: CacheEntry | None) -> Statistics:
    """Statistics of the book as the shard needs them: all counts, and the citation graph of its own patents."""
    here = StatisticsFiles(Path(job.statistics))
    graph = here.graph(shard)
    if entry is not None and is_sound(entry.statistics.graph(shard)):
        found = read_graph(entry.statistics.graph(shard))
    elif is_sound(graph):
        found = read_graph(graph)
    else:
        found = measure_graph(answers_folder(job), part_file(job, shard), shard, disk.shards)
    write_graph(found, graph)
    if entry is not None:
        write_graph(found, entry.statistics.graph(shard))
    return Statistics(read_counts(here.counts, stated_digest(here.counts) or ""), found)


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
