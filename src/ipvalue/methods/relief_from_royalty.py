"""Relief from royalty: what the owner saves by not having to license the patent.

Formula. For a patent with yearly revenue R as of the date, attribution a, royalty rate rho, tax t, growth g, decline d,
discount rate r, remaining life n, probabilities of success, validity and enforcement of product p, and the present
value of the renewal fees still to be paid::

    saving = R * a * rho * (1 - t)
    value  = (p * PV(saving, r, n, growth g, decline d, mid-year) - fees * (1 - t)) * TAB
    TAB    = 1 / (1 - t / m * annuity(r, m))        with m the amortisation period

A product still in development reaches its sales over a ramp; n ends early where a fee would cost more than it earns
(:mod:`ipvalue.methods.income` has the chain, and moves the known revenue to the date;
:mod:`ipvalue.methods.renewal_costs` has the fees).

Source. IVS 210 (2022) paragraphs 60.18 to 60.25 and 110.1 (tax amortisation benefit); DIN 77100 (2011);
Smith and Parr (2005), Intellectual Property, 4th ed.

Inputs. ``economics.revenue``; attribution, royalty rate, growth, revenue life and probability of success
where ``economics`` gives them. A known ``economics.cost_to_develop`` means that the product is in development. The
royalty rate else comes from the book's own licences of the field, shrunk towards all licences of the book and these
towards the assumed rate.

Assumes that revenue is expected revenue, that decline is geometric, and that the owner pays the large payer's fees
for as long as they are worth it, whether or not the product succeeds. Not to be used where no product is sold or
foreseen: see a cost or option method there.

Interval. Lognormal about the value; its variance adds those of revenue, attribution (where assumed), royalty
rate (where not given for the patent) and decline (times the sensitivity of the present value to it). Fees are owed
whatever is earned, so they widen it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.methods.base import Estimate, State, Step
from ipvalue.methods.income import CARRIED, IncomeMethod, expectation_sources, expectations, known_or, valuing_steps
from ipvalue.types import Floats, Ints

__all__ = ["ReliefFromRoyalty", "royalty_table"]

_FIELDS = 36


def royalty_table(
    field: npt.NDArray[np.integer], rate: Floats, assumed: Floats, assumed_log_sd: float, weight: float
) -> tuple[Floats, Floats, Ints]:
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


class ReliefFromRoyalty(IncomeMethod):
    """Relief from royalty, after tax, with the tax amortisation benefit.

    Parameters
    ----------
    royalty : {'licences', 'assumed'}, default 'licences'
        Where the rate of a patent comes from that ``economics`` gives none: the book's licences, or the
        assumptions alone.
    licence_weight : float, default 10
        Licences of a field that weigh as much as the wider group.
    tax_amortisation_benefit, fees, ramp
        As in :class:`~ipvalue.methods.income.IncomeMethod`.

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
        *CARRIED,
        Step("royalty_rate", "royalty rate on revenue", "share"),
        Step("royalty", "current_revenue * attribution * royalty_rate", "currency a year"),
        Step("tax", "tax rate on royalties saved", "share", "assumptions.tax_rate"),
        Step("saving", "royalty * (1 - tax)", "currency a year"),
        *valuing_steps("saving"),
    )

    royalty: str = Field(default="licences", pattern="^(licences|assumed)$")
    licence_weight: float = Field(default=10.0, gt=0)

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
        given, table = subject.features["royalty_rate"], state.tables["royalty"]
        steps = expectations(subject, assumptions)
        steps["royalty_rate"] = known_or(given, table["rate"][subject.field])
        steps["royalty"] = steps["current_revenue"] * steps["attribution"] * steps["royalty_rate"]
        steps["saving"] = steps["royalty"] * (1.0 - steps["tax"])
        return self.complete(
            steps,
            "saving",
            subject,
            assumptions,
            spread=np.where(np.isfinite(given), 0.0, table["log_sd"][subject.field]),
        )

    def restate(self, state: State, before: Assumptions, after: Assumptions) -> State:
        """Scale the learnt rates, and their spread, by the ratio of the assumed ones of each field."""
        table = dict(state.tables["royalty"])
        old, new = (a.by_field("royalty_rate", np.arange(_FIELDS)) for a in (before, after))
        table["rate"] = table["rate"] * np.divide(new, old, out=np.ones(_FIELDS), where=old > 0)
        if before.royalty_log_sd.value > 0:
            table["log_sd"] = table["log_sd"] * (after.royalty_log_sd.value / before.royalty_log_sd.value)
        return State(state.numbers, {**state.tables, "royalty": table}, state.texts)

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        field = int(subject.field[0])
        licences = int(state.tables["royalty"]["licences"][field])
        rate = f"{licences} licences of field {field} in the book, shrunk towards all licences and the assumed rate"
        if np.isfinite(subject.features["royalty_rate"][0]):
            rate = "economics.royalty_rate"
        return expectation_sources(subject, assumptions) | {"royalty_rate": rate}
