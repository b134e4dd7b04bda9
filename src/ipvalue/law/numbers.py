"""Application and publication numbers of CN, US, EP, WO, JP and KR in one normal form.

Data sources print one number in many ways: ``US 2019/0123456 A1``, ``US.2019123456.A1`` (DOCDB), ``ZL 2014 1
0123456.7``, ``CN104000000 B``. The table ``number_formats`` holds one pattern a series, tried in its order
on the text without spaces and separators; the normal form starts with the office and leaves out the kind
code.

References
----------
WIPO Standards ST.6, ST.13, ST.16; CNIPA standard ZC 0006 on application numbers.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of
from ipvalue.law._tables import rows
from ipvalue.types import Texts

__all__ = ["Numbers", "cn_check_digit", "normalise"]

_CN_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9)

# two-digit years of PCT publications run from 1978 to 2003
_FIRST_PCT_YEAR = 78


class Numbers(NamedTuple):
    """Parts of numbers, one element a number; all empty where the number can't be read."""

    jurisdiction: Texts
    """Office, ST.3 code."""
    series: Texts
    """``'application'`` or ``'publication'``."""
    number: Texts
    """Normal form with the office and without the kind code, such as ``'US20190123456'``."""
    kind: Texts
    """Kind code, empty where none is printed."""
    check: npt.NDArray[np.int8]
    """Check digit of a Chinese application: 1 right, 0 wrong, -1 none printed, or none to check."""


_UNREAD = ("", "", "", "", -1)


@cache
def _formats() -> list[tuple[re.Pattern[str], dict[str, str]]]:
    return [(re.compile(row["regex"]), row) for row in rows("number_formats")]


def _clean(text: str) -> str:
    """Upper case, without spaces, commas, and the dots that separate office, number and kind."""
    text = re.sub(r"[\s,]", "", unicodedata.normalize("NFKC", text).upper())
    return re.sub(r"(?<=[A-Z])\.|\.(?=[A-WYZ])", "", text)


def _check_digit(digits: str) -> str:
    """Check digit of a Chinese application number."""
    total = sum(int(digit) * _CN_WEIGHTS[position % len(_CN_WEIGHTS)] for position, digit in enumerate(digits))
    return "0123456789X"[total % 11]


def _read(text: str) -> tuple[str, str, str, str, int]:
    """One number to (office, series, normal form, kind, check)."""
    text = _clean(text)
    for pattern, row in _formats():
        found = pattern.fullmatch(text)
        if found is None:
            continue
        parts = {name: value or "" for name, value in found.groupdict().items()}
        if short := parts.get("short_year"):
            parts["year"] = ("19" if int(short) >= _FIRST_PCT_YEAR else "20") + short
        parts.setdefault("type", "")
        number, check = row["normal"].format(**parts), -1
        if "check" in parts:
            right = _check_digit(number[2:]) if row["jurisdiction"] == "CN" else parts["check"]
            if row["jurisdiction"] == "CN" and parts["check"]:
                check = int(right == parts["check"])
            number = f"{number}.{parts['check'] or right}"
        return row["jurisdiction"], row["series"], number, parts.get("kind", ""), check
    return _UNREAD


def normalise(numbers: Any) -> Numbers:
    """Read application and publication numbers.

    Parameters
    ----------
    numbers : array-like of str, shape (n,)
        Numbers with their office; only Chinese application numbers may come without.

    Returns
    -------
    Numbers
        Arrays of shape (n,). A Chinese number with a wrong check digit is read and reported in ``check``; one
        without gets its check digit.

    Examples
    --------
    >>> printed = ["US 2019/0123456 A1", "US.2019123456.A1", "ZL 2019 1 1130921.9", "CN104000000B", "?"]
    >>> found = normalise(printed)
    >>> found.number.tolist()
    ['US20190123456', 'US20190123456', 'CN201911130921.9', 'CN104000000', '']
    >>> found.kind.tolist(), found.check.tolist()
    (['A1', 'A1', '', 'B', ''], [-1, -1, 1, -1, -1])
    """
    codes, names = codes_of(numbers)
    columns = list(zip(*(_read(name) for name in names)))
    jurisdiction, series, number, kind = (np.array(column, dtype=str)[codes] for column in columns[:4])
    return Numbers(jurisdiction, series, number, kind, np.array(columns[4], dtype=np.int8)[codes])


def cn_check_digit(digits: Any) -> Texts:
    """Check digit of Chinese application numbers.

    Parameters
    ----------
    digits : array-like of str, shape (n,)
        The 12 digits (8 before October 2003) before the check digit.

    Returns
    -------
    str array, shape (n,)
        One digit, or ``'X'`` for ten; empty where the text is not all digits.

    Notes
    -----
    :math:`\\sum_i d_i w_i \\bmod 11` with weights 2 to 9, then 2 to 5.

    References
    ----------
    CNIPA standard ZC 0006-2003.

    Examples
    --------
    >>> cn_check_digit(["201911130921", "00100015"]).tolist()
    ['9', '2']
    """
    codes, names = codes_of(digits)
    found = [_check_digit(name) if name.isascii() and name.isdigit() else "" for name in names]
    return np.array(found, dtype="U1")[codes]
