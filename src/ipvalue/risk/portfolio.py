"""The book as a whole: the distribution of its value, what may be lost, and how concentrated it is."""

from __future__ import annotations

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
from ipvalue.risk.factors import Factors, simulate_total, total_variance
from ipvalue.risk.figures import default_figure
from ipvalue.risk.origin import expect, number, origin_of, sigma_of
from ipvalue.types import Floats, Ints, Objects
from ipvalue.valuation import Valuation

__all__ = ["PortfolioCorrelation", "PortfolioRisk", "portfolio"]

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
        which is the quantile of the sum only if all patents move as one: it is no quantile of this book.
    losses : DataFrame
        One row a confidence: value at risk and expected shortfall, analytic and simulated; ``standalone``, the sum of
        the patents' own values at risk; ``diversification``, the share of it that the book does not bear.
    concentration : DataFrame
        By patent, field and owner: groups, Herfindahl index of the shares of mean value, the number of equal groups
        that would have that index, and the shares of the largest.
    moments : dict
        Mean, standard deviation, sum of medians, analytic median and sigma, and the standard error of the simulated
        mean.
    provenance : dict
        ``analytic_reliable`` is False where the analytic quantiles are not within 10 % of the simulated ones (without
        a simulation: where a sigma is above 1.3): then the simulated columns count. The mean of a value with a sigma
        of 3 is 90 times its median and hangs on a tail that nothing has measured.
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
        first owner. A missing one (None, '', NaN, or 0 in the snapshot) is shared with nobody.
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
        If fields or owners are missing, or their number does not fit; or a number can't be meant.

    Notes
    -----
    Model: :mod:`ipvalue.risk.factors`, each patent lognormal with its median and the spread of its 5 and 95 %
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
            raise BookError(f"{name}={number_!r}: a whole number from 0 is needed")
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
    """Whether the matched lognormal can be trusted: it meets the simulation, or no value is very uncertain."""
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
        # the exact mean: that of the draws hangs on the largest of them
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
