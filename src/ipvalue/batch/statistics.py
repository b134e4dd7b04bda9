"""Statistics of a book on disk: what each shard contributes, how ranges of keys are reduced, and what comes out.

A part is one file of arrays: what a shard reports on each key range, one row a range, and its counts. A range is
reduced to one file with the answers, one row a shard. The statistics of the book are then one file of counts, and
for each shard one file with the measures of its patents in the citation graph; a batch leaves these beside its values.
Readers take single rows: nothing of the size of the book is held in memory but its counts and, while they are computed,
the ranks of its documents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ipvalue.batch.array_file import ArrayFile, is_sound, stated_digest, write_arrays
from ipvalue.batch.files import remove, write_file
from ipvalue.features.book_statistics import Part, merged_counts
from ipvalue.features.citation_graph.map_reduce import Answer, Report, reduce_range
from ipvalue.features.citation_graph.measures import block_of, measures_of_part
from ipvalue.features.citation_graph.page_rank import Citations, ranks_at, ranks_of_cited
from ipvalue.records.cohorts import KeyedCounts
from ipvalue.records.statistics import CitationMeasures
from ipvalue.types import Array

__all__ = [
    "SUMS",
    "PartOnDisk",
    "StatisticsFiles",
    "answers_digest",
    "answers_file",
    "measure_graph",
    "ranges_of",
    "read_counts",
    "read_graph",
    "reduce_on_disk",
    "write_answers",
    "write_counts",
    "write_graph",
    "write_part",
]

SUMS = "sums.json"
_RANKS = "ranks.arrays"
_MOST_RANGES = 128


def ranges_of(shards: int) -> int:
    """Key ranges of a book: each about the size of a shard, and never too many files."""
    return min(shards, _MOST_RANGES)


class StatisticsFiles:
    """Where the statistics of a book are kept: one file of counts, and one file a shard of the citation graph.

    Parameters
    ----------
    folder : path
    """

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
        """Whether all files are there with the content that they were written with."""
        return is_sound(self.counts) and all(is_sound(self.graph(shard)) for shard in range(shards))


def write_part(part: Part, path: Path) -> None:
    """Write what a shard contributes; the file appears whole."""
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
    """A part in a file that :func:`write_part` wrote; only what is asked for is read.

    Parameters
    ----------
    path : path

    Raises
    ------
    BatchError
        When the file is missing or cut short.
    """

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
    """What a shard was answered, range by range."""
    return [Answer(**ArrayFile(answers_file(place, k))(shard)) for k in range(count)]


def write_answers(parts: Sequence[Path], place: Path) -> str:
    """Complete the folder of the answers by the ranks of each part's patents; give its hash."""
    _write_ranks(parts, place)
    sums = {file.name: stated_digest(file) for file in sorted(place.iterdir())}
    content = json.dumps(sums, indent=1, sort_keys=True).encode()
    # no other file is synced: what a crash of the machine leaves, answers_digest refuses, and it is made again
    write_file(place / SUMS, content)
    return hashlib.sha256(content).hexdigest()


def answers_digest(place: Path) -> str | None:
    """Hash of the answers that a folder holds; None if they are not all there, or damaged."""
    try:
        content = (place / SUMS).read_bytes()
        named = json.loads(content).items()
        sound = all(stated_digest(place / name) == digest and is_sound(place / name) for name, digest in named)
    except (OSError, ValueError, AttributeError):
        return None
    return hashlib.sha256(content).hexdigest() if sound else None


def _write_ranks(parts: Sequence[Path], place: Path) -> None:
    """Ranks of each part's patents. A part's citations are numbered once, and read again each round."""
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
    """Read the counts of a book, once a worker.

    Parameters
    ----------
    file : path
    digest : str
        What :func:`ipvalue.batch.array_file.stated_digest` says of it: another file is read anew.

    Raises
    ------
    BatchError
        If the file is missing or cut short.
    """
    return _counts(ArrayFile(file)(0))


def measure_graph(place: Path, part: Path, shard: int, shards: int) -> CitationMeasures:
    """Measure a shard's patents in the citation graph by what it reported and was answered."""
    answers = _answers(place, ranges_of(shards), shard)
    return measures_of_part(PartOnDisk(part).reports, answers, ArrayFile(place / _RANKS)(shard)["rank"])


def write_graph(graph: CitationMeasures, file: Path) -> None:
    """Write the measures of a shard's patents."""
    write_arrays(file, [{field.name: getattr(graph, field.name) for field in fields(CitationMeasures)}])


def read_graph(file: Path) -> CitationMeasures:
    """Read the measures of a shard's patents.

    Raises
    ------
    BatchError
        If the file is missing or cut short.
    """
    return CitationMeasures(**ArrayFile(file)(0))
