"""What a worker elsewhere must see before it takes a shard: the book, the values' folder, the same versions.

The engines that :mod:`ipvalue.batch.dask` and :mod:`ipvalue.batch.spark` hand a batch to send tasks to any worker
they know. A worker that reads another file system, or calculates with another numpy, is told so at once instead of
leaving its shards where nobody finds them.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ipvalue.artifacts import versions
from ipvalue.batch.shards import Job
from ipvalue.errors import ArtifactError, BatchError
from ipvalue.records.store import BookOnDisk

__all__ = ["Sight", "call_checked", "lit"]


@dataclass(frozen=True)
class Sight:
    """What the process that runs the batch sees, and every worker must see too.

    Attributes
    ----------
    book, fingerprint : str
        The book's folder and the fingerprint of its manifest.
    keep : str, optional
        The folder of what is kept for the next run.
    beacon : str
        A file beside the values that is there as long as the tasks are wanted.
    versions : tuple of pairs of str
        Versions of Python and of the packages that values depend on.
    """

    book: str
    fingerprint: str
    keep: str | None
    beacon: str
    versions: tuple[tuple[str, str], ...]


@contextmanager
def lit(job: Job) -> Iterator[Sight]:
    """Light the beacon of a batch's tasks: a task that comes too late, when the batch is over, finds it gone."""
    beacon = Path(job.engine).with_name(f"beacon-{uuid.uuid4().hex}")
    beacon.write_text(job.run)
    try:
        fingerprint, seen = BookOnDisk(job.book).fingerprint, tuple(versions().items())
        yield Sight(job.book, fingerprint, job.keep, os.fspath(beacon), seen)
    finally:
        beacon.unlink(missing_ok=True)


def call_checked(sight: Sight, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function of the batch on a worker that sees what it must see.

    Raises
    ------
    BatchError
        If this worker does not see the values' folder or the same book, or has other versions.
    """
    if not Path(sight.beacon).exists():
        raise BatchError(
            f"{_here()} finds no {sight.beacon}: the values' folder must lie on a file system that all workers "
            "share, under the same path (or the batch that sent this task is over)"
        )
    _check(sight)
    return function(*arguments)


@lru_cache(maxsize=8)
def _check(sight: Sight) -> None:
    """Compare book and versions, once a worker."""
    try:
        fingerprint = BookOnDisk(sight.book).fingerprint
    except ArtifactError as error:
        raise BatchError(
            f"{_here()} can't read the book {sight.book}: it must lie on a file system that all workers share, under "
            f"the same path ({error})"
        ) from error
    if fingerprint != sight.fingerprint:
        raise BatchError(f"{_here()} sees another book at {sight.book} than the process that runs the batch")
    if sight.keep is not None and not Path(sight.keep).is_dir():
        raise BatchError(f"{_here()} finds no {sight.keep}: all workers must share the folder of what is kept")
    mine = versions()
    other = [f"{name} {mine.get(name)} instead of {wanted}" for name, wanted in sight.versions if mine[name] != wanted]
    if other:
        raise BatchError(f"{_here()} has {', '.join(other)}: its values could differ; install the same versions")


def _here() -> str:
    return f"the worker {os.getpid()} on {socket.gethostname()}"
