"""A batch end to end: a synthetic book on disk through ``revalue``, its time, stages and peak memory.

    python benchmarks/batch.py [patents] [workers] [shards]

Peers in the same run: reading the book's files and writing the values' alone (the limit that Parquet sets), and a
Python loop over patents for one relief-from-royalty value each (what a scalar library costs).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

import ipvalue as ipv
from report import publish

DAY = "2024-12-31"


def main(patents: int = 400_000, workers: int = 2, shards: int = 16) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generated, rows = prepare(folder, patents, shards)
        command = [sys.executable, "-m", "ipvalue", "revalue", str(folder / "book"), str(folder / "values")]
        command += ["--as-of", DAY, "--engine", str(folder / "engine"), "--workers", str(workers)]
        times, peaks = [], []
        for run in range(3):
            if run:
                subprocess.run(["rm", "-rf", str(folder / "values")], check=True)
            seconds, peak = measured(command)
            times.append(seconds)
            peaks.append(peak)
        limit = parquet_alone(folder)
        loop = scalar_loop(patents)
        middle = float(np.median(times))
        table = pd.DataFrame(
            [
                ("revalue, median of 3, start of Python included", f"{middle:.1f} s", "1"),
                ("slowest of 3", f"{max(times):.1f} s", f"{max(times) / middle:.2f}"),
                ("peak memory of all processes (proportional set size)", f"{max(peaks):.2f} GB", ""),
                ("reading the book and writing the values alone", f"{limit:.1f} s", f"{limit / middle:.2f}"),
                ("Python loop, one relief-from-royalty value a patent", f"{loop:.1f} s", f"{loop / middle:.2f}"),
                ("generating, validating and writing the book (before)", f"{generated:.1f} s", ""),
            ],
            columns=["what", "measured", "over revalue"],
        )
        notes = f"{patents:,} patents, {rows}; {shards} shards, {workers} workers; three methods, all feature families."
        publish("Batch", f"python benchmarks/batch.py {patents} {workers} {shards}", table, notes)


def prepare(folder: Path, patents: int, shards: int) -> tuple[float, str]:
    """Write a book and an engine."""
    started = time.perf_counter()
    book = ipv.synthetic_book(patents, seed=7, until=DAY)
    ipv.write_book(book, folder / "book", shards=shards)
    seconds = time.perf_counter() - started
    ipv.ValuationEngine().fit(ipv.synthetic_book(20_000, seed=8, until=DAY), as_of=DAY).save(folder / "engine")
    counts = (f"{book[name].num_rows:,} {name.replace('_', ' ')}" for name in ("citations", "claims", "legal_events"))
    return seconds, ", ".join(counts)


def measured(command: list[str]) -> tuple[float, float]:
    """Wall time of a command and peak memory of it and its children, in GB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak, done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.2):
            peak = max(peak, memory_of_tree(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"revalue failed with {code}")
    return time.perf_counter() - started, peak


def memory_of_tree(root: int) -> float:
    """Proportional set size of a process and all its descendants, in GB."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    family = {root}
    for _ in range(6):
        family |= {child for child, parent in parents.items() if parent in family}
    total = 0
    for pid in family:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1e6


def parquet_alone(folder: Path) -> float:
    """Read all files of the book and write the values again, in one process."""
    started = time.perf_counter()
    for file in sorted((folder / "book").rglob("*.parquet")):
        pq.read_table(file, partitioning=None)
    for file in sorted((folder / "values").glob("part-*.parquet")):
        pq.write_table(pq.read_table(file, partitioning=None), folder / "copy.parquet", compression="zstd")
    return time.perf_counter() - started


def scalar_loop(patents: int) -> float:
    """Time of a loop over patents and years in plain Python, scaled from 2,000 patents."""
    random = np.random.default_rng(0)
    cases = list(zip(random.uniform(1e5, 1e7, 2000).tolist(), random.uniform(1, 15, 2000).tolist()))
    started = time.perf_counter()
    for revenue, years in cases:
        value, year = 0.0, 0
        while year < years:
            part = min(1.0, years - year)
            value += revenue * 0.25 * 0.043 * 0.75 * part * 0.9**year / 1.13 ** (year + part / 2)
            year += 1
    return (time.perf_counter() - started) / 2000 * patents


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(*(int(a) for a in sys.argv[1:]))
