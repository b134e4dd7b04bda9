"""PATSTAT Global: the EPO's statistical database as CSV files, one or several a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ipvalue.errors import SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble
from ipvalue.sources.patstat_joins import book_tables
from ipvalue.sources.patstat_tables import PARTS, Extract
from ipvalue.sources.reading.files import Source, inputs
from ipvalue.sources.reading.mapping import documented
from ipvalue.sources.registry import Format

__all__ = ["FORMAT", "read_patstat"]

FORMAT = Format(
    "patstat",
    "PATSTAT Global tables (EPO)",
    "read_patstat",
    parts=tuple(PARTS.values()),
    fills={"family_members": ("family_id", "jurisdiction", "kind", "publication_date", "patent_id")},
)


@documented(*PARTS.values())
def read_patstat(
    *sources: Source,
    offices: Iterable[str] | None = None,
    family: Literal["docdb", "inpadoc"] = "docdb",
    strict: bool = False,
) -> Book:
    """Read an extract of PATSTAT Global as a book of patents, citations, families, owners, classes and events.

    Parameters
    ----------
    *sources : path or Input
        Files of the tables, such as ``tls201_part01.csv``, also packed, or folders of them, in any order. tls201 and
        tls211 must be there; tls204, 206, 207, 209, 212, 215, 216, 224 and 231 are read where they are; all others
        are passed over.
    offices : iterable of str, optional
        Offices whose applications become patents of the book; all where absent. Of the other applications only what
        cites, is cited or belongs to a family is read.
    family : {'docdb', 'inpadoc'}
        Which family is the book's: the simple one (same priorities) or the extended one.
    strict : bool, default False
        Raise on the first row that is refused.

    Returns
    -------
    Book
        An application without a filing date, as PATSTAT makes up for what is only cited, is refused as ``missing``; a
        row without a whole number as its key as ``unreadable``.

    Raises
    ------
    SourceError
        If a file can't be read, or tls201 or tls211 is missing.
    BookError
        With ``strict``, if anything is refused.

    Notes
    -----
    A table is known by the name of its file (``tls231``), else by its headers; the editions' differences in case,
    order and additional columns don't count. Dates of 9999-12-31 and keys of 0 are PATSTAT's way to say nothing.

    {columns}

    Assumed:

    - One application is one patent, named by the publication of its first grant, else its earliest publication;
      ``PATSTAT-`` and the appln_id where nothing was published. Documents that only citations name and tls211 lacks
      are ``PATSTAT-P`` and the pat_publn_id.
    - The priority is the earliest filing in tls204, else earliest_filing_date where it is before the filing; the parent
      of a US term the earliest in tls216 of type CON, CIP, DIV or REI.
    - A patent cites a document once, from the first publication that does. Of origin APP the applicant brought it; of
      SEA, ISR, SUP, EXA, PRS, CH2 the examiner; of OPP, FOP, TPO, 115 a third party.
    - An event takes effect on event_effective_date, else on the day of the lapse, the reinstatement or the payment,
      else when it was published. ``detail`` holds the state and the year of the fee, as in ``DE 9``.
    - Owners are those of the application (tls207); later transfers are events.

    Memory: the kept rows, some 10 kB an application with ten citations and five events. Of the whole of PATSTAT
    choose by ``offices``, or cut an extract first. There is no real extract among the project's test data; the
    layout is that of the catalogue.

    References
    ----------
    EPO, PATSTAT Global Data Catalog (Autumn 2017 to 2024 editions).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "tls201_part01.csv").write_text(
    ...     "appln_id,appln_auth,appln_kind,appln_filing_date,docdb_family_id\\n1,EP,A,2010-06-24,43088294\\n")
    >>> _ = (folder / "tls211_part01.csv").write_text(
    ...     "pat_publn_id,publn_auth,publn_nr,publn_kind,appln_id,publn_date,publn_first_grant\\n"
    ...     "11,EP,2400812,A1,1,2011-12-28,N\\n12,EP,2400812,B1,1,2019-11-27,Y\\n")
    >>> read_patstat(folder)["patents"].select(["patent_id", "family_id", "grant_date"]).to_pylist()
    [{'patent_id': 'EP-2400812', 'family_id': '43088294', 'grant_date': datetime.date(2019, 11, 27)}]
    """
    if family not in ("docdb", "inpadoc"):
        raise SourceError(f"family={family!r}: it must be 'docdb' or 'inpadoc'")
    if isinstance(offices, str):
        raise SourceError(f"offices takes several offices; write [{offices!r}]")
    extract = Extract(inputs(*sources, suffixes=(".csv", ".txt", ".tsv")))
    return assemble(book_tables(extract, offices, family), extract.refusals, strict=strict)
