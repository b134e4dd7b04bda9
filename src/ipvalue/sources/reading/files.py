"""What a user has, as streams of bytes: a file, a .gz, a .zip, or a folder of them.

Nothing is unpacked to disk and no name inside an archive is ever used as a path. What comes out of an archive is
counted while it is read, against the archive's own size on disk: what a header says of sizes is not believed.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, NamedTuple, cast

from ipvalue.errors import SourceError

__all__ = ["LIMITS", "TABLES", "TABLE_OR_JSON", "Input", "Limits", "Source", "inputs"]

_BLOCK = 1 << 20
_IN_MEMORY = 1 << 26
# packed forms that are not read, by how they begin
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "rar", b"(\xb5/\xfd": "zstandard"}


class Limits(NamedTuple):
    """How much may come out of an archive."""

    expanded: int = 1 << 36
    """Bytes in all."""
    ratio: float = 100.0
    """Bytes for each byte of the archive; text packs ten to twenty times."""
    allowance: int = 1 << 25
    """Bytes that may always come out, whatever the ratio."""
    members: int = 10_000
    """Files in an archive or folder."""


LIMITS = Limits()

TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls")
"""Ends of names of tables."""
TABLE_OR_JSON = (*TABLES, ".json", ".jsonl", ".ndjson")
"""Ends of names of tables and of JSON."""


@dataclass(frozen=True)
class Input:
    """One file to be read, wherever it stands.

    Parameters
    ----------
    name : str
        Its own name, without the archive's and without ``.gz``.
    place : str
        Where it is, for messages.
    opener : callable
        Opens it from the beginning, as bytes.
    again : bool
        Whether it can be opened more than once.
    """

    name: str
    place: str
    opener: Callable[[], BinaryIO] = field(repr=False)
    again: bool = True

    @classmethod
    def of_stream(cls, name: str, stream: IO[bytes]) -> Input:
        """Take a stream that can be read once, such as a download."""
        return cls(name, name, lambda: cast(BinaryIO, _Guarded(stream, name)), again=False)

    @property
    def suffix(self) -> str:
        """The end of its name, small: ``.tsv``."""
        return PurePosixPath(self.name).suffix.lower()

    def open(self) -> BinaryIO:
        """Open it; errors of the disk and of the archive are ``SourceError`` from here on."""
        return self.opener()

    def head(self, size: int) -> bytes:
        """Its first bytes."""
        with self.open() as stream:
            parts = bytearray()
            while len(parts) < size and (block := stream.read(size - len(parts))):
                parts += block
            return bytes(parts)

    def blocks(self) -> Iterator[bytes]:
        """All of it, a megabyte at a time."""
        with self.open() as stream:
            while block := stream.read(_BLOCK):
                yield block

    def seekable(self) -> IO[bytes]:
        """A copy that can be read in any order (spreadsheets, Parquet): in memory, or in a nameless file if large."""
        copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (the caller closes it)
        for block in self.blocks():
            copy.write(block)
        copy.seek(0)
        return cast("IO[bytes]", copy)


Source = str | os.PathLike[str] | Input
"""What a reader takes: a path of a file, an archive or a folder; or an :class:`Input`."""


class _Budget:
    """What has come out of one archive so far; reading a member twice counts once."""

    def __init__(self, packed: int, limits: Limits) -> None:
        self._packed, self._limits = packed, limits
        self._seen: dict[str, int] = {}

    def check(self, member: str, expanded: int) -> str:
        """What is wrong when ``expanded`` bytes of a member have come out; empty where nothing is."""
        self._seen[member] = max(self._seen.get(member, 0), expanded)
        total = sum(self._seen.values()) if len(self._seen) > 1 else self._seen[member]
        if total > self._limits.expanded:
            return f"it unpacks to more than {self._limits.expanded:,} bytes; unpack it and give the parts"
        if total > max(self._limits.allowance, self._limits.ratio * self._packed):
            return (
                f"it unpacks to more than {self._limits.ratio:g} times its size, as an archive bomb does; "
                "if it is sound, unpack it and give the folder"
            )
        return ""


class _Guarded(io.RawIOBase):
    """A stream whose every error names the file and the byte, and that stops where a budget ends."""

    def __init__(self, inner: IO[bytes], place: str, budget: _Budget | None = None, owner: IO[bytes] | None = None):
        super().__init__()
        self._inner, self._place, self._budget, self._owner = inner, place, budget, owner
        self._position = 0

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes; empty only at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        try:
            block = self._inner.read(min(size, _BLOCK) if self._budget else size)
        except EOFError as error:
            raise SourceError(f"{self._place} is cut off at byte {self._position:,}; fetch it again") from error
        except (OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise SourceError(f"{self._place} is damaged at byte {self._position:,}: {error}") from error
        self._position += len(block)
        if self._budget and (fault := self._budget.check(self._place, self._position)):
            raise SourceError(f"{self._place}: {fault}")
        return block

    def readinto(self, buffer: object) -> int:
        """Read into a buffer."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Close it and what it reads from."""
        if not self.closed:
            self._inner.close()
            if self._owner is not None:
                self._owner.close()
        super().close()


def inputs(*sources: Source, suffixes: tuple[str, ...] = (), limits: Limits = LIMITS) -> list[Input]:
    """Find the files in what a user gives.

    Parameters
    ----------
    *sources : path or Input
        Files, ``.gz``, ``.zip`` (with one or several files inside) and folders (not the folders in them), also mixed.
    suffixes : tuple of str
        Ends of names that are wanted of archives and folders, such as ``('.tsv', '.csv')``; all where empty. A file
        that is named itself is always taken.
    limits : Limits

    Returns
    -------
    list of Input
        In the order given; of an archive or folder in the order of names. Spreadsheets and Parquet files are not
        looked into.

    Raises
    ------
    SourceError
        If a path can't be read, an archive is damaged, holds a name that leads out of it or a link, or nothing fits.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.tsv.gz").write_bytes(gzip.compress(b"x\\ty"))
    >>> [(i.name, i.open().read()) for i in inputs(folder, suffixes=(".tsv",))]
    [('a.tsv', b'x\\ty')]
    """
    if not sources:
        raise SourceError("no file is given: name one or more")
    found: list[Input] = []
    for source in sources:
        inside = [source] if isinstance(source, Input) else _of_path(Path(source), suffixes, limits)
        if not inside:
            wanted = f" with {' or '.join(suffixes)}" if suffixes else ""
            raise SourceError(f"{source} holds no file{wanted}")
        found += inside
    return found


def _of_path(path: Path, suffixes: tuple[str, ...], limits: Limits) -> list[Input]:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if len(files) > limits.members:
            raise SourceError(f"{path} holds more than {limits.members:,} files; give the wanted ones")
        inside = [i for file in files for i in _of_file(file, suffixes, limits)]
        return [i for i in inside if not suffixes or i.suffix in suffixes]
    return _of_file(path, suffixes, limits)


def _of_file(path: Path, suffixes: tuple[str, ...], limits: Limits) -> list[Input]:
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path} can't be opened: {error.strerror or error}") from error
    for mark, kind in _OTHERS.items():
        if head.startswith(mark):
            raise SourceError(f"{path} is packed as {kind}, which is not read; unpack it first")
    budget = _Budget(size, limits)
    if head.startswith(b"\x1f\x8b"):
        return [_gzipped(path, budget)]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path, suffixes, limits, budget)
    return [Input(path.name, str(path), lambda: cast(BinaryIO, _Guarded(_opened(path), str(path))))]


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise SourceError(f"{path} can't be opened: {error.strerror or error}") from error


def _gzipped(path: Path, budget: _Budget) -> Input:
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    if name.lower().endswith(".tar"):
        raise SourceError(f"{path} is a tar archive, which is not read; unpack it and give the folder")
    place = str(path)

    def opener() -> BinaryIO:
        raw = _opened(path)
        return cast(BinaryIO, _Guarded(cast("IO[bytes]", gzip.GzipFile(fileobj=raw)), place, budget, raw))

    return Input(name, place, opener)


def _zipped(path: Path, suffixes: tuple[str, ...], limits: Limits, budget: _Budget) -> list[Input]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SourceError(f"{path} is a damaged or unfinished zip archive: {error}; fetch it again") from error
    if len(entries) > limits.members:
        raise SourceError(f"{path} holds more than {limits.members:,} files; unpack it and give the wanted ones")
    if any(e.filename == "[Content_Types].xml" for e in entries):  # a spreadsheet is a zip archive itself
        return [Input(path.name, str(path), lambda: cast(BinaryIO, _Guarded(_opened(path), str(path))))]
    for entry in entries:
        _confine(path, entry)
    wanted = sorted(
        (e for e in entries if not suffixes or PurePosixPath(e.filename).suffix.lower() in suffixes),
        key=lambda e: e.filename,
    )
    return [_zip_member(path, entry, budget) for entry in wanted]


def _confine(path: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        raise SourceError(f"{path} holds the name {entry.filename!r}, which leads out of the archive; don't trust it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise SourceError(f"{path} holds the link {entry.filename!r}; links are refused")
    if entry.flag_bits & 1:
        raise SourceError(f"{path}: {entry.filename} is encrypted; unpack it first")


def _zip_member(path: Path, entry: zipfile.ZipInfo, budget: _Budget) -> Input:
    place = f"{path}:{entry.filename}"

    def opener() -> BinaryIO:
        try:
            archive = zipfile.ZipFile(path)
            return cast(BinaryIO, _Guarded(archive.open(entry), place, budget, cast("IO[bytes]", archive)))
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise SourceError(f"{place} can't be unpacked: {error}") from error

    return Input(PurePosixPath(entry.filename).name, place, opener)
