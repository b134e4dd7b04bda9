"""Run one or more engines over the folds of a backtest, in order or in several processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.artifacts import versions
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BookError, require
from ipvalue.evaluation.folds import Cases, deals_ahead, fold_dates, held_out
from ipvalue.evaluation.metrics import quantiles_at
from ipvalue.records.book import Book, Known
from ipvalue.records.snapshot import Snapshot
from ipvalue.synthetic.book import SyntheticBook
from ipvalue.types import QUANTILE_NAMES, Ints

__all__ = ["QUANTILES", "Target", "walk"]

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
    """Run engines over the same folds.

    Parameters
    ----------
    engines : mapping of str to ValuationEngine
    book, dates, horizon_years, target, purge_days, refit, known, minimum, workers
        As for :func:`ipvalue.backtest`.

    Returns
    -------
    dict of str to tuple
        Table, folds and provenance of each engine, as :class:`~ipvalue.evaluation.backtest.Backtest` holds them.
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
