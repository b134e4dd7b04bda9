"""Books on disk and their values as one process makes them: one long enough to be interrupted, and a little one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ipvalue as ipv
from ipvalue.batch import BatchReport

DAY = "2023-12-31"
SHARDS = 8
LITTLE_SHARDS = 4


@dataclass(frozen=True)
class Reference:
    """A book of eight shards, a saved engine, and every byte of the values of an undisturbed local run."""

    book: Path
    engine: Path
    values: bytes
    day: str = DAY
    shards: int = SHARDS


@pytest.fixture(scope="session")
def every_byte() -> Callable[[Path], bytes]:
    """Read all parts, metadata included, in the order of their names."""

    def read(values: Path) -> bytes:
        parts = sorted(values.glob("part-*.parquet"))
        assert len(parts) == SHARDS
        assert list(values.rglob("*.tmp")) == []
        assert not (values / "_work").exists()
        return b"".join(p.read_bytes() for p in parts)

    return read


@pytest.fixture(scope="session")
def reference(
    book: ipv.Book,
    engine: ipv.ValuationEngine,
    every_byte: Callable[[Path], bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Reference:
    folder = tmp_path_factory.mktemp("reference")
    ipv.write_book(book, folder / "book", shards=SHARDS)
    engine.save(folder / "engine")
    ipv.revalue(folder / "book", folder / "values", engine=engine, as_of=DAY)
    return Reference(folder / "book", folder / "engine", every_byte(folder / "values"))


@dataclass(frozen=True)
class Little:
    """Paths of a book and of an engine, and the bytes of their values."""

    folder: Path
    undisturbed: dict[str, bytes]

    def revalue(self, values: Path, **options: Any) -> BatchReport:
        given = {"engine": self.folder / "engine", "as_of": DAY, **options}
        return ipv.revalue(given.pop("book", self.folder / "book"), values, **given)

    def command(self, values: Path) -> list[str]:
        return [
            "revalue",
            str(self.folder / "book"),
            str(values),
            "--engine",
            str(self.folder / "engine"),
            "--as-of",
            DAY,
        ]


def parts(values: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(values.glob("part-*.parquet"))}


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Little:
    folder = tmp_path_factory.mktemp("little")
    tables = dict(ipv.synthetic_book(160, seed=3).tables)
    patents = tables["patents"].to_pandas()
    patents.loc[:2, "patent_id"] = None
    book = ipv.Book(**{**tables, "patents": patents})
    ipv.write_book(book, folder / "book", shards=LITTLE_SHARDS)
    ipv.ValuationEngine([ipv.ReliefFromRoyalty(), ipv.ReplacementCost()]).fit(book, as_of=DAY).save(folder / "engine")
    ipv.revalue(folder / "book", folder / "values", engine=folder / "engine", as_of=DAY)
    return Little(folder, parts(folder / "values"))


@pytest.fixture
def journal() -> Any:
    """Read a journal's lines of one event."""

    def read(values: Path, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in (values / "_journal.jsonl").read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    return read
