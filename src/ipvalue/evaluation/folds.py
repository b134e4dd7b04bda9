"""Folds of a walk-forward backtest: what is valued at each date, and the price or true value it is compared with.

A fold has a date. The engine sees the book as known on that date. The test is what comes after it (deals), or what was
never shown to the engine (the true values of a synthetic book).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.artifacts import versions
from ipvalue.assumptions.sets import Assumptions
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BookError, require
from ipvalue.evaluation.metrics import quantiles_at
from ipvalue.evidence.currency import exchange_rate
from ipvalue.records.book import Book, Known, parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.synthetic.book import SyntheticBook
from ipvalue.types import QUANTILE_NAMES, Dates, Floats, Ints, Mask, Objects

__all__ = ["Cases", "QUANTILES", "Target", "deals_ahead", "fold_dates", "held_out", "walk"]

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
    """Each fold's date and the last day of its horizon, in years of 365.25 days.

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
    state, until
        Snapshot of the fold's date, and last day of the horizon; nothing known later is read.
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
    """Find the patents of a snapshot with a positive true value (``target``, by patent_id) and without a known deal."""
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


Target = Literal["deals", "truth"] | npt.ArrayLike
Walked = tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]
# quantiles of a valuation, and two more for the 80 % interval
QUANTILES = {"q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9, "q95": 0.95}


@dataclass(frozen=True)
class _Plan:
    """What is the same for all folds and engines."""

    book: Book
    target: str
    given: pd.Series[float] | None
    purge_days: int
    refit: bool
    known: Known


def walk(
    engines: Mapping[str, ValuationEngine],
    book: Book,
    dates: object,
    *,
    horizon_years: float,
    target: Target,
    purge_days: int,
    refit: bool,
    known: Known,
    minimum: int,
    workers: int,
) -> dict[str, Walked]:
    """Run engines over the same folds, with the parameters of :func:`ipvalue.backtest`.

    Returns table, folds and provenance of each engine, as :class:`~ipvalue.evaluation.backtest.Backtest` holds them.
    """
    require(book, Book, "book", "ipv.Book(patents=...)")
    for engine in engines.values():
        require(engine, ValuationEngine, "engine", "ValuationEngine([ReliefFromRoyalty()])")
    folds = fold_dates(dates, horizon_years)
    kind, given = _read_target(target, book)
    _check(engines, folds, purge_days, refit)
    plan = _Plan(book, kind, given, purge_days, refit, known)
    tasks = [(name, engine, *fold) for name, engine in engines.items() for fold in folds]
    parts = _run(plan, tasks, workers)
    result = {}
    for k, (name, engine) in enumerate(engines.items()):
        mine = parts[k * len(folds) : (k + 1) * len(folds)]
        report = pd.DataFrame([row for _, row in mine]).set_index("date")
        report["few"] = report["valued"] < minimum
        table = pd.concat([frame for frame, _ in mine], ignore_index=True)
        if not report["valued"].any():
            raise BookError(_nothing(report, kind))
        result[name] = table, report, _provenance(engine, plan, folds, horizon_years, minimum)
    return result


def _check(
    engines: Mapping[str, ValuationEngine],
    folds: list[tuple[np.datetime64, np.datetime64]],
    purge_days: int,
    refit: bool,
) -> None:
    if purge_days < 0:
        raise BookError(f"purge_days={purge_days}: it must not be negative")
    for engine in () if refit else engines.values():
        if np.datetime64(engine.fitted.as_of, "D") > folds[0][0]:
            raise BookError(
                f"the engine was fitted as of {engine.fitted.as_of}, after the first date {folds[0][0]}: it has seen "
                "the test; use refit=True, or an engine fitted before"
            )


def _read_target(target: Target, book: Book) -> tuple[str, pd.Series[float] | None]:
    """Name of the target, and values where the user gave them."""
    if isinstance(target, str):
        if target not in ("deals", "truth"):
            raise BookError(f"target={target!r}: it must be 'deals', 'truth' or values by patent")
        if target == "truth" and not isinstance(book, SyntheticBook):
            raise BookError("only a synthetic book knows its true values: use target='deals' or values by patent")
        return target, None
    if isinstance(target, pd.Series):
        if not target.index.is_unique:
            raise BookError("the target has the same patent_id twice")
        return "given values", target.astype(np.float64)
    values = np.asarray(target, np.float64)
    if values.shape != (len(book),):
        raise BookError(f"a target of shape {values.shape} does not fit a book of {len(book):,} patents")
    return "given values", pd.Series(values, index=book.patent_ids)


_Task = tuple[str, ValuationEngine, np.datetime64, np.datetime64]
_Part = tuple[pd.DataFrame, dict[str, Any]]


def _run(plan: _Plan, tasks: list[_Task], workers: int) -> list[_Part]:
    """Run the tasks, in several processes if wanted; the book is sent once to each."""
    count = min(max(workers, 1), len(tasks))
    if count == 1:
        return _do(plan, tasks)
    from joblib import Parallel, delayed

    # tasks of one date go to the same process where possible
    order = sorted(range(len(tasks)), key=lambda k: tasks[k][2])
    shares = [order[k * len(order) // count : (k + 1) * len(order) // count] for k in range(count)]
    parts = Parallel(n_jobs=count)(delayed(_do)(plan, [tasks[k] for k in share]) for share in shares)
    done = {k: part for share, found in zip(shares, parts) for k, part in zip(share, found)}
    return [done[k] for k in range(len(tasks))]


def _do(plan: _Plan, tasks: list[_Task]) -> list[_Part]:
    """Run tasks date by date, so that engines share the snapshot of each; results are in the order of the tasks."""
    done: dict[int, _Part] = {}
    state: Snapshot | None = None
    for k in sorted(range(len(tasks)), key=lambda k: tasks[k][2]):
        _, engine, date, until = tasks[k]
        # a reference held until the next date: the book gives all engines this snapshot, with its features
        state = plan.book.as_of(date, known=plan.known)
        done[k] = _fold(plan, engine, state, until)
    return [done[k] for k in range(len(tasks))]


def _fold(plan: _Plan, engine: ValuationEngine, state: Snapshot, until: np.datetime64) -> _Part:
    """Fit, value, and only then look ahead."""
    date = state.date
    fitted = engine.fit(plan.book, date, known=plan.known) if plan.refit else engine
    truth = _truth(plan.book, date, fitted.assumptions.currency)
    cases = _cases(plan, fitted, state, until, truth)
    frame = _values(fitted, state, cases.row)
    frame.insert(0, "date", np.full(len(frame), date).astype("datetime64[s]"))
    frame.insert(2, "target", cases.target)
    frame.insert(3, "target_date", cases.target_date.astype("datetime64[s]"))
    frame.insert(4, "truth", truth.reindex(frame["patent_id"]).to_numpy(np.float64))
    report = {
        "date": str(date),
        "until": str(until),
        "deals_learnt": fitted.fitted.deals,
        "found": cases.found,
        "unfiled": cases.unfiled,
        "purged": cases.purged,
        "judged": len(cases.row),
        "valued": int((frame["value"] > 0).sum()),
        "engine_hash": fitted.hash,
    }
    return frame, report


def _truth(book: Book, date: np.datetime64, currency: str) -> pd.Series[float]:
    """True values of a synthetic book on a date, where it has them; empty for other books."""
    if isinstance(book, SyntheticBook) and date <= book.until:
        return book.true_value(date, currency)
    return pd.Series(dtype=np.float64)


def _cases(
    plan: _Plan, engine: ValuationEngine, state: Snapshot, until: np.datetime64, truth: pd.Series[float]
) -> Cases:
    if plan.target == "deals":
        return deals_ahead(plan.book, state, until, engine.assumptions, known=plan.known, purge_days=plan.purge_days)
    return held_out(state, truth if plan.given is None else plan.given)


def _values(engine: ValuationEngine, state: Snapshot, rows: Ints) -> pd.DataFrame:
    """Values of some patents of a snapshot, with interpolated quantiles and the columns to group by."""
    chosen = state.select(rows)
    table = engine.work(chosen).table().to_pandas()
    quantiles = quantiles_at(table[list(QUANTILE_NAMES)].to_numpy(np.float64), list(QUANTILES.values()))
    columns = {"patent_id": table["patent_id"], "value": table["value"]}
    columns |= {name: quantiles[:, k] for k, name in enumerate(QUANTILES)}
    for name in engine.names:
        for part in ("value", "q05", "q95"):  # a method values as if granted
            columns[f"{part}_{name}"] = table[f"{part}_{name}"] * table["grant_probability"]
    columns |= {
        name: table[name] for name in ("log_sd", "disagreement", "grant_probability", "state", "reason", "grade")
    }
    columns |= {name: chosen.patents[name].astype(object) for name in ("jurisdiction", "right")}
    return pd.DataFrame(columns | {"field": chosen.field.astype(np.int64), "owner": chosen.owner})


def _nothing(report: pd.DataFrame, kind: str) -> str:
    found, judged = int(report["found"].sum()), int(report["judged"].sum())
    return (
        f"there is nothing to test: on {len(report)} date(s) from {report.index[0]}, {found:,} patents have a target "
        f"({kind}), {judged:,} of them are judged and none is valued; {int(report['purged'].sum()):,} were purged, "
        f"{int(report['unfiled'].sum()):,} not yet filed. Choose other dates or a longer horizon"
    )


def _provenance(
    engine: ValuationEngine,
    plan: _Plan,
    folds: list[tuple[np.datetime64, np.datetime64]],
    horizon_years: float,
    minimum: int,
) -> dict[str, Any]:
    return {
        "dates": [str(date) for date, _ in folds],
        "horizon_years": horizon_years,
        "target": plan.target,
        "purge_days": plan.purge_days,
        "refit": plan.refit,
        "known": plan.known,
        "minimum": minimum,
        "currency": engine.assumptions.currency,
        "methods": {m.name: m.model_dump(mode="json") for m in engine.methods},
        "reconciliation": engine.reconciliation.kind,
        "assumptions_hash": engine.assumptions.hash,
        "book": plan.book.fingerprint,
        "versions": versions(),
    }
