"""The book: no row is lost, the order of rows is nothing, and every refusal points at the input."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import REASONS, BookError, Reason
from ipvalue.records.book import parse_date
from ipvalue.records.schema import TABLES

PATENTS = {
    "patent_id": ["A", "B"],
    "jurisdiction": ["CN", "US"],
    "application_date": ["2010-01-01", "2012-01-01"],
}


def with_patents(**columns: object) -> dict[str, object]:
    return {**PATENTS, **columns}


def counts_add_up(book: ipv.Book) -> None:
    for name, rows in book.rows_in.items():
        refused = int((book.rejects["table"] == name).sum())
        assert rows == book[name].num_rows + refused + book.duplicates.get(name, 0), name


def shuffled(tables: dict[str, pa.Table], seed: int) -> dict[str, pa.Table]:
    rng = np.random.default_rng(seed)
    return {name: table.take(pa.array(rng.permutation(table.num_rows))) for name, table in tables.items()}


SMALL = ipv.synthetic_book(80, seed=5, claim_texts=True)


def without(table: pa.Table, name: str) -> pa.Table:
    place, field = table.schema.get_field_index(name), table.schema.field(name)
    return table.set_column(place, field, pa.nulls(table.num_rows, field.type))


def with_faults(book: ipv.Book) -> dict[str, pa.Table]:
    """Each table with its first rows repeated, some with other values under the same key, and some without a key."""
    tables = {}
    for name, table in book.tables.items():
        head, spec = table.slice(0, 6), TABLES[name]
        free = [c for c in spec.columns if c not in spec.key + spec.required]
        changed = without(head, free[-1]) if free else head
        tables[name] = pa.concat_tables([table, head, changed, without(head, spec.required[0])])
    return tables


FAULTY = with_faults(SMALL)


def test_a_faulty_book_loses_no_row() -> None:
    book = ipv.Book(**FAULTY)
    counts_add_up(book)
    assert set(book.rejects["code"]) >= {"missing", "duplicate_key"}
    assert set(book.duplicates) == {name for name, table in FAULTY.items() if table.num_rows}
    assert (book.rejects["code"] == "missing").sum() == sum(min(6, table.num_rows) for table in SMALL.tables.values())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_shuffled_rows_give_the_same_tables_and_fingerprint(seed: int) -> None:
    one, two = ipv.Book(**FAULTY), ipv.Book(**shuffled(FAULTY, seed))
    assert one.fingerprint == two.fingerprint
    for name, table in one.tables.items():
        assert table.equals(two[name]), name
    assert one.duplicates == two.duplicates
    counted = [b.rejects.groupby(["table", "column", "code"]).size() for b in (one, two)]
    pd.testing.assert_series_equal(*counted)


def test_a_clean_book_is_kept_as_it_is() -> None:
    again = ipv.Book(**SMALL.tables)
    assert len(again.rejects) == 0
    assert again.duplicates == {}
    assert again.fingerprint == SMALL.fingerprint


def test_the_fingerprint_sees_every_table_and_column() -> None:
    prints = {SMALL.fingerprint}
    for name, table in SMALL.tables.items():
        for place, field in enumerate(table.schema):
            if table.column(place).null_count < table.num_rows:
                tables = SMALL.tables | {name: table.set_column(place, field, pa.nulls(table.num_rows, field.type))}
                prints.add(ipv.Book.from_canonical(tables).fingerprint)
    columns = sum(c.null_count < t.num_rows for t in SMALL.tables.values() for c in t.columns)
    assert len(prints) == columns + 1
    assert ipv.Book.from_canonical(SMALL.tables | {"loans": SMALL["loans"].slice(0, 0)}).fingerprint == (
        ipv.Book.from_canonical({n: t for n, t in SMALL.tables.items() if n != "loans"}).fingerprint
    ), "no rows and no table are the same"


def test_the_fingerprint_is_that_of_the_rows_shown_not_of_the_buffers_behind_them() -> None:
    table = SMALL["patents"]
    part = ipv.Book.from_canonical({"patents": table.slice(20, 30)})
    copied = ipv.Book.from_canonical({"patents": pa.Table.from_pylist(table.slice(20, 30).to_pylist(), table.schema)})
    assert part.fingerprint == copied.fingerprint


def test_exact_repeats_are_counted_also_where_they_were_written_otherwise() -> None:
    book = ipv.Book(
        patents={
            "patent_id": ["A", "A", " A "],
            "jurisdiction": ["CN", "cn", "CN"],
            "application_date": ["2010-01-01", "20100101", "2010-01-01T00:00:00"],
            "owners": ["x;y", "x|y", " x ; y "],
        }
    )
    assert (len(book), book.duplicates, len(book.rejects)) == (1, {"patents": 2}, 0)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_of_rows_with_one_key_the_same_one_is_kept_whatever_the_order(order: list[int]) -> None:
    rows = [("A", "CN", "2010-01-01"), ("A", "CN", "2009-01-01"), ("A", "US", "2008-01-01")]
    columns = zip(*[rows[i] for i in order], strict=True)
    book = ipv.Book(patents=dict(zip(PATENTS, map(list, columns), strict=True)))
    assert book["patents"]["application_date"].to_pylist() == [datetime.date(2009, 1, 1)]
    assert sorted(book.rejects["row"]) == sorted(order.index(i) for i in (0, 2))
    assert set(book.rejects["code"]) == {"duplicate_key"}
    counts_add_up(book)


def test_rejects_point_at_the_input() -> None:
    book = ipv.Book(
        patents=with_patents(grant_date=["2020-02-30", None]),
        citations={"citing_id": ["B", "X", "A", None], "cited_id": ["A", "Y", "Z", "A"], "category": [None] * 4},
        transactions={
            "deal_id": ["d", "d", "e"],
            "patent_id": ["B", "B", "B"],
            "deal_date": ["2015-01-01"] * 3,
            "price": [1.0, -5.0, float("inf")],
        },
    )
    assert list(book.rejects.columns) == ["table", "row", "column", "value", "code", "message"]
    found = [tuple(r) for r in book.rejects.drop(columns="message").itertuples(index=False)]
    assert found == [
        ("patents", 0, "grant_date", "2020-02-30", "bad_date"),
        ("citations", 1, "cited_id", "Y", "unknown_patent"),
        ("citations", 2, "cited_id", "Z", "unknown_patent"),
        ("citations", 3, "citing_id", "", "missing"),
        ("transactions", 1, "price", "-5.0", "out_of_range"),
        ("transactions", 2, "price", "inf", "not_finite"),
    ]
    assert (book.rejects["message"] == [REASONS[Reason[c.upper()]] for c in book.rejects["code"]]).all()
    counts_add_up(book)


def test_a_huge_value_is_shown_short() -> None:
    book = ipv.Book(patents=with_patents(family_id=["x" * 2_000_000, None]))
    assert book.rejects["code"].tolist() == ["too_long"]
    assert len(book.rejects["value"][0]) == 200


def test_the_first_fault_of_a_row_is_the_one_named() -> None:
    book = ipv.Book(patents={"patent_id": ["A"], "jurisdiction": ["?"], "application_date": ["?"]})
    assert book.rejects[["column", "code"]].values.tolist() == [["jurisdiction", "bad_code"]]


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("priority_date", "application_date"),
        ("parent_filing_date", "application_date"),
        ("application_date", "publication_date"),
        ("application_date", "grant_date"),
    ],
)
def test_dates_that_contradict_each_other_refuse_the_patent(early: str, late: str) -> None:
    dates = {early: ["2015-01-02", "2015-01-02"], late: ["2015-01-01", "2015-01-02"]}
    book = ipv.Book(patents=with_patents(**({"application_date": ["2015-01-02"] * 2} | dates)))
    assert book.patent_ids == ["B"]
    assert book.rejects[["row", "column", "code"]].values.tolist() == [[0, late, "inconsistent_dates"]]


def test_a_loan_is_not_due_before_it_is_drawn() -> None:
    loans = {
        "loan_id": ["1", "2"],
        "patent_id": ["A", "A"],
        "exposure": [1, 1],
        "drawn_date": ["2020-01-02", None],
        "maturity_date": ["2020-01-01", "2020-01-01"],
    }
    book = ipv.Book(patents=PATENTS, loans=loans)
    assert book.rejects[["row", "column", "code"]].values.tolist() == [[0, "maturity_date", "inconsistent_dates"]]


def test_rows_of_refused_patents_are_refused_too() -> None:
    book = ipv.Book(
        patents=with_patents(jurisdiction=["CN", "??"], family_id=["F", "G"]),
        economics={"patent_id": ["A", "B"], "known_date": ["2020-01-01"] * 2},
        family_members={"family_id": ["F", "G"], "jurisdiction": ["US", "US"]},
        claims={"patent_id": ["B", "A"], "claim_number": [1, 1]},
    )
    unknown = book.rejects[book.rejects["code"] == "unknown_patent"]
    assert unknown[["table", "row", "value"]].values.tolist() == [
        ["claims", 0, "B"],
        ["family_members", 1, "G"],
        ["economics", 1, "B"],
    ]
    counts_add_up(book)


def test_strict_raises_on_the_first_bad_row() -> None:
    with pytest.raises(BookError, match=r"1 bad row.*'patents', row 1, column 'jurisdiction', value '\?\?'"):
        ipv.Book(patents=with_patents(jurisdiction=["CN", "??"]), strict=True)
    assert len(ipv.Book(patents=PATENTS, strict=True)) == 2


def test_tables_without_rows_are_tables() -> None:
    empty = {n: {c: [] for c in t.required} for n, t in TABLES.items()}
    book = ipv.Book(**empty)
    counts_add_up(book)
    assert (len(book), sum(book.rows_in.values())) == (0, 0)
    assert len(ipv.extract(book.as_of("2020-01-01"))) == 0
    with_rows = ipv.Book(patents=PATENTS, **{n: t for n, t in empty.items() if n != "patents"})
    assert with_rows.fingerprint == ipv.Book(patents=PATENTS).fingerprint


def test_a_citation_learns_both_ends_from_the_book() -> None:
    patents = with_patents(
        publication_date=["2011-07-01", None],
        grant_date=["2013-01-01", "2014-05-05"],
        ipc=[["H04L 29/06", "G06F"], None],
        owners=[["x", "y"], None],
        family_id=["F", None],
    )
    citations = {"citing_id": ["A", "B", "Z"], "cited_id": ["B", "A", "A"], "citing_owner": ["own", None, None]}
    rows = ipv.Book(patents=patents, citations=citations)["citations"].to_pylist()
    one, two, outside = ({k: v for k, v in row.items() if v is not None} for row in rows)
    day = datetime.date
    assert one == {
        "citing_id": "A",
        "cited_id": "B",
        "citing_date": day(2011, 7, 1),
        "citing_ipc": "H04L 29/06",
        "citing_owner": "own",
        "citing_family": "F",
        "cited_date": day(2014, 5, 5),
    }
    assert two["citing_date"] == day(2014, 5, 5)
    assert (two["cited_date"], two["cited_ipc"], two["cited_owner"]) == (day(2011, 7, 1), "H04L 29/06", "x")
    assert outside.keys() == {"citing_id", "cited_id", "cited_date", "cited_ipc", "cited_owner"}, "never counted"


def test_patents_of_a_deal_are_counted_over_all_its_rows_also_the_refused_ones() -> None:
    deals = {
        "deal_id": ["d", "d", "d", "d", "e", "f"],
        "patent_id": ["A", "X", "Y", "Y", "A", "A"],
        "deal_date": ["2015-01-01"] * 6,
        "price": [10.0, 10.0, None, 10.0, 10.0, 10.0],
        "deal_patents": [None, None, None, None, None, 7],
    }
    book = ipv.Book(patents=PATENTS, transactions=deals)
    rows = book["transactions"].select(["deal_id", "deal_patents", "kind", "arms_length"]).to_pylist()
    assert [tuple(r.values()) for r in rows] == [
        ("d", 3, "sale", False),
        ("e", 1, "sale", False),
        ("f", 7, "sale", False),
    ]
    counts_add_up(book)


def test_what_rows_leave_out_is_filled_from_their_patent() -> None:
    book = ipv.Book(
        patents=with_patents(grant_date=["2013-01-01", None], kind=["U", None]),
        claims={"patent_id": ["A", "B"], "claim_number": [1, 1]},
        legal_events={
            "patent_id": ["A", "A"],
            "effective_date": ["2015-01-01", "2016-01-01"],
            "announced_date": [None, "2016-02-01"],
        },
    )
    day = datetime.date
    assert book["patents"]["right"].to_pylist() == ["utility_model", "invention"]
    assert book["claims"]["publication_date"].to_pylist() == [day(2013, 1, 1), day(2012, 1, 1)]
    assert book["legal_events"]["announced_date"].to_pylist() == [day(2015, 1, 1), day(2016, 2, 1)]
    assert book["legal_events"]["loaded_date"].to_pylist() == [day(2015, 1, 1), day(2016, 2, 1)]
    assert book["legal_events"]["office"].to_pylist() == ["CN", "CN"]


def test_select_keeps_all_rows_of_the_patents_and_no_others(book: ipv.Book) -> None:
    chosen = set(book.patent_ids[::7])
    part = book.select(chosen | {"not in the book"})
    assert set(part.patent_ids) == chosen
    for name, columns in ((n, t.patent_columns) for n, t in TABLES.items() if t.patent_columns):
        whole = book[name].to_pandas()
        expected = whole[np.logical_or.reduce([whole[c].isin(chosen) for c in columns])]
        assert part[name].num_rows == len(expected), name
    families = set(part["patents"]["family_id"].to_pylist())
    assert set(part["family_members"]["family_id"].to_pylist()) <= families
    assert part["licences"].equals(book["licences"])
    assert part.fingerprint == ipv.Book(**part.tables).fingerprint, "still in canonical order"


def test_select_passes_over_what_is_no_patent_and_takes_no_single_text() -> None:
    first = SMALL.patent_ids[0]
    assert SMALL.select([first, None, 5, "elsewhere"]).patent_ids == [first]  # type: ignore[list-item]
    with pytest.raises(BookError, match="several identifiers"):
        SMALL.select(first)


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(BookError, match="there is no table 'patent'"):
        SMALL["patent"]
    with pytest.raises(BookError, match="known='never'"):
        SMALL.as_of("2020-01-01", known="never")  # type: ignore[arg-type]


def test_repr_answers_the_next_question() -> None:
    text = repr(ipv.Book(**FAULTY))
    assert "rows refused" in text and "repeats dropped" in text and "Book of 80 patents" in text


@pytest.mark.parametrize(
    "date",
    [
        "2024-12-31",
        " 2024-12-31 ",
        datetime.date(2024, 12, 31),
        datetime.datetime(2024, 12, 31, 23, 59),
        datetime.datetime(2024, 12, 31, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=8))),
        pd.Timestamp("2024-12-31", tz="Asia/Shanghai"),
        np.datetime64("2024-12-31T12"),
    ],
)
def test_a_day_is_that_of_its_own_time_zone(date: object) -> None:
    assert parse_date(date) == np.datetime64("2024-12-31", "D")


@pytest.mark.parametrize(
    "date",
    [
        *("2024-02-30", "2024", "31.12.2024", "2024-12-31T00:00", "", "today", "1789-12-31", "2200-01-02"),
        *(None, pd.NaT, np.datetime64("NaT"), 20241231, 1.5, True, np.int64(5), np.bool_(True), decimal.Decimal(1)),
        *(
            b"2024-12-31",
            ["2024-12-31"],
            np.array(["2024-12-31"], "M8[D]"),
            datetime.date(1, 1, 1),
            np.datetime64(2**40, "D"),
        ),
    ],
)
def test_what_is_no_day_is_refused(date: object) -> None:
    with pytest.raises(BookError):
        parse_date(date)
