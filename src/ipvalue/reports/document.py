"""The dossier: the class, and the function that makes one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from ipvalue.engine import ValuationEngine
from ipvalue.errors import IpvalueError
from ipvalue.evaluation.backtest import Backtest
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Book, parse_date
from ipvalue.reports import about, model, results
from ipvalue.reports.blocks import Section
from ipvalue.reports.case import Case, overrides_applied, overrides_frame
from ipvalue.reports.clauses import clauses
from ipvalue.reports.write import to_html, to_markdown
from ipvalue.valuation import Valuation

__all__ = ["Dossier", "dossier"]

Format = Literal["html", "markdown"]
_SECTIONS = (
    about.purpose,
    about.data,
    model.assumptions,
    model.methods,
    model.learnt,
    results.values,
    results.performance,
    results.benchmarks,
    results.sensitivity,
    results.stability,
    about.limits,
    results.overrides,
    results.monitoring,
    clauses,
    about.versions_and_hashes,
)


@dataclass(frozen=True, repr=False)
class Dossier:
    """A model dossier. Make one with :func:`ipvalue.dossier`.

    Attributes
    ----------
    title : str
    sections : tuple of Section
    """

    title: str
    sections: tuple[Section, ...]

    def __getitem__(self, section: str) -> Section:
        for found in self.sections:
            if found.id == section:
                return found
        raise IpvalueError(
            f"the dossier has no section {section!r}; there are {', '.join(s.id for s in self.sections)}"
        )

    def to_html(self) -> str:
        """The dossier as one HTML file that needs nothing else."""
        return to_html(self.title, self.sections)

    def to_markdown(self) -> str:
        """The dossier as Markdown, without its pictures."""
        return to_markdown(self.title, self.sections)

    def write(self, path: str | os.PathLike[str], *, format: Format = "html") -> None:
        """Write the dossier into a file.

        Parameters
        ----------
        path : path
        format : {'html', 'markdown'}

        Raises
        ------
        IpvalueError
            If the format is unknown, or the file can't be written.
        """
        text = self.to_html() if _checked(format) == "html" else self.to_markdown()
        try:
            Path(path).write_bytes(text.encode("utf-8"))
        except OSError as error:
            raise IpvalueError(f"{os.fspath(path)} can't be written: {error}") from error

    def __repr__(self) -> str:
        return f"Dossier {self.title!r}: {', '.join(s.id for s in self.sections)}"

    def _repr_html_(self) -> str:
        return self.to_html()


def dossier(
    engine: ValuationEngine,
    book: Book | None = None,
    *,
    as_of: object | None = None,
    valuation: Valuation | None = None,
    backtest: Backtest | None = None,
    path: str | os.PathLike[str] | None = None,
    format: Format = "html",
    purpose: str = "",
    owner: str = "",
    limits: Sequence[str] = (),
    overrides: Overrides | pd.DataFrame | Sequence[Mapping[str, object]] | None = None,
    sample: int = 200,
) -> Dossier:
    """Write the model document of an engine for validators, auditors and credit committees.

    Parameters
    ----------
    engine : ValuationEngine
        Fitted.
    book : Book, optional
        Book whose values are shown; without it the dossier shows only the engine.
    as_of : date, optional
        The valuation date; by default that of the valuation, else the fit date.
    valuation : Valuation, optional
        By default the engine's of the book on the date.
    backtest : Backtest, optional
        Performance out of time, as :func:`ipvalue.backtest` measured it.
    path : path, optional
        Also write it there.
    format : {'html', 'markdown'}
        Of the file.
    purpose, owner : str
        Use of the model, and who is responsible for it.
    limits : sequence of str
        Known limits of the model; limits that can be measured are added.
    overrides : Overrides, or DataFrame or sequence of mappings, optional
        A set is applied to the values (by default the valuation's own) and analysed. Rows are shown as they are:
        patent, author, reason, expiry, original value and what was set instead.
    sample : int, default 200
        Living patents on which sensitivities are measured, spread over the book by value.

    Returns
    -------
    Dossier

    Raises
    ------
    NotFittedError
        If the engine has learnt nothing yet.
    IpvalueError
        If the format is unknown, the sample empty, or the valuation is of another engine, date or set of overrides.

    References
    ----------
    SR 26-2 and OCC Bulletin 2026-13 (17 April 2026), Model Risk Management: Revised Guidance, which replaced SR 11-7;
    IFRS 13 (2011), paragraphs 91 to 99. All rules that a dossier is compared with are in
    ``reports/tables/clauses.csv``.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(200, seed=7)
    >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> found = ipv.dossier(engine, purpose="collateral")
    >>> found["purpose"].title, "collateral" in found.to_html()
    ('Purpose and use', True)
    """
    _checked(format)
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < 1:
        raise IpvalueError(f"sample={sample!r}: sensitivities need at least one patent")
    if not isinstance(engine, ValuationEngine) or not isinstance(book, Book | None):
        raise IpvalueError(
            f"a ValuationEngine and a Book are needed, not a {type(engine).__name__} and a {type(book).__name__}: "
            "ValuationEngine.load(path), read_book(path)"
        )
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise IpvalueError(f"{os.fspath(path)} can't be written: there is no such folder")
    if isinstance(limits, str):
        raise IpvalueError(f"limits={limits!r}: a list of texts is needed; write [text]")
    given = None if valuation is None else valuation.provenance["as_of"]
    day = parse_date(as_of if as_of is not None else given if given is not None else engine.fitted.as_of)
    if valuation is not None:
        _same(valuation, engine, str(day))
    said, applied = overrides_frame(overrides), overrides_applied(overrides, valuation)
    case = Case(engine, book, day, valuation, backtest, purpose, owner, tuple(limits), said, applied, sample)
    made = Dossier(f"Model dossier: {', '.join(engine.names)}", tuple(write(case) for write in _SECTIONS))
    if path is not None:
        made.write(path, format=format)
    return made


def _checked(format: str) -> str:
    if format not in ("html", "markdown"):
        raise IpvalueError(f"format={format!r}: it must be 'html' or 'markdown'")
    return format


def _same(valuation: Valuation, engine: ValuationEngine, day: str) -> None:
    """Raise if the valuation is of another engine or another day."""
    if valuation.provenance["engine_hash"] != engine.hash:
        raise IpvalueError("the valuation was made by another engine (its engine_hash differs): value the book again")
    if valuation.provenance["as_of"] != day:
        raise IpvalueError(
            f"the valuation is as of {valuation.provenance['as_of']}, the dossier as of {day}: use one day"
        )
