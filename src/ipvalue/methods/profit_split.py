"""Profit split: the owner's share of the profit, by a share rate between a floor and a ceiling that a score sets.

Formula. For revenue R, attribution a, operating margin m, tax t and score s (0 to 100)::

    share = floor + (ceiling - floor) * s / 100
    income = R * a * m * share * (1 - t)
    value  = (p * PV(income, r, n, growth g, decline d, mid-year) - fees * (1 - t)) * TAB

with p, n, g, d, r, fees and TAB as in relief from royalty (:mod:`ipvalue.methods.income`).

Source. Chinese asset valuation practice (share rate of profit, 利润分成率, set between two bounds by weighted
ratings of legal, technical and economic factors); IVS 210 (2022) on profit split; the score after GB/T
42748-2023, see :mod:`ipvalue.methods.indicators`.

Inputs. ``economics.revenue``; the margin from ``economics.margin``, else the industry's; floor and ceiling from
``profit_share`` of the assumptions; the score from the patent's features against the book's.

Assumes that profit is split between the bounds, and that the score ranks patents as negotiation would. Not to be
used as evidence in a US court: a starting split that is the same for all patents was rejected there (Uniloc v.
Microsoft, Fed. Cir. 2011).

Interval. Lognormal about the value; beside revenue, attribution and decline its variance has the uncertainty of
the margin (where it is not known) and that of a share which may lie anywhere between floor and ceiling on the
logarithmic scale: log(ceiling / floor) / sqrt(12). The score narrows nothing.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.methods.base import Estimate, State, Step
from ipvalue.methods.income import CARRIED, IncomeMethod, expectation_sources, expectations, margin_of, valuing_steps
from ipvalue.methods.indicators import Indicator, learn, recall, score, score_reason, share_rate

__all__ = ["ProfitSplit"]


class ProfitSplit(IncomeMethod):
    """A share of profit after tax, set by the scorecard's score between a floor and a ceiling.

    Parameters
    ----------
    indicators : tuple of Indicator, default ()
        The scorecard's table; empty for the default one.
    minimum_coverage : float, default 0.25
        Share of the indicators' weight that must be known for a score to count.
    tax_amortisation_benefit, fees, ramp
        As in :class:`~ipvalue.methods.income.IncomeMethod`.

    Examples
    --------
    >>> from ipvalue import ProfitSplit
    >>> ProfitSplit(minimum_coverage=0.5)
    ProfitSplit(minimum_coverage=0.5)
    """

    name: ClassVar[str] = "profit_split"
    approach: ClassVar[str] = "income"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of revenue, attribution, margin, share rate and decline, as assumed"
    steps: ClassVar[tuple[Step, ...]] = (
        *CARRIED,
        Step("margin", "operating margin before tax", "share of revenue"),
        Step("profit", "current_revenue * attribution * margin", "currency a year"),
        Step("coverage", "share of the indicators' weight that is known", "share"),
        Step("score", "weighted score of the known indicators", "0 to 100", "methods.indicators"),
        Step("share_rate", "floor + (ceiling - floor) * score / 100", "share of profit"),
        Step("tax", "tax rate on profit", "share", "assumptions.tax_rate"),
        Step("income", "max(profit * share_rate * (1 - tax), 0)", "currency a year"),
        *valuing_steps("income"),
    )

    indicators: tuple[Indicator, ...] = ()
    minimum_coverage: float = Field(default=0.25, ge=0, le=1)

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Store the scorecard's table, and the quantiles of the book's features for the ranks."""
        return learn(self.indicators, evidence)

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value the share of profit over the remaining life."""
        steps = expectations(subject, assumptions)
        points = score(*recall(state, subject))
        steps["margin"], known = margin_of(subject, assumptions)
        steps["profit"] = steps["current_revenue"] * steps["attribution"] * steps["margin"]
        steps["coverage"], steps["score"] = points["coverage"], points["score"]
        steps["share_rate"] = share_rate(points["score"], assumptions)
        steps["income"] = np.maximum(steps["profit"] * steps["share_rate"] * (1.0 - steps["tax"]), 0.0)
        bounds = assumptions.profit_share
        share_sd = np.log(bounds["ceiling"].value / bounds["floor"].value) / np.sqrt(12.0)
        profitable = steps["margin"] > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            margin_sd = np.where(profitable & ~known, assumptions.operating_margin_sd.value / steps["margin"], 0.0)
        unscored = score_reason(points["coverage"], self.minimum_coverage)
        return self.complete(
            steps,
            "income",
            subject,
            assumptions,
            spread=np.hypot(margin_sd, share_sd),
            refused=np.where(profitable, unscored, Reason.NO_EXCESS_INCOME).astype(np.int16),
        )

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        bounds = "; ".join(f"{name}: {figure.source}" for name, figure in assumptions.profit_share.items())
        return expectation_sources(subject, assumptions) | {"share_rate": bounds}
