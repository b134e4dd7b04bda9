"""Sheets of XLSX and XLS workbooks as batches of text columns, like :mod:`ipvalue.sources.reading.delimited`.

XLSX is read with openpyxl and XLS with xlrd. We do not use the faster python-calamine, because it allocates the grid
up to the last cell: a workbook of two kilobytes with one cell in the last row and column ends the process.
"""

from __future__ import annotations

import datetime
import itertools
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import pyarrow as pa

from ipvalue.errors import MissingExtraError, Reason, SourceError
from ipvalue.sources.reading.delimited import distinct
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.mapping import Columns
from ipvalue.sources.reading.rejects import Reject

__all__ = ["SheetTable", "is_spreadsheet"]

_ROWS_AT_ONCE = 10_000
_HEADER_WITHIN = 40
_LARGEST_PART = 1 << 30
_RATIO = 200
_ALLOWANCE = 1 << 25
_WIDEST = 2_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_spreadsheet(source: Input) -> bool:
    """Whether an input is a workbook, from its first bytes."""
    head = source.head(8)
    return head == _OLE or head.startswith(b"PK\x03\x04")


class SheetTable:
    """A sheet as batches of text columns.

    Parameters
    ----------
    source : Input
        An ``.xlsx`` or ``.xls`` workbook.
    parts : sequence of Columns, optional
        Mappings by which the sheet and the header are found: the row, among the first 40 of each sheet, in which one of
        them knows most cells. Without mappings, the first row of the first sheet that is not empty.

    Attributes
    ----------
    header : list of str
    sheet : str
        Name of the sheet.
    before : list of list of str
        The rows above the header.
    rejects : list of Reject
        Rows with cells to the right of the header.
    reject_extra_cells : bool
        Whether a row with cells to the right of the header is rejected (the default) or these cells are ignored.
    n_rows : int
        Number of rows read so far.

    Raises
    ------
    SourceError
        If the file is not a workbook, unpacks to far more than its size, or declares entities.
    MissingExtraError
        If openpyxl (or xlrd, for ``.xls``) is not installed.

    Notes
    -----
    A formula is read as its last computed value, a date as YYYY-MM-DD, a whole number without a decimal point.
    """

    def __init__(self, source: Input, parts: Sequence[Columns] = ()) -> None:
        self.place = source.place
        self.rejects: list[Reject] = []
        self.n_rows = 0
        self.reject_extra_cells = True
        self.notes: list[str] = []
        self._file = source.seekable()
        sheets = _xls(self._file, self.place) if source.head(8) == _OLE else _xlsx(self._file, self.place)
        best: tuple[int, str, int, list[str]] = (-1, "", 0, [])
        for name, rows in sheets.items():
            for place, cells in enumerate(itertools.islice(_shown(rows(), self.place), _HEADER_WITHIN)):
                known = max((len(part.match(cells)) for part in parts), default=0)
                if any(cells) and known > best[0]:
                    best = (known, name, place, cells)
        if not best[1]:
            raise SourceError(f"{self.place} contains no sheet that is not empty")
        _, self.sheet, self._header_place, header = best
        while header and not header[-1]:
            header.pop()
        self.header = distinct(header)
        self._rows = sheets[self.sheet]
        self.before = list(itertools.islice(_shown(self._rows(), self.place), self._header_place))

    def sample(self, size: int = 50) -> list[list[str]]:
        """The first rows after the header."""
        return list(itertools.islice(self._behind(), size))

    def _behind(self) -> Iterator[list[str]]:
        return itertools.islice(_shown(self._rows(), self.place), self._header_place + 1, None)

    def batches(self, wanted: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Read the rows. An empty cell is null, and an empty row is skipped."""
        names = [h for h in self.header if wanted is None or h in set(wanted)]
        places = [self.header.index(name) for name in names]
        width = len(self.header)
        rows = self._behind()
        while some := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            good: list[list[str]] = []
            for cells in some:
                if not any(cells):
                    continue
                row, self.n_rows = self.n_rows, self.n_rows + 1
                if self.reject_extra_cells and any(cells[width:]):
                    detail = f"row {row + 1} after the header has {len(cells)} cells, the header has {width}"
                    self.rejects.append(Reject(row, self.header[0], " | ".join(cells), Reason.UNREADABLE, detail))
                    continue
                good.append(cells[:width] + [""] * (width - len(cells)))
            arrays = [pa.array([cells[p] or None for cells in good], pa.string()) for p in places]
            if good:
                yield pa.RecordBatch.from_arrays(arrays, names=names)


def _shown(rows: Iterable[Sequence[Any]], place: str) -> Iterator[list[str]]:
    try:
        for row in rows:
            yield [_text(cell) for cell in row[:_WIDEST]]
    except SourceError:
        raise
    except Exception as error:  # a damaged workbook may fail anywhere in the reading library
        raise SourceError(f"{place} is a damaged workbook: {error}") from error


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).strip()


def _xlsx(file: IO[bytes], place: str) -> dict[str, Any]:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError("XLSX files need openpyxl: pip install 'ipvalue[excel]'") from error
    _check_parts(file, place)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise SourceError(f"{place} is not an XLSX workbook: {error}") from error
    sheets: dict[str, Any] = {}
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # the declared dimensions may be wrong
        sheets[str(sheet.title)] = lambda sheet=sheet: sheet.iter_rows(values_only=True)
    return sheets


def _check_parts(file: IO[bytes], place: str) -> None:
    """Read every part once, to count its unpacked bytes and to refuse declared entities, which workbooks never have."""
    packed = file.seek(0, 2)
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as part:
                    end = b""
                    while block := part.read(1 << 20):
                        total += len(block)
                        if total > min(_LARGEST_PART, max(_ALLOWANCE, _RATIO * packed)):
                            raise SourceError(f"{place} unpacks to far more than its size, as an archive bomb does")
                        if b"<!DOCTYPE" in end + block or b"<!ENTITY" in end + block:
                            raise SourceError(f"{place} declares entities in {entry.filename}, as no workbook does")
                        end = block[-16:]
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{place} is a damaged or incomplete workbook: {error}") from error
    file.seek(0)


def _xls(file: IO[bytes], place: str) -> dict[str, Any]:
    try:
        import xlrd
    except ImportError as error:
        raise MissingExtraError("XLS files need xlrd: pip install 'ipvalue[excel]'") from error
    try:
        book = xlrd.open_workbook(file_contents=file.read(1 << 28))
    except Exception as error:  # xlrd raises whatever a damaged record makes it raise
        raise SourceError(f"{place} is not an XLS workbook: {error}") from error

    def rows(sheet: Any) -> Iterator[list[Any]]:
        for number in range(sheet.nrows):
            yield [_of_xls(cell, book.datemode, xlrd) for cell in sheet.row(number)]

    return {str(sheet.name): lambda sheet=sheet: rows(sheet) for sheet in book.sheets()}


def _of_xls(cell: Any, datemode: int, xlrd: Any) -> Any:
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return xlrd.xldate_as_datetime(cell.value, datemode)
        except (ValueError, OverflowError):
            return cell.value
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return None
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    return cell.value
