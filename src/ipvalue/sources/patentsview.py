"""PatentsView bulk tables: tab-separated files of US grants, as the granted-patent release has them (``g_*.tsv``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources import converters as to
from ipvalue.sources.assemble import assemble, open_table
from ipvalue.sources.files import Input, inputs
from ipvalue.sources.mapping import Columns, Field, documented
from ipvalue.sources.refusals import Refusal
from ipvalue.sources.registry import Format

__all__ = ["read_patentsview"]


def _us(values: pa.Array) -> pa.Array:
    """Numbers of US grants as identifiers; a number has no office in front and no leading zeros here."""
    text = pc.utf8_ltrim(pc.utf8_trim_whitespace(values), "0")
    return pc.binary_join_element_wise("US", text, "-")


def _rights(values: pa.Array) -> pa.Array:
    """Reissues are inventions; what is no right to exclude (SIR, defensive publications) is left for the book."""
    kind = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    return pc.if_else(pc.is_in(kind, pa.array(["utility", "reissue"])), pa.scalar("invention"), kind)


def _origins(values: pa.Array) -> pa.Array:
    """Who brought a citation; what neither an examiner nor a third party cited came from the applicant."""
    text = pc.utf8_lower(values)
    origin = pc.if_else(pc.match_substring(text, "examiner"), pa.scalar("examiner"), pa.scalar("applicant"))
    origin = pc.if_else(pc.match_substring(text, "third party"), pa.scalar("third_party"), origin)
    known = pc.fill_null(pc.match_substring_regex(text, "examiner|third party|applicant|other"), False)
    return pc.if_else(known, origin, pa.scalar(None, pa.string()))


def _independent(values: pa.Array) -> pa.Array:
    """A claim on which no other is named is independent."""
    text = pc.fill_null(pc.utf8_trim_whitespace(values), "")
    return pc.if_else(pc.is_in(text, pa.array(["", "-1"])), pa.scalar("true"), pa.scalar("false"))


def _days(values: pa.Array) -> pa.Array:
    """Dates in which an unknown day (00) is the month's first, an unknown month the year's."""
    text = to.dates(values)
    return pc.replace_substring_regex(pc.replace_substring(text, "-00-", "-01-"), r"-00$", "-01")


def _own(name: str, *headers: str, gives: str = "", required: bool = False, convert: object = None) -> Field:
    return Field(name, headers or (name,), convert, required=required, own=True, gives=gives)  # type: ignore[arg-type]


_ID = ("patent_id", "number")

PATENT = Columns(
    "patents",
    (
        Field("patent_id", _ID, _us, required=True),
        Field("right", ("patent_type", "type"), _rights, required=True, note="utility and reissue are inventions"),
        Field("grant_date", ("patent_date", "date"), to.dates, required=True),
        Field("kind", ("wipo_kind", "kind")),
        Field("n_claims", ("num_claims",), note="0 is unknown"),
        _own("withdrawn"),
    ),
    "g_patent",
)
APPLICATION = Columns(
    "patents",
    (
        _own("patent", *_ID, required=True, convert=_us),
        Field("application_date", ("filing_date", "application_date"), to.dates, required=True),
        _own("application", "application_id", required=True),
    ),
    "g_application",
)
CITATION = Columns(
    "citations",
    (
        Field("citing_id", ("patent_id",), _us, required=True),
        Field("cited_id", ("citation_patent_id", "citation_id"), _us, required=True),
        Field("cited_date", ("citation_date", "date"), _days, note="an unknown day is the month's first"),
        Field("origin", ("citation_category", "category"), _origins, note="not known before 2002"),
    ),
    "g_us_patent_citation",
)
CLAIM = Columns(
    "claims",
    (
        Field("patent_id", ("patent_id",), _us, required=True),
        Field("claim_number", ("claim_number", "num"), to.numbers, required=True),
        Field("text", ("claim_text", "text"), required=True),
        Field("independent", ("dependent",), _independent, note="no claim is named"),
    ),
    "g_claims",
)
IPC = Columns(
    "patents",
    (
        _own("patent", *_ID, required=True, convert=_us),
        _own("sequence", "ipc_sequence", "sequence", required=True),
        _own("section", required=True),
        _own("class", "ipc_class", required=True),
        _own("subclass", required=True),
        _own("main_group", required=True),
        _own("subgroup", required=True, gives="ipc"),
    ),
    "g_ipc_at_issue",
)
CPC = Columns(
    "patents",
    (
        _own("patent", *_ID, required=True, convert=_us),
        _own("sequence", "cpc_sequence", "sequence", required=True),
        _own("symbol", "cpc_group", "group_id", required=True, gives="ipc"),
        _own("type", "cpc_type", "category"),
    ),
    "g_cpc_current",
)
ASSIGNEE = Columns(
    "patents",
    (
        _own("patent", *_ID, required=True, convert=_us),
        _own("sequence", "assignee_sequence", "sequence", required=True),
        _own(
            "organization", "disambig_assignee_organization", "raw_assignee_organization", required=True, gives="owners"
        ),
        _own("first", "disambig_assignee_individual_name_first", "raw_assignee_individual_name_first"),
        _own("last", "disambig_assignee_individual_name_last", "raw_assignee_individual_name_last"),
    ),
    "g_assignee",
)
PARTS = (PATENT, APPLICATION, CITATION, CLAIM, IPC, CPC, ASSIGNEE)

FORMAT = Format(
    "patentsview",
    "PatentsView bulk tables (g_*.tsv)",
    "read_patentsview",
    parts=PARTS,
    fills={"patents": ("jurisdiction",), "claims": ("language", "publication_date")},
)


@documented(*PARTS)
def read_patentsview(
    *paths: str | os.PathLike[str], patents: Sequence[str] | None = None, strict: bool = False
) -> Book:
    """Read PatentsView's bulk tables of granted US patents.

    Parameters
    ----------
    *paths : path
        Files or folders of them, plain, ``.zip`` or ``.gz``: ``g_patent`` and ``g_application``, and what there is of
        the others. Which is which is known by the headers, so that several ``g_claims_<year>`` may stand side by side.
    patents : sequence of str, optional
        Identifiers (``US-10000000``, or the bare numbers) of a portfolio: other patents are passed over. The whole
        release has more than 8 million.
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book
        Citations that neither cite a patent of the book nor are made by one are passed over: no value depends on them.

    Raises
    ------
    SourceError
        If ``g_patent`` or ``g_application`` is not there, or a file is none of PatentsView's.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    Tables are read in batches; what is held is the rows of the book's patents. Withdrawn patents are refused.
    IPC symbols are those at issue; for a patent that has none, the inventional CPC symbols. Owners are the
    disambiguated assignees on the day of grant. A patent is published here by its grant, the only publication in
    these tables. Fees are another source (:func:`ipvalue.read_maintenance_fees`).

    {columns}

    References
    ----------
    PatentsView, data dictionary of the granted-patent tables. Alcacer, J., Gittelman, M. and Sampat, B. (2009),
    Research Policy 38, 415-427 (who brought a citation).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> head = "patent_id\\tpatent_type\\tpatent_date\\tnum_claims\\tpatent_title"
    >>> _ = (folder / "g_patent.tsv").write_text(f"{head}\\n10000000\\tutility\\t2018-06-19\\t20\\tCoherent LADAR\\n")
    >>> _ = (folder / "g_application.tsv").write_text(
    ...     "application_id\\tpatent_id\\tfiling_date\\n14643719\\t10000000\\t2015-03-10\\n")
    >>> book = read_patentsview(folder)
    >>> book["patents"].select(["patent_id", "grant_date", "n_claims"]).to_pylist()
    [{'patent_id': 'US-10000000', 'grant_date': datetime.date(2018, 6, 19), 'n_claims': 20}]
    """
    files = _by_part(inputs(*paths))
    for part in (PATENT, APPLICATION):
        if part.part not in files:
            raise SourceError(f"no table {part.part} is among the {sum(map(len, files.values()))} files that are given")
    refusals: dict[str, list[Refusal]] = {"patents": [], "citations": [], "claims": []}
    wanted = (
        None if patents is None else _us(pc.replace_substring_regex(pa.array(list(patents), pa.string()), r"^US-?", ""))
    )
    held = _patents(files, wanted, refusals["patents"])
    ids = held["patent_id"].combine_chunks().unique()
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {"patents": held}
    if CITATION.part in files:
        tables["citations"] = _citations(files[CITATION.part], ids, refusals["citations"])
    if CLAIM.part in files:
        tables["claims"] = _claims(files[CLAIM.part], held, ids, refusals["claims"])
    return assemble(tables, refusals, strict=strict)


def _by_part(found: Sequence[Input]) -> dict[str, list[Input]]:
    """Files by the table that their headers say they are."""
    files: dict[str, list[Input]] = {}
    for source in found:
        header = open_table(source, PARTS).header
        fits = [part for part in PARTS if not part.missing(header)]
        if not fits:
            raise SourceError(f"{source.place} is none of PatentsView's tables; its columns: {', '.join(header[:8])}")
        best = max(fits, key=lambda part: len(part.match(header)))
        files.setdefault(best.part, []).append(source)
    return files


def _batches(
    files: Sequence[Input],
    part: Columns,
    refusals: list[Refusal],
    keep: Callable[[dict[str, pa.Array]], pa.Array] | None = None,
) -> Iterator[pa.Table]:
    """Rows of a table's files in the book's columns, those to be kept only."""
    for source in files:
        # quotes are doubled as in CSV, and claims have line ends within them
        table = open_table(source, PARTS, delimiter="\t")
        found = part.require(table.place, table.header)
        for batch in table.batches(list(dict.fromkeys(found.values()))):
            columns = part.apply(batch, found)
            rows = pa.table(columns)
            yield rows if keep is None else rows.filter(keep(columns))
        refusals += table.refusals


def _patents(files: dict[str, list[Input]], wanted: pa.Array | None, refusals: list[Refusal]) -> pa.Table:
    """Rows of ``patents``."""

    def mine(name: str, ids: pa.Array | None) -> Callable[[dict[str, pa.Array]], pa.Array] | None:
        return None if ids is None else lambda columns: pc.is_in(columns[name], ids)

    granted = _table(_batches(files[PATENT.part], PATENT, refusals, mine("patent_id", wanted)), PATENT)
    granted = _without_withdrawn(granted, refusals)
    ids = granted["patent_id"].combine_chunks().unique()
    filed = _table(_batches(files[APPLICATION.part], APPLICATION, refusals, mine("patent", ids)), APPLICATION)
    whole = {name: granted[name] for name in granted.column_names}
    whole["jurisdiction"] = pa.array(["US"] * granted.num_rows, pa.string())
    whole["application_date"] = _looked_up(filed, "application_date", granted["patent_id"])
    if "n_claims" in whole:
        none = pc.is_in(whole["n_claims"], pa.array(["0", "-1"]))
        whole["n_claims"] = pc.if_else(none, pa.scalar(None, pa.string()), whole["n_claims"])
    whole["ipc"] = _symbols(files, ids, granted["patent_id"], refusals)
    if ASSIGNEE.part in files:
        owners = _table(_batches(files[ASSIGNEE.part], ASSIGNEE, refusals, mine("patent", ids)), ASSIGNEE)
        whole["owners"] = _listed(owners, _names(owners), granted["patent_id"])
    return pa.table(whole)


def _without_withdrawn(granted: pa.Table, refusals: list[Refusal]) -> pa.Table:
    if "withdrawn" not in granted.column_names:
        return granted
    gone = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(granted["withdrawn"]), "1"), False)
    for row in pc.indices_nonzero(gone).to_pylist():
        name = granted["patent_id"][row].as_py()
        refusals.append(Refusal(row, "patent_id", name, Reason.WITHDRAWN_DOCUMENT, ""))
    return granted.filter(pc.invert(gone)).drop_columns(["withdrawn"])


def _table(batches: Iterable[pa.Table], part: Columns) -> pa.Table:
    """All batches as one table; without a row it still has the columns that are required."""
    found = list(batches)
    if found:
        return pa.concat_tables(found).combine_chunks()
    return pa.table({field.target: pa.array([], pa.string()) for field in part if field.required})


def _looked_up(table: pa.Table, name: str, ids: pa.ChunkedArray) -> pa.Array:
    """Values of the patents named by ``ids``; the first of several rows, null where there is none."""
    place = pc.index_in(ids, table["patent"])
    return pc.take(table[name], place)


def _symbols(files: dict[str, list[Input]], ids: pa.Array, order: pa.ChunkedArray, refusals: list[Refusal]) -> pa.Array:
    """Symbols of each patent, those at issue before the current ones."""
    mine = lambda columns: pc.is_in(columns["patent"], ids)  # noqa: E731
    lists = []
    if IPC.part in files:
        ipc = _table(_batches(files[IPC.part], IPC, refusals, mine), IPC)
        lists.append(_listed(ipc, _ipc_symbols(ipc), order))
    if CPC.part in files:
        cpc = _table(_batches(files[CPC.part], CPC, refusals, mine), CPC)
        if "type" in cpc.column_names:
            cpc = cpc.filter(pc.match_substring(pc.fill_null(pc.utf8_lower(cpc["type"]), "inventional"), "invent"))
        lists.append(_listed(cpc, cpc["symbol"].combine_chunks(), order))
    nothing = pa.nulls(len(order), pa.list_(pa.string()))
    return pc.coalesce(*lists, nothing) if lists else nothing


def _ipc_symbols(table: pa.Table) -> pa.Array:
    """Symbols from their parts: section, class of two digits, subclass, group."""
    part = {name: pc.utf8_trim_whitespace(table[name].combine_chunks()) for name in table.column_names}
    head = pc.binary_join_element_wise(part["section"], pc.utf8_lpad(part["class"], 2, "0"), part["subclass"], "")
    group = pc.binary_join_element_wise(part["main_group"], pc.utf8_lpad(part["subgroup"], 2, "0"), "/")
    whole = pc.binary_join_element_wise(head, group, " ")
    return pc.utf8_upper(pc.coalesce(whole, head))


def _names(table: pa.Table) -> pa.Array:
    """Organisations, and persons by first and last name."""
    names = to.compact(table["organization"].combine_chunks())
    if not {"first", "last"} <= set(table.column_names):
        return names
    parts = [pc.fill_null(table[name].combine_chunks(), "") for name in ("first", "last")]
    return pc.coalesce(names, to.compact(pc.binary_join_element_wise(*parts, " ")))


def _listed(table: pa.Table, values: pa.Array, order: pa.ChunkedArray) -> pa.Array:
    """Values of each patent as a list in the order of their sequence, each once; null where there is none."""
    sequence = pc.cast(to.numbers(table["sequence"].combine_chunks()), pa.float64())
    rows = pa.table({"patent": table["patent"].combine_chunks(), "sequence": sequence, "value": values})
    rows = rows.filter(pc.is_valid(rows["value"])).sort_by([("patent", "ascending"), ("sequence", "ascending")])
    rows = rows.group_by(["patent", "value"], use_threads=False).aggregate([("sequence", "min")])
    rows = rows.sort_by([("patent", "ascending"), ("sequence_min", "ascending"), ("value", "ascending")])
    lists = rows.group_by("patent", use_threads=False).aggregate([("value", "list")])
    return pc.take(lists["value_list"].combine_chunks(), pc.index_in(order, lists["patent"]).combine_chunks())


def _citations(files: Sequence[Input], ids: pa.Array, refusals: list[Refusal]) -> Iterator[pa.Table]:
    """Citations by and of the book's patents."""

    def mine(columns: dict[str, pa.Array]) -> pa.Array:
        return pc.or_(pc.is_in(columns["citing_id"], ids), pc.is_in(columns["cited_id"], ids))

    return _batches(files, CITATION, refusals, mine)


def _claims(files: Sequence[Input], held: pa.Table, ids: pa.Array, refusals: list[Refusal]) -> Iterator[pa.Table]:
    """Claims of the book's patents, as granted."""
    for rows in _batches(files, CLAIM, refusals, lambda columns: pc.is_in(columns["patent_id"], ids)):
        granted = pc.take(held["grant_date"], pc.index_in(rows["patent_id"], held["patent_id"]))
        rows = rows.append_column("language", pa.array(["en"] * rows.num_rows, pa.string()))
        yield rows.append_column("publication_date", granted)
