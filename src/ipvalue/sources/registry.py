"""The formats that ipvalue reads, and how each is recognised.

The file of a reader declares a :class:`Format`, and :data:`PLACES` lists it. ``sniff`` and ``check`` need nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal

from ipvalue.sources.reading.mapping import Columns

__all__ = ["PLACES", "Format", "Look", "formats"]

Kind = Literal["table", "json", "xml", "parquet", "text"]

# where each format is declared
PLACES = (
    "ipvalue.sources.uspto:FORMAT",
    "ipvalue.sources.patentsview:FORMAT",
    "ipvalue.sources.maintenance_fees:FORMAT",
    "ipvalue.sources.odp:FORMAT",
    "ipvalue.sources.university_renewals:FORMAT",
    "ipvalue.sources.cnipa:FORMAT",
    "ipvalue.sources.patstat:FORMAT",
    "ipvalue.sources.ops:FORMAT",
    "ipvalue.sources.jpo:FORMAT",
    "ipvalue.sources.wipo:FORMAT",
    "ipvalue.sources.lens:FORMAT",
    "ipvalue.sources.google_patents:FORMAT",
    "ipvalue.sources.family_exports:FORMAT",
    "ipvalue.sources.yield_curves:FORMAT",
    "ipvalue.sources.exchange_rates:FORMAT",
    "ipvalue.sources.royalties:FORMAT",
    "ipvalue.sources.damodaran:FORMAT",
    "ipvalue.sources.world_bank:FORMAT",
)


@dataclass(frozen=True)
class Look:
    """What the beginning of a file shows.

    Attributes
    ----------
    name : str
        The file's name.
    kind : {'table', 'json', 'xml', 'parquet', 'text'}
    header : tuple of str
        Headers of a table, columns of a Parquet file, keys of the first JSON record (down to the third level), or names
        of the first elements of an XML document, starting with the root.
    head : str
        The first characters.
    """

    name: str
    kind: Kind
    header: tuple[str, ...] = ()
    head: str = field(default="", repr=False)


@dataclass(frozen=True)
class Format:
    """A format and how it is recognised.

    Parameters
    ----------
    name : str
        Name, as in ``read_<name>``.
    title : str
        Description for users.
    reader : str
        Name of the public function that reads it.
    parts : tuple of Columns
        Mappings of tables. A table is recognised by its required headers, and more confidently if more headers match.
    roots : tuple of str
        Root elements of XML documents.
    keys : tuple of str
        Keys that a JSON record must have.
    fills : dict of str to tuple of str
        Other columns of the book that are filled, by table.
    nested : dict of str to tuple of str
        Columns that are filled only from JSON, XML or Parquet, by table.
    recognise : callable, optional
        Confidence from a :class:`Look`, 0 to 1, if the above is not enough.
    call : str or callable
        Code of the call if the path is not its only argument, with ``{path}`` for the path; or a function of a
        :class:`Look` that returns it.
    everything : bool
        Whether the reader reads all columns, including those that are not in ``parts``.
    """

    name: str
    title: str
    reader: str
    parts: tuple[Columns, ...] = ()
    roots: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    fills: dict[str, tuple[str, ...]] = field(default_factory=dict)
    nested: dict[str, tuple[str, ...]] = field(default_factory=dict)
    recognise: Callable[[Look], float] | None = None
    call: str | Callable[[Look], str] = ""
    everything: bool = False

    def line(self, look: Look) -> str:
        """A line of code that reads the file, with ``{path}`` for the path."""
        return (self.call(look) if callable(self.call) else self.call) or f"ipv.{self.reader}({{path}})"

    def confidence(self, look: Look) -> float:
        """Confidence that a file has this format, 0 to 1."""
        best = self.recognise(look) if self.recognise else 0.0
        if look.kind == "xml" and look.header and look.header[0] in self.roots:
            best = max(best, 1.0)
        if look.kind == "json" and self.keys and set(self.keys) <= set(look.header):
            best = max(best, 0.95)
        if look.kind in ("table", "parquet"):
            best = max([best, *(_share(part, look.header) for part in self.parts)])
        return best

    def part_of(self, look: Look) -> Columns | None:
        """The mapping that fits a file best; None if none fits."""
        fitting = [part for part in self.parts if not part.missing(look.header)]
        return max(fitting, key=lambda part: _share(part, look.header)) if fitting else None


def _share(part: Columns, header: tuple[str, ...]) -> float:
    """0 without the required headers; otherwise 0.3 to 1, by the shares of the mapping and of the file that match."""
    if not header or part.missing(header):
        return 0.0
    known = len(part.match(header))
    return 0.3 + 0.35 * known / len(part.fields) + 0.35 * min(known / len(header), 1.0)


def formats() -> list[Format]:
    """All formats, in the order of :data:`PLACES`."""
    found = []
    for place in PLACES:
        module, _, name = place.partition(":")
        declared = getattr(import_module(module), name)
        found += list(declared) if isinstance(declared, tuple) else [declared]
    return found
