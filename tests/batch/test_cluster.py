"""A worker that can't give the right values in the right place says so before it takes a shard."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.artifacts import versions
from ipvalue.batch.cluster import call_checked, checked_pass
from ipvalue.batch.journal import Journal
from ipvalue.batch.passes import Job
from ipvalue.errors import BatchError


@pytest.fixture
def job(reference: Any, tmp_path: Path) -> Job:
    return Job(
        str(reference.book), str(tmp_path), "hash", "run", reference.day, "announced", str(tmp_path / "_statistics")
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "_journal.jsonl")


def test_a_worker_that_sees_all_calls_the_function(job: Job, journal: Journal) -> None:
    with checked_pass(job, journal, "valuing") as check:
        assert call_checked(check, divmod, 3, (17, 5)) == (3, 2)


def test_a_task_that_comes_after_the_batch_is_refused(job: Job, journal: Journal) -> None:
    with checked_pass(job, journal, "valuing") as check:
        beacon = Path(check.beacon)
        assert beacon.exists()
    assert not beacon.exists()
    with pytest.raises(BatchError, match=r"file system that all workers share.*or the batch that sent this task"):
        call_checked(check, divmod, 3, (17, 5))


def test_a_worker_that_does_not_see_the_book_says_so(job: Job, journal: Journal, tmp_path: Path) -> None:
    with (
        checked_pass(job, journal, "valuing") as check,
        pytest.raises(BatchError, match=r"can't read the book .*elsewhere.* all workers share"),
    ):
        call_checked(replace(check, book=str(tmp_path / "elsewhere")), divmod, 3, (17, 5))


def test_a_worker_that_sees_another_book_says_so(job: Job, journal: Journal, tmp_path: Path) -> None:
    ipv.write_book(ipv.synthetic_book(20, seed=3), tmp_path / "other", shards=1)
    with checked_pass(job, journal, "valuing") as check, pytest.raises(BatchError, match="sees another book"):
        call_checked(replace(check, book=str(tmp_path / "other")), divmod, 3, (17, 5))


def test_a_worker_that_does_not_see_the_cache_says_so(job: Job, journal: Journal, tmp_path: Path) -> None:
    with (
        checked_pass(job, journal, "valuing") as check,
        pytest.raises(BatchError, match="elsewhere: all workers must share"),
    ):
        call_checked(replace(check, cache=str(tmp_path / "elsewhere")), divmod, 3, (17, 5))


def test_a_worker_of_other_versions_says_which(job: Job, journal: Journal) -> None:
    other = tuple({**versions(), "numpy": "1.0"}.items())
    with checked_pass(job, journal, "valuing") as check, pytest.raises(BatchError, match=r"numpy \S+ instead of 1\.0"):
        call_checked(replace(check, versions=other), divmod, 3, (17, 5))


def test_shards_begun_again_are_journalled_with_attempt_and_worker(job: Job, journal: Journal, tmp_path: Path) -> None:
    with checked_pass(job, journal, "valuing") as check:
        for shard in (3, 12, 3, 4, 3):
            call_checked(check, divmod, shard, (17, 5))
        assert journal.read() == []
    lines = [{name: line[name] for name in ("event", "label", "shard", "attempt")} for line in journal.read()]
    assert lines == [
        {"event": "repeated", "label": "valuing", "shard": 3, "attempt": 2},
        {"event": "repeated", "label": "valuing", "shard": 3, "attempt": 3},
    ]
    assert {(line["pid"], line["host"]) for line in journal.read()} == {(os.getpid(), socket.gethostname())}
    assert not list(tmp_path.glob("beacon*")), "a mark was left behind"


def test_shards_begun_again_are_journalled_also_if_the_pass_fails(job: Job, journal: Journal) -> None:
    with pytest.raises(ZeroDivisionError), checked_pass(job, journal, "counting") as check:
        call_checked(check, divmod, 0, (17, 5))
        call_checked(check, divmod, 0, (17, 0))
    assert [(line["shard"], line["attempt"]) for line in journal.read()] == [(0, 2)]


def test_a_pass_of_which_every_shard_is_begun_once_leaves_no_line(job: Job, journal: Journal) -> None:
    for label in ("counting", "valuing"):
        with checked_pass(job, journal, label) as check:
            call_checked(check, divmod, 0, (17, 5))
    assert journal.read() == []
