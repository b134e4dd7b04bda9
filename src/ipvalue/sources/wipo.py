"""WIPO ST.36 and ST.96 (XML): full text of any office, the Chinese dialects, and legal status as ST.27 events.

Names of elements are without namespaces (:func:`~ipvalue.sources.reading.xml_documents.plain_names`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ipvalue.errors import Reason
from ipvalue.records.book import Book
from ipvalue.sources.joining.office_documents import (
    CITATIONS,
    CLAIMS,
    LEGAL_EVENTS,
    CitedDocument,
    ClaimText,
    Document,
    Entry,
    book_of_documents,
)
from ipvalue.sources.reading.files import Source, inputs
from ipvalue.sources.reading.mapping import documented
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.reading.xml_documents import (
    UnreadableDocumentError,
    element_text,
    parse,
    plain_names,
    split,
    symbol_of,
)
from ipvalue.sources.registry import Format

__all__ = [
    "FORMAT",
    "day",
    "read_wipo_xml",
    "tidy",
    "claim_texts",
]

_ROOTS = (
    *("PatentPublication", "PatentDocumentAndRelated", "PatentLegalStatusData", "PatentLegalStatus"),
    *("cn-patent-document", "jp-official-gazette", "us-patent-application", "patent-document"),
)

FORMAT = Format(
    "wipo_xml",
    "WIPO ST.36 or ST.96 XML (CN, JP, US and others)",
    "read_wipo_xml",
    roots=_ROOTS,
    fills={
        "patents": (
            *("patent_id", "jurisdiction", "right", "kind", "application_date", "priority_date"),
            *("parent_filing_date", "publication_date", "grant_date", "ipc", "owners", "n_inventors"),
            *("npl_citations", "n_claims"),
        ),
        "citations": CITATIONS,
        "claims": CLAIMS,
        "legal_events": LEGAL_EVENTS,
    },
)


@documented()
def read_wipo_xml(*sources: Source, strict: bool = False) -> Book:
    """Read patent documents and legal status in WIPO's XML standards as a book.

    Parameters
    ----------
    *sources : path or Input
        XML files of one or several documents, archives or folders of them, in any order: ST.36 in its Chinese,
        Japanese and US dialects, ST.96 publications, the Chinese form since 2015, and ST.96 legal status.
    {strict}

    Returns
    -------
    Book
        Publications and events of one application are one patent. A document that cannot be read, or has none of these
        forms, is rejected as ``unreadable``.

    {raises}

    Notes
    -----
    =========================  ===================================  ================================================
    column                     ST.36                                ST.96; Chinese form
    =========================  ===================================  ================================================
    patents.patent_id          publication-reference                PatentPublicationIdentification;
                                                                    PublicationReference
    patents.kind               kind, else kind-of-st16              PatentDocumentKindCode; Kind
    patents.application_date   application-reference                ApplicationIdentification/FilingDate;
                                                                    ApplicationReference
    patents.right              @appl-type                           InventionSubjectMatterCategory; @applType
    patents.priority_date      priority-claims, provisionals        PriorityClaimBag; PriorityDetails
    patents.parent_filing_date us-related-documents (continuation,  RelatedDocumentBag, the same relations
                               division, continuation-in-part)
    patents.publication_date   earliest, related-publication too    PublicationDate, RelatedPublication; Date
    patents.grant_date         publication of a kind that is a      the same
                               grant's
    patents.ipc                classifications-ipcr,                IPCRClassification, else CPCClassification;
                               classification-ipc, else CPC         ClassificationIPCR
    patents.owners             assignees, else applicants           Assignee, else Applicant
    patents.n_inventors        inventors, distinct names            Inventor
    patents.n_claims           number-of-claims                     ClaimTotalQuantity
    patents.npl_citations      nplcit                               NPLCitation
    citations                  patcit                               ReferenceCitation/PatentCitation;
                                                                    Citation/PatentCitation
    citations.origin           @cited-by, category                  @citingPartyCategory
    claims                     claims/claim                         Claims/Claim
    legal_events               none                                 PatentLegalStatus/StatusEventData
    =========================  ===================================  ================================================

    The code of an event consists of the five parts of ST.27, such as ``A-2-4-F10-F11``, followed by the office's own
    code. An event takes effect on EffectiveDate, or else on EventDate. It was announced on PublicationDate, or else on
    EventDate, so that a retroactive effect is not known too early. ``detail`` holds the state (EffectiveCountryBag) and
    the fee year (FeePaymentYearNumber), or else the end of protection (ExpiryDate).

    The text of a claim is without its number, and without the spaces that line breaks leave between Chinese or
    Japanese characters. If a document has several claim sets (a Japanese one prints amendments at its end), the first
    is read, while number-of-claims may count the last. Claims that are cancelled as a block (``1-24``) have no number
    and are rejected. A Chinese division has the filing date of its parent, because its term counts from there
    (Implementing Regulations, rule 43). US grants are accepted, but
    :func:`~ipvalue.sources.uspto.read_uspto_grants` reads more of them.

    References
    ----------
    WIPO Standards ST.36 (processing of patent information using XML), ST.96 (V6.0) and ST.27.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "document.xml"
    >>> _ = path.write_text(
    ...     '<cn-patent-document lang="ZH" country="CN"><cn-bibliographic-data><cn-publication-reference><document-id>'
    ...     '<country>CN</country><doc-number>104223352</doc-number><kind>A</kind><date>20141224</date></document-id>'
    ...     '</cn-publication-reference><application-reference><document-id><country>CN</country>'
    ...     '<doc-number>201410408762.5</doc-number><date>20140819</date></document-id></application-reference>'
    ...     '</cn-bibliographic-data><application-body><claims><claim num="0001"><claim-text>1.一种香料。</claim-text>'
    ...     '</claim></claims></application-body></cn-patent-document>', encoding="utf-8")
    >>> book = read_wipo_xml(path)
    >>> book.patent_ids, book["claims"]["text"].to_pylist()
    (['CN-104223352'], ['一种香料。'])
    """
    found: list[Document] = []
    rejects: list[Reject] = []
    row = 0
    for source in inputs(*sources, suffixes=(".xml",)):
        for place, document in enumerate(split(source), 1):
            try:
                found += _documents(plain_names(parse(document)))
            except (UnreadableDocumentError, RecursionError) as error:
                where = f"{source.name}, document {place}"
                rejects.append(Reject(row, "patent_id", where, Reason.UNREADABLE, str(error)))
            row += 1
    return book_of_documents(found, rejects, "no file contains a document in ST.36 or ST.96", strict=strict)


def _documents(root: Element) -> Iterator[Document]:
    """The publications of one XML document."""
    if root.tag in ("PatentLegalStatusData", "PatentLegalStatus", "PatentLegalStatusTransaction"):
        yield from _legal_status(root)
        return
    reader = {"PatentPublication": _read_st96, "PatentDocumentAndRelated": _read_chinese}.get(root.tag, _read_st36)
    document = reader(root)
    if document is None:
        raise UnreadableDocumentError(f"its root is {root.tag}, and it has no bibliographic data")
    yield document


_DAY = re.compile(r"(\d{4})-?(\d\d)(?:-?(\d\d))?")
_IPC = re.compile(r"([A-H]\d\d[A-Z])\s*(\d{1,4})\s*/\s*(\d{2,6})")
# IPC up to the 7th edition in US documents: ``A45F  504``
_SET_IN_COLUMNS = re.compile(r"([A-H]\d\d[A-Z])([ \d]{2}\d)/?(\d{2,})")
_KIND = re.compile(r"[A-Z]\d?")
_KIND_IN_BRACKETS = re.compile(r"[(（]([A-Z]\d?)[)）]")
_NUMBER = re.compile(r"^\s*(\d+)\s*[.．、]\s*")
_GLYPH = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_BETWEEN_GLYPHS = re.compile(rf"(?<={_GLYPH})\s+(?={_GLYPH})")
_APPLICANTS = ("applicant", "cn-applicant", "us-applicant")
_TERM_RELATIONS = ("continuation", "division", "continuation-in-part", "continuing-reissue", "us-divisional-reissue")
_ORIGINS = {"examiner": "examiner", "applicant": "applicant", "other": "applicant", "third party": "third_party"}
_RIGHTS = {
    "发明": "invention",
    "实用新型": "utility_model",
    "外观设计": "design",
    "utility": "invention",
    "reissue": "invention",
    "design": "design",
    "plant": "plant",
}


def day(text: str | None) -> str | None:
    """A date in ISO form; None if it is empty or zeros. Other text is returned unchanged.

    Examples
    --------
    >>> day("20210318"), day("2015-01-20"), day("00000000"), day("soon")
    ('2021-03-18', '2015-01-20', None, 'soon')
    """
    plain = (text or "").strip()
    found = _DAY.fullmatch(plain)
    if not plain or not plain.strip("0-"):
        return None
    return "-".join(found.groups()) if found and found[3] else plain


def first_day(text: str | None) -> str | None:
    """The date of a cited document. An unknown day is read as the first of the month, an unknown month as January.

    Examples
    --------
    >>> first_day("20000400"), first_day("2000-04"), first_day("19991231")
    ('2000-04-01', '2000-04-01', '1999-12-31')
    """
    found = _DAY.fullmatch((text or "").strip())
    if found is None or found[1] == "0000":
        return day(text)
    year, month, of_month = (part or "00" for part in found.groups())
    return f"{year}-{month if month != '00' else '01'}-{of_month if of_month != '00' else '01'}"


def tidy(text: str) -> str:
    """Text with single spaces, and none between Chinese or Japanese characters, where lines were broken."""
    return _BETWEEN_GLYPHS.sub("", " ".join(text.split()))


def claim_texts(claims: list[tuple[str, Element]]) -> list[ClaimText]:
    """Claims from pairs of number and element. A number at the beginning of the text is removed."""
    found = []
    for number, element in claims:
        for part in element.iter():
            # parts of a claim are separated by a space, but formatting within a word is not
            if part.tag.lower() in ("claim-text", "claimtext", "br"):
                part.text, part.tail = f" {part.text or ''}", f" {part.tail or ''}"
        text = tidy("".join(element.itertext()))
        begin = _NUMBER.match(text)
        plain = number.lstrip("0") or number
        found.append(ClaimText(plain, text[begin.end() :] if begin and begin[1] == plain else text))
    return found


def _read_st36(root: Element) -> Document | None:
    """Read an ST.36 document, such as ``cn-patent-document``; None if it has no bibliographic data."""
    head = next((child for child in root if "bibliographic-data" in child.tag), None)
    if head is None:
        return None
    published = _child(head, "publication-reference", "document-id")
    filed = _child(head, "application-reference", "document-id")
    office = element_text(published, "country") or root.get("country") or head.get("country")
    number = element_text(filed, "doc-number")
    reference = next((child for child in head if child.tag == "application-reference"), None)
    document = Document(
        office=office,
        number=element_text(published, "doc-number"),
        kind=_kind(element_text(published, "kind"), root),
        published=day(element_text(published, "date")),
        application=f"{element_text(filed, 'country') or office}{number}" if number else "",
        filed=day(element_text(filed, "date")),
        right=_right(reference.get("appl-type") if reference is not None else None),
        ipc=_classes(head),
        owners=_owners(head),
        n_inventors=_inventors(head),
        n_claims=element_text(head, "number-of-claims"),
        language=(root.get("lang") or head.get("lang") or "").lower()[:2] or None,
    )
    document.priorities = [d for e in head.iterfind("priority-claims//date") if (d := day(e.text))]
    _related(head, document)
    cited = [element for element in head.iter() if element.find("patcit") is not None]
    document.citations = [_cited(element) for element in cited]
    others = sum(1 for _ in head.iter("nplcit"))
    document.npl = others if cited or others else None
    document.claims = claim_texts(list(_claims(root)))
    return document


def _child(head: Element, *names: str) -> Element | None:
    """A descendant by its names, with or without the prefix of a dialect (``cn-``)."""
    found: Element | None = head
    for name in names:
        children = list(found) if found is not None else []
        found = next((child for child in children if re.sub(r"^(cn|us|jp)-", "", child.tag) == name), None)
    return found


def _kind(printed: str | None, root: Element) -> str | None:
    """The kind code: as printed, from an attribute of the root, or in brackets after its name."""
    if printed is None or _KIND.fullmatch(printed):
        return printed or root.get("kind-of-st16") or root.get("kind")
    found = _KIND_IN_BRACKETS.search(printed)
    return root.get("kind-of-st16") or (found[1] if found else printed)


def _right(printed: str | None) -> str | None:
    return next((right for word, right in _RIGHTS.items() if word in (printed or "").lower()), None)


def _related(head: Element, document: Document) -> None:
    """Parents, provisional applications and earlier publications of a US document."""
    related = head.find("us-related-documents")
    if related is None:
        return
    paths = [f"{name}/relation/parent-doc/document-id/date" for name in _TERM_RELATIONS]
    document.parents = [d for path in paths for e in related.iterfind(path) if (d := day(e.text))]
    document.earlier = [d for e in related.iterfind("related-publication/document-id/date") if (d := day(e.text))]
    provisional = related.iterfind("us-provisional-application/document-id/date")
    document.priorities += [d for e in provisional if (d := day(e.text))]


def _classes(head: Element) -> list[str]:
    """IPC symbols, the leading one first; CPC symbols if there are none."""
    symbols = [_symbol(e) for e in head.iterfind("classifications-ipcr/classification-ipcr")]
    if (old := head.find("classification-ipc")) is not None:
        symbols += [_printed(e.text) for e in old if e.tag in ("main-clsf", "further-clsf", "text")]
    if not any(symbols):
        symbols = [_symbol(e) for e in head.iterfind("classifications-cpc//classification-cpc")]
    return list(dict.fromkeys(symbol for symbol in symbols if symbol))


def _symbol(element: Element) -> str:
    return symbol_of(element) or _printed(element.findtext("text"))


def _printed(text: str | None) -> str:
    found = _IPC.search(text or "") or _SET_IN_COLUMNS.match((text or "").strip())
    return f"{found[1]} {int(found[2])}/{found[3]}" if found else ""


def _name(party: Element) -> str | None:
    book = party.find("addressbook")
    book = party if book is None else book
    person = " ".join(part for part in (element_text(book, "first-name"), element_text(book, "last-name")) if part)
    return tidy(element_text(book, "orgname") or element_text(book, "name") or person) or None


def _owners(head: Element) -> list[str]:
    """Assignees; applicants if there are none."""
    for tags in (("assignee", "cn-assignee", "cn-patentee"), _APPLICANTS):
        names = [name for e in head.iter() if e.tag in tags and (name := _name(e))]
        if names:
            return list(dict.fromkeys(names))
    return []


def _inventors(head: Element) -> int | None:
    """Number of distinct names of inventors and of applicants who are inventors."""
    own = [e for e in head.iter() if e.tag in _APPLICANTS and e.get("app-type") == "applicant-inventor"]
    names = {_name(e) for e in [*own, *(e for e in head.iter() if e.tag in ("inventor", "cn-inventor"))]} - {None}
    return len(names) or None


def _cited(element: Element) -> CitedDocument:
    reference = element.find("patcit/document-id")
    category = "".join(dict.fromkeys(re.sub("[^A-Z]", "", element.findtext("category") or "")))
    source = (element.get("cited-by") or element.findtext("category") or "").lower().removeprefix("cited by ")
    return CitedDocument(
        element_text(reference, "country"),
        element_text(reference, "doc-number"),
        first_day(element_text(reference, "date")),
        _ORIGINS.get(source),
        category if 0 < len(category) <= 4 and source not in _ORIGINS else None,
    )


def _claims(root: Element) -> Iterator[tuple[str, Element]]:
    found = next(root.iter("claims"), None)
    for place, claim in enumerate(found.iterfind("claim") if found is not None else (), 1):
        yield claim.get("num") or str(place), claim


_SUBJECTS = {"design": "design", "plant": "plant", "utility": "invention", "reissue": "invention"}
# the first digit of @applType: 10 invention, 20 utility model, 30 design
_CHINESE_RIGHTS = {"1": "invention", "2": "utility_model", "3": "design"}
_PARENT_ELEMENTS = ("Continuation", "Division", "ContinuationInPart", "Reissue", "DivisionalReissue")
_CODE = ("StateCode", "PreviousStageCode", "CurrentStageCode", "KeyEventCode", "DetailedEventCode")
_COUNTRY = re.compile(r"[A-Z]{2}")


def _office(element: Element | None) -> str | None:
    return element_text(element, "IPOfficeCode") or element_text(element, "WIPOST3Code")


def _days(elements: Iterator[Element]) -> list[str]:
    return [found for element in elements if (found := day(element.text))]


def _application(document: Document, element: Element | None) -> None:
    number = element_text(element, "ApplicationNumber/ApplicationNumberText")
    document.application = f"{_office(element) or document.office}{number}" if number else ""
    document.filed = day(element_text(element, "FilingDate"))


def _read_st96(root: Element) -> Document | None:
    """Read a ``PatentPublication`` of ST.96; None if it has no bibliographic data."""
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
    document.right = _SUBJECTS.get((element_text(filing, "InventionSubjectMatterCategory") or "").lower())
    document.priorities = _days(head.iterfind("PriorityClaimBag/PriorityClaim/FilingDate"))
    related = head.find("RelatedDocumentBag")
    if related is not None:
        parents = [parent for name in _PARENT_ELEMENTS for parent in related.iterfind(f"{name}/ParentDocument")]
        document.parents = [d for parent in parents for d in _days(parent.iter("FilingDate"))]
        document.earlier = _days(e for r in related.iterfind("RelatedPublication") for e in r.iter("PublicationDate"))
        provisional = related.iterfind("ProvisionalApplication")
        document.priorities += [d for one in provisional for d in _days(one.iter("FilingDate"))]
    document.ipc = _symbols(head, "IPCRClassification", "Section") or _symbols(head, "CPCClassification", "CPCSection")
    document.owners = _names(head, "Assignee") or _names(head, "Applicant")
    document.n_inventors = len(_names(head, "Inventor")) or None
    document.n_claims = element_text(head, "ClaimTotalQuantity")
    cited = head.findall("ReferenceCitationBag/ReferenceCitation")
    document.citations = [_st96_cited(e) for e in cited if e.find("PatentCitation") is not None]
    document.npl = sum(e.find("NPLCitation") is not None for e in cited) if cited else None
    document.claims = claim_texts(list(_st96_claims(root)))
    document.language = (root.get("languageCode") or "").lower()[:2] or None
    return document


def _identified(identity: Element | None) -> Document:
    return Document(
        _office(identity),
        element_text(identity, "PublicationNumber") or element_text(identity, "PatentNumber"),
        element_text(identity, "PatentDocumentKindCode"),
        day(element_text(identity, "PublicationDate") or element_text(identity, "GrantDate")),
    )


def _symbols(head: Element, tag: str, section: str) -> list[str]:
    names = (section, "Class", "Subclass", "MainGroup", "Subgroup")
    found = [symbol_of(element, names) for element in head.iterfind(f"PatentClassificationBag//{tag}")]
    return list(dict.fromkeys(symbol for symbol in found if symbol))


def _names(head: Element, tag: str) -> list[str]:
    """Names of organisations, or else first and last names of persons."""
    names = []
    for party in head.iterfind(f"PartyBag//{tag}"):
        organisation = next(
            (e.text for name in ("EntityName", "OrganizationStandardName") for e in party.iter(name)), None
        )
        person = " ".join(e.text or "" for name in ("FirstName", "LastName") for e in party.iter(name))
        full_name = next((e.text for e in party.iter("PersonFullName")), None)
        names.append(tidy(organisation or person or full_name or ""))
    return list(dict.fromkeys(name for name in names if name))


def _st96_cited(element: Element) -> CitedDocument:
    identity = element.find("PatentCitation/CitedPatentDocumentIdentification")
    return CitedDocument(
        _office(identity),
        element_text(identity, "DocumentNumber"),
        first_day(element_text(identity, "PatentDocumentDate")),
        _ORIGINS.get((element.get("citingPartyCategory") or "").lower()),
        element_text(element, "PatentCitation/CitationCategory"),
    )


def _st96_claims(root: Element) -> Iterator[tuple[str, Element]]:
    """Claims with their numbers. The element of the number is not part of the text."""
    found = next(root.iter("Claims"), None)
    for place, claim in enumerate(found.iterfind("Claim") if found is not None else (), 1):
        number = claim.get("num") or element_text(claim, "ClaimNumber") or str(place)
        for other in [child for child in claim if child.tag != "ClaimText"]:
            claim.remove(other)
        yield number, claim


def _read_chinese(root: Element) -> Document | None:
    """Read a ``PatentDocumentAndRelated``, CNIPA's form since 2015; None if it has no bibliographic data."""
    head = root.find("BibliographicData")
    if head is None:
        return None
    published, filed = (_original(head, f"{name}Reference") for name in ("Publication", "Application"))
    document = Document(
        _office(published),
        element_text(published, "DocNumber"),
        element_text(published, "Kind"),
        day(element_text(published, "Date")),
        language=(root.get("lang") or "").lower()[:2] or None,
    )
    number = element_text(filed, "DocNumber")
    document.application = f"{_office(filed)}{number}" if number else ""
    document.filed = day(element_text(filed, "Date"))
    reference = head.find("ApplicationReference")
    document.right = _CHINESE_RIGHTS.get((reference.get("applType") or "")[:1]) if reference is not None else None
    document.priorities = _days(head.iterfind("PriorityDetails/Priority/Date"))
    names = ("Section", "MainClass", "Subclass", "MainGroup", "Subgroup")
    symbols = (symbol_of(e, names) for e in head.iterfind("ClassificationIPCRDetails/ClassificationIPCR"))
    document.ipc = [symbol for symbol in symbols if symbol]
    owners = _parties(head, "Assignee") or _parties(head, "Patentee") or _parties(head, "Applicant")
    document.owners, document.n_inventors = owners, len(_parties(head, "Inventor")) or None
    cited = head.findall("ReferencesCited/Citation")
    document.citations = [_chinese_cited(e) for e in cited if e.find("PatentCitation") is not None]
    document.npl = sum(e.find("NonPatentLiteratureCitation") is not None for e in cited) if cited else None
    document.claims = claim_texts(list(_st96_claims(root)))
    return document


def _original(head: Element, name: str) -> Element | None:
    """A number as printed by the office, or else in its standardised form."""
    found = sorted(head.findall(name), key=lambda e: e.get("dataFormat") != "original")
    return found[0].find("DocumentID") if found else None


def _parties(head: Element, tag: str) -> list[str]:
    books = (e for party in head.iterfind(f"Parties//{tag}") for e in party.iterfind("AddressBook"))
    names = [tidy(element_text(e, "Name") or element_text(e, "OrganizationName") or "") for e in books]
    return list(dict.fromkeys(name for name in names if name))


def _chinese_cited(element: Element) -> CitedDocument:
    identity = next(element.iter("DocumentID"), None)
    category = re.sub("[^A-Z]", "", element_text(element, "Category") or "")[:4] or None
    return CitedDocument(
        _office(identity),
        element_text(identity, "DocNumber"),
        first_day(element_text(identity, "Date")),
        None,
        category,
    )


def _legal_status(root: Element) -> Iterator[Document]:
    """Read ``PatentLegalStatus`` elements: the publications of each application, and its events as ST.27 codes."""
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
    parts = [element_text(code, name) for name in (*_CODE, "EventIndicatorCode", "NationalEventCode")]
    happened, published = day(element_text(event, "EventDate")), day(element_text(event, "PublicationDate"))
    year = next((e.text for n in ("FeePaymentYearNumber", "LastRenewalYearNumber") for e in event.iter(n)), None)
    until = next((day(e.text) for e in event.iter("ExpiryDate")), None)
    countries = [t.text or "" for bag in event.iter("EffectiveCountryBag") for t in bag.iter()]
    state = next((text.strip() for text in countries if _COUNTRY.fullmatch(text.strip())), None)
    texts = [e.text for name in ("EventDescriptionText", "CommentText") for e in event.iter(name) if e.text]
    return Entry(
        day(element_text(event, "EffectiveDate")) or happened or published,
        published or happened,
        office,
        "st27",
        "-".join(part for part in parts if part) or None,
        tidy("; ".join(texts)) or None,
        " ".join(part for part in (state, year) if part) or until,
    )
