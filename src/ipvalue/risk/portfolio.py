"""The book as a whole: the distribution of its value, what may be lost, and how concentrated it is.

Values move together by one factor for all patents, one for each technology field and one for each owner::

    log V_i = log median_i + sigma_i (sqrt(a) M + sqrt(b) F_field(i) + sqrt(c) O_owner(i) + sqrt(1 - a - b - c) e_i)

with independent standard normal M, F, O and e. Two patents have correlation a, plus b in one field, plus c with one
owner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtr, ndtri

from ipvalue.assumptions.sets import Figure
from ipvalue.errors import BookError
from ipvalue.finance.distributions import LEVELS, lognormal_quantiles
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.origin import expect, number, origin_of, sigma_of
from ipvalue.risk.policy import default_figure
from ipvalue.types import Floats, Ints, Objects
from ipvalue.valuation import Valuation

__all__ = ["Factors", "PortfolioCorrelation", "PortfolioRisk", "portfolio", "simulate_total", "total_variance"]

_SCENARIOS = 32
_PATENTS = 4096


@dataclass(frozen=True)
class Factors:
    """Field and owner of each patent, numbered from 0, and a, b and c: shares of the variance of a log value."""

    field: Ints
    owner: Ints
    market_share: float
    field_share: float
    owner_share: float

    @property
    def own_share(self) -> float:
        """Share of the variance that is specific to each patent."""
        return max(0.0, 1.0 - self.market_share - self.field_share - self.owner_share)


def total_variance(mean: Floats, sigma: Floats, factors: Factors) -> float:
    """Variance of the sum of the values, exactly.

    Parameters
    ----------
    mean, sigma : ndarray, shape (n,)
        Mean of each value and standard deviation of its logarithm.
    factors : Factors

    Notes
    -----
    ``sum_ij m_i m_j (exp(rho_ij s_i s_j) - 1)`` takes four values of rho off the diagonal. The pairs of a group under
    one rho are summed in O(n) by ``exp(rho s_i s_j) - 1 = sum_p rho^p / p! s_i^p s_j^p``, as in
    :func:`ipvalue.finance.distributions.fenton_wilkinson`.

    Examples
    --------
    >>> alone = Factors(np.array([0, 1]), np.array([0, 1]), 0.0, 0.0, 0.0)
    >>> two = total_variance(np.array([1.0, 1.0]), np.array([0.5, 0.5]), alone)
    >>> bool(np.isclose(two, 2 * np.expm1(0.25)))
    True
    """
    a, b, c = factors.market_share, factors.field_share, factors.owner_share
    everyone = np.zeros(len(mean), np.int64)
    _, both = np.unique(factors.field * (factors.owner.max(initial=0) + 1) + factors.owner, return_inverse=True)

    def pairs(group: Ints, rho: float) -> float:
        return _grouped(mean, sigma, group, rho)

    total = pairs(everyone, a)
    total += pairs(factors.field, a + b) - pairs(factors.field, a)
    total += pairs(factors.owner, a + c) - pairs(factors.owner, a)
    total += pairs(both, a + b + c) - pairs(both, a + b) - pairs(both, a + c) + pairs(both, a)
    own = mean**2 * (np.expm1(sigma**2) - np.expm1((a + b + c) * sigma**2))
    return float(total + own.sum())


def _grouped(mean: Floats, sigma: Floats, group: Ints, rho: float) -> float:
    """Sum over all pairs of each group, a patent with itself too, of m_i m_j (exp(rho s_i s_j) - 1)."""
    if rho == 0.0 or not len(mean):
        return 0.0
    n = int(group.max()) + 1
    largest = min(rho * float(sigma.max()) ** 2, 200.0)
    power, factor, total = mean, 1.0, 0.0
    for order in range(1, int(np.ceil(math.e * largest)) + 40):
        power = power * sigma
        factor = factor * rho / order
        total += factor * float((np.bincount(group, power, n) ** 2).sum())
    return total


def simulate_total(median: Floats, sigma: Floats, factors: Factors, scenarios: int, seed: int) -> Floats:
    """Draw the sum of the values; median and sigma are in the order of patent_id.

    The same seed and patents give the same draws; the first draws do not depend on their number.
    """
    live = np.flatnonzero(median > 0)
    logs, spread = np.log(median[live]), sigma[live]
    field, owner = factors.field[live], factors.owner[live]
    n_fields, n_owners = int(field.max(initial=-1)) + 1, int(owner.max(initial=-1)) + 1
    market, by_field, by_owner, own = np.sqrt(
        [factors.market_share, factors.field_share, factors.owner_share, factors.own_share]
    )
    totals = np.zeros(-(-scenarios // _SCENARIOS) * _SCENARIOS)
    for first in range(0, scenarios, _SCENARIOS):
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, first])))
        shared = market * rng.standard_normal((1, _SCENARIOS))
        fields = shared + by_field * rng.standard_normal((n_fields, _SCENARIOS))
        owners = by_owner * rng.standard_normal((n_owners, _SCENARIOS))
        for start in range(0, len(live), _PATENTS):
            rows = slice(start, start + _PATENTS)
            moves = rng.standard_normal((len(logs[rows]), _SCENARIOS))
            moves *= own
            moves += fields[field[rows]]
            moves += owners[owner[rows]]
            moves *= spread[rows, None]
            moves += logs[rows, None]
            totals[first : first + _SCENARIOS] += np.exp(moves).sum(axis=0)
    return totals[:scenarios]


_TABLE = "portfolio_correlation.csv"
_LARGE_SIGMA = 1.3
_TOLERANCE = 0.1
_TOPS = (1, 5, 10, 50, 100)


def _default(name: str) -> Callable[[], Figure]:
    return lambda: default_figure(_TABLE, name)


class PortfolioCorrelation(BaseModel):
    """Shares of the variance of a log value that patents have in common.

    Attributes
    ----------
    market, field, owner : Figure
        In common with all patents, with those of the field, and with those of the owner; together at most 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: Figure = Field(default_factory=_default("market"))
    field: Figure = Field(default_factory=_default("field"))
    owner: Figure = Field(default_factory=_default("owner"))

    @model_validator(mode="after")
    def _bounds(self) -> PortfolioCorrelation:
        shares = (self.market.value, self.field.value, self.owner.value)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(f"shares of a variance are not negative and sum to at most 1, not {shares}")
        return self

    @classmethod
    def of(cls, market: float, field: float, owner: float) -> PortfolioCorrelation:
        """Make a set from plain numbers, which count as assumed."""
        default = cls()
        made = {
            name: getattr(default, name).model_copy(
                update={"value": value, "certainty": "assumed", "source": "set by user"}
            )
            for name, value in (("market", market), ("field", field), ("owner", owner))
        }
        return cls(**made)


@dataclass(frozen=True, eq=False, repr=False)
class PortfolioRisk:
    """The value of a book as one uncertain amount, in the valuation's currency.

    Attributes
    ----------
    quantiles : DataFrame
        One row a level: ``analytic`` and ``simulated`` quantile of the sum, and ``sum_of_patents_quantiles``,
        which equals the quantile of the sum only if all values are perfectly correlated.
    losses : DataFrame
        One row a confidence: value at risk and expected shortfall, analytic and simulated; ``standalone``, the sum of
        the patents' own values at risk; ``diversification``, the share of it that diversification removes.
    concentration : DataFrame
        By patent, field and owner: groups, Herfindahl index of the shares of mean value, the number of equal groups
        that would have that index, and the shares of the largest.
    moments : dict
        Mean, standard deviation, sum of medians, analytic median and sigma, and the standard error of the simulated
        mean.
    provenance : dict
        ``analytic_reliable`` is False where the analytic quantiles are not within 10 % of the simulated ones (without
        a simulation: where a sigma is above 1.3): then the simulated columns count. The mean of a value with a sigma
        of 3 is 90 times its median and depends on a tail that no data support.
    """

    quantiles: pd.DataFrame
    losses: pd.DataFrame
    concentration: pd.DataFrame
    moments: dict[str, float]
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        m = self.moments
        warning = "" if self.provenance["analytic_reliable"] else "\nanalytic figures are not reliable: see simulated"
        return (
            f"PortfolioRisk of {self.provenance['patents']:,} patents as of {self.provenance['as_of']} in "
            f"{self.provenance['currency']}: mean {m['mean']:,.0f}, standard deviation {m['standard_deviation']:,.0f}\n"
            f"{self.losses.to_string(float_format='{:,.2f}'.format)}{warning}"
        )


def portfolio(
    valuation: Valuation,
    *,
    field: npt.ArrayLike | None = None,
    owner: npt.ArrayLike | None = None,
    correlation: PortfolioCorrelation | None = None,
    snapshot: Snapshot | None = None,
    scenarios: int = 10_000,
    seed: int = 0,
    confidence: tuple[float, ...] = (0.95, 0.99),
) -> PortfolioRisk:
    """Work out the distribution of the value of all patents together.

    Parameters
    ----------
    valuation : Valuation
    field, owner : array_like, shape (n,), optional
        Group of each row of the valuation, by any code or name; by default the snapshot's technology field and
        first owner. A missing one (None, '', NaN, or 0 in the snapshot) is a group of its own.
    correlation : PortfolioCorrelation, optional
    snapshot : Snapshot, optional
        What the values were made from; needed for the defaults where they were read from a file.
    scenarios : int
        Draws of the simulation; 0 for none.
    seed : int
    confidence : tuple of float
        Levels of the value at risk.

    Returns
    -------
    PortfolioRisk

    Raises
    ------
    BookError
        If fields or owners are missing, or their number does not fit; or a number is out of its range.

    Notes
    -----
    Model: :mod:`ipvalue.risk.portfolio`, each patent lognormal with its median and the spread of its 5 and 95 %
    quantiles. Mean and variance of the sum are exact; the analytic quantiles are those of the lognormal with that mean
    and variance (Fenton 1960). Value at risk is the mean less the lower quantile, expected shortfall the mean less
    the mean below that quantile: the uncertainty of the value today, not of a change over a horizon. Patents without
    a value are left out and counted.

    References
    ----------
    Fenton (1960), IRE Transactions on Communications Systems 8(1); Vasicek (2002), Risk 15(12) (one factor); McNeil,
    Frey and Embrechts (2015), Quantitative Risk Management, 2.3 (value at risk, expected shortfall).

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(300, seed=7)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2023-12-31")
    >>> risk = portfolio(engine.value(book.as_of("2024-12-31")), scenarios=500)
    >>> bool((risk.losses["diversification"] > 0).all())
    True
    """
    correlation = PortfolioCorrelation() if correlation is None else correlation
    expect("valuation", valuation, Valuation)
    expect("correlation", correlation, PortfolioCorrelation)
    _check_draws(scenarios, seed, confidence)
    fields, owners = _groups(valuation, field, owner, snapshot)
    median, sigma = number(valuation, "value"), sigma_of(valuation)
    valued = median > 0
    median, sigma, fields, owners = median[valued], sigma[valued], fields[valued], owners[valued]
    shares = (correlation.market.value, correlation.field.value, correlation.owner.value)
    factors = Factors(_coded(fields), _coded(owners), *shares)
    mean = median * np.exp(0.5 * sigma**2)
    drawn = np.sort(simulate_total(median, sigma, factors, scenarios, seed))
    total, variance = float(mean.sum()), total_variance(mean, sigma, factors)
    spread = float(np.sqrt(np.log1p(variance / total**2))) if total > 0 else 0.0
    centre = total * float(np.exp(-0.5 * spread**2))
    moments = {
        "mean": total,
        "standard_deviation": float(np.sqrt(variance)),
        "sum_of_medians": float(median.sum()),
        "analytic_median": centre,
        "analytic_sigma": spread,
        "simulated_mean": float(drawn.mean()) if len(drawn) else np.nan,
        "largest_sigma": float(sigma.max(initial=0.0)),
        "simulation_error": float(drawn.std(ddof=1) / np.sqrt(len(drawn))) if len(drawn) > 1 else np.nan,
    }
    provenance = {
        "as_of": valuation.provenance["as_of"],
        "currency": valuation.provenance["currency"],
        "patents": int(valued.sum()),
        "left_out": int((~valued).sum()),
        "correlation": correlation.model_dump(mode="json"),
        "scenarios": scenarios,
        "seed": seed,
    }
    quantiles = _quantiles(median, sigma, centre, spread, drawn)
    provenance["analytic_reliable"] = _reliable(quantiles, sigma)
    return PortfolioRisk(
        quantiles,
        _losses(median, sigma, (total, centre, spread), drawn, confidence),
        _concentration(mean, factors),
        moments,
        provenance,
    )


def _check_draws(scenarios: int, seed: int, confidence: tuple[float, ...]) -> None:
    for name, number_ in (("scenarios", scenarios), ("seed", seed)):
        if isinstance(number_, bool) or not isinstance(number_, int | np.integer) or number_ < 0:
            raise BookError(f"{name}={number_!r}: it must be an integer of 0 or more")
    levels = np.ravel(np.asarray(confidence, object))
    good = [isinstance(level, float | np.floating) and 0.0 < level < 1.0 for level in levels]
    if not np.ndim(confidence) or not len(levels) or not all(good):
        raise BookError(f"confidence={confidence!r}: one or more levels between 0 and 1, such as (0.95, 0.99)")


def _groups(
    valuation: Valuation, field: npt.ArrayLike | None, owner: npt.ArrayLike | None, snapshot: Snapshot | None
) -> tuple[Objects, Objects]:
    """Field and owner of each row, None where unknown."""
    state = origin_of(valuation, snapshot, None).snapshot
    ids = np.asarray(valuation.table["patent_id"].to_numpy(zero_copy_only=False), object)
    found: list[Objects] = []
    for name, given in (("field", field), ("owner", owner)):
        if given is None:
            if state is None:
                raise BookError(f"these values were read from a file: give {name}=, or their snapshot")
            place = np.minimum(np.searchsorted(state.patent_ids, ids), max(len(state) - 1, 0))
            codes = np.asarray(getattr(state, name), object)[place]
            known = (state.patent_ids[place] == ids) & (codes != 0)
        else:
            codes = np.asarray(given, object)
            if codes.shape != ids.shape:
                raise BookError(f"{name} has {codes.shape} elements, the valuation {len(ids):,}")
            known = ~np.asarray(pd.isna(codes)) & (codes != "")
        found.append(np.where(known, codes, np.array(None, object)))
    return found[0], found[1]


def _coded(groups: Objects) -> Ints:
    """Groups by number; an unknown one is a group of its own."""
    codes, names = pd.factorize(groups)
    unknown = codes < 0
    return np.where(unknown, len(names) + np.cumsum(unknown) - 1, codes).astype(np.int64)


def _quantiles(median: Floats, sigma: Floats, centre: float, spread: float, drawn: Floats) -> pd.DataFrame:
    levels = np.array(LEVELS)
    return pd.DataFrame(
        {
            "analytic": lognormal_quantiles(centre, spread),
            "simulated": np.quantile(drawn, levels) if len(drawn) else np.nan,
            "sum_of_patents_quantiles": lognormal_quantiles(median, sigma).sum(axis=0),
        },
        index=pd.Index(levels, name="level"),
    )


def _reliable(quantiles: pd.DataFrame, sigma: Floats) -> bool:
    """Whether the matched lognormal is reliable: it agrees with the simulation, or no value is very uncertain."""
    low, high = quantiles["analytic"].to_numpy(), quantiles["simulated"].to_numpy(np.float64)
    if np.isnan(high).any():
        return bool((sigma <= _LARGE_SIGMA).all())
    return bool((np.abs(low - high) <= _TOLERANCE * high).all())


def _losses(
    median: Floats, sigma: Floats, law: tuple[float, float, float], drawn: Floats, confidence: tuple[float, ...]
) -> pd.DataFrame:
    """Value at risk and expected shortfall at each confidence."""
    rows = []
    total, centre, spread = law
    for level in confidence:
        deviate = float(ndtri(1.0 - level))
        at_risk = total - centre * float(np.exp(spread * deviate))
        # mean of a lognormal below its quantile: mean * Phi(z - sigma) / Phi(z)
        short = total * (1.0 - float(ndtr(deviate - spread)) / (1.0 - level))
        alone = float((median * (np.exp(0.5 * sigma**2) - np.exp(sigma * deviate))).sum())
        worst = drawn[: max(1, round((1.0 - level) * len(drawn)))]
        # the exact mean: the mean of the draws depends on the largest of them
        simulated = total - np.quantile(drawn, 1.0 - level) if len(drawn) else np.nan
        rows.append(
            {
                "confidence": level,
                "value_at_risk": at_risk,
                "expected_shortfall": short,
                "value_at_risk_simulated": simulated,
                "expected_shortfall_simulated": total - worst.mean() if len(drawn) else np.nan,
                "standalone": alone,
                "diversification": 1.0 - at_risk / alone if alone > 0 else np.nan,
                "diversification_simulated": 1.0 - simulated / alone if alone > 0 else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("confidence")


def _concentration(mean: Floats, factors: Factors) -> pd.DataFrame:
    """Herfindahl index and top shares of mean value."""
    rows = []
    for name, group in (("patent", np.arange(len(mean))), ("field", factors.field), ("owner", factors.owner)):
        sums = np.sort(np.bincount(group, mean))[::-1] if len(mean) else np.zeros(0)
        share = sums / sums.sum() if sums.sum() > 0 else sums
        index = float((share**2).sum())
        tops = {f"top_{k}": float(share[:k].sum()) for k in _TOPS}
        rows.append(
            {
                "by": name,
                "groups": int((sums > 0).sum()),
                "herfindahl": index,
                "equal_groups": 1 / index if index else 0.0,
            }
            | tops
        )
    return pd.DataFrame(rows).set_index("by")
