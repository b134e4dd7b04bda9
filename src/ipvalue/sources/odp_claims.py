"""Claims of US application files, which the USPTO converts from page images to text (``ClaimsDocument``, XML4IP).

The elements have the names of ST.96 in a namespace of the USPTO. A document is one claim set, with the number of its
application and the day on which the mail room received it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

import pyarrow as pa

from ipvalue.errors import Reason
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.wipo import claim_texts, day

__all__ = ["CLAIM_COLUMNS", "PASSED_OVER", "ROOT", "ClaimSet", "claim_rows", "read_claim_set"]

ROOT = "ClaimsDocument"
PASSED_OVER = "SpecificationDocument"
"""Descriptions and abstracts of the same files, which are not read."""

_TEXT = pa.string()
CLAIM_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("patent_id", "claim_number", "text", "language", "publication_date"), _TEXT),
    "independent": pa.bool_(),
}
_CANCELLED = ("canceled", "cancelled", "not entered")
_INDEPENDENT = {"independent": True, "dependent": False}
# 37 CFR 1.121(c): each claim has its status in brackets
_STATUS = re.compile(
    r"\s*[(\[]\s*(?:original|(?:currently|previously)\s+(?:amended|presented)|amended|new|canceled|cancelled|"
    r"withdrawn(?:[^)\]]{0,40})?|not\s+entered|previously\s+added)\s*[)\]]\s*[.:,]?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ClaimSet:
    """One claim set of an application."""

    application: str
    """Digits of the application number."""
    received: str | None
    """Day of receipt in the mail room, ISO."""
    place: str
    """Where the document was found, for messages."""
    row: int
    """Number of the document among those that were read, from 0."""
    order: tuple[str, str]
    """Order of the sets of one day: day of the conversion, identifier of the document."""
    claims: tuple[dict[str, Any], ...]
    """Rows of ``claims``, without patent and date."""
    rejected: tuple[str, ...] = field(default=(), repr=False)
    """Text among the claims that is not a claim."""


def read_claim_set(root: Element, place: str, row: int) -> ClaimSet | None:
    """Read a ``ClaimsDocument``; None if it names no application.

    The pages are read by machine, which may take a heading or a page margin for a claim. A claim must have a number and
    begin with a printed label. Without a label it is accepted if no other claim of the set has its number. Cancelled
    claims are left out. Claims withdrawn from consideration are read.
    """
    application = re.sub(r"[^0-9]", "", root.findtext(".//ApplicationNumber") or "")
    if not application:
        return None
    found = [claim for claim in root.iter("Claim") if not _cancelled(claim)]
    numbers = [_squeezed(claim.findtext("ClaimNumber")) for claim in found]
    times = Counter(numbers)
    labelled = [next(claim.iter("ClaimLabelText"), None) is not None for claim in found]
    good = [bool(number) and (label or times[number] == 1) for number, label in zip(numbers, labelled)]
    return ClaimSet(
        application=application,
        received=day(root.findtext("MailRoomDate")),
        place=place,
        row=row,
        order=(root.findtext("DocumentCreateDateText") or "", root.get("id") or ""),
        claims=tuple(_claim(claim, number) for claim, number, fine in zip(found, numbers, good) if fine),
        rejected=tuple(_squeezed(_wording(claim)) for claim, fine in zip(found, good) if not fine),
    )


def claim_rows(
    sets: Iterable[ClaimSet], patents: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Rows of ``claims``, and the text and the claim sets that are rejected.

    ``patents`` has the row of ``patents`` of each application, by the digits of its number. A file is open from the
    publication of its application on (37 CFR 1.14), so a set is public on that day or on its arrival, whichever is
    later. Of several sets that became public together, the last to arrive is used. A set that became public on the day
    of grant or later is replaced by the granted claims, which are in the document of the grant.
    """
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    latest: dict[tuple[str, str], ClaimSet] = {}
    for one in sorted(sets, key=lambda s: (s.received or "", s.order, s.place), reverse=True):
        rejects += [_reject(one, text, Reason.UNREADABLE, "it is not a numbered claim") for text in one.rejected]
        patent = patents[one.application]
        public = max(filter(None, (one.received, patent["publication_date"])), default="")
        if patent["grant_date"] and public >= patent["grant_date"]:
            why = "the set was not public before the grant, so the granted claims are used"
            rejects.append(_reject(one, one.place, Reason.DUPLICATE_KEY, why))
        elif (later := latest.setdefault((one.application, public), one)) is not one:
            why = f"another set was filed before this one was public: {later.place}"
            rejects.append(_reject(one, one.place, Reason.DUPLICATE_KEY, why))
        else:
            shared = {"patent_id": patent["patent_id"], "language": "en", "publication_date": public or None}
            rows += [{**shared, **claim} for claim in one.claims]
    return rows, rejects


def _reject(one: ClaimSet, value: str, reason: Reason, why: str) -> Reject:
    return Reject(one.row, "claim_number", value, reason, why if value == one.place else f"{why} ({one.place})")


def _cancelled(claim: Element) -> bool:
    return (claim.findtext("ClaimStatusCategory") or "").strip().lower() in _CANCELLED


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").split())


def _claim(claim: Element, number: str) -> dict[str, Any]:
    return {
        "claim_number": number,
        "text": _wording(claim),
        "independent": _INDEPENDENT.get((claim.findtext("ClaimTypeCategory") or "").strip().lower()),
    }


def _wording(claim: Element) -> str:
    """Text of a claim without its label, its status and page margins."""
    texts = Element("claim")
    texts.extend(claim.findall("ClaimText"))
    for parent in list(texts.iter()):
        _drop(parent, ("ClaimLabelText", "BoundaryData"))
    (found,) = claim_texts([("", texts)])
    status = _STATUS.match(found.text)
    return found.text[status.end() :] if status else found.text


def _drop(parent: Element, names: tuple[str, ...]) -> None:
    """Remove children, but not the text after them."""
    before: Element | None = None
    for child in list(parent):
        if child.tag not in names:
            before = child
            continue
        if before is None:
            parent.text = f"{parent.text or ''}{child.tail or ''}"
        else:
            before.tail = f"{before.tail or ''}{child.tail or ''}"
        parent.remove(child)
