"""WIPO ST.36 and ST.96: full text of any office in these forms, and legal status as ST.27 events."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.joining.office_documents import Document, book_tables
from ipvalue.sources.reading.files import Source, inputs
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, parse, plain_names, split
from ipvalue.sources.registry import Format
from ipvalue.sources.st36 import read_st36
from ipvalue.sources.st96 import read_chinese, read_legal_status, read_publication

__all__ = ["FORMAT", "read_wipo_xml"]

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
        "citations": ("citing_id", "cited_id", "citing_date", "cited_date", "origin", "category"),
        "claims": ("patent_id", "claim_number", "text", "language", "publication_date"),
        "legal_events": ("patent_id", "effective_date", "announced_date", "office", "scheme", "code", "text", "detail"),
    },
)


def read_wipo_xml(*sources: Source, strict: bool = False) -> Book:
    """Read patent documents and legal status in WIPO's XML standards as a book.

    Parameters
    ----------
    *sources : path or Input
        ``.xml`` files of one or several documents, also packed, or folders of them: ST.36 in its Chinese, Japanese and
        US dialects, ST.96 publications, the Chinese form since 2015, ST.96 legal status; in any order and mixed.
    strict : bool, default False
        Raise on the first document or row that is refused.

    Returns
    -------
    Book
        Publications of one application are one patent, and so are their events. A document that can't be read, or is
        of none of these forms, is refused as ``unreadable``.

    Raises
    ------
    SourceError
        If a file can't be opened or is no XML, or none of them holds such a document.
    BookError
        With ``strict``, if anything is refused.

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

    An event's code is its five parts as ST.27 writes them, ``A-2-4-F10-F11``, with the office's own code behind. It
    takes effect on EffectiveDate, else on EventDate; it was announced on PublicationDate, else on EventDate, so that
    an effect that reaches back is not known before. ``detail`` holds the state (EffectiveCountryBag) and the year of
    a fee (FeePaymentYearNumber), else the end of protection (ExpiryDate).

    Claims come without the number in front, and without the blanks that broken lines leave between Chinese or
    Japanese characters; of several sets in a document (a Japanese one prints its amendments behind) the first is
    read, while number-of-claims may count the last. Claims that are cancelled in one block (``1-24``) bear no
    number and are refused. A Chinese division has its parent's filing date as its own, as the law counts its term
    (Implementing Regulations, rule 43). A US grant, which :func:`~ipvalue.sources.uspto.read_uspto_grants` reads
    more of, is taken too.

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
    refusals: list[Refusal] = []
    row = 0
    for source in inputs(*sources, suffixes=(".xml",)):
        for place, document in enumerate(split(source), 1):
            try:
                found += _documents(plain_names(parse(document)))
            except (UnreadableDocumentError, RecursionError) as error:
                where = f"{source.name}, document {place}"
                refusals.append(Refusal(row, "patent_id", where, Reason.UNREADABLE, str(error)))
            row += 1
    if not found:
        why = f"; the first: {refusals[0].value}: {refusals[0].detail}" if refusals else ""
        raise SourceError(f"the files hold no document in ST.36 or ST.96{why}")
    return assemble(book_tables(found), {"patents": refusals}, strict=strict)


def _documents(root: Element) -> Iterator[Document]:
    """The document, or documents, of one root."""
    if root.tag in ("PatentLegalStatusData", "PatentLegalStatus", "PatentLegalStatusTransaction"):
        yield from read_legal_status(root)
        return
    reader = {"PatentPublication": read_publication, "PatentDocumentAndRelated": read_chinese}.get(root.tag, read_st36)
    document = reader(root)
    if document is None:
        raise UnreadableDocumentError(f"its root is {root.tag}, and it has no bibliographic data")
    yield document
