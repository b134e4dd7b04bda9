"""Comparable sales: what buyers paid at arm's length for the most similar patents of the same field.

Formula. Each patent and each deal has characteristics x (age, remaining term, citations, claims, family,
scope, burdens, revenue, office: :mod:`ipvalue.evidence.characteristics`). A ridge regression of the log price on x
gives the price beta of each. For patent i the k nearest deals j of its technology field (of its sector where the
field has too few) are those with the smallest distance::

    d(i, j)^2 = sum over characteristics of (beta * (x_i - x_j))^2 / s^2 + (years since the deal / tau)^2

with s the regression's residual deviation: two patents are near if the market prices them alike. The price of each
comparable is adjusted to the patent, as in an appraiser's grid::

    log price(j -> i) = log price_j + beta (x_i - x_j) + trend * years since the deal

and the value is the kernel-weighted median of the adjusted prices, weights exp(-d^2 / 2). All prices are
per unit of remaining income (:mod:`ipvalue.evidence.remaining_life`): multiplied by the patent's own, they fall to
zero as its term ends.

Portfolio deals. Patents that were sold together have an allocated price each (:mod:`ipvalue.evidence.package_deals`).
Beside the k nearest deals of one patent, the k nearest allocated prices count, each with 1 / n of the weight where n
patents were sold. They move the median, not the spread. Only deals of single patents count towards ``minimum``.

Source. IVS 105 (2022; IVS 103 of 2025) 30 (market approach, comparable transactions, adjustments); the distance in
units of the hedonic price follows the sales-comparison grids of Colwell, Cannaday and Wu (1983), AREUEA Journal 11.

Inputs. ``transactions``: sales, auctions, court sales and exclusive licences at arm's length, of single patents and of
portfolios of which the book holds every patent; prices of the last twelve years.

Assumes that sold patents price unsold ones. Not to be used where fewer than ``minimum`` deals of single patents are in
the field and sector: it then gives a reason instead of a value.

Interval. The kernel-weighted quantiles of the single patents' adjusted prices about the median, widened for the k
prices being a sample.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.characteristics import characteristics, common_offices, sum_columns
from ipvalue.evidence.package_deals import priced
from ipvalue.evidence.remaining_life import life_factor, life_reason
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.finance.distributions import LEVELS, weighted_quantile
from ipvalue.finance.nearest_neighbours import nearest
from ipvalue.finance.ridge import ridge
from ipvalue.law.technology import sector_of
from ipvalue.methods.base import Estimate, Method, State, Step
from ipvalue.types import Floats, Ints

__all__ = ["ComparableSales"]

_BLOCK = 4096
_COLUMNS = (
    "subject",
    "patent_id",
    "deal_date",
    "price",
    "adjusted_price",
    "distance",
    "weight",
    "deal_patents",
    "allocated",
)


class _Neighbours(NamedTuple):
    """Nearest deals of n patents, each array of shape (n, k)."""

    deal: Ints
    square: Floats
    paid: Floats
    adjusted: Floats
    weight: Floats


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
    portfolio_deals : bool, default True
        Also use allocated prices of patents that were sold together. The default is measured on synthetic
        books: the rank correlation with true values rises by 0.00 to 0.01 with 1,500 deals of single patents, by 0.01
        with 400 and by 0.02 to 0.03 with 100 to 200.
    office_minimum : int, default 30
        Fewest deals of single patents for a price level of their own office.

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
        Step("comparables", "deals of the field (or its sector) from which the nearest are chosen", "deals"),
        Step("neighbours", "nearest deals used", "deals"),
        Step("allocated", "of them with a price allocated from a deal of several patents", "deals"),
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
    portfolio_deals: bool = True
    office_minimum: int = Field(default=30, ge=1)

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Estimate the price of each characteristic, and store the deals."""
        deals = priced(evidence, assumptions, self.penalty, portfolio_deals=self.portfolio_deals)
        alone = deals.size == 1
        if alone.sum() < self.minimum:
            return State(numbers={"deals": float(alone.sum())})
        offices = common_offices(deals.subject.jurisdiction[alone], self.office_minimum)
        _, levels = characteristics(deals.subject.take(alone), offices=offices)
        matrix, _ = characteristics(deals.subject, levels, offices)
        design = np.column_stack([matrix, -deals.age, deals.fields])
        fit = ridge(design, deals.log_price, self.penalty, deals.weight)
        k = matrix.shape[1]
        return State(
            numbers={"deals": float(alone.sum()), "deviation": max(fit.deviation, 1e-6), "trend": float(fit.slope[k])},
            tables={
                "deals": {
                    "log_price": deals.log_price,
                    "age": deals.age,
                    "field": deals.subject.field.astype(np.int64),
                    "size": deals.size,
                    "price": deals.price,
                    "date": deals.date.astype(str).astype(object),
                    "patent_id": deals.subject.patent_id,
                },
                "matrix": {f"x{i}": matrix[:, i] for i in range(k)},
                "slopes": {"slope": fit.slope[:k], "level": levels},
                "offices": {"office": offices.astype(object)},
                "fields": {"effect": fit.slope[k + 1 :]},
            },
        )

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Price each patent by its nearest deals, field by field."""
        n = len(subject)
        if "deals" not in state.tables:
            return Estimate.refuse(n, Reason.TOO_FEW_DEALS)
        matrix = self._matrix(subject, state)
        hedonic = sum_columns(matrix, state.tables["slopes"]["slope"])
        quantiles = np.full((n, len(LEVELS)), np.nan)
        details = {step.name: np.full(n, np.nan) for step in self.steps}
        reason = np.full(n, Reason.NO_COMPARABLE, np.int16)
        reason[subject.field == 0] = Reason.NO_TECHNOLOGY
        for field in np.unique(subject.field[subject.field > 0]):
            pools = self._pool(int(field), state)
            if len(pools[0]) < self.minimum:
                continue
            mine = np.flatnonzero(subject.field == field)
            reason[mine] = 0
            for start in range(0, len(mine), _BLOCK):
                rows = mine[start : start + _BLOCK]
                quantiles[rows], parts = self._price(matrix[rows], hedonic[rows], int(field), pools, state)
                for name, values in parts.items():
                    details[name][rows] = values
        factor = life_factor(subject, assumptions)
        reason = np.where(reason == 0, life_reason(factor), reason).astype(np.int16)
        quantiles = quantiles * factor[:, None]
        details |= {"life_factor": factor, "estimate": quantiles[:, 2]}
        return Estimate.make(quantiles[:, 2], quantiles, reason, details)

    def appendix(self, subject: Subject, state: State, assumptions: Assumptions) -> list[tuple[Step, float]]:
        """The nearest comparables of the first patent, one line each, with their adjusted prices."""
        table = self.comparables(subject.take(np.arange(1)), state)
        lines = []
        for rank, row in enumerate(table.to_dict("records"), start=1):
            origin = f"a share of a deal of {row['deal_patents']} patents" if row["allocated"] else "its own price"
            how = (
                f"{row['patent_id']}, {row['deal_date']}: price {row['price']:,.0f} ({origin}), "
                f"distance {row['distance']:.3f}, weight {row['weight']:.1%}"
            )
            step = Step(f"comparable {rank}", how, "currency a year, adjusted", "transactions")
            lines.append((step, float(row["adjusted_price"])))
        return lines

    def comparables(self, subject: Subject, state: State) -> pd.DataFrame:
        """List the deals that price each patent, nearest first.

        Parameters
        ----------
        state : State
            What :meth:`fit` learnt.

        Returns
        -------
        pandas.DataFrame
            ``subject`` (the patent that is priced), ``patent_id`` and ``deal_date`` of the comparable, ``price`` in
            the deal (as a granted right and as by sale), ``adjusted_price`` to the subject per unit of remaining
            income, ``distance`` in residual deviations, ``weight``, ``deal_patents`` and ``allocated`` (whether
            the price is a share of that of several patents). No rows where there is no comparable.
        """
        rows = range(len(subject) if "deals" in state.tables else 0)
        found = [self._comparables(subject.take(np.array([row])), state) for row in rows]
        parts = [part for part in found if part is not None]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))

    def _comparables(self, one: Subject, state: State) -> pd.DataFrame | None:
        """The comparables of one patent."""
        field = int(one.field[0])
        pools = self._pool(field, state)
        deals = state.tables["deals"]
        if field == 0 or len(pools[0]) < self.minimum:
            return None
        matrix = self._matrix(one, state)
        hedonic = sum_columns(matrix, state.tables["slopes"]["slope"])
        found = self._adjusted(matrix, hedonic, field, pools, state)
        order = np.argsort(found.square[0], kind="stable")
        rows = found.deal[0][order]
        columns = (
            np.full(len(rows), one.patent_id[0], object),
            deals["patent_id"][rows],
            deals["date"][rows],
            deals["price"][rows],
            np.exp(found.adjusted[0][order]),
            np.sqrt(found.square[0][order]),
            found.weight[0][order] / found.weight[0].sum(),
            deals["size"][rows],
            deals["size"][rows] > 1,
        )
        return pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))

    def _matrix(self, subject: Subject, state: State) -> Floats:
        """Characteristics of the patents to be valued, with the deals' means and offices."""
        return characteristics(subject, state.tables["slopes"]["level"], state.tables["offices"]["office"])[0]

    def _pool(self, field: int, state: State) -> tuple[Ints, Ints]:
        """Deals of the field, or of its sector where the field has too few: of one patent, and allocated ones."""
        fields, alone = state.tables["deals"]["field"], state.tables["deals"]["size"] == 1
        near = fields == field
        if (near & alone).sum() < max(self.minimum, self.neighbours):
            sectors = sector_of(np.arange(36))
            near = (sectors[fields] == sectors[field]) & (fields > 0)
        return np.flatnonzero(near & alone), np.flatnonzero(near & ~alone)

    def _adjusted(
        self, matrix: Floats, hedonic: Floats, field: int, pools: tuple[Ints, Ints], state: State
    ) -> _Neighbours:
        """The nearest deals of one patent and the nearest allocated prices, adjusted and weighted."""
        deals = state.tables["deals"]
        parts = [self.nearest(matrix, pool, state) for pool in pools]
        deal = np.concatenate([pool[place] for pool, (place, _) in zip(pools, parts)], axis=1)
        square = np.concatenate([part[1] for part in parts], axis=1)
        columns = np.stack(list(state.tables["matrix"].values()), axis=1)
        effect = state.tables["fields"]["effect"]
        worth = sum_columns(columns, state.tables["slopes"]["slope"]) + effect[deals["field"]]
        paid = deals["log_price"][deal]
        adjusted = paid + (hedonic + effect[field])[:, None] - worth[deal]
        adjusted = adjusted + state.numbers["trend"] * deals["age"][deal]
        # the nearest one weighs 1: far from all deals, the nearest still count alike
        weight = np.exp(-0.5 * (square - square.min(axis=1)[:, None])) / deals["size"][deal]
        return _Neighbours(deal, square, paid, adjusted, weight)

    def _price(
        self, matrix: Floats, hedonic: Floats, field: int, pools: tuple[Ints, Ints], state: State
    ) -> tuple[Floats, dict[str, Floats]]:
        """Quantiles and details of some patents of one field."""
        found = self._adjusted(matrix, hedonic, field, pools, state)
        alone = min(self.neighbours, len(pools[0]))
        own, weight = found.adjusted[:, :alone], found.weight[:, :alone]
        center = weighted_quantile(found.adjusted, found.weight, (0.5,))
        # allocated prices lack the error of the single patent: the spread is that of patents sold alone
        levels = weighted_quantile(own, weight, LEVELS)
        spread = levels - levels[:, [LEVELS.index(0.5)]]
        effective = _sum_rows(weight) ** 2 / _sum_rows(weight**2)
        widened = center + spread * np.sqrt(1.0 + 1.0 / effective)[:, None]
        n, k = found.deal.shape
        total = _sum_rows(found.weight)
        parts = {
            "comparables": np.full(n, float(len(pools[0]) + len(pools[1]))),
            "neighbours": np.full(n, float(k)),
            "allocated": np.full(n, float(k - alone)),
            "mean_distance": _sum_rows(found.weight * np.sqrt(found.square)) / total,
            "mean_price": np.exp(_sum_rows(found.weight * found.paid) / total),
            "adjustment": np.exp(_sum_rows(found.weight * (found.adjusted - found.paid)) / total),
            "adjusted_price": np.exp(widened[:, 2]),
        }
        return np.exp(widened), parts

    def nearest(self, matrix: Floats, pool: Ints, state: State) -> tuple[Ints, Floats]:
        """Places in the pool of the nearest deals of each patent, and their squared distances, ascending.

        Parameters
        ----------
        matrix : ndarray, shape (n, k)
            Characteristics of the patents.
        pool : ndarray of int64, shape (m,)
            The deals from which the nearest are chosen.
        """
        weight = state.tables["slopes"]["slope"] / state.numbers["deviation"]
        columns = [values[pool] * w for values, w in zip(state.tables["matrix"].values(), weight)]
        others = np.stack([*columns, state.tables["deals"]["age"][pool] / self.memory], axis=1)
        points = np.column_stack([matrix * weight, np.zeros(len(matrix))])
        return nearest(points, others, self.neighbours)


def _sum_rows(matrix: Floats) -> Floats:
    return sum_columns(matrix, np.ones(matrix.shape[1]))
