"""SIGKILL at 50 random moments of parents and workers, and the dataset is that of an undisturbed batch.

42 kills of a batch in one process, in runs of up to four, each kill striking the batch that resumes after the one
before; 4 of a parent whose workers live on while the next run resumes; 4 of a worker. benchmarks/kill.py takes 200.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from tests.batch.killing import Bench, kill_parents, kill_worker, worker_pids

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="workers are found in /proc"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.make(tmp_path_factory.mktemp("bench"))


def test_42_kills_of_a_batch_lose_nothing_and_repeat_no_committed_shard(bench: Bench, tmp_path: Path) -> None:
    random, killed, chain = np.random.default_rng(1), 0, 0
    while killed < 42:
        killed += kill_parents(bench, tmp_path / f"{chain}", random, min(4, 42 - killed))
        chain += 1
        assert chain < 40, "most batches ended before they were struck"


def test_4_kills_of_a_parent_whose_workers_live_on(bench: Bench, tmp_path: Path) -> None:
    """The next run begins at once, while workers of the killed one may still be committing."""
    random, killed, chain = np.random.default_rng(2), 0, 0
    while killed < 4:
        killed += kill_parents(bench, tmp_path / f"{chain}", random, min(2, 4 - killed), workers=2)
        chain += 1
        assert chain < 8


def test_4_kills_of_a_worker_are_retried(bench: Bench, tmp_path: Path) -> None:
    random, killed, batch = np.random.default_rng(3), 0, 0
    while killed < 4:
        killed += kill_worker(bench, tmp_path / f"{batch}", random)
        batch += 1
        assert batch < 20, "most batches ended before they were struck"


@pytest.mark.parametrize("working", [True, False])
def test_workers_end_soon_after_their_parent_is_killed(bench: Bench, tmp_path: Path, working: bool) -> None:
    """Killed while they work, or before the first task has come to them."""
    process = bench.start(tmp_path / "values", workers=2)
    deadline, workers = time.monotonic() + 60, []
    while time.monotonic() < deadline:
        workers = worker_pids(process.pid)
        if list((tmp_path / "values").glob("part-*")) or (len(workers) == 2 and not working):
            break
        time.sleep(0.005)
    assert workers
    process.kill()
    process.join()
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in workers)
    bench.finish(tmp_path / "values")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
