"""Nights of random changes: a revaluation that reuses what the last one kept, against a full one, bit for bit.

    python -m benchmarks.incremental [nights] [patents] [shards]

Each night one to three things happen to the book (the changes of tests/batch: events, citations, claims and patents
come and go, owners, revenues, exchange rates, fees in a currency, price indices and curves move, or nothing at all).
Every fifth night has a valuation date of its own, every seventh other figures. All methods; both runs in this process,
in turns.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import ipvalue as ipv
from benchmarks.batch import write_engine
from benchmarks.report import publish
from tests.batch import changes

DAY = "2023-12-31"
SEED = 20
Night = tuple[list[str], bool, float, float]


def main(nights: int = 200, patents: int = 2_000, shards: int = 4) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engines = prepare(folder)
        found = run(folder, engines, ipv.synthetic_book(patents, seed=5), nights, shards)
    notes = (
        f"{nights} nights, {patents:,} patents in {shards} shards, all methods, seed {SEED}. A night counts under each "
        "thing that happened in it. Equal: every column of every patent, metadata included, and every bit of a number."
    )
    publish("Batch: nights", f"python -m benchmarks.incremental {nights} {patents} {shards}", table(found), notes)
    if not all(equal for _, equal, _, _ in found):
        raise SystemExit("an incremental run differs from the full one")


def prepare(folder: Path) -> list[ipv.ValuationEngine]:
    """Two engines that differ in one figure; the first night and its like fill the keep."""
    write_engine(folder / "engine")
    assumed = ipv.Assumptions.default("CN")
    rate = assumed.risk_free_rate.model_copy(update={"value": assumed.risk_free_rate.value + 0.01})
    write_engine(folder / "other", assumed.model_copy(update={"risk_free_rate": rate}))
    return [ipv.ValuationEngine.load(folder / name) for name in ("engine", "other")]


def run(folder: Path, engines: list[ipv.ValuationEngine], book: ipv.Book, nights: int, shards: int) -> list[Night]:
    """What happened in each night, whether both runs agree, and the time of each."""
    random = np.random.default_rng(SEED)
    seconds(folder, book, shards, engines[0], DAY, "kept")  # the run before the first night
    found = []
    for night in range(1, nights + 1):
        book, what = changes.changed(book, random)
        other_day, other_figures = night % 5 == 4, night % 7 == 6
        day = changes.DAYS[int(random.integers(len(changes.DAYS)))] if other_day else DAY
        engine = engines[int(other_figures)]
        what += ["another date"] * (day != DAY) + ["other figures"] * other_figures
        order = ("kept", "full") if night % 2 else ("full", "kept")
        took = {kind: seconds(folder, book, shards, engine, day, kind) for kind in order}
        found.append((what, same(folder / "values-kept", folder / "values-full"), took["kept"], took["full"]))
        print(night, what, *found[-1][1:], flush=True)
    return found


def seconds(folder: Path, book: ipv.Book, shards: int, engine: ipv.ValuationEngine, day: str, kind: str) -> float:
    """Time of one revaluation; what it made stays until the next of its kind."""
    for name in ("book", f"values-{kind}"):
        shutil.rmtree(folder / name, ignore_errors=True)
    ipv.write_book(book, folder / "book", shards=shards)
    options = {"keep": folder / "keep"} if kind == "kept" else {}
    started = time.perf_counter()
    ipv.revalue(folder / "book", folder / f"values-{kind}", engine=engine, as_of=day, progress=False, **options)
    return time.perf_counter() - started


def same(one: Path, two: Path) -> bool:
    """Whether two folders hold the same values, bit for bit, in the same parts."""
    names = [[part.name for part in sorted(folder.glob("part-*.parquet"))] for folder in (one, two)]
    if names[0] != names[1] or not names[0]:
        return False
    return all(
        bits(pq.read_table(one / name, partitioning=None)).equals(
            bits(pq.read_table(two / name, partitioning=None)), check_metadata=True
        )
        for name in names[0]
    )


def bits(values: pa.Table) -> pa.Table:
    """The table with numbers as integers of the same bits, so that 0 is not -0 and a NaN equals itself."""
    for k, field in enumerate(values.schema):
        if pa.types.is_float64(field.type):
            column = values.column(k).combine_chunks()
            chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
            values = values.set_column(
                k, field.name, pa.chunked_array([c.view(pa.int64()) for c in chunks], pa.int64())
            )
    return values


def table(found: list[Night]) -> pd.DataFrame:
    """Nights and times by what happened."""
    groups: dict[str, list[Night]] = defaultdict(list)
    for night in found:
        for what in night[0]:
            groups[what.replace("_", " ")].append(night)
    rows = [line(what, groups[what]) for what in sorted(groups)]
    columns = ["what happened", "nights", "equal to the full run", "kept, median", "full, median", "kept over full"]
    return pd.DataFrame([line("all nights", found), *rows], columns=columns)


def line(what: str, nights: list[Night]) -> tuple[str, int, int, str, str, str]:
    kept, full = (np.array([night[k] for night in nights]) for k in (2, 3))
    ratio = kept.sum() / full.sum()
    return (
        what,
        len(nights),
        sum(night[1] for night in nights),
        f"{np.median(kept):.2f} s",
        f"{np.median(full):.2f} s",
        f"{ratio:.2f}",
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(*(int(a) for a in sys.argv[1:]))
