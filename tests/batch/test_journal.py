"""The journal tells what happened, survives a torn end, and says what differs before anything is mixed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.batch.journal import EVENTS, Journal
from ipvalue.batch.plan import Run
from ipvalue.errors import BatchError
from ipvalue.records.store import BookOnDisk, file_digest

DAY = "2023-12-31"


def test_journal_tells_the_whole_run(little: Any, tmp_path: Path) -> None:
    little.revalue(tmp_path / "values")
    lines = Journal(tmp_path / "values" / "_journal.jsonl").read()
    assert [line["event"] for line in lines if line["event"] not in ("counted", "joined", "committed")] == [
        "begun",
        "pass",
        "passed",
        "pass",
        "passed",
        "statistics",
        "pass",
        "passed",
        "finished",
    ]
    begun = lines[0]
    engine = ipv.ValuationEngine.load(little.folder / "engine")
    assert (begun["book"], begun["engine"]) == (BookOnDisk(little.folder / "book").fingerprint, engine.hash)
    assert (begun["assumptions"], begun["as_of"], begun["known"]) == (engine.assumptions.hash, DAY, "announced")
    assert begun["versions"]["ipvalue"]
    known = next(line for line in lines if line["event"] == "statistics")
    for line in (line for line in lines if line["event"] == "committed"):
        file = tmp_path / "values" / f"part-{line['shard']:05d}.parquet"
        assert (line["sha256"], line["bytes"]) == (file_digest(file), file.stat().st_size)
        assert (line["run"], line["statistics"]) == (begun["run"], known["sha256"])
        assert line["inputs"] == BookOnDisk(little.folder / "book").shard_digest(line["shard"])
        assert line["seconds"] > 0 and line["pid"] and line["memory"] > 1e6
    assert Counter(line["event"] for line in lines)["committed"] == len(little.undisturbed)
    for line in lines:
        assert set(line) <= {"time", "event", *EVENTS[line["event"]].fields}


@pytest.mark.parametrize("cut", [1, 20])
def test_a_torn_last_line_never_happened(little: Any, journal: Any, tmp_path: Path, cut: int) -> None:
    """Torn in the line that commits a shard: the shard itself is there, and is found."""
    values = tmp_path / "values"
    little.revalue(values)
    file = values / "_journal.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    last = max(k for k, line in enumerate(lines) if b'"committed"' in line)
    file.write_bytes(b"".join(lines[: last + 1])[:-cut])
    (values / "_manifest.json").unlink()
    stamps = {p.name: p.stat().st_mtime_ns for p in values.glob("part-*")}
    report = little.revalue(values)
    assert report.resumed == len(little.undisturbed)
    assert {p.name: p.stat().st_mtime_ns for p in values.glob("part-*")} == stamps
    committed = journal(values, "committed")
    assert sorted(line["shard"] for line in committed) == list(range(len(stamps)))
    assert [line.get("adopted", False) for line in committed] == [False] * (len(stamps) - 1) + [True]


def test_lines_after_a_torn_one_stand_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "_journal.jsonl")
    journal.write("pass", label="counting", shards=1)
    with journal.path.open("ab") as stream:
        stream.write(b'{"event": "pas')
    assert len(journal.read()) == 1
    journal.write("pass", label="valuing", shards=1)
    assert [line["label"] for line in journal.read()] == ["counting", "valuing"]


def test_a_journal_damaged_elsewhere_is_an_error_until_told(little: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    file = values / "_journal.jsonl"
    file.write_bytes(b"\0" * 100 + file.read_bytes()[100:])
    with pytest.raises(BatchError, match=r"_journal.jsonl is damaged.*restart=True"):
        little.revalue(values)
    assert little.revalue(values, restart=True).resumed == 0


def test_a_field_that_is_not_documented_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no field 'colour'"):
        Journal(tmp_path / "_journal.jsonl").write("pass", label="counting", shards=1, colour="red")


def test_refusal_says_what_differs(little: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    engine = ipv.ValuationEngine.load(little.folder / "engine")
    with pytest.raises(BatchError, match=r"another run: the date \(2023-12-31 there, 2022-12-31 here\) differ"):
        little.revalue(values, as_of="2022-12-31")
    with pytest.raises(BatchError, match=r"run: known \(announced there, loaded here\) differ"):
        little.revalue(values, known="loaded")

    book = ipv.synthetic_book(160, seed=4)
    ipv.write_book(book, tmp_path / "book", shards=len(little.undisturbed))
    with pytest.raises(BatchError, match=r"run: the book \(\w{12} there, \w{12} here\) differ"):
        little.revalue(values, book=tmp_path / "book")

    other = ipv.ValuationEngine([ipv.ReliefFromRoyalty()], engine.assumptions).fit(book, as_of=DAY)
    with pytest.raises(BatchError, match=r"run: the engine \(\w{12} there, \w{12} here\) differ"):
        little.revalue(values, engine=other)

    assumed = engine.assumptions.model_copy(update={"name": "another"})
    other = ipv.ValuationEngine([ipv.ReliefFromRoyalty()], assumed).fit(book, as_of=DAY)
    with pytest.raises(BatchError, match=r"the engine \(.*; the assumptions \(\w{12} there, \w{12} here\) differ"):
        little.revalue(values, engine=other)


def test_another_version_of_a_package_does_not_resume(
    little: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ipvalue.batch import plan

    values = tmp_path / "values"
    little.revalue(values)
    versions = {**plan.versions(), "lightgbm": "0.1"}
    monkeypatch.setattr(plan, "versions", lambda: versions)
    with pytest.raises(BatchError, match=r"the version of lightgbm \(\S+ there, 0.1 here\) differ"):
        little.revalue(values)


def test_a_book_divided_otherwise_does_not_resume(little: Any, tmp_path: Path) -> None:
    """The same book in other shards has the same fingerprint; its shards are not those that are done."""
    little.revalue(tmp_path / "values")
    ipv.write_book(ipv.read_book(little.folder / "book"), tmp_path / "book", shards=7)
    with pytest.raises(BatchError, match=r"the number of shards \(4 there, 7 here\) differ"):
        little.revalue(tmp_path / "values", book=tmp_path / "book")


def test_the_journal_outlives_a_restart(little: Any, journal: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    little.revalue(values, as_of="2022-12-31", restart=True)
    first, second = journal(values, "begun")
    assert (first["as_of"], second["as_of"]) == (DAY, "2022-12-31")
    assert [line["run"] for line in journal(values, "discarded")] == [first["run"]]
    runs = Counter(line["run"] for line in journal(values, "committed"))
    assert runs == {first["run"]: len(little.undisturbed), second["run"]: len(little.undisturbed)}
    assert sorted(Journal(values / "_journal.jsonl").committed(second["run"])) == list(range(len(little.undisturbed)))
    assert Journal(values / "_journal.jsonl").committed(first["run"]) == {}


def test_values_tell_the_run_that_made_them(little: Any) -> None:
    """A part without a line in the journal is taken for the run's only if its own provenance says so."""
    valuation = ipv.Valuation.from_parquet(little.folder / "values")
    named = json.loads((little.folder / "values" / "_run.json").read_text())
    run = Run(**{k: v for k, v in named.items() if k != "key"})
    assert run.key == named["key"]
    assert run.made(valuation.provenance)
    assert not run.made({**valuation.provenance, "as_of": "2022-12-31"})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"event": "committed"', '"evenu": "committed"', "names no event"),
        ('"shard": 2', '"shbrd": 2', "lacks 'shard'"),
        ('"shard": 2', '"shard": "2"', "'shard' is '2'"),
        ('"sha256"', '"sha255"', "lacks 'sha256'"),
        ('"run"', '"rvn"', "lacks 'run'"),
        ('"stages": {', '"stages": {"reading": "x", ', "'stages' is"),
    ],
)
def test_a_line_that_is_json_and_no_line_is_an_error_until_told(
    little: Any, tmp_path: Path, old: str, new: str, said: str
) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    journal = values / "_journal.jsonl"
    journal.write_text(journal.read_text().replace(old, new))
    with pytest.raises(BatchError, match=rf"_journal.jsonl is damaged: line \d+: .*{said}.*restart=True"):
        little.revalue(values)
    little.revalue(values, restart=True)
    assert {p.name: p.read_bytes() for p in values.glob("part-*")} == little.undisturbed


def test_a_folder_in_place_of_the_journal_is_one_clear_error(little: Any, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values)
    (values / "_journal.jsonl").unlink()
    (values / "_journal.jsonl").mkdir()
    with pytest.raises(BatchError, match=r"_journal.jsonl can't be read"):
        little.revalue(values)
