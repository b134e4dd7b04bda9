"""Folds of a walk-forward backtest: what is valued at each date, and the price or true value it is compared with.

A fold has a date. The engine sees the book as known on that date. The test is what comes after it (deals), or what was
never shown to the engine (the true values of a synthetic book).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import BookError
from ipvalue.evidence.currency import exchange_rate
from ipvalue.records.book import Book, Known, parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Dates, Floats, Ints, Mask, Objects

__all__ = ["Cases", "deals_ahead", "fold_dates", "held_out"]

_DAYS_A_YEAR = 365.25


class Cases(NamedTuple):
    """Patents of a fold that are tested, one element a patent, and counts of the others."""

    row: Ints
    """Position in the snapshot of the fold's date, rising."""
    target: Floats
    """Price or true value, in the engine's currency."""
    target_date: Dates
    """Day of the deal, or the fold's date."""
    found: int
    """Patents with a target, before any is left out."""
    unfiled: int
    """Left out because they were not yet filed on the date."""
    purged: int
    """Left out because an earlier deal of the patent is too near, or a deal of it was known."""


def fold_dates(dates: object, horizon_years: float) -> list[tuple[np.datetime64, np.datetime64]]:
    """Read the dates of a backtest: each fold's date and the last day of its horizon.

    Parameters
    ----------
    dates : iterable of date-like, or one
        Rising.
    horizon_years : float
        Years of 365.25 days, more than 0.

    Returns
    -------
    list of (datetime64[D], datetime64[D])

    Raises
    ------
    BookError
        If there is no date, the dates do not rise, or the horizon is not positive.

    Examples
    --------
    >>> [tuple(map(str, fold)) for fold in fold_dates(["2022-12-31", "2023-12-31"], 1.0)]
    [('2022-12-31', '2023-12-31'), ('2023-12-31', '2024-12-30')]
    """
    if not horizon_years > 0:
        raise BookError(f"horizon_years={horizon_years}: it must be more than 0")
    several = isinstance(dates, (list, tuple, np.ndarray, pd.Index, pd.Series))
    days = [parse_date(day) for day in (dates if several else [dates])]  # type: ignore[attr-defined]
    if not days:
        raise BookError("a backtest needs at least one date")
    for earlier, later in pairwise(days):
        if later <= earlier:
            raise BookError(f"the dates of a backtest must rise: {later} is not after {earlier}")
    length = np.timedelta64(max(round(horizon_years * _DAYS_A_YEAR), 1), "D")
    return [(day, day + length) for day in days]


def deals_ahead(
    book: Book,
    state: Snapshot,
    until: np.datetime64,
    assumptions: Assumptions,
    *,
    known: Known = "announced",
    purge_days: int = 365,
) -> Cases:
    """Find the arm's-length sales of single patents in the horizon after a snapshot.

    Parameters
    ----------
    book : Book
    state : Snapshot
        Of the fold's date.
    until : datetime64[D]
        Last day of the horizon; nothing known later is read.
    assumptions : Assumptions
        Currency, exchange rates, and factors between the prices of kinds of deals and of sales.
    known : {'announced', 'loaded'}
    purge_days : int, default 365
        A deal is left out if an earlier deal of the patent (of any kind) is less than so many days before the
        fold's date or after it: the engine may have learnt its price. A second deal in the horizon never counts.

    Returns
    -------
    Cases
        The price as if by sale; that of an application is its price as an application.
    """
    ahead = book.as_of(until, known=known)
    table = ahead.transactions
    rate = exchange_rate(ahead, assumptions, table["currency"], table["date"])
    price = np.asarray(table["price"] * rate / assumptions.by_key("deal_kind_factor", table["kind"]), np.float64)
    usable = table["arms_length"] & (price > 0) & np.isfinite(price) & (table["deal_patents"] == 1)
    wanted = np.flatnonzero(usable & (table["date"] > state.date))
    ids = ahead.patent_ids[table["patent"][wanted]]
    place, filed = _places(state.patent_ids, ids)
    before = _previous_deal(table["patent"], table["date"], price)[wanted]
    near = before > state.date - np.timedelta64(purge_days, "D")  # NaT is not near
    keep = np.flatnonzero(filed & ~near)
    keep = keep[np.argsort(place[keep], kind="stable")]
    rows = wanted[keep]
    return Cases(
        place[keep], price[rows], table["date"][rows], len(wanted), int((~filed).sum()), int((filed & near).sum())
    )


def held_out(state: Snapshot, target: pd.Series[float]) -> Cases:
    """Find the patents of a snapshot with a known true value and without a known deal.

    Parameters
    ----------
    state : Snapshot
        Of the fold's date.
    target : pandas.Series
        True values on that date by patent_id; patents without a positive one are left out.

    Returns
    -------
    Cases
    """
    true = target.reindex(state.patent_ids).to_numpy(np.float64)
    judged = np.isfinite(true) & (true > 0)
    dealt = np.zeros(len(state), bool)
    dealt[state.transactions["patent"]] = True
    row = np.flatnonzero(judged & ~dealt)
    dates = np.full(len(row), state.date)
    return Cases(row, np.asarray(true[row], np.float64), dates, int(judged.sum()), 0, int((judged & dealt).sum()))


def _places(ordered: Objects, wanted: Objects) -> tuple[Ints, Mask]:
    """Position of each identifier in a sorted column, and whether it is there."""
    if not len(ordered):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return place, np.asarray(ordered[place] == wanted, bool)


def _previous_deal(patent: npt.NDArray[np.integer], date: Dates, price: Floats) -> Dates:
    """Day of the patent's deal before each one, NaT where there is none; by price within a day."""
    order = np.lexsort((price, date, patent))
    same = np.append(False, np.diff(patent[order]) == 0) if len(order) else np.zeros(0, bool)
    result = np.full(len(patent), np.datetime64("NaT", "D"))
    result[order] = np.where(same, np.roll(date[order], 1), np.datetime64("NaT", "D"))
    return result
