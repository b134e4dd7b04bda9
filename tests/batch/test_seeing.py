"""What a batch shows: a manifest, log records with fields, a bar on a terminal, and nothing anywhere else."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from ipvalue.batch import journal as journal_module
from ipvalue.batch.journal import EVENTS
from ipvalue.stopwatch import Stopwatch, stage


def manifest(values: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((values / "_manifest.json").read_text())
    return content


def test_manifest_says_what_where_and_how_long(little: Any, tmp_path: Path) -> None:
    report = little.revalue(tmp_path / "values", workers=2)
    told = manifest(tmp_path / "values")
    assert told["run"] == json.loads((tmp_path / "values" / "_run.json").read_text())
    assert told["machine"]["cores"] == os.cpu_count()
    assert told["rows"]["values"] == report.patents
    assert told["rows"]["patents"] == 157
    assert told["report"]["rejects"] == report.rejects
    assert report.rejects["patents.patent_id missing"] == 3
    assert told["report"]["grades"] == report.grades
    assert set(told["report"]["seconds"]) == {"statistics", "values"}
    assert [s["shard"] for s in told["shards"]] == list(range(report.shards))
    assert sum(s["rows"] for s in told["shards"]) == report.patents
    assert "VmHWM" in told["memory"]["measured"]
    assert told["memory"]["workers"]
    assert max(told["memory"]["workers"].values()) == report.peak_memory["largest_worker"] > 5e7
    assert report.peak_memory["parent"] > 5e7


def test_stages_add_up_to_the_time_of_the_work(little: Any, journal: Any, tmp_path: Path) -> None:
    report = little.revalue(tmp_path / "values")
    assert set(report.stages) == {"counting", "joining", "statistics", "valuing"}
    assert {"reading", "snapshot", "counting", "writing"} <= set(report.stages["counting"])
    methods = {"method relief_from_royalty", "method replacement_cost"}
    named = {"reading", "snapshot", "engine", "statistics", "features", *methods, "reconciliation", "table", "writing"}
    assert named <= set(report.stages["valuing"])
    worked = sum(line["seconds"] for line in journal(tmp_path / "values", "committed"))
    staged = sum(report.stages["valuing"].values())
    assert 0.6 * worked < staged <= 1.001 * worked
    assert report.peak_memory["largest_worker"] == 0  # one process did it all


def test_a_resumed_batch_has_the_manifest_of_all_its_calls(little: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    whole = manifest(values)["report"]["stages"]
    (values / "part-00001.parquet").unlink()
    report = little.revalue(values)
    told = manifest(values)
    assert (report.resumed, told["report"]["resumed"], len(told["shards"])) == (3, 3, 4)
    assert told["report"]["stages"]["valuing"]["features"] > whole["valuing"]["features"]


def test_a_call_with_nothing_to_do_leaves_the_manifest(little: Any, tmp_path: Path) -> None:
    little.revalue(tmp_path / "values")
    stamp = (tmp_path / "values" / "_manifest.json").stat().st_mtime_ns
    report = little.revalue(tmp_path / "values")
    assert (tmp_path / "values" / "_manifest.json").stat().st_mtime_ns == stamp
    assert "nothing was left to do" in str(report)


def test_summary_tells_grades_reasons_and_refused_rows(little: Any, tmp_path: Path) -> None:
    text = str(little.revalue(tmp_path / "values"))
    assert "grades B" in text or "grades A" in text or "grades C" in text
    assert "no value, no_method_applied:" in text
    assert "refused when the book was made, patents.patent_id missing: 3" in text
    assert "peak memory: parent" in text
    assert len(text.splitlines()) < 15


def test_log_records_carry_the_documented_fields(little: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="ipvalue.batch"):
        little.revalue(tmp_path / "values")
    records = [r for r in caplog.records if r.name == "ipvalue.batch"]
    events = [r.event for r in records]  # type: ignore[attr-defined]
    once, passes, each = ("begun", "statistics", "finished"), ("pass", "passed"), ("counted", "joined", "committed")
    assert [events.count(event) for event in (*once, *passes, *each)] == [1, 1, 1, 3, 3, 4, 4, 4]
    plain = set(vars(logging.makeLogRecord({}))) | {"event", "message", "asctime", "taskName"}
    for record in records:
        assert set(vars(record)) - plain <= set(EVENTS[record.event].fields)  # type: ignore[attr-defined]
        assert "{" not in record.getMessage()
    committed = next(r for r in records if r.event == "committed")  # type: ignore[attr-defined]
    assert committed.rows > 0 and committed.seconds > 0  # type: ignore[attr-defined]


def test_every_field_is_documented() -> None:
    table = (journal_module.__doc__ or "").split("=====\n", 1)[1]
    named = set(re.findall(r"^(\w+)(?:, (\w+))? ", table, re.MULTILINE))
    documented = {name for pair in named for name in pair if name}
    assert {field for event in EVENTS.values() for field in event.fields} == documented


DYING = """
import os, signal, sys
import ipvalue as ipv
from ipvalue.batch import local
keep = local.value_shard
def dying(job, shard):
    if shard == 2 and not os.path.exists({marker!r}):
        open({marker!r}, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return keep(job, shard)
def value_and_commit(job, folder, shard):
    from ipvalue.batch.task_report import measured
    with measured() as receipt:
        made = folder.commit(shard, dying(job, shard))
    return made | receipt
local._value_and_commit = value_and_commit
report = ipv.revalue({book!r}, {values!r}, engine={engine!r}, as_of="2023-12-31", workers=2)
assert report.retried == 1, report
"""


@pytest.mark.slow
def test_a_killed_worker_is_retried_in_silence(little: Any, journal: Any, tmp_path: Path) -> None:
    """The worker that values a shard dies as by the out-of-memory killer; nothing is printed, the journal tells."""
    places = {name: str(little.folder / name) for name in ("book", "engine")}
    marker, values = tmp_path / "died", tmp_path / "values"
    code = DYING.format(marker=str(marker), values=str(values), **places)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert marker.exists(), "no worker died"
    assert {p.name: p.read_bytes() for p in values.glob("part-*")} == little.undisturbed
    assert [line["label"] for line in journal(values, "retried")] == ["valuing"]
    assert manifest(values)["report"]["retried"] == 1


def test_command_prints_its_summary_and_no_bar_without_a_terminal(little: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ipvalue", *little.command(tmp_path / "values")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "patents revalued into" in run.stdout and "grades" in run.stdout and "no value," in run.stdout


def test_a_terminal_gets_a_bar_with_rate_and_time_left(little: Any, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "ipvalue", *little.command(tmp_path / "values")]
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=False)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert run.returncode == 0
    assert "valuing" in shown and "shard" in shown and "4/4" in shown and "<" in shown


def test_stages_inside_one_another_add_up() -> None:
    with Stopwatch().running() as watch, stage("outer"):
        for _ in range(3):
            with stage("inner"):
                sum(range(10_000))
    assert list(watch.seconds) == ["inner", "outer"]
    assert watch.seconds["inner"] > watch.seconds["outer"] > 0


def test_a_stage_that_nobody_measures_costs_nothing_noticeable() -> None:
    import timeit

    assert timeit.timeit("\nwith stage('x'): pass", globals={"stage": stage}, number=10_000) < 0.5
