"""Recognise what a file is and how to read it, from the beginning of each file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.errors import MissingExtraError, SourceError
from ipvalue.records.check import effect_of_absence
from ipvalue.records.schema import TABLES
from ipvalue.sources.reading.delimited import lay_out
from ipvalue.sources.reading.encodings import detect
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.json_records import top_level_keys
from ipvalue.sources.reading.spreadsheets import SheetTable, is_spreadsheet
from ipvalue.sources.registry import Format, Look, formats

__all__ = ["Sniffed", "SniffedFile", "is_book", "look", "sniff"]

_HEAD = 1 << 16
_MOST_FILES = 200
_LEAST = 0.3
_ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_PROLOGUE = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\])?\s*>)", re.DOTALL)


@dataclass(frozen=True)
class SniffedFile:
    """What one file is.

    Attributes
    ----------
    name, kind : str
    format : str
        Name of its format; empty if it is unknown.
    part : str
        Kind of file within the format, such as ``g_patent``.
    encoding, delimiter : str
        Empty if they do not apply.
    found : dict of str to dict of str to str
        Header of each column of the book that was found, by table.
    unread : tuple of str
        Headers that are not read.
    sampled : int
        Number of rows examined.
    note : str
    """

    name: str
    kind: str
    format: str = ""
    part: str = ""
    encoding: str = ""
    delimiter: str = ""
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    sampled: int = 0
    note: str = ""


@dataclass(frozen=True)
class Sniffed:
    """What a path contains and how to read it. Print it for a summary.

    Attributes
    ----------
    path : str
    format, title, reader : str
        Empty if the format is unknown.
    code : str
        A line of code that reads it.
    path_alone : bool
        Whether the path is the only argument that the reader needs.
    confidence : float
        Confidence in the format, 0 to 1.
    files : tuple of SniffedFile
    tables : dict of str to tuple of str
        Columns of the book that would be filled, by table.
    missing : dict of str to str
        Tables or ``table.column`` that are missing, and the effect of each.
    """

    path: str
    format: str
    title: str
    reader: str
    code: str
    confidence: float
    files: tuple[SniffedFile, ...]
    tables: dict[str, tuple[str, ...]]
    missing: dict[str, str]
    path_alone: bool = True

    def __str__(self) -> str:
        if not self.format:
            shown = "; ".join(
                f"{f.name} ({f.kind}{': ' + ', '.join(f.unread[:8]) if f.unread else ''})" for f in self.files[:5]
            )
            known = ", ".join(f.name for f in formats())
            return f"{self.path}: unknown format: {shown}\n  known formats: {known}"
        lines = [f"{self.path}: {self.title} (confidence {self.confidence:.0%})", f"  read it with: {self.code}"]
        for file in self.files[:20]:
            how = ", ".join(
                part
                for part in (
                    file.part,
                    file.encoding,
                    f"delimiter {file.delimiter!r}" if file.delimiter else "",
                    f"{file.sampled} rows sampled" if file.sampled else "",
                    file.note,
                    "" if file.format == self.format else f"not read ({file.format or 'unknown format'})",
                )
                if part
            )
            lines.append(f"  file {file.name} ({file.kind}{', ' + how if how else ''})")
            if file.unread and file.format == self.format:
                lines.append(f"    not read: {', '.join(file.unread[:12])}{' ...' if len(file.unread) > 12 else ''}")
        if len(self.files) > 20:
            lines.append(f"  and {len(self.files) - 20} more files")
        lines += [f"  {name}: {', '.join(columns)}" for name, columns in self.tables.items()]
        lines += [f"  absent: {name}: {price}" for name, price in self.missing.items()]
        return "\n".join(lines)

    __repr__ = __str__


def sniff(path: str | os.PathLike[str]) -> Sniffed:
    """Recognise what a file, an archive or a folder is, and how to read it.

    Parameters
    ----------
    path : path
        Anything that a reader accepts, or the folder of a book.

    Returns
    -------
    Sniffed
        Format, reader, columns that were found or are missing with the effect of each, and a line of code. The format
        is empty if it is unknown.

    Raises
    ------
    SourceError
        If the path cannot be read, or an archive is damaged or dangerous.

    Notes
    -----
    Only the beginning of each file is read, and only the first 200 files of a folder.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rates.csv"
    >>> _ = path.write_text("Date,USD,JPY,GBP\\n2024-01-02,1.0956,155.71,0.8669\\n")
    >>> found = sniff(path)
    >>> found.format, found.tables
    ('ecb_fx', {'fx': ('date', 'currency', 'rate')})
    """
    if (book := _book_folder(Path(path))) is not None:
        return book
    known = formats()
    looks = [(source, *_looked(source, known)) for source in inputs(path)[:_MOST_FILES]]
    scores = {f.name: 0.0 for f in known}
    for _, seen, _ in looks:
        for one in known:
            if (sure := one.confidence(seen)) >= _LEAST:
                scores[one.name] += sure
    best = max(known, key=lambda f: scores[f.name])
    files = tuple(_file(seen, about, known, best) for _, seen, about in looks)
    if not scores[best.name]:
        return Sniffed(str(path), "", "", "", "", 0.0, files, {}, {})
    surest = max((seen for _, seen, _ in looks), key=best.confidence)
    sure = best.confidence(surest)
    tables = _tables(best, files)
    return Sniffed(
        path=str(path),
        format=best.name,
        title=best.title,
        reader=best.reader,
        code=best.line(surest).replace("{path}", repr(str(path))),
        confidence=round(min(sure, 1.0), 2),
        files=files,
        tables=tables,
        missing=_missing(tables),
        path_alone=not best.call,
    )


def look(source: Input) -> Look:
    """The beginning of a file, as used to recognise formats."""
    return _looked(source, formats())[0]


def _looked(source: Input, known: list[Format]) -> tuple[Look, SniffedFile]:
    """The beginning of a file, and how the file would be read."""
    head = source.head(_HEAD)
    parts = [part for one in known for part in one.parts]
    name = source.name
    if head.startswith(b"PAR1"):
        names = _parquet_names(source)
        return Look(name, "parquet", names), SniffedFile(name, "parquet")
    if is_spreadsheet(source):
        try:
            sheet = SheetTable(source, parts)
        except MissingExtraError as error:
            return Look(name, "text"), SniffedFile(name, "spreadsheet", note=str(error))
        about = SniffedFile(name, f"sheet {sheet.sheet!r}", sampled=len(sheet.sample()))
        return Look(name, "table", tuple(sheet.header)), about
    encoding = detect(source, upto=1 << 24)
    text = head[encoding.bom :].decode(encoding.name, "replace")
    begin = text.lstrip("\ufeff \t\r\n")[:1]
    label = encoding.name + (f" ({encoding.note})" if encoding.note else "")
    if begin == "<":
        return Look(name, "xml", _elements(text), text[:4096]), SniffedFile(name, "xml", encoding=label)
    if begin in ("{", "["):
        keys = top_level_keys(source)
        if keys:
            return Look(name, "json", keys, text[:4096]), SniffedFile(name, "json", encoding=label)
    try:
        layout = lay_out(source, parts)
    except SourceError as error:
        return Look(name, "text", (), text[:4096]), SniffedFile(name, "text", note=str(error))
    if len(layout.header) < 2:
        return Look(name, "text", tuple(layout.header), text[:4096]), SniffedFile(name, "text", encoding=label)
    about = SniffedFile(name, "table", encoding=label, delimiter=layout.delimiter, sampled=len(layout.sample))
    return Look(name, "table", tuple(layout.header), text[:4096]), about


def _elements(text: str) -> tuple[str, ...]:
    """Names of elements, starting with the root."""
    begin = 1 if text.startswith("\ufeff") else 0
    while found := _PROLOGUE.match(text, begin):
        begin = found.end()
    return tuple(dict.fromkeys(element[2] for element in _ELEMENT.finditer(text, begin)))


def _parquet_names(source: Input) -> tuple[str, ...]:
    try:
        with source.seekable() as copy:
            return tuple(pq.read_schema(copy).names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{source.place} is not a valid Parquet file: {error}") from error


def _file(seen: Look, about: SniffedFile, known: list[Format], chosen: Format) -> SniffedFile:
    """What a file is: of the chosen format if it fits, else of the format that fits best."""
    best = chosen if chosen.confidence(seen) >= _LEAST else max(known, key=lambda f: f.confidence(seen))
    if best.confidence(seen) < _LEAST:
        return SniffedFile(**{**vars(about), "unread": seen.header if seen.kind != "xml" else seen.header[:1]})
    part = best.part_of(seen) if seen.kind in ("table", "parquet") else None
    found: dict[str, dict[str, str]] = {}
    unread: tuple[str, ...] = ()
    if part is not None:
        matched = part.match(seen.header)
        for field_of in reversed(part.fields):
            table, _, column = field_of.column.rpartition(".")
            if field_of.target in matched and column:
                found.setdefault(table or part.table, {})[column] = matched[field_of.target]
        unread = () if best.everything else tuple(h for h in seen.header if h not in matched.values())
    known_part = part.part if part is not None else ""
    return SniffedFile(**{**vars(about), "format": best.name, "part": known_part, "found": found, "unread": unread})


def _tables(best: Format, files: tuple[SniffedFile, ...]) -> dict[str, tuple[str, ...]]:
    columns: dict[str, dict[str, None]] = {name: dict.fromkeys(filled) for name, filled in best.fills.items()}
    for file in files:
        if file.format == best.name:
            if file.kind in ("json", "xml", "parquet"):
                for table, filled in best.nested.items():
                    columns.setdefault(table, {}).update(dict.fromkeys(filled))
            for table, found in file.found.items():
                if table not in TABLES:  # not a table of the book
                    continue
                columns.setdefault(table, {}).update(dict.fromkeys(c for c in found if c in TABLES[table].columns))
    return {name: tuple(c for c in TABLES[name].columns if c in columns[name]) for name in TABLES if columns.get(name)}


def _missing(tables: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Missing tables and columns with the effect of each. Market data alone lack nothing."""
    if not tables.keys() & {"patents", "citations", "claims", "legal_events", "family_members"}:
        return {}
    absent = {
        f"{name}.{column}": effect_of_absence(name, column)
        for name, columns in tables.items()
        for column in TABLES[name].columns
        if column not in columns and effect_of_absence(name, column)
    }
    no_table = {name: effect_of_absence(name) for name in TABLES if name not in tables and effect_of_absence(name)}
    return {**absent, **no_table}


def is_book(path: Path) -> bool:
    """Whether a path is the folder of a book."""
    return _book_folder(path) is not None


def _book_folder(path: Path) -> Sniffed | None:
    """The description of a book's folder; None if the path is not one."""
    if (path / "book.json").exists():
        title, reader = "a book written by write_book", "read_book"
    elif any((path / f"patents.{kind}").exists() for kind in ("parquet", "csv")):
        title, reader = "a folder with the book's tables as Parquet or CSV", "read_tables"
    else:
        return None
    return Sniffed(str(path), "book", title, reader, f"ipv.{reader}({str(path)!r})", 1.0, (), {}, {})
