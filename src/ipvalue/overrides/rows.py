"""Overrides from rows: what can't be read or does not hold is set aside with its reason, the rest becomes overrides."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from ipvalue.errors import REASONS, OverrideError, Reason, SchemaError
from ipvalue.overrides.override import LARGEST_FACTOR, LARGEST_VALUE, Override, overlapping
from ipvalue.records.arrow import to_arrow
from ipvalue.records.coerce import coerce
from ipvalue.records.schema import Column

__all__ = ["COLUMNS", "read_rows"]

COLUMNS = (
    Column("patent_id", "id", "the patent", required=True),
    Column("value", "number", "the value set", "currency units", lower=0, upper=LARGEST_VALUE),
    Column("factor", "number", "times the model's value", lower=0, upper=LARGEST_FACTOR),
    Column("low", "number", "5 % quantile of the value set", "currency units", lower=0, upper=LARGEST_VALUE),
    Column("high", "number", "95 % quantile of the value set", "currency units", lower=0, upper=LARGEST_VALUE),
    Column("currency", "code", "currency of the value set, ISO 4217", pattern="[A-Z]{3}"),
    Column("author", "id", "who set it", required=True),
    Column("reason", "text", "what the model does not know", required=True, max_length=4000),
    Column("made_on", "date", "day from whose close it holds", "day", required=True),
    Column("expires_on", "date", "day at whose close it no longer holds", "day", required=True),
    Column("approver", "id", "who approved it"),
    Column("reference", "text", "where its evidence is kept", max_length=500),
    Column("withdrawn_on", "date", "day at whose close it was given up", "day"),
)
"""Columns of a table of overrides."""

_INERT = r"^'(?='*[=+\-@\t\r\n])"  # the apostrophe by which a spreadsheet shows such text as text
_REJECT_COLUMNS = ["row", "patent_id", "column", "code", "message"]


def read_rows(data: object) -> tuple[list[Override], pd.DataFrame]:
    """Read rows; see :meth:`ipvalue.Overrides.from_table`.

    Returns
    -------
    tuple of (list of Override, DataFrame)
        The overrides, and the rows set aside, in the order of their rows.
    """
    raw = to_arrow("overrides", _opened(data))
    unknown = sorted({*raw.column_names} - {column.name for column in COLUMNS})
    if unknown:
        raise SchemaError(f"overrides: the column {unknown[0]!r} is unknown; rename or drop it")
    columns, faults = _coerced(raw)
    found: dict[int, Override] = {}
    for row in range(raw.num_rows):  # people make overrides one by one: there are few
        if row not in faults:
            try:
                found[row] = Override.model_validate({name: values[row] for name, values in columns.items()})
            except ValidationError as error:
                faults[row] = _fault_of(error)
    seen: set[Override] = set()
    for row, item in list(found.items()):
        if item in seen:
            faults[row] = ("patent_id", Reason.DUPLICATE_KEY)
            del found[row]
        seen.add(item)
    for row, overlaps in zip(list(found), overlapping(list(found.values()))):
        if overlaps:
            faults[row] = ("made_on", Reason.OVERRIDE_OVERLAPS)
            del found[row]
    rejects = [
        (row, columns["patent_id"][row], column, reason.label, REASONS[reason])
        for row, (column, reason) in sorted(faults.items())
    ]
    return list(found.values()), pd.DataFrame(rejects, columns=_REJECT_COLUMNS)


def _opened(data: object) -> object:
    """A file as a table; anything else as it is."""
    if not isinstance(data, str | os.PathLike):
        return data
    path = Path(data)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        # all as text: identifiers keep their zeros, and what is a number or a date is judged cell by cell
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        return table.replace(_INERT, "", regex=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise OverrideError(f"{path} can't be read as a table of overrides: {error}") from error


def _coerced(raw: pa.Table) -> tuple[dict[str, list[object]], dict[int, tuple[str, Reason]]]:
    """Columns as Python values, None for null, and the first fault of each row."""
    columns: dict[str, list[object]] = {}
    faults: dict[int, tuple[str, Reason]] = {}
    for column in COLUMNS:
        if column.name not in raw.column_names:
            if column.required:
                raise SchemaError(f"overrides: the required column {column.name!r} is missing")
            columns[column.name] = [None] * raw.num_rows
            continue
        values, codes = coerce(column, raw[column.name])
        columns[column.name] = values.to_pylist()
        for row in np.flatnonzero(codes):
            faults.setdefault(int(row), (column.name, Reason(int(codes[row]))))
    return columns, faults


def _fault_of(error: ValidationError) -> tuple[str, Reason]:
    """Column and code of an override's first fault: the fault's type is the code's label."""
    first = error.errors()[0]
    column = str(first["loc"][0]) if first["loc"] else ""
    return column, Reason.__members__.get(first["type"].upper(), Reason.BAD_TYPE)
