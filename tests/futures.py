"""Delete from a book everything that came after a day: what point-in-time tests compare with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import ipvalue as ipv

# facts of the patents table that enter on a date, and the dates that say when (the grant where they are absent)
_LATER = {
    "term_adjustment_days": "term_adjustment_known_date",
    "term_extension_days": "term_extension_known_date",
    "disclaimer_date": "disclaimer_known_date",
}
_DATE_OF_ROW = {
    "citations": "citing_date",
    "claims": "publication_date",
    "family_members": "publication_date",
    "economics": "known_date",
    "transactions": "deal_date",
    "licences": "licence_date",
    "curves": "date",
    "fx": "date",
    "price_index": "date",
}


def without_future(book: ipv.Book, day: str) -> ipv.Book:
    """The book as a bank would hold it that had stopped collecting on the day."""
    last = pa.scalar(np.datetime64(day, "D").astype(object), pa.date32())
    tables = {}
    for name, table in book.tables.items():
        if name == "patents":
            tables[name] = _patents(table, last)
        elif name == "legal_events":
            # an event counts when it is effective and announced: one that only takes effect later is future too
            keep = pc.and_(pc.less_equal(table["announced_date"], last), pc.less_equal(table["effective_date"], last))
            tables[name] = table.filter(keep)
        elif name in _DATE_OF_ROW:
            tables[name] = table.filter(pc.fill_null(pc.less_equal(table[_DATE_OF_ROW[name]], last), False))
        else:
            tables[name] = table
    return ipv.Book(**tables)


def _patents(table: pa.Table, last: pa.Scalar) -> pa.Table:
    table = table.filter(pc.less_equal(table["application_date"], last))
    grant, publication = table["grant_date"], table["publication_date"]
    ungranted = pc.fill_null(pc.greater(grant, last), False)
    for fact, known in _LATER.items():
        when = pc.coalesce(table[known], grant)
        later = pc.fill_null(pc.greater(when, last), True)
        table = _null_where(table, fact, later)
        table = _null_where(table, known, pc.fill_null(pc.greater(table[known], last), False))
    table = _null_where(table, "kind", ungranted)
    unpublished = pc.fill_null(pc.greater(pc.min_element_wise(publication, grant), last), False)
    for fact in ("n_claims", "npl_citations", "n_inventors"):
        table = _null_where(table, fact, unpublished)
    table = _null_where(table, "grant_date", ungranted)
    return _null_where(table, "publication_date", pc.fill_null(pc.greater(publication, last), False))


def _null_where(table: pa.Table, name: str, mask: pa.ChunkedArray) -> pa.Table:
    field = table.schema.field(name)
    values = pc.if_else(mask, pa.scalar(None, field.type), table[name])
    return table.set_column(table.schema.get_field_index(name), field, values)
