"""Legal-status announcements in Chinese text: several in a cell, each with its day, and what its wording names."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Notice", "earliest_priority", "iso_day", "iso_days", "notices"]

_MONTH, _OF_MONTH = r"(?:0?[1-9]|1[0-2])", r"(?:[12]\d|3[01]|0?[1-9])"
_SET_APART = rf"(?:19|20)\d\d\s*[-./年]\s*{_MONTH}\s*[-./月]\s*{_OF_MONTH}(?!\d)\s*日?"
_RUN_TOGETHER = r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
_DAY = f"(?:{_SET_APART}|{_RUN_TOGETHER})"
_DAYS = re.compile(_DAY)
_BREAK = re.compile(r"[;|\n]+")
# a line of a history: the day and what was announced, or the other way round
_DAY_FIRST = re.compile(rf"({_DAY})[\s:,、]*(.+?)(?=[;|\n]\s*{_DAY}|\s*$)", re.DOTALL)
_DAY_LAST = re.compile(rf"([^;|\n]+?)[\s:,(]*({_DAY})\)?\s*(?=[;|\n]|\s*$)")
_CODE = re.compile(r"^\s*([A-Z]{2}\d\d|C\d\d)\b[\s:.,、-]*")
# the day on which an announcement takes effect, by what its text calls it; the first that is there
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
# what register of encumbrances calls its numbers; a term adjustment says days
_DETAIL = [
    re.compile(r"登记号\s*[:为]?\s*([A-Z]{0,2}\d{6,})"),
    re.compile(r"合同备案号\s*[:为]?\s*([A-Z]{0,2}\d{6,})"),
    re.compile(r"补偿(?:天数|期限)\s*[:为]?\s*(\d+)"),
]


class Notice(NamedTuple):
    """One announcement."""

    announced: str
    """Day of the announcement, YYYY-MM-DD."""
    effective: str
    """Day of its effect: as its text names it, else that of the announcement."""
    code: str | None
    text: str
    detail: str | None
    """Registration number of a pledge or licence, days of a term adjustment."""


def iso_day(text: str) -> str:
    """A day in any of the usual forms as YYYY-MM-DD; a text that is none as it stands.

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
    """All days that a text names, as YYYY-MM-DD, in its order."""
    return [iso_day(day) for day in _DAYS.findall(text or "")]


def earliest_priority(text: str | None) -> str | None:
    """The earliest day of a list of priorities; the digits of their numbers are not taken for days.

    Examples
    --------
    >>> earliest_priority("1999.06.11 JP 19980101/99;1998.12.31 US 60/114,508")
    '1998-12-31'
    """
    entries = _BREAK.split(text or "")
    days = [re.findall(_SET_APART, entry)[:1] or re.findall(_RUN_TOGETHER, entry)[:1] for entry in entries]
    return min((iso_day(day) for found in days for day in found), default=None)


def notices(status: str | None, days: str | None, information: str | None, code: str | None) -> list[Notice] | None:
    """Read the announcements of one row.

    Parameters
    ----------
    status : str or None
        What was announced; several parted by ``;``, ``|`` or ends of lines, or a history that names the days itself.
    days : str or None
        The days, in the same number; where there is none, the history's own.
    information : str or None
        What the announcement says in detail.
    code : str or None
        Its code in the gazette; also read where the text begins with one.

    Returns
    -------
    list of Notice or None
        Empty where no day is known: a state without a day is no event. None where states and days don't pair.

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
    told = ";".join(part for part in (status, information) if part)
    if not told and not code:
        return []
    if len(given) == 1:
        return [_notice(given[0], told, code)]
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
    pairs = _DAY_FIRST.findall(text) if begins else [(day, said) for said, day in _DAY_LAST.findall(text)]
    return [(iso_day(day), said.strip()) for day, said in pairs if said.strip()]


def _notice(day: str, text: str, code: str | None) -> Notice:
    printed = _CODE.match(text)
    if printed is not None:
        code, text = code or printed[1], text[printed.end() :] or text
    effective = next((iso_day(found[1]) for pattern in _EFFECTIVE if (found := pattern.search(text))), day)
    detail = next((found[1] for pattern in _DETAIL if (found := pattern.search(text))), None)
    return Notice(day, effective, code, text, detail)
