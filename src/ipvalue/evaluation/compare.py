"""Several engines on the same folds, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ipvalue.engine import ValuationEngine
from ipvalue.errors import BookError, require
from ipvalue.evaluation.backtest import Backtest
from ipvalue.evaluation.folds import Target, walk
from ipvalue.evaluation.metrics import bootstrap_interval
from ipvalue.evaluation.scores import losses, pairwise_tests, score
from ipvalue.records.book import Book, Known
from ipvalue.types import Mask

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Engines tested on the same patents and dates. Make one with :func:`ipvalue.compare`.

    Attributes
    ----------
    backtests : dict of str to Backtest
        Of each engine by name; their rows are the same patents in the same order.
    """

    backtests: dict[str, Backtest]

    @property
    def names(self) -> list[str]:
        """Names of the engines in order; the others are compared with the first."""
        return list(self.backtests)

    @property
    def _first(self) -> Backtest:
        return self.backtests[self.names[0]]

    def common(self) -> Mask:
        """Rows that every engine values."""
        return np.asarray(np.all([test.quoted()["value"] > 0 for test in self.backtests.values()], axis=0), np.bool_)

    def summary(self, *, against: str = "target", common: bool = True, draws: int = 500, seed: int = 0) -> pd.DataFrame:
        """Score each engine, and its difference from the first.

        Parameters
        ----------
        against : {'target', 'truth'}
        common : bool, default True
            Only patents that every engine values; ``valued`` says how many each does.
        draws : int, default 500
            Of the bootstrap over owners; 0 leaves intervals out.
        seed : int

        Returns
        -------
        pandas.DataFrame
            One row an engine: ``valued``, the columns of :func:`ipvalue.evaluation.scores.score`, and
            ``log_rmse_difference`` and ``spearman_difference`` from the first engine.
        """
        use = self.common() if common else np.ones(len(self._first), bool)
        rows = []
        for test in self.backtests.values():
            target = np.where(use, test.target(against), np.nan)
            found = score(test.quoted(), target, test.clusters, draws=draws, seed=seed)
            rows.append({"valued": int((test.quoted()["value"] > 0).sum()), **found})
        table = pd.DataFrame(rows, index=pd.Index(self.names, name="engine"))
        for name in ("log_rmse", "spearman"):
            table[f"{name}_difference"] = table[name] - table[name].iloc[0]
        return table

    def losses(self, loss: str = "squared_log_error", *, against: str = "target") -> pd.DataFrame:
        """Loss of each patent by each engine, beside ``date`` and ``patent_id``; NaN where it is not valued."""
        columns = {n: losses(t.quoted(), t.target(against), loss) for n, t in self.backtests.items()}
        return self._first.table[["date", "patent_id"]].assign(**columns)

    def tests(
        self, *, loss: str = "squared_log_error", against: str = "target", draws: int = 500, seed: int = 0
    ) -> pd.DataFrame:
        """Test each pair of engines for equal loss (Diebold-Mariano over owners).

        Returns
        -------
        pandas.DataFrame
            The columns of :func:`ipvalue.evaluation.scores.pairwise_tests`, and ``low`` and ``high``: the bootstrap
            95 % interval of the difference.
        """
        frame, clusters = self.losses(loss, against=against), self._first.clusters
        table = pairwise_tests({name: frame[name].to_numpy(np.float64) for name in self.names}, clusters)
        ends = [
            bootstrap_interval(
                lambda gap: np.nanmean(gap, axis=-1),
                (frame[a] - frame[b]).to_numpy(np.float64)[known],
                clusters=clusters[known],
                draws=draws,
                seed=seed,
            )
            for a, b in zip(table["first"], table["second"])
            for known in [np.isfinite(frame[a] - frame[b]).to_numpy()]
        ]
        return table.assign(low=[e.low for e in ends], high=[e.high for e in ends])

    def coverage(self, *, against: str = "target", draws: int = 500, seed: int = 0) -> pd.DataFrame:
        """Coverage of each engine's intervals, one row an engine and level."""
        return self._stack({n: t.coverage(against=against, draws=draws, seed=seed) for n, t in self.backtests.items()})

    def calibration(self, by: str | None = None, *, against: str = "target", groups: int = 10) -> pd.DataFrame:
        """Calibration of each engine by decile or segment, one row an engine and group."""
        return self._stack({n: t.calibration(by, against=against, groups=groups) for n, t in self.backtests.items()})

    def _stack(self, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        return pd.concat([table.assign(engine=name) for name, table in tables.items()], ignore_index=True)

    def __repr__(self) -> str:
        table = self.summary(draws=0)
        columns = ["valued", "n", "log_rmse", "bias", "spearman", "crps_log", "coverage_90", "width_90"]
        p = self._first.provenance
        head = f"Comparison of {len(table)} engines on {len(p['dates'])} dates against {p['target']}"
        return f"{head}, where all have a value\n{table[columns].round(3).to_string()}"


def compare(
    engines: Mapping[str, ValuationEngine],
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
) -> Comparison:
    """Backtest several engines on the same folds.

    Parameters
    ----------
    engines : mapping of str to ValuationEngine
        By name; all of one currency.
    book, dates, horizon_years, target, purge_days, refit, known, minimum
        As for :func:`ipvalue.backtest`.
    workers : int, default 1
        Processes, over engines and dates; results do not depend on it.

    Returns
    -------
    Comparison

    Raises
    ------
    BookError
        If no engine is given, their currencies differ, or as :func:`ipvalue.backtest` does.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(1_000, seed=7)
    >>> engines = {name: ipv.ValuationEngine([kind()])
    ...            for name, kind in (("relief", ipv.ReliefFromRoyalty), ("cost", ipv.ReplacementCost))}
    >>> found = ipv.compare(engines, book, ["2024-06-30"], target="truth")
    >>> found.summary(draws=0)["spearman"].idxmax()
    'relief'
    """
    require(engines, Mapping, "engines", "{'income': engine, 'trees': other}")
    if not engines:
        raise BookError("compare needs at least one engine")
    for engine in engines.values():
        require(engine, ValuationEngine, "engine", "ValuationEngine([ReliefFromRoyalty()])")
    currencies = {name: engine.assumptions.currency for name, engine in engines.items()}
    if len(set(currencies.values())) > 1:
        raise BookError(f"engines of different currencies cannot be compared with one price: {currencies}")
    options = {"horizon_years": horizon_years, "purge_days": purge_days, "refit": refit, "known": known}
    found = walk(engines, book, dates, target=target, minimum=minimum, workers=workers, **options)  # type: ignore[arg-type]
    return Comparison({name: Backtest(*parts) for name, parts in found.items()})
