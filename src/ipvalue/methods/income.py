"""Arithmetic that the income methods share: expected revenue, its present value, and the interval.

Each method says which part of a patent's revenue is income after tax. From there on all income methods compute alike,
so that their values differ only in the income::

    R      = revenue as known * ((1 + g) (1 - d))^a         a the years since it was known
    chance = success * validity * enforcement
    value  = (PV(income, r, years_renewed, growth g, decline d, ramp, mid-year) * chance - fees * (1 - tax)) * TAB

A revenue that was known some years ago is moved to the valuation date at the same growth and decline that are expected
from now on; otherwise figures that are three years old would count as today's. ``years_renewed`` is the life of the
income, or ends where a renewal fee would cost more than the income it secures
(:mod:`ipvalue.methods.renewal_costs`). The ramp is for products that are still to be launched
(:func:`ipvalue.finance.discounting.ramped_present_value`). The engine multiplies by the probabilities that the right is
alive and that it is granted. ``validity`` is the probability that a granted right survives a challenge times the
probability of a challenge, and ``enforcement`` the probability that its royalty can be collected. Licence rates are
negotiated under these doubts, so both are near 1 by default except for rights under attack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Subject
from ipvalue.finance.discounting import ramped_present_value
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.finance.tax import amortisation_factor
from ipvalue.methods.base import Estimate, Method, Step
from ipvalue.methods.renewal_costs import RenewalCosts, renewal_costs
from ipvalue.types import Floats, Ints, Ints16, Mask, Texts

__all__ = [
    "CARRIED",
    "IncomeMethod",
    "complete",
    "expectations",
    "expectation_sources",
    "known_or",
    "margin_of",
    "valuing_steps",
]

_DECLINE_STEP = 0.01
# an even wider interval would carry no information, and its quantiles would overflow
_WIDEST = 5.0

CARRIED = (
    Step("revenue", "yearly revenue known for the patent, converted", "currency a year", "economics.revenue"),
    Step("growth", "growth of revenue", "per year"),
    Step("decline", "decline of revenue; 0 where economics.growth is known", "per year"),
    Step("revenue_age", "years since the revenue was known", "years", "economics.known_date"),
    Step("current_revenue", "revenue * ((1 + growth) * (1 - decline))^revenue_age", "currency a year"),
    Step("attribution", "share of revenue that the patent carries", "share"),
)


def valuing_steps(flow: str) -> tuple[Step, ...]:
    """Steps from a yearly income after tax to its value."""
    return (
        Step("discount_rate", "cost of capital of the field + country risk + patent premium", "per year"),
        Step("ramp_years", "years until sales are full; for a product still in development", "years"),
        Step("years", "min(remaining term, revenue life, economic life - age)", "years"),
        Step("years_renewed", "years, or less where a renewal fee would cost more than it earns", "years"),
        Step(
            "present_value",
            f"PV({flow}, discount_rate, years_renewed, growth, decline, ramp_years), mid-year",
            "currency",
        ),
        Step("success_probability", "probability of technical and commercial success", "share"),
        Step("validity_probability", "probability that the right is valid", "share"),
        Step("enforcement_probability", "probability that the right can be enforced", "share"),
        Step("fees", "present value of the renewal fees of years_renewed, after tax", "currency", "law.fees"),
        Step("tax_amortisation", "1 / (1 - tax / m * annuity(discount_rate, m))", "factor", "IVS 210.110 (2022)"),
        Step("estimate", "(present_value * the three probabilities - fees) * tax_amortisation", "currency"),
        Step("log_sd", "standard deviation of the logarithm, from the parts' uncertainty", "log units"),
    )


class IncomeMethod(Method):
    """Parameters that all income methods share, from a yearly income after tax to its value.

    Parameters
    ----------
    tax_amortisation_benefit : bool, default True
        Add the tax benefit of amortising the price.
    fees : {'deducted', 'ignored'}, default 'deducted'
        Whether future renewal fees are a cost, paid as long as they are worth it.
    ramp : {'linear', 's_curve'}, default 'linear'
        Growth of sales over the assumed ``ramp_years``, for a product still in development.
    """

    tax_amortisation_benefit: bool = True
    fees: str = Field(default="deducted", pattern="^(deducted|ignored)$")
    ramp: str = Field(default="linear", pattern="^(linear|s_curve)$")

    def complete(
        self,
        steps: Mapping[str, npt.NDArray[Any]],
        flow: str,
        subject: Subject,
        assumptions: Assumptions,
        *,
        spread: Floats,
        refused: Ints16 | None = None,
    ) -> Estimate:
        """Value a yearly income after tax by the method's own parameters; see :func:`complete`."""
        return complete(
            self.steps,
            steps,
            flow,
            subject,
            assumptions,
            spread=spread,
            amortise=self.tax_amortisation_benefit,
            fees=self.fees,
            ramp=self.ramp,
            refused=refused,
        )


def known_or(values: Floats, default: npt.ArrayLike) -> Floats:
    """Known values, else the default."""
    return np.where(np.isfinite(values), values, default)


def expectations(subject: Subject, assumptions: Assumptions) -> dict[str, Floats]:
    """Expectations of each patent's revenue, from ``economics`` or assumed.

    Returns
    -------
    dict of str to ndarray, each of shape (n,)
        By the names of :data:`CARRIED` and :func:`valuing_steps`, and ``tax``.
    """
    given, rows, n = subject.features, subject.money, len(subject)
    life = np.minimum(given["remaining_term"], assumptions.economic_life.value - given["age"])
    passed = np.nan_to_num(given["economics_age"])
    known_life = np.where(np.isfinite(rows["revenue_life"]), rows["revenue_life"] - passed, np.inf)
    # a growth that the bank states replaces the assumed decline
    stated = np.isfinite(given["revenue_growth"])
    growth = known_or(given["revenue_growth"], assumptions.revenue_growth.value)
    decline = np.where(stated, 0.0, assumptions.by_field("revenue_decline", subject.field))
    return {
        "revenue": rows["revenue"],
        "growth": growth,
        "decline": decline,
        "revenue_age": passed,
        "current_revenue": rows["revenue"] * ((1.0 + growth) * (1.0 - decline)) ** passed,
        "attribution": known_or(given["attribution"], assumptions.attribution.value),
        "tax": np.full(n, assumptions.tax_rate.value),
        "discount_rate": assumptions.discount_rate(subject.field),
        "ramp_years": assumptions.by_key("ramp_years", np.where(_in_development(subject), "in_development", "on_sale")),
        "years": np.maximum(np.minimum(life, known_life), 0.0),
        "success_probability": known_or(rows["success_probability"], assumptions.success_probability.value),
        "validity_probability": assumptions.by_key("validity_probability", _attack(subject)),
        "enforcement_probability": assumptions.by_key("enforcement_probability", subject.jurisdiction),
    }


def _in_development(subject: Subject) -> Mask:
    """Whether money must still be spent before the product can be sold."""
    return np.asarray(subject.money["cost_to_develop"] > 0.0)


def _attack(subject: Subject) -> Texts:
    """Key of the validity: whether a challenge of the right is pending."""
    return np.where(subject.features["challenged"] > 0.0, "challenged", "default")


def margin_of(subject: Subject, assumptions: Assumptions) -> tuple[Floats, Mask]:
    """Operating margin of each patent's revenue, the industry's where none is known; and whether it is known."""
    known = np.isfinite(subject.features["operating_margin"])
    assumed = assumptions.by_field("operating_margin", subject.field)
    return np.where(known, subject.features["operating_margin"], assumed), known


def complete(
    names: tuple[Step, ...],
    steps: Mapping[str, npt.NDArray[Any]],
    flow: str,
    subject: Subject,
    assumptions: Assumptions,
    *,
    spread: Floats,
    amortise: bool,
    fees: str = "ignored",
    ramp: str = "linear",
    refused: Ints16 | None = None,
) -> Estimate:
    """Value a yearly income after tax: present value, chances, fees, tax amortisation, interval and reasons.

    Parameters
    ----------
    names : tuple of Step
        The method's steps; all are in the estimate's details.
    steps : dict of str to ndarray, each of shape (n,)
        Those of :func:`expectations` and the method's own.
    flow : str
        Which of them is the income of the first year after tax, currency units a year.
    spread : ndarray, shape (n,)
        Standard deviation of the logarithm of the income's share of revenue.
    amortise : bool
        Add the tax amortisation benefit.
    fees : {'deducted', 'ignored'}, default 'ignored'
        Whether renewal fees still to come are a cost; where no schedule or rate of exchange is known, none is.
    ramp : {'linear', 's_curve'}, default 'linear'
        Shape of the ramp.
    refused : ndarray of int16, shape (n,), optional
        The method's own reasons (0: none); a missing revenue or term goes before them.

    Notes
    -----
    ``value = (PV(flow) * chance - fees) * TAB``; the variance of its logarithm adds those of revenue, of
    attribution where it is assumed, ``spread`` squared, and that of decline times the sensitivity to it (of the present
    value, and of the current revenue to each year since it was known), and grows by the square of
    ``PV(flow) * chance`` over what the fees leave of it, since fees are owed whatever is earned.
    """
    chance = steps["success_probability"] * steps["validity_probability"] * steps["enforcement_probability"]

    def present(rows: Ints, times: Floats, step: float = 0.0) -> Floats:
        growth, decline = steps["growth"][rows], steps["decline"][rows] + step
        return ramped_present_value(
            steps[flow][rows],
            steps["discount_rate"][rows],
            times,
            steps["ramp_years"][rows],
            shape=ramp,
            growth=growth,
            decay=decline,
            timing="mid",
        )

    every = np.arange(len(subject))
    costs = RenewalCosts(steps["years"], np.zeros(len(subject)))
    if fees == "deducted":
        paying = steps[flow] * chance * steps["years"] * subject.money["fee_rate"] > 0.0
        terms = (steps["years"], steps["discount_rate"], steps["tax"])
        rows = np.flatnonzero(paying)
        costs = renewal_costs(subject, rows, *terms, lambda some, times: present(some, times) * chance[some])
    worth = present(every, costs.years)
    factor = np.ones(len(subject))
    if amortise:
        factor = amortisation_factor(steps["tax"], steps["discount_rate"], assumptions.amortisation_years.value)
    left = np.maximum(worth * chance - costs.fees, 0.0)
    value = left * factor
    sensitivity = _sensitivity(worth, present(every, costs.years, _DECLINE_STEP)) + steps["revenue_age"]
    known_share = np.isfinite(subject.features["attribution"])
    log_sd = np.sqrt(
        assumptions.revenue_log_sd.value**2
        + np.where(known_share, 0.0, assumptions.attribution_log_sd.value) ** 2
        + spread**2
        + (sensitivity * assumptions.decline_sd.value) ** 2
    )
    log_sd = np.minimum(log_sd * np.where(costs.fees > 0.0, _leverage(worth * chance, left), 1.0), _WIDEST)
    found = {"years_renewed": costs.years, "present_value": worth, "fees": costs.fees}
    found |= {"tax_amortisation": factor, "estimate": value, "log_sd": log_sd}
    everything = {**steps, **found}
    details = {step.name: everything[step.name] for step in names}
    reason = _reason(subject, steps, value, refused)
    return Estimate.make(value, lognormal_quantiles(value, log_sd), reason, details)


def _sensitivity(present: Floats, later: Floats) -> Floats:
    """Fall of the logarithm of the present value as decline rises, per unit of decline."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(later > 0, np.log(present / later) / _DECLINE_STEP, 0.0)


def _leverage(gross: Floats, left: Floats) -> Floats:
    """Relative change of the income after fees for a relative change of the income."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 0, gross / left, 1.0)


def _reason(subject: Subject, steps: Mapping[str, npt.NDArray[Any]], value: Floats, refused: Ints16 | None) -> Ints16:
    reason = np.zeros(len(value), np.int16) if refused is None else refused.copy()
    reason[np.isnan(steps["years"])] = Reason.NO_TERM_RULE
    unknown = ~np.isfinite(steps["revenue"])
    reason[unknown] = Reason.NO_REVENUE
    reason[unknown & (subject.features["has_revenue"] == 1.0)] = Reason.NO_EXCHANGE_RATE
    # a revenue of zero says that nothing is earned: a lognormal interval needs a positive value
    reason[steps["revenue"] == 0.0] = Reason.NO_REVENUE
    reason[(reason == 0) & (value == 0.0)] = Reason.NO_FUTURE_INCOME
    return reason


def expectation_sources(subject: Subject, assumptions: Assumptions) -> dict[str, str]:
    """Say where the expectations of the first patent come from."""
    given, field = subject.features, str(int(subject.field[0]))
    by_field = {"discount_rate": "cost_of_capital", "decline": "revenue_decline"}
    found = {step: _source(assumptions, name, field) for step, name in by_field.items()}
    for step, feature, name in (
        ("attribution", "attribution", "attribution"),
        ("growth", "revenue_growth", "revenue_growth"),
    ):
        found[step] = "economics" if np.isfinite(given[feature][0]) else getattr(assumptions, name).source
    development = bool(_in_development(subject)[0])
    found["ramp_years"] = assumptions.ramp_years["in_development" if development else "on_sale"].source
    found["validity_probability"] = _source(assumptions, "validity_probability", str(_attack(subject)[0]))
    found["enforcement_probability"] = _source(assumptions, "enforcement_probability", str(subject.jurisdiction[0]))
    known_success = np.isfinite(subject.money["success_probability"][0])
    found["success_probability"] = "economics" if known_success else assumptions.success_probability.source
    covered = np.isfinite(subject.money["fee_rate"][0])
    found["fees"] = "law.fees" if covered else "no fee schedule or rate of exchange is known: nothing is deducted"
    known = np.isfinite(given["operating_margin"][0])
    found["margin"] = "economics.margin" if known else _source(assumptions, "operating_margin", field)
    return found


def _source(assumptions: Assumptions, name: str, field: str) -> str:
    table = getattr(assumptions, name)
    return str(table.get(field, table["default"]).source)
