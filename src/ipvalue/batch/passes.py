"""The passes of a batch before values: shards are counted, meet over ranges of codes, and make the whole."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ipvalue.batch.cells import cells_are_whole
from ipvalue.batch.files import remove
from ipvalue.batch.kept import Keep
from ipvalue.batch.plan import Folder
from ipvalue.batch.receipt import measured
from ipvalue.batch.shards import Job, PartFiles, Statistics, count_shard, part_files
from ipvalue.batch.statistics import (
    SUMS,
    meet_on_disk,
    meeting_file,
    ranges_of,
    whole_digest,
    write_dated,
    write_lasting,
)
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage

__all__ = ["Execute", "journalled", "whole_of"]

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


def whole_of(job: Job, folder: Folder, disk: BookOnDisk, execute: Execute) -> tuple[dict[int, Statistics], str]:
    """Count the whole book, as far as an earlier run has not; give the statistics by shard, and their hash."""
    parts = _count(job, folder, disk, execute)
    lasting, dated = [part.lasting for part in parts], [part.dated for part in parts]
    here, there = folder.work / "whole", folder.work / "whole-dated"
    if job.keep is not None:
        here, there = Keep(job.keep).whole(lasting), Keep(job.keep).whole(dated)
    digests = [whole_digest(place) for place in (here, there)]
    if None in digests:
        for place, digest in zip((here, there), digests):
            _begin(folder, place, digest)
        if digests[0] is None:
            _meet(job, folder, lasting, here, execute)
        with measured() as receipt, stage("merging"):
            digests = [digests[0] or write_lasting(lasting, here), digests[1] or write_dated(dated, there)]
        folder.journal.write("whole", sha256=_hash(digests), **receipt)
    if job.keep is not None:
        Keep(job.keep).drop_others(disk.shards, [*lasting, *dated], [here, there])
    places = os.fspath(here), os.fspath(there)
    return {shard: Statistics(*places, os.fspath(part)) for shard, part in enumerate(lasting)}, _hash(digests)


def _hash(digests: list[str | None]) -> str:
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _begin(folder: Folder, place: Path, digest: str | None) -> None:
    """Make room for the statistics of the whole; what is damaged there does not count as whole any more."""
    if digest is None and (place / SUMS).exists():
        folder.journal.write("damaged", what="the statistics of the whole")
        remove(place / SUMS)
    place.mkdir(parents=True, exist_ok=True)


def _count(job: Job, folder: Folder, disk: BookOnDisk, execute: Execute) -> list[PartFiles]:
    """Have every part counted that is not there whole. Where parts are kept, workers find out what they follow from."""
    (Path(job.keep or job.work) / "parts").mkdir(parents=True, exist_ok=True)
    shards = list(range(disk.shards))
    if job.keep is None:
        files = [part_files(job, disk, shard) for shard in shards]
        shards = sorted(
            {
                *_missing(folder, [f.lasting for f in files], "the part of shard"),
                *_missing(folder, [f.dated for f in files], "the part of shard"),
            }
        )
    found = {}
    calls = {shard: (job, shard) for shard in shards}
    for shard, receipt in journalled(folder, execute, _count_and_keep, calls, "counting"):
        found[shard] = PartFiles(*map(Path, receipt.pop("parts")))
        if "counting" in receipt["stages"]:
            folder.journal.write("counted", shard=shard, **receipt)
    return [found[k] if k in found else part_files(job, disk, k) for k in range(disk.shards)]


def _meet(job: Job, folder: Folder, parts: list[Path], place: Path, execute: Execute) -> None:
    """Have the parts meet on every range of which the answers are not there whole."""
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


def _count_and_keep(job: Job, shard: int) -> dict[str, Any]:
    with measured() as receipt:
        parts = count_shard(job, shard)
    return receipt | {"parts": [os.fspath(part) for part in parts]}


def _meet_and_keep(job: Job, parts: list[Path], k: int, file: Path) -> dict[str, Any]:
    with measured() as receipt, stage("joining"):
        meet_on_disk(parts, k, file)
    return receipt
