"""XML documents that stand one after the other in a file, read one at a time, safe against hostile content."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ipvalue.errors import SourceError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["files_of", "parse_document", "split_documents"]

_START = b"<?xml"
_CHUNK = 1 << 20
# the largest grant of the years 2005 to 2020 has about 70 MB (a sequence listing inline)
_LARGEST = 256 << 20


def files_of(paths: Iterable[str | os.PathLike[str]], ending: str) -> list[Path]:
    """List the files that some paths name; of a folder, its files with an ending, in order.

    Raises
    ------
    SourceError
        If a path does not exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(path.glob(f"*{ending}"))
            if not inside:
                raise SourceError(f"the folder {path} holds no {ending} file")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise SourceError(f"{path} does not exist")
    return found


def split_documents(path: Path, largest: int = _LARGEST) -> Iterator[bytes | None]:
    """Give the XML documents of a file one by one.

    Parameters
    ----------
    path : Path
    largest : int
        Bytes beyond which a document is not held in memory.

    Yields
    ------
    bytes or None
        A document from its declaration on; None for one that is too large.

    Raises
    ------
    SourceError
        If the file does not begin like XML.
    """
    held: list[bytes] = []
    size, begun, line_start = 0, False, True
    with path.open("rb") as stream:
        while piece := stream.readline(_CHUNK):
            if line_start and piece.lstrip(b"\xef\xbb\xbf").startswith(_START):
                if begun:
                    yield b"".join(held) if size <= largest else None
                held, size, begun = [], 0, True
            if not begun and piece.strip():
                raise SourceError(f"{path} is no file of XML documents: it begins with {piece[:40]!r}")
            size += len(piece)
            if size <= largest:
                held.append(piece)
            else:
                held.clear()
            line_start = piece.endswith(b"\n")
    if begun:
        yield b"".join(held) if size <= largest else None


def parse_document(content: bytes) -> Element:
    """Parse one document without entities of its own and without fetching anything.

    Raises
    ------
    SourceError
        If it is no well-formed XML, declares entities, or refers to external ones.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        root: Element = ElementTree.fromstring(content, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise SourceError(f"unreadable XML: {error!r}") from error
    return root
