"""A claim set that stands in one text, cut into its numbered claims."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["NumberedClaim", "numbered_claims"]

# a heading may stand on a line before the first claim
_FIRST = re.compile(r"(?:[^\d\n]{0,40}\n)?\s*1(?:\s*[.．、:：)）]\s*(?!\d)|\s+(?=[^\W\d]))")
# a claim begins on a new line or behind the end of a sentence
_NEXT = r"(?:\n\s*|(?<=[。；;.])\s*){number}\s*(?:[.．、:：)）]\s*(?!\d)|\s(?=[^\W\d]))"


class NumberedClaim(NamedTuple):
    """One claim of a set."""

    number: int
    text: str
    """Its wording, without the number."""


def numbered_claims(text: str) -> list[NumberedClaim]:
    """Cut a claim set at its claims' numbers.

    Parameters
    ----------
    text : str
        The claims one after the other, numbered from 1 without gaps, on lines of their own or not.

    Returns
    -------
    list of NumberedClaim
        One claim with all of the text where no number 1 begins it; none where there is no text.

    Examples
    --------
    >>> text = "1.一种电路，包括R1。2.根据权利要求1所述的电路，其中R1为3. 5欧。3. 根据权利要求2所述的电路。"
    >>> [claim.number for claim in numbered_claims(text)]
    [1, 2, 3]
    >>> numbered_claims("A pump.")
    [NumberedClaim(number=1, text='A pump.')]
    """
    begin = _FIRST.match(text)
    if begin is None:
        whole = " ".join(text.split())
        return [NumberedClaim(1, whole)] if whole else []
    claims, number, at = [], 1, begin.end()
    while (following := re.compile(_NEXT.format(number=number + 1)).search(text, at)) is not None:
        claims.append(NumberedClaim(number, " ".join(text[at : following.start()].split())))
        number, at = number + 1, following.end()
    claims.append(NumberedClaim(number, " ".join(text[at:].split())))
    return [claim for claim in claims if claim.text]
