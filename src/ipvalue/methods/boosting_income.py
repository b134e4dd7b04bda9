"""Expected income: what the patents whose revenue is known tell of those whose revenue is not.

A book holds few deals and many revenues. Trees learn the logarithm of the royalty income, as of the valuation date,
from every feature that is not itself of the economics table; prices are then explained by what a patent like this
one earns. Patents with deals are left out, so that a deal's expected income has not seen that patent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.methods.boosting_inputs import design, directions, explaining, present_income
from ipvalue.methods.boosting_trees import Floats, train
from ipvalue.types import Ints, Objects

__all__ = ["ANCHORS", "INCOME", "anchors", "fit_income"]

_FEWEST = 200
_MOST = 40_000
_LEARNING_RATE = 0.05
_LEAVES = 15
INCOME = "log_royalty_income"
_ECONOMICS = ("economics",)  # the family that would tell the income
ANCHORS = (INCOME, "age", "expected_income")


def fit_income(
    evidence: Evidence, assumptions: Assumptions, names: tuple[str, ...], *, trees: int, threads: int, seed: int
) -> str | None:
    """Learn the logarithm of the royalty income of living patents without deals.

    Parameters
    ----------
    evidence : Evidence
    assumptions : Assumptions
    names : tuple of str
        The inputs of the model.
    trees, threads, seed : int

    Returns
    -------
    str or None
        The model as LightGBM's text; None where fewer than 200 patents have a revenue.

    Notes
    -----
    At most 40,000 patents, those with the smallest hash of their identifiers.
    """
    subject = evidence.subject
    income = present_income(subject, assumptions)
    sold = pd.Series(subject.patent_id).isin(evidence.deals.subject.patent_id).to_numpy(np.bool_)
    living = (subject.features["alive"] == 1) & (life_factor(subject, assumptions) > 0)
    rows = np.flatnonzero(np.isfinite(income) & living & ~sold)
    if len(rows) < _FEWEST:
        return None
    rows = _sample(rows, subject.patent_id, seed)
    settings: dict[str, Any] = {
        "num_leaves": _LEAVES,
        "learning_rate": _LEARNING_RATE,
        "min_data_in_leaf": max(20, len(rows) // 250),
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "seed": seed,
        "num_threads": threads,
    }
    matrix = design(subject.take(rows), assumptions, names)
    # all models read the same columns, so that one pass serves them; a column without values is never split on
    matrix[:, ~np.isin(names, explaining(INCOME, _ECONOMICS))] = np.nan
    # LightGBM keeps targets in single precision: about their mean they round alike in every currency
    target = income[rows] - income[rows].mean()
    text: str = train(matrix, target, names, settings, trees, directions=directions(names)).model_to_string()
    return text


def _sample(rows: Ints, patent_id: Objects, seed: int) -> Ints:
    """The rows, or those with the smallest hashes where there are too many; in their order."""
    if len(rows) <= _MOST:
        return rows
    codes = pd.util.hash_array(patent_id[rows], hash_key=f"{seed:016d}"[:16], categorize=False)
    return rows[np.sort(np.argsort(codes, kind="stable")[:_MOST])]


def anchors(subject: Subject, assumptions: Assumptions, expected: Floats | None) -> Floats:
    """Columns of the price's line: income as of the date, age, expected income; none without a model of income.

    Parameters
    ----------
    subject : Subject
    assumptions : Assumptions
    expected : ndarray, shape (n,), or None

    Returns
    -------
    ndarray, shape (n, 3) or (n, 0)
    """
    if expected is None:
        return np.zeros((len(subject), 0))
    return np.column_stack([present_income(subject, assumptions), subject.features["age"], expected])
