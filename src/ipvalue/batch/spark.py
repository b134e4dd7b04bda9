"""A batch on a Spark cluster: the same functions of a shard, through ``DataFrame.mapInArrow``.

Needs ``pip install 'ipvalue[spark]'`` here, ipvalue on the workers, and Java 17 or newer as Spark does: Spark finds it
by ``JAVA_HOME``, else by ``java`` on the path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ipvalue import errors
from ipvalue.batch.cluster import WorkerCheck, call_checked, checked_pass
from ipvalue.batch.journal import Journal
from ipvalue.batch.local import run_batch
from ipvalue.batch.plan import BatchReport, Folder
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BatchError, IpvalueError, MissingExtraError
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Known

__all__ = ["revalue"]


def revalue(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    *,
    engine: ValuationEngine | str | os.PathLike[str],
    as_of: object,
    spark: Any,
    known: Known = "announced",
    restart: bool = False,
    keep: str | os.PathLike[str] | None = None,
    overrides: Overrides | str | os.PathLike[str] | None = None,
) -> BatchReport:
    """Revalue a book on disk with the executors of a Spark session.

    The values are those of :func:`ipvalue.revalue`, bit for bit, and either goes on with what the other began. Each
    shard is one partition, so that Spark's scheduler, progress bar and page show the shards; a task that dies is run
    again as often as ``spark.task.maxFailures`` allows, and the journal says which, and where.

    Parameters
    ----------
    book : path
        A book that :func:`ipvalue.write_book` wrote, on a file system that all workers share, under the same path.
    values : path
        Folder of the result, on such a file system too.
    engine : ValuationEngine or path
        A fitted engine, or the folder of a saved one.
    as_of : date
        Valuation date.
    spark : pyspark.sql.SparkSession
        Your session, a Spark Connect session too; it stays open. Its workers need the same versions of Python (see
        ``PYSPARK_PYTHON``), ipvalue, numpy and the other packages that values depend on.
    known : {'announced', 'loaded'}
        From which of its dates a legal event counts.
    restart : bool, default False
        Discard values of another run that the folder holds.
    keep : path, optional
        Folder in which features are cached for the next run (see :func:`ipvalue.revalue`), shared too.
    overrides : Overrides or path, optional
        Experts' values, as in :func:`ipvalue.revalue`.

    Returns
    -------
    BatchReport

    Raises
    ------
    MissingExtraError
        If pyspark is not installed.
    ArtifactError
        If the book or the engine is damaged.
    BatchError
        If a worker does not see the book or the folder, Spark gives up, or as in :func:`ipvalue.revalue`.

    Examples
    --------
    >>> import ipvalue as ipv, tempfile, pathlib
    >>> from ipvalue.batch import spark
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> book = ipv.synthetic_book(100, seed=7)
    >>> ipv.write_book(book, folder / "book", shards=2)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> session = SparkSession.builder.getOrCreate()  # doctest: +SKIP
    >>> spark.revalue(
    ...     folder / "book", folder / "values", engine=engine, as_of="2024-12-31", spark=session
    ... )  # doctest: +SKIP
    """
    try:
        import pyspark.errors  # noqa: F401  (here for the message)
    except ImportError as error:
        raise MissingExtraError("a batch on Spark needs pyspark: pip install 'ipvalue[spark]'") from error
    if not hasattr(spark, "range"):
        raise BatchError(f"spark={spark!r}: a SparkSession is needed")
    return run_batch(
        Path(book).absolute(),
        Path(values).absolute(),
        engine=engine,
        as_of=as_of,
        known=known,
        restart=restart,
        keep=None if keep is None else Path(keep).absolute(),
        overrides=overrides,
        execute=partial(_execute, spark=spark, journal=Folder(Path(values).absolute()).journal),
    )


def _execute(
    function: Callable[..., Any], calls: dict[int, tuple[Any, ...]], label: str, *, spark: Any, journal: Journal
) -> Iterator[tuple[int, Any]]:
    """Run one partition a shard, and give each shard with its result."""
    from pyspark.errors import PySparkException

    if not calls:
        return
    with checked_pass(next(iter(calls.values()))[0], journal, label) as check:
        numbers = spark.range(0, len(calls), 1, numPartitions=len(calls))
        frame = numbers.mapInArrow(
            _mapper(check, function, list(calls.items())), "shard long, error string, text string"
        )
        try:
            rows = frame.collect()
        except PySparkException as error:
            raise BatchError(_given_up(label, error)) from error
        except Exception as error:
            # the classic session tells a lost task by an error of its bridge to Java, which has no class of Spark's
            if type(error).__module__.split(".")[0] != "py4j":
                raise
            raise BatchError(_given_up(label, error)) from error
    for row in rows:
        if row.error:
            raise getattr(errors, row.error)(row.text)
    yield from ((row.shard, json.loads(row.text)) for row in rows)


def _mapper(
    check: WorkerCheck, function: Callable[..., Any], calls: list[tuple[int, tuple[Any, ...]]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function that Spark sends to its workers: places in the list of calls to results."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                shard, arguments = calls[place]
                yield pa.RecordBatch.from_pylist([_call(check, function, shard, arguments)], schema=_RESULT)

    return run


_RESULT = pa.schema([("shard", pa.int64()), ("error", pa.string()), ("text", pa.string())])


def _call(check: WorkerCheck, function: Callable[..., Any], shard: int, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Give the result as JSON, or what is wrong with the input: to run such a task again would not help."""
    try:
        return {"shard": shard, "error": "", "text": json.dumps(call_checked(check, function, shard, arguments))}
    except IpvalueError as error:
        return {"shard": shard, "error": type(error).__name__, "text": str(error)}


def _given_up(label: str, error: Exception) -> str:
    first = str(error).strip().splitlines()
    return (
        f"Spark gave up while {label}: {first[0] if first else type(error).__name__} (out of memory? give the "
        "executors more, or write the book with more shards; do the workers have ipvalue?); run again to go on with "
        "what is left"
    )
