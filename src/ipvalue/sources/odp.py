"""USPTO Open Data Portal: saved JSON answers of the patent file wrapper (``patentFileWrapperDataBag``)."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.assemble import assemble
from ipvalue.sources.files import inputs
from ipvalue.sources.json_documents import records
from ipvalue.sources.odp_wrapper import EVENT_COLUMNS, PATENT_COLUMNS, Wrapper, application_of, read_wrapper
from ipvalue.sources.refusals import Refusal
from ipvalue.sources.registry import Format, Look

__all__ = ["read_odp"]

_BAGS = ("patentFileWrapperDataBag", "patentBag")
_WRAPPER_KEYS = (
    "applicationMetaData",
    "eventDataBag",
    "parentContinuityBag",
    "patentTermAdjustmentData",
    "assignmentBag",
)


def _recognise(look: Look) -> float:
    if look.kind != "json":
        return 0.0
    if set(_BAGS[:1]) & set(look.header):
        return 0.97
    known = set(_WRAPPER_KEYS) & set(look.header) or set(_BAGS) & set(look.header)
    return 0.9 if known else 0.0


FORMAT = Format(
    "odp",
    "USPTO Open Data Portal, patent file wrapper (JSON)",
    "read_odp",
    recognise=_recognise,
    fills={
        "patents": tuple(name for name in PATENT_COLUMNS),
        "legal_events": tuple(name for name in EVENT_COLUMNS),
    },
)


def read_odp(*paths: str | os.PathLike[str], strict: bool = False) -> Book:
    """Read saved answers of the USPTO's Open Data Portal on patent applications.

    Parameters
    ----------
    *paths : path
        JSON files, plain or packed, or folders of them: whole file wrappers, searches, and the answers on one part
        alone (metadata, continuity, foreign priority, assignments, term adjustment, transactions). What several
        answers say of one application is put together.
    strict : bool, default False
        Raise on the first record or row that is refused.

    Returns
    -------
    Book
        Patents and legal events. A record that can't be read, or names no application, is in ``rejects`` as
        ``unreadable``; an application of which no answer has the filing date as ``missing``.

    Raises
    ------
    SourceError
        If a path can't be read or is no JSON, or nothing in it is a record of an application.
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
    ==================================  ============================================================================

    A parent, priority or publication that contradicts the filing date is left out. Keys of the portal's first
    version (``patentBag``, ``transactionContentBag``) and capitalised ones are read too; of that version an answer on
    one part alone does not name its application, so that it can't be read. The terminal disclaimer is an entry
    without its date (DIST). Trials before the board and documents are other answers and are not read.

    References
    ----------
    USPTO, Open Data Portal, Patent File Wrapper. 35 USC 120, 154, 251, 261, 363.

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
    refusals: list[Refusal] = []
    for source in inputs(*paths, suffixes=(".json", ".jsonl", ".ndjson")):
        for record in records(source, under=_BAGS):
            application, problem = _application(record.value, record.problem)
            if problem:
                where = f"{source.name}, record {record.row + 1}"
                refusals.append(Refusal(len(refusals), "patent_id", where, Reason.UNREADABLE, problem))
            else:
                wrappers.setdefault(application, Wrapper(application)).add(record.value)
    if not wrappers:
        why = f"; the first: {refusals[0].value}: {refusals[0].detail}" if refusals else ""
        raise SourceError(f"no record of a US application is among the files{why}")
    rows = [read_wrapper(wrapper) for wrapper in wrappers.values()]
    tables = {
        "patents": _table([patent for patent, _ in rows], PATENT_COLUMNS),
        "legal_events": _table([event for _, events in rows for event in events], EVENT_COLUMNS),
    }
    return assemble(tables, {"patents": refusals}, strict=strict)


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
