"""Publications of one application as one right, whatever the order of the rows."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.sources.joining.publications import merge_publications

# few values, so that rows tie on application, grant and date, and differ in the rest
PUBLICATION = st.fixed_dictionaries(
    {
        "patent_id": st.sampled_from(["US-1", "US-2", "US-3"]),
        "publication_date": st.sampled_from([None, "2013-04-25", "2014-04-15"]),
        "grant_date": st.sampled_from([None, "2014-04-15"]),
        "owners": st.sampled_from([None, ["A"], ["B"], ["A", "B"]]),
        "n_claims": st.sampled_from([None, 3, 4]),
    }
)
SCHEMA = pa.schema(
    [
        ("patent_id", pa.string()),
        ("publication_date", pa.string()),
        ("grant_date", pa.string()),
        ("owners", pa.list_(pa.string())),
        ("n_claims", pa.int64()),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(PUBLICATION, st.sampled_from(["a1", "a2", None])), min_size=1, max_size=8), data=st.data()
)
def test_the_order_of_publications_does_not_matter(
    rows: list[tuple[dict[str, object], str | None]], data: st.DataObject
) -> None:
    def merged(some: list[tuple[dict[str, object], str | None]]) -> tuple[list[str], dict[str, str]]:
        table = pa.Table.from_pylist([row for row, _ in some], schema=SCHEMA)
        found, alias = merge_publications(table, pa.array([number for _, number in some], pa.string()))
        return sorted(map(repr, found.to_pylist())), alias

    assert merged(data.draw(st.permutations(rows))) == merged(rows)


def test_a_tie_is_broken_by_what_the_rows_say() -> None:
    rows = [{"patent_id": "US-1", "publication_date": "2013-04-25", "owners": [owner]} for owner in ("B", "A")]
    found, _ = merge_publications(pa.Table.from_pylist(rows, schema=SCHEMA), pa.array(["x", "x"]))
    assert found["owners"].to_pylist() == [["A"]]
