"""Rows and documents that a reader rejects itself, in the form of the book's rejects."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from ipvalue.errors import REASONS, Reason
from ipvalue.records.validate import REJECT_COLUMNS, empty_rejects

__all__ = ["Reject", "first_reject", "most_are_unreadable", "reject_rows"]

_LONGEST_VALUE = 200
_MANY = 10_000


class Reject(NamedTuple):
    """A row or a document that a reader could not read."""

    row: int
    """Its number in the input, from 0."""
    column: str
    """Column of the input that is at fault. For a document, the column that identifies it."""
    value: str
    """The value at fault. For a document, its file and its number in the file."""
    reason: Reason
    detail: str
    """What exactly is wrong, as the end of a sentence; may be empty."""


def reject_rows(table: str, rejects: list[Reject]) -> pd.DataFrame:
    """Write rejects as rows of ``Book.rejects``; ``table`` is the table that the rows would have belonged to.

    Examples
    --------
    >>> reject_rows("patents", [Reject(3, "patent_id", "a.xml, document 4", Reason.UNREADABLE, "no element found")])[
    ...     ["row", "code", "message"]].values.tolist()
    [[3, 'unreadable', "a document of a source file can't be read: no element found"]]
    """
    if not rejects:
        return empty_rejects()
    rows = [
        (table, r.row, r.column, r.value[:_LONGEST_VALUE], r.reason.label, _message(r.reason, r.detail))
        for r in rejects
    ]
    return pd.DataFrame(rows, columns=REJECT_COLUMNS)


def _message(reason: Reason, detail: str) -> str:
    return f"{REASONS[reason]}: {detail[:_LONGEST_VALUE]}" if detail else REASONS[reason]


def first_reject(rejects: list[Reject]) -> str:
    """The first reject as the end of an error message; empty if there is none."""
    return f"; the first one: {rejects[0].value}: {rejects[0].detail}" if rejects else ""


def most_are_unreadable(rejects: list[Reject], n_read: int) -> bool:
    """Whether so many rows are rejected that the file is not a file of this kind."""
    return len(rejects) > max(_MANY, n_read)
