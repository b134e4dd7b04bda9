"""Incremental income (with and without): additional earnings of a product with the patent over one without it.

Formula. For revenue R, attribution a, tax t, operating margin m with the patent and m0 without it::

    premium = m - m0                          higher price or lower cost, as a share of revenue
    income  = R * a * premium * (1 - t)
    value   = (p * PV(income, r, n, growth g, decline d, mid-year) - fees * (1 - t)) * TAB

with p, n, g, d, r, fees and TAB as in relief from royalty (:mod:`ipvalue.methods.income`).

Source. IVS 210 (2022) paragraphs 60.26 to 60.31 (with-and-without and premium profit); DIN 77100 (2011),
incremental cash flow.

Inputs. ``economics.revenue`` and ``economics.margin``. The margin without the patent is that of the field's
industry (``operating_margin`` of the assumptions), or ``generic_margin`` where the bank knows it. A bank that
knows the premium itself, a higher price or a saving of cost per unit of revenue, gives ``premium``; no margin is
then needed.

Assumes that the same quantity is sold with and without the patent, and that other owners of patents earn the
industry's margin too, so that the premium is rather understated. Not to be used where the margin above the
industry's has another cause (brand, scale, location) and ``attribution`` does not take that cause out.

Interval. Lognormal about the value; beside revenue, attribution and decline its variance has the uncertainty of
the generic margin divided by the premium, or nothing more where the premium is given.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Subject
from ipvalue.methods.base import Estimate, State, Step
from ipvalue.methods.income import CARRIED, IncomeMethod, expectation_sources, expectations, valuing_steps
from ipvalue.types import Floats, Ints16

__all__ = ["IncrementalIncome"]


class IncrementalIncome(IncomeMethod):
    """Premium profit of revenue with the patent over revenue without it, after tax.

    Parameters
    ----------
    generic_margin : float, optional
        Operating margin without the patent; by default that of the field's industry.
    premium : float, optional
        Price premium or cost saving as a share of revenue, for all patents; by default margin less generic
        margin.
    tax_amortisation_benefit, fees, ramp
        As in :class:`~ipvalue.methods.income.IncomeMethod`.

    Examples
    --------
    >>> from ipvalue import IncrementalIncome
    >>> IncrementalIncome(generic_margin=0.08)
    IncrementalIncome(generic_margin=0.08)
    """

    name: ClassVar[str] = "incremental_income"
    approach: ClassVar[str] = "income"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of revenue, attribution, generic margin and decline, as assumed"
    steps: ClassVar[tuple[Step, ...]] = (
        *CARRIED,
        Step("margin", "operating margin before tax; generic margin + premium where the premium is given", "share"),
        Step("generic_margin", "operating margin without the patent", "share"),
        Step("premium", "margin - generic_margin, or as given", "share of revenue"),
        Step("tax", "tax rate on profit", "share", "assumptions.tax_rate"),
        Step("income", "max(current_revenue * attribution * premium * (1 - tax), 0)", "currency a year"),
        *valuing_steps("income"),
    )

    generic_margin: float | None = Field(default=None, ge=-1, le=1)
    premium: float | None = Field(default=None, gt=0, le=1)

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value the premium over the remaining life."""
        steps = expectations(subject, assumptions)
        generic = assumptions.by_field("operating_margin", subject.field)
        steps["generic_margin"] = generic if self.generic_margin is None else np.full(len(subject), self.generic_margin)
        if self.premium is None:
            steps["margin"] = subject.features["operating_margin"]
            steps["premium"] = steps["margin"] - steps["generic_margin"]
        else:
            steps["premium"] = np.full(len(subject), self.premium)
            steps["margin"] = steps["generic_margin"] + steps["premium"]
        income = steps["current_revenue"] * steps["attribution"] * steps["premium"] * (1.0 - steps["tax"])
        steps["income"] = np.maximum(income, 0.0)
        return self.complete(
            steps,
            "income",
            subject,
            assumptions,
            spread=self._spread(steps["premium"], assumptions),
            refused=_refused(steps["premium"]),
        )

    def _spread(self, premium: Floats, assumptions: Assumptions) -> Floats:
        """Uncertainty of the generic margin relative to the premium."""
        if self.premium is not None or self.generic_margin is not None:
            return np.zeros(len(premium))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(premium > 0, assumptions.operating_margin_sd.value / premium, 0.0)

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        found = expectation_sources(subject, assumptions)
        table, field = assumptions.operating_margin, str(int(subject.field[0]))
        industry = table.get(field, table["default"]).source
        found["generic_margin"] = industry if self.generic_margin is None else "set in the method"
        found["premium"] = "economics.margin less the generic margin"
        if self.premium is not None:
            found |= {"premium": "set in the method", "margin": "generic margin and premium"}
        return found


def _refused(premium: Floats) -> Ints16:
    """No margin, or none above the generic one."""
    none = np.where(premium > 0, 0, Reason.NO_EXCESS_INCOME)
    return np.where(np.isnan(premium), Reason.NO_MARGIN, none).astype(np.int16)
