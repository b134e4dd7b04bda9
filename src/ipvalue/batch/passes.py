"""The passes of a batch before values: shards are counted, meet over ranges of codes, and make the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ipvalue.batch.cells import cells_are_whole
from ipvalue.batch.files import remove
from ipvalue.batch.kept import Keep
from ipvalue.batch.plan import Folder
from ipvalue.batch.receipt import measured
from ipvalue.batch.shards import Job, count_shard, part_file
from ipvalue.batch.statistics import meet_on_disk, meeting_file, ranges_of, whole_digest, write_part, write_whole
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage

__all__ = ["Execute", "journalled", "whole_of"]

# execute(function, arguments by shard, label) gives the results with their shards, in any order
Execute: TypeAlias = Callable[[Callable[..., Any], dict[int, tuple[Any, ...]], str], Iterator[tuple[int, Any]]]


def journalled(
    folder: Folder, execute: Execute, function: Callable[..., Any], calls: dict[int, tuple[Any, ...]], label: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Have a function executed for each shard or range, and journal when that began and ended."""
    if not calls:
        return
    started = time.perf_counter()
    folder.journal.write("pass", label=label, shards=len(calls))
    yield from execute(function, calls, label)
    folder.journal.write("passed", label=label, shards=len(calls), seconds=round(time.perf_counter() - started, 6))


def whole_of(job: Job, folder: Folder, disk: BookOnDisk, execute: Execute) -> tuple[Path, str]:
    """Count the whole book, as far as an earlier run has not; give the folder of the statistics and their hash."""
    parts = [part_file(job, disk, shard) for shard in range(disk.shards)]
    place = folder.work / "whole"
    if job.keep is not None:
        place = Keep(job.keep).whole([part.stem for part in parts])
    digest = whole_digest(place)
    if digest is None:
        _count(job, folder, parts, execute)
        _meet(job, folder, parts, place, execute)
        with measured() as receipt, stage("merging"):
            digest = write_whole(parts, place)
        folder.journal.write("whole", sha256=digest, **receipt)
    if job.keep is not None:
        Keep(job.keep).drop_others(parts, place)
    return place, digest


def _count(job: Job, folder: Folder, parts: list[Path], execute: Execute) -> None:
    """Have every part counted that is not there whole."""
    parts[0].parent.mkdir(parents=True, exist_ok=True)
    missing = _missing(folder, parts, "the part of shard")
    calls = {shard: (job, shard, parts[shard]) for shard in missing}
    for shard, receipt in journalled(folder, execute, _count_and_keep, calls, "counting"):
        folder.journal.write("counted", shard=shard, **receipt)


def _meet(job: Job, folder: Folder, parts: list[Path], place: Path, execute: Execute) -> None:
    """Have the parts meet on every range of which the answers are not there whole."""
    if (place / "sums.json").exists():
        folder.journal.write("damaged", what="the statistics of the whole")
        remove(place / "sums.json")
    place.mkdir(parents=True, exist_ok=True)
    files = [meeting_file(place, k) for k in range(ranges_of(len(parts)))]
    missing = _missing(folder, files, "the answers on range")
    calls = {k: (job, parts, k, files[k]) for k in missing}
    for k, receipt in journalled(folder, execute, _meet_and_keep, calls, "joining"):
        folder.journal.write("joined", range=k, **receipt)


def _missing(folder: Folder, files: list[Path], what: str) -> list[int]:
    missing = [k for k, file in enumerate(files) if not cells_are_whole(file)]
    for k in missing:
        if files[k].exists():
            folder.journal.write("damaged", what=f"{what} {k}")
    return missing


def _count_and_keep(job: Job, shard: int, file: Path) -> dict[str, Any]:
    with measured() as receipt:
        part = count_shard(job, shard)
        with stage("writing"):
            write_part(part, file)
    return receipt


def _meet_and_keep(job: Job, parts: list[Path], k: int, file: Path) -> dict[str, Any]:
    with measured() as receipt, stage("joining"):
        meet_on_disk(parts, k, file)
    return receipt
