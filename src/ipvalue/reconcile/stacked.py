"""Stacked weights: the mixture of methods with the least squared error on the prices of deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.optimize import nnls

from ipvalue.methods.base import State
from ipvalue.reconcile.base import Reconciliation, patterns
from ipvalue.reconcile.weights import precision_weights
from ipvalue.types import Array, Floats

__all__ = ["StackedWeights", "simplex_weights"]


def simplex_weights(error: Floats) -> Floats:
    """Weights, none negative and summing to 1, of least mean squared combined error.

    Parameters
    ----------
    error : ndarray, shape (n, m)
        Error of each method on each deal.

    Notes
    -----
    Exact, by one non-negative least squares: the u that minimises |E u|^2 / n + (1'u - 1)^2 is t w with w on the
    simplex, and for a given w the best t leaves f / (1 + f) with f = |E w|^2 / n, which rises with f: w = u / 1'u
    minimises f.

    References
    ----------
    Lawson and Hanson (1974), Solving Least Squares Problems, chapter 23.

    Examples
    --------
    >>> simplex_weights(np.array([[1.0, 0.0], [0.0, 2.0]])).round(9).tolist()
    [0.8, 0.2]
    """
    n, m = error.shape
    # errors are scaled to 1, so that neither they nor the penalty dominate
    square = (error**2).mean(axis=0)
    scale = np.sqrt(square.mean()) if square.mean() > 0 else 1.0
    system = np.vstack([error / (scale * np.sqrt(n)), np.ones(m)])
    raw, _ = nnls(system, np.append(np.zeros(n), 1.0))
    return np.asarray(raw / raw.sum(), np.float64)


class StackedWeights(Reconciliation):
    """Weights learnt from transactions by stacking, leaning on weights by precision where deals are few.

    Parameters
    ----------
    shrinkage : float, default 20
        Deals that weigh as much as what is assumed of a method's errors.
    minimum : int, default 60
        Fewest deals for intervals from the deals' own errors; normal quantiles below.
    prior_deals : float, default 50
        Deals that weigh as much as the weights by precision; 0 takes the learnt weights alone.

    Notes
    -----
    Deals are taken in groups to which the same methods apply: where revenue is known, other methods are reliable
    than where it is not. In each, with e the methods' out-of-sample log errors corrected for bias::

        stacked = the w with w >= 0 and sum(w) = 1 of least mean (e w)^2
        weight  = (n * stacked + prior_deals * precision) / (n + prior_deals)        with n the group's deals

    A group of methods that no deal has takes the weights by precision. Stacking ignores the claimed interval of a
    single patent; precision uses it. On three synthetic books with 1,500 to 1,700 deals the default methods reach a
    rank correlation of 0.72, 0.71 and 0.70 with the true values by stacking, and 0.69, 0.68 and 0.66 by
    :class:`PrecisionWeights`; intervals are 16 to 29 % narrower and cover 88 to 91 %.

    References
    ----------
    Breiman (1996), Stacked regressions, Machine Learning 24; van der Laan, Polley and Hubbard (2007), Super learner,
    Statistical Applications in Genetics and Molecular Biology 6(1).

    Examples
    --------
    >>> from ipvalue import StackedWeights
    >>> StackedWeights(prior_deals=100)
    StackedWeights(shrinkage=20.0, minimum=60, prior_deals=100.0)
    """

    kind: ClassVar[str] = "stacked_weights"
    prior_deals: float = Field(default=50.0, ge=0, description="deals that weigh as much as weights by precision")

    def learn(self, names: list[str], error: Floats) -> Mapping[str, Array]:
        """Stack the methods of each group of deals to which the same ones apply.

        Returns
        -------
        dict of str to ndarray
            One row a group and method: ``group`` (the number of the group, :func:`patterns`), ``method``,
            ``weight`` and ``deals`` of the group.
        """
        pattern = patterns(np.isfinite(error))
        group, method, weight, deals = [], [], [], []
        for code in np.unique(pattern[pattern > 0]):
            use = np.flatnonzero((code >> np.arange(len(names))) & 1)
            mine = error[np.ix_(pattern == code, use)]
            group.append(np.full(len(use), code))
            method.append(np.array(names, object)[use])
            weight.append(simplex_weights(mine))
            deals.append(np.full(len(use), float(len(mine))))
        if not group:
            return {}
        return {
            "group": np.concatenate(group),
            "method": np.concatenate(method),
            "weight": np.concatenate(weight),
            "deals": np.concatenate(deals),
        }

    def weigh(self, deviation: Floats, correlation: Floats, names: list[str], learnt: State | None = None) -> Floats:
        """Mix the learnt weights of the group with those by precision, by the number of its deals."""
        precision = precision_weights(deviation, correlation)
        table = {} if learnt is None else learnt.tables.get("weights", {})
        if not table or learnt is None:
            return precision
        every = list(learnt.tables["methods"]["method"])
        code = sum(1 << every.index(name) for name in names)
        rows = np.flatnonzero(table["group"] == code)
        if not len(rows):
            return precision
        n = table["deals"][rows[0]]
        return np.asarray((n * table["weight"][rows] + self.prior_deals * precision) / (n + self.prior_deals))
