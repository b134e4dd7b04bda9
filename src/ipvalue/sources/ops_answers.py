"""What one answer of the EPO's Open Patent Services says; the mapping stands in :mod:`ipvalue.sources.ops`.

Names are without namespaces (:func:`~ipvalue.sources.reading.xml_documents.plain_names`). JSON answers are the same
tree written differently (``$`` for text, ``@`` for attributes) and are turned into it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from ipvalue.sources.joining.claim_sets import numbered_claims
from ipvalue.sources.joining.office_documents import Cited, Document, Entry, Wording

__all__ = ["documents", "element_of", "fault"]

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
