"""Splitting a file of XML documents: whatever the block borders, and within bounded memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvalue.sources.reading import xml_documents
from ipvalue.sources.reading.xml_documents import UnreadableDocumentError, parse, split

DOCUMENTS = [f'<?xml version="1.0"?>\n<a><b>{"x" * n}</b><c>{n}</c></a>\n' for n in (0, 1, 7, 40)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block=st.integers(1, 80))
def test_documents_are_the_same_whatever_the_block_length(tmp_path: Path, block: int) -> None:
    path = tmp_path / "some.xml"
    path.write_text("".join(DOCUMENTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_documents, "_BLOCK", block)
        found = list(split(path))
    assert [d.content.decode() for d in found] == DOCUMENTS
    assert [parse(d, without="b").findtext("c") for d in found] == ["0", "1", "7", "40"]


def test_mark_before_the_first_document_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "some.xml"
    path.write_bytes(b"\xef\xbb\xbf\n" + DOCUMENTS[0].encode())
    assert [d.root for d in split(path)] == ["a"]


def test_too_long_a_document_is_not_held_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_documents, "_BLOCK", 1 << 10)
    path = tmp_path / "some.xml"
    path.write_text('<?xml version="1.0"?><a>' + "y" * 200_000 + "</a>" + DOCUMENTS[0])
    long, short = split(path, largest=20_000)
    assert (long.complete, short.complete, short.content.decode()) == (False, True, DOCUMENTS[0])
    assert len(long.content) < 25_000
    with pytest.raises(UnreadableDocumentError, match="too long"):
        parse(long)


def test_cutting_an_element_out_leaves_documents_without_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.xml"
    path.write_text('<?xml version="1.0"?><a><bar>1</bar></a>')
    (document,) = split(path)
    assert parse(document, without="b").findtext("bar") == "1"
