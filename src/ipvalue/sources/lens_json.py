"""Records of Lens.org's interface as rows of the book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.json_documents import records
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.sources.reading.trees import at, column, each, text

__all__ = ["RECORD_KEYS", "read_records"]

RECORD_KEYS = ("lens_id", "doc_number", "biblio")

_ORIGIN = {"APP": "applicant", "EXA": "examiner", "SEA": "examiner", "ISR": "examiner", "PRS": "examiner"}
_LIST = pa.list_(pa.string())

Row = dict[str, Any]


def read_records(sources: Iterable[Input], refusals: list[Refusal]) -> dict[str, pa.Table]:
    """Read JSON files as tables: patents with their application's number, citations, claims, family members."""
    rows: dict[str, list[Row]] = {"patents": [], "citations": [], "claims": [], "family_members": []}
    for source in sources:
        for record in records(source, under=("data",)):
            if record.problem or not isinstance(record.value, dict):
                refusals.append(record._replace(problem=record.problem or "it is no object").refusal(source.name))
            else:
                _add(rows, record.value)
    return {
        "patents": pa.table({name: column(rows["patents"], name, kind) for name, kind in _PATENTS.items()}),
        **{
            table: pa.table({name: column(rows[table], name) for name in names})
            for table, names in _OTHERS.items()
            if rows[table]
        },
    }


_PATENTS = {
    **dict.fromkeys(("patent_id", "jurisdiction", "kind", "application_date", "priority_date"), pa.string()),
    **dict.fromkeys(("publication_date", "grant_date", "family_id", "application", "lens_id"), pa.string()),
    **dict.fromkeys(("ipc", "owners"), _LIST),
    **dict.fromkeys(("n_inventors", "npl_citations"), pa.string()),
}
_OTHERS = {
    "citations": ("citing_id", "cited_id", "citing_date", "cited_date", "origin", "category"),
    "claims": ("patent_id", "claim_number", "text", "language", "publication_date"),
    "family_members": ("family_id", "jurisdiction", "kind", "publication_date", "patent_id"),
}


def _add(rows: dict[str, list[Row]], record: Row) -> None:
    office, number = text(record, "jurisdiction"), text(record, "doc_number")
    own = document_ids([office], [number])[0]
    published = text(record, "date_published") or text(record, "biblio", "publication_reference", "date")
    family = list(_members(record))
    named = sorted(m["patent_id"] for m in family if m["patent_id"])
    family_id = min(named[0], own) if named and own else None
    rows["patents"].append(_patent(record, own, published, family_id))
    rows["citations"] += _citations(record, own, published)
    rows["claims"] += _claims(record, own, published)
    rows["family_members"] += [{**member, "family_id": family_id} for member in family if family_id]


def _patent(record: Row, own: str | None, published: str | None, family_id: str | None) -> Row:
    biblio = at(record, "biblio")
    application = at(biblio, "application_reference")
    parts = [text(application, key) for key in ("jurisdiction", "doc_number", "kind")]
    granted = text(record, "publication_type") == "GRANTED_PATENT"
    claims = [text(c, "date") for c in each(biblio, "priority_claims", "claims")]
    owners = _names(biblio, "owners_all") or _names(biblio, "applicants")
    symbols = [text(c, "symbol") for c in each(biblio, "classifications_ipcr", "classifications")]
    symbols = symbols or [text(c, "symbol") for c in each(biblio, "classifications_cpc", "classifications")]
    return {
        "patent_id": own,
        "jurisdiction": text(record, "jurisdiction"),
        "kind": text(record, "kind"),
        "application_date": text(application, "date"),
        "priority_date": text(biblio, "priority_claims", "earliest_claim", "date")
        or min(filter(None, claims), default=None),
        "publication_date": published,
        "grant_date": text(record, "legal_status", "grant_date") or (published if granted else None),
        "family_id": family_id,
        "application": " ".join(p for p in parts if p) if parts[1] else None,
        "lens_id": text(record, "lens_id"),
        "ipc": [s for s in symbols if s] or None,
        "owners": owners or None,
        "n_inventors": str(len(inventors)) if (inventors := _names(biblio, "inventors")) else None,
        "npl_citations": text(biblio, "references_cited", "npl_count"),
    }


def _names(biblio: Any, role: str) -> list[str]:
    names = [text(party, "extracted_name", "value") for party in each(biblio, "parties", role)]
    return list(dict.fromkeys(name for name in names if name))


def _document(reference: Any) -> tuple[str | None, str | None]:
    """Identifier and date of a document that is referred to."""
    document = at(reference, "document_id")
    name = document_ids([text(document, "jurisdiction")], [text(document, "doc_number")])[0]
    return name, text(document, "date")


def _citations(record: Row, own: str | None, published: str | None) -> Iterator[Row]:
    for citation in each(record, "biblio", "references_cited", "citations"):
        cited, date = _document(at(citation, "patcit"))
        if cited:
            phase = text(citation, "cited_phase") or ""
            categories = [c for c in each(citation, "category") if isinstance(c, str)]
            yield {
                "citing_id": own,
                "cited_id": cited,
                "citing_date": published,
                "cited_date": date,
                "origin": _ORIGIN.get(phase.upper()),
                "category": "".join(categories)[:4].upper() or None,
            }
    for citation in each(record, "biblio", "cited_by", "patents"):
        citing, date = _document(citation)
        if citing:
            yield {"citing_id": citing, "cited_id": own, "citing_date": date, "cited_date": published}


def _claims(record: Row, own: str | None, published: str | None) -> Iterator[Row]:
    for claim_set in each(record, "claims")[:1]:
        for number, claim in enumerate(each(claim_set, "claims"), 1):
            wording = " ".join(part for part in each(claim, "claim_text") if isinstance(part, str))
            if wording.strip():
                yield {
                    "patent_id": own,
                    "claim_number": str(number),
                    "text": wording,
                    "language": text(claim_set, "lang"),
                    "publication_date": published,
                }


def _members(record: Row) -> Iterator[Row]:
    for member in each(record, "families", "simple_family", "members"):
        name, date = _document(member)
        office = text(member, "document_id", "jurisdiction")
        if office:
            kind = text(member, "document_id", "kind")
            yield {"jurisdiction": office, "kind": kind, "publication_date": date, "patent_id": name}
