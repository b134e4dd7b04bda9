"""Sections on the model itself: assumptions, methods with their formulas, and what the engine learnt."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pandas as pd

from ipvalue.methods.base import Method, State
from ipvalue.reconcile import Reconciliation
from ipvalue.reports.blocks import Block, Formula, Section, Table, Text
from ipvalue.reports.case import Case

__all__ = ["assumptions", "learnt", "methods"]

_SHOWN = 40
_LARGEST = 60


def assumptions(case: Case) -> Section:
    """All figures of the assumptions with their sources."""
    figures = case.engine.assumptions.table()
    certainty = figures["certainty"].value_counts().rename_axis("certainty").rename("figures").to_frame()
    blocks: tuple[Block, ...] = (
        Text(
            f"Set {case.engine.assumptions.name!r} in {case.engine.assumptions.currency}. Certainty: published (the "
            "source states it), derived (computed from published figures), assumed (a choice, to be replaced "
            "by the bank's)."
        ),
        Table("How certain the figures are", certainty),
        Table("Figures", figures[["figure", "value", "unit", "date", "certainty", "source"]]),
    )
    return Section("assumptions", "Assumptions", blocks)


def methods(case: Case) -> Section:
    """Each method: what it is, its formula and source, its parameters and its arithmetic step by step."""
    blocks: list[Block] = []
    for method in case.engine.methods:
        title = f"{method.name} ({method.approach}): its interval covers {method.covers}."
        steps = [(s.name, s.formula, s.unit, s.source) for s in method.steps]
        blocks += [
            Text(title),
            Formula(_documentation(type(method))),
            Table(f"Parameters of {method.name}", _parameters(method), "it has none"),
            Table(
                f"Arithmetic of {method.name}", pd.DataFrame(steps, columns=["quantity", "formula", "unit", "source"])
            ),
        ]
    reconciliation = case.engine.reconciliation
    blocks += [
        Text(f"Reconciliation of the methods: {reconciliation.kind}."),
        Formula(_documentation(type(reconciliation))),
        Formula(inspect.getdoc(Reconciliation.combine) or ""),
        Table("Parameters of the reconciliation", _parameters(reconciliation), "it has none"),
    ]
    return Section("methods", "Methods and formulas", tuple(blocks))


def _documentation(kind: type) -> str:
    """The module's documentation: definition, formula, source and inputs; the class's where the module has none."""
    return inspect.getdoc(sys.modules[kind.__module__]) or inspect.getdoc(kind) or "not documented"


def _parameters(model: Method | Reconciliation) -> pd.DataFrame:
    rows = [
        (name, _short(getattr(model, name)), _short(info.default)) for name, info in type(model).model_fields.items()
    ]
    return pd.DataFrame(rows, columns=["parameter", "value", "default"])


def _short(value: object) -> object:
    text = str(value)
    return value if isinstance(value, bool | int | float) else text[:_LARGEST] + ("…" if len(text) > _LARGEST else "")


def learnt(case: Case) -> Section:
    """What the engine learnt from the book: states, errors on deals, correlations, weights, chances of grant."""
    fitted, engine = case.engine.fitted, case.engine
    state = fitted.reconciliation
    rates = pd.DataFrame(sorted(fitted.grant_rates.items()), columns=["office and right", "probability of grant"])
    correlation = pd.DataFrame(dict(state.tables["correlation"]), index=pd.Index(engine.names, name="method"))
    blocks: list[Block] = [
        Text(f"Fitted as of {fitted.as_of} on {fitted.deals:,} arm's-length deals of single patents."),
        Table("Errors of the methods on deals that they have not seen", pd.DataFrame(dict(state.tables["methods"]))),
        Table("Correlation of their errors", correlation),
        Table("Standardised quantiles of the reconciled error", pd.DataFrame(dict(state.tables["scores"]))),
        Table("Mean weights in values", _weights(case), "no values at hand"),
        Table("Chance of grant", rates, "none were learnt"),
    ]
    for name in engine.names:
        blocks += _state(name, fitted.states[name])
    return Section("learnt", "What the engine learnt", tuple(blocks))


def _weights(case: Case) -> pd.DataFrame:
    if not len(case.frame):
        return pd.DataFrame()
    weights = {n: case.frame[f"weight_{n}"].to_numpy(np.float64) for n in case.engine.names}
    use = {n: w[np.isfinite(w) & (w > 0)] for n, w in weights.items()}
    rows = [(n, len(w), w.mean() if len(w) else np.nan, *(_ends(w))) for n, w in use.items()]
    return pd.DataFrame(rows, columns=["method", "patents", "mean weight where used", "5 %", "95 %"])


def _ends(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [0.05, 0.95])
    return float(low), float(high)


def _state(name: str, state: State) -> list[Block]:
    """What a method learnt: all numbers, a summary of long tables, the size of texts."""
    numbers = pd.DataFrame(sorted(state.numbers.items()), columns=["number", "value"])
    blocks: list[Block] = []
    if len(numbers):
        blocks.append(Table(f"{name}: numbers", numbers))
    for table, columns in state.tables.items():
        frame = pd.DataFrame({key: np.asarray(values) for key, values in columns.items()})
        if len(frame) > _SHOWN:
            frame = frame.describe(include="all").transpose().rename_axis("column")
            blocks.append(Table(f"{name}: {table}, {len(next(iter(columns.values()))):,} rows, summarised", frame))
        elif len(frame):
            blocks.append(Table(f"{name}: {table}", frame))
    sizes = [(text, len(content), content.count("Tree=")) for text, content in sorted(state.texts.items())]
    if sizes:
        blocks.append(Table(f"{name}: models", pd.DataFrame(sizes, columns=["model", "characters", "trees"])))
    return blocks or [Text(f"{name} learns nothing from the book.")]
