"""SIGKILL at a random moment, and the next run gives the dataset of an undisturbed one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv

DAY = "2023-12-31"
SHARDS = 10


@pytest.fixture(scope="module")
def job(
    book: ipv.Book, engine: ipv.ValuationEngine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes, float]:
    """Folder with book and engine, the undisturbed dataset as bytes, and how long it took."""
    folder = tmp_path_factory.mktemp("job")
    ipv.write_book(book, folder / "book", shards=SHARDS)
    engine.save(folder / "engine")
    started = time.monotonic()
    finish(folder, folder / "undisturbed")
    return folder, dataset(folder / "undisturbed"), time.monotonic() - started


def command(folder: Path, values: Path, workers: int = 1) -> list[str]:
    places = [str(folder / "book"), str(values), "--engine", str(folder / "engine")]
    return [sys.executable, "-m", "ipvalue", "revalue", *places, "--as-of", DAY, "--workers", str(workers)]


def finish(folder: Path, values: Path, workers: int = 1) -> str:
    run = subprocess.run(command(folder, values, workers), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def dataset(values: Path) -> bytes:
    """Every byte of every part, metadata included."""
    parts = sorted(values.glob("part-*.parquet"))
    assert len(parts) == SHARDS
    leftovers = [p.name for p in values.iterdir() if not p.name.startswith(("part-", "_run", "_report", "_lock"))]
    assert [n for n in leftovers if not n.endswith(".tmp")] == []
    return b"".join(p.read_bytes() for p in parts)


@pytest.mark.parametrize("moment", range(20))
def test_a_killed_batch_goes_on_to_the_same_dataset(
    job: tuple[Path, bytes, float], tmp_path: Path, moment: int
) -> None:
    folder, undisturbed, seconds = job
    values = tmp_path / "values"
    delay = np.random.default_rng(moment).uniform(0.2, 1.0) * seconds
    process = subprocess.Popen(
        command(folder, values), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    committed = {p.name: p.stat().st_mtime_ns for p in values.glob("part-*.parquet")} if values.exists() else {}
    for name in committed:
        pq.read_table(values / name)  # what is there is whole
    finish(folder, values)
    assert dataset(values) == undisturbed
    for name, stamp in committed.items():
        assert (values / name).stat().st_mtime_ns == stamp, "a committed shard was done again"


def test_a_killed_worker_is_replaced(job: tuple[Path, bytes, float], tmp_path: Path) -> None:
    """The worker that values a shard dies as by the out-of-memory killer; its shard is retried."""
    folder, undisturbed, _ = job
    marker = tmp_path / "died"
    code = (
        "import os, signal, sys\n"
        "import ipvalue as ipv\n"
        "from ipvalue.batch import local\n"
        "keep = local.value_shard\n"
        f"def dying(job, shard, whole):\n"
        f"    if shard == 4 and not os.path.exists({str(marker)!r}):\n"
        f"        open({str(marker)!r}, 'w').close()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return keep(job, shard, whole)\n"
        "def value_and_commit(job, folder, shard, whole):\n"
        "    folder.commit(shard, dying(job, shard, whole))\n"
        "local._value_and_commit = value_and_commit\n"
        f"print(ipv.revalue({str(folder / 'book')!r}, {str(tmp_path / 'values')!r}, "
        f"engine={str(folder / 'engine')!r}, as_of={DAY!r}, workers=2))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    assert marker.exists(), "no worker died"
    assert dataset(tmp_path / "values") == undisturbed


def test_dataset_read_by_other_tools_is_the_parts_alone(job: tuple[Path, bytes, float]) -> None:
    folder, _, _ = job
    table = pq.read_table(folder / "undisturbed")
    assert table.num_rows == sum(pq.read_metadata(p).num_rows for p in (folder / "undisturbed").glob("part-*"))
    assert pa.types.is_string(table.schema.field("patent_id").type)
