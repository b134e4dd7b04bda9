"""Parsed claims: flat arrays over claims and over the references between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ipvalue.claims.patterns import LANGUAGES
from ipvalue.claims.wording import CATEGORIES, TRANSITIONS
from ipvalue.types import Ints, Ints32, Mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dependency", "ParsedClaims"]


class Dependency(IntEnum):
    """How a claim depends on the other claims of its set."""

    INDEPENDENT = 0
    DEPENDENT = 1
    MULTIPLE = 2
    INDEPENDENT_BY_REFERENCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class ParsedClaims:
    """Claims and dependency edges as flat arrays, in the order of the rows and of their claims.

    Attributes
    ----------
    n_rows : int
        Number of rows parsed, with and without claims.
    row : ndarray of int64, shape (claims,)
        Row of the claim.
    number : ndarray of int32, shape (claims,)
        The claim's number.
    language : ndarray of int8, shape (claims,)
        Position in :data:`LANGUAGES`.
    dependency : ndarray of int8, shape (claims,)
        A :class:`Dependency`.
    category : ndarray of int8, shape (claims,)
        Position in :data:`CATEGORIES`.
    length, preamble_length : ndarray of int32, shape (claims,)
        Words, or characters in Chinese and Japanese, of the claim and of what precedes its transition.
    transition : ndarray of int8, shape (claims,)
        Position in :data:`TRANSITIONS`.
    means_plus_function : ndarray of bool, shape (claims,)
        Whether the claim has means-plus-function wording.
    problems : ndarray of uint8, shape (claims,)
        :class:`ClaimProblem` flags.
    edge_claim : ndarray of int64, shape (edges,)
        Position of the claim that refers.
    edge_number : ndarray of int32, shape (edges,)
        Number of the claim it refers to.
    edge_parent : ndarray of int64, shape (edges,)
        Position of that claim, -1 where the set lacks it.
    """

    n_rows: int
    row: Ints
    number: Ints32
    language: npt.NDArray[np.int8]
    dependency: npt.NDArray[np.int8]
    category: npt.NDArray[np.int8]
    length: Ints32
    preamble_length: Ints32
    transition: npt.NDArray[np.int8]
    means_plus_function: Mask
    problems: npt.NDArray[np.uint8]
    edge_claim: Ints
    edge_number: Ints32
    edge_parent: Ints

    def __repr__(self) -> str:
        """Counts of rows, claims, edges and claims with problems."""
        faulty = int(np.count_nonzero(self.problems))
        return (
            f"ParsedClaims({self.n_rows} rows, {self.row.size} claims, {self.edge_claim.size} edges, "
            f"{faulty} claims with problems)"
        )

    def to_pandas(self) -> pd.DataFrame:
        """Claims as a table, one row a claim, with names in place of codes.

        Returns
        -------
        pandas.DataFrame
            Columns row, claim_number, language, dependency, category, length, preamble_length, transition,
            means_plus_function, problems, and references (the claim numbers, separated by spaces).
        """
        import pandas as pd

        references = pd.Series(self.edge_number.astype(str)).groupby(self.edge_claim).agg(" ".join)
        labels = [each.name.lower() for each in Dependency]
        return pd.DataFrame(
            {
                "row": self.row,
                "claim_number": self.number,
                "language": np.array(LANGUAGES)[self.language],
                "dependency": np.array(labels)[self.dependency],
                "category": np.array(CATEGORIES)[self.category],
                "length": self.length,
                "preamble_length": self.preamble_length,
                "transition": np.array(TRANSITIONS)[self.transition],
                "means_plus_function": self.means_plus_function,
                "problems": self.problems,
                "references": references.reindex(np.arange(self.row.size)).fillna("").to_numpy(),
            }
        )

    def edges_to_pandas(self) -> pd.DataFrame:
        """References as a table, one row a reference.

        Returns
        -------
        pandas.DataFrame
            Columns row, claim_number, parent_number, and found (whether the set has that claim).
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "row": self.row[self.edge_claim],
                "claim_number": self.number[self.edge_claim],
                "parent_number": self.edge_number,
                "found": self.edge_parent >= 0,
            }
        )
