"""The truth of the synthetic book: latent income, legal history and true value of each right.

The model is described in :mod:`ipvalue.synthetic.book`; this file holds what the value depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_ndtr, ndtr

from ipvalue.law.dates import years_between
from ipvalue.synthetic.common import small_table
from ipvalue.synthetic.outcomes import (
    REFUSED,
    WITHDRAWN,
    challenges,
    failures,
    prosecution,
    surrenders,
    term_changes,
    term_end_of,
)
from ipvalue.synthetic.population import Population, field_numbers, rights_numbers
from ipvalue.synthetic.renewals import Renewals, renewals
from ipvalue.types import Dates, Floats, Ints, Mask

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["DEATH_KINDS", "Truth", "draw_truth", "log_tail", "truth_columns", "truth_frame", "value_on"]

MEDIAN_INCOME_CNY = 150_000.0  # a year, of a Chinese invention of the median field at filing
TAIL_SHARE = 0.02
TAIL_INDEX = 1.35  # 1.2 to 1.5 are found in samples of patent values
DEATH_KINDS = ("", "refused", "withdrawn", "lapsed", "expired", "surrendered", "invalidated")
LAPSED, EXPIRED, SURRENDERED, INVALIDATED = range(3, 7)
_NEVER = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Truth:
    """True income and legal history, one element a patent; dates after ``until`` are included."""

    theta: Floats
    log_theta_z: Floats
    delta: Floats
    discount: Floats
    grant_probability: Floats
    outcome: Dates
    grant: Dates
    publication: Dates
    adjustment: Ints
    extension: Ints
    extension_known: Dates
    disclaimer: Dates
    term_end: Dates
    death: Dates
    death_kind: Ints
    gap_start: Dates
    gap_end: Dates
    challenge: Dates
    challenge_result: Ints
    challenge_end: Dates
    double: Mask
    fees: Renewals


def log_tail(z: Floats, sigma: Floats) -> Floats:
    """Log of the income relative to its median: lognormal, with a Pareto tail above the 98 % quantile.

    Parameters
    ----------
    z : float array
        Standard normal quality.
    sigma : float array
        Standard deviation of the log income below the tail.

    Returns
    -------
    float array
        sigma * z up to the quantile; above it, sigma * z98 + log(0.02 / (1 - Phi(z))) / 1.35.

    References
    ----------
    Silverberg, G. and Verspagen, B. (2007), The size distribution of innovations revisited, Journal of
    Econometrics 139, 318-339.

    Examples
    --------
    >>> log_tail(np.array([0.0, 1.0]), np.array([1.3, 1.3])).tolist()
    [0.0, 1.3]
    """
    threshold = 2.0537489106318225  # the 98 % quantile of the standard normal distribution
    beyond = (np.log(TAIL_SHARE) - log_ndtr(-z)) / TAIL_INDEX
    return np.where(z <= threshold, sigma * z, sigma * threshold + np.maximum(beyond, 0.0))


def value_on(dates: np.datetime64 | Dates, truth: Mapping[str, Any]) -> Floats:
    """True value on dates, in each patent's own currency.

    Parameters
    ----------
    dates : datetime64[D] or array of it
        Valuation date, one for all or one a patent.
    truth : mapping of str to array
        The columns of the truth frame (or arrays of the same names).

    Returns
    -------
    float array, whole units of the patent's currency
        NaN before the filing and 0 where the right is dead.

    Notes
    -----
    V = theta * exp(-delta * age) * (1 - exp(-(delta + k) * T)) / (delta + k), with age from filing, T the
    years to the end of the term and k the continuous discount rate; times the grant probability while the
    application is pending.

    Examples
    --------
    >>> day = np.array(["2010-01-01"], "M8[D]")
    >>> never = np.array(["NaT"], "M8[D]")
    >>> columns = dict(application_date=day, outcome_date=day, death_date=never, gap_start=never,
    ...     gap_end=never, term_end=np.array(["2030-01-01"], "M8[D]"), theta=np.array([1000.0]),
    ...     delta=np.array([0.1]), discount=np.array([0.1]), grant_probability=np.array([0.6]))
    >>> value_on(np.datetime64("2010-01-01"), columns).round(1).tolist()
    [4908.4]
    """
    column = {name: np.asarray(truth[name], "M8[D]") for name in _DATE_COLUMNS}
    theta, delta, discount, probability = (np.asarray(truth[name], np.float64) for name in _NUMBER_COLUMNS)
    day = np.asarray(dates, "M8[D]")
    age = years_between(column["application_date"], day)
    remaining = np.maximum(years_between(day, column["term_end"]), 0.0)
    annuity = -np.expm1(-(delta + discount) * remaining) / (delta + discount)
    value = theta * np.exp(-delta * np.maximum(age, 0.0)) * annuity
    value = np.where(day < column["outcome_date"], probability * value, value)
    in_gap = (day >= column["gap_start"]) & (day < column["gap_end"])
    dead = (day >= column["death_date"]) | in_gap
    return np.asarray(np.where(age < 0.0, np.nan, np.where(dead, 0.0, value)), np.float64)


_DATE_COLUMNS = ("application_date", "outcome_date", "death_date", "gap_start", "gap_end", "term_end")
_NUMBER_COLUMNS = ("theta", "delta", "discount", "grant_probability")


def _first_death(candidates: list[tuple[int, Dates]], until: np.datetime64) -> tuple[Dates, Ints]:
    """Earliest of the possible ends that comes by the last day of the book."""
    far = np.datetime64("9999-01-01", "D")
    dates = np.stack([np.where(np.isnat(when), far, when) for _, when in candidates])
    first = dates.argmin(axis=0)
    death = dates[first, np.arange(dates.shape[1])]
    alive = death > until
    kind = np.array([code for code, _ in candidates])[first]
    return np.where(alive, _NEVER, death).astype("M8[D]"), np.where(alive, 0, kind)


def _income(population: Population) -> tuple[Floats, Floats]:
    """Yearly income at filing in the patent's currency, and its log relative to the median."""
    currencies = small_table("currencies")
    dollars = {c: float(usd) for c, usd in zip(currencies["currency"], currencies["usd"])}
    parity = np.array([dollars["CNY"] / dollars[c] for c in small_table("rights")["currency"]])
    sigma = field_numbers("dispersion")[population.field] * rights_numbers("sigma_scale")[population.right]
    relative = log_tail(population.quality, sigma)
    level = field_numbers("level")[population.field] + rights_numbers("level")[population.right]
    theta = MEDIAN_INCOME_CNY * np.exp(level + relative) * parity[population.right]
    return theta, relative


def draw_truth(population: Population, seed: int) -> Truth:
    """Draw income and legal history of every patent.

    Parameters
    ----------
    population : Population
        From :func:`draw_population`.
    seed : int
        Seed of the book.

    Returns
    -------
    Truth
    """
    theta, relative = _income(population)
    delta = field_numbers("decay")[population.field]
    discount = field_numbers("discount")[population.field]
    probability, granted, outcome, publication = prosecution(population, seed)
    grant = np.where(granted, outcome, _NEVER).astype("M8[D]")
    adjustment, extension, extension_known, disclaimer = term_changes(population, grant, seed)
    term_end = term_end_of(population, outcome, adjustment, extension, disclaimer)
    challenge, result, challenge_end = challenges(population, grant, term_end, seed)
    surrender, double = surrenders(population, grant, seed)
    failure = failures(population, granted, seed)
    fees = renewals(population, theta, delta, discount, grant, term_end, seed)
    death, kind = _first_death(
        [
            (REFUSED, np.where(failure == REFUSED, outcome, _NEVER)),
            (WITHDRAWN, np.where(failure == WITHDRAWN, outcome, _NEVER)),
            (INVALIDATED, np.where(result == 3, challenge_end, _NEVER)),
            (SURRENDERED, surrender),
            (LAPSED, fees.lapse),
            (EXPIRED, np.where(granted, term_end + np.timedelta64(1, "D"), _NEVER)),
        ],
        population.until,
    )
    undisturbed = np.isnat(death) | (death > fees.gap_end)
    return Truth(
        theta=theta,
        log_theta_z=relative,
        delta=delta,
        discount=discount,
        grant_probability=probability,
        outcome=outcome,
        grant=grant,
        publication=publication,
        adjustment=adjustment,
        extension=extension,
        extension_known=extension_known,
        disclaimer=disclaimer,
        term_end=term_end,
        death=death,
        death_kind=kind,
        gap_start=np.where(undisturbed, fees.gap_start, _NEVER).astype("M8[D]"),
        gap_end=np.where(undisturbed, fees.gap_end, _NEVER).astype("M8[D]"),
        challenge=challenge,
        challenge_result=result,
        challenge_end=challenge_end,
        double=double,
        fees=fees,
    )


def truth_columns(population: Population, truth: Truth) -> dict[str, Any]:
    """Arrays of what :func:`value_on` needs, under the names of the truth frame.

    Parameters
    ----------
    population : Population
        The patents.
    truth : Truth
        Their income and legal history.

    Returns
    -------
    dict of str to array
    """
    return {
        "theta": truth.theta,
        "delta": truth.delta,
        "discount": truth.discount,
        "grant_probability": truth.grant_probability,
        "application_date": population.application,
        "outcome_date": truth.outcome,
        "grant_date": truth.grant,
        "term_end": truth.term_end,
        "death_date": truth.death,
        "gap_start": truth.gap_start,
        "gap_end": truth.gap_end,
    }


def truth_frame(population: Population, truth: Truth, patent_id: pa.Array) -> pd.DataFrame:
    """The truth as a frame, one row a patent.

    Parameters
    ----------
    population : Population
        The patents.
    truth : Truth
        Their income and legal history.
    patent_id : pyarrow.Array
        Their identifiers.

    Returns
    -------
    pandas.DataFrame
        The columns are listed in :func:`ipvalue.synthetic.book.synthetic_tables`.
    """
    import pandas as pd

    rights = small_table("rights")
    names = {name: np.array(rights[name], object) for name in ("jurisdiction", "right", "currency")}
    frame: dict[str, Any] = {"patent_id": patent_id.to_numpy(zero_copy_only=False)}
    frame |= {name: codes[population.right] for name, codes in names.items()}
    frame["field"] = population.field + 1
    frame |= truth_columns(population, truth)
    frame["z"] = population.quality
    frame["log_theta_z"] = truth.log_theta_z
    frame["quality"] = ndtr(population.quality)
    frame["death_kind"] = np.array(DEATH_KINDS, object)[truth.death_kind]
    dates = {name: values.astype("M8[s]") for name, values in frame.items() if values.dtype == "M8[D]"}
    return pd.DataFrame(frame | dates)
