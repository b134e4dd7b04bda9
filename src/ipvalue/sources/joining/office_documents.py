"""Join the publications and register entries of patent offices into patents.

An office publishes a patent several times (the application, the grant, corrections), and an interface describes one
publication in several answers (bibliography, claims, events). All that belongs to one application, or to one
publication number, becomes one patent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ipvalue.errors import SourceError
from ipvalue.law.kinds import is_grant
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.rejects import Reject, first_reject

__all__ = [
    "CITATIONS",
    "CLAIMS",
    "FAMILY_MEMBERS",
    "LEGAL_EVENTS",
    "CitedDocument",
    "ClaimText",
    "Document",
    "Entry",
    "book_of_documents",
    "earliest_day",
    "numbered_claims",
    "table_of_rows",
]

CITATIONS = ("citing_id", "cited_id", "citing_date", "cited_date", "origin", "category")
CLAIMS = ("patent_id", "claim_number", "text", "language", "publication_date")
LEGAL_EVENTS = ("patent_id", "effective_date", "announced_date", "office", "scheme", "code", "text", "detail")
FAMILY_MEMBERS = ("family_id", "jurisdiction", "kind", "publication_date", "patent_id")
"""Columns of the book that office documents fill."""

Rows = list[dict[str, Any]]
_LISTS = ("ipc", "owners")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


class CitedDocument(NamedTuple):
    """A patent document that a publication cites."""

    office: str | None
    number: str | None
    cited_date: str | None
    origin: str | None
    category: str | None


class ClaimText(NamedTuple):
    """A claim, without its number in the text."""

    number: str
    text: str


class Entry(NamedTuple):
    """An entry of a register, with dates in ISO form."""

    effective: str | None
    announced: str | None
    office: str | None
    scheme: str
    code: str | None
    text: str | None
    detail: str | None


@dataclass
class Document:
    """What one answer says about one publication, with dates in ISO form. What it does not say is empty."""

    office: str | None = None
    number: str | None = None
    kind: str | None = None
    published: str | None = None
    application: str = ""
    """Application number with its office."""
    filed: str | None = None
    right: str | None = None
    priorities: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    """Filing dates of the applications from which the term is counted."""
    earlier: list[str] = field(default_factory=list)
    """Dates of earlier publications of the same application."""
    ipc: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    n_inventors: int | None = None
    npl: int | None = None
    n_claims: str | None = None
    family: str | None = None
    citations: list[CitedDocument] = field(default_factory=list)
    claims: list[ClaimText] = field(default_factory=list)
    language: str | None = None
    entries: list[Entry] = field(default_factory=list)
    # filled when the documents are joined
    name: str | None = None
    granted: bool = False

    @property
    def rank(self) -> tuple[bool, bool, str, str, str]:
        """Sort key: documents with a number first, then grants, then by date."""
        return self.name is None, not self.granted, self.published or "9999", self.name or "", self.kind or ""


def book_of_documents(documents: list[Document], rejects: list[Reject], nothing: str, *, strict: bool) -> Book:
    """Join publications into patents and make a book of them.

    A patent is named by its grant, or else by its first publication. Dates are the earliest of all publications, and
    other values those of the latest. A patent cites a document once, on the date of its first publication that does.
    The order of the documents does not matter.

    Raises
    ------
    SourceError
        If there is no document; ``nothing`` is the message.

    Examples
    --------
    >>> book = book_of_documents([
    ...     Document("EP", "2400812", "A1", "2011-12-28", "EP10167109", "2010-06-24"),
    ...     Document("EP", "2400812", "B1", "2019-11-27", "EP10167109", claims=[ClaimText("1", "A device.")])],
    ...     [], "no documents", strict=False)
    >>> book["patents"].select(["patent_id", "application_date", "grant_date"]).to_pylist()
    [{'patent_id': 'EP-2400812', 'application_date': datetime.date(2010, 6, 24),
      'grant_date': datetime.date(2019, 11, 27)}]
    """
    if not documents:
        raise SourceError(nothing + first_reject(rejects))
    return assemble(_tables(documents), {"patents": rejects}, strict=strict)


def _tables(documents: list[Document]) -> dict[str, pa.Table]:
    _name(documents)
    days = {(d.name, d.kind): d.published for d in documents if d.published}
    for document in documents:
        document.published = document.published or days.get((document.name, document.kind))
    tables: dict[str, Rows] = {
        name: [] for name in ("patents", "citations", "claims", "legal_events", "family_members")
    }
    for group in _patents(documents):
        patent = _patent(group)
        tables["patents"].append(patent)
        tables["citations"] += _citations(patent, group)
        tables["claims"] += [row for document in group for row in _claims(patent, document)]
        tables["legal_events"] += [_event(patent, entry) for document in group for entry in document.entries]
        tables["family_members"] += _members(patent, group)
    return {name: table_of_rows(rows) for name, rows in tables.items() if rows or name == "patents"}


def table_of_rows(rows: Rows) -> pa.Table:
    """Rows with the same columns as a table of text and of lists of text."""
    names = list(rows[0]) if rows else []
    types = {name: pa.list_(pa.string()) if name in _LISTS else pa.string() for name in names}
    return pa.table({name: pa.array([row[name] for row in rows], types[name]) for name in names})


def _name(documents: list[Document]) -> None:
    names = document_ids([d.office for d in documents], [d.number for d in documents])
    offices, kinds = ([getattr(d, column) or "" for d in documents] for column in ("office", "kind"))
    for document, name, grant in zip(documents, names, is_grant(np.array(offices, str), np.array(kinds, str))):
        document.name, document.granted = name, bool(grant)


def _patents(documents: list[Document]) -> list[list[Document]]:
    """Documents grouped by application, or else by publication number, in the order of their names."""
    keys = {d.name: _digits(d.application) for d in documents if d.application and d.name}
    groups: dict[str, list[Document]] = {}
    for place, document in enumerate(documents):
        key = keys.get(document.name or "") or _digits(document.application) or document.name or f"?{place}"
        groups.setdefault(key, []).append(document)
    joined = [sorted(group, key=lambda d: (d.rank, repr(d))) for group in groups.values()]
    return sorted(joined, key=lambda group: (group[0].name or "", repr(group[0])))


def _digits(application: str) -> str:
    """An application number without its check digit and separators."""
    return re.sub(r"[^0-9A-Z]", "", re.sub(r"\.[\dX]$", "", application.upper()))


def _latest(group: list[Document], column: str) -> Any:
    """The value in the latest publication that has one."""
    ordered = sorted(group, key=lambda d: (d.published or "", d.granted, repr(d)), reverse=True)
    return next((value for d in ordered if (value := getattr(d, column))), None)


def earliest_day(days: Iterable[str | None], until: str | None = None) -> str | None:
    """The earliest date. Text that is not a date comes last, so that the book rejects it."""
    known = [day for day in days if day and (until is None or day <= until)]
    return min(known, key=lambda day: (_ISO.fullmatch(day) is None, day), default=None)


def _patent(group: list[Document]) -> dict[str, Any]:
    filed = earliest_day(d.filed for d in group)
    return {
        "patent_id": group[0].name,
        "jurisdiction": group[0].office,
        "kind": group[0].kind,
        "right": _latest(group, "right"),
        "application_date": filed,
        "priority_date": earliest_day((day for d in group for day in [*d.priorities, *d.parents]), until=filed),
        "parent_filing_date": earliest_day((day for d in group for day in d.parents), until=filed),
        "publication_date": earliest_day(
            day for d in group for day in (d.published, *(e for e in d.earlier if filed is None or e >= filed))
        ),
        "grant_date": earliest_day(d.published for d in group if d.granted),
        "family_id": _latest(group, "family"),
        "ipc": _latest(group, "ipc"),
        "owners": _latest(group, "owners"),
        "n_inventors": _number(_latest(group, "n_inventors")),
        "npl_citations": _number(max((d.npl for d in group if d.npl is not None), default=None)),
        "n_claims": _latest(group, "n_claims"),
    }


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _citations(patent: dict[str, Any], group: list[Document]) -> Rows:
    """Each cited document once, from the first publication that cites it."""
    found: dict[str, dict[str, Any]] = {}
    for document in sorted(group, key=lambda d: (d.published or "9999", repr(d))):
        names = document_ids([c.office for c in document.citations], [c.number for c in document.citations])
        for name, cited in zip(names, document.citations):
            row = found.setdefault(
                str(name or f"?{len(found)}"),
                {"citing_id": patent["patent_id"], "cited_id": name, "citing_date": document.published}
                | {"cited_date": None, "origin": None, "category": None},
            )
            for column in ("cited_date", "origin", "category"):
                row[column] = row[column] or getattr(cited, column)
    return list(found.values())


def _claims(patent: dict[str, Any], document: Document) -> Rows:
    shared = (document.language, document.published)
    return [dict(zip(CLAIMS, (patent["patent_id"], *claim, *shared))) for claim in document.claims]


def _event(patent: dict[str, Any], entry: Entry) -> dict[str, Any]:
    entry = entry._replace(effective=entry.effective or entry.announced)
    return dict(zip(LEGAL_EVENTS, (patent["patent_id"], *entry)))


def _members(patent: dict[str, Any], group: list[Document]) -> Rows:
    """The publications of the patent as members of its family, each once."""
    if patent["family_id"] is None:
        return []
    rows = {(d.office, d.kind, d.published): patent["patent_id"] for d in group if d.office and d.published}
    values = ((patent["family_id"], *key, name) for key, name in sorted(rows.items(), key=repr))
    return [dict(zip(FAMILY_MEMBERS, row)) for row in values]


# a heading may be on a line before the first claim
_FIRST = re.compile(r"(?:[^\d\n]{0,40}\n)?\s*1(?:\s*[.．、:：)）]\s*(?!\d)|\s+(?=[^\W\d]))")
# a claim begins on a new line or after the end of a sentence
_NEXT = r"(?:\n\s*|(?<=[。；;.])\s*){number}\s*(?:[.．、:：)）]\s*(?!\d)|\s(?=[^\W\d]))"


def numbered_claims(text: str) -> list[ClaimText]:
    """Split the text of a claim set at the numbers of its claims, which count from 1 without gaps.

    A text that does not begin with number 1 is one claim. An empty text has no claims.

    Examples
    --------
    >>> text = "1.一种电路，包括R1。2.根据权利要求1所述的电路，其中R1为3. 5欧。3. 根据权利要求2所述的电路。"
    >>> [claim.number for claim in numbered_claims(text)]
    ['1', '2', '3']
    >>> numbered_claims("A pump.")
    [ClaimText(number='1', text='A pump.')]
    """
    begin = _FIRST.match(text)
    if begin is None:
        claim = ClaimText("1", " ".join(text.split()))
        return [claim] if claim.text else []
    claims, number, at = [], 1, begin.end()
    while (following := re.compile(_NEXT.format(number=number + 1)).search(text, at)) is not None:
        claims.append(ClaimText(str(number), " ".join(text[at : following.start()].split())))
        number, at = number + 1, following.end()
    claims.append(ClaimText(str(number), " ".join(text[at:].split())))
    return [claim for claim in claims if claim.text]
