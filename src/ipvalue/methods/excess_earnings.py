"""Excess earnings (MPEEM): earnings of a patent's revenue above the required return on all other assets.

Formula. For revenue R, attribution a, operating margin m, tax t, and contributory assets k that take the share
s_k of revenue and must return r_k after tax::

    excess = R * a * (m * (1 - t) - sum over k of s_k * r_k)
    value  = (p * PV(excess, r, n, growth g, decline d, mid-year) - fees * (1 - t)) * TAB

with p, n, g, d, r, fees and TAB as in relief from royalty (:mod:`ipvalue.methods.income`).

Source. IVS 210 (2022) paragraphs 60.5 to 60.15; the Appraisal Foundation (2010), Best Practices for Valuations
in Financial Reporting 1: Identification of Contributory Assets and Calculation of Economic Rents.

Inputs. ``economics.revenue``; the margin from ``economics.margin``, else that of the field's industry, with R&D
taken out of cost, since R&D for later products does not earn today's revenue. Contributory assets are working
capital, fixed assets and workforce, by ``contributory_share`` and ``contributory_return`` of the assumptions.

Assumes that the return on contributory assets is all that is due for them: what they lose in a year (depreciation,
staff turnover) is cost in the margin. Not to be used for a patent that is not the main source of its revenue's
earnings, nor for two patents on the same revenue without an attribution: each would take the full excess.

Interval. Lognormal about the value; beside revenue, attribution and decline its variance has the uncertainty of the
margin (where it is not known) and that of the charge, each divided by the excess per unit of revenue: near
break-even the value is as good as unknown.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Subject
from ipvalue.methods.base import Estimate, State, Step
from ipvalue.methods.income import CARRIED, IncomeMethod, expectation_sources, expectations, margin_of, valuing_steps

__all__ = ["ExcessEarnings"]


class ExcessEarnings(IncomeMethod):
    """Multi-period excess earnings, after tax, with the tax amortisation benefit.

    Parameters
    ----------
    tax_amortisation_benefit, fees, ramp
        As in :class:`~ipvalue.methods.income.IncomeMethod`.

    Examples
    --------
    >>> from ipvalue import ExcessEarnings
    >>> ExcessEarnings(tax_amortisation_benefit=False)
    ExcessEarnings(tax_amortisation_benefit=False)
    """

    name: ClassVar[str] = "excess_earnings"
    approach: ClassVar[str] = "income"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of revenue, attribution, margin, contributory charge and decline, as assumed"
    steps: ClassVar[tuple[Step, ...]] = (
        *CARRIED,
        Step("margin", "operating margin before tax", "share of revenue"),
        Step("tax", "tax rate on profit", "share", "assumptions.tax_rate"),
        Step("profit", "current_revenue * attribution * margin * (1 - tax)", "currency a year"),
        Step("charge_rate", "sum of contributory_share * contributory_return", "share of revenue", "assumptions"),
        Step("charge", "current_revenue * attribution * charge_rate", "currency a year"),
        Step("excess", "max(profit - charge, 0)", "currency a year"),
        *valuing_steps("excess"),
    )

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value the earnings in excess of the contributory assets' over the remaining life."""
        returns = assumptions.contributory_return
        rate = sum(figure.value * returns[asset].value for asset, figure in assumptions.contributory_share.items())
        steps = expectations(subject, assumptions)
        steps["margin"], known = margin_of(subject, assumptions)
        carried = steps["current_revenue"] * steps["attribution"]
        steps["charge_rate"] = np.full(len(subject), rate)
        steps["profit"] = carried * steps["margin"] * (1.0 - steps["tax"])
        steps["charge"] = carried * steps["charge_rate"]
        steps["excess"] = np.maximum(steps["profit"] - steps["charge"], 0.0)
        after_tax = 1.0 - steps["tax"]
        left = steps["margin"] * after_tax - steps["charge_rate"]
        margin_sd = np.where(known, 0.0, assumptions.operating_margin_sd.value) * after_tax
        charge_sd = steps["charge_rate"] * assumptions.contributory_log_sd.value
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(left > 0, np.hypot(margin_sd, charge_sd) / left, 0.0)
        return self.complete(
            steps,
            "excess",
            subject,
            assumptions,
            spread=spread,
            refused=np.where(left > 0, 0, Reason.NO_EXCESS_INCOME).astype(np.int16),
        )

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        shares = "; ".join(f"{asset}: {f.source}" for asset, f in assumptions.contributory_share.items())
        return expectation_sources(subject, assumptions) | {"charge_rate": shares}
