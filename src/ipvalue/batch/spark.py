"""A batch on a Spark cluster: the same functions of a shard, through ``DataFrame.mapInArrow``.

Needs ``pip install 'ipvalue[spark]'`` here, ipvalue on the workers, and Java 17 or newer, found by ``JAVA_HOME`` or by
``java`` on the path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from ipvalue import errors
from ipvalue.batch.cluster import Calls, WorkerCheck, call_checked, cluster_error, revalue_on_cluster
from ipvalue.batch.plan import BatchReport
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BatchError, IpvalueError, MissingExtraError
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Known

__all__ = ["revalue"]

_RESULT = pa.schema([("shard", pa.int64()), ("error", pa.string()), ("text", pa.string())])


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

    The values are those of :func:`ipvalue.revalue`, bit for bit, and each of the two resumes what the other began. Each
    shard is one partition, so that Spark's scheduler and web page show the shards. A task that dies runs again as often
    as ``spark.task.maxFailures`` allows, and the journal records which shard and where.

    Parameters
    ----------
    book, values, keep : path
        As in :func:`ipvalue.revalue`, on a file system that all workers share, under the same path.
    engine, as_of, known, restart, overrides
        As in :func:`ipvalue.revalue`.
    spark : pyspark.sql.SparkSession
        Your session (classic or Spark Connect); it stays open. Its workers need the same versions of Python (see
        ``PYSPARK_PYTHON``), ipvalue, numpy and the other packages that values depend on.

    Returns
    -------
    BatchReport

    Raises
    ------
    MissingExtraError
        If pyspark is not installed.
    BatchError
        If a worker does not see the book or the folder, or Spark gives up. Other errors are those of
        :func:`ipvalue.revalue`.

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
    options: dict[str, Any] = {"engine": engine, "as_of": as_of, "known": known, "restart": restart}
    return revalue_on_cluster(book, values, partial(_submit, spark=spark), keep=keep, overrides=overrides, **options)


def _submit(
    check: WorkerCheck, function: Callable[..., Any], calls: Calls, label: str, *, spark: Any
) -> Iterator[tuple[int, Any]]:
    """Run one partition a shard, and give each shard with its result."""
    from pyspark.errors import PySparkException

    numbers = spark.range(0, len(calls), 1, numPartitions=len(calls))
    frame = numbers.mapInArrow(_mapper(check, function, list(calls.items())), "shard long, error string, text string")
    try:
        rows = frame.collect()
    except Exception as error:
        # the classic session reports a lost task by an error of py4j, its bridge to Java, not by a PySparkException
        if not isinstance(error, PySparkException) and type(error).__module__.split(".")[0] != "py4j":
            raise
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise cluster_error("Spark gave up", label, f"do the workers have ipvalue? {first[0]}") from error
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


def _call(check: WorkerCheck, function: Callable[..., Any], shard: int, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Give the result as JSON, or the error of a wrong input as text: Spark would retry a task that raises."""
    try:
        return {"shard": shard, "error": "", "text": json.dumps(call_checked(check, function, shard, arguments))}
    except IpvalueError as error:
        return {"shard": shard, "error": type(error).__name__, "text": str(error)}
