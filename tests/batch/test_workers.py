"""A worker that can't give the right values in the right place says so before it takes a shard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.artifacts import versions
from ipvalue.batch.shards import Job
from ipvalue.batch.workers import call_checked, lit
from ipvalue.errors import BatchError


@pytest.fixture
def job(reference: Any, tmp_path: Path) -> Job:
    return Job(str(reference.book), str(tmp_path), "hash", "run", reference.day, "announced")


def test_a_worker_that_sees_all_calls_the_function(job: Job) -> None:
    with lit(job) as sight:
        assert call_checked(sight, divmod, (17, 5)) == (3, 2)


def test_a_task_that_comes_after_the_batch_is_refused(job: Job) -> None:
    with lit(job) as sight:
        beacon = Path(sight.beacon)
        assert beacon.exists()
    assert not beacon.exists()
    with pytest.raises(BatchError, match=r"file system that all workers share.*or the batch that sent this task"):
        call_checked(sight, divmod, (17, 5))


def test_a_worker_that_does_not_see_the_book_says_so(job: Job, tmp_path: Path) -> None:
    with lit(job) as sight, pytest.raises(BatchError, match=r"can't read the book .*elsewhere.* all workers share"):
        call_checked(replace(sight, book=str(tmp_path / "elsewhere")), divmod, (17, 5))


def test_a_worker_that_sees_another_book_says_so(job: Job, tmp_path: Path) -> None:
    ipv.write_book(ipv.synthetic_book(20, seed=3), tmp_path / "other", shards=1)
    with lit(job) as sight, pytest.raises(BatchError, match="sees another book"):
        call_checked(replace(sight, book=str(tmp_path / "other")), divmod, (17, 5))


def test_a_worker_that_does_not_see_what_is_kept_says_so(job: Job, tmp_path: Path) -> None:
    with lit(job) as sight, pytest.raises(BatchError, match="elsewhere: all workers must share"):
        call_checked(replace(sight, keep=str(tmp_path / "elsewhere")), divmod, (17, 5))


def test_a_worker_of_other_versions_says_which(job: Job) -> None:
    other = tuple({**versions(), "numpy": "1.0"}.items())
    with lit(job) as sight, pytest.raises(BatchError, match=r"numpy \S+ instead of 1\.0"):
        call_checked(replace(sight, versions=other), divmod, (17, 5))
