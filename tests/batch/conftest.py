"""A book on disk that is long enough to be interrupted, and its values as one process makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import ipvalue as ipv

DAY = "2023-12-31"
SHARDS = 8


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
