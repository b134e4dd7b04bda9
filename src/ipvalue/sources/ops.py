"""EPO Open Patent Services: saved XML and JSON answers of biblio, family, legal, claims, search and register."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.joining.office_documents import Document, book_tables
from ipvalue.sources.ops_answers import documents, element_of, fault
from ipvalue.sources.reading.files import Input, Source, inputs
from ipvalue.sources.reading.json_documents import records
from ipvalue.sources.reading.refusals import Refusal
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
    refusals: list[Refusal] = []
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
                refusals.append(Refusal(len(refusals), "patent_id", where, Reason.UNREADABLE, str(error)))
    if not found:
        first = refusals[0] if refusals else None
        told_why = f"; the first: {first.value}: {first.detail}" if first else ""
        raise SourceError(f"no answer of the Open Patent Services among the files holds a patent{told_why}")
    return assemble(book_tables(found), {"patents": refusals}, strict=strict)


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
