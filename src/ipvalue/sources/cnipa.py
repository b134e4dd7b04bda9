"""Chinese spreadsheet exports (CNIPA search, incoPat and the like): one row a document, with Chinese headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

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
from ipvalue.sources.joining.office_documents import numbered_claims
from ipvalue.sources.reading.files import Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field, documented
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["COLUMNS", "FORMAT", "read_cnipa"]


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


def book_tables(rows: Rows, rejects: list[Reject]) -> dict[str, pa.Table]:
    """Make the book's tables of the rows of an export.

    Parameters
    ----------
    rows : list of dict
        One row a document: the export's cells, ``key`` (its application), ``digits``, and the documents ``first``
        and ``granted`` that it names.
    rejects : list of Reject
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
                tables["legal_events"] += _events(patent, document, rejects)
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


def _events(patent: dict[str, Any], document: dict[str, Any], rejects: list[Reject]) -> Rows:
    columns = ("status", "status_day", "status_text", "status_code")
    told = notices(*(document[name] for name in columns))
    if told is None:
        shown = f"{document['status']} | {document['status_day']}"
        detail = f"row {document['row']} of {document['place']} has more or fewer announcements than days"
        rejects.append(Reject(document["row"] - 1, "法律状态公告日", shown, Reason.UNREADABLE, detail))
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


_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xls")
_NOTHING = ["", "NA", "N/A", "NULL", "NONE", "-", "--", "/", "无", "暂无"]


def _tidy(values: pa.Array) -> pa.Array:
    """Full-width letters, digits and marks as plain ones, no blanks around; what says nothing as null."""
    text = pc.utf8_trim_whitespace(pc.utf8_normalize(values, form="NFKC"))
    return pc.if_else(pc.is_in(pc.utf8_upper(text), pa.array(_NOTHING)), pa.scalar(None, pa.string()), text)


def _as_it_stands(values: pa.Array) -> pa.Array:
    """Claims, in which ``①`` and ``℃`` must stay."""
    return pc.utf8_trim_whitespace(values)


def _field(target: str, *headers: str, gives: str = "", note: str = "", required: bool = False) -> Field:
    return Field(target, headers, _tidy, required, note, bool(gives), gives)


_TEXT, _DAY = "legal_events.text", "legal_events.announced_date"
COLUMNS = Columns(
    "patents",
    (
        _field("application", "申请号", "专利申请号", "专利号", "app_num", gives="patent_id", required=True),
        _field("publication", "公开（公告）号", "公开号", "公告号", "文献号", "pub_num", gives="kind"),
        _field("grant_number", "授权公告号", "授权号", gives="kind", note="before the other number"),
        _field("type", "专利类型", "文献类型", "专利类别", gives="right"),
        _field("application_date", "申请日", "申请日期", "app_date"),
        _field("publication_date", "公开（公告）日", "公开日", "公告日", "pub_date"),
        _field("grant_date", "授权公告日", "授权日", "授权日期", "grant"),
        _field("priority_date", "优先权日", "最早优先权日", "优先权", "优先权信息", "priority", note="the earliest"),
        _field("main_class", "主分类号", "IPC主分类号", "IPC主分类", "main_IPC", gives="ipc", note="the first"),
        _field("ipc", "IPC分类号", "分类号", "IPC", "国际专利分类号", "国际分类号"),
        _field("owners", "当前权利人", "当前专利权人", "当前申请（专利权）人", "专利权人"),
        _field("applicants", "申请（专利权）人", "申请人", gives="owners", note="where there are no owners"),
        _field("inventors", "发明人", "发明（设计）人", gives="n_inventors", note="counted"),
        _field("n_inventors", "发明人数量", "发明人数", "total_inventers"),
        _field("n_claims", "权利要求数量", "权利要求数", "权利要求项数", "权项数", "total_claims"),
        Field(
            "claims",
            ("权利要求", "权利要求书", "全部权利要求"),
            _as_it_stands,
            note="cut at their numbers",
            own=True,
            gives="claims.text",
        ),
        _field("status", "法律状态", "法律状态公告", "当前法律状态", "法律事件", gives=_TEXT),
        _field("status_day", "法律状态公告日", "法律状态日期", "法律状态公告日期", gives=_DAY),
        _field("status_text", "法律状态信息", "法律状态历史", "法律状态详情", gives=_TEXT),
        _field("status_code", "事务数据代码", "法律状态代码", gives="legal_events.code"),
        _field("pledge_day", "质押生效日", "质押登记日", "质押日期", "质押登记生效日", gives=_DAY, note="a pledge"),
        _field("pledge_number", "质押登记号", "质押合同登记号", gives="legal_events.detail"),
        _field("pledge_end", "质押解除日", "质押注销日", "质押解除日期", gives=_DAY, note="its release"),
        _field("pledgee", "质权人", gives=_TEXT),
        *(_field(target, *step.headers, gives=_DAY, note=step.text) for target, step in STEPS.items()),
        _field("cited", "引证专利", "引证", "引证文献", "引用专利", "专利引证", gives="citations.cited_id"),
        _field("citing", "被引证专利", "被引证", "被引证文献", "被引用专利", gives="citations.citing_id"),
        _field("family_id", "同族号", "简单同族编号", "简单同族号", "同族编号"),
        _field("family", "简单同族", "同族", "同族专利", "扩展同族", gives="family_members.patent_id"),
    ),
)

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
        CSV (UTF-8 with or without mark, GB18030) or XLSX, also packed, or folders of them: bibliographic lists and
        lists of announcements, in any order.
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book
        Rows with one application number are one patent, whichever file they stand in. A row without any number of an
        application or publication is refused as ``unreadable``, and so are announcements whose days and texts
        differ in number; what has no filing date is refused as ``missing``.

    Raises
    ------
    SourceError
        If a file can't be read or has no column of application numbers.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    Case, width, spaces and brackets of headers don't count, nor do rows before the header.

    {columns}

    Assumed:

    - A patent is named by the number of its grant, else of its first publication, else of its application. Before
      2010 a grant bears another number than its application. Check digits don't count: the digits before them name
      an application.
    - A publication whose kind is that of a grant (B, C, U, Y, S, D) was published on the day of grant.
    - Announcements have the day of the gazette (``announced_date``) and take effect on the day that their text names
      (登记生效日, 解除日, 变更日, 备案日, 终止日, 决定日), else on the day of the gazette. ``detail`` is the 登记号 of
      a pledge, the 合同备案号 of a licence, the days of a term adjustment. :mod:`ipvalue.law.events` reads the
      text. Several may stand in a cell. A state without a day (有效, 失效) is no event and is not read.
    - The columns of single steps (实质审查生效日 and so on) are read as announcements of that day.
    - A pledge in columns of its own was announced on the day on which it took effect, which is all that is known.
    - Claims are those of the row's document: of the grant where the row has a day of grant.
    - A citing document is dated only if it is in the book itself. Families list their members without dates, and
      such a member is never counted; the row's own documents are dated.
    - 主权项 is one claim of many and is not read as the claim set, nor is 被引证次数, which names no document.

    Documents of other offices keep their bibliography; their states, in Chinese words, are not read.

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
    for source in inputs(*sources, suffixes=_SUFFIXES):
        table = open_table(source, [COLUMNS])
        before = len(rows)
        for batch in mapped(table, COLUMNS):
            whole = {f.target: [None] * batch.num_rows for f in COLUMNS} | batch.to_pydict()
            rows += [dict(zip(whole, cells)) for cells in zip(*whole.values())]
        for number, row in enumerate(rows[before:], 1):
            row["row"], row["place"] = number, source.name
        rejects["patents"] += table.rejects
    return assemble(book_tables(_keyed(rows, rejects["patents"]), rejects["legal_events"]), rejects, strict=strict)


def _keyed(rows: Rows, rejects: list[Reject]) -> Rows:
    """Rows with the application that they belong to and their documents; those that name none are refused."""
    first = publications([row["publication"] for row in rows])
    grant = publications([row["grant_number"] for row in rows])
    for row, one, other in zip(rows, first, grant):
        digits = application_digits(row["application"])
        row |= {"digits": digits, "first": one, "granted": other, "key": _key(digits, one, other, row["application"])}
        if not row["key"]:
            shown = f"{row['application'] or ''} {row['publication'] or ''}".strip()
            detail = f"row {row['row']} of {row['place']} names no application or publication"
            rejects.append(Reject(row["row"] - 1, "申请号", shown, Reason.UNREADABLE, detail))
    # a document that another row ties to an application belongs to it
    named = sorted((row["key"], p.document) for row in rows for p in (row["first"], row["granted"]) if p)
    tied = {document: key for key, document in named if key.startswith("#")}
    return [row | {"key": tied.get(row["key"], row["key"])} for row in rows if row["key"]]


def _key(digits: str, first: Publication | None, grant: Publication | None, application: str | None) -> str:
    """What rows of one application have in common: ``#`` and its number, else the number of a publication."""
    document = grant or first
    if digits:
        return f"#{digits}"
    if document is None:
        return ""
    return f"#{document.office}{application}" if application and document.office != "CN" else document.document
