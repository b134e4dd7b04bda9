"""Rows that a source refuses itself, in the form of the book's rejects."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from ipvalue.errors import REASONS, Reason
from ipvalue.records.validate import REJECT_COLUMNS, empty_rejects

__all__ = ["Reject", "reject_rows"]

_LONGEST_VALUE = 200


class Reject(NamedTuple):
    """A row, or a document, that a source could not read."""

    row: int
    """Its number in the input, from 0."""
    column: str
    """Column of the input at fault; for a whole document, the column that names it."""
    value: str
    """What stands there; for a whole document, where it is to be found."""
    reason: Reason
    detail: str
    """What exactly is wrong, as the end of a sentence; may be empty."""


def reject_rows(table: str, rejects: list[Reject]) -> pd.DataFrame:
    """Write rejects as rows of ``Book.rejects``.

    Parameters
    ----------
    table : str
        Table of the book to which the rows would have belonged.
    rejects : list of Reject

    Returns
    -------
    pandas.DataFrame

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
