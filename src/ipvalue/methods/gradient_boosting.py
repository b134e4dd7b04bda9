"""Gradient boosting: trees on log prices with all features as inputs, and conformal intervals.

Formula. The target y is the log price per unit of remaining income (:mod:`ipvalue.evidence.remaining_life`). Trees
h(x) learn the log royalty income of the book's many patents with a known revenue from what is known of any patent
(:mod:`ipvalue.methods.boosting_inputs`). A line through the patent's own income where it is known, its age and h(x),
an effect of the technology field, and trees that learn the residual of the line from all features (squared error,
monotone in the features whose direction the catalogue states), give the location m(x); further trees give the scale
s(x) of the residual. The quantile of level q is::

    life factor * exp(m(x) + exp(s(x)) * Q_q(z))

with conformal quantiles Q_q of cross-fitted scores z, of all deals or of those of the patent's group
(:mod:`ipvalue.methods.boosting`): quantiles cannot cross. Without 200 known revenues the line is the mean, and the
trees alone explain the price.

Source. Ke et al. (2017), NeurIPS 30 (LightGBM); Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018),
JASA 113 (locally weighted split conformal); Barber, Candes, Ramdas and Tibshirani (2021), Annals of
Statistics 49 (cross-fitted residuals); Vovk, Gammerman and Shafer (2005) (calibration by group).

Inputs. At least ``minimum`` arm's-length prices of single patents in the book; revenues where there are any.

Assumes that deals of the past price the patents of today, and that sold patents price unsold ones. Not to be
used far outside the deals' features: trees do not extrapolate.

Interval. Covers the price at which the patent would be sold at arm's length; finite-sample coverage holds on
patents exchangeable with those sold, but for two things that have seen a little of what they are judged by: the
number of trees is chosen by the latest deals, and h(x) has seen the revenues of patents that it later values.

Another target than the price. :class:`ipvalue.methods.boosting.BoostedQuantiles` explains any target by any columns;
:func:`ipvalue.methods.boosting_target.explain_feature` explains a feature of the catalogue by the others.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.remaining_life import life_factor, life_reason
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.law.technology import sector_of
from ipvalue.methods.base import Estimate, Method, State, Step
from ipvalue.methods.boosting import BoostedQuantiles, Observations, Predicted, assemble, parsed, predict_columns
from ipvalue.methods.boosting_anchor import anchor_parts, anchor_slopes, effect_of
from ipvalue.methods.boosting_inputs import (
    ANCHORS,
    INCOME,
    anchors,
    design,
    design_columns,
    directions,
    filled,
    fit_income,
    input_names,
    usual_inputs,
)
from ipvalue.types import Floats, Ints

__all__ = ["GradientBoosting"]


class GradientBoosting(Method):
    """LightGBM on log prices with a location, a scale and conformal quantiles.

    Parameters
    ----------
    trees : int, default 300
        Most trees of the location; the latest deals choose how many. Small books take all of them, or a tenth
        where the book's revenues already explain much. The scale has a quarter, and learns three times as fast.
    income_trees : int, default 250
        Trees of the expected income.
    leaves : int, default 15
        Leaves of a tree.
    learning_rate : float, default 0.02
    penalty : float, default 20
        L2 penalty of a leaf, in deals.
    validation : float, default 0.2
        Share of the deals, the latest, by which the number of trees is chosen, where they are at least 100.
    calibrate_by : {None, 'field', 'sector'}, default None
        Groups with conformal quantiles of their own, where they have ``smallest_group`` deals.
    smallest_group : int, default 100
    features : tuple of str, optional
        Features or families to learn from; by default all that exist when it is fitted, including those of plug-ins. A
        fitted method uses the features that it learnt from, whatever is installed later.
    exclude : tuple of str, optional
        Features or families to leave out. The royalty income of a known revenue, from which the line is made, is
        always an input.
    folds : int, default 4
        Folds of the cross-fit, by patent.
    minimum : int, default 60
        Fewest deals to learn from.
    threads : int, default 1
        LightGBM threads; the result does not depend on them. Books of deals are small: more threads cost more
        than they give, and workers of a batch run side by side.
    seed : int, default 7

    Examples
    --------
    >>> from ipvalue import GradientBoosting
    >>> GradientBoosting(trees=100)
    GradientBoosting(trees=100)
    """

    name: ClassVar[str] = "gradient_boosting"
    approach: ClassVar[str] = "machine learning"  # type: ignore[assignment]
    covers: ClassVar[str] = "the price of an arm's-length sale, with conformal coverage on patents like those sold"
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "line",
            "a(x): line through own income, age and expected income, and effect of the field",
            "log currency a year",
        ),
        Step("trees", "t(x): the trees' correction of the line", "log units"),
        Step("log_price", "m(x) = line + trees: log price per unit of remaining income", "log currency a year"),
        Step("log_scale", "s(x): model of the log of the absolute residual", "log units"),
        Step("median_score", "median conformal score", "scales"),
        Step("life_factor", "present value of one unit a year over the remaining term", "years"),
        Step("estimate", "life_factor * exp(log_price + exp(log_scale) * median_score)", "currency"),
    )

    trees: int = Field(default=300, ge=10, le=5000)
    income_trees: int = Field(default=250, ge=10, le=5000)
    leaves: int = Field(default=15, ge=2, le=255)
    learning_rate: float = Field(default=0.02, gt=0, le=1)
    penalty: float = Field(default=20.0, ge=0)
    validation: float = Field(default=0.2, ge=0, le=0.5)
    calibrate_by: Literal["field", "sector"] | None = None
    smallest_group: int = Field(default=100, ge=19)
    features: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    folds: int = Field(default=4, ge=2, le=20)
    minimum: int = Field(default=60, ge=20)
    threads: int = Field(default=1, ge=1)
    seed: int = 7

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Fit expected income, location and scale, cross-fitted, and the quantiles of the conformal scores."""
        factor = life_factor(evidence.deals.subject, assumptions)
        deals, factor = evidence.deals.take(factor > 0), factor[factor > 0]
        if len(deals) < self.minimum:
            return State(numbers={"deals": float(len(deals))})
        sold = deals.subject
        names = input_names(self.features, self.exclude)
        income = fit_income(evidence, assumptions, names, trees=self.income_trees, threads=self.threads, seed=self.seed)
        texts = {} if income is None else {"income": income}
        matrix = design(sold, assumptions, names)
        usual = {"inputs": {"name": np.array(names, object), "median": usual_inputs(matrix)}}
        lines = anchors(sold, assumptions, self._expected(sold, State(texts=texts, tables=usual), assumptions))
        target = np.log(deals.price / factor)
        data = Observations(matrix, target, sold.patent_id, deals.date, lines, _field(sold), self._group(sold))
        learner = self._learner(anchored=income is not None)
        signs = directions(ANCHORS) if income is not None else ()
        state = learner.fit(data, names, directions=directions(names), anchor_directions=signs)
        numbers = {"deals": float(len(deals)), **state.numbers}
        return State(numbers=numbers, tables={**state.tables, **usual}, texts=texts | dict(state.texts))

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Predict location and scale of every patent that has remaining income."""
        n = len(subject)
        if "location" not in state.texts:
            return Estimate.refuse(n, Reason.TOO_FEW_DEALS)
        factor = life_factor(subject, assumptions)
        found = self._predict(subject, state, assumptions, np.flatnonzero(factor > 0))
        quantiles = factor[:, None] * np.exp(found.quantiles)
        details = {
            "line": found.line,
            "trees": found.trees,
            "log_price": found.location,
            "log_scale": found.log_scale,
            "median_score": found.scores[:, 2],
            "life_factor": factor,
            "estimate": quantiles[:, 2],
        }
        return Estimate.make(quantiles[:, 2], quantiles, life_reason(factor), details)

    def contributions(self, subject: Subject, state: State, assumptions: Assumptions) -> pd.DataFrame:
        """Contributions of each feature to the log price of each patent.

        Shapley contributions to the trees, and each feature's part of the line; the expected income's part is
        shared out by its own Shapley contributions.

        Returns
        -------
        pandas.DataFrame
            One row a patent; the columns, with ``baseline``, sum to ``log_price``.
        """
        matrix, names = np.column_stack(_columns(subject, state, assumptions)), list(_names(state))
        values = self._learner().contributions(matrix, state)
        table = pd.DataFrame(values, index=subject.patent_id, columns=[*names, "baseline"])
        lines = anchors(subject, assumptions, self._expected(subject, state, assumptions))
        parts = anchor_parts(state.tables["line"], lines)
        table["baseline"] += parts[:, 0]
        table["technology_field"] = table.get("technology_field", 0.0) + effect_of(
            state.tables["effects"], _field(subject)
        )
        if "income" in state.texts:
            slope = anchor_slopes(state.tables["line"], lines)[:, -1:]
            learnt = np.asarray(parsed(state.texts["income"]).predict(matrix, pred_contrib=True, num_threads=1))
            shares = slope * learnt[:, :-1]
            table[INCOME] += parts[:, 1]
            table["age"] = table.get("age", 0.0) + parts[:, 2]
            table[names] += shares
            # what lies between the mean of the expected income and the line's centre belongs to the baseline
            table["baseline"] += parts[:, 3] - shares.sum(axis=1)
        return table

    def _learner(self, *, anchored: bool = False) -> BoostedQuantiles:
        return BoostedQuantiles(
            trees=self.trees,
            fixed_trees=max(self.trees // 10, 10) if anchored else None,
            leaves=self.leaves,
            learning_rate=self.learning_rate,
            penalty=self.penalty,
            folds=self.folds,
            validation=self.validation,
            smallest_group=self.smallest_group,
            threads=self.threads,
            seed=self.seed,
        )

    def _group(self, subject: Subject) -> Ints:
        if self.calibrate_by is None:
            return np.zeros(len(subject), np.int64)
        return _field(subject) if self.calibrate_by == "field" else sector_of(subject.field).astype(np.int64)

    def _expected(self, subject: Subject, state: State, assumptions: Assumptions) -> Floats | None:
        if "income" not in state.texts:
            return None
        return predict_columns([state.texts["income"]], _columns(subject, state, assumptions), self.threads)[0]

    def _predict(self, subject: Subject, state: State, assumptions: Assumptions, rows: Ints) -> Predicted:
        """Predict some rows by all models in one pass; the others have no trees."""
        texts = [state.texts[name] for name in ("location", "scale", "income") if name in state.texts]
        columns = _columns(subject, state, assumptions)
        trees, log_scale, *income = predict_columns(texts, columns, self.threads, rows=rows)
        lines = anchors(subject, assumptions, income[0] if income else None)
        classes, group = _field(subject), self._group(subject)
        return assemble(trees, log_scale, state, anchors=lines, classes=classes, group=group)


def _columns(subject: Subject, state: State, assumptions: Assumptions) -> list[Floats]:
    return filled(design_columns(subject, assumptions, _names(state)), state.tables["inputs"]["median"])


def _names(state: State) -> tuple[str, ...]:
    """The inputs that were learnt from."""
    return tuple(str(name) for name in state.tables["inputs"]["name"])


def _field(subject: Subject) -> Ints:
    return subject.field.astype(np.int64)
