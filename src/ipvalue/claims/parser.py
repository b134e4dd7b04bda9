"""Parse claim texts: dependencies, categories, lengths and forms of claims.

Reads English, German, Chinese and Japanese claims by the patterns of ``tables/claim_patterns.csv``. It reads
references only as digits that follow the language's word for claim, so that reference signs, quantities and
step numbers are not taken for references. Lengths are words in English and German, characters in Chinese and Japanese:
compare them within a language only.

Use :func:`parse` on the texts and :func:`summarise` for one row a patent. When not to use: claims drawn as
tables or images, and languages other than the four, which are read with the English patterns.

References
----------
Marco, Sarnoff and deGrazia (2019), Research Policy 48(9): number of independent claims and words of the
shortest as measures of scope. Kuhn and Thompson (2019), International Journal of the Economics of Business
26(1): words of the first claim. 35 USC 112; EPC rule 43; Chinese Implementing Regulations rules 22 to 25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from ipvalue.claims.parsed import Dependency, ParsedClaims
from ipvalue.claims.patterns import LANGUAGES, detect_language, patterns
from ipvalue.claims.split import numbered_claims
from ipvalue.claims.summary import summarise
from ipvalue.claims.tree import (
    LARGEST_NUMBER,
    ClaimProblem,
    cyclic_claims,
    expand_edges,
    find_parents,
)
from ipvalue.claims.wording import CATEGORIES, TRANSITIONS, ClaimText, read_claim
from ipvalue.types import Ints, Mask

__all__ = [
    "CATEGORIES",
    "LANGUAGES",
    "TRANSITIONS",
    "ClaimProblem",
    "Dependency",
    "ParsedClaims",
    "parse",
    "summarise",
]

Claims = str | Iterable[str | None] | None

_FAMILY_OF_CATEGORY = np.array([0, 1, 2, 3, 4, 4, 3, 1], dtype=np.int8)
_ADJACENT, _DIRECT = 0, 1


def parse(texts: Sequence[Claims], language: str | Sequence[str | None] | None = None) -> ParsedClaims:
    """Parse claim sets.

    Parameters
    ----------
    texts : sequence
        One claim set a row: a list of claims, one text that holds all claims, or None.
    language : str or sequence of str, optional
        Two-letter code for all rows or one a row; detected from the text where it is None.

    Returns
    -------
    ParsedClaims
        Flat arrays over the claims, and the references between them. Sets with missing numbers, circles or
        references to later claims are parsed as far as possible, and flagged.

    Raises
    ------
    TypeError
        If a row is neither text nor a list of texts.
    ValueError
        If there are not as many languages as rows.

    Notes
    -----
    A claim without a reference is independent. One with a reference is dependent if it is of the category,
    and where the reference stands inside another subject also of the head noun, of the claim it refers to;
    otherwise it is independent by reference ("a medium storing a program for the method of claim 1").
    Several alternatives in its first reference make a dependent claim a multiple one.

    References
    ----------
    Chinese Guidelines for Examination II.2 3.1.2; EPO Guidelines F-IV 3.8; 35 USC 112(d).

    Examples
    --------
    >>> claims = parse(["1. A pump comprising a valve.\\n2. The pump of claim 1, wherein it is round."])
    >>> claims
    ParsedClaims(1 rows, 2 claims, 1 edges, 0 claims with problems)
    >>> claims.to_pandas()[["claim_number", "dependency", "category", "references"]].values.tolist()
    [[1, 'independent', 'product', ''], [2, 'dependent', 'product', '1']]
    """
    if isinstance(language, Sequence) and not isinstance(language, str) and len(language) != len(texts):
        raise ValueError(f"{len(texts)} rows of claims but {len(language)} languages: give one a row or one for all")
    sets = [numbered_claims(each) for each in texts]
    counts = np.fromiter(map(len, sets), dtype=np.int64, count=len(sets))
    row = np.repeat(np.arange(len(sets)), counts)
    claims = list(chain.from_iterable(sets))
    number = np.fromiter((each[0] for each in claims), dtype=np.int64, count=len(claims))
    codes = np.repeat(_languages(sets, language), counts)
    bodies = list(zip(codes.tolist(), (each[1] for each in claims)))
    place = {key: index for index, key in enumerate(dict.fromkeys(bodies))}
    text = np.fromiter((place[each] for each in bodies), dtype=np.int64, count=len(bodies))
    readings = [read_claim(body, patterns(LANGUAGES[code])) for code, body in place]
    return _assemble(len(sets), row, number, codes, text, readings)


def _languages(sets: list[list[tuple[int, str]]], language: str | Sequence[str | None] | None) -> npt.NDArray[np.int8]:
    """Code of each row's language, detected where it is not given."""
    given = [language] * len(sets) if language is None or isinstance(language, str) else language
    named = [(each or detect_language(claims[0][1] if claims else "")).lower()[:2] for each, claims in zip(given, sets)]
    codes = {name[:2]: code for code, name in enumerate(LANGUAGES)}
    return np.array([codes.get(name, 0) for name in named], dtype=np.int8)


def _assemble(
    n_rows: int,
    row: Ints,
    number: Ints,
    language: npt.NDArray[np.int8],
    text: Ints,
    readings: list[ClaimText],
) -> ParsedClaims:
    """Put the readings of the texts together with the claims that have them."""
    counts = _column(readings, lambda each: len(each.references))
    named = np.fromiter(chain.from_iterable(each.references for each in readings), np.int64, int(counts.sum()))
    preceding = _column(readings, lambda each: each.preceding)[text]
    category = _column(readings, lambda each: each.category)[text]
    length = _column(readings, lambda each: each.length)[text]
    repeated = _repeated(row, number)
    edge_claim, edge_number = expand_edges(counts, named, text, np.where(repeated, 0, preceding), number)
    edge_parent = find_parents(row, number, row[edge_claim], edge_number)
    refers = (counts[text] > 0) | (preceding > 0)
    dependency = _dependency(row, number, text, readings, category, refers)
    problems = _problems(row, number, length, repeated, edge_claim, edge_number, edge_parent)
    problems[(preceding > 0) & (number > LARGEST_NUMBER)] |= ClaimProblem.NUMBER_TOO_LARGE
    return ParsedClaims(
        n_rows=n_rows,
        row=row,
        number=number.astype(np.int32),
        language=language,
        dependency=dependency,
        category=category.astype(np.int8),
        length=length.astype(np.int32),
        preamble_length=_column(readings, lambda each: each.preamble_length)[text].astype(np.int32),
        transition=_column(readings, lambda each: each.transition)[text].astype(np.int8),
        means_plus_function=_column(readings, lambda each: each.means)[text].astype(bool),
        problems=problems.astype(np.uint8),
        edge_claim=edge_claim,
        edge_number=edge_number.astype(np.int32),
        edge_parent=edge_parent,
    )


def _column(readings: list[ClaimText], pick: Callable[[ClaimText], int]) -> Ints:
    """One number of each reading."""
    return np.fromiter(map(pick, readings), dtype=np.int64, count=len(readings))


def _repeated(row: Ints, number: Ints) -> Mask:
    """Claims whose number an earlier claim of their row already has."""
    first = find_parents(row, number, row, number)
    return np.not_equal(first, np.arange(row.size))


def _dependency(
    row: Ints,
    number: Ints,
    text: Ints,
    readings: list[ClaimText],
    category: Ints,
    refers: Mask,
) -> npt.NDArray[np.int8]:
    """Dependency of each claim, from its text and from the claim it refers to first."""
    heads: dict[str, int] = {"": 0}
    head = _column(readings, lambda each: heads.setdefault(each.head, len(heads)))[text]
    referred_head = _column(readings, lambda each: heads.setdefault(each.referred_head, len(heads)))[text]
    referred = _column(readings, lambda each: each.referred_category)[text]
    attachment = _column(readings, lambda each: each.attachment)[text]
    alternatives = _column(readings, lambda each: each.alternatives)[text]
    preceding = _column(readings, lambda each: each.preceding)[text]
    first = _column(readings, lambda each: each.first_reference)[text]
    parent = find_parents(row, number, row, np.where(first > 0, first, number - 1))
    known = parent >= 0
    family = _FAMILY_OF_CATEGORY[category]
    other = _FAMILY_OF_CATEGORY[np.where(known, category[parent], referred)] if row.size else family
    other_head = np.where(known, head[parent], referred_head) if row.size else head
    alike = (family == other) | (family == 0) | (other == 0)
    attached = (attachment == _DIRECT) | (head == other_head)
    dependent = (attachment == _ADJACENT) | (alike & attached)
    several = (alternatives > 1) | ((preceding == 1) & (number > 2))
    kind = np.where(several, Dependency.MULTIPLE, Dependency.DEPENDENT)
    kind = np.where(dependent, kind, Dependency.INDEPENDENT_BY_REFERENCE)
    return np.where(refers, kind, Dependency.INDEPENDENT).astype(np.int8)


def _problems(
    row: Ints,
    number: Ints,
    length: Ints,
    repeated: Mask,
    edge_claim: Ints,
    edge_number: Ints,
    edge_parent: Ints,
) -> Ints:
    """Flags of what is wrong with each claim."""
    problems = np.zeros(row.size, dtype=np.int64)
    starts = np.concatenate(([True], row[1:] != row[:-1])) if row.size else np.empty(0, dtype=bool)
    previous = np.where(starts, 0, np.concatenate(([0], number[:-1]))[: row.size])
    problems[length == 0] |= ClaimProblem.EMPTY
    problems[(number != previous + 1) & ~repeated] |= ClaimProblem.NUMBER_GAP
    problems[repeated] |= ClaimProblem.DUPLICATE_NUMBER
    problems[edge_claim[edge_parent < 0]] |= ClaimProblem.MISSING_PARENT
    own = number[edge_claim]
    problems[edge_claim[edge_number > own]] |= ClaimProblem.FORWARD_REFERENCE
    problems[edge_claim[edge_number == own]] |= ClaimProblem.SELF_REFERENCE
    if bool((edge_number >= own).any()):
        found = edge_parent >= 0
        circle = cyclic_claims(edge_claim[found], edge_parent[found], row.size)
        problems[circle] |= ClaimProblem.CYCLE
    return problems
