"""What is asked of a finished batch: explain one value, and attribute the change between two dates, from folders.

    python -m benchmarks.finished [sizes, comma-separated] [workers]

For each size a book is revalued on two dates with all methods; then five values are explained by reading one shard
each, and the change is attributed shard by shard without Shapley values. The exponent is the slope of log time between
neighbouring sizes. The peer in the same run is the batch itself.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import ipvalue as ipv
from benchmarks.batch import measured, write_engine
from benchmarks.books import DAY, write_copies
from benchmarks.report import publish

EARLIER = "2024-06-30"


def main(sizes: str = "12000,30000,100000,400000", workers: int = 2) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_engine(folder / "engine")
        for patents in [int(size) for size in sizes.split(",")]:
            book = write_copies(folder, patents, base=min(patents, 100_000), shard=min(25_000, max(patents // 4, 1)))
            rows.append(one(folder, book, patents, workers))
    table = pd.DataFrame(rows)
    seconds, patents = table["attribute, s"].to_numpy(), table["patents"].to_numpy()
    slope = np.diff(np.log(seconds)) / np.diff(np.log(patents)) if len(table) > 1 else np.zeros(0)
    table["exponent of attribute"] = ["", *(f"{each:.2f}" for each in slope)]
    notes = f"All methods; {workers} workers; explain: median and slowest of five values; attribute: shapley=False."
    publish("Finished batches", f"python -m benchmarks.finished {sizes} {workers}", table, notes)


def one(folder: Path, book: Path, patents: int, workers: int) -> dict[str, object]:
    """Times of one size."""
    values = {day: folder / f"values-{patents}-{day}" for day in (EARLIER, DAY)}
    batch = []
    for day, place in values.items():
        run = [sys.executable, "-m", "ipvalue", "revalue", str(book), str(place), "--as-of", day]
        batch.append(measured([*run, "--engine", str(folder / "engine"), "--workers", str(workers)])[0])
    frame = ipv.Valuation.from_parquet(values[DAY]).to_pandas()["value"]
    chosen = frame[frame > 0].sort_index().iloc[:: max(int((frame > 0).sum()) // 5, 1)].head(5)
    asked = []
    for patent, value in chosen.items():
        started = time.perf_counter()
        steps = ipv.explain(values[DAY], str(patent), book=book, engine=folder / "engine")
        asked.append(time.perf_counter() - started)
        assert steps["value"].iloc[-1] == value, f"{patent} is explained by another number"
    seconds, peak, residual = attributed(values, book, folder, workers)
    return {
        "patents": patents,
        "revalue, s": round(float(np.median(batch)), 1),
        "explain, s": f"{np.median(asked):.2f} ({max(asked):.2f})",
        "attribute, s": round(seconds, 1),
        "residual, cents": residual,
        "all processes, GB": round(peak, 2),
    }


def attributed(values: dict[str, Path], book: Path, folder: Path, workers: int) -> tuple[float, float, int]:
    """Time and peak memory of an attribution in a process of its own, and its residual in cents."""
    code = f"""
import ipvalue as ipv
books, engines = ({str(book)!r},) * 2, ({str(folder / "engine")!r},) * 2
change = ipv.attribute({str(values[EARLIER])!r}, {str(values[DAY])!r}, books=books, engines=engines, shapley=False,
                       workers={workers})
open({str(folder / "residual")!r}, "w").write(str(change.residual()))
"""
    seconds, peak = measured([sys.executable, "-c", code])
    return seconds, peak, int((folder / "residual").read_text())


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((str, int), sys.argv[1:])))
