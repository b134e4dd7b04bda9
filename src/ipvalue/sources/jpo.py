"""JPO patent information interface: saved JSON answers on progress, registration, citations and priorities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ipvalue.errors import Reason
from ipvalue.records.book import Book
from ipvalue.sources.joining.office_documents import LEGAL_EVENTS, CitedDocument, Document, Entry, book_of_documents
from ipvalue.sources.reading.files import Source, inputs
from ipvalue.sources.reading.json_records import Record, records
from ipvalue.sources.reading.mapping import documented
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format
from ipvalue.sources.wipo import day, tidy

__all__ = ["FORMAT", "read_jpo"]

# eras by their digit in a number: the letter used before 2000, and the year before the era began
_ERAS = {"3": ("S", 1925), "4": ("H", 1988), "5": ("R", 2018)}
_ERA_NUMBER = re.compile(r"JP[AU]\s*([345])(\d\d)(\d{6})")
_WESTERN_YEARS = 2000
_OF_THE_FILE = "A63"

FORMAT = Format(
    "jpo",
    "JPO patent information interface answers",
    "read_jpo",
    keys=("result", "statusCode", "remainAccessCount"),
    fills={
        "patents": (
            *("patent_id", "jurisdiction", "kind", "application_date", "priority_date", "publication_date"),
            *("grant_date", "owners", "n_claims"),
        ),
        "citations": ("citing_id", "cited_id", "citing_date", "origin"),
        "legal_events": LEGAL_EVENTS,
    },
)


@documented()
def read_jpo(*sources: Source, strict: bool = False) -> Book:
    """Read saved answers of the Japan Patent Office's interface as a book of patents, events and citations.

    Parameters
    ----------
    *sources : path or Input
        JSON answers, archives or folders of them, in any order. Answers about one application are joined.
    {strict}

    Returns
    -------
    Book
        An answer that names no application is rejected as ``unreadable``, with its message. An application whose filing
        date is in no answer is rejected as ``missing``.

    {raises}

    Notes
    -----
    =============================  =================================================================================
    column                         key below result.data
    =============================  =================================================================================
    patents.patent_id              registrationNumber, else ADPublicationNumber (publicationNumber if that is written
                                   with the western year)
    patents.kind                   B2 if registered, else A; the answers do not contain it
    patents.application_date       filingDate
    patents.publication_date       publicationDate
    patents.grant_date             registrationDate
    patents.priority_date          priorityRightInformation: the earliest Paris or national priority
    patents.owners                 rightPersonInformation, else the applicants of applicantAttorney (class 1)
    patents.n_claims               numberOfClaims
    citations.cited_id             patentDoc.documentNumber; in ``JPA 414233033``, 4 means Heisei and 14 is its year
    citations.citing_date          patentDoc.draftDate of the notice; all citations are from the examiner
    legal_events                   bibliographyInformation.documentList: documentCode, legalDate, documentDescription;
                                   without the documents of the filing (A63)
    legal_events, fees             lastPaymentYearly as R250 on updateDate
    legal_events, end              disappearanceDate as EXPY on expireDate, else LAPS; known on updateDate
    =============================  =================================================================================

    Events before the first publication became known with it, so they are announced on publicationDate.

    References
    ----------
    JPO, Patent Information Retrieval API, data specification.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "progress.json"
    >>> _ = path.write_text('{"result": {"statusCode": "100", "data": {"applicationNumber": "2020123456", '
    ...     '"filingDate": "20200720", "ADPublicationNumber": "2021090037", "publicationDate": "20210610"}}}')
    >>> read_jpo(path)["patents"].select(["patent_id", "application_date"]).to_pylist()
    [{'patent_id': 'JP-2021090037', 'application_date': datetime.date(2020, 7, 20)}]
    """
    found: list[Document] = []
    rejects: list[Reject] = []
    for source in inputs(*sources, suffixes=(".json",)):
        for record in records(source):
            documents, problem = _read(record)
            found += documents
            if problem:
                where = f"{source.name}, answer {record.row + 1}"
                rejects.append(Reject(len(rejects), "patent_id", where, Reason.UNREADABLE, problem))
    nothing = "no file contains an answer of the JPO's interface that names an application"
    return book_of_documents(found, rejects, nothing, strict=strict)


def _read(record: Record) -> tuple[list[Document], str]:
    """The publications in an answer, or why there are none."""
    result = record.value.get("result") if isinstance(record.value, dict) else None
    if record.problem or not isinstance(result, dict):
        return [], record.problem or "it has no key 'result'"
    data = result.get("data")
    if not isinstance(data, dict) or not _text(data, "applicationNumber"):
        message = f"{_text(result, 'statusCode') or ''} {_text(result, 'errorMessage') or ''}".strip()
        return [], f"it names no application (status {message})" if message else "it names no application"
    return list(_documents(data)), ""


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _items(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = data.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _documents(data: dict[str, Any]) -> Iterator[Document]:
    application = f"JP{_text(data, 'applicationNumber')}"
    published = day(_text(data, "publicationDate"))
    number = _text(data, "ADPublicationNumber") or _text(data, "publicationNumber")
    registered, updated = _text(data, "registrationNumber"), day(_text(data, "updateDate"))
    first = Document("JP", number, "A", published, application, day(_text(data, "filingDate")))
    if not number:
        first.kind = None
    first.priorities = _priorities(data)
    first.owners = _names(data)
    first.n_claims = _text(data, "numberOfClaims")
    first.entries = [*_entries(data, published), *_of_the_register(data, updated)]
    yield first
    if registered:
        yield Document("JP", registered, "B2", day(_text(data, "registrationDate")), application)
    for notice in sorted({_text(item, "draftDate") or "" for item in _items(data, "patentDoc")}):
        items = [item for item in _items(data, "patentDoc") if (_text(item, "draftDate") or "") == notice]
        cited = [_cited(_text(item, "documentNumber") or "") for item in items]
        yield Document("JP", None, None, day(notice), application, citations=cited)


def _priorities(data: dict[str, Any]) -> list[str]:
    keys = ("parisPriorityDate", "nationalPriorityDate")
    days = [day(_text(item, key)) for item in _items(data, "priorityRightInformation") for key in keys]
    return [found for found in days if found]


def _names(data: dict[str, Any]) -> list[str]:
    holders = [_text(item, "rightPersonName") for item in _items(data, "rightPersonInformation")]
    parties = _items(data, "applicantAttorney")
    applicants = [_text(item, "name") for item in parties if _text(item, "applicantAttorneyClass") == "1"]
    return list(dict.fromkeys(tidy(name) for name in (holders or applicants) if name))


def _entries(data: dict[str, Any], published: str | None) -> list[Entry]:
    found = []
    for part in _items(data, "bibliographyInformation"):
        for item in _items(part, "documentList"):
            code, since = _text(item, "documentCode"), day(_text(item, "legalDate"))
            if code and code != _OF_THE_FILE:
                known = max(filter(None, (since, published)), default=None)
                found.append(Entry(since, known, "JP", "inpadoc", code, _text(item, "documentDescription"), None))
    return list(dict.fromkeys(found))


def _of_the_register(data: dict[str, Any], updated: str | None) -> list[Entry]:
    """The last fee paid and the end of the right, as the register stated them on a day."""
    found = []
    year, end = (_text(data, "lastPaymentYearly") or "").lstrip("0"), day(_text(data, "disappearanceDate"))
    if year and updated:
        found.append(Entry(updated, updated, "JP", "inpadoc", "R250", None, year))
    if end:
        code = "EXPY" if end == day(_text(data, "expireDate")) else "LAPS"
        found.append(Entry(end, max(filter(None, (end, updated))), "JP", "inpadoc", code, None, None))
    return found


def _cited(printed: str) -> CitedDocument:
    """A cited document. Japanese numbers contain the year of an era."""
    era = _ERA_NUMBER.fullmatch(printed.strip())
    if era is None:
        office, number = printed[:2], re.sub(r"^[A-Z]{2,3}\s*", "", printed)
        return CitedDocument(office if office.isalpha() else None, number or None, None, "examiner", None)
    letter, before = _ERAS[era[1]]
    year = before + int(era[2])
    number = f"{year}{era[3]}" if year >= _WESTERN_YEARS else f"{letter}{era[2]}{era[3]}"
    return CitedDocument("JP", number, None, "examiner", None)
