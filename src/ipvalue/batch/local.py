"""A batch on one machine: joblib workers over the shards; and the steps that all executors share."""

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

from ipvalue.batch.atomic_files import write_file
from ipvalue.batch.feature_cache import CacheEntry, FeatureCache
from ipvalue.batch.journal import Journal, measured
from ipvalue.batch.manifest import manifest_of, report_of
from ipvalue.batch.passes import Execute, Job, make_statistics, run_pass, value_shard
from ipvalue.batch.plan import BatchReport, Folder, Run
from ipvalue.batch.run_overrides import overrides_from
from ipvalue.batch.statistics_files import is_sound, recorded_digest
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

    There are three passes: each shard is counted (map), counts and citations are exchanged by key range and added up
    (shuffle and reduce), and each shard is valued with the statistics of the book. Memory grows with the book only by
    9 bytes per document of its citations. A shard is committed completely or not at all, and a run that was killed
    resumes with the shards that are left.

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
        Folder in which features are cached for the next run over the same book on the same date. A run with other
        assumptions, curves, deals or another engine then only computes values, the same as those of a full run.
    overrides : Overrides or path, optional
        Experts' values, which replace the model's as by :meth:`ipvalue.Valuation.override`: a set, or the file of one
        (JSON, CSV or Parquet, in which every row must be valid). Another set is another run.
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
        If overrides can't be read. One that can't be applied is counted in the report, as in ``override_log()``.

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
        raise BatchError(f"workers={workers!r}: give a whole number of processes, at least 1")
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
    """Run a batch on any executor: plan, count, value, report; see :func:`revalue`.

    ``execute(function, arguments by shard, label)`` calls the function for each shard, in any order and place, if
    needed more than once, and gives each shard with its result.
    """
    _check_types(book, engine, known, keep)
    loaded = engine if isinstance(engine, ValuationEngine) else ValuationEngine.load(engine)
    experts = overrides_from(overrides)
    disk, day, folder = BookOnDisk(book), str(parse_date(as_of)), Folder(values)
    run = Run.of(disk, loaded, day, known, experts)
    cache = None if keep is None else FeatureCache(keep)
    with folder.locked(), nullcontext() if cache is None else cache.locked(folder.path):
        done = folder.begin(run, disk, restart)
        with folder.failures_journalled():
            todo = [s for s in range(disk.shards) if s not in done]
            entry = None if cache is None else cache.entry(disk, day, known)
            seconds = _score(os.fspath(book), loaded, experts, disk, folder, entry, todo, execute)
            if cache is not None and entry is not None:
                cache.drop_others(entry)
            report = _end(folder, disk, len(done), seconds, experts)
    return report


def _check_types(book: object, engine: object, known: object, keep: object) -> None:
    """Refuse wrong arguments before anything is read, and before a restart discards anything."""
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
    """Compute the statistics and the values that are left; wall time of each."""
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
    counted, known = time.perf_counter(), recorded_digest(folder.statistics.counts)
    calls = {shard: (job, folder, shard) for shard in todo}
    for shard, report in run_pass(folder, execute, _value_and_commit, calls, "valuing"):
        made = {"run": run.key, "inputs": disk.shard_digest(shard), "statistics": known}
        folder.journal.write("committed", shard=shard, **made, **report)
    return {"statistics": counted - started, "values": time.perf_counter() - counted}


def _save(engine: ValuationEngine, path: Path) -> None:
    try:
        engine.save(path)
    except ArtifactError as error:
        raise BatchError(f"{error}; run again once that is repaired") from error


def _value_and_commit(job: Job, folder: Folder, shard: int) -> dict[str, Any]:
    """Value a shard and commit it, unless a worker committed it and died before it could report it."""
    with measured() as report:
        made = folder.committed_part(shard)
        if made is None:
            table = value_shard(job, shard)
            with stage("writing"):
                made = folder.commit(shard, table)
    return made | report


def _end(
    folder: Folder, disk: BookOnDisk, resumed: int, seconds: dict[str, float], experts: Overrides | None
) -> BatchReport:
    """Check that the dataset is complete, report, and write the manifest."""
    folder.check_complete(disk.shards)
    report = report_of(folder, disk, resumed, seconds, experts)
    # a call that had nothing to do leaves the more informative manifest of the earlier one
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
    """Run calls in joblib workers and give each shard with its result; calls of a worker that died run again."""
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
                journal.write("retried", label=label, left=len(waiting), attempt=attempt, error=_exit_codes(error))
                if attempt == _ATTEMPTS:
                    raise BatchError(
                        f"workers died {_ATTEMPTS} times with {len(waiting)} shard(s) left (out of memory? use fewer "
                        "workers or more shards); run again to continue with them"
                    ) from error


def _exit_codes(error: Exception) -> str:
    """Exit codes in joblib's message, else the message: SIGKILL means killed for memory, others a crash."""
    found = re.search(r"\{(.*?)\}", str(error))
    return f"exit codes {found[1]}" if found else " ".join(str(error).split())


def _results(function: Any, calls: dict[int, tuple[Any, ...]], workers: int) -> Iterator[tuple[int, Any]]:
    if workers == 1:
        for shard, arguments in calls.items():
            yield shard, function(*arguments)
        return
    # joblib runs this when a worker starts, so that also a worker without a task ends with its parent
    begun: dict[str, Any] = {"initializer": _begin_worker, "initargs": (os.getpid(),)}
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="2*n_jobs", **begun)
    yield from pool(delayed(_numbered)(function, shard, arguments) for shard, arguments in calls.items())


def _numbered(function: Any, shard: int, arguments: tuple[Any, ...]) -> tuple[int, Any]:
    return shard, function(*arguments)


def _begin_worker(parent: int) -> None:
    """End this worker soon after its parent is killed: joblib's workers go on and then wait for minutes."""
    # joblib replaces a worker that has grown by 300 MB as leaking; ours grow by that when they load the engine and the
    # statistics, which a new worker would only load again
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)  # safe at any moment: a shard is committed completely or not at all
