"""The functions of a shard in a batch: to its part of the whole, and with the whole to values.

Both are pure functions of their arguments and of files that do not change, so that any executor may run
them, in any order and more than once, with the same bits. They name their stages to a stopwatch that may run
(``ipvalue.stopwatch``): reading, snapshot (tables coded and cut; long tables are cut when features first ask for them),
counting; engine (loaded once a worker), standing (in the citation graph), kept, features, each method,
reconciliation, table.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ipvalue.batch.kept import Keep, KeptShard, shard_hash, unchanged_rows
from ipvalue.batch.statistics import kept_standing, ranges_of, read_digests, read_standing, read_tallies
from ipvalue.engine import ValuationEngine
from ipvalue.features import family_keys
from ipvalue.features.whole import Part, Whole
from ipvalue.methods.base import Subject
from ipvalue.methods.evidence import prepare
from ipvalue.records.book import Known
from ipvalue.records.schema import TABLES
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage
from ipvalue.valuation import Valuation

__all__ = ["Job", "count_shard", "part_file", "value_shard"]

_MONEY_TABLES = ("patents", "economics", "curves", "fx", "price_index")
_COUNTED_TABLES = ("patents", "citations", "claims", "family_members", "legal_events")


@dataclass(frozen=True)
class Job:
    """What a batch values, and by what: paths and dates only, so that it travels to any worker.

    Attributes
    ----------
    book, work : str
        Folders of the book, and of what only the run needs.
    engine_hash, run : str
        Hashes of the engine and of the run: a worker that kept those of an earlier one must not use them.
    as_of : str
        Valuation date.
    known : {'announced', 'loaded'}
    keep : str, optional
        Folder of :class:`~ipvalue.batch.kept.Keep`.
    """

    book: str
    work: str
    engine_hash: str
    run: str
    as_of: str
    known: Known
    keep: str | None = None

    @property
    def engine(self) -> Path:
        """Folder of the saved engine."""
        return Path(self.work) / "engine"


def count_shard(job: Job, shard: int) -> Part:
    """Count what the shard contributes to the statistics of the whole book."""
    disk = BookOnDisk(job.book)
    with stage("reading"):
        book = disk.read([shard], tables=_COUNTED_TABLES)
    with stage("snapshot"):
        snapshot = book.as_of(job.as_of, known=job.known)
    with stage("counting"):
        return Part.of(snapshot, ranges_of(disk.shards))


def part_file(job: Job, disk: BookOnDisk, shard: int) -> Path:
    """File of what the shard contributes to the whole; if kept, under the hash of all that it follows from."""
    if job.keep is None:
        return Path(job.work) / "parts" / f"{shard:05d}.cells"
    return Keep(job.keep).part(shard, shard_hash(disk, shard, job.as_of, job.known))


def value_shard(job: Job, shard: int, whole: str) -> pa.Table:
    """Value the shard's patents, with the whole that is kept in a folder; the table carries its provenance."""
    with stage("engine"):
        disk, engine = BookOnDisk(job.book), _engine(os.fspath(job.engine), job.engine_hash)
    if job.keep is None:
        snapshot = _snapshot(job, shard, disk, tuple(TABLES))
        with stage("standing"):
            standing = read_standing(Path(whole), part_file(job, disk, shard), shard, disk.shards)
        with stage("features"):
            statistics = Whole(read_tallies(whole, job.run), standing)
            subject = prepare(snapshot, engine.assumptions, statistics)
        table = engine.table(subject)
    else:
        snapshot, table = _value_again(job, shard, whole, disk, engine)
    with stage("table"):
        return Valuation(table, engine.provenance(snapshot, disk.fingerprint)).to_arrow()


def _snapshot(job: Job, shard: int, disk: BookOnDisk, tables: tuple[str, ...]) -> Snapshot:
    with stage("reading"):
        book = disk.read([shard], tables=tables)
    with stage("snapshot"):
        return book.as_of(job.as_of, known=job.known)


def _value_again(
    job: Job, shard: int, whole: str, disk: BookOnDisk, engine: ValuationEngine
) -> tuple[Snapshot, pa.Table]:
    """Value the shard's patents by what an earlier run kept, as far as it would come out the same."""
    keep = Keep(job.keep or "")
    with stage("kept"):
        kept = keep.read(shard)
    with stage("standing"):
        standing, digest = kept_standing(Path(whole), part_file(job, disk, shard), shard, disk.shards)
    digests = read_digests(Path(whole)) | {"graph": digest}
    keys = family_keys(shard_hash(disk, shard, job.as_of, job.known), digests)
    known = {} if kept is None else kept.families(keys)
    complete = known.keys() == keys.keys()
    snapshot = _snapshot(job, shard, disk, _MONEY_TABLES if complete else tuple(TABLES))
    # with all columns at hand nothing is read of the whole
    statistics = None if complete else Whole(read_tallies(whole, job.run), standing)
    with stage("features"):
        subject = prepare(snapshot, engine.assumptions, statistics, known)
    row = np.full(len(subject), -1, np.int64)
    if kept is not None and kept.engine == job.engine_hash:
        row = unchanged_rows(kept.subject, subject)
    table = _join(engine, subject, row, kept)
    with stage("kept"):
        keep.write(shard, KeptShard(keys, job.engine_hash, subject, table))
    return snapshot, table


def _join(engine: ValuationEngine, subject: Subject, row: npt.NDArray[np.int64], kept: KeptShard | None) -> pa.Table:
    """Earlier values of the rows that are unchanged, new ones of the others."""
    if kept is None or not (row >= 0).any():
        return engine.table(subject)
    fresh = np.flatnonzero(row < 0)
    if not len(fresh):
        return kept.values.take(pa.array(row)).combine_chunks()
    both = pa.concat_tables([kept.values, engine.table(subject.take(fresh))])
    row[fresh] = kept.values.num_rows + np.arange(len(fresh))
    return both.unify_dictionaries().take(pa.array(row)).combine_chunks()


@lru_cache(maxsize=2)
def _engine(path: str, engine_hash: str) -> ValuationEngine:
    """Load an engine once a worker."""
    return ValuationEngine.load(path)
