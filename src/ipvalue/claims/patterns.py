"""Regular expressions for claims, from ``tables/claim_patterns.csv``, compiled by language.

Every repetition in the table is bounded, so that no text, however long or strange, takes more than linear
time. All patterns are written for text in Unicode form NFKC with its dashes made hyphens (:func:`normalise`).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

__all__ = ["LANGUAGES", "LanguagePatterns", "detect_language", "normalise", "patterns", "shared_pattern"]

LANGUAGES = ("unknown", "en", "de", "zh", "ja")

_SAMPLE = 600
_LIST_LENGTH = 60


@dataclass(frozen=True, slots=True)
class LanguagePatterns:
    """Regular expressions of one language; the names are the kinds of the table."""

    code: str
    reference: re.Pattern[str]
    number_or_range: re.Pattern[str]
    plural: re.Pattern[str]
    listed: re.Pattern[str]
    preceding: re.Pattern[str]
    previous: re.Pattern[str]
    hints: tuple[str, ...]
    lead_in: re.Pattern[str] | None
    boundary: re.Pattern[str]
    categories: tuple[tuple[str, re.Pattern[str]], ...]
    swiss: re.Pattern[str]
    purpose: re.Pattern[str]
    connectors: frozenset[str]
    marker: re.Pattern[str]
    referred: re.Pattern[str]
    transition: re.Pattern[str]
    two_part: re.Pattern[str]
    means: re.Pattern[str]

    @property
    def counts_characters(self) -> bool:
        """Whether length is measured in characters, because words are not separated by spaces."""
        return self.code in ("zh", "ja")


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str, str], str]:
    """Patterns by kind, language and name."""
    text = resources.files("ipvalue.claims").joinpath("tables/claim_patterns.csv").read_text("utf-8")
    return {(row["kind"], row["language"], row["name"]): row["pattern"] for row in csv.DictReader(text.splitlines())}


def _find(kind: str, language: str) -> str:
    """The one pattern of a kind in a language, or an empty string."""
    found = [pattern for (of, code, _), pattern in _table().items() if (of, code) == (kind, language)]
    return found[0] if found else ""


def _reference(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Pattern of a whole reference (anchor, numbers, lists, ranges), and of the parts of its list."""
    anchor, separator = _find("anchor", language), _find("separator", language)
    spans = _find("range", language)
    number = r"\d{1,3}(?!\d|\.\d|\s{0,2}(?:-\s{0,2}\d{1,3}\s{0,2})?%)"
    joint = rf"\s{{0,3}}(?:{spans}|{separator})\s{{0,3}}(?:{anchor})?"
    tail = rf"(?:(?:項|项)?{joint}{number}){{0,{_LIST_LENGTH}}}"
    whole = re.compile(rf"(?i)(?P<anchor>{anchor})(?P<list>{number}{tail})")
    return whole, re.compile(rf"(?i)(?P<number>{number})|(?P<range>{spans})")


@lru_cache(maxsize=len(LANGUAGES))
def patterns(language: str) -> LanguagePatterns:
    """Compile the patterns of a language.

    Parameters
    ----------
    language : str
        A two-letter code; English stands in for a language that the table does not hold.

    Returns
    -------
    LanguagePatterns
        The patterns, cached.

    Examples
    --------
    >>> patterns("de").counts_characters, patterns("fr").code
    (False, 'en')
    """
    code = language if language in LANGUAGES[1:] else "en"
    reference, parts = _reference(code)
    kinds = ("medium", "program", "process", "use")
    transition = "|".join(
        f"(?P<{name}>{_table()['transition', code, name]})" for name in ("semi_closed", "closed", "open")
    )
    ignoring_case = {kind: re.compile("(?i)" + _find(kind, code)) for kind in ("preceding", "previous")}
    lead_in = _find("lead_in", code)
    return LanguagePatterns(
        code=code,
        reference=reference,
        number_or_range=parts,
        plural=re.compile("(?i)" + _find("plural", code)),
        listed=re.compile(_find("listed", code) or "$^"),
        preceding=ignoring_case["preceding"],
        previous=ignoring_case["previous"],
        hints=tuple(_find("hint", code).split()),
        lead_in=re.compile(lead_in) if lead_in else None,
        boundary=re.compile(_find("boundary", code)),
        categories=tuple((kind, re.compile(_find(kind, code))) for kind in kinds),
        swiss=re.compile(_find("swiss", code)),
        purpose=re.compile(_find("purpose", code)),
        connectors=frozenset(_find("connector", code).split()),
        marker=re.compile(_find("marker", code)),
        referred=re.compile(_find("referred", code)),
        transition=re.compile(transition),
        two_part=re.compile(_find("two_part", code)),
        means=re.compile(_find("means", code)),
    )


@lru_cache(maxsize=8)
def shared_pattern(kind: str, name: str) -> re.Pattern[str]:
    """Compile a pattern that serves all languages.

    Parameters
    ----------
    kind, name : str
        As in the table.

    Returns
    -------
    re.Pattern
        The pattern, cached.

    Examples
    --------
    >>> shared_pattern("dash", "dashes").sub("-", "1〜3")
    '1-3'
    """
    return re.compile(_table()[kind, "any", name])


def normalise(text: str) -> str:
    """Normalise a text to the form that the patterns expect.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Form NFKC, dashes as hyphens, control characters as spaces.

    Examples
    --------
    >>> normalise("請求項１〜３")
    '請求項1-3'
    """
    if "\x00" in text:
        text = text.replace("\x00", " ")
    if text.isascii():
        return text
    return shared_pattern("dash", "dashes").sub("-", unicodedata.normalize("NFKC", text))


def detect_language(text: str) -> str:
    """Tell a claim's language from its script and its commonest words.

    Parameters
    ----------
    text : str
        Normalised text; its beginning is read.

    Returns
    -------
    str
        One of :data:`LANGUAGES`.

    Examples
    --------
    >>> [detect_language(each) for each in ("The method of claim 1", "Verfahren nach Anspruch 1", "一种装置")]
    ['en', 'de', 'zh']
    """
    sample = text[:_SAMPLE]
    if not sample.isascii():
        if re.search(_find("language", "ja"), sample):
            return "ja"
        if re.search(_find("language", "zh"), sample):
            return "zh"
    counts = {code: len(re.findall(_find("language", code), sample)) for code in ("en", "de")}
    if not any(counts.values()):
        return "unknown"
    return "de" if counts["de"] > counts["en"] else "en"
