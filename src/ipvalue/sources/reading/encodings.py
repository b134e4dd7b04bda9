"""Text in any encoding as a stream of UTF-8. The encoding is detected, and lines without an end are an error."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from ipvalue.errors import SourceError
from ipvalue.sources.reading.files import ByteStream, Input

__all__ = ["LONGEST_LINE", "Encoding", "Utf8Stream", "detect"]

LONGEST_LINE = 1 << 24
"""Longest line in bytes. A claim has up to a million characters."""

_SAMPLE = 1 << 22
_BLOCK = 1 << 20
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_GB_PAIR = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")


class Encoding(NamedTuple):
    """The encoding of a text."""

    name: str
    """Python's name: utf-8, utf-16-le, utf-16-be, gb18030 or latin-1."""
    bom: int
    """Length of the byte order mark."""
    note: str
    """What is uncertain about the detection; empty if nothing is."""


def detect(source: Input, *, upto: int = 0) -> Encoding:
    """Detect the encoding of a text.

    Parameters
    ----------
    source : Input
        Read to the end, in blocks, because the first character that is not ASCII may come late. A stream that can
        be read only once is not touched and taken as UTF-8.
    upto : int
        Stop after this many bytes; 0 for no limit.

    Returns
    -------
    Encoding
        From the byte order mark. Otherwise UTF-8 if (almost) all bytes are valid UTF-8, GB18030 if most bytes beyond
        ASCII come in pairs as in Chinese text, or Latin-1. Everything but valid UTF-8 has a note.

    Raises
    ------
    SourceError
        If the input cannot be read or is not text.

    Examples
    --------
    >>> import io
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
    """UTF-16 without a byte order mark, recognised by the positions of zero bytes."""
    head = block[:4096]
    zeros = head.count(0)
    if zeros < len(head) // 4 or not zeros:
        return None
    if head[1::2].count(0) > 0.9 * zeros:
        return Encoding("utf-16-le", 0, "assumed to be UTF-16: it has no byte order mark")
    if head[0::2].count(0) > 0.9 * zeros:
        return Encoding("utf-16-be", 0, "assumed to be UTF-16: it has no byte order mark")
    raise SourceError(f"{place} is not text: {zeros:,} of its first {len(head):,} bytes are zero")


def _guess(sample: bytes) -> Encoding:
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for character in text if character > "\x7f") - bad
    if bad * 10 < good:
        return Encoding("utf-8", 0, "some bytes are not UTF-8 and are read as \ufffd")
    high = len(_HIGH.findall(sample))
    if 2 * len(_GB_PAIR.findall(sample)) > 0.6 * high:
        return Encoding("gb18030", 0, "assumed to be GB18030: it is not UTF-8")
    return Encoding("latin-1", 0, "assumed to be Latin-1: it is neither UTF-8 nor Chinese")


class Utf8Stream(ByteStream):
    """The text of an input as UTF-8 without a byte order mark. It can be read once.

    Parameters
    ----------
    source : Input
    encoding : Encoding, optional
        Detected if absent.
    longest_line : int
        Longest line in bytes.

    Attributes
    ----------
    nuls : int
        Number of NUL characters so far.

    Raises
    ------
    SourceError
        While reading, if a line is too long.
    """

    def __init__(self, source: Input, encoding: Encoding | None = None, *, longest_line: int = LONGEST_LINE) -> None:
        self.encoding = detect(source) if encoding is None else encoding
        self.place = source.place
        self.nuls = self.position = 0
        self._longest, self._since = longest_line, 0
        self._decoder = codecs.getincrementaldecoder(self.encoding.name)("replace")
        self._held = b""
        super().__init__(source.open())
        self._inner.read(self.encoding.bom)

    def push_back(self, data: bytes) -> None:
        """Return bytes to the stream, to be read again."""
        self._held = data + self._held

    def block(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty only at the end."""
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
                "this is not a table or a list of records, or its line ends are lost"
            )
        return data

    def _recoded(self, raw: bytes) -> bytes:
        text = self._decoder.decode(raw, final=not raw)
        if not self.position - len(raw) and text.startswith("\ufeff"):
            text = text[1:]
        return text.encode("utf-8", "replace")
