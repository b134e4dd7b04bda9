"""What one document of WIPO ST.96 says: publications, the Chinese dialect of them, and ST.27 legal status.

Names are without namespaces; the mapping of elements to columns stands in :mod:`ipvalue.sources.wipo`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ipvalue.sources.joining.office_documents import Cited, Document, Entry
from ipvalue.sources.st36 import day, first_day, tidy, wordings

__all__ = ["read_chinese", "read_legal_status", "read_publication"]

_RIGHTS = {"design": "design", "plant": "plant", "utility": "invention", "reissue": "invention"}
# the second digit of @applType: 10 invention, 20 utility model, 30 design
_CHINESE_RIGHTS = {"1": "invention", "2": "utility_model", "3": "design"}
_TERM_RELATIONS = ("Continuation", "Division", "ContinuationInPart", "Reissue", "DivisionalReissue")
_ORIGINS = {"examiner": "examiner", "applicant": "applicant", "other": "applicant", "third party": "third_party"}
_SYMBOL = ("Section", "Class", "Subclass", "MainGroup", "Subgroup")
_CODE = ("StateCode", "PreviousStageCode", "CurrentStageCode", "KeyEventCode", "DetailedEventCode")
_COUNTRY = re.compile(r"[A-Z]{2}")


def _text(element: Element | None, path: str) -> str | None:
    return " ".join((element.findtext(path) or "").split()) or None if element is not None else None


def _office(element: Element | None) -> str | None:
    return _text(element, "IPOfficeCode") or _text(element, "WIPOST3Code")


def _days(elements: Iterator[Element]) -> list[str]:
    return [found for element in elements if (found := day(element.text))]


def _application(document: Document, element: Element | None) -> None:
    number = _text(element, "ApplicationNumber/ApplicationNumberText")
    document.application = f"{_office(element) or document.office}{number}" if number else ""
    document.filed = day(_text(element, "FilingDate"))


def read_publication(root: Element) -> Document | None:
    """Read a ``PatentPublication``; None where it has no bibliography."""
    head = root.find("BibliographicData")
    if head is None:
        return None
    identity = head.find("PatentPublicationIdentification")
    if identity is None:
        identity = head.find("PatentGrantIdentification")
    document = _identified(identity)
    document.office = document.office or _office(root)
    filing = head.find("ApplicationIdentification")
    _application(document, filing)
    document.right = _RIGHTS.get((_text(filing, "InventionSubjectMatterCategory") or "").lower())
    document.priorities = _days(head.iterfind("PriorityClaimBag/PriorityClaim/FilingDate"))
    related = head.find("RelatedDocumentBag")
    if related is not None:
        parents = [parent for name in _TERM_RELATIONS for parent in related.iterfind(f"{name}/ParentDocument")]
        document.parents = [d for parent in parents for d in _days(parent.iter("FilingDate"))]
        document.earlier = _days(e for r in related.iterfind("RelatedPublication") for e in r.iter("PublicationDate"))
        provisional = related.iterfind("ProvisionalApplication")
        document.priorities += [d for one in provisional for d in _days(one.iter("FilingDate"))]
    document.ipc = _symbols(head, "IPCRClassification", "Section") or _symbols(head, "CPCClassification", "CPCSection")
    document.owners = _names(head, "Assignee") or _names(head, "Applicant")
    document.n_inventors = len(_names(head, "Inventor")) or None
    document.n_claims = _text(head, "ClaimTotalQuantity")
    cited = head.findall("ReferenceCitationBag/ReferenceCitation")
    document.citations = [_cited(e) for e in cited if e.find("PatentCitation") is not None]
    document.npl = sum(e.find("NPLCitation") is not None for e in cited) if cited else None
    document.claims = wordings(list(_claims(root)))
    document.language = (root.get("languageCode") or "").lower()[:2] or None
    return document


def _identified(identity: Element | None) -> Document:
    return Document(
        _office(identity),
        _text(identity, "PublicationNumber") or _text(identity, "PatentNumber"),
        _text(identity, "PatentDocumentKindCode"),
        day(_text(identity, "PublicationDate") or _text(identity, "GrantDate")),
    )


def _symbols(head: Element, tag: str, section: str) -> list[str]:
    found = []
    for element in head.iterfind(f"PatentClassificationBag//{tag}"):
        parts = [_text(element, section if name == "Section" else name) for name in _SYMBOL]
        if all(parts):
            found.append(f"{parts[0]}{parts[1]}{parts[2]} {parts[3]}/{parts[4]}")
    return list(dict.fromkeys(found))


def _names(head: Element, tag: str) -> list[str]:
    """Names of organisations, else first and last names of persons."""
    names = []
    for party in head.iterfind(f"PartyBag//{tag}"):
        organisation = next(
            (e.text for name in ("EntityName", "OrganizationStandardName") for e in party.iter(name)), None
        )
        person = " ".join(e.text or "" for name in ("FirstName", "LastName") for e in party.iter(name))
        whole = next((e.text for e in party.iter("PersonFullName")), None)
        names.append(tidy(organisation or person or whole or ""))
    return list(dict.fromkeys(name for name in names if name))


def _cited(element: Element) -> Cited:
    identity = element.find("PatentCitation/CitedPatentDocumentIdentification")
    return Cited(
        _office(identity),
        _text(identity, "DocumentNumber"),
        first_day(_text(identity, "PatentDocumentDate")),
        _ORIGINS.get((element.get("citingPartyCategory") or "").lower()),
        _text(element, "PatentCitation/CitationCategory"),
    )


def _claims(root: Element) -> Iterator[tuple[str, Element]]:
    """Claims with their numbers; the number's own element is not part of the wording."""
    found = next(root.iter("Claims"), None)
    for place, claim in enumerate(found.iterfind("Claim") if found is not None else (), 1):
        number = claim.get("num") or _text(claim, "ClaimNumber") or str(place)
        for other in [child for child in claim if child.tag != "ClaimText"]:
            claim.remove(other)
        yield number, claim


def read_chinese(root: Element) -> Document | None:
    """Read a ``PatentDocumentAndRelated``, the form of CNIPA since 2015; None where it has no bibliography."""
    head = root.find("BibliographicData")
    if head is None:
        return None
    published, filed = (_original(head, f"{name}Reference") for name in ("Publication", "Application"))
    document = Document(
        _office(published),
        _text(published, "DocNumber"),
        _text(published, "Kind"),
        day(_text(published, "Date")),
        language=(root.get("lang") or "").lower()[:2] or None,
    )
    number = _text(filed, "DocNumber")
    document.application = f"{_office(filed)}{number}" if number else ""
    document.filed = day(_text(filed, "Date"))
    reference = head.find("ApplicationReference")
    document.right = _CHINESE_RIGHTS.get((reference.get("applType") or "")[:1]) if reference is not None else None
    document.priorities = _days(head.iterfind("PriorityDetails/Priority/Date"))
    for element in head.iterfind("ClassificationIPCRDetails/ClassificationIPCR"):
        parts = [_text(element, n) for n in ("Section", "MainClass", "Subclass", "MainGroup", "Subgroup")]
        if all(parts):
            document.ipc.append(f"{parts[0]}{parts[1]}{parts[2]} {parts[3]}/{parts[4]}")
    owners = _parties(head, "Assignee") or _parties(head, "Patentee") or _parties(head, "Applicant")
    document.owners, document.n_inventors = owners, len(_parties(head, "Inventor")) or None
    cited = head.findall("ReferencesCited/Citation")
    document.citations = [_chinese_cited(e) for e in cited if e.find("PatentCitation") is not None]
    document.npl = sum(e.find("NonPatentLiteratureCitation") is not None for e in cited) if cited else None
    document.claims = wordings(list(_claims(root)))
    return document


def _original(head: Element, name: str) -> Element | None:
    """A number as the office printed it, before its standardised form."""
    found = sorted(head.findall(name), key=lambda e: e.get("dataFormat") != "original")
    return found[0].find("DocumentID") if found else None


def _parties(head: Element, tag: str) -> list[str]:
    books = (e for party in head.iterfind(f"Parties//{tag}") for e in party.iterfind("AddressBook"))
    names = [tidy(_text(e, "Name") or _text(e, "OrganizationName") or "") for e in books]
    return list(dict.fromkeys(name for name in names if name))


def _chinese_cited(element: Element) -> Cited:
    identity = next(element.iter("DocumentID"), None)
    category = re.sub("[^A-Z]", "", _text(element, "Category") or "")[:4] or None
    return Cited(_office(identity), _text(identity, "DocNumber"), first_day(_text(identity, "Date")), None, category)


def read_legal_status(root: Element) -> Iterator[Document]:
    """Read ``PatentLegalStatus`` elements: for each application its publications, and its events as ST.27 codes."""
    for status in root.iter("PatentLegalStatus"):
        filing = status.find("ApplicationIdentification")
        identities = [
            *status.iterfind("PatentPublicationIdentification"),
            *status.iterfind("PatentGrantIdentification"),
        ]
        documents = [_identified(identity) for identity in identities] or [Document(office=_office(filing))]
        for document in documents:
            _application(document, filing)
        office = _office(filing)
        events = status.iterfind("StatusEventDataBag/StatusEventData")
        documents[0].entries = [_entry(event, office) for event in events]
        yield from documents


def _entry(event: Element, office: str | None) -> Entry:
    code = event.find("StatusEventCode")
    parts = [_text(code, name) for name in (*_CODE, "EventIndicatorCode", "NationalEventCode")]
    happened, published = day(_text(event, "EventDate")), day(_text(event, "PublicationDate"))
    year = next((e.text for n in ("FeePaymentYearNumber", "LastRenewalYearNumber") for e in event.iter(n)), None)
    until = next((day(e.text) for e in event.iter("ExpiryDate")), None)
    countries = [t.text or "" for bag in event.iter("EffectiveCountryBag") for t in bag.iter()]
    state = next((text.strip() for text in countries if _COUNTRY.fullmatch(text.strip())), None)
    said = [e.text for name in ("EventDescriptionText", "CommentText") for e in event.iter(name) if e.text]
    return Entry(
        day(_text(event, "EffectiveDate")) or happened or published,
        published or happened,
        office,
        "st27",
        "-".join(part for part in parts if part) or None,
        tidy("; ".join(said)) or None,
        " ".join(part for part in (state, year) if part) or until,
    )
