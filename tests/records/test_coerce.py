"""Foreign columns: what is unambiguous is coerced, every other value is refused with its reason, nothing crashes."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import Reason, SchemaError
from ipvalue.records.arrow import to_arrow
from ipvalue.records.coerce import coerce
from ipvalue.records.schema import TABLES

OK, MISSING, BAD_TYPE, BAD_DATE = Reason.OK, Reason.MISSING, Reason.BAD_TYPE, Reason.BAD_DATE
OUT_OF_RANGE, NOT_FINITE, BAD_CODE, TOO_LONG = Reason.OUT_OF_RANGE, Reason.NOT_FINITE, Reason.BAD_CODE, Reason.TOO_LONG

Case = tuple[object, object, Reason]


def column(table: str, name: str) -> Any:
    return TABLES[table].columns[name]


def judged(table: str, name: str, values: pa.Array) -> tuple[list[object], list[int]]:
    result, codes = coerce(column(table, name), values)
    assert result.type == column(table, name).arrow_type()
    assert len(result) == len(codes) == len(values)
    return result.to_pylist(), codes.tolist()


DAY = datetime.date(2020, 2, 29)

DATES: list[Case] = [
    ("2020-02-29", DAY, OK),
    (" 2020-02-29 ", DAY, OK),
    ("20200229", DAY, OK),
    ("2020-02-29T00:00:00Z", DAY, OK),
    ("2020-02-29 00:00", DAY, OK),
    ("", None, OK),
    (None, None, OK),
    ("2021-02-29", None, BAD_DATE),
    ("2020-2-9", None, BAD_DATE),
    ("29/02/2020", None, BAD_DATE),
    ("2020-02-29T13:00:00", None, BAD_DATE),
    ("NaT", None, BAD_DATE),
    ("2020", None, BAD_DATE),
    ("1790-01-01", datetime.date(1790, 1, 1), OK),
    ("1789-12-31", None, OUT_OF_RANGE),
    ("2200-01-01", datetime.date(2200, 1, 1), OK),
    ("2200-01-02", None, OUT_OF_RANGE),
    ("9999-12-31", None, OUT_OF_RANGE),
    ("0000-00-00", None, BAD_DATE),
]
NUMBERS: list[Case] = [
    ("1", 1.0, OK),
    ("+1", 1.0, OK),
    ("1.", 1.0, OK),
    (".5", 0.5, OK),
    (" 1e5 ", 1e5, OK),
    ("1e-999", 0.0, OK),
    ("1e999", None, NOT_FINITE),
    ("9" * 400, None, NOT_FINITE),
    ("", None, OK),
    ("1,000", None, BAD_TYPE),
    ("1_000", None, BAD_TYPE),
    ("0x10", None, BAD_TYPE),
    ("nan", None, BAD_TYPE),
    ("inf", None, BAD_TYPE),
    ("١", None, BAD_TYPE),
    ("-1", None, OUT_OF_RANGE),
    ("1e16", None, OUT_OF_RANGE),
]
FLAGS: list[Case] = [
    *((text, True, OK) for text in ("true", "TRUE", " yes ", "y", "1")),
    *((text, False, OK) for text in ("false", "False", "no", "N", "0")),
    ("", None, OK),
    ("maybe", None, BAD_TYPE),
    ("2", None, BAD_TYPE),
]
OFFICES: list[Case] = [
    ("CN", "CN", OK),
    (" cn ", "CN", OK),
    ("CHN", None, BAD_CODE),
    ("C\x00", None, BAD_CODE),
    ("中国", None, BAD_CODE),
    ("x" * 201, None, TOO_LONG),
    ("", None, MISSING),
    (None, None, MISSING),
]
LISTS: list[Case] = [
    (["a", " b ", "", None], ["a", "b"], OK),
    ([], None, OK),
    ([None], None, OK),
    (None, None, OK),
    (["x" * 501, "a"], None, TOO_LONG),
]
COLUMNS = [
    ("patents", "grant_date", DATES),
    ("economics", "revenue", NUMBERS),
    ("transactions", "arms_length", FLAGS),
    ("patents", "jurisdiction", OFFICES),
    ("patents", "owners", LISTS),
]


@pytest.mark.parametrize(("table", "name", "cases"), COLUMNS, ids=[c[1] for c in COLUMNS])
def test_each_value_is_coerced_or_refused_whatever_stands_beside_it(table: str, name: str, cases: list[Case]) -> None:
    values, expected, codes = zip(*cases, strict=True)
    together = judged(table, name, pa.array(values))
    assert together == (list(expected), list(codes))
    for value, result, code in cases:
        kind = pa.list_(pa.string()) if isinstance(value, list) else pa.string()
        assert judged(table, name, pa.array([value], kind)) == ([result], [code]), value


@pytest.mark.parametrize("kind", ["large", "view", "dictionary", "run_end", "bytes", "slice", "chunks"])
def test_all_encodings_of_text_are_one(kind: str) -> None:
    texts = ["cn", None, "US", "?", "cn"]
    plain = pa.array(texts)
    encoded = {
        "large": lambda: plain.cast(pa.large_string()),
        "view": lambda: pa.array(texts, pa.string_view()),
        "dictionary": lambda: plain.cast(pa.large_string()).dictionary_encode(),
        "run_end": lambda: pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 4, 5]), plain),
        "bytes": lambda: plain.cast(pa.binary()),
        "slice": lambda: pa.array(["x", *texts]).slice(1),
        "chunks": lambda: pa.chunked_array([texts[:2], texts[2:]]),
    }[kind]()
    assert judged("patents", "jurisdiction", encoded) == judged("patents", "jurisdiction", plain)


LIST_TYPES = [
    pa.list_(pa.string()),
    pa.large_list(pa.large_string()),
    pa.list_(pa.string_view()),
    pa.list_view(pa.string()),
    pa.large_list_view(pa.string()),
    pa.list_(pa.dictionary(pa.int32(), pa.string())),
    pa.list_(pa.binary()),
    pa.list_(pa.string(), 2),
]


@pytest.mark.parametrize("kind", LIST_TYPES, ids=str)
def test_all_encodings_of_lists_are_one(kind: pa.DataType) -> None:
    """Null rows of fixed size own elements in the buffers; a slice starts in the middle of them."""
    lists = pa.array([["x", "y"], ["a", "b"], None, ["c", "d"]], kind)
    assert judged("patents", "owners", lists.slice(1)) == ([["a", "b"], None, ["c", "d"]], [0, 0, 0])


def test_lists_are_written_as_text_with_semicolons_or_bars() -> None:
    texts = pa.array(["a; b|c", " ", None, ";"])
    assert judged("patents", "owners", texts) == ([["a", "b", "c"], None, None, None], [0, 0, 0, 0])


def test_what_is_no_list_of_texts_is_refused() -> None:
    for values in ([[["a"]]], [[1]], [1], [{"a": 1}], [[b"\xff"]]):
        assert judged("patents", "owners", pa.array(values)) == ([None], [BAD_TYPE])


def test_timestamps_are_the_day_of_their_own_time_zone() -> None:
    utc = pa.array([datetime.datetime(2019, 12, 31, 16, 0), None], pa.timestamp("us", "UTC"))
    day = datetime.date(2020, 1, 1)
    for zone in ("Asia/Shanghai", "+08:00"):
        local = utc.cast(pa.timestamp("ns", zone))
        assert judged("patents", "grant_date", local) == ([day, None], [OK, OK])
    assert judged("patents", "grant_date", utc) == ([datetime.date(2019, 12, 31), None], [OK, OK])
    late = pa.array([datetime.datetime(1969, 12, 31, 23, 59)])
    assert judged("patents", "grant_date", late) == ([datetime.date(1969, 12, 31)], [OK])


def test_an_unknown_time_zone_is_a_bad_date() -> None:
    lost = pa.array([0, None]).cast(pa.timestamp("s")).view(pa.timestamp("s", tz="Mars/Olympus"))
    assert judged("patents", "grant_date", lost) == ([None, None], [BAD_DATE, OK])


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns")], ids=str)
def test_days_beyond_the_calendar_of_python_are_refused_and_shown(kind: pa.DataType) -> None:
    width = pa.int32() if kind == pa.date32() else pa.int64()
    top = 2**31 - 1 if kind == pa.date32() else 2**63 - 1
    patents = {
        "patent_id": ["A", "B", "C"],
        "jurisdiction": ["CN"] * 3,
        "application_date": ["2020-01-01"] * 3,
        "grant_date": pa.array([top, -top, None], width).view(kind),
    }
    book = ipv.Book(patents=patents)
    assert book.patent_ids == ["C"]
    assert book.rejects["code"].tolist() == ["out_of_range"] * 2
    assert (book.rejects["value"] != "").all()


def test_numbers_of_every_type_are_float64() -> None:
    for values in (
        pa.array([3], pa.int8()),
        pa.array([3], pa.uint64()),
        pa.array(np.array([3], np.float16)),
        pa.array([decimal.Decimal("3.00")]),
        pa.array([decimal.Decimal("3.00")], pa.decimal256(50, 2)),
        pa.array([3]).dictionary_encode(),
    ):
        assert judged("economics", "revenue", values) == ([3.0], [OK])
    odd = pa.array([float("nan"), float("inf"), -float("inf"), -0.0])
    result, codes = coerce(column("economics", "revenue"), odd)
    assert codes.tolist() == [OK, NOT_FINITE, NOT_FINITE, OK]
    assert not np.signbit(result.to_numpy(zero_copy_only=False)[3]), "minus zero and zero have one hash"
    for values in (pa.array([True]), pa.array([{"a": 1}]), pa.array([DAY])):
        assert judged("economics", "revenue", values) == ([None], [BAD_TYPE])


def test_integers_are_whole_numbers() -> None:
    values = pa.array([3.0, 3.5, float("nan"), 1e300, -1.0])
    codes = [OK, BAD_TYPE, OK, OUT_OF_RANGE, OUT_OF_RANGE]
    assert judged("patents", "n_inventors", values) == ([3, None, None, None, None], codes)
    assert judged("patents", "n_inventors", pa.array(["3", "3.0", "x"])) == ([3, 3, None], [OK, OK, BAD_TYPE])


def test_identifiers_may_be_integers_also_where_pandas_made_floats_of_them() -> None:
    assert judged("patents", "family_id", pa.array([7, None])) == (["7", None], [OK, OK])
    assert judged("patents", "family_id", pa.array([7.0, None])) == (["7", None], [OK, OK])
    assert judged("patents", "family_id", pa.array([7.5])) == ([None], [BAD_TYPE])
    assert judged("patents", "family_id", pa.array([1e300])) == ([None], [BAD_TYPE])
    for values in (pa.array([True]), pa.array([DAY]), pa.array([{"a": 1}])):
        assert judged("patents", "family_id", values) == ([None], [BAD_TYPE])


def test_flags_are_zero_or_one() -> None:
    assert judged("transactions", "arms_length", pa.array([0, 1, 2])) == ([False, True, None], [OK, OK, BAD_TYPE])
    assert judged("transactions", "arms_length", pa.array([0.0, 0.5, None]))[1] == [OK, BAD_TYPE, OK]


def test_codes_of_a_closed_set_are_lower_case_and_those_of_a_pattern_fit_it() -> None:
    assert judged("patents", "right", pa.array(["Utility_Model", "patent"])) == (
        ["utility_model", None],
        [OK, BAD_CODE],
    )
    assert judged("claims", "language", pa.array(["ZH", "zho"])) == (["zh", None], [OK, BAD_CODE])
    assert judged("economics", "currency", pa.array(["usd", "US$"])) == (["USD", None], [OK, BAD_CODE])


def test_text_keeps_its_spaces_and_empty_text_is_missing() -> None:
    assert judged("claims", "text", pa.array([" a\n", ""])) == ([" a\n", None], [OK, OK])
    assert judged("claims", "text", pa.array(["x" * 1_000_001])) == ([None], [TOO_LONG])
    assert judged("patents", "patent_id", pa.array(["界" * 200, "界" * 201]))[1] == [OK, TOO_LONG]
    assert judged("patents", "patent_id", pa.array(["A\x00", "A"])) == (["A\x00", "A"], [OK, OK])


def invalid_utf8(kind: pa.DataType) -> pa.Array:
    raw = pa.array(["甲".encode("gbk"), "乙".encode(), None], pa.large_binary())
    return raw.view(kind) if kind == pa.large_string() else raw.cast(pa.binary()).view(kind)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_a_text_that_is_not_utf8_refuses_its_row_and_no_other(kind: pa.DataType) -> None:
    columns = {"patent_id": invalid_utf8(kind), "jurisdiction": ["CN"] * 3, "application_date": ["2020-01-01"] * 3}
    for table in (columns, pa.table(columns)):
        book = ipv.Book(patents=table)
        assert book.patent_ids == ["乙"]
        assert book.rejects["code"].tolist() == ["bad_type", "missing"]
    assert ipv.Book(patents=columns | {"patent_id": [b"\xff", b"B", "C"]}).patent_ids == ["B", "C"]


def test_damaged_buffers_refuse_the_table() -> None:
    offsets = pa.py_buffer(np.array([0, 255, 1], np.int32))
    wrong = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a")])
    with pytest.raises(SchemaError, match="can't be read"):
        to_arrow("patents", pa.table({"patent_id": wrong}))


FRAME = {
    "patent_id": ["A", "B"],
    "jurisdiction": ["CN", "US"],
    "application_date": [datetime.date(2015, 3, 1), datetime.date(2016, 3, 1)],
    "ipc": [["H04L 29/06", "G06F"], None],
    "n_inventors": [2, None],
}


class Stream:
    """Any object with the Arrow C stream interface, such as a DuckDB or ADBC result."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def containers() -> dict[str, object]:
    table = pa.table(FRAME)
    frame = pd.DataFrame(FRAME)
    return {
        "dict": FRAME,
        "dict of numpy": {k: np.array(v, object) for k, v in FRAME.items()},
        "dict of polars": {k: pl.Series(v) for k, v in FRAME.items()},
        "dict of generators": {k: (x for x in v) for k, v in FRAME.items()},
        "pyarrow": table,
        "record batch": table.to_batches()[0],
        "reader": table.to_reader(),
        "chunked": pa.concat_tables([table.slice(0, 1), table.slice(1)]),
        "stream": Stream(table),
        "pandas": frame,
        "pandas, other types": frame.assign(
            jurisdiction=pd.Categorical(frame["jurisdiction"]),
            application_date=pd.to_datetime(frame["application_date"]).dt.tz_localize("Asia/Shanghai"),
            n_inventors=frame["n_inventors"].astype("Int64"),
            patent_id=frame["patent_id"].astype("string"),
        ),
        "pandas of Arrow": table.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas, odd index": frame.set_index(pd.Index([7, 7])),
        "polars": pl.DataFrame(FRAME),
        "polars, other types": pl.DataFrame(FRAME).with_columns(
            pl.col("jurisdiction").cast(pl.Categorical), pl.col("application_date").cast(pl.Datetime("ns"))
        ),
        "polars, chunks": pl.concat([pl.DataFrame(FRAME)[:1], pl.DataFrame(FRAME)[1:]], rechunk=False),
    }


@pytest.mark.parametrize("kind", list(containers()))
def test_the_same_rows_in_any_container_are_the_same_book(kind: str) -> None:
    book = ipv.Book(patents=containers()[kind])
    assert len(book.rejects) == 0
    assert book.fingerprint == ipv.Book(patents=FRAME).fingerprint


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ([1], "a list is not a table"),
        (None, "a NoneType is not a table"),
        ("patents.csv", "a str is not a table"),
        (pl.LazyFrame(FRAME), "a LazyFrame is not a table"),
        (pd.Series([1]), "can't be read|a Series is not a table"),  # a stream of Arrow only in newer pandas
        (pa.chunked_array([[1]]), "can't be read"),
        ({"patent_id": "A"}, "a single str"),
        ({"patent_id": 5}, "a single int"),
        ({"patent_id": None}, "a single NoneType"),
        ({"patent_id": ["A"], "jurisdiction": []}, "differ in length"),
        (pd.DataFrame([[1, 2]], columns=["patent_id", "patent_id"]), "two columns have one name"),
        ({1: [1], "1": [1]}, "two columns have one name"),
        (pa.table([[1], [2]], names=["patent_id", "patent_id"]), "appears twice"),
    ],
)
def test_what_is_no_table_is_refused_with_its_name(table: object, match: str) -> None:
    with pytest.raises(SchemaError, match=match) as caught:
        ipv.Book(patents=table)
    assert "'patents'" in str(caught.value)


def test_a_producer_that_fails_is_a_table_that_cannot_be_read() -> None:
    class Closed:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise RuntimeError("the cursor is closed")

    with pytest.raises(SchemaError, match="the cursor is closed"):
        ipv.Book(patents=Closed())


MIXED: list[Case] = [
    (datetime.date(2020, 2, 29), DAY, OK),
    (datetime.datetime(2020, 2, 29, 13, 30), DAY, OK),
    (pd.Timestamp("2020-02-29 23:00", tz="Asia/Shanghai"), DAY, OK),
    (np.datetime64("2020-02-29T13:30", "ns"), DAY, OK),
    ("2020-02-29", DAY, OK),
    (pd.NaT, None, OK),
    (pd.NA, None, OK),
    (float("nan"), None, OK),
    (np.datetime64("NaT"), None, OK),
    (None, None, OK),
    (np.float32(2.5), None, BAD_DATE),
    (20200229.0, None, BAD_DATE),
    (["2020-02-29"], DAY, OK),
    (b"2020-02-29", DAY, OK),
    ("\ud800", None, BAD_DATE),
    (2**70, None, BAD_DATE),
    (object, None, BAD_DATE),
]


@settings(max_examples=60, deadline=None)
@given(order=st.permutations(range(len(MIXED))), size=st.integers(1, len(MIXED)), frame=st.booleans())
def test_a_column_of_mixed_objects_is_judged_value_by_value(order: list[int], size: int, frame: bool) -> None:
    """pyarrow crashes on a numpy date followed by a numpy number; no order may."""
    cases = [MIXED[i] for i in order[:size] if size > 1 or not isinstance(MIXED[i][0], list)]
    cases.append(("2020-02-29", DAY, OK))  # one text, so that the column is mixed
    values = [c[0] for c in cases]
    raw = to_arrow("x", pd.DataFrame({"a": pd.Series(values, dtype=object)}) if frame else {"a": values})
    result, codes = coerce(column("patents", "grant_date"), raw["a"])
    assert result.to_pylist() == [c[1] for c in cases]
    assert codes.tolist() == [c[2] for c in cases]


def test_a_missing_required_column_is_named_with_the_nearest_spelling() -> None:
    with pytest.raises(SchemaError, match=r"'patents' lacks the required column 'application_date'.*'aplication_date'"):
        ipv.Book(patents={"patent_id": ["A"], "jurisdiction": ["CN"], "aplication_date": ["2020-01-01"]})
    with pytest.raises(SchemaError, match=r"lacks the required column 'patent_id'; it has x"):
        ipv.Book(patents={"x": [1]})
    with pytest.raises(SchemaError, match=r"lacks the required column 'patent_id'; it has none"):
        ipv.Book(patents={})
    with pytest.raises(SchemaError, match=r"'transactions' lacks the required column 'price'"):
        ipv.Book(patents=FRAME, transactions={"deal_id": ["d"], "patent_id": ["A"], "deal_date": ["2020-01-01"]})


def test_a_misspelt_optional_column_warns_and_a_foreign_one_is_listed() -> None:
    with pytest.warns(UserWarning, match="did you mean 'grant_date'"):
        book = ipv.Book(patents=FRAME | {"grant_dat": [None, None], "colour": ["red", "blue"]})
    assert book.ignored == {"patents": ("grant_dat", "colour")}


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=8),
    st.dates(),
    st.datetimes(),
    st.decimals(),
    st.lists(st.text(max_size=3), max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(ANYTHING, max_size=6),
    kind=st.sampled_from(sorted({c.kind for c in TABLES["claims"].columns.values()} | {"list", "number"})),
)
def test_any_python_values_give_a_value_or_a_reason_each(values: list[object], kind: str) -> None:
    spec = next(c for t in TABLES.values() for c in t.columns.values() if c.kind == kind and not c.required)
    raw = to_arrow("x", {"a": values})
    assert raw.num_rows == len(values)
    result, codes = coerce(spec, raw["a"])
    assert result.type == spec.arrow_type()
    assert len(result) == len(codes) == len(values)
    assert all(r is None for r, c in zip(result.to_pylist(), codes.tolist(), strict=True) if c)
