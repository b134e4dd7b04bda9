"""What is to be done, what is done already, and by whom: the folder of a batch's values.

``values/part-00007.parquet`` is the finished shard 7: it appears whole, by a rename, or not at all.
``values/_run.json`` names the run; ``values/_work/`` holds the engine and the book's statistics while the run
goes on; ``values/_report.json`` is written at the end. Readers of Parquet datasets skip names that begin with
an underscore.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.errors import BatchError

__all__ = ["BatchReport", "Folder", "run_key"]

_RUN, _REPORT, _WORK, _LOCK = "_run.json", "_report.json", "_work", "_lock"


def run_key(book: str, engine: str, as_of: str, known: str) -> str:
    """Hash of everything that the values depend on.

    Examples
    --------
    >>> len(run_key("a", "b", "2024-12-31", "announced"))
    64
    """
    return hashlib.sha256(json.dumps([1, book, engine, as_of, known]).encode()).hexdigest()


@dataclass(frozen=True)
class BatchReport:
    """What a batch did.

    Attributes
    ----------
    path : str
        Folder of the values, a Parquet dataset.
    patents, valued, dead, without_value : int
        All rows; those with a value above 0 or of a living right; dead rights, worth 0; those without a value.
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
        Wall time a stage.
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

    def __str__(self) -> str:
        lines = [
            f"{self.patents:,} patents revalued into {self.path}: {self.valued:,} valued, {self.dead:,} dead "
            f"(worth 0), {self.without_value:,} without a value",
            f"  sum of medians {self.total:,.0f} {self.currency}",
            "  grades " + ", ".join(f"{g} {c:,}" for g, c in self.grades.items()),
        ]
        lines += [f"  no value, {reason}: {count:,}" for reason, count in self.reasons.items()]
        took = ", ".join(f"{stage} {s:.1f} s" for stage, s in self.seconds.items())
        lines.append(f"  {self.shards} shards, {self.resumed} of them from an earlier run; {took}")
        return "\n".join(lines)


class Folder:
    """The folder of a batch's values.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.work = self.path / _WORK

    def open(self, key: str, restart: bool) -> None:
        """Begin or resume the run named by a key.

        Raises
        ------
        BatchError
            If the folder holds another run's values, or something else.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BatchError(f"{self.path} can't be made or written: {error}") from error
        run = self.path / _RUN
        if run.exists():
            earlier = _read_json(run).get("key")
            if earlier == key:
                return
            if not restart:
                raise BatchError(
                    f"{self.path} holds values of another book, engine, date or version; choose another folder, or "
                    "pass restart=True to discard them"
                )
            self._clear()
        elif any(p.name != _LOCK for p in self.path.iterdir()):
            raise BatchError(f"{self.path} holds files that are no values of a batch; choose another folder")
        write_file(run, json.dumps({"format": 1, "key": key}).encode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude a second run into the folder; the lock goes with the process, however it ends.

        Raises
        ------
        BatchError
            If another process is writing into the folder.
        """
        import fcntl

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            stream = (self.path / _LOCK).open("w")
        except OSError as error:
            raise BatchError(f"{self.path} can't be written: {error}") from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BatchError(f"another process is writing into {self.path}; wait for it") from error
            yield

    def part(self, shard: int) -> Path:
        """File of a finished shard."""
        return self.path / f"part-{shard:05d}.parquet"

    def done(self, shards: int) -> list[int]:
        """Shards that are finished."""
        return [s for s in range(shards) if self.part(s).exists()]

    def commit(self, shard: int, table: pa.Table) -> None:
        """Write a finished shard: whole or not at all, and on the disk before it counts."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_file(self.part(shard), sink.getvalue())

    def finish(self, report: BatchReport) -> None:
        """Write the report, and drop what only the run needed."""
        write_file(self.path / _REPORT, json.dumps(asdict(report), indent=1).encode())
        for file in sorted(self.work.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        if self.work.exists():
            self.work.rmdir()

    def _clear(self) -> None:
        for file in sorted(self.path.rglob("*"), reverse=True):
            if file.name != _LOCK:
                file.unlink() if file.is_file() else file.rmdir()


def write_file(path: Path, content: Any) -> None:
    """Write a file so that it is there whole, after a crash too: temporary file, sync, rename, sync of the folder.

    Raises
    ------
    BatchError
        If the disk is full or the folder can't be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BatchError(f"{path} can't be written: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BatchError(f"{path} is damaged: {error}") from error
    return content if isinstance(content, dict) else {}
