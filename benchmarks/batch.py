"""A batch end to end: a synthetic book on disk through ``revalue``, its time, stages and peak memory.

    python -m benchmarks.batch [patents] [workers]

All methods and all feature families, from Parquet to Parquet, each run a fresh process. Then what a later run costs:
the same book and date with other figures (features kept), and the same book with some patents changed.

Peers in the same run: the intangible-valuation package's loop for one relief-from-royalty value a patent, a Python
loop for the same, and the machine's limits: reading the book's files and writing the values' alone, copying memory.
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
from benchmarks.books import DAY
from benchmarks.report import publish
from ipvalue.methods.base import available

SHARD = 25_000


def main(patents: int = 400_000, workers: int = 2) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generated, rows = prepare(folder, patents)
        found = [measured(command(folder, "book", f"values{k}", workers)) for k in range(3)]
        times, peaks = [each[0] for each in found], [each[1] for each in found]
        middle = float(np.median(times))
        filled, _ = measured(command(folder, "book", "first", workers, "--keep", str(folder / "keep")))
        again, _ = measured(command(folder, "book", "again", workers, "--keep", str(folder / "keep")))
        curves, _ = measured(command(folder, "book", "curves", workers, "--keep", str(folder / "keep"), engine="other"))
        back, _ = measured(command(folder, "book", "back", workers, "--keep", str(folder / "keep")))
        change(folder, patents)
        some, _ = measured(command(folder, "changed", "some", workers, "--keep", str(folder / "keep")))
        limit, copy = parquet_alone(folder), memory_copy()
        loop, package = scalar_loop(patents), package_loop(patents)

        def line(what: str, seconds: float, digits: int = 1) -> tuple[str, str, str]:
            return what, f"{seconds:.{digits}f} s", f"{seconds / middle:.2f}"

        table = pd.DataFrame(
            [
                line("revalue, median of 3, start of Python included", middle),
                line("slowest of 3", max(times)),
                ("peak memory of all processes (proportional set size)", f"{max(peaks):.2f} GB", ""),
                line("the same, keeping features and values for the next run", filled),
                line("next run, nothing changed", again),
                line("next run, other figures and curves: features kept, all values anew", curves),
                line("next run, back to the first figures", back),
                line("next run, 40 patents' events and 40 citations changed", some),
                line("reading the book and writing the values alone", limit),
                ("copying memory", f"{copy:.1f} GB/s", ""),
                line("Python loop, one relief-from-royalty value a patent", loop),
                *(
                    [line("intangible-valuation loop, one relief-from-royalty value a patent", package)]
                    if package
                    else []
                ),
                line("generating, validating and writing the book (before)", generated),
            ],
            columns=["what", "measured", "over revalue"],
        )
        notes = f"{patents:,} patents, {rows}; {SHARD:,} a shard, {workers} workers; all methods, all feature families."
        publish("Batch", f"python -m benchmarks.batch {patents} {workers}", table, notes)


def command(folder: Path, book: str, values: str, workers: int, *more: str, engine: str = "engine") -> list[str]:
    """One revaluation as a process of its own."""
    run = [sys.executable, "-m", "ipvalue", "revalue", str(folder / book), str(folder / values)]
    return [*run, "--as-of", DAY, "--engine", str(folder / engine), "--workers", str(workers), *more]


def prepare(folder: Path, patents: int) -> tuple[float, str]:
    """Write a book, and two engines that differ in one figure."""
    started = time.perf_counter()
    book = ipv.synthetic_book(patents, seed=7, until=DAY)
    ipv.write_book(book, folder / "book", shards=max(patents // SHARD, 1))
    seconds = time.perf_counter() - started
    write_engine(folder / "engine")
    assumed = ipv.Assumptions.default("CN")
    rate = assumed.risk_free_rate.model_copy(update={"value": assumed.risk_free_rate.value + 0.01})
    write_engine(folder / "other", assumed.model_copy(update={"risk_free_rate": rate}))
    counts = (f"{book[name].num_rows:,} {name.replace('_', ' ')}" for name in ("citations", "claims", "legal_events"))
    return seconds, ", ".join(counts)


def write_engine(folder: Path, assumptions: ipv.Assumptions | None = None) -> None:
    """All methods, fitted on 20,000 patents."""
    methods = [kind() for kind in available().values()]
    teacher = ipv.synthetic_book(20_000, seed=8, until=DAY)
    ipv.ValuationEngine(methods, assumptions).fit(teacher, as_of=DAY).save(folder)


def change(folder: Path, patents: int) -> None:
    """The book a night later: 40 legal events have come, and 40 citations."""
    book = ipv.read_book(folder / "book")
    tables = {name: table.to_pandas() for name, table in book.tables.items() if name in ("legal_events", "citations")}
    random = np.random.default_rng(1)
    ids = np.array(book.patent_ids, object)
    for name, column in (("legal_events", "patent_id"), ("citations", "cited_id")):
        more = tables[name].iloc[random.integers(0, len(tables[name]), 40)].copy()
        more[column] = ids[random.integers(0, len(ids), 40)]
        tables[name] = pd.concat([tables[name], more], ignore_index=True)
    ipv.write_book(ipv.Book(**{**book.tables, **tables}), folder / "changed", shards=max(patents // SHARD, 1))


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


def parquet_read(book: Path) -> float:
    """Read all files of a book, in one process."""
    started = time.perf_counter()
    for file in sorted(book.rglob("*.parquet")):
        pq.read_table(file, partitioning=None)
    return time.perf_counter() - started


def parquet_alone(folder: Path) -> float:
    """Read all files of the book and write the values again, in one process."""
    seconds = parquet_read(folder / "book")
    started = time.perf_counter()
    for file in sorted((folder / "values0").glob("part-*.parquet")):
        pq.write_table(pq.read_table(file, partitioning=None), folder / "copy.parquet", compression="zstd")
    return seconds + time.perf_counter() - started


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


def package_loop(patents: int, sample: int = 2_000) -> float | None:
    """Time of a loop over the intangible-valuation package's relief from royalty, scaled from 2,000 patents."""
    try:
        from intangible_valuation.income_methods.relief_from_royalty import relief_from_royalty
    except ImportError:
        return None
    random = np.random.default_rng(0)
    revenue = random.uniform(1e5, 1e7, sample).tolist()
    started = time.perf_counter()
    for each in revenue:
        relief_from_royalty([each] * 15, 0.05, 0.13, 0.25, 15)
    return (time.perf_counter() - started) / sample * patents


def memory_copy() -> float:
    """Rate at which the machine copies memory, in GB/s, the better of three."""
    source = np.ones(50_000_000)
    target = np.empty_like(source)
    rates = []
    for _ in range(3):
        started = time.perf_counter()
        np.copyto(target, source)
        rates.append(2 * source.nbytes / (time.perf_counter() - started) / 1e9)
    return max(rates)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(*(int(a) for a in sys.argv[1:]))
