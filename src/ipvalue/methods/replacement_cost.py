"""Replacement cost: the cost of obtaining the same right today, less obsolescence.

Formula. With C the cost spent, I the price level, A the age, n the years that remain, e the share lost to economic
obsolescence and F the renewal fees paid so far::

    trended     = C * I(today) / I(day of the cost)
    replacement = trended + F
    value       = replacement * n / (A + n) * (1 - e)        e > 0 only where the right is known to earn nothing

Source. IVS 105 (2022; IVS 103 of 2025) paragraphs 60.1 to 70.14 (replacement cost; physical, functional and
economic obsolescence); IVS 210 (2022) on the cost approach; Smith and Parr (2005), Intellectual Property, 4th ed.

Inputs. ``economics.historical_cost`` above 0, taken to be at the prices of its ``known_date``; the table
``price_index`` in the cost's currency (where no level is known on or before that day the cost stays untrended, and
the step ``trend`` is 1); renewal fees of :mod:`ipvalue.law.fees`, of the large payer.

Assumes that cost is informative about value, that a right loses the same part of its use every year of its life
(functional obsolescence; the part that is left reaches 0 at expiry), and that all fees due so far were paid. A revenue
of 0 is a statement that the right is idle; an unknown revenue is not. Not to be used where income or prices are known:
cost sets neither a floor nor a ceiling to what a patent earns.

Interval. Lognormal about the value with the assumed spread of what another attempt would cost.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.fee_years import fees_paid
from ipvalue.evidence.subject import Subject
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.methods.base import Estimate, Method, State, Step
from ipvalue.types import Floats, Ints16

__all__ = ["ReplacementCost", "depreciated_cost"]


def depreciated_cost(cost: Floats, age: Floats, remaining: Floats, economic: Floats) -> Floats:
    """Replacement cost less functional and economic obsolescence.

    Parameters
    ----------
    cost : ndarray, shape (n,)
        Cost of replacement, in money.
    age, remaining : ndarray, shape (n,)
        Years since filing, and to the end of the term.
    economic : ndarray, shape (n,)
        Share lost to economic obsolescence.

    Returns
    -------
    ndarray, shape (n,)
        In money; 0 at the end of the term.

    Examples
    --------
    >>> depreciated_cost(*(np.array([x]) for x in (1000.0, 5.0, 15.0, 0.5))).tolist()
    [375.0]
    """
    total = age + remaining
    left = np.where(
        remaining > 0, remaining / np.where(total > 0, total, 1.0), np.where(np.isnan(remaining), np.nan, 0)
    )
    return np.asarray(cost * left * (1.0 - economic), np.float64)


class ReplacementCost(Method):
    """Cost spent, at today's prices, with the fees paid, less obsolescence.

    Parameters
    ----------
    fees : bool, default True
        Count the renewal fees paid so far into the cost.

    Examples
    --------
    >>> from ipvalue import ReplacementCost
    >>> ReplacementCost(fees=False)
    ReplacementCost(fees=False)
    """

    name: ClassVar[str] = "replacement_cost"
    approach: ClassVar[str] = "cost"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of the cost of replacement, as assumed"
    steps: ClassVar[tuple[Step, ...]] = (
        Step("historical_cost", "cost spent, converted", "currency", "economics.historical_cost"),
        Step("trend", "price level today / on the day of the cost; 1 where not known", "factor", "price_index"),
        Step("trended", "historical_cost * trend", "currency"),
        Step("fees_paid", "renewal fees due so far, converted", "currency", "law.fees"),
        Step("replacement", "trended + fees_paid", "currency"),
        Step("age", "years since filing", "years"),
        Step("remaining", "years to the end of the term", "years", "law.term"),
        Step("functional", "age / (age + remaining)", "share", "IVS 105.70 (2022), IVS 103 (2025)"),
        Step("economic", "share lost where revenue is known to be 0", "share"),
        Step("estimate", "replacement * (1 - functional) * (1 - economic)", "currency"),
        Step("log_sd", "standard deviation of the logarithm", "log units", "assumptions.replacement_log_sd"),
    )

    fees: bool = True

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value every patent whose cost is known."""
        steps = self._steps(subject, assumptions)
        quantiles = lognormal_quantiles(steps["estimate"], steps["log_sd"])
        return Estimate.make(steps["estimate"], quantiles, self._reason(subject, steps), steps)

    def _steps(self, subject: Subject, assumptions: Assumptions) -> dict[str, Floats]:
        n, cost, trend = len(subject), subject.money["historical_cost"], subject.money["price_trend"]
        age, remaining = subject.features["age"], subject.features["remaining_term"]
        trend = np.where(np.isfinite(trend), trend, 1.0)
        paid = fees_paid(subject) if self.fees else np.zeros(n)
        # without an exchange rate the fees are left out, which gives the lower value
        paid = np.nan_to_num(paid)
        idle = np.where(subject.money["revenue"] == 0, assumptions.idle_obsolescence.value, 0.0)
        replacement = cost * trend + paid
        with np.errstate(invalid="ignore", divide="ignore"):
            functional = np.where(age + remaining > 0, age / (age + remaining), 0.0 * remaining)
        return {
            "historical_cost": cost,
            "trend": trend,
            "trended": cost * trend,
            "fees_paid": paid,
            "replacement": replacement,
            "age": age,
            "remaining": remaining,
            "functional": functional,
            "economic": idle,
            "estimate": depreciated_cost(replacement, age, remaining, idle),
            "log_sd": np.full(n, assumptions.replacement_log_sd.value),
        }

    def _reason(self, subject: Subject, steps: dict[str, Floats]) -> Ints16:
        reason = np.zeros(len(steps["trend"]), np.int16)
        reason[steps["estimate"] == 0.0] = Reason.NO_FUTURE_INCOME
        reason[steps["remaining"] == 0.0] = Reason.TERM_OVER
        reason[np.isnan(steps["remaining"])] = Reason.NO_TERM_RULE
        reason[~(steps["historical_cost"] > 0)] = Reason.NO_COST
        reason[np.isnan(subject.money["exchange_rate"])] = Reason.NO_EXCHANGE_RATE
        return reason

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        known = np.isfinite(subject.money["price_trend"][0])
        idle = subject.money["revenue"][0] == 0
        return {
            "trend": "price_index" if known else "untrended: the book knows no price level on the day of the cost",
            "economic": assumptions.idle_obsolescence.source if idle else "not known to be idle",
        }
