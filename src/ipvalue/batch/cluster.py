"""What a worker elsewhere must see before it takes a shard: the book, the values' folder, the same versions.

The engines that :mod:`ipvalue.batch.dask` and :mod:`ipvalue.batch.spark` hand a batch to send tasks to any worker
they know. A worker that reads another file system, or calculates with another numpy, is told so at once instead of
leaving its shards where nobody finds them.

A worker leaves a mark beside the values when it begins a shard. A shard with several marks was begun again, whichever
engine decided so and for whatever reason (a dead worker, a lost result, a slow one overtaken), and the journal says it.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from ipvalue.artifacts import versions
from ipvalue.batch.journal import Journal
from ipvalue.batch.shards import Job
from ipvalue.errors import ArtifactError, BatchError
from ipvalue.records.store import BookOnDisk

__all__ = ["WorkerCheck", "call_checked", "checked_pass"]


@dataclass(frozen=True)
class WorkerCheck:
    """What the process that runs the batch sees, and every worker must see too.

    Attributes
    ----------
    book, fingerprint : str
        The book's folder and the fingerprint of its manifest.
    cache : str
        The folder of the cached features; empty without one.
    beacon : str
        A file beside the values that is there as long as the tasks are wanted.
    versions : tuple of pairs of str
        Versions of Python and of the packages that values depend on.
    """

    book: str
    fingerprint: str
    cache: str
    beacon: str
    versions: tuple[tuple[str, str], ...]


@contextmanager
def checked_pass(job: Job, journal: Journal, label: str) -> Iterator[WorkerCheck]:
    """Set up what the tasks of a pass are checked against, and their beacon.

    A task that comes too late, when the batch is over, finds no beacon and does nothing.

    At the end the journal gets a line for every shard that was begun again, also if the pass has failed.
    """
    beacon = Path(job.engine).with_name(f"beacon-{uuid.uuid4().hex}")
    beacon.write_text(job.run)
    try:
        fingerprint, seen = BookOnDisk(job.book).fingerprint, tuple(versions().items())
        yield WorkerCheck(job.book, fingerprint, job.cache, os.fspath(beacon), seen)
    finally:
        beacon.unlink(missing_ok=True)
        _journal_repeats(beacon, journal, label)


def call_checked(check: WorkerCheck, function: Callable[..., Any], shard: int, arguments: tuple[Any, ...]) -> Any:
    """Call a function of the batch for a shard, on a worker that sees what it must see.

    Raises
    ------
    BatchError
        If this worker does not see the values' folder or the same book, or has other versions.
    """
    if not Path(check.beacon).exists():
        raise BatchError(
            f"{_here()} finds no {check.beacon}: the values' folder must lie on a file system that all workers "
            "share, under the same path (or the batch that sent this task is over)"
        )
    _check(check)
    _mark(Path(check.beacon), shard)
    return function(*arguments)


def _mark(beacon: Path, shard: int) -> None:
    """Leave a file that says who begins the shard, and which attempt it is."""
    for attempt in count(1):
        try:
            with beacon.with_name(f"{beacon.name}-{shard:05d}-{attempt:03d}").open("x") as mark:
                json.dump({"pid": os.getpid(), "host": socket.gethostname()}, mark)
            return
        except FileExistsError:
            continue


def _journal_repeats(beacon: Path, journal: Journal, label: str) -> None:
    """Journal every mark but the first of each shard, and remove all."""
    for mark in sorted(beacon.parent.glob(f"{beacon.name}-*")):
        shard, attempt = (int(number) for number in mark.name.split("-")[-2:])
        if attempt > 1:
            who = json.loads(mark.read_text() or "{}")  # empty if the worker died over it
            journal.write("repeated", label=label, shard=shard, attempt=attempt, **{"pid": None, "host": None} | who)
        mark.unlink(missing_ok=True)


@lru_cache(maxsize=8)
def _check(check: WorkerCheck) -> None:
    """Compare book and versions, once a worker."""
    try:
        fingerprint = BookOnDisk(check.book).fingerprint
    except ArtifactError as error:
        raise BatchError(
            f"{_here()} can't read the book {check.book}: it must lie on a file system that all workers share, under "
            f"the same path ({error})"
        ) from error
    if fingerprint != check.fingerprint:
        raise BatchError(f"{_here()} sees another book at {check.book} than the process that runs the batch")
    if check.cache and not Path(check.cache).is_dir():
        raise BatchError(f"{_here()} finds no {check.cache}: all workers must share the folder of cached features")
    mine = versions()
    other = [f"{name} {mine.get(name)} instead of {wanted}" for name, wanted in check.versions if mine[name] != wanted]
    if other:
        raise BatchError(f"{_here()} has {', '.join(other)}: its values could differ; install the same versions")


def _here() -> str:
    return f"the worker {os.getpid()} on {socket.gethostname()}"
