"""Files of PATSTAT Global: the columns that are read, and their names in the different editions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from ipvalue.errors import Reason, SourceError
from ipvalue.sources.joining.assemble import mapped, open_table
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.files import Input
from ipvalue.sources.reading.mapping import Columns, Field
from ipvalue.sources.reading.rejects import Reject
from ipvalue.types import Mask

__all__ = ["PARTS", "Extract", "Keep"]

Keep = Callable[[pd.DataFrame], "Mask | pd.Series[bool]"]
"""Selects the rows of a batch."""

_WHOLE = re.compile(r"\d{1,18}")
_NAME = re.compile(r"tls(\d{3})", re.IGNORECASE)


def _id(name: str, gives: str = "") -> Field:
    return Field(name, name, to.compact, required=True, gives=gives)


def _own(name: str, gives: str = "", note: str = "") -> Field:
    return Field(name, name, to.compact, gives=gives, note=note)


def _day(name: str, gives: str = "", note: str = "") -> Field:
    return Field(name, name, to.dates, gives=gives, note=note)


PARTS: dict[str, Columns] = {
    part: Columns("patents", fields, part)
    for part, fields in {
        "tls201": (
            _id("appln_id"),
            Field("appln_auth", "appln_auth", to.compact, True, "WO where appln_kind is W", "jurisdiction"),
            Field("appln_filing_date", "appln_filing_date", to.dates, True, "", "application_date"),
            _own("appln_kind"),
            _own("ipr_type", gives="right", note="UM, DP"),
            _day("earliest_filing_date", gives="priority_date", note="where tls204 names none"),
            _own("docdb_family_id", gives="family_id"),
            _own("inpadoc_family_id", gives="family_id", note="with family='inpadoc'"),
            _own("nb_inventors", gives="n_inventors"),
        ),
        "tls204": (_id("appln_id"), _id("prior_appln_id", "priority_date")),
        "tls206": (
            _id("person_id"),
            _own("psn_name", gives="owners", note="the standardised name first"),
            _own("doc_std_name", gives="owners"),
            Field("person_name", "person_name", to.compact, True, "", "owners"),
        ),
        "tls207": (
            _id("person_id"),
            _id("appln_id"),
            _own("applt_seq_nr", gives="owners", note="above 0, in order"),
            _own("invt_seq_nr", gives="n_inventors", note="counted where nb_inventors is absent"),
        ),
        "tls209": (
            _id("appln_id"),
            _id("ipc_class_symbol", "ipc"),
            _own("ipc_position", gives="ipc", note="F leads"),
        ),
        "tls224": (
            _id("appln_id"),
            _id("cpc_class_symbol", "ipc"),
            _own("cpc_position", gives="ipc", note="where there is no IPC"),
        ),
        "tls211": (
            _id("pat_publn_id"),
            _id("publn_auth", "patent_id"),
            _id("publn_nr", "patent_id"),
            _own("publn_kind", gives="kind"),
            _id("appln_id"),
            _day("publn_date", gives="publication_date"),
            _own("publn_first_grant", gives="grant_date", note="Y or 1"),
            _own("publn_claims", gives="n_claims"),
        ),
        "tls212": (
            _id("pat_publn_id", "citations.citing_id"),
            _own("citn_replenished"),
            _own("citn_id"),
            _own("citn_origin", gives="citations.origin"),
            _id("cited_pat_publn_id", "citations.cited_id"),
            _own("cited_appln_id", gives="citations.cited_id", note="where no publication is named"),
            _own("cited_npl_publn_id", gives="npl_citations", note="counted, each once"),
        ),
        "tls214": (_id("npl_publn_id"), _own("npl_biblio", note="not read")),
        "tls215": (
            _id("pat_publn_id"),
            _own("citn_replenished"),
            _id("citn_id"),
            _id("citn_categ", "citations.category"),
        ),
        "tls216": (_id("appln_id"), _id("parent_appln_id", "parent_filing_date"), _own("contn_type")),
        "tls231": (
            _id("appln_id", "legal_events.patent_id"),
            _own("event_auth", gives="legal_events.office"),
            _id("event_code", "legal_events.code"),
            _day("event_publn_date", gives="legal_events.announced_date"),
            _day("event_filing_date", gives="legal_events.announced_date", note="where not published"),
            _day("event_effective_date", gives="legal_events.effective_date"),
            _day("lapse_date", gives="legal_events.effective_date"),
            _day("fee_payment_date", gives="legal_events.effective_date"),
            _day("reinstate_date", gives="legal_events.effective_date"),
            _own("event_text", gives="legal_events.text"),
            _own("lapse_text", gives="legal_events.text"),
            _own("fee_text", gives="legal_events.text"),
            _own("lapse_country", gives="legal_events.detail"),
            _own("fee_country", gives="legal_events.detail"),
            _own("reinstate_country", gives="legal_events.detail"),
            _own("fee_renewal_year", gives="legal_events.detail"),
        ),
    }.items()
}
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
        refused = self.rejects[_TABLES.get(part, "patents")]
        for source in self._files.get(part, []):
            table = open_table(source, [PARTS[part]])
            row = 0
            for batch in mapped(table, PARTS[part]):
                frame = pd.DataFrame({n: batch[n].to_pandas() for n in batch.column_names}, dtype=object)
                frame = frame.reindex(columns=names).astype(object).fillna("")
                good, bad = _whole_numbers(frame)
                if first:
                    refused += _rejects(frame[bad], bad, row, source)
                row += len(frame)
                yield good
            if first:
                refused += table.rejects


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
