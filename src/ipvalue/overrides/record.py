"""Sets of experts' overrides: versioned, hashed, and read from rows."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import pandas as pd
from pydantic import ValidationError, field_validator

from ipvalue.assumptions.figures import FigureSet
from ipvalue.errors import IpvalueError, OverrideError, Reason
from ipvalue.overrides.override import Override, fault, overlapping
from ipvalue.overrides.rows import read_rows

__all__ = ["Override", "Overrides", "OverridesRead", "given_set"]

_FORMULA = re.compile(r"^'*(?=[=+\-@\t\r\n])")


class OverridesRead(NamedTuple):
    """What :meth:`Overrides.from_table` read: the overrides, and the rows that were set aside."""

    overrides: Overrides
    rejects: pd.DataFrame


class Overrides(FigureSet):
    """A set of overrides, in one order whatever order they came in.

    Expired and withdrawn ones belong in it: what held last year must be found next year. No two overrides of one patent
    hold on one day.

    Attributes
    ----------
    name, version : str
    items : tuple of Override

    Examples
    --------
    >>> offer = Override(patent_id="CN-1", factor=0.5, author="A. Expert", reason="licence was cancelled",
    ...                  made_on="2024-06-30", expires_on="2025-06-30")
    >>> log = Overrides(name="2024", items=[offer])
    >>> Overrides.from_json(log.to_json()) == log, len(log), log.hash == Overrides(name="2024", items=(offer,)).hash
    (True, 1, True)
    >>> log.withdraw(offer.id, "2024-09-30").items[0].holds(dt.date(2024, 12, 31))
    False
    """

    fault: ClassVar[type[IpvalueError]] = OverrideError

    name: str = "overrides"
    version: str = "1"
    items: tuple[Override, ...] = ()

    @field_validator("items")
    @classmethod
    def _ordered(cls, items: tuple[Override, ...]) -> tuple[Override, ...]:
        twice = sorted({item.patent_id for item, overlaps in zip(items, overlapping(items)) if overlaps})
        if twice:
            raise fault(Reason.OVERRIDE_OVERLAPS, f"{twice[0]}: ")
        return tuple(sorted(items, key=lambda item: (item.patent_id, item.made_on, item.ends_on, item.id)))

    def __len__(self) -> int:
        return len(self.items)

    def add(self, *items: Override, version: str | None = None) -> Overrides:
        """The set with more overrides.

        Raises
        ------
        OverrideError
            If two overrides of a patent would hold on one day: withdraw the old one first.
        """
        return self._with((*self.items, *items), version)

    def withdraw(self, override_id: str, on: dt.date | str, *, version: str | None = None) -> Overrides:
        """The set in which one override is given up: it stays in the set, and no longer holds at the close of a day.

        Raises
        ------
        OverrideError
            If there is no such override, or it was made later.
        """
        if override_id not in {item.id for item in self.items}:
            raise OverrideError(f"there is no override {override_id!r} in {self.name!r}: see to_table() for their ids")
        changed = [item.model_dump() | ({"withdrawn_on": on} if item.id == override_id else {}) for item in self.items]
        return self._with(changed, version)

    def _with(self, items: Sequence[object], version: str | None) -> Overrides:
        try:
            return Overrides.model_validate({"name": self.name, "version": version or self.version, "items": items})
        except ValidationError as error:
            raise OverrideError(str(error.errors()[0]["msg"])) from error

    @classmethod
    def from_table(cls, data: object, *, name: str = "overrides", version: str = "1") -> OverridesRead:
        """Read overrides from rows: any table, or the path of a CSV or Parquet file.

        Parameters
        ----------
        data : table or path
            Columns by the names of :class:`Override`; patent_id, author, reason, made_on and expires_on are required.
        name, version : str
            Of the set.

        Returns
        -------
        OverridesRead
            ``overrides``, and ``rejects``: row, patent_id, column, code and message of each row that was set aside.
            Of overrides of one patent that hold on one day none is taken, as nobody knows which counts; of equal rows
            the first is.

        Raises
        ------
        SchemaError
            If it is no table, or a column is missing or unknown.
        OverrideError
            If the file can't be read.

        Examples
        --------
        >>> rows = {"patent_id": ["CN-1", "CN-2"], "factor": [0.5, 2.0], "author": ["A. Expert"] * 2,
        ...         "reason": ["licence was cancelled", "n/a"], "made_on": ["2024-06-30"] * 2,
        ...         "expires_on": ["2025-06-30"] * 2}
        >>> found = Overrides.from_table(rows)
        >>> len(found.overrides), found.rejects["code"].tolist()
        (1, ['override_unjustified'])
        """
        items, rejects = read_rows(data)
        return OverridesRead(cls(name=name, version=version, items=tuple(items)), rejects)

    def to_table(self) -> pd.DataFrame:
        """The overrides as rows, in the columns that :meth:`from_table` reads, with their ``id`` as index."""
        frame = pd.DataFrame([item.model_dump() for item in self.items], columns=list(Override.model_fields))
        return frame.set_index(pd.Index([item.id for item in self.items], name="id", dtype=object))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as a CSV file that :meth:`from_table` reads again, and that a spreadsheet runs nothing of.

        Text that begins like a formula gets an apostrophe in front, which :meth:`from_table` takes away again.

        Raises
        ------
        OverrideError
            If the file can't be written.
        """
        frame = self.to_table()
        for name in ("patent_id", "author", "reason", "approver", "reference"):
            frame[name] = [_FORMULA.sub(r"'\g<0>", text) if isinstance(text, str) else text for text in frame[name]]
        try:
            frame.to_csv(path, index=False)
        except OSError as error:
            raise OverrideError(f"{path} can't be written: {error}") from error


def given_set(given: object) -> Overrides:
    """The set that a call was given.

    Raises
    ------
    OverrideError
        If it is something else, such as a list of overrides.
    """
    if isinstance(given, Overrides):
        return given
    raise OverrideError(
        f"a set of overrides is needed, not a {type(given).__name__}: Overrides(items=[...]), "
        "Overrides.from_json(path), or Overrides.from_table(path).overrides"
    )
