"""Review of overrides for model validation: number, size, bias, and overrides that need a second look.

Frequent or one-sided overrides show a weakness of the model, and guidance on model risk asks for their analysis. The
default limits are our own choice.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import bdtr

from ipvalue.errors import IpvalueError, Reason
from ipvalue.overrides.apply import restored
from ipvalue.overrides.log import override_log
from ipvalue.overrides.record import Overrides
from ipvalue.types import Floats, Ints
from ipvalue.values import Values

__all__ = ["WARNINGS", "OverrideReview", "review"]


WARNINGS = {
    "material": "value and model differ by more than the limit, either way",
    "outside_interval": "the value is outside the model's own 90 % interval",
    "no_model_value": "the model has no value to compare with",
    "no_approver": "nobody but the author has approved it",
    "long": "it is in force for longer than the limit",
    "expiring": "it expires within the limit: renew it, or the model's value returns",
}
"""Why an override needs a second look."""


@dataclass(frozen=True, repr=False)
class OverrideReview:
    """Tables on the overrides of a valuation.

    Attributes
    ----------
    summary : pandas.DataFrame
        ``measure`` and ``value``: counts, shares of patents and of the book's sum of medians, and the change that
        overrides make to it.
    sizes : pandas.DataFrame
        Quantiles of the model's value, of the override's and of their ratio.
    by_author : pandas.DataFrame
        One row an author, and one for all: overrides, sums of both values, how many go up and down, ``bias`` (mean log
        ratio; 0 without one), its standard error, and ``sign_test``, the two-sided p-value of these counts if both were
        equally likely.
    warnings : pandas.DataFrame
        Overrides in force that need a second look, largest difference first, with their warnings (:data:`WARNINGS`).
    expiring : pandas.DataFrame
        Those that expire within the limit, the first one first.
    not_applied : pandas.DataFrame
        How many are not applied, by status.
    """

    summary: pd.DataFrame
    sizes: pd.DataFrame
    by_author: pd.DataFrame
    warnings: pd.DataFrame
    expiring: pd.DataFrame
    not_applied: pd.DataFrame

    def __repr__(self) -> str:
        rows = [f"  {row.measure}: {row.value:,.4g}" for row in self.summary.itertuples()]
        return "\n".join(["Review of overrides", *rows, f"  that need a second look: {len(self.warnings):,}"])


def review(
    valuation: Values,
    overrides: Overrides | None = None,
    *,
    material: float = 0.5,
    expiring_days: int = 90,
    longest_days: int = 366,
) -> OverrideReview:
    """Analyse the overrides of a valuation.

    Parameters
    ----------
    valuation : Valuation
        With overrides.
    overrides : Overrides, optional
        Another set, as it would be applied; by default the valuation's own.
    material : float, default 0.5
        An override is material from a ratio of value and model of 1 + material, or its inverse, on.
    expiring_days, longest_days : int
        Days before expiry, and of the longest life, that a warning begins at.

    Returns
    -------
    OverrideReview

    References
    ----------
    Board of Governors of the Federal Reserve System (2011), SR 11-7: Guidance on Model Risk Management, section V;
    rescinded on 17 April 2026 and replaced by SR 26-2 / OCC Bulletin 2026-13.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(200, seed=7)
    >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> values = engine.value(book.as_of("2024-12-31"))
    >>> half = ipv.Override(patent_id=values.to_pandas()["value"].idxmax(), factor=0.5, author="A. Expert",
    ...                     reason="licence was cancelled", made_on="2024-11-30", expires_on="2025-02-28")
    >>> review(values.override(ipv.Overrides(items=[half]))).warnings["warnings"].tolist()
    ['material; no_approver; expiring']
    """
    if not (material > 0 and expiring_days >= 0 and longest_days > 0):
        raise IpvalueError("material and longest_days must be above 0, expiring_days 0 or more")
    log = override_log(valuation, overrides)
    log = log.assign(log_ratio=_log_ratio(log), days=_days(log["made_on"], log["expires_on"]))
    used = log[log["status"] == Reason.OVERRIDDEN.label]
    day = dt.date.fromisoformat(str(valuation.provenance["as_of"]))
    left = np.array([(one - day).days for one in used["expires_on"]], np.int64)
    others = log.loc[log["status"] != Reason.OVERRIDDEN.label].groupby(["status", "meaning"]).size()
    shown = ["patent_id", "model_value", "value", "ratio", "author", "approver", "reason", "made_on", "expires_on"]
    return OverrideReview(
        _summary(valuation, used),
        _sizes(used),
        _by_author(used),
        _warned(used, left, material, expiring_days, longest_days)[["warnings", *shown]],
        used.assign(days_left=left)[left <= expiring_days].sort_values(["expires_on", "patent_id"])[
            ["days_left", *shown]
        ],
        others.rename("overrides").reset_index(),
    )


def _summary(valuation: Values, used: pd.DataFrame) -> pd.DataFrame:
    model = restored(valuation).table.to_pandas().set_index("patent_id")["value"]
    whole, before, after = float(model.sum()), float(used["model_value"].sum()), float(used["value"].sum())
    book = whole - before + after
    rows = [
        ("overrides in force", len(used)),
        ("share of patents", len(used) / max(len(model), 1)),
        ("sum of the model's values", whole),
        ("sum of the values", book),
        ("change of the sum by overrides", after - before),
        ("change as a share of the model's sum", (after - before) / whole if whole else np.nan),
        ("overridden values as a share of the sum", after / book if book else np.nan),
        ("approved by a second person", int(used["approver"].notna().sum())),
    ]
    return pd.DataFrame(rows, columns=["measure", "value"])


def _sizes(used: pd.DataFrame) -> pd.DataFrame:
    levels = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]
    if not len(used):
        return pd.DataFrame()
    table = used[["model_value", "value", "ratio"]].astype(np.float64).quantile(levels)
    return table.rename_axis("quantile")


def _by_author(used: pd.DataFrame) -> pd.DataFrame:
    if not len(used):
        return pd.DataFrame()
    groups = [(str(name), group) for name, group in used.groupby("author", sort=True)]
    rows = [_bias(group) for _, group in [*groups, ("all", used)]]
    return pd.DataFrame(rows, index=pd.Index([name for name, _ in groups] + ["all"], name="author"))


def _bias(group: pd.DataFrame) -> dict[str, float]:
    """Bias of overrides: mean log ratio, and counts of those that go up and down with a sign test."""
    logs = group["log_ratio"].to_numpy(np.float64)
    logs = logs[np.isfinite(logs)]
    # a value of 0 has no logarithm, but counts as down
    up, down = int((group["ratio"] > 1).sum()), int((group["ratio"] < 1).sum())
    return {
        "overrides": len(group),
        "model": float(group["model_value"].sum()),
        "overridden": float(group["value"].sum()),
        "up": up,
        "down": down,
        "bias": float(logs.mean()) if len(logs) else np.nan,
        "standard_error": float(logs.std(ddof=1) / np.sqrt(len(logs))) if len(logs) > 1 else np.nan,
        "sign_test": min(1.0, 2.0 * float(bdtr(min(up, down), up + down, 0.5))) if up + down else np.nan,
    }


def _warned(used: pd.DataFrame, left: Ints, material: float, soon: int, longest: int) -> pd.DataFrame:
    ratio, value = used["ratio"].to_numpy(np.float64), used["value"].to_numpy(np.float64)
    low, high = (used[name].to_numpy(np.float64) for name in ("model_q05", "model_q95"))
    tests = {
        "material": (ratio >= 1.0 + material) | (ratio <= 1.0 / (1.0 + material)),
        "outside_interval": (value < low) | (value > high),
        "no_model_value": np.isnan(ratio),
        "no_approver": used["approver"].isna().to_numpy(bool),
        "long": used["days"].to_numpy(np.int64) > longest,
        "expiring": left <= soon,
    }
    marks = np.column_stack([tests[name] for name in WARNINGS])
    texts = ["; ".join(name for name, mark in zip(WARNINGS, row) if mark) for row in marks]
    size = (used["value"] - used["model_value"].fillna(0.0)).abs().to_numpy(np.float64)
    table = used.assign(warnings=np.array(texts, object), size=size)
    warned: pd.DataFrame = table.iloc[np.flatnonzero(marks.any(axis=1))]
    return warned.sort_values(["size", "patent_id"], ascending=[False, True])


def _log_ratio(log: pd.DataFrame) -> Floats:
    ratio = log["ratio"].to_numpy(np.float64)
    return np.log(np.where(ratio > 0, ratio, np.nan))


def _days(start: pd.Series, end: pd.Series) -> Ints:
    return np.array([(two - one).days for one, two in zip(start, end)], np.int64)
