"""JSON records, one at a time and in bounded memory: arrays, JSON lines, and arrays inside an object.

The functions at the end of the module read values from nested records in which any part may be missing.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from ipvalue.errors import Reason, SourceError
from ipvalue.sources.reading.encodings import Utf8Stream
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.rejects import Reject

__all__ = [
    "LARGEST_RECORD",
    "Record",
    "is_json",
    "list_at",
    "objects",
    "records",
    "table_of_records",
    "text_at",
    "top_level_keys",
    "value_at",
]

LARGEST_RECORD = 1 << 26
"""Longest record in characters. The full text of a patent has up to some 50 million."""

_BLOCK = 1 << 20
_BLANK = re.compile(r"[\s\ufeff,]*")
_SPACE = re.compile(r"[\s\ufeff]*")
_DEEPEST = 200
# a string that is not closed extends to the end, so that the search does not restart inside it
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"(\s*:)?|\Z|\\)|[{}\[\]]', re.DOTALL)
_LONGEST_TOKEN = 400  # digits of a number, letters of a literal or an escape


class Record(NamedTuple):
    """One record of a file."""

    row: int
    """Its number, from 0."""
    value: Any
    """The parsed value; None if it cannot be read."""
    problem: str
    """Why it cannot be read; empty if it can."""


def records(source: Input, *, under: Sequence[str] = (), largest: int = LARGEST_RECORD) -> Iterator[Record]:
    """Read the records of a JSON file.

    Parameters
    ----------
    source : Input
        An array of records, JSON lines (records one after the other), or an object.
    under : sequence of str
        Keys of an object that contains the array of records, such as ``('data',)``. An object without any of them is
        itself one record.
    largest : int
        Longest record in characters.

    Yields
    ------
    Record
        With a ``problem`` if a key appears twice, a number is NaN or infinite, or there are more than 200 levels; in
        JSON lines also if the line is not JSON.

    Raises
    ------
    SourceError
        If the file is not JSON or is truncated, or a record is too large.

    Examples
    --------
    >>> import io
    >>> lines = Input("a", "a", lambda: io.BytesIO(b'{"a": 1}\\n{"a": 2, "a": 3}\\n{"a"\\n{"a": NaN}\\n[4]'))
    >>> [(r.row, r.value, r.problem) for r in records(lines)]  # doctest: +NORMALIZE_WHITESPACE
    [(0, {'a': 1}, ''), (1, None, "the key 'a' appears twice"),
     (2, None, "it is not JSON: Expecting ':' delimiter at character 6"),
     (3, None, 'NaN is not a number'), (4, [4], '')]
    """
    with Utf8Stream(source, longest_line=largest) as stream:
        text = _Text(stream, largest)
        first = text.peek(_SPACE)
        if first == "[":
            text.skip(1)
            yield from _array(text, 0)
        elif first == "{":
            yield from _objects(text, tuple(under))
        elif first:
            raise SourceError(f"{source.place} is not JSON: it begins with {text.ahead(20)!r}")
        else:
            raise SourceError(f"{source.place} is empty")


def objects(
    source: Input, rejects: list[Reject], *, under: Sequence[str] = (), key: str = ""
) -> Iterator[dict[str, Any]]:
    """The records of a JSON file that are objects, and have a key; the other records are added to the rejects."""
    for record in records(source, under=under):
        problem = record.problem
        if not problem and not isinstance(record.value, dict):
            problem = "it is not an object"
        elif not problem and key and key not in record.value:
            problem = f"it has no {key}"
        if problem:
            where = f"{source.name}, record {record.row + 1}"
            rejects.append(Reject(record.row, "patent_id", where, Reason.UNREADABLE, problem))
        else:
            yield record.value


def is_json(source: Input) -> bool:
    """Whether an input is JSON, from its first bytes."""
    return source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def top_level_keys(source: Input, size: int = 1 << 18) -> tuple[str, ...]:
    """Keys of the first record of a file, from its first bytes. They serve to recognise a format."""
    head = source.head(size).decode("utf-8-sig", "replace")
    keys: dict[str, None] = {}
    depth = inside = 0
    for token in _TOKEN.finditer(head):
        if token[0] in "{[":
            depth += 1
            inside += token[0] == "{"
        elif token[0] in "}]":
            depth -= 1
            if token[0] == "}" and inside and depth <= 1:
                break
        elif token[2] and depth <= 3 and len(keys) < 200:
            keys[token[1]] = None
    return tuple(keys)


class _Text:
    """A buffer that grows to hold one record and drops what has been read."""

    def __init__(self, stream: Utf8Stream, largest: int) -> None:
        self._stream, self._largest = stream, largest
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._buffer, self._at, self._gone, self.ended = "", 0, 0, False
        self._decoder = _Strict()

    @property
    def place(self) -> str:
        return f"{self._stream.place}: at character {self._gone + self._at:,}"

    def _more(self) -> bool:
        """Double the buffer, so that a long record is not parsed again after each block."""
        if self.ended:
            return False
        held = len(self._buffer) - self._at
        if held > self._largest:
            raise SourceError(f"{self.place} a record is longer than {self._largest:,} characters")
        block = b""
        want = max(_BLOCK, held)
        while len(block) < want and (part := self._stream.read(_BLOCK)):
            block += part
        self.ended = not block
        self._gone += self._at
        self._buffer = self._buffer[self._at :] + self._decode.decode(block, self.ended)
        self._at = 0
        return not self.ended

    def peek(self, blank: re.Pattern[str]) -> str:
        """The next character after blanks; empty at the end."""
        while True:
            found = blank.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def ahead(self, size: int) -> str:
        return self._buffer[self._at : self._at + size]

    def skip(self, size: int) -> None:
        self._at += size

    def to_next_line(self) -> None:
        while True:
            end = self._buffer.find("\n", self._at)
            if end >= 0:
                self._at = end + 1
                return
            self._at = len(self._buffer)
            if not self._more():
                return

    def value(self) -> tuple[Any, str]:
        """The next value and what is wrong with it; raises ``json.JSONDecodeError`` if there is none."""
        while True:
            try:
                value, end, problem = self._decoder.read(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self.ended or not _may_go_on(error):
                    error.colno = error.pos - self._at + 1  # in the record, not in the buffer
                    raise
            except RecursionError as error:
                raise SourceError(f"{self.place} the JSON is nested too deep") from error
            else:
                # a number at the end of the buffer may be incomplete
                if end < len(self._buffer) or self.ended:
                    self._at = end
                    return value, problem
            self._more()


def _may_go_on(error: json.JSONDecodeError) -> bool:
    """Whether the error may only be that the buffer ends here."""
    return error.pos >= len(error.doc) - _LONGEST_TOKEN or error.msg.startswith("Unterminated string")


class _Strict:
    """A decoder that also reports repeated keys, NaN and infinity, which Python's decoder accepts."""

    def __init__(self) -> None:
        self._problem = ""
        self._json = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=self._constant, parse_int=self._integer
        )

    def read(self, text: str, begin: int) -> tuple[Any, int, str]:
        self._problem = ""
        value, end = self._json.raw_decode(text, begin)
        problem = self._problem or ("" if _depth(value) <= _DEEPEST else f"it has more than {_DEEPEST} levels")
        return (None if problem else value), end, problem

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            self._problem = f"the key {twice!r} appears twice"
        return value

    def _constant(self, name: str) -> None:
        self._problem = f"{name} is not a number"

    def _integer(self, digits: str) -> int | float:
        return int(digits) if len(digits) < 300 else float("inf")


def _depth(value: Any) -> int:
    """Levels of a value."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return depth


def _array(text: _Text, row: int) -> Iterator[Record]:
    while (first := text.peek(_BLANK)) != "]":
        if not first:
            raise SourceError(f"{text.place} the array is truncated after record {row:,}; download it again")
        yield Record(row, *_value(text))
        row += 1
    text.skip(1)


def _value(text: _Text) -> tuple[Any, str]:
    try:
        return text.value()
    except json.JSONDecodeError as error:
        end = "is truncated" if text.ended and error.pos >= len(error.doc) - 1 else "is not JSON"
        raise SourceError(f"{text.place} the file {end}: {error.msg}") from error


def _objects(text: _Text, under: tuple[str, ...]) -> Iterator[Record]:
    """An object that contains the records under a key, or objects one after the other."""
    if under and _is_answer(text, under):
        yield from _answer(text, under)
        return
    row = 0
    while text.peek(_BLANK):
        try:
            value, problem = text.value()
            yield Record(row, value, problem)
        except json.JSONDecodeError as error:
            yield Record(row, None, f"it is not JSON: {error.msg} at character {error.colno}")
            text.to_next_line()
        row += 1


def _is_answer(text: _Text, under: tuple[str, ...]) -> bool:
    """Whether one of the keys is followed by an array within the first megabyte."""
    keys = "|".join(re.escape(key) for key in under)
    return re.search(rf'"(?:{keys})"\s*:\s*\[', text.ahead(_BLOCK)) is not None


def _answer(text: _Text, under: tuple[str, ...]) -> Iterator[Record]:
    """Read the arrays under the wanted keys of one object record by record, and skip its other values."""
    row = 0
    text.skip(1)
    while (first := text.peek(_BLANK)) != "}":
        if not first:
            raise SourceError(f"{text.place} the file is truncated; download it again")
        key, _ = _value(text)
        if text.peek(_SPACE) != ":":
            raise SourceError(f"{text.place} the file is not JSON: a colon is missing after {key!r}")
        text.skip(1)
        opening = text.peek(_SPACE)
        if key in under and opening == "[":
            text.skip(1)
            for record in _array(text, row):
                yield record
                row = record.row + 1
        else:
            _value(text)
    text.skip(1)


def value_at(value: Any, *path: str) -> Any:
    """The value under a path of keys; None if there is none.

    Examples
    --------
    >>> value_at({"a": {"b": 1}}, "a", "b"), value_at({"a": []}, "a", "b")
    (1, None)
    """
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def list_at(value: Any, *path: str) -> list[Any]:
    """The list under a path of keys. A single value becomes a list of one, a missing value an empty list.

    Examples
    --------
    >>> list_at({"a": [1, 2]}, "a"), list_at({"a": 1}, "a"), list_at({}, "a")
    ([1, 2], [1], [])
    """
    found = value_at(value, *path) if path else value
    if isinstance(found, Mapping) and len(found) == 1 and "list" in found:  # as some writers of Parquet nest lists
        found = [e.get("element", e.get("item", e)) if isinstance(e, Mapping) else e for e in found["list"] or []]
    return found if isinstance(found, list) else [] if found is None else [found]


def text_at(value: Any, *path: str) -> str | None:
    """The text or number under a path of keys, as text without spaces around it; None if empty or nested.

    Examples
    --------
    >>> text_at({"a": 20100119}, "a"), text_at({"a": " x "}, "a"), text_at({"a": {}}, "a")
    ('20100119', 'x', None)
    """
    found = value_at(value, *path)
    if found is None or isinstance(found, Mapping | list):
        return None
    return str(found).encode("utf-8", "replace").decode().strip() or None


def table_of_records(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Some columns of rows as an Arrow table; a missing value is null."""
    rows = list(rows)
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in columns.items()})
