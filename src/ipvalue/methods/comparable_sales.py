"""Comparable sales: what buyers paid at arm's length for the most similar patents of the same field.

Formula. Each patent and each deal has characteristics x (age, remaining term, citations, claims, family,
scope, office, revenue). A ridge regression of the log price on x gives the price beta of each. For patent i
the k nearest deals j of its technology field (of its sector where the field has too few) are those with the
smallest distance::

    d(i, j)^2 = sum over characteristics of (beta * (x_i - x_j))^2 / s^2 + (years since the deal / tau)^2

with s the regression's residual deviation: two patents are near where the market tells no difference in
price. The price of each is adjusted to the patent, as an appraiser's grid does::

    log price(j -> i) = log price_j + beta (x_i - x_j) + trend * years since the deal

and the value is the kernel-weighted median of the k adjusted prices, weights exp(-d^2 / 2). All prices are
per unit of remaining income (:mod:`ipvalue.methods.life`): multiplied by the patent's own, they fall to zero as
its term ends.

Source. IVS 105 (2022) 30 (market approach, comparable transactions, adjustments); the distance in units of
the hedonic price follows the sales-comparison grids of Colwell, Cannaday and Wu (1983), AREUEA Journal 11.

Inputs. ``transactions``: sales, auctions, court sales and exclusive licences of single patents at arm's
length; prices of the last twelve years.

Assumes that sold patents price unsold ones. Not to be used where fewer than ``minimum`` comparables are in
the field and sector: it then says so instead of giving a number.

Interval. The kernel-weighted quantiles of the adjusted prices, widened for the k prices being a sample.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ipvalue.assumptions import Assumptions
from ipvalue.errors import Reason
from ipvalue.features import Features
from ipvalue.finance.distributions import LEVELS, weighted_quantile
from ipvalue.law.technology import sector_of
from ipvalue.methods.base import Estimate, Evidence, Method, State, Step, Subject
from ipvalue.methods.life import life_factor, life_reason
from ipvalue.records.columns import Columns

__all__ = ["CHARACTERISTICS", "ComparableSales", "characteristics", "ridge", "sum_columns"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHARACTERISTICS = (
    "age",
    "remaining_share",
    "forward_citations",
    "forward_citation_percentile",
    "backward_citations",
    "n_claims",
    "family_size",
    "n_inventors",
    "patent_scope",
    "renewals_paid",
    "challenged",
    "licensed",
    "pledged",
)
_LOGGED = ("forward_citations", "backward_citations", "n_claims", "family_size", "n_inventors", "patent_scope")
_DAYS_PER_YEAR = 365.25
_BLOCK = 4096


def characteristics(features: Features, money: Columns, levels: Floats | None = None) -> tuple[Floats, Floats]:
    """Characteristics that a price is compared by, one column each; a missing one takes the mean of the deals.

    Parameters
    ----------
    features : Features
    money : dict of str to ndarray
    levels : ndarray, shape (k,), optional
        Means to put in for missing values; those of this table by default.

    Returns
    -------
    tuple of ndarray
        The matrix, shape (n, k), and the means that stand for missing values.
    """
    columns = [np.log1p(features[name]) if name in _LOGGED else features[name] for name in CHARACTERISTICS]
    earned = money["revenue"] * np.where(np.isfinite(features["attribution"]), features["attribution"], 0.25)
    with np.errstate(divide="ignore", invalid="ignore"):
        revenue = np.where(earned > 0, np.log(earned), np.nan)
    matrix = np.stack([*columns, revenue, np.isfinite(revenue).astype(np.float64)], axis=1)
    if levels is None:
        known = np.isfinite(matrix)
        levels = np.where(known, matrix, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(np.isfinite(matrix), matrix, levels), levels


def ridge(matrix: Floats, target: Floats, penalty: float) -> tuple[Floats, float, float]:
    """Ridge regression on standardised columns.

    Parameters
    ----------
    matrix : ndarray, shape (n, k)
    target : ndarray, shape (n,)
    penalty : float
        In units of observations.

    Returns
    -------
    tuple of (ndarray of shape (k,), float, float)
        Slopes in the columns' own units, intercept, and residual standard deviation.
    """
    center, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    standard = (matrix - center) / scale
    middle = target.mean()
    gram = standard.T @ standard + penalty * np.eye(matrix.shape[1])
    slope = np.linalg.solve(gram, standard.T @ (target - middle)) / scale
    intercept = float(middle - center @ slope)
    residual = target - intercept - matrix @ slope
    freedom = max(len(target) - matrix.shape[1] - 1, 1)
    return slope, intercept, float(np.sqrt((residual**2).sum() / freedom))


class ComparableSales(Method):
    """Kernel-weighted, adjusted prices of the nearest arm's-length deals of the same field.

    Parameters
    ----------
    neighbours : int, default 25
        Deals that price a patent.
    minimum : int, default 8
        Fewest deals of the field, or of its sector, with which a patent is priced.
    memory : float, default 8
        Years after which a deal's distance has grown by one.
    penalty : float, default 10
        Ridge penalty, in observations.

    Examples
    --------
    >>> from ipvalue import ComparableSales
    >>> ComparableSales(neighbours=15)
    ComparableSales(neighbours=15)
    """

    name: ClassVar[str] = "comparable_sales"
    approach: ClassVar[str] = "market"  # type: ignore[assignment]
    covers: ClassVar[str] = "the spread of adjusted arm's-length prices of comparable patents"
    steps: ClassVar[tuple[Step, ...]] = (
        Step("comparables", "deals of the field (or its sector) among which the nearest are sought", "deals"),
        Step("neighbours", "nearest deals used", "deals"),
        Step("mean_distance", "weighted mean distance to them, in residual deviations of price", "deviations"),
        Step("mean_price", "weighted geometric mean of their prices per unit of remaining income", "currency a year"),
        Step("adjustment", "weighted geometric mean of adjusted price over that", "factor"),
        Step(
            "adjusted_price", "weighted median of the adjusted prices, per unit of remaining income", "currency a year"
        ),
        Step("life_factor", "present value of one unit a year over the remaining term", "years"),
        Step("estimate", "adjusted_price * life_factor", "currency"),
    )

    neighbours: int = Field(default=25, ge=3, le=500)
    minimum: int = Field(default=8, ge=3)
    memory: float = Field(default=8.0, gt=0)
    penalty: float = Field(default=10.0, ge=0)

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Learn the price of each characteristic, and keep the deals."""
        deals = evidence.deals
        matrix, levels = characteristics(deals.subject.features, deals.subject.money)
        age = (evidence.snapshot.date - deals.date) / np.timedelta64(1, "D") / _DAYS_PER_YEAR
        factor = life_factor(deals.subject, assumptions)
        usable = factor > 0
        if usable.sum() < self.minimum:
            return State(numbers={"deals": float(usable.sum())})
        deals, matrix, age = deals.take(usable), matrix[usable], age[usable]
        log_price = np.log(deals.price / factor[usable])
        field = deals.subject.field.astype(np.int64)
        field_effect = (field[:, None] == np.arange(36)).astype(np.float64)
        design = np.column_stack([matrix, -age, field_effect])
        slope, _, deviation = ridge(design, log_price, self.penalty)
        k = matrix.shape[1]
        return State(
            numbers={"deals": float(len(deals)), "deviation": max(deviation, 1e-6), "trend": float(slope[k])},
            tables={
                "deals": {
                    "log_price": log_price,
                    "age": age,
                    "field": field,
                    "patent_id": deals.subject.patent_id,
                },
                "matrix": {f"x{i}": matrix[:, i] for i in range(k)},
                "slopes": {"slope": slope[:k], "level": levels},
                "fields": {"effect": slope[k + 1 :]},
            },
        )

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Price each patent by its nearest deals, field by field."""
        n = len(subject)
        if "deals" not in state.tables:
            return Estimate.refuse(n, Reason.TOO_FEW_DEALS)
        matrix, _ = characteristics(subject.features, subject.money, state.tables["slopes"]["level"])
        hedonic = sum_columns(matrix, state.tables["slopes"]["slope"])
        quantiles = np.full((n, len(LEVELS)), np.nan)
        details = {step.name: np.full(n, np.nan) for step in self.steps}
        reason = np.full(n, Reason.NO_COMPARABLE, np.int16)
        reason[subject.field == 0] = Reason.NO_TECHNOLOGY
        for field in np.unique(subject.field[subject.field > 0]):
            pool = self._pool(int(field), state)
            if len(pool) < self.minimum:
                continue
            mine = np.flatnonzero(subject.field == field)
            reason[mine] = 0
            for start in range(0, len(mine), _BLOCK):
                rows = mine[start : start + _BLOCK]
                quantiles[rows], parts = self._price(matrix[rows], hedonic[rows], int(field), pool, state)
                for name, values in parts.items():
                    details[name][rows] = values
        factor = life_factor(subject, assumptions)
        reason = np.where(reason == 0, life_reason(factor), reason).astype(np.int16)
        quantiles = quantiles * factor[:, None]
        details |= {"life_factor": factor, "estimate": quantiles[:, 2]}
        return Estimate.make(quantiles[:, 2], quantiles, reason, details)

    def _pool(self, field: int, state: State) -> Ints:
        """Deals of the field, or of its sector where the field has too few for its neighbours."""
        fields = state.tables["deals"]["field"]
        own = np.flatnonzero(fields == field)
        if len(own) >= max(self.minimum, self.neighbours):
            return own
        sectors = sector_of(np.arange(36))
        return np.flatnonzero((sectors[fields] == sectors[field]) & (fields > 0))

    def _price(
        self, matrix: Floats, hedonic: Floats, field: int, pool: Ints, state: State
    ) -> tuple[Floats, dict[str, Floats]]:
        """Quantiles and details of some patents of one field."""
        nearest, square = self.nearest(matrix, pool, state)
        k = nearest.shape[1]
        deals = {name: values[pool] for name, values in state.tables["deals"].items() if name != "patent_id"}
        columns = [values[pool] for values in state.tables["matrix"].values()]
        effect = state.tables["fields"]["effect"]
        worth = sum_columns(np.stack(columns, axis=1), state.tables["slopes"]["slope"]) + effect[deals["field"]]
        paid = deals["log_price"][nearest]
        adjusted = paid + (hedonic + effect[field])[:, None] - worth[nearest]
        adjusted = adjusted + state.numbers["trend"] * deals["age"][nearest]
        # the nearest one weighs 1: far from all deals, the nearest still count alike
        weight = np.exp(-0.5 * (square - square[:, :1]))
        total = _sum_rows(weight)
        center = weighted_quantile(adjusted, weight, (0.5,))
        spread = weighted_quantile(adjusted, weight, LEVELS) - center
        effective = total**2 / _sum_rows(weight**2)
        widened = center + spread * np.sqrt(1.0 + 1.0 / effective)[:, None]
        parts = {
            "comparables": np.full(len(matrix), float(len(pool))),
            "neighbours": np.full(len(matrix), float(k)),
            "mean_distance": _sum_rows(weight * np.sqrt(square)) / total,
            "mean_price": np.exp(_sum_rows(weight * paid) / total),
            "adjustment": np.exp(_sum_rows(weight * (adjusted - paid)) / total),
            "adjusted_price": np.exp(widened[:, 2]),
        }
        return np.exp(widened), parts

    def nearest(self, matrix: Floats, pool: Ints, state: State) -> tuple[Ints, Floats]:
        """Positions in the pool of the nearest deals of each patent, and their squared distances, ascending.

        The sum over characteristics is taken in a fixed order, elementwise, so that it does not depend on how
        many patents are priced together.
        """
        weight = state.tables["slopes"]["slope"] / state.numbers["deviation"]
        square = np.broadcast_to(
            (state.tables["deals"]["age"][pool] / self.memory) ** 2, (len(matrix), len(pool))
        ).copy()
        for i, values in enumerate(state.tables["matrix"].values()):
            square += ((matrix[:, i, None] - values[pool]) * weight[i]) ** 2
        k = min(self.neighbours, len(pool))
        chosen = (
            np.argpartition(square, k - 1, axis=1)[:, :k] if k < len(pool) else np.tile(np.arange(k), (len(matrix), 1))
        )
        chosen = np.sort(chosen, axis=1)
        distance = np.take_along_axis(square, chosen, axis=1)
        order = np.argsort(distance, axis=1, kind="stable")
        return np.take_along_axis(chosen, order, axis=1), np.take_along_axis(distance, order, axis=1)


def sum_columns(matrix: Floats, weight: Floats) -> Floats:
    """Weighted sum of columns in a fixed order: a matrix product may round by the number of rows."""
    total = np.zeros(len(matrix))
    for i in range(matrix.shape[1]):
        total = total + matrix[:, i] * weight[i]
    return total


def _sum_rows(matrix: Floats) -> Floats:
    return sum_columns(matrix, np.ones(matrix.shape[1]))
