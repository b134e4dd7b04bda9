"""Gradient boosting: what a tree ensemble learns of log prices from all features, with conformal intervals.

Formula. A LightGBM model m(x) of the log price per unit of remaining income (:mod:`ipvalue.methods.life`; squared
error, monotone in the features whose direction the catalogue states), and a second one s(x) of the logarithm of the
absolute residual. Both are cross-fitted: each deal's residual comes from a model that has not seen its patent. With
z = (log price - m) / exp(s) over all deals, the quantile of level q is::

    life factor * exp(m(x) + exp(s(x)) * Q_q(z))

with Q_q the empirical quantile of rank ceil(q (n + 1)) for q > 1/2, mirrored below: quantiles cannot cross.

Source. Ke et al. (2017), NeurIPS 30 (LightGBM); Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018),
JASA 113 (locally weighted split conformal); Barber, Candes, Ramdas and Tibshirani (2021), Annals of
Statistics 49 (cross-fitted residuals).

Inputs. At least ``minimum`` arm's-length prices of single patents in the book.

Assumes that deals of the past price the patents of today, and that sold patents price unsold ones. Not to be
used far outside the deals' features: trees do not extrapolate.

Interval. Covers the price at which the patent would be sold at arm's length; finite-sample coverage holds on
patents exchangeable with those sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from ipvalue.assumptions import Assumptions
from ipvalue.errors import MissingExtraError, Reason
from ipvalue.features import feature_catalogue
from ipvalue.finance.conformal import conformal_quantiles
from ipvalue.finance.distributions import LEVELS
from ipvalue.methods.base import Deals, Estimate, Evidence, Method, State, Step, Subject
from ipvalue.methods.life import life_factor, life_reason
from ipvalue.records.schema import RIGHTS

if TYPE_CHECKING:
    import lightgbm

__all__ = ["GradientBoosting"]

Floats = npt.NDArray[np.float64]

_OFFICES = ("CN", "US", "EP", "JP", "KR", "DE")
_INCOME = "log_royalty_income"
_EXTRA = (*(f"office_{name}" for name in _OFFICES), *(f"right_{name}" for name in RIGHTS[:3]), _INCOME)
_SMALLEST_RESIDUAL = 1e-3


def lightgbm_module() -> Any:
    """Import LightGBM, or say what to install.

    Raises
    ------
    MissingExtraError
        If LightGBM, or the system library libgomp that it needs, is missing.
    """
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"GradientBoosting needs LightGBM, which can't be loaded ({error}). Install it with "
            "'pip install lightgbm'; if libgomp is missing, install the system package libgomp1 (Debian, Ubuntu) "
            "or libgomp (Red Hat)."
        ) from error
    return lightgbm


class GradientBoosting(Method):
    """LightGBM on log prices with a location, a scale and conformal quantiles.

    Parameters
    ----------
    trees : int, default 250
        Trees of the location model; the scale model has a quarter of them, and learns three times as fast.
    leaves : int, default 15
        Leaves of a tree.
    learning_rate : float, default 0.03
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
        Step("log_price", "m(x): model of the log price per unit of remaining income", "log currency a year"),
        Step("log_scale", "s(x): model of the log of the absolute residual", "log units"),
        Step("median_score", "median conformal score", "scales"),
        Step("life_factor", "present value of one unit a year over the remaining term", "years"),
        Step("estimate", "life_factor * exp(log_price + exp(log_scale) * median_score)", "currency"),
    )

    trees: int = Field(default=250, ge=10, le=5000)
    leaves: int = Field(default=15, ge=2, le=255)
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    folds: int = Field(default=4, ge=2, le=20)
    minimum: int = Field(default=60, ge=20)
    threads: int = Field(default=1, ge=1)
    seed: int = 7

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Fit location and scale, cross-fitted, and keep the conformal scores' quantiles."""
        factor = life_factor(evidence.deals.subject, assumptions)
        deals, factor = evidence.deals.take(factor > 0), factor[factor > 0]
        if len(deals) < self.minimum:
            return State(numbers={"deals": float(len(deals))})
        matrix, target = design(deals.subject, assumptions), np.log(deals.price / factor)
        fold = _folds(deals, self.folds, self.seed)
        location = self._out_of_fold(matrix, target, fold, self.trees)
        spread = np.log(np.maximum(np.abs(target - location), _SMALLEST_RESIDUAL))
        scale = self._out_of_fold(matrix, spread, fold, self._scale_trees, location=False)
        scores = (target - location) / np.exp(scale)
        quantiles = conformal_quantiles(scores)
        return State(
            numbers={"deals": float(len(deals))},
            tables={"scores": {"level": np.array(LEVELS), "quantile": quantiles}},
            texts={
                "location": self._train(matrix, target, self.trees).model_to_string(),
                "scale": self._train(matrix, spread, self._scale_trees, location=False).model_to_string(),
            },
        )

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Predict location and scale of every patent."""
        n = len(subject)
        if "location" not in state.texts:
            return Estimate.refuse(n, Reason.TOO_FEW_DEALS)
        if n == 0:
            return Estimate.refuse(0, Reason.OK)
        matrix = design(subject, assumptions)
        location = self._predict(state.texts["location"], matrix)
        log_scale = self._predict(state.texts["scale"], matrix)
        scores = state.tables["scores"]["quantile"]
        factor = life_factor(subject, assumptions)
        quantiles = factor[:, None] * np.exp(location[:, None] + np.exp(log_scale)[:, None] * scores)
        details = {
            "log_price": location,
            "log_scale": log_scale,
            "median_score": np.full(n, scores[2]),
            "life_factor": factor,
            "estimate": quantiles[:, 2],
        }
        return Estimate.make(quantiles[:, 2], quantiles, life_reason(factor), details)

    def contributions(self, subject: Subject, state: State, assumptions: Assumptions) -> pd.DataFrame:
        """Shapley contributions of each feature to the log price, for the patents asked for.

        Returns
        -------
        pandas.DataFrame
            One row a patent; the columns, with ``baseline``, sum to ``log_price``.
        """
        booster = self._load(state.texts["location"])
        matrix = design(subject, assumptions)
        values = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=self.threads))
        return pd.DataFrame(values, index=subject.patent_id, columns=[*_names(), "baseline"])

    @property
    def _scale_trees(self) -> int:
        return max(self.trees // 4, 15)

    def _train(self, matrix: Floats, target: Floats, trees: int, *, location: bool = True) -> lightgbm.Booster:
        module = lightgbm_module()
        names = _names()
        directions = dict(feature_catalogue()[["name", "direction"]].itertuples(index=False, name=None))
        parameters = {
            "objective": "regression",
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate if location else min(3.0 * self.learning_rate, 1.0),
            "min_data_in_leaf": max(10, len(target) // 200),
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
            "verbosity": -1,
        }
        if location:
            parameters["monotone_constraints"] = [directions.get(n, 1 if n == _INCOME else 0) for n in names]
        data = module.Dataset(matrix, target, feature_name=list(names), free_raw_data=True)
        booster: lightgbm.Booster = module.train(parameters, data, num_boost_round=trees)
        return booster

    def _out_of_fold(
        self, matrix: Floats, target: Floats, fold: npt.NDArray[np.int64], trees: int, *, location: bool = True
    ) -> Floats:
        """Predict each deal by a model that has not seen its patent."""
        result = np.empty(len(target))
        for k in range(self.folds):
            held = fold == k
            booster = self._train(matrix[~held], target[~held], trees, location=location)
            result[held] = np.asarray(booster.predict(matrix[held], num_threads=self.threads), np.float64)
        return result

    def _load(self, text: str) -> lightgbm.Booster:
        booster: lightgbm.Booster = lightgbm_module().Booster(model_str=text)
        return booster

    def _predict(self, text: str, matrix: Floats) -> Floats:
        return np.asarray(self._load(text).predict(matrix, num_threads=self.threads), np.float64)


def _names() -> tuple[str, ...]:
    return (*feature_catalogue()["name"], *_EXTRA)


def design(subject: Subject, assumptions: Assumptions) -> Floats:
    """All features, office and right, and the royalty income that the patent's revenue stands for; NaN stays NaN.

    Parameters
    ----------
    subject : Subject
    assumptions : Assumptions
        Attribution and royalty rate where the bank gives none, as in relief from royalty.

    Returns
    -------
    ndarray, shape (n, features + 10)
    """
    given = subject.features
    share = np.where(np.isfinite(given["attribution"]), given["attribution"], assumptions.attribution.value)
    assumed = assumptions.by_field("royalty_rate", subject.field)
    rate = np.where(np.isfinite(given["royalty_rate"]), given["royalty_rate"], assumed)
    royalty = subject.money["revenue"] * share * rate
    with np.errstate(divide="ignore", invalid="ignore"):
        income = np.where(royalty > 0, np.log(royalty), np.nan)
    offices = [(subject.jurisdiction == name).astype(np.float64) for name in _OFFICES]
    rights = [(subject.right == name).astype(np.float64) for name in RIGHTS[:3]]
    return np.column_stack([given.matrix(feature_catalogue()["name"]), *offices, *rights, income])


def _folds(deals: Deals, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Fold of each deal by its patent's identifier, so that a patent sold twice is in one fold."""
    key = f"{seed:016d}"[:16]
    codes = pd.util.hash_array(deals.subject.patent_id, hash_key=key, categorize=False)
    return (codes % np.uint64(folds)).astype(np.int64)
