"""Column mappings of PatentsView's tables, and the conversion of their values."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import SourceError
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.mapping import Columns, Converter, Field
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

_NONE = pa.scalar(None, pa.string())


def identifiers(values: pa.Array) -> pa.Array:
    """Identifiers of US grants from their numbers, without leading zeros.

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


def portfolio(numbers: Iterable[str]) -> pa.Array:
    """Identifiers of the US patents that a user names in any form.

    Examples
    --------
    >>> portfolio(["US-10000000", "US 6,836,899 B1", "RE38000", "D584230"]).to_pylist()
    ['US-10000000', 'US-6836899', 'US-RE38000', 'US-D584230']
    """
    if isinstance(numbers, str):
        raise SourceError(f"patents must be a list of numbers; pass [{numbers!r}]")
    text = pc.replace_substring_regex(pc.utf8_upper(pa.array(list(numbers), pa.string())), r"[^A-Z0-9]", "")
    return identifiers(pc.replace_substring_regex(text, r"^(?:US)?([A-Z]*[0-9]+)(?:[A-Z][0-9]?)?$", r"\1"))


class Among:
    """Test whether numbers of US grants are among given identifiers, for many batches of millions of rows.

    Numbers without letters are looked up in an array of booleans. A hash table would be built again for each batch.

    Examples
    --------
    >>> Among(pa.array(["US-7", "US-D5"])).mask(pa.array(["7", "007", "D05", "8", None, " 7"])).tolist()
    [True, True, True, False, False, True]
    """

    def __init__(self, ids: pa.Array) -> None:
        plain, numbers = _plain(pc.utf8_slice_codeunits(ids, 3))
        self._present = np.zeros(int(numbers.max(initial=0)) + 1, bool)
        self._present[numbers[plain]] = True
        self._lettered = ids.filter(pa.array(~plain))

    def mask(self, values: pa.Array) -> Mask:
        """Where a number, as printed in a table, is one of the identifiers."""
        plain, numbers = _plain(values)
        known = plain & (numbers < len(self._present))
        found = known & self._present[np.where(known, numbers, 0)]
        others = np.flatnonzero(~plain)
        if len(others):
            names = identifiers(values.take(pa.array(others)))
            lettered = pc.is_in(names, self._lettered).to_numpy(zero_copy_only=False)
            plain, numbers = _plain(pc.utf8_slice_codeunits(names, 3))
            known = plain & (numbers < len(self._present))
            found[others] = lettered | (known & self._present[np.where(known, numbers, 0)])
        return np.asarray(found, bool)


def _plain(values: pa.Array) -> tuple[Mask, Ints]:
    """Where text is a number of up to eight digits, and the number (0 elsewhere)."""
    plain = pc.and_(pc.ascii_is_decimal(values), pc.less_equal(pc.binary_length(values), 8))
    plain = pc.fill_null(plain, False)
    numbers = pc.cast(pc.if_else(plain, values, "0"), pa.int64())
    return plain.to_numpy(zero_copy_only=False), numbers.to_numpy(zero_copy_only=False)


def _by_value(convert: Converter) -> Converter:
    """Convert each distinct value once: millions of dates have only thousands of distinct values."""

    def converted(values: pa.Array) -> pa.Array:
        encoded = pc.dictionary_encode(values)
        return pc.take(convert(encoded.dictionary), encoded.indices)

    return converted


def _as_days(values: pa.Array) -> pa.Array:
    """Dates, to save memory, if all values are dates; otherwise text, so that the book rejects the other values."""
    parsed = pc.strptime(values, format="%Y-%m-%d", unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(parsed, format="%Y-%m-%d"), values)
    all_dates = pc.all(pc.or_kleene(same, pc.is_null(values))).as_py() and parsed.null_count == values.null_count
    return parsed.cast(pa.date32()) if all_dates else values


def _rights(values: pa.Array) -> pa.Array:
    """Reissues are inventions. Other types (SIR, defensive publications) are unchanged: the book rejects them."""
    kind = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    return pc.if_else(pc.is_in(kind, pa.array(["utility", "reissue"])), pa.scalar("invention"), kind)


def _origins(values: pa.Array) -> pa.Array:
    """Who brought a citation. What neither an examiner nor a third party cited came from the applicant."""
    text = pc.utf8_lower(values)
    origin = pc.if_else(pc.match_substring(text, "examiner"), pa.scalar("examiner"), pa.scalar("applicant"))
    origin = pc.if_else(pc.match_substring(text, "third party"), pa.scalar("third_party"), origin)
    known = pc.fill_null(pc.match_substring_regex(text, "examiner|third party|applicant|other"), False)
    return pc.if_else(known, origin, _NONE)


def _independent(values: pa.Array) -> pa.Array:
    """A claim is independent if it depends on no other claim."""
    text = pc.fill_null(pc.utf8_trim_whitespace(values), "")
    return pc.if_else(pc.is_in(text, pa.array(["", "-1"])), pa.scalar("true"), pa.scalar("false"))


def _dates(values: pa.Array) -> pa.Array:
    return _as_days(to.dates(values))


def _days(values: pa.Array) -> pa.Array:
    """Dates. An unknown day (00) is read as the first of the month, an unknown month as January."""
    text = to.dates(values)
    return _as_days(pc.replace_substring_regex(pc.replace_substring(text, "-00-", "-01-"), r"-00$", "-01"))


def _counts(values: pa.Array) -> pa.Array:
    """Numbers of claims. Zero means unknown, because every patent has claims."""
    text = to.numbers(values)
    return pc.if_else(pc.is_in(text, pa.array(["0", "-1"])), _NONE, text)


def _own(
    name: str, headers: str = "", gives: str = "", required: bool = True, convert: Converter | None = None
) -> Field:
    """A column under an internal name."""
    return Field(name, headers or name, convert, required, gives=gives)


_PATENT_ID = _own("patent", "patent_id", convert=identifiers)
PATENT = Columns(
    "patents",
    (
        Field("patent_id", "patent_id | number", identifiers, required=True),
        Field("right", "patent_type | type", _by_value(_rights), required=True, note="a reissue is an invention"),
        Field("grant_date", "patent_date | date", _by_value(_dates), required=True),
        Field("kind", "wipo_kind | kind"),
        Field("n_claims", "num_claims", _counts, note="0 is unknown"),
        _own("withdrawn", required=False),
    ),
    "g_patent",
)
APPLICATION = Columns(
    "patents",
    (
        _PATENT_ID,
        Field("application_date", "filing_date | date", _by_value(_dates), required=True),
        _own("application", "application_id | series_code"),
    ),
    "g_application",
)
CITATION = Columns(
    "citations",
    (
        Field("citing_id", "patent_id", identifiers, required=True),
        Field("cited_id", "citation_patent_id | citation_id", identifiers, required=True),
        Field("cited_date", "citation_date | date", _by_value(_days), note="an unknown day is the month's first"),
        Field("origin", "citation_category | category", _by_value(_origins), note="not known before 2002"),
    ),
    "g_us_patent_citation",
)
CLAIM = Columns(
    "claims",
    (
        Field("patent_id", "patent_id", identifiers, required=True),
        Field("claim_number", "claim_number | num", to.numbers, required=True),
        Field("text", "claim_text | text", required=True),
        Field("independent", "dependent", _independent, note="no other claim is named"),
    ),
    "g_claims",
)
IPC = Columns(
    "patents",
    (
        _PATENT_ID,
        _own("sequence", "ipc_sequence | sequence"),
        _own("section"),
        _own("class", "ipc_class"),
        _own("subclass"),
        _own("main_group"),
        _own("subgroup", gives="ipc"),
    ),
    "g_ipc_at_issue",
)
CPC = Columns(
    "patents",
    (
        _PATENT_ID,
        _own("sequence", "cpc_sequence | sequence"),
        _own("symbol", "cpc_group | subgroup_id", gives="ipc"),
        _own("type", "cpc_type | category", required=False),
    ),
    "g_cpc_current",
)
ASSIGNEE = Columns(
    "patents",
    (
        _PATENT_ID,
        _own("sequence", "assignee_sequence | sequence"),
        _own(
            "organization", "disambig_assignee_organization | raw_assignee_organization | organization", gives="owners"
        ),
        _own(
            "first",
            "disambig_assignee_individual_name_first | raw_assignee_individual_name_first | name_first",
            required=False,
        ),
        _own(
            "last",
            "disambig_assignee_individual_name_last | raw_assignee_individual_name_last | name_last",
            required=False,
        ),
    ),
    "g_assignee",
)
INVENTOR = Columns("patents", (_PATENT_ID, _own("sequence", "inventor_sequence", gives="n_inventors")), "g_inventor")
TERM = Columns(
    "patents",
    (_PATENT_ID, _own("days", "term_extension", gives="term_adjustment_days", convert=to.numbers)),
    "g_us_term_of_grant",
)
RELATED = Columns(
    "patents",
    (
        _PATENT_ID,
        _own("day", "related_doc_published_date", gives="parent_filing_date", convert=_by_value(to.dates)),
        _own("type", "related_doc_type", gives="priority_date"),
        _own("kind", "related_doc_kind", required=False),
    ),
    "g_us_rel_doc",
)
PRIORITY = Columns(
    "patents",
    (
        _PATENT_ID,
        _own("day", "filing_date", gives="priority_date", convert=_by_value(to.dates)),
        _own("country", "foreign_country_filed"),
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
