"""Chinese spreadsheet exports (CNIPA search, incoPat and the like): one row a document, with Chinese headers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason
from ipvalue.records.book import Book
from ipvalue.sources.cnipa_numbers import Publication, application_digits, publications
from ipvalue.sources.cnipa_rows import STEPS, Rows, book_tables
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.reading.files import Source, inputs
from ipvalue.sources.reading.mapping import Columns, Field, documented
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.sources.registry import Format

__all__ = ["COLUMNS", "FORMAT", "read_cnipa"]

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
    refusals: dict[str, list[Refusal]] = {"patents": [], "legal_events": []}
    rows: Rows = []
    for source in inputs(*sources, suffixes=_SUFFIXES):
        table = open_table(source, [COLUMNS])
        before = len(rows)
        for batch in mapped(table, COLUMNS):
            whole = {f.target: [None] * batch.num_rows for f in COLUMNS} | batch.to_pydict()
            rows += [dict(zip(whole, cells)) for cells in zip(*whole.values())]
        for number, row in enumerate(rows[before:], 1):
            row["row"], row["place"] = number, source.name
        refusals["patents"] += table.refusals
    return assemble(book_tables(_keyed(rows, refusals["patents"]), refusals["legal_events"]), refusals, strict=strict)


def _keyed(rows: Rows, refusals: list[Refusal]) -> Rows:
    """Rows with the application that they belong to and their documents; those that name none are refused."""
    first = publications([row["publication"] for row in rows])
    grant = publications([row["grant_number"] for row in rows])
    for row, one, other in zip(rows, first, grant):
        digits = application_digits(row["application"])
        row |= {"digits": digits, "first": one, "granted": other, "key": _key(digits, one, other, row["application"])}
        if not row["key"]:
            shown = f"{row['application'] or ''} {row['publication'] or ''}".strip()
            detail = f"row {row['row']} of {row['place']} names no application or publication"
            refusals.append(Refusal(row["row"] - 1, "申请号", shown, Reason.UNREADABLE, detail))
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
