"""Probability that a pending application is granted: the book's own decisions, leaning on a prior rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ipvalue.records.cohorts import KeyedCounts
from ipvalue.types import Floats, Ints, Mask, Texts

__all__ = ["decision_counts", "grant_probability", "grant_rates", "granted_shares"]


# weight, in decisions, of what offices have in common against one office's own
_PRIOR_DECISIONS = 50.0
_KINDS = 16


def grant_rates(
    group: Texts, granted: Mask, refused: Mask, prior: Mapping[str, float], weight: float
) -> dict[str, float]:
    """Share of decided applications that were granted, a group, shrunk towards an assumed share.

    Parameters
    ----------
    group : ndarray of str, shape (n,)
        Group of each application, such as its office and right.
    granted, refused : ndarray of bool, shape (n,)
        Whether it was granted; whether it was refused or withdrawn before grant. Undecided: neither.
    prior : mapping of str to float
        Assumed share of each group.
    weight : float
        Weight of the assumption, in decisions.

    Notes
    -----
    (granted + weight * prior) / (granted + refused + weight): the mean of a beta posterior. Decisions come
    sooner for withdrawals than for grants, so a book of young applications gives too low a share.

    Examples
    --------
    >>> import numpy as np
    >>> yes = np.array([True, True, False, False]); no = np.array([False, False, True, False])
    >>> grant_rates(np.array(["CN"] * 4), yes, no, {"CN": 0.5}, 1.0)
    {'CN': 0.625}
    """
    names, code = np.unique(group, return_inverse=True)
    wins = np.bincount(code[granted], minlength=len(names))
    losses = np.bincount(code[refused], minlength=len(names))
    return {
        str(name): float((wins[k] + weight * prior[str(name)]) / (wins[k] + losses[k] + weight))
        for k, name in enumerate(names)
        if str(name) in prior
    }


def grant_probability(group: Texts, rates: Mapping[str, float], default: Floats) -> Floats:
    """Look up each application's probability of grant.

    Parameters
    ----------
    group : ndarray of str, shape (n,)
    rates : mapping of str to float
        As :func:`grant_rates` gives them.
    default : ndarray, shape (n,)
        Where the group has no rate.
    """
    names, code = np.unique(group, return_inverse=True)
    known = np.array([rates.get(str(name), np.nan) for name in names], np.float64)[code]
    return np.where(np.isnan(known), default, known)


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
    counts = np.stack([decisions.at(group * 2), decisions.at(group * 2 + 1)]).astype(np.float64)
    pools = np.zeros((2, _KINDS))
    np.add.at(pools, (decisions.key % 2, decisions.key // 2 % _KINDS), decisions.count)
    total = pools.sum()
    pooled = _shrunk(pools, np.full(_KINDS, pools[1].sum() / total if total else np.nan))
    return _shrunk(counts, pooled[group % _KINDS])


def _shrunk(counts: Floats, prior: Floats) -> Floats:
    """Share of the second count in both, leaning on a prior."""
    return np.asarray((counts[1] + _PRIOR_DECISIONS * prior) / (counts.sum(axis=0) + _PRIOR_DECISIONS))
