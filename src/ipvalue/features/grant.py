"""Probability that a pending application is granted: the book's own decisions, leaning on an assumed rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["grant_probability", "grant_rates"]

Floats = npt.NDArray[np.float64]


def grant_rates(
    group: npt.NDArray[np.str_],
    granted: npt.NDArray[np.bool_],
    refused: npt.NDArray[np.bool_],
    prior: Mapping[str, float],
    weight: float,
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

    Returns
    -------
    dict of str to float

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


def grant_probability(group: npt.NDArray[np.str_], rates: Mapping[str, float], default: Floats) -> Floats:
    """Look up each application's probability of grant.

    Parameters
    ----------
    group : ndarray of str, shape (n,)
    rates : mapping of str to float
        As :func:`grant_rates` gives them.
    default : ndarray, shape (n,)
        Where the group has no rate.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    names, code = np.unique(group, return_inverse=True)
    known = np.array([rates.get(str(name), np.nan) for name in names], np.float64)[code]
    return np.where(np.isnan(known), default, known)
