"""Sensitivity of values to each assumption, and the unobservable inputs as IFRS 13 asks for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import AssumptionError
from ipvalue.methods.base import Step
from ipvalue.risk.scenarios import FigureShock, Scenario
from ipvalue.risk.stress import stressed_quantiles
from ipvalue.types import QUANTILE_NAMES, Floats
from ipvalue.worksheet import Worksheet

__all__ = ["moving", "tornado_table", "unobservable_inputs"]

_STEP = 0.10
_SHARES = (1.0, 0.5, 0.25, 0.1, 0.05)
_MOVES = "moves values"
_MEDIAN = QUANTILE_NAMES.index("q50")
# figures whose spread the set states: in log units, or in the unit of the figure
_OWN_LOG_SD = {"royalty_rate": "royalty_log_sd", "attribution": "attribution_log_sd"}
_OWN_SD = {"revenue_decline": "decline_sd", "operating_margin": "operating_margin_sd"}
_ENTERS_AT_FIT = ("deal_kind_factor", "grant_prior_weight", "method_correlation", "fx_usd")
_INPUT_UNITS = ("share", "per year", "years", "factor", "share of revenue", "per year to the root")


def tornado_table(sheet: Worksheet) -> pd.DataFrame:
    """Change of the sum of values of a sample as each figure of the assumptions is lowered and raised.

    Parameters
    ----------
    sheet : Worksheet
        Of the sample.

    Returns
    -------
    pandas.DataFrame
        One row a figure, the largest swing first: ``figure``, ``step`` (how it is moved), ``low`` and ``high`` (change
        of the sum as a share of it, with the figure lowered and raised), ``certainty`` and ``effect`` (what the figure
        does for this engine). Figures by field, office or kind move together.

    Notes
    -----
    A figure moves by 10 % of itself, or by the standard deviation that the set states for it; less where a bound
    of the set is nearer. What the engine learnt, and what ``economics`` gives in a figure's place, moves along
    (:meth:`ipvalue.ValuationEngine.with_assumptions`), as in a stress.
    """
    base = float(np.nansum(sheet.value))
    rows = []
    for name, certainty in _figures(sheet.model.assumptions):
        if name in _ENTERS_AT_FIT:
            effect = "enters when the engine is fitted or amounts are converted: fit and value again"
            rows.append((name, "not moved", np.nan, np.nan, certainty, effect))
            continue
        step, down, up = _moves(name, sheet.model.assumptions)
        (low, some), (high, much) = (_change(sheet, shock, base) for shock in (down, up))
        effect = "none on these values" if low == high == 0.0 else _MOVES + _cut(some, "lowered") + _cut(much, "raised")
        rows.append((name, step, low, high, certainty, effect))
    table = pd.DataFrame(rows, columns=["figure", "step", "low", "high", "certainty", "effect"])
    swing = table[["low", "high"]].abs().max(axis=1).fillna(-1.0)
    return table.iloc[np.argsort(-swing.to_numpy(), kind="stable")].reset_index(drop=True)


def moving(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of :func:`tornado_table` that move values."""
    return table[table["effect"].str.startswith(_MOVES)]


def _figures(assumptions: Assumptions) -> list[tuple[str, str]]:
    """Each figure's name, and how certain it is: all kinds that its entries have."""
    table = assumptions.table()
    groups = table.groupby(table["figure"].str.partition(".")[0], sort=False)["certainty"]
    return [(str(name), ", ".join(sorted(set(kinds)))) for name, kinds in groups]


def _moves(name: str, assumptions: Assumptions) -> tuple[str, FigureShock, FigureShock]:
    if name in _OWN_SD:
        sd = getattr(assumptions, _OWN_SD[name]).value
        down, up = (FigureShock(figure=name, by="add", amount=sign * sd) for sign in (-1.0, 1.0))
        return f"± {sd:.3g}, its own standard deviation", down, up
    if name in _OWN_LOG_SD:
        factor = float(np.exp(getattr(assumptions, _OWN_LOG_SD[name]).value))
        down, up = (FigureShock(figure=name, by="multiply", amount=f) for f in (1.0 / factor, factor))
        return f"times or over {factor:.3g}, its own standard deviation", down, up
    down, up = (FigureShock(figure=name, by="multiply", amount=1.0 + sign * _STEP) for sign in (-1.0, 1.0))
    return f"± {_STEP:.0%} of itself", down, up


def _cut(share: float, side: str) -> str:
    if share == 0.0:
        return f"; not {side}, since it stands at its bound"
    return "" if share == 1.0 else f"; {side} by {share:.0%} of the step only, short of its bound"


def _change(sheet: Worksheet, shock: FigureShock, base: float) -> tuple[float, float]:
    """Relative change of the sum, and the share of the shock that the set's bounds allow."""
    neutral = 0.0 if shock.by == "add" else 1.0
    for share in _SHARES:
        smaller = shock.model_copy(update={"amount": neutral + share * (shock.amount - neutral)})
        try:
            quantiles = stressed_quantiles(sheet.subject, sheet.model, Scenario(name=shock.figure, shocks=(smaller,)))
        except (AssumptionError, ValidationError):
            continue
        return float(np.nansum(quantiles[:, _MEDIAN])) / base - 1.0, share
    return 0.0, 0.0  # the figure is at its bound and cannot move in this direction


def unobservable_inputs(sheet: Worksheet) -> pd.DataFrame:
    """The unobservable (level 3) inputs of each method, with range and weighted average.

    Parameters
    ----------
    sheet : Worksheet
        Of the sample, with its steps.

    Returns
    -------
    pandas.DataFrame
        One row a method and input: ``method``, ``approach``, ``input``, ``unit``, ``patents``, ``low`` and
        ``high`` (range), ``weighted_average`` (by the method's value of the patent times its weight in the
        reconciled one), ``median``.

    References
    ----------
    IFRS 13 (2011), paragraphs 93(d), B6 and IE63: quantitative information on significant unobservable inputs.
    """
    rows = []
    for k, (method, estimate) in enumerate(zip(sheet.model.methods, sheet.estimates)):
        weight = np.nan_to_num(estimate.value * sheet.combined.weights[:, k])
        for step in method.steps:
            if _is_input(step) and step.name in estimate.details:
                found = _range(np.asarray(estimate.details[step.name], np.float64), weight)
                rows.append((method.name, method.approach, step.name, step.unit, *found))
    names = ["method", "approach", "input", "unit", "patents", "low", "high", "weighted_average", "median"]
    return pd.DataFrame(rows, columns=names)


def _is_input(step: Step) -> bool:
    """Rates, shares, lives and factors; and amounts a year that are not computed from other steps."""
    return step.unit in _INPUT_UNITS or (step.unit == "currency a year" and "*" not in step.formula)


def _range(values: Floats, weight: Floats) -> tuple[int, float, float, float, float]:
    use = np.isfinite(values) & (weight > 0)
    if not use.any():
        return 0, np.nan, np.nan, np.nan, np.nan
    chosen, w = values[use], weight[use]
    return (
        len(chosen),
        float(chosen.min()),
        float(chosen.max()),
        float((chosen * w).sum() / w.sum()),
        float(np.median(chosen)),
    )
