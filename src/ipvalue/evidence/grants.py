"""Probability of grant of a book's applications, from the book's own decisions."""

from __future__ import annotations

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.features.grant import grant_rates
from ipvalue.features.legal import legal_facts
from ipvalue.law.states import State
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Texts

__all__ = ["UNEXAMINED", "counted_grants", "grant_group"]

UNEXAMINED = ("utility_model", "design")


def grant_group(jurisdiction: Texts, right: Texts) -> Texts:
    """Group in which the share of granted applications is counted: office and right."""
    return np.char.add(np.char.add(jurisdiction, "/"), right)


def counted_grants(snapshot: Snapshot, assumptions: Assumptions) -> dict[str, float]:
    """Count the book's decisions; rights that are registered without examination are left out.

    Parameters
    ----------
    assumptions : Assumptions
        The share that stands where a group has few decisions, and how many decisions weigh as much.

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
