"""The passes of a batch before values: map (count each shard), shuffle by key range, and reduce to statistics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ipvalue.batch.cells import cells_are_whole
from ipvalue.batch.files import remove
from ipvalue.batch.plan import Folder
from ipvalue.batch.receipt import measured
from ipvalue.batch.shards import BookStatistics, Job, count_shard, part_file
from ipvalue.batch.statistics import (
    SUMS,
    meet_on_disk,
    meeting_file,
    ranges_of,
    statistics_digest,
    write_statistics,
)
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage

__all__ = ["Execute", "journalled", "statistics_of"]

# execute(function, arguments by shard, label) gives the results with their shards, in any order
Execute: TypeAlias = Callable[[Callable[..., Any], dict[int, tuple[Any, ...]], str], Iterator[tuple[int, Any]]]


def journalled(
    folder: Folder, execute: Execute, function: Callable[..., Any], calls: dict[int, tuple[Any, ...]], label: str
) -> Iterator[tuple[int, Any]]:
    """Have a function executed for each shard or range, and journal when that began and ended."""
    if not calls:
        return
    started = time.perf_counter()
    folder.journal.write("pass", label=label, shards=len(calls))
    yield from execute(function, calls, label)
    folder.journal.write("passed", label=label, shards=len(calls), seconds=round(time.perf_counter() - started, 6))


def statistics_of(
    job: Job, folder: Folder, disk: BookOnDisk, execute: Execute
) -> tuple[dict[int, BookStatistics], str]:
    """Count the statistics of the book where an earlier call has not; give their place by shard, and their hash."""
    parts = _count(job, folder, disk, execute)
    place = folder.work / "statistics"
    digest = statistics_digest(place)
    if digest is None:
        _begin(folder, place)
        _reduce(job, folder, parts, place, execute)
        with measured() as receipt, stage("merging"):
            digest = write_statistics(parts, place)
        folder.journal.write("whole", sha256=digest, **receipt)
    return {shard: BookStatistics(os.fspath(place), os.fspath(part)) for shard, part in enumerate(parts)}, digest


def _begin(folder: Folder, place: Path) -> None:
    """Make room for the statistics of the book; what is damaged there no longer counts as complete."""
    if (place / SUMS).exists():
        folder.journal.write("damaged", what="the statistics of the book")
        remove(place / SUMS)
    place.mkdir(parents=True, exist_ok=True)


def _count(job: Job, folder: Folder, disk: BookOnDisk, execute: Execute) -> list[Path]:
    """Map: have every part counted that is not there and sound."""
    files = [part_file(job, shard) for shard in range(disk.shards)]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    calls = {shard: (job, shard) for shard in _missing(folder, files, "the part of shard")}
    for shard, receipt in journalled(folder, execute, _count_measured, calls, "counting"):
        folder.journal.write("counted", shard=shard, **receipt)
    return files


def _reduce(job: Job, folder: Folder, parts: list[Path], place: Path, execute: Execute) -> None:
    """Shuffle and reduce: have the reports of all parts on each key range answered that is not answered yet."""
    files = [meeting_file(place, k) for k in range(ranges_of(len(parts)))]
    calls = {k: (job, parts, k, files[k]) for k in _missing(folder, files, "the answers on range")}
    for k, receipt in journalled(folder, execute, _reduce_measured, calls, "joining"):
        folder.journal.write("joined", range=k, **receipt)


def _missing(folder: Folder, files: list[Path], what: str) -> list[int]:
    missing = [k for k, file in enumerate(files) if not cells_are_whole(file)]
    for k in missing:
        if files[k].exists():
            folder.journal.write("damaged", what=f"{what} {k}")
    return missing


def _count_measured(job: Job, shard: int) -> dict[str, Any]:
    with measured() as receipt:
        count_shard(job, shard)
    return receipt


def _reduce_measured(job: Job, parts: list[Path], k: int, file: Path) -> dict[str, Any]:
    with measured() as receipt, stage("joining"):
        meet_on_disk(parts, k, file)
    return receipt
