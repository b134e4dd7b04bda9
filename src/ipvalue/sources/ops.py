"""EPO Open Patent Services: saved XML and JSON answers of biblio, family, legal, claims, search and register."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.joining.office_documents import Cited, Document, Entry, Wording, book_tables, numbered_claims
from ipvalue.sources.reading.files import Input, Source, inputs
from ipvalue.sources.reading.json_records import records
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, parse, plain_names, split
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
        "citations": ("citing_id", "cited_id", "citing_date", "cited_date", "origin", "category"),
        "claims": ("patent_id", "claim_number", "text", "language", "publication_date"),
        "legal_events": ("patent_id", "effective_date", "announced_date", "office", "scheme", "code", "text", "detail"),
        "family_members": ("family_id", "jurisdiction", "kind", "publication_date", "patent_id"),
    },
)


def read_ops(*sources: Source, strict: bool = False) -> Book:
    """Read saved answers of the EPO's Open Patent Services as a book.

    Parameters
    ----------
    *sources : path or Input
        XML and JSON answers in any order, also packed, or folders of them. What several say of one application is
        joined: its bibliography, its family, its events, its claims.
    strict : bool, default False
        Raise on the first answer or row that is refused.

    Returns
    -------
    Book
        All applications that the answers name, with the members of families; ``book.select`` keeps those
        of interest. One without a filing date, as in plain search results, is refused as ``missing``; an
        error answer and one that holds nothing of this as ``unreadable``, with what it says.

    Raises
    ------
    SourceError
        If a file can't be read, or no answer holds any document.
    BookError
        With ``strict``, if anything is refused.

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
    patents.grant_date             that of the first publication whose kind is a grant's
    patents.family_id              family-id: the DOCDB simple family, also of members of an INPADOC family
    patents.ipc                    classifications-ipcr, else classification-ipc, else CPC
    patents.owners                 applicants, standardised (epodoc) names, else as printed; in the register the
                                   latest ones
    patents.n_inventors            inventors
    patents.npl_citations          citations with nplcit
    citations                      citation/patcit of all publications, each document once, from the first day on
    citations.origin               cited-by; an opponent is a third party
    citations.category             category, all letters
    claims                         fulltext-document claims, in English where they are there; dated as the same
                                   publication is elsewhere
    legal_events.code, scheme      legal/@code, inpadoc
    legal_events.announced_date    L007EP, the gazette
    legal_events.effective_date    L525EP effective date, else L518EP payment, else the gazette
    legal_events.office            L001EP
    legal_events.text              legal/@desc and L510EP
    legal_events.detail            L501EP state and L520EP year of fee, as in ``DE 9``
    legal_events of the register   ep-patent-status as STAA from its change-date on; term-of-grant
                                   lapsed-in-country as PG25, announced by the Bulletin of that number (a
                                   Wednesday)
    family_members                 publication-reference of what has a family-id and a date
    =============================  =================================================================================

    Not read: abstract, description, images; events and steps of the register in codes of its own (0009250, RFEE),
    which :mod:`ipvalue.law.events` does not know: the legal service has them in INPADOC codes.

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
                told = list(documents(answer))
                if not told:
                    raise UnreadableDocumentError(fault(answer) or "it holds no document of a patent")
                found += told
            except (UnreadableDocumentError, RecursionError) as error:
                where = f"{source.name}, answer {place}"
                rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, str(error)))
    if not found:
        first = rejects[0] if rejects else None
        told_why = f"; the first: {first.value}: {first.detail}" if first else ""
        raise SourceError(f"no answer of the Open Patent Services among the files holds a patent{told_why}")
    return assemble(book_tables(found), {"patents": rejects}, strict=strict)


def _answers(source: Input) -> Iterator[Element | str]:
    """The trees of a file's answers, and of those that can't be read what is wrong."""
    if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        for record in records(source):
            value = record.value if isinstance(record.value, dict) else {}
            key = next((key for key in value if key.rpartition(":")[2] in (_ROOT, "fault")), "")
            yield record.problem or (element_of(key, value[key]) if key else f"it has no key ops:{_ROOT}")
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
# what a number of the EPO Bulletin says: a Wednesday
_BULLETIN = re.compile(r"(\d{4})/(\d\d?)")


def element_of(name: str, value: Any) -> Element:
    """Turn a JSON answer into its tree.

    Examples
    --------
    >>> element_of("a", {"@b": "1", "ops:c": [{"$": "x"}, {"$": "y"}]}).findall("c")[1].text
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
            element.extend(element_of(key, one) for one in (child if isinstance(child, list) else [child]))
    return element


def fault(root: Element) -> str:
    """What an error answer says; empty where the answer is none."""
    if root.tag not in ("fault", "error"):
        return ""
    return " ".join(filter(None, (_text(root, "code"), _text(root, "message"), _text(root, "description"))))


def documents(root: Element) -> Iterator[Document]:
    """Read an answer: biblio, family, legal, claims, search, or the register.

    Parameters
    ----------
    root : Element

    Yields
    ------
    Document
    """
    for element in root.iter():
        if element.tag == "exchange-document":
            yield _exchange_document(element)
        elif element.tag == "family-member":
            yield _family_member(element)
        elif element.tag == "fulltext-document":
            yield _full_text(element)
        elif element.tag == "register-search":
            for entry in element.iter("register-document"):
                yield from _register(entry, _text(element, "query") or "")
        elif element.tag == "search-result":
            for reference in element.findall("publication-reference"):
                yield _named(reference, reference.get("family-id"))


def _text(element: Element, path: str) -> str | None:
    return " ".join((element.findtext(path) or "").split()) or None


def _day(text: str | None) -> str | None:
    """ISO form; a day that the EPO does not know (00010101) is none."""
    found = _DAY.match(text or "")
    if found is None or found[1] == "0001":
        return None if found or not text else text
    return "-".join(found.groups())


def _ids(reference: Element | None) -> dict[str, Element]:
    """Forms of a number, by their type; in the order in which they stand."""
    ids = reference.findall("document-id") if reference is not None else []
    return {element.get("document-id-type") or "docdb": element for element in reversed(ids)}


def _number(reference: Element | None) -> tuple[str | None, str | None, str | None]:
    """Office, number and kind: as DOCDB says them, else out of the one number of EPODOC."""
    ids = _ids(reference)
    if (docdb := ids.get("docdb")) is not None and docdb.findtext("country"):
        return _text(docdb, "country"), _text(docdb, "doc-number"), _text(docdb, "kind")
    found = _EPODOC.match(_text(ids["epodoc"], "doc-number") or "") if "epodoc" in ids else None
    return (found[1], found[2], None) if found else (None, None, None)


def _reference_day(reference: Element | None) -> str | None:
    return next((day for element in _ids(reference).values() if (day := _day(_text(element, "date")))), None)


def _named(reference: Element | None, family: str | None = None) -> Document:
    office, number, kind = _number(reference)
    return Document(office, number, kind, published=_reference_day(reference), family=family)


def _filed(document: Document, reference: Element | None) -> None:
    office, number, _ = _number(reference)
    # register answers name the application without its type
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
        found = next((e for e in legal.iter() if e.tag == f"L{number}EP"), None)
        return " ".join((found.text or "").split()) or None if found is not None else None

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
    document = _named(head.find("publication-reference"), element.get("family-id"))
    if not document.number:
        document.office, document.number = element.get("country"), element.get("doc-number")
        document.kind = element.get("kind")
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
    """IPC symbols; CPC symbols where there are none."""
    places = ("classifications-ipcr/classification-ipcr/text", "classification-ipc/text")
    texts = next((found for place in places if (found := head.findall(place))), [])
    symbols = [f"{s} {g}/{t}" for text in texts for s, g, t in _IPC.findall(text.text or "")]
    return list(dict.fromkeys(symbols)) or _cpc(head)


def _cpc(head: Element) -> list[str]:
    symbols = []
    for element in head.iterfind("patent-classifications/patent-classification"):
        scheme = element.find("classification-scheme")
        parts = [_text(element, n) for n in ("section", "class", "subclass", "main-group", "subgroup")]
        if scheme is not None and (scheme.get("scheme") or "").startswith("CPC") and all(parts):
            symbols.append(f"{parts[0]}{parts[1]}{parts[2]} {parts[3]}/{parts[4]}")
    return list(dict.fromkeys(symbols))


def _names(head: Element, parties: str, name: str) -> list[str]:
    """Standardised names, else names as printed; the country in brackets is not part of a name."""
    for form in ("epodoc", "original"):
        found = [_text(p, name) for p in head.iterfind(parties) if p.get("data-format") == form]
        plain = [_COUNTRY.sub("", text).rstrip(", ") for text in found if text]
        if plain:
            return list(dict.fromkeys(plain))
    return []


def _cited(citation: Element) -> Cited:
    reference = citation.find("patcit")
    office, number, _ = _number(reference)
    letters = "".join(dict.fromkeys("".join(e.text or "" for e in citation.iterfind("category") if e.text)))
    category = "".join(letter for letter in letters.upper() if letter.isalpha())[:4] or None
    origin = _ORIGINS.get((citation.get("cited-by") or "").lower())
    return Cited(office, number, _reference_day(reference), origin, category)


def _full_text(element: Element) -> Document:
    document = _named(element.find("bibliographic-data/publication-reference"))
    if not document.number:
        document.office, document.number = element.get("country"), element.get("doc-number")
        document.kind = element.get("kind")
    sets = {(claims.get("lang") or "").lower(): claims for claims in element.findall("claims")}
    if sets:
        language = min(sets, key=lambda x: (_LANGUAGES.index(x) if x in _LANGUAGES else len(_LANGUAGES), x))
        document.claims = _wordings(sets[language])
        document.language = language if len(language) == 2 else None
    return document


def _wordings(claims: Element) -> list[Wording]:
    """The claims of a set; the service gives them all as texts of one claim, or even as one text."""
    texts = [
        ["".join(t.itertext()).strip() for t in claim.iterfind("claim-text")] for claim in claims.iterfind("claim")
    ]
    if len(texts) == 1 and len(texts[0]) == 1:
        return [Wording(str(c.number), c.text) for c in numbered_claims(texts[0][0])]
    if len(texts) == 1:
        numbered = any(_NUMBERED.match(text) for text in texts[0])
        parts: list[list[str]] = []
        for text in texts[0]:
            if not parts or not numbered or _NUMBERED.match(text):
                parts.append([])
            parts[-1].append(text)
        texts = parts
    plain = [" ".join(" ".join(parts).split()) for parts in texts]
    return [Wording(str(place), _NUMBERED.sub("", text, 1).strip()) for place, text in enumerate(plain, 1) if text]


def _register(element: Element, query: str) -> Iterator[Document]:
    head = element.find("bibliographic-data")
    if head is None:
        # answers of events and steps name their patent in the query alone
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
    """Changes of the status, as INPADOC code STAA has them."""
    entries = []
    for status in element.iterfind("ep-patent-statuses/ep-patent-status"):
        day = _day(status.get("change-date"))
        entries.append(Entry(day, day, "EP", "inpadoc", "STAA", " ".join((status.text or "").split()), None))
    return entries


def _lapses(head: Element) -> list[Entry]:
    """Lapses in contracting states, each as announced first; the Bulletin appears on Wednesdays."""
    announced: dict[tuple[str, str], str | None] = {}
    for term in head.iterfind("term-of-grant"):
        number = _BULLETIN.fullmatch(term.get("change-gazette-num") or "")
        day = _day(term.get("change-date"))
        if number is not None and 1 <= int(number[2]) <= 53:
            day = _wednesday(int(number[1]), int(number[2])) or day
        for lapse in term.iterfind("lapsed-in-country"):
            state, since = _text(lapse, "country"), _day(_text(lapse, "date"))
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
