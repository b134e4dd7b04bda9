"""The passes of a batch before values: map (count each shard), shuffle by key range, and reduce to statistics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ipvalue.batch.atomic_files import remove, write_file
from ipvalue.batch.feature_cache import CacheEntry
from ipvalue.batch.journal import measured
from ipvalue.batch.plan import Folder
from ipvalue.batch.shards import Job, answers_folder, count_shard, part_file
from ipvalue.batch.statistics_files import (
    SUMS,
    StatisticsFiles,
    answers_digest,
    answers_file,
    is_sound,
    ranges_of,
    recorded_digest,
    reduce_on_disk,
    write_answers,
    write_counts,
)
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage

__all__ = ["Execute", "run_pass", "make_statistics"]

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
    place = answers_folder(job)
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
    files = [part_file(job, shard) for shard in range(disk.shards)]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    calls = {shard: (job, shard) for shard in _missing(folder, files, "the part of shard")}
    for shard, report in run_pass(folder, execute, _count_measured, calls, "counting"):
        folder.journal.write("counted", shard=shard, **report)
    return files


def _reduce(job: Job, folder: Folder, parts: list[Path], place: Path, execute: Execute) -> None:
    """Shuffle and reduce: answer the reports of all parts on each key range without answers."""
    files = [answers_file(place, k) for k in range(ranges_of(len(parts)))]
    calls = {k: (job, parts, k, files[k]) for k in _missing(folder, files, "the answers on range")}
    for k, report in run_pass(folder, execute, _reduce_measured, calls, "joining"):
        folder.journal.write("joined", range=k, **report)


def _missing(folder: Folder, files: list[Path], what: str) -> list[int]:
    missing = [k for k, file in enumerate(files) if not is_sound(file)]
    for k in missing:
        if files[k].exists():
            folder.journal.write("damaged", what=f"{what} {k}")
    return missing


def _count_measured(job: Job, shard: int) -> dict[str, Any]:
    with measured() as report:
        count_shard(job, shard)
    return report


def _reduce_measured(job: Job, parts: list[Path], k: int, file: Path) -> dict[str, Any]:
    with measured() as report, stage("joining"):
        reduce_on_disk(parts, k, file)
    return report
