"""The passes of a batch and their functions: count each shard, shuffle and reduce by key range, value each shard.

The functions of a shard depend only on their arguments and on files that do not change, so that any executor may run
them in any order, and again, with the same bits. Their stages are timed by ``ipvalue.stopwatch``: reading, snapshot,
counting; engine (loaded once a worker), statistics, features, each method, reconciliation, table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from ipvalue.batch.atomic_files import remove, write_file
from ipvalue.batch.feature_cache import VALUE_TABLES, CacheEntry
from ipvalue.batch.journal import measured
from ipvalue.batch.plan import Folder
from ipvalue.batch.run_overrides import with_overrides
from ipvalue.batch.statistics_files import (
    SUMS,
    StatisticsFiles,
    answers_digest,
    answers_file,
    is_sound,
    measure_graph,
    ranges_of,
    read_counts,
    read_graph,
    recorded_digest,
    reduce_on_disk,
    write_answers,
    write_counts,
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

__all__ = ["Execute", "Job", "make_statistics", "run_pass", "value_shard"]


@dataclass(frozen=True)
class Job:
    """The inputs of a batch as paths, dates and hashes only, so that it can be sent to any worker.

    Attributes
    ----------
    book, work : str
        Folders of the book, and of the run's temporary files.
    engine_hash, run : str
        Hashes of the engine and of the run; they keep a worker from using what it cached of an earlier run.
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

    @property
    def answers(self) -> Path:
        """Folder of the answers on all key ranges, during the run."""
        return Path(self.work) / "answers"

    def part(self, shard: int) -> Path:
        """File of what a shard contributes to the statistics of the book."""
        return Path(self.work) / "parts" / f"{shard:05d}.arrays"


def value_shard(job: Job, shard: int) -> pa.Table:
    """Value the shard's patents, with the statistics of the book; the table has its provenance as metadata.

    The shard's statistics are written before its values, so that every value on disk can be explained.
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
    """Statistics of the book for a shard: all counts, and the citation graph of its own patents."""
    here = StatisticsFiles(Path(job.statistics))
    graph = here.graph(shard)
    if entry is not None and is_sound(entry.statistics.graph(shard)):
        found = read_graph(entry.statistics.graph(shard))
    elif is_sound(graph):
        found = read_graph(graph)
    else:
        found = measure_graph(job.answers, job.part(shard), shard, disk.shards)
    write_graph(found, graph)
    if entry is not None:
        write_graph(found, entry.statistics.graph(shard))
    return Statistics(read_counts(here.counts, recorded_digest(here.counts) or ""), found)


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


# execute(function, arguments by shard, label) gives the results with their shards, in any order
Execute: TypeAlias = Callable[[Callable[..., Any], dict[int, tuple[Any, ...]], str], Iterator[tuple[int, Any]]]


def run_pass(
    folder: Folder, execute: Execute, function: Callable[..., Any], calls: dict[int, tuple[Any, ...]], label: str
) -> Iterator[tuple[int, Any]]:
    """Execute a function for each shard or range, and journal when the pass began and ended."""
    if not calls:
        return
    started = time.perf_counter()
    folder.journal.write("pass", label=label, shards=len(calls))
    yield from execute(function, calls, label)
    folder.journal.write("passed", label=label, shards=len(calls), seconds=round(time.perf_counter() - started, 6))


def make_statistics(job: Job, folder: Folder, disk: BookOnDisk, execute: Execute) -> None:
    """Compute the statistics of the book that no earlier call or run has left, and write the counts beside the values.

    The file of the citation graph of each shard is written when the shard is valued.
    """
    here = StatisticsFiles(Path(job.statistics))
    here.folder.mkdir(parents=True, exist_ok=True)
    if job.cache:
        entry = CacheEntry(Path(job.cache))
        entry.folder.mkdir(parents=True, exist_ok=True)
        if entry.holds(disk.shards):
            write_file(here.counts, entry.statistics.counts.read_bytes())
            folder.journal.write("cached", path=os.fspath(entry.folder))
            return
    if here.are_sound(disk.shards):
        return
    parts = _count(job, folder, disk, execute)
    place = job.answers
    digest = answers_digest(place)
    if digest is None:
        _begin(folder, place)
        _reduce(job, folder, parts, place, execute)
    if digest is None or not is_sound(here.counts):
        with measured() as report, stage("merging"):
            digest = write_answers(parts, place) if digest is None else digest
            write_counts(parts, here.counts)
        folder.journal.write("statistics", sha256=recorded_digest(here.counts), **report)
    if job.cache:
        write_file(CacheEntry(Path(job.cache)).statistics.counts, here.counts.read_bytes())


def _begin(folder: Folder, place: Path) -> None:
    """Prepare the folder of the answers; damaged ones no longer count as complete."""
    if (place / SUMS).exists():
        folder.journal.write("damaged", what="the statistics of the book")
        remove(place / SUMS)
    place.mkdir(parents=True, exist_ok=True)


def _count(job: Job, folder: Folder, disk: BookOnDisk, execute: Execute) -> list[Path]:
    """Map: count every shard whose part is missing or damaged."""
    files = [job.part(shard) for shard in range(disk.shards)]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    calls = {shard: (job, shard) for shard in _missing(folder, files, "the part of shard")}
    for shard, report in run_pass(folder, execute, _count_shard, calls, "counting"):
        folder.journal.write("counted", shard=shard, **report)
    return files


def _reduce(job: Job, folder: Folder, parts: list[Path], place: Path, execute: Execute) -> None:
    """Shuffle and reduce: answer the reports of all parts on each key range without answers."""
    files = [answers_file(place, k) for k in range(ranges_of(len(parts)))]
    calls = {k: (job, parts, k, files[k]) for k in _missing(folder, files, "the answers on range")}
    for k, report in run_pass(folder, execute, _reduce_range, calls, "joining"):
        folder.journal.write("joined", range=k, **report)


def _missing(folder: Folder, files: list[Path], what: str) -> list[int]:
    missing = [k for k, file in enumerate(files) if not is_sound(file)]
    for k in missing:
        if files[k].exists():
            folder.journal.write("damaged", what=f"{what} {k}")
    return missing


def _count_shard(job: Job, shard: int) -> dict[str, Any]:
    """Count what the shard contributes to the statistics of the book, unless its file is sound."""
    with measured() as report:
        disk, file = BookOnDisk(job.book), job.part(shard)
        if not is_sound(file):
            snapshot = _snapshot(job, shard, disk, {name: COUNTED[name] for name in TABLES if name in COUNTED})
            with stage("counting"):
                part = Part.of(snapshot, ranges_of(disk.shards))
            with stage("writing"):
                write_part(part, file)
    return report


def _reduce_range(job: Job, parts: list[Path], k: int, file: Path) -> dict[str, Any]:
    with measured() as report, stage("joining"):
        reduce_on_disk(parts, k, file)
    return report
