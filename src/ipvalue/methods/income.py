"""Arithmetic that the income methods share: what is expected of revenue, its present value, its interval.

Each method says what of a patent's revenue is income after tax; from there on all go the same way, so that
their values differ by their view of the income and by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ipvalue.assumptions import Assumptions
from ipvalue.errors import Reason
from ipvalue.finance.discounting import present_value
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.finance.tax import amortisation_factor
from ipvalue.methods.base import Estimate, Step, Subject

__all__ = ["CARRIED", "complete", "expectations", "expectation_sources", "known_or", "margin_of", "valuing_steps"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_DECLINE_STEP = 0.01
# a wider spread says no more than that nothing is known, and its quantiles overflow
_WIDEST = 5.0

CARRIED = (
    Step("revenue", "yearly revenue known for the patent, converted", "currency a year", "economics.revenue"),
    Step("attribution", "share of revenue that the patent carries", "share"),
)


def valuing_steps(flow: str) -> tuple[Step, ...]:
    """Steps from a yearly income after tax to its value."""
    return (
        Step("discount_rate", "cost of capital of the field + country risk + patent premium", "per year"),
        Step("growth", "growth of revenue", "per year"),
        Step("decline", "decline of revenue; 0 where economics.growth is known", "per year"),
        Step("years", "min(remaining term, revenue life, economic life - age)", "years"),
        Step("present_value", f"PV({flow}, discount_rate, years, growth, decline), mid-year", "currency"),
        Step("success_probability", "probability of commercial success", "share"),
        Step("tax_amortisation", "1 / (1 - tax / m * annuity(discount_rate, m))", "factor", "IVS 210.110"),
        Step("estimate", "present_value * success_probability * tax_amortisation", "currency"),
        Step("log_sd", "standard deviation of the logarithm, from the parts' uncertainty", "log units"),
    )


def known_or(values: Floats, default: npt.ArrayLike) -> Floats:
    """Take what is known, and the default where nothing is."""
    return np.where(np.isfinite(values), values, default)


def expectations(subject: Subject, assumptions: Assumptions) -> dict[str, Floats]:
    """What is expected of each patent's revenue, from ``economics`` or assumed.

    Parameters
    ----------
    subject : Subject
    assumptions : Assumptions

    Returns
    -------
    dict of str to ndarray, each of shape (n,)
        By the names of :data:`CARRIED` and :func:`valuing_steps`, and ``tax``.
    """
    given, rows, n = subject.features, subject.money, len(subject)
    life = np.minimum(given["remaining_term"], assumptions.economic_life.value - given["age"])
    passed = np.nan_to_num(given["economics_age"])
    known_life = np.where(np.isfinite(rows["revenue_life"]), rows["revenue_life"] - passed, np.inf)
    return {
        "revenue": rows["revenue"],
        "attribution": known_or(given["attribution"], assumptions.attribution.value),
        "tax": np.full(n, assumptions.tax_rate.value),
        "discount_rate": assumptions.discount_rate(subject.field),
        "growth": known_or(given["revenue_growth"], assumptions.revenue_growth.value),
        # a growth that the bank states is all that it expects of the revenue
        "decline": np.where(
            np.isfinite(given["revenue_growth"]), 0.0, assumptions.by_field("revenue_decline", subject.field)
        ),
        "years": np.maximum(np.minimum(life, known_life), 0.0),
        "success_probability": known_or(rows["success_probability"], assumptions.success_probability.value),
    }


def margin_of(subject: Subject, assumptions: Assumptions) -> tuple[Floats, Flags]:
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
    refused: npt.NDArray[np.int16] | None = None,
) -> Estimate:
    """Value a yearly income after tax: present value, success, tax amortisation, interval and reasons.

    Parameters
    ----------
    names : tuple of Step
        The method's steps; all are in the estimate's details.
    steps : dict of str to ndarray, each of shape (n,)
        Those of :func:`expectations` and the method's own.
    flow : str
        Which of them is the income of the first year after tax, currency units a year.
    subject : Subject
    assumptions : Assumptions
    spread : ndarray, shape (n,)
        Standard deviation of the logarithm of the income's share of revenue.
    amortise : bool
        Add the tax amortisation benefit.
    refused : ndarray of int16, shape (n,), optional
        The method's own reasons (0: none); a missing revenue or term goes before them.

    Returns
    -------
    Estimate

    Notes
    -----
    ``value = PV(flow) * success_probability * TAB``; the variance of its logarithm adds those of revenue, of
    attribution where it is assumed, ``spread`` squared, and that of decline times the sensitivity to it.
    """
    path = (steps[flow], steps["discount_rate"], steps["years"])
    present = present_value(*path, growth=steps["growth"], decay=steps["decline"], timing="mid")
    later = present_value(*path, growth=steps["growth"], decay=steps["decline"] + _DECLINE_STEP, timing="mid")
    factor = np.ones(len(present))
    if amortise:
        factor = amortisation_factor(steps["tax"], steps["discount_rate"], assumptions.amortisation_years.value)
    value = present * steps["success_probability"] * factor
    with np.errstate(divide="ignore", invalid="ignore"):
        sensitivity = np.where(later > 0, np.log(present / later) / _DECLINE_STEP, 0.0)
    known_share = np.isfinite(subject.features["attribution"])
    log_sd = np.sqrt(
        assumptions.revenue_log_sd.value**2
        + np.where(known_share, 0.0, assumptions.attribution_log_sd.value) ** 2
        + spread**2
        + (sensitivity * assumptions.decline_sd.value) ** 2
    )
    log_sd = np.minimum(log_sd, _WIDEST)
    found = {"present_value": present, "tax_amortisation": factor, "estimate": value, "log_sd": log_sd}
    everything = {**steps, **found}
    details = {step.name: everything[step.name] for step in names}
    return Estimate.make(value, lognormal_quantiles(value, log_sd), _reason(steps, value, refused), details)


def _reason(
    steps: Mapping[str, npt.NDArray[Any]], value: Floats, refused: npt.NDArray[np.int16] | None
) -> npt.NDArray[np.int16]:
    reason = np.zeros(len(value), np.int16) if refused is None else refused.copy()
    reason[np.isnan(steps["years"])] = Reason.NO_TERM_RULE
    reason[~np.isfinite(steps["revenue"])] = Reason.NO_REVENUE
    # revenue of zero is a statement that nothing is earned, on which no lognormal interval can stand
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
    known = np.isfinite(given["operating_margin"][0])
    found["margin"] = "economics.margin" if known else _source(assumptions, "operating_margin", field)
    return found


def _source(assumptions: Assumptions, name: str, field: str) -> str:
    table = getattr(assumptions, name)
    return str(table.get(field, table["default"]).source)
