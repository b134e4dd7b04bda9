"""Weights by precision, and fixed weights set by the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, field_validator

from ipvalue.errors import IpvalueError
from ipvalue.methods.base import State
from ipvalue.reconcile.base import Reconciliation, row_sum
from ipvalue.types import Floats

__all__ = ["FixedWeights", "PrecisionWeights", "precision_weights"]


def precision_weights(deviation: Floats, correlation: Floats) -> Floats:
    """Weights of least variance, negative ones set to 0; one small system a patent.

    Parameters
    ----------
    deviation : ndarray, shape (n, m)
    correlation : ndarray, shape (m, m)

    Examples
    --------
    >>> precision_weights(np.array([[1.0, 2.0]]), np.eye(2)).tolist()
    [[0.8, 0.2]]
    """
    covariance = deviation[:, :, None] * deviation[:, None, :] * correlation
    raw = np.linalg.solve(covariance, np.ones((*deviation.shape, 1)))[:, :, 0]
    positive: Floats = np.maximum(raw, 0.0)
    return np.asarray(positive / row_sum(positive)[:, None], np.float64)


class PrecisionWeights(Reconciliation):
    """Weights by precision: the combination of least variance, correlation-aware, none negative.

    Parameters
    ----------
    shrinkage : float, default 20
        Deals that weigh as much as what is assumed of a method's errors.
    minimum : int, default 60
        Fewest deals for intervals from the deals' own errors; normal quantiles below.

    Notes
    -----
    w = S^-1 1 / (1' S^-1 1) with S the covariance of the methods' errors; negative weights are set to 0.

    References
    ----------
    Bates and Granger (1969), The combination of forecasts, Operational Research Quarterly 20.

    Examples
    --------
    >>> from ipvalue import PrecisionWeights
    >>> PrecisionWeights().weigh(np.array([[1.0, 2.0]]), np.eye(2), ["a", "b"]).tolist()
    [[0.8, 0.2]]
    """

    kind: ClassVar[str] = "precision_weights"

    def weigh(self, deviation: Floats, correlation: Floats, names: list[str], learnt: State | None = None) -> Floats:
        """Weights of least variance (:func:`precision_weights`)."""
        return precision_weights(deviation, correlation)


class FixedWeights(Reconciliation):
    """Weights that the user sets; those of the methods that apply are scaled to sum to 1.

    Parameters
    ----------
    weights : dict of str to float
        Weight of each method by name, at least 0 and one above it; a method without one has none. An engine refuses
        names that none of its methods has.

    Examples
    --------
    >>> from ipvalue import FixedWeights
    >>> mix = FixedWeights(weights={"relief_from_royalty": 3, "comparable_sales": 1})
    >>> mix.weigh(np.ones((1, 2)), np.eye(2), ["relief_from_royalty", "comparable_sales"]).tolist()
    [[0.75, 0.25]]
    """

    kind: ClassVar[str] = "fixed_weights"
    weights: Mapping[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(min_length=1)

    @field_validator("weights")
    @classmethod
    def _some(cls, weights: Mapping[str, float]) -> Mapping[str, float]:
        if not any(weight > 0 for weight in weights.values()):
            raise ValueError("at least one weight must be above 0")
        return weights

    def check(self, names: list[str]) -> None:
        """Refuse weights of methods that the engine does not have: a misspelt name would have no effect."""
        strange = sorted({*self.weights} - {*names})
        if strange:
            raise IpvalueError(f"weights name {strange[0]!r}, which is not a method of the engine: {', '.join(names)}")

    def weigh(self, deviation: Floats, correlation: Floats, names: list[str], learnt: State | None = None) -> Floats:
        """The user's weights; equal ones where none of the methods that apply has a weight."""
        raw = np.array([max(self.weights.get(name, 0.0), 0.0) for name in names])
        raw = raw if raw.sum() > 0 else np.ones(len(names))
        return np.broadcast_to(raw / raw.sum(), deviation.shape)
