"""The two functions of a batch: shard to cohort statistics, and shard with all cohorts to values.

Both are pure functions of their arguments and of files that do not change, so that any executor may run
them, in any order and more than once, with the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.engine import ValuationEngine
from ipvalue.features import Cohorts
from ipvalue.records.book import Known
from ipvalue.records.store import BookOnDisk

__all__ = ["Job", "read_cohorts", "shard_cohorts", "value_shard", "write_cohorts"]

_COHORT_TABLES = ("patents", "citations")


@dataclass(frozen=True)
class Job:
    """What a batch values, and by what: paths and dates only, so that it travels to any worker.

    Attributes
    ----------
    book, engine : str
        Folders of the book and of the saved engine.
    engine_hash : str
        Of the engine: a worker that kept an earlier engine must not use it.
    as_of : str
        Valuation date.
    known : {'announced', 'loaded'}
    """

    book: str
    engine: str
    engine_hash: str
    as_of: str
    known: Known


def shard_cohorts(job: Job, shard: int) -> Cohorts:
    """Count the shard's patents by technology field, filing year and forward citations."""
    book = BookOnDisk(job.book).read([shard], tables=_COHORT_TABLES)
    return Cohorts.of(book.as_of(job.as_of, known=job.known))


def value_shard(job: Job, shard: int, cohorts: Cohorts) -> pa.Table:
    """Value the shard's patents; the table carries its provenance."""
    disk = BookOnDisk(job.book)
    snapshot = disk.read([shard]).as_of(job.as_of, known=job.known)
    engine = _engine(job.engine, job.engine_hash)
    return engine.value(snapshot, cohorts=cohorts, book_fingerprint=disk.fingerprint).to_arrow()


def write_cohorts(cohorts: Cohorts, path: str) -> None:
    """Keep the statistics of the whole book beside the values that they make."""
    pq.write_table(pa.table({"key": cohorts.key, "patents": cohorts.patents}), path)


def read_cohorts(path: str) -> Cohorts:
    """Read what :func:`write_cohorts` wrote."""
    table = pq.read_table(path)
    return Cohorts(np.asarray(table["key"].to_numpy(), np.int64), np.asarray(table["patents"].to_numpy(), np.int64))


@lru_cache(maxsize=2)
def _engine(path: str, engine_hash: str) -> ValuationEngine:
    """Load an engine once a worker."""
    return ValuationEngine.load(path)
