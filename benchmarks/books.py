"""Books on disk of any size for benchmarks: a synthetic book, and copies of it with identifiers of their own.

Making and validating millions of patents takes longer than valuing them. A large book is therefore a smaller one, of
which each copy has its own patents, families and citations; owners are the same in all copies.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import ipvalue as ipv
from ipvalue.records.store import file_digest

__all__ = ["DAY", "write_copies"]

DAY = "2024-12-31"
_PATENTS = ("patent_id", "citing_id", "cited_id")
_FAMILIES = ("family_id", "citing_family", "deal_id", "loan_id")


def renamed(table: pa.Table, copy: int) -> pa.Table:
    """The table with identifiers of another copy; the canonical order of the rows stays."""
    for k, name in enumerate(table.column_names):
        if name in _PATENTS:
            values = pc.replace_substring_regex(table[name], r"^([A-Z]{2}-?)", rf"\1{100 + copy}")
        elif name in _FAMILIES:
            values = pc.binary_join_element_wise(table[name], f"~{copy:03d}", "")
        else:
            continue
        table = table.set_column(k, table.schema.field(name), values)
    return table


def write_copies(folder: Path, patents: int, *, base: int = 100_000, shard: int = 25_000, seed: int = 7) -> Path:
    """Write a book of so many patents, in shards of a fixed size, unless the folder has it already.

    Parameters
    ----------
    folder : path
        Where the books are made.
    patents : int
        A multiple of ``base``, or fewer.
    base, shard : int
        Patents of the book that is copied, and of a shard.
    seed : int

    Returns
    -------
    path
        Folder of the book.
    """
    base = min(base, patents)
    copies, shards = max(patents // base, 1), max(base // shard, 1)
    small = folder / f"base-{base}-{_generator()}"
    if not small.exists():
        ipv.write_book(ipv.synthetic_book(base, seed=seed, until=DAY), small, shards=shards)
    if copies == 1:
        return small
    target = folder / f"book-{patents}-{_generator()}"
    if (target / "book.json").exists():  # written last
        return target
    shutil.rmtree(target, ignore_errors=True)
    manifest = json.loads((small / "book.json").read_text())
    files = {}
    shutil.copytree(small / "shared", target / "shared")
    for copy in range(copies):
        for k in range(shards):
            place = target / f"shard-{copy * shards + k:05d}"
            place.mkdir(parents=True)
            for file in sorted((small / f"shard-{k:05d}").glob("*.parquet")):
                pq.write_table(
                    renamed(pq.read_table(file, partitioning=None), copy), place / file.name, compression="zstd"
                )
    for file in sorted(target.rglob("*.parquet")):
        files[file.relative_to(target).as_posix()] = file_digest(file)
    manifest["rows"] = {
        name: rows * (1 if f"shared/{name}.parquet" in files else copies) for name, rows in manifest["rows"].items()
    }
    manifest |= {
        "patents": manifest["patents"] * copies,
        "shards": shards * copies,
        "files": files,
        "fingerprint": hashlib.sha256(json.dumps(files).encode()).hexdigest(),
    }
    (target / "book.json").write_text(json.dumps(manifest, indent=1))
    return target


def _generator() -> str:
    """Short hash of the generator's code and tables: a book of another generator is another book."""
    records = Path(ipv.__file__).parent / "records"
    files = sorted([*records.glob("synthetic*.py"), *records.glob("tables/synthetic_*.csv")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
