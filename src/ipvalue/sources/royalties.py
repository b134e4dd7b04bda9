"""Royalty agreements with their rates, from databases and surveys, as the table ``licences``."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_royalties"]

_BASES = {
    "net_sales": ("net sales", "net revenue", "净销售额", "销售额"),
    "gross_sales": ("gross sales", "gross revenue", "总销售额"),
    "profit": ("profit", "operating profit", "gross profit", "利润"),
    "unit": ("unit", "per unit", "units", "件"),
}


def _base(values: pa.Array) -> pa.Array:
    text = pc.utf8_lower(to.compact(pc.replace_substring(values, "_", " ")))
    names = {alias: base for base, aliases in _BASES.items() for alias in aliases}
    place = pc.index_in(text, pa.array(list(names)))
    return pc.coalesce(pc.take(pa.array(list(names.values())), place), text)


def _yes(values: pa.Array) -> pa.Array:
    text = pc.utf8_lower(to.compact(values))
    yes = pc.is_in(text, pa.array(["exclusive", "是", "独占", "排他"]))
    no = pc.is_in(text, pa.array(["non-exclusive", "nonexclusive", "否", "普通"]))
    return pc.if_else(yes, pa.scalar("yes"), pc.if_else(no, pa.scalar("no"), text))


(COLUMNS,) = read_mappings("royalties", base=_base, yes_or_no=_yes, symbols=to.lists(r"\s*[;|；]\s*"))
FORMAT = Format("royalties", "royalty agreements with their rates", "read_royalties", parts=(COLUMNS,))


@documented(COLUMNS)
def read_royalties(*paths: Source, strict: bool = False) -> Book:
    """Read tables of royalty agreements as the table ``licences``.

    Parameters
    ----------
    *paths : path
        CSV or XLSX files with one agreement in each row.
    {strict}

    Returns
    -------
    Book
        A book without patents. Add it to other books with ``ipv.combine``.

    {raises}

    Notes
    -----
    {columns}

    Of a range of rates (``3% - 5%``), the middle is used. An agreement without an identifier is named by its file and
    row.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "royalties.csv"
    >>> _ = path.write_text("Agreement ID,Effective Date,Royalty Rate,Industry,Exclusivity\\n"
    ...     "7,2015-03-01,3% - 5%,C27,Exclusive\\n8,2016-04-01,0.05,C27,non-exclusive\\n9,2016-05-01,x,,\\n")
    >>> book = read_royalties(path)
    >>> book["licences"].select(["rate", "exclusive"]).to_pylist(), book.rejects["code"].tolist()
    ([{'rate': 0.04, 'exclusive': True}, {'rate': 0.05, 'exclusive': False}], ['bad_type'])
    """
    rejects: list[Reject] = []
    parts = []
    for source in inputs(*paths, suffixes=TABLES):
        table = open_table(source, (COLUMNS,))
        in_percent = "%" in COLUMNS.match(table.header).get("rate", "")
        number = 0
        for batch in mapped(table, COLUMNS):
            place = batch.schema.get_field_index("rate")
            rates = _rates(batch["rate"].combine_chunks(), in_percent)
            batch = batch.set_column(place, "rate", rates)
            names = pa.array([f"{source.name}:{number + row + 1}" for row in range(batch.num_rows)], pa.string())
            own = batch["licence_id"].combine_chunks() if "licence_id" in batch.column_names else names
            others = [name for name in batch.column_names if name != "licence_id"]
            parts.append(batch.select(others).append_column("licence_id", pc.coalesce(own, names)))
            number += batch.num_rows
        rejects += table.rejects
    return assemble({"licences": parts}, {"licences": rejects}, strict=strict)


def _rates(values: pa.Array, in_percent: bool) -> pa.Array:
    """Rates as shares: percentages are converted, and of a range the middle is used."""
    text = to.compact(values)
    ends = pc.split_pattern_regex(pc.replace_substring_regex(text, r"\s*(-|–|—|~|to|至)\s*", "~"), "~")
    low = pc.list_element(pc.if_else(pc.is_valid(ends), ends, pa.scalar([None], ends.type)), 0)
    two = pc.fill_null(pc.equal(pc.list_value_length(ends), 2), False)
    high = pc.list_element(pc.if_else(two, ends, pa.scalar([None, None], ends.type)), 1)
    signed = pc.fill_null(pc.match_substring(text, "%"), False)
    share = pc.if_else(pc.or_(signed, in_percent), to.percent(text), text)
    first, last = _number(low), _number(high)
    middle = pc.divide(pc.add(first, last), 2.0)
    middle = pc.if_else(pc.or_(signed, in_percent), pc.divide(middle, 100.0), middle)
    return pc.if_else(pc.and_(two, pc.is_valid(middle)), middle.cast(pa.string()), share)


def _number(values: pa.Array) -> pa.Array:
    text = pc.utf8_trim(pc.utf8_trim_whitespace(values), "%")
    fits = pc.fill_null(pc.match_substring_regex(text, r"^[0-9]*\.?[0-9]+$"), False)
    return pc.if_else(fits, text, pa.scalar(None, pa.string())).cast(pa.float64())
