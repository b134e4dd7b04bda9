"""What is to be done, what is done already, and by whom: the folder of a batch's values.

``values/part-00007.parquet`` is the finished shard 7: it appears whole, by a rename, or not at all. ``_run.json`` names
the run, ``_journal.jsonl`` tells what happened, ``_statistics/`` holds the statistics of the book that the values were
made with, ``_work/`` what only the run needs while it goes on. ``_manifest.json`` is there if, and only if, the dataset
is complete. Readers of Parquet datasets skip names that begin with an underscore, drafts included.

One process holds ``_lock`` and plans; its workers, wherever they are, commit shards. A worker may outlive a process
that was killed: it commits under ``_commit``, and only for the run that the folder belongs to then, so that what it
leaves behind is whole and right, and no shard is committed twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.batch.array_file import is_sound
from ipvalue.batch.files import LOCK, disk_errors, is_draft, remove, sole_user, sync, write_draft, write_file
from ipvalue.batch.journal import Journal
from ipvalue.batch.run import Run
from ipvalue.batch.statistics import StatisticsFiles
from ipvalue.errors import BatchError
from ipvalue.records.store import BookOnDisk, file_digest

__all__ = ["STATISTICS", "BatchReport", "Folder"]

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
        Wall time a pass of the call that finished the batch; empty where nothing was left to do.
    retried : int
        How often dead workers were replaced; on a cluster, how often a shard was begun again.
    rejects : dict of str to int
        Rows that the book refused when it was made, by table, column and code.
    not_known_yet : int
        Patents of the book of which nothing is known by the date: they have no row.
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
        lines += [f"  no row, as nothing is known of them by the date: {later:,} patents of the book"] if later else []
        lines += [f"  no value, {reason}: {count:,}" for reason, count in self.reasons.items()]
        lines += [f"  overrides, {status}: {count:,}" for status, count in self.overrides.items()]
        lines += [f"  refused when the book was made, {what}: {count:,}" for what, count in self.rejects.items()]
        lines.append(f"  {self.shards} shards, {self.resumed} of them from an earlier run; {self._took()}")
        return "\n".join(lines)

    def _took(self) -> str:
        parts = [f"{name} {s:.1f} s" for name, s in self.seconds.items()] or ["nothing was left to do"]
        parts += [f"{self.retried} times work of lost workers was begun again"] if self.retried else []
        peaks = [f"{name.replace('_', ' ')} {size / 1e9:.2f} GB" for name, size in self.peak_memory.items() if size]
        return ", ".join(parts) + (f"; peak memory: {', '.join(peaks)}" if peaks else "")


class Folder:
    """The folder of a batch's values.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    journal : Journal
        What happened in the folder.
    """

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
        """What only the run needs: its own folder, so that a worker that outlived another run can't disturb it."""
        return self.path / _WORK / self.run.key[:16]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude a second run into the folder; the lock goes with the process, however it ends.

        Raises
        ------
        BatchError
            If another process is writing into the folder, it is somebody else's, or it can't be written.
        """
        with sole_user(self.path, self._refuse_strangers, "is writing into"):
            yield

    def begin(self, run: Run, disk: BookOnDisk, restart: bool) -> list[int]:
        """Begin or resume a run, and give the shards that are done: every one of them is verified.

        Raises
        ------
        BatchError
            If the folder holds another run's values, or something else, or can't be written.
        """
        self._run = run
        with disk_errors(self.path), self._committing():
            self._claim(run, restart)
            self._sweep()
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
    def failing_clearly(self) -> Iterator[None]:
        """Journal what ends the run early, and raise errors of the disk as :class:`BatchError`."""
        try:
            with disk_errors(self.path):
                yield
        except BaseException as error:
            with suppress(BatchError):
                said = f"{type(error).__name__}: {error}"
                self.journal.write("failed", path=os.fspath(self.path), run=self.run.key, error=said)
            raise

    @property
    def statistics(self) -> StatisticsFiles:
        """The book-level statistics that the values were made with."""
        return StatisticsFiles(self.path / STATISTICS)

    def part(self, shard: int) -> Path:
        """File of a finished shard."""
        return self.path / f"part-{shard:05d}.parquet"

    def commit(self, shard: int, table: pa.Table) -> dict[str, Any]:
        """Write a finished shard: whole or not at all, on the disk before it counts, and once.

        Returns
        -------
        dict
            Rows, bytes and SHA-256 of the shard's file.

        Raises
        ------
        BatchError
            If it can't be written, or the folder belongs to another run by now.
        """
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content, file = sink.getvalue(), self.part(shard)
        draft = write_draft(file, content)
        with disk_errors(file, draft), self._committing():
            if _read_json(self.path / _RUN).get("key") != self.run.key:
                remove(draft)
                raise BatchError(f"{self.path} belongs to another run by now; shard {shard} is not committed")
            if self.found(shard) is None:
                draft.rename(file)
                sync(self.path)
            else:
                remove(draft)
        return {"rows": table.num_rows, "bytes": content.size, "sha256": hashlib.sha256(content).hexdigest()}

    def found(self, shard: int) -> dict[str, Any] | None:
        """Look for a shard that was committed, whether or not its worker lived to report it; read all of it."""
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
        """Refuse to call a dataset complete of which a file has vanished or changed since it was committed.

        Raises
        ------
        BatchError
            If one has.
        """
        lines = self.journal.committed(self.run.key)
        for shard in range(shards):
            file = self.part(shard)
            if not file.exists() or file.stat().st_size != lines[shard]["bytes"]:
                what = "was changed" if file.exists() else "has vanished"
                raise BatchError(f"{file} {what} after it was committed; run again to make it again")

    def finish(self, manifest: dict[str, Any] | None) -> None:
        """Write the manifest, which says that the dataset is complete, and drop what only the run needed."""
        if manifest is not None:
            write_file(self.path / _MANIFEST, json.dumps(manifest, indent=1).encode())
        # a worker that outlived its killed parent may still write a draft there: it is removed next time
        shutil.rmtree(self.path / _WORK, ignore_errors=True)
        self._sweep()

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
        """One at a time: commits, and changes of the run that the folder belongs to."""
        import fcntl

        with (self.path / _COMMIT).open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _claim(self, run: Run, restart: bool) -> None:
        """Make the folder the run's, unless it is another's or holds other files."""
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
            self._refuse_strangers()
        write_file(file, json.dumps({"key": run.key, **asdict(run)}, indent=1).encode())

    def _refuse_strangers(self) -> None:
        """Refuse a folder that no run has begun in and that holds anything."""
        if (self.path / _RUN).exists() or not self.path.is_dir():
            return
        strange = [p.name for p in self.path.iterdir() if p.name not in (LOCK, _COMMIT, _JOURNAL) and not is_draft(p)]
        if strange:
            raise BatchError(
                f"{self.path} holds files that are no values of a batch ({min(strange)}); choose another folder"
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
        """Remove another run's values, the name of that run last: a discard that was killed is resumed.

        Whatever else somebody has put into the folder stays there.
        """
        if not self._readable():
            remove(self.journal.path)
        self.journal.write("discarded", run=key, path=os.fspath(self.path))
        remove(self.path / _MANIFEST)
        for path in sorted(self.path.iterdir()):
            if path.name in (_WORK, STATISTICS) or _PART.fullmatch(path.name) or is_draft(path):
                remove(path)
        remove(self.path / _RUN)

    def _sweep(self) -> None:
        """Remove drafts of processes that did not live to finish them."""
        statistics = self.statistics.folder
        for path in sorted([*self.path.iterdir(), *(statistics.iterdir() if statistics.is_dir() else ())]):
            if is_draft(path):
                remove(path)

    def _verified(self, disk: BookOnDisk) -> list[int]:
        """Shards that are done. What is damaged is removed; what was committed but not journalled is journalled."""
        lines, done = self.journal.committed(self.run.key), []
        for shard in range(disk.shards):
            file, line = self.part(shard), lines.get(shard)
            found = self._kept(file, line) if line is not None else self.found(shard)
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

    def _kept(self, file: Path, line: dict[str, Any]) -> dict[str, Any] | None:
        """The line of a shard whose file is what was committed."""
        return line if file.is_file() and file_digest(file) == line["sha256"] else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BatchError(f"{path} is damaged: {error}") from error
    return content if isinstance(content, dict) else {}
