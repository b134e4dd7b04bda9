"""USPTO grant full text: the weekly files ``ipg*.xml``, formats v4.0 (2005) to v4.5."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.refusals import Refusal, refused_rows
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, parse, split
from ipvalue.sources.registry import Format
from ipvalue.sources.uspto_document import Citation, Claim, Grant, Patent, read_grant

__all__ = ["read_uspto_grants"]

_ROOT = "us-patent-grant"
_SEQUENCES = "sequence-cwu"
_GRANTS_AT_ONCE = 1_000

FORMAT = Format(
    "uspto_grants",
    "USPTO grant full text (us-patent-grant XML)",
    "read_uspto_grants",
    roots=("us-patent-grant",),
    fills={
        "patents": (
            *("patent_id", "jurisdiction", "right", "kind", "application_date", "priority_date", "parent_filing_date"),
            *("publication_date", "grant_date", "ipc", "owners", "n_inventors", "npl_citations", "n_claims"),
            "term_adjustment_days",
        ),
        "citations": ("citing_id", "cited_id", "citing_date", "cited_date", "cited_ipc", "origin"),
        "claims": ("patent_id", "claim_number", "text", "language", "publication_date", "independent"),
    },
)

_TEXT = pa.string()
_TYPES = {
    "ipc": pa.list_(_TEXT),
    "owners": pa.list_(_TEXT),
    "n_inventors": pa.int32(),
    "npl_citations": pa.int32(),
    "independent": pa.bool_(),
}


def read_uspto_grants(*paths: str | os.PathLike[str], strict: bool = False) -> Book:
    """Read USPTO grant full-text XML as a book of patents, citations and claims.

    Parameters
    ----------
    *paths : path
        Files of ``us-patent-grant`` documents one after the other (``ipg*.xml``, or the ``.zip`` in which they come),
        or folders of such. Sequence listings between them (``sequence-cwu``) are passed over.
    strict : bool, default False
        Raise on the first document or row that is refused.

    Returns
    -------
    Book
        A document that can't be read is a row of ``rejects`` (table patents, code ``unreadable``; its row is
        its number among all grant documents, its value says in which file it stands).

    Raises
    ------
    SourceError
        If no path is given, or a path can't be opened, is no XML, or holds no grant.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    Below ``us-bibliographic-data-grant`` unless it begins with ``/``:

    =================================  =============================================================================
    column                             element
    =================================  =============================================================================
    patents.patent_id                  publication-reference: country and doc-number, without kind
    patents.jurisdiction               publication-reference: country
    patents.kind                       publication-reference: kind
    patents.grant_date                 publication-reference: date
    patents.right                      application-reference/@appl-type: utility and reissue are inventions, design,
                                       plant; another type (``sir``, a statutory invention registration, is no
                                       right to exclude: 35 USC 157 as in force to 2013) is refused by the book
    patents.application_date           application-reference: date; for a national phase this is the international
                                       filing date, from which the term runs (35 USC 363)
    patents.parent_filing_date         earliest us-related-documents parent of a continuation, division,
                                       continuation-in-part (35 USC 154(a)(2)) or reissue (35 USC 251); never a
                                       provisional, nor a substitution, which has no benefit of the earlier date
    patents.priority_date              earliest of priority-claims, provisionals and those parents
    patents.publication_date           earliest of related-publication, pct-or-regional-publishing-data and grant
    patents.ipc                        classifications-ipcr, or classification-ipc (``A45F  504`` is A45F 5/04);
                                       classifications-cpc where there is neither; Locarno classes are not read
    patents.owners                     assignees; where there are none the applicants, else the inventors. Owners on
                                       the day of grant: later assignments are not in this source
    patents.n_inventors                inventors and applicant-inventors, distinct names
    patents.npl_citations              references with nplcit
    patents.n_claims                   number-of-claims
    patents.term_adjustment_days       us-term-of-grant/us-term-extension
    citations.cited_id                 patcit: country and doc-number, without kind
    citations.citing_date              grant date
    citations.cited_date               patcit: date; an unknown day (00) is the month's first
    citations.cited_ipc                classification-cpc-text or classification-ipc of the reference
    citations.origin                   category: by examiner; by applicant or other (what the examiner did not cite
                                       came from the applicant, Alcacer et al. 2009); by third party
    claims.claim_number                /claims/claim/@num
    claims.text, claims.language       /claims/claim, /@lang
    claims.publication_date            grant date
    claims.independent                 the claim holds no claim-ref
    =================================  =============================================================================

    A parent or priority later than the filing, or a publication earlier than it (a reissue names its
    original's), contradicts itself and is left out. A terminal disclaimer is named without its date, so
    disclaimer_date stays empty, and the term of such a patent is an upper bound. Register events (maintenance
    fees, assignments) are another source: without them the status after grant rests on dates alone. The
    description is not read, so what is malformed in it alone goes unseen.

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
    refusals: list[Refusal] = []
    found = inputs(*paths, suffixes=(".xml",))
    parts = [_tables(batch) for batch in _batches(_grants(found, refusals))] or [_tables([])]
    tables = {name: pa.concat_tables([part[name] for part in parts]) for name in parts[0]}
    return Book(**tables, strict=strict, refused=refused_rows("patents", refusals))


def _grants(found: list[Input], refusals: list[Refusal]) -> Iterator[Grant]:
    """The grants of all files; what can't be read is written down."""
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
                yield read_grant(parse(document, without="description"))
            except UnreadableDocumentError as error:
                where = f"{source.name}, document {place}"
                refusals.append(Refusal(row, "patent_id", where, Reason.UNREADABLE, str(error)))
            row += 1
        if row - first_row == len(others):
            raise SourceError(f"{source.place} holds no {_ROOT}; the roots of its documents: {others[:3]}")


def _batches(grants: Iterator[Grant]) -> Iterator[list[Grant]]:
    while batch := list(itertools.islice(grants, _GRANTS_AT_ONCE)):
        yield batch


def _tables(grants: list[Grant]) -> dict[str, pa.Table]:
    """Tables of some grants, in the schema's columns; the book coerces the text."""
    patents = _columns(Patent._fields, [g.patent for g in grants])
    ids = document_ids(patents["office"], patents.pop("number"))
    patents = {"patent_id": ids, "jurisdiction": patents.pop("office"), **patents}
    citations = _columns(Citation._fields, [c for g in grants for c in g.citations])
    claims = _columns(Claim._fields, [c for g in grants for c in g.claims])

    def spread(values: list[str | None], counts: list[int]) -> list[str | None]:
        return [value for value, count in zip(values, counts) for _ in range(count)]

    cites, claimed = [len(g.citations) for g in grants], [len(g.claims) for g in grants]
    citations["cited_id"] = document_ids(citations.pop("office"), citations.pop("number"))
    citations["citing_id"] = spread(ids, cites)
    citations["citing_date"] = spread(patents["grant_date"], cites)
    claims["patent_id"] = spread(ids, claimed)
    claims["publication_date"] = spread(patents["grant_date"], claimed)
    claims["language"] = spread([g.language for g in grants], claimed)
    return {"patents": _arrow(patents), "citations": _arrow(citations), "claims": _arrow(claims)}


def _columns(names: tuple[str, ...], rows: list[Patent] | list[Citation] | list[Claim]) -> dict[str, list[Any]]:
    columns = zip(*rows) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, columns)}


def _arrow(columns: dict[str, list[Any]]) -> pa.Table:
    return pa.table({name: pa.array(values, _TYPES.get(name, _TEXT)) for name, values in columns.items()})
