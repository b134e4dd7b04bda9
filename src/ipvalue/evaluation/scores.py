"""Tables of scores of a backtest or a comparison, one row an engine or method."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.evaluation.metrics import (
    bias,
    bootstrap_interval,
    coverage,
    crps,
    diebold_mariano,
    gini,
    inside,
    interval_score,
    log_errors,
    log_rmse,
    log_width,
    median_ape,
    nan_mean,
    r2_log,
    spearman,
)
from ipvalue.types import Floats

__all__ = ["LOSSES", "Quoted", "coverage_table", "log_of", "losses", "pairwise_tests", "score"]

Quoted = Mapping[str, Floats]
"""Values to score: ``value``, ``low`` and ``high`` (5 and 95 % quantiles), one element a patent."""
LOSSES = ("squared_log_error", "absolute_log_error", "crps_log")
_POINTS = {"log_rmse": log_rmse, "bias": bias, "median_ape": median_ape, "spearman": spearman}
_INTERVALS = {0.5: ("q25", "q75"), 0.8: ("q10", "q90"), 0.9: ("q05", "q95")}


def score(quoted: Quoted, target: Floats, clusters: npt.ArrayLike, *, draws: int, seed: int) -> dict[str, float]:
    """Score an engine or method on the patents that it values and whose target is known.

    Returns
    -------
    dict of str to float
        ``n``, each metric, and the 95 % bootstrap interval of the main ones as ``<metric>_low`` and ``<metric>_high``
        (not with ``draws=0``); rows of one cluster are drawn together.
    """
    use = np.flatnonzero(np.isfinite(log_errors(quoted["value"], target)))
    value, low, high = (quoted[name][use] for name in ("value", "low", "high"))
    true, cluster = target[use], np.asarray(clusters)[use]
    row: dict[str, float] = {"n": len(use)}
    for name, metric in _POINTS.items():
        row |= _with_interval(name, metric, (value, true), cluster, draws, seed)
    row["gini"] = float(gini(value, true))
    row["r2_log"] = float(r2_log(value, true))
    row["crps_log"] = float(nan_mean(_crps_log(value, low, high, true)))
    row |= _with_interval("coverage_90", coverage, (low, high, true), cluster, draws, seed)
    row["width_90"] = float(np.exp(log_width(low, high)))
    return row


def _with_interval(
    name: str, metric: object, columns: tuple[Floats, ...], clusters: npt.ArrayLike, draws: int, seed: int
) -> dict[str, float]:
    found = bootstrap_interval(metric, *columns, clusters=clusters, draws=max(draws, 1), seed=seed)  # type: ignore[arg-type]
    row = {name: found.estimate}
    return row | {f"{name}_low": found.low, f"{name}_high": found.high} if draws else row


def coverage_table(frame: pd.DataFrame, clusters: npt.ArrayLike, *, draws: int, seed: int) -> pd.DataFrame:
    """Coverage, width and score of 50, 80 and 90 % intervals of a frame of ``q05`` to ``q95`` and ``target``.

    Returns
    -------
    pandas.DataFrame
        ``nominal``, ``observed`` with ``low`` and ``high`` (95 % interval), ``below`` and ``above`` (shares of targets
        outside on each side), ``factor`` (that the typical interval spans), ``interval_score_log``, ``n``.
    """
    target = frame["target"].to_numpy(np.float64)
    rows = []
    for nominal, ends in _INTERVALS.items():
        low, high = (frame[name].to_numpy(np.float64) for name in ends)
        usable = np.isfinite(log_errors(low, target))
        a, b, y = low[usable], high[usable], target[usable]
        found = bootstrap_interval(
            coverage, a, b, y, clusters=np.asarray(clusters)[usable], draws=max(draws, 1), seed=seed
        )
        winkler = interval_score(log_of(a), log_of(b), log_of(y), nominal)
        rows.append(
            {
                "nominal": nominal,
                "observed": found.estimate,
                "low": found.low,
                "high": found.high,
                "below": float(nan_mean((y < a).astype(np.float64))),
                "above": float(nan_mean((y > b).astype(np.float64))),
                "factor": float(np.exp(log_width(a, b))),
                "interval_score_log": float(nan_mean(winkler)),
                "n": int(np.isfinite(inside(a, b, y)).sum()),
            }
        )
    return pd.DataFrame(rows)


def losses(quoted: Quoted, target: Floats, loss: str) -> Floats:
    """Loss of each patent by the name in :data:`LOSSES`; NaN where it is not valued."""
    if loss not in LOSSES:
        raise ValueError(f"there is no loss {loss!r}; there are {', '.join(LOSSES)}")
    if loss == "crps_log":
        return _crps_log(quoted["value"], quoted["low"], quoted["high"], target)
    error = log_errors(quoted["value"], target)
    return error**2 if loss == "squared_log_error" else np.abs(error)


def pairwise_tests(columns: Mapping[str, Floats], clusters: npt.ArrayLike) -> pd.DataFrame:
    """Test each pair of engines or methods for equal loss, on the patents that both value.

    Returns
    -------
    pandas.DataFrame
        ``first``, ``second``, ``difference`` (mean loss of the first less that of the second: negative where the
        first is better), ``statistic``, ``p_value``, ``better`` (empty where the p-value is 5 % or more), ``n`` and
        ``clusters``.
    """
    names, cluster = list(columns), np.asarray(clusters)
    rows = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            found = diebold_mariano(columns[first], columns[second], clusters=cluster)
            better = first if found.difference < 0 else second
            rows.append(
                {
                    "first": first,
                    "second": second,
                    "difference": found.difference,
                    "statistic": found.statistic,
                    "p_value": found.p_value,
                    "better": better if found.p_value < 0.05 else "",
                    "n": int(np.isfinite(columns[first] - columns[second]).sum()),
                    "clusters": found.n,
                }
            )
    return pd.DataFrame(
        rows, columns=["first", "second", "difference", "statistic", "p_value", "better", "n", "clusters"]
    )


def log_of(values: Floats) -> Floats:
    """Logarithm; NaN of what is not positive."""
    return log_errors(values, np.ones(1))


def _crps_log(value: Floats, low: Floats, high: Floats, target: Floats) -> Floats:
    """CRPS of logarithms from the three quantiles that every method gives, so that scores are comparable."""
    return crps(log_of(np.column_stack([low, value, high])), log_of(target), (0.05, 0.5, 0.95))
