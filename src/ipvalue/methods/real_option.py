"""Real option: the right, but not the obligation, to pay the cost of development for the income of the product.

Formula. With S the present value of income if the patent were developed today, X the cost of doing so, T the
years that remain, r the risk-free rate (continuous) and sigma the volatility of S::

    yield = 1 / T                     every year of waiting loses one of the T years of protected income
    value = C(S, X, T, r, sigma, yield)                      American call; or European
    S     = royalties saved after tax over the remaining life, as relief from royalty values them

Source. Damodaran (2012), Investment Valuation, 3rd ed., chapter 28 (a product patent as an option; cost of delay
as a dividend yield); Dixit and Pindyck (1994), Investment under Uncertainty;
IVS 105 (2022; IVS 103 of 2025) on option pricing.

Inputs. ``economics.cost_to_develop`` above 0 and ``economics.revenue`` (expected once developed), and whatever
:class:`~ipvalue.methods.relief_from_royalty.ReliefFromRoyalty` reads. The risk-free rate is the zero rate of the
remaining years in ``curves``, by the last quotation of the valuation's currency, else ``risk_free_rate`` of the
assumptions.

Assumes that the market value of the developed patent moves as a lognormal diffusion that traded assets span, that
the cost of development is known, and that it is spent at once. Not to be used for a patent in use, which has no
decision to wait for, and with care where the chance of technical success is what is uncertain: it is in S as a
probability, not in sigma.

Interval. S is lognormal about its value with relief from royalty's spread; the option rises with S, so each
quantile of the value is the option at the quantile of S. The lowest is at least a millionth of the value, since a
lognormal interval cannot contain zero.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.risk_free_rates import risk_free_rate
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.finance.distributions import LEVELS, lognormal_quantiles
from ipvalue.finance.options_american import american
from ipvalue.finance.options_european import european
from ipvalue.methods.base import Estimate, Method, State, Step
from ipvalue.methods.relief_from_royalty import ReliefFromRoyalty
from ipvalue.types import Floats, Ints16

__all__ = ["RealOption", "development_option"]

_LEAST_SHARE = 1e-6


def development_option(
    spot: npt.ArrayLike,
    cost: npt.ArrayLike,
    years: npt.ArrayLike,
    rate: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    exercise: str = "american",
) -> Floats:
    """Value of the right to develop a patent while it lives.

    Parameters
    ----------
    spot : array_like
        Present value of what the developed patent would earn, in money.
    cost : array_like
        Cost of development, in money.
    years : array_like
        Remaining life.
    rate : array_like
        Risk-free rate, continuous decimal a year.
    volatility : array_like
        Of ``spot``, decimal a year.
    exercise : {'american', 'european'}, default 'american'
        Development at any time, or at the end only.

    Returns
    -------
    ndarray of float64
        In money, of the broadcast shape; 0 without remaining life, NaN where an input is NaN.

    Notes
    -----
    A call with the yield ``1 / years``: the cost of delay.

    References
    ----------
    Damodaran (2012), Investment Valuation, 3rd ed., chapter 28.

    Examples
    --------
    >>> round(float(development_option(3422, 2875, 17, 0.067, 0.224**0.5, exercise="european")))  # 907
    907
    """
    life = np.asarray(years, np.float64)
    with np.errstate(divide="ignore"):
        delay = np.where(life > 0, 1.0 / np.where(life > 0, life, 1.0), 0.0)
    price = american if exercise == "american" else european
    value = price(spot, cost, life, rate, volatility, delay)
    return np.where((life <= 0) & ~np.isnan(value), 0.0, value)


class RealOption(Method):
    """Option to develop a patent that is not yet in use.

    Parameters
    ----------
    exercise : {'american', 'european'}, default 'american'
        Whether development may begin at any time, or only at the end of the right's life.
    royalty : {'licences', 'assumed'}, default 'licences'
        Where the royalty rate of a patent comes from that ``economics`` gives none.

    Examples
    --------
    >>> from ipvalue import RealOption
    >>> RealOption(exercise="european")
    RealOption(exercise='european')
    """

    name: ClassVar[str] = "real_option"
    approach: ClassVar[str] = "option"  # type: ignore[assignment]
    covers: ClassVar[str] = "uncertainty of the income of the developed patent, as assumed"
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "spot", "value of the royalties saved, were the patent developed today", "currency", "relief_from_royalty"
        ),
        Step("cost", "cost of development still to be spent, converted", "currency", "economics.cost_to_develop"),
        Step("years", "remaining life of the right's income", "years", "relief_from_royalty"),
        Step("rate", "ln(1 + risk-free zero rate of these years)", "per year, continuous", "curves"),
        Step("volatility", "volatility of the field", "per year to the root", "assumptions.development_volatility"),
        Step("delay", "1 / years", "per year", "Damodaran (2012), chapter 28"),
        Step("intrinsic", "max(spot - cost, 0)", "currency"),
        Step("estimate", "call(spot, cost, years, rate, volatility, yield = delay)", "currency"),
        Step("log_sd", "standard deviation of the logarithm of spot", "log units", "relief_from_royalty"),
    )

    exercise: str = Field(default="american", pattern="^(american|european)$")
    royalty: str = Field(default="licences", pattern="^(licences|assumed)$")

    def fit(self, evidence: Evidence, assumptions: Assumptions) -> State:
        """Read the royalty rate of each field from the licences known on the fit date."""
        return self._income.fit(evidence, assumptions)

    def estimate(self, subject: Subject, state: State, assumptions: Assumptions) -> Estimate:
        """Value the right to develop."""
        developed = self._income.estimate(subject, state, assumptions)
        steps = self._inputs(subject, developed, assumptions)
        reason = self._reason(subject, steps, developed)
        use = np.flatnonzero(reason == 0)
        n = len(subject)
        value, quantiles = np.full(n, np.nan), np.full((n, len(LEVELS)), np.nan)
        if len(use):
            terms = tuple(steps[name][use] for name in ("cost", "years", "rate", "volatility"))
            spots = lognormal_quantiles(steps["spot"][use], steps["log_sd"][use])
            options = development_option(spots, *(each[:, None] for each in terms), exercise=self.exercise)
            value[use] = options[:, LEVELS.index(0.5)]
            # where the option is worth close to zero, its quantiles may cross by rounding
            ordered = np.maximum.accumulate(options, axis=1)
            quantiles[use] = np.maximum(ordered, _LEAST_SHARE * value[use][:, None])
        reason[use] = np.where(value[use] > 0, reason[use], Reason.NO_FUTURE_INCOME)
        steps["estimate"] = value
        return Estimate.make(value, quantiles, reason, {step.name: steps[step.name] for step in self.steps})

    @property
    def _income(self) -> ReliefFromRoyalty:
        return ReliefFromRoyalty(royalty=self.royalty)

    def _inputs(self, subject: Subject, developed: Estimate, assumptions: Assumptions) -> dict[str, Floats]:
        spot, cost = np.asarray(developed.details["estimate"]), subject.money["cost_to_develop"]
        years = np.asarray(developed.details["years"])
        return {
            "spot": spot,
            "cost": cost,
            "years": years,
            "rate": np.log1p(risk_free_rate(subject, assumptions, years)[0]),
            "volatility": assumptions.by_field("development_volatility", subject.field),
            "delay": np.where(years > 0, 1.0 / np.where(years > 0, years, 1.0), np.nan),
            "intrinsic": np.maximum(spot - cost, 0.0),
            "log_sd": np.asarray(developed.details["log_sd"]),
        }

    def _reason(self, subject: Subject, steps: dict[str, Floats], developed: Estimate) -> Ints16:
        reason = developed.reason.copy()
        reason[(reason == Reason.NO_FUTURE_INCOME) & (steps["years"] == 0)] = Reason.TERM_OVER
        # a cost of 0 means that the patent is already developed
        reason[~(steps["cost"] > 0)] = Reason.NO_COST
        reason[np.isnan(subject.money["exchange_rate"])] = Reason.NO_EXCHANGE_RATE
        return reason

    def sources(self, subject: Subject, state: State, assumptions: Assumptions) -> dict[str, str]:
        """Say where the figures of the first patent come from."""
        table, field = assumptions.development_volatility, str(int(subject.field[0]))
        _, known = risk_free_rate(subject, assumptions, np.zeros(len(subject)))
        return {
            "rate": f"curves, {assumptions.currency}" if known[0] else assumptions.risk_free_rate.source,
            "volatility": table.get(field, table["default"]).source,
        }
