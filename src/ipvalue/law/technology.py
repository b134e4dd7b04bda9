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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._tables import rows
from ipvalue.law._unique import codes_of
from ipvalue.types import Ints16, Texts

__all__ = [
    "Symbols",
    "field_names",
    "field_of",
    "main_group",
    "parse",
    "sector_names",
    "sector_of",
    "subclass",
]

_SUBCLASS = re.compile(r"[A-HY]\d\d[A-Z]")
_SLASH = re.compile(r"\s*(\d{1,4})\s*/\s*(\d{1,6})")
_CANONICAL = re.compile(r"(\d{4})(\d{6})\s*$")
_DIGITS = re.compile(r"(\s*)(\d{1,8})\s*$")

# USPTO files of before 2006 print the main group right-aligned in this many columns
_OLD_GROUP_COLUMNS = 3


class Symbols(NamedTuple):
    """Parts of IPC symbols, one element a symbol."""

    subclass: Texts
    """Four characters such as ``'H04L'``; empty where the symbol can't be read."""
    group: Ints16
    """Main group number such as 29; -1 where there is none."""
    subgroup: Texts
    """Subgroup digits such as ``'06'``; empty where there are none."""


def _split(text: str) -> tuple[str, int, str]:
    """One symbol to (subclass, main group, subgroup)."""
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
        return head, *_split_digits(found[1], found[2])
    return head, -1, ""


def _split_digits(spaces: str, digits: str) -> tuple[int, str]:
    """Main group and subgroup printed without a slash; the subgroup has two digits or more."""
    if len(digits) <= 2:
        return int(digits), ""
    columns = _OLD_GROUP_COLUMNS - len(spaces)
    if columns < 1 or len(digits) - columns < 2:
        columns = len(digits) - 2
    return int(digits[:columns]), digits[columns:]


def parse(symbols: Any) -> Symbols:
    """Read IPC (or CPC) symbols.

    Parameters
    ----------
    symbols : array-like of str, shape (n,)
        Symbols in any of the forms named in the module's docstring; missing values are unknown.

    Returns
    -------
    Symbols
        Three arrays of shape (n,): subclass, main group, subgroup.

    Examples
    --------
    >>> parsed = parse(["H04L 29/06", "A45F  504", "a01b0007000000", "H04L", "?"])
    >>> parsed.subclass.tolist()
    ['H04L', 'A45F', 'A01B', 'H04L', '']
    >>> parsed.group.tolist(), parsed.subgroup.tolist()
    ([29, 5, 7, -1, -1], ['06', '04', '00', '', ''])
    """
    codes, names = codes_of(symbols)
    parts = [_split(name) for name in names]
    return Symbols(
        np.array([part[0] for part in parts], dtype="U4")[codes],
        np.array([part[1] for part in parts], dtype=np.int16)[codes],
        np.array([part[2] for part in parts], dtype="U6")[codes],
    )


def subclass(symbols: Any) -> Texts:
    """IPC subclass, the unit in which technological breadth is usually counted.

    Parameters
    ----------
    symbols : array-like of str, shape (n,)
        IPC symbols.

    Returns
    -------
    str array, shape (n,)
        Four characters; empty where the symbol can't be read.

    References
    ----------
    Lerner, J. (1994). The importance of patent scope. RAND Journal of Economics 25(2).

    Examples
    --------
    >>> subclass(["H04L 29/06", None]).tolist()
    ['H04L', '']
    """
    return parse(symbols).subclass


def main_group(symbols: Any) -> Texts:
    """IPC main group in its printed form, such as ``'H04L 29/00'``.

    Parameters
    ----------
    symbols : array-like of str, shape (n,)
        IPC symbols.

    Returns
    -------
    str array, shape (n,)
        The main group; empty where the symbol has none.

    Examples
    --------
    >>> main_group(["H04L 29/06", "H04L"]).tolist()
    ['H04L 29/00', '']
    """
    codes, names = codes_of(symbols)
    parts = [_split(name) for name in names]
    return np.array([f"{part[0]} {part[1]}/00" if part[1] >= 0 else "" for part in parts])[codes]


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


# the symbols of one part of a book are mostly those of the next
@lru_cache(maxsize=1 << 16)
def _field(symbol: str) -> int:
    table, (head, group, _) = _concordance(), _split(symbol)
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
