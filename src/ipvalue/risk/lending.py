"""From value to lendable value: haircuts, forced sale and the ceiling on the loan-to-value ratio."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipvalue.risk.policy import CollateralPolicy
from ipvalue.types import Floats, Texts

__all__ = ["Lending", "lending"]


class Lending(NamedTuple):
    """What can be lent against patents, one element a row."""

    haircut_grade: Floats
    haircut_right: Floats
    haircut_liquidity: Floats
    haircut_life: Floats
    haircut: Floats
    """All of them together, as a share of the basis."""
    collateral_value: Floats
    """Basis after haircuts."""
    sale_months: Floats
    forced_sale_value: Floats
    """What a forced sale brings, as of today."""
    lendable: Floats
    """Most that may be lent."""


def lending(
    policy: CollateralPolicy,
    median: Floats,
    basis: Floats,
    remaining: Floats,
    grade: Texts,
    right: Texts,
    deals: Floats,
) -> Lending:
    """Work out what can be lent against each patent.

    Parameters
    ----------
    policy : CollateralPolicy
    median, basis : ndarray, shape (n,)
        Median value, and the quantile that the policy names, in money.
    remaining : ndarray, shape (n,)
        Remaining years.
    grade, right : ndarray of str, shape (n,)
        An unknown right ('') takes the largest haircut and the lowest ceiling.
    deals : ndarray, shape (n,)
        Known deals in the field.

    Returns
    -------
    Lending
        NaN where there is no value; a right that the policy does not accept lends 0.

    Notes
    -----
    ::

        collateral value  = basis * (1 - h_grade) (1 - h_right) (1 - h_liquidity) (1 - h_life)
        forced-sale value = collateral value * (1 - discount) (1 - cost) / (1 + rate) ** (months / 12)
        lendable          = min(forced-sale value, maximum loan-to-value * median)

    Examples
    --------
    >>> one = lending(CollateralPolicy(), *(np.array([v]) for v in (100.0, 80.0, 9.0, "A", "invention", 500.0)))
    >>> one.collateral_value.tolist(), one.forced_sale_value.round(4).tolist(), one.lendable.tolist()
    ([80.0], [48.5891], [25.0])
    """
    parts = (
        _with_worst(policy, "haircut_grade", grade),
        _with_worst(policy, "haircut_right", right),
        policy.by_band("haircut_liquidity", deals),
        policy.by_band("haircut_life", remaining),
    )
    kept = (1 - parts[0]) * (1 - parts[1]) * (1 - parts[2]) * (1 - parts[3])
    months = policy.by_band("sale_months", deals)
    waiting = (1 + policy.sale_rate.value) ** (-months / 12)
    worth = basis * kept
    sold = worth * ((1 - policy.sale_discount.value) * (1 - policy.sale_cost.value)) * waiting
    ceiling = np.where(
        right == "",
        min((f.value for f in policy.maximum_ltv.values()), default=0.0),
        np.nan_to_num(policy.by_key("maximum_ltv", right), nan=0.0),
    )
    return Lending(*parts, 1 - kept, worth, months, sold, np.minimum(sold, ceiling * median))


def _with_worst(policy: CollateralPolicy, name: str, keys: Texts) -> Floats:
    """Look a haircut up; a key without one takes the largest."""
    found = policy.by_key(name, keys)
    return np.where(np.isnan(found), max(f.value for f in getattr(policy, name).values()), found)
