"""A batch on one machine: joblib workers over the shards, progress, and resumption."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, get_args

from joblib import Parallel, delayed
from joblib.externals.loky import process_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from ipvalue.batch.array_file import is_sound, stated_digest
from ipvalue.batch.feature_cache import CacheEntry, FeatureCache
from ipvalue.batch.files import write_file
from ipvalue.batch.journal import Journal
from ipvalue.batch.manifest import manifest_of, report_of
from ipvalue.batch.plan import BatchReport, Folder
from ipvalue.batch.run import Run
from ipvalue.batch.run_overrides import overrides_from
from ipvalue.batch.shards import Job, value_shard
from ipvalue.batch.statistics_passes import Execute, journalled, make_statistics
from ipvalue.batch.task_report import measured
from ipvalue.engine import ValuationEngine
from ipvalue.errors import ArtifactError, BatchError
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Known, parse_date
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage

__all__ = ["Execute", "revalue", "run_batch"]

_ATTEMPTS = 3
_WATCH_SECONDS = 0.5


def revalue(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    *,
    engine: ValuationEngine | str | os.PathLike[str],
    as_of: object,
    known: Known = "announced",
    workers: int = 1,
    restart: bool = False,
    keep: str | os.PathLike[str] | None = None,
    overrides: Overrides | str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> BatchReport:
    """Revalue a book on disk, shard by shard.

    Three passes: shards are counted (map), their counts and citations are exchanged by key range and added up (shuffle
    and reduce), and each shard is valued with the statistics of the book.
    Memory does not grow with the book beyond 9 bytes a document of its citations.
    A shard is committed whole; a run that was killed goes on with the shards that it had not finished.

    Parameters
    ----------
    book : path
        A book that :func:`ipvalue.write_book` wrote.
    values : path
        Folder of the result, a Parquet dataset (``pandas.read_parquet``, ``Valuation.from_parquet``).
    engine : ValuationEngine or path
        A fitted engine, or the folder of a saved one.
    as_of : date
        Valuation date.
    known : {'announced', 'loaded'}
        From which of its dates a legal event counts.
    workers : int, default 1
        Processes. The values do not depend on them.
    restart : bool, default False
        Discard values of another run that the folder holds.
    keep : path, optional
        Folder in which features are cached for the next run over the same book on the same date: one with other
        figures, curves or deals, or another engine, then only values again. The values are those of a full run.
    overrides : Overrides or path, optional
        Experts' values, that stand in the place of the model's as by :meth:`ipvalue.Valuation.override`: a set, or the
        file of one (JSON; or CSV or Parquet, of which every row must be taken). Another set is another run.
    progress : bool, optional
        Show a progress bar; by default where standard error is a terminal.

    Returns
    -------
    BatchReport

    Raises
    ------
    ArtifactError
        If the book or the engine is damaged.
    BatchError
        If the folder holds other values, another run is writing, the disk is full, or workers keep dying.
    OverrideError
        If overrides can't be read. One that can't be applied stands in the report, as in ``override_log()``.

    Examples
    --------
    >>> import ipvalue as ipv, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> book = ipv.synthetic_book(300, seed=7)
    >>> ipv.write_book(book, folder / "book", shards=2)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> ipv.revalue(folder / "book", folder / "values", engine=engine, as_of="2024-12-31").patents
    300
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise BatchError(f"workers={workers!r}: a batch needs a whole number of them, at least one")
    execute = partial(_run, workers=workers, progress=progress, journal=Folder(values).journal)
    return run_batch(
        book,
        values,
        engine=engine,
        as_of=as_of,
        known=known,
        restart=restart,
        keep=keep,
        overrides=overrides,
        execute=execute,
    )


def run_batch(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    *,
    engine: ValuationEngine | str | os.PathLike[str],
    as_of: object,
    known: Known,
    restart: bool,
    execute: Execute,
    keep: str | os.PathLike[str] | None = None,
    overrides: Overrides | str | os.PathLike[str] | None = None,
) -> BatchReport:
    """Run a batch on any executor: plan, count, value, report; the parameters are those of :func:`revalue`.

    Parameters
    ----------
    book, values, engine, as_of, known, restart, keep, overrides
        As in :func:`revalue`.
    execute : callable
        ``execute(function, arguments by shard, label)`` calls the function for each shard, in any order and where it
        likes, more than once if it must, and gives each shard with its result.
    """
    _check_types(book, engine, known, keep)
    loaded = engine if isinstance(engine, ValuationEngine) else ValuationEngine.load(engine)
    experts = overrides_from(overrides)
    disk, day, folder = BookOnDisk(book), str(parse_date(as_of)), Folder(values)
    run = Run.of(disk, loaded, day, known, experts)
    cache = None if keep is None else FeatureCache(keep)
    with folder.locked(), nullcontext() if cache is None else cache.locked(folder.path):
        done = folder.begin(run, disk, restart)
        with folder.failing_clearly():
            todo = [s for s in range(disk.shards) if s not in done]
            entry = None if cache is None else cache.entry(disk, day, known)
            seconds = _score(os.fspath(book), loaded, experts, disk, folder, entry, todo, execute)
            if cache is not None and entry is not None:
                cache.drop_others(entry)
            report = _end(folder, disk, len(done), seconds, experts)
    return report


def _check_types(book: object, engine: object, known: object, keep: object) -> None:
    """Refuse what can't be meant before anything is read, and above all before a restart discards anything."""
    if known not in get_args(Known):
        raise BatchError(f"known={known!r}: it must be 'announced' or 'loaded'")
    if not isinstance(engine, ValuationEngine | str | os.PathLike):
        raise BatchError(f"engine={engine!r}: a fitted engine or the folder of a saved one is needed")
    for name, path in (("book", book), ("keep", keep)):
        if not isinstance(path, str | os.PathLike) and (path is not None or name != "keep"):
            raise BatchError(f"{name} is a {type(path).__name__}: a batch takes the path of a folder (see write_book)")


def _score(
    book: str,
    loaded: ValuationEngine,
    experts: Overrides | None,
    disk: BookOnDisk,
    folder: Folder,
    entry: CacheEntry | None,
    todo: list[int],
    execute: Execute,
) -> dict[str, float]:
    """Both passes over what is left to do; wall time of each."""
    if not todo and is_sound(folder.statistics.counts):
        return {}
    started = time.perf_counter()
    run = folder.run
    places = os.fspath(folder.work), loaded.hash, run.key, run.as_of, run.known, os.fspath(folder.statistics.folder)
    job = Job(book, *places, run.overrides, "" if entry is None else os.fspath(entry.folder))
    _save(loaded, job.engine)
    if experts is not None:
        write_file(job.overrides_file, experts.to_json().encode("utf-8"))
    make_statistics(job, folder, disk, execute)
    counted, known = time.perf_counter(), stated_digest(folder.statistics.counts)
    calls = {shard: (job, folder, shard) for shard in todo}
    for shard, receipt in journalled(folder, execute, _value_and_commit, calls, "valuing"):
        made = {"run": run.key, "inputs": disk.shard_digest(shard), "statistics": known}
        folder.journal.write("committed", shard=shard, **made, **receipt)
    return {"statistics": counted - started, "values": time.perf_counter() - counted}


def _save(engine: ValuationEngine, path: Path) -> None:
    try:
        engine.save(path)
    except ArtifactError as error:
        raise BatchError(f"{error}; run again to go on once that is mended") from error


def _value_and_commit(job: Job, folder: Folder, shard: int) -> dict[str, Any]:
    """Value a shard and commit it, unless a worker that died has done so and could not report it."""
    with measured() as receipt:
        made = folder.found(shard)
        if made is None:
            table = value_shard(job, shard)
            with stage("writing"):
                made = folder.commit(shard, table)
    return made | receipt


def _end(
    folder: Folder, disk: BookOnDisk, resumed: int, seconds: dict[str, float], experts: Overrides | None
) -> BatchReport:
    """Check that the dataset is complete, report, and leave the manifest."""
    folder.check_complete(disk.shards)
    report = report_of(folder, disk, resumed, seconds, experts)
    # the manifest of a batch that was finished before tells more than one of a call that had nothing to do
    folder.finish(manifest_of(folder, disk, report) if seconds or not folder.finished else None)
    took = round(sum(seconds.values()), 6)
    known = {"path": report.path, "run": folder.run.key, "patents": report.patents, "shards": disk.shards}
    folder.journal.write("finished", seconds=took, **known)
    return report


def _run(
    function: Any,
    calls: dict[int, tuple[Any, ...]],
    label: str,
    *,
    workers: int,
    progress: bool | None,
    journal: Journal,
) -> Iterator[tuple[int, Any]]:
    """Run calls in joblib workers, give each shard with its result; what a dying worker took along runs again."""
    waiting = dict(calls)
    hide = None if progress is None else not progress
    with tqdm(total=len(calls), desc=label, unit="shard", disable=hide) as bar:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                for shard, result in _results(function, dict(waiting), workers):
                    del waiting[shard]
                    bar.update()
                    yield shard, result
                return
            except TerminatedWorkerError as error:
                journal.write("retried", label=label, left=len(waiting), attempt=attempt, error=_ends(error))
                if attempt == _ATTEMPTS:
                    raise BatchError(
                        f"workers died {_ATTEMPTS} times with {len(waiting)} shard(s) left (out of memory? use fewer "
                        "workers or more shards); run again to go on with what is left"
                    ) from error


def _ends(error: Exception) -> str:
    """The exit codes that joblib tells, or all that it says: they tell a kill for memory (SIGKILL) from a crash."""
    found = re.search(r"\{(.*?)\}", str(error))
    return f"exit codes {found[1]}" if found else " ".join(str(error).split())


def _results(function: Any, calls: dict[int, tuple[Any, ...]], workers: int) -> Iterator[tuple[int, Any]]:
    if workers == 1:
        for shard, arguments in calls.items():
            yield shard, function(*arguments)
        return
    # joblib starts each worker with this, before the first task: a worker that gets none must not be left behind either
    begun: dict[str, Any] = {"initializer": _begin_worker, "initargs": (os.getpid(),)}
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="2*n_jobs", **begun)
    yield from pool(delayed(_numbered)(function, shard, arguments) for shard, arguments in calls.items())


def _numbered(function: Any, shard: int, arguments: tuple[Any, ...]) -> tuple[int, Any]:
    return shard, function(*arguments)


def _begin_worker(parent: int) -> None:
    """Have this worker end soon after its parent is killed: joblib's own would work on, and then wait for minutes."""
    # joblib takes growth by 300 MB since the first task for a leak, and replaces the worker; one that has loaded the
    # engine and the statistics of the whole has grown by that, and its successor would only load them again
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)  # a shard is committed whole or not at all, at whatever moment
