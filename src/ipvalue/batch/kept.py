"""What a batch keeps for the next one: each result under the name of all that it follows from.

A part, the whole, a family's columns and a patent's values are kept under the hash of their inputs and of the code
that made them. A later run looks each up by the hash of its own inputs: what is found is what it would compute, so
that a revaluation that reuses it equals a full one bit for bit, whatever has changed in between.

``kept/parts/``, ``kept/wholes/`` and ``kept/shards/`` hold what the last run used; the rest is removed at its end.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ipvalue.batch.files import LOCK, sole_user, write_file
from ipvalue.errors import BatchError
from ipvalue.evidence.subject import Subject
from ipvalue.features import Features
from ipvalue.features.base import families
from ipvalue.types import Array, Columns, Ints, Mask

__all__ = ["Keep", "KeptShard", "unchanged_rows"]

_LOG = logging.getLogger("ipvalue.batch")
_SUM = hashlib.sha256().digest_size
_OURS = ("parts", "wholes", "shards", LOCK)
_CODES = ("patent_id", "jurisdiction", "right", "field")


@dataclass(frozen=True)
class KeptShard:
    """A shard's features, the other columns that its values follow from, and its values.

    Attributes
    ----------
    keys : dict of str to str
        Of each family's columns.
    engine : str
        Hash of the engine that made the values.
    subject : Subject
    values : pyarrow.Table
    """

    keys: dict[str, str]
    engine: str
    subject: Subject
    values: pa.Table

    def families(self, keys: dict[str, str]) -> dict[str, Columns]:
        """Columns of the families that would come out the same."""
        return {
            name: {feature.name: self.subject.features[feature.name] for feature in family.features}
            for name, family in families().items()
            if self.keys.get(name) == keys[name]
        }


class Keep:
    """A folder of results that later batches may use.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @contextmanager
    def locked(self, values: Path) -> Iterator[None]:
        """Exclude a second run that keeps its results here; the lock goes with the process, however it ends.

        Parameters
        ----------
        values : path
            Folder of the run's values, of which this one is no part.

        Raises
        ------
        BatchError
            If another process keeps its results here, or the folder is somebody else's or can't be written.
        """
        mine, theirs = self.path.resolve(), values.resolve()
        if mine == theirs or theirs in mine.parents:
            raise BatchError(f"keep={os.fspath(self.path)!r} lies in the folder of the values; choose one outside")
        with sole_user(self.path, self._refuse_strangers, "keeps its results in"):
            yield

    def _refuse_strangers(self) -> None:
        strange = [p.name for p in self.path.iterdir() if p.name not in _OURS] if self.path.is_dir() else []
        if strange:
            raise BatchError(f"{self.path} holds files that no batch has kept ({min(strange)}); choose another folder")

    def part(self, shard: int, key: str) -> Path:
        """File of what a shard contributes to the whole, under the hash of what that follows from."""
        return self.path / "parts" / f"{shard:05d}-{key}.cells"

    def whole(self, parts: Sequence[Path]) -> Path:
        """Folder of the statistics that some parts make."""
        return self.path / "wholes" / hashlib.sha256(json.dumps([part.stem for part in parts]).encode()).hexdigest()

    def shard(self, shard: int) -> Path:
        """File of a shard's features and values."""
        return self.path / "shards" / f"{shard:05d}.arrow"

    def read(self, shard: int) -> KeptShard | None:
        """Read what an earlier run left of a shard; nothing where it left none, or a damaged file."""
        file = self.shard(shard)
        try:
            content = memoryview(file.read_bytes())
            if hashlib.sha256(content[_SUM:]).digest() != content[:_SUM]:
                raise ValueError("its checksum is not that of its content")
            table = pa.ipc.open_file(pa.py_buffer(content[_SUM:])).read_all()
            about = json.loads(table.schema.metadata[b"kept"])
            return _kept(table, about)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.warning("a kept shard can't be used", extra={"path": os.fspath(file), "error": repr(error)})
            return None

    def write(self, shard: int, kept: KeptShard) -> None:
        """Keep a shard's features and values in place of earlier ones."""
        table = _table(kept)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        file = self.shard(shard)
        file.parent.mkdir(parents=True, exist_ok=True)
        content = sink.getvalue()
        write_file(file, hashlib.sha256(content).digest(), content)

    def drop_others(self, shards: int, parts: Iterable[Path], wholes: Iterable[Path]) -> None:
        """Remove what the run did not use."""
        values = {self.shard(shard) for shard in range(shards)}
        for folder, used in (("parts", set(parts)), ("wholes", set(wholes)), ("shards", values)):
            for item in (self.path / folder).glob("*"):
                if item not in used:
                    shutil.rmtree(item) if item.is_dir() else item.unlink()


def unchanged_rows(old: Subject, new: Subject) -> Ints:
    """Row of the old subject that equals each row of the new one in every bit; -1 where none does.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> from ipvalue.evidence.prices import prepare
    >>> book, figures = ipv.synthetic_book(60, seed=1), ipv.Assumptions.default("CN")
    >>> subject = prepare(book.as_of("2024-12-31"), figures)
    >>> unchanged_rows(subject, subject.take([2, 0])).tolist()
    [2, 0]
    """
    if not len(old) or not len(new):
        return np.full(len(new), -1, np.int64)
    place = np.searchsorted(old.patent_id, new.patent_id)
    place = np.minimum(place, len(old) - 1)
    same = np.asarray(old.patent_id[place] == new.patent_id, bool)
    before, after = _columns(old), _columns(new)
    if before.keys() != after.keys():
        return np.full(len(new), -1, np.int64)
    for name, values in after.items():
        same &= _equal(before[name][place], values)
    return np.where(same, place, -1)


def _equal(one: Array, two: Array) -> Mask:
    """Equality of bits: a missing value equals a missing one, and 0 is not -0."""
    if one.dtype.kind in "fM" and one.dtype == two.dtype:
        return np.asarray(one.view(np.int64) == two.view(np.int64))
    return np.asarray(one == two, bool)


def _columns(subject: Subject) -> Columns:
    """Every column of a subject by a name that says where it belongs."""
    columns: Columns = {f"code:{name}": getattr(subject, name) for name in _CODES}
    columns |= {f"feature:{name}": values for name, values in subject.features.columns.items()}
    columns |= {f"money:{name}": values for name, values in subject.money.items()}
    return columns | {f"date:{name}": values for name, values in subject.dates.items()}


def _table(kept: KeptShard) -> pa.Table:
    columns = {name: pa.array(values) for name, values in _columns(kept.subject).items()}
    columns |= {f"value:{name}": kept.values[name] for name in kept.values.column_names}
    about = {"keys": kept.keys, "engine": kept.engine}
    return pa.table(columns).replace_schema_metadata({b"kept": json.dumps(about).encode()})


def _kept(table: pa.Table, about: dict[str, object]) -> KeptShard:
    groups: dict[str, Columns] = {"code": {}, "feature": {}, "money": {}, "date": {}}
    values = {}
    for full in table.column_names:
        group, _, name = full.partition(":")
        if group == "value":
            values[name] = table[full]
        else:
            groups[group][name] = _array(table[full])
    code = groups["code"]
    subject = Subject(
        np.asarray(code["patent_id"], object),
        code["jurisdiction"],
        code["right"],
        code["field"],
        Features(groups["feature"]),
        groups["money"],
        groups["date"],
    )
    return KeptShard(dict(about["keys"]), str(about["engine"]), subject, pa.table(values))  # type: ignore[call-overload]


def _array(column: pa.ChunkedArray) -> Array:
    if pa.types.is_string(column.type):
        return np.asarray(column.to_numpy(), np.str_)
    return np.asarray(column.to_numpy())
