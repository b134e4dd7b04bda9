"""Walk-forward backtest: at each date an engine learns what was known then, and is tested on what came after.

At each date the engine is refitted with ``engine.fit(book, date)`` and values the book as of the date. Only then are
the values compared with prices of the following horizon, or with the true values of a synthetic book. Values are as of
the date; a price may be up to a horizon later, when the right is older.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.engine import ValuationEngine
from ipvalue.errors import BookError
from ipvalue.evaluation.folds import QUANTILES, Target, walk
from ipvalue.evaluation.metrics import calibration_by_segment, calibration_by_size, pinball
from ipvalue.evaluation.scores import Quoted, coverage_table, log_of, losses, pairwise_tests, score
from ipvalue.records.book import Book, Known
from ipvalue.types import Floats, Objects

__all__ = ["Backtest", "backtest"]

RECONCILED = "reconciled"


@dataclass(frozen=True, eq=False, repr=False)
class Backtest:
    """Values compared with what came after. Make one with :func:`ipvalue.backtest`.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a date and patent: ``date``, ``patent_id``, ``target`` (price or true value, in ``currency``),
        ``target_date``, ``truth`` (of a synthetic book on the date, else missing), ``value`` and ``q05`` to ``q95``,
        for each method ``value_<method>``, ``q05_<method>`` and ``q95_<method>`` (times the probability of grant, as
        the value is), ``reason``, and the segments ``jurisdiction``, ``right``, ``field``, ``grade``, ``state``,
        ``owner`` (a code; 0 unknown).
    folds : pandas.DataFrame
        One row a date: ``until``, ``deals_learnt``, ``found`` (patents with a target), ``unfiled``, ``purged``,
        ``judged``, ``valued``, ``few`` (fewer valued than ``minimum``), ``engine_hash``.
    provenance : dict
        How it was made.
    """

    table: pd.DataFrame
    folds: pd.DataFrame
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def methods(self) -> list[str]:
        """Names of the engine's methods."""
        return list(self.provenance["methods"])

    @property
    def clusters(self) -> Objects:
        """Clusters of the bootstrap and of tests: the owner, or the patent itself where no owner is known."""
        owner = self.table["owner"].to_numpy(np.int64)
        return np.where(owner == 0, self.table["patent_id"].to_numpy(object), owner.astype(str).astype(object))

    def quoted(self, name: str = RECONCILED) -> Quoted:
        """Value and ends of the 90 % interval by the engine (``'reconciled'``) or one of its methods."""
        end = "" if name == RECONCILED else f"_{name}"
        columns = {"value": f"value{end}", "low": f"q05{end}", "high": f"q95{end}"}
        return {part: self.table[column].to_numpy(np.float64) for part, column in columns.items()}

    def target(self, against: str = "target") -> Floats:
        """What values are compared with: ``'target'``, or ``'truth'`` of a synthetic book."""
        if against not in ("target", "truth"):
            raise ValueError(f"against={against!r}: it must be 'target' or 'truth'")
        return np.asarray(self.table[against].to_numpy(np.float64))

    def summary(
        self, *, against: str = "target", common: bool = False, draws: int = 500, seed: int = 0
    ) -> pd.DataFrame:
        """Score the engine and each of its methods.

        Parameters
        ----------
        against : {'target', 'truth'}
        common : bool, default False
            Only patents that every method values, so that scores are comparable.
        draws : int, default 500
            Of the bootstrap over owners; 0 leaves the intervals out.
        seed : int

        Returns
        -------
        pandas.DataFrame
            Indexed by ``value_by``; see :func:`ipvalue.evaluation.scores.score`.
        """
        names, target = [RECONCILED, *self.methods], self.target(against)
        if common:
            for name in names:
                target = np.where(self.quoted(name)["value"] > 0, target, np.nan)
        rows = [score(self.quoted(n), target, self.clusters, draws=draws, seed=seed) for n in names]
        return pd.DataFrame(rows, index=pd.Index(names, name="value_by"))

    def by(self, column: str, *, against: str = "target", draws: int = 0, seed: int = 0) -> pd.DataFrame:
        """Score the engine by segment: any column of the table, such as ``'jurisdiction'`` or ``'date'``."""
        self._known(column)
        target, rows = self.target(against), {}
        for label, places in sorted(self.table.groupby(column, sort=True).indices.items()):
            part = {name: values[places] for name, values in self.quoted().items()}
            rows[label] = score(part, target[places], self.clusters[places], draws=draws, seed=seed)
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(column)

    def coverage(self, *, against: str = "target", draws: int = 500, seed: int = 0) -> pd.DataFrame:
        """Coverage, width and score of the 50, 80 and 90 % intervals (see ``scores.coverage_table``)."""
        frame = self.table.assign(target=self.target(against))
        return coverage_table(frame, self.clusters, draws=draws, seed=seed)

    def calibration(self, by: str | None = None, *, against: str = "target", groups: int = 10) -> pd.DataFrame:
        """Mean values and targets by decile of the value, or by segment.

        Parameters
        ----------
        by : str, optional
            A column of the table; by default groups of equal number by the size of the value.
        against : {'target', 'truth'}
        groups : int, default 10

        Returns
        -------
        pandas.DataFrame
            See :func:`ipvalue.evaluation.metrics.calibration_by_size`.
        """
        value, target = self.quoted()["value"], self.target(against)
        if by is None:
            return pd.DataFrame(calibration_by_size(value, target, groups))
        self._known(by)
        return pd.DataFrame(calibration_by_segment(value, target, self.table[by].astype(str).to_numpy(str)))

    def pinball(self, *, against: str = "target") -> pd.DataFrame:
        """Mean pinball loss of log quantiles by level, and the share of targets below each quantile."""
        target = log_of(self.target(against))
        quantiles = log_of(self.table[list(QUANTILES)].to_numpy(np.float64))
        levels = np.array(list(QUANTILES.values()))
        known = np.isfinite(quantiles).all(axis=1) & np.isfinite(target)
        below = (target[known, None] <= quantiles[known]).mean(axis=0) if known.any() else np.full(len(levels), np.nan)
        return pd.DataFrame({"level": levels, "below": below, "pinball_log": pinball(quantiles, target, levels)})

    def tests(self, *, loss: str = "squared_log_error", against: str = "target") -> pd.DataFrame:
        """Diebold-Mariano tests between the engine and its methods, over owners (see ``scores.pairwise_tests``)."""
        target = self.target(against)
        columns = {name: losses(self.quoted(name), target, loss) for name in [RECONCILED, *self.methods]}
        return pairwise_tests(columns, self.clusters)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the table as one Parquet file, with folds and provenance in its metadata."""
        content = {"provenance": self.provenance, "folds": json.loads(self.folds.to_json(orient="records"))}
        table = pa.Table.from_pandas(self.table, preserve_index=False)
        metadata = (table.schema.metadata or {}) | {b"ipvalue": json.dumps(content, sort_keys=True).encode()}
        pq.write_table(table.replace_schema_metadata(metadata), os.fspath(path), compression="zstd")

    def _known(self, column: str) -> None:
        if column not in self.table.columns:
            raise BookError(f"the backtest has no column {column!r}; there are {', '.join(self.table.columns)}")

    def __repr__(self) -> str:
        p, folds = self.provenance, self.folds
        lines = [
            f"Backtest on {len(folds)} dates from {p['dates'][0]} to {p['dates'][-1]} against {p['target']}",
            f"  {int(folds['judged'].sum()):,} patents judged, {int(folds['valued'].sum()):,} of them valued; "
            f"{int(folds['purged'].sum()):,} purged, {int(folds['unfiled'].sum()):,} not yet filed",
        ]
        if few := folds.loc[folds["few"]].index.astype(str).tolist():
            lines.append(f"  fewer than {p['minimum']} valued on {len(few)} date(s): {', '.join(few[:5])}")
        total = score(self.quoted(), self.target(), self.clusters, draws=0, seed=0)
        lines.append(
            f"  log RMSE {total['log_rmse']:.3f}, bias {total['bias']:+.3f}, Spearman {total['spearman']:.3f}, "
            f"90 % interval covers {total['coverage_90']:.1%} and spans a factor of {total['width_90']:.1f}"
        )
        return "\n".join(lines)


def backtest(
    engine: ValuationEngine,
    book: Book,
    dates: object,
    *,
    horizon_years: float = 1.0,
    target: Target = "deals",
    purge_days: int = 365,
    refit: bool = True,
    known: Known = "announced",
    minimum: int = 20,
    workers: int = 1,
) -> Backtest:
    """Test an engine out of time: refit it at each date, value what is sold afterwards, compare with the price.

    Parameters
    ----------
    engine : ValuationEngine
    book : Book
    dates : sequence of date-like
        Rising.
    horizon_years : float, default 1.0
        Deals of so many years after each date are the test. Horizons that overlap count a deal more than once.
    target : {'deals', 'truth'} or array_like
        ``'deals'``: arm's-length sales of single patents. ``'truth'``: true values of a synthetic book on the date,
        for patents without a known deal. An array in the order of ``book.patent_ids``, or a Series indexed by
        patent_id: your own values, such as appraisals, the same at each date, in the engine's currency.
    purge_days : int, default 365
        A deal is left out if the patent was in an earlier one less than so many days before the date, or after it.
    refit : bool, default True
        Otherwise the engine stays as it was fitted, which must be as of the first date or before.
    known : {'announced', 'loaded'}
    minimum : int, default 20
        Folds with fewer valued patents are marked ``few``.
    workers : int, default 1
        Processes; results do not depend on it.

    Returns
    -------
    Backtest

    Raises
    ------
    BookError
        If the dates do not rise, ``target='truth'`` is asked of a book that is not synthetic, an engine that is not
        refitted has seen the test, or there is nothing to test on any date.

    Notes
    -----
    The book is as of each date, but the engine's assumptions are not. Those of a default set are mostly of 2024 to
    2026: at earlier dates they are hindsight. ``engine.assumptions.table()`` has the date of each figure.

    References
    ----------
    Tashman (2000), Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16(4); Lopez de
    Prado (2018), Advances in Financial Machine Learning, chapter 7 (purging).

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(1_000, seed=7)
    >>> test = ipv.backtest(ipv.ValuationEngine([ipv.ReliefFromRoyalty()]), book, ["2024-06-30"], target="truth")
    >>> bool(test.summary(draws=0).loc["reconciled", "spearman"] > 0.5)
    True
    """
    options = {"horizon_years": horizon_years, "purge_days": purge_days, "refit": refit, "known": known}
    found = walk({"": engine}, book, dates, target=target, minimum=minimum, workers=workers, **options)  # type: ignore[arg-type]
    return Backtest(*found[""])
