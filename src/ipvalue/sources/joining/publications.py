"""Merge the publications of each application: databases list every publication, a book has one row for each right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.sources.reading.converters import document_numbers
from ipvalue.sources.reading.mapping import Columns
from ipvalue.types import Array, Ints, Objects

__all__ = [
    "CITATION_ORIGINS",
    "count_of",
    "family_ids",
    "members_of",
    "merge_publications",
    "patent_columns",
    "tables_of_publications",
]

CITATION_ORIGINS = {"APP": "applicant", **dict.fromkeys(("EXA", "SEA", "ISR", "PRS"), "examiner")}
"""Who brought a citation, by the phase in which it was made (codes of INPADOC)."""

# columns of other tables that identify publications
_DOCUMENTS = {"citations": ("citing_id", "cited_id"), "claims": ("patent_id",)}
_LATEST = "9999"
_PRIORITY_DATE = r"(?P<date>[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})\s*$"


def merge_publications(table: pa.Table, application: pa.Array | pa.ChunkedArray) -> tuple[pa.Table, dict[str, str]]:
    """Merge the publications of each application into one row of ``patents``.

    Parameters
    ----------
    table : pyarrow.Table
        One row for each publication, in columns of ``patents``, with dates as text (year first). ``grant_date`` is
        filled only if the publication is a grant.
    application : pyarrow.Array
        Application number of each row. A row without one is merged only with rows of the same publication number.

    Returns
    -------
    pyarrow.Table
        One row for each application, named by its grant or else by its first publication. Missing values are filled
        from its other publications. The publication date is the earliest. The order of the rows does not matter.
    dict of str to str
        The new identifier of each publication whose identifier changed, for citations. If two applications share a
        publication number, the first in sorted order.

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
    """Ranks by the content of the rows, for rows that have the same keys."""
    tied = pd.DataFrame(dict(enumerate(keys))).duplicated(keep=False).to_numpy(bool)
    ranks = np.zeros(len(frame), np.int64)
    if tied.any():
        rows = frame.loc[tied].astype(object)
        contents = rows.where(rows.notna(), "").astype(str).agg("\x1f".join, axis=1)
        ranks[tied] = pd.factorize(contents.to_numpy(object), sort=True)[0]
    return ranks


def _text(frame: pd.DataFrame, name: str) -> Objects:
    if name not in frame:
        return np.full(len(frame), _LATEST, object)
    return frame[name].astype(object).where(frame[name].notna(), _LATEST).to_numpy(object)


def tables_of_publications(publications: pa.Table, others: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Merge publications, whose column ``application`` groups them, and adapt the identifiers of the other tables."""
    application = publications["application"].combine_chunks()
    patents, renamed = merge_publications(publications.drop_columns(["application"]), application)
    tables = {"patents": patents, **others}
    for name, columns in _DOCUMENTS.items():
        for column in columns if name in tables else ():
            tables[name] = _renamed(tables[name], column, renamed)
    return tables


def _renamed(table: pa.Table, name: str, renamed: dict[str, str]) -> pa.Table:
    if not renamed:
        return table
    place = pc.index_in(table[name], pa.array(list(renamed)))
    values = pc.coalesce(pc.take(pa.array(list(renamed.values())), place), table[name])
    return table.set_column(table.schema.get_field_index(name), name, values)


def patent_columns(batch: pa.Table, columns: Columns, granted: pa.Array) -> dict[str, pa.Array]:
    """Columns of ``patents`` for each publication, and its ``application``.

    Parameters
    ----------
    batch : pyarrow.Table
        Converted columns, with the targets of a mapping as names. Internal targets that are used: ``priorities``,
        ``applicants`` (if there are no owners), ``inventors``, ``application``, ``family`` and ``members``.
    columns : Columns
    granted : pyarrow.Array of bool
        Whether each publication is that of a grant, so that its date is the grant date if there is no other.
    """
    columns_of = {name: batch[name].combine_chunks() for name in batch.column_names}
    text, values = pa.nulls(batch.num_rows, pa.string()), pa.nulls(batch.num_rows, pa.list_(pa.string()))
    published = columns_of.get("publication_date", text)
    found = {
        **{f.target: columns_of[f.target] for f in columns if not f.internal and f.target in columns_of},
        "priority_date": pc.coalesce(
            columns_of.get("priority_date", text), _earliest_date(columns_of.get("priorities", values))
        ),
        "grant_date": pc.coalesce(
            columns_of.get("grant_date", text), pc.if_else(granted, published, pa.scalar(None, pa.string()))
        ),
        "owners": pc.coalesce(columns_of.get("owners", values), columns_of.get("applicants", values)),
        "n_inventors": count_of(columns_of.get("inventors", values)),
        "application": columns_of.get("application", text),
    }
    if "family" in columns_of or "members" in columns_of:
        members = family_ids(columns_of.get("members", values), columns_of["patent_id"])
        found["family_id"] = pc.coalesce(columns_of.get("family", text), members)
    return found


def count_of(lists: pa.Array) -> pa.Array:
    """Number of values in each list that are not empty; null where there is no list.

    Examples
    --------
    >>> count_of(pa.array([["a", "b"], [""], None])).to_pylist()
    [2, 0, None]
    """
    parents, values = pc.list_parent_indices(lists), pc.list_flatten(lists)
    there = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values.cast(pa.string())), ""), False)
    counts = np.bincount(np.asarray(parents.filter(there)), minlength=len(lists))
    return pc.if_else(pc.is_valid(lists), pa.array(counts, pa.int64()), pa.scalar(None, pa.int64()))


def _earliest_date(lists: pa.Array) -> pa.Array:
    """The earliest date in each list of priority numbers, which end with their date; as YYYY-MM-DD.

    Examples
    --------
    >>> _earliest_date(pa.array([["US 201562116216 P 20150213", "US 2014 P 2014-12-01"], ["CN1"], None])).to_pylist()
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
    """Name each family by the first of its members in sorted order, including the document itself (``own``).

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
