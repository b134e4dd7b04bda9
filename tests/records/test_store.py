"""A book on disk: the same book, whatever the shards; each shard stands alone; damage never passes unseen."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.errors import ArtifactError, BookError
from ipvalue.features.book_statistics import COUNTED, Part, from_parts
from ipvalue.records import store
from ipvalue.records.schema import TABLES
from ipvalue.records.statistics import CitationMeasures
from ipvalue.records.store import BookOnDisk, file_digest, shard_of

DAY = "2023-12-31"
SMALL = ipv.synthetic_book(90, seed=6, claim_texts=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ipv.write_book(SMALL, tmp_path / "book", shards=3)
    return tmp_path / "book"


@pytest.mark.parametrize("shards", [1, 3, 16, 100])
def test_a_book_read_back_is_the_same_book(tmp_path: Path, shards: int) -> None:
    """100 shards are more than patents: some hold none."""
    ipv.write_book(SMALL, tmp_path / "deep" / "book", shards=shards)
    again = ipv.read_book(tmp_path / "deep" / "book")
    assert again.fingerprint == SMALL.fingerprint
    assert again.tables.keys() == SMALL.tables.keys()
    for name, table in SMALL.tables.items():
        assert again[name].equals(table), name


def test_a_book_without_patents_can_be_written(tmp_path: Path) -> None:
    empty = SMALL.select([])
    ipv.write_book(empty, tmp_path / "book", shards=2)
    assert ipv.read_book(tmp_path / "book").fingerprint == empty.fingerprint


def test_each_shard_alone_has_the_features_that_its_patents_have_in_the_whole(book: ipv.Book, tmp_path: Path) -> None:
    ipv.write_book(book, tmp_path / "book", shards=4)
    disk = BookOnDisk(tmp_path / "book")
    whole = book.as_of(DAY)
    statistics, expected = whole.statistics, ipv.extract(whole)
    parts = [disk.read([k]).as_of(DAY) for k in range(disk.shards)]
    together = from_parts([Part.of(part) for part in parts])
    assert together.counts.keys() == statistics.counts.keys()
    for name, counts in statistics.counts.items():
        np.testing.assert_array_equal(together.counts[name].key, counts.key)
        np.testing.assert_array_equal(together.counts[name].count, counts.count)
    for field in fields(CitationMeasures):
        np.testing.assert_array_equal(getattr(together.graph, field.name), getattr(statistics.graph, field.name))
    seen = []
    for part in parts:
        apart = part.with_statistics(statistics, book.fingerprint)
        assert ipv.extract(apart).equals(expected.loc[list(part.patent_ids)])
        seen += list(part.patent_ids)
    assert sorted(seen) == list(expected.index), "each patent is in one shard"


def test_a_shard_is_the_book_of_its_patents(book: ipv.Book, tmp_path: Path) -> None:
    ipv.write_book(book, tmp_path / "book", shards=4)
    home = shard_of(np.array(book.patent_ids, object), 4)
    ids = np.array(book.patent_ids, object)
    disk = BookOnDisk(tmp_path / "book")
    for shards in ([2], [0, 3], [3, 0]):
        part = disk.read(shards)
        assert part.fingerprint == book.select(ids[np.isin(home, shards)]).fingerprint
    only = disk.read([1], tables=["patents", "fx"])
    assert set(only.tables) == {"patents", "fx"}


def test_a_part_is_counted_alike_from_the_columns_that_counting_reads(folder: Path) -> None:
    disk = BookOnDisk(folder)
    few, every = (Part.of(disk.read([1], tables=tables).as_of(DAY)) for tables in (COUNTED, tuple(TABLES)))
    assert few.counts.keys() == every.counts.keys()
    for name, tally in every.counts.items():
        np.testing.assert_array_equal(few.counts[name].key, tally.key)
        np.testing.assert_array_equal(few.counts[name].count, tally.count)
    for one, other in zip(few.reports[0], every.reports[0]):
        np.testing.assert_array_equal(one, other)


def test_columns_that_are_not_asked_for_are_null(folder: Path) -> None:
    few = BookOnDisk(folder).read([0], tables={"patents": None, "citations": ("citing_id", "cited_id")})
    every = BookOnDisk(folder).read([0])
    assert few["patents"].equals(every["patents"])
    assert few["citations"]["cited_id"].equals(every["citations"]["cited_id"])
    assert few["citations"].schema.equals(every["citations"].schema)
    assert few["citations"]["citing_owner"].null_count == len(few["citations"]) > 0


def test_shards_depend_on_the_identifier_alone() -> None:
    ids = np.array(["CN-1-B", "界", "A\x00"], object)
    assert shard_of(ids, 7).tolist() == [int(shard_of(ids[k : k + 1], 7)[0]) for k in range(3)]
    assert (shard_of(np.array(SMALL.patent_ids, object), 3) < 3).all()


def first_file(folder: Path) -> Path:
    return folder / "shard-00001" / "patents.parquet"


def test_a_damaged_file_is_refused(folder: Path) -> None:
    content = bytearray(first_file(folder).read_bytes())
    content[len(content) // 2] ^= 1
    first_file(folder).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"shard-00001/patents.parquet is damaged"):
        ipv.read_book(folder)
    assert len(BookOnDisk(folder).read([0])) > 0, "the other shards can be read"


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "shared" / "licences.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"lacks its file shared/licences.parquet"):
        ipv.read_book(folder)


@pytest.mark.parametrize("place", ["shard-00000/extra.parquet", "shared/patents.parquet"])
def test_an_extra_file_is_refused(folder: Path, place: str) -> None:
    (folder / place).write_bytes(first_file(folder).read_bytes())
    with pytest.raises(ArtifactError, match="not in the manifest"):
        ipv.read_book(folder)


def test_a_file_swapped_together_with_its_sum_is_seen_by_the_fingerprint(folder: Path) -> None:
    table = pq.read_table(first_file(folder))
    pq.write_table(table.slice(1), first_file(folder))
    manifest = json.loads((folder / "book.json").read_text())
    manifest["files"]["shard-00001/patents.parquet"] = store.file_digest(first_file(folder))
    (folder / "book.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="fingerprint"):
        ipv.read_book(folder)


@pytest.mark.parametrize(
    "manifest",
    [
        *("", "{}", "[]", "null", "\xff", '{"format": 2}', '{"format": 1, "shards": "x"}'),
        '{"format": 1, "shards": 1, "fingerprint": "", "patents": 1, "files": [1]}',
    ],
)
def test_a_damaged_manifest_is_refused(folder: Path, manifest: str) -> None:
    (folder / "book.json").write_bytes(manifest.encode("latin-1"))
    with pytest.raises(ArtifactError, match=r"book.json is damaged"):
        ipv.read_book(folder)


def test_what_is_no_book_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "odd" / "book.json").mkdir(parents=True)
    for place in ("absent", "file", "odd", ""):
        with pytest.raises(ArtifactError):
            ipv.read_book(tmp_path / place)


@pytest.mark.parametrize("shard", [-1, 3])
def test_a_shard_that_is_not_there_is_no_empty_one(folder: Path, shard: int) -> None:
    with pytest.raises(BookError, match="no shard"):
        BookOnDisk(folder).read([shard])


@pytest.mark.parametrize("shards", [0, -1, 1.5, True, "2", None])
def test_shards_are_a_whole_number_from_one(tmp_path: Path, shards: object) -> None:
    with pytest.raises(BookError, match="shards="):
        ipv.write_book(SMALL, tmp_path / "book", shards=shards)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BookError, match="can't be written"):
        ipv.write_book(SMALL, tmp_path / "file" / "book")


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in ("full", "file"):
        with pytest.raises(BookError, match="not an empty folder"):
            ipv.write_book(SMALL, tmp_path / place)
    assert (tmp_path / "full" / "note").read_text() == (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.tmp").mkdir()
    (tmp_path / "empty.tmp" / "note").write_text("mine")
    ipv.write_book(SMALL, tmp_path / "empty")
    assert (tmp_path / "empty.tmp" / "note").exists(), "a neighbour is left alone"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def full_disk(*args: object, **more: object) -> None:
        calls.append(args)
        if len(calls) > 5:
            raise OSError("no space left on device")

    monkeypatch.setattr(store.pq, "write_table", full_disk)
    with pytest.raises(BookError, match="no space"):
        ipv.write_book(SMALL, tmp_path / "book", shards=3)
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_counts_what_is_there(folder: Path) -> None:
    manifest = json.loads((folder / "book.json").read_text())
    assert manifest["patents"] == len(SMALL)
    assert manifest["rows"] == {name: t.num_rows for name, t in SMALL.tables.items()}
    assert {Path(f).stem for f in manifest["files"]} == set(SMALL.tables) <= set(TABLES)


def test_a_book_that_was_written_before_a_column_was_added_is_read(tmp_path: Path) -> None:
    """The columns of a later release are unknown in it; its fingerprint is that of the day it was written."""
    book = ipv.synthetic_book(900, seed=6)
    ipv.write_book(book, tmp_path / "book", shards=2)
    added = [c.name for c in TABLES["loans"].columns.values() if c.added]
    assert added == ["rank", "consent"]
    manifest = json.loads((tmp_path / "book" / "book.json").read_text())
    for place in manifest["files"]:
        if place.endswith("loans.parquet"):
            file = tmp_path / "book" / place
            pq.write_table(pq.read_table(file, partitioning=None).drop_columns(added), file)
            manifest["files"][place] = file_digest(file)
    (tmp_path / "book" / "book.json").write_text(json.dumps(manifest))
    again = ipv.read_book(tmp_path / "book")
    assert again.fingerprint == book.fingerprint
    assert again["loans"].equals(book["loans"])
    assert len(again["loans"]) > 0 and again["loans"]["rank"].null_count == len(again["loans"])
    ranked = ipv.Book(
        **{**book.tables, "loans": book["loans"].set_column(6, "rank", pa.array([1] * len(book["loans"])))}
    )
    assert ranked.fingerprint != book.fingerprint


def test_a_column_of_a_later_release_is_refused(tmp_path: Path) -> None:
    ipv.write_book(SMALL, tmp_path / "book", shards=1)
    manifest = json.loads((tmp_path / "book" / "book.json").read_text())
    place = "shard-00000/patents.parquet"
    file = tmp_path / "book" / place
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.append_column("colour", pa.nulls(len(table), pa.string())), file)
    manifest["files"][place] = file_digest(file)
    (tmp_path / "book" / "book.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="column 'colour' that this version does not know"):
        ipv.read_book(tmp_path / "book")
