"""Files of one or several XML documents: split in bounded memory and parsed safely.

Patent offices publish the documents of a week as one file, in which every document has its own XML declaration and
DOCTYPE. Such a file is not itself XML, so it is split where a declaration begins. A DOCTYPE is accepted, but entities
and external references are not (defusedxml). Entity bombs and remote DTDs therefore have no effect, and nothing is
downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ipvalue.errors import SourceError
from ipvalue.sources.reading.files import Source, inputs

__all__ = ["Document", "UnreadableDocumentError", "element_text", "parse", "plain_names", "split", "symbol_of"]

_BLOCK = 1 << 20
_LARGEST = 1 << 28  # the longest grants, with sequence listings, have some 50 MB
_HEAD = 1 << 12
_DECLARATION = re.compile(rb"<\?xml[ \t\r\n]")
_MARK = 6  # length of the beginning of a declaration, which may span two blocks
_START_TAG = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_BLANK = b"\xef\xbb\xbf \t\r\n"


class UnreadableDocumentError(ValueError):
    """One document cannot be read; the rest of the file can."""


class Document(NamedTuple):
    """One document of a file."""

    content: bytes
    """The document, or only its beginning and end if it is too long."""
    root: str
    """Name of the root element; empty if there is none."""
    complete: bool
    """False if the document is too long."""


def split(path: Source, *, largest: int = _LARGEST) -> Iterator[Document]:
    """Split a file into its documents.

    Parameters
    ----------
    path : path or Input
        A file of one or several XML documents.
    largest : int, default 2**28
        Bytes of the longest document that is read; of a longer one only a part is returned.

    Yields
    ------
    Document

    Raises
    ------
    SourceError
        If the file cannot be opened or does not begin like XML.

    Notes
    -----
    Memory is bounded by ``largest``, and time is linear in the length of the file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.xml"
    >>> _ = path.write_text('<?xml version="1.0"?><a/>\\n<?xml version="1.0"?><!DOCTYPE b><b/>')
    >>> [document.root for document in split(path)]
    ['a', 'b']
    """
    for source in inputs(path):
        head = source.head(_HEAD).lstrip(_BLANK)
        if not head.startswith(b"<"):
            raise SourceError(f"{source.place} is not XML: it begins with {head[:20]!r}; XML begins with '<'")
        with source.open() as stream:
            yield from _documents(stream, largest)


def _documents(stream: BinaryIO, largest: int) -> Iterator[Document]:
    held, complete = bytearray(), True
    while block := stream.read(_BLOCK):
        # the declaration of the current document is at 0
        search = max(len(held) - _MARK + 1, 1)
        held += block
        begin = 0
        for found in _DECLARATION.finditer(held, search):
            yield from _document(held[begin : found.start()], complete)
            begin, complete = found.start(), True
        del held[:begin]
        if len(held) > largest:
            del held[_HEAD : len(held) - _MARK + 1]
            complete = False
    yield from _document(held, complete)


def _document(content: bytearray, complete: bool) -> Iterator[Document]:
    """The document, unless there are only blanks before the first declaration or after the last document."""
    if content.strip(_BLANK):
        tag = _START_TAG.search(content)
        yield Document(bytes(content), tag[1].decode("ascii", "replace") if tag else "", complete)


def parse(document: Document, *, without: str = "") -> Element:
    """Parse one document.

    Parameters
    ----------
    document : Document
    without : str, optional
        An element that is removed before parsing. The description is some nine tenths of a patent's document. Errors in
        the removed element are not noticed.

    Returns
    -------
    xml.etree.ElementTree.Element
        The root.

    Raises
    ------
    UnreadableDocumentError
        If the document is too long or not well-formed, or declares an entity or refers to an external one.

    Examples
    --------
    >>> parse(Document(b"<a><b>long</b><c>1</c></a>", "a", True), without="b").findtext("c")
    '1'
    """
    if not document.complete:
        raise UnreadableDocumentError("it is too long")
    try:
        root: Element = fromstring(_cut(document.content, without) if without else document.content)
    except DefusedXmlException as error:
        raise UnreadableDocumentError(f"entities and external references are not accepted ({error})") from error
    except ParseError as error:
        raise UnreadableDocumentError(f"it is not well-formed ({error})") from error
    except (ValueError, LookupError, RecursionError) as error:
        raise UnreadableDocumentError(f"it cannot be parsed ({error})") from error
    return root


def _cut(content: bytes, name: str) -> bytes:
    tag, end_tag = f"<{name}".encode(), f"</{name}>".encode()
    begin, end = content.find(tag), content.rfind(end_tag)
    if begin < 0 or end < begin or content[begin + len(tag)] not in b" >\t\r\n":
        return content
    return content[:begin] + content[end + len(end_tag) :]


def plain_names(root: Element) -> Element:
    """Remove the namespaces from all names of elements and attributes, in place.

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


def element_text(element: Element | None, path: str) -> str | None:
    """The text at a path, with single spaces; None if there is none."""
    return " ".join((element.findtext(path) or "").split()) or None if element is not None else None


def symbol_of(
    element: Element, names: tuple[str, ...] = ("section", "class", "subclass", "main-group", "subgroup")
) -> str | None:
    """A classification symbol from the elements of its five parts; None unless all are present.

    Examples
    --------
    >>> symbol_of(fromstring("<i><s>H</s><c>04</c><u>L</u><g>1</g><t>00</t></i>"), ("s", "c", "u", "g", "t"))
    'H04L 1/00'
    """
    parts = [element_text(element, name) or "" for name in names]
    return f"{''.join(parts[:3])} {parts[3]}/{parts[4]}" if all(parts) else None
