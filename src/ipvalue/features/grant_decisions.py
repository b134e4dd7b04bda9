"""Share of granted applications among the book's decisions, for the feature ``probability_of_grant``.

Values use :mod:`ipvalue.evidence.grant_probability`, which shrinks the same counts towards the assumptions. The feature
must not depend on assumptions, so that it shrinks towards the share of all offices.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.hazard import RIGHT_KINDS, shrunk_share
from ipvalue.records.cohorts import KeyedCounts
from ipvalue.types import Floats, Ints, Mask

__all__ = ["decision_counts", "granted_shares"]

# weight, in decisions, of the share over all offices
_PRIOR_DECISIONS = 50.0


def decision_counts(group: Ints, granted: Mask, refused: Mask) -> KeyedCounts:
    """Count decisions by group.

    Parameters
    ----------
    group : ndarray of int64, shape (n,)
        From :func:`ipvalue.features.hazard.group_of`.
    granted, refused : ndarray of bool, shape (n,)
        Whether the application was granted; refused or withdrawn. Undecided: neither.

    Returns
    -------
    KeyedCounts
        Key group * 2 + granted.

    Examples
    --------
    >>> decision_counts(np.array([16, 16, 16]), np.array([True, True, False]), np.array([False, False, True])).count
    array([1, 2])
    """
    decided = granted | refused
    return KeyedCounts.of(group[decided] * 2 + granted[decided])


def granted_shares(decisions: KeyedCounts, group: Ints) -> Floats:
    """Share of decided applications that were granted, by group.

    Parameters
    ----------
    decisions : KeyedCounts
        From :func:`decision_counts`.
    group : ndarray of int64, shape (k,)

    Returns
    -------
    ndarray, shape (k,)
        NaN where nothing was decided.

    Notes
    -----
    (granted + m p) / (decided + m) with m = 50 decisions, where p is the share over all offices for the same
    right, itself shrunk by m towards the share over everything. Decisions come sooner for withdrawals than for
    grants, so a book of young applications gives too low a share.

    Examples
    --------
    >>> decisions = KeyedCounts.of(np.array([32, 33]), np.array([25, 75]))
    >>> granted_shares(decisions, np.array([32 // 2])).tolist()
    [0.75]
    """
    refused, granted = decisions.at(group * 2), decisions.at(group * 2 + 1)
    pools = np.zeros((2, RIGHT_KINDS))
    np.add.at(pools, (decisions.key % 2, decisions.key // 2 % RIGHT_KINDS), decisions.count)
    total = pools.sum()
    overall = pools[1].sum() / total if total else np.nan
    pooled = shrunk_share(pools[1], pools.sum(axis=0), overall, _PRIOR_DECISIONS)
    return shrunk_share(granted, refused + granted, pooled[group % RIGHT_KINDS], _PRIOR_DECISIONS)
