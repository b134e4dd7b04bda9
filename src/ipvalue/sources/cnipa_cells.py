"""Cells of Chinese exports: application and publication numbers, dates, and announcements of the legal status."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ipvalue.law.kinds import is_grant
from ipvalue.law.numbers import cn_check_digit
from ipvalue.sources.reading.identifiers import document_ids

__all__ = [
    "Notice",
    "Publication",
    "application_digits",
    "application_id",
    "earliest_priority",
    "iso_day",
    "iso_days",
    "notices",
    "publications",
    "right_of_application",
]

_PREFIX = re.compile(r"^(?:CN|ZL)+")
_SINCE_2003 = re.compile(r"(20\d\d[12389]\d{7})[\dX]?")
_UNTIL_2003 = re.compile(r"((?:8[5-9]|9\d|0[0-3])[12389]\d{5})[\dX]?")
_PUBLICATION = re.compile(r"([A-Z]{2})?(\d{6,13}|[A-Z]{0,2}\d{4,12})([A-Z]\d?)?")
_RIGHTS = {"1": "invention", "8": "invention", "2": "utility_model", "9": "utility_model", "3": "design"}


class Publication(NamedTuple):
    """A publication number."""

    document: str
    """Identifier (:mod:`ipvalue.sources.reading.identifiers`)."""
    office: str
    kind: str
    """Kind code; empty if none is printed."""
    granted: bool
    """Whether it is the publication of a grant."""


def application_digits(text: str | None) -> str:
    """Digits of a Chinese application number before its check digit; empty if the text is not such a number.

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
    """Identifier of an application without a publication number: its number with the correct check digit.

    Examples
    --------
    >>> application_id("201911130921")
    'CN-201911130921.9'
    """
    return f"CN-{digits}.{cn_check_digit([digits])[0]}"


def right_of_application(digits: str) -> str | None:
    """The right, from the digit after the year."""
    return _RIGHTS.get(digits[4 if len(digits) == 12 else 2]) if digits else None


def publications(texts: Sequence[str | None]) -> list[Publication | None]:
    """Read publication numbers. A number without an office is Chinese; None if a text is not such a number.

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


_MONTH, _OF_MONTH = r"(?:0?[1-9]|1[0-2])", r"(?:[12]\d|3[01]|0?[1-9])"
_SEPARATED = rf"(?:19|20)\d\d\s*[-./年]\s*{_MONTH}\s*[-./月]\s*{_OF_MONTH}(?!\d)\s*日?"
_EIGHT_DIGITS = r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
_DAY = f"(?:{_SEPARATED}|{_EIGHT_DIGITS})"
_DAYS = re.compile(_DAY)
_BREAK = re.compile(r"[;|\n]+")
# a line of a history: the date and the announcement, or the announcement and its date
_DAY_FIRST = re.compile(rf"({_DAY})[\s:,、]*(.+?)(?=[;|\n]\s*{_DAY}|\s*$)", re.DOTALL)
_DAY_LAST = re.compile(rf"([^;|\n]+?)[\s:,(]*({_DAY})\)?\s*(?=[;|\n]|\s*$)")
_CODE = re.compile(r"^\s*([A-Z]{2}\d\d|C\d\d)\b[\s:.,、-]*")
# labels of the date on which an announcement takes effect; the first one found is used
_EFFECTIVE = [
    re.compile(rf"(?:{label})\s*[:为是]?\s*({_DAY})")
    for label in (
        "终止日期?",
        "解除日期?",
        "注销日期?",
        "变更日期?",
        "登记生效日期?",
        "备案日期?",
        "无效宣告决定日|决定日期?",
    )
]
# registration numbers of pledges and licences; days of a term adjustment
_DETAIL = [
    re.compile(r"登记号\s*[:为]?\s*([A-Z]{0,2}\d{6,})"),
    re.compile(r"合同备案号\s*[:为]?\s*([A-Z]{0,2}\d{6,})"),
    re.compile(r"补偿(?:天数|期限)\s*[:为]?\s*(\d+)"),
]


class Notice(NamedTuple):
    """One announcement."""

    announced: str
    """Date of the announcement, YYYY-MM-DD."""
    effective: str
    """Effective date in the text, or else the date of the announcement."""
    code: str | None
    text: str
    detail: str | None
    """Registration number of a pledge or licence, or days of a term adjustment."""


def iso_day(text: str) -> str:
    """A date in any of the usual forms as YYYY-MM-DD. Other text is returned unchanged.

    Examples
    --------
    >>> [iso_day(t) for t in ("2019.3.5", "2019年03月05日", "20190305", "soon")]
    ['2019-03-05', '2019-03-05', '2019-03-05', 'soon']
    """
    digits = re.findall(r"\d+", text)
    if len(digits) == 1 and len(digits[0]) == 8:
        digits = [digits[0][:4], digits[0][4:6], digits[0][6:]]
    return "-".join([digits[0], *(d.zfill(2) for d in digits[1:])]) if len(digits) == 3 else text


def iso_days(text: str | None) -> list[str]:
    """All dates in a text, as YYYY-MM-DD, in their order."""
    return [iso_day(day) for day in _DAYS.findall(text or "")]


def earliest_priority(text: str | None) -> str | None:
    """The earliest date in a list of priorities. Digits of their numbers are not taken for dates.

    Examples
    --------
    >>> earliest_priority("1999.06.11 JP 19980101/99;1998.12.31 US 60/114,508")
    '1998-12-31'
    """
    entries = _BREAK.split(text or "")
    days = [re.findall(_SEPARATED, entry)[:1] or re.findall(_EIGHT_DIGITS, entry)[:1] for entry in entries]
    return min((iso_day(day) for found in days for day in found), default=None)


def notices(status: str | None, days: str | None, information: str | None, code: str | None) -> list[Notice] | None:
    """Read the announcements of one row; None if their number differs from that of the dates.

    Parameters
    ----------
    status : str or None
        One or several announcements, separated by ``;``, ``|`` or line ends; or a history that includes the dates.
    days : str or None
        One date for each announcement. Without dates, those of the history are used. If there are none either, the row
        has no announcements, because a status without a date is not an event.
    information : str or None
        Details of the announcements.
    code : str or None
        Code of the gazette. A code at the beginning of the text is read too.

    Examples
    --------
    >>> for notice in notices("授权;实质审查的生效", "2019.3.5;20181012", None, None):
    ...     print(notice.announced, notice.text)
    2019-03-05 授权
    2018-10-12 实质审查的生效
    >>> notices("专利权质押合同登记的生效", "20190402", "登记号:Y2019990000123;登记生效日:20190315", None)[0][1:]
    ... # doctest: +NORMALIZE_WHITESPACE
    ('2019-03-15', None, '专利权质押合同登记的生效;登记号:Y2019990000123;登记生效日:20190315', 'Y2019990000123')
    """
    given = iso_days(days)
    text = ";".join(part for part in (status, information) if part)
    if not text and not code:
        return []
    if len(given) == 1:
        return [_notice(given[0], text, code)]
    if not given:
        return [_notice(day, text, code) for history in (information, status) for day, text in _history(history)]
    parts = [part.strip() for part in _BREAK.split(status or "") if part.strip()]
    if len(parts) != len(given):
        return None
    details = [part.strip() for part in re.split(r"[|\n]+", information or "") if part.strip()]
    details = details if len(details) == len(parts) else [""] * len(parts)
    return [_notice(day, ";".join(filter(None, pair)), code) for day, *pair in zip(given, parts, details)]


def _history(text: str | None) -> list[tuple[str, str]]:
    if not text or not _DAYS.search(text):
        return []
    begins = re.match(rf"\s*{_DAY}", text)
    pairs = _DAY_FIRST.findall(text) if begins else [(day, words) for words, day in _DAY_LAST.findall(text)]
    return [(iso_day(day), words.strip()) for day, words in pairs if words.strip()]


def _notice(day: str, text: str, code: str | None) -> Notice:
    printed = _CODE.match(text)
    if printed is not None:
        code, text = code or printed[1], text[printed.end() :] or text
    effective = next((iso_day(found[1]) for pattern in _EFFECTIVE if (found := pattern.search(text))), day)
    detail = next((found[1] for pattern in _DETAIL if (found := pattern.search(text))), None)
    return Notice(day, effective, code, text, detail)
