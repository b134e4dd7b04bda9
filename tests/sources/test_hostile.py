"""Hostile input in a process with little memory and time: a clear error or rejects, never a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ipvalue

_MEGABYTES = 900  # of address space beyond what the imports take
_SECONDS = 20

_HEAD = """
import io, resource, sys
from ipvalue.errors import SourceError
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.reading.delimited import DelimitedTable
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.json_records import records
from ipvalue.sources.reading.spreadsheets import SheetTable
import ipvalue as ipv, ipvalue.sources.lens, ipvalue.sources.google_patents, openpyxl, pandas, pyarrow.csv

class Endless(io.RawIOBase):
    "A stream of as many bytes as wanted, none of them on disk."
    def __init__(self, begin, filler, size):
        self.begin, self.filler, self.left = begin, filler, size
    def readable(self):
        return True
    def read(self, n=-1):
        if self.begin:
            part, self.begin = self.begin[:n], self.begin[n:]
            return part
        n = min(n if n >= 0 else self.left, self.left, 1 << 20)
        self.left -= n
        return self.filler * n

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + {megabytes} * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
try:
    {body}
except SourceError as error:
    print("refused:", error)
"""


def run(body: str, tmp_path: Path) -> str:
    code = _HEAD.format(megabytes=_MEGABYTES, seconds=_SECONDS, body=body)
    path = str(Path(ipvalue.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process are set as Linux does")
@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        (
            "a line of a gigabyte",
            "print(list(DelimitedTable(Input.of_stream('a.csv', Endless(b'id,n\\n1,', b'x', 10**9))).batches()))",
            "is longer than 16,777,216 bytes",
        ),
        (
            "a header of a gigabyte",
            "t = DelimitedTable(Input.of_stream('a.csv', Endless(b'', b'x', 10**9))); print(list(t.batches()))",
            "is longer than 16,777,216 bytes",
        ),
        (
            "a quoted cell of a gigabyte of lines",
            "print(list(DelimitedTable(Input.of_stream('a.csv', Endless(b'id,n\\n1,\"', b'\\n', 10**9))).batches()))",
            "a quote is not closed",
        ),
        (
            "a gigabyte of one JSON string",
            "print(list(records(Input.of_stream('a.json', Endless(b'[{\"a\": \"', b'x', 10**9)))))",
            "longer than 67,108,864",
        ),
        (
            "a gigabyte of opening brackets",
            "print(list(records(Input.of_stream('a.json', Endless(b'', b'[', 10**9)))))",
            "nested too deep",
        ),
        (
            "ten thousand levels",
            "print(list(records(Input.of_stream('a', io.BytesIO(b'[' * 10000 + b']' * 10000)))))",
            "nested",
        ),
        (
            "a gigabyte of zeros",
            "t = DelimitedTable(Input('a', 'a', lambda: Endless(b'', b'\\0', 10**9))); print(list(t.batches()))",
            "is not text",
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) and len(value) < 40 else "",
)
def test_endless_input_is_refused_in_bounded_memory(name: str, body: str, expected: str, tmp_path: Path) -> None:
    printed = run(body, tmp_path)
    assert printed.startswith("refused:"), name
    assert expected in printed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process are set as Linux does")
def test_a_long_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """600 MB of good rows, counted without being held."""
    body = """
    class Repeat(io.RawIOBase):
        rows, times, held = b"12345678,abcdefgh,2020-01-01\\n" * 40000, 500, b"id,n,d\\n"
        def readable(self):
            return True
        def read(self, n=-1):
            if not self.held and self.times:
                self.held, self.times = self.rows, self.times - 1
            part, self.held = self.held[:n], self.held[n:]
            return part
    print(sum(b.num_rows for b in DelimitedTable(Input.of_stream("a.csv", Repeat())).batches()))"""
    assert run(body.strip(), tmp_path) == f"{500 * 40_000}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process are set as Linux does")
def test_a_cell_in_the_last_row_and_column_does_not_allocate_the_grid(tmp_path: Path) -> None:
    """Two kilobytes, for which some libraries allocate 17 thousand million cells."""
    body = """
    book = openpyxl.Workbook()
    book.active.append(["id", "n"])
    book.active.append(["1", "x"])
    book.active.cell(1_048_576, 16_384, "far")
    book.save("far.xlsx")
    sheet = SheetTable(inputs("far.xlsx")[0])
    sheet.reject_extra_cells = False
    print(sum(batch.num_rows for batch in sheet.batches()))"""
    assert run(body.strip(), tmp_path) == "1\n"
