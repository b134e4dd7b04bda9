"""Relief from royalty: what the owner saves by not having to license the patent.

Formula. For a patent with yearly revenue R, attribution a, royalty rate rho, tax t, growth g, decline d,
discount rate r, remaining life n and probability of success p::

    saving = R * a * rho * (1 - t)
    value  = p * PV(saving, r, n, growth g, decline d, mid-year) * TAB
    TAB    = 1 / (1 - t / m * annuity(r, m))        with m the amortisation period

Source. IVS 210 (2022) paragraphs 60.18 to 60.25 and 110.1 (tax amortisation benefit); DIN 77100 (2011);
Smith and Parr (2005), Intellectual Property, 4th ed.

Inputs. ``economics.revenue``; attribution, royalty rate, growth, revenue life and probability of success
where ``economics`` gives them. The royalty rate else comes from the book's own licences of the field, shrunk
towards all licences of the book and these towards the assumed rate.

Assumes that revenue is expected revenue, that decline is geometric, and that the right stays in force to the
end of its term. Not to be used where no product is sold or foreseen: see a cost or option method there.

Interval. Lognormal about the value; its variance adds those of revenue, attribution (where assumed), royalty
rate (where not given for the patent) and decline (times the sensitivity of the present value to it).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ipvalue.assumptions import Assumptions
from ipvalue.errors import Reason
from ipvalue.finance.discounting import present_value
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.finance.tax import amortisation_factor
from ipvalue.methods.base import Estimate, Evidence, Method, State, Step, Subject

__all__ = ["ReliefFromRoyalty", "royalty_table", "value_of_savings"]

Floats = npt.NDArray[np.float64]
_FIELDS = 36
_DECLINE_STEP = 0.01


def value_of_savings(saving: Floats, rate: Floats, years: Floats, growth: Floats, decline: Floats) -> Floats:
    """Present value of royalties saved after tax.

    Parameters
    ----------
    saving : ndarray, shape (n,)
        After-tax royalty of the first year, currency units a year.
    rate, growth, decline : ndarray, shape (n,)
        Per year.
    years : ndarray, shape (n,)
        Remaining life.

    Returns
    -------
    ndarray, shape (n,)
        Currency units.
    """
    return present_value(saving, rate, years, growth=growth, decay=decline, timing="mid")


def royalty_table(
    field: npt.NDArray[np.integer], rate: Floats, assumed: Floats, assumed_log_sd: float, weight: float
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Royalty rate of each technology field: its licences, shrunk towards all licences, and these towards the assumed.

    Parameters
    ----------
    field : ndarray of int, shape (k,)
        Technology field of each licence.
    rate : ndarray, shape (k,)
        Royalty rate of each licence, share of net or gross sales.
    assumed : ndarray, shape (36,)
        Assumed rate of each field.
    assumed_log_sd : float
        Assumed spread in log units.
    weight : float
        Weight, in licences, of the wider group.

    Returns
    -------
    tuple of ndarray, each of shape (36,)
        Median rate, spread in log units, and number of licences of the field.
    """
    counts = np.bincount(field, minlength=_FIELDS)
    log_rate = np.log(rate)
    total = np.bincount(field, weights=log_rate, minlength=_FIELDS)
    prior = np.log(assumed)
    overall = (log_rate.sum() + weight * prior) / (len(rate) + weight)
    center = (total + weight * overall) / (counts + weight)
    square = np.bincount(field, weights=(log_rate - center[field]) ** 2, minlength=_FIELDS)
    variance = (square + weight * assumed_log_sd**2) / (counts + weight)
    return np.exp(center), np.sqrt(variance), counts


class ReliefFromRoyalty(Method):
    """Relief from royalty, after tax, with the tax amortisation benefit.

    Parameters
    ----------
    royalty : {'licences', 'assumed'}, default 'licences'
        Where the rate of a patent comes from that ``economics`` gives none: the book's licences, or the
        assumptions alone.
    licence_weight : float, default 10
        Licences of a field that weigh as much as the wider group.
    tax_amortisation_benefit : bool, default True
        Add the benefit that a buyer draws from amortising the price.

    Examples
    --------
    >>> from ipvalue import ReliefFromRoyalty
    >>> ReliefFromRoyalty(tax_amortisation_benefit=False)
    ReliefFromRoyalty(tax_amortisation_benefit=False)
    """

    name: ClassVar[str] = "relief_from_royalty"
    approach: ClassVar[str] = "income"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of revenue, attribution, royalty rate and decline, as assumed"
    steps: ClassVar[tuple[Step, ...]] = (
        Step("revenue", "yearly revenue known for the patent, converted", "currency a year", "economics.revenue"),
        Step("attribution", "share of revenue that the patent carries", "share"),
        Step("royalty_rate", "royalty rate on revenue", "share"),
        Step("royalty", "revenue * attribution * royalty_rate", "currency a year"),
        Step("tax", "tax rate on royalties saved", "share", "assumptions.tax_rate"),
        Step("saving", "royalty * (1 - tax)", "currency a year"),
        Step("discount_rate", "cost of capital of the field + country risk + patent premium", "per year"),
        Step("growth", "growth of revenue", "per year"),
        Step("decline", "decline of revenue; 0 where economics.growth is known", "per year"),
        Step("years", "min(remaining term, revenue life, economic life - age)", "years"),
        Step("present_value", "PV(saving, discount_rate, years, growth, decline), mid-year", "currency"),
        Step("success_probability", "probability of commercial success", "share"),
        Step("tax_amortisation", "1 / (1 - tax / m * annuity(discount_rate, m))", "factor", "IVS 210.110"),
        Step("estimate", "present_value * success_probability * tax_amortisation", "currency"),
        Step("log_sd", "standard deviation of the logarithm, from the parts' uncertainty", "log units"),
    )

    royalty: str = Field(default="licences", pattern="^(licences|assumed)$")
    licence_weight: float = Field(default=10.0, gt=0)
    tax_amortisation_benefit: bool = True

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Read the royalty rate of each field from the licences known on the fit date."""
        licences = evidence.snapshot.licences
        usable = (licences["rate"] > 0) & np.isin(licences["base"], ["net_sales", "gross_sales", ""])
        if self.royalty == "assumed":
            usable &= False
        center, spread, counts = royalty_table(
            licences["field"][usable],
            licences["rate"][usable],
            assumptions.by_field("royalty_rate", np.arange(_FIELDS)),
            assumptions.royalty_log_sd.value,
            self.licence_weight,
        )
        return State(tables={"royalty": {"rate": center, "log_sd": spread, "licences": counts}})

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value the royalties saved over the remaining life."""
        given = subject.features
        field = subject.field
        table = state.tables["royalty"]
        known_rate = np.isfinite(given["royalty_rate"])
        known_share = np.isfinite(given["attribution"])
        steps = self._inputs(subject, table["rate"][field], assumptions)
        steps["royalty"] = steps["revenue"] * steps["attribution"] * steps["royalty_rate"]
        steps["saving"] = steps["royalty"] * (1.0 - steps["tax"])
        flow = (steps["saving"], steps["discount_rate"], steps["years"], steps["growth"])
        steps["present_value"] = value_of_savings(*flow, steps["decline"])
        steps["tax_amortisation"] = self._amortisation(steps, assumptions)
        value = steps["present_value"] * steps["success_probability"] * steps["tax_amortisation"]
        steps["estimate"] = value
        later = value_of_savings(*flow, steps["decline"] + _DECLINE_STEP)
        with np.errstate(divide="ignore", invalid="ignore"):
            sensitivity = np.where(later > 0, np.log(steps["present_value"] / later) / _DECLINE_STEP, 0.0)
        steps["log_sd"] = np.sqrt(
            assumptions.revenue_log_sd.value**2
            + np.where(known_share, 0.0, assumptions.attribution_log_sd.value) ** 2
            + np.where(known_rate, 0.0, table["log_sd"][field]) ** 2
            + (sensitivity * assumptions.decline_sd.value) ** 2
        )
        details = {step.name: steps[step.name] for step in self.steps}
        return Estimate.make(value, lognormal_quantiles(value, steps["log_sd"]), self._reason(steps), details)

    def _inputs(self, subject: Subject, field_rate: Floats, assumptions: Assumptions) -> dict[str, Floats]:
        given, rows, n = subject.features, subject.money, len(subject)
        life = np.minimum(given["remaining_term"], assumptions.economic_life.value - given["age"])
        passed = np.nan_to_num(given["economics_age"])
        known_life = np.where(np.isfinite(rows["revenue_life"]), rows["revenue_life"] - passed, np.inf)
        return {
            "revenue": subject.money["revenue"],
            "attribution": _or_else(given["attribution"], assumptions.attribution.value),
            "royalty_rate": np.where(np.isfinite(given["royalty_rate"]), given["royalty_rate"], field_rate),
            "tax": np.full(n, assumptions.tax_rate.value),
            "discount_rate": assumptions.discount_rate(subject.field),
            "growth": _or_else(given["revenue_growth"], assumptions.revenue_growth.value),
            # a growth that the bank states is all that it expects of the revenue
            "decline": np.where(
                np.isfinite(given["revenue_growth"]), 0.0, assumptions.by_field("revenue_decline", subject.field)
            ),
            "years": np.maximum(np.minimum(life, known_life), 0.0),
            "success_probability": _or_else(rows["success_probability"], assumptions.success_probability.value),
        }

    def _amortisation(self, steps: dict[str, Floats], assumptions: Assumptions) -> Floats:
        if not self.tax_amortisation_benefit:
            return np.ones(len(steps["tax"]))
        return amortisation_factor(steps["tax"], steps["discount_rate"], assumptions.amortisation_years.value)

    def _reason(self, steps: dict[str, Floats]) -> npt.NDArray[np.int16]:
        reason = np.zeros(len(steps["revenue"]), np.int16)
        reason[np.isnan(steps["years"])] = Reason.NO_TERM_RULE
        reason[~np.isfinite(steps["revenue"])] = Reason.NO_REVENUE
        # revenue of zero is a statement that nothing is earned, on which no lognormal interval can stand
        reason[steps["revenue"] == 0.0] = Reason.NO_REVENUE
        reason[(reason == 0) & (steps["estimate"] == 0.0)] = Reason.NO_FUTURE_INCOME
        return reason

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        given, field = subject.features, int(subject.field[0])
        licences = int(state.tables["royalty"]["licences"][field])
        return {
            "attribution": "economics" if np.isfinite(given["attribution"][0]) else assumptions.attribution.source,
            "royalty_rate": "economics.royalty_rate"
            if np.isfinite(given["royalty_rate"][0])
            else f"{licences} licences of field {field} in the book, shrunk towards all licences and the assumed rate",
            "growth": "economics" if np.isfinite(given["revenue_growth"][0]) else assumptions.revenue_growth.source,
            "discount_rate": assumptions.cost_of_capital.get(str(field), assumptions.cost_of_capital["default"]).source,
            "decline": assumptions.revenue_decline.get(str(field), assumptions.revenue_decline["default"]).source,
        }


def _or_else(values: Floats, default: float) -> Floats:
    return np.where(np.isfinite(values), values, default)
