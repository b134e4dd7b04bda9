"""Columns of a ``patents`` or ``legal_events`` DataFrame as arrays, absent optional columns included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.errors import SchemaError
from ipvalue.law.dates import as_dates
from ipvalue.law.kinds import right_of
from ipvalue.types import Dates, Floats, Objects

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["date_column", "number_column", "require", "rights_column", "text_column"]

RIGHTS = ("invention", "utility_model", "design", "plant")


def require(frame: pd.DataFrame, *columns: str) -> None:
    """Raise SchemaError if the frame lacks one of the columns."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise SchemaError(f"the table lacks the column(s) {', '.join(missing)}; it has {list(frame.columns)}")


def date_column(frame: pd.DataFrame, column: str) -> Dates:
    """Days of a column, all NaT where the frame lacks it."""
    if column not in frame.columns:
        return np.full(len(frame), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    return as_dates(frame[column])


def number_column(frame: pd.DataFrame, column: str) -> Floats:
    """Numbers of a column, all NaN where the frame lacks it."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def text_column(frame: pd.DataFrame, column: str) -> Any:
    """Texts of a column, all empty where the frame lacks it."""
    if column not in frame.columns:
        return np.full(len(frame), "", dtype=object)
    return frame[column]


def rights_column(patents: pd.DataFrame) -> Objects:
    """Right of each patent: as stated, else by its kind code, else an invention."""
    stated = np.asarray(text_column(patents, "right"), dtype=object)
    stated = np.where(np.isin(stated.astype(str), RIGHTS), stated, "")
    if "kind" in patents.columns:
        by_kind = right_of(patents["jurisdiction"], patents["kind"]).astype(object)
        stated = np.where(stated == "", np.where(np.isin(by_kind, RIGHTS), by_kind, ""), stated)
    return np.where(stated == "", "invention", stated)
