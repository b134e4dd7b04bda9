"""A table of values with its provenance: the base of valuations, for overrides and for values read from files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ipvalue.worksheet import Worksheet

__all__ = ["PROVENANCE_KEY", "Values"]

PROVENANCE_KEY = b"ipvalue"
"""Key of the provenance in the metadata of Arrow tables and Parquet files."""


@dataclass(frozen=True, eq=False, repr=False)
class Values:
    """One value a patent, with its provenance and the worksheet behind it.

    Attributes
    ----------
    table : pyarrow.Table
        One row a patent, in the order of patent_id; :class:`ipvalue.Valuation` lists the columns.
    provenance : dict
        Versions, dates, and hashes of book, engine and assumptions, and of overrides the set itself.
    worksheet : Worksheet or None
        Every quantity behind the values; None where they were read from a file.
    path : str or None
        Of the file or folder from which they were read.
    """

    table: pa.Table
    provenance: dict[str, Any]
    worksheet: Worksheet | None = None
    path: str | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def to_arrow(self) -> pa.Table:
        """The values as an Arrow table, with the provenance in its metadata."""
        text = json.dumps(self.provenance, sort_keys=True).encode()
        return self.table.replace_schema_metadata({PROVENANCE_KEY: text})
