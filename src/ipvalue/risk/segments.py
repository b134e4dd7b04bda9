"""Segments of a book: by what its patents are grouped in tables of risk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ipvalue.errors import IpvalueError
from ipvalue.law.technology import field_names
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Objects

__all__ = ["SEGMENTS", "labels_by", "segment_labels"]

SEGMENTS = ("field", "jurisdiction", "grade", "owner")


def segment_labels(snapshot: Snapshot, grade: Objects) -> pd.DataFrame:
    """Label each patent by its technology field, office, grade and first owner.

    Parameters
    ----------
    snapshot : Snapshot
    grade : ndarray of str, shape (n,)
        Grade of each patent's value; '' where it has none.

    Returns
    -------
    pandas.DataFrame
        Indexed by patent_id, one column a name of :data:`SEGMENTS`, all of them text.
    """
    number = snapshot.field.astype(np.int64)
    names = np.array(field_names(), object)
    columns = {
        "field": np.array([f"{k} {name}" for k, name in enumerate(names)], object)[number],
        "jurisdiction": snapshot.patents["jurisdiction"].astype(object),
        "grade": np.where(grade == "", "none", grade).astype(object),
        "owner": np.where(snapshot.owner_name == "", "unknown", snapshot.owner_name).astype(object),
    }
    return pd.DataFrame(columns, index=pd.Index(snapshot.patent_ids, name="patent_id"))


def labels_by(labels: pd.DataFrame, by: str | pd.Series) -> pd.Series:
    """The labels to group by: those of a named segment, or the caller's own by patent_id.

    Raises
    ------
    IpvalueError
        If there is no such segment, or a patent has no label.
    """
    if isinstance(by, pd.Series):
        own = by.reindex(labels.index)
        if own.isna().any():
            raise IpvalueError(f"no label is given for the patent {own.index[own.isna()][0]!r}")
        return own.rename(str(by.name or "segment"))
    if by not in labels.columns:
        raise IpvalueError(f"there is no segment {by!r}; there are {', '.join(map(str, labels.columns))}")
    named: pd.Series = labels[by]
    return named
