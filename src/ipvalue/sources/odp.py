"""USPTO Open Data Portal: saved JSON answers of the patent file wrapper, and claims of the same files (XML4IP)."""

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
from ipvalue.sources.maintenance_fees import EXPIRY, expired_on
from ipvalue.sources.odp_claims import CLAIM_COLUMNS, PASSED_OVER, ROOT, ClaimSet, claim_rows, read_claim_set
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.json_records import records, text_at
from ipvalue.sources.reading.rejects import Reject
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
EVENT_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(
    ("patent_id", "effective_date", "announced_date", "office", "scheme", "code", "text", "detail"), _TEXT
)

_RIGHTS = {"UTL": "invention", "REI": "invention", "DES": "design", "PLT": "plant"}
_PARENTS = ("CON", "DIV", "CIP", "NST", "REI")  # whose filing begins the term; a provisional (PRO) does not
_PATENTED = "150"
_ASSIGNMENT = "AS"
_DAY = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])")
# what is no right of its own, or a design, by the series in front of the application's number
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
    """All that the answers say of one application.

    Parameters
    ----------
    application : str
        Its number, digits alone.

    Attributes
    ----------
    facts : list of mapping
        Metadata of the answers, each with small keys.
    lists : dict of str to list of mapping
        Entries by kind; one that several answers have stands as often, and the book keeps it once.
    adjustment : mapping
        The term adjustment.
    """

    def __init__(self, application: str) -> None:
        self.application = application
        self.facts: list[_Tree] = []
        self.lists: dict[str, list[_Tree]] = {name: [] for name in _LISTS}
        self.adjustment: _Tree = {}

    def add(self, record: _Tree) -> None:
        """Take in what one record says."""
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
        """The first list that any answer has under a key and that is not empty."""
        there = (facts.get(key.lower()) for facts in self.facts)
        return next((values for values in there if isinstance(values, list) and values), [])


def application_of(record: _Tree) -> str | None:
    """Digits of the number of the application that a record is about; None where it names none."""
    top = _small(record)
    number = text_at(top, "applicationnumbertext") or text_at(top, "applicationnumber")
    digits = re.sub(r"[^0-9A-Z]", "", (number or "").upper()).removeprefix("US")
    return digits or None


def read_wrapper(wrapper: Wrapper) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read what is known of one application.

    Parameters
    ----------
    wrapper : Wrapper

    Returns
    -------
    dict
        Row of ``patents``.
    list of dict
        Rows of ``legal_events``.

    Examples
    --------
    >>> wrapper = Wrapper("18597857")
    >>> wrapper.add({"applicationMetaData": {"filingDate": "2024-03-06", "applicationTypeCode": "UTL"}})
    >>> patent, events = read_wrapper(wrapper)
    >>> patent["patent_id"], patent["application_date"], events
    ('US-18/597857', '2024-03-06', [])
    """
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
    """A date as YYYY-MM-DD, without its time; what is none comes out as it stands."""
    found = _DAY.match(value or "")
    return "-".join(found.groups()) if found else value


def _bounded(days: Iterable[str | None], since: str = "", until: str = "9999") -> list[str]:
    """Dates within bounds; ISO dates sort as text, and 0001-01-01 is none."""
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
    """Identifier: of the grant, else of the publication, else the application's number."""
    number = wrapper.fact("patentNumber") or wrapper.fact("earliestPublicationNumber")
    if number:
        bare = re.sub(r"^US|[^0-9A-Z]", "", number.upper())
        found = document_ids(["US"], [re.sub(r"([0-9])[A-Z][0-9]?$", r"\1", bare)])[0]
        if found:
            return found
    return f"US-{wrapper.application[:2]}/{wrapper.application[2:]}"


def _filings(wrapper: Wrapper, relations: tuple[str, ...]) -> list[str | None]:
    """Filing dates of all ancestors by some relations."""
    return [
        _day(text_at(entry, "parentapplicationfilingdate") or text_at(entry, "filingdate"))
        for entry in wrapper.lists["parents"]
        if (text_at(entry, "claimparentagetypecode") or "").upper() in relations
    ]


def _names(wrapper: Wrapper, keys: tuple[str, ...], name: str) -> list[str]:
    parties = next((found for key in keys if (found := wrapper.first_list(key))), [])
    return list(dict.fromkeys(said for party in parties if (said := text_at(_small(party), name))))


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
    except ValueError:  # no day of the calendar: the book refuses it
        return posted
    return str(expired_on(*days)[0])


def _status(wrapper: Wrapper) -> list[dict[str, Any]]:
    """The last status, for what no transaction says; that it is patented the grant says, and on the right day."""
    code, day = wrapper.fact("applicationStatusCode"), _day(wrapper.fact("applicationStatusDate"))
    if not code or not day or code == _PATENTED:
        return []
    said = wrapper.fact("applicationStatusDescriptionText")
    return [{"code": code, "text": said, "effective_date": day, "announced_date": day}]


def _assignments(wrapper: Wrapper) -> list[dict[str, Any]]:
    """Recorded conveyances. A pledge has no number here by which its release would find it, so detail is for owners."""
    events = []
    for entry in wrapper.lists["assignments"]:
        recorded = _day(text_at(entry, "assignmentrecordeddate"))
        executed = _bounded(
            (_day(text_at(a, "executiondate")) for a in _entries(entry, "assignorBag")), until=recorded or ""
        )
        said = text_at(entry, "conveyancetext")
        effect = int(encode(["US"], ["uspto"], [_ASSIGNMENT], [said or ""]).effect[0])
        owners = [name for a in _entries(entry, "assigneeBag") if (name := text_at(a, "assigneenametext"))]
        events.append(
            {
                "code": _ASSIGNMENT,
                "text": said,
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
    rejects: list[Reject] = []
    for source in inputs(*paths, suffixes=(".json", ".jsonl", ".ndjson", ".xml")):
        if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            sets += _claim_sets(source, len(sets), rejects)
        else:
            _answers(source, wrappers, rejects)
    if not wrappers and not sets:
        why = f"; the first: {rejects[0].value}: {rejects[0].detail}" if rejects else ""
        raise SourceError(f"no record of a US application is among the files{why}")
    rows = {application: read_wrapper(wrapper) for application, wrapper in wrappers.items()}
    tables = {
        "patents": _table([patent for patent, _ in rows.values()], PATENT_COLUMNS),
        "legal_events": _table([event for _, events in rows.values() for event in events], EVENT_COLUMNS),
    }
    refused = {"patents": rejects}
    if sets:
        patents = {application: patent for application, (patent, _) in rows.items()}
        for number in sorted({one.application for one in sets} - patents.keys()):
            why = "claims of the application are there, but no answer of the portal on it"
            rejects.append(Reject(len(rejects), "application_date", number, Reason.MISSING, why))
            patents[number] = read_wrapper(Wrapper(number))[0]
        claims, refused["claims"] = claim_rows(sets, patents)
        tables["claims"] = _table(claims, CLAIM_COLUMNS)
    return assemble(tables, refused, strict=strict)


def _answers(source: Input, wrappers: dict[str, Wrapper], rejects: list[Reject]) -> None:
    """Add the records of a file of answers to their wrappers."""
    for record in records(source, under=_BAGS):
        application, problem = _application(record.value, record.problem)
        if problem:
            where = f"{source.name}, record {record.row + 1}"
            rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, problem))
        else:
            wrappers.setdefault(application, Wrapper(application)).add(record.value)


def _claim_sets(source: Input, before: int, rejects: list[Reject]) -> Iterator[ClaimSet]:
    """The claim sets of an XML file; ``before`` documents were read already."""
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
    """Number of the application that a record is about, or why it is about none."""
    if problem or not isinstance(record, dict):
        return "", problem or "it is no object"
    number = application_of(record)
    if not number:
        return "", f"it names no application; its keys: {', '.join(map(str, list(record)[:6]))}"
    return number, ""


def _table(rows: list[dict[str, Any]], columns: dict[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in columns.items()})
