"""A revaluation that reuses what an earlier run kept equals a full one, bit for bit, whatever changed in between."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.batch import inputs
from ipvalue.errors import IpvalueError
from ipvalue.features import compute, family_keys
from ipvalue.features.base import Context, families
from ipvalue.features.statistics import Whole
from ipvalue.records.schema import TABLES

DAY = "2023-12-31"
_SPEC = importlib.util.spec_from_file_location("changes", Path(__file__).with_name("changes.py"))
changes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(changes)


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
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many rows are valued, and how often each family is computed."""
    calls: dict[str, int] = {"rows": 0}
    table = ipv.ValuationEngine.table

    def valued(self: ipv.ValuationEngine, subject: object) -> pa.Table:
        calls["rows"] += len(subject)
        return table(self, subject)

    monkeypatch.setattr(ipv.ValuationEngine, "table", valued)
    for name, family in families().items():

        def computed(context: object, name: str = name, function: object = family.compute) -> object:
            calls[name] = calls.get(name, 0) + 1
            return function(context)

        monkeypatch.setitem(families(), name, family.__class__(**{**vars(family), "compute": computed}))
    return calls


def test_only_what_changed_is_computed(
    small: ipv.Book, engines: list[ipv.ValuationEngine], tmp_path: Path, counted: dict[str, int]
) -> None:
    def run(name: str, book: ipv.Book, engine: ipv.ValuationEngine = engines[0], day: str = DAY) -> dict[str, int]:
        counted.clear()
        counted["rows"] = 0
        ipv.write_book(book, tmp_path / name, shards=3)
        ipv.revalue(tmp_path / name, tmp_path / f"v{name}", engine=engine, as_of=day, keep=tmp_path / "keep")
        return dict(counted)

    tables = small.tables
    first = run("a", small)
    assert first["rows"] == len(small.as_of(DAY))
    assert first["claims"] == 3
    assert run("b", small) == {"rows": 0}, "nothing has changed"
    assert run("c", small, engines[1]) == {"rows": first["rows"]}, "another engine needs no feature anew"
    run("d", small)
    money = tables["economics"].to_pandas()
    known = money[money["revenue"].notna() & (money["known_date"].astype(str) <= DAY)]
    money.loc[known.drop_duplicates("patent_id", keep=False).index[0], "revenue"] *= 2.0
    one = run("e", ipv.Book(**{**tables, "economics": money}))
    # the shard of the patent, and in the others nothing: no statistic of the whole book knows of revenue
    assert one == {"rows": 1, "economics": 1}
    patents = tables["patents"].to_pandas()
    owners = patents["owners"].tolist()
    patents["owners"] = [owners[1], *owners[1:]]
    run("f", small)
    moved = run("g", ipv.Book(**{**tables, "patents": patents}))
    assert moved["owners"] == 3, "portfolios are counted in the whole book"
    assert moved["claims"] == 1
    assert run("h", small, day="2024-03-31")["claims"] == 3, "features are those of a date"


DATED = {name for name, family in families().items() if family.dated}


def test_where_nothing_new_is_known_only_dated_features_are_computed(
    engines: list[ipv.ValuationEngine], small: ipv.Book, tmp_path: Path, counted: dict[str, int]
) -> None:
    """no patent, citation, claim or family has a date between the two days; the next day one has."""
    dates = [
        column.drop_null().to_numpy().astype("datetime64[D]")
        for name, table in small.tables.items()
        if name in inputs.LASTING_TABLES
        for column in table.columns
        if pa.types.is_date(column.type)
    ]
    days = np.unique(np.concatenate(dates))
    days = days[(days > np.datetime64("2020-01-01")) & (days < np.datetime64("2023-12-01"))]
    quiet = int(np.argmax(np.diff(days)))
    first, last, next_day = days[quiet], days[quiet + 1] - 1, days[quiet + 1]
    assert last > first
    ipv.write_book(small, tmp_path / "book", shards=3)
    found = []
    for name, day in (("first", first), ("last", last), ("next", next_day)):
        counted.clear()
        counted["rows"] = 0
        ipv.revalue(tmp_path / "book", tmp_path / name, engine=engines[0], as_of=str(day), keep=tmp_path / "keep")
        found.append({family for family in counted if family != "rows"})
        ipv.revalue(tmp_path / "book", tmp_path / f"{name}-full", engine=engines[0], as_of=str(day))
        assert content(tmp_path / name).equals(content(tmp_path / f"{name}-full"), check_metadata=True)
    assert found[0] == set(families())
    assert found[1] == DATED
    assert found[2] > DATED


@pytest.mark.parametrize("name", sorted(families()))
def test_a_family_reads_the_tables_that_it_names_and_no_others(small: ipv.Book, name: str) -> None:
    family = families()[name]
    shown = ("patents", *(TABLES if family.tables is None else family.tables))
    snapshot = small.as_of(DAY)
    partly = ipv.Book.from_canonical({t: table for t, table in small.tables.items() if t in shown}).as_of(DAY)
    whole, columns = Whole.of(snapshot), compute(snapshot).columns
    here, there = (family.compute(Context(each, whole, columns)) for each in (snapshot, partly))
    for column in here:
        np.testing.assert_array_equal(here[column], there[column])


def flipped(content: bytes) -> bytes:
    """One bit in the middle is another one."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_damaged_keep_costs_time_and_nothing_else(
    small: ipv.Book, engines: list[ipv.ValuationEngine], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ipv.write_book(small, tmp_path / "book", shards=3)
    arguments = {"engine": engines[0], "as_of": DAY, "keep": tmp_path / "keep"}
    ipv.revalue(tmp_path / "book", tmp_path / "one", **arguments)
    files = sorted((tmp_path / "keep" / "shards").glob("*.arrow"))
    files[0].write_bytes(files[0].read_bytes()[:-500])
    files[1].write_bytes(b"")
    files[2].write_bytes(flipped(files[2].read_bytes()))
    with caplog.at_level(logging.WARNING, "ipvalue.batch"):
        ipv.revalue(tmp_path / "book", tmp_path / "two", **arguments)
    assert content(tmp_path / "one").equals(content(tmp_path / "two"), check_metadata=True)
    assert sum("kept shard" in record.message for record in caplog.records) == 3


def test_other_code_makes_other_keys(monkeypatch: pytest.MonkeyPatch, small: ipv.Book, tmp_path: Path) -> None:
    ipv.write_book(small, tmp_path / "book", shards=2)
    disk = ipv.records.store.BookOnDisk(tmp_path / "book")

    def keys(shard: int = 0, day: str = DAY, known: str = "announced") -> list[str]:
        found = inputs.Inputs(disk, shard, day, known)
        return [found.dated(("patents",)), found.lasting(("patents",))]

    one = keys()
    for other in (keys(shard=1), keys(known="loaded"), keys(day="2015-12-31")):
        assert not set(one) & set(other)
    monkeypatch.setattr(inputs, "code_hash", lambda: "another")
    assert not set(one) & set(keys())


def test_the_keep_holds_the_last_run_only(small: ipv.Book, engines: list[ipv.ValuationEngine], tmp_path: Path) -> None:
    for shards, name in ((4, "four"), (2, "two")):
        ipv.write_book(small, tmp_path / name, shards=shards)
        ipv.revalue(tmp_path / name, tmp_path / f"v{name}", engine=engines[0], as_of=DAY, keep=tmp_path / "keep")
    counts = {p.name: len(list(p.iterdir())) for p in (tmp_path / "keep").iterdir() if p.is_dir()}
    assert counts == {"parts": 4, "wholes": 2, "shards": 2}


def test_families_see_only_what_they_name(small: ipv.Book) -> None:
    snapshot = small.as_of(DAY)
    whole = Whole.of(snapshot)
    with pytest.raises(IpvalueError, match="'cohort_size'"):
        _ = whole.only(("portfolio",)).tallies["cohort_size"]
    with pytest.raises(IpvalueError, match="graph"):
        _ = whole.only(("portfolio",)).graph.page_rank
    digests = whole.digests()
    assert {name for family in families().values() for name in family.reads or ()} <= digests.keys()
    assert set(family_keys(lambda family: "x", digests)) == set(families())


def test_kept_families_are_not_computed_again(small: ipv.Book, counted: dict[str, int]) -> None:
    snapshot = small.as_of(DAY)
    all_of_it = compute(snapshot)
    given = {
        name: {f.name: all_of_it[f.name] for f in family.features}
        for name, family in families().items()
        if name != "quality"
    }
    counted.clear()
    again = compute(snapshot, Whole.of(snapshot), given)
    assert counted == {"quality": 1}
    for name, values in all_of_it.columns.items():
        np.testing.assert_array_equal(again[name], values)
