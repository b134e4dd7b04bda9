"""Kind codes of patent documents: which right they concern, and whether they are grants.

A kind code (WIPO Standard ST.16) means something only together with the office that printed it: ``A`` of the
US before 2001 is a grant, ``A`` of China an application. The table ``kind_codes`` holds what each office
means by each code. A code that it lacks is read by its letter where all the office's codes with that letter
agree (``DE B9`` reads as ``DE B3`` and ``DE B4`` do); otherwise it stays unknown.

References
----------
WIPO Standard ST.16, recommended standard code for the identification of different kinds of patent documents.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ipvalue.law._codes import codes_of, joint_codes
from ipvalue.law._tables import rows
from ipvalue.types import Ints, Mask, Texts

__all__ = ["is_grant", "right_of"]


@cache
def _meanings() -> tuple[dict[tuple[str, str], tuple[str, bool]], dict[tuple[str, str], tuple[str, bool]]]:
    """(office, code), and (office, letter) where clear, to (right, is a grant)."""
    exact = {(row["jurisdiction"], row["kind"]): (row["right"], row["is_grant"] == "1") for row in rows("kind_codes")}
    by_letter: dict[tuple[str, str], set[tuple[str, bool]]] = {}
    for (office, kind), meaning in exact.items():
        by_letter.setdefault((office, kind[0]), set()).add(meaning)
    return exact, {key: next(iter(found)) for key, found in by_letter.items() if len(found) == 1}


def _meaning(office: str, kind: str) -> tuple[str, bool]:
    exact, by_letter = _meanings()
    kind = kind.strip().upper()
    found = exact.get((office, kind)) or by_letter.get((office, kind[:1]))
    return found or ("", False)


def _read(jurisdiction: Any, kind: Any) -> tuple[Ints, list[tuple[str, bool]]]:
    office_codes, offices = codes_of(jurisdiction)
    kind_codes, kinds = codes_of(kind)
    codes, pairs = joint_codes(*np.broadcast_arrays(office_codes, kind_codes))
    return codes, [_meaning(offices[office], kinds[code]) for office, code in pairs.tolist()]


def right_of(jurisdiction: Any, kind: Any) -> Texts:
    """Right that a document of a kind concerns.

    Parameters
    ----------
    jurisdiction : array-like of str, shape (n,)
        Office of the document, ST.3 code.
    kind : array-like of str, shape (n,)
        Kind code, such as ``'B2'``.

    Returns
    -------
    str array, shape (n,)
        ``'invention'``, ``'utility_model'``, ``'design'`` or ``'plant'``; for documents of other rights what
        the office calls them (``'pct_application'``, ``'utility_certificate'``, ``'innovation'``,
        ``'other'``); the empty string where the code is unknown.

    References
    ----------
    WIPO Standard ST.16.

    Examples
    --------
    >>> right_of(["CN", "US", "WO", "CN"], ["U", "B2", "A1", "Q"]).tolist()
    ['utility_model', 'invention', 'pct_application', '']
    """
    codes, meanings = _read(jurisdiction, kind)
    return np.array([right for right, _ in meanings] or [""])[codes]


def is_grant(jurisdiction: Any, kind: Any) -> Mask:
    """Whether a document of a kind is published on or after the grant of the right.

    Parameters
    ----------
    jurisdiction : array-like of str, shape (n,)
        Office of the document, ST.3 code.
    kind : array-like of str, shape (n,)
        Kind code.

    Returns
    -------
    bool array, shape (n,)
        False also where the code is unknown.

    References
    ----------
    WIPO Standard ST.16.

    Examples
    --------
    >>> is_grant(["US", "US", "CN"], ["A", "A1", "A"]).tolist()
    [True, False, False]
    """
    codes, meanings = _read(jurisdiction, kind)
    return np.array([grant for _, grant in meanings] or [False])[codes]
