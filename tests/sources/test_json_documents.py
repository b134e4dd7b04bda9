"""JSON records: arrays, lines and answers, streamed, with what is wrong set aside or said."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.errors import SourceError
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.json_records import Record, records, top_level_keys


def of_text(text: str, encoding: str = "utf-8") -> Input:
    return Input("a.json", "a.json", lambda: io.BytesIO(text.encode(encoding)))  # type: ignore[arg-type, return-value]


def read(text: str, *under: str, **options: Any) -> list[Record]:
    return list(records(of_text(text), under=under, **options))


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(max_size=4), VALUE, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(OBJECT, min_size=1, max_size=6), st.sampled_from([None, 1]))
def test_array_lines_and_answer_give_the_same_records(values: list[Any], indent: int | None) -> None:
    array = json.dumps(values, indent=indent)
    lines = "\n".join(json.dumps(v, ensure_ascii=False) for v in values)
    answer = json.dumps({"total": 7, "more": {"data": 1}, "data": values, "end": [1]}, indent=indent)
    expected = [Record(i, v, "") for i, v in enumerate(values)]
    assert read(array) == read(lines) == read(answer, "data") == expected


def test_records_longer_than_a_block_are_whole() -> None:
    values = [{"text": "x" * 3_000_000}, {"n": 1}, {"text": "é" * 1_500_000}]
    assert [r.value for r in read(json.dumps(values))] == values
    assert [r.value for r in read("\n".join(map(json.dumps, values)))] == values


def test_a_bad_line_is_set_aside_and_the_others_are_read() -> None:
    found = read('{"a": 1}\n{"a": \n{"b": 2}\n{"a": "open\n{"c": 3}\n{"d": tru}\n{"e": 4}')
    assert [r.value for r in found if not r.problem] == [{"a": 1}, {"b": 2}, {"c": 3}, {"e": 4}]
    assert all("it is not JSON" in r.problem for r in found if r.value is None)


def test_keys_that_stand_twice_and_numbers_that_are_none_are_refused() -> None:
    problems = [r.problem for r in read('[{"a": 1, "a": 1}, {"a": NaN}, {"a": [-Infinity]}, {"a": 1e999}, {"b": 2}]')]
    assert problems == ["the key 'a' appears twice", "NaN is not a number", "-Infinity is not a number", "", ""]


def test_ten_thousand_levels_are_a_clear_error() -> None:
    for text in ("[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000):
        with pytest.raises(SourceError, match="nested too deep"):
            read(text)
    deep = '{"a":' * 300 + "1" + "}" * 300
    assert [r.problem for r in read(deep + "\n" + '{"b":1}')] == ["it has more than 200 levels", ""]


def test_a_truncated_file_says_so() -> None:
    with pytest.raises(SourceError, match="truncated after record 1"):
        read('[{"a": 1}, ')
    with pytest.raises(SourceError, match=r"truncated|is not JSON"):
        read('[{"a": 1}, {"a": "tex')
    with pytest.raises(SourceError, match=r"truncated|is not JSON"):
        read('{"data": [{"a": 1}, {"a"', "data")
    assert [r.problem != "" for r in read('{"a": 1}\n{"a": 2')] == [False, True], "of lines only the last is lost"


def test_what_is_no_json_says_how_it_begins() -> None:
    with pytest.raises(SourceError, match="is not JSON: it begins with '<html>'"):
        read("<html>")
    with pytest.raises(SourceError, match="is empty"):
        read("  ")


def test_a_record_is_limited_and_memory_is_bounded() -> None:
    with pytest.raises(SourceError, match="longer than 1,000,000"):
        read('[{"a": "' + "x" * 5_000_000 + '"}]', largest=1_000_000)
    many = Input("m", "m", lambda: io.BytesIO(b'{"a": "' + b"y" * 1000 + b'"}\n')).opener().read() * 30_000
    source = Input("m", "m", lambda: io.BytesIO(many))  # type: ignore[arg-type, return-value]
    tracemalloc.start()
    assert sum(1 for _ in records(source)) == 30_000
    assert tracemalloc.get_traced_memory()[1] < 12_000_000, "the file has 30 MB"
    tracemalloc.stop()


def test_encodings_and_long_digits() -> None:
    text = json.dumps([{"n": "专利权人" * 10}], ensure_ascii=False)
    for encoding in ("utf-8-sig", "gb18030", "utf-16"):
        assert [r.value for r in records(of_text(text, encoding))] == json.loads(text)
    assert read("[" + "9" * 10_000 + "]")[0].value == float("inf")


def test_keys_of_the_first_record() -> None:
    keys = top_level_keys(of_text('{"total": 1, "data": [{"lens_id": "1", "biblio": {"x": {"y": 1}}}, {"z": 1}]}'))
    assert keys == ("total", "data", "lens_id", "biblio", "z")
