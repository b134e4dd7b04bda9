"""A batch killed at many random moments: what is lost, what is repeated, and whether the values are the same.

    python -m benchmarks.kill [moments] [patents] [seed]

Three kinds of moments, by ``tests/batch/killing.py``: SIGKILL of a batch in one process, again and again as it resumes
(80 %); of a parent whose workers live on while the next run begins (10 %); of one worker (10 %).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.report import publish
from tests.batch.killing import SHARDS, Bench, kill_parents, kill_worker

Strike = Callable[[Path, np.random.Generator], int]


def main(moments: int = 200, patents: int = 2_000, seed: int = 0) -> None:
    with tempfile.TemporaryDirectory() as name:
        bench = Bench.make(Path(name), patents)
        kinds: dict[str, tuple[float, Strike]] = {
            "the only process": (0.8, lambda values, random: kill_parents(bench, values, random, 4)),
            "a parent, its workers live on": (
                0.1,
                lambda values, random: kill_parents(bench, values, random, 2, workers=2),
            ),
            "a worker": (0.1, lambda values, random: kill_worker(bench, values, random)),
        }
        rows = [
            (kind, *strike_until(Path(name) / f"kind-{k}", round(share * moments), strike, seed + k))
            for k, (kind, (share, strike)) in enumerate(kinds.items())
        ]
    table = pd.DataFrame(rows, columns=["killed", "moments", "batches finished", "seconds"])
    notes = (
        f"{patents:,} patents in {SHARDS} shards; an undisturbed batch takes {bench.seconds:.2f} s in one process. "
        "After each kill and each batch the folder is judged: every part readable, no committed shard gone or changed, "
        "each shard committed once by the journal, every byte that of an undisturbed batch. A breach ends the run."
    )
    publish("Killed batches", f"python -m benchmarks.kill {moments} {patents} {seed}", table, notes)


def strike_until(folder: Path, moments: int, strike: Strike, seed: int) -> tuple[int, int, str]:
    """Kill at that many moments; every batch is judged when it has finished."""
    random, killed, batches = np.random.default_rng(seed), 0, 0
    started = time.perf_counter()
    with tqdm(total=moments) as bar:
        while killed < moments:
            struck = strike(folder / f"{batches}", random)
            killed, batches = killed + struck, batches + 1
            bar.update(struck)
    return killed, batches, f"{time.perf_counter() - started:.0f}"


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
