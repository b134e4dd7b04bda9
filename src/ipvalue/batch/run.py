"""What a run is: the hashes, dates and versions that its values depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ipvalue.artifacts import versions
from ipvalue.engine import ValuationEngine
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Known
from ipvalue.records.store import BookOnDisk

__all__ = ["Run"]

_FORMAT = 2
_SHOWN = {
    "book": "the book",
    "engine": "the engine",
    "assumptions": "the assumptions",
    "as_of": "the date",
    "shards": "the number of shards",
    "overrides": "the overrides",
}


@dataclass(frozen=True)
class Run:
    """Everything that the values of a batch depend on.

    Attributes
    ----------
    book : str
        Fingerprint of the book.
    engine : str
        Hash of the engine, with its assumptions and all that it has learnt.
    assumptions : str
        Hash of the assumption set alone.
    as_of : str
        Valuation date.
    known : {'announced', 'loaded'}
    versions : dict of str to str
        Of Python and of the packages that values depend on.
    shards : int
        Of the book: a shard's values are no part of the dataset of another division.
    overrides : str
        Hash of the experts' overrides; empty without any.
    """

    book: str
    engine: str
    assumptions: str
    as_of: str
    known: Known
    versions: dict[str, str]
    shards: int
    overrides: str = ""

    @classmethod
    def of(
        cls, disk: BookOnDisk, engine: ValuationEngine, as_of: str, known: Known, overrides: Overrides | None = None
    ) -> Run:
        """Name the run of an engine over a book."""
        said = "" if overrides is None else overrides.hash
        return cls(disk.fingerprint, engine.hash, engine.assumptions.hash, as_of, known, versions(), disk.shards, said)

    @property
    def key(self) -> str:
        """Hash of all of it, in hexadecimal."""
        return hashlib.sha256(json.dumps([_FORMAT, asdict(self)], sort_keys=True).encode()).hexdigest()

    def differences(self, earlier: Mapping[str, Any]) -> list[str]:
        """Say what differs from an earlier run, which is given as a dict of the same fields.

        Examples
        --------
        >>> here = Run("b", "e", "a", "2024-12-31", "announced", {"numpy": "2.0"}, 4)
        >>> here.differences({"book": "b", "engine": "e", "assumptions": "a", "as_of": "2023-12-31",
        ...                   "known": "announced", "versions": {"numpy": "1.26"}, "shards": 4})
        ['the date (2023-12-31 there, 2024-12-31 here)', 'the version of numpy (1.26 there, 2.0 here)']
        """
        found = []
        for name, mine in asdict(self).items():
            there = earlier.get(name, "" if name == "overrides" else None)
            if name == "versions":
                found += _versions(there if isinstance(there, dict) else {}, self.versions)
            elif there != mine:
                found.append(f"{_SHOWN.get(name, name)} ({_short(there)} there, {_short(mine)} here)")
        return found

    def made(self, provenance: Mapping[str, Any]) -> bool:
        """Tell whether a table of values with this provenance belongs to the run."""
        theirs = [provenance.get(k) for k in ("book", "engine_hash", "assumptions_hash", "as_of", "known", "versions")]
        overrides = (provenance.get("overrides") or {}).get("hash", "")
        return overrides == self.overrides and theirs == [
            self.book,
            self.engine,
            self.assumptions,
            self.as_of,
            self.known,
            self.versions,
        ]


def _versions(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    names = sorted(set(there) | set(here))
    return [
        f"the version of {n} ({there.get(n, 'unknown')} there, {here.get(n, 'unknown')} here)"
        for n in names
        if there.get(n) != here.get(n)
    ]


def _short(text: object) -> str:
    """The first characters of a hash; a date or a word whole."""
    return str(text)[:12] or "none"
