"""XML documents one after the other in a file: split without loading the file, and parsed safely.

Patent offices ship a week's documents as one file in which every document keeps its own XML declaration and
DOCTYPE, so the file as a whole is no XML. It is cut where a declaration begins. Nothing is ever fetched: a
DOCTYPE is tolerated, but its entities and external references are refused (defusedxml), so neither an entity
bomb nor a remote DTD has any effect.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ipvalue.errors import SourceError
from ipvalue.sources.reading.files import Input, Source

__all__ = ["Document", "UnreadableDocumentError", "parse", "plain_names", "split"]

_BLOCK = 1 << 20
_LARGEST = 1 << 28  # the longest grants, with sequence tables, have some 50 MB
_HEAD = 1 << 12
_DECLARATION = re.compile(rb"<\?xml[ \t\r\n]")
_MARK = 6  # bytes of a declaration's mark, which a block's end may cut
_START_TAG = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_BLANK = b"\xef\xbb\xbf \t\r\n"


class UnreadableDocumentError(ValueError):
    """One document can't be read; the file goes on."""


class Document(NamedTuple):
    """One document of a file."""

    content: bytes
    """The whole document, or its head and some of its end where it is too long to be held."""
    root: str
    """Name of the root element; empty where there is none."""
    whole: bool
    """False where the document is too long to be held."""


def split(path: Source, *, largest: int = _LARGEST) -> Iterator[Document]:
    """Read the documents of a file, one at a time.

    Parameters
    ----------
    path : path or Input
        A file of XML documents one after the other.
    largest : int, default 2**28
        Bytes of the longest document that is held in memory; a longer one is given in part.

    Yields
    ------
    Document

    Raises
    ------
    SourceError
        If the file can't be opened or does not begin as XML does.

    Notes
    -----
    Memory is bounded by ``largest``, time is linear in the file's length.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.xml"
    >>> _ = path.write_text('<?xml version="1.0"?><a/>\\n<?xml version="1.0"?><!DOCTYPE b><b/>')
    >>> [document.root for document in split(path)]
    ['a', 'b']
    """
    if isinstance(path, Input):
        _check_begin(path.place, path.head(_HEAD))
        with path.open() as stream:
            yield from _documents(stream, largest)
        return
    try:
        with Path(path).open("rb") as stream:
            _check_begin(path, stream.read(_HEAD))
            stream.seek(0)
            yield from _documents(stream, largest)
    except OSError as error:
        raise SourceError(f"{path} can't be opened: {error.strerror or error}") from error


def _check_begin(path: str | os.PathLike[str], head: bytes) -> None:
    head = head.lstrip(_BLANK)
    if not head.startswith(b"<"):
        hint = "unpack it first" if head.startswith((b"PK", b"\x1f\x8b")) else "XML begins with '<'"
        raise SourceError(f"{path} is no XML: it begins with {head[:20]!r}; {hint}")


def _documents(stream: BinaryIO, largest: int) -> Iterator[Document]:
    held, whole = bytearray(), True
    while block := stream.read(_BLOCK):
        # the declaration of the document itself stands at 0
        search = max(len(held) - _MARK + 1, 1)
        held += block
        begin = 0
        for found in _DECLARATION.finditer(held, search):
            yield from _document(held[begin : found.start()], whole)
            begin, whole = found.start(), True
        del held[:begin]
        if len(held) > largest:
            del held[_HEAD : len(held) - _MARK + 1]
            whole = False
    yield from _document(held, whole)


def _document(content: bytearray, whole: bool) -> Iterator[Document]:
    """The document, unless there is nothing but blanks before the first declaration or after the last."""
    if content.strip(_BLANK):
        tag = _START_TAG.search(content)
        yield Document(bytes(content), tag[1].decode("ascii", "replace") if tag else "", whole)


def parse(document: Document, *, without: str = "") -> Element:
    """Parse one document.

    Parameters
    ----------
    document : Document
    without : str, optional
        An element below the root that is not needed and is cut out before parsing: a patent's description is
        some nine tenths of its document. What is wrong inside it then goes unseen.

    Returns
    -------
    xml.etree.ElementTree.Element
        The root.

    Raises
    ------
    UnreadableDocumentError
        If the document is too long, is not well-formed, or declares an entity or refers to an external one.

    Examples
    --------
    >>> parse(Document(b"<a><b>long</b><c>1</c></a>", "a", True), without="b").findtext("c")
    '1'
    """
    if not document.whole:
        raise UnreadableDocumentError("it is too long")
    try:
        root: Element = fromstring(_cut(document.content, without) if without else document.content)
    except DefusedXmlException as error:
        raise UnreadableDocumentError(f"entities and external references are refused ({error})") from error
    except ParseError as error:
        raise UnreadableDocumentError(f"it is not well-formed ({error})") from error
    except (ValueError, LookupError, RecursionError) as error:
        raise UnreadableDocumentError(f"the parser gives up ({error})") from error
    return root


def _cut(content: bytes, name: str) -> bytes:
    tag, end_tag = f"<{name}".encode(), f"</{name}>".encode()
    begin, end = content.find(tag), content.rfind(end_tag)
    if begin < 0 or end < begin or content[begin + len(tag)] not in b" >\t\r\n":
        return content
    return content[:begin] + content[end + len(end_tag) :]


def plain_names(root: Element) -> Element:
    """Take the namespaces off all names of elements and attributes, in place.

    Examples
    --------
    >>> plain_names(fromstring('<o:a xmlns:o="urn:o" o:b="1"><c xmlns="urn:c"/></o:a>')).find("c").tag
    'c'
    """
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
        for name in [name for name in element.attrib if name.startswith("{")]:
            element.attrib[name.rpartition("}")[2]] = element.attrib.pop(name)
    return root
