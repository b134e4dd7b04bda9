"""Delimited text (CSV, TSV) as Arrow batches of text columns, with any delimiter, encoding and line ends."""

from __future__ import annotations

import csv
import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from ipvalue.errors import Reason, SourceError
from ipvalue.sources.reading.encodings import LONGEST_LINE, Encoding, Utf8Stream, detect
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.mapping import Columns
from ipvalue.sources.reading.rejects import Reject, most_are_unreadable

__all__ = ["DelimitedTable", "Layout", "distinct", "lay_out"]

_HEAD = 1 << 16
_LOOK = 1 << 24  # bytes from which the encoding is detected if only the layout is wanted
_HEADER_WITHIN = 40  # the header is among these first rows, after titles, search addresses and notes
_DELIMITERS = "\t,;|，；｜\x1f"
_WIDE = "，；｜"
_SUBSTITUTE = "\x1f"  # for a delimiter outside ASCII, which Arrow does not accept
_BLOCK = 1 << 20
_CHUNK = 1 << 22  # bytes that are parsed in one block
_LF, _CR, _QUOTE = b"\n"[0], b"\r"[0], b'"'[0]


class Layout(NamedTuple):
    """The layout of a delimited file."""

    encoding: Encoding
    delimiter: str
    header: list[str]
    """Unique headers: a repeated one has a number appended."""
    header_line: int
    """Line number of the header, from 1."""
    skipped: int
    """Length of the text up to the end of the header, in bytes of UTF-8."""
    sample: list[list[str]]
    """The first rows after the header."""


def lay_out(source: Input, parts: Sequence[Columns] = ()) -> Layout:
    """Detect the encoding, the delimiter and the header of a file from its beginning.

    Parameters
    ----------
    source : Input
    parts : sequence of Columns, optional
        Mappings that may fit. The header is the row, among the first 40, in which one of them knows most cells.
        Without mappings it is the first row.

    Returns
    -------
    Layout

    Raises
    ------
    SourceError
        If the file is empty.
    """
    encoding = detect(source, upto=_LOOK)
    with Utf8Stream(source, encoding) as stream:
        return _layout(stream, parts, "", True)


def _layout(stream: Utf8Stream, parts: Sequence[Columns], delimiter: str, quoted: bool) -> Layout:
    head = bytearray()
    while len(head) < _HEAD and (block := stream.read(_HEAD - len(head))):
        head += block
    stream.push_back(bytes(head))
    complete = len(head) < _HEAD
    lines = bytes(head).decode("utf-8", "ignore").splitlines(keepends=True)
    # splitlines also splits at separators that are not line ends in a table
    lines = _joined(lines)
    lines = lines if complete or len(lines) < 2 else lines[:-1]
    if not any(line.strip() for line in lines):
        raise SourceError(f"{stream.place} is empty")
    first = 0
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:  # Excel writes the delimiter
        delimiter, first = delimiter or lines[0][4], 1
    delimiter = delimiter or _delimiter(lines[first:])
    rows = _rows(lines, delimiter, quoted)
    place = _header_place(rows, first, parts)
    before, header = rows[place][0], distinct(rows[place][1])
    end = rows[place + 1][0] if place + 1 < len(rows) else len(lines)
    skipped = sum(len(line.encode()) for line in lines[:end])
    sample = [cells for _, cells in rows[place + 1 : place + 51]]
    return Layout(stream.encoding, delimiter, header, before + 1, skipped, sample)


def _joined(lines: list[str]) -> list[str]:
    joined: list[str] = []
    begun = ""
    for line in lines:
        begun += line
        if begun.endswith(("\n", "\r")):
            joined.append(begun)
            begun = ""
    return [*joined, begun] if begun else joined


def _delimiter(lines: list[str]) -> str:
    """The delimiter that gives most lines the same number of cells; of several, the one with most cells."""
    best, choice = (0.0, 0), ","
    for candidate in _DELIMITERS:
        counts = Counter(len(cells) for _, cells in _rows(lines[:60], candidate, True) if any(cells))
        width, lines_of_it = max(counts.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(1, 0))
        score = (lines_of_it / max(sum(counts.values()), 1), width) if width > 1 else (0.0, 0)
        if score[0] * min(score[1], 8) > best[0] * min(best[1], 8):
            best, choice = score, candidate
    return choice


def _rows(lines: list[str], delimiter: str, quoted: bool) -> list[tuple[int, list[str]]]:
    """Rows, each with the number of its first line."""
    rows: list[tuple[int, list[str]]] = []
    plain = [line.replace("\0", "") for line in lines]
    reader = csv.reader(plain, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    begin = 0
    try:
        for cells in reader:
            rows.append((begin, cells))
            begin = reader.line_num
    except csv.Error:
        pass  # a cell is too long for the csv module: the rows before it are enough
    return rows or [(0, [""])]


def _header_place(rows: list[tuple[int, list[str]]], first: int, parts: Sequence[Columns]) -> int:
    filled = [i for i, (line, cells) in enumerate(rows) if line >= first and any(c.strip() for c in cells)]
    if not parts or not filled:
        return filled[0] if filled else 0
    known = {i: max(len(part.match(rows[i][1])) for part in parts) for i in filled[:_HEADER_WITHIN]}
    return max(known, key=lambda i: (known[i], -i))


def distinct(header: Sequence[str]) -> list[str]:
    """Unique headers without spaces around them. A repeated header gets a number, an empty one its position."""
    names: list[str] = []
    for position, raw in enumerate(header, 1):
        name = raw.strip().strip("\ufeff") or f"column {position}"
        number, distinct = 1, name
        while distinct in names:
            number += 1
            distinct = f"{name} {number}"
        names.append(distinct)
    return names


class DelimitedTable:
    """A delimited file as batches of text columns. It is read once, in bounded memory.

    Parameters
    ----------
    source : Input
    parts : sequence of Columns, optional
        Mappings by which the header row is found.
    delimiter : str, optional
        Detected if absent.
    quoted : bool, default True
        Whether cells may be quoted.

    Attributes
    ----------
    layout : Layout
    header : list of str
    rejects : list of Reject
        Rows with too few or too many cells, or with NUL characters. Complete after the last batch.
    n_rows : int
        Number of rows read so far.

    Raises
    ------
    SourceError
        While reading, if a line or a row is too long, a quote is not closed, or most rows do not have as many cells as
        the header.

    Examples
    --------
    >>> import io
    >>> table = DelimitedTable(Input("a", "a", lambda: io.BytesIO(b"id;n\\n1;x\\n2;y;z\\n")))
    >>> pa.Table.from_batches(table.batches()).to_pylist(), [(r.row, r.detail) for r in table.rejects]
    ([{'id': '1', 'n': 'x'}], [(1, 'line 3 has 3 cells, the header has 2')])
    """

    def __init__(
        self,
        source: Input,
        parts: Sequence[Columns] = (),
        *,
        delimiter: str = "",
        quoted: bool = True,
        longest_line: int = LONGEST_LINE,
    ) -> None:
        self._stream = Utf8Stream(source, longest_line=longest_line)
        self._quoted = quoted
        self._block = longest_line
        self.place = source.place
        self.layout = _layout(self._stream, parts, delimiter, quoted)
        self.header = self.layout.header
        self.rejects: list[Reject] = []
        self.n_rows = 0
        self._fault = ""
        self._records = self._in_chunk = 0
        self._lines = self.layout.header_line

    @property
    def notes(self) -> list[str]:
        """Assumptions that were made to read the file."""
        return [self.layout.encoding.note] if self.layout.encoding.note else []

    def batches(self, wanted: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Read the rows.

        Parameters
        ----------
        wanted : sequence of str, optional
            Headers to read; all if absent.

        Yields
        ------
        pyarrow.RecordBatch
            Text columns, named by the file's headers. An empty cell is null.
        """
        if len(self.header) == 1:
            wanted = None  # otherwise an empty line would be a row with one empty cell
        wide = self.layout.delimiter in _WIDE
        with self._stream:
            for chunk in _chunks(self._stream, self.layout.skipped, self._quoted, self._block):
                batch = self._parsed(chunk, wanted, wide)
                if batch is not None and (good := self._checked(batch)).num_rows:
                    yield good
                if self._quoted and chunk.count(b'"') % 2:
                    self._check_closed(chunk, wide)
                self._records += self._in_chunk
                self._lines += chunk.count(b"\n") or chunk.count(b"\r")

    def _parsed(self, chunk: bytes, wanted: Sequence[str] | None, wide: bool) -> pa.RecordBatch | None:
        """Parse a block of complete rows.

        We hand Arrow complete blocks instead of a Python stream. Arrow's reader prefetches in threads, and those
        threads hang if the reader is dropped while they wait for the interpreter.
        """
        delimiter = _SUBSTITUTE if wide else self.layout.delimiter
        self._in_chunk = 0
        known = len(self.rejects)
        try:
            table = pcsv.read_csv(
                pa.BufferReader(chunk.replace(self.layout.delimiter.encode(), delimiter.encode()) if wide else chunk),
                # with threads, the numbers of rejected rows would be lost
                pcsv.ReadOptions(block_size=len(chunk) + 1, use_threads=False, column_names=self.header),
                pcsv.ParseOptions(
                    delimiter=delimiter,
                    quote_char='"' if self._quoted else False,
                    newlines_in_values=self._quoted,
                    invalid_row_handler=self._refuse,
                ),
                pcsv.ConvertOptions(
                    check_utf8=False,  # the stream is valid UTF-8 already
                    column_types=dict.fromkeys(self.header, pa.string()),
                    include_columns=list(wanted) if wanted is not None else None,
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV file" in str(error):
                return None
            hint = "; perhaps a quote is not closed" if self._quoted and chunk.count(b'"') % 2 else ""
            message = f"{self.place}: after row {self._records:,} the table cannot be read: {error}{hint}"
            raise SourceError(self._fault or message) from error
        self._in_chunk = table.num_rows + len(self.rejects) - known
        batch = table.combine_chunks().to_batches()
        if not batch:
            return None
        return self._put_back(batch[0]) if wide else batch[0]

    def _check_closed(self, chunk: bytes, wide: bool) -> None:
        """Raise an error if the last cell opens a quote that is never closed: the rows in it would be lost."""
        before = list(self.rejects)
        rows = self._parsed(chunk, None, wide)
        last = [r.value for r in self.rejects[-1:]] if len(self.rejects) > len(before) else []
        last += [str(column[-1]) for column in rows.columns] if rows is not None and rows.num_rows else []
        self.rejects[:] = before
        end = chunk[-_HEAD:].decode("utf-8", "ignore").strip()
        if any("\n" in cell.strip() and end[-100:] in cell for cell in last):
            row = self._records + self._in_chunk
            raise SourceError(f"{self.place}: a quote that opens in row {row:,} is not closed; the rest is one cell")

    def _refuse(self, row: pcsv.InvalidRow) -> str:
        number = self._records + (row.number or 1) - 1
        line = self._lines + (row.number or 1)
        detail = f"line {line} has {row.actual_columns} cells, the header has {row.expected_columns}"
        self.rejects.append(Reject(number, self.header[0], row.text, Reason.UNREADABLE, detail))
        if most_are_unreadable(self.rejects, self.n_rows):
            self._fault = f"{self.place}: most rows do not have as many cells as the header; the last one: {detail}"
            return "error"  # Arrow does not pass on exceptions
        return "skip"

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without the rows that contain a NUL character."""
        first, self.n_rows = self.n_rows, self.n_rows + batch.num_rows
        if self._stream.nuls:
            masks = [pc.fill_null(pc.match_substring(column, "\0"), False) for column in batch.columns]
            bad = functools.reduce(pc.or_, masks)
            for place in pc.indices_nonzero(bad).to_pylist():
                row = first + place
                text = self.layout.delimiter.join(str(c[place]) for c in batch.columns).replace("\0", "␀")
                self.rejects.append(
                    Reject(row, self.header[0], text, Reason.UNREADABLE, f"row {row} contains a NUL character")
                )
            batch = batch.filter(pc.invert(bad))
        return batch

    def _put_back(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [pc.replace_substring(c, _SUBSTITUTE, self.layout.delimiter) for c in batch.columns]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _chunks(stream: Utf8Stream, skipped: int, quoted: bool, longest: int) -> Iterator[bytes]:
    """The text after the header in blocks of complete rows, which end at a line end after an even number of quotes."""
    while skipped and (block := stream.read(skipped)):
        skipped -= len(block)
    held = bytearray()
    while block := stream.read(_BLOCK):
        held += block
        if len(held) < _CHUNK:
            continue
        cut = _cut(held, quoted)
        if not cut and len(held) > longest:
            raise SourceError(
                f"{stream.place}: before byte {stream.position:,} a row is longer than {longest:,} bytes, "
                "or a quote is not closed"
            )
        if cut:
            yield bytes(held[:cut])
            del held[:cut]
    if held.strip():
        yield bytes(held)


def _cut(held: bytearray, quoted: bool) -> int:
    """Where the last complete row ends; 0 if no row is complete."""
    cut = max(held.rfind(b"\n"), held.rfind(b"\r")) + 1
    if not quoted or held.count(b'"', 0, cut) % 2 == 0:
        return cut
    data = np.frombuffer(held, np.uint8)
    ends = np.flatnonzero((data == _LF) | (data == _CR))
    before = np.searchsorted(np.flatnonzero(data == _QUOTE), ends)
    even = ends[before % 2 == 0]
    return int(even[-1]) + 1 if len(even) else 0
