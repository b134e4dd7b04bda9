"""Spark in local mode gives the bytes of the local batch, one partition a shard."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.batch import local
from ipvalue.batch import spark as batch_spark
from ipvalue.errors import ArtifactError, BatchError, MissingExtraError

OLDEST_JAVA = 17
pytestmark = pytest.mark.slow


def why_no_java() -> str:
    """Say why Spark would not find a Java that it can use: by JAVA_HOME, else by java on the path."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        return "Spark needs Java 17 or newer: set JAVA_HOME, or install for example openjdk-17-jre-headless"
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{java} (by {'JAVA_HOME' if home else 'the path'}) does not run: {error}"
    number = told.split('"')[1].split(".") if '"' in told else ["0"]
    return "" if int(number[0]) >= OLDEST_JAVA else f"Spark needs Java {OLDEST_JAVA} or newer, and {java} is {told}"


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    if reason := why_no_java():
        pytest.skip(reason)
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        # two cores, and a task may fail twice
        builder = SparkSession.builder.master("local[2,3]").config("spark.ui.enabled", "false")
        session = builder.config("spark.ui.showConsoleProgress", "false").config("spark.log.level", "OFF").getOrCreate()
        yield session
        session.stop()


def revalue(reference: Any, values: Path, session: Any, **options: Any) -> ipv.batch.BatchReport:
    return batch_spark.revalue(
        reference.book, values, engine=reference.engine, as_of=reference.day, spark=session, **options
    )


def test_spark_gives_the_bytes_of_the_local_batch(
    reference: Any, session: Any, every_byte: Callable[[Path], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a relative folder is the one of this process, wherever a worker lives
    report = revalue(reference, Path("values"), session)
    assert every_byte(tmp_path / "values") == reference.values
    assert (report.shards, report.resumed) == (reference.shards, 0)
    again = revalue(reference, Path("values"), session)
    assert again.resumed == reference.shards


def test_a_worker_that_dies_is_replaced(
    reference: Any,
    session: Any,
    every_byte: Callable[[Path], bytes],
    journal: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep, marker = local._value_and_commit, tmp_path / "died"

    def deadly(job: Any, folder: Any, shard: int) -> Any:
        if shard == 5 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return keep(job, folder, shard)

    monkeypatch.setattr(local, "_value_and_commit", deadly)
    revalue(reference, tmp_path / "values", session)
    assert marker.exists(), "no worker died"
    assert [(line["label"], line["shard"], line["attempt"]) for line in journal(tmp_path / "values", "repeated")] == [
        ("valuing", 5, 2)
    ]
    assert every_byte(tmp_path / "values") == reference.values


def test_a_shard_that_kills_every_worker_is_one_clear_error(
    reference: Any, session: Any, every_byte: Callable[[Path], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = local._value_and_commit

    def deadly(job: Any, folder: Any, shard: int) -> Any:
        if shard == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return keep(job, folder, shard)

    monkeypatch.setattr(local, "_value_and_commit", deadly)
    with pytest.raises(BatchError, match=r"Spark gave up while valuing.*run again"):
        revalue(reference, tmp_path / "values", session)
    monkeypatch.undo()
    ipv.revalue(reference.book, tmp_path / "values", engine=reference.engine, as_of=reference.day)
    assert every_byte(tmp_path / "values") == reference.values


def test_what_is_wrong_with_the_book_is_said_as_it_is_locally(
    book: ipv.Book, reference: Any, session: Any, tmp_path: Path
) -> None:
    ipv.write_book(book, tmp_path / "book", shards=3)
    (tmp_path / "book" / "shard-00001" / "citations.parquet").unlink()
    with pytest.raises(ArtifactError, match="lacks its file"):
        batch_spark.revalue(
            tmp_path / "book", tmp_path / "values", engine=reference.engine, as_of=reference.day, spark=session
        )
    assert list((tmp_path / "values").glob("part-*")) == []


def test_anything_but_a_session_is_refused(reference: Any, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="a SparkSession is needed"):
        revalue(reference, tmp_path / "values", "local[2]")
    assert not (tmp_path / "values").exists()


def test_without_pyspark_the_error_names_what_to_install(
    reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.delitem(sys.modules, "pyspark.errors", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'ipvalue\[spark\]'"):
        revalue(reference, tmp_path / "values", None)
