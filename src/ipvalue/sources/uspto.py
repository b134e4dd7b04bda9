"""USPTO grant full text: the weekly files ``ipg*.xml``, formats v4.0 (2005) to v4.5.

Dates become ISO text. A date that is not of the form YYYYMMDD is returned unchanged, so that the book rejects it.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.office_documents import CLAIMS
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.json_records import table_of_records
from ipvalue.sources.reading.mapping import documented
from ipvalue.sources.reading.rejects import Reject, reject_rows
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, element_text, parse, split, symbol_of
from ipvalue.sources.registry import Format

__all__ = ["read_uspto_grants"]

_ROOT = "us-patent-grant"
_SEQUENCES = "sequence-cwu"
_GRANTS_AT_ONCE = 1_000

_TEXT, _LIST = pa.string(), pa.list_(pa.string())
_COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "patents": {
        **dict.fromkeys(("patent_id", "jurisdiction", "right", "kind", "application_date", "priority_date"), _TEXT),
        **dict.fromkeys(("parent_filing_date", "publication_date", "grant_date"), _TEXT),
        **dict.fromkeys(("ipc", "owners"), _LIST),
        **dict.fromkeys(("n_inventors", "npl_citations"), pa.int32()),
        **dict.fromkeys(("n_claims", "term_adjustment_days"), _TEXT),
    },
    "citations": dict.fromkeys(("citing_id", "cited_id", "citing_date", "cited_date", "cited_ipc", "origin"), _TEXT),
    "claims": {**dict.fromkeys(CLAIMS, _TEXT), "independent": pa.bool_()},
}
FORMAT = Format(
    "uspto_grants",
    "USPTO grant full text (us-patent-grant XML)",
    "read_uspto_grants",
    roots=(_ROOT,),
    fills={name: tuple(columns) for name, columns in _COLUMNS.items()},
)


@documented()
def read_uspto_grants(*paths: str | os.PathLike[str], strict: bool = False) -> Book:
    """Read USPTO grant full-text XML as a book of patents, citations and claims.

    Parameters
    ----------
    *paths : path
        Files of ``us-patent-grant`` documents (``ipg*.xml``), their archives, or folders of them. Sequence listings
        between the documents (``sequence-cwu``) are skipped.
    {strict}

    Returns
    -------
    Book
        A document that cannot be read is in ``rejects`` (table patents, code ``unreadable``). Its row is its number
        among all grant documents, and its value names the file.

    {raises}

    Notes
    -----
    Paths start at ``us-bibliographic-data-grant``, or at the document if they begin with ``/``:

    =================================  =============================================================================
    column                             element
    =================================  =============================================================================
    patents.patent_id                  publication-reference: country and doc-number, without kind
    patents.jurisdiction               publication-reference: country
    patents.kind                       publication-reference: kind
    patents.grant_date                 publication-reference: date
    patents.right                      application-reference/@appl-type: utility and reissue are inventions, design,
                                       plant; another type (``sir``, a statutory invention registration, is not a
                                       right to exclude: 35 USC 157 as in force to 2013) is rejected by the book
    patents.application_date           application-reference: date; for a national phase this is the international
                                       filing date, from which the term runs (35 USC 363)
    patents.parent_filing_date         earliest us-related-documents parent of a continuation, division,
                                       continuation-in-part (35 USC 154(a)(2)) or reissue (35 USC 251); never a
                                       provisional, nor a substitution, which has no benefit of the earlier date
    patents.priority_date              earliest of priority-claims, provisionals and those parents
    patents.publication_date           earliest of related-publication, pct-or-regional-publishing-data and grant
    patents.ipc                        classifications-ipcr, or classification-ipc (``A45F  504`` is A45F 5/04);
                                       classifications-cpc if there is neither; Locarno classes are not read
    patents.owners                     assignees, else applicants, else inventors, at the day of grant: later
                                       assignments are not in this source
    patents.n_inventors                inventors and applicant-inventors, distinct names
    patents.npl_citations              references with nplcit
    patents.n_claims                   number-of-claims
    patents.term_adjustment_days       us-term-of-grant/us-term-extension
    citations.cited_id                 patcit: country and doc-number, without kind
    citations.citing_date              grant date
    citations.cited_date               patcit: date; an unknown day (00) is read as the first of the month
    citations.cited_ipc                classification-cpc-text or classification-ipc of the reference
    citations.origin                   category: by examiner; by applicant or other (what the examiner did not cite
                                       came from the applicant, Alcacer et al. 2009); by third party
    claims.claim_number                /claims/claim/@num
    claims.text, claims.language       /claims/claim, /@lang
    claims.publication_date            grant date
    claims.independent                 the claim contains no claim-ref
    =================================  =============================================================================

    A parent or priority after the filing date, or a publication before it (a reissue names that of its original), is
    ignored. Terminal disclaimers have no date in this source, so disclaimer_date is empty, and the term of such a
    patent is an upper bound. Register events (maintenance fees, assignments) are other sources. Without them, the
    status after grant depends on dates alone. The description is not read, so errors in it are not noticed.

    References
    ----------
    USPTO, Patent Grant Full Text Data, us-patent-grant DTD v4.0 (2004-12-02) to v4.5 (2014-04-03).
    Alcacer, J., Gittelman, M. and Sampat, B. (2009), Applicant and examiner citations in U.S. patents,
    Research Policy 38, 415-427. 35 USC 120, 121, 154, 251, 363; MPEP 201.09 (substitutes).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "ipg.xml"
    >>> _ = path.write_text(
    ...     '<?xml version="1.0"?><us-patent-grant><us-bibliographic-data-grant><publication-reference><document-id>'
    ...     '<country>US</country><doc-number>06836899</doc-number><kind>B1</kind><date>20050104</date></document-id>'
    ...     '</publication-reference><application-reference appl-type="utility"><document-id><date>20030109</date>'
    ...     '</document-id></application-reference></us-bibliographic-data-grant></us-patent-grant>'
    ...     '<?xml version="1.0"?><us-patent-grant><us-biblio')
    >>> book = read_uspto_grants(path)
    >>> book.patent_ids, book.rejects["code"].tolist()
    (['US-6836899'], ['unreadable'])
    """
    rejects: list[Reject] = []
    found = inputs(*paths, suffixes=(".xml",))
    parts = [_tables(batch) for batch in _batches(_grants(found, rejects))] or [_tables([])]
    tables = {name: pa.concat_tables([part[name] for part in parts]) for name in parts[0]}
    return Book(**tables, strict=strict, refused=reject_rows("patents", rejects))


def _grants(found: list[Input], rejects: list[Reject]) -> Iterator[Grant]:
    """The grants of all files. Documents that cannot be read are added to the rejects."""
    row = 0
    for source in found:
        first_row = row
        others = []
        for place, document in enumerate(split(source), 1):
            if document.root == _SEQUENCES:
                continue
            try:
                if document.root != _ROOT:
                    others.append(document.root)
                    raise UnreadableDocumentError(f"its root is {document.root or 'missing'}, not {_ROOT}")
                yield _read_grant(parse(document, without="description"))
            except UnreadableDocumentError as error:
                where = f"{source.name}, document {place}"
                rejects.append(Reject(row, "patent_id", where, Reason.UNREADABLE, str(error)))
            row += 1
        if row - first_row == len(others):
            raise SourceError(f"{source.place} contains no {_ROOT}; the roots of its documents are {others[:3]}")


def _batches(grants: Iterator[Grant]) -> Iterator[list[Grant]]:
    while batch := list(itertools.islice(grants, _GRANTS_AT_ONCE)):
        yield batch


def _tables(grants: list[Grant]) -> dict[str, pa.Table]:
    """Tables of some grants, as text that the book converts."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _COLUMNS}
    names = document_ids([g.patent["jurisdiction"] for g in grants], [g.number for g in grants])
    for grant, name in zip(grants, names):
        granted = grant.patent["grant_date"]
        rows["patents"].append({"patent_id": name, **grant.patent})
        rows["citations"] += [{"citing_id": name, "citing_date": granted, **row} for row in grant.citations]
        shared = {"patent_id": name, "publication_date": granted, "language": grant.language}
        rows["claims"] += [{**shared, **row} for row in grant.claims]
    cited = rows["citations"]
    for row, name in zip(cited, document_ids([row["office"] for row in cited], [row["number"] for row in cited])):
        row["cited_id"] = name
    return {name: table_of_records(rows[name], columns) for name, columns in _COLUMNS.items()}


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
# IPC up to its 7th edition: subclass, main group in three columns, subgroup with or without a slash
_OLD_FORM = re.compile(r"([A-H]\d\d[A-Z])([ \d]{2}\d)/?(\d{2,})")


class Grant(NamedTuple):
    """One grant document; its rows are without identifiers."""

    number: str
    patent: dict[str, Any]
    citations: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    language: str | None


def _read_grant(root: Element) -> Grant:
    """Read one document; ``UnreadableDocumentError`` if it has no bibliographic data or no patent number."""
    head = root.find(_BIBLIOGRAPHY)
    if head is None:
        raise UnreadableDocumentError(f"it has no {_BIBLIOGRAPHY}")
    number = element_text(head, "publication-reference/document-id/doc-number")
    if not number:
        raise UnreadableDocumentError("it has no patent number")
    cited = [*head.iterfind("references-cited/citation"), *head.iterfind("us-references-cited/us-citation")]
    try:
        return Grant(
            number,
            _patent(head, sum(c.find("nplcit") is not None for c in cited)),
            [_citation(c) for c in cited if c.find("patcit") is not None],
            [_claim(place, claim) for place, claim in enumerate(root.iterfind("claims/claim"), 1)],
            (root.get("lang") or "").lower() or None,
        )
    except RecursionError as error:
        raise UnreadableDocumentError("its elements are nested too deeply") from error


def _date(text: str | None) -> str | None:
    found = _DAY.fullmatch(text or "")
    return "-".join(found.groups()) if found else text


def _month(text: str | None) -> str | None:
    """The date of a cited document. An unknown day is read as the first of the month, an unknown month as January."""
    found = _DAY.fullmatch(text or "")
    if found is None:
        return text
    year, month, day = found.groups()
    return f"{year}-{month if month != '00' else '01'}-{day if day != '00' else '01'}"


def _patent(head: Element, npl_citations: int) -> dict[str, Any]:
    application = head.find("application-reference")
    filed = _date(element_text(head, "application-reference/document-id/date"))
    granted = _date(element_text(head, "publication-reference/document-id/date"))
    kind_of_application = application.get("appl-type", "") if application is not None else ""
    related = head.find("us-related-documents")
    parents = _parent_dates(related) if related is not None else []
    return {
        "jurisdiction": element_text(head, "publication-reference/document-id/country"),
        "kind": element_text(head, "publication-reference/document-id/kind"),
        "right": _RIGHTS.get(kind_of_application, kind_of_application) or None,
        "application_date": filed,
        "priority_date": _earliest([*parents, *_priority_dates(head)], until=filed),
        "parent_filing_date": _earliest(parents, until=filed),
        "publication_date": _earliest([*_publication_dates(head), granted], since=filed),
        "grant_date": granted,
        "ipc": _classes(head),
        "owners": _owners(head),
        "n_inventors": _count_inventors(head),
        "npl_citations": npl_citations,
        "n_claims": element_text(head, "number-of-claims"),
        "term_adjustment_days": element_text(head, "us-term-of-grant/us-term-extension"),
    }


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
    """The earliest date within bounds. ISO dates sort as text."""
    fit = [d for d in dates if d and len(d) == 10 and (since or "") <= d <= (until or "9999")]
    return min(fit, default=None)


def _classes(head: Element) -> list[str]:
    """IPC symbols, the leading one first; CPC symbols if the document has none."""
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
    parts = (element_text(element, name) or "" for name in ("section", "class", "subclass"))
    return symbol_of(element) or "".join(parts)


def _old_symbol(text: str) -> str:
    """``'A45F  504'`` as ``'A45F 5/04'``; other forms are returned as printed."""
    found = _OLD_FORM.fullmatch(text.strip())
    return f"{found[1]} {int(found[2])}/{found[3]}" if found else " ".join(text.split())


def _owners(head: Element) -> list[str]:
    """Names of the assignees, or else of the applicants, or else of the inventors."""
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
    """The name of an organisation or a person. Older documents have no element ``addressbook``."""
    book = party.find("addressbook")
    book = party if book is None else book
    person = " ".join(part for part in (element_text(book, "first-name"), element_text(book, "last-name")) if part)
    return element_text(book, "orgname") or person or None


def _inventors(head: Element) -> Iterator[Element]:
    for place in ("parties/applicants/applicant", "us-parties/us-applicants/us-applicant"):
        yield from (party for party in head.iterfind(place) if party.get("app-type") == "applicant-inventor")
    yield from head.iterfind("parties/inventors/inventor")
    yield from head.iterfind("us-parties/inventors/inventor")


def _count_inventors(head: Element) -> int | None:
    """Number of distinct names, because a document may list an inventor as an applicant too."""
    names = {_name(party) for party in _inventors(head)} - {None}
    return len(names) or None


def _citation(citation: Element) -> dict[str, Any]:
    printed = citation.findtext("classification-ipc/main-classification") or ""
    return {
        "office": element_text(citation, "patcit/document-id/country"),
        "number": element_text(citation, "patcit/document-id/doc-number"),
        "cited_date": _month(element_text(citation, "patcit/document-id/date")),
        "cited_ipc": element_text(citation, "classification-cpc-text") or _old_symbol(printed) or None,
        "origin": _ORIGINS.get(element_text(citation, "category") or ""),
    }


def _claim(place: int, claim: Element) -> dict[str, Any]:
    number, independent = claim.get("num") or str(place), claim.find(".//claim-ref") is None
    return {"claim_number": number, "text": _wording(claim), "independent": independent}


def _wording(claim: Element) -> str:
    """The text of a claim. Its parts are separated by a space, but formatting within a word is not."""
    for part in claim.iter("claim-text"):
        part.text, part.tail = f" {part.text or ''}", f" {part.tail or ''}"
    return " ".join("".join(claim.itertext()).split())
