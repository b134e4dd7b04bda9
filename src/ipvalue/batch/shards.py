"""The functions of a shard in a batch: to its part of the whole, and with the whole to values.

Both are pure functions of their arguments and of files that do not change, so that any executor may run
them, in any order and more than once, with the same bits. They name their stages to a stopwatch that may run
(``ipvalue.stopwatch``): reading, snapshot (tables coded and cut; long tables are cut when features first ask for them),
counting; engine (loaded once a worker), standing (in the citation graph), kept, features, each method,
reconciliation, table.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ipvalue.batch.cells import cells_are_whole
from ipvalue.batch.inputs import DATED_TABLES, LASTING_TABLES, Inputs
from ipvalue.batch.kept import Keep, KeptShard, unchanged_rows
from ipvalue.batch.overlay import with_overrides
from ipvalue.batch.statistics import (
    kept_standing,
    ranges_of,
    read_digests,
    read_standing,
    read_tallies,
    write_part,
)
from ipvalue.engine import ValuationEngine
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.subject import Subject
from ipvalue.features import family_keys
from ipvalue.features.base import Family, families
from ipvalue.features.citation_graph.map_shard import reports_of
from ipvalue.features.citation_graph.measures import Standing
from ipvalue.features.counts import COUNTED, dated_tallies, tallies
from ipvalue.features.statistics import Part, Whole
from ipvalue.records.book import Known
from ipvalue.records.schema import TABLES
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.store import BookOnDisk
from ipvalue.stopwatch import stage
from ipvalue.types import Ints
from ipvalue.valuation import Valuation

__all__ = ["Job", "PartFiles", "Statistics", "count_shard", "part_files", "value_shard"]

_MONEY_TABLES = ("patents", "economics", "curves", "fx", "price_index")


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
    overrides : str
        Hash of the experts' overrides; empty without any.
    """

    book: str
    work: str
    engine_hash: str
    run: str
    as_of: str
    known: Known
    keep: str | None = None
    overrides: str = ""

    @property
    def overrides_file(self) -> Path:
        """File of the run's overrides."""
        return Path(self.work) / "overrides.json"

    @property
    def engine(self) -> Path:
        """Folder of the saved engine."""
        return Path(self.work) / "engine"


class PartFiles(NamedTuple):
    """Files of what a shard contributes to the whole.

    Attributes
    ----------
    lasting, dated : path
        What stays the same until something new is known, and what moves with the date.
    """

    lasting: Path
    dated: Path


class Statistics(NamedTuple):
    """Where the statistics of the whole are, and what the shard itself contributed to them.

    Attributes
    ----------
    lasting, dated : str
        Folders that follow from the parts of either kind.
    part : str
        The shard's own lasting part.
    """

    lasting: str
    dated: str
    part: str


def part_files(job: Job, disk: BookOnDisk, shard: int) -> PartFiles:
    """Files of what the shard contributes to the whole; if kept, under the hashes of what they follow from."""
    if job.keep is None:
        place = Path(job.work) / "parts"
        return PartFiles(place / f"{shard:05d}.cells", place / f"{shard:05d}-dated.cells")
    inputs, keep = Inputs(disk, shard, job.as_of, job.known), Keep(job.keep)
    keys = inputs.lasting(LASTING_TABLES), inputs.dated(DATED_TABLES)
    return PartFiles(*(keep.part(shard, key) for key in keys))


def count_shard(job: Job, shard: int) -> PartFiles:
    """Count what the shard contributes to the statistics of the whole book, as far as its files are not there whole."""
    disk = BookOnDisk(job.book)
    files = part_files(job, disk, shard)
    lasting, dated = (not cells_are_whole(file) for file in files)
    if not lasting and not dated:
        return files
    tables = {*(LASTING_TABLES if lasting else ()), *(DATED_TABLES if dated else ())}
    snapshot = _snapshot(job, shard, disk, {name: COUNTED[name] for name in TABLES if name in tables})
    if lasting:
        with stage("counting"):
            part = Part(tallies(snapshot), reports_of(snapshot, ranges_of(disk.shards)))
        with stage("writing"):
            write_part(part, files.lasting)
    if dated:
        with stage("counting"):
            moving = Part(dated_tallies(snapshot), [])
        with stage("writing"):
            write_part(moving, files.dated)
    return files


def value_shard(job: Job, shard: int, whole: Statistics) -> pa.Table:
    """Value the shard's patents, with the statistics of the whole; the table carries its provenance."""
    with stage("engine"):
        disk, engine = BookOnDisk(job.book), _engine(os.fspath(job.engine), job.engine_hash)
    if job.keep is None:
        snapshot = _snapshot(job, shard, disk, tuple(TABLES))
        with stage("standing"):
            standing = read_standing(Path(whole.lasting), Path(whole.part), shard, disk.shards)
        with stage("features"):
            subject = prepare(snapshot, engine.assumptions, _whole(job, whole, standing))
        table = engine.table(subject)
    else:
        snapshot, table = _value_again(job, shard, whole, disk, engine)
    with stage("table"):
        made = Valuation(table, engine.provenance(snapshot, disk.fingerprint))
        return (with_overrides(made, job.overrides_file, job.overrides) if job.overrides else made).to_arrow()


def _whole(job: Job, whole: Statistics, standing: Standing) -> Whole:
    return Whole(read_tallies(whole.lasting, job.run) | read_tallies(whole.dated, job.run), standing)


def _snapshot(
    job: Job, shard: int, disk: BookOnDisk, tables: Sequence[str] | Mapping[str, Sequence[str] | None]
) -> Snapshot:
    with stage("reading"):
        book = disk.read([shard], tables=tables)
    with stage("snapshot"):
        return book.as_of(job.as_of, known=job.known)


def _value_again(
    job: Job, shard: int, whole: Statistics, disk: BookOnDisk, engine: ValuationEngine
) -> tuple[Snapshot, pa.Table]:
    """Value the shard's patents by what an earlier run kept, as far as it would come out the same."""
    keep = Keep(job.keep or "")
    with stage("kept"):
        kept = keep.read(shard)
    with stage("standing"):
        standing, digest = kept_standing(Path(whole.lasting), Path(whole.part), shard, disk.shards)
    digests = read_digests(Path(whole.lasting)) | read_digests(Path(whole.dated)) | {"graph": digest}
    keys = family_keys(Inputs(disk, shard, job.as_of, job.known).of, digests)
    known = {} if kept is None else kept.families(keys)
    anew = [family for name, family in families().items() if name not in known]
    snapshot = _snapshot(job, shard, disk, _tables(anew))
    # with all columns at hand nothing is read of the whole
    statistics = _whole(job, whole, standing) if anew else None
    with stage("features"):
        subject = prepare(snapshot, engine.assumptions, statistics, known)
    row = np.full(len(subject), -1, np.int64)
    if kept is not None and kept.engine == job.engine_hash:
        row = unchanged_rows(kept.subject, subject)
    table = _join(engine, subject, row, kept)
    with stage("kept"):
        keep.write(shard, KeptShard(keys, job.engine_hash, subject, table))
    return snapshot, table


def _tables(families: Iterable[Family]) -> tuple[str, ...]:
    """Tables that some families and the methods' money are made from."""
    read = {table for family in families for table in (TABLES if family.tables is None else family.tables)}
    return tuple(name for name in TABLES if name in read or name in _MONEY_TABLES)


def _join(engine: ValuationEngine, subject: Subject, row: Ints, kept: KeptShard | None) -> pa.Table:
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
