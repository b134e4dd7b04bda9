"""A batch on one machine: joblib workers over the shards, progress, and resumption."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow.compute as pc
import pyarrow.parquet as pq
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from ipvalue.batch.plan import BatchReport, Folder, run_key
from ipvalue.batch.shards import Job, count_shard, value_shard
from ipvalue.batch.statistics import PartsOnDisk, write_part, write_whole
from ipvalue.engine import ValuationEngine
from ipvalue.errors import ArtifactError, BatchError
from ipvalue.features.whole import Whole
from ipvalue.records.book import Known, parse_date
from ipvalue.records.store import BookOnDisk

__all__ = ["Execute", "revalue", "run_batch"]

_LOG = logging.getLogger("ipvalue.batch")
_ATTEMPTS = 3

# execute(function, arguments by shard, label) gives the results with their shards, in any order
Execute: TypeAlias = Callable[[Callable[..., Any], dict[int, tuple[Any, ...]], str], Iterator[tuple[int, Any]]]


def revalue(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    *,
    engine: ValuationEngine | str | os.PathLike[str],
    as_of: object,
    known: Known = "announced",
    workers: int = 1,
    restart: bool = False,
    progress: bool | None = None,
) -> BatchReport:
    """Revalue a book on disk, shard by shard.

    Two passes: the first counts what only the whole book can tell, the second values each shard alone with it.
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
    if workers < 1:
        raise BatchError(f"workers={workers}: a batch needs at least one")
    execute = partial(_run, workers=workers, progress=progress)
    return run_batch(book, values, engine=engine, as_of=as_of, known=known, restart=restart, execute=execute)


def run_batch(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    *,
    engine: ValuationEngine | str | os.PathLike[str],
    as_of: object,
    known: Known,
    restart: bool,
    execute: Execute,
) -> BatchReport:
    """Run a batch on any executor: plan, count, value, report; the parameters are those of :func:`revalue`.

    Parameters
    ----------
    book, values, engine, as_of, known, restart
        As in :func:`revalue`.
    execute : callable
        ``execute(function, arguments by shard, label)`` calls the function for each shard, in any order and where it
        likes, more than once if it must, and gives each shard with its result.
    """
    started = time.perf_counter()
    loaded = engine if isinstance(engine, ValuationEngine) else ValuationEngine.load(engine)
    disk, day, folder = BookOnDisk(book), str(parse_date(as_of)), Folder(values)
    with folder.locked():
        run = run_key(disk.fingerprint, loaded.hash, day, known)
        folder.open(run, restart)
        done = folder.done(disk.shards)
        todo = [s for s in range(disk.shards) if s not in done]
        seconds = {}
        if todo:
            place = folder.work / "engine"
            loaded.save(place)
            job = Job(os.fspath(book), os.fspath(place), loaded.hash, run, day, known)
            whole = _whole(job, folder, disk.shards, execute)
            seconds["whole"] = time.perf_counter() - started
            started = time.perf_counter()
            _value(job, folder, todo, whole, execute)
            seconds["values"] = time.perf_counter() - started
        report = _report(folder, disk, len(done), seconds)
        folder.finish(report)
    _LOG.info("batch finished", extra={"patents": report.patents, "seconds": seconds, "path": report.path})
    return report


def _whole(job: Job, folder: Folder, shards: int, execute: Execute) -> str:
    """Count the whole book, as far as an earlier run has not; give the folder that keeps the statistics."""
    place = folder.work / "whole"
    if not place.exists():
        files = [folder.work / "parts" / f"{shard:05d}.npz" for shard in range(shards)]
        calls = {shard: (job, shard, file) for shard, file in enumerate(files) if not file.exists()}
        deque(execute(_count_and_keep, calls, "counting"), maxlen=0)
        write_whole(Whole.from_parts(PartsOnDisk(files)), place)
    return os.fspath(place)


def _count_and_keep(job: Job, shard: int, file: Path) -> None:
    write_part(count_shard(job, shard), file)


def _value(job: Job, folder: Folder, todo: list[int], whole: str, execute: Execute) -> None:
    calls = {shard: (job, folder, shard, whole) for shard in todo}
    # the shards commit themselves: the results are only waited for
    deque(execute(_value_and_commit, calls, "valuing"), maxlen=0)


def _value_and_commit(job: Job, folder: Folder, shard: int, whole: str) -> None:
    folder.commit(shard, value_shard(job, shard, whole))


def _run(
    function: Any, calls: dict[int, tuple[Any, ...]], label: str, *, workers: int, progress: bool | None
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
                _LOG.warning("a worker died; attempt %d", attempt, extra={"left": len(waiting)})
                if attempt == _ATTEMPTS:
                    raise BatchError(
                        f"workers died {_ATTEMPTS} times with {len(waiting)} shard(s) left (out of memory? use fewer "
                        "workers or more shards); run again to go on with what is left"
                    ) from error


def _results(function: Any, calls: dict[int, tuple[Any, ...]], workers: int) -> Iterator[tuple[int, Any]]:
    if workers == 1:
        for shard, arguments in calls.items():
            yield shard, function(*arguments)
        return
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="2*n_jobs")
    yield from pool(delayed(_numbered)(function, shard, arguments) for shard, arguments in calls.items())


def _numbered(function: Any, shard: int, arguments: tuple[Any, ...]) -> tuple[int, Any]:
    return shard, function(*arguments)


def _report(folder: Folder, disk: BookOnDisk, resumed: int, seconds: dict[str, float]) -> BatchReport:
    """Read what the values say back from the files; the rows must be those of the book on the date."""
    columns = ["value", "reason", "grade", "currency"]
    table = pq.read_table([folder.part(s) for s in range(disk.shards)], columns=columns, partitioning=None)
    reason, value = table["reason"], table["value"]
    dead = pc.equal(reason, "dead_right")
    missing = pc.is_null(value)
    alive = table.filter(pc.invert(pc.or_(dead, missing)))
    if table.num_rows > disk.patents:
        raise ArtifactError(f"{folder.path} holds {table.num_rows} rows for a book of {disk.patents} patents")
    return BatchReport(
        path=os.fspath(folder.path),
        patents=table.num_rows,
        valued=alive.num_rows,
        dead=pc.sum(dead).as_py() or 0,
        without_value=pc.sum(missing).as_py() or 0,
        total=pc.sum(value).as_py() or 0.0,
        currency=table["currency"][0].as_py() if table.num_rows else "",
        reasons=_counts(table.filter(missing)["reason"]),
        grades=_counts(alive["grade"]),
        shards=disk.shards,
        resumed=resumed,
        seconds=seconds,
    )


def _counts(column: Any) -> dict[str, int]:
    pairs = column.value_counts().to_pylist()
    return {p["values"]: p["counts"] for p in sorted(pairs, key=lambda p: str(p["values"]))}
