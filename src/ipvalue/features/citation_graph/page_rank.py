"""PageRank of a citation graph, in integer arithmetic, so that the order of addition does not matter.

``r = (1 - d) + d * sum over citing documents of r / (their number of references)``, with d = 0.5: a reader of patents
follows few references in turn (Bruck et al. 2016). In this form, the first that Brin and Page gave, the rank of a
document depends only on those documents from which a path of citations leads to it, and the graph may grow elsewhere
without changing it. Ranks are counted in units of 2**-31, rounded down for each citation.

References
----------
Brin and Page (1998), Computer Networks 30; Bruck, Rethy, Szente, Tobochnik and Erdi (2016), Scientometrics 107.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ipvalue.types import Ints, Ints32, Mask

__all__ = ["UNIT", "Citations", "ranks_at", "ranks_of_cited"]

UNIT = 2**31
_START = np.int64(UNIT // 2)  # the rank of a document that is not cited
_ROUNDS = 31  # each round halves the error, and the unit is 2**-31


class Citations(NamedTuple):
    """Citations by the document that is cited.

    Attributes
    ----------
    citing : ndarray of int32, shape (m,)
        Those who cite ``cited[i]`` begin at ``start[i]``.
    start, cited : ndarray of int32, shape (k,)
    """

    citing: Ints32
    start: Ints32
    cited: Ints32

    @classmethod
    def of(cls, citing: Ints32, cited: Ints32) -> Citations:
        """Group distinct citations that are sorted by the cited document."""
        start = np.flatnonzero(np.diff(cited, prepend=-1)).astype(np.int32)
        return cls(citing, start, cited[start])

    def only(self, some: Mask) -> Citations:
        """Keep some citations."""
        return Citations.of(self.citing[some], self.targets()[some])

    def targets(self) -> Ints32:
        """The cited document of each citation."""
        return np.repeat(self.cited, np.diff(self.start, append=np.int32(len(self.citing))))


def ranks_of_cited(blocks: Sequence[Citations], n: int) -> Iterator[Ints]:
    """Ranks of the documents that each block cites, in units of 2**-31; a document that is not cited has a rank of 0.5.

    Parameters
    ----------
    blocks : sequence of Citations
        Each citation once. Blocks are read three times; their citations between documents that are cited and
        cite in turn are held in memory, and 9 bytes a node.
    n : int
        Number of nodes.

    Yields
    ------
    ndarray of int64
        One element a document of the block's ``cited``; right for those of which the block has all citations.
    """
    references, cited = np.zeros(n, np.int32), np.zeros(n, bool)
    for block in blocks:
        np.add.at(references, block.citing, np.int32(1))
        cited[block.cited] = True
    # only the ranks of those that are cited and cite in turn, in most books its patents, move from round to round
    cited &= references > 0
    place = np.cumsum(cited, dtype=np.int32)
    place -= 1
    moving = int(place[-1]) + 1 if n else 0
    place[~cited] = -1
    handed = _settled(blocks, place, references, moving)
    for block in blocks:
        found = np.zeros(len(block.cited), np.int64)
        if len(found):
            found = np.add.reduceat(_handed(handed, place, references, block.citing), block.start)
        yield _START + (found >> 1)


def ranks_at(nodes: Ints32, block: Citations, found: Ints) -> Ints:
    """Ranks of some nodes whose citations are all in the block."""
    place = np.searchsorted(block.cited, nodes)
    known = np.append(block.cited, np.int32(-1))[place] == nodes
    return np.where(known, np.append(found, 0)[place], _START)


def _settled(blocks: Sequence[Citations], place: Ints32, references: Ints32, n: int) -> Ints:
    """Rank that each node that is cited and cites passes on to each of its references, after convergence."""
    fixed, moving = np.zeros(n, np.int64), []
    waits = np.zeros(n, np.int64)
    for block in blocks:
        inner = block.only(place[block.targets()] >= 0)
        moves = place[inner.citing] >= 0
        still = inner.only(~moves)
        _add(fixed, place[still.cited], still.start, _START // references[still.citing])
        among = inner.only(moves)
        moving.append(Citations(place[among.citing], among.start, place[among.cited]))
    shared = np.maximum(references[place >= 0], 1)
    total = -1
    for _ in range(_ROUNDS):
        received = fixed.copy()
        for block in moving:
            _add(received, block.cited, block.start, waits[block.citing])
        before, total = total, int(received.sum())
        waits = (_START + (received >> 1)) // shared
        if total == before:  # ranks never fall from one round to the next
            break
    return waits


def _handed(settled: Ints, place: Ints32, references: Ints32, node: Ints32) -> Ints:
    """Rank that each of some nodes passes on to each of its references."""
    moved = np.append(settled, 0)[place[node]]
    return np.where(place[node] >= 0, moved, _START // references[node])


def _add(received: Ints, cited: Ints32, start: Ints32, handed: Ints) -> None:
    if len(cited):
        received[cited] += np.add.reduceat(handed, start)
