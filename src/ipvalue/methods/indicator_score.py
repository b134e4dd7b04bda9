"""Scorecard: a patent's rating of 0 to 100, and the value of a royalty that the rating places in its statistics.

Formula. A score s of indicators (:mod:`ipvalue.methods.indicators`) places the royalty rate rho between two
quantiles of the industry's royalty statistics, lognormal with median M and spread sigma::

    level = low + (high - low) * s / 100         low 25 %, high 75 % by default: s = 50 gives the median
    rho   = M * exp(sigma * z(level))            z the standard normal quantile
    value = p * PV(R * a * rho * (1 - t), r, n, growth g, decline d, mid-year) * TAB

with R, a, t, p, n, g, d and r as in relief from royalty (:mod:`ipvalue.methods.income`); TAB is 1 by default,
since a lender does not amortise the patent. Renewal fees are left out.

Source. GB/T 42748-2023, Guidelines for patent evaluation (indicators, in force 1 September 2023), and the practice
that Chinese banks' internal valuation is published to follow: indicator score, CNIPA's royalty statistics of
2016 to 2020 by industry (11,371 contracts, 31,147 patents), the borrower's revenue and the remaining term. The
official weights and rates were not available: the default figures are marked 'assumed' or name another source, and a
bank loads its own (a table of indicators, and ``Assumptions.royalty_rate`` with keys as ``"industry:C39"`` for the
codes in its ``economics.industry``, or by technology field where the industry is not known).

Inputs. ``economics.revenue`` and ``economics.industry``, and features for a quarter of the indicators' weight.

Meaning of the score. A score is a rating, not a price: its scale has no unit of money, and a score of 80 is not worth
twice as much as one of 40. The amounts come from the borrower's revenue and the royalty statistics alone; the score
only chooses the quantile of these statistics. Without revenue there is no value, only the score.
Not to be used beside ReliefFromRoyalty as if it were independent evidence: both rest on the same revenue.

Interval. Lognormal about the value; beside revenue, attribution and decline its variance has the full spread of
the royalty statistics. There is no evidence that the score explains a part of it, so the score narrows nothing.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, model_validator
from scipy.special import ndtri

from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.methods.base import Estimate, Method, State, Step
from ipvalue.methods.income import CARRIED, complete, expectation_sources, expectations, valuing_steps
from ipvalue.methods.indicators import Indicator, learn, recall, score, score_reason, share_rate
from ipvalue.types import Floats, Texts

__all__ = ["IndicatorScore", "rating"]

_DIMENSIONS = ("legal", "technical", "economic")


def rating(points: Floats) -> Texts:
    """Grade of a score, in bands of 20 points: A from 80, B from 60, C from 40, D from 20, else E; '' where none.

    Examples
    --------
    >>> rating(np.array([95.0, 60.0, 12.0])).tolist()
    ['A', 'B', 'E']
    """
    bands = np.array(list("EDCBA"))[np.clip(np.nan_to_num(points) // 20.0, 0, 4).astype(np.int64)]
    return np.where(np.isnan(points), "", bands)


def _median_royalty(subject: Subject, assumptions: Assumptions) -> Floats:
    """Median royalty of the revenue's industry where the assumptions have one, else of the technology field."""
    # the prefix separates numeric industry codes from technology fields
    key = np.char.add("industry:", subject.money["industry"])
    named = np.isin(key, list(assumptions.royalty_rate))
    by_industry = assumptions.by_key("royalty_rate", key)
    return np.where(named, by_industry, assumptions.by_field("royalty_rate", subject.field))


class IndicatorScore(Method):
    """Legal, technical and economic indicators as a score, and the royalty that the score sets.

    Parameters
    ----------
    indicators : tuple of Indicator, default ()
        The scorecard's table (:func:`ipvalue.methods.indicators.read_indicators`); empty for the default one.
    low, high : float, default 0.25 and 0.75
        Quantiles of the royalty statistics at a score of 0 and of 100.
    minimum_coverage : float, default 0.25
        Share of the indicators' weight that must be known for a score to count.
    tax_amortisation_benefit : bool, default False
        Add the tax benefit of amortising the price.

    Examples
    --------
    >>> from ipvalue import IndicatorScore
    >>> IndicatorScore(high=0.9)
    IndicatorScore(high=0.9)
    """

    name: ClassVar[str] = "indicator_score"
    approach: ClassVar[str] = "scorecard"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of revenue, attribution and decline, and the full spread of royalty rates"
    steps: ClassVar[tuple[Step, ...]] = (
        Step("legal", "weighted score of the known legal indicators", "0 to 100", "methods.indicators"),
        Step("technical", "weighted score of the known technical indicators", "0 to 100", "methods.indicators"),
        Step("economic", "weighted score of the known economic indicators", "0 to 100", "methods.indicators"),
        Step("coverage", "share of the indicators' weight that is known", "share"),
        Step("score", "weighted score of the dimensions: a rating, not a price", "0 to 100"),
        Step("rating", "A from 80, B from 60, C from 40, D from 20, else E", "grade", "assumed bands"),
        Step("share_rate", "floor + (ceiling - floor) * score / 100, for a profit split; not used here", "share"),
        *CARRIED,
        Step(
            "median_royalty", "median of the royalty statistics of the industry, else of the field", "share of revenue"
        ),
        Step("royalty_rate", "median_royalty * exp(royalty_log_sd * z(low + (high - low) * score / 100))", "share"),
        Step("tax", "tax rate on royalties", "share", "assumptions.tax_rate"),
        Step("saving", "current_revenue * attribution * royalty_rate * (1 - tax)", "currency a year"),
        *valuing_steps("saving"),
    )

    indicators: tuple[Indicator, ...] = ()
    low: float = Field(default=0.25, gt=0, lt=1)
    high: float = Field(default=0.75, gt=0, lt=1)
    minimum_coverage: float = Field(default=0.25, ge=0, le=1)
    tax_amortisation_benefit: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> IndicatorScore:
        if self.low > self.high:
            raise ValueError(f"low={self.low} lies above high={self.high}: a better score must not lower the rate")
        return self

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Store the scorecard's table, and the quantiles of the book's features for the ranks."""
        return learn(self.indicators, evidence)

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value the royalty that the score sets, over the remaining life."""
        steps = expectations(subject, assumptions) | score(*recall(state, subject))
        points = steps["score"]
        steps["share_rate"] = share_rate(points, assumptions)
        steps["median_royalty"] = _median_royalty(subject, assumptions)
        spread = assumptions.royalty_log_sd.value
        level = self.low + (self.high - self.low) * points / 100.0
        steps["royalty_rate"] = steps["median_royalty"] * np.exp(spread * ndtri(level))
        royalty = steps["current_revenue"] * steps["attribution"] * steps["royalty_rate"]
        steps["saving"] = royalty * (1.0 - steps["tax"])
        return complete(
            self.steps,
            steps | {"rating": rating(points)},
            "saving",
            subject,
            assumptions,
            spread=np.full(len(subject), spread),
            amortise=self.tax_amortisation_benefit,
            refused=score_reason(steps["coverage"], self.minimum_coverage),
        )

    def scores(self, subject: Subject, state: State) -> pd.DataFrame:
        """Score, grade, coverage, dimensions and every indicator of each patent; no revenue is needed.

        Parameters
        ----------
        state : State
            What :meth:`fit` learnt.

        Returns
        -------
        DataFrame
            One row a patent; NaN where an indicator is missing.
        """
        rows, each = recall(state, subject)
        points = score(rows, each)
        columns = {"score": points["score"], "rating": rating(points["score"]), "coverage": points["coverage"]}
        columns |= {name: points[name] for name in _DIMENSIONS}
        return pd.DataFrame(columns | each, index=pd.Index(subject.patent_id, name="patent_id"))

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from, and which indicators are missing."""
        rows, each = recall(state, subject)
        missing = [row.indicator for row in rows if np.isnan(each[row.indicator][0])]
        table, field = assumptions.royalty_rate, str(subject.field[0])
        industry = f"industry:{subject.money['industry'][0]}"
        return expectation_sources(subject, assumptions) | {
            "coverage": f"missing: {', '.join(missing)}" if missing else "all indicators are known",
            "median_royalty": table.get(industry, table.get(field, table["default"])).source,
            "royalty_rate": assumptions.royalty_log_sd.source,
            "fees": "left out",
        }
