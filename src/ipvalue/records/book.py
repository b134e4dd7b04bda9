"""The book: validated tables of a patent portfolio, with every refused row and the reason for it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property
from numbers import Number
from typing import Any, Literal, TypeVar, cast
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import BookError
from ipvalue.records.columns import BookColumns
from ipvalue.records.schema import TABLES
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.validate import Checked, check_table, empty_rejects

__all__ = ["Book", "parse_date"]

T = TypeVar("T")

Known = Literal["announced", "loaded"]

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = TABLES["patents"].columns["application_date"]


class Book:
    """A patent book: one validated table for each thing that is known.

    Only ``patents`` is required, and in it only patent_id, jurisdiction and application_date. Bad rows are
    rejected (:attr:`rejects` lists them with a reason code) and exact repeats are dropped and counted. The other
    rows are sorted into one canonical order, so that the order of the input never matters.

    Parameters
    ----------
    patents : table
        One row a patent or application. Here and below, a table is any object with the Arrow C stream
        interface (pyarrow, polars, DuckDB, ADBC), a pandas frame, or a dict of columns.
    citations, claims, legal_events, family_members : table, optional
        Data of registers and offices.
    economics, transactions, licences, loans : table, optional
        What is earned, paid, licensed and lent.
    curves, fx, price_index : table, optional
        Market data.
    strict : bool, default False
        Raise on the first bad row instead of rejecting it.
    refused : pandas.DataFrame, optional
        Rows that a source refused before they became rows of a table, in the columns of :attr:`rejects`. They are
        added to the rejects and count as rows that came in.

    Attributes
    ----------
    rejects : pandas.DataFrame
        Every row refused: table, row (its number in the input), column, value, code, message.
    duplicates : dict of str to int
        Exact repeats that were dropped, a table.
    ignored : dict of str to tuple of str
        Columns that the schema does not know, a table.
    rows_in : dict of str to int
        Rows that came in, a table. Always rows_in = valid rows + rejects + duplicates.

    Raises
    ------
    SchemaError
        If a table can't be read or lacks a required column.
    BookError
        With ``strict``, if any row is bad.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.Book(patents={
    ...     "patent_id": ["CN-1-B", "CN-2-B"], "jurisdiction": ["CN", "cn"],
    ...     "application_date": ["2015-03-01", "2015-02-30"]})
    >>> len(book), book.rejects[["row", "column", "value", "code"]].values.tolist()
    (1, [[1, 'application_date', '2015-02-30', 'bad_date']])
    """

    def __init__(
        self,
        patents: object,
        *,
        citations: object = None,
        claims: object = None,
        legal_events: object = None,
        family_members: object = None,
        economics: object = None,
        transactions: object = None,
        licences: object = None,
        loans: object = None,
        curves: object = None,
        fx: object = None,
        price_index: object = None,
        strict: bool = False,
        refused: pd.DataFrame | None = None,
    ) -> None:
        arguments: dict[str, Any] = locals()
        given: dict[str, object] = {name: arguments[name] for name in TABLES if name != "patents"}
        checked = {"patents": check_table("patents", patents, None)}
        valid_patents = checked["patents"].table
        for name, data in given.items():
            if data is not None:
                checked[name] = check_table(name, data, valid_patents)
        self._set(checked, strict, empty_rejects() if refused is None else refused)

    def _set(self, checked: Mapping[str, Checked], strict: bool, refused: pd.DataFrame) -> None:
        early = refused["table"].value_counts()
        self.rows_in = {name: c.n_rows + int(early.get(name, 0)) for name, c in checked.items()}
        self.duplicates = {name: c.n_duplicates for name, c in checked.items() if c.n_duplicates}
        self.ignored = {name: c.ignored for name, c in checked.items() if c.ignored}
        frames = [frame for frame in (refused, *(c.rejects for c in checked.values())) if len(frame)]
        self.rejects = pd.concat(frames, ignore_index=True) if frames else empty_rejects()
        if strict and len(self.rejects):
            first = self.rejects.iloc[0]
            raise BookError(
                f"{len(self.rejects)} bad row(s); the first: table {first['table']!r}, row {first['row']}, "
                f"column {first['column']!r}, value {first['value']!r}: {first['message']}"
            )
        self._tables = {name: c.table for name, c in checked.items()}

    @classmethod
    def from_canonical(cls, tables: Mapping[str, pa.Table]) -> Book:
        """Make a book from tables that a book wrote, without validating them again.

        Parameters
        ----------
        tables : mapping of str to pyarrow.Table
            In the schema's columns, types and order, as :attr:`tables` gives them.
        """
        book = cls.__new__(cls)
        book.rows_in = {name: t.num_rows for name, t in tables.items()}
        book.duplicates, book.ignored, book.rejects = {}, {}, empty_rejects()
        book._tables = dict(tables)
        return book

    def __getstate__(self) -> dict[str, Any]:
        """State for another process, without the caches."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_snapshots", "_derived")}

    @property
    def tables(self) -> dict[str, pa.Table]:
        """The valid rows of each table, in canonical order, as Arrow tables."""
        return dict(self._tables)

    def __getitem__(self, name: str) -> pa.Table:
        if name not in TABLES:
            raise BookError(f"there is no table {name!r}; the tables are {', '.join(TABLES)}")
        return self._tables.get(name, TABLES[name].arrow_schema().empty_table())

    def __len__(self) -> int:
        return int(self._tables["patents"].num_rows)

    @property
    def patent_ids(self) -> list[str]:
        """The book's patents, sorted."""
        return list(self._tables["patents"]["patent_id"].to_pylist())

    @cached_property
    def columns(self) -> BookColumns:
        """The tables as coded numpy columns, which snapshots are cut from."""
        return BookColumns(self._tables)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all valid rows in canonical order: equal books have equal fingerprints."""
        return self.columns.fingerprint

    def as_of(self, date: object, *, known: Known = "announced") -> Snapshot:
        """Snapshot of the book as it was known at the close of a day.

        Parameters
        ----------
        date : str, datetime.date, numpy.datetime64 or pandas.Timestamp
            The day.
        known : {'announced', 'loaded'}
            Whether a legal event counts from the day on which the office made it public, or from the day on
            which the bank loaded it.

        Examples
        --------
        >>> import ipvalue as ipv
        >>> str(ipv.synthetic_book(50, seed=1).as_of("2020-12-31").date)
        '2020-12-31'
        """
        if known not in ("announced", "loaded"):
            raise BookError(f"known={known!r}: it must be 'announced' or 'loaded'")
        day = parse_date(date)
        snapshot = self._snapshots.get((str(day), known))
        if snapshot is None:
            snapshot = Snapshot.cut(self.columns, day, known)
            self._snapshots[str(day), known] = snapshot
        return snapshot

    @cached_property
    def _snapshots(self) -> WeakValueDictionary[tuple[str, str], Snapshot]:
        """Snapshots that are still in use: two calls for the same day share one snapshot and its caches."""
        return WeakValueDictionary()

    def derive(self, key: Hashable, make: Callable[[], T]) -> T:
        """Result of a computation on the book, cached under a key as long as the book exists.

        Parameters
        ----------
        key : hashable
            Names the computation and everything that it depends on besides the book.
        make : callable
            Computes the result, which must be small and must not be changed.
        """
        if key not in self._derived:
            self._derived[key] = make()
        return cast(T, self._derived[key])

    @cached_property
    def _derived(self) -> dict[Hashable, Any]:
        return {}

    def select(self, patent_ids: Iterable[str]) -> Book:
        """Keep some patents, with all rows that belong to them.

        Parameters
        ----------
        patent_ids : iterable of str
            Identifiers that are not in the book are ignored.

        Returns
        -------
        Book
            Market data and licences are not filtered.

        Raises
        ------
        BookError
            If a single identifier is given in place of several.

        Examples
        --------
        >>> import ipvalue as ipv
        >>> book = ipv.synthetic_book(50, seed=1)
        >>> len(book.select(book.patent_ids[:20]))
        20
        """
        if isinstance(patent_ids, str):
            raise BookError(f"select takes several identifiers; write [{patent_ids!r}]")
        wanted = pa.array(sorted({i for i in patent_ids if isinstance(i, str)}), pa.string())
        patents = self._tables["patents"]
        patents = patents.filter(pc.is_in(patents["patent_id"], value_set=wanted))
        tables = {}
        for name, table in self._tables.items():
            if name == "family_members":
                families = patents["family_id"].unique()
                tables[name] = table.filter(pc.is_in(table["family_id"], value_set=families))
            elif columns := TABLES[name].patent_columns:
                masks = [pc.is_in(table[c], value_set=wanted) for c in columns]
                tables[name] = table.filter(functools.reduce(pc.or_, masks))
            else:
                tables[name] = table
        return Book.from_canonical({name: table.combine_chunks() for name, table in tables.items()})

    def __repr__(self) -> str:
        lines = [f"Book of {len(self):,} patents"]
        lines += [f"  {name}: {t.num_rows:,} rows" for name, t in self._tables.items() if name != "patents"]
        if len(self.rejects):
            counts = self.rejects.groupby(["table", "code"]).size().reset_index(name="rows")
            worst = counts.sort_values("rows", ascending=False, kind="stable").head(4)
            most = ", ".join(f"{t} {c} {n:,}" for t, c, n in worst.itertuples(index=False, name=None))
            lines.append(f"  {len(self.rejects):,} rows refused ({most}): see .rejects")
        if self.duplicates:
            lines.append("  repeats dropped: " + ", ".join(f"{n:,} in {t}" for t, n in self.duplicates.items()))
        if self.ignored:
            lines.append("  columns not read: " + ", ".join(f"{t}.{c}" for t, cs in self.ignored.items() for c in cs))
        return "\n".join(lines)


def parse_date(date: object) -> np.datetime64:
    """Read a day.

    Returns
    -------
    numpy.datetime64
        In days.

    Raises
    ------
    BookError
        If it is not a day, or outside the range of a date column.

    Examples
    --------
    >>> str(parse_date("2024-12-31"))
    '2024-12-31'
    """
    try:
        if isinstance(date, Number | np.bool_):
            raise ValueError("a number is not a date")
        if isinstance(date, str) and not _ISO_DAY.fullmatch(date.strip()):
            raise ValueError("not of the form YYYY-MM-DD")
        # the day is that of the time's own zone
        moment = pd.Timestamp(date).tz_localize(None)  # type: ignore[arg-type]
        day: np.datetime64 = moment.to_datetime64().astype("datetime64[D]")
    except (ValueError, TypeError, OverflowError) as error:
        raise BookError(f"{date!r} is not a date ({error}); write it as 'YYYY-MM-DD'") from error
    if np.isnat(day):
        raise BookError("the date is missing (NaT)")
    earliest, latest = (np.datetime64(end, "D") for end in (_DAY.earliest, _DAY.latest))
    if not earliest <= day <= latest:
        raise BookError(f"{day} lies outside {earliest} to {latest}")
    return day
