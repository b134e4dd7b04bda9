"""USPTO Open Data Portal: saved JSON answers of the patent file wrapper, and claims of the same files (XML4IP)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.odp_claims import CLAIM_COLUMNS, PASSED_OVER, ROOT, ClaimSet, claim_rows, read_claim_set
from ipvalue.sources.odp_wrapper import EVENT_COLUMNS, PATENT_COLUMNS, Wrapper, application_of, read_wrapper
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.json_documents import records
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, parse, plain_names, split
from ipvalue.sources.registry import Format, Look

__all__ = ["read_odp"]

_BAGS = ("patentFileWrapperDataBag", "patentBag")
_WRAPPER_KEYS = {
    "applicationmetadata",
    "eventdatabag",
    "parentcontinuitybag",
    "patenttermadjustmentdata",
    "assignmentbag",
}
# answers on one part alone, as programs that flatten them write them
_PART_KEYS = (
    {"applicationnumber", "applicationtypecode", "filingdate"},
    {"applicationnumber", "claims", "filingdate", "ipofficename"},
)


def _recognise(look: Look) -> float:
    if look.kind != "json":
        return 0.0
    if _BAGS[0] in look.header:
        return 0.97
    header = {key.lower() for key in look.header}
    known = _WRAPPER_KEYS & header or _BAGS[1] in look.header or any(keys <= header for keys in _PART_KEYS)
    return 0.9 if known else 0.0


_PORTAL = Format(
    "odp",
    "USPTO Open Data Portal, patent file wrapper (JSON)",
    "read_odp",
    recognise=_recognise,
    fills={
        "patents": tuple(name for name in PATENT_COLUMNS),
        "legal_events": tuple(name for name in EVENT_COLUMNS),
    },
)
_FILE_CLAIMS = Format(
    "odp_claims",
    "claims of US application files (XML4IP), to be read with the portal's answers on the same applications",
    "read_odp",
    roots=(ROOT, PASSED_OVER),
    fills={"claims": tuple(name for name in CLAIM_COLUMNS)},
    call='ipv.read_odp("answers/", {path})',
)
FORMAT = (_PORTAL, _FILE_CLAIMS)


def read_odp(*paths: str | os.PathLike[str], strict: bool = False) -> Book:
    """Read saved answers of the USPTO's Open Data Portal on patent applications, and claims of their files.

    Parameters
    ----------
    *paths : path
        JSON files, plain or packed, or folders of them: whole file wrappers, searches, and the answers on one part
        alone (metadata, continuity, foreign priority, assignments, term adjustment, transactions); and XML files of
        the claims as filed and amended (``ClaimsDocument``, XML4IP). What several of them say of one application is
        put together.
    strict : bool, default False
        Raise on the first record or row that is refused.

    Returns
    -------
    Book
        Patents, legal events and claims. A record that can't be read, or names no application, is in ``rejects`` as
        ``unreadable``; an application of which no answer has the filing date as ``missing``, and its claims as
        ``unknown_patent``: of an application the claims' files say its number alone.

    Raises
    ------
    SourceError
        If a path can't be read or is neither JSON nor XML, or nothing in it is a record of an application.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    ==================================  ============================================================================
    column                              key
    ==================================  ============================================================================
    patents.patent_id                   patentNumber; of what is not granted earliestPublicationNumber; else the
                                        application's number as the office writes it (``US-18/597857``)
    patents.right                       applicationTypeCode: UTL and REI are inventions, DES, PLT; where it is absent
                                        the series of the number (29/ is a design). Another type (a provisional, a
                                        reexamination) is no right of its own and is refused
    patents.application_date            filingDate, of a national phase too: its international filing is a parent
    patents.parent_filing_date          earliest parent in parentContinuityBag of a continuation, division,
                                        continuation-in-part (35 USC 154(a)(2)), national stage (363) or reissue
                                        (251), and their parents in turn; never a provisional
    patents.priority_date               earliest of foreignPriorityBag, provisionals and those parents
    patents.publication_date            earlier of earliestPublicationDate and grantDate
    patents.grant_date                  grantDate
    patents.ipc                         cpcClassificationBag
    patents.owners                      applicantBag, else firstApplicantName, else inventorBag: owners at filing
    patents.n_inventors                 inventorBag, distinct names
    patents.term_adjustment_days        patentTermAdjustmentData/adjustmentTotalQuantity
    patents.term_adjustment_known_date  last date of patentTermAdjustmentHistoryDataBag, the grant where absent
    legal_events (transactions)         eventDataBag: eventCode, eventDescriptionText, eventDate; of an expiry the
                                        day as in :func:`ipvalue.read_maintenance_fees`
    legal_events (status)               applicationStatusCode, applicationStatusDate, but for ``Patented Case``
                                        (150), whose date is before the grant's
    legal_events (assignments)          assignmentBag, as code AS: conveyanceText; effective on the last execution,
                                        announced on assignmentRecordedDate; detail is the new owners
    claims.text                         ClaimText, without label, status and the margins of pages, as machine-read
    claims.independent                  ClaimTypeCategory
    claims.publication_date             later of MailRoomDate and the application's publication: before it a file is
                                        closed (37 CFR 1.14)
    ==================================  ============================================================================

    A parent, priority or publication that contradicts the filing date is left out. Keys of the portal's first
    version (``patentBag``, ``transactionContentBag``) and capitalised ones are read too; of that version an answer on
    one part alone does not name its application, so that it can't be read. The terminal disclaimer is an entry
    without its date (DIST). Trials before the board are other answers and are not read.

    Cancelled claims are none. Of several sets that became public together the last filed stands; one that was not
    public before the grant gives way to the granted claims, which :func:`~ipvalue.read_uspto_grants` reads. Both are
    in ``rejects``, as is what the machine took for a claim and is none. Abstracts and specifications are passed over.

    References
    ----------
    USPTO, Open Data Portal, Patent File Wrapper; XML4IP, schema V1_3. 35 USC 120, 154, 251, 261, 363; 37 CFR 1.14,
    1.121(c).

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "answer.json"
    >>> wrapper = {"applicationNumberText": "17248024",
    ...            "applicationMetaData": {"filingDate": "2021-01-05", "patentNumber": "11646472",
    ...                                    "grantDate": "2023-05-09", "applicationTypeCode": "UTL"},
    ...            "eventDataBag": [{"eventCode": "N/=.", "eventDate": "2023-01-30"}]}
    >>> _ = path.write_text(json.dumps({"count": 1, "patentFileWrapperDataBag": [wrapper]}))
    >>> book = read_odp(path)
    >>> book.patent_ids, book["legal_events"]["code"].to_pylist()
    (['US-11646472'], ['N/=.'])
    """
    wrappers: dict[str, Wrapper] = {}
    sets: list[ClaimSet] = []
    refusals: list[Refusal] = []
    for source in inputs(*paths, suffixes=(".json", ".jsonl", ".ndjson", ".xml")):
        if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            sets += _claim_sets(source, len(sets), refusals)
        else:
            _answers(source, wrappers, refusals)
    if not wrappers and not sets:
        why = f"; the first: {refusals[0].value}: {refusals[0].detail}" if refusals else ""
        raise SourceError(f"no record of a US application is among the files{why}")
    rows = {application: read_wrapper(wrapper) for application, wrapper in wrappers.items()}
    tables = {
        "patents": _table([patent for patent, _ in rows.values()], PATENT_COLUMNS),
        "legal_events": _table([event for _, events in rows.values() for event in events], EVENT_COLUMNS),
    }
    refused = {"patents": refusals}
    if sets:
        patents = {application: patent for application, (patent, _) in rows.items()}
        for number in sorted({one.application for one in sets} - patents.keys()):
            why = "claims of the application are there, but no answer of the portal on it"
            refusals.append(Refusal(len(refusals), "application_date", number, Reason.MISSING, why))
            patents[number] = read_wrapper(Wrapper(number))[0]
        claims, refused["claims"] = claim_rows(sets, patents)
        tables["claims"] = _table(claims, CLAIM_COLUMNS)
    return assemble(tables, refused, strict=strict)


def _answers(source: Input, wrappers: dict[str, Wrapper], refusals: list[Refusal]) -> None:
    """Add the records of a file of answers to their wrappers."""
    for record in records(source, under=_BAGS):
        application, problem = _application(record.value, record.problem)
        if problem:
            where = f"{source.name}, record {record.row + 1}"
            refusals.append(Refusal(len(refusals), "patent_id", where, Reason.UNREADABLE, problem))
        else:
            wrappers.setdefault(application, Wrapper(application)).add(record.value)


def _claim_sets(source: Input, before: int, refusals: list[Refusal]) -> Iterator[ClaimSet]:
    """The claim sets of an XML file; ``before`` documents were read already."""
    for number, document in enumerate(split(source)):
        where = source.name if number == 0 else f"{source.name}, document {number + 1}"
        try:
            root = plain_names(parse(document))
            if root.tag == PASSED_OVER:
                continue
            found = read_claim_set(root, where, before + number) if root.tag == ROOT else None
        except (UnreadableDocumentError, RecursionError) as error:
            refusals.append(Refusal(len(refusals), "patent_id", where, Reason.UNREADABLE, str(error)))
            continue
        if found is None:
            why = "it names no application" if root.tag == ROOT else f"its root is {root.tag}, not {ROOT}"
            refusals.append(Refusal(len(refusals), "patent_id", where, Reason.UNREADABLE, why))
        else:
            yield found


def _application(record: Any, problem: str) -> tuple[str, str]:
    """Number of the application that a record is about, or why it is about none."""
    if problem or not isinstance(record, dict):
        return "", problem or "it is no object"
    number = application_of(record)
    if not number:
        return "", f"it names no application; its keys: {', '.join(map(str, list(record)[:6]))}"
    return number, ""


def _table(rows: list[dict[str, Any]], columns: dict[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in columns.items()})
