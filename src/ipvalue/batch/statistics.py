"""Statistics of a book on disk: what each shard contributes, how shards meet, and the whole that they make.

A part is one file of arrays: what it reports of each range of codes, one row a range, and its tallies. A meeting is
one file a range with the answers, one row a shard. The whole is a folder: the meetings, tallies as Parquet, and the
ranks of each shard's patents. Readers take single rows: nothing of the size of the book is held in memory but its
tallies and, while they are computed, the ranks of its documents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.batch.cells import Cells, cells_are_whole, cells_digest, write_cells
from ipvalue.batch.files import remove, write_file
from ipvalue.errors import BatchError
from ipvalue.features.citation_graph.map_shard import Answer, Report
from ipvalue.features.citation_graph.measures import block_of, standing_of
from ipvalue.features.citation_graph.page_rank import Citations, ranks_at, ranks_of_cited
from ipvalue.features.citation_graph.reduce_range import meet
from ipvalue.features.statistics import Part, merged_counts
from ipvalue.records.keyed_counts import KeyedCounts
from ipvalue.records.statistics import CitationMeasures, Statistics
from ipvalue.records.store import file_digest

__all__ = [
    "SUMS",
    "PartOnDisk",
    "meet_on_disk",
    "meeting_file",
    "ranges_of",
    "read_counts",
    "read_graph",
    "read_statistics",
    "statistics_digest",
    "write_part",
    "write_statistics",
]

SUMS = "sums.json"
_RANKS = "ranks.cells"
_MOST_RANGES = 128


def ranges_of(shards: int) -> int:
    """Ranges in which the shards of a book meet: each about the size of a shard, and never too many files."""
    return min(shards, _MOST_RANGES)


def write_part(part: Part, path: Path) -> None:
    """Keep what a shard contributes; the file appears whole."""
    rows: list[dict[str, npt.NDArray[Any]]] = [dict(report._asdict()) for report in part.reports] or [{}]
    for name, counts in part.counts.items():
        rows[0] |= {f"key/{name}": counts.key, f"count/{name}": counts.count}
    write_cells(path, rows, kept=False)


class PartOnDisk:
    """A part in a file that :func:`write_part` wrote; what is asked for is read, and nothing else.

    Parameters
    ----------
    path : path

    Raises
    ------
    BatchError
        When the file is missing or cut short.
    """

    def __init__(self, path: Path) -> None:
        self._cells = Cells(path)

    @property
    def counts(self) -> dict[str, KeyedCounts]:
        """Counts by name."""
        row = self._cells(0)
        names = [name.removeprefix("key/") for name in row if name.startswith("key/")]
        return {name: KeyedCounts(row[f"key/{name}"], row[f"count/{name}"]) for name in names}

    @property
    def reports(self) -> list[Report]:
        """Citations and families by range."""
        return [self.report(k) for k in range(len(self._cells))]

    def report(self, k: int) -> Report:
        """Citations and families of one range."""
        row = self._cells(k)
        return Report(**{name: row[name] for name in Report._fields})


def meeting_file(whole: Path, k: int) -> Path:
    """File of the answers on one range."""
    return whole / f"meeting-{k:05d}.cells"


def meet_on_disk(parts: Sequence[Path], k: int, file: Path) -> None:
    """Answer all parts on one range."""
    meeting = meet([PartOnDisk(path).report(k) for path in parts])
    write_cells(file, [answer._asdict() for answer in meeting.answers], {"documents": meeting.documents}, kept=False)


def _answers(whole: Path, count: int, shard: int) -> list[Answer]:
    """What a shard was answered, range by range."""
    return [Answer(**Cells(meeting_file(whole, k))(shard)) for k in range(count)]


def write_statistics(parts: Sequence[Path], place: Path) -> str:
    """Write the statistics of the book beside the answers of its parts, in one folder; give its hash."""
    _write_ranks(parts, place)
    for name, counts in merged_counts([PartOnDisk(path).counts for path in parts]).items():
        pq.write_table(pa.table({"key": counts.key, "count": counts.count}), place / f"{name}.parquet")
    sums = {file.name: _digest(file) for file in sorted(place.iterdir())}
    content = json.dumps(sums, indent=1, sort_keys=True).encode()
    # no other file is synced: what a crash of the machine leaves, statistics_digest refuses, and it is made again
    write_file(place / SUMS, content)
    return hashlib.sha256(content).hexdigest()


def _digest(file: Path) -> str:
    """SHA-256 of a file; that of cells is written in them, and proved when it matters."""
    return cells_digest(file) or "" if file.suffix == ".cells" else file_digest(file)


def _write_ranks(parts: Sequence[Path], whole: Path) -> None:
    """Ranks of each part's patents. A part's citations are numbered once, and read again each round."""
    count = ranges_of(len(parts))
    first = np.cumsum([0, *(Cells(meeting_file(whole, k)).about["documents"] for k in range(count))])
    scratch, patents = whole / "_blocks", []
    scratch.mkdir(exist_ok=True)
    for shard, path in enumerate(parts):
        block = block_of(PartOnDisk(path).reports, _answers(whole, count, shard), first)
        write_cells(scratch / f"{shard}.cells", [block.citations._asdict()], kept=False)
        patents.append(block.patents)
    blocks = _Blocks([scratch / f"{shard}.cells" for shard in range(len(parts))])
    found = zip(patents, blocks, ranks_of_cited(blocks, int(first[-1])))
    write_cells(whole / _RANKS, [{"rank": ranks_at(each, block, ranks)} for each, block, ranks in found])
    remove(scratch)


class _Blocks(Sequence[Citations]):
    """Blocks of citations in files, read one at a time."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, k: Any) -> Any:
        return Citations(**Cells(self.files[k])(0))


def statistics_digest(place: Path) -> str | None:
    """Hash of the statistics that a folder holds; None if they are not there or damaged."""
    try:
        content = (place / SUMS).read_bytes()
        named = json.loads(content).items()
        sound = all(
            _digest(place / name) == digest and (not name.endswith(".cells") or cells_are_whole(place / name))
            for name, digest in named
        )
    except (OSError, ValueError, AttributeError):
        return None
    return hashlib.sha256(content).hexdigest() if sound else None


@lru_cache(maxsize=2)
def read_counts(place: str, run: str) -> dict[str, KeyedCounts]:
    """Read the counts of a book, once a worker.

    Raises
    ------
    BatchError
        If a file is missing or cut short; :func:`statistics_digest`, which a batch asks first, finds any other damage.
    """
    found = {}
    try:
        for file in sorted(Path(place).glob("*.parquet")):
            table = pq.read_table(file)
            found[file.stem] = KeyedCounts(table["key"].to_numpy(), table["count"].to_numpy())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BatchError(f"{place} is damaged: {error}; run again to make it again") from error
    return found


def read_graph(place: Path, part: Path, shard: int, shards: int) -> CitationMeasures:
    """Measure a shard's patents in the citation graph by what it reported and was answered."""
    answers = _answers(place, ranges_of(shards), shard)
    return standing_of(PartOnDisk(part).reports, answers, Cells(place / _RANKS)(shard)["rank"])


def read_statistics(place: Path, part: Path, shard: int, shards: int, run: str) -> Statistics:
    """Statistics of the book as a shard needs them: all counts, and the citation graph of its own patents."""
    return Statistics(read_counts(str(place), run), read_graph(place, part, shard, shards))
