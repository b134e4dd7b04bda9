"""Small grant documents for the tests of the USPTO reader, with the elements that a test gives."""

from __future__ import annotations

from pathlib import Path

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
DOCTYPE = '<!DOCTYPE us-patent-grant SYSTEM "us-patent-grant-v45-2014-04-03.dtd" [ ]>\n'


def grant(
    number: str = "07000001",
    *,
    kind: str = "B2",
    granted: str = "20060214",
    filed: str = "20030109",
    application_type: str = "utility",
    head: str = "",
    body: str = "",
    doctype: str = DOCTYPE,
) -> str:
    """One document; ``head`` goes into the bibliography, ``body`` behind it."""
    return (
        f'{DECLARATION}{doctype}<us-patent-grant lang="EN"><us-bibliographic-data-grant>'
        f"<publication-reference><document-id><country>US</country><doc-number>{number}</doc-number>"
        f"<kind>{kind}</kind><date>{granted}</date></document-id></publication-reference>"
        f'<application-reference appl-type="{application_type}"><document-id><country>US</country>'
        f"<doc-number>10000000</doc-number><date>{filed}</date></document-id></application-reference>"
        f"{head}</us-bibliographic-data-grant>{body}</us-patent-grant>\n"
    )


def related(relation: str, date: str) -> str:
    """A related document: a parent, a provisional or an earlier publication."""
    document = f"<document-id><country>US</country><doc-number>09</doc-number><date>{date}</date></document-id>"
    if relation in ("us-provisional-application", "related-publication"):
        return f"<{relation}>{document}</{relation}>"
    return f"<{relation}><relation><parent-doc>{document}</parent-doc></relation></{relation}>"


def reference(number: str, *, kind: str = "A", date: str = "19990100", category: str = "cited by examiner") -> str:
    """A cited US patent document."""
    return (
        f"<citation><patcit><document-id><country>US</country><doc-number>{number}</doc-number><kind>{kind}</kind>"
        f"<date>{date}</date></document-id></patcit><category>{category}</category></citation>"
    )


def write(folder: Path, *documents: str, name: str = "ipg.xml") -> Path:
    """Put documents into one file."""
    path = folder / name
    path.write_text("".join(documents), encoding="utf-8")
    return path
