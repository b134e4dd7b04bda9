"""A Dask cluster of worker processes gives the bytes of the local batch, also when a worker is killed midway."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster

import ipvalue as ipv
from ipvalue.batch import dask as batch_dask
from ipvalue.batch import local
from ipvalue.batch.plan import Folder
from ipvalue.errors import ArtifactError, BatchError, MissingExtraError


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two worker processes, each replaced by its nurse when it dies; one death of a task is too many for a second."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def revalue(reference: Any, values: Path, client: Client, **options: Any) -> ipv.batch.BatchReport:
    return batch_dask.revalue(
        reference.book, values, engine=reference.engine, as_of=reference.day, client=client, progress=False, **options
    )


def kill_after_first_part(values: Path, victim: int, seen: list[int]) -> None:
    """Kill a process as soon as the first shard is committed; note how many there were."""
    until = time.monotonic() + 60
    while time.monotonic() < until and not (seen and seen[0]):
        seen[:] = [len(list(values.glob("part-*.parquet")))]
        time.sleep(0.002)
    os.kill(victim, signal.SIGKILL)


@pytest.mark.slow
def test_a_worker_killed_midway_changes_no_byte(
    reference: Any,
    client: Client,
    every_byte: Callable[[Path], bytes],
    journal: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    before = set(client.run(os.getpid).values())
    assert len(before) == 2
    assert os.getpid() not in before
    values, seen = tmp_path / "values", []
    killer = threading.Thread(target=kill_after_first_part, args=(values, min(before), seen))
    killer.start()
    report = revalue(reference, values, client)
    killer.join()
    assert 0 < seen[0] < reference.shards, "the worker was not killed midway"
    assert every_byte(values) == reference.values
    assert (report.shards, report.resumed) == (reference.shards, 0)
    client.wait_for_workers(2, timeout=30)
    assert min(before) not in client.run(os.getpid).values()
    # the shard that it was at, if it was at one, and perhaps some whose result was lost with it
    again = journal(values, "repeated")
    assert len(again) == report.retried
    assert all((line["label"], line["attempt"]) == ("valuing", 2) for line in again)
    assert all(line["pid"] not in (min(before), None) for line in again)


def test_one_client_fills_two_folders_with_one_run_and_keeps_it_for_the_next(
    reference: Any, client: Client, every_byte: Callable[[Path], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a relative folder is the one of this process, wherever a worker lives
    for name in ("one", "two"):
        revalue(reference, Path(name), client, keep="kept")
        assert every_byte(tmp_path / name) == reference.values


def test_a_cluster_and_a_local_batch_exclude_each_other(reference: Any, client: Client, tmp_path: Path) -> None:
    with Folder(tmp_path / "values").locked(), pytest.raises(BatchError, match="another process is writing into"):
        revalue(reference, tmp_path / "values", client)


def test_threads_of_one_process_give_the_same_bytes(
    reference: Any, every_byte: Callable[[Path], bytes], tmp_path: Path
) -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=3, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        revalue(reference, tmp_path / "values", client)
    assert every_byte(tmp_path / "values") == reference.values


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_one_clear_error_and_the_rest_is_kept(
    reference: Any,
    client: Client,
    every_byte: Callable[[Path], bytes],
    journal: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep = local._value_and_commit

    # a nested function travels to the worker by value, where a patched module would not
    def deadly(job: Any, folder: Any, shard: int) -> Any:
        if shard == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return keep(job, folder, shard)

    monkeypatch.setattr(local, "_value_and_commit", deadly)
    with pytest.raises(BatchError, match=r"2 workers died of one shard while valuing.*run again"):
        revalue(reference, tmp_path / "values", client)
    assert (5, 2) in [(line["shard"], line["attempt"]) for line in journal(tmp_path / "values", "repeated")]
    kept = len(list((tmp_path / "values").glob("part-*.parquet")))
    assert kept < reference.shards
    monkeypatch.undo()
    report = ipv.revalue(reference.book, tmp_path / "values", engine=reference.engine, as_of=reference.day)
    assert report.resumed >= kept
    assert every_byte(tmp_path / "values") == reference.values


def test_what_is_wrong_with_the_book_is_said_as_it_is_locally(
    book: ipv.Book, reference: Any, client: Client, tmp_path: Path
) -> None:
    ipv.write_book(book, tmp_path / "book", shards=3)
    (tmp_path / "book" / "shard-00001" / "citations.parquet").unlink()
    with pytest.raises(ArtifactError, match="lacks its file"):
        batch_dask.revalue(
            tmp_path / "book", tmp_path / "values", engine=reference.engine, as_of=reference.day, client=client
        )
    assert list((tmp_path / "values").glob("part-*")) == []


def test_a_worker_without_the_file_system_is_one_clear_error(
    reference: Any, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    checked_pass = batch_dask.checked_pass

    class Blind:
        """The check of a process whose book is not where the workers look."""

        def __init__(self, *given: Any) -> None:
            self.context = checked_pass(*given)

        def __enter__(self) -> Any:
            return replace(self.context.__enter__(), book=str(tmp_path / "only-here"))

        def __exit__(self, *reason: Any) -> Any:
            return self.context.__exit__(*reason)

    monkeypatch.setattr(batch_dask, "checked_pass", Blind)
    with pytest.raises(BatchError, match=r"the worker \d+ on .* can't read the book .*only-here"):
        revalue(reference, tmp_path / "values", client)


CLUSTER = """
import os, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(120)
"""


@pytest.mark.slow
def test_a_lost_cluster_is_one_clear_error(reference: Any, every_byte: Callable[[Path], bytes], tmp_path: Path) -> None:
    """Scheduler and workers die at once, as when a machine is switched off."""
    script, values = tmp_path / "cluster.py", tmp_path / "values"
    script.write_text(CLUSTER)
    quick = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s"}
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=PIPE, stderr=DEVNULL, text=True, env=quick, start_new_session=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    with dask.config.set({"distributed.comm.timeouts.connect": "2s"}), Client(address) as client:
        killer = threading.Thread(target=kill_after_first_part, args=(values, -process.pid, []))
        killer.start()
        with pytest.raises(BatchError, match=r"cluster was lost while valuing.*run again"):
            revalue(reference, values, client)
        killer.join()
    process.wait()
    ipv.revalue(reference.book, values, engine=reference.engine, as_of=reference.day)
    assert every_byte(values) == reference.values


def test_anything_but_a_plain_client_is_refused(reference: Any, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"a distributed\.Client is needed"):
        revalue(reference, tmp_path / "values", "tcp://scheduler:8786")  # type: ignore[arg-type]
    assert not (tmp_path / "values").exists()


def test_without_distributed_the_error_names_what_to_install(
    reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ipvalue\[dask\]'"):
        revalue(reference, tmp_path / "values", None)  # type: ignore[arg-type]
