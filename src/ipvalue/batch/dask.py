"""A batch on a Dask cluster: the same functions of a shard, submitted to a ``distributed.Client``.

Needs ``pip install 'ipvalue[dask]'`` here and on the workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ipvalue.batch.cluster import Calls, WorkerCheck, call_checked, cluster_error, revalue_on_cluster
from ipvalue.batch.plan import BatchReport
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BatchError, MissingExtraError
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Known

__all__ = ["revalue"]


def revalue(
    book: str | os.PathLike[str],
    values: str | os.PathLike[str],
    *,
    engine: ValuationEngine | str | os.PathLike[str],
    as_of: object,
    client: Any,
    known: Known = "announced",
    restart: bool = False,
    keep: str | os.PathLike[str] | None = None,
    overrides: Overrides | str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> BatchReport:
    """Revalue a book on disk with the workers of a Dask cluster.

    The values are those of :func:`ipvalue.revalue`, bit for bit, and each of the two resumes what the other began. The
    shards of a worker that dies run again on another worker, and the journal records which shards and where.

    Parameters
    ----------
    book, values, keep : path
        As in :func:`ipvalue.revalue`, on a file system that all workers share, under the same path.
    engine, as_of, known, restart, overrides, progress
        As in :func:`ipvalue.revalue`.
    client : distributed.Client
        Your connection to the cluster; it stays open. The workers need the same versions of Python, ipvalue, numpy
        and the other packages that values depend on. Use single-threaded worker processes, one a core.

    Returns
    -------
    BatchReport

    Raises
    ------
    MissingExtraError
        If distributed is not installed.
    BatchError
        If a worker does not see the book or the folder, or workers keep dying. Other errors are those of
        :func:`ipvalue.revalue`.

    Examples
    --------
    >>> import ipvalue as ipv, tempfile, pathlib
    >>> from ipvalue.batch import dask
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> book = ipv.synthetic_book(100, seed=7)
    >>> ipv.write_book(book, folder / "book", shards=2)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> from distributed import Client  # doctest: +SKIP
    >>> with Client("tcp://scheduler:8786") as client:  # doctest: +SKIP
    ...     dask.revalue(folder / "book", folder / "values", engine=engine, as_of="2024-12-31", client=client)
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("a batch on Dask needs distributed: pip install 'ipvalue[dask]'") from error
    if not isinstance(client, Client) or client.asynchronous:
        raise BatchError(f"client={client!r}: a distributed.Client is needed, one that is not asynchronous")
    submit = partial(_submit, client=client, progress=progress)
    options: dict[str, Any] = {"engine": engine, "as_of": as_of, "known": known, "restart": restart}
    return revalue_on_cluster(book, values, submit, keep=keep, overrides=overrides, **options)


def _submit(
    check: WorkerCheck, function: Callable[..., Any], calls: Calls, label: str, *, client: Any, progress: bool | None
) -> Iterator[tuple[int, Any]]:
    """Submit a task a shard, and give each shard with its result as it comes."""
    from distributed import KilledWorker, as_completed
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    # the beacon's name is unique to the pass: the cluster may still hold results of another batch under other keys
    prefix = f"ipvalue-{label}-{Path(check.beacon).name}"
    hide = None if progress is None else not progress
    with tqdm(total=len(calls), desc=label, unit="shard", disable=hide) as bar:
        waiting = {
            client.submit(call_checked, check, function, shard, arguments, key=f"{prefix}-{shard}"): shard
            for shard, arguments in calls.items()
        }
        try:
            for future in as_completed(list(waiting)):
                result = future.result()
                bar.update()
                yield waiting.pop(future), result
        except KilledWorker as error:
            died, left = error.allowed_failures + 1, f"{len(waiting)} shards left"
            raise cluster_error(f"{died} workers died of one shard", label, left) from error
        except (FutureCancelledError, CommClosedError) as error:
            raise cluster_error("the Dask cluster was lost", label, f"{len(waiting)} shards left") from error
        finally:
            client.cancel(list(waiting))
