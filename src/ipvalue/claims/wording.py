"""Read the text of one claim: references, category, form and length.

The rules about a claim's place in its set (does the claim it refers to exist, is it of the same category)
are in :mod:`ipvalue.claims.parser`; here a text is read once, however many claims share it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from ipvalue.claims.patterns import LanguagePatterns

__all__ = ["CATEGORIES", "TRANSITIONS", "ClaimText", "read_claim"]

CATEGORIES = (
    "unknown",
    "product",
    "process",
    "use",
    "crm",
    "program",
    "swiss_use",
    "purpose_limited_product",
)
TRANSITIONS = ("none", "open", "closed", "semi_closed")

ADJACENT, DIRECT, WITHIN = 0, 1, 2

_OPENING = 600
_ARTICLE = re.compile(r"(?i)^(?:an?|the|said|one or more|at least one|ein(?:e[rsmn]?)?|der|die|das|一种|一種)\s{0,3}")
_WORD = re.compile(r"[^\W\d_]+")


class ClaimText(NamedTuple):
    """What was read from one text; codes are positions in :data:`CATEGORIES` and :data:`TRANSITIONS`."""

    references: tuple[int, ...]
    first_reference: int
    alternatives: int
    preceding: int
    category: int
    head: str
    referred_category: int
    referred_head: str
    attachment: int
    length: int
    preamble_length: int
    transition: int
    means: bool


def read_claim(body: str, language: LanguagePatterns) -> ClaimText:
    """Read one claim.

    Parameters
    ----------
    body : str
        Normalised text without the claim's number.
    language : LanguagePatterns
        Patterns of its language.

    Returns
    -------
    ClaimText
        ``references`` are the claims named, sorted; ``first_reference`` is the lowest that the first
        reference names (0 if none), ``alternatives`` how many it names; ``preceding`` is 1 for "any
        preceding claim", 2 for "the preceding claim"; ``attachment`` tells how the first reference hangs
        on the subject: 0 right after it, 1 directly, 2 within another subject.

    Examples
    --------
    >>> from ipvalue.claims.patterns import patterns
    >>> claim = read_claim("The method of claims 2-4, using 10 parameters.", patterns("en"))
    >>> claim.references, CATEGORIES[claim.category], claim.length
    ((2, 3, 4), 'process', 8)
    """
    references, first, span = _references(body, language)
    preceding, place = _preceding(body, language)
    if place is not None and (span is None or place[0] < span[0]):
        span = place
    read_subject = {"zh": _subject_zh, "ja": _subject_ja}.get(language.code, _subject_spaced)
    subject, referred, attachment = read_subject(body, language, span)
    transition, preamble = _form(body, language)
    return ClaimText(
        references=references,
        first_reference=min(first, default=0),
        alternatives=len(first),
        preceding=preceding,
        category=_category(subject, body, language),
        head=_head(subject, language),
        referred_category=_category(referred, "", language),
        referred_head=_head(referred, language),
        attachment=attachment,
        length=_length(body, language),
        preamble_length=_length(body[:preamble], language),
        transition=transition,
        means=_means_plus_function(body, language),
    )


def _references(body: str, language: LanguagePatterns) -> tuple[tuple[int, ...], set[int], tuple[int, int] | None]:
    """All claims that the text names, those of its first reference, and where that one stands."""
    if language.code == "en" and "laim" not in body and "LAIM" not in body:
        return (), set(), None
    numbers: set[int] = set()
    first: set[int] = set()
    span = None
    for found in language.reference.finditer(body):
        plural = language.plural.search(found["anchor"]) or language.listed.match(body, found.end())
        named = _expand(found["list"], plural is not None, language)
        if span is None:
            span, first = found.span(), named
        numbers |= named
    return tuple(sorted(numbers)), first, span


def _expand(listed: str, plural: bool, language: LanguagePatterns) -> set[int]:
    """Numbers of a list such as '1, 3 and 5 to 7'."""
    if listed.isdigit():
        return {int(listed)} - {0}
    numbers: list[int] = []
    named: set[int] = set()
    opened = False
    for part in language.number_or_range.finditer(listed):
        if part["range"]:
            opened = True
            continue
        number = int(part["number"])
        named |= set(range(numbers[-1], number + 1)) if opened and numbers else {number}
        numbers.append(number)
        opened = False
    only_commas = set(re.sub(r"[\d\s]", "", listed)) == {","}
    return ({numbers[0]} if only_commas and not plural else named) - {0}


def _preceding(body: str, language: LanguagePatterns) -> tuple[int, tuple[int, int] | None]:
    """Whether the text refers to all claims before it (1) or to the one before (2), and where."""
    if not any(hint in body for hint in language.hints):
        return 0, None
    for code, pattern in ((1, language.preceding), (2, language.previous)):
        found = pattern.search(body)
        if found:
            return code, found.span()
    return 0, None


def _subject_spaced(body: str, language: LanguagePatterns, span: tuple[int, int] | None) -> tuple[str, str, int]:
    """Subject phrase, noun referred to, and attachment, where the subject stands first (English, German)."""
    opening = body[:_OPENING]
    start = 0
    lead = language.lead_in.match(opening) if language.lead_in else None
    if lead:
        start = lead.end()
    article = _ARTICLE.match(opening[start:])
    definite = article is not None and article[0][:3].lower() == "the"
    start += article.end() if article else 0
    end = _end_of_subject(opening, start, language)
    subject = opening[start:end].strip()
    if span is None:
        return subject, "", DIRECT
    between = body[end : min(span[0], end + _OPENING)]
    if definite and set(_WORD.findall(between.lower())) <= language.connectors:
        return subject, subject, ADJACENT
    nouns = language.referred.findall(between[-_OPENING // 2 :] + " ")
    referred = nouns[-1].strip() if nouns else subject
    # "The X having Y of claim 1" speaks of the X that claim 1 has introduced
    within = not definite and language.marker.search(between) is not None
    return subject, referred, WITHIN if within else DIRECT


def _end_of_subject(opening: str, start: int, language: LanguagePatterns) -> int:
    """Where the subject phrase that begins at a place ends."""
    boundary = language.boundary.search(opening, start)
    return boundary.start() if boundary else len(opening)


def _subject_zh(body: str, language: LanguagePatterns, span: tuple[int, int] | None) -> tuple[str, str, int]:
    """As :func:`_subject_spaced`, in Chinese; the subject ends the first phrase, after a reference that comes first."""
    opening = body[:_OPENING].lstrip()
    shift = len(body[:_OPENING]) - len(opening)
    end = _end_of_subject(opening, 0, language)
    if span is None or span[0] - shift >= end:
        subject = _trim_zh(opening[:end])
        referred = "" if span is None else _phrase_after(body, span, language)
        return subject, referred, DIRECT if span is None else WITHIN
    before = opening[: span[0] - shift]
    after = _phrase_after(body, span, language)
    referred, _, owned = after.partition("的")
    whole = _trim_zh(after)
    return whole, referred if owned else whole, WITHIN if language.marker.search(before) else DIRECT


def _phrase_after(body: str, span: tuple[int, int], language: LanguagePatterns) -> str:
    """The noun that follows a reference, up to the end of its phrase."""
    rest = body[span[1] : span[1] + _OPENING // 2]
    tail = language.referred.match(rest)
    rest = rest[tail.end() :] if tail else rest
    return rest[: _end_of_subject(rest, 0, language)].strip()


def _trim_zh(phrase: str) -> str:
    """Cut a phrase before its list of parts, unless a noun follows that list."""
    cut = re.search(r"(?:包括|包含|由|具有|含有)(?!.*的)", phrase)
    return (phrase[: cut.start()] if cut and cut.start() > 2 else phrase).strip()


def _subject_ja(body: str, language: LanguagePatterns, span: tuple[int, int] | None) -> tuple[str, str, int]:
    """As :func:`_subject_spaced`, for Japanese: the subject is the last noun of the claim."""
    closing = re.split(r"[、。,]", body.rstrip(" \n。.、,")[-_OPENING:])[-1].strip()
    if span is None:
        return closing, "", DIRECT
    referred = _phrase_after(body, span, language)
    rest = body[span[1] :]
    place = rest.find(referred) + len(referred) if referred else 0
    following = rest[place : place + 4].lstrip()
    attached = not following or following[0] in "。、,." or following.startswith(("であ", "にお", "でな"))
    return closing, referred, DIRECT if attached else WITHIN


def _category(subject: str, body: str, language: LanguagePatterns) -> int:
    """Category of a subject phrase; the body decides between a use and its special forms."""
    if not subject:
        return CATEGORIES.index("product" if body.strip() else "unknown")
    opening = body[:_OPENING]
    name = next((kind for kind, pattern in language.categories if pattern.search(subject)), "product")
    if name == "use" and language.swiss.search(opening):
        return CATEGORIES.index("swiss_use")
    if name == "product" and language.purpose.search(opening):
        return CATEGORIES.index("purpose_limited_product")
    return CATEGORIES.index("crm" if name == "medium" else name)


def _head(subject: str, language: LanguagePatterns) -> str:
    """Head noun of a subject phrase: its last word, or its last two characters."""
    if language.counts_characters:
        return subject[-2:]
    words = subject.split()
    return words[-1].lower().rstrip("s") if words else ""


@lru_cache(maxsize=1)
def _silent() -> dict[int, None]:
    """Translation that deletes the spaces, punctuation and controls of the basic plane."""
    silent = {"Cc", "Cf", "Zs", "Zl", "Zp", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}
    return dict.fromkeys(code for code in range(0x10000) if unicodedata.category(chr(code)) in silent)


def _length(text: str, language: LanguagePatterns) -> int:
    """Words, or characters that are neither spaces nor punctuation."""
    return len(text.translate(_silent())) if language.counts_characters else len(text.split())


def _form(body: str, language: LanguagePatterns) -> tuple[int, int]:
    """Transition code, and where the preamble ends."""
    transition = language.transition.search(body)
    break_point = language.two_part.search(body)
    if transition is None:
        code = TRANSITIONS.index("open" if break_point else "none")
        return code, break_point.start() if break_point else len(body)
    code = TRANSITIONS.index(str(transition.lastgroup))
    return code, min(transition.start(), break_point.start()) if break_point else transition.start()


def _means_plus_function(body: str, language: LanguagePatterns) -> bool:
    """Whether the claim is drafted in means-plus-function form."""
    if language.code == "en" and "means" not in body and "step" not in body:
        return False
    return language.means.search(body) is not None
