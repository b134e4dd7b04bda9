"""A finished batch explains its values from the files of one shard, and its change is attributed shard by shard."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.batch import finished
from ipvalue.batch.finished import FinishedBatch
from ipvalue.errors import BatchError, BookError, IpvalueError
from ipvalue.records.store import BookOnDisk

BEFORE, AFTER = "2022-12-31", "2023-12-31"


@pytest.fixture(scope="module")
def small() -> ipv.Book:
    return ipv.synthetic_book(900, seed=6)


@pytest.fixture(scope="module")
def engine(small: ipv.Book) -> ipv.ValuationEngine:
    methods = [ipv.ReliefFromRoyalty(), ipv.ComparableSales(minimum=4), ipv.RenewalOption(minimum=40)]
    return ipv.ValuationEngine(methods).fit(small, as_of=BEFORE)


@pytest.fixture(scope="module")
def overrides(small: ipv.Book, engine: ipv.ValuationEngine) -> ipv.Overrides:
    values = engine.value(small.as_of(AFTER)).to_pandas()["value"]
    shared = {"author": "A. Expert", "reason": "offer in hand", "made_on": "2023-06-30", "expires_on": "2024-06-30"}
    dearest = ipv.Override(patent_id=str(values.idxmax()), factor=0.5, **shared)
    return ipv.Overrides(items=[dearest])


@pytest.fixture(scope="module")
def folder(
    small: ipv.Book, engine: ipv.ValuationEngine, overrides: ipv.Overrides, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A book, an engine, and the values of two dates, the later with an override."""
    place = tmp_path_factory.mktemp("finished")
    ipv.write_book(small, place / "book", shards=4)
    engine.save(place / "engine")
    ipv.revalue(place / "book", place / BEFORE, engine=engine, as_of=BEFORE)
    ipv.revalue(place / "book", place / AFTER, engine=engine, as_of=AFTER, overrides=overrides)
    return place


def test_an_explanation_ends_with_the_stored_bits(folder: Path) -> None:
    written = ipv.Valuation.from_parquet(folder / BEFORE)
    values = written.to_pandas()["value"]
    for patent in [*values.index[::97], values.idxmax()]:
        steps = ipv.explain(folder / BEFORE, str(patent), book=folder / "book", engine=folder / "engine")
        last = steps["value"].iloc[-1]
        assert last == values[patent] or (pd.isna(last) and pd.isna(values[patent]))
        assert steps.equals(written.explain(str(patent), book=folder / "book", engine=folder / "engine"))


def test_it_is_the_explanation_of_the_engine(folder: Path, small: ipv.Book, engine: ipv.ValuationEngine) -> None:
    made = engine.value(small.as_of(BEFORE))
    for patent in made.to_pandas().index[::150]:
        found = ipv.explain(folder / BEFORE, patent, book=folder / "book", engine=engine)
        pd.testing.assert_frame_equal(found, made.explain(patent), check_exact=True)


def test_one_shard_of_the_book_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    original = BookOnDisk.read

    def counted(self: BookOnDisk, shards: list[int], **more: object) -> ipv.Book:
        read.append(list(shards))
        return original(self, shards, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(BookOnDisk, "read", counted)
    patent = ipv.Valuation.from_parquet(folder / BEFORE).table["patent_id"][3].as_py()
    ipv.explain(folder / BEFORE, patent, book=folder / "book", engine=folder / "engine")
    assert [len(shards) for shards in read] == [1]


def test_an_overridden_value_is_explained_with_its_override(folder: Path, overrides: ipv.Overrides) -> None:
    patent = overrides.items[0].patent_id
    steps = ipv.explain(folder / AFTER, patent, book=folder / "book", engine=folder / "engine")
    value = ipv.Valuation.from_parquet(folder / AFTER).to_pandas().loc[patent, "value"]
    assert steps["value"].iloc[-1] == value
    assert "override" in set(steps["part"])


def test_what_does_not_belong_to_the_batch_is_refused(folder: Path, small: ipv.Book, tmp_path: Path) -> None:
    book, engine, values = folder / "book", folder / "engine", folder / BEFORE
    patent = ipv.Valuation.from_parquet(values).table["patent_id"][0].as_py()
    other = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(small, as_of=BEFORE)
    with pytest.raises(BatchError, match="made from another engine"):
        ipv.explain(values, patent, book=book, engine=other)
    ipv.write_book(ipv.synthetic_book(50, seed=1), tmp_path / "book", shards=4)
    with pytest.raises(BatchError, match="made from another book"):
        ipv.explain(values, patent, book=tmp_path / "book", engine=engine)
    with pytest.raises(BookError, match="there is no patent 'CN-nowhere'"):
        ipv.explain(values, "CN-nowhere", book=book, engine=engine)
    with pytest.raises(BookError, match="patent_id=7"):
        ipv.explain(values, 7, book=book, engine=engine)  # type: ignore[arg-type]
    with pytest.raises(BatchError, match="no finished batch"):
        ipv.explain(tmp_path, patent, book=book, engine=engine)
    with pytest.raises(BookError, match=r"name the book and the engine"):
        ipv.Valuation.from_parquet(values).explain(patent)


@pytest.mark.parametrize("harm", ["counts.arrays", "graph-00002.arrays", "part-00002.parquet", "_manifest.json"])
def test_damage_is_named(folder: Path, tmp_path: Path, harm: str) -> None:
    values = tmp_path / "values"
    shutil.copytree(folder / BEFORE, values)
    (file,) = values.rglob(harm)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content[: len(content) - 9]))
    with pytest.raises(IpvalueError, match=f"{harm} is|{harm} is missing or damaged"):
        FinishedBatch(values, folder / "book", folder / "engine").valuation(2)


def test_a_value_that_does_not_come_out_again_is_not_explained(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under other versions of a library: a number is never explained by another one."""
    values = ipv.Valuation.from_parquet(folder / BEFORE).to_pandas()["value"]
    original = finished.work

    def other(*arguments: object, **more: object) -> object:
        sheet = original(*arguments, **more)  # type: ignore[arg-type]
        sheet.result["value"] = np.nextafter(sheet.result["value"], np.inf)
        return sheet

    monkeypatch.setattr(finished, "work", other)
    with pytest.raises(BatchError, match=r"was written as .* and comes out as"):
        ipv.explain(folder / BEFORE, str(values.idxmax()), book=folder / "book", engine=folder / "engine")


@pytest.mark.parametrize("workers", [1, 2])
def test_attribution_from_folders_is_that_of_the_valuations(
    folder: Path, small: ipv.Book, engine: ipv.ValuationEngine, overrides: ipv.Overrides, workers: int
) -> None:
    books, engines = (folder / "book",) * 2, (folder / "engine",) * 2
    found = ipv.attribute(folder / BEFORE, folder / AFTER, books=books, engines=engines, workers=workers)
    before, after = engine.value(small.as_of(BEFORE)), engine.value(small.as_of(AFTER)).override(overrides)
    expected = ipv.attribute(before, after)
    assert found.residual() == found.residual("shapley") == 0
    assert found.sequential.equals(expected.sequential)
    assert found.shapley is not None and found.shapley.equals(expected.shapley)
    pd.testing.assert_frame_equal(found.labels, expected.labels)
    assert found.overrides["change"].sum() == expected.overrides["change"].sum() != 0


def test_attribution_from_folders_asks_for_what_it_needs(folder: Path, small: ipv.Book, tmp_path: Path) -> None:
    pair = folder / BEFORE, folder / AFTER
    with pytest.raises(BookError, match=r"books=None.*give two"):
        ipv.attribute(*pair)
    with pytest.raises(BookError, match=r"workers=0"):
        ipv.attribute(*pair, books=(folder / "book",) * 2, engines=(folder / "engine",) * 2, workers=0)
    ipv.write_book(small, tmp_path / "book", shards=2)
    manifest = json.loads((tmp_path / "book" / "book.json").read_text())
    assert manifest["fingerprint"] == small.fingerprint
    with pytest.raises(BatchError, match="4 shards and the book after 2"):
        ipv.attribute(*pair, books=(folder / "book", tmp_path / "book"), engines=(folder / "engine",) * 2)


def test_attribution_takes_time_in_proportion_to_the_patents() -> None:
    """Identifiers are found by hashing: counted in lookups, since seconds are noise."""
    from ipvalue.risk.attribution import rows_of

    ids = np.array([f"P{k:06d}" for k in range(50_000)], object)
    assert rows_of(ids, ids[::-1]).tolist() == list(range(len(ids)))[::-1]
    assert rows_of(ids, np.array(["nobody", "P000003"], object)).tolist() == [-1, 3]
