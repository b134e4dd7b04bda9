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
from dataclasses import fields
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
from ipvalue.features.citation_graph.measures import Standing, block_of, standing_of
from ipvalue.features.citation_graph.page_rank import Citations, ranks_at, ranks_of_cited
from ipvalue.features.citation_graph.reduce_range import meet
from ipvalue.features.statistics import Part, digest_of, merged_tallies
from ipvalue.features.tally import Tally
from ipvalue.records.store import file_digest

__all__ = [
    "SUMS",
    "PartOnDisk",
    "kept_standing",
    "meet_on_disk",
    "meeting_file",
    "ranges_of",
    "read_digests",
    "read_standing",
    "read_tallies",
    "whole_digest",
    "write_dated",
    "write_lasting",
    "write_part",
]

SUMS = "sums.json"
_DIGESTS, _RANKS = "digests.json", "ranks.cells"
_MOST_RANGES = 128


def ranges_of(shards: int) -> int:
    """Ranges in which the shards of a book meet: each about the size of a shard, and never too many files."""
    return min(shards, _MOST_RANGES)


def write_part(part: Part, path: Path) -> None:
    """Keep what a shard contributes; the file appears whole."""
    rows: list[dict[str, npt.NDArray[Any]]] = [dict(report._asdict()) for report in part.reports] or [{}]
    for name, tally in part.tallies.items():
        rows[0] |= {f"key/{name}": tally.key, f"count/{name}": tally.count}
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
    def tallies(self) -> dict[str, Tally]:
        """Counts by name."""
        row = self._cells(0)
        names = [name.removeprefix("key/") for name in row if name.startswith("key/")]
        return {name: Tally(row[f"key/{name}"], row[f"count/{name}"]) for name in names}

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


def write_lasting(parts: Sequence[Path], whole: Path) -> str:
    """Keep what follows from the lasting parts beside their meetings, in one folder; give its hash."""
    _write_ranks(parts, whole)
    return write_dated(parts, whole)


def write_dated(parts: Sequence[Path], whole: Path) -> str:
    """Keep the sums of the parts' tallies in a folder; give the hash of all that is in it."""
    tallies = merged_tallies([PartOnDisk(path).tallies for path in parts])
    for name, tally in tallies.items():
        pq.write_table(pa.table({"key": tally.key, "count": tally.count}), whole / f"{name}.parquet")
    digests = {name: digest_of(tally.key, tally.count) for name, tally in tallies.items()}
    (whole / _DIGESTS).write_text(json.dumps(digests))
    sums = {file.name: _digest(file) for file in sorted(whole.iterdir())}
    content = json.dumps(sums, indent=1, sort_keys=True).encode()
    # no other file is synced: what a crash of the machine leaves, whole_digest refuses, and it is made again
    write_file(whole / SUMS, content)
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


def whole_digest(whole: Path) -> str | None:
    """Hash of the statistics that a folder keeps; none if they are not there or damaged."""
    try:
        content = (whole / SUMS).read_bytes()
        named = json.loads(content).items()
        sound = all(
            _digest(whole / name) == digest and (not name.endswith(".cells") or cells_are_whole(whole / name))
            for name, digest in named
        )
    except (OSError, ValueError, AttributeError):
        return None
    return hashlib.sha256(content).hexdigest() if sound else None


def read_digests(whole: Path) -> dict[str, str]:
    """Read the digest of each tally of a whole."""
    digests: dict[str, str] = json.loads((whole / _DIGESTS).read_text())
    return digests


@lru_cache(maxsize=2)
def read_tallies(whole: str, run: str) -> dict[str, Tally]:
    """Read the tallies of a whole, once a worker.

    Raises
    ------
    BatchError
        If a file is missing or cut short; :func:`whole_digest`, which a batch asks first, finds any other damage.
    """
    place, tallies = Path(whole), {}
    try:
        for file in sorted(place.glob("*.parquet")):
            table = pq.read_table(file)
            tallies[file.stem] = Tally(table["key"].to_numpy(), table["count"].to_numpy())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BatchError(f"{place} is damaged: {error}; run again to make it again") from error
    return tallies


def read_standing(whole: Path, part: Path, shard: int, shards: int) -> Standing:
    """Measure the standing of a shard's patents by what it reported and was answered."""
    answers = _answers(whole, ranges_of(shards), shard)
    return standing_of(PartOnDisk(part).reports, answers, Cells(whole / _RANKS)(shard)["rank"])


def kept_standing(whole: Path, part: Path, shard: int, shards: int) -> tuple[Standing, str]:
    """Give a shard's standing, measured by this run or by an earlier one with the same whole, and its hash."""
    file = whole / f"standing-{shard:05d}.cells"
    if not cells_are_whole(file):
        found = read_standing(whole, part, shard, shards)
        write_cells(file, [{field.name: getattr(found, field.name) for field in fields(Standing)}])
    cells = Cells(file)
    return Standing(**cells(0)), cells.digest
