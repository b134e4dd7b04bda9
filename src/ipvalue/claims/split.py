"""Split the claims of a patent, given as a list or as one text, into numbered claims."""

from __future__ import annotations

from collections.abc import Iterable

from ipvalue.claims.patterns import normalise, shared_pattern

__all__ = ["number_of", "numbered_claims", "split_text"]

_LARGEST_GAP = 5
_PREFIX = 60


def number_of(claim: str) -> tuple[int, str]:
    """Separate a claim from its number.

    Parameters
    ----------
    claim : str
        Normalised text of one claim.

    Returns
    -------
    number : int
        The claim's number, 0 where the text does not begin with one.
    body : str
        The text without it.

    Examples
    --------
    >>> number_of("12. The method of claim 3")
    (12, 'The method of claim 3')
    """
    found = shared_pattern("number", "number before one claim").match(claim[:_PREFIX])
    if found is None:
        return 0, claim.strip()
    return int(found[1] or found[2]), claim[found.end() :].strip()


def split_text(text: str) -> list[tuple[int, str]]:
    """Split one text that holds all claims of a patent.

    Parameters
    ----------
    text : str
        Normalised text.

    Returns
    -------
    list of (int, str)
        Number and body of each claim; a text without numbers is one claim, number 1. What stands before
        the first number (a heading) is dropped.

    Notes
    -----
    Numbers must rise, and by one as long as the next number is to be found further on; they must be written
    like the first (``1.`` or ``1)``), so that the numbered steps of a method do not split it.

    Examples
    --------
    >>> split_text("What is claimed is: \\n1. A method comprising: 1) heating.\\n2. The method of claim 1.")
    [(1, 'A method comprising: 1) heating.'), (2, 'The method of claim 1.')]
    """
    tags = list(shared_pattern("split", "claim tag").finditer(text))
    tagged = [(int(tag[1]), tag.start(), tag.end()) for tag in tags]
    chosen = tagged or _rising(text)
    if not chosen:
        return [(1, text.strip())] if text.strip() else []
    ends = [start for _, start, _ in chosen[1:]] + [len(text)]
    return [(number, text[begin:end].strip()) for (number, _, begin), end in zip(chosen, ends)]


def _rising(text: str) -> list[tuple[int, int, int]]:
    """Numbers of claims with the places where their marks begin and end."""
    found = list(shared_pattern("split", "claim number").finditer(text))
    found = [mark for mark in found if mark[2] == found[0][2] and int(mark[1]) > 0]
    last_place = {int(mark[1]): place for place, mark in enumerate(found)}
    chosen: list[tuple[int, int, int]] = []
    for place, mark in enumerate(found):
        number, previous = int(mark[1]), chosen[-1][0] if chosen else 0
        follows = number == previous + 1
        skips = previous + 1 < number <= previous + _LARGEST_GAP and last_place.get(previous + 1, -1) < place
        if follows or skips or not chosen:
            chosen.append((number, mark.start(), mark.end()))
    return chosen


def numbered_claims(claims: str | Iterable[str | None] | None) -> list[tuple[int, str]]:
    """Number and body of each claim of a patent.

    Parameters
    ----------
    claims : str, iterable of str, or None
        One text with all claims, or one string a claim; None holds none.

    Returns
    -------
    list of (int, str)
        A claim of a list that carries no number has that of its place.

    Raises
    ------
    TypeError
        If the claims are neither text nor an iterable of texts.

    Examples
    --------
    >>> numbered_claims(["A device.", "2. The device of claim 1."])
    [(1, 'A device.'), (2, 'The device of claim 1.')]
    """
    if claims is None or (isinstance(claims, float) and claims != claims):
        return []
    if isinstance(claims, str):
        return split_text(normalise(claims))
    if not isinstance(claims, Iterable):
        raise TypeError(f"claims must be a text or a list of texts, not {type(claims).__name__}")
    numbered = [number_of(normalise(claim if isinstance(claim, str) else "")) for claim in claims]
    return [(number or place, body) for place, (number, body) in enumerate(numbered, start=1)]
