"""Boosted quantiles: any target explained by any columns, with conformal intervals that cannot cross.

Formula. With a line a(x) through a few anchor columns and the effect of the row's class
(:mod:`ipvalue.methods.boosting_anchor`; the mean alone where there are none),
trees t(x) fitted to the residual of the line, and trees s(x) fitted to the logarithm of the absolute
residual, the quantile of level q is::

    a(x) + t(x) + exp(s(x)) * Q_q(z)

where Q_q is the conformal quantile (rank ceil(q (n + 1)) above one half, mirrored below) of the scores
z = (y - a - t) / exp(s) of all observations, or of those of the row's group where that group has enough of them
(Mondrian). Every score comes from models that have not seen the observation, nor any other of the same key.

Number of trees. The latest observations (a fifth by default) are the validation part: trees are fitted on
the earlier ones, and the number of trees is the smallest one whose error on the validation part is within one standard
error of the best (Breiman, Friedman, Olshen and Stone, 1984). As many trees are then fitted on all observations. With
fewer than 100 observations in the validation part, the number is taken as given. Since the latest observations choose
this one integer, scores are exchangeable only up to that choice.

Source. Ke et al. (2017), NeurIPS 30 (LightGBM); Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), JASA 113
(locally weighted split conformal); Barber, Candes, Ramdas and Tibshirani (2021), Annals of Statistics 49
(cross-fitted residuals); Vovk, Gammerman and Shafer (2005), section 4.5 (groups).

Determinism. Every model is a LightGBM text. Training gives the same text for a seed on any number of threads, and a
prediction depends on its own row alone.

Not to be used far outside the observations: trees do not extrapolate, and the line extrapolates without any check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ipvalue.errors import MissingExtraError
from ipvalue.finance.conformal import conformal_quantiles, grouped_quantiles
from ipvalue.finance.distributions import LEVELS
from ipvalue.methods.base import State
from ipvalue.methods.boosting_anchor import anchor_line, class_effects, complete_rows, effect_of, fit_anchor, place_in
from ipvalue.types import Dates, Floats, Ints, Objects

if TYPE_CHECKING:
    import lightgbm

__all__ = [
    "BoostedQuantiles",
    "Floats",
    "Observations",
    "Predicted",
    "assemble",
    "fewest_within_error",
    "folds_of",
    "lightgbm_module",
    "parsed",
    "predict_columns",
    "train",
]

_BLOCK = 8192
_CACHED_MODELS = 32


def lightgbm_module() -> Any:
    """Import LightGBM; without it, raise with what to install.

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


@lru_cache(maxsize=_CACHED_MODELS)
def parsed(text: str) -> lightgbm.Booster:
    """Read a model from its text; cached, so that the shards of a batch share it."""
    booster: lightgbm.Booster = lightgbm_module().Booster(model_str=text)
    return booster


def train(
    matrix: Floats,
    target: Floats,
    names: Sequence[str],
    parameters: dict[str, Any],
    rounds: int,
    *,
    directions: Sequence[int] | None = None,
    check: tuple[Floats, Floats, int] | None = None,
) -> lightgbm.Booster:
    """Train trees by squared error.

    Parameters
    ----------
    matrix : ndarray, shape (n, k)
        NaN where missing; missing values are not filled in.
    target : ndarray, shape (n,)
    names : sequence of str, length k
    parameters : dict
        LightGBM's, besides those that make it deterministic.
    rounds : int
        Trees, at most.
    directions : sequence of int, length k, optional
        -1 falling, 1 rising, 0 free.
    check : tuple of (matrix, target, patience), optional
        Validation part: training ends when its squared error has not fallen for so many trees.
    """
    module = lightgbm_module()
    fixed = {"objective": "regression", "deterministic": True, "force_row_wise": True, "verbosity": -1}
    settings = fixed | parameters
    if directions is not None:
        settings["monotone_constraints"] = list(directions)
    data = module.Dataset(matrix, target, feature_name=list(names), free_raw_data=True)
    more: dict[str, Any] = {}
    if check is not None:
        held, truth, patience = check
        more = {
            "valid_sets": [data.create_valid(held, truth)],
            "callbacks": [module.early_stopping(patience, verbose=False)],
        }
    booster: lightgbm.Booster = module.train(settings, data, num_boost_round=rounds, **more)
    return booster


@lru_cache(maxsize=_CACHED_MODELS)
def _used(text: str) -> tuple[int, ...]:
    """Positions of the columns on which a model splits."""
    return tuple(np.flatnonzero(parsed(text).feature_importance()).tolist())


def predict_columns(
    texts: Sequence[str], columns: Sequence[Floats], threads: int = 1, *, rows: Ints | None = None
) -> list[Floats]:
    """Predict with several models of the same columns, from one pass over the rows.

    Parameters
    ----------
    texts : sequence of str
        Models in LightGBM's text format.
    columns : sequence of ndarray, each of shape (n,)
    threads : int, default 1
    rows : ndarray of int, optional
        Rows to predict, ascending; the others are NaN. All by default.

    Returns
    -------
    list of ndarray, shape (n,)
        One a model. A row's prediction does not depend on the rows beside it.
    """
    boosters = [parsed(text) for text in texts]
    used = sorted({k for text in texts for k in _used(text)})
    n = len(columns[0])
    chosen = np.arange(n) if rows is None else rows
    results = [np.full(n, np.nan) for _ in boosters]
    block = np.zeros((min(_BLOCK, len(chosen)), len(columns)))
    for begin in range(0, len(chosen), _BLOCK):
        some = chosen[begin : begin + _BLOCK]
        # a run of rows is a slice, which costs less to read than a list of rows
        place: Any = slice(some[0], some[-1] + 1) if some[-1] - some[0] + 1 == len(some) else some
        for k in used:
            block[: len(some), k] = columns[k][place]
        for booster, result in zip(boosters, results):
            result[place] = np.asarray(booster.predict(block[: len(some)], num_threads=threads))
    return results


@dataclass(frozen=True)
class Observations:
    """Observations to learn from; one element an observation.

    Attributes
    ----------
    matrix : ndarray, shape (n, k)
        Inputs; NaN where missing.
    target : ndarray, shape (n,)
    key : ndarray of str, shape (n,)
        Observations of one key (a patent sold twice) are never in different folds.
    date : ndarray of datetime64, shape (n,)
        By which the latest are found.
    anchors : ndarray, shape (n, m)
        Columns of the line; NaN where unknown.
    classes : ndarray of int, shape (n,)
        Class whose effect is added to the line, 0 or more; all the same where there is none.
    group : ndarray of int, shape (n,)
        Group of the calibration, 0 or more.
    """

    matrix: Floats
    target: Floats
    key: Objects
    date: Dates
    anchors: Floats
    classes: Ints
    group: Ints

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: npt.NDArray[Any]) -> Observations:
        """Keep some observations."""
        parts = (self.matrix, self.target, self.key, self.date, self.anchors, self.classes, self.group)
        return Observations(*(part[rows] for part in parts))

    @classmethod
    def plain(cls, matrix: Floats, target: Floats, key: Objects) -> Observations:
        """Observations without anchors, classes and groups, in the order of time."""
        n = len(target)
        date = np.arange(n).astype("datetime64[D]")
        return cls(matrix, target, key, date, np.zeros((n, 0)), np.zeros(n, np.int64), np.zeros(n, np.int64))


@dataclass(frozen=True)
class Predicted:
    """Line, trees, log scale and conformal quantiles of the score, one element (or row) a patent."""

    line: Floats
    trees: Floats
    log_scale: Floats
    scores: Floats

    @property
    def location(self) -> Floats:
        """Line and trees together."""
        return self.line + self.trees

    @property
    def quantiles(self) -> Floats:
        """Quantiles of the target, shape (n, 5), at the library's levels."""
        return self.location[:, None] + np.exp(self.log_scale)[:, None] * self.scores


def folds_of(key: Objects, folds: int, seed: int) -> Ints:
    """Fold of each observation by its key, so that one key is in one fold."""
    codes = pd.util.hash_array(key, hash_key=f"{seed:016d}"[:16], categorize=False)
    return (codes % np.uint64(folds)).astype(np.int64)


def fewest_within_error(numbers: Ints, errors: Floats) -> int:
    """Smallest number whose mean error is within one standard error of that of the last.

    Parameters
    ----------
    numbers : ndarray of int, shape (m,)
        Ascending; the last is the one with the least mean error.
    errors : ndarray, shape (m, n)
        Squared error of each validation observation.

    Notes
    -----
    The standard error is that of the mean of the paired differences.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, section 3.4.3.

    Examples
    --------
    >>> fewest_within_error(np.array([1, 2, 3]), np.array([[9.0, 9.0, 8.0], [1.0, 2.0, 1.5], [1.1, 1.7, 1.5]]))
    2
    """
    more = errors - errors[-1]
    error = more.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])
    return int(numbers[np.flatnonzero(more.mean(axis=1) <= error)[0]])


_SMALLEST_RESIDUAL = 1e-3
_POOLED = -1
_STEPS = 40
_QUANTILES = tuple(f"q{round(100 * level):02d}" for level in LEVELS)


class _Design(NamedTuple):
    """Names and directions of the columns, and directions of the anchors."""

    names: Sequence[str]
    directions: Sequence[int] | None
    anchor_directions: Sequence[int]


class BoostedQuantiles(BaseModel):
    """A learner of any numeric target: frozen parameters, ``fit`` to a state, ``predict`` from it.

    Parameters
    ----------
    trees : int, default 300
        Most trees of the location. The scale has a quarter of this number, and learns three times as fast.
    fixed_trees : int, optional
        Trees of the location where the validation part is too small to choose; ``trees`` by default.
    leaves : int, default 15
    learning_rate : float, default 0.02
    penalty : float, default 20
        L2 penalty of a leaf, in observations.
    folds : int, default 4
        Folds of the cross-fit, by key.
    validation : float, default 0.2
        Share of the observations, the latest, by which the number of trees is chosen; 0 for the number as given.
    smallest_validation : int, default 100
        Fewest observations of that part.
    patience : int, default 60
        Trees after which the search ends when none was better.
    smallest_group : int, default 100
        Fewest scores of a group that is calibrated on its own (19 is what finite-sample coverage needs; with 100,
        coverage of 90 % has a standard error of 3 points).
    threads : int, default 1
        LightGBM threads; the result does not depend on them.
    seed : int, default 7

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> x = random.uniform(0, 1, (800, 2))
    >>> y = np.sin(6 * x[:, 0]) + (0.1 + x[:, 1]) * random.standard_normal(800)
    >>> learner, names = BoostedQuantiles(trees=100, learning_rate=0.1), ("first", "second")
    >>> state = learner.fit(Observations.plain(x, y, np.arange(800).astype(str).astype(object)), names)
    >>> quantiles = learner.predict([np.array([0.25, 0.25]), np.array([0.05, 0.95])], state).quantiles
    >>> width = quantiles[:, 4] - quantiles[:, 0]
    >>> bool(width[1] > 2 * width[0])
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trees: int = Field(default=300, ge=10, le=5000)
    fixed_trees: int | None = Field(default=None, ge=1, le=5000)
    leaves: int = Field(default=15, ge=2, le=255)
    learning_rate: float = Field(default=0.02, gt=0, le=1)
    penalty: float = Field(default=20.0, ge=0)
    folds: int = Field(default=4, ge=2, le=20)
    validation: float = Field(default=0.2, ge=0, le=0.5)
    smallest_validation: int = Field(default=100, ge=10)
    patience: int = Field(default=60, ge=1)
    smallest_group: int = Field(default=100, ge=19)
    threads: int = Field(default=1, ge=1)
    seed: int = 7

    def fit(
        self,
        data: Observations,
        names: Sequence[str],
        *,
        directions: Sequence[int] | None = None,
        anchor_directions: Sequence[int] = (),
    ) -> State:
        """Learn line, trees, scale and the scores' quantiles.

        Parameters
        ----------
        data : Observations
            At least 20.
        names : sequence of str
            Of the matrix's columns.
        directions : sequence of int, optional
            -1 where the target never rises with a column, 1 where it never falls, 0 where it is free.
        anchor_directions : sequence of int
            The same for the anchors.

        Returns
        -------
        State
            Texts ``location`` and ``scale``, tables ``line``, ``effects`` and ``scores``, number ``trees``.
        """
        design = _Design(names, directions, tuple(anchor_directions) or (0,) * data.anchors.shape[1])
        trees = self._best_number(data, design)
        fold = folds_of(data.key, self.folds, self.seed)
        location, log_scale = np.empty(len(data)), np.empty(len(data))
        for k in range(self.folds):
            held = fold == k
            location[held] = self._held_out(data.take(~held), data.take(held), design, trees)
        spread = np.log(np.maximum(np.abs(data.target - location), _SMALLEST_RESIDUAL))
        for k in range(self.folds):
            held = fold == k
            booster = self._train_scale(data.matrix[~held], spread[~held], names)
            log_scale[held] = booster.predict(data.matrix[held], num_threads=self.threads)
        scores = (data.target - location) / np.exp(log_scale)
        base = _fit_base(data, design)
        left = data.target - _base(base, data.anchors, data.classes)
        return State(
            numbers={"trees": float(trees)},
            tables={**base, "scores": self._calibrate(scores, data.group)},
            texts={
                "location": self._train(data.matrix, left, design, trees).model_to_string(),
                "scale": self._train_scale(data.matrix, spread, names).model_to_string(),
            },
        )

    def predict(
        self,
        columns: Sequence[Floats],
        state: State,
        *,
        anchors: Floats | None = None,
        classes: Ints | None = None,
        group: Ints | None = None,
    ) -> Predicted:
        """Predict every row; a row's figures do not depend on the rows beside it.

        Parameters
        ----------
        columns : sequence of ndarray, each of shape (n,)
            In the order of the names of the fit.
        anchors : ndarray, shape (n, m), optional
            Where the fit had anchors.
        classes : ndarray of int, shape (n,), optional
            Where the fit had classes; one that it had not has no effect.
        group : ndarray of int, shape (n,), optional
            Where the fit had groups; a group without its own quantiles gets those of all.
        """
        trees, log_scale = predict_columns([state.texts["location"], state.texts["scale"]], columns, self.threads)
        return assemble(trees, log_scale, state, anchors=anchors, classes=classes, group=group)

    def contributions(self, matrix: Floats, state: State) -> Floats:
        """Shapley contributions of each column to the trees' part of the location, and their mean.

        Returns
        -------
        ndarray, shape (n, k + 1)
            A row sums to ``Predicted.trees``.
        """
        booster = parsed(state.texts["location"])
        return np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=self.threads), np.float64)

    def _calibrate(self, scores: Floats, group: Ints) -> dict[str, npt.NDArray[Any]]:
        """Quantiles of all scores (group -1), then of each group that has enough."""
        groups, own = grouped_quantiles(scores, group, fewest=self.smallest_group)
        rows = np.concatenate([conformal_quantiles(scores)[None], own])
        return {
            "group": np.concatenate([np.array([_POOLED], np.int64), groups]),
            **{name: rows[:, k] for k, name in enumerate(_QUANTILES)},
        }

    def _best_number(self, data: Observations, design: _Design) -> int:
        """Number of trees that predicts the latest observations best from the earlier ones."""
        latest = round(self.validation * len(data))
        if latest < self.smallest_validation:
            return self.trees if self.fixed_trees is None else self.fixed_trees
        order = np.argsort(data.date, kind="stable")
        late, early = data.take(order[-latest:]), data.take(order[:-latest])
        early = early.take(~pd.Series(early.key).isin(late.key).to_numpy(np.bool_))
        base = _fit_base(early, design)
        left, late_left = (part.target - _base(base, part.anchors, part.classes) for part in (early, late))
        check = (late.matrix, late_left, self.patience)
        booster = self._train(early.matrix, left, design, self.trees, check)
        best = max(int(booster.best_iteration), 1)
        steps = np.unique(np.linspace(1, best, min(best, _STEPS)).round().astype(np.int64))
        errors = [(late_left - booster.predict(late.matrix, num_iteration=int(k))) ** 2 for k in steps]
        return fewest_within_error(steps, np.array(errors))

    def _held_out(self, seen: Observations, held: Observations, design: _Design, trees: int) -> Floats:
        """Predict observations by models that have not seen their keys."""
        base = _fit_base(seen, design)
        left = seen.target - _base(base, seen.anchors, seen.classes)
        booster = self._train(seen.matrix, left, design, trees)
        learnt = np.asarray(booster.predict(held.matrix, num_threads=self.threads), np.float64)
        return _base(base, held.anchors, held.classes) + learnt

    def _train(
        self,
        matrix: Floats,
        target: Floats,
        design: _Design,
        trees: int,
        check: tuple[Floats, Floats, int] | None = None,
    ) -> Any:
        settings = self._settings(len(target), self.learning_rate)
        return train(matrix, target, design.names, settings, trees, directions=design.directions, check=check)

    def _train_scale(self, matrix: Floats, spread: Floats, names: Sequence[str]) -> Any:
        settings = self._settings(len(spread), min(3.0 * self.learning_rate, 1.0))
        return train(matrix, spread, names, settings, max(self.trees // 4, 15))

    def _settings(self, n: int, learning_rate: float) -> dict[str, Any]:
        return {
            "num_leaves": self.leaves,
            "learning_rate": learning_rate,
            "min_data_in_leaf": max(10, n // 200),
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": self.penalty,
            "seed": self.seed,
            "num_threads": self.threads,
        }


def assemble(
    trees: Floats,
    log_scale: Floats,
    state: State,
    *,
    anchors: Floats | None = None,
    classes: Ints | None = None,
    group: Ints | None = None,
) -> Predicted:
    """Add the line to the trees, and choose each row's conformal quantiles; parameters as in ``predict``."""
    n = len(trees)
    known = np.zeros((n, 0)) if anchors is None else anchors
    line = _base(state.tables, known, np.zeros(n, np.int64) if classes is None else classes)
    table = state.tables["scores"]
    place = np.zeros(n, np.int64) if group is None else np.maximum(place_in(table["group"], group), 0)
    return Predicted(line, trees, log_scale, np.stack([table[name][place] for name in _QUANTILES], axis=1))


def _fit_base(data: Observations, design: _Design) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Line and effects."""
    line = fit_anchor(data.anchors, data.target, design.anchor_directions)
    left = data.target - anchor_line(line, data.anchors)
    return {"line": line, "effects": class_effects(left, complete_rows(data.anchors), data.classes)}


def _base(tables: Mapping[str, Mapping[str, npt.NDArray[Any]]], anchors: Floats, classes: Ints) -> Floats:
    """Line and effect of every row."""
    return anchor_line(tables["line"], anchors) + effect_of(tables["effects"], classes)
