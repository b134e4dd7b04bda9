"""Missing values of a row that other rows of the book imply: filled in when the book is made.

Afterwards each row is complete by itself, so that a shard can be valued without the other shards. A citation has its
citing document's date, class, owner and family, and a row of a deal has the number of patents in the deal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.law import kinds
from ipvalue.records.order import index_of

__all__ = ["complete", "count_deal_patents"]


def complete(name: str, table: pa.Table, patents: pa.Table) -> pa.Table:
    """Fill the columns of one table that other rows imply.

    Parameters
    ----------
    name : str
        The table's name.
    table : pyarrow.Table
        Its valid rows.
    patents : pyarrow.Table
        The valid rows of the patents table (for ``patents`` itself: the same table).
    """
    filler = _FILLERS.get(name)
    return filler(table, patents) if filler is not None and table.num_rows else table


def count_deal_patents(table: pa.Table) -> pa.Table:
    """Count the patents of each deal where the row does not state their number; before any row is refused.

    A deal of ten patents is not the sale of a single patent, even if only one of them is in the book.

    Examples
    --------
    >>> import pyarrow as pa
    >>> deals = pa.table({"deal_id": ["a", "a", "b"], "patent_id": ["1", "2", "1"],
    ...                   "deal_patents": pa.array([None, None, 4], pa.int32())})
    >>> count_deal_patents(deals)["deal_patents"].to_pylist()
    [2, 2, 4]
    """
    pairs = table.select(["deal_id", "patent_id"]).group_by("deal_id").aggregate([("patent_id", "count_distinct")])
    place = index_of(table["deal_id"], pairs["deal_id"].combine_chunks())
    counts = np.asarray(pairs["patent_id_count_distinct"].to_numpy(), np.int32)
    counted = pa.array(counts[place] if len(counts) else place, pa.int32(), mask=place < 0)
    return _put(table, "deal_patents", pc.coalesce(table["deal_patents"], counted))


def _put(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, values)


def _fill(table: pa.Table, name: str, *others: pa.Array | pa.ChunkedArray) -> pa.Table:
    return _put(table, name, pc.coalesce(table[name], *others))


def _lookup(ids: pa.ChunkedArray, patents: pa.Table, values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Values of the patents named by ``ids``, null where the id is not in the book."""
    place = index_of(ids, patents["patent_id"].combine_chunks())
    return pc.take(values, pa.array(place, pa.int32(), mask=place < 0))


def _first(lists: pa.ChunkedArray) -> pa.Array:
    array = lists.combine_chunks()
    # list_element fails on lists that are too short; null lists stay null
    usable = pc.if_else(pc.is_valid(array), array, pa.scalar([None], array.type))
    return pc.list_element(usable, 0)


def _patents(table: pa.Table, _: pa.Table) -> pa.Table:
    jurisdiction = np.asarray(table["jurisdiction"].to_numpy(), np.str_)
    kind = np.asarray(pc.fill_null(table["kind"], "").to_numpy(), np.str_)
    by_kind = kinds.right_of(jurisdiction, kind)
    known = np.isin(by_kind, ["invention", "utility_model", "design", "plant"])
    return _fill(table, "right", pa.array(np.where(known, by_kind, "invention").astype(object), pa.string()))


def _publication(patents: pa.Table) -> pa.ChunkedArray:
    return pc.coalesce(patents["publication_date"], patents["grant_date"], patents["application_date"])


def _citations(table: pa.Table, patents: pa.Table) -> pa.Table:
    citing = table["citing_id"]
    # not the filing date: what an application cites is unknown before its publication
    published = pc.coalesce(patents["publication_date"], patents["grant_date"])
    table = _fill(table, "citing_date", _lookup(citing, patents, published))
    table = _fill(table, "citing_ipc", _lookup(citing, patents, _first(patents["ipc"])))
    table = _fill(table, "citing_owner", _lookup(citing, patents, _first(patents["owners"])))
    table = _fill(table, "citing_family", _lookup(citing, patents, patents["family_id"]))
    cited = table["cited_id"]
    table = _fill(table, "cited_date", _lookup(cited, patents, _publication(patents)))
    table = _fill(table, "cited_ipc", _lookup(cited, patents, _first(patents["ipc"])))
    return _fill(table, "cited_owner", _lookup(cited, patents, _first(patents["owners"])))


def _claims(table: pa.Table, patents: pa.Table) -> pa.Table:
    """A claim set without a date gets the latest possible one, that of the grant, so that nothing looks ahead."""
    dates = pc.coalesce(patents["grant_date"], patents["publication_date"], patents["application_date"])
    return _fill(table, "publication_date", _lookup(table["patent_id"], patents, dates))


def _legal_events(table: pa.Table, patents: pa.Table) -> pa.Table:
    table = _fill(table, "announced_date", table["effective_date"])
    table = _fill(table, "loaded_date", table["announced_date"])
    return _fill(table, "office", _lookup(table["patent_id"], patents, patents["jurisdiction"]))


def _transactions(table: pa.Table, _: pa.Table) -> pa.Table:
    table = _fill(table, "kind", pa.scalar("sale"))
    return _fill(table, "arms_length", pa.scalar(False))


_FILLERS: dict[str, Callable[[pa.Table, pa.Table], pa.Table]] = {
    "patents": _patents,
    "citations": _citations,
    "claims": _claims,
    "legal_events": _legal_events,
    "transactions": _transactions,
}
