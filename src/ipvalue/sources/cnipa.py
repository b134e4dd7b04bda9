"""Chinese spreadsheet exports (CNIPA search, incoPat and similar), with Chinese headers and one document per row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason
from ipvalue.records.book import Book
from ipvalue.sources.cnipa_cells import (
    Notice,
    Publication,
    application_digits,
    application_id,
    earliest_priority,
    iso_day,
    iso_days,
    notices,
    publications,
    right_of_application,
)
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.joining.office_documents import (
    CLAIMS,
    FAMILY_MEMBERS,
    LEGAL_EVENTS,
    earliest_day,
    numbered_claims,
    table_of_rows,
)
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["COLUMNS", "FORMAT", "read_cnipa"]


# steps of the procedure that have their own column in exports, and their names in the gazette
_STEPS = {
    "examination_day": "实质审查的生效",
    "withdrawal_day": "发明专利申请公布后的视为撤回",
    "refusal_day": "发明专利申请公布后的驳回",
    "restoration_day": "权利的恢复",
    "abandonment_day": "专利权的视为放弃",
    "termination_day": "专利权的终止",
}
_PLEDGE, _RELEASE = "专利权质押合同登记的生效", "专利权质押合同登记的注销"
_DATES = ("application_date", "publication_date", "grant_date")
_SEVERAL = re.compile(r"[;；|｜\n]+")
_DOCUMENTS = re.compile(r"[;；|｜,，、\s]+")
_DOCUMENT = re.compile(r"[A-Z]{2}[A-Z]{0,2}\d{4,}[A-Z]?\d?")
_SYMBOL = re.compile(r"([A-H]\d\d[A-Z])\s*(\d{1,4}/\d{2,6})?")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_RIGHTS = {"外观": "design", "实用": "utility_model", "发明": "invention"}

_PLACE = ("row", "place")

Rows = list[dict[str, Any]]
"""Rows of an export, with their cells by column."""


def _book_tables(rows: Rows, rejects: list[Reject]) -> dict[str, pa.Table]:
    """Tables of the book. Announcements that cannot be read are added to the rejects.

    Each row has the cells of the export, ``key`` (its application), ``digits``, and the documents ``first`` and
    ``granted`` that it names.
    """
    patents: Rows = []
    tables: dict[str, Rows] = {"citations": [], "claims": [], "legal_events": [], "family_members": []}
    names = _identifiers(rows)
    applications: dict[str, Rows] = {}
    for row in rows:
        _complete(row)
        applications.setdefault(row["key"], []).append(row)
    for _, documents in sorted(applications.items()):
        # the grant first, because its classes, owners and claims are those of the right; the row order does not matter
        documents.sort(key=lambda d: (not d["is_grant"], *(str(v or "") for c, v in d.items() if c not in _PLACE)))
        patent = _patent(documents, names)
        patents.append(patent)
        for document in documents:
            tables["claims"] += _claims(patent, document)
            tables["citations"] += _citations(patent, document, names)
            if patent["jurisdiction"] == "CN":
                tables["legal_events"] += _events(patent, document, rejects)
        tables["family_members"] += _family(patent, documents, names)
    return {
        name: table_of_rows(found)
        for name, found in {"patents": patents, **tables}.items()
        if found or name == "patents"
    }


def _complete(document: dict[str, Any]) -> None:
    """Convert the dates of a document to ISO form, and add whether it is a grant."""
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
    return earliest_day(d[column] for d in documents)


def _patent(documents: Rows, names: dict[str, str]) -> dict[str, Any]:
    named = sorted((d["named"] for d in documents if d["named"]), key=lambda p: (not p.granted, p.document, p.kind))
    chosen = named[0] if named else None
    digits = _first(documents, "digits") or ""
    kind = _first(documents, "type")
    named_right = next((right for word, right in _RIGHTS.items() if kind and word in kind), None)
    return {
        "patent_id": chosen.document if chosen else application_id(digits),
        "jurisdiction": chosen.office if chosen else "CN",
        "kind": chosen.kind if chosen and chosen.kind else None,
        "right": named_right or right_of_application(digits),
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
    """IPC symbols, the main one first, without version, indexing codes and Locarno classes."""
    cells = [_first(documents, "main_class"), *(_first(documents, "ipc") or "").split("//")[:1]]
    found = [" ".join(parts).strip() for cell in cells for parts in _SYMBOL.findall((cell or "").upper())]
    return list(dict.fromkeys(found))


def _tokens(text: str | None) -> list[str]:
    """The document numbers in a cell, without other literature."""
    return [token for token in _DOCUMENTS.split((text or "").upper()) if _DOCUMENT.fullmatch(token)]


def _identifiers(rows: Rows) -> dict[str, str]:
    """Identifiers of all documents in the lists of the rows, by printed number."""
    cells = (row[column] for row in rows for column in ("cited", "citing", "family") if row[column])
    tokens = list(dict.fromkeys(token for cell in cells for token in _tokens(cell)))
    return {token: found.document for token, found in zip(tokens, publications(tokens)) if found}


def _named(cells: Iterable[str | None], names: dict[str, str]) -> list[str]:
    """Identifiers of the documents listed in cells, each once."""
    return list(dict.fromkeys(names[token] for cell in cells for token in _tokens(cell) if token in names))


def _citations(patent: dict[str, Any], document: dict[str, Any], names: dict[str, str]) -> Rows:
    own = patent["patent_id"]
    backward = [{"citing_id": own, "cited_id": cited} for cited in _named([document["cited"]], names)]
    return backward + [{"citing_id": citing, "cited_id": own} for citing in _named([document["citing"]], names)]


def _claims(patent: dict[str, Any], document: dict[str, Any]) -> Rows:
    text = document["claims"]
    if not text:
        return []
    shared = ("zh" if _CHINESE.search(text) else None, document["grant_date"] or document["publication_date"])
    return [dict(zip(CLAIMS, (patent["patent_id"], *claim, *shared))) for claim in numbered_claims(text)]


def _events(patent: dict[str, Any], document: dict[str, Any], rejects: list[Reject]) -> Rows:
    columns = ("status", "status_day", "status_text", "status_code")
    found = notices(*(document[name] for name in columns))
    if found is None:
        shown = f"{document['status']} | {document['status_day']}"
        detail = f"row {document['row']} of {document['place']} has more or fewer announcements than dates"
        rejects.append(Reject(document["row"] - 1, "法律状态公告日", shown, Reason.UNREADABLE, detail))
        found = []
    for name, text in _STEPS.items():
        found += [Notice(day, day, None, text, None) for day in _days(document[name])]
    pledgee = f";质权人:{document['pledgee']}" if document["pledgee"] else ""
    numbers = _split(document["pledge_number"])
    for column, text in (("pledge_day", _PLEDGE), ("pledge_end", _RELEASE)):
        for place, day in enumerate(_days(document[column])):
            number = numbers[place] if place < len(numbers) else None
            found.append(Notice(day, day, None, text + pledgee, number))
    return [
        dict(
            zip(
                LEGAL_EVENTS,
                (patent["patent_id"], n.effective, n.announced, "CN", "cnipa", n.code, n.text or None, n.detail),
            )
        )
        for n in found
    ]


def _days(text: str | None) -> list[str]:
    """The dates in a cell. Other text is returned unchanged, so that the book rejects it."""
    return iso_days(text) or ([text] if text else [])


def _family_id(documents: Rows, names: dict[str, str]) -> str | None:
    """The export's own number, or else the first member in sorted order, which is the same for all members."""
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
    listed = {document for document, *_ in own}
    members = [(m, m[:2], "", None, m) for m in _named((d["family"] for d in documents), names) if m not in listed]
    return [
        dict(zip(FAMILY_MEMBERS, (patent["family_id"], office, kind or None, day, identifier)))
        for _, office, kind, day, identifier in own + members
    ]


_NOTHING = ["", "NA", "N/A", "NULL", "NONE", "-", "--", "/", "无", "暂无"]


def _tidy(values: pa.Array) -> pa.Array:
    """Text with full-width characters replaced and no spaces around it. Placeholders become null."""
    text = pc.utf8_trim_whitespace(pc.utf8_normalize(values, form="NFKC"))
    return pc.if_else(pc.is_in(pc.utf8_upper(text), pa.array(_NOTHING)), pa.scalar(None, pa.string()), text)


(COLUMNS,) = read_mappings("cnipa", tidy=_tidy, trim=pc.utf8_trim_whitespace)

FORMAT = Format(
    "cnipa",
    "Chinese spreadsheet export (CNIPA and other databases)",
    "read_cnipa",
    parts=(COLUMNS,),
    fills={"patents": ("patent_id", "jurisdiction", "right")},
)


@documented(COLUMNS)
def read_cnipa(*sources: Source, strict: bool = False) -> Book:
    """Read Chinese exports as a book of patents, claims, register events, citations and families.

    Parameters
    ----------
    *sources : path or Input
        CSV files (UTF-8 or GB18030) or workbooks, archives or folders of them: bibliographic lists and lists of
        announcements, in any order.
    {strict}

    Returns
    -------
    Book
        Rows of all files with the same application number are one patent. A row without an application or publication
        number is rejected as ``unreadable``, and so are announcements whose number differs from that of their dates.
        A patent without a filing date is rejected as ``missing``.

    {raises}

    Notes
    -----
    Case, width, spaces and brackets of headers are ignored, and so are rows before the header.

    {columns}

    Assumptions:

    - A patent is named by the number of its grant, or else of its first publication, or else of its application. Before
      2010 a grant has another number than its application. Check digits are ignored, because the digits before them
      identify an application.
    - A publication whose kind code is that of a grant (B, C, U, Y, S, D) was published on the day of grant.
    - An announcement has the date of the gazette (``announced_date``). It takes effect on the date in its text
      (登记生效日, 解除日, 变更日, 备案日, 终止日, 决定日), or else on the date of the gazette. ``detail`` is the 登记号
      of a pledge, the 合同备案号 of a licence or the days of a term adjustment. :mod:`ipvalue.law.events` interprets
      the text. A cell may contain several announcements. A status without a date (有效, 失效) is not an event and is
      not read.
    - A column for one step (such as 实质审查生效日) is read as an announcement on that date.
    - A pledge with its own columns was announced on the day on which it took effect, because no other date is known.
    - Claims are those of the row's document, which is the grant if the row has a grant date.
    - A citing document has a date only if it is in the book itself. Members of families have no dates and are therefore
      not counted, except for the row's own documents.
    - 主权项 is only one claim and is not read as the claim set. 被引证次数 is not read because it names no document.

    For documents of other offices, the bibliography is read, but not the status, which is in Chinese words.

    References
    ----------
    CNIPA standards ZC 0006 (application numbers) and ZC 0007 (publication numbers); Patent Gazette of CNIPA.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "list.csv"
    >>> _ = path.write_text("申请号,申请日,公开（公告）号,公开（公告）日,法律状态,法律状态公告日\\n"
    ...     "ZL201911130921.9,2019年11月18日,CN110825000B,2021.3.5,专利权的转移,20220701\\n", encoding="gb18030")
    >>> book = read_cnipa(path)
    >>> book["patents"].select(["patent_id", "application_date", "grant_date"]).to_pylist()
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'patent_id': 'CN-110825000', 'application_date': datetime.date(2019, 11, 18),
      'grant_date': datetime.date(2021, 3, 5)}]
    >>> book["legal_events"]["text"].to_pylist()
    ['专利权的转移']
    """
    rejects: dict[str, list[Reject]] = {"patents": [], "legal_events": []}
    rows: Rows = []
    for source in inputs(*sources, suffixes=TABLES):
        table = open_table(source, [COLUMNS])
        before = len(rows)
        for batch in mapped(table, COLUMNS):
            cells = {f.target: [None] * batch.num_rows for f in COLUMNS} | batch.to_pydict()
            rows += [dict(zip(cells, row)) for row in zip(*cells.values())]
        for number, row in enumerate(rows[before:], 1):
            row["row"], row["place"] = number, source.name
        rejects["patents"] += table.rejects
    return assemble(_book_tables(_keyed(rows, rejects["patents"]), rejects["legal_events"]), rejects, strict=strict)


def _keyed(rows: Rows, rejects: list[Reject]) -> Rows:
    """Rows with their documents and the key of their application. Rows without a number are rejected."""
    first = publications([row["publication"] for row in rows])
    grant = publications([row["grant_number"] for row in rows])
    for row, one, other in zip(rows, first, grant):
        digits = application_digits(row["application"])
        row |= {"digits": digits, "first": one, "granted": other, "key": _key(digits, one, other, row["application"])}
        if not row["key"]:
            shown = f"{row['application'] or ''} {row['publication'] or ''}".strip()
            detail = f"row {row['row']} of {row['place']} names no application or publication"
            rejects.append(Reject(row["row"] - 1, "申请号", shown, Reason.UNREADABLE, detail))
    # a document that another row assigns to an application belongs to that application
    named = sorted((row["key"], p.document) for row in rows for p in (row["first"], row["granted"]) if p)
    tied = {document: key for key, document in named if key.startswith("#")}
    return [row | {"key": tied.get(row["key"], row["key"])} for row in rows if row["key"]]


def _key(digits: str, first: Publication | None, grant: Publication | None, application: str | None) -> str:
    """The key of an application: ``#`` and its number, or else the number of a publication."""
    document = grant or first
    if digits:
        return f"#{digits}"
    if document is None:
        return ""
    return f"#{document.office}{application}" if application and document.office != "CN" else document.document
