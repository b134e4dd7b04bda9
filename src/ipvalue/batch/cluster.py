"""What batches on Dask and on Spark share: the run, the checks of each worker, and the errors.

The scheduler may send a task to any worker. Before a worker takes a shard, it checks that it sees the same book, the
folder of the values and the same package versions. A worker that does not fails at once with a clear error.

A worker leaves a mark beside the values when it begins a shard. Several marks mean that the shard was begun again, for
whatever reason (the worker died, its result was lost, or it was slow), and the journal records it.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from ipvalue.artifacts import versions
from ipvalue.batch.journal import Journal
from ipvalue.batch.local import run_batch
from ipvalue.batch.passes import Job
from ipvalue.batch.plan import BatchReport, Folder
from ipvalue.errors import ArtifactError, BatchError
from ipvalue.records.store import BookOnDisk

__all__ = ["WorkerCheck", "call_checked", "cluster_error", "revalue_on_cluster"]

Calls: TypeAlias = dict[int, tuple[Any, ...]]


def revalue_on_cluster(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    submit: Callable[[WorkerCheck, Callable[..., Any], Calls, str], Iterator[tuple[int, Any]]],
    *,
    keep: str | os.PathLike[str] | None,
    **options: Any,
) -> BatchReport:
    """Run a batch whose tasks a cluster executes; paths are made absolute, as workers have other working directories.

    Parameters
    ----------
    book, values, keep, **options
        As in :func:`ipvalue.revalue`.
    submit : callable
        ``submit(check, function, arguments by shard, label)`` has :func:`call_checked` run for each shard on a worker,
        and gives each shard with its result.
    """
    folder = Path(values).absolute()
    return run_batch(
        Path(book).absolute(),
        folder,
        keep=None if keep is None else Path(keep).absolute(),
        execute=partial(_execute, submit=submit, journal=Folder(folder).journal),
        **options,
    )


def _execute(
    function: Callable[..., Any], calls: Calls, label: str, *, submit: Callable[..., Any], journal: Journal
) -> Iterator[tuple[int, Any]]:
    job = next(iter(calls.values()))[0]
    with checked_pass(job, journal, label) as check:
        yield from submit(check, function, calls, label)


def cluster_error(what: str, label: str, hint: str = "") -> BatchError:
    """The error of a pass that the cluster could not complete."""
    return BatchError(
        f"{what} while {label}{hint and f' ({hint})'}. If workers ran out of memory, give each of them more memory or "
        "write the book with more shards; run again to continue with the shards that are left"
    )


@dataclass(frozen=True)
class WorkerCheck:
    """What the process that started the batch sees, and every worker must see too.

    Attributes
    ----------
    book, fingerprint : str
        The book's folder and the fingerprint of its manifest.
    cache : str
        The folder of the cached features; empty without one.
    beacon : str
        A file beside the values that exists while the pass runs.
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
    """Set up what the tasks of a pass are checked against, and a file (the beacon) that exists while the pass runs.

    A task that starts after the batch has ended finds no beacon and does nothing. At the end the journal gets a line
    for every shard that was begun again, also if the pass has failed.
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
    """Call a function of the batch for a shard, once this worker has passed the checks.

    Raises
    ------
    BatchError
        If this worker does not see the values' folder or the same book, or has other versions.
    """
    if not Path(check.beacon).exists():
        raise BatchError(
            f"{_here()} does not find {check.beacon}: the folder of the values must be on a file system that all "
            "workers share, under the same path (or the batch that sent this task is over)"
        )
    _check(check)
    _mark(Path(check.beacon), shard)
    return function(*arguments)


def _mark(beacon: Path, shard: int) -> None:
    """Leave a file that says which worker begins the shard, and which attempt it is."""
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
            f"{_here()} can't read the book {check.book}: it must be on a file system that all workers share, under "
            f"the same path ({error})"
        ) from error
    if fingerprint != check.fingerprint:
        raise BatchError(f"{_here()} sees another book at {check.book} than the process that started the batch")
    if check.cache and not Path(check.cache).is_dir():
        raise BatchError(f"{_here()} does not find {check.cache}: all workers must share the folder of cached features")
    mine = versions()
    other = [f"{name} {mine.get(name)} instead of {wanted}" for name, wanted in check.versions if mine[name] != wanted]
    if other:
        raise BatchError(f"{_here()} has {', '.join(other)}: its values could differ; install the same versions")


def _here() -> str:
    return f"the worker {os.getpid()} on {socket.gethostname()}"
