"""Base of all reconciliations: learn the errors of the methods, combine those that apply, widen where they disagree.

All computation is on logarithms. A reconciliation first learns the errors of each method from deals: its bias, the
ratio of its errors to its claimed interval, and their correlation with the errors of other methods. It then combines
the methods that apply to a patent. The kinds differ in their weights: by precision, fixed by the user, or learnt from
deals by stacking.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.finance.conformal import conformal_quantiles, grouped_quantiles
from ipvalue.methods.base import Estimate, State
from ipvalue.types import LEVELS, NORMAL_DEVIATES, Array, Floats, Ints, Ints16, Mask, Quantiles

__all__ = ["Reconciled", "Reconciliation", "log_estimates", "patterns", "row_sum", "scores_of"]

_SMALLEST_SD = 1e-3
_ALL, _GROUP = "quantile", "quantile_of_"  # columns of scores: of all deals, and by pattern
_FOLDS = 10  # in which the reconciliation's own errors are measured


@dataclass(frozen=True)
class Reconciled:
    """One value a patent from several methods.

    Attributes
    ----------
    value : ndarray, shape (n,)
        Median; NaN where no method applies.
    quantiles : Quantiles
    weights : ndarray, shape (n, m)
        Weight of each method; rows sum to 1 where there is a value.
    disagreement : ndarray, shape (n,)
        Weighted standard deviation of the methods' log values; 0 with one method.
    reason : ndarray of int16, shape (n,)
    log_value, log_sd : ndarray, shape (n,)
        Weighted log value, corrected for bias, and the standard deviation that the interval is built on.
    """

    value: Floats
    quantiles: Quantiles
    weights: Floats
    disagreement: Floats
    reason: Ints16
    log_value: Floats
    log_sd: Floats


def log_estimates(estimates: list[Estimate]) -> tuple[Floats, Floats]:
    """Log median and claimed log standard deviation of each estimate, one column a method; NaN where none.

    The standard deviation is :attr:`ipvalue.types.Quantiles.log_sd`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        center = np.column_stack([np.where(e.value > 0, np.log(e.value), np.nan) for e in estimates])
        claimed = np.column_stack([np.where(e.quantiles.low > 0, e.quantiles.log_sd, np.nan) for e in estimates])
    usable = np.isfinite(center) & np.isfinite(claimed)
    return np.where(usable, center, np.nan), np.where(usable, np.maximum(claimed, _SMALLEST_SD), np.nan)


class Reconciliation(BaseModel, ABC):
    """A way to make one value of several estimates: frozen parameters, ``fit`` and ``combine``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    shrinkage: float = Field(default=20.0, ge=0, description="deals that weigh as much as what is assumed")
    minimum: int = Field(default=60, ge=20, description="fewest deals for intervals from the deals' own errors")

    @abstractmethod
    def weigh(self, deviation: Floats, correlation: Floats, names: list[str], learnt: State | None = None) -> Floats:
        """Weights of the methods in a group of patents to which the same methods apply, shape (n, m).

        Parameters
        ----------
        deviation : ndarray, shape (n, m)
            Standard deviation of each method's log error.
        correlation : ndarray, shape (m, m)
            Of the methods' errors.
        names : list of str
            The methods that apply.
        learnt : State, optional
            What :meth:`fit` learnt; nothing before.
        """

    def check(self, names: list[str]) -> None:
        """Refuse methods that it can't combine; none here.

        Parameters
        ----------
        names : list of str
            The engine's methods.

        Raises
        ------
        IpvalueError
        """

    def learn(self, names: list[str], error: Floats) -> Mapping[str, Array]:
        """Learn from the methods' errors on deals further columns that :meth:`weigh` needs; none by default.

        Parameters
        ----------
        names : list of str
        error : ndarray, shape (n_deals, m)
            Log price less log estimate, corrected for bias; NaN where a method does not apply.
        """
        return {}

    def fit(
        self,
        names: list[str],
        estimates: list[Estimate],
        price: Floats,
        assumptions: Assumptions,
        years: Floats | None = None,
    ) -> State:
        """Learn how the methods err from their out-of-sample estimates of priced patents.

        Parameters
        ----------
        names : list of str
            The methods.
        estimates : list of Estimate
            Of the deals, by methods that have not seen them.
        price : ndarray, shape (n_deals,)
        assumptions : Assumptions
            ``method_correlation`` is the correlation where there are too few deals.
        years : ndarray, shape (n_deals,), optional
            Since each deal; without it prices and methods are taken to have drifted alike.

        Returns
        -------
        State
            Table ``methods``: bias on the fit date, drift, inflation and deals of each; ``correlation``; ``scores``:
            standardised quantiles of the reconciled errors, of all deals (normal ones with fewer than ``minimum``) and
            of those of each group of methods that apply together, where there are as many of them; ``weights``: what
            :meth:`learn` learnt, where it did.

        Notes
        -----
        Prices drift: a deal of ten years ago was made in the market of its day, while a method may estimate today's
        price (an adjusted comparable) or one without a date (trees). The relevant bias is that on the fit date::

            log price - log estimate = bias + drift * years since the deal + error

        The drift of each method is a ridge estimate about 0, with the prior standard deviation
        ``assumptions.price_drift_sd`` (3 % a year by default), so that few deals, which cannot distinguish it from
        chance, hardly move it. All errors are measured about this line.

        Intervals by group are conformal within it (Mondrian; Vovk, Gammerman and Shafer 2005, section 4.5): patents
        with a known revenue, which other methods value, are not widened by the errors of the others.
        The reconciliation itself is held out too (ten folds, by the rank of the price): under a bias, an inflation and
        weights learnt from the same deals errors look too small, and 90 % intervals cover 87 to 89 % of fresh prices
        with 60 to 100 deals and eight methods, or four of which some don't apply; held out, 90 to 92 % (simulated). As
        with all cross-validated scores this is not guaranteed, and assumes that prices behave alike over time. A
        backtest measures the coverage of later deals.
        """
        state = self._learnt(names, estimates, price, assumptions, years)
        if len(price) < self.minimum:
            return state
        final = self._held_out(names, estimates, price, assumptions, years)
        known = np.isfinite(final)
        if known.sum() < self.minimum:
            return state
        group = patterns(np.isfinite(log_estimates(estimates)[0][known]))
        codes, rows = grouped_quantiles(final[known], group, fewest=self.minimum)
        own = {f"{_GROUP}{code}": row for code, row in zip(codes.tolist(), rows)}
        scores = {"level": np.array(LEVELS), _ALL: conformal_quantiles(final[known])} | own
        return State(tables={**state.tables, "scores": scores})

    def _learnt(
        self, names: list[str], estimates: list[Estimate], price: Floats, assumptions: Assumptions, years: Floats | None
    ) -> State:
        """Drift, bias, inflation and correlation of the methods, and what :meth:`learn` learns; with normal scores."""
        m = len(names)
        bias, drift, inflation, count = np.zeros(m), np.zeros(m), np.ones(m), np.zeros(m)
        correlation = np.full((m, m), assumptions.method_correlation.value)
        np.fill_diagonal(correlation, 1.0)
        error = np.full((0, m), np.nan)
        if len(price):
            center, deviation = log_estimates(estimates)
            error = np.log(price)[:, None] - center
            if years is not None:
                drift = _drifts(error, years, assumptions.price_drift_sd.value)
                error = error - drift * years[:, None]
            count = np.isfinite(error).sum(axis=0).astype(np.float64)
            bias = np.where(np.isfinite(error), error, 0.0).sum(axis=0) / (count + self.shrinkage)
            score = (error - bias) / deviation
            square = np.where(np.isfinite(score), score, 0.0) ** 2
            inflation = np.sqrt((square.sum(axis=0) + self.shrinkage) / (count + self.shrinkage))
            correlation = self._correlation(score / inflation, correlation)
        table = {"bias": bias, "drift": drift, "inflation": inflation, "deals": count}
        return _state(names, table, correlation, self.learn(names, error - bias))

    def _held_out(
        self, names: list[str], estimates: list[Estimate], price: Floats, assumptions: Assumptions, years: Floats | None
    ) -> Floats:
        """Standardised error of each deal under a fit on the other folds; NaN where no method applies."""
        # by the rank of the price: each fold spans all prices, and the order of the deals does not matter
        fold = np.argsort(np.argsort(price, kind="stable"), kind="stable") % _FOLDS
        away = np.zeros(len(price)) if years is None else years
        final = np.full(len(price), np.nan)
        for k in range(_FOLDS):
            held, rest = fold == k, fold != k
            since = None if years is None else years[rest]
            state = self._learnt(names, [_part(e, rest) for e in estimates], price[rest], assumptions, since)
            drift = state.tables["methods"]["drift"]
            moved = [_moved(_part(e, held), by * away[held]) for e, by in zip(estimates, drift)]
            combined = self.combine(names, moved, state)
            final[held] = (np.log(price[held]) - combined.log_value) / combined.log_sd
        return final

    def combine(self, names: list[str], estimates: list[Estimate], state: State) -> Reconciled:
        """Combine estimates; patents are taken in groups to which the same methods apply.

        Notes
        -----
        With log values x, weights w that sum to 1, standard deviations s and correlations R, the value is
        sum(w x), its model variance v = w' S w with S = s s' R. The methods' spread Q = sum(w (x - mean)^2)
        is expected to be sum(w s^2) - v; what it is above that is added to the variance: methods that
        disagree more than their intervals admit widen the interval.
        """
        center, deviation = log_estimates(estimates)
        center = center + state.tables["methods"]["bias"]
        deviation = deviation * state.tables["methods"]["inflation"]
        correlation = np.column_stack(list(state.tables["correlation"].values()))
        n, m = center.shape
        weights = np.zeros((n, m))
        log_value, variance = np.full(n, np.nan), np.full(n, np.nan)
        disagreement = np.full(n, np.nan)
        pattern = patterns(np.isfinite(center))
        for code in np.unique(pattern[pattern > 0]):
            rows = np.flatnonzero(pattern == code)
            use = np.flatnonzero((code >> np.arange(m)) & 1)
            x, s = center[np.ix_(rows, use)], deviation[np.ix_(rows, use)]
            r = correlation[np.ix_(use, use)]
            w = self.weigh(s, r, [names[k] for k in use], state)
            mean = row_sum(w * x)
            model = np.maximum(_quadratic(w * s, r), _SMALLEST_SD**2)
            spread = row_sum(w * (x - mean[:, None]) ** 2)
            excess = np.maximum(spread - (row_sum(w * s**2) - model), 0.0)
            weights[np.ix_(rows, use)] = w
            log_value[rows], variance[rows] = mean, model + excess
            disagreement[rows] = np.sqrt(spread)
        log_sd = np.sqrt(variance)
        quantiles = np.exp(log_value[:, None] + log_sd[:, None] * scores_of(state, pattern))
        reason = np.where(pattern == 0, np.int16(Reason.NO_METHOD_APPLIED), np.int16(0)).astype(np.int16)
        return Reconciled(quantiles[:, 2], Quantiles(quantiles), weights, disagreement, reason, log_value, log_sd)

    def _correlation(self, score: Floats, assumed: Floats) -> Floats:
        """Correlation of the methods' standardised errors, shrunk towards the assumed one."""
        known = np.isfinite(score)
        filled = np.where(known, score, 0.0)
        both = known.T.astype(np.float64) @ known.astype(np.float64)
        product = filled.T @ filled
        power = (filled**2).T @ known.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            observed = np.where(both > 2, product / np.sqrt(power * power.T), assumed)
        result = (both * observed + self.shrinkage * assumed) / (both + self.shrinkage)
        # below 0.95 the weights are stable; a negative correlation would claim too much precision
        result = np.clip(result, 0.0, 0.95)
        np.fill_diagonal(result, 1.0)
        return np.asarray(result, np.float64)


def patterns(applies: Mask) -> Ints:
    """Which methods apply to each patent, as a number: bit k is method k.

    Examples
    --------
    >>> patterns(np.array([[True, False, True], [False, False, False]])).tolist()
    [5, 0]
    """
    return np.asarray(applies @ (1 << np.arange(applies.shape[1])), np.int64)


def scores_of(state: State, pattern: Ints) -> Floats:
    """Standardised quantiles of the error of each patent, by the methods that apply to it, shape (n, 5)."""
    table = state.tables["scores"]
    scores = np.tile(np.asarray(table[_ALL], np.float64), (len(pattern), 1))
    for name in table:
        if name.startswith(_GROUP):
            scores[pattern == int(name.removeprefix(_GROUP))] = table[name]
    return scores


def _drifts(error: Floats, years: Floats, prior_sd: float) -> Floats:
    """Slope of each method's error in the years since the deal: a ridge estimate about no drift."""
    known = np.isfinite(error)
    count = np.maximum(known.sum(axis=0), 1)
    columns = [np.where(known, values, 0.0) for values in (np.broadcast_to(years[:, None], error.shape), error)]
    away, left = (np.where(known, values - values.sum(axis=0) / count, 0.0) for values in columns)
    noise = (left**2).sum(axis=0) / count
    weight = (away**2).sum(axis=0) + noise / prior_sd**2
    return np.where(weight > 0, (away * left).sum(axis=0) / np.where(weight > 0, weight, 1.0), 0.0)


def _part(estimate: Estimate, rows: Mask) -> Estimate:
    return Estimate(estimate.value[rows], estimate.quantiles.take(rows), estimate.reason[rows])


def _moved(estimate: Estimate, by: Floats) -> Estimate:
    """An estimate at the prices of another date; ``by`` in log units."""
    factor = np.exp(by)
    return replace(estimate, value=estimate.value * factor, quantiles=estimate.quantiles.scale(factor))


def _state(names: list[str], methods: Mapping[str, Floats], correlation: Floats, extra: Mapping[str, Array]) -> State:
    tables = {
        "methods": {"method": np.array(names, object), **methods},
        "correlation": {name: correlation[:, k] for k, name in enumerate(names)},
        "scores": {"level": np.array(LEVELS), _ALL: NORMAL_DEVIATES},
    }
    return State(tables=tables | ({"weights": dict(extra)} if extra else {}))


def row_sum(matrix: Floats) -> Floats:
    """Sum of each row in a fixed order, whatever the number of rows."""
    total = np.zeros(len(matrix))
    for k in range(matrix.shape[1]):
        total = total + matrix[:, k]
    return total


def _quadratic(scaled: Floats, correlation: Floats) -> Floats:
    """Scaled' R scaled of each row."""
    total = np.zeros(len(scaled))
    for a in range(scaled.shape[1]):
        for b in range(scaled.shape[1]):
            total = total + scaled[:, a] * scaled[:, b] * correlation[a, b]
    return total
