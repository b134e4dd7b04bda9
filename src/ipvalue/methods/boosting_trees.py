"""LightGBM as it is used here: one way to train, one to read a model once, one to predict in blocks.

Every model is a text. Training is deterministic for a seed, on any number of threads; a prediction depends on its own
row alone. Columns are laid into a block of rows that stays in the processor's cache, block by block, so that no
matrix of a whole book is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.errors import MissingExtraError
from ipvalue.types import Floats, Ints

if TYPE_CHECKING:
    import lightgbm

__all__ = ["Floats", "lightgbm_module", "parsed", "predict_columns", "train"]

_BLOCK = 8192
_KEPT_MODELS = 32


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


@lru_cache(maxsize=_KEPT_MODELS)
def parsed(text: str) -> lightgbm.Booster:
    """Read a model from its text, once a process; the shards of a batch share it."""
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
        NaN where missing, and kept so.
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

    Returns
    -------
    lightgbm.Booster
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


@lru_cache(maxsize=_KEPT_MODELS)
def _used(text: str) -> tuple[int, ...]:
    """Positions of the columns on which a model splits."""
    return tuple(np.flatnonzero(parsed(text).feature_importance()).tolist())


def predict_columns(
    texts: Sequence[str],
    columns: Sequence[Floats],
    threads: int = 1,
    *,
    rows: Ints | None = None,
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
