"""Files, ``.gz`` and ``.zip`` archives and folders as streams of bytes.

Nothing is unpacked to disk, and no name inside an archive is used as a path. The bytes that come out of an archive are
counted while it is read and compared with its size on disk. Sizes in the archive's headers are not trusted.
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

__all__ = ["LIMITS", "TABLES", "TABLE_OR_JSON", "ByteStream", "Input", "Limits", "Source", "inputs"]

_BLOCK = 1 << 20
_IN_MEMORY = 1 << 26
# compressed formats that are not supported, by their first bytes
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "rar", b"(\xb5/\xfd": "zstandard"}


class Limits(NamedTuple):
    """Limits on what may come out of an archive."""

    expanded: int = 1 << 36
    """Total bytes."""
    ratio: float = 100.0
    """Bytes for each byte of the archive. Text is typically compressed ten to twenty times."""
    allowance: int = 1 << 25
    """Bytes that are always allowed, whatever the ratio."""
    members: int = 10_000
    """Number of files in an archive or a folder."""


LIMITS = Limits()

TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls")
"""Suffixes of tables."""
TABLE_OR_JSON = (*TABLES, ".json", ".jsonl", ".ndjson")
"""Suffixes of tables and JSON files."""


@dataclass(frozen=True)
class Input:
    """One file to be read: on disk, in an archive, or a stream.

    Parameters
    ----------
    name : str
        Name of the file itself, without that of the archive and without ``.gz``.
    place : str
        Where the file is, for messages.
    opener : callable
        Opens the file at its beginning, as bytes.
    again : bool
        Whether the file can be opened more than once.
    """

    name: str
    place: str
    opener: Callable[[], BinaryIO] = field(repr=False)
    again: bool = True

    @classmethod
    def of_stream(cls, name: str, stream: IO[bytes]) -> Input:
        """An input from a stream that can be read only once, such as a download."""
        return cls(name, name, lambda: cast(BinaryIO, _Guarded(stream, name)), again=False)

    @property
    def suffix(self) -> str:
        """The suffix of its name in lower case, such as ``.tsv``."""
        return PurePosixPath(self.name).suffix.lower()

    def open(self) -> BinaryIO:
        """Open the file. Later errors of the disk or the archive are raised as ``SourceError``."""
        return self.opener()

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            parts = bytearray()
            while len(parts) < size and (block := stream.read(size - len(parts))):
                parts += block
            return bytes(parts)

    def blocks(self) -> Iterator[bytes]:
        """All bytes, in blocks of one megabyte."""
        with self.open() as stream:
            while block := stream.read(_BLOCK):
                yield block

    def seekable(self) -> IO[bytes]:
        """A copy with random access (for workbooks and Parquet), in memory or, if large, in a temporary file."""
        copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (the caller closes it)
        for block in self.blocks():
            copy.write(block)
        copy.seek(0)
        return cast("IO[bytes]", copy)


Source = str | os.PathLike[str] | Input
"""What a reader accepts: the path of a file, an archive or a folder, or an :class:`Input`."""


class _Budget:
    """Counts the bytes that came out of one archive. A member that is read twice counts once."""

    def __init__(self, packed: int, limits: Limits) -> None:
        self._packed, self._limits = packed, limits
        self._seen: dict[str, int] = {}

    def check(self, member: str, expanded: int) -> str:
        """The error message if ``expanded`` bytes of a member are too many; else empty."""
        self._seen[member] = max(self._seen.get(member, 0), expanded)
        total = sum(self._seen.values()) if len(self._seen) > 1 else self._seen[member]
        if total > self._limits.expanded:
            return f"it unpacks to more than {self._limits.expanded:,} bytes; unpack it and pass the single files"
        if total > max(self._limits.allowance, self._limits.ratio * self._packed):
            return (
                f"it unpacks to more than {self._limits.ratio:g} times its size, as an archive bomb does; "
                "if you trust it, unpack it and pass the folder"
            )
        return ""


class ByteStream(io.RawIOBase):
    """A stream that is read in blocks and closes what it reads from. Subclasses define :meth:`block`."""

    def __init__(self, inner: IO[bytes], owner: IO[bytes] | None = None) -> None:
        super().__init__()
        self._inner, self._owner = inner, owner

    def block(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty only at the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        """Whether the stream can be read: always."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes, or all; empty only at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.block(_BLOCK), b""))
        return self.block(size)

    def readinto(self, buffer: object) -> int:
        """Read into a buffer."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.block(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream and what it reads from."""
        if not self.closed:
            self._inner.close()
            if self._owner is not None:
                self._owner.close()
        super().close()


class _Guarded(ByteStream):
    """A stream whose errors name the file and the byte, and that stops when a budget is exceeded."""

    def __init__(self, inner: IO[bytes], place: str, budget: _Budget | None = None, owner: IO[bytes] | None = None):
        super().__init__(inner, owner)
        self._place, self._budget = place, budget
        self._position = 0

    def block(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty only at the end."""
        try:
            block = self._inner.read(min(size, _BLOCK) if self._budget else size)
        except EOFError as error:
            raise SourceError(f"{self._place} is truncated at byte {self._position:,}; download it again") from error
        except (OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise SourceError(f"{self._place} is damaged at byte {self._position:,}: {error}") from error
        self._position += len(block)
        if self._budget and (fault := self._budget.check(self._place, self._position)):
            raise SourceError(f"{self._place}: {fault}")
        return block


def inputs(*sources: Source, suffixes: tuple[str, ...] = (), limits: Limits = LIMITS) -> list[Input]:
    """Find the files in the paths that a user passes.

    Parameters
    ----------
    *sources : path or Input
        Files, ``.gz`` and ``.zip`` archives, and folders (without their subfolders), in any combination.
    suffixes : tuple of str
        Suffixes to select from archives and folders, such as ``('.tsv', '.csv')``; empty for all files. A file that is
        passed by its own path is always read.
    limits : Limits

    Returns
    -------
    list of Input
        In the order given; the files of an archive or a folder are sorted by name.

    Raises
    ------
    SourceError
        If a path cannot be read, an archive is damaged or contains a link or a name that points outside it, or no file
        has a wanted suffix.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.tsv.gz").write_bytes(gzip.compress(b"x\\ty"))
    >>> [(i.name, i.open().read()) for i in inputs(folder, suffixes=(".tsv",))]
    [('a.tsv', b'x\\ty')]
    """
    if not sources:
        raise SourceError("no file is given; pass one or more paths")
    found: list[Input] = []
    for source in sources:
        inside = [source] if isinstance(source, Input) else _of_path(Path(source), suffixes, limits)
        if not inside:
            wanted = f" with {' or '.join(suffixes)}" if suffixes else ""
            raise SourceError(f"{source} contains no file{wanted}")
        found += inside
    return found


def _of_path(path: Path, suffixes: tuple[str, ...], limits: Limits) -> list[Input]:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if len(files) > limits.members:
            raise SourceError(f"{path} contains more than {limits.members:,} files; pass those that you need")
        inside = [i for file in files for i in _of_file(file, suffixes, limits)]
        return [i for i in inside if not suffixes or i.suffix in suffixes]
    return _of_file(path, suffixes, limits)


def _of_file(path: Path, suffixes: tuple[str, ...], limits: Limits) -> list[Input]:
    with _opened(path) as stream:
        head, size = stream.read(8), os.fstat(stream.fileno()).st_size
    for mark, kind in _OTHERS.items():
        if head.startswith(mark):
            raise SourceError(f"{path} is compressed with {kind}, which is not supported; unpack it first")
    budget = _Budget(size, limits)
    if head.startswith(b"\x1f\x8b"):
        return [_gzipped(path, budget)]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path, suffixes, limits, budget)
    return [_plain(path)]


def _plain(path: Path) -> Input:
    return Input(path.name, str(path), lambda: cast(BinaryIO, _Guarded(_opened(path), str(path))))


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror or error}") from error


def _gzipped(path: Path, budget: _Budget) -> Input:
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    if name.lower().endswith(".tar"):
        raise SourceError(f"{path} is a tar archive, which is not supported; unpack it and pass the folder")
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
        raise SourceError(f"{path} is a damaged or incomplete zip archive: {error}; download it again") from error
    if len(entries) > limits.members:
        raise SourceError(f"{path} contains more than {limits.members:,} files; unpack it and pass those that you need")
    if any(e.filename == "[Content_Types].xml" for e in entries):  # a workbook is a zip archive itself
        return [_plain(path)]
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
        raise SourceError(f"{path} contains the name {entry.filename!r}, which points outside the archive")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise SourceError(f"{path} contains the link {entry.filename!r}; links are not accepted")
    if entry.flag_bits & 1:
        raise SourceError(f"{path}: {entry.filename} is encrypted; unpack it first")


def _zip_member(path: Path, entry: zipfile.ZipInfo, budget: _Budget) -> Input:
    place = f"{path}:{entry.filename}"

    def opener() -> BinaryIO:
        try:
            archive = zipfile.ZipFile(path)
            return cast(BinaryIO, _Guarded(archive.open(entry), place, budget, cast("IO[bytes]", archive)))
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise SourceError(f"{place} cannot be unpacked: {error}") from error

    return Input(PurePosixPath(entry.filename).name, place, opener)
