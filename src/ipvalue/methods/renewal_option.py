"""Renewal option: the value of a right to its owner, from the renewal fees that owners of the book paid.

Formula. The return of the first year after grant is ``r = exp(x b + sigma e)`` with e standard normal, and falls by
the share ``decay`` a year. The owner pays a fee while what is still to come is worth its fees::

    renewed through year a    if r >= t_a,       t_a the least return with which the owner renews
    value at the date         W(r) = sum of the years ahead, each renewed only while that is optimal
    quantile p of the value   W(exp(mu - sigma N^-1((1 - p) (1 - F(t)))))    t the last threshold that was passed

Fit. By maximum likelihood on the book's own renewal histories and the schedules of :mod:`ipvalue.law.fees`: the return
of a lapsed right lies between two thresholds, that of a renewed one above a threshold. Standard errors come from the
information matrix.

Source. Schankerman and Pakes (1986), Economic Journal 96(384); Lanjouw, Pakes and Putnam (1998), Journal of
Industrial Economics 46(4); Bessen (2008), Research Policy 37 (owner and patent characteristics).

Inputs. Grant dates, legal status and office; no price. Of features: the catalogue columns of ``features`` (a missing
one counts as average) and the technology field, whose effect is shrunk towards none.

Assumes that fees are the large payer's and the only cost of keeping, that returns only fall, that the owner knows
them, and that one decay holds for all. Years are counted from grant: a fee buys the years from the anniversary after
the right would have lapsed. Nominal money; fees to come in the amounts in force on the date. The upper tail rests on
the lognormal form, since no fee is high enough to try it. Not to be used as a market price: it is what the right
itself (exclusion, not the invention) earns its owner by his own decisions. Nor for an office without yearly or
staged fees, or for a European patent after grant, whose fees are its states'.

Interval. Quantiles of the return left to the right's owner, given the fit; the fit's own error is not in it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.fee_years import by_year, fee_calendar, granted_on, slot_years
from ipvalue.evidence.renewal_history import Histories, Thresholds, histories, settled_until, settled_years
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.features import feature_catalogue
from ipvalue.finance.distributions import LEVELS
from ipvalue.finance.renewal import remaining_value, return_quantile
from ipvalue.finance.renewal_fit import RenewalFit, fit_renewals, interval_log_likelihood
from ipvalue.law.dates import years_between
from ipvalue.methods.base import Estimate, Method, State, Step
from ipvalue.types import Floats, Ints16, Mask

__all__ = ["RenewalOption", "renewal_design"]

_FIELDS = 36


def renewal_design(columns: Floats, field: npt.NDArray[np.integer], center: Floats, scale: Floats) -> Floats:
    """Regressors of log initial returns: one, standardised features, and dummies of the fields 1 to 35.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
        ``ln(1 + feature)``; NaN where missing.
    field : ndarray of int, shape (n,)
    center, scale : ndarray, shape (k,)
        Mean and standard deviation of each column where the model was fitted.

    Returns
    -------
    ndarray, shape (n, 1 + k + 35)
        A missing feature counts as average.
    """
    standard = np.nan_to_num((columns - center) / scale)
    dummies = (np.asarray(field)[:, None] == np.arange(1, _FIELDS)).astype(np.float64)
    return np.column_stack([np.ones(len(columns)), standard, dummies])


class RenewalOption(Method):
    """Value of the option to renew, from the fees that the owners of the book paid.

    Parameters
    ----------
    features : tuple of str
        Catalogue columns that explain initial returns, in logarithms.
    decay : float, optional
        Share of the return lost a year; estimated by default.
    field_spread : float, default 0.3
        Prior standard deviation of a technology field's effect, in units of sigma.
    minimum : int, default 200
        Fewest lapsed rights, and fewest renewed ones, for a fit.
    sample : int, default 100_000
        Most histories to learn from; larger books are thinned evenly.

    Examples
    --------
    >>> from ipvalue import RenewalOption
    >>> RenewalOption(decay=0.15)
    RenewalOption(decay=0.15)
    """

    name: ClassVar[str] = "renewal_option"
    approach: ClassVar[str] = "option"  # type: ignore[assignment]
    covers: ClassVar[str] = "the owner's return from the right, given the renewals seen so far"
    steps: ClassVar[tuple[Step, ...]] = (
        Step("log_return", "x b: mean logarithm of the first year's return", "log currency a year", "fit"),
        Step("sigma", "standard deviation of the logarithm", "log units", "fit"),
        Step("decay", "share of the return lost a year", "per year", "fit"),
        Step("discount_rate", "cost of capital of the field + country risk + patent premium", "per year"),
        Step("years_paid", "years since grant for which the fees are settled as paid", "years", "law.fees"),
        Step("threshold", "least first return with which that pays", "currency a year", "Schankerman and Pakes (1986)"),
        Step("first_return", "median first return, given that it is above threshold", "currency a year"),
        Step("elapsed", "years since grant", "years"),
        Step("term", "elapsed + remaining term", "years", "law.term"),
        Step("fees_ahead", "sum of the fees still to be paid", "currency", "law.fees"),
        Step("estimate", "W(first_return): years ahead, each renewed while that is optimal", "currency"),
    )

    features: tuple[str, ...] = ("n_claims", "family_size", "forward_citation_percentile", "n_inventors")
    decay: float | None = Field(default=None, ge=0, lt=1)
    field_spread: float = Field(default=0.3, gt=0)
    minimum: int = Field(default=200, ge=2)
    sample: int = Field(default=100_000, ge=100)

    @field_validator("features")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted({*names} - {*feature_catalogue()["name"]})
        if unknown:
            raise ValueError(f"the catalogue has no feature {unknown[0]!r}")
        return names

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Fit the renewal model to the book's histories; an empty state where there are too few."""
        known = histories(evidence.snapshot, evidence.subject)
        if len(known.row) > self.sample:
            known = known.take(np.arange(0, len(known.row), -(-len(known.row) // self.sample)))
        if min(known.lapsed.sum(), (~known.lapsed).sum()) < self.minimum:
            return State()
        columns = self._columns(evidence.subject)[known.row]
        center, scale = _moments(columns)
        field = evidence.subject.field[known.row]
        rate = assumptions.discount_rate(field)
        thresholds = Thresholds(known.fees, rate)
        design = renewal_design(columns, field, center, scale)
        penalty = np.full(design.shape[1], 0.5)  # a feature that never varies has the prior's error
        penalty[0] = 0.0
        penalty[1 + len(self.features) :] = 0.5 / self.field_spread**2
        fitted = fit_renewals(
            design, lambda decay: thresholds.bounds(decay, known.years, known.lapsed), penalty, decay=self.decay
        )
        return _state(fitted, known, center, scale)

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value every right that a fee schedule covers."""
        if not state.numbers:
            return Estimate.refuse(len(subject), Reason.NO_RENEWAL_MODEL)
        sigma, decay = state.numbers["sigma"], state.numbers["decay"]
        steps, ahead, covered = self._inputs(subject, state, assumptions)
        course = (decay, steps["discount_rate"], ahead, steps["elapsed"], steps["term"])
        quantiles = np.column_stack(
            [
                remaining_value(return_quantile(level, steps["log_return"], sigma, steps["threshold"]), *course)
                for level in LEVELS
            ]
        )
        value = quantiles[:, LEVELS.index(0.5)].copy()
        steps["first_return"] = return_quantile(0.5, steps["log_return"], sigma, steps["threshold"])
        steps["estimate"] = value
        details = {step.name: steps[step.name] for step in self.steps}
        return Estimate.make(value, quantiles, _reason(subject, covered, value), details)

    def log_likelihood(self, evidence: Evidence, state: State, assumptions: Assumptions) -> tuple[Histories, Floats]:
        """Log-probability of each renewal history under a fit, for example of held-out patents.

        Parameters
        ----------
        state : State
            Fitted, on these or on other patents.

        Returns
        -------
        tuple
            The histories, and one log-probability each.
        """
        known = histories(evidence.snapshot, evidence.subject)
        chosen = evidence.subject.take(known.row)
        thresholds = Thresholds(known.fees, assumptions.discount_rate(chosen.field))
        bounds = thresholds.bounds(state.numbers["decay"], known.years, known.lapsed)
        return known, interval_log_likelihood(bounds, self._log_return(chosen, state), state.numbers["sigma"])

    def _inputs(
        self, subject: Subject, state: State, assumptions: Assumptions
    ) -> tuple[dict[str, Floats], Floats, Mask]:
        """Quantities of each step, fees still to be paid by year since grant, and which rights a schedule covers."""
        n, today = len(subject), subject.dates["as_of"]
        grant, fees = granted_on(subject), fee_calendar(subject)
        elapsed = np.maximum(years_between(grant, today), 0.0)
        term = elapsed + subject.features["remaining_term"]
        table = by_year(fees, grant, subject.money["fee_rate"], term)
        year, last_paid = slot_years(fees, grant), subject.features["renewals_paid"]
        years = settled_years(fees, table.amount, year, settled_until(subject), np.nan_to_num(last_paid))
        years = np.where(subject.features["pending"] == 1, 0, years)
        rate = assumptions.discount_rate(subject.field)
        steps = {
            "log_return": self._log_return(subject, state),
            "sigma": np.full(n, state.numbers["sigma"]),
            "decay": np.full(n, state.numbers["decay"]),
            "discount_rate": rate,
            "years_paid": years.astype(np.float64),
            "threshold": Thresholds(table.amount, rate).reach(state.numbers["decay"], years),
            "elapsed": elapsed,
            "term": term,
        }
        # the last threshold of an expired right is infinite, and not needed
        steps["threshold"] = np.where(np.isfinite(steps["threshold"]), steps["threshold"], 0.0)
        behind = settled_years(fees, table.amount, year, today, np.nan_to_num(last_paid))
        ahead = np.where(np.arange(table.amount.shape[1]) >= behind[:, None], np.nan_to_num(table.amount), 0.0)
        steps["fees_ahead"] = _row_sum(ahead)
        return steps, ahead, table.covered

    def _log_return(self, subject: Subject, state: State) -> Floats:
        """Mean log return, added up column by column so that it does not depend on the chunk."""
        table = state.tables["features"]
        b = state.tables["coefficients"]["value"]
        columns = np.nan_to_num((self._columns(subject) - table["center"]) / table["scale"])
        total = b[0] + np.append(0.0, b[1 + len(self.features) :])[subject.field]
        for k in range(len(self.features)):
            total = total + columns[:, k] * b[1 + k]
        return np.asarray(total, np.float64)

    def _columns(self, subject: Subject) -> Floats:
        return np.log1p(
            np.column_stack([subject.features[name] for name in self.features] or [np.zeros((len(subject), 0))])
        )

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        if not state.numbers:
            return {}
        numbers = state.numbers
        fitted = f"{int(numbers['histories']):,} renewal histories, {int(numbers['let_go']):,} of them lapses"
        return {
            "log_return": fitted,
            "sigma": f"{fitted}; standard error {numbers['sigma_error']:.3g}",
            "decay": f"{fitted}; standard error {numbers['decay_error']:.3g}" if self.decay is None else "given",
            "discount_rate": assumptions.cost_of_capital.get(
                str(int(subject.field[0])), assumptions.cost_of_capital["default"]
            ).source,
        }


def _state(fitted: RenewalFit, known: Histories, center: Floats, scale: Floats) -> State:
    """Numbers and tables of a fit; empty where the likelihood had no maximum."""
    errors = fitted.standard_errors
    if not (np.isfinite(fitted.coefficients).all() and np.isfinite(fitted.sigma)):
        return State()
    return State(
        numbers={
            "sigma": fitted.sigma,
            "sigma_error": float(errors[-2]),
            "decay": fitted.decay,
            "decay_error": float(errors[-1]),
            "log_likelihood": fitted.log_likelihood,
            "histories": float(len(known.row)),
            "let_go": float(known.lapsed.sum()),
        },
        tables={
            "coefficients": {"value": fitted.coefficients, "error": errors[:-2]},
            "features": {"center": center, "scale": scale},
        },
    )


def _moments(columns: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column where it is known; 0 and 1 where it never is or never varies."""
    known = np.isfinite(columns)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, columns, 0.0).sum(axis=0) / count
    scale = np.sqrt(np.where(known, (columns - center) ** 2, 0.0).sum(axis=0) / count)
    return center, np.where(scale > 0, scale, 1.0)


def _row_sum(table: Floats) -> Floats:
    total = np.zeros(len(table))
    for column in table.T:
        total = total + column
    return total


def _reason(subject: Subject, covered: Mask, value: Floats) -> Ints16:
    reason = np.zeros(len(subject), np.int16)
    reason[value == 0.0] = Reason.NO_FUTURE_INCOME
    reason[subject.features["remaining_term"] == 0.0] = Reason.TERM_OVER
    reason[np.isnan(subject.features["remaining_term"])] = Reason.NO_TERM_RULE
    reason[covered & np.isnan(subject.money["fee_rate"])] = Reason.NO_EXCHANGE_RATE
    reason[~covered] = Reason.NO_FEE_SCHEDULE
    return reason
