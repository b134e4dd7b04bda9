"""The run and the folder of a batch's values: what the values depend on, which shards are done, which are left.

``values/part-00007.parquet`` is the finished shard 7, written atomically. ``_run.json`` names the run,
``_journal.jsonl`` records what happened, ``_statistics/`` has the statistics of the book that the values were made
with, ``_work/`` the temporary files of the run. ``_manifest.json`` exists if and only if the dataset is complete.
Readers of Parquet datasets skip names that begin with an underscore, drafts included.

The parent process holds ``_lock``; its workers commit shards. A worker may outlive a parent that was killed. It
commits under the lock ``_commit`` and only for the run that the folder belongs to then, so that every part is complete
and no shard is committed more than once.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.artifacts import versions
from ipvalue.batch.atomic_files import LOCK, disk_errors, is_draft, remove, sole_user, sync, write_draft, write_file
from ipvalue.batch.journal import Journal
from ipvalue.batch.statistics_files import StatisticsFiles, is_sound
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BatchError
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Known
from ipvalue.records.store import BookOnDisk, file_digest

__all__ = ["BatchReport", "Folder", "Run", "STATISTICS"]

_FORMAT = 2
_SHOWN = {
    "book": "the book",
    "engine": "the engine",
    "assumptions": "the assumptions",
    "as_of": "the date",
    "shards": "the number of shards",
    "overrides": "the overrides",
}


@dataclass(frozen=True)
class Run:
    """Everything that the values of a batch depend on.

    Attributes
    ----------
    book : str
        Fingerprint of the book.
    engine : str
        Hash of the engine, with its assumptions and all that it has learnt.
    assumptions : str
        Hash of the assumptions.
    as_of : str
        Valuation date.
    known : {'announced', 'loaded'}
    versions : dict of str to str
        Of Python and of the packages that values depend on.
    shards : int
        Of the book: parts of books with other numbers of shards must not be mixed.
    overrides : str
        Hash of the experts' overrides; empty without any.
    """

    book: str
    engine: str
    assumptions: str
    as_of: str
    known: Known
    versions: dict[str, str]
    shards: int
    overrides: str = ""

    @classmethod
    def of(
        cls, disk: BookOnDisk, engine: ValuationEngine, as_of: str, known: Known, overrides: Overrides | None = None
    ) -> Run:
        """The run of an engine over a book."""
        hashes = engine.hash, engine.assumptions.hash
        experts = "" if overrides is None else overrides.hash
        return cls(disk.fingerprint, *hashes, as_of, known, versions(), disk.shards, experts)

    @property
    def key(self) -> str:
        """Hash of all of it, in hexadecimal."""
        return hashlib.sha256(json.dumps([_FORMAT, asdict(self)], sort_keys=True).encode()).hexdigest()

    def differences(self, earlier: Mapping[str, Any]) -> list[str]:
        """What differs from an earlier run, given as a dict of the same fields.

        Examples
        --------
        >>> here = Run("b", "e", "a", "2024-12-31", "announced", {"numpy": "2.0"}, 4)
        >>> here.differences({"book": "b", "engine": "e", "assumptions": "a", "as_of": "2023-12-31",
        ...                   "known": "announced", "versions": {"numpy": "1.26"}, "shards": 4})
        ['the date (2023-12-31 there, 2024-12-31 here)', 'the version of numpy (1.26 there, 2.0 here)']
        """
        found = []
        for name, mine in asdict(self).items():
            there = earlier.get(name, "" if name == "overrides" else None)
            if name == "versions":
                found += _versions(there if isinstance(there, dict) else {}, self.versions)
            elif there != mine:
                found.append(f"{_SHOWN.get(name, name)} ({_short(there)} there, {_short(mine)} here)")
        return found

    def made(self, provenance: Mapping[str, Any]) -> bool:
        """Whether a table of values with this provenance belongs to the run."""
        mine, names = asdict(self), {"engine": "engine_hash", "assumptions": "assumptions_hash"}
        inputs = ("book", "engine", "assumptions", "as_of", "known", "versions")
        overrides = (provenance.get("overrides") or {}).get("hash", "")
        return overrides == self.overrides and all(provenance.get(names.get(n, n)) == mine[n] for n in inputs)


def _versions(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    names = sorted(set(there) | set(here))
    return [
        f"the version of {n} ({there.get(n, 'unknown')} there, {here.get(n, 'unknown')} here)"
        for n in names
        if there.get(n) != here.get(n)
    ]


def _short(text: object) -> str:
    """The first characters of a hash; a date or a word in full."""
    return str(text)[:12] or "none"


_RUN, _MANIFEST, _JOURNAL, _WORK = "_run.json", "_manifest.json", "_journal.jsonl", "_work"
STATISTICS = "_statistics"
_COMMIT = "_commit"
_PART = re.compile(r"part-\d{5,}\.parquet")
_PROVENANCE_KEY = b"ipvalue"


@dataclass(frozen=True)
class BatchReport:
    """What a batch did.

    Attributes
    ----------
    path : str
        Folder of the values, a Parquet dataset.
    patents, valued, dead, without_value : int
        All rows (the book's patents that are known on the date); those with a value above 0 or of a living right; dead
        rights, worth 0; those without a value.
    total : float
        Sum of the median values, in ``currency``.
    currency : str
    reasons : dict of str to int
        Why rows have no value.
    grades : dict of str to int
        Living rights by grade.
    shards, resumed : int
        Shards of the book, and those that an earlier run had finished.
    seconds : dict of str to float
        Wall time by pass of the call that finished the batch; empty where nothing was left to do.
    retried : int
        How often dead workers were replaced; on a cluster, how often a shard was begun again.
    rejects : dict of str to int
        Rows that the book refused when it was made, by table, column and code.
    not_known_yet : int
        Patents of the book that are unknown on the date and have no row.
    overrides : dict of str to int
        Experts' overrides that are applied (``overridden``), and those that are not, by reason code.
    stages : dict of str to dict of str to float
        Time by pass (counting, joining, statistics, valuing) and stage, measured in the workers and summed over them.
    peak_memory : dict of str to int
        Bytes, of the parent process and of the largest worker (0 where the parent does the work): resident memory
        since the process began, pages that it shares with others counted in full.
    """

    path: str
    patents: int
    valued: int
    dead: int
    without_value: int
    total: float
    currency: str
    reasons: dict[str, int]
    grades: dict[str, int]
    shards: int
    resumed: int
    seconds: dict[str, float]
    retried: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    not_known_yet: int = 0
    overrides: dict[str, int] = field(default_factory=dict)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    peak_memory: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{self.patents:,} patents revalued into {self.path}: {self.valued:,} valued, {self.dead:,} dead "
            f"(worth 0), {self.without_value:,} without a value",
            f"  sum of medians {self.total:,.0f} {self.currency}",
            "  grades " + ", ".join(f"{g} {c:,}" for g, c in self.grades.items()),
        ]
        later = self.not_known_yet
        lines += [f"  no row, because unknown on the date: {later:,} patents of the book"] if later else []
        lines += [f"  no value, {reason}: {count:,}" for reason, count in self.reasons.items()]
        lines += [f"  overrides, {status}: {count:,}" for status, count in self.overrides.items()]
        lines += [f"  refused when the book was made, {what}: {count:,}" for what, count in self.rejects.items()]
        lines.append(f"  {self.shards} shards, {self.resumed} of them from an earlier run; {self._took()}")
        return "\n".join(lines)

    def _took(self) -> str:
        parts = [f"{name} {s:.1f} s" for name, s in self.seconds.items()] or ["nothing was left to do"]
        parts += [f"work of lost workers was begun again {self.retried} times"] if self.retried else []
        peaks = [f"{name.replace('_', ' ')} {size / 1e9:.2f} GB" for name, size in self.peak_memory.items() if size]
        return ", ".join(parts) + (f"; peak memory: {', '.join(peaks)}" if peaks else "")


class Folder:
    """The folder of a batch's values, with its :attr:`journal`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.journal = Journal(self.path / _JOURNAL)
        self._run: Run | None = None

    @property
    def run(self) -> Run:
        """The run that the folder was begun for."""
        if self._run is None:
            raise BatchError(f"no run has begun in {self.path}")
        return self._run

    @property
    def work(self) -> Path:
        """Temporary files of the run, in its own folder, so that a worker left from another run can't disturb it."""
        return self.path / _WORK / self.run.key[:16]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude a second run into the folder; the lock ends with the process, however it ends.

        Raises
        ------
        BatchError
            If another process is writing into the folder, it holds other files, or it can't be written.
        """
        with sole_user(self.path, self._check_no_other_files, "is writing into"):
            yield

    def begin(self, run: Run, disk: BookOnDisk, restart: bool) -> list[int]:
        """Begin or resume a run, and give the shards that are done, each of them verified.

        Raises
        ------
        BatchError
            If the folder holds another run's values, or something else, or can't be written.
        """
        self._run = run
        with disk_errors(self.path), self._committing():
            self._claim(run, restart)
            self._remove_drafts()
            self.work.mkdir(parents=True, exist_ok=True)
        here = {"pid": os.getpid(), "host": platform.node(), "path": os.fspath(self.path), "run": run.key}
        known = {name: value for name, value in asdict(run).items() if name != "shards"}
        resumed = bool(self.journal.of_run(run.key))
        if not resumed:
            self.journal.write("begun", patents=disk.patents, shards=disk.shards, **known, **here)
        done = self._verified(disk)
        if resumed:
            self.journal.write("resumed", done=len(done), left=disk.shards - len(done), **here)
        if len(done) < disk.shards:
            (self.path / _MANIFEST).unlink(missing_ok=True)
        return done

    @contextmanager
    def failures_journalled(self) -> Iterator[None]:
        """Journal an error that ends the run, and raise errors of the disk as :class:`BatchError`."""
        try:
            with disk_errors(self.path):
                yield
        except BaseException as error:
            with suppress(BatchError):
                text = f"{type(error).__name__}: {error}"
                self.journal.write("failed", path=os.fspath(self.path), run=self.run.key, error=text)
            raise

    @property
    def statistics(self) -> StatisticsFiles:
        """The book-level statistics that the values were made with."""
        return StatisticsFiles(self.path / STATISTICS)

    def part(self, shard: int) -> Path:
        """File of a finished shard."""
        return self.path / f"part-{shard:05d}.parquet"

    def commit(self, shard: int, table: pa.Table) -> dict[str, Any]:
        """Write a finished shard atomically and once, synced before it counts.

        Returns
        -------
        dict
            Rows, bytes and SHA-256 of the shard's file.

        Raises
        ------
        BatchError
            If it can't be written, or the folder belongs to another run now.
        """
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content, file = sink.getvalue(), self.part(shard)
        draft = write_draft(file, content)
        with disk_errors(file, draft), self._committing():
            if _read_json(self.path / _RUN).get("key") != self.run.key:
                remove(draft)
                raise BatchError(f"{self.path} belongs to another run now; shard {shard} is not committed")
            if self.committed_part(shard) is None:
                draft.rename(file)
                sync(self.path)
            else:
                remove(draft)
        return {"rows": table.num_rows, "bytes": content.size, "sha256": hashlib.sha256(content).hexdigest()}

    def committed_part(self, shard: int) -> dict[str, Any] | None:
        """Find a shard that was committed, also if its worker died before it could report it; read all of it."""
        file = self.part(shard)
        if not file.is_file():
            return None
        try:
            table = pq.read_table(file, partitioning=None)
            made = self.run.made(json.loads((table.schema.metadata or {})[_PROVENANCE_KEY]))
        except (OSError, pa.ArrowException, KeyError, ValueError):
            return None
        if not made:
            return None
        size, digest = file.stat().st_size, file_digest(file)
        return {"rows": table.num_rows, "bytes": size, "sha256": digest, "adopted": True}

    def check_complete(self, shards: int) -> None:
        """Raise :class:`BatchError` if a file has vanished or changed since it was committed."""
        lines = self.journal.committed(self.run.key)
        for shard in range(shards):
            file = self.part(shard)
            if not file.exists() or file.stat().st_size != lines[shard]["bytes"]:
                what = "was changed" if file.exists() else "has vanished"
                raise BatchError(f"{file} {what} after it was committed; run again to replace it")

    def finish(self, manifest: dict[str, Any] | None) -> None:
        """Write the manifest, which marks the dataset as complete, and remove temporary files."""
        if manifest is not None:
            write_file(self.path / _MANIFEST, json.dumps(manifest, indent=1).encode())
        # a worker that outlived its parent may still write a draft there: the next run removes it
        shutil.rmtree(self.path / _WORK, ignore_errors=True)
        self._remove_drafts()

    @property
    def finished(self) -> bool:
        """Whether the manifest says that the dataset is complete, as it was committed."""
        try:
            manifest = json.loads((self.path / _MANIFEST).read_text())
            listed = {line["shard"]: line["sha256"] for line in manifest["shards"]}
            run = manifest["run"]["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        committed = self.journal.committed(self.run.key)
        return run == self.run.key and listed == {shard: line["sha256"] for shard, line in committed.items()}

    @contextmanager
    def _committing(self) -> Iterator[None]:
        """Lock for commits, and for changes of the run that the folder belongs to."""
        import fcntl

        with (self.path / _COMMIT).open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _claim(self, run: Run, restart: bool) -> None:
        """Assign the folder to the run, unless it belongs to another run or holds other files."""
        file = self.path / _RUN
        if file.exists():
            earlier = self._earlier(restart)
            differences = run.differences(earlier)
            if not differences and (not restart or self._readable()):
                return
            if not restart:
                raise BatchError(
                    f"{self.path} holds values of another run: {'; '.join(differences)} differ. Choose another folder, "
                    "or pass restart=True to discard them"
                )
            self._discard(str(earlier.get("key", "")))
        else:
            self._check_no_other_files()
        write_file(file, json.dumps({"key": run.key, **asdict(run)}, indent=1).encode())

    def _check_no_other_files(self) -> None:
        """Refuse a folder that holds files and in which no run has begun."""
        if (self.path / _RUN).exists() or not self.path.is_dir():
            return
        strange = [p.name for p in self.path.iterdir() if p.name not in (LOCK, _COMMIT, _JOURNAL) and not is_draft(p)]
        if strange:
            raise BatchError(
                f"{self.path} holds files that are not values of a batch ({min(strange)}); choose another folder"
            )

    def _earlier(self, restart: bool) -> dict[str, Any]:
        try:
            return _read_json(self.path / _RUN)
        except BatchError:
            if restart:
                return {}
            raise

    def _readable(self) -> bool:
        try:
            self.journal.read()
        except BatchError:
            return False
        return True

    def _discard(self, key: str) -> None:
        """Remove another run's values, its ``_run.json`` last, so that a discard that was killed is resumed.

        Other files in the folder stay.
        """
        if not self._readable():
            remove(self.journal.path)
        self.journal.write("discarded", run=key, path=os.fspath(self.path))
        remove(self.path / _MANIFEST)
        for path in sorted(self.path.iterdir()):
            if path.name in (_WORK, STATISTICS) or _PART.fullmatch(path.name) or is_draft(path):
                remove(path)
        remove(self.path / _RUN)

    def _remove_drafts(self) -> None:
        """Remove drafts of processes that died."""
        statistics = self.statistics.folder
        for path in sorted([*self.path.iterdir(), *(statistics.iterdir() if statistics.is_dir() else ())]):
            if is_draft(path):
                remove(path)

    def _verified(self, disk: BookOnDisk) -> list[int]:
        """Shards that are done. Damaged files are removed; shards committed but not journalled are journalled."""
        lines, done = self.journal.committed(self.run.key), []
        for shard in range(disk.shards):
            file, line = self.part(shard), lines.get(shard)
            if line is None:
                found = self.committed_part(shard)
            else:
                found = line if file.is_file() and file_digest(file) == line["sha256"] else None
            if found is not None and is_sound(self.statistics.graph(shard)):
                done.append(shard)
                if line is None:
                    self.journal.write(
                        "committed", run=self.run.key, shard=shard, inputs=disk.shard_digest(shard), **found
                    )
            elif line is not None or file.exists():
                what = f"{file.name} {'is damaged' if file.exists() else 'has vanished'}"
                remove(file)
                self.journal.write("lost", shard=shard, what=what)
        return done


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BatchError(f"{path} is damaged: {error}") from error
    return content if isinstance(content, dict) else {}
