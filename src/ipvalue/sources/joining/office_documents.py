"""Publications and register entries of patent offices, as XML answers give them, joined into patents.

An office publishes a patent several times (the application, the grant, corrections), and an interface spreads one
publication over several answers (bibliography, claims, events). What has one application, or one publication
number, is one patent here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ipvalue.law.kinds import is_grant
from ipvalue.sources.reading.identifiers import document_ids

__all__ = ["Cited", "Document", "Entry", "Wording", "book_tables", "NumberedClaim", "numbered_claims"]

Rows = list[dict[str, Any]]
_LISTS = ("ipc", "owners")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


class Cited(NamedTuple):
    """A patent document that a publication cites."""

    office: str | None
    number: str | None
    cited_date: str | None
    origin: str | None
    category: str | None


class Wording(NamedTuple):
    """A claim."""

    number: str
    text: str


class Entry(NamedTuple):
    """An entry of a register; days in ISO form."""

    effective: str | None
    announced: str | None
    office: str | None
    scheme: str
    code: str | None
    text: str | None
    detail: str | None


@dataclass
class Document:
    """What one answer says of one publication; whatever it does not say is empty. Days in ISO form."""

    office: str | None = None
    number: str | None = None
    kind: str | None = None
    published: str | None = None
    application: str = ""
    """Number of the application, with its office."""
    filed: str | None = None
    right: str | None = None
    priorities: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    """Filing days of applications from which the term is counted."""
    earlier: list[str] = field(default_factory=list)
    """Days of publications of the same application before this one."""
    ipc: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    n_inventors: int | None = None
    npl: int | None = None
    n_claims: str | None = None
    family: str | None = None
    citations: list[Cited] = field(default_factory=list)
    claims: list[Wording] = field(default_factory=list)
    language: str | None = None
    entries: list[Entry] = field(default_factory=list)
    # filled when documents are joined
    name: str | None = None
    granted: bool = False

    @property
    def rank(self) -> tuple[bool, bool, str, str, str]:
        """What bears a number before what does not, grants before others, the earlier before the later."""
        return self.name is None, not self.granted, self.published or "9999", self.name or "", self.kind or ""


def book_tables(documents: list[Document]) -> dict[str, pa.Table]:
    """Join publications into patents and make the book's tables of them.

    Parameters
    ----------
    documents : list of Document

    Returns
    -------
    dict of str to pyarrow.Table
        The same for any order of the documents. A patent is named by its grant, else by its first publication. Of
        what several publications say, dates are the earliest, all else is as the latest says it. A document is
        cited once by a patent, with the day of the first publication that does.

    Examples
    --------
    >>> tables = book_tables([
    ...     Document("EP", "2400812", "A1", "2011-12-28", "EP10167109", "2010-06-24"),
    ...     Document("EP", "2400812", "B1", "2019-11-27", "EP10167109", claims=[Wording("1", "A device.")])])
    >>> tables["patents"].select(["patent_id", "application_date", "grant_date"]).to_pylist()
    [{'patent_id': 'EP-2400812', 'application_date': '2010-06-24', 'grant_date': '2019-11-27'}]
    """
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
    return {name: _table(rows) for name, rows in tables.items() if rows or name == "patents"}


def _table(rows: Rows) -> pa.Table:
    names = list(rows[0]) if rows else []
    types = {name: pa.list_(pa.string()) if name in _LISTS else pa.string() for name in names}
    return pa.table({name: pa.array([row[name] for row in rows], types[name]) for name in names})


def _name(documents: list[Document]) -> None:
    names = document_ids([d.office for d in documents], [d.number for d in documents])
    offices, kinds = ([getattr(d, column) or "" for d in documents] for column in ("office", "kind"))
    for document, name, grant in zip(documents, names, is_grant(np.array(offices, str), np.array(kinds, str))):
        document.name, document.granted = name, bool(grant)


def _patents(documents: list[Document]) -> list[list[Document]]:
    """Documents of one application, or of one publication number, together; in the order of their names."""
    keys = {d.name: _digits(d.application) for d in documents if d.application and d.name}
    groups: dict[str, list[Document]] = {}
    for place, document in enumerate(documents):
        key = keys.get(document.name or "") or _digits(document.application) or document.name or f"?{place}"
        groups.setdefault(key, []).append(document)
    joined = [sorted(group, key=lambda d: (d.rank, repr(d))) for group in groups.values()]
    return sorted(joined, key=lambda group: (group[0].name or "", repr(group[0])))


def _digits(application: str) -> str:
    """An application number without its check digit and marks."""
    return re.sub(r"[^0-9A-Z]", "", re.sub(r"\.[\dX]$", "", application.upper()))


def _latest(group: list[Document], column: str) -> Any:
    """What the latest publication says that says anything."""
    ordered = sorted(group, key=lambda d: (d.published or "", d.granted, repr(d)), reverse=True)
    return next((value for d in ordered if (value := getattr(d, column))), None)


def _earliest(days: Iterable[str | None], until: str | None = None) -> str | None:
    """The earliest day; one that is no day comes last, for the book to refuse."""
    known = [day for day in days if day and (until is None or day <= until)]
    return min(known, key=lambda day: (_ISO.fullmatch(day) is None, day), default=None)


def _patent(group: list[Document]) -> dict[str, Any]:
    filed = _earliest(d.filed for d in group)
    return {
        "patent_id": group[0].name,
        "jurisdiction": group[0].office,
        "kind": group[0].kind,
        "right": _latest(group, "right"),
        "application_date": filed,
        "priority_date": _earliest((day for d in group for day in [*d.priorities, *d.parents]), until=filed),
        "parent_filing_date": _earliest((day for d in group for day in d.parents), until=filed),
        "publication_date": _earliest(
            day for d in group for day in (d.published, *(e for e in d.earlier if filed is None or e >= filed))
        ),
        "grant_date": _earliest(d.published for d in group if d.granted),
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
    """Each cited document once, by the first publication that cites it."""
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
    return [
        {
            "patent_id": patent["patent_id"],
            "claim_number": claim.number,
            "text": claim.text,
            "language": document.language,
            "publication_date": document.published,
        }
        for claim in document.claims
    ]


def _event(patent: dict[str, Any], entry: Entry) -> dict[str, Any]:
    return {
        "patent_id": patent["patent_id"],
        "effective_date": entry.effective or entry.announced,
        "announced_date": entry.announced,
        "office": entry.office,
        "scheme": entry.scheme,
        "code": entry.code,
        "text": entry.text,
        "detail": entry.detail,
    }


def _members(patent: dict[str, Any], group: list[Document]) -> Rows:
    """The patent's publications as members of its family, each once."""
    if patent["family_id"] is None:
        return []
    rows = {(d.office, d.kind, d.published): patent["patent_id"] for d in group if d.office and d.published}
    return [
        {
            "family_id": patent["family_id"],
            "jurisdiction": office,
            "kind": kind,
            "publication_date": published,
            "patent_id": name,
        }
        for (office, kind, published), name in sorted(rows.items(), key=repr)
    ]


# a heading may stand on a line before the first claim
_FIRST = re.compile(r"(?:[^\d\n]{0,40}\n)?\s*1(?:\s*[.．、:：)）]\s*(?!\d)|\s+(?=[^\W\d]))")
# a claim begins on a new line or behind the end of a sentence
_NEXT = r"(?:\n\s*|(?<=[。；;.])\s*){number}\s*(?:[.．、:：)）]\s*(?!\d)|\s(?=[^\W\d]))"


class NumberedClaim(NamedTuple):
    """One claim of a set."""

    number: int
    text: str
    """Its wording, without the number."""


def numbered_claims(text: str) -> list[NumberedClaim]:
    """Cut a claim set at its claims' numbers.

    Parameters
    ----------
    text : str
        The claims one after the other, numbered from 1 without gaps, on lines of their own or not.

    Returns
    -------
    list of NumberedClaim
        One claim with all of the text where no number 1 begins it; none where there is no text.

    Examples
    --------
    >>> text = "1.一种电路，包括R1。2.根据权利要求1所述的电路，其中R1为3. 5欧。3. 根据权利要求2所述的电路。"
    >>> [claim.number for claim in numbered_claims(text)]
    [1, 2, 3]
    >>> numbered_claims("A pump.")
    [NumberedClaim(number=1, text='A pump.')]
    """
    begin = _FIRST.match(text)
    if begin is None:
        whole = " ".join(text.split())
        return [NumberedClaim(1, whole)] if whole else []
    claims, number, at = [], 1, begin.end()
    while (following := re.compile(_NEXT.format(number=number + 1)).search(text, at)) is not None:
        claims.append(NumberedClaim(number, " ".join(text[at : following.start()].split())))
        number, at = number + 1, following.end()
    claims.append(NumberedClaim(number, " ".join(text[at:].split())))
    return [claim for claim in claims if claim.text]
