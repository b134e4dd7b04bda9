"""Outcomes of the synthetic rights apart from fees: prosecution, term, challenges and surrender.

Every probability is logistic in the quality z; the coefficients are listed in :mod:`ipvalue.synthetic.book`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from ipvalue.law.dates import add_years, years_between
from ipvalue.synthetic.common import days_after, small_table, stream
from ipvalue.synthetic.population import Population, rights_numbers
from ipvalue.types import Dates, Floats, Ints, Mask

__all__ = [
    "REFUSED",
    "WITHDRAWN",
    "challenges",
    "failures",
    "prosecution",
    "surrenders",
    "term_changes",
    "term_end_of",
]

GRANT_ON_QUALITY = 0.5
LAG_SPREAD = 0.35  # standard deviation of the log of the time to grant
REFUSED, WITHDRAWN = 1, 2
_NEVER = np.datetime64("NaT", "D")


def prosecution(population: Population, seed: int) -> tuple[Floats, Mask, Dates, Dates]:
    """Grant probability, whether granted in the end, date of the outcome, and publication.

    Grants and failures take equally long by law of the generator, so that the probability of grant stays
    what it was for as long as the application is pending.
    """
    rng = stream(seed, "prosecution")
    right, n = population.right, population.n
    intercept = logit(rights_numbers("grant_share"))[right]
    probability = expit(intercept + GRANT_ON_QUALITY * population.quality)
    granted = rng.random(n) < probability
    lag = rights_numbers("grant_lag")[right] * np.exp(LAG_SPREAD * rng.standard_normal(n))
    outcome = days_after(population.application, np.maximum(60, lag * 365.25))
    kind = np.array(small_table("rights")["right"])[right]
    earliest = np.where(np.isnat(population.priority), population.application, population.priority)
    early = rng.random(n) < 0.2
    publication = days_after(earliest.astype("M8[D]"), np.where(early, 240, 545) + rng.integers(0, 20, n))
    publication = np.maximum(publication, days_after(population.application, 60))
    publication = np.where((kind != "invention") | (granted & (outcome < publication)), outcome, publication)
    unpublished = ~granted & ((outcome < publication) | (kind != "invention"))
    return probability, granted, outcome, np.where(unpublished, _NEVER, publication).astype("M8[D]")


def term_changes(population: Population, grant: Dates, seed: int) -> tuple[Ints, Ints, Dates, Dates]:
    """Adjustment and extension in days, the extension's publication, and the disclaimed end of term."""
    rng = stream(seed, "terms")
    table = small_table("rights")
    american = (np.array(table["jurisdiction"]) == "US") & (np.array(table["right"]) == "invention")
    subject = american[population.right] & ~np.isnat(grant)
    delay = np.nan_to_num(years_between(population.application, grant) - 3.0) * 365.25
    adjusted = subject & (rng.random(population.n) < 0.7)
    adjustment = np.where(adjusted, np.clip(delay, 0, 1500), 0).astype(np.int64)
    medicine = population.field == 15  # pharmaceuticals is the 16th field
    extended = subject & medicine & (rng.random(population.n) < 0.05)
    extension = np.where(extended, rng.integers(200, 1826, population.n), 0)
    known = np.where(extended, days_after(grant, rng.integers(400, 2500, population.n)), _NEVER)
    disclaimed = subject & ~extended & (rng.random(population.n) < 0.06)
    cut = days_after(add_years(population.application, 20), -rng.integers(0, 1100, population.n))
    return adjustment, extension, known.astype("M8[D]"), np.where(disclaimed, cut, _NEVER).astype("M8[D]")


def _statutory_end(population: Population, basis_grant: Dates) -> Dates:
    """Last day of the unchanged term; terms.csv names the years and what they count from."""
    table, rights = small_table("terms"), small_table("rights")
    end = np.full(population.n, _NEVER, "M8[D]")
    filing = np.where(np.isnat(population.parent), population.application, population.parent).astype("M8[D]")
    for office, kind, since, years, base in zip(
        *(table[c] for c in ("jurisdiction", "right", "filed_from", "years", "base"))
    ):
        of_right = (np.array(rights["jurisdiction"]) == office) & (np.array(rights["right"]) == kind)
        rows = of_right[population.right] & (population.application >= np.datetime64(since))
        start = filing if base == "filing" else basis_grant
        end[rows] = add_years(start[rows], int(years))
        if office == "CN":  # the Chinese term ends on the day before the anniversary
            end[rows] -= np.timedelta64(1, "D")
    return end


def term_end_of(population: Population, outcome: Dates, adjustment: Ints, extension: Ints, disclaimer: Dates) -> Dates:
    """Last day of the term as it really is, all changes included."""
    end = _statutory_end(population, outcome) + adjustment.astype("m8[D]")
    end = np.where(np.isnat(disclaimer), end, np.minimum(end, disclaimer))
    return np.asarray(end + extension.astype("m8[D]"), "M8[D]")


def challenges(population: Population, grant: Dates, term_end: Dates, seed: int) -> tuple[Dates, Ints, Dates]:
    """Date, result (0 none, 1 rejected, 2 amended, 3 revoked) and end of a challenge of the right.

    European oppositions fall in the nine months after grant; others at any time. High quality is attacked
    more often and survives a little more often.
    """
    rng = stream(seed, "challenges")
    z = population.quality
    office = np.array(small_table("rights")["jurisdiction"])[population.right]
    attacked = rng.random(population.n) < expit(
        np.select([office == "EP", office == "CN", office == "US"], [-3.0, -4.6, -4.4], -99.0)
        + np.where(office == "EP", 0.4, 0.6) * z
    )
    attacked &= ~np.isnat(grant)
    life = np.maximum((term_end - grant).astype(np.int64), 1)
    wait = np.where(office == "EP", rng.integers(90, 270, population.n), 100 + rng.random(population.n) * 0.7 * life)
    start = np.where(attacked, days_after(grant, wait), _NEVER).astype("M8[D]")
    revoked = rng.random(population.n) < expit(-0.9 - 0.2 * z)
    result = np.where(revoked & (office != "US"), 3, np.where(rng.random(population.n) < 0.5, 2, 1))
    duration = np.where(office == "CN", 240, 730) + rng.integers(0, 400, population.n)
    return start, np.where(attacked, result, 0), days_after(start, duration)


def surrenders(population: Population, grant: Dates, seed: int) -> tuple[Dates, Mask]:
    """Date on which a Chinese right is given up, and whether for the parallel invention."""
    rng = stream(seed, "surrenders")
    table = small_table("rights")
    chinese = (np.array(table["jurisdiction"]) == "CN")[population.right] & ~np.isnat(grant)
    model = (np.array(table["right"]) == "utility_model")[population.right]
    double = chinese & model & (rng.random(population.n) < 0.03)
    given_up = chinese & ~double & (rng.random(population.n) < 0.008)
    wait = np.where(double, 300 + rng.integers(0, 900, population.n), rng.integers(200, 3000, population.n))
    return np.where(double | given_up, days_after(grant, wait), _NEVER).astype("M8[D]"), double


def failures(population: Population, granted: Mask, seed: int) -> Ints:
    """Kind of death of the applications that fail: refused or withdrawn, lower quality more often refused."""
    refused = stream(seed, "failures").random(population.n) < expit(-0.3 - 0.3 * population.quality)
    return np.where(granted, 0, np.where(refused, REFUSED, WITHDRAWN))
