"""What several books know of one patent, as one row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason
from ipvalue.records.order import rank
from ipvalue.sources.reading.refusals import Refusal
from ipvalue.types import Ints, Mask

__all__ = ["one_row_a_patent"]


def one_row_a_patent(table: pa.Table) -> tuple[pa.Table, list[Refusal]]:
    """Merge rows of ``patents``, of which the first in the table weighs most.

    Parameters
    ----------
    table : pyarrow.Table
        In the schema's columns; a patent may stand in several rows.

    Returns
    -------
    pyarrow.Table
        Each patent once: of every column the first value that is there.
    list of Refusal
        Values that contradict the one that stands.

    Examples
    --------
    >>> rows = pa.table({"patent_id": ["US-1", "US-1"], "kind": [None, "B2"], "n_claims": [3, 4]})
    >>> merged, refused = one_row_a_patent(rows)
    >>> merged.to_pylist(), [(r.column, r.value) for r in refused]
    ([{'patent_id': 'US-1', 'kind': 'B2', 'n_claims': 3}], [('n_claims', 'US-1: 4')])
    """
    encoded = pc.dictionary_encode(table["patent_id"].combine_chunks())
    patent = np.asarray(encoded.indices, np.int64)
    n_patents = len(encoded.dictionary)
    if n_patents == table.num_rows:
        return table, []
    columns: dict[str, pa.Array] = {"patent_id": encoded.dictionary}
    refusals: list[Refusal] = []
    for name in table.column_names:
        if name == "patent_id":
            continue
        values = table[name].combine_chunks()
        there = np.asarray(pc.is_valid(values).to_numpy(zero_copy_only=False), bool)
        place = _first(patent, there, n_patents)
        columns[name] = values.take(pa.array(np.maximum(place, 0), mask=place < 0))
        ranks = rank(values)
        for row in np.flatnonzero(there & (ranks != ranks[np.maximum(place, 0)][patent])).tolist():
            value = f"{table['patent_id'][row]}: {values[row]}"
            detail = "another row of the patent says otherwise, and stands before this one"
            refusals.append(Refusal(row, name, value, Reason.DUPLICATE_KEY, detail))
    return pa.table(columns).select(table.column_names), refusals


def _first(patent: Ints, there: Mask, n_patents: int) -> Ints:
    """The first row of each patent in which a value is there; -1 for none."""
    rows = np.flatnonzero(there)[::-1]
    place = np.full(n_patents, -1, np.int64)
    place[patent[rows]] = rows  # of several rows the last to be written stands: the first of the table
    return place
