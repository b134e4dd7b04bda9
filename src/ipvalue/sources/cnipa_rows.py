"""Rows of a Chinese export to the book's tables: several rows of one application become one patent.

The mapping of headers to columns stands in :mod:`ipvalue.sources.cnipa`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from ipvalue.errors import Reason
from ipvalue.sources.cnipa_notices import Notice, earliest_priority, iso_day, iso_days, notices
from ipvalue.sources.cnipa_numbers import application_id, publications, right_of_application
from ipvalue.sources.joining.claim_sets import numbered_claims
from ipvalue.sources.reading.refusals import Refusal

__all__ = ["STEPS", "Rows", "book_tables"]


class _Step(NamedTuple):
    headers: tuple[str, ...]
    text: str


# steps of the procedure that exports give a column of their own, and what the gazette calls them
STEPS = {
    "examination_day": _Step(("实质审查生效日", "实审生效日", "substantive_review"), "实质审查的生效"),
    "withdrawal_day": _Step(("视为撤回日", "撤回日", "app_withdraw"), "发明专利申请公布后的视为撤回"),
    "refusal_day": _Step(("驳回日", "驳回日期", "reject"), "发明专利申请公布后的驳回"),
    "restoration_day": _Step(("恢复日", "权利恢复日", "recover"), "权利的恢复"),
    "abandonment_day": _Step(("视为放弃日", "放弃日", "waive"), "专利权的视为放弃"),
    "termination_day": _Step(("终止日", "专利权终止日", "终止日期", "terminate"), "专利权的终止"),
}
_PLEDGE, _RELEASE = "专利权质押合同登记的生效", "专利权质押合同登记的注销"
_DATES = ("application_date", "publication_date", "grant_date")
_SEVERAL = re.compile(r"[;；|｜\n]+")
_DOCUMENTS = re.compile(r"[;；|｜,，、\s]+")
_DOCUMENT = re.compile(r"[A-Z]{2}[A-Z]{0,2}\d{4,}[A-Z]?\d?")
_SYMBOL = re.compile(r"([A-H]\d\d[A-Z])\s*(\d{1,4}/\d{2,6})?")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_RIGHTS = {"外观": "design", "实用": "utility_model", "发明": "invention"}

_PLACE = ("row", "place")

Rows = list[dict[str, Any]]
"""Rows of an export, each with its cells by column."""


def book_tables(rows: Rows, refusals: list[Refusal]) -> dict[str, pa.Table]:
    """Make the book's tables of the rows of an export.

    Parameters
    ----------
    rows : list of dict
        One row a document: the export's cells, ``key`` (its application), ``digits``, and the documents ``first``
        and ``granted`` that it names.
    refusals : list of Refusal
        Filled with the announcements that can't be read.

    Returns
    -------
    dict of str to pyarrow.Table
    """
    patents: Rows = []
    tables: dict[str, Rows] = {"citations": [], "claims": [], "legal_events": [], "family_members": []}
    names = _identifiers(rows)
    applications: dict[str, Rows] = {}
    for row in rows:
        _complete(row)
        applications.setdefault(row["key"], []).append(row)
    for _, documents in sorted(applications.items()):
        # the grant first: its classes, owners and claims are those of the right; the order of rows does not count
        documents.sort(key=lambda d: (not d["is_grant"], *(str(v or "") for c, v in d.items() if c not in _PLACE)))
        patent = _patent(documents, names)
        patents.append(patent)
        for document in documents:
            tables["claims"] += _claims(patent, document)
            tables["citations"] += _citations(patent, document, names)
            if patent["jurisdiction"] == "CN":
                tables["legal_events"] += _events(patent, document, refusals)
        tables["family_members"] += _family(patent, documents, names)
    return {"patents": _table(patents), **{name: _table(found) for name, found in tables.items() if found}}


def _table(rows: Rows) -> pa.Table:
    lists = ("ipc", "owners")
    names = list(dict.fromkeys(name for row in rows[:1] for name in row))
    types = {name: pa.list_(pa.string()) if name in lists else pa.string() for name in names}
    return pa.table({name: pa.array([row[name] for row in rows], types[name]) for name in names})


def _complete(document: dict[str, Any]) -> None:
    """The document's days in ISO form, and whether it is a grant."""
    for name in _DATES:
        days = iso_days(document[name])
        document[name] = min(days) if days else iso_day(document[name]) if document[name] else None
    document["priority_date"] = earliest_priority(document["priority_date"])
    named = document["granted"] or document["first"]
    document["named"] = named
    document["is_grant"] = bool(named and named.granted)
    if document["is_grant"] and not document["granted"] and not document["grant_date"]:
        document["grant_date"] = document["publication_date"]


def _first(documents: Rows, *columns: str) -> Any:
    return next((d[c] for c in columns for d in documents if d[c]), None)


def _earliest(documents: Rows, column: str) -> str | None:
    """The earliest day; what is no day comes after all days, for the book to refuse."""
    found = [d[column] for d in documents if d[column]]
    return min(found, key=lambda day: (_ISO.fullmatch(day) is None, day), default=None)


def _patent(documents: Rows, names: dict[str, str]) -> dict[str, Any]:
    named = sorted((d["named"] for d in documents if d["named"]), key=lambda p: (not p.granted, p.document, p.kind))
    chosen = named[0] if named else None
    digits = _first(documents, "digits") or ""
    kind = _first(documents, "type")
    told = next((right for word, right in _RIGHTS.items() if kind and word in kind), None)
    return {
        "patent_id": chosen.document if chosen else application_id(digits),
        "jurisdiction": chosen.office if chosen else "CN",
        "kind": chosen.kind if chosen and chosen.kind else None,
        "right": told or right_of_application(digits),
        **{name: _earliest(documents, name) for name in (*_DATES, "priority_date")},
        "family_id": _family_id(documents, names),
        "ipc": _classes(documents) or None,
        "owners": _split(_first(documents, "owners", "applicants")) or None,
        "n_inventors": _first(documents, "n_inventors") or _counted(_first(documents, "inventors")),
        "n_claims": _first(documents, "n_claims"),
    }


def _split(text: str | None) -> list[str]:
    return list(dict.fromkeys(" ".join(part.split()) for part in _SEVERAL.split(text or "") if part.strip()))


def _counted(text: str | None) -> str | None:
    return str(len(_split(text))) if text else None


def _classes(documents: Rows) -> list[str]:
    """IPC symbols, the main one first; without their version, and without indexing codes and Locarno classes."""
    cells = [_first(documents, "main_class"), *(_first(documents, "ipc") or "").split("//")[:1]]
    found = [" ".join(parts).strip() for cell in cells for parts in _SYMBOL.findall((cell or "").upper())]
    return list(dict.fromkeys(found))


def _tokens(text: str | None) -> list[str]:
    """The document numbers that a cell lists; other literature is passed over."""
    return [token for token in _DOCUMENTS.split((text or "").upper()) if _DOCUMENT.fullmatch(token)]


def _identifiers(rows: Rows) -> dict[str, str]:
    """Identifiers of all documents that the rows list, by their printed numbers."""
    cells = (row[column] for row in rows for column in ("cited", "citing", "family") if row[column])
    tokens = list(dict.fromkeys(token for cell in cells for token in _tokens(cell)))
    return {token: found.document for token, found in zip(tokens, publications(tokens)) if found}


def _named(cells: Iterable[str | None], names: dict[str, str]) -> list[str]:
    """Identifiers of the documents that cells list, each once."""
    return list(dict.fromkeys(names[token] for cell in cells for token in _tokens(cell) if token in names))


def _citations(patent: dict[str, Any], document: dict[str, Any], names: dict[str, str]) -> Rows:
    own = patent["patent_id"]
    backward = [{"citing_id": own, "cited_id": cited} for cited in _named([document["cited"]], names)]
    return backward + [{"citing_id": citing, "cited_id": own} for citing in _named([document["citing"]], names)]


def _claims(patent: dict[str, Any], document: dict[str, Any]) -> Rows:
    text = document["claims"]
    if not text:
        return []
    published = document["grant_date"] or document["publication_date"]
    language = "zh" if _CHINESE.search(text) else None
    return [
        {
            "patent_id": patent["patent_id"],
            "claim_number": str(claim.number),
            "text": claim.text,
            "language": language,
            "publication_date": published,
        }
        for claim in numbered_claims(text)
    ]


def _events(patent: dict[str, Any], document: dict[str, Any], refusals: list[Refusal]) -> Rows:
    columns = ("status", "status_day", "status_text", "status_code")
    told = notices(*(document[name] for name in columns))
    if told is None:
        shown = f"{document['status']} | {document['status_day']}"
        detail = f"row {document['row']} of {document['place']} has more or fewer announcements than days"
        refusals.append(Refusal(document["row"] - 1, "法律状态公告日", shown, Reason.UNREADABLE, detail))
        told = []
    for name, step in STEPS.items():
        told += [Notice(day, day, None, step.text, None) for day in _days(document[name])]
    ends, names = _days(document["pledge_end"]), document["pledgee"]
    held = f";质权人:{names}" if names else ""
    begins = _days(document["pledge_day"])
    told += [_pledge(day, _PLEDGE, held, document["pledge_number"], at) for at, day in enumerate(begins)]
    told += [_pledge(day, _RELEASE, held, document["pledge_number"], at) for at, day in enumerate(ends)]
    return [
        {
            "patent_id": patent["patent_id"],
            "effective_date": notice.effective,
            "announced_date": notice.announced,
            "office": "CN",
            "scheme": "cnipa",
            "code": notice.code,
            "text": notice.text or None,
            "detail": notice.detail,
        }
        for notice in told
    ]


def _days(text: str | None) -> list[str]:
    """The days of a cell; what is no day as it stands, for the book to refuse."""
    return iso_days(text) or ([text] if text else [])


def _pledge(day: str, text: str, held: str, numbers: str | None, place: int) -> Notice:
    """A pledge or its release; of several in a cell each with the number in its place."""
    listed: Sequence[str] = _split(numbers)
    number = listed[place] if place < len(listed) else None
    return Notice(day, day, None, text + held, number)


def _family_id(documents: Rows, names: dict[str, str]) -> str | None:
    """The export's own number; else the first of the members' numbers, which is the same for all that list them."""
    given = _first(documents, "family_id")
    members = _named((d["family"] for d in documents), names)
    own = [p.document for d in documents for p in (d["first"], d["granted"]) if p]
    return given or (min(members + own) if members else None)


def _family(patent: dict[str, Any], documents: Rows, names: dict[str, str]) -> Rows:
    if patent["family_id"] is None:
        return []
    own = [
        (p.document, p.office, p.kind, day, patent["patent_id"])
        for d in documents
        for p, day in ((d["first"], d["publication_date"]), (d["granted"], d["grant_date"]))
        if p
    ]
    there = {document for document, *_ in own}
    members = [(m, m[:2], "", None, m) for m in _named((d["family"] for d in documents), names) if m not in there]
    return [
        {
            "family_id": patent["family_id"],
            "jurisdiction": office,
            "kind": kind or None,
            "publication_date": day,
            "patent_id": identifier,
        }
        for _, office, kind, day, identifier in own + members
    ]
