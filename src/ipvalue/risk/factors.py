"""Values that move together: one factor for all, one a technology field, one an owner.

::

    log V_i = log median_i + sigma_i (sqrt(a) M + sqrt(b) F_field(i) + sqrt(c) O_owner(i) + sqrt(1 - a - b - c) e_i)

with independent standard normal M, F, O and e: two patents correlate by a, by b more where they share a field,
and by c more where they share an owner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipvalue.types import Floats, Ints

__all__ = ["Factors", "simulate_total", "total_variance"]

_SCENARIOS = 32
_PATENTS = 4096


@dataclass(frozen=True)
class Factors:
    """What each patent loads on.

    Attributes
    ----------
    field, owner : ndarray of int64, shape (n,)
        Group of each patent, numbered from 0.
    market_share, field_share, owner_share : float
        a, b and c: shares of the variance of a log value; their sum is at most 1.
    """

    field: Ints
    owner: Ints
    market_share: float
    field_share: float
    owner_share: float

    @property
    def own_share(self) -> float:
        """Share of the variance that is each patent's own."""
        return max(0.0, 1.0 - self.market_share - self.field_share - self.owner_share)


def total_variance(mean: Floats, sigma: Floats, factors: Factors) -> float:
    """Variance of the sum of the values, exactly.

    Parameters
    ----------
    mean, sigma : ndarray, shape (n,)
        Mean of each value and standard deviation of its logarithm.
    factors : Factors

    Returns
    -------
    float

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
    for order in range(1, int(np.ceil(np.e * largest)) + 40):
        power = power * sigma
        factor = factor * rho / order
        total += factor * float((np.bincount(group, power, n) ** 2).sum())
    return total


def simulate_total(median: Floats, sigma: Floats, factors: Factors, scenarios: int, seed: int) -> Floats:
    """Draw the sum of the values.

    Parameters
    ----------
    median, sigma : ndarray, shape (n,)
        Of each value, in the order of patent_id.
    factors : Factors
    scenarios : int
        Number of draws.
    seed : int
        The same seed and patents give the same draws; the first draws do not depend on how many are asked for.

    Returns
    -------
    ndarray, shape (scenarios,)
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
