"""Validation of one table: check columns, coerce values, reject bad rows, sort the rest.

The result does not depend on the order of the rows.
"""

from __future__ import annotations

import difflib
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.errors import REASONS, Reason, SchemaError
from ipvalue.records.arrow import overflows, to_arrow
from ipvalue.records.coerce import coerce
from ipvalue.records.complete import complete, count_deal_patents
from ipvalue.records.order import Sorted, index_of, rank, sort_rows
from ipvalue.records.schema import TABLES, Table
from ipvalue.types import Floats, Ints, Ints16, Mask, Texts

__all__ = ["REJECT_COLUMNS", "Checked", "check_table", "empty_rejects", "nearest", "refuse_overflow", "sort_table"]

REJECT_COLUMNS = ["table", "row", "column", "value", "code", "message"]

# pairs of which the second may not be before the first, a table
_DATE_ORDER: dict[str, tuple[tuple[str, str], ...]] = {
    "patents": (
        ("priority_date", "application_date"),
        ("application_date", "publication_date"),
        ("application_date", "grant_date"),
        ("parent_filing_date", "application_date"),
    ),
    "loans": (("drawn_date", "maturity_date"),),
}


@dataclass(frozen=True)
class Checked:
    """A table after validation.

    Attributes
    ----------
    table : pyarrow.Table
        Valid rows in canonical order, in the schema's columns and types.
    rejects : pandas.DataFrame
        The rejected rows (see :data:`REJECT_COLUMNS`).
    n_rows, n_duplicates : int
        Rows that came in, and exact repeats that were dropped.
    ignored : tuple of str
        Columns that the schema does not know.
    """

    table: pa.Table
    rejects: pd.DataFrame
    n_rows: int
    n_duplicates: int
    ignored: tuple[str, ...]


def check_table(name: str, data: object, patents: pa.Table | None) -> Checked:
    """Validate one table.

    Parameters
    ----------
    name : str
        The table's name in the schema.
    data : object
        The table as it came.
    patents : pyarrow.Table, optional
        The book's valid patents, to which the rows must belong; None for the patents table itself.

    Raises
    ------
    SchemaError
        If the table is unknown, unreadable, or lacks a required column.
    """
    spec = TABLES[name]
    raw = to_arrow(name, data)
    ignored = _check_columns(spec, raw.column_names)
    refuse_overflow(spec, raw)
    columns: dict[str, pa.Array] = {}
    code = np.zeros(raw.num_rows, np.int16)
    culprit = np.full(raw.num_rows, -1, np.int16)
    for place, column in enumerate(spec.columns.values()):
        if column.name not in raw.column_names:
            columns[column.name] = pa.nulls(raw.num_rows, column.arrow_type())
            continue
        columns[column.name], codes = coerce(column, raw[column.name])
        first_fault = (codes != 0) & (code == 0)
        code[first_fault], culprit[first_fault] = codes[first_fault], place
    table = pa.table(columns, schema=spec.arrow_schema())
    _check_dates(spec, table, code, culprit)
    _check_patents(spec, table, patents, code, culprit)
    if name == "transactions":
        table = count_deal_patents(table)
    good = np.flatnonzero(code == 0)
    valid = table.take(pa.array(good)) if len(good) < table.num_rows else table
    valid = complete(name, valid, valid if patents is None else patents)
    order = sort_table(spec, valid)
    conflicts = good[order.conflicts]
    code[conflicts] = Reason.DUPLICATE_KEY
    culprit[conflicts] = list(spec.columns).index(spec.key[-1]) if spec.key else 0
    return Checked(
        table=valid.take(pa.array(order.rows)).combine_chunks(),
        rejects=_rejects(spec, raw, code, culprit),
        n_rows=raw.num_rows,
        n_duplicates=len(order.duplicates),
        ignored=ignored,
    )


def nearest(word: str, among: list[str]) -> str:
    """The nearest known name as the end of a message; empty where none is near.

    Examples
    --------
    >>> nearest("aplication_date", ["application_date", "grant_date"])
    "; did you mean 'application_date'?"
    """
    close = difflib.get_close_matches(word, among, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def empty_rejects() -> pd.DataFrame:
    """Make a table of rejects without rows."""
    return pd.DataFrame({c: pd.Series(dtype="int64" if c == "row" else "object") for c in REJECT_COLUMNS})


def _check_columns(spec: Table, names: list[str]) -> tuple[str, ...]:
    """Refuse a table without a required column; warn about columns that look misspelt."""
    unknown = [n for n in names if n not in spec.columns]
    for required in spec.required:
        if required not in names:
            close = difflib.get_close_matches(required, unknown, n=1, cutoff=0.6)
            hint = (
                f"; the nearest column is {close[0]!r}: rename it"
                if close
                else f"; it has {', '.join(names) or 'none'}"
            )
            raise SchemaError(f"table {spec.name!r} lacks the required column {required!r}{hint}")
    for name in unknown:
        close = difflib.get_close_matches(name, [c for c in spec.columns if c not in names], n=1, cutoff=0.85)
        if close:
            warnings.warn(
                f"table {spec.name!r}: column {name!r} is unknown and not read; did you mean {close[0]!r}?",
                UserWarning,
                stacklevel=4,
            )
    return tuple(unknown)


def refuse_overflow(spec: Table, table: pa.Table) -> None:
    """Refuse a table with more identifiers, codes or lists than one Arrow array of them can hold.

    Wording may be longer: it has offsets of 64 bits.

    Parameters
    ----------
    spec : Table
        The table's schema.

    Raises
    ------
    SchemaError
        If a column other than one of wording has more than 2 GB of text.
    """
    for column in spec.columns.values():
        if column.kind != "text" and column.name in table.column_names and overflows(table[column.name]):
            raise SchemaError(
                f"table {spec.name!r}: column {column.name!r} has more than 2 GB of text, which one book in memory "
                "can't hold; split the patents over several books, or read fewer shards at once"
            )


def _mark(code: Ints16, culprit: Ints16, bad: Mask, reason: Reason, place: int) -> None:
    bad = bad & (code == 0)
    code[bad], culprit[bad] = reason, place


def _days(table: pa.Table, name: str) -> Floats:
    days = table[name].combine_chunks().cast(pa.int32()).cast(pa.float64())
    return np.asarray(days.to_numpy(zero_copy_only=False), np.float64)


def _check_dates(spec: Table, table: pa.Table, code: Ints16, culprit: Ints16) -> None:
    for early, late in _DATE_ORDER.get(spec.name, ()):
        with np.errstate(invalid="ignore"):
            bad = _days(table, late) < _days(table, early)
        _mark(code, culprit, bad, Reason.INCONSISTENT_DATES, list(spec.columns).index(late))


def _check_patents(spec: Table, table: pa.Table, patents: pa.Table | None, code: Ints16, culprit: Ints16) -> None:
    """A row must belong to a patent of the book; a citation may do so by either end, a member by its family."""
    if patents is not None and spec.name == "family_members":
        strange = index_of(table["family_id"], patents["family_id"].unique()) < 0
        _mark(code, culprit, strange, Reason.UNKNOWN_PATENT, list(spec.columns).index("family_id"))
    if patents is None or not spec.patent_columns:
        return
    patent_ids = patents["patent_id"].combine_chunks()
    known = np.zeros(table.num_rows, bool)
    for name in spec.patent_columns:
        known |= index_of(table[name], patent_ids) >= 0
    _mark(code, culprit, ~known, Reason.UNKNOWN_PATENT, list(spec.columns).index(spec.patent_columns[-1]))


def sort_table(spec: Table, table: pa.Table) -> Sorted:
    """Sort rows into canonical order, by patent first.

    Parameters
    ----------
    spec : Table
        The table's schema.
    table : pyarrow.Table
        Valid rows in any order.
    """
    key = spec.key or tuple(dict.fromkeys((*spec.patent_columns, *(c for c in (spec.known_column,) if c))))
    if spec.name == "legal_events":
        key = ("patent_id", "effective_date", "code")
    first = [rank(table[name]) for name in key]
    rest = [table[name].combine_chunks() for name in spec.columns if name not in key]
    return sort_rows(first, rest, table.num_rows, unique_key=bool(spec.key))


def _rejects(spec: Table, raw: pa.Table, code: Ints16, culprit: Ints16) -> pd.DataFrame:
    rows = np.flatnonzero(code)
    if not len(rows):
        return empty_rejects()
    names = np.array(list(spec.columns))[culprit[rows]]
    return pd.DataFrame(
        {
            "table": spec.name,
            "row": rows,
            "column": names,
            "value": _values(raw, rows, names),
            "code": [Reason(c).label for c in code[rows]],
            "message": [REASONS[Reason(c)] for c in code[rows]],
        }
    )


def _values(raw: pa.Table, rows: Ints, names: Texts) -> list[str]:
    """The offending values as short text; only bad rows are ever turned into Python objects."""
    shown = np.full(len(rows), "", object)
    for name in np.unique(names):
        places = np.flatnonzero(names == name)
        if name in raw.column_names:
            shown[places] = _shown(raw[str(name)], rows[places])
    return list(shown)


def _shown(column: pa.ChunkedArray, rows: Ints) -> list[str]:
    try:
        values = column.take(pa.array(rows)).to_pylist()
    except (ArithmeticError, ValueError, LookupError, pa.ArrowException):
        # dates that Python can't hold, unknown time zones: the number behind them
        values = [_number_of(column[int(row)]) for row in rows]
    return ["" if v is None else str(v)[:200] for v in values]


def _number_of(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (ArithmeticError, ValueError, LookupError, pa.ArrowException):
        return getattr(scalar, "value", "")
