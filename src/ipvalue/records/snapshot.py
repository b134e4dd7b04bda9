"""What was known at the close of a day: the only input of features and methods.

Everything that is computed from a snapshot is computed on demand and cached with the snapshot. Its own tables are
cached properties. What other packages compute from it (legal facts, features, book-level statistics) goes through
:meth:`Snapshot.derive`.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial, wraps
from pkgutil import resolve_name
from typing import Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ipvalue.errors import BookError
from ipvalue.law.events import Operators
from ipvalue.records.columns import BookColumns, LazyColumns
from ipvalue.records.statistics import Statistics
from ipvalue.types import Array, Columns, Dates, Ints, Ints32, Mask, Objects, Positions

__all__ = ["Events", "Ragged", "Snapshot", "derived"]

T = TypeVar("T")

# Counting needs features, which import snapshots: this one function is therefore found by name at run time.
_COUNT_STATISTICS = "ipvalue.features.book_statistics:count"


_NOT_A_DATE = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Ragged:
    """Rows of a long table, grouped by patent (compressed sparse rows).

    Parameters
    ----------
    pointers : ndarray of int64, shape (n_patents + 1,)
        Rows of patent ``i`` are ``pointers[i]`` to ``pointers[i + 1]``.
    columns : mapping of str to ndarray
        One element a row.
    """

    pointers: Ints
    columns: Mapping[str, Array]

    @property
    def counts(self) -> Ints:
        """Rows of each patent."""
        return np.diff(self.pointers)

    @cached_property
    def patent(self) -> Ints:
        """The patent of each row."""
        return np.repeat(np.arange(len(self.pointers) - 1), self.counts)

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __len__(self) -> int:
        return int(self.pointers[-1])

    @classmethod
    def group(cls, patent: npt.NDArray[np.integer], n_patents: int, columns: Mapping[str, Array]) -> Ragged:
        """Group rows that are already sorted by patent."""
        counts = np.bincount(patent, minlength=n_patents)
        return cls(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), columns)


@dataclass(frozen=True)
class Events:
    """Legal events known on the date: their dates, and the effect of each on the state of its patent."""

    patent: Ints32
    effective: Dates
    known: Dates
    operators: Operators
    detail: Objects


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A book as it was known at the close of one day.

    Everything here is filtered by the date; columns are numpy arrays with one element a patent, and long
    tables are grouped by patent. Tables are filtered on first use. Make one with
    :meth:`ipvalue.Book.as_of`.

    Attributes
    ----------
    date : numpy.datetime64
        The day.
    known : {'announced', 'loaded'}
        From which of its dates a legal event counts.
    """

    date: np.datetime64
    known: Literal["announced", "loaded"]
    _columns: BookColumns = field(repr=False)
    _rows: Ints = field(repr=False)
    _book: Snapshot | None = field(repr=False, default=None)
    _given: tuple[Statistics, str] | None = field(repr=False, default=None)
    _derived: dict[Any, Any] = field(repr=False, default_factory=dict)

    @classmethod
    def cut(cls, columns: BookColumns, date: np.datetime64, known: Literal["announced", "loaded"]) -> Snapshot:
        """Cut a book's columns; patents that are not yet filed on the date are not in the snapshot."""
        return cls(date, known, columns, np.flatnonzero(columns.patents["application_date"] <= date))

    def select(self, patents: npt.NDArray[np.integer] | Mask) -> Snapshot:
        """Select some patents of the snapshot; the part has the statistics of the book.

        Parameters
        ----------
        patents : ndarray of int or bool
            Positions (in ascending order) or a mask.

        Returns
        -------
        Snapshot
            Its :attr:`statistics` are those of the snapshot that it was selected from, so that each of its patents has
            the same features and the same value, bit for bit.

        Raises
        ------
        BookError
            If positions descend or repeat: long tables are sorted by patent.
        """
        rows = self._rows[self._rows_chosen(patents)]
        if (np.diff(rows) <= 0).any():
            raise BookError("select takes positions in ascending order, each once")
        return Snapshot(self.date, self.known, self._columns, rows, self._of_book, self._given)

    @property
    def _of_book(self) -> Snapshot:
        """The snapshot of the book: the one from which this one was selected, or itself."""
        return self if self._book is None else self._book

    @property
    def statistics(self) -> Statistics:
        """Book-level statistics on the date: cohorts, portfolios, renewals and the citation graph.

        They are counted on first use. A part made by :meth:`select` has those of the book.
        """
        if self._given is not None:
            return self._given[0]
        count: Callable[[Snapshot], Statistics] = resolve_name(_COUNT_STATISTICS)
        return self._of_book.derive(count)

    def with_statistics(self, statistics: Statistics, book_fingerprint: str) -> Snapshot:
        """The same snapshot as a part of a larger book, whose statistics are known.

        Parameters
        ----------
        statistics : Statistics
            Of the larger book on the same date.
        book_fingerprint : str
            Of the larger book.
        """
        return Snapshot(self.date, self.known, self._columns, self._rows, self._book, (statistics, book_fingerprint))

    def derive(self, function: Callable[[Snapshot], T]) -> T:
        """Result of a function of this snapshot, computed once and cached as long as the snapshot exists.

        Parameters
        ----------
        function : callable
            A pure function of a snapshot; its result must not be changed.
        """
        if function not in self._derived:
            self._derived[function] = function(self)
        return cast(T, self._derived[function])

    def _rows_chosen(self, patents: object) -> Positions | Mask:
        """Row numbers or a mask as an array that fits the snapshot."""
        chosen = np.arange(len(self))[patents] if isinstance(patents, slice) else np.asarray(patents)
        if chosen.ndim == 1 and not len(chosen):
            return np.zeros(0, np.int64)
        if chosen.ndim == 1 and chosen.dtype.kind == "b" and len(chosen) == len(self):
            return chosen
        if chosen.ndim == 1 and chosen.dtype.kind in "iu" and -len(self) <= chosen.min() <= chosen.max() < len(self):
            return chosen
        raise BookError(
            f"select takes row numbers from 0 to {len(self) - 1}, or a mask of {len(self)} booleans; "
            "snapshot.position(patent_id) gives the row of a patent"
        )

    def position(self, patent_id: str) -> int:
        """Find one patent.

        Raises
        ------
        BookError
            If the snapshot does not hold it.
        """
        # compares Python strings: numpy's lose a NUL at their end
        place = bisect.bisect_left(self.patent_ids, patent_id) if isinstance(patent_id, str) else len(self)
        if place < len(self) and self.patent_ids[place] == patent_id:
            return place
        reason = "it is not in the book"
        if patent_id in set(self._columns.patents["patent_id"]):
            reason = f"it was not filed by {self.date}"
        raise BookError(f"there is no patent {patent_id!r} in this snapshot: {reason}")

    def holds(self, table: str) -> bool:
        """Whether the book has a table, with or without rows."""
        return self._columns.holds(table)

    @property
    def book_fingerprint(self) -> str:
        """SHA-256 of the book from which the snapshot is cut."""
        return self._columns.fingerprint if self._given is None else self._given[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        where = ", ".join(f"{name} {count:,}" for name, count in self._jurisdictions())
        return f"Snapshot of {len(self):,} patents as {self.known} by {self.date} ({where})"

    def _jurisdictions(self) -> list[tuple[str, int]]:
        names, counts = np.unique(self.patents["jurisdiction"], return_counts=True)
        return [(str(names[i]), int(counts[i])) for i in np.argsort(-counts, kind="stable")[:6]]

    @property
    def patent_ids(self) -> Objects:
        """The patents' identifiers, sorted."""
        return np.asarray(self.patents["patent_id"])

    @cached_property
    def patents(self) -> Columns:
        """One element a patent; dates and facts that came later are masked."""
        columns = {name: values[self._rows] for name, values in self._columns.patents.items()}
        grant, publication = columns["grant_date"], columns["publication_date"]
        granted = grant <= self.date
        for name in ("term_adjustment", "term_extension", "disclaimer"):
            known = np.where(np.isnat(columns[f"{name}_known_date"]), grant, columns[f"{name}_known_date"])
            value = name if name in columns else f"{name}_days" if f"{name}_days" in columns else f"{name}_date"
            _mask(columns, value, ~(known <= self.date))
            _mask(columns, f"{name}_known_date", ~(known <= self.date))
        published = (np.fmin(publication, grant) <= self.date) | (np.isnat(publication) & np.isnat(grant))
        for name in ("n_claims", "npl_citations", "n_inventors"):
            _mask(columns, name, ~published)
        _mask(columns, "kind", ~granted & ~np.isnat(grant))
        _mask(columns, "publication_date", ~(publication <= self.date))
        _mask(columns, "grant_date", ~granted)
        return columns

    @cached_property
    def ipc(self) -> Ragged:
        """IPC symbols of each patent: ``subclass`` and technology ``field``, the leading symbol first."""
        return _gather(*self._columns.ipc, self._rows)

    @cached_property
    def owners(self) -> Ragged:
        """Owners of each patent: ``owner``."""
        return _gather(*self._columns.owners, self._rows)

    @cached_property
    def field(self) -> npt.NDArray[np.int8]:
        """WIPO technology field of the leading IPC symbol that has one; 0 where none has."""
        fields = self.ipc["field"]
        known = np.flatnonzero(fields)
        result = np.zeros(len(self), np.int8)
        patents = self.ipc.patent[known]
        result[patents[::-1]] = fields[known[::-1]]  # the first symbol is written last, and wins
        return result

    @cached_property
    def owner(self) -> Ints:
        """Code of the first owner; 0 where none is known."""
        first = np.append(self.owners["owner"], 0)
        return first[np.where(self.owners.counts > 0, self.owners.pointers[:-1], len(first) - 1)]

    @cached_property
    def owner_name(self) -> Objects:
        """Name of the first owner; '' where none is known."""
        return self._columns.first_owner[self._rows]

    @cached_property
    def _place(self) -> Ints32:
        """Position in the snapshot of each patent of the book; -1 where it is not in it (also for index -1)."""
        place = np.full(self._columns.n_patents + 1, -1, np.int32)
        place[self._rows] = np.arange(len(self), dtype=np.int32)
        return place

    def _citations(self, end: str, other: str, order: Ints | None) -> Ragged:
        columns = self._columns.citations
        mask = (columns["date"] <= self.date) & (self._place[columns[end]] >= 0)
        rows = np.flatnonzero(mask) if order is None else order[mask[order]]
        cut = {name: partial(_rows_of, columns, name, rows) for name in columns if name not in ("citing", "cited")}
        # these functions must not refer to the snapshot: a reference cycle would stay in memory until it is collected
        cut[other] = partial(_places_of, self._place, columns, other, rows)
        return Ragged.group(_places_of(self._place, columns, end, rows), len(self), LazyColumns(cut))

    @cached_property
    def citations_received(self) -> Ragged:
        """Forward citations: ``citing`` (position, -1 outside), document, date, owner, subclass, field, origin."""
        return self._citations("cited", "citing", self._columns.by_cited)

    @cached_property
    def citations_made(self) -> Ragged:
        """Backward citations: ``cited`` (position, -1 outside), cited_document, date, origin."""
        return self._citations("citing", "cited", None)

    @cached_property
    def claims(self) -> Ragged:
        """The latest claim set of each patent: ``number``, ``independent``, ``length``, ``date``, ``row``."""
        return self._claim_set(np.maximum, np.datetime64("0001-01-01", "D"))

    @cached_property
    def first_claims(self) -> Ragged:
        """The earliest claim set of each patent, in the columns of :attr:`claims`; the same where it has one set."""
        return self._claim_set(np.minimum, np.datetime64("9999-12-31", "D"))

    def _claim_set(self, choose: np.ufunc, start: np.datetime64) -> Ragged:
        """The set of each patent whose date is the largest or smallest known."""
        columns = self._columns.claims
        place = self._place[columns["patent"]]
        rows = np.flatnonzero((columns["date"] <= self.date) & (place >= 0))
        patent, date = place[rows], columns["date"][rows]
        chosen = np.full(len(self), start)
        choose.at(chosen, patent, date)
        rows = rows[date == chosen[patent]]
        return Ragged.group(place[rows], len(self), {n: v[rows] for n, v in columns.items() if n != "patent"})

    def claim_texts(self, claims: Ragged | None = None) -> pa.Table:
        """Wording and language of the rows of a claim set, by default of :attr:`claims`."""
        return self._columns.claim_texts((self.claims if claims is None else claims)["row"])

    @cached_property
    def events(self) -> Events:
        """Legal events that are known and effective on the date."""
        columns, operators = self._columns.events
        place = self._place[columns["patent"]]
        known = columns[self.known]
        rows = np.flatnonzero((known <= self.date) & (columns["effective"] <= self.date) & (place >= 0))
        effective, detail = columns["effective"][rows], columns["detail"][rows]
        return Events(place[rows], effective, known[rows], operators.take(rows), detail)

    @cached_property
    def family(self) -> Ragged:
        """Offices in which each patent's family is published: ``office``, ``date``."""
        columns = self._columns.family_members
        known = np.flatnonzero(columns["date"] <= self.date)
        members = columns["family"][known]
        codes = self.patents["family"]
        low, high = np.searchsorted(members, codes, "left"), np.searchsorted(members, codes, "right")
        counts = np.where(codes == 0, 0, high - low)
        pointers = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = known[_spread(low, counts, pointers)]
        return Ragged(pointers, {name: columns[name][rows] for name in ("office", "date")})

    @cached_property
    def economics(self) -> Columns:
        """The latest row of each patent; NaN (empty text) where there is none."""
        columns = self._columns.economics
        place = self._place[columns["patent"]]
        rows = np.flatnonzero((columns["date"] <= self.date) & (place >= 0))
        latest = np.full(len(self), -1, np.int64)
        latest[place[rows]] = rows  # rows are sorted by date: the last one written is the latest
        return {name: _take(values, latest) for name, values in columns.items() if name != "patent"}

    @cached_property
    def transactions(self) -> Columns:
        """Deals known on the date in patents of the snapshot; ``patent`` is the position."""
        columns = self._columns.transactions
        place = self._place[columns["patent"]]
        rows = np.flatnonzero((columns["date"] <= self.date) & (place >= 0))
        return {name: place[rows] if name == "patent" else values[rows] for name, values in columns.items()}

    @cached_property
    def licences(self) -> Columns:
        """Royalty agreements known on the date: date, field, industry, rate, base, exclusive."""
        columns = self._columns.licences
        return {name: values[columns["date"] <= self.date] for name, values in columns.items()}

    def market(self, name: Literal["curves", "fx", "price_index"]) -> Columns:
        """Market data known on the date."""
        columns = self._columns.market(name)
        return {key: values[columns["date"] <= self.date] for key, values in columns.items()}

    def cached_of_book(self, function: Callable[[Snapshot], T]) -> tuple[T, Ints] | None:
        """Cached result of a function of the book's snapshot, and the rows of this part in it.

        None where this is not a part, or nothing is cached.
        """
        if self._book is None or function not in self._book._derived:
            return None
        return self._book._derived[function], np.searchsorted(self._book._rows, self._rows)


def derived(function: Callable[[Snapshot], T]) -> Callable[[Snapshot], T]:
    """Make a function of a snapshot cache its result with the snapshot (:meth:`Snapshot.derive`).

    Examples
    --------
    >>> import ipvalue as ipv
    >>> snapshot = ipv.synthetic_book(10, seed=1).as_of("2024-12-31")
    >>> numbers = iter(range(9))
    >>> asked = derived(lambda state: next(numbers))
    >>> asked(snapshot), asked(snapshot)
    (0, 0)
    """

    @wraps(function)
    def cached(snapshot: Snapshot) -> T:
        return snapshot.derive(function)

    return cached


def _places_of(place: Ints32, columns: LazyColumns, name: str, rows: Ints) -> Ints32:
    """Positions in the snapshot of the patents at one end of some citations."""
    return np.asarray(place[columns[name][rows]], np.int32)


def _rows_of(columns: LazyColumns, name: str, rows: Ints) -> Array:
    return columns[name][rows]


def _mask(columns: Columns, name: str, hide: Mask) -> None:
    values = columns[name].copy()
    values[hide] = _NOT_A_DATE if values.dtype.kind == "M" else "" if values.dtype.kind == "U" else np.nan
    columns[name] = values


def _take(values: Array, rows: Ints) -> Array:
    """Take rows, with a missing value where the row is -1."""
    missing: object = _NOT_A_DATE if values.dtype.kind == "M" else "" if values.dtype.kind == "U" else np.nan
    extended = np.append(values, np.array([missing], values.dtype))
    return extended[rows]


def _spread(low: Ints, counts: Ints, pointers: Ints) -> Ints:
    """Row numbers low[i], low[i] + 1, ... for each patent, one after the other."""
    return np.arange(pointers[-1]) + np.repeat(low - pointers[:-1], counts)


def _gather(pointers: Ints, columns: Columns, rows: Ints) -> Ragged:
    counts = np.diff(pointers)[rows]
    new = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    source = _spread(pointers[:-1][rows], counts, new)
    return Ragged(new, {name: values[source] for name, values in columns.items()})
