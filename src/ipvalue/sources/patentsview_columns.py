"""Which column of PatentsView's tables is which of the book, and how its values are turned into the book's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.mapping import Columns, Field
from ipvalue.types import Ints, Mask

__all__ = [
    "APPLICATION",
    "ASSIGNEE",
    "CITATION",
    "CLAIM",
    "CPC",
    "INVENTOR",
    "IPC",
    "PARENTS",
    "PARTS",
    "PATENT",
    "PRIORITY",
    "PROVISIONAL",
    "RELATED",
    "TERM",
    "Among",
    "identifiers",
    "portfolio",
]

Converter = Callable[[pa.Array], pa.Array]
_NONE = pa.scalar(None, pa.string())


def identifiers(values: pa.Array) -> pa.Array:
    """Numbers of US grants as identifiers, without leading zeros.

    Examples
    --------
    >>> identifiers(pa.array(["10000000", "03930271", "D0584230", "RE38000", " ", None])).to_pylist()
    ['US-10000000', 'US-3930271', 'US-D584230', 'US-RE38000', None, None]
    """
    text = pc.utf8_ltrim(pc.ascii_trim_whitespace(values), "0")
    # few numbers have letters, and regular expressions are slow
    if pc.any(pc.match_substring_regex(text, "^[A-Za-z]+0")).as_py():
        text = pc.replace_substring_regex(text, r"^([A-Za-z]+)0+([0-9])", r"\1\2")
    return pc.binary_join_element_wise("US", pc.if_else(pc.equal(text, ""), _NONE, text), "-")


def portfolio(numbers: Sequence[str]) -> pa.Array:
    """What a user calls US patents as identifiers.

    Examples
    --------
    >>> portfolio(["US-10000000", "US 6,836,899 B1", "RE38000", "D584230"]).to_pylist()
    ['US-10000000', 'US-6836899', 'US-RE38000', 'US-D584230']
    """
    text = pc.replace_substring_regex(pc.utf8_upper(pa.array(list(numbers), pa.string())), r"[^A-Z0-9]", "")
    return identifiers(pc.replace_substring_regex(text, r"^(?:US)?([A-Z]*[0-9]+)(?:[A-Z][0-9]?)?$", r"\1"))


class Among:
    """Whether numbers of US grants are among given identifiers, for many batches of millions.

    Parameters
    ----------
    ids : pyarrow.Array
        As :func:`identifiers` writes them.

    Notes
    -----
    Plain numbers are looked up in a table of bits by number, since a hash table would be made anew for each batch.

    Examples
    --------
    >>> Among(pa.array(["US-7", "US-D5"])).mask(pa.array(["7", "007", "D05", "8", None, " 7"])).tolist()
    [True, True, True, False, False, True]
    """

    def __init__(self, ids: pa.Array) -> None:
        plain, numbers = _plain(pc.utf8_slice_codeunits(ids, 3))
        self._there = np.zeros(int(numbers.max(initial=0)) + 1, bool)
        self._there[numbers[plain]] = True
        self._lettered = ids.filter(pa.array(~plain))

    def mask(self, values: pa.Array) -> Mask:
        """Where a number, as a table writes it, is one of the identifiers."""
        plain, numbers = _plain(values)
        known = plain & (numbers < len(self._there))
        found = known & self._there[np.where(known, numbers, 0)]
        others = np.flatnonzero(~plain)
        if len(others):
            names = identifiers(values.take(pa.array(others)))
            lettered = pc.is_in(names, self._lettered).to_numpy(zero_copy_only=False)
            plain, numbers = _plain(pc.utf8_slice_codeunits(names, 3))
            known = plain & (numbers < len(self._there))
            found[others] = lettered | (known & self._there[np.where(known, numbers, 0)])
        return np.asarray(found, bool)


def _plain(values: pa.Array) -> tuple[Mask, Ints]:
    """Where text is a number of up to eight digits, and the number; 0 elsewhere."""
    plain = pc.and_(pc.ascii_is_decimal(values), pc.less_equal(pc.binary_length(values), 8))
    plain = pc.fill_null(plain, False)
    numbers = pc.cast(pc.if_else(plain, values, "0"), pa.int64())
    return plain.to_numpy(zero_copy_only=False), numbers.to_numpy(zero_copy_only=False)


def _by_value(convert: Converter) -> Converter:
    """Convert each distinct value once: of millions of dates only thousands differ."""

    def converted(values: pa.Array) -> pa.Array:
        encoded = pc.dictionary_encode(values)
        return pc.take(convert(encoded.dictionary), encoded.indices)

    return converted


def _as_days(values: pa.Array) -> pa.Array:
    """Dates as such where all are, which takes less room; else as text, for the book to refuse those that are none."""
    parsed = pc.strptime(values, format="%Y-%m-%d", unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(parsed, format="%Y-%m-%d"), values)
    whole = pc.all(pc.or_kleene(same, pc.is_null(values))).as_py() and parsed.null_count == values.null_count
    return parsed.cast(pa.date32()) if whole else values


def _rights(values: pa.Array) -> pa.Array:
    """Reissues are inventions; what is no right to exclude (SIR, defensive publications) is left for the book."""
    kind = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    return pc.if_else(pc.is_in(kind, pa.array(["utility", "reissue"])), pa.scalar("invention"), kind)


def _origins(values: pa.Array) -> pa.Array:
    """Who brought a citation; what neither an examiner nor a third party cited came from the applicant."""
    text = pc.utf8_lower(values)
    origin = pc.if_else(pc.match_substring(text, "examiner"), pa.scalar("examiner"), pa.scalar("applicant"))
    origin = pc.if_else(pc.match_substring(text, "third party"), pa.scalar("third_party"), origin)
    known = pc.fill_null(pc.match_substring_regex(text, "examiner|third party|applicant|other"), False)
    return pc.if_else(known, origin, _NONE)


def _independent(values: pa.Array) -> pa.Array:
    """A claim on which no other is named is independent."""
    text = pc.fill_null(pc.utf8_trim_whitespace(values), "")
    return pc.if_else(pc.is_in(text, pa.array(["", "-1"])), pa.scalar("true"), pa.scalar("false"))


def _dates(values: pa.Array) -> pa.Array:
    return _as_days(to.dates(values))


def _days(values: pa.Array) -> pa.Array:
    """Dates in which an unknown day (00) is the month's first, an unknown month the year's."""
    text = to.dates(values)
    return _as_days(pc.replace_substring_regex(pc.replace_substring(text, "-00-", "-01-"), r"-00$", "-01"))


def _counts(values: pa.Array) -> pa.Array:
    """Numbers of claims; none is not known, since no patent is without."""
    text = to.numbers(values)
    return pc.if_else(pc.is_in(text, pa.array(["0", "-1"])), _NONE, text)


def _own(name: str, *headers: str, gives: str = "", required: bool = False, convert: Converter | None = None) -> Field:
    return Field(name, headers or (name,), convert, required=required, own=True, gives=gives)


_NUMBER = ("patent_id", "number")

PATENT = Columns(
    "patents",
    (
        Field("patent_id", _NUMBER, identifiers, required=True),
        Field("right", ("patent_type", "type"), _by_value(_rights), required=True, note="a reissue is an invention"),
        Field("grant_date", ("patent_date", "date"), _by_value(_dates), required=True),
        Field("kind", ("wipo_kind", "kind")),
        Field("n_claims", ("num_claims",), _counts, note="0 is unknown"),
        _own("withdrawn"),
    ),
    "g_patent",
)
APPLICATION = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        Field("application_date", ("filing_date", "date"), _by_value(_dates), required=True),
        _own("application", "application_id", "series_code", required=True),
    ),
    "g_application",
)
CITATION = Columns(
    "citations",
    (
        Field("citing_id", ("patent_id",), identifiers, required=True),
        Field("cited_id", ("citation_patent_id", "citation_id"), identifiers, required=True),
        Field("cited_date", ("citation_date", "date"), _by_value(_days), note="an unknown day is the month's first"),
        Field("origin", ("citation_category", "category"), _by_value(_origins), note="not known before 2002"),
    ),
    "g_us_patent_citation",
)
CLAIM = Columns(
    "claims",
    (
        Field("patent_id", ("patent_id",), identifiers, required=True),
        Field("claim_number", ("claim_number", "num"), to.numbers, required=True),
        Field("text", ("claim_text", "text"), required=True),
        Field("independent", ("dependent",), _independent, note="no other claim is named"),
    ),
    "g_claims",
)
IPC = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own("sequence", "ipc_sequence", "sequence", required=True),
        _own("section", required=True),
        _own("class", "ipc_class", required=True),
        _own("subclass", required=True),
        _own("main_group", required=True),
        _own("subgroup", required=True, gives="ipc"),
    ),
    "g_ipc_at_issue",
)
CPC = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own("sequence", "cpc_sequence", "sequence", required=True),
        _own("symbol", "cpc_group", "subgroup_id", required=True, gives="ipc"),
        _own("type", "cpc_type", "category"),
    ),
    "g_cpc_current",
)
ASSIGNEE = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own("sequence", "assignee_sequence", "sequence", required=True),
        _own(
            "organization",
            *("disambig_assignee_organization", "raw_assignee_organization", "organization"),
            required=True,
            gives="owners",
        ),
        _own("first", "disambig_assignee_individual_name_first", "raw_assignee_individual_name_first", "name_first"),
        _own("last", "disambig_assignee_individual_name_last", "raw_assignee_individual_name_last", "name_last"),
    ),
    "g_assignee",
)
INVENTOR = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own("sequence", "inventor_sequence", required=True, gives="n_inventors"),
    ),
    "g_inventor",
)
TERM = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own("days", "term_extension", required=True, gives="term_adjustment_days", convert=to.numbers),
    ),
    "g_us_term_of_grant",
)
RELATED = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own(
            "day", "related_doc_published_date", required=True, gives="parent_filing_date", convert=_by_value(to.dates)
        ),
        _own("type", "related_doc_type", required=True, gives="priority_date"),
        _own("kind", "related_doc_kind"),
    ),
    "g_us_rel_doc",
)
PRIORITY = Columns(
    "patents",
    (
        _own("patent", "patent_id", required=True, convert=identifiers),
        _own("day", "filing_date", required=True, gives="priority_date", convert=_by_value(to.dates)),
        _own("country", "foreign_country_filed", required=True),
    ),
    "g_foreign_priority",
)
PARTS = (PATENT, APPLICATION, CITATION, CLAIM, IPC, CPC, ASSIGNEE, INVENTOR, TERM, RELATED, PRIORITY)
PARENTS = (
    *("continuation", "division", "continuation-in-part", "reissue", "continuing-reissue", "continuation-reissue"),
    *("us-divisional-reissue", "divisional-reissue"),
)
"""Relations whose parent's filing begins the term (35 USC 154(a)(2), 251)."""
PROVISIONAL = "us-provisional-application"
