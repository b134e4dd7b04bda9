"""One identifier for each document, whichever source names it: office and number, without the kind code.

Citations often print the kind code differently from the cited document itself (``A`` for a US grant before 2001), or do
not print it. An identifier with a kind code would therefore not join. The number alone is unique at each office, in the
forms that :mod:`ipvalue.law.numbers` knows. Before 1996, a Japanese examined publication may have the same number as an
unexamined one. They then count as one document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ipvalue.law.numbers import normalise

__all__ = ["document_ids"]

_SEPARATORS = re.compile(r"[^0-9A-Z]")


def document_ids(offices: Sequence[str | None], numbers: Sequence[str | None]) -> list[str | None]:
    """Identifiers of documents, as ``office-number``; None where the office or the number is missing.

    Parameters
    ----------
    offices : sequence of str or None, length n
        Office that published the document, as in WIPO ST.3.
    numbers : sequence of str or None, length n
        Printed number, with or without leading zeros, separators and the office. If its form is not known, its
        letters and digits are used.

    Examples
    --------
    >>> document_ids(["US", "US", "US", "WO", "DE", None], ["06836899", "D0584230", "2002/0123456", "WO 01/07345",
    ...                                                    "198 46 232", "1"])
    ['US-6836899', 'US-D584230', 'US-20020123456', 'WO-2001007345', 'DE-19846232', None]
    """
    pairs = list(zip(offices, numbers))
    place = {pair: position for position, pair in enumerate(dict.fromkeys(p for p in pairs if p[0] and p[1]))}
    plain = [(str(office), _plain(str(office), str(number))) for office, number in place]
    printed = np.array([office + number for office, number in plain] or [""])
    found = normalise(printed).number.tolist()
    names = [
        f"{office}-{form[len(office) :] if form.startswith(office) else number.lstrip('0') or number}"
        for (office, number), form in zip(plain, found)
    ]
    return [names[place[pair]] if pair in place else None for pair in pairs]


def _plain(office: str, number: str) -> str:
    """The letters and digits of a number, without the office."""
    return _SEPARATORS.sub("", number.upper()).removeprefix(office)
