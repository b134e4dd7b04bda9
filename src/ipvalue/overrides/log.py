"""Status of each override: the log of a valuation, and the last steps of an explanation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ipvalue.errors import REASONS, Reason
from ipvalue.overrides.apply import V, judge, model_of, provenance_of
from ipvalue.overrides.record import Overrides
from ipvalue.values import Values

__all__ = ["counted", "override_log", "override_steps", "overrides_of"]

_COLUMNS = ["patent_id", "status", "meaning", "model_value", "model_q05", "model_q95", "model_grade"]
_COLUMNS += ["value", "q05", "q95", "grade", "ratio"]
_ATTRIBUTES = ["author", "reason", "approver", "made_on", "expires_on", "withdrawn_on", "reference"]


def overrides_of(valuation: Values) -> Overrides:
    """The set of overrides of a valuation; empty without one."""
    content = valuation.provenance.get("overrides")
    if content is None:
        return Overrides()
    return Overrides.model_validate({name: content[name] for name in ("name", "version", "items")})


def counted(valuation: V) -> V:
    """The valuation with counts of its overrides by status, which parts of a batch do not have."""
    if "overrides" not in valuation.provenance:
        return valuation
    overrides = overrides_of(valuation)
    counts = provenance_of(overrides, judge(overrides, model_of(valuation)))
    return replace(valuation, provenance=valuation.provenance | {"overrides": counts})


def override_log(valuation: Values, overrides: Overrides | None = None) -> pd.DataFrame:
    """See :meth:`ipvalue.Valuation.override_log`."""
    chosen = overrides_of(valuation) if overrides is None else overrides
    model = model_of(valuation)
    judged = judge(chosen, model)
    at = np.where(judged.row < 0, len(model.value), judged.row)
    quantiles = np.vstack([model.quantiles, np.full((1, model.quantiles.shape[1]), np.nan)])[at]
    base = np.append(model.value, np.nan)[at]
    reasons = [Reason(int(code)) for code in judged.code]
    columns: dict[str, object] = {
        "patent_id": [item.patent_id for item in chosen.items],
        "status": [reason.label for reason in reasons],
        "meaning": [REASONS[reason] for reason in reasons],
        "model_value": base,
        "model_q05": quantiles[:, 0],
        "model_q95": quantiles[:, -1],
        "model_grade": np.append(model.grade, "")[at].astype(object),
        "value": judged.value,
        "q05": judged.quantiles[:, 0],
        "q95": judged.quantiles[:, -1],
        "grade": np.where(judged.applied, judged.grade, "").astype(object),
        "ratio": np.divide(judged.value, base, out=np.full(len(base), np.nan), where=base > 0),
    }
    columns |= {name: [getattr(item, name) for item in chosen.items] for name in _ATTRIBUTES}
    index = pd.Index([item.id for item in chosen.items], name="override_id", dtype=object)
    return pd.DataFrame(columns, index=index, columns=[*_COLUMNS, *_ATTRIBUTES])


def override_steps(valuation: Values, patent_id: str) -> pd.DataFrame:
    """The last steps of an explanation, from the model's value to the override's; no rows without one."""
    names = ["part", "quantity", "value", "unit", "how", "source"]
    log = override_log(valuation)
    log = log[(log["patent_id"] == patent_id) & (log["status"] == Reason.OVERRIDDEN.label)]
    if not len(log):
        return pd.DataFrame(columns=names)
    row = log.iloc[0]
    item = next(item for item in overrides_of(valuation).items if item.id == log.index[0])
    unit, source = str(valuation.provenance["currency"]), f"override {item.id}"
    how = "set by the author" if item.factor is None else "model value * factor"
    steps: list[tuple[str, object, str, str]] = [
        ("model value", row["model_value"], unit, "the value above, which the override replaces"),
        ("author", item.author, "", item.reason),
        ("approver", item.approver or "none", "", "second person" if item.approver else "nobody approved it"),
        ("made on", str(item.made_on), "day", "in force from the close of this day"),
        ("expires on", str(item.expires_on), "day", "not in force from the close of this day"),
        ("reference", item.reference or "none", "", "where the evidence is filed"),
    ]
    if item.factor is not None:
        steps.append(("factor", item.factor, "times", "set by the author"))
    interval = "set by the author" if item.low is not None else "in the model's ratio to the value"
    steps += [
        ("5 % quantile", row["q05"], unit, interval),
        ("95 % quantile", row["q95"], unit, interval),
        ("grade", row["grade"], "", "the model's, or worse: see overrides.apply"),
        ("value", row["value"], unit, how),
    ]
    rows = [("override", quantity, value, unit, how, source) for quantity, value, unit, how in steps]
    return pd.DataFrame(rows, columns=names)
