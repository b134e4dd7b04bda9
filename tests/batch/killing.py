"""Batches that are killed at random moments, and what must be true of the folder afterwards.

``benchmarks/kill.py`` does the same at more moments. Processes are forked from a server that has imported everything,
so that a killed batch costs no start of Python.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import ipvalue as ipv
from ipvalue.batch.local import revalue

DAY = "2023-12-31"
SHARDS = 6


def warm_server() -> ForkServerContext:
    """Processes that are forked from it have imported what a batch needs, and computed nothing."""
    context = multiprocessing.get_context("forkserver")
    families = [f"ipvalue.features.{p.stem}" for p in (Path(ipv.__file__).parent / "features").glob("[a-z]*.py")]
    context.set_forkserver_preload(
        ["tests.batch.killing", "ipvalue.batch.local", "ipvalue.explanation", "pandas", "pyarrow.dataset", *families]
    )
    return context


def run(arguments: dict[str, Any]) -> None:
    """What a process that may be killed does; it ends at once, without waiting for its idle workers."""
    code = 1
    try:
        revalue(**arguments)
        code = 0
    finally:
        os._exit(code)


@dataclass
class Bench:
    """A book, an engine, and the dataset of a batch that nobody disturbed."""

    folder: Path
    server: ForkServerContext
    undisturbed: bytes
    seconds: float
    parallel_seconds: float

    @classmethod
    def make(cls, folder: Path, patents: int = 240) -> Bench:
        book = ipv.synthetic_book(patents, seed=7)
        ipv.write_book(book, folder / "book", shards=SHARDS)
        methods = [ipv.ReliefFromRoyalty(), ipv.ReplacementCost()]
        ipv.ValuationEngine(methods).fit(book, as_of=DAY).save(folder / "engine")
        bench = cls(folder, warm_server(), b"", 0.0, 0.0)
        for _ in range(2):  # the first one starts the server
            started = time.monotonic()
            bench.finish(folder / "undisturbed")
            bench.undisturbed, bench.seconds = dataset(folder / "undisturbed"), time.monotonic() - started
            shutil.rmtree(folder / "undisturbed")
        started = time.monotonic()
        bench.finish(folder / "parallel", workers=2)
        bench.parallel_seconds = time.monotonic() - started
        assert dataset(folder / "parallel") == bench.undisturbed
        return bench

    def arguments(self, values: Path, workers: int = 1) -> dict[str, Any]:
        places = {"book": str(self.folder / "book"), "values": str(values), "engine": str(self.folder / "engine")}
        return {**places, "as_of": DAY, "workers": workers, "progress": False}

    def start(self, values: Path, workers: int = 1) -> Any:
        process = self.server.Process(target=run, args=(self.arguments(values, workers),))
        process.start()
        return process

    def finish(self, values: Path, workers: int = 1) -> None:
        process = self.start(values, workers)
        process.join(120)
        assert process.exitcode == 0, f"the batch ended with {process.exitcode}"

    def kill_parent(self, values: Path, delay: float, workers: int = 1) -> bool:
        """Kill a batch's process, and no other, after a delay; False where it had finished by then."""
        process = self.start(values, workers)
        process.join(delay)
        if process.exitcode is None:
            process.kill()
        process.join()
        return bool(process.exitcode == -signal.SIGKILL)


def kill_parents(bench: Bench, values: Path, random: np.random.Generator, kills: int, workers: int = 1) -> int:
    """Kill one batch again and again as it resumes, then let it finish; judge the folder after each kill."""
    seconds = bench.seconds if workers == 1 else bench.parallel_seconds
    stamps: dict[str, int] = {}
    done = 0
    for _ in range(kills):
        left = 1.0 - 0.6 * len(stamps) / SHARDS  # of the time: a batch that resumes has less to do
        struck = bench.kill_parent(values, random.uniform(0.05, 0.9) * left * seconds, workers)
        stamps = judge_killed(values, stamps)
        if not struck:
            break
        done += 1
    bench.finish(values)
    judge_finished(bench, values, stamps)
    return done


def kill_worker(bench: Bench, values: Path, random: np.random.Generator) -> int:
    """Kill one worker at a random moment of a batch in this process; the batch must finish all the same."""
    delay = random.uniform(0.0, 0.6) * bench.seconds  # warm workers are quick; fresh ones are waited for
    killed: list[int] = []
    over = threading.Event()

    def strike() -> None:
        over.wait(delay)
        while not over.is_set() and not killed:
            workers = worker_pids(os.getpid())
            if workers:
                victim = int(random.choice(workers))
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)
            over.wait(0.01)

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        report = revalue(**bench.arguments(values, workers=2))
    finally:
        over.set()
        thread.join()
    judge_finished(bench, values, {})
    assert report.retried <= len(killed)
    return len(killed)


def worker_pids(parent: int) -> list[int]:
    """Processes of joblib that a process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                of = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                line = (entry / "cmdline").read_bytes()
            except (OSError, IndexError, ValueError):
                continue
            if of == parent and b"popen_loky_posix" in line:
                found.append(int(entry.name))
    return sorted(found)


def judge_killed(values: Path, stamps: dict[str, int]) -> dict[str, int]:
    """What is there is whole, and what was there is there still; the time of change of every committed shard."""
    now = {p.name: p.stat().st_mtime_ns for p in values.glob("part-*.parquet")} if values.exists() else {}
    assert {name: now.get(name) for name in stamps} == stamps, "a committed shard was lost or made again"
    for name in now:
        pq.read_table(values / name, partitioning=None)
    return now


def judge_finished(bench: Bench, values: Path, stamps: dict[str, int]) -> None:
    """The dataset is that of an undisturbed batch, byte for byte, and the journal has each shard once."""
    judge_killed(values, stamps)
    assert dataset(values) == bench.undisturbed
    lines = [json.loads(line) for line in (values / "_journal.jsonl").read_text().splitlines()]
    assert Counter(line["shard"] for line in lines if line["event"] == "committed") == dict.fromkeys(range(SHARDS), 1)
    assert not [line for line in lines if line["event"] in ("lost", "failed", "discarded")]
    assert lines[-1]["event"] == "finished"


def dataset(values: Path) -> bytes:
    """Every byte of every part and of the statistics, metadata included; nothing else is left but the run's records."""
    parts = sorted(values.glob("part-*.parquet"))
    own = {"_run.json", "_journal.jsonl", "_manifest.json", "_lock", "_commit", "_statistics"}
    assert {p.name for p in values.iterdir()} == {p.name for p in parts} | own
    assert len(parts) == SHARDS
    statistics = sorted((values / "_statistics").iterdir())
    assert {p.name for p in statistics} == {"counts.arrays", *(f"graph-{k:05d}.arrays" for k in range(SHARDS))}
    return b"".join(p.read_bytes() for p in [*parts, *statistics])
