"""USPTO Open Data Portal: saved JSON answers about patent file wrappers, and claims of the same files (XML4IP).

A file wrapper is the office's file of one application. Keys are compared without regard to case, because versions of
the portal, and programs that flatten its answers, write them differently.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.law.events import Effect, encode
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.joining.office_documents import LEGAL_EVENTS
from ipvalue.sources.maintenance_fees import EXPIRY, expired_on
from ipvalue.sources.odp_claims import CLAIM_COLUMNS, PASSED_OVER, ROOT, ClaimSet, claim_rows, read_claim_set
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.json_records import is_json, records, table_of_records, text_at
from ipvalue.sources.reading.mapping import documented
from ipvalue.sources.reading.rejects import Reject, first_reject
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, parse, plain_names, split
from ipvalue.sources.registry import Format, Look

__all__ = ["read_odp"]

_TEXT, _LIST = pa.string(), pa.list_(pa.string())
PATENT_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("patent_id", "jurisdiction", "right", "application_date", "priority_date"), _TEXT),
    **dict.fromkeys(("parent_filing_date", "publication_date", "grant_date"), _TEXT),
    **dict.fromkeys(("ipc", "owners"), _LIST),
    "n_inventors": pa.int32(),
    "term_adjustment_days": _TEXT,
    "term_adjustment_known_date": _TEXT,
}
EVENT_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(LEGAL_EVENTS, _TEXT)

_RIGHTS = {"UTL": "invention", "REI": "invention", "DES": "design", "PLT": "plant"}
_PARENTS = ("CON", "DIV", "CIP", "NST", "REI")  # whose filing begins the term; a provisional (PRO) does not
_PATENTED = "150"
_ASSIGNMENT = "AS"
_DAY = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])")
# designs, and what is not a right of its own, by the series code of the application number
_SERIES = {
    **dict.fromkeys(("29", "35"), "DES"),
    **dict.fromkeys(("60", "61", "62", "63", "64"), "provisional"),
    **dict.fromkeys(("90", "95", "96"), "reexamination"),
}
_LISTS = {
    "events": ("eventDataBag", "transactionContentBag"),
    "parents": ("parentContinuityBag",),
    "priorities": ("foreignPriorityBag", "claims"),
    "assignments": ("assignmentBag",),
}

_Tree = Mapping[str, Any]


class Wrapper:
    """The combined content of all answers about one application.

    Parameters
    ----------
    application : str
        Digits of its number.

    Attributes
    ----------
    facts : list of mapping
        Metadata of each answer, with keys in lower case.
    lists : dict of str to list of mapping
        Entries by kind. The book removes those that several answers repeat.
    adjustment : mapping
        The term adjustment.
    """

    def __init__(self, application: str) -> None:
        self.application = application
        self.facts: list[_Tree] = []
        self.lists: dict[str, list[_Tree]] = {name: [] for name in _LISTS}
        self.adjustment: _Tree = {}

    def add(self, record: _Tree) -> None:
        """Add the content of one record."""
        top = _small(record)
        self.facts.append({**top, **_small(_branch(top, "applicationMetaData"))})
        self.adjustment = {**self.adjustment, **_small(_branch(top, "patentTermAdjustmentData"))}
        continuity = _small(_branch(top, "continuityBag"))
        for name, keys in _LISTS.items():
            for key in keys:
                self.lists[name] += _entries(top, key) + _entries(continuity, key)

    def fact(self, *keys: str) -> str | None:
        """The first value that any answer has under one of the keys."""
        found = (text_at(facts, key.lower()) for key in keys for facts in self.facts)
        return next((value for value in found if value), None)

    def first_list(self, key: str) -> list[Any]:
        """The first list under a key that is not empty."""
        there = (facts.get(key.lower()) for facts in self.facts)
        return next((values for values in there if isinstance(values, list) and values), [])


def _application_of(record: _Tree) -> str | None:
    """Digits of the application number of a record; None if it has none."""
    top = _small(record)
    number = text_at(top, "applicationnumbertext") or text_at(top, "applicationnumber")
    digits = re.sub(r"[^0-9A-Z]", "", (number or "").upper()).removeprefix("US")
    return digits or None


def _read_wrapper(wrapper: Wrapper) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of ``patents`` and the rows of ``legal_events`` of one application."""
    patent = _patent(wrapper)
    shared = {"patent_id": patent["patent_id"], "office": "US", "scheme": "uspto"}
    events = [*_transactions(wrapper, patent["grant_date"]), *_status(wrapper), *_assignments(wrapper)]
    return patent, [{**shared, **event} for event in events]


def _small(tree: Any) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in tree.items()} if isinstance(tree, Mapping) else {}


def _branch(tree: _Tree, key: str) -> Any:
    return tree.get(key.lower())


def _entries(tree: _Tree, key: str) -> list[dict[str, Any]]:
    found = tree.get(key.lower())
    return [_small(entry) for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _day(value: str | None) -> str | None:
    """A date as YYYY-MM-DD, without the time. Other text is returned unchanged."""
    found = _DAY.match(value or "")
    return "-".join(found.groups()) if found else value


def _bounded(days: Iterable[str | None], since: str = "", until: str = "9999") -> list[str]:
    """Dates within bounds. ISO dates sort as text; 0001-01-01 means that the date is unknown."""
    return [d for d in days if d and len(d) == 10 and _DAY.match(d) and max(since, "1790") <= d <= until]


def _patent(wrapper: Wrapper) -> dict[str, Any]:
    filed, granted = _day(wrapper.fact("filingDate")), _day(wrapper.fact("grantDate"))
    published = _day(wrapper.fact("earliestPublicationDate"))
    parents = _filings(wrapper, _PARENTS)
    foreign = [_day(text_at(entry, "filingdate")) for entry in wrapper.lists["priorities"]]
    earlier = _bounded([*parents, *_filings(wrapper, ("PRO",)), *foreign], until=filed or "9999")
    kind = (wrapper.fact("applicationTypeCode") or _SERIES.get(wrapper.application[:2], "")).upper()
    inventors = _names(wrapper, ("inventorBag", "inventors"), "inventornametext")
    owners = _names(wrapper, ("applicantBag", "applicants"), "applicantnametext")
    first = wrapper.fact("firstApplicantName")
    history = _entries(wrapper.adjustment, "patentTermAdjustmentHistoryDataBag")
    recorded = _bounded(_day(text_at(h, "eventdate") or text_at(h, "actiondate")) for h in history)
    days = text_at(wrapper.adjustment, "adjustmenttotalquantity")
    return {
        "patent_id": _name(wrapper),
        "jurisdiction": "US",
        "right": _RIGHTS.get(kind, kind.lower() or None),
        "application_date": filed,
        "priority_date": min(earlier, default=None),
        "parent_filing_date": min(_bounded(parents, until=filed or "9999"), default=None),
        "publication_date": min(_bounded([published, granted], since=filed or ""), default=None),
        "grant_date": granted,
        "ipc": [" ".join(str(symbol).split()) for symbol in wrapper.first_list("cpcClassificationBag")],
        "owners": owners or ([first] if first else inventors),
        "n_inventors": len(inventors) or None,
        "term_adjustment_days": days,
        "term_adjustment_known_date": max(recorded, default=granted) if days else None,
    }


def _name(wrapper: Wrapper) -> str:
    """Identifier from the number of the grant, or else of the publication, or else of the application."""
    number = wrapper.fact("patentNumber") or wrapper.fact("earliestPublicationNumber")
    if number:
        bare = re.sub(r"^US|[^0-9A-Z]", "", number.upper())
        found = document_ids(["US"], [re.sub(r"([0-9])[A-Z][0-9]?$", r"\1", bare)])[0]
        if found:
            return found
    return f"US-{wrapper.application[:2]}/{wrapper.application[2:]}"


def _filings(wrapper: Wrapper, relations: tuple[str, ...]) -> list[str | None]:
    """Filing dates of all ancestors with one of some relations."""
    return [
        _day(text_at(entry, "parentapplicationfilingdate") or text_at(entry, "filingdate"))
        for entry in wrapper.lists["parents"]
        if (text_at(entry, "claimparentagetypecode") or "").upper() in relations
    ]


def _names(wrapper: Wrapper, keys: tuple[str, ...], name: str) -> list[str]:
    parties = next((found for key in keys if (found := wrapper.first_list(key))), [])
    return list(dict.fromkeys(description for party in parties if (description := text_at(_small(party), name))))


def _transactions(wrapper: Wrapper, granted: str | None) -> list[dict[str, Any]]:
    events = [
        {
            "code": text_at(entry, "eventcode") or text_at(entry, "caseactioncode"),
            "text": text_at(entry, "eventdescriptiontext") or text_at(entry, "caseactiondescriptiontext"),
            "announced_date": (day := _day(text_at(entry, "eventdate") or text_at(entry, "recordeddate"))),
            "effective_date": day,
        }
        for entry in wrapper.lists["events"]
    ]
    for event in events:
        if event["code"] in EXPIRY and len(_bounded([granted, event["announced_date"]])) == 2:
            event["effective_date"] = _expired(str(granted), str(event["announced_date"]))
    return events


def _expired(granted: str, posted: str) -> str:
    try:
        days = [np.array([day], "datetime64[D]") for day in (granted, posted)]
    except ValueError:  # not a calendar day: the book rejects it
        return posted
    return str(expired_on(*days)[0])


def _status(wrapper: Wrapper) -> list[dict[str, Any]]:
    """The last status. ``Patented Case`` is left out, because the grant itself has the right date."""
    code, day = wrapper.fact("applicationStatusCode"), _day(wrapper.fact("applicationStatusDate"))
    if not code or not day or code == _PATENTED:
        return []
    description = wrapper.fact("applicationStatusDescriptionText")
    return [{"code": code, "text": description, "effective_date": day, "announced_date": day}]


def _assignments(wrapper: Wrapper) -> list[dict[str, Any]]:
    """Recorded conveyances; ``detail`` has the new owners. Pledges have no number that would identify their release."""
    events = []
    for entry in wrapper.lists["assignments"]:
        recorded = _day(text_at(entry, "assignmentrecordeddate"))
        executed = _bounded(
            (_day(text_at(a, "executiondate")) for a in _entries(entry, "assignorBag")), until=recorded or ""
        )
        description = text_at(entry, "conveyancetext")
        effect = int(encode(["US"], ["uspto"], [_ASSIGNMENT], [description or ""]).effect[0])
        owners = [name for a in _entries(entry, "assigneeBag") if (name := text_at(a, "assigneenametext"))]
        events.append(
            {
                "code": _ASSIGNMENT,
                "text": description,
                "effective_date": max(executed, default=recorded),
                "announced_date": recorded,
                "detail": "; ".join(owners) or None if effect in (Effect.OWNER, Effect.OWNER_NAME) else None,
            }
        )
    return events


_BAGS = ("patentFileWrapperDataBag", "patentBag")
_WRAPPER_KEYS = {
    "applicationmetadata",
    "eventdatabag",
    "parentcontinuitybag",
    "patenttermadjustmentdata",
    "assignmentbag",
}
# answers on one part of the file, as flattened by some programs
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
        "patents": tuple(PATENT_COLUMNS),
        "legal_events": LEGAL_EVENTS,
    },
)
_FILE_CLAIMS = Format(
    "odp_claims",
    "claims of US application files (XML4IP), to be read with the portal's answers about the same applications",
    "read_odp",
    roots=(ROOT, PASSED_OVER),
    fills={"claims": tuple(CLAIM_COLUMNS)},
    call='ipv.read_odp("answers/", {path})',
)
FORMAT = (_PORTAL, _FILE_CLAIMS)


@documented()
def read_odp(*paths: str | os.PathLike[str], strict: bool = False) -> Book:
    """Read saved answers of the USPTO's Open Data Portal about patent applications, and claims of their files.

    Parameters
    ----------
    *paths : path
        JSON files, archives or folders of them: complete file wrappers, searches, and answers about one part
        (metadata, continuity, foreign priority, assignments, term adjustment, transactions). Also XML files of the
        claims as filed and amended (``ClaimsDocument``, XML4IP). Answers about one application are combined.
    {strict}

    Returns
    -------
    Book
        Patents, legal events and claims. A record that cannot be read, or names no application, is rejected as
        ``unreadable``. An application whose filing date is in no answer is rejected as ``missing``, and its claims as
        ``unknown_patent``, because files of claims contain only the application number.

    {raises}

    Notes
    -----
    ==================================  ============================================================================
    column                              key
    ==================================  ============================================================================
    patents.patent_id                   patentNumber, else earliestPublicationNumber, else the application number as
                                        the office writes it (``US-18/597857``)
    patents.right                       applicationTypeCode: UTL and REI are inventions, DES, PLT; else by the series
                                        code of the number (29/ is a design). Other types (provisionals,
                                        reexaminations) are not rights of their own and are rejected
    patents.application_date            filingDate; for a national phase, the international filing is a parent
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
    patents.term_adjustment_known_date  last date of patentTermAdjustmentHistoryDataBag, else the grant
    legal_events (transactions)         eventDataBag: eventCode, eventDescriptionText, eventDate; the effective date
                                        of an expiry is as in :func:`ipvalue.read_maintenance_fees`
    legal_events (status)               applicationStatusCode, applicationStatusDate; not ``Patented Case`` (150),
                                        whose date is before that of the grant
    legal_events (assignments)          assignmentBag, as code AS: conveyanceText; effective on the last execution,
                                        announced on assignmentRecordedDate; detail is the new owners
    claims.text                         ClaimText, as read by machine, without label, status and page margins
    claims.independent                  ClaimTypeCategory
    claims.publication_date             MailRoomDate, but not before the application is published: until then its
                                        file is closed (37 CFR 1.14)
    ==================================  ============================================================================

    A parent, priority or publication that contradicts the filing date is ignored. Keys of the portal's first version
    (``patentBag``, ``transactionContentBag``) and capitalised keys are accepted. In that version, an answer about one
    part does not name its application and cannot be read. A terminal disclaimer (DIST) has no date. Trials before the
    board are other answers and are not read.

    Cancelled claims are left out. Of several claim sets that became public together, the last one filed is used. A set
    that was not public before the grant is replaced by the granted claims, which :func:`~ipvalue.read_uspto_grants`
    reads. The other sets are in ``rejects``, and so is text that the machine wrongly took for a claim. Abstracts and
    specifications are skipped.

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
    rejects: list[Reject] = []
    for source in inputs(*paths, suffixes=(".json", ".jsonl", ".ndjson", ".xml")):
        if not is_json(source):
            sets += _claim_sets(source, len(sets), rejects)
        else:
            _answers(source, wrappers, rejects)
    if not wrappers and not sets:
        raise SourceError("no file contains a record of a US application" + first_reject(rejects))
    rows = {application: _read_wrapper(wrapper) for application, wrapper in wrappers.items()}
    tables = {
        "patents": table_of_records([patent for patent, _ in rows.values()], PATENT_COLUMNS),
        "legal_events": table_of_records([event for _, events in rows.values() for event in events], EVENT_COLUMNS),
    }
    all_rejects = {"patents": rejects}
    if sets:
        patents = {application: patent for application, (patent, _) in rows.items()}
        for number in sorted({one.application for one in sets} - patents.keys()):
            why = "there are claims of the application, but no answer of the portal about it"
            rejects.append(Reject(len(rejects), "application_date", number, Reason.MISSING, why))
            patents[number] = _read_wrapper(Wrapper(number))[0]
        claims, all_rejects["claims"] = claim_rows(sets, patents)
        tables["claims"] = table_of_records(claims, CLAIM_COLUMNS)
    return assemble(tables, all_rejects, strict=strict)


def _answers(source: Input, wrappers: dict[str, Wrapper], rejects: list[Reject]) -> None:
    """Add the records of a file to the wrappers of their applications."""
    for record in records(source, under=_BAGS):
        application, problem = _application(record.value, record.problem)
        if problem:
            where = f"{source.name}, record {record.row + 1}"
            rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, problem))
        else:
            wrappers.setdefault(application, Wrapper(application)).add(record.value)


def _claim_sets(source: Input, before: int, rejects: list[Reject]) -> Iterator[ClaimSet]:
    """The claim sets of an XML file, of which ``before`` have been read from other files."""
    for number, document in enumerate(split(source)):
        where = source.name if number == 0 else f"{source.name}, document {number + 1}"
        try:
            root = plain_names(parse(document))
            if root.tag == PASSED_OVER:
                continue
            found = read_claim_set(root, where, before + number) if root.tag == ROOT else None
        except (UnreadableDocumentError, RecursionError) as error:
            rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, str(error)))
            continue
        if found is None:
            why = "it names no application" if root.tag == ROOT else f"its root is {root.tag}, not {ROOT}"
            rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, why))
        else:
            yield found


def _application(record: Any, problem: str) -> tuple[str, str]:
    """The application number of a record, or why it has none."""
    if problem or not isinstance(record, dict):
        return "", problem or "it is not an object"
    number = _application_of(record)
    if not number:
        return "", f"it names no application; its keys: {', '.join(map(str, list(record)[:6]))}"
    return number, ""
