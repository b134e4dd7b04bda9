"""What one USPTO grant document says: its patent, the documents that it cites, its claims.

The mapping of elements to columns stands in :mod:`ipvalue.sources.uspto`. Dates come out as ISO text; one that
is not of the form YYYYMMDD comes out as it stands, for the book to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ipvalue.sources.reading.xml_documents import UnreadableDocumentError

__all__ = ["Citation", "Claim", "Grant", "Patent", "read_grant"]

_BIBLIOGRAPHY = "us-bibliographic-data-grant"
_RIGHTS = {"utility": "invention", "reissue": "invention", "design": "design", "plant": "plant"}
_ORIGINS = {
    "cited by examiner": "examiner",
    "cited by applicant": "applicant",
    "cited by other": "applicant",
    "cited by third party": "third_party",
}
# relations whose parent's filing date begins the term (35 USC 154(a)(2), 120, 121, 365(c); reissues 251)
_TERM_RELATIONS = (
    "continuation",
    "division",
    "continuation-in-part",
    "continuing-reissue",
    "us-divisional-reissue",
    "reissue",
)
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")
# IPC as printed up to its 7th edition: subclass, main group in three columns, subgroup with or without a stroke
_COLUMNS = re.compile(r"([A-H]\d\d[A-Z])([ \d]{2}\d)/?(\d{2,})")


class Patent(NamedTuple):
    """The columns of the table patents, but for the identifier, which is made of office and number."""

    office: str | None
    number: str | None
    kind: str | None
    right: str | None
    application_date: str | None
    priority_date: str | None
    parent_filing_date: str | None
    publication_date: str | None
    grant_date: str | None
    ipc: list[str]
    owners: list[str]
    n_inventors: int | None
    npl_citations: int
    n_claims: str | None
    term_adjustment_days: str | None


class Citation(NamedTuple):
    """A patent document that the grant cites."""

    office: str | None
    number: str | None
    cited_date: str | None
    cited_ipc: str | None
    origin: str | None


class Claim(NamedTuple):
    """A claim of the grant."""

    claim_number: str
    text: str
    independent: bool


class Grant(NamedTuple):
    """One document."""

    patent: Patent
    citations: list[Citation]
    claims: list[Claim]
    language: str | None


def read_grant(root: Element) -> Grant:
    """Read one document.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        A ``us-patent-grant``.

    Returns
    -------
    Grant

    Raises
    ------
    UnreadableDocumentError
        If it lacks the bibliography or the patent's number.

    Examples
    --------
    >>> from xml.etree.ElementTree import fromstring
    >>> grant = read_grant(fromstring(
    ...     "<us-patent-grant lang='EN'><us-bibliographic-data-grant><publication-reference><document-id>"
    ...     "<country>US</country><doc-number>06836899</doc-number><kind>B1</kind><date>20050104</date>"
    ...     "</document-id></publication-reference></us-bibliographic-data-grant></us-patent-grant>"))
    >>> grant.patent.number, grant.patent.grant_date, grant.language
    ('06836899', '2005-01-04', 'en')
    """
    head = root.find(_BIBLIOGRAPHY)
    if head is None:
        raise UnreadableDocumentError(f"it lacks {_BIBLIOGRAPHY}")
    if not _text(head, "publication-reference/document-id/doc-number"):
        raise UnreadableDocumentError("it names no patent number")
    cited = [*head.iterfind("references-cited/citation"), *head.iterfind("us-references-cited/us-citation")]
    try:
        return Grant(
            _patent(head, sum(c.find("nplcit") is not None for c in cited)),
            [_citation(c) for c in cited if c.find("patcit") is not None],
            [_claim(place, claim) for place, claim in enumerate(root.iterfind("claims/claim"), 1)],
            (root.get("lang") or "").lower() or None,
        )
    except RecursionError as error:
        raise UnreadableDocumentError("its elements are nested too deep") from error


def _text(element: Element, path: str) -> str | None:
    """Text at a path without needless blanks; None where there is none."""
    return " ".join((element.findtext(path) or "").split()) or None


def _date(text: str | None) -> str | None:
    found = _DAY.fullmatch(text or "")
    return "-".join(found.groups()) if found else text


def _month(text: str | None) -> str | None:
    """The date of a cited document: an unknown day (00) is the month's first, an unknown month January."""
    found = _DAY.fullmatch(text or "")
    if found is None:
        return text
    year, month, day = found.groups()
    return f"{year}-{month if month != '00' else '01'}-{day if day != '00' else '01'}"


def _patent(head: Element, npl_citations: int) -> Patent:
    application = head.find("application-reference")
    filed = _date(_text(head, "application-reference/document-id/date"))
    granted = _date(_text(head, "publication-reference/document-id/date"))
    kind_of_application = application.get("appl-type", "") if application is not None else ""
    related = head.find("us-related-documents")
    parents = _parent_dates(related) if related is not None else []
    return Patent(
        office=_text(head, "publication-reference/document-id/country"),
        number=_text(head, "publication-reference/document-id/doc-number"),
        kind=_text(head, "publication-reference/document-id/kind"),
        right=_RIGHTS.get(kind_of_application, kind_of_application) or None,
        application_date=filed,
        priority_date=_earliest([*parents, *_priority_dates(head)], until=filed),
        parent_filing_date=_earliest(parents, until=filed),
        publication_date=_earliest([*_publication_dates(head), granted], since=filed),
        grant_date=granted,
        ipc=_classes(head),
        owners=_owners(head),
        n_inventors=_count_inventors(head),
        npl_citations=npl_citations,
        n_claims=_text(head, "number-of-claims"),
        term_adjustment_days=_text(head, "us-term-of-grant/us-term-extension"),
    )


def _dates(element: Element, path: str) -> list[str | None]:
    return [_date(" ".join((found.text or "").split())) for found in element.iterfind(path)]


def _parent_dates(related: Element) -> list[str | None]:
    return [d for name in _TERM_RELATIONS for d in _dates(related, f"{name}/relation/parent-doc/document-id/date")]


def _priority_dates(head: Element) -> list[str | None]:
    foreign = _dates(head, "priority-claims/priority-claim/date")
    return foreign + _dates(head, "us-related-documents/us-provisional-application/document-id/date")


def _publication_dates(head: Element) -> list[str | None]:
    own = _dates(head, "us-related-documents/related-publication/document-id/date")
    return own + _dates(head, "pct-or-regional-publishing-data/document-id/date")


def _earliest(dates: Iterable[str | None], since: str | None = None, until: str | None = None) -> str | None:
    """The earliest date within bounds; ISO dates sort as text."""
    fit = [d for d in dates if d and len(d) == 10 and (since or "") <= d <= (until or "9999")]
    return min(fit, default=None)


def _classes(head: Element) -> list[str]:
    """IPC symbols, the leading one first; CPC symbols where the document has no IPC."""
    symbols = [_symbol(c) for c in head.iterfind("classifications-ipcr/classification-ipcr")]
    old = head.find("classification-ipc")
    if old is not None:
        symbols += [_old_symbol(c.text or "") for c in old if c.tag.endswith("main-classification")]
        symbols += [_old_symbol(c.text or "") for c in old if c.tag.endswith("further-classification")]
    if not any(symbols):
        cpc = head.find("classifications-cpc")
        places = ("main-cpc/classification-cpc", "further-cpc/classification-cpc")
        symbols = [_symbol(c) for place in places for c in cpc.iterfind(place)] if cpc is not None else []
    return list(dict.fromkeys(s for s in symbols if s))


def _symbol(element: Element) -> str:
    parts = [_text(element, name) or "" for name in ("section", "class", "subclass", "main-group", "subgroup")]
    subclass = "".join(parts[:3])
    return f"{subclass} {parts[3]}/{parts[4]}" if parts[3] and parts[4] else subclass


def _old_symbol(text: str) -> str:
    """``'A45F  504'`` to ``'A45F 5/04'``; what is not set in columns stays as printed."""
    found = _COLUMNS.fullmatch(text.strip())
    return f"{found[1]} {int(found[2])}/{found[3]}" if found else " ".join(text.split())


def _owners(head: Element) -> list[str]:
    """Names of the assignees, else of the applicants, else of the inventors."""
    places = (
        "assignees/assignee",
        "us-parties/us-applicants/us-applicant",
        "parties/applicants/applicant",
        "us-parties/inventors/inventor",
    )
    for place in places:
        names = [name for party in head.iterfind(place) if (name := _name(party))]
        if names:
            return list(dict.fromkeys(names))
    return []


def _name(party: Element) -> str | None:
    """An organisation's name, or a person's first and last name; older documents print them without a book."""
    book = party.find("addressbook")
    book = party if book is None else book
    person = " ".join(part for part in (_text(book, "first-name"), _text(book, "last-name")) if part)
    return _text(book, "orgname") or person or None


def _inventors(head: Element) -> Iterator[Element]:
    for place in ("parties/applicants/applicant", "us-parties/us-applicants/us-applicant"):
        yield from (party for party in head.iterfind(place) if party.get("app-type") == "applicant-inventor")
    yield from head.iterfind("parties/inventors/inventor")
    yield from head.iterfind("us-parties/inventors/inventor")


def _count_inventors(head: Element) -> int | None:
    """Distinct names, since a document may list an inventor as an applicant too."""
    names = {_name(party) for party in _inventors(head)} - {None}
    return len(names) or None


def _citation(citation: Element) -> Citation:
    printed = citation.findtext("classification-ipc/main-classification") or ""
    return Citation(
        office=_text(citation, "patcit/document-id/country"),
        number=_text(citation, "patcit/document-id/doc-number"),
        cited_date=_month(_text(citation, "patcit/document-id/date")),
        cited_ipc=_text(citation, "classification-cpc-text") or _old_symbol(printed) or None,
        origin=_ORIGINS.get(_text(citation, "category") or ""),
    )


def _claim(place: int, claim: Element) -> Claim:
    return Claim(claim.get("num") or str(place), _wording(claim), claim.find(".//claim-ref") is None)


def _wording(claim: Element) -> str:
    """The claim's text; parts of a claim stand apart, while formatting within a word does not cut it."""
    for part in claim.iter("claim-text"):
        part.text, part.tail = f" {part.text or ''}", f" {part.tail or ''}"
    return " ".join("".join(claim.itertext()).split())
