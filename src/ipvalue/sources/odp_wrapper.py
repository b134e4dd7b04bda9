"""What the Open Data Portal's answers say of one US application: its patent and its register entries.

The mapping stands in :mod:`ipvalue.sources.odp`. Keys are looked up without regard to capitals, since the portal's
versions, and programs that flatten its answers, write them differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ipvalue.law.events import Effect, encode
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.trees import text
from ipvalue.sources.us_expiries import EXPIRY, expired_on

__all__ = ["EVENT_COLUMNS", "PATENT_COLUMNS", "Wrapper", "application_of", "read_wrapper"]

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
        found = (text(facts, key.lower()) for key in keys for facts in self.facts)
        return next((value for value in found if value), None)

    def each(self, key: str) -> list[Any]:
        """The first list that any answer has under a key and that is not empty."""
        there = (facts.get(key.lower()) for facts in self.facts)
        return next((values for values in there if isinstance(values, list) and values), [])


def application_of(record: _Tree) -> str | None:
    """Digits of the number of the application that a record is about; None where it names none."""
    top = _small(record)
    number = text(top, "applicationnumbertext") or text(top, "applicationnumber")
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
    foreign = [_day(text(entry, "filingdate")) for entry in wrapper.lists["priorities"]]
    earlier = _bounded([*parents, *_filings(wrapper, ("PRO",)), *foreign], until=filed or "9999")
    kind = (wrapper.fact("applicationTypeCode") or _SERIES.get(wrapper.application[:2], "")).upper()
    inventors = _names(wrapper, ("inventorBag", "inventors"), "inventornametext")
    owners = _names(wrapper, ("applicantBag", "applicants"), "applicantnametext")
    first = wrapper.fact("firstApplicantName")
    history = _entries(wrapper.adjustment, "patentTermAdjustmentHistoryDataBag")
    recorded = _bounded(_day(text(h, "eventdate") or text(h, "actiondate")) for h in history)
    days = text(wrapper.adjustment, "adjustmenttotalquantity")
    return {
        "patent_id": _name(wrapper),
        "jurisdiction": "US",
        "right": _RIGHTS.get(kind, kind.lower() or None),
        "application_date": filed,
        "priority_date": min(earlier, default=None),
        "parent_filing_date": min(_bounded(parents, until=filed or "9999"), default=None),
        "publication_date": min(_bounded([published, granted], since=filed or ""), default=None),
        "grant_date": granted,
        "ipc": [" ".join(str(symbol).split()) for symbol in wrapper.each("cpcClassificationBag")],
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
        _day(text(entry, "parentapplicationfilingdate") or text(entry, "filingdate"))
        for entry in wrapper.lists["parents"]
        if (text(entry, "claimparentagetypecode") or "").upper() in relations
    ]


def _names(wrapper: Wrapper, keys: tuple[str, ...], name: str) -> list[str]:
    parties = next((found for key in keys if (found := wrapper.each(key))), [])
    return list(dict.fromkeys(said for party in parties if (said := text(_small(party), name))))


def _transactions(wrapper: Wrapper, granted: str | None) -> list[dict[str, Any]]:
    events = [
        {
            "code": text(entry, "eventcode") or text(entry, "caseactioncode"),
            "text": text(entry, "eventdescriptiontext") or text(entry, "caseactiondescriptiontext"),
            "announced_date": (day := _day(text(entry, "eventdate") or text(entry, "recordeddate"))),
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
        recorded = _day(text(entry, "assignmentrecordeddate"))
        executed = _bounded(
            (_day(text(a, "executiondate")) for a in _entries(entry, "assignorBag")), until=recorded or ""
        )
        said = text(entry, "conveyancetext")
        effect = int(encode(["US"], ["uspto"], [_ASSIGNMENT], [said or ""]).effect[0])
        owners = [name for a in _entries(entry, "assigneeBag") if (name := text(a, "assigneenametext"))]
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
