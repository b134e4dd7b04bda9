"""Weighted ridge regression on standardised columns, with leverages: for market methods and the boosting anchor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipvalue.types import Floats

__all__ = ["Ridge", "leave_one_out", "ridge"]

_CONSTANT = 1e-12


class Ridge(NamedTuple):
    """A fitted regression.

    Attributes
    ----------
    slope : ndarray, shape (k,)
        In the columns' own units.
    intercept : float
    residual : ndarray, shape (n,)
    leverage : ndarray, shape (n,)
        h_jj, the intercept's share included.
    deviation : float
        Residual standard deviation of an observation of weight 1.
    """

    slope: Floats
    intercept: float
    residual: Floats
    leverage: Floats
    deviation: float


def ridge(matrix: Floats, target: Floats, penalty: float, weight: Floats | None = None) -> Ridge:
    """Ridge regression on standardised columns; the intercept is not penalised.

    Parameters
    ----------
    matrix : ndarray, shape (n, k)
    target : ndarray, shape (n,)
    penalty : float
        In observations.
    weight : ndarray, shape (n,), optional
        Weight of each observation; 1 by default.

    Returns
    -------
    Ridge

    Notes
    -----
    With Z the standardised columns and W the weights: slope = (Z'WZ + penalty I)^-1 Z'W (y - mean y), leverage
    h_jj = w_j (z_j (Z'WZ + penalty I)^-1 z_j' + 1 / sum w). A column without variation gets the slope 0.

    References
    ----------
    Hoerl and Kennard (1970), Technometrics 12.

    Examples
    --------
    >>> fit = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), 0.0)
    >>> fit.slope.round(6).tolist(), round(fit.intercept, 6)
    ([2.0], 1.0)
    """
    weight = np.ones(len(target)) if weight is None else weight
    total = weight.sum()
    center = (weight[:, None] * matrix).sum(axis=0) / total
    scale = np.sqrt((weight[:, None] * (matrix - center) ** 2).sum(axis=0) / total)
    varies = scale > _CONSTANT
    scale = np.where(varies, scale, 1.0)
    standard = np.where(varies, (matrix - center) / scale, 0.0)
    middle = float((weight * target).sum() / total)
    weighted = standard * weight[:, None]
    # a constant column has no information: its own 1 on the diagonal keeps the system solvable without a penalty
    inverse = np.linalg.inv(standard.T @ weighted + np.diag(np.where(varies, penalty, max(penalty, 1.0))))
    slope = inverse @ (weighted.T @ (target - middle)) / scale
    intercept = float(middle - center @ slope)
    residual = target - intercept - matrix @ slope
    leverage = weight * (((standard @ inverse) * standard).sum(axis=1) + 1.0 / total)
    freedom = max(total - matrix.shape[1] - 1, 1.0)
    return Ridge(slope, intercept, residual, leverage, float(np.sqrt((weight * residual**2).sum() / freedom)))


def leave_one_out(residual: Floats, leverage: Floats) -> Floats:
    """Residual of each row from the fit without it.

    Notes
    -----
    e / (1 - h): exact for a fixed centre and scale of the columns.

    Examples
    --------
    >>> leave_one_out(np.array([1.0]), np.array([0.5])).tolist()
    [2.0]
    """
    return residual / np.maximum(1.0 - leverage, 1e-6)
