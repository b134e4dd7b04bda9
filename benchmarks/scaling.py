"""How a batch grows: time and peak memory of ``revalue`` from 10,000 patents up, at a fixed shard size.

    python benchmarks/scaling.py [largest, default 4000000] [workers]

All methods and all feature families. Books above 100,000 patents are copies with identifiers of their own
(:mod:`books`). The exponent is the slope of log time on log patents between the first size of at least 100,000 and the
largest; the stages are those that the batch's own manifest names.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from batch import command, measured, parquet_read, write_engine
from books import write_copies
from report import publish

SIZES = (10_000, 100_000, 400_000, 4_000_000, 10_000_000)


def main(largest: int = 4_000_000, workers: int = 2) -> None:
    sizes = [size for size in SIZES if size <= largest]
    rows, times, peaks, stages = [], {}, {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_engine(folder / "engine")
        for size in sizes:
            book = write_copies(folder, size)
            seconds, peak = measured(command(folder, book.name, "values", workers))
            times[size], peaks[size] = seconds, peak
            read = parquet_read(book)
            stages[size] = json.loads((folder / "values" / "_manifest.json").read_text())["report"]["seconds"]
            shutil.rmtree(folder / "values")
            if not book.name.startswith("base"):
                shutil.rmtree(book)
            rate = f"{size / seconds:,.0f}"
            rows.append((f"{size:,}", f"{seconds:.1f} s", rate, f"{peak:.2f} GB", f"{read:.1f} s"))
            print(*rows[-1], stages[size], flush=True)
    columns = ["patents", "time", "patents a second", "peak memory", "reading the files alone"]
    large = [size for size in sizes if size >= 100_000]
    notes = f"25,000 patents a shard, {workers} workers, all methods, all feature families, start of Python included. "
    if len(large) > 1:
        first, last = large[0], large[-1]
        slope = np.log(times[last] / times[first]) / np.log(last / first)
        notes += f"Exponent of time from {first:,} to {last:,}: {slope:.2f}. "
    if {400_000, 4_000_000} <= set(sizes):
        notes += f"Peak memory at 4,000,000 over that at 400,000: {peaks[4_000_000] / peaks[400_000]:.2f}. "
    shares = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages[sizes[-1]].items())
    notes += f"Passes of the largest: {shares}."
    publish(
        "Batch: growth", f"python benchmarks/scaling.py {largest} {workers}", pd.DataFrame(rows, columns=columns), notes
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(*(int(a) for a in sys.argv[1:]))
