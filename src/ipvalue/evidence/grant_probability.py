"""Probability of grant that values use: the book's decisions by office and right, shrunk towards the assumptions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.features.hazard import shrunk_share
from ipvalue.features.legal import legal_facts
from ipvalue.law.states import State
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Floats, Mask, Texts

__all__ = ["UNEXAMINED", "counted_grants", "grant_group", "grant_probability", "grant_rates"]

UNEXAMINED = ("utility_model", "design")


def grant_group(jurisdiction: Texts, right: Texts) -> Texts:
    """Group in which the share of granted applications is counted: office and right."""
    return np.char.add(np.char.add(jurisdiction, "/"), right)


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
    assumed = np.array([prior.get(str(name), np.nan) for name in names], np.float64)
    share = shrunk_share(wins, wins + losses, assumed, weight)
    return {str(name): float(share[k]) for k, name in enumerate(names) if str(name) in prior}


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


def counted_grants(snapshot: Snapshot, assumptions: Assumptions) -> dict[str, float]:
    """Probability of grant by office and right, from the book's decisions; 1 is assumed without examination.

    Parameters
    ----------
    assumptions : Assumptions
        Assumed probability of grant of each office, and its weight in decisions.

    Returns
    -------
    dict of str to float
        Probability of grant by :func:`grant_group`.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> rates = counted_grants(ipv.synthetic_book(300, seed=1).as_of("2024-12-31"), ipv.Assumptions.default("CN"))
    >>> all(0 < rate <= 1 for rate in rates.values())
    True
    """
    patents, state = snapshot.patents, legal_facts(snapshot).status.state
    group = grant_group(patents["jurisdiction"], patents["right"])
    granted = ~np.isnat(patents["grant_date"])
    refused = ~granted & np.isin(state, [State.WITHDRAWN, State.REFUSED])
    prior = {}
    for name in np.unique(group):
        office, _, right = str(name).partition("/")
        assumed = assumptions.grant_probability.get(office, assumptions.grant_probability["default"])
        prior[str(name)] = 1.0 if right in UNEXAMINED else assumed.value
    return grant_rates(group, granted, refused, prior, assumptions.grant_prior_weight.value)
