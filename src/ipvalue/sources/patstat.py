"""PATSTAT Global: the EPO's statistical database, as one or several CSV files for each table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason, SourceError
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, mapped, open_table
from ipvalue.sources.reading.files import Input, Source, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject
from ipvalue.sources.registry import Format
from ipvalue.types import Mask

__all__ = ["FORMAT", "read_patstat"]

Keep = Callable[[pd.DataFrame], "Mask | pd.Series[bool]"]
"""Selects the rows of a batch."""

_WHOLE = re.compile(r"\d{1,18}")
_NAME = re.compile(r"tls(\d{3})", re.IGNORECASE)


PARTS = {columns.part: columns for columns in read_mappings("patstat")}
_WHOLE_NUMBERS = ("appln_id", "prior_appln_id", "parent_appln_id", "person_id", "pat_publn_id", "cited_pat_publn_id")
_TABLES = {"tls212": "citations", "tls215": "citations", "tls231": "legal_events"}


class Extract:
    """The files of an extract, by table. Tables are read in batches and as often as needed.

    Parameters
    ----------
    sources : sequence of Input
        Files of tables. Several may be parts of one table, and other tables are skipped.

    Attributes
    ----------
    rejects : dict of str to list of Reject
        Rows that cannot be read, by table of the book.
    """

    def __init__(self, sources: Sequence[Input]) -> None:
        self._files: dict[str, list[Input]] = {}
        for source in sources:
            if part := _part_of(source):
                self._files.setdefault(part, []).append(source)
        self.rejects: dict[str, list[Reject]] = {"patents": [], "citations": [], "legal_events": []}
        self._read: set[str] = set()
        for part, why in {"tls201": "the applications", "tls211": "the publications, which name the patents"}.items():
            if part not in self._files:
                there = ", ".join(sorted(self._files)) or "none"
                raise SourceError(f"the table {part} is missing ({why}); the tables found are {there}")

    def __contains__(self, part: str) -> bool:
        return part in self._files

    def rows(self, part: str, keep: Keep | None = None) -> pd.DataFrame:
        """Rows of a table, sorted. Columns that an edition does not have are empty."""
        names = [field.target for field in PARTS[part]]
        frames = [frame[keep(frame)] if keep else frame for frame in self._batches(part, names)]
        self._read.add(part)
        if not frames:
            return pd.DataFrame({n: pd.Series(dtype="int64" if n in _WHOLE_NUMBERS else object) for n in names})
        rows = pd.concat(frames, ignore_index=True).drop_duplicates()
        return rows.sort_values(names, kind="stable", ignore_index=True)

    def _batches(self, part: str, names: list[str]) -> Iterator[pd.DataFrame]:
        first = part not in self._read
        rejects = self.rejects[_TABLES.get(part, "patents")]
        for source in self._files.get(part, []):
            table = open_table(source, [PARTS[part]])
            row = 0
            for batch in mapped(table, PARTS[part]):
                frame = pd.DataFrame({n: batch[n].to_pandas() for n in batch.column_names}, dtype=object)
                frame = frame.reindex(columns=names).astype(object).fillna("")
                good, bad = _whole_numbers(frame)
                if first:
                    rejects += _rejects(frame[bad], bad, row, source)
                row += len(frame)
                yield good
            if first:
                rejects += table.rejects


def _part_of(source: Input) -> str:
    """The table of a file, from its name or else from its headers; empty if it is not read."""
    named = _NAME.search(source.name)
    if named is not None:
        return f"tls{named[1]}" if f"tls{named[1]}" in PARTS else ""
    header = open_table(source, list(PARTS.values())).header
    fitting = [part for part, columns in PARTS.items() if not columns.missing(header)]
    return max(fitting, key=lambda part: len(PARTS[part].match(header)), default="")


def _whole_numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
    """The rows whose keys are whole numbers, converted, and a mask of the other rows."""
    keys = [name for name in frame.columns if name in _WHOLE_NUMBERS]
    bad = np.zeros(len(frame), bool)
    for name in keys:
        bad |= ~frame[name].str.fullmatch(_WHOLE).to_numpy(bool)
    return frame[~bad].astype(dict.fromkeys(keys, np.int64)), bad


def _rejects(frame: pd.DataFrame, bad: Mask, before: int, source: Input) -> list[Reject]:
    keys = [name for name in frame.columns if name in _WHOLE_NUMBERS]
    found = []
    for place, cells in zip(np.flatnonzero(bad).tolist(), frame[keys].to_numpy(object).tolist()):
        column, value = next((k, v) for k, v in zip(keys, cells) if not _WHOLE.fullmatch(v))
        detail = f"row {before + place + 1} of {source.name} has no whole number in {column}"
        found.append(Reject(before + place, column, str(value), Reason.UNREADABLE, detail))
    return found


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
        Files of the tables, such as ``tls201_part01.csv``, archives or folders of them, in any order. tls201 and
        tls211 are required. tls204, 206, 207, 209, 212, 215, 216, 224 and 231 are optional. Other tables are skipped.
    offices : iterable of str, optional
        Offices whose applications become patents of the book; all if absent. Other applications are read only if they
        cite, are cited or belong to a family.
    family : {'docdb', 'inpadoc'}
        The family: the simple one (same priorities) or the extended one.
    {strict}

    Returns
    -------
    Book
        An application without a filing date is rejected as ``missing``. PATSTAT invents such applications for documents
        that are only cited. A row whose key is not a whole number is rejected as ``unreadable``.

    {raises}

    Notes
    -----
    A table is recognised by the name of its file (``tls231``), or else by its headers. The case and the order of
    columns and additional columns do not matter. Dates of 9999-12-31 and keys of 0 mean "none" in PATSTAT.

    {columns}

    Assumptions:

    - An application is one patent, named by the publication of its first grant, or else by its earliest publication, or
      else by ``PATSTAT-`` and its appln_id. Documents that appear only in citations, and not in tls211, are named
      ``PATSTAT-P`` and the pat_publn_id.
    - The priority is the earliest filing in tls204, or else earliest_filing_date if it is before the filing. The parent
      of a US term is the earliest one in tls216 of type CON, CIP, DIV or REI.
    - A patent cites a document once, from the first publication that does. Citations of origin APP are from the
      applicant; SEA, ISR, SUP, EXA, PRS, CH2 from the examiner; OPP, FOP, TPO, 115 from a third party.
    - An event takes effect on event_effective_date, or else on the day of the lapse, the reinstatement or the payment,
      or else on its publication. ``detail`` holds the state and the fee year, as in ``DE 9``.
    - Owners are those of the application (tls207). Later transfers are events.

    Memory: some 10 kB for each application with ten citations and five events. From the complete PATSTAT, select by
    ``offices`` or make an extract first. The project's test data contain no real extract; the layout is that of the
    catalogue.

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
        raise SourceError(f"family is {family!r}; it must be 'docdb' or 'inpadoc'")
    if isinstance(offices, str):
        raise SourceError(f"offices must be a list; pass [{offices!r}]")
    extract = Extract(inputs(*sources, suffixes=(".csv", ".txt", ".tsv")))
    return assemble(_book_tables(extract, offices, family), extract.rejects, strict=strict)


_RIGHTS = {"UM": "utility_model", "DP": "design"}
# who brought a citation (PATSTAT Data Catalog, CITN_ORIGIN)
_ORIGINS = {
    **dict.fromkeys(("SEA", "ISR", "SUP", "EXA", "PRS", "CH2"), "examiner"),
    "APP": "applicant",
    **dict.fromkeys(("OPP", "FOP", "TPO", "115"), "third_party"),
}
# relations whose parent's filing begins the term of a US patent (35 USC 154(a)(2))
_TERM_RELATIONS = ("CON", "CIP", "DIV", "REI")
_NEVER = "9999-12-31"
_LISTS = ("ipc", "owners")


def _book_tables(extract: Extract, offices: Iterable[str] | None, family: str) -> dict[str, pa.Table]:
    """Join the tables of an extract into tables of the book."""
    applications = _applications(extract, set(offices) if offices is not None else None, family)
    own = applications.index.to_numpy()
    publications = extract.rows("tls211", lambda rows: rows["appln_id"].isin(own))
    citations = extract.rows(
        "tls212",
        lambda rows: (
            rows["pat_publn_id"].isin(publications["pat_publn_id"])
            | rows["cited_pat_publn_id"].isin(publications["pat_publn_id"])
            | pd.to_numeric(rows["cited_appln_id"], errors="coerce").isin(own)
        ),
    )
    relatives = _relatives(extract, applications, family)
    wanted = pd.concat([citations["pat_publn_id"], citations["cited_pat_publn_id"]]).unique()
    others = extract.rows(
        "tls211",
        lambda rows: (
            ~rows["appln_id"].isin(own) & (rows["pat_publn_id"].isin(wanted) | rows["appln_id"].isin(relatives.index))
        ),
    )
    documents = _named(pd.concat([publications, others], ignore_index=True))
    leading = documents.drop_duplicates("appln_id").set_index("appln_id")
    names = leading["name"].reindex(own)
    names = names.where(names.notna(), pd.Series([f"PATSTAT-{i}" for i in own], own, dtype=object))
    tables = {"patents": _patents(extract, applications, documents, leading, names, citations)}
    tables["citations"] = _citations(extract, documents, citations)
    tables["family_members"] = _members(documents, pd.concat([applications["family"], relatives]))
    if "tls231" in extract:
        tables["legal_events"] = _events(extract, names)
    return {name: table for name, table in tables.items() if table.num_rows or name == "patents"}


def _applications(extract: Extract, offices: set[str] | None, family: str) -> pd.DataFrame:
    """The book's applications by appln_id."""
    rows = extract.rows("tls201", (lambda rows: _office(rows).isin(offices)) if offices is not None else None)
    rows = rows.assign(office=_office(rows), family=_family(rows, family))
    for place in np.flatnonzero(rows.duplicated("appln_id")).tolist():
        number = str(rows["appln_id"].iloc[place])
        extract.rejects["patents"].append(Reject(place, "appln_id", number, Reason.DUPLICATE_KEY, ""))
    return rows.drop_duplicates("appln_id").set_index("appln_id")


def _office(rows: pd.DataFrame) -> pd.Series:
    """The office. International applications belong to WO, whichever office received them."""
    return rows["appln_auth"].where(rows["appln_kind"] != "W", "WO")


def _family(rows: pd.DataFrame, family: str) -> pd.Series:
    number = rows[f"{family}_family_id"]
    named = number if family == "docdb" else "INPADOC-" + number
    return named.where(~number.isin(["", "0"]), None)


def _relatives(extract: Extract, applications: pd.DataFrame, family: str) -> pd.Series:
    """Families of applications that are not in the book but belong to its families."""
    families = applications["family"].dropna().unique()
    rows = extract.rows(
        "tls201",
        lambda rows: ~rows["appln_id"].isin(applications.index) & _family(rows, family).isin(families),
    )
    return pd.Series(_family(rows, family).to_numpy(object), rows["appln_id"].to_numpy(), dtype=object)


def _named(publications: pd.DataFrame) -> pd.DataFrame:
    """Publications with their identifiers, sorted by application, the grant first and then the earliest."""
    names = document_ids(publications["publn_auth"].tolist(), publications["publn_nr"].tolist())
    granted = publications["publn_first_grant"].str.upper().isin(["Y", "1"])
    rows = publications.assign(name=pd.Series(names, publications.index, dtype=object), granted=granted)
    rows = rows.assign(later=~granted, day=rows["publn_date"].replace("", _NEVER))
    return rows.sort_values(["appln_id", "later", "day", "publn_kind", "pat_publn_id"], ignore_index=True)


def _patents(
    extract: Extract,
    applications: pd.DataFrame,
    documents: pd.DataFrame,
    leading: pd.DataFrame,
    names: pd.Series,
    citations: pd.DataFrame,
) -> pa.Table:
    own = applications.index
    filed = applications["appln_filing_date"]
    claims = pd.to_numeric(documents["publn_claims"], errors="coerce")
    counted = documents.assign(claims=claims)[claims > 0].drop_duplicates("appln_id").set_index("appln_id")["claims"]
    parents = _earliest_filing(extract, "tls216", "parent_appln_id", own, _TERM_RELATIONS)
    parents = parents.reindex(own).astype(object).where(applications["office"] == "US").fillna("")
    priorities = _earliest_filing(extract, "tls204", "prior_appln_id", own).reindex(own).astype(object)
    priorities = priorities.where(priorities.notna(), applications["earliest_filing_date"]).fillna("")
    columns = {
        "patent_id": names,
        "jurisdiction": applications["office"],
        "right": applications["ipr_type"].map(_RIGHTS),
        "kind": leading["publn_kind"].reindex(own),
        "application_date": filed,
        # a first filing is its own earliest filing and has no priority
        "priority_date": priorities.where((priorities < filed) & (priorities != "")),
        "parent_filing_date": parents.where((parents <= filed) & (parents != "")),
        "publication_date": _first_day(documents).reindex(own),
        "grant_date": _first_day(documents[documents["granted"]]).reindex(own),
        "family_id": applications["family"],
        "ipc": _classes(extract, own),
        "owners": _owners(extract, own),
        "n_inventors": _inventors(extract, applications),
        "npl_citations": _literature(documents, citations).reindex(own),
        "n_claims": counted.reindex(own),
    }
    return _table(columns)


def _first_day(documents: pd.DataFrame) -> pd.Series:
    return _least(documents[documents["day"] != _NEVER])


def _least(rows: pd.DataFrame) -> pd.Series:
    """The earliest day of each application. Sorting text is faster than a groupby."""
    return rows.sort_values(["appln_id", "day"]).drop_duplicates("appln_id").set_index("appln_id")["day"]


def _earliest_filing(
    extract: Extract, part: str, column: str, own: pd.Index, kinds: tuple[str, ...] | None = None
) -> pd.Series:
    """Earliest filing date among the applications to which each application is linked."""
    if part not in extract:
        return pd.Series(dtype=object)
    links = extract.rows(part, lambda rows: rows["appln_id"].isin(own))
    if kinds is not None:
        links = links[links["contn_type"].str.upper().isin(kinds)]
    filings = extract.rows("tls201", lambda rows: rows["appln_id"].isin(links[column]))
    days = filings.drop_duplicates("appln_id").set_index("appln_id")["appln_filing_date"]
    links = links.assign(day=links[column].map(days).fillna(""))
    return _least(links[links["day"] != ""])


def _lists(rows: pd.DataFrame, column: str, own: pd.Index) -> pd.Series:
    """The distinct values of each application as a list, in the order of the rows."""
    rows = rows[rows[column] != ""].drop_duplicates(["appln_id", column])
    return rows.groupby("appln_id", sort=False)[column].agg(list).reindex(own)


def _classes(extract: Extract, own: pd.Index) -> pd.Series:
    """IPC symbols, the leading one first; CPC symbols if there are none."""
    found = pd.Series(np.full(len(own), None, object), own)
    for part, name in (("tls209", "ipc"), ("tls224", "cpc")):
        rows = extract.rows(part, lambda rows: rows["appln_id"].isin(own))
        symbol, position = f"{name}_class_symbol", f"{name}_position"
        rows = rows.assign(**{symbol: rows[symbol].str.replace(r"\s+", " ", regex=True)}, after=rows[position] != "F")
        rows = rows.sort_values(["appln_id", "after", symbol])
        found = found.where(found.notna(), _lists(rows, symbol, own))
    return found


def _owners(extract: Extract, own: pd.Index) -> pd.Series:
    links = extract.rows("tls207", lambda rows: rows["appln_id"].isin(own))
    links = links.assign(place=pd.to_numeric(links["applt_seq_nr"], errors="coerce").fillna(0))
    links = links[links["place"] > 0].sort_values(["appln_id", "place", "person_id"])
    persons = extract.rows("tls206", lambda rows: rows["person_id"].isin(links["person_id"]))
    persons = persons.drop_duplicates("person_id").set_index("person_id")
    name = persons["psn_name"].where(persons["psn_name"] != "", persons["doc_std_name"])
    name = name.where(name != "", persons["person_name"])
    return _lists(links.assign(name=links["person_id"].map(name).fillna("")), "name", own)


def _inventors(extract: Extract, applications: pd.DataFrame) -> pd.Series:
    given = pd.to_numeric(applications["nb_inventors"], errors="coerce")
    links = extract.rows("tls207", lambda rows: rows["appln_id"].isin(applications.index))
    links = links[pd.to_numeric(links["invt_seq_nr"], errors="coerce") > 0]
    counted = links.groupby("appln_id")["person_id"].nunique().reindex(applications.index)
    return given.where(given > 0, counted)


def _literature(documents: pd.DataFrame, citations: pd.DataFrame) -> pd.Series:
    """Other literature that an application's publications cite, each once; 0 where they cite patents alone."""
    application = documents.set_index("pat_publn_id")["appln_id"]
    rows = citations.assign(appln_id=citations["pat_publn_id"].map(application)).dropna(subset=["appln_id"])
    number = rows["cited_npl_publn_id"]
    rows = rows.assign(literature=number.where(~number.isin(["", "0"]), None))
    counts: pd.Series = rows.groupby("appln_id")["literature"].nunique()
    return counts


def _citations(extract: Extract, documents: pd.DataFrame, citations: pd.DataFrame) -> pa.Table:
    """Each cited document once for each patent, with the date of the first publication that cites it."""
    leading = documents.drop_duplicates("appln_id").set_index("appln_id")["name"]
    publication = documents.set_index("pat_publn_id")
    applications = pd.to_numeric(citations["cited_appln_id"], errors="coerce").fillna(0).astype(np.int64)
    rows = citations[(citations["cited_pat_publn_id"] > 0) | (applications > 0)]
    applications = applications[rows.index]
    by_publication = rows["cited_pat_publn_id"]
    cited = by_publication.map(publication["appln_id"]).map(leading)
    cited = cited.where(by_publication > 0, applications.map(leading))
    unknown = pd.Series([f"PATSTAT-P{p}" if p else f"PATSTAT-{a}" for p, a in zip(by_publication, applications)])
    citing = rows["pat_publn_id"].map(publication["appln_id"]).map(leading)
    unknown_citing = "PATSTAT-P" + rows["pat_publn_id"].astype(str)
    rows = rows.assign(
        citing_id=citing.where(citing.notna(), unknown_citing),
        cited_id=cited.where(cited.notna(), unknown.set_axis(rows.index)),
        citing_date=rows["pat_publn_id"].map(publication["publn_date"]),
        cited_date=by_publication.map(publication["publn_date"]),
        origin=rows["citn_origin"].map(_ORIGINS),
        category=_categories(extract, rows),
    )
    rows = rows.sort_values(["citing_id", "cited_id", "citing_date", "citn_id"], na_position="last")
    first = rows.groupby(["citing_id", "cited_id"], sort=True).first().reset_index()
    names = ("citing_id", "cited_id", "citing_date", "cited_date", "origin", "category")
    return _table({name: first[name] for name in names})


def _categories(extract: Extract, rows: pd.DataFrame) -> pd.Series:
    """The category letters of each citation."""
    keys = ["pat_publn_id", "citn_replenished", "citn_id"]
    letters = extract.rows("tls215", lambda found: found["pat_publn_id"].isin(rows["pat_publn_id"]))
    letters = letters.sort_values([*keys, "citn_categ"])
    joined = letters.groupby(keys)["citn_categ"].agg(lambda some: "".join(dict.fromkeys("".join(some)))[:4])
    if joined.empty:
        return pd.Series(None, rows.index, dtype=object)
    found = joined.reindex(pd.MultiIndex.from_frame(rows[keys]))
    return pd.Series(found.to_numpy(object), rows.index)


def _members(documents: pd.DataFrame, families: pd.Series) -> pa.Table:
    """All publications of the families, with the patent to which each belongs."""
    leading = documents.drop_duplicates("appln_id").set_index("appln_id")["name"]
    rows = documents.assign(family=documents["appln_id"].map(families))
    rows = rows[rows["family"].notna()]
    return _table(
        {
            "family_id": rows["family"],
            "jurisdiction": rows["publn_auth"],
            "kind": rows["publn_kind"],
            "publication_date": rows["publn_date"],
            "patent_id": rows["appln_id"].map(leading),
        }
    )


def _events(extract: Extract, names: pd.Series) -> pa.Table:
    rows = extract.rows("tls231", lambda rows: rows["appln_id"].isin(names.index))
    announced = _first_filled(rows, "event_publn_date", "event_filing_date")
    dates = ("event_effective_date", "lapse_date", "reinstate_date", "fee_payment_date")
    effective = _first_filled(rows, *dates)
    state = _first_filled(rows, "lapse_country", "reinstate_country", "fee_country")
    year = rows["fee_renewal_year"].where(~rows["fee_renewal_year"].isin(["0", "9999"]), "")
    return _table(
        {
            "patent_id": rows["appln_id"].map(names),
            "effective_date": effective.where(effective != "", announced),
            "announced_date": announced,
            "office": rows["event_auth"],
            "scheme": pd.Series("inpadoc", rows.index, dtype=object),
            "code": rows["event_code"],
            "text": _first_filled(rows, "event_text", "lapse_text", "fee_text"),
            "detail": (state + " " + year).str.strip(),
        }
    )


def _first_filled(rows: pd.DataFrame, *columns: str) -> pd.Series:
    found = rows[columns[0]]
    for column in columns[1:]:
        found = found.where(found != "", rows[column])
    return found


def _table(columns: dict[str, pd.Series]) -> pa.Table:
    """An Arrow table of text and lists; empty and unknown values are null."""
    return pa.table({name: _array(name, values) for name, values in columns.items()})


def _array(name: str, values: pd.Series) -> pa.Array:
    if values.dtype.kind in "fi":
        return pa.array(values.astype("Int64"))
    cells = values.astype(object).where(values.notna(), None)
    if name in _LISTS:
        return pa.array(cells.tolist(), pa.list_(pa.string()))
    text = pa.array(cells, pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
