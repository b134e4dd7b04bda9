"""CSV files without formulas.

A spreadsheet program runs any cell that begins like a formula, so that an owner's name from a register could open a web
address on the reader's computer (CSV injection). Such text gets an apostrophe in front and is then shown as text.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from ipvalue.errors import BookError
from ipvalue.records.arrow import plain, to_arrow

__all__ = ["inert", "write_csv"]

# Blanks and invisible characters that a spreadsheet skips before it looks for a formula: spaces of any width, the byte
# order mark and zero-width characters. The full-width signs of Chinese keyboards begin a formula as well.
_SKIPPED = r"[\p{Z}\p{Cc}\p{Cf}]*"  # separators, control and format characters of Unicode
_FORMULA = rf"^{_SKIPPED}[=+\-@＝＋－＠]|^[\t\r\n]"
# A program that splits columns at semicolons or tabs begins a cell after each of them.
_LATER = rf"([;\t]{_SKIPPED})([=+\-@＝＋－＠])"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


def inert(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Text with an apostrophe in front of each value that a spreadsheet would take for a formula.

    Parameters
    ----------
    values : pyarrow.Array
        Of text; other types pass through. Text that is a number stays a number.

    References
    ----------
    OWASP, CSV Injection: cells that begin with =, +, -, @, tab or carriage return.

    Examples
    --------
    >>> inert(pa.array(["=1+1", "-2.5", "-x", "@sum", "Smith", "A;=1+1", None])).to_pylist()
    ["'=1+1", '-2.5', "'-x", "'@sum", 'Smith', "A;'=1+1", None]
    """
    array = plain(values)
    if not pa.types.is_string(array.type):
        return array
    bad = pc.and_(pc.match_substring_regex(array, _FORMULA), pc.invert(pc.match_substring_regex(array, _NUMBER)))
    array = pc.replace_substring_regex(array, _LATER, r"\1'\2")
    return pc.if_else(bad, pc.binary_join_element_wise("'", array, ""), array)


def write_csv(table: object, path: str | os.PathLike[str]) -> None:
    """Write a table as CSV (UTF-8), with text that looks like a formula made inert.

    Parameters
    ----------
    table : table
        A pandas frame (its index is not written), an Arrow table, or a dict of columns.

    Raises
    ------
    BookError
        If the file can't be written.

    Notes
    -----
    Lists are joined with ``;``. A file that is written so and read again keeps the apostrophes.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "owners.csv"
    >>> write_csv({"owner": ["=HYPERLINK(x)", "A"], "value": [-1.5, 2.0]}, path)
    >>> print(path.read_text())
    "owner","value"
    "'=HYPERLINK(x)",-1.5
    "A",2
    <BLANKLINE>
    """
    found = to_arrow("table to be written", table)
    columns = [inert(_joined(column)) for column in found.columns]
    names = inert(pa.array(found.column_names, pa.string())).to_pylist()
    try:
        pcsv.write_csv(pa.table(columns, names=names), Path(path))
    except OSError as error:
        raise BookError(f"{path} can't be written: {error}") from error


def _joined(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        return pc.binary_join(column, ";")
    return column
