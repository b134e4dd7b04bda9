"""A batch gives the values of the engine, whatever the shards, the workers and the order of the rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.errors import ArtifactError, BatchError

DAY = "2023-12-31"


@pytest.fixture(scope="module")
def on_disk(book: ipv.Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book") / "book"
    ipv.write_book(book, folder, shards=5)
    return folder


def content(folder: Path) -> pa.Table:
    """All values in the order of patent_id, with the provenance."""
    parts = [pq.read_table(p) for p in sorted(folder.glob("part-*.parquet"))]
    assert len({p.schema.metadata[b"ipvalue"] for p in parts}) == 1
    return pa.concat_tables(parts).sort_by("patent_id")


def test_batch_equals_the_engine_bit_for_bit(
    on_disk: Path, engine: ipv.ValuationEngine, valuation: ipv.Valuation, tmp_path: Path
) -> None:
    report = ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of=DAY)
    table = content(tmp_path / "values")
    assert table.replace_schema_metadata(None).equals(valuation.table)
    assert json.loads(table.schema.metadata[b"ipvalue"]) == valuation.provenance
    assert report.patents == len(valuation)
    assert report.valued + report.dead + report.without_value == report.patents
    assert ipv.Valuation.from_parquet(tmp_path / "values").table.equals(valuation.table)


@pytest.mark.slow
def test_shuffled_rows_other_shards_and_two_workers_give_the_same_bits(
    book: ipv.Book, on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path
) -> None:
    random = np.random.default_rng(4)
    shuffled = ipv.Book(
        **{name: table.take(pa.array(random.permutation(table.num_rows))) for name, table in book.tables.items()}
    )
    assert shuffled.fingerprint == book.fingerprint
    ipv.write_book(shuffled, tmp_path / "book", shards=9)
    ipv.revalue(on_disk, tmp_path / "one", engine=engine, as_of=DAY)
    ipv.revalue(tmp_path / "book", tmp_path / "two", engine=engine, as_of=DAY, workers=2)
    assert content(tmp_path / "one").equals(content(tmp_path / "two"), check_metadata=True)


def test_patents_that_are_not_known_yet_are_counted(
    on_disk: Path, book: ipv.Book, engine: ipv.ValuationEngine, tmp_path: Path
) -> None:
    # a mistyped date must show: no patent of the book is known then, and every one by its last day
    for day, expected in (("1900-12-31", len(book)), ("2015-12-31", len(book) - len(book.as_of("2015-12-31")))):
        report = ipv.revalue(on_disk, tmp_path / day, engine=engine, as_of=day)
        assert report.not_known_yet == expected > 0
        assert report.patents + report.not_known_yet == len(book)
        assert f"no row, as nothing is known of them by the date: {expected:,} patents" in str(report)
    assert "no row" not in str(ipv.revalue(on_disk, tmp_path / "now", engine=engine, as_of="2024-12-31"))


def test_a_finished_batch_is_not_done_again(on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path) -> None:
    first = ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of=DAY)
    stamps = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "values").glob("part-*")}
    again = ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of=DAY)
    assert (first.resumed, again.resumed) == (0, 5)
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "values").glob("part-*")} == stamps


def test_values_of_another_date_are_not_mixed(
    book: ipv.Book, on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path
) -> None:
    ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of=DAY)
    with pytest.raises(BatchError, match="restart=True"):
        ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of="2022-12-31")
    report = ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of="2022-12-31", restart=True)
    assert report.resumed == 0
    table = content(tmp_path / "values")
    assert json.loads(table.schema.metadata[b"ipvalue"])["as_of"] == "2022-12-31"
    # nothing that the first run counted may live on in the process
    again = engine.value(book.as_of("2022-12-31"))
    assert table.replace_schema_metadata(None).equals(again.table)


def test_a_folder_of_other_files_is_not_touched(on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path) -> None:
    (tmp_path / "values").mkdir()
    (tmp_path / "values" / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(BatchError, match="choose another folder"):
        ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of=DAY, restart=True)
    assert (tmp_path / "values" / "thesis.txt").read_text() == "irreplaceable"
    assert [p.name for p in (tmp_path / "values").iterdir()] == ["thesis.txt"]


def test_a_wrong_folder_spoils_neither_a_saved_engine_nor_a_book(
    on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path
) -> None:
    saved, values = tmp_path / "engine", tmp_path / "values"
    engine.save(saved)
    before = {p: sorted(p.rglob("*")) for p in (saved, on_disk)}
    for wrong in (saved, on_disk):
        with pytest.raises(BatchError, match="choose another folder"):
            ipv.revalue(on_disk, wrong, engine=saved, as_of=DAY, restart=True)
        with pytest.raises(BatchError, match="choose another folder"):
            ipv.revalue(on_disk, values, engine=saved, as_of=DAY, keep=wrong)
    assert {p: sorted(p.rglob("*")) for p in (saved, on_disk)} == before
    assert ipv.ValuationEngine.load(saved).hash == engine.hash


@pytest.mark.parametrize("place", ["values", "values/keep"])
def test_what_is_kept_lies_outside_of_the_values(
    on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path, place: str
) -> None:
    with pytest.raises(BatchError, match="lies in the folder of the values"):
        ipv.revalue(on_disk, tmp_path / "values", engine=engine, as_of=DAY, keep=tmp_path / place)
    assert not (tmp_path / "values" / "keep").exists()


def test_a_restart_discards_values_and_nothing_else(on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path) -> None:
    values = tmp_path / "values"
    ipv.revalue(on_disk, values, engine=engine, as_of="2022-12-31")
    (values / "_signed-off.txt").write_text("by the committee")
    ipv.revalue(on_disk, values, engine=engine, as_of=DAY, restart=True)
    assert (values / "_signed-off.txt").read_text() == "by the committee"
    assert ipv.Valuation.from_parquet(values).provenance["as_of"] == DAY


@pytest.mark.parametrize("harm", ["truncate", "vanish", "manifest"])
def test_a_damaged_book_gives_an_error_and_no_dataset(
    book: ipv.Book, engine: ipv.ValuationEngine, tmp_path: Path, harm: str
) -> None:
    folder = tmp_path / "book"
    ipv.write_book(book, folder, shards=3)
    victim = folder / "shard-00002" / "citations.parquet"
    if harm == "truncate":
        victim.write_bytes(victim.read_bytes()[:-100])
    elif harm == "vanish":
        victim.unlink()
    else:
        (folder / "book.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"damaged|lacks its file"):
        ipv.revalue(folder, tmp_path / "values", engine=engine, as_of=DAY)
    assert list((tmp_path / "values").glob("part-*")) == []


def test_a_call_that_can_not_be_meant_costs_no_values(
    book: ipv.Book, on_disk: Path, engine: ipv.ValuationEngine, tmp_path: Path
) -> None:
    values = tmp_path / "values"
    ipv.revalue(on_disk, values, engine=engine, as_of=DAY)
    before = content(values)
    faults: list[tuple[dict[str, Any], str]] = [
        ({"known": "x"}, "known='x': it must be 'announced' or 'loaded'"),
        ({"engine": None}, "engine=None: a fitted engine"),
        ({"book": book}, "Book: a batch takes the path"),
        ({"keep": 3}, "keep is a int: a batch takes the path"),
        ({"workers": 1.5}, "workers=1.5: a batch needs a whole number"),
        ({"workers": "2"}, "workers='2': a batch needs a whole number"),
        ({"workers": 0}, "workers=0: a batch needs a whole number"),
    ]
    for wrong, said in faults:
        given = {"book": on_disk, "engine": engine, "as_of": "2022-12-31", "restart": True} | wrong
        with pytest.raises(BatchError, match=re.escape(said)):
            ipv.revalue(given.pop("book"), values, **given)
    assert content(values).equals(before, check_metadata=True)
