"""What goes wrong in a bank's night: each fault is one clear error or a shard made again, never a wrong dataset."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.batch import local
from ipvalue.batch.plan import Folder, Run
from ipvalue.batch.statistics_files import ArrayFile, answers_digest, is_sound
from ipvalue.errors import ArtifactError, BatchError, IpvalueError
from ipvalue.records.store import BookOnDisk

DAY = "2023-12-31"


def parts(values: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(values.glob("part-*.parquet"))}


def stamps(values: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in values.glob("part-*.parquet")}


def judge_unfinished(values: Path) -> None:
    """What is there is whole, and nothing takes it for a dataset."""
    for file in values.glob("part-*.parquet"):
        pq.read_table(file, partitioning=None)
    assert not (values / "_manifest.json").exists()
    if (values / "_run.json").exists():
        with pytest.raises(ArtifactError, match="has not finished"):
            ipv.Valuation.from_parquet(values)


def command(little: Any, values: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ipvalue", *little.command(values)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120, **options)


@pytest.fixture
def stopped(little: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch that ended after its first shard was committed, with the work of its first pass."""
    keep = local._value_and_commit

    def value_one(job: Any, folder: Folder, shard: int) -> dict[str, Any]:
        if shard:
            raise RuntimeError("a power cut")
        return keep(job, folder, shard)

    with monkeypatch.context() as patch:
        patch.setattr(local, "_value_and_commit", value_one)
        with pytest.raises(RuntimeError, match="a power cut"):
            little.revalue(tmp_path / "values")
    judge_unfinished(tmp_path / "values")
    return tmp_path / "values"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A little disk of its own (tmpfs), mounted and mounted again with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False)
        if run.returncode:
            pytest.skip(f"no disk can be mounted here: {run.stderr.decode().strip()}")
        return place

    if not shutil.which("mount"):
        pytest.skip("there is no mount command")
    yield mount
    # lazily: this process still maps the statistics of the whole that lay there
    subprocess.run(["umount", "-l", place], capture_output=True, check=False)


@pytest.mark.parametrize("kilobytes", [4, 32, 120, 200, 280, 360])
def test_a_full_disk_is_one_clear_error_and_the_batch_goes_on_with_a_larger_one(
    little: Any, disk: Callable[[str], Path], kilobytes: int
) -> None:
    """Full at the engine, the parts, the whole, the values or the manifest: the size decides."""
    values = disk(f"size={kilobytes}k") / "values"
    with pytest.raises(BatchError, match=r"can't be written.*No space left") as caught:
        little.revalue(values)
    assert caught.value.__cause__ is not None
    judge_unfinished(values)
    kept = stamps(values)
    disk("remount,size=20m")
    report = little.revalue(values)
    assert parts(values) == little.undisturbed
    assert report.resumed == len(kept)
    assert {name: stamps(values)[name] for name in kept} == kept


def test_a_full_disk_on_the_command_line_is_one_line(little: Any, disk: Callable[[str], Path]) -> None:
    run = command(little, disk("size=120k") / "values")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("ipvalue: ") and run.stderr.count("\n") == 1 and "No space left" in run.stderr


def test_a_file_size_limit_is_one_clear_error(little: Any, tmp_path: Path) -> None:
    """The same where nothing can be mounted: the operating system refuses the bytes, in the middle of a file."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    values = tmp_path / "values"
    run = command(little, values, preexec_fn=limit)
    assert run.returncode == 1
    assert run.stderr.startswith("ipvalue: ") and run.stderr.count("\n") == 1 and "File too large" in run.stderr
    judge_unfinished(values)
    little.revalue(values)
    assert parts(values) == little.undisturbed


def test_a_read_only_disk_is_one_clear_error(little: Any, disk: Callable[[str], Path]) -> None:
    values = disk("size=20m") / "values"
    values.mkdir()
    disk("remount,ro")
    with pytest.raises(BatchError, match=r"can't be written.*Read-only"):
        little.revalue(values)
    assert list(values.iterdir()) == []


def test_a_disk_that_turns_read_only_midway(little: Any, stopped: Path, disk: Callable[[str], Path]) -> None:
    place = disk("size=20m") / "values"
    shutil.copytree(stopped, place)
    disk("remount,ro")
    with pytest.raises(BatchError, match=r"can't be written.*Read-only"):
        little.revalue(place)
    disk("remount,rw")
    little.revalue(place)
    assert parts(place) == little.undisturbed


def test_a_file_in_place_of_the_folder_is_one_clear_error(little: Any, tmp_path: Path) -> None:
    (tmp_path / "values").write_text("irreplaceable")
    for place in (tmp_path / "values", tmp_path / "values" / "below"):
        with pytest.raises(BatchError, match="can't be written"):
            little.revalue(place)
    assert (tmp_path / "values").read_text() == "irreplaceable"


def test_a_folder_without_permission_is_one_clear_error(little: Any, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("permissions do not bind the superuser; the read-only disk is tested above")
    values = tmp_path / "values"
    values.mkdir(mode=0o555)
    with pytest.raises(BatchError, match="can't be written"):
        little.revalue(values)


@pytest.mark.parametrize("harm", ["truncated", "one byte", "vanished", "emptied"])
@pytest.mark.parametrize("finished", [True, False])
def test_a_damaged_shard_of_an_earlier_run_is_made_again(
    little: Any, journal: Any, tmp_path: Path, stopped: Path, harm: str, finished: bool
) -> None:
    values = stopped
    if finished:
        little.revalue(values)
    before, victim = stamps(values), values / "part-00000.parquet"
    damage(victim, harm)
    report = little.revalue(values)
    assert parts(values) == little.undisturbed
    assert report.resumed == len(before) - 1
    assert {k: v for k, v in stamps(values).items() if k in before and k != victim.name} == {
        k: v for k, v in before.items() if k != victim.name
    }
    lost = journal(values, "lost")
    assert [line["shard"] for line in lost] == [0]
    assert ("vanished" if harm == "vanished" else "damaged") in lost[0]["what"]


def damage(file: Path, harm: str) -> None:
    content = file.read_bytes()
    if harm == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "one byte":
        # of the numbers themselves, not of what an Arrow file pads them with
        place = 200
        if file.suffix == ".arrays":
            place = content.index(next(array for array in ArrayFile(file).everything() if len(array)).tobytes())
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif harm == "emptied":
        file.write_bytes(b"")
    else:
        file.unlink()


@pytest.mark.parametrize("harm", ["vanished", "truncated"])
def test_a_shard_that_is_lost_before_the_end_is_one_clear_error(
    little: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    values, keep = tmp_path / "values", local._value_and_commit

    def lose(job: Any, folder: Folder, shard: int) -> dict[str, Any]:
        report = keep(job, folder, shard)
        if shard == 3:
            damage(folder.part(1), harm)
        return report

    with monkeypatch.context() as patch:
        patch.setattr(local, "_value_and_commit", lose)
        with pytest.raises(BatchError, match=r"part-00001.parquet (has vanished|was changed).*run again"):
            little.revalue(values)
    assert not (values / "_manifest.json").exists()
    assert little.revalue(values).resumed == 3
    assert parts(values) == little.undisturbed


def test_a_shard_of_the_book_that_vanishes_midway_is_one_clear_error(little: Any, stopped: Path) -> None:
    victim = little.folder / "book" / "shard-00002" / "patents.parquet"
    content = victim.read_bytes()
    victim.unlink()
    try:
        with pytest.raises(ArtifactError, match=r"lacks its file shard-00002/patents.parquet"):
            little.revalue(stopped, workers=2)
        judge_unfinished(stopped)
    finally:
        victim.write_bytes(content)
    little.revalue(stopped)
    assert parts(stopped) == little.undisturbed


@pytest.mark.parametrize("harm", ["truncated", "one byte", "emptied"])
def test_a_damaged_part_of_an_earlier_run_is_counted_again(little: Any, journal: Any, stopped: Path, harm: str) -> None:
    (work,) = (stopped / "_work").iterdir()
    shutil.rmtree(work / "answers")
    (stopped / "_statistics" / "counts.arrays").unlink()
    damage(work / "parts" / "00002.arrays", harm)
    assert not is_sound(work / "parts" / "00002.arrays")
    if harm != "one byte":
        with pytest.raises(BatchError, match=r"00002.arrays is damaged.*run again"):
            ArrayFile(work / "parts" / "00002.arrays")
    little.revalue(stopped)
    assert parts(stopped) == little.undisturbed
    assert [line["what"] for line in journal(stopped, "damaged")] == ["the part of shard 2"]
    assert [line["shard"] for line in journal(stopped, "counted")] == [0, 1, 2, 3, 2]


@pytest.mark.parametrize("harm", ["truncated", "one byte", "vanished"])
@pytest.mark.parametrize("kind", ["answers*.arrays", "ranks.arrays"])
def test_damaged_answers_are_made_again(little: Any, journal: Any, stopped: Path, harm: str, kind: str) -> None:
    (work,) = (stopped / "_work").iterdir()
    victim = max((work / "answers").glob(kind), key=lambda p: p.stat().st_size)
    damage(victim, harm)
    assert answers_digest(work / "answers") is None
    little.revalue(stopped)
    assert parts(stopped) == little.undisturbed
    range_too = [f"the answers on range {int(victim.stem[-5:])}"] if "answers" in kind and harm != "vanished" else []
    assert [line["what"] for line in journal(stopped, "damaged")] == ["the statistics of the book", *range_too]
    assert len({line["sha256"] for line in journal(stopped, "statistics")}) == 1


@pytest.mark.parametrize("harm", ["truncated", "one byte", "vanished"])
@pytest.mark.parametrize("kind", ["counts.arrays", "graph-00000.arrays"])
def test_damaged_statistics_of_a_finished_batch_are_made_again(
    little: Any, tmp_path: Path, harm: str, kind: str
) -> None:
    """Whoever explains a value needs them: the batch is not called done without them."""
    values = tmp_path / "values"
    little.revalue(values)
    file = values / "_statistics" / kind
    sound = file.read_bytes()
    damage(file, harm)
    little.revalue(values)
    assert file.read_bytes() == sound
    assert parts(values) == little.undisturbed


ALWAYS_DYING = """
import os, signal, sys
import ipvalue as ipv
from ipvalue.batch import local
def dying(job, folder, shard):
    os.kill(os.getpid(), signal.SIGKILL)
local._value_and_commit = dying
try:
    ipv.revalue({book!r}, {values!r}, engine={engine!r}, as_of="2023-12-31", workers=2)
except ipv.errors.BatchError as error:
    print(error)
"""


@pytest.mark.slow
def test_workers_that_keep_dying_are_one_clear_error(little: Any, journal: Any, tmp_path: Path) -> None:
    places = {name: str(little.folder / name) for name in ("book", "engine")}
    code = ALWAYS_DYING.format(values=str(tmp_path / "values"), **places)
    run = subprocess.run(
        [sys.executable, "-c", "import ipvalue.errors\n" + code], capture_output=True, text=True, check=False
    )
    assert run.stdout.startswith("workers died 3 times with 4 shard(s) left (out of memory?"), run.stderr
    judge_unfinished(tmp_path / "values")
    retried = journal(tmp_path / "values", "retried")
    assert [line["attempt"] for line in retried] == [1, 2, 3]
    # how they ended tells a kill, as for memory, from a crash
    assert all(re.fullmatch(r"exit codes SIGKILL\(-9\)(, SIGKILL\(-9\))*", line["error"]) for line in retried)
    assert "workers died 3 times" in journal(tmp_path / "values", "failed")[0]["error"]
    little.revalue(tmp_path / "values")
    assert parts(tmp_path / "values") == little.undisturbed


def test_two_processes_into_one_folder_exclude_each_other(little: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    code = (
        "import sys, time\nfrom ipvalue.batch.plan import Folder\n"
        f"with Folder({str(values)!r}).locked():\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BatchError, match="another process is writing into"):
            little.revalue(values)
        holder.kill()
        holder.wait()
    assert little.revalue(values).patents  # the lock went with its process


def test_a_worker_that_outlived_its_run_can_not_commit_into_another(little: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    disk, engine = BookOnDisk(little.folder / "book"), ipv.ValuationEngine.load(little.folder / "engine")
    survivor = Folder(values)
    with survivor.locked():
        survivor.begin(Run.of(disk, engine, DAY, "announced"), disk, restart=False)
    table = pq.read_table(values / "part-00002.parquet", partitioning=None)
    little.revalue(values, as_of="2022-12-31", restart=True)
    theirs = parts(values)
    (values / "part-00002.parquet").unlink()
    with pytest.raises(BatchError, match="belongs to another run now"):
        survivor.commit(2, table)
    assert parts(values) == {k: v for k, v in theirs.items() if k != "part-00002.parquet"}
    assert not list(values.glob("*.tmp"))


def test_a_shard_is_committed_once(little: Any, tmp_path: Path) -> None:
    """A second worker that made the same shard, since the first was thought dead, changes nothing."""
    values = tmp_path / "values"
    little.revalue(values)
    disk, engine = BookOnDisk(little.folder / "book"), ipv.ValuationEngine.load(little.folder / "engine")
    folder, before = Folder(values), stamps(values)
    with folder.locked():
        folder.begin(Run.of(disk, engine, DAY, "announced"), disk, restart=False)
        report = folder.commit(1, pq.read_table(folder.part(1), partitioning=None))
    assert stamps(values) == before
    assert report["sha256"] == folder.journal.committed(folder.run.key)[1]["sha256"]


def test_drafts_of_the_dead_are_swept_and_never_read(little: Any, stopped: Path) -> None:
    (stopped / "_part-00003.parquet.999-0123abcd.tmp").write_bytes(b"half a shard")
    assert pq.read_table(stopped).num_rows == pq.read_table(stopped / "part-00000.parquet").num_rows
    little.revalue(stopped)
    assert not list(stopped.glob("*.tmp"))
    assert not (stopped / "_work").exists()


@pytest.mark.parametrize(
    "left", [["_lock"], ["_lock", "_commit", "__run.json.77-0123abcd.tmp"], ["_lock", "_journal.jsonl"]]
)
def test_a_folder_that_a_run_had_hardly_begun_is_begun_anew(little: Any, tmp_path: Path, left: list[str]) -> None:
    values = tmp_path / "values"
    values.mkdir()
    for name in left:
        (values / name).touch()
    little.revalue(values)
    assert parts(values) == little.undisturbed


def test_a_discard_that_was_killed_is_gone_on_with(little: Any, stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ipvalue.batch import plan

    keep, calls = plan.remove, []

    def dying(path: Path) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        keep(path)

    with monkeypatch.context() as patch:
        patch.setattr(plan, "remove", dying)
        with pytest.raises(KeyboardInterrupt):
            little.revalue(stopped, as_of="2022-12-31", restart=True)
    with pytest.raises(BatchError, match="the date"):
        little.revalue(stopped, as_of="2022-12-31")
    report = little.revalue(stopped, as_of="2022-12-31", restart=True)
    assert report.resumed == 0
    assert ipv.Valuation.from_parquet(stopped).provenance["as_of"] == "2022-12-31"


@pytest.mark.slow
def test_random_harm_to_any_file_never_gives_wrong_values(little: Any, stopped: Path) -> None:
    """Fifteen random bytes changed, one at a time, anywhere in a stopped batch: an error, or the right dataset."""
    random, errors = np.random.default_rng(5), 0
    names = sorted(p.relative_to(stopped) for p in stopped.rglob("*") if p.is_file() and p.stat().st_size)
    for k in range(15):
        values = stopped.parent / f"copy-{k}"
        shutil.copytree(stopped, values)
        file = values / names[int(random.integers(len(names)))]
        content = bytearray(file.read_bytes())
        content[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
        file.write_bytes(content)
        try:
            little.revalue(values)
        except IpvalueError:
            errors += 1
            little.revalue(values, restart=True)
        assert parts(values) == little.undisturbed, file
        shutil.rmtree(values)
    assert errors < 8, "damage to most files is mended without a word from the user"


def test_files_of_the_user_that_end_like_drafts_stay(little: Any, tmp_path: Path) -> None:
    """Only what carries our own mark is ever removed."""
    values = tmp_path / "values"
    little.revalue(values)
    (values / "thesis.tmp").write_text("ten years of work")
    (values / "_scratch.tmp").mkdir()
    (values / "_scratch.tmp" / "notes").write_text("mine")
    little.revalue(values)
    assert (values / "thesis.tmp").read_text() == "ten years of work"
    assert (values / "_scratch.tmp" / "notes").read_text() == "mine"
