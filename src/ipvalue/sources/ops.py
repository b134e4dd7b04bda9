"""EPO Open Patent Services (OPS): saved XML and JSON answers on bibliography, families, events, claims and register.

JSON answers are the same tree as XML ones (``$`` is text, ``@`` an attribute), so they are converted to it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from ipvalue.errors import Reason
from ipvalue.records.book import Book
from ipvalue.sources.joining.office_documents import (
    CITATIONS,
    CLAIMS,
    FAMILY_MEMBERS,
    LEGAL_EVENTS,
    CitedDocument,
    ClaimText,
    Document,
    Entry,
    book_of_documents,
    numbered_claims,
)
from ipvalue.sources.reading.files import Input, Source, inputs
from ipvalue.sources.reading.json_records import is_json, records
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

__all__ = ["FORMAT", "read_ops"]

_ROOT = "world-patent-data"

FORMAT = Format(
    "ops",
    "EPO Open Patent Services answers",
    "read_ops",
    roots=(_ROOT,),
    keys=("ops:world-patent-data",),
    fills={
        "patents": (
            *("patent_id", "jurisdiction", "kind", "application_date", "priority_date", "publication_date"),
            *("grant_date", "family_id", "ipc", "owners", "n_inventors", "npl_citations"),
        ),
        "citations": CITATIONS,
        "claims": CLAIMS,
        "legal_events": LEGAL_EVENTS,
        "family_members": FAMILY_MEMBERS,
    },
)


@documented()
def read_ops(*sources: Source, strict: bool = False) -> Book:
    """Read saved answers of the EPO's Open Patent Services as a book.

    Parameters
    ----------
    *sources : path or Input
        XML and JSON answers, archives or folders of them, in any order. Answers about one application are joined:
        its bibliography, family, events and claims.
    {strict}

    Returns
    -------
    Book
        All applications in the answers, including members of families. Select those of interest with ``book.select``.
        An application without a filing date, as in plain search results, is rejected as ``missing``. An error answer,
        or one without any patent, is rejected as ``unreadable``, with its message.

    {raises}

    Notes
    -----
    =============================  =================================================================================
    column                         element
    =============================  =================================================================================
    patents.patent_id              publication-reference of the grant, else of the first publication: DOCDB country
                                   and doc-number, else EPODOC; without kind
    patents.application_date       application-reference: date in any of its forms
    patents.priority_date          earliest priority-claim
    patents.publication_date       earliest publication-reference: date
    patents.grant_date             date of the first publication whose kind code is that of a grant
    patents.family_id              family-id: the DOCDB simple family, also for members of an INPADOC family
    patents.ipc                    classifications-ipcr, else classification-ipc, else CPC
    patents.owners                 applicants, standardised (epodoc) names, else as printed; in the register the
                                   latest ones
    patents.n_inventors            inventors
    patents.npl_citations          citations with nplcit
    citations                      citation/patcit of all publications; each document once, with its first date
    citations.origin               cited-by; an opponent is a third party
    citations.category             category, all letters
    claims                         claims of fulltext-document, in English if available; the date is that of the
                                   same publication in other answers
    legal_events.code, scheme      legal/@code, inpadoc
    legal_events.announced_date    L007EP, the gazette
    legal_events.effective_date    L525EP effective date, else L518EP payment, else the gazette
    legal_events.office            L001EP
    legal_events.text              legal/@desc and L510EP
    legal_events.detail            L501EP state and L520EP year of fee, as in ``DE 9``
    legal_events of the register   ep-patent-status as code STAA on its change-date; lapsed-in-country of
                                   term-of-grant as PG25, announced in the Bulletin of that number (a Wednesday)
    family_members                 publication-reference with a family-id and a date
    =============================  =================================================================================

    Abstracts, descriptions and images are not read. Events and procedural steps of the register are not read either,
    because they have other codes (0009250, RFEE). The legal service has the same events in INPADOC codes.

    References
    ----------
    EPO, Open Patent Services (OPS) v3.2, reference guide; EPO, INPADOC legal event data.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "family.xml"
    >>> _ = path.write_text(
    ...     '<ops:world-patent-data xmlns:ops="http://ops.epo.org" xmlns="http://www.epo.org/exchange">'
    ...     '<ops:family-member family-id="43088294"><publication-reference><document-id document-id-type="docdb">'
    ...     '<country>EP</country><doc-number>2400812</doc-number><kind>B1</kind><date>20191127</date></document-id>'
    ...     '</publication-reference><application-reference><document-id document-id-type="docdb"><country>EP</country>'
    ...     '<doc-number>10167109</doc-number><date>20100624</date></document-id></application-reference>'
    ...     '</ops:family-member></ops:world-patent-data>')
    >>> read_ops(path)["patents"].select(["patent_id", "grant_date", "family_id"]).to_pylist()
    [{'patent_id': 'EP-2400812', 'grant_date': datetime.date(2019, 11, 27), 'family_id': '43088294'}]
    """
    found: list[Document] = []
    rejects: list[Reject] = []
    for source in inputs(*sources, suffixes=(".xml", ".json")):
        for place, answer in enumerate(_answers(source), 1):
            try:
                if isinstance(answer, str):
                    raise UnreadableDocumentError(answer)
                described = list(_documents(answer))
                if not described:
                    raise UnreadableDocumentError(_fault(answer) or "it contains no document of a patent")
                found += described
            except (UnreadableDocumentError, RecursionError) as error:
                where = f"{source.name}, answer {place}"
                rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, str(error)))
    nothing = "no file contains an answer of the Open Patent Services about a patent"
    return book_of_documents(found, rejects, nothing, strict=strict)


def _answers(source: Input) -> Iterator[Element | str]:
    """The answers of a file as trees; for an answer that cannot be read, the error message."""
    if is_json(source):
        for record in records(source):
            value = record.value if isinstance(record.value, dict) else {}
            key = next((key for key in value if key.rpartition(":")[2] in (_ROOT, "fault")), "")
            yield record.problem or (_element_of(key, value[key]) if key else f"it has no key ops:{_ROOT}")
        return
    for document in split(source):
        try:
            root = plain_names(parse(document))
            yield root if root.tag in (_ROOT, "fault", "error") else f"its root is {root.tag}, not {_ROOT}"
        except UnreadableDocumentError as error:
            yield str(error)


_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_IPC = re.compile(r"([A-H]\d\d[A-Z])\s*(\d{1,4})\s*/\s*(\d{2,6})")
_COUNTRY = re.compile(r"\s*\[[A-Z]{2}\]\s*$")
_EPODOC = re.compile(r"([A-Z]{2})(.+)")
_NUMBERED = re.compile(r"\s*\d+\s*[.)]")
_ORIGINS = {"examiner": "examiner", "applicant": "applicant", "opponent": "third_party", "third party": "third_party"}
_LANGUAGES = ("en", "zh", "ja")
_QUERY = re.compile(r"publication\s*=\s*\W?(EP)\W?(\d+)")
# number of the EPO Bulletin, which appears every Wednesday
_BULLETIN = re.compile(r"(\d{4})/(\d\d?)")


def _element_of(name: str, value: Any) -> Element:
    """Convert a JSON answer to a tree.

    Examples
    --------
    >>> _element_of("a", {"@b": "1", "ops:c": [{"$": "x"}, {"$": "y"}]}).findall("c")[1].text
    'y'
    """
    element = Element(name.rpartition(":")[2])
    if not isinstance(value, dict):
        element.text = None if value is None else str(value)
        return element
    for key, child in value.items():
        if key == "$":
            element.text = str(child)
        elif key.startswith("@"):
            element.set(key[1:].rpartition(":")[2], str(child))
        else:
            element.extend(_element_of(key, one) for one in (child if isinstance(child, list) else [child]))
    return element


def _fault(root: Element) -> str:
    """The message of an error answer; empty if the answer is not an error."""
    if root.tag not in ("fault", "error"):
        return ""
    return " ".join(
        filter(None, (element_text(root, "code"), element_text(root, "message"), element_text(root, "description")))
    )


def _documents(root: Element) -> Iterator[Document]:
    """The publications in an answer of any service."""
    for element in root.iter():
        if element.tag == "exchange-document":
            yield _exchange_document(element)
        elif element.tag == "family-member":
            yield _family_member(element)
        elif element.tag == "fulltext-document":
            yield _full_text(element)
        elif element.tag == "register-search":
            for entry in element.iter("register-document"):
                yield from _register(entry, element_text(element, "query") or "")
        elif element.tag == "search-result":
            for reference in element.findall("publication-reference"):
                yield _named(reference, reference.get("family-id"))


def _day(text: str | None) -> str | None:
    """A date in ISO form; None if the EPO does not know it (00010101)."""
    found = _DAY.match(text or "")
    if found is None or found[1] == "0001":
        return None if found or not text else text
    return "-".join(found.groups())


def _ids(reference: Element | None) -> dict[str, Element]:
    """The forms of a number by type, the last one first."""
    ids = reference.findall("document-id") if reference is not None else []
    return {element.get("document-id-type") or "docdb": element for element in reversed(ids)}


def _number(reference: Element | None) -> tuple[str | None, str | None, str | None]:
    """Office, number and kind, from the DOCDB form or else from the combined number of the EPODOC form."""
    ids = _ids(reference)
    if (docdb := ids.get("docdb")) is not None and docdb.findtext("country"):
        return element_text(docdb, "country"), element_text(docdb, "doc-number"), element_text(docdb, "kind")
    found = _EPODOC.match(element_text(ids["epodoc"], "doc-number") or "") if "epodoc" in ids else None
    return (found[1], found[2], None) if found else (None, None, None)


def _reference_day(reference: Element | None) -> str | None:
    return next((day for element in _ids(reference).values() if (day := _day(element_text(element, "date")))), None)


def _named(reference: Element | None, family: str | None = None) -> Document:
    office, number, kind = _number(reference)
    return Document(office, number, kind, published=_reference_day(reference), family=family)


def _numbered(element: Element, reference: Element | None) -> Document:
    """The publication of a reference, or else of the attributes of an element."""
    document = _named(reference, element.get("family-id"))
    if not document.number:
        document.office, document.number = element.get("country"), element.get("doc-number")
        document.kind = element.get("kind")
    return document


def _filed(document: Document, reference: Element | None) -> None:
    office, number, _ = _number(reference)
    # register answers give the application without its type
    document.application = f"{office}{number}" if office and number else ""
    document.filed = _reference_day(reference)


def _family_member(element: Element) -> Document:
    document = _named(element.find("publication-reference"), element.get("family-id"))
    _filed(document, element.find("application-reference"))
    document.priorities = [day for claim in element.findall("priority-claim") if (day := _reference_day(claim))]
    document.entries = [_entry(legal) for legal in element.findall("legal")]
    return document


def _entry(legal: Element) -> Entry:
    def value(number: str) -> str | None:
        return next((" ".join((e.text or "").split()) or None for e in legal.iter(f"L{number}EP")), None)

    gazette = _day(value("007"))
    country, year = value("501"), value("520")
    effective = _day(value("525")) or _day(value("518")) or gazette
    described = " ".join((legal.get("desc") or "").split()) or None
    return Entry(
        effective,
        gazette,
        value("001"),
        "inpadoc",
        (legal.get("code") or value("008") or "").strip() or None,
        "; ".join(filter(None, (described, value("510")))) or None,
        " ".join(filter(None, (country, year))) or None,
    )


def _exchange_document(element: Element) -> Document:
    head = element.find("bibliographic-data")
    head = element if head is None else head
    document = _numbered(element, head.find("publication-reference"))
    _filed(document, head.find("application-reference"))
    document.priorities = [day for c in head.iterfind("priority-claims/priority-claim") if (day := _reference_day(c))]
    document.ipc = _classes(head)
    document.owners = _names(head, "parties/applicants/applicant", "applicant-name/name")
    document.n_inventors = len(_names(head, "parties/inventors/inventor", "inventor-name/name")) or None
    cited = head.findall("references-cited/citation")
    document.citations = [_cited(c) for c in cited if c.find("patcit") is not None]
    document.npl = sum(c.find("nplcit") is not None for c in cited) if cited else None
    return document


def _classes(head: Element) -> list[str]:
    """IPC symbols; CPC symbols if there are none."""
    places = ("classifications-ipcr/classification-ipcr/text", "classification-ipc/text")
    texts = next((found for place in places if (found := head.findall(place))), [])
    symbols = [f"{s} {g}/{t}" for text in texts for s, g, t in _IPC.findall(text.text or "")]
    return list(dict.fromkeys(symbols)) or _cpc(head)


def _cpc(head: Element) -> list[str]:
    symbols: list[str | None] = []
    for element in head.iterfind("patent-classifications/patent-classification"):
        scheme = element.find("classification-scheme")
        if scheme is not None and (scheme.get("scheme") or "").startswith("CPC"):
            symbols.append(symbol_of(element))
    return list(dict.fromkeys(symbol for symbol in symbols if symbol))


def _names(head: Element, parties: str, name: str) -> list[str]:
    """Standardised names, else names as printed, without the country in brackets."""
    for form in ("epodoc", "original"):
        found = [element_text(p, name) for p in head.iterfind(parties) if p.get("data-format") == form]
        plain = [_COUNTRY.sub("", text).rstrip(", ") for text in found if text]
        if plain:
            return list(dict.fromkeys(plain))
    return []


def _cited(citation: Element) -> CitedDocument:
    reference = citation.find("patcit")
    office, number, _ = _number(reference)
    letters = "".join(dict.fromkeys("".join(e.text or "" for e in citation.iterfind("category") if e.text)))
    category = "".join(letter for letter in letters.upper() if letter.isalpha())[:4] or None
    origin = _ORIGINS.get((citation.get("cited-by") or "").lower())
    return CitedDocument(office, number, _reference_day(reference), origin, category)


def _full_text(element: Element) -> Document:
    document = _numbered(element, element.find("bibliographic-data/publication-reference"))
    sets = {(claims.get("lang") or "").lower(): claims for claims in element.findall("claims")}
    if sets:
        language = min(sets, key=lambda x: (_LANGUAGES.index(x) if x in _LANGUAGES else len(_LANGUAGES), x))
        document.claims = _wordings(sets[language])
        document.language = language if len(language) == 2 else None
    return document


def _wordings(claims: Element) -> list[ClaimText]:
    """The claims of a set. The service often returns them all as texts of one claim, or even as one text."""
    texts = [
        ["".join(t.itertext()).strip() for t in claim.iterfind("claim-text")] for claim in claims.iterfind("claim")
    ]
    if len(texts) == 1 and len(texts[0]) == 1:
        return numbered_claims(texts[0][0])
    if len(texts) == 1:
        numbered = any(_NUMBERED.match(text) for text in texts[0])
        parts: list[list[str]] = []
        for text in texts[0]:
            if not parts or not numbered or _NUMBERED.match(text):
                parts.append([])
            parts[-1].append(text)
        texts = parts
    plain = [" ".join(" ".join(parts).split()) for parts in texts]
    return [ClaimText(str(place), _NUMBERED.sub("", text, 1).strip()) for place, text in enumerate(plain, 1) if text]


def _register(element: Element, query: str) -> Iterator[Document]:
    head = element.find("bibliographic-data")
    if head is None:
        # answers on events and steps identify their patent only in the query
        named = _QUERY.search(query)
        if named is not None:
            yield Document(named[1], named[2], entries=_statuses(element))
        return
    references = head.findall("publication-reference")
    for place, reference in enumerate(references):
        document = _named(reference)
        _filed(document, head.find("application-reference"))
        priorities = head.iterfind("priority-claims/priority-claim/date")
        document.priorities = [day for e in priorities if (day := _day(e.text))]
        applicants = head.find("parties/applicants")
        names = applicants.iterfind("applicant/addressbook/name") if applicants is not None else ()
        document.owners = list(dict.fromkeys(" ".join((e.text or "").split()) for e in names if e.text))
        inventors = head.find("parties/inventors")
        document.n_inventors = len(inventors.findall("inventor")) or None if inventors is not None else None
        classes = head.find("classifications-ipcr")
        text = "".join(classes.itertext()) if classes is not None else ""
        document.ipc = list(dict.fromkeys(f"{s} {g}/{t}" for s, g, t in _IPC.findall(text)))
        if not place:
            document.entries = [*_statuses(element), *_lapses(head)]
        yield document


def _statuses(element: Element) -> list[Entry]:
    """Changes of the status, as the INPADOC code STAA."""
    entries = []
    for status in element.iterfind("ep-patent-statuses/ep-patent-status"):
        day = _day(status.get("change-date"))
        entries.append(Entry(day, day, "EP", "inpadoc", "STAA", " ".join((status.text or "").split()), None))
    return entries


def _lapses(head: Element) -> list[Entry]:
    """Lapses in contracting states, on their first announcement. The Bulletin appears on Wednesdays."""
    announced: dict[tuple[str, str], str | None] = {}
    for term in head.iterfind("term-of-grant"):
        number = _BULLETIN.fullmatch(term.get("change-gazette-num") or "")
        day = _day(term.get("change-date"))
        if number is not None and 1 <= int(number[2]) <= 53:
            day = _wednesday(int(number[1]), int(number[2])) or day
        for lapse in term.iterfind("lapsed-in-country"):
            state, since = element_text(lapse, "country"), _day(element_text(lapse, "date"))
            if state and since:
                before = announced.get((state, since))
                announced[state, since] = min(filter(None, (before, day)), default=None)
    return [
        Entry(since, day, "EP", "inpadoc", "PG25", "LAPSED IN A CONTRACTING STATE", state)
        for (state, since), day in announced.items()
    ]


def _wednesday(year: int, week: int) -> str | None:
    try:
        return datetime.date.fromisocalendar(year, week, 3).isoformat()
    except ValueError:
        return None
