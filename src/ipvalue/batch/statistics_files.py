"""Statistics of a book on disk: what each shard contributes, how key ranges are reduced, and the results.

A part is one file of arrays: what a shard reports on each key range, one row a range, and its counts. A range is
reduced to one file of answers, one row a shard. The results are one file of counts, and for each shard one file with
the measures of its patents in the citation graph; a batch leaves these beside its values.

Each file is an Arrow file of lists with a checksum, one record batch a row, and readers read single rows. Only the
counts of the book and, during the computation, the ranks of its documents are in memory as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ipvalue.batch.atomic_files import remove, write_file
from ipvalue.errors import BatchError
from ipvalue.features.book_statistics import Part, merged_counts
from ipvalue.features.citation_graph.map_reduce import Answer, Report, reduce_range
from ipvalue.features.citation_graph.measures import block_of, measures_of_part
from ipvalue.features.citation_graph.page_rank import Citations, ranks_at, ranks_of_cited
from ipvalue.records.cohorts import KeyedCounts
from ipvalue.records.statistics import CitationMeasures
from ipvalue.types import Array

__all__ = [
    "ArrayFile",
    "PartOnDisk",
    "SUMS",
    "StatisticsFiles",
    "answers_digest",
    "answers_file",
    "is_sound",
    "measure_graph",
    "ranges_of",
    "read_counts",
    "read_graph",
    "reduce_on_disk",
    "recorded_digest",
    "write_answers",
    "write_arrays",
    "write_counts",
    "write_graph",
    "write_part",
]

_ABOUT, _SUM = b"about", b"sha256"


def write_arrays(
    path: Path, rows: Sequence[Mapping[str, Array]], about: Mapping[str, Any] | None = None, *, lasting: bool = True
) -> str:
    """Write a table of arrays atomically.

    Parameters
    ----------
    path : path
    rows : sequence of mapping of str to ndarray
        One-dimensional arrays by column, of any length; a column that a row lacks is empty there.
    about : mapping, optional
        Further content of the file, as JSON.
    lasting : bool, default True
        Whether the file is synced, to survive a crash of the machine. Files that only the run needs are not: their
        checksum shows damage, and they are computed again.

    Returns
    -------
    str
        SHA-256 of the content.
    """
    kinds = {name: _plain(array) for row in rows for name, array in row.items()}
    batches = [[_plain(row.get(name, empty[:0])) for name, empty in kinds.items()] for row in rows]
    text = json.dumps(dict(about or {}))
    digest = _digest(text, (array for batch in batches for array in batch))
    types = [pa.list_(pa.from_numpy_dtype(array.dtype)) for array in kinds.values()]
    schema = pa.schema(list(zip(kinds, types)), {_ABOUT: text.encode(), _SUM: digest.encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            lists = [pa.ListArray.from_arrays(np.array([0, len(array)], np.int32), pa.array(array)) for array in batch]
            writer.write_batch(pa.record_batch(lists, schema=schema))
    write_file(path, sink.getvalue(), synced=lasting)
    return digest


def _plain(array: Array) -> Array:
    """Booleans as bytes: Arrow packs booleans into bits, which numpy cannot view."""
    return array.view(np.uint8) if array.dtype.kind == "b" else array


def _digest(about: str, arrays: Iterator[Array]) -> str:
    digest = hashlib.sha256(about.encode())
    for array in arrays:
        digest.update(f"{array.dtype} {len(array)} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def recorded_digest(path: Path) -> str | None:
    """SHA-256 recorded in a file, not verified; None where there is no such file."""
    try:
        return ArrayFile(path).digest
    except BatchError:
        return None


def is_sound(path: Path) -> bool:
    """Whether a file exists and has the content that it was written with."""
    try:
        file = ArrayFile(path)
        return bool(file.digest == _digest(json.dumps(file.about), file.everything()))
    except BatchError:
        return False


class ArrayFile:
    """A table of arrays that :func:`write_arrays` wrote, with its ``about`` and ``digest``.

    Opening it or reading a row raises :class:`BatchError` if the file is missing or cut short; :func:`is_sound` finds
    any other damage.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pa.ipc.open_file(pa.OSFile(str(path)))
            metadata = self._file.schema.metadata
            self.about: dict[str, Any] = json.loads(metadata[_ABOUT])
            self.digest: str = metadata[_SUM].decode()
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def __len__(self) -> int:
        return int(self._file.num_record_batches)

    def __call__(self, row: int) -> dict[str, Array]:
        """Read the arrays of a row, by column."""
        try:
            batch = self._file.get_batch(row)
            names = self._file.schema.names
            return {name: column.values.to_numpy() for name, column in zip(names, batch.columns)}
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def everything(self) -> Iterator[Array]:
        """Read all arrays, row by row."""
        for row in range(len(self)):
            yield from self(row).values()

    def _damaged(self, error: Exception) -> BatchError:
        return BatchError(f"{self._path} is damaged: {error}; run again to replace it")


SUMS = "sums.json"
_RANKS = "ranks.arrays"
_MOST_RANGES = 128


def ranges_of(shards: int) -> int:
    """Number of key ranges of a book: about as many as shards, at most 128."""
    return min(shards, _MOST_RANGES)


class StatisticsFiles:
    """Files of the statistics of a book in a folder: one of counts, and one a shard of the citation graph."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def counts(self) -> Path:
        """Patents by cohort, owner and so on."""
        return self.folder / "counts.arrays"

    def graph(self, shard: int) -> Path:
        """Measures of a shard's patents in the citation graph."""
        return self.folder / f"graph-{shard:05d}.arrays"

    def are_sound(self, shards: int) -> bool:
        """Whether all files exist with the content that they were written with."""
        return is_sound(self.counts) and all(is_sound(self.graph(shard)) for shard in range(shards))


def write_part(part: Part, path: Path) -> None:
    """Write what a shard contributes, atomically."""
    rows: list[dict[str, Array]] = [dict(report._asdict()) for report in part.reports] or [{}]
    rows[0] |= _arrays(part.counts)
    write_arrays(path, rows, lasting=False)


def _arrays(counts: Mapping[str, KeyedCounts]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name, each in counts.items():
        found |= {f"key/{name}": each.key, f"count/{name}": each.count}
    return found


def _counts(row: Mapping[str, Array]) -> dict[str, KeyedCounts]:
    names = [name.removeprefix("key/") for name in row if name.startswith("key/")]
    return {name: KeyedCounts(row[f"key/{name}"], row[f"count/{name}"]) for name in names}


class PartOnDisk:
    """A part in a file that :func:`write_part` wrote; only the rows asked for are read."""

    def __init__(self, path: Path) -> None:
        self._arrays = ArrayFile(path)

    @property
    def counts(self) -> dict[str, KeyedCounts]:
        """Counts by name."""
        return _counts(self._arrays(0))

    @property
    def reports(self) -> list[Report]:
        """Citations and families by key range."""
        return [self.report(k) for k in range(len(self._arrays))]

    def report(self, k: int) -> Report:
        """Citations and families of one key range."""
        row = self._arrays(k)
        return Report(**{name: row[name] for name in Report._fields})


def answers_file(place: Path, k: int) -> Path:
    """File of the answers on one key range."""
    return place / f"answers-{k:05d}.arrays"


def reduce_on_disk(parts: Sequence[Path], k: int, file: Path) -> None:
    """Reduce the reports of all parts on one key range to answers."""
    reduced = reduce_range([PartOnDisk(path).report(k) for path in parts])
    write_arrays(
        file, [answer._asdict() for answer in reduced.answers], {"documents": reduced.documents}, lasting=False
    )


def _answers(place: Path, count: int, shard: int) -> list[Answer]:
    """Answers for a shard, range by range."""
    return [Answer(**ArrayFile(answers_file(place, k))(shard)) for k in range(count)]


def write_answers(parts: Sequence[Path], place: Path) -> str:
    """Complete the folder of the answers by the ranks of each part's patents; give its hash."""
    _write_ranks(parts, place)
    sums = {file.name: recorded_digest(file) for file in sorted(place.iterdir())}
    content = json.dumps(sums, indent=1, sort_keys=True).encode()
    # the other files are not synced: answers_digest detects what a crash damaged, and they are computed again
    write_file(place / SUMS, content)
    return hashlib.sha256(content).hexdigest()


def answers_digest(place: Path) -> str | None:
    """Hash of the answers in a folder; None if one is missing or damaged."""
    try:
        content = (place / SUMS).read_bytes()
        named = json.loads(content).items()
        sound = all(recorded_digest(place / name) == digest and is_sound(place / name) for name, digest in named)
    except (OSError, ValueError, AttributeError):
        return None
    return hashlib.sha256(content).hexdigest() if sound else None


def _write_ranks(parts: Sequence[Path], place: Path) -> None:
    """Ranks of each part's patents. A part's citations are numbered once and read again in each iteration."""
    count = ranges_of(len(parts))
    first = np.cumsum([0, *(ArrayFile(answers_file(place, k)).about["documents"] for k in range(count))])
    scratch, patents = place / "_blocks", []
    scratch.mkdir(exist_ok=True)
    for shard, path in enumerate(parts):
        block = block_of(PartOnDisk(path).reports, _answers(place, count, shard), first)
        write_arrays(scratch / f"{shard}.arrays", [block.citations._asdict()], lasting=False)
        patents.append(block.patents)
    blocks = _Blocks([scratch / f"{shard}.arrays" for shard in range(len(parts))])
    found = zip(patents, blocks, ranks_of_cited(blocks, int(first[-1])))
    write_arrays(place / _RANKS, [{"rank": ranks_at(each, block, ranks)} for each, block, ranks in found])
    remove(scratch)


class _Blocks(Sequence[Citations]):
    """Blocks of citations in files, read one at a time."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, k: Any) -> Any:
        return Citations(**ArrayFile(self.files[k])(0))


def write_counts(parts: Sequence[Path], file: Path) -> str:
    """Add up the counts of all parts in one file; give its hash."""
    return write_arrays(file, [_arrays(merged_counts([PartOnDisk(path).counts for path in parts]))])


@lru_cache(maxsize=4)
def read_counts(file: Path, digest: str) -> dict[str, KeyedCounts]:
    """Read the counts of a book, cached in each worker by the :func:`recorded_digest` of the file."""
    return _counts(ArrayFile(file)(0))


def measure_graph(place: Path, part: Path, shard: int, shards: int) -> CitationMeasures:
    """Measure a shard's patents in the citation graph by its reports and the answers."""
    answers = _answers(place, ranges_of(shards), shard)
    return measures_of_part(PartOnDisk(part).reports, answers, ArrayFile(place / _RANKS)(shard)["rank"])


def write_graph(graph: CitationMeasures, file: Path) -> None:
    """Write the measures of a shard's patents."""
    write_arrays(file, [{field.name: getattr(graph, field.name) for field in fields(CitationMeasures)}])


def read_graph(file: Path) -> CitationMeasures:
    """Read the measures of a shard's patents."""
    return CitationMeasures(**ArrayFile(file)(0))
