"""A revaluation with cached features equals a full one, bit for bit, whatever changed in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.batch import feature_cache, shards
from ipvalue.batch.feature_cache import FEATURE_TABLES, FeatureCache
from ipvalue.features import extract
from ipvalue.records.schema import TABLES
from ipvalue.records.store import BookOnDisk
from tests.batch import changes

DAY = "2023-12-31"


def content(folder: Path) -> pa.Table:
    parts = [pq.read_table(p) for p in sorted(folder.glob("part-*.parquet"))]
    return pa.concat_tables(parts).sort_by("patent_id")


@pytest.fixture(scope="module")
def small() -> ipv.Book:
    return ipv.synthetic_book(700, seed=5)


@pytest.fixture(scope="module")
def engines(small: ipv.Book) -> list[ipv.ValuationEngine]:
    methods = [
        ipv.ReliefFromRoyalty(),
        ipv.RenewalOption(minimum=40),
        ipv.IndicatorScore(),
        ipv.ComparableSales(minimum=4),
    ]
    assumed = ipv.Assumptions.default("CN")
    return [ipv.ValuationEngine(methods, a).fit(small, as_of=DAY) for a in (assumed, ipv.Assumptions.default("EU"))]


@pytest.mark.slow
def test_incremental_equals_full_on_random_changes(
    small: ipv.Book, engines: list[ipv.ValuationEngine], tmp_path: Path
) -> None:
    random = np.random.default_rng(20)
    book = small
    seen: set[str] = set()
    for night in range(20):
        if night:
            book, names = changes.changed(book, random)
            seen |= set(names)
        day = changes.DAYS[int(random.integers(3))] if night % 5 == 4 else DAY
        engine = engines[int(night % 7 == 6)]
        where = tmp_path / f"{night}"
        ipv.write_book(book, where / "book", shards=3)
        ipv.revalue(where / "book", where / "kept", engine=engine, as_of=day, keep=tmp_path / "keep")
        ipv.revalue(where / "book", where / "full", engine=engine, as_of=day)
        assert content(where / "kept").equals(content(where / "full"), check_metadata=True), (night, seen)
    assert len(seen) >= 10


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many shards are counted, and for how many features are computed."""
    calls = {"counted": 0, "features": 0}
    part_of, work = shards.Part.of, ipv.ValuationEngine.work

    def counting(*arguments: object) -> object:
        calls["counted"] += 1
        return part_of(*arguments)

    def working(self: ipv.ValuationEngine, subject: object) -> object:
        calls["features"] += isinstance(subject, ipv.Snapshot)
        return work(self, subject)

    monkeypatch.setattr(shards.Part, "of", counting)
    monkeypatch.setattr(ipv.ValuationEngine, "work", working)
    return calls


def tables_of(book: ipv.Book) -> dict[str, pa.Table]:
    return {name: book[name] for name in book.tables}


@pytest.mark.parametrize("change", ["engine", "curves", "deals", "nothing"])
def test_other_figures_curves_or_deals_compute_no_feature(
    small: ipv.Book, engines: list[ipv.ValuationEngine], computed: dict[str, int], tmp_path: Path, change: str
) -> None:
    book, engine = small, engines[0]
    ipv.write_book(book, tmp_path / "before", shards=3)
    ipv.revalue(tmp_path / "before", tmp_path / "first", engine=engine, as_of=DAY, keep=tmp_path / "cache")
    assert computed == {"counted": 3, "features": 3}
    if change == "engine":
        engine = engines[1]
    elif change in ("curves", "deals"):
        name = {"curves": "curves", "deals": "transactions"}[change]
        table = small[name].slice(1)
        book = ipv.Book(**{**tables_of(small), name: table})
    ipv.write_book(book, tmp_path / "after", shards=3)
    ipv.revalue(tmp_path / "after", tmp_path / "kept", engine=engine, as_of=DAY, keep=tmp_path / "cache")
    assert computed == {"counted": 3, "features": 3}
    ipv.revalue(tmp_path / "after", tmp_path / "full", engine=engine, as_of=DAY)
    assert content(tmp_path / "kept").equals(content(tmp_path / "full"), check_metadata=True)
    for file in (tmp_path / "full" / "_statistics").iterdir():
        assert file.read_bytes() == (tmp_path / "kept" / "_statistics" / file.name).read_bytes()


def test_every_table_that_features_are_made_from_is_named(small: ipv.Book) -> None:
    """Features of a book with the other tables taken away are the same: they are not made from them."""
    only = ipv.Book.from_canonical({name: small[name] for name in FEATURE_TABLES if name in small.tables})
    assert {*TABLES} - {*FEATURE_TABLES} >= {"curves", "fx", "price_index", "transactions", "licences", "loans"}
    assert extract(only.as_of(DAY)).equals(extract(small.as_of(DAY)))


@pytest.mark.parametrize("harm", ["truncated", "one byte", "vanished"])
@pytest.mark.parametrize("kind", ["features-00001.arrow", "counts.arrays", "graph-00002.arrays"])
def test_a_damaged_cache_costs_time_and_nothing_else(
    small: ipv.Book, engines: list[ipv.ValuationEngine], tmp_path: Path, harm: str, kind: str
) -> None:
    ipv.write_book(small, tmp_path / "book", shards=3)
    ipv.revalue(tmp_path / "book", tmp_path / "first", engine=engines[0], as_of=DAY, keep=tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob(f"*/{kind}")
    data = bytearray(file.read_bytes())
    if harm == "vanished":
        file.unlink()
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(bytes(data if harm == "one byte" else data[: len(data) // 2]))
    ipv.revalue(tmp_path / "book", tmp_path / "second", engine=engines[0], as_of=DAY, keep=tmp_path / "cache")
    assert content(tmp_path / "second").equals(content(tmp_path / "first"), check_metadata=True)


def test_other_code_and_other_days_make_other_entries(
    monkeypatch: pytest.MonkeyPatch, small: ipv.Book, tmp_path: Path
) -> None:
    ipv.write_book(small, tmp_path / "book", shards=2)
    disk, cache = BookOnDisk(tmp_path / "book"), FeatureCache(tmp_path / "cache")
    entries = {cache.entry(disk, day, known).folder for day in (DAY, "2023-12-30") for known in ("announced", "loaded")}
    monkeypatch.setattr(feature_cache, "code_hash", lambda: "other code")
    assert len(entries | {cache.entry(disk, DAY, "announced").folder}) == 5


def test_the_cache_holds_the_last_entry_only(
    small: ipv.Book, engines: list[ipv.ValuationEngine], tmp_path: Path
) -> None:
    ipv.write_book(small, tmp_path / "book", shards=2)
    for day in (DAY, "2024-03-31"):
        ipv.revalue(tmp_path / "book", tmp_path / day, engine=engines[0], as_of=day, keep=tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("features-of-*"))) == 1
