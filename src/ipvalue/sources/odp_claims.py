"""Claims of a US application's file as the USPTO converts its pages to text (``ClaimsDocument``, XML4IP).

Names are those of ST.96 in the USPTO's own namespace. A document is one claim set on the day on which the mail room
received it, keyed by the application; of the application itself it says nothing.
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
from ipvalue.sources.wipo import day, wordings

__all__ = ["CLAIM_COLUMNS", "PASSED_OVER", "ROOT", "ClaimSet", "claim_rows", "read_claim_set"]

ROOT = "ClaimsDocument"
PASSED_OVER = "SpecificationDocument"
"""Descriptions and abstracts of the same files: the book has no place for them."""

_TEXT = pa.string()
CLAIM_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("patent_id", "claim_number", "text", "language", "publication_date"), _TEXT),
    "independent": pa.bool_(),
}
_CANCELLED = ("canceled", "cancelled", "not entered")
_INDEPENDENT = {"independent": True, "dependent": False}
# 37 CFR 1.121(c): each claim bears its status in brackets
_STATUS = re.compile(
    r"\s*[(\[]\s*(?:original|(?:currently|previously)\s+(?:amended|presented)|amended|new|canceled|cancelled|"
    r"withdrawn(?:[^)\]]{0,40})?|not\s+entered|previously\s+added)\s*[)\]]\s*[.:,]?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ClaimSet:
    """One claim set of an application's file."""

    application: str
    """Digits of its number."""
    received: str | None
    """Day in the mail room, ISO."""
    place: str
    """Where it was found, for what is refused."""
    row: int
    """Number of its document among those that were read, from 0."""
    order: tuple[str, str]
    """Of two sets of one day the greater is the later: day of the conversion, identifier of the document."""
    claims: tuple[dict[str, Any], ...]
    """Rows of ``claims``, without patent and day."""
    refused: tuple[str, ...] = field(default=(), repr=False)
    """What stands among the claims and is none."""


def read_claim_set(root: Element, place: str, row: int) -> ClaimSet | None:
    """Read a ``ClaimsDocument``.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        Its names without namespaces.
    place : str
        Where the document was found.
    row : int
        Its number among those that were read, from 0.

    Returns
    -------
    ClaimSet or None
        None where it names no application.

    Notes
    -----
    The pages are read by machine, and what the machine takes for a claim may be a heading or a page's margin: a claim
    has a number, and its text begins with a printed label. One without a label counts if no other claim of the set
    has its number. Cancelled claims are none; a claim that is withdrawn from consideration still is one.
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
        refused=tuple(_squeezed(_wording(claim)) for claim, fine in zip(found, good) if not fine),
    )


def claim_rows(
    sets: Iterable[ClaimSet], patents: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Date the claim sets of all applications and give them their patents.

    Parameters
    ----------
    sets : iterable of ClaimSet
        In any order.
    patents : dict of str to dict
        Row of ``patents`` of each application, by the digits of its number.

    Returns
    -------
    list of dict
        Rows of ``claims``.
    list of Reject
        Text that is no claim, and sets that were never the latest one to be public.

    Notes
    -----
    A file is open from the publication of its application on (37 CFR 1.14), so a set is public on the later of that
    day and its arrival. Of several that became public together the last to arrive stands. One that became public no
    sooner than the grant gives way to the granted claims, which the grant's own document prints.
    """
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    latest: dict[tuple[str, str], ClaimSet] = {}
    for one in sorted(sets, key=lambda s: (s.received or "", s.order, s.place), reverse=True):
        rejects += [_reject(one, text, Reason.UNREADABLE, "it is no numbered claim") for text in one.refused]
        patent = patents[one.application]
        public = max(filter(None, (one.received, patent["publication_date"])), default="")
        if patent["grant_date"] and public >= patent["grant_date"]:
            why = "the set was not public before the grant, whose own document prints the claims that stand"
            rejects.append(_reject(one, one.place, Reason.DUPLICATE_KEY, why))
        elif (standing := latest.setdefault((one.application, public), one)) is not one:
            why = f"another set was filed before this one was public: {standing.place}"
            rejects.append(_reject(one, one.place, Reason.DUPLICATE_KEY, why))
        else:
            whole = {"patent_id": patent["patent_id"], "language": "en", "publication_date": public or None}
            rows += [{**whole, **claim} for claim in one.claims]
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
    """Text of a claim, without its label, its status and the margins of the pages that it runs over."""
    whole = Element("claim")
    whole.extend(claim.findall("ClaimText"))
    for parent in list(whole.iter()):
        _drop(parent, ("ClaimLabelText", "BoundaryData"))
    (found,) = wordings([("", whole)])
    status = _STATUS.match(found.text)
    return found.text[status.end() :] if status else found.text


def _drop(parent: Element, names: tuple[str, ...]) -> None:
    """Take out children, but not the text behind them."""
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
