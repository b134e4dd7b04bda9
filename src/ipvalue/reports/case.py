"""Input of a dossier: the engine, the book, and the values that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic import BaseModel

from ipvalue.engine import ValuationEngine
from ipvalue.errors import IpvalueError
from ipvalue.evaluation.backtest import Backtest
from ipvalue.overrides.record import Overrides
from ipvalue.records.book import Book
from ipvalue.records.snapshot import Snapshot
from ipvalue.valuation import Valuation
from ipvalue.worksheet import Worksheet

__all__ = ["Case", "overrides_applied", "overrides_frame"]


@dataclass(frozen=True, eq=False)
class Case:
    """Input of a dossier.

    Attributes
    ----------
    engine : ValuationEngine
    book : Book or None
    as_of : numpy.datetime64
    valuation : Valuation or None
    backtest : Backtest or None
    purpose, owner : str
    limits : tuple of str
    overrides : pandas.DataFrame
        Rows handed in, whatever they say.
    overridden : Overrides or None
        The set that is applied to the values; None where there is none.
    sample : int
        Patents on which sensitivities are measured.
    """

    engine: ValuationEngine
    book: Book | None
    as_of: np.datetime64
    valuation: Valuation | None
    backtest: Backtest | None
    purpose: str
    owner: str
    limits: tuple[str, ...]
    overrides: pd.DataFrame
    overridden: Overrides | None
    sample: int

    @cached_property
    def state(self) -> Snapshot | None:
        """The book as of the date."""
        return None if self.book is None else self.book.as_of(self.as_of, known=self.engine.fitted.known)

    @cached_property
    def values(self) -> Valuation | None:
        """The valuation given, or the engine's of the book as of the date; with overrides, where there are any."""
        made = self.valuation
        if made is None and self.state is not None:
            made = self.engine.value(self.state)
        return made if made is None or self.overridden is None else made.override(self.overridden)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The values as a frame; without rows where there are none."""
        return pd.DataFrame() if self.values is None else self.values.to_pandas()

    @cached_property
    def model_frame(self) -> pd.DataFrame:
        """The model's own values as a frame, by which the model is judged."""
        return self.frame if self.values is None else self.values.without_overrides().to_pandas()

    @cached_property
    def sample_sheet(self) -> Worksheet | None:
        """Living patents, evenly spread over the book in the order of their values: at most ``sample``."""
        if self.state is None:
            return None
        value = self.model_frame["value"].reindex(pd.Index(self.state.patent_ids)).to_numpy(np.float64)
        alive = np.flatnonzero(value > 0)
        alive = alive[np.argsort(value[alive], kind="stable")]
        if len(alive) > self.sample:
            alive = alive[np.linspace(0, len(alive) - 1, self.sample).round().astype(np.int64)]
        part = self.state.select(np.sort(alive))
        return self.engine.work(part) if len(alive) else None

    @property
    def currency(self) -> str:
        """Currency of the values."""
        return self.engine.assumptions.currency

    @property
    def living(self) -> bool:
        """Whether any patent has a value above 0."""
        return bool(len(self.frame) and (self.frame["value"] > 0).any())


def overrides_frame(overrides: pd.DataFrame | Sequence[Mapping[str, object]] | Overrides | None) -> pd.DataFrame:
    """The rows of a log of overrides as a frame, whatever they were given as; a set that is applied has none."""
    if overrides is None or isinstance(overrides, Overrides):
        return pd.DataFrame()
    if isinstance(overrides, pd.DataFrame):
        return overrides
    if not isinstance(overrides, Sequence) or not all(isinstance(row, Mapping | BaseModel) for row in overrides):
        raise IpvalueError(
            f"overrides is a {type(overrides).__name__}: a set is applied (Overrides(items=[...]), or "
            "Overrides.from_table(path).overrides), a DataFrame or list of rows is shown as it is"
        )
    return pd.DataFrame([dict(row) for row in overrides])


def overrides_applied(given: object, valuation: Valuation | None) -> Overrides | None:
    """The set that is applied: the one given, or the valuation's own.

    Raises
    ------
    IpvalueError
        If they differ.
    """
    own = None if valuation is None or not len(valuation.overrides) else valuation.overrides
    if not isinstance(given, Overrides) or not len(given):
        return own
    if own is not None and own.hash != given.hash:
        raise IpvalueError(f"the valuation has the overrides {own.name!r}, not {given.name!r}: give one of them")
    return given
