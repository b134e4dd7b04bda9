"""What one document of WIPO ST.36 and its national dialects says (CN before 2015, JP, US); names without namespaces.

The mapping of elements to columns stands in :mod:`ipvalue.sources.wipo`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ipvalue.sources.joining.office_documents import Cited, Document, Wording

__all__ = ["day", "first_day", "read_st36", "tidy", "wordings"]

_DAY = re.compile(r"(\d{4})-?(\d\d)(?:-?(\d\d))?")
_IPC = re.compile(r"([A-H]\d\d[A-Z])\s*(\d{1,4})\s*/\s*(\d{2,6})")
# US documents up to the 7th edition: ``A45F  504``
_SET_IN_COLUMNS = re.compile(r"([A-H]\d\d[A-Z])([ \d]{2}\d)/?(\d{2,})")
_OLD_CLASSES = ("main-clsf", "further-clsf", "text", "main-classification", "further-classification")
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
    """A day in ISO form; what is no day as it stands, and no day at all (zeros) as none.

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
    """The day of a cited document: an unknown day is the month's first, an unknown month January.

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
    """Text with single blanks, and none between Chinese or Japanese characters, where lines were broken."""
    return _BETWEEN_GLYPHS.sub("", " ".join(text.split()))


def wordings(claims: list[tuple[str, Element]]) -> list[Wording]:
    """Claims by number, without the number that their text begins with."""
    found = []
    for number, element in claims:
        for part in element.iter():
            # parts of a claim stand apart, while formatting within a word does not cut it
            if part.tag.lower() in ("claim-text", "claimtext", "br"):
                part.text, part.tail = f" {part.text or ''}", f" {part.tail or ''}"
        text = tidy("".join(element.itertext()))
        begin = _NUMBER.match(text)
        plain = number.lstrip("0") or number
        found.append(Wording(plain, text[begin.end() :] if begin and begin[1] == plain else text))
    return found


def _text(element: Element | None, path: str) -> str | None:
    return " ".join((element.findtext(path) or "").split()) or None if element is not None else None


def read_st36(root: Element) -> Document | None:
    """Read one document.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        A document of one publication, such as ``cn-patent-document`` or ``jp-official-gazette``.

    Returns
    -------
    Document or None
        None where it has no bibliography.
    """
    head = next((child for child in root if "bibliographic-data" in child.tag), None)
    if head is None:
        return None
    published = _child(head, "publication-reference", "document-id")
    filed = _child(head, "application-reference", "document-id")
    office = _text(published, "country") or root.get("country") or head.get("country")
    number = _text(filed, "doc-number")
    reference = next((child for child in head if child.tag == "application-reference"), None)
    document = Document(
        office=office,
        number=_text(published, "doc-number"),
        kind=_kind(_text(published, "kind"), root),
        published=day(_text(published, "date")),
        application=f"{_text(filed, 'country') or office}{number}" if number else "",
        filed=day(_text(filed, "date")),
        right=_right(reference.get("appl-type") if reference is not None else None),
        ipc=_classes(head),
        owners=_owners(head),
        n_inventors=_inventors(head),
        n_claims=_text(head, "number-of-claims"),
        language=(root.get("lang") or head.get("lang") or "").lower()[:2] or None,
    )
    document.priorities = [d for e in head.iterfind("priority-claims//date") if (d := day(e.text))]
    _related(head, document)
    cited = [element for element in head.iter() if element.find("patcit") is not None]
    document.citations = [_cited(element) for element in cited]
    others = sum(1 for _ in head.iter("nplcit"))
    document.npl = others if cited or others else None
    document.claims = wordings(list(_claims(root)))
    return document


def _child(head: Element, *names: str) -> Element | None:
    """A descendant by its names, with or without the dialect's prefix (``cn-``)."""
    found: Element | None = head
    for name in names:
        children = list(found) if found is not None else []
        found = next((child for child in children if re.sub(r"^(cn|us|jp)-", "", child.tag) == name), None)
    return found


def _kind(printed: str | None, root: Element) -> str | None:
    """The kind code: as it stands, as ST.16 of the root, or in brackets behind its name."""
    if printed is None or _KIND.fullmatch(printed):
        return printed or root.get("kind-of-st16") or root.get("kind")
    found = _KIND_IN_BRACKETS.search(printed)
    return root.get("kind-of-st16") or (found[1] if found else printed)


def _right(printed: str | None) -> str | None:
    return next((right for word, right in _RIGHTS.items() if word in (printed or "").lower()), None)


def _related(head: Element, document: Document) -> None:
    """Parents of the term, provisionals and earlier publications of a US document."""
    related = head.find("us-related-documents")
    if related is None:
        return
    paths = [f"{name}/relation/parent-doc/document-id/date" for name in _TERM_RELATIONS]
    document.parents = [d for path in paths for e in related.iterfind(path) if (d := day(e.text))]
    document.earlier = [d for e in related.iterfind("related-publication/document-id/date") if (d := day(e.text))]
    provisional = related.iterfind("us-provisional-application/document-id/date")
    document.priorities += [d for e in provisional if (d := day(e.text))]


def _classes(head: Element) -> list[str]:
    """IPC symbols, the leading one first; CPC symbols where there are none."""
    symbols = [_symbol(e) for e in head.iterfind("classifications-ipcr/classification-ipcr")]
    old = head.find("classification-ipc")
    symbols += (
        [_printed(e.text) for e in old if e.tag in ("main-clsf", "further-clsf", "text")] if old is not None else []
    )
    symbols += (
        [_symbol(e) for e in head.iterfind("classifications-cpc//classification-cpc")] if not any(symbols) else []
    )
    return list(dict.fromkeys(symbol for symbol in symbols if symbol))


def _symbol(element: Element) -> str:
    parts = [_text(element, name) or "" for name in ("section", "class", "subclass", "main-group", "subgroup")]
    return f"{''.join(parts[:3])} {parts[3]}/{parts[4]}" if all(parts) else _printed(element.findtext("text"))


def _printed(text: str | None) -> str:
    found = _IPC.search(text or "") or _SET_IN_COLUMNS.match((text or "").strip())
    return f"{found[1]} {int(found[2])}/{found[3]}" if found else ""


def _name(party: Element) -> str | None:
    book = party.find("addressbook")
    book = party if book is None else book
    person = " ".join(part for part in (_text(book, "first-name"), _text(book, "last-name")) if part)
    return tidy(_text(book, "orgname") or _text(book, "name") or person) or None


def _owners(head: Element) -> list[str]:
    """Assignees, else applicants."""
    for tags in (("assignee", "cn-assignee", "cn-patentee"), _APPLICANTS):
        names = [name for e in head.iter() if e.tag in tags and (name := _name(e))]
        if names:
            return list(dict.fromkeys(names))
    return []


def _inventors(head: Element) -> int | None:
    """Distinct names of inventors, and of applicants who are."""
    own = [e for e in head.iter() if e.tag in _APPLICANTS and e.get("app-type") == "applicant-inventor"]
    names = {_name(e) for e in [*own, *(e for e in head.iter() if e.tag in ("inventor", "cn-inventor"))]} - {None}
    return len(names) or None


def _cited(element: Element) -> Cited:
    reference = element.find("patcit/document-id")
    category = "".join(dict.fromkeys(re.sub("[^A-Z]", "", element.findtext("category") or "")))
    said = (element.get("cited-by") or element.findtext("category") or "").lower().removeprefix("cited by ")
    return Cited(
        _text(reference, "country"),
        _text(reference, "doc-number"),
        first_day(_text(reference, "date")),
        _ORIGINS.get(said),
        category if 0 < len(category) <= 4 and said not in _ORIGINS else None,
    )


def _claims(root: Element) -> Iterator[tuple[str, Element]]:
    found = next(root.iter("claims"), None)
    for place, claim in enumerate(found.iterfind("claim") if found is not None else (), 1):
        yield claim.get("num") or str(place), claim
