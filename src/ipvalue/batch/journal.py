"""The journal of a batch: one line of JSON for each event, and the measurements that it records.

``values/_journal.jsonl`` is append-only: also after ``restart=True`` it has the full history of the folder. Only the
process that holds the folder's lock writes it. Readers skip an incomplete last line, and the next writer removes it.

Every line has ``time`` (UTC) and ``event``, and the fields of its event in :data:`EVENTS`. Records of the logger
``ipvalue.batch`` have the same fields, one record a line::

    logging.getLogger("ipvalue.batch").addHandler(handler)   # record.event, record.shard, record.seconds, ...

The fields:

=========== ===========================================================================================
run         hash of everything that the values depend on (:class:`ipvalue.batch.plan.Run`)
book        fingerprint of the book
engine      hash of the engine with all that it has learnt
assumptions hash of the assumption set
overrides   hash of the experts' overrides; empty without any
as_of       valuation date
known       from which of its dates a legal event counts
versions    of Python and of the packages that values depend on
patents     rows of the book, or of the finished values
shards      shards of the book; shards, or key ranges, of the pass
done, left  shards that are finished, and those that are not
label       the pass: ``counting``, ``joining`` or ``valuing``
range       number of the key range that was reduced
shard       number of the shard
rows, bytes of the shard's file
sha256      of the shard's file; of the counts of the book
inputs      hash of the book's files that the shard is made from
statistics  sha256 of the counts of the book that the shard was valued with
seconds     wall time
stages      wall time by stage, in seconds
pid, host   of the process that did the work
memory      peak memory of that process since it began, in bytes
adopted     true where the file was found: its writer did not live to report it
what        what was lost or damaged, and is computed again
attempt     how often workers have died in this pass; of a shard: how often it was begun in it
error       why the run ended early; of retries, how the workers died
path        folder of the values; of the cache entry
=========== ===========================================================================================
"""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ipvalue.batch.atomic_files import disk_errors
from ipvalue.errors import BatchError
from ipvalue.stopwatch import Stopwatch

__all__ = ["EVENTS", "Event", "Journal", "measured", "peak_memory"]

_LOG = logging.getLogger("ipvalue.batch")
_LOG.addHandler(logging.NullHandler())  # no output unless the application adds a handler


@dataclass(frozen=True)
class Event:
    """A kind of line: its text in a log, the names of its fields, and its level in a log."""

    text: str
    names: str
    level: int = logging.INFO

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of a line, beside ``time`` and ``event``."""
        return tuple(self.names.split())


_WORK = "seconds stages pid host memory"
_RUN = "run book engine assumptions as_of known versions overrides"

EVENTS: dict[str, Event] = {
    "begun": Event("batch {path} begun: {patents} patents in {shards} shards", f"path {_RUN} patents shards pid host"),
    "resumed": Event("batch {path} resumed: {done} shards done, {left} left", "path run done left pid host"),
    "discarded": Event("values of run {run} discarded", "run path"),
    "pass": Event("pass {label} begun: {shards} shards", "label shards"),
    "passed": Event("pass {label} ended after {seconds:.1f} s", "label shards seconds"),
    "counted": Event("shard {shard} counted", f"shard {_WORK}"),
    "joined": Event("key range {range} reduced", f"range {_WORK}"),
    "statistics": Event("the statistics of the book are complete", f"sha256 {_WORK}"),
    "cached": Event("features and statistics are taken from {path}", "path"),
    "committed": Event(
        "shard {shard} committed: {rows} rows", f"run shard rows bytes sha256 inputs statistics adopted {_WORK}"
    ),
    "lost": Event("shard {shard} is computed again: {what}", "shard what", logging.WARNING),
    "damaged": Event("computed again: {what}", "what", logging.WARNING),
    "retried": Event(
        "workers died ({attempt}) in pass {label}: {left} shards left", "label left attempt error", logging.WARNING
    ),
    "repeated": Event(
        "shard {shard} was begun again ({attempt}) in pass {label} by {pid} on {host}",
        "label shard attempt pid host",
        logging.WARNING,
    ),
    "failed": Event("batch {path} ended early: {error}", "path run error", logging.ERROR),
    "finished": Event("batch {path} finished: {patents} patents", "path run patents shards seconds"),
}

# fields that are read back, by event, and measurements of any event
_READ: dict[str, dict[str, type]] = {
    "begun": {"run": str, "pid": int, "host": str},
    "resumed": {"run": str, "pid": int, "host": str},
    "discarded": {"run": str},
    "committed": {"run": str, "shard": int, "bytes": int, "sha256": str},
    "lost": {"shard": int},
}
_MEASURED: dict[str, type] = {"stages": dict, "memory": int}


class Journal:
    """An append-only file of JSON lines, in a folder that exists.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> journal = Journal(pathlib.Path(tempfile.mkdtemp()) / "_journal.jsonl")
    >>> journal.write("pass", label="counting", shards=3)
    >>> [line["label"] for line in journal.read()]
    ['counting']
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **fields: Any) -> None:
        """Append a line, sync it, and log it.

        Raises
        ------
        BatchError
            If the disk is full or the file can't be written.
        """
        kind = EVENTS[event]
        strange = set(fields) - set(kind.fields)
        if strange:
            raise TypeError(f"the event {event!r} has no field {min(strange)!r}")
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with disk_errors(self.path):
            self._append(json.dumps({"time": now, "event": event, **fields}).encode() + b"\n")
        _LOG.log(kind.level, kind.text.format(**fields), extra={"event": event, **fields})

    def read(self) -> list[dict[str, Any]]:
        """Read all lines but an incomplete last one.

        Raises
        ------
        BatchError
            If the file is damaged elsewhere.
        """
        if not self.path.exists():
            return []
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except OSError as error:
            raise BatchError(f"{self.path} can't be read: {error}") from error
        found = []
        for number, text in enumerate(lines, 1):
            try:
                line = json.loads(text)
                strange = _strange(line)
            except ValueError as error:
                line, strange = {}, str(error)
            if strange:
                what = f"line {number}: {strange}"
                raise BatchError(f"{self.path} is damaged: {what}; pass restart=True to start again")
            found.append(line)
        return found

    def committed(self, run: str) -> dict[int, dict[str, Any]]:
        """Lines of the shards that a run has committed and not lost since, by shard."""
        found: dict[int, dict[str, Any]] = {}
        for line in self.read():
            if line["event"] == "discarded":
                found.clear()
            elif line["event"] == "committed" and line["run"] == run:
                found[line["shard"]] = line
            elif line["event"] == "lost":
                found.pop(line["shard"], None)
        return found

    def of_run(self, run: str) -> list[dict[str, Any]]:
        """Lines since a run began; none if another run has begun since, or if its values were discarded."""
        lines: list[dict[str, Any]] = []
        for line in self.read():
            if line["event"] in ("begun", "discarded"):
                lines = []
            lines.append(line)
        return lines if lines and lines[0].get("run") == run and lines[0]["event"] == "begun" else []

    def _append(self, line: bytes) -> None:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _cut_torn_line(handle)
            if os.write(handle, line) != len(line):
                raise OSError("a line was written in part: the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)


def _strange(line: object) -> str:
    """Why a line of JSON is not a line of the journal; empty if it is one."""
    if not isinstance(line, dict) or not isinstance(line.get("event"), str):
        return "it names no event"
    missing = [name for name in _READ.get(line["event"], {}) if name not in line]
    if missing:
        return f"it lacks {missing[0]!r}"
    kinds = _READ.get(line["event"], {}) | {name: kind for name, kind in _MEASURED.items() if name in line}
    wrong = [name for name, kind in kinds.items() if not isinstance(line[name], kind)]
    if not wrong and not all(isinstance(seconds, int | float) for seconds in line.get("stages", {}).values()):
        wrong = ["stages"]
    return f"{wrong[0]!r} is {line[wrong[0]]!r}" if wrong else ""


def _cut_torn_line(handle: int) -> None:
    """Cut off what follows the last end of a line."""
    size = os.fstat(handle).st_size
    if not size or os.pread(handle, 1, size - 1) == b"\n":
        return
    whole = os.pread(handle, size, 0).rfind(b"\n") + 1
    os.ftruncate(handle, whole)


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Measure a ``with`` block: time, stages, process and memory are in the dict when the block ends.

    Examples
    --------
    >>> with measured() as report:
    ...     pass
    >>> sorted(report)
    ['host', 'memory', 'pid', 'seconds', 'stages']
    """
    report: dict[str, Any] = {}
    started = time.perf_counter()
    with Stopwatch().running() as watch:
        yield report
    report["seconds"] = round(time.perf_counter() - started, 6)
    report["stages"] = {name: round(seconds, 6) for name, seconds in watch.seconds.items()}
    report |= {"pid": os.getpid(), "host": platform.node(), "memory": peak_memory()}


def peak_memory() -> int:
    """Peak resident memory of this process since it began, in bytes, with shared pages in full.

    ``VmHWM`` on Linux; elsewhere ``ru_maxrss``, which a process may inherit from its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on every system that has no /proc

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
