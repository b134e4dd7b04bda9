"""IPC symbols: subclass, main group, and the 35 technology fields of WIPO.

A symbol is read in every form that registers and data files print it in: ``H04L 29/06``, ``H04L  29/06``
(PATSTAT), ``H04L0029060000`` (WIPO canonical), ``H04L 2906`` and ``A45F  504`` (USPTO before 2006: main group
in three columns, then the subgroup), ``H04L 29`` and ``H04L``, in either case. The field is that of the main
group where the concordance splits the subclass, else that of the subclass.

References
----------
Schmoch, U. (2008). Concept of a technology classification for country comparisons. Report to WIPO, as
updated by WIPO to July 2019. Subclasses made later (H10, G06V, G16Y) are assigned by us; the column
``origin`` of the table ``ipc_to_field35`` says which.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of
from ipvalue.law._tables import rows

__all__ = ["field_names", "field_of", "read_symbol", "sector_names", "sector_of"]

_SUBCLASS = re.compile(r"[A-HY]\d\d[A-Z]")
_SLASH = re.compile(r"\s*(\d{1,4})\s*/\s*(\d{1,6})")
_CANONICAL = re.compile(r"(\d{4})(\d{6})\s*$")
_DIGITS = re.compile(r"(\s*)(\d{1,8})\s*$")

# USPTO files of before 2006 print the main group right-aligned in this many columns
_OLD_GROUP_COLUMNS = 3


def read_symbol(text: str) -> tuple[str, int, str]:
    """Read one IPC symbol in any of its printed forms.

    Returns
    -------
    tuple of (str, int, str)
        Subclass ('' where the symbol cannot be read), number of the main group (-1 for none) and digits of the
        subgroup ('' for none).

    Examples
    --------
    >>> read_symbol("H04L 29/06"), read_symbol("A45F  504"), read_symbol("?")
    (('H04L', 29, '06'), ('A45F', 5, '04'), ('', -1, ''))
    """
    text = text.strip().upper()
    if not _SUBCLASS.match(text):
        return "", -1, ""
    head, rest = text[:4], text[4:]
    if found := _SLASH.match(rest):
        return head, int(found[1]), found[2]
    if found := _CANONICAL.match(rest):
        digits = found[2].rstrip("0")
        return head, int(found[1]), digits.ljust(2, "0")
    if found := _DIGITS.match(rest):
        return head, *_unslashed(found[1], found[2])
    return head, -1, ""


def _unslashed(spaces: str, digits: str) -> tuple[int, str]:
    """Main group and subgroup printed without a slash; the subgroup has two digits or more."""
    if len(digits) <= 2:
        return int(digits), ""
    columns = _OLD_GROUP_COLUMNS - len(spaces)
    if columns < 1 or len(digits) - columns < 2:
        columns = len(digits) - 2
    return int(digits[:columns]), digits[columns:]


@cache
def _concordance() -> dict[tuple[str, int], int]:
    """(subclass, main group or -1) to field number."""
    table = {(row["ipc_subclass"], int(row["main_group"] or -1)): int(row["field"]) for row in rows("ipc_to_field35")}
    fields_of_groups: dict[str, Counter[int]] = {}
    for (name, _), field in table.items():
        fields_of_groups.setdefault(name, Counter())[field] += 1
    commonest = {(name, -1): count.most_common(1)[0][0] for name, count in fields_of_groups.items()}
    return {**commonest, **table}


def field_of(symbols: Any) -> npt.NDArray[np.int8]:
    """WIPO technology field, 1 to 35, by the longest match: main group, then subclass.

    Parameters
    ----------
    symbols : array-like of str, shape (n,)
        IPC symbols.

    Returns
    -------
    int8 array, shape (n,)
        Field number; 0 where the symbol can't be read or has no field.

    References
    ----------
    Schmoch (2008), WIPO concordance of 2019.

    Examples
    --------
    >>> field_of(["H04L 29/06", "A61K 8/02", "A61K 31/00", "x"]).tolist()
    [4, 14, 16, 0]
    """
    codes, names = codes_of(symbols)
    return np.array([_field(name) for name in names], dtype=np.int8)[codes]


# cached, because the parts of a book have mostly the same symbols
@lru_cache(maxsize=1 << 16)
def _field(symbol: str) -> int:
    table, (head, group, _) = _concordance(), read_symbol(symbol)
    return table.get((head, group)) or table.get((head, -1), 0)


@cache
def _names(column: str, key: str) -> tuple[str, ...]:
    named = {int(row[key]): row[column] for row in rows("fields35")}
    return ("unknown", *(named[number] for number in sorted(named)))


def field_names() -> list[str]:
    """Names of the technology fields by number.

    Returns
    -------
    list of str
        36 names; index 0 is ``'unknown'``.

    Examples
    --------
    >>> field_names()[4]
    'Digital communication'
    """
    return list(_names("field_name", "field"))


def sector_of(field: Any) -> npt.NDArray[np.int8]:
    """WIPO technology sector, 1 to 5, of a field.

    Parameters
    ----------
    field : array-like of int
        Field numbers, 0 to 35.

    Returns
    -------
    int8 array
        Sector number, 0 for field 0; :func:`sector_names` names them.

    Examples
    --------
    >>> sector_of([4, 16, 0]).tolist()
    [1, 3, 0]
    """
    sectors = np.array([0, *(int(row["sector"]) for row in rows("fields35"))], dtype=np.int8)
    return np.asarray(sectors[np.asarray(field, dtype=np.int64)])


def sector_names() -> list[str]:
    """Names of the technology sectors by number.

    Returns
    -------
    list of str
        Six names; index 0 is ``'unknown'``.

    Examples
    --------
    >>> sector_names()[3]
    'Chemistry'
    """
    return list(_names("sector_name", "sector"))
