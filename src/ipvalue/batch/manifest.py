"""The manifest of a finished batch: its inputs, its machine, the time of each stage, and a summary of the values.

It is made from the journal, the files of values and the manifest of the book, so that a batch that was killed and
resumed has one manifest of all calls. ``_manifest.json`` holds

- ``run``: the hashes, dates and versions that the values depend on, and the key over them;
- ``machine``: host, system, processor, cores and memory of the process that finished the batch;
- ``rows``: of each table of the book, and of the values;
- ``report``: the fields of :class:`ipvalue.batch.BatchReport`;
- ``memory``: peak of the parent and of each worker (``host/pid``), and what that is;
- ``shards``: rows, bytes, SHA-256, inputs and seconds of each shard.
"""

from __future__ import annotations

import math
import os
import platform
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ipvalue.batch.journal import peak_memory
from ipvalue.batch.plan import BatchReport, Folder
from ipvalue.batch.run_overrides import override_counts
from ipvalue.errors import ArtifactError, BatchError
from ipvalue.overrides.record import Overrides
from ipvalue.records.store import BookOnDisk

__all__ = ["manifest_of", "report_of"]

_FORMAT = 1
_PASSES = {"counted": "counting", "joined": "joining", "statistics": "statistics", "committed": "valuing"}
_OF_A_SHARD = ("shard", "rows", "bytes", "sha256", "inputs", "statistics", "seconds")
_MEASURED = (
    "peak resident memory of each process since it began, in bytes (VmHWM of Linux, ru_maxrss elsewhere); pages that "
    "processes share count in each of them"
)


def report_of(
    folder: Folder, disk: BookOnDisk, resumed: int, seconds: dict[str, float], overrides: Overrides | None = None
) -> BatchReport:
    """Summarise the values from the files; the rows must be those of the book on the date."""
    counts = _totals_of(folder, disk)
    lines = folder.journal.of_run(folder.run.key)
    workers = _workers(lines)
    return BatchReport(
        path=os.fspath(folder.path),
        patents=counts.patents,
        valued=counts.patents - counts.dead - sum(counts.reasons.values()),
        dead=counts.dead,
        without_value=sum(counts.reasons.values()),
        total=math.fsum(counts.sums),
        currency=counts.currency,
        reasons=dict(sorted(counts.reasons.items())),
        grades=dict(sorted(counts.grades.items())),
        shards=disk.shards,
        resumed=resumed,
        seconds=seconds,
        retried=sum(line["event"] in ("retried", "repeated") for line in lines),
        rejects=disk.rejects,
        not_known_yet=disk.patents - counts.patents,
        overrides=override_counts(overrides, map(folder.part, range(disk.shards))),
        stages=_stages(lines),
        peak_memory={"parent": peak_memory(), "largest_worker": max(workers.values(), default=0)},
    )


def manifest_of(folder: Folder, disk: BookOnDisk, report: BatchReport) -> dict[str, Any]:
    """The content of the manifest."""
    committed = folder.journal.committed(folder.run.key)
    return {
        "format": _FORMAT,
        "run": {"key": folder.run.key, **asdict(folder.run)},
        "machine": _machine(),
        "rows": {**disk.rows, "values": report.patents},
        "report": asdict(report),
        "memory": {
            "measured": _MEASURED,
            "parent": report.peak_memory["parent"],
            "workers": _workers(folder.journal.of_run(folder.run.key)),
        },
        "shards": [{k: committed[s][k] for k in _OF_A_SHARD if k in committed[s]} for s in sorted(committed)],
    }


@dataclass
class _Totals:
    """Counts and sums over the shards."""

    patents: int = 0
    dead: int = 0
    sums: list[float] = field(default_factory=list)
    currency: str = ""
    reasons: Counter[str] = field(default_factory=Counter)
    grades: Counter[str] = field(default_factory=Counter)


def _totals_of(folder: Folder, disk: BookOnDisk) -> _Totals:
    """Read the values file by file, never all at once."""
    totals = _Totals()
    for shard in range(disk.shards):
        try:
            table = pq.read_table(folder.part(shard), columns=["value", "reason", "grade", "currency"])
        except (OSError, pa.ArrowException) as error:
            raise BatchError(f"the values in {folder.path} are damaged: {error}; run again to replace them") from error
        reason, value = table["reason"], table["value"]
        dead, missing = pc.equal(reason, "dead_right"), pc.is_null(value)
        totals.patents += table.num_rows
        totals.dead += pc.sum(dead).as_py() or 0
        totals.sums.append(pc.sum(value).as_py() or 0.0)
        totals.currency = totals.currency or (table["currency"][0].as_py() if table.num_rows else "")
        totals.reasons.update(_counts(table.filter(missing)["reason"]))
        totals.grades.update(_counts(table.filter(pc.invert(pc.or_(dead, missing)))["grade"]))
    if totals.patents > disk.patents:
        raise ArtifactError(f"{folder.path} holds {totals.patents} rows for a book of {disk.patents} patents")
    return totals


def _stages(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Seconds by pass and stage, summed over the workers."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if line["event"] in _PASSES and "stages" in line:
            sums[_PASSES[line["event"]]].update(line["stages"])
    return {name: {stage: round(s, 6) for stage, s in stages.items()} for name, stages in sums.items()}


def _workers(lines: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Peak memory of each worker process other than the parent, by host and process."""
    peaks: dict[str, int] = {}
    parents = set()
    for line in lines:
        if line["event"] in ("begun", "resumed"):
            parents.add((line["host"], line["pid"]))
        elif line["event"] in _PASSES and "memory" in line and (line["host"], line["pid"]) not in parents:
            name = f"{line['host']}/{line['pid']}"
            peaks[name] = max(peaks.get(name, 0), line["memory"])
    return peaks


def _machine() -> dict[str, Any]:
    """Host, system, processor, cores and memory."""
    model, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.*)", info.read_text())
        model = found[1] if found else model
    names = getattr(os, "sysconf_names", {})
    pages = os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in names else 0
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": model,
        "cores": os.cpu_count(),
        "memory": pages * os.sysconf("SC_PAGE_SIZE") if pages else None,
    }


def _counts(column: Any) -> dict[str, int]:
    return {pair["values"]: pair["counts"] for pair in column.value_counts().to_pylist()}
