"""Explanation of one value: every quantity from input to result, as a table."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ipvalue.errors import BookError, Reason, explain_reason
from ipvalue.features.legal import legal_facts
from ipvalue.law.states import State as LegalState
from ipvalue.law.term import rule_ids
from ipvalue.methods.base import Estimate, Method
from ipvalue.reconcile.base import log_estimates, patterns, scores_of
from ipvalue.worksheet import Worksheet

__all__ = ["explain"]

Row = dict[str, Any]


def explain(sheet: Worksheet) -> pd.DataFrame:
    """Every quantity of one patent's worksheet, from input to result.

    Parameters
    ----------
    sheet : Worksheet
        Of one patent, with its steps, as :meth:`ipvalue.worksheet.Worksheet.one` gives it.

    Returns
    -------
    pandas.DataFrame
        One row a step: part, quantity, value, unit, how, source. The last row is the value itself.

    Raises
    ------
    BookError
        If the worksheet has more than one patent, or is not of a snapshot.
    """
    if len(sheet) != 1 or sheet.snapshot is None:
        raise BookError("explain takes the worksheet of one patent of a snapshot: worksheet.one(patent_id)")
    rows = _right(sheet)
    for method, estimate in zip(sheet.model.methods, sheet.estimates):
        rows += _method(sheet, method, estimate)
    rows += _reconciled(sheet)
    rows += _result(sheet)
    return pd.DataFrame(rows, columns=["part", "quantity", "value", "unit", "how", "source"])


def _right(sheet: Worksheet) -> list[Row]:
    subject, one = sheet.subject, sheet.snapshot
    assert one is not None
    features, legal = subject.features, legal_facts(one)
    rule = int(legal.term.rule[0])
    state = LegalState(int(features["legal_state"][0])).name.lower()
    return [
        _row("right", "patent", subject.patent_id[0], "", "", ""),
        _row("right", "valuation date", str(one.date), "day", "", ""),
        _row("right", "application date", str(one.patents["application_date"][0]), "day", "", "patents"),
        _row("right", "legal state", state, "", "register events and dates known on the date", "law.status"),
        _row("right", "end of term", str(legal.end[0]), "day", "statutory term, adjustment, extension", _rule(rule)),
        _row("right", "remaining term", features["remaining_term"][0], "years", "to the end of term", ""),
    ]


def _method(sheet: Worksheet, method: Method, estimate: Estimate) -> list[Row]:
    if estimate.reason[0] != 0:
        label = Reason(int(estimate.reason[0])).label
        return [_row(method.name, "no value", np.nan, "", explain_reason(label), label)]
    inputs = sheet.subject, sheet.model.state(method), sheet.model.assumptions
    sources = method.sources(*inputs)
    rows = [
        _row(method.name, s.name, estimate.details[s.name][0], s.unit, s.formula, sources.get(s.name, s.source))
        for s in method.steps
    ]
    for level, value in (("5 %", estimate.quantiles[0, 0]), ("95 %", estimate.quantiles[0, -1])):
        rows.append(_row(method.name, f"{level} quantile", value, "currency", method.covers, ""))
    appendix = method.appendix(*inputs)
    return rows + [_row(method.name, s.name, value, s.unit, s.formula, s.source) for s, value in appendix]


def _reconciled(sheet: Worksheet) -> list[Row]:
    combined, estimates = sheet.combined, list(sheet.estimates)
    if combined.reason[0] != 0:
        return []
    state = sheet.model.learnt.reconciliation
    errors, kind = state.tables["methods"], sheet.model.reconciliation.kind
    rows, row = [], partial(_row, "reconciliation")
    for k, name in enumerate(sheet.model.names):
        if combined.weights[0, k] > 0:
            deals = f"{int(errors['deals'][k])} deals out of sample"
            rows += [
                row(f"bias of {name}", errors["bias"][k], "log units", "mean log error", deals),
                row(f"inflation of {name}", errors["inflation"][k], "factor", "errors over interval", deals),
                row(f"weight of {name}", combined.weights[0, k], "share", kind, ""),
            ]
    score = scores_of(state, patterns(np.isfinite(log_estimates(estimates)[0])))[0, 2]
    return [
        *rows,
        row("log value", combined.log_value[0], "log units", "sum of weight * (log estimate + bias)", ""),
        row("disagreement", combined.disagreement[0], "log units", "weighted sd of log estimates", ""),
        row("log_sd", combined.log_sd[0], "log units", "model variance and excess spread", ""),
        row("median score", score, "deviations", "median standardised error on deals", ""),
        row("value on grant", combined.value[0], "currency", "exp(log value + log_sd * score)", ""),
    ]


def _result(sheet: Worksheet) -> list[Row]:
    result, reason, currency = sheet.result, sheet.reason, sheet.model.assumptions.currency
    how = "value on grant * probability of being a right"
    if reason[0] != 0:
        how = explain_reason(Reason(int(reason[0])).label)
    row, chance = partial(_row, "result"), result["grant_probability"][0]
    return [
        row("probability of grant", chance, "share", "1 granted, 0 dead", "evidence.grant_probability"),
        row("5 % quantile", sheet.quantiles.low[0], currency, how, ""),
        row("95 % quantile", sheet.quantiles.high[0], currency, how, ""),
        row("grade", str(result["grade"][0]), "", "A (best) to E: see worksheet.grade_of", ""),
        row("value", result["value"][0], currency, how, ""),
    ]


def _row(part: str, quantity: str, value: Any, unit: str, how: str, source: str) -> Row:
    return {"part": part, "quantity": quantity, "value": value, "unit": unit, "how": how, "source": source}


def _rule(rule: int) -> str:
    return "no rule" if rule < 0 else f"law.term rule {rule_ids()[rule]}"
