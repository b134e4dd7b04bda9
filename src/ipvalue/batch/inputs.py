"""What a shard's results follow from: the code, the files that are read, and the date or what is known by then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ipvalue.artifacts import versions
from ipvalue.features.base import Family
from ipvalue.records.schema import TABLES
from ipvalue.records.store import BookOnDisk
from ipvalue.types import Dates

__all__ = ["DATED_TABLES", "LASTING_TABLES", "Inputs", "code_hash"]

# what tallies and reports of a part read (features/counts.COUNTED), by what they follow from
LASTING_TABLES = ("patents", "citations", "claims", "family_members")
DATED_TABLES = ("patents", "legal_events")


@cache
def code_hash() -> str:
    """Hash of the code and tables that results follow from, this package's and those of packages that extend it."""
    digest = hashlib.sha256(json.dumps(versions(), sort_keys=True).encode())
    root = Path(__file__).parents[1]
    for file in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".csv")):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    for group in ("ipvalue.features", "ipvalue.methods"):
        for point in sorted(entry_points(group=group), key=lambda point: point.name):
            spec = find_spec(point.module)
            digest.update(Path(spec.origin).read_bytes() if spec and spec.origin else point.value.encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Inputs:
    """What may be read for a shard.

    Attributes
    ----------
    disk : BookOnDisk
    shard : int
    as_of : str
    known : {'announced', 'loaded'}
    """

    disk: BookOnDisk
    shard: int
    as_of: str
    known: str

    def dated(self, tables: Iterable[str]) -> str:
        """Hash of what follows from some tables and the date."""
        return self._hash(tables, self.as_of)

    def lasting(self, tables: Iterable[str]) -> str:
        """Hash of what follows from the rows of some tables that are known on the date, and from nothing else of it.

        The rows known on two dates are the same if no date of any row lies between them: the last date that a row has
        by then stands for the date.
        """
        tables = tuple(tables)
        end = np.datetime64(self.as_of, "D")
        last = [days[place - 1] for days in map(self._days, tables) if (place := np.searchsorted(days, end, "right"))]
        return self._hash(tables, str(max(last, default="")))

    def of(self, family: Family) -> str:
        """Hash of what a feature family reads of the shard."""
        tables = tuple(TABLES) if family.tables is None else ("patents", *family.tables)
        return self.dated(tables) if family.dated else self.lasting(tables)

    def _hash(self, tables: Iterable[str], moment: str) -> str:
        sums = {name: self.disk.sums(self.shard, name) for name in sorted(set(tables))}
        return hashlib.sha256(json.dumps([code_hash(), sums, moment, self.known]).encode()).hexdigest()

    def _days(self, table: str) -> Dates:
        return _days(self.disk, self.shard, table, json.dumps(self.disk.sums(self.shard, table)))


@lru_cache(maxsize=16)
def _days(disk: BookOnDisk, shard: int, table: str, sums: str) -> Dates:
    """All dates that rows of a table have, ascending."""
    return disk.days(shard, table)
