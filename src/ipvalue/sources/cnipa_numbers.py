"""Numbers as Chinese exports print them: applications with and without check digit, publications of any office."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ipvalue.law.kinds import is_grant
from ipvalue.law.numbers import cn_check_digit
from ipvalue.sources.reading.identifiers import document_ids

__all__ = ["Publication", "application_digits", "application_id", "publications", "right_of_application"]

_PREFIX = re.compile(r"^(?:CN|ZL)+")
_SINCE_2003 = re.compile(r"(20\d\d[12389]\d{7})[\dX]?")
_UNTIL_2003 = re.compile(r"((?:8[5-9]|9\d|0[0-3])[12389]\d{5})[\dX]?")
_PUBLICATION = re.compile(r"([A-Z]{2})?(\d{6,13}|[A-Z]{0,2}\d{4,12})([A-Z]\d?)?")
_RIGHTS = {"1": "invention", "8": "invention", "2": "utility_model", "9": "utility_model", "3": "design"}


class Publication(NamedTuple):
    """A publication number."""

    document: str
    """Identifier as :mod:`ipvalue.sources.reading.identifiers` writes it."""
    office: str
    kind: str
    """Kind code; empty where none is printed."""
    granted: bool
    """Whether it is the publication of a grant."""


def application_digits(text: str | None) -> str:
    """Digits of a Chinese application number before its check digit; empty where the text is no such number.

    Examples
    --------
    >>> [application_digits(t) for t in ["ZL 2019 1 1130921.9", "ＣＮ２０１９１１１３０９２１", "01108608.4", "US15/1"]]
    ['201911130921', '201911130921', '01108608', '']
    """
    plain = re.sub(r"[\s.·-]", "", unicodedata.normalize("NFKC", text or "").upper())
    plain = _PREFIX.sub("", plain)
    found = _SINCE_2003.fullmatch(plain) or _UNTIL_2003.fullmatch(plain)
    return found[1] if found else ""


def application_id(digits: str) -> str:
    """Identifier of an application without a publication number: its number with the right check digit.

    Examples
    --------
    >>> application_id("201911130921")
    'CN-201911130921.9'
    """
    return f"CN-{digits}.{cn_check_digit([digits])[0]}"


def right_of_application(digits: str) -> str | None:
    """Kind of right that the digit after the year names."""
    return _RIGHTS.get(digits[4 if len(digits) == 12 else 2]) if digits else None


def publications(texts: Sequence[str | None]) -> list[Publication | None]:
    """Read publication numbers; one without an office is Chinese. None where a text is no such number.

    Examples
    --------
    >>> [p and p.document for p in publications(["CN104000000B", "US 2013/0101709 A1", "2", "1329864A", None])]
    ['CN-104000000', 'US-20130101709', None, 'CN-1329864', None]
    """
    printed = [re.sub(r"[\s./,·-]", "", unicodedata.normalize("NFKC", text or "").upper()) for text in texts]
    found = [_PUBLICATION.fullmatch(plain) for plain in printed]
    offices = [match[1] or "CN" if match else None for match in found]
    documents = document_ids(offices, [match[2] if match else None for match in found])
    kinds = [(match[3] or "") if match else "" for match in found]
    granted = is_grant(np.array([office or "" for office in offices], str), np.array(kinds, str))
    return [
        Publication(document, str(office), kind, bool(grant)) if document else None
        for document, office, kind, grant in zip(documents, offices, kinds, granted)
    ]
