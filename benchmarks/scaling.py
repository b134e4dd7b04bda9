"""How a batch grows: time, memory and stages of ``revalue`` by the size of the book, at a fixed shard size, with peers.

    python -m benchmarks.scaling [sizes, default 10000,100000,400000,4000000] [workers, default 2] [folder]

All methods and all feature families. Books above 100,000 patents are copies with identifiers of their own
(:mod:`books`). In a folder that is named, books, engine and measurements stay: a book that is there is not made again,
and the tables hold every size that was measured there at this commit, so that sizes may be run one by one. The tables
are published after each size; a run that is killed leaves what it has.

Memory is what the batch's own manifest says of its parent and its largest worker (peak resident memory), and the peak
of all processes together as seen from outside (proportional set size). Stages are those of the manifest, summed over
the workers. Peers in the same run: the intangible-valuation package's loop for one relief-from-royalty value a patent,
pandas counting citations by cited patent, and the machine's limits: reading the book's files alone, and copying memory.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.batch import command, measured, memory_copy, package_loop, parquet_read, write_engine
from benchmarks.books import write_copies
from benchmarks.report import commit, publish

SIZES = "10000,100000,400000,4000000"
MOST_GROUPED = 40  # shards whose citations pandas groups; more would need the memory of the batch many times over
MEMORY = {"parent": "parent", "worker": "largest worker", "peak": "all processes"}
PASSES = ("statistics", "values")
Found = dict[int, dict[str, Any]]


def main(sizes: str = SIZES, workers: int = 2, folder: str | None = None) -> None:
    wanted = sorted(int(size) for size in sizes.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        room = Path(folder or temporary)
        room.mkdir(parents=True, exist_ok=True)
        engine = room / "engine"
        if not engine.exists():
            write_engine(room / "draft")
            (room / "draft").rename(engine)  # whole, or not there
        record = room / f"scaling-{workers}-{commit()}.json"
        for size in wanted:
            measurement = measure(room, size, workers, keep=folder is not None)
            found = read(record) | {size: measurement}
            record.write_text(json.dumps(found, indent=1))
            publish_all(dict(sorted(found.items())), f"python -m benchmarks.scaling {sizes} {workers}", workers)


def read(record: Path) -> Found:
    """Measurements of earlier runs in this folder, by size."""
    return {int(size): found for size, found in json.loads(record.read_text()).items()} if record.exists() else {}


def measure(room: Path, size: int, workers: int, *, keep: bool) -> dict[str, Any]:
    """Revalue a book of the size in a fresh process, and what peers need for it."""
    book, values = write_copies(room, size), room / "values"
    shutil.rmtree(values, ignore_errors=True)  # of a run that was killed
    seconds, peak = measured(command(room, book.name, values.name, workers))
    manifest = json.loads((values / "_manifest.json").read_text())
    report, rows = manifest["report"], manifest["rows"]
    shutil.rmtree(values)
    found = {
        "seconds": seconds,
        "rows": {name: rows.get(name, 0) for name in ("citations", "claims", "legal_events")},
        "passes": report["seconds"],
        "stages": report["stages"],
        "parent": report["peak_memory"]["parent"] / 1e9,
        "worker": report["peak_memory"]["largest_worker"] / 1e9,
        "peak": peak,
        "read": parquet_read(book),
        "groupby": grouped(book),
        "loop": package_loop(size),
        "copy": memory_copy(),
    }
    if not keep and not book.name.startswith("base"):
        shutil.rmtree(book)
    return found


def grouped(book: Path) -> float:
    """Time in which pandas counts the citations of each cited patent, reading not included."""
    files = sorted(book.glob("shard-*/citations.parquet"))
    some = files[:MOST_GROUPED]
    cited = pa.concat_tables([pq.read_table(file, columns=["cited_id"], partitioning=None) for file in some])
    frame = cited.to_pandas()
    started = time.perf_counter()
    frame.groupby("cited_id").size()
    return (time.perf_counter() - started) / len(some) * len(files)


def publish_all(found: Found, told: str, workers: int) -> None:
    """Publish every table of what is known so far."""
    shape = f"25,000 patents a shard, {workers} workers, all methods, all feature families."
    publish("Batch: growth", told, growth(found), f"{shape} Start of Python included. {exponent(found)}")
    publish("Batch: memory", told, memory(found), f"{shape} {slopes(found)}")
    publish("Batch: stages", told, stages(found), f"{shape} Shares of the time of all workers and the parent.")
    scaled = f"scaled from {MOST_GROUPED} shards where there are more"
    notes = f"{shape} The loop is scaled from 2,000 patents; the citations are counted in memory, {scaled}."
    publish("Batch: peers by size", told, peers(found), notes)


def by_size(found: Found, columns: dict[str, Callable[[int, dict[str, Any]], str]]) -> pd.DataFrame:
    """One row a size."""
    rows = [[f"{size:,}", *(show(size, each) for show in columns.values())] for size, each in found.items()]
    return pd.DataFrame(rows, columns=["patents", *columns])


def growth(found: Found) -> pd.DataFrame:
    """Time and rate by size."""
    return by_size(
        found,
        {
            "citations, claims, legal events": lambda _, m: ", ".join(f"{n:,}" for n in m["rows"].values()),
            "time": lambda _, m: f"{m['seconds']:.1f} s",
            "patents a second": lambda size, m: f"{size / m['seconds']:,.0f}",
            **{f"of it {name}": _seconds_of(name) for name in PASSES},
        },
    )


def _seconds_of(name: str) -> Callable[[int, dict[str, Any]], str]:
    return lambda _, m: f"{m['passes'].get(name, 0.0):.1f} s"


def exponent(found: Found) -> str:
    """Slope of log time on log patents, from the first size that is no start of Python alone."""
    large = [size for size in found if size >= 100_000]
    if len(large) < 2:
        return ""
    first, last = large[0], large[-1]
    slope = np.log(found[last]["seconds"] / found[first]["seconds"]) / np.log(last / first)
    return f"Exponent of time from {first:,} to {last:,}: {slope:.2f}."


def memory(found: Found) -> pd.DataFrame:
    """Peak memory by size."""
    return by_size(found, {label: _gigabytes(name) for name, label in MEMORY.items()})


def _gigabytes(name: str) -> Callable[[int, dict[str, Any]], str]:
    return lambda _, m: f"{m[name]:.2f} GB"


def slopes(found: Found) -> str:
    """Memory of each kind of process as a line of the number of patents."""
    if len(found) < 2:
        return ""
    millions = np.array(list(found)) / 1e6
    parts = []
    for name, label in MEMORY.items():
        slope, intercept = np.polyfit(millions, [each[name] for each in found.values()], 1)
        parts.append(f"{label} {intercept:.2f} GB and {slope:.2f} GB a million patents")
    return f"Least squares over the {len(found)} sizes: {'; '.join(parts)}."


def stages(found: Found) -> pd.DataFrame:
    """Share of each stage in all stages' time, a column a size, the largest first."""
    shares = {}
    for size, each in found.items():
        spent = {f"{name}: {stage}": s for name, stages in each["stages"].items() for stage, s in stages.items()}
        shares[f"{size:,}"] = pd.Series(spent) / sum(spent.values())
    table = pd.DataFrame(shares).fillna(0.0)
    table = table.sort_values(table.columns[-1], ascending=False, kind="stable")
    return table.map(lambda share: f"{share:.1%}").rename_axis("stage").reset_index()


def peers(found: Found) -> pd.DataFrame:
    """What others take, beside the whole batch."""
    return by_size(
        found,
        {
            "revalue": lambda _, m: f"{m['seconds']:.1f} s",
            "intangible-valuation loop, one value": lambda _, m: f"{m['loop']:.1f} s" if m["loop"] else "not installed",
            "pandas, citations by cited patent": lambda _, m: f"{m['groupby']:.2f} s",
            "reading the files alone": lambda _, m: f"{m['read']:.1f} s",
            "revalue over reading": lambda _, m: f"{m['seconds'] / m['read']:.0f}",
            "copying memory": lambda _, m: f"{m['copy']:.1f} GB/s",
        },
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    given = sys.argv[1:]
    main(*given[:1], *(int(a) for a in given[1:2]), *given[2:3])
