"""One row a right: databases list every publication of an application, a book holds the right once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.sources.reading.converters import document_numbers
from ipvalue.types import Array, Ints, Objects

__all__ = ["count_of", "earliest_date", "family_ids", "members_of", "merge_publications", "renamed"]

_LATEST = "9999"
_PRIORITY_DATE = r"(?P<date>[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})\s*$"


def merge_publications(table: pa.Table, application: pa.Array | pa.ChunkedArray) -> tuple[pa.Table, dict[str, str]]:
    """Merge the publications of each application into one row of ``patents``.

    Parameters
    ----------
    table : pyarrow.Table
        One row a publication, in columns of ``patents`` (dates as text year first); ``grant_date`` only where the
        publication is that of a grant.
    application : pyarrow.Array
        Application number of each row; null where unknown: such a row is merged with those of its own number only.

    Returns
    -------
    pyarrow.Table
        Named as the grant is, else as the first publication; what the leading row lacks is taken from the others. The
        publication date is the earliest. The same for any order of the rows.
    dict of str to str
        Identifier of the right by that of each other publication, for citations; where a number stands for
        publications of two applications, the first in sorted order.

    Examples
    --------
    >>> rows = pa.table({"patent_id": ["US-20130101709", "US-8700000"],
    ...                  "publication_date": ["2013-04-25", "2014-04-15"], "grant_date": [None, "2014-04-15"]})
    >>> merge_publications(rows, pa.array(["US 201213657122 A"] * 2))[0].to_pylist()
    [{'patent_id': 'US-8700000', 'publication_date': '2013-04-25', 'grant_date': '2014-04-15'}]
    """
    if not table.num_rows:
        return table, {}
    frame = table.to_pandas(types_mapper=None)
    rows = np.arange(len(frame))
    own = pd.Series(table["patent_id"].to_pylist(), dtype=object)
    key = pd.Series(application.to_pylist(), dtype=object)
    key = key.where(key.notna(), own.where(own.notna(), pd.Series(rows.astype(str), dtype=object)))
    dates = {name: _text(frame, name) for name in ("publication_date", "grant_date")}
    keys = (dates["publication_date"], dates["grant_date"] == _LATEST, pd.factorize(key)[0])
    order = np.lexsort((_content_rank(frame, keys), *keys))
    groups = frame.iloc[order].groupby(key.iloc[order].to_numpy(), sort=False)
    merged = groups.first()
    if "publication_date" in frame:
        first = pd.Series(dates["publication_date"]).groupby(key.to_numpy()).min().reindex(merged.index)
        merged["publication_date"] = first.where(first != _LATEST, None)
    lead = key.map(merged["patent_id"])
    other = own.notna() & lead.notna() & (own != lead)
    columns = {name: pa.array(merged[name], table.schema.field(name).type, from_pandas=True) for name in frame.columns}
    pairs = pd.DataFrame({"own": own[other], "lead": lead[other]}).sort_values("lead", ascending=False)
    return pa.table(columns), dict(zip(pairs["own"], pairs["lead"]))


def _content_rank(frame: pd.DataFrame, keys: tuple[Array, ...]) -> Ints:
    """Rank by all that a row says, of the rows that the keys do not tell apart."""
    tied = pd.DataFrame(dict(enumerate(keys))).duplicated(keep=False).to_numpy(bool)
    ranks = np.zeros(len(frame), np.int64)
    if tied.any():
        rows = frame.loc[tied].astype(object)
        said = rows.where(rows.notna(), "").astype(str).agg("\x1f".join, axis=1)
        ranks[tied] = pd.factorize(said.to_numpy(object), sort=True)[0]
    return ranks


def _text(frame: pd.DataFrame, name: str) -> Objects:
    if name not in frame:
        return np.full(len(frame), _LATEST, object)
    return frame[name].astype(object).where(frame[name].notna(), _LATEST).to_numpy(object)


def count_of(lists: pa.Array) -> pa.Array:
    """How many values each list holds that are not empty; null where there is no list.

    Examples
    --------
    >>> count_of(pa.array([["a", "b"], [""], None])).to_pylist()
    [2, 0, None]
    """
    parents, values = pc.list_parent_indices(lists), pc.list_flatten(lists)
    there = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values.cast(pa.string())), ""), False)
    counts = np.bincount(np.asarray(parents.filter(there)), minlength=len(lists))
    return pc.if_else(pc.is_valid(lists), pa.array(counts, pa.int64()), pa.scalar(None, pa.int64()))


def earliest_date(lists: pa.Array) -> pa.Array:
    """The earliest of the dates at the ends of each list's values, as priority numbers carry them, as YYYY-MM-DD.

    Examples
    --------
    >>> earliest_date(pa.array([["US 201562116216 P 20150213", "US 2014 P 2014-12-01"], ["CN1"], None])).to_pylist()
    ['2014-12-01', None, None]
    """
    parents, values = pc.list_parent_indices(lists), pc.list_flatten(lists).cast(pa.string())
    found = pc.struct_field(pc.extract_regex(values, _PRIORITY_DATE), "date")
    day = pc.replace_substring_regex(pc.utf8_trim_whitespace(found), r"^([0-9]{4})([0-9]{2})([0-9]{2})$", r"\1-\2-\3")
    rows = pa.table({"row": parents, "day": day}).filter(pc.is_valid(day))
    least = rows.group_by("row").aggregate([("day", "min")])
    result = np.full(len(lists), None, object)
    result[np.asarray(least["row"])] = least["day_min"].to_pylist()
    return pa.array(result, pa.string())


def family_ids(members: pa.Array, own: pa.Array) -> pa.Array:
    """Name each family by the first of its members in sorted order, the document itself among them.

    Parameters
    ----------
    members : pyarrow.Array of lists of str, length n
        Publication numbers with their office in front.
    own : pyarrow.Array of str, length n
        Identifier of each document.

    Examples
    --------
    >>> family_ids(pa.array([["US 2 B2", "EP 1234567 A1"], None]), pa.array(["US-2", "CN-1"])).to_pylist()
    ['EP-1234567', None]
    """
    numbers = pc.list_flatten(members).cast(pa.string())
    pairs = pa.table({"row": pc.list_parent_indices(members), "name": document_numbers(numbers)})
    least = pairs.filter(pc.is_valid(pairs["name"])).group_by("row").aggregate([("name", "min")])
    first = np.full(len(members), None, object)
    first[np.asarray(least["row"])] = least["name_min"].to_pylist()
    found = pa.array(first, pa.string())
    return pc.if_else(pc.is_valid(found), pc.min_element_wise(found, own), found)


def members_of(patents: pa.Table) -> pa.Table:
    """Rows of ``family_members`` for the patents themselves."""
    there = patents.filter(pc.is_valid(patents["family_id"]))
    names = {"family_id": "family_id", "jurisdiction": "jurisdiction", "kind": "kind"}
    names |= {"publication_date": "publication_date", "patent_id": "patent_id"}
    return pa.table({ours: there[theirs] for ours, theirs in names.items() if theirs in there.column_names})


def renamed(table: pa.Table, name: str, alias: dict[str, str]) -> pa.Table:
    """Documents under the name of the right to which they belong."""
    if not alias:
        return table
    place = pc.index_in(table[name], pa.array(list(alias)))
    renamed = pc.coalesce(pc.take(pa.array(list(alias.values())), place), table[name])
    return table.set_column(table.schema.get_field_index(name), name, renamed)
