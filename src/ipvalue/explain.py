"""From input to result: every number of one value as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ipvalue.errors import Reason, explain_reason
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.subject import Subject
from ipvalue.features import Whole
from ipvalue.law.states import State as LegalState
from ipvalue.law.term import rule_ids
from ipvalue.methods.base import Estimate, Method
from ipvalue.reconcile.base import log_estimates, patterns, scores_of
from ipvalue.records.snapshot import Snapshot

if TYPE_CHECKING:
    from ipvalue.engine import ValuationEngine
    from ipvalue.reconcile import Reconciled

__all__ = ["Explainer"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Explainer:
    """What made the values of a snapshot; explains them: values one patent again, and writes every step down.

    A patent valued alone has the same bits as in the batch, so that the last line is the value itself.
    """

    engine: ValuationEngine
    snapshot: Snapshot
    whole: Whole

    def __call__(self, patent_id: str) -> pd.DataFrame:
        """Explain one patent's value; see :meth:`ipvalue.Valuation.explain`."""
        one, subject = self.alone(patent_id)
        estimates, combined = self.engine.estimate(subject)
        rows = self._right(one, subject)
        for method, estimate in zip(self.engine.methods, estimates):
            rows += self._method(method, estimate, subject)
        rows += self._reconciled(estimates, combined)
        rows += self._result(subject, estimates, combined)
        return pd.DataFrame(rows, columns=["part", "quantity", "value", "unit", "how", "source"])

    def alone(self, patent_id: str) -> tuple[Snapshot, Subject]:
        """One patent's rows of the snapshot, and what methods see of them.

        Raises
        ------
        BookError
            If there is no such patent.
        """
        one = self.snapshot.select(np.array([self.snapshot.position(patent_id)]))
        return one, prepare(one, self.engine.assumptions, self.whole)

    def _right(self, one: Snapshot, subject: Subject) -> list[Row]:
        features = subject.features
        from ipvalue.features.legal import legal_facts

        legal = legal_facts(one)
        rule = int(legal.term.rule[0])
        state = LegalState(int(features["legal_state"][0])).name.lower()
        return [
            _row("right", "patent", subject.patent_id[0], "", "", ""),
            _row("right", "valuation date", str(one.date), "day", "", ""),
            _row("right", "application date", str(one.patents["application_date"][0]), "day", "", "patents"),
            _row("right", "legal state", state, "", "register events and dates known on the date", "law.status"),
            _row(
                "right", "end of term", str(legal.end[0]), "day", "statutory term, adjustment, extension", _rule(rule)
            ),
            _row("right", "remaining term", features["remaining_term"][0], "years", "to the end of term", ""),
        ]

    def _method(self, method: Method, estimate: Estimate, subject: Subject) -> list[Row]:
        if estimate.reason[0] != 0:
            label = Reason(int(estimate.reason[0])).label
            return [_row(method.name, "no value", np.nan, "", explain_reason(label), label)]
        sources = method.sources(subject, self.engine.fitted.states[method.name], self.engine.assumptions)
        rows = [
            _row(method.name, s.name, estimate.details[s.name][0], s.unit, s.formula, sources.get(s.name, s.source))
            for s in method.steps
        ]
        for level, value in (("5 %", estimate.quantiles[0, 0]), ("95 %", estimate.quantiles[0, -1])):
            rows.append(_row(method.name, f"{level} quantile", value, "currency", method.covers, ""))
        appendix = method.appendix(subject, self.engine.fitted.states[method.name], self.engine.assumptions)
        return rows + [_row(method.name, s.name, value, s.unit, s.formula, s.source) for s, value in appendix]

    def _reconciled(self, estimates: list[Estimate], combined: Reconciled) -> list[Row]:
        if combined.reason[0] != 0:
            return []
        state = self.engine.fitted.reconciliation
        errors, kind = state.tables["methods"], self.engine.reconciliation.kind
        rows = []
        for k, name in enumerate(self.engine.names):
            if combined.weights[0, k] > 0:
                deals = f"{int(errors['deals'][k])} deals out of sample"
                rows += [
                    _row("reconciliation", f"bias of {name}", errors["bias"][k], "log units", "mean log error", deals),
                    _row(
                        "reconciliation",
                        f"inflation of {name}",
                        errors["inflation"][k],
                        "factor",
                        "errors over interval",
                        deals,
                    ),
                    _row("reconciliation", f"weight of {name}", combined.weights[0, k], "share", kind, ""),
                ]
        score = scores_of(state, patterns(np.isfinite(log_estimates(estimates)[0])))[0, 2]
        return [
            *rows,
            _row(
                "reconciliation",
                "log value",
                combined.log_value[0],
                "log units",
                "sum of weight * (log estimate + bias)",
                "",
            ),
            _row(
                "reconciliation",
                "disagreement",
                combined.disagreement[0],
                "log units",
                "weighted sd of log estimates",
                "",
            ),
            _row("reconciliation", "log_sd", combined.log_sd[0], "log units", "model variance and excess spread", ""),
            _row("reconciliation", "median score", score, "deviations", "median standardised error on deals", ""),
            _row(
                "reconciliation", "value on grant", combined.value[0], "currency", "exp(log value + log_sd * score)", ""
            ),
        ]

    def _result(self, subject: Subject, estimates: list[Estimate], combined: Reconciled) -> list[Row]:
        columns, reason = self.engine.finish(subject, estimates, combined)
        currency = self.engine.assumptions.currency
        how = "value on grant * probability of being a right"
        if reason[0] != 0:
            how = explain_reason(Reason(int(reason[0])).label)
        return [
            _row(
                "result",
                "probability of grant",
                columns["grant_probability"][0],
                "share",
                "1 granted, 0 dead",
                "features.grant",
            ),
            _row("result", "5 % quantile", columns["q05"][0], currency, how, ""),
            _row("result", "95 % quantile", columns["q95"][0], currency, how, ""),
            _row("result", "grade", str(columns["grade"][0]), "", "A (best) to E: see valuation.grade_of", ""),
            _row("result", "value", columns["value"][0], currency, how, ""),
        ]


def _row(part: str, quantity: str, value: Any, unit: str, how: str, source: str) -> Row:
    return {"part": part, "quantity": quantity, "value": value, "unit": unit, "how": how, "source": source}


def _rule(rule: int) -> str:
    return "no rule" if rule < 0 else f"law.term rule {rule_ids()[rule]}"
