"""PatentsView bulk tables: the tab-separated files ``g_*.tsv`` of US grants."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.delimited import DelimitedTable, lay_out
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.mapping import Columns, documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format
from ipvalue.types import Ints, Mask

__all__ = ["Among", "identifiers", "portfolio", "read_patentsview"]

_NONE = pa.scalar(None, pa.string())


def identifiers(values: pa.Array) -> pa.Array:
    """Identifiers of US grants from their numbers, without leading zeros.

    Examples
    --------
    >>> identifiers(pa.array(["10000000", "03930271", "D0584230", "RE38000", " ", None])).to_pylist()
    ['US-10000000', 'US-3930271', 'US-D584230', 'US-RE38000', None, None]
    """
    text = pc.utf8_ltrim(pc.ascii_trim_whitespace(values), "0")
    # few numbers have letters, and regular expressions are slow
    if pc.any(pc.match_substring_regex(text, "^[A-Za-z]+0")).as_py():
        text = pc.replace_substring_regex(text, r"^([A-Za-z]+)0+([0-9])", r"\1\2")
    return pc.binary_join_element_wise("US", pc.if_else(pc.equal(text, ""), _NONE, text), "-")


def portfolio(numbers: Iterable[str]) -> pa.Array:
    """Identifiers of the US patents that a user names in any form.

    Examples
    --------
    >>> portfolio(["US-10000000", "US 6,836,899 B1", "RE38000", "D584230"]).to_pylist()
    ['US-10000000', 'US-6836899', 'US-RE38000', 'US-D584230']
    """
    if isinstance(numbers, str):
        raise SourceError(f"patents must be a list of numbers; pass [{numbers!r}]")
    text = pc.replace_substring_regex(pc.utf8_upper(pa.array(list(numbers), pa.string())), r"[^A-Z0-9]", "")
    return identifiers(pc.replace_substring_regex(text, r"^(?:US)?([A-Z]*[0-9]+)(?:[A-Z][0-9]?)?$", r"\1"))


class Among:
    """Test whether numbers of US grants are among given identifiers, for many batches of millions of rows.

    Numbers without letters are looked up in an array of booleans. A hash table would be built again for each batch.

    Examples
    --------
    >>> Among(pa.array(["US-7", "US-D5"])).mask(pa.array(["7", "007", "D05", "8", None, " 7"])).tolist()
    [True, True, True, False, False, True]
    """

    def __init__(self, ids: pa.Array) -> None:
        plain, numbers = _plain(pc.utf8_slice_codeunits(ids, 3))
        self._present = np.zeros(int(numbers.max(initial=0)) + 1, bool)
        self._present[numbers[plain]] = True
        self._lettered = ids.filter(pa.array(~plain))

    def mask(self, values: pa.Array) -> Mask:
        """Where a number, as printed in a table, is one of the identifiers."""
        plain, numbers = _plain(values)
        known = plain & (numbers < len(self._present))
        found = known & self._present[np.where(known, numbers, 0)]
        others = np.flatnonzero(~plain)
        if len(others):
            names = identifiers(values.take(pa.array(others)))
            lettered = pc.is_in(names, self._lettered).to_numpy(zero_copy_only=False)
            plain, numbers = _plain(pc.utf8_slice_codeunits(names, 3))
            known = plain & (numbers < len(self._present))
            found[others] = lettered | (known & self._present[np.where(known, numbers, 0)])
        return np.asarray(found, bool)


def _plain(values: pa.Array) -> tuple[Mask, Ints]:
    """Where text is a number of up to eight digits, and the number (0 elsewhere)."""
    plain = pc.and_(pc.ascii_is_decimal(values), pc.less_equal(pc.binary_length(values), 8))
    plain = pc.fill_null(plain, False)
    numbers = pc.cast(pc.if_else(plain, values, "0"), pa.int64())
    return plain.to_numpy(zero_copy_only=False), numbers.to_numpy(zero_copy_only=False)


def _by_value(convert: to.Converter) -> to.Converter:
    """Convert each distinct value once: millions of dates have only thousands of distinct values."""

    def converted(values: pa.Array) -> pa.Array:
        encoded = pc.dictionary_encode(values)
        return pc.take(convert(encoded.dictionary), encoded.indices)

    return converted


def _as_days(values: pa.Array) -> pa.Array:
    """Dates, to save memory, if all values are dates; otherwise text, so that the book rejects the other values."""
    parsed = pc.strptime(values, format="%Y-%m-%d", unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(parsed, format="%Y-%m-%d"), values)
    all_dates = pc.all(pc.or_kleene(same, pc.is_null(values))).as_py() and parsed.null_count == values.null_count
    return parsed.cast(pa.date32()) if all_dates else values


def _rights(values: pa.Array) -> pa.Array:
    """Reissues are inventions. Other types (SIR, defensive publications) are unchanged: the book rejects them."""
    kind = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    return pc.if_else(pc.is_in(kind, pa.array(["utility", "reissue"])), pa.scalar("invention"), kind)


def _origins(values: pa.Array) -> pa.Array:
    """Who brought a citation. What neither an examiner nor a third party cited came from the applicant."""
    text = pc.utf8_lower(values)
    origin = pc.if_else(pc.match_substring(text, "examiner"), pa.scalar("examiner"), pa.scalar("applicant"))
    origin = pc.if_else(pc.match_substring(text, "third party"), pa.scalar("third_party"), origin)
    known = pc.fill_null(pc.match_substring_regex(text, "examiner|third party|applicant|other"), False)
    return pc.if_else(known, origin, _NONE)


def _independent(values: pa.Array) -> pa.Array:
    """A claim is independent if it depends on no other claim."""
    text = pc.fill_null(pc.utf8_trim_whitespace(values), "")
    return pc.if_else(pc.is_in(text, pa.array(["", "-1"])), pa.scalar("true"), pa.scalar("false"))


def _valid_dates(values: pa.Array) -> pa.Array:
    return _as_days(to.dates(values))


def _cited_dates(values: pa.Array) -> pa.Array:
    """Dates. An unknown day (00) is read as the first of the month, an unknown month as January."""
    text = to.dates(values)
    return _as_days(pc.replace_substring_regex(pc.replace_substring(text, "-00-", "-01-"), r"-00$", "-01"))


def _counts(values: pa.Array) -> pa.Array:
    """Numbers of claims. Zero means unknown, because every patent has claims."""
    text = to.numbers(values)
    return pc.if_else(pc.is_in(text, pa.array(["0", "-1"])), _NONE, text)


PARTS = read_mappings(
    "patentsview",
    identifiers=identifiers,
    rights=_by_value(_rights),
    origins=_by_value(_origins),
    independent=_independent,
    counts=_counts,
    valid_dates=_by_value(_valid_dates),
    cited_dates=_by_value(_cited_dates),
    distinct_dates=_by_value(to.dates),
)
PATENT, APPLICATION, CITATION, CLAIM, IPC, CPC, ASSIGNEE, INVENTOR, TERM, RELATED, PRIORITY = PARTS
PARENTS = (
    *("continuation", "division", "continuation-in-part", "reissue", "continuing-reissue", "continuation-reissue"),
    *("us-divisional-reissue", "divisional-reissue"),
)
"""Relations whose parent's filing begins the term (35 USC 154(a)(2), 251)."""
PROVISIONAL = "us-provisional-application"


FORMAT = Format(
    "patentsview",
    "PatentsView bulk tables (g_*.tsv)",
    "read_patentsview",
    parts=PARTS,
    fills={"patents": ("jurisdiction",), "claims": ("language", "publication_date")},
)
_ENDS = (".tsv", ".csv", ".txt")

_Files = dict[str, list[Input]]


@documented(*PARTS)
def read_patentsview(
    *paths: str | os.PathLike[str], patents: Iterable[str] | None = None, strict: bool = False
) -> Book:
    """Read PatentsView's bulk tables of granted US patents.

    Parameters
    ----------
    *paths : path
        Files, archives or folders of them: ``g_patent`` and ``g_application``, and any of the other tables. Tables are
        recognised by their headers, so several ``g_claims_<year>`` may be in one folder. Tables that are not listed
        below (``g_location_...``) are skipped.
    patents : iterable of str, optional
        Numbers of a portfolio (``US-10000000``, ``US10000000B2`` or ``10000000``). Only these patents are read; the
        complete release has more than 8 million. A number that is not in ``g_patent`` is in ``rejects``.
    {strict}

    Returns
    -------
    Book
        Only citations by or of a patent of the book are read. No value depends on other citations.

    Raises
    ------
    SourceError
        If ``g_patent`` or ``g_application`` is missing, or a file is not a table of PatentsView.
    BookError
        With ``strict``, if anything is rejected.

    Notes
    -----
    Tables are read in batches, and only rows of the book's patents are held in memory. Withdrawn patents are rejected.
    IPC symbols are those at issue. A patent without them has its inventional CPC symbols. Owners are the disambiguated
    assignees on the day of grant. The grant is the only publication of a patent in these tables. With ``patents``, the
    date, leading symbol and first owner of citing and cited documents are read from the same tables. Fees are another
    source.

    The parent from whose filing the term runs (35 USC 154(a)(2)) is the earliest one in ``g_us_rel_doc``. That table
    lacks many parents before 2001, so the term of those patents is an upper bound. A parent or priority after the
    filing date is ignored. Without that table, every term counts from the patent's own filing.

    The release contains filing dates such as 1074-11-12, and dates with unknown days (2001-00-00), which are not
    changed. A patent without a valid filing date cannot be valued, so it is in ``rejects``. Of two filing dates, the
    earlier one is used.

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
    files = _by_part(inputs(*paths, suffixes=_ENDS))
    rejects: dict[str, list[Reject]] = {"patents": [], "citations": [], "claims": []}
    granted = _granted(files, patents, rejects["patents"])
    ids = granted["patent_id"].combine_chunks().unique()
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {}
    citations, near = None, ids.slice(0, 0)
    if CITATION.part in files:
        citations = _table(_batches(files, CITATION, rejects["citations"], "citing_id", "cited_id", ids=ids), CITATION)
        near = near if patents is None else _others(citations, ids)
    symbols = _symbols(files, pa.concat_arrays([ids, near]), rejects["patents"])
    owners = _owners(files, pa.concat_arrays([ids, near]), rejects["patents"])
    if citations is not None:
        tables["citations"] = _with_details(citations, _dates(files, near), symbols, owners) if len(near) else citations
    tables["patents"] = _patents(files, granted, ids, symbols, owners, rejects["patents"])
    if CLAIM.part in files:
        tables["claims"] = _claims(files, granted, ids, rejects["claims"])
    return assemble(tables, rejects, strict=strict)


def _by_part(found: Sequence[Input]) -> _Files:
    """Files by table, which is recognised by the headers."""
    files: _Files = {}
    for source in found:
        header = lay_out(source, PARTS).header
        fits = [part for part in PARTS if not part.missing(header)]
        if fits:
            best = max(fits, key=lambda part: len(part.match(header)))
            files.setdefault(best.part, []).append(source)
        elif not source.name.lower().startswith("g_"):
            raise SourceError(f"{source.place} is not a table of PatentsView; its columns are {', '.join(header[:8])}")
    for part in (PATENT, APPLICATION):
        if part.part not in files:
            raise SourceError(f"{part.part} is not among the files ({', '.join(i.name for i in found[:8])}); add it")
    return files


def _batches(
    files: _Files, part: Columns, rejects: list[Reject], *keys: str, ids: pa.Array | None = None
) -> Iterator[pa.Table]:
    """Rows of a table in columns of the book. With ``ids``, only rows in which one of the keys is among them."""
    among = None if ids is None else Among(ids)
    for source in files.get(part.part, []):
        # cells are quoted as in CSV, and claims contain tabs and line ends
        table = DelimitedTable(source, PARTS, delimiter="\t")
        found = part.require(table.place, table.header)
        for batch in table.batches(list(dict.fromkeys(found.values()))):
            if among is not None:
                masks = [among.mask(batch.column(found[key])) for key in keys]
                batch = batch.filter(pa.array(np.logical_or.reduce(masks)))
            yield pa.table(part.apply(batch, found))
        rejects += table.rejects


def _table(batches: Iterable[pa.Table], part: Columns) -> pa.Table:
    """All batches as one table. A table without rows has the required columns."""
    found = list(batches)
    if not found:
        return pa.table({field.target: pa.array([], pa.string()) for field in part if field.required})
    for name in dict.fromkeys(name for rows in found for name in rows.column_names):
        if len({rows.schema.field(name).type for rows in found if name in rows.column_names}) > 1:
            found = [_as_text(rows, name) for rows in found]  # dates in one batch, invalid dates in another
    # in one chunk, because the book would copy several chunks into one
    return pa.concat_tables(found, promote_options="default").combine_chunks()


def _as_text(rows: pa.Table, name: str) -> pa.Table:
    place = rows.schema.get_field_index(name)
    return rows if place < 0 else rows.set_column(place, name, rows[name].cast(pa.string()))


def _granted(files: _Files, patents: Iterable[str] | None, rejects: list[Reject]) -> pa.Table:
    """Rows of ``g_patent`` without withdrawn patents."""
    named = patents if patents is None or isinstance(patents, str) else list(patents)
    wanted = None if named is None else portfolio(named)
    granted = _table(_batches(files, PATENT, rejects, "patent_id", ids=wanted), PATENT)
    if named is not None and wanted is not None:
        absent = pc.invert(pc.is_in(wanted, granted["patent_id"].combine_chunks().unique()))
        rejects += [
            Reject(place, "patent_id", str(named[place]), Reason.UNKNOWN_PATENT, f"{PATENT.part} does not contain it")
            for place in pc.indices_nonzero(absent).to_pylist()
        ]
    if "withdrawn" not in granted.column_names:
        return granted
    gone = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(granted["withdrawn"]), "1"), False)
    rejects += [
        Reject(row, "patent_id", str(granted["patent_id"][row]), Reason.WITHDRAWN_DOCUMENT, "")
        for row in pc.indices_nonzero(gone).to_pylist()
    ]
    return granted.filter(pc.invert(gone)).drop_columns(["withdrawn"])


def _patents(
    files: _Files,
    granted: pa.Table,
    ids: pa.Array,
    symbols: pa.Table,
    owners: pa.Table,
    rejects: list[Reject],
) -> pa.Table:
    """Rows of ``patents``."""
    order = granted["patent_id"]
    filed = _least(_table(_batches(files, APPLICATION, rejects, "patent", ids=ids), APPLICATION), "application_date")
    columns = {name: granted[name] for name in granted.column_names}
    columns["jurisdiction"] = pa.repeat(pa.scalar("US"), granted.num_rows)
    columns["application_date"] = _looked_up(filed, order)
    columns["ipc"], columns["owners"] = _looked_up(symbols, order), _looked_up(owners, order)
    for name, days in _earlier_filings(files, ids, filed, rejects).items():
        columns[name] = _looked_up(days, order)
    if TERM.part in files:
        terms = _table(_batches(files, TERM, rejects, "patent", ids=ids), TERM)
        columns["term_adjustment_days"] = _looked_up(_least(terms, "days"), order)
    if INVENTOR.part in files:
        inventors = _table(_batches(files, INVENTOR, rejects, "patent", ids=ids), INVENTOR)
        counts = inventors.group_by("patent", use_threads=False).aggregate([("sequence", "count_distinct")])
        columns["n_inventors"] = _looked_up(counts.select(["patent", "sequence_count_distinct"]), order)
    return pa.table(columns)


def _earlier_filings(files: _Files, ids: pa.Array, filed: pa.Table, rejects: list[Reject]) -> dict[str, pa.Table]:
    """The earliest parent and the earliest priority of each patent that has one."""
    related = _table(_batches(files, RELATED, rejects, "patent", ids=ids), RELATED)
    foreign = _table(_batches(files, PRIORITY, rejects, "patent", ids=ids), PRIORITY)
    if "kind" in related.column_names:  # the filing of a parent, not its grant, and no children
        kind = pc.fill_null(pc.utf8_lower(related["kind"]), "")
        related = related.filter(pc.is_in(kind, pa.array(["", "parent document", "parent pct document"])))
    relation = pc.utf8_lower(pc.utf8_trim_whitespace(related["type"]))
    parents = related.filter(pc.is_in(relation, pa.array(PARENTS))).select(["patent", "day"])
    provisional = related.filter(pc.fill_null(pc.equal(relation, PROVISIONAL), False)).select(["patent", "day"])
    every = pa.concat_tables([parents, provisional, foreign.select(["patent", "day"])])
    found = {"parent_filing_date": _until(parents, filed), "priority_date": _until(every, filed)}
    return {name: days for name, days in found.items() if RELATED.part in files or (PRIORITY.part in files)}


def _until(days: pa.Table, filed: pa.Table) -> pa.Table:
    """The earliest day of each patent that is valid (not 0110-08-04) and not after its filing."""
    own = pc.cast(_looked_up(filed, days["patent"]), pa.string())
    fits = pc.match_substring_regex(days["day"], "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
    fits = pc.and_(fits, pc.and_(pc.greater_equal(days["day"], "1900-01-01"), pc.less_equal(days["day"], own)))
    return _least(days.filter(pc.fill_null(fits, False)), "day")


def _least(table: pa.Table, name: str) -> pa.Table:
    """The least value of each patent."""
    return table.group_by("patent", use_threads=False).aggregate([(name, "min")]).select(["patent", f"{name}_min"])


def _looked_up(table: pa.Table, ids: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Values (second column) of the patents ``ids``, null if there is none. A patent has one row."""
    return pc.take(table.column(1), pc.index_in(ids, table.column(0).combine_chunks()))


def _symbols(files: _Files, ids: pa.Array, rejects: list[Reject]) -> pa.Table:
    """Symbols of each patent: IPC symbols at issue, or else current CPC symbols."""
    ipc = _table(_batches(files, IPC, rejects, "patent", ids=ids), IPC)
    cpc = _table(_batches(files, CPC, rejects, "patent", ids=ids), CPC)
    if "type" in cpc.column_names:
        cpc = cpc.filter(pc.match_substring(pc.fill_null(pc.utf8_lower(cpc["type"]), "inventional"), "invent"))
    at_issue, current = _listed(ipc, _ipc_symbols(ipc)), _listed(cpc, to.compact(cpc["symbol"].combine_chunks()))
    without = pc.invert(pc.is_in(current["patent"], at_issue["patent"].combine_chunks()))
    return pa.concat_tables([at_issue, current.filter(without)])


def _ipc_symbols(table: pa.Table) -> pa.Array:
    """IPC symbols from their parts: section, class of two digits, subclass, group."""
    part = {name: pc.utf8_trim_whitespace(table[name].combine_chunks()) for name in table.column_names}
    head = pc.binary_join_element_wise(part["section"], pc.utf8_lpad(part["class"], 2, "0"), part["subclass"], "")
    group = pc.binary_join_element_wise(part["main_group"], pc.utf8_lpad(part["subgroup"], 2, "0"), "/")
    symbol = pc.binary_join_element_wise(head, group, " ")
    return pc.utf8_upper(pc.coalesce(symbol, head))


def _owners(files: _Files, ids: pa.Array, rejects: list[Reject]) -> pa.Table:
    """Names of organisations, or first and last names of persons."""
    table = _table(_batches(files, ASSIGNEE, rejects, "patent", ids=ids), ASSIGNEE)
    names = to.compact(table["organization"].combine_chunks())
    if {"first", "last"} <= set(table.column_names):
        parts = [pc.fill_null(table[name].combine_chunks(), "") for name in ("first", "last")]
        names = pc.coalesce(names, to.compact(pc.binary_join_element_wise(*parts, " ")))
    return _listed(table, names)


def _listed(table: pa.Table, values: pa.Array) -> pa.Table:
    """The distinct values of each patent as a list, in the order of their sequence numbers."""
    digits = pc.replace_substring_regex(pc.fill_null(table["sequence"].combine_chunks(), ""), "[^0-9]", "")
    sequence = pc.cast(pc.if_else(pc.equal(digits, ""), "999", pc.utf8_slice_codeunits(digits, 0, 9)), pa.int64())
    rows = pa.table({"patent": table["patent"].combine_chunks(), "sequence": sequence, "value": values})
    rows = rows.filter(pc.is_valid(rows["value"]))
    rows = rows.group_by(["patent", "value"], use_threads=False).aggregate([("sequence", "min")])
    rows = rows.sort_by([("patent", "ascending"), ("sequence_min", "ascending"), ("value", "ascending")])
    lists = rows.group_by("patent", use_threads=False).aggregate([("value", "list")])
    return lists.select(["patent", "value_list"])


def _others(citations: pa.Table, ids: pa.Array) -> pa.Array:
    """Documents outside the book that cite or are cited by its patents."""
    ends = pc.unique(pa.chunked_array([*citations["citing_id"].chunks, *citations["cited_id"].chunks], pa.string()))
    return ends.filter(pc.and_(pc.is_valid(ends), pc.invert(pc.is_in(ends, ids))))


def _dates(files: _Files, ids: pa.Array) -> pa.Table:
    """Grant dates of patents outside the book."""
    granted = _table(_batches(files, PATENT, [], "patent_id", ids=ids), PATENT)
    return _least(granted.rename_columns({"patent_id": "patent"}), "grant_date")


def _with_details(citations: pa.Table, dates: pa.Table, symbols: pa.Table, owners: pa.Table) -> pa.Table:
    """Citations with the date, leading symbol and first owner of the citing and the cited document."""

    def first(table: pa.Table, ids: pa.ChunkedArray) -> pa.Array:
        return pc.list_element(_looked_up(table, ids).combine_chunks(), 0)

    columns = {name: citations[name] for name in citations.column_names}
    columns["citing_date"] = _looked_up(dates, citations["citing_id"])
    for end in ("citing", "cited"):
        columns[f"{end}_ipc"] = first(symbols, citations[f"{end}_id"])
        columns[f"{end}_owner"] = first(owners, citations[f"{end}_id"])
    return pa.table(columns)


def _claims(files: _Files, granted: pa.Table, ids: pa.Array, rejects: list[Reject]) -> Iterator[pa.Table]:
    """Granted claims of the book's patents."""
    dates = granted.select(["patent_id", "grant_date"])
    for rows in _batches(files, CLAIM, rejects, "patent_id", ids=ids):
        rows = rows.append_column("language", pa.repeat(pa.scalar("en"), rows.num_rows))
        yield rows.append_column("publication_date", _looked_up(dates, rows["patent_id"]))
