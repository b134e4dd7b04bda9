"""A batch on a Dask cluster: the same functions of a shard, handed to a ``distributed.Client``.

Needs ``pip install 'ipvalue[dask]'`` here and on the workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ipvalue.batch.cluster import call_checked, checked_pass
from ipvalue.batch.journal import Journal
from ipvalue.batch.local import run_batch
from ipvalue.batch.plan import BatchReport, Folder
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

    The values are those of :func:`ipvalue.revalue`, bit for bit, and either goes on with what the other began. Shards
    that a dying worker took along run again on another one, and the journal says which, and where.

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
    client : distributed.Client
        Your connection to the cluster; it stays open. The workers need the same versions of Python, ipvalue, numpy
        and the other packages that values depend on. One thread a worker process and one process a core suit best.
    known : {'announced', 'loaded'}
        From which of its dates a legal event counts.
    restart : bool, default False
        Discard values of another run that the folder holds.
    keep : path, optional
        Folder in which features are cached for the next run (see :func:`ipvalue.revalue`), shared too.
    overrides : Overrides or path, optional
        Experts' values, as in :func:`ipvalue.revalue`.
    progress : bool, optional
        Show a progress bar; by default where standard error is a terminal.

    Returns
    -------
    BatchReport

    Raises
    ------
    MissingExtraError
        If distributed is not installed.
    ArtifactError
        If the book or the engine is damaged.
    BatchError
        If a worker does not see the book or the folder, workers keep dying, or as in :func:`ipvalue.revalue`.

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
    return run_batch(
        Path(book).absolute(),
        Path(values).absolute(),
        engine=engine,
        as_of=as_of,
        known=known,
        restart=restart,
        keep=None if keep is None else Path(keep).absolute(),
        overrides=overrides,
        execute=partial(_execute, client=client, progress=progress, journal=Folder(Path(values).absolute()).journal),
    )


def _execute(
    function: Callable[..., Any],
    calls: dict[int, tuple[Any, ...]],
    label: str,
    *,
    client: Any,
    progress: bool | None,
    journal: Journal,
) -> Iterator[tuple[int, Any]]:
    """Submit a task a shard, and give each shard with its result as it comes."""
    from distributed import KilledWorker, as_completed
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    if not calls:
        return
    job = next(iter(calls.values()))[0]
    hide = None if progress is None else not progress
    with (
        checked_pass(job, journal, label) as check,
        tqdm(total=len(calls), desc=label, unit="shard", disable=hide) as bar,
    ):
        # the beacon's name keeps the keys of two batches of one run apart: a result that the cluster still holds for
        # an earlier folder must not stand for a shard of this one
        prefix = f"ipvalue-{label}-{job.run[:16]}-{Path(check.beacon).name[-8:]}"
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
            raise BatchError(
                f"{error.allowed_failures + 1} workers died of one shard while {label}, with {len(waiting)} shard(s) "
                "left (out of memory? give the workers more, or write the book with more shards); run again to go on "
                "with what is left"
            ) from error
        except (FutureCancelledError, CommClosedError) as error:
            raise BatchError(
                f"the Dask cluster was lost while {label}, with {len(waiting)} shard(s) left; run again to go on with "
                "what is left"
            ) from error
        finally:
            client.cancel(list(waiting))
