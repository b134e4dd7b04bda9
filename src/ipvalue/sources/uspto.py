"""USPTO grant full text (``ipg*.xml``, 2005 on) to a book.

| book | USPTO XML |
|---|---|
| patents.patent_id | ``US-`` and the number without leading zeros: without the kind code, so that citations join |
| patents.right, kind | ``appl-type`` (utility and reissue are inventions); ``publication-reference`` kind |
| patents.application_date, grant_date | ``application-reference``, ``publication-reference`` |
| patents.publication_date | the earliest ``related-publication`` before the grant, else the grant |
| patents.priority_date | the earliest ``priority-claim`` or provisional application |
| patents.parent_filing_date | earliest parent of a continuation, division, substitution or reissue; no provisional |
| patents.ipc | ``classification-ipc`` and ``classifications-ipcr``; a design's Locarno class is no IPC symbol |
| patents.owners | assignees; without one, the applicants |
| patents.n_inventors, npl_citations, n_claims | counted; ``number-of-claims`` |
| patents.term_adjustment_days | ``us-term-extension``, days; printed on the grant, so known from it |
| citations | ``patcit``; an examiner's where the category says so, else the applicant's |
| claims | ``claim``: its text, and independent where it holds no ``claim-ref`` |

A terminal disclaimer is printed without its date, so that no ``disclaimer_date`` comes of it. A statutory
invention registration confers no right and is set aside. In a partial date (``19050100``) the unknown day or
month is taken as the first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ipvalue.errors import REASONS, Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.documents import files_of, parse_document, split_documents

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_uspto_grants"]

Row = dict[str, Any]

_RIGHTS = {"utility": "invention", "reissue": "invention", "design": "design", "plant": "plant"}
_PARENTS = ("continuation", "division", "continuation-in-part", "substitution", "reissue", "us-divisional-reissue")


@dataclass
class _Rows:
    """Rows gathered from documents."""

    patents: list[Row] = field(default_factory=list)
    citations: list[Row] = field(default_factory=list)
    claims: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)


def read_uspto_grants(*paths: str | os.PathLike[str]) -> Book:
    """Read USPTO grant full text.

    Parameters
    ----------
    *paths : path
        Files ``ipg*.xml``, each of many documents, or folders of ``.xml`` files. One document is in memory
        at a time.

    Returns
    -------
    Book
        Patents, citations and claims. A document that can't be read is a row of ``book.rejects`` (code
        ``unreadable``, the file in its value), and the rest is read.

    Raises
    ------
    SourceError
        If a path does not exist, or a file is no XML.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ipg.xml"
    >>> _ = file.write_text('''<?xml version="1.0"?>
    ... <us-patent-grant><us-bibliographic-data-grant>
    ... <publication-reference><document-id><country>US</country><doc-number>06836899</doc-number><kind>B1</kind>
    ... <date>20050104</date></document-id></publication-reference>
    ... <application-reference appl-type="utility"><document-id><date>20030109</date></document-id>
    ... </application-reference>
    ... </us-bibliographic-data-grant></us-patent-grant>''')
    >>> read_uspto_grants(file)["patents"].select(["patent_id", "kind", "right"]).to_pylist()
    [{'patent_id': 'US-6836899', 'kind': 'B1', 'right': 'invention'}]
    """
    if not paths:
        raise SourceError("no path is given: pass ipg*.xml files, or folders of them")
    rows = _Rows()
    for file in files_of(paths, ".xml"):
        for number, content in enumerate(split_documents(file)):
            _read(file, number, content, rows)
    if not rows.patents:
        raise SourceError(f"no patent grant is in {', '.join(os.fspath(p) for p in paths)}")
    book = Book(
        pa.Table.from_pylist(rows.patents, _PATENTS),
        citations=pa.Table.from_pylist(rows.citations, _CITATIONS),
        claims=pa.Table.from_pylist(rows.claims, _CLAIMS),
    )
    return book.with_rejects(pd.DataFrame(rows.rejects)) if rows.rejects else book


def _read(file: Path, number: int, content: bytes | None, rows: _Rows) -> None:
    """Read one document; what can't be read is a reject."""
    place = f"{file.name}, document {number + 1}"
    try:
        if content is None:
            raise SourceError("the document is too large")
        root = parse_document(content)
    except SourceError as error:
        rows.rejects.append(_reject(number, f"{place}: {error}", Reason.UNREADABLE))
        return
    if root.tag != "us-patent-grant":
        return  # a sequence listing of the grant before it
    biblio = root.find("us-bibliographic-data-grant")
    if biblio is None:
        rows.rejects.append(_reject(number, f"{place}: no bibliographic data", Reason.UNREADABLE))
        return
    if _type(biblio) not in _RIGHTS:
        rows.rejects.append(_reject(number, f"{place}: application type {_type(biblio)!r}", Reason.NOT_APPLICABLE))
        return
    patent = _patent(biblio)
    rows.patents.append(patent)
    rows.citations += _citations(biblio, patent)
    rows.claims += _claims(root, patent)


def _reject(row: int, value: str, reason: Reason) -> Row:
    labels = {"code": reason.label, "message": REASONS[reason]}
    return {"table": "patents", "row": row, "column": "patent_id", "value": value[:200], **labels}


def _type(biblio: Element) -> str:
    reference = biblio.find("application-reference")
    return "" if reference is None else reference.get("appl-type", "")


def _patent(biblio: Element) -> Row:
    grant = _date(biblio.findtext("publication-reference/document-id/date"))
    number = biblio.findtext("publication-reference/document-id/doc-number")
    published = _dates(biblio, ".//related-publication/document-id/date")
    priority = _dates(biblio, ".//priority-claim/date") + _dates(
        biblio, ".//us-provisional-application/document-id/date"
    )
    parents = [d for name in _PARENTS for d in _dates(biblio, f".//{name}/relation/parent-doc/document-id/date")]
    extension = biblio.findtext("us-term-of-grant/us-term-extension", "").strip()
    return {
        "patent_id": _identifier("US", number),
        "jurisdiction": "US",
        "right": _RIGHTS[_type(biblio)],
        "kind": biblio.findtext("publication-reference/document-id/kind"),
        "application_date": _date(biblio.findtext("application-reference/document-id/date")),
        "priority_date": min(priority, default=None),
        "parent_filing_date": min(parents, default=None),
        "publication_date": min([*published, *([grant] if grant else [])], default=None),
        "grant_date": grant,
        "ipc": _symbols(biblio),
        "owners": _names(biblio, ".//assignee/addressbook") or _names(biblio, ".//applicant/addressbook"),
        "n_inventors": _inventors(biblio),
        "npl_citations": str(len(biblio.findall(".//nplcit"))),
        "n_claims": biblio.findtext("number-of-claims"),
        "term_adjustment_days": extension if extension.isdigit() else None,
    }


def _identifier(country: str | None, number: str | None) -> str | None:
    """Country and number without the signs and leading zeros in which the same number is written in many ways."""
    plain = "".join(c for c in (number or "").upper() if c.isalnum()).lstrip("0")
    letters = plain[: len(plain) - len(plain.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
    plain = letters + plain[len(letters) :].lstrip("0")
    return f"{(country or '').strip().upper() or 'XX'}-{plain}" if plain else None


def _date(text: str | None) -> str | None:
    """``YYYYMMDD`` as an ISO date; an unknown day or month is the first; other text is left to the book to judge."""
    plain = (text or "").strip()
    if len(plain) != 8 or not plain.isdigit():
        return plain or None
    year, month, day = plain[:4], plain[4:6], plain[6:]
    return f"{year}-{'01' if month == '00' else month}-{'01' if day == '00' else day}"


def _dates(element: Element, path: str) -> list[str]:
    return [d for d in (_date(found.text) for found in element.iterfind(path)) if d and len(d) == 10]


def _symbols(biblio: Element) -> list[str]:
    """IPC symbols: the leading one first, none twice."""
    old = [e.text or "" for p in ("main", "further") for e in biblio.iterfind(f"classification-ipc/{p}-classification")]
    parts = ("section", "class", "subclass", "main-group", "subgroup")
    new = []
    for entry in biblio.iterfind(".//classification-ipcr"):
        section, kind, subclass, group, subgroup = (entry.findtext(p, "").strip() for p in parts)
        if section and kind and subclass:
            new.append(
                f"{section}{kind}{subclass} {group}/{subgroup}" if group and subgroup else f"{section}{kind}{subclass}"
            )
    # a Locarno class stands in the same element of old designs: it has no letter
    return [s for s in dict.fromkeys([*old, *new]) if s[:1].isalpha()]


def _names(biblio: Element, path: str) -> list[str]:
    names = []
    for entry in biblio.iterfind(path):
        person = ", ".join(t for t in (entry.findtext("last-name"), entry.findtext("first-name")) if t)
        names.append(" ".join((entry.findtext("orgname") or person).split()))
    return [n for n in dict.fromkeys(names) if n]


def _inventors(biblio: Element) -> str | None:
    count = len(biblio.findall(".//inventors/inventor")) or sum(
        "inventor" in entry.get("app-type", "") for entry in biblio.iterfind(".//applicant")
    )
    return str(count) if count else None


def _citations(biblio: Element, patent: Row) -> list[Row]:
    leading = patent["ipc"][0] if patent["ipc"] else None
    owner = patent["owners"][0] if patent["owners"] else None
    rows = []
    for citation in biblio.iterfind(".//citation"):
        document = citation.find("patcit/document-id")
        if document is None:
            document = citation.find("us-patcit/document-id")
        if document is None:
            continue
        rows.append(
            {
                "citing_id": patent["patent_id"],
                "cited_id": _identifier(document.findtext("country"), document.findtext("doc-number")),
                "citing_date": patent["grant_date"],
                "citing_ipc": leading,
                "citing_owner": owner,
                "cited_date": _date(document.findtext("date")),
                "origin": "examiner" if "examiner" in citation.findtext("category", "") else "applicant",
            }
        )
    return rows


def _claims(root: Element, patent: Row) -> list[Row]:
    return [
        {
            "patent_id": patent["patent_id"],
            "claim_number": claim.get("num", "").lstrip("0") or str(place),
            "text": " ".join("".join(claim.itertext()).split()),
            "language": "en",
            "publication_date": patent["grant_date"],
            "independent": claim.find(".//claim-ref") is None,
        }
        for place, claim in enumerate(root.iterfind("claims/claim"), start=1)
    ]


def _schema(texts: list[str], **others: pa.DataType) -> pa.Schema:
    """Text in which a value is judged by the book's own rules, and a few columns of another type."""
    return pa.schema([*((name, pa.string()) for name in texts), *others.items()])


_PATENTS = _schema(
    [
        *("patent_id", "jurisdiction", "right", "kind", "application_date", "priority_date", "parent_filing_date"),
        *("publication_date", "grant_date", "n_inventors", "npl_citations", "n_claims", "term_adjustment_days"),
    ],
    ipc=pa.list_(pa.string()),
    owners=pa.list_(pa.string()),
)
_CITATIONS = _schema(["citing_id", "cited_id", "citing_date", "citing_ipc", "citing_owner", "cited_date", "origin"])
_CLAIMS = _schema(["patent_id", "claim_number", "text", "language", "publication_date"], independent=pa.bool_())
