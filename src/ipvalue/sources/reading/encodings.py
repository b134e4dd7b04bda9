"""Text of any encoding as a stream of UTF-8: encodings told apart, NUL bytes counted, endless lines refused."""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO, NamedTuple, cast

from ipvalue.errors import SourceError
from ipvalue.sources.reading.files import Input

__all__ = ["LONGEST_LINE", "Encoding", "Utf8Stream", "detect"]

LONGEST_LINE = 1 << 24
"""Bytes that a line may have: a claim has up to a million characters."""

_SAMPLE = 1 << 22
_BLOCK = 1 << 20
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_GB_PAIR = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")


class Encoding(NamedTuple):
    """How a text is encoded."""

    name: str
    """As Python calls it: utf-8, utf-16-le, utf-16-be, gb18030 or latin-1."""
    bom: int
    """Bytes of the mark at the beginning."""
    note: str
    """What is uncertain about it; empty where nothing is."""


def detect(source: Input, *, upto: int = 0) -> Encoding:
    """Tell the encoding of a text.

    Parameters
    ----------
    source : Input
        Read once as a whole, in blocks: a character that is not ASCII may come late. Of a stream that can't be
        read again nothing is read, and UTF-8 is taken.
    upto : int
        Bytes after which to stop; 0 for none.

    Returns
    -------
    Encoding
        By its byte order mark; else UTF-8 if all of it is, or nearly; else GB18030 if most bytes beyond ASCII stand in
        pairs as Chinese does; else Latin-1, with a note.

    Raises
    ------
    SourceError
        If it can't be read or is no text.

    Examples
    --------
    >>> detect(Input("a", "a", lambda: io.BytesIO("专利,申请日".encode("gb18030")))).name
    'gb18030'
    """
    if not source.again:
        return Encoding("utf-8", 0, "")
    position, decoder = 0, codecs.getincrementaldecoder("utf-8")()
    sample = bytearray()
    for block in source.blocks():
        if position == 0:
            for mark, name in _BOMS.items():
                if block.startswith(mark):
                    return Encoding(name, len(mark), "")
            if (wide := _wide(source.place, block)) is not None:
                return wide
        position += len(block)
        if upto and position > upto and not sample:
            break
        if not sample:
            if block.isascii() and not decoder.getstate()[0]:
                continue
            if _decodes(decoder, block):
                continue
        sample += block
        if len(sample) > _SAMPLE:
            break
    return _guess(bytes(sample)) if sample else Encoding("utf-8", 0, "")


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        return False
    return True


def _wide(place: str, block: bytes) -> Encoding | None:
    """UTF-16 without a mark, told by where the zero bytes of its ASCII characters stand."""
    head = block[:4096]
    zeros = head.count(0)
    if zeros < len(head) // 4 or not zeros:
        return None
    if head[1::2].count(0) > 0.9 * zeros:
        return Encoding("utf-16-le", 0, "taken for UTF-16, which it does not say")
    if head[0::2].count(0) > 0.9 * zeros:
        return Encoding("utf-16-be", 0, "taken for UTF-16, which it does not say")
    raise SourceError(f"{place} is no text: {zeros:,} of its first {len(head):,} bytes are zero")


def _guess(sample: bytes) -> Encoding:
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for character in text if character > "\x7f") - bad
    if bad * 10 < good:
        return Encoding("utf-8", 0, "some bytes are not UTF-8 and read as \ufffd")
    high = len(_HIGH.findall(sample))
    if 2 * len(_GB_PAIR.findall(sample)) > 0.6 * high:
        return Encoding("gb18030", 0, "taken for GB18030, since it is not UTF-8")
    return Encoding("latin-1", 0, "taken for Latin-1, since it is neither UTF-8 nor Chinese")


class Utf8Stream(io.RawIOBase):
    """The text of an input as UTF-8, without byte order mark, read once in blocks.

    Parameters
    ----------
    source : Input
    encoding : Encoding, optional
        As :func:`detect` tells where absent.
    longest_line : int
        Bytes without an end of line at which it is given up.

    Attributes
    ----------
    nuls : int
        NUL characters so far.
    replaced : int
        Places so far that were not of the encoding.

    Raises
    ------
    SourceError
        On reading, where a line does not end.
    """

    def __init__(self, source: Input, encoding: Encoding | None = None, *, longest_line: int = LONGEST_LINE) -> None:
        super().__init__()
        self.encoding = detect(source) if encoding is None else encoding
        self.place = source.place
        self.nuls = self.replaced = self.position = 0
        self._longest, self._since = longest_line, 0
        self._decoder = codecs.getincrementaldecoder(self.encoding.name)("replace")
        self._held = b""
        self._inner: BinaryIO = source.open()
        self._inner.read(self.encoding.bom)

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def push_back(self, data: bytes) -> None:
        """Give back what was read too much."""
        self._held = data + self._held

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes; empty only at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        if not self._held:
            self._held = self._next(max(min(size, _BLOCK), 1 << 12))
        data, self._held = self._held[:size], self._held[size:]
        return data

    def _next(self, size: int) -> bytes:
        """The next block as UTF-8; empty only at the end."""
        while True:
            raw = self._inner.read(size)
            self.position += len(raw)
            plain = self.encoding.name == "utf-8" and raw.isascii() and not self._decoder.getstate()[0]
            data = raw if plain and raw else self._recoded(raw)
            if data or not raw:
                break
        self.nuls += data.count(0)
        last = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._since = len(data) - last - 1 if last >= 0 else self._since + len(data)
        if self._since > self._longest:
            raise SourceError(
                f"{self.place}: a line before byte {self.position:,} is longer than {self._longest:,} bytes; "
                "this is no table or list of records, or its ends of lines are lost"
            )
        return data

    def _recoded(self, raw: bytes) -> bytes:
        text = self._decoder.decode(raw, final=not raw)
        if not self.position - len(raw) and text.startswith("\ufeff"):
            text = text[1:]
        self.replaced += text.count("\ufffd")
        return text.encode("utf-8", "replace")

    def readinto(self, buffer: object) -> int:
        """Read into a buffer."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close it and what it reads from."""
        if not self.closed:
            self._inner.close()
        super().close()
