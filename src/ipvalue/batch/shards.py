"""The two functions of a batch: shard to its part of the whole, and shard with the whole to values.

Both are pure functions of their arguments and of files that do not change, so that any executor may run
them, in any order and more than once, with the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from ipvalue.batch.statistics import read_whole
from ipvalue.engine import ValuationEngine
from ipvalue.features.whole import Part
from ipvalue.records.book import Known
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage

__all__ = ["Job", "count_shard", "value_shard"]

_COUNTED_TABLES = ("patents", "citations", "claims", "family_members", "legal_events")


@dataclass(frozen=True)
class Job:
    """What a batch values, and by what: paths and dates only, so that it travels to any worker.

    Attributes
    ----------
    book, engine : str
        Folders of the book and of the saved engine.
    engine_hash, run : str
        Hashes of the engine and of the run: a worker that kept those of an earlier one must not use them.
    as_of : str
        Valuation date.
    known : {'announced', 'loaded'}
    """

    book: str
    engine: str
    engine_hash: str
    run: str
    as_of: str
    known: Known


def count_shard(job: Job, shard: int) -> Part:
    """Count what the shard contributes to the statistics of the whole book."""
    with stage("reading"):
        book = BookOnDisk(job.book).read([shard], tables=_COUNTED_TABLES)
    with stage("snapshot"):
        snapshot = book.as_of(job.as_of, known=job.known)
    with stage("counting"):
        return Part.of(snapshot)


def value_shard(job: Job, shard: int, whole: str) -> pa.Table:
    """Value the shard's patents, with the whole that is kept in a folder; the table carries its provenance."""
    with stage("reading"):
        disk = BookOnDisk(job.book)
        book = disk.read([shard])
    with stage("snapshot"):
        snapshot = book.as_of(job.as_of, known=job.known)
    with stage("engine and whole"):
        engine, known = _engine(job.engine, job.engine_hash), read_whole(whole, job.run)
    return engine.value(snapshot, whole=known, book_fingerprint=disk.fingerprint).to_arrow()


@lru_cache(maxsize=2)
def _engine(path: str, engine_hash: str) -> ValuationEngine:
    """Load an engine once a worker."""
    return ValuationEngine.load(path)
