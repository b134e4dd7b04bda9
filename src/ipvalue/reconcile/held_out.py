"""Out-of-sample estimates of deals, from which a reconciliation learns the methods' errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Evidence
from ipvalue.methods.base import Estimate, Method
from ipvalue.types import Ints, Quantiles

__all__ = ["out_of_sample"]


def out_of_sample(
    methods: Sequence[Method], evidence: Evidence, assumptions: Assumptions, folds: int
) -> list[Estimate]:
    """Estimate each deal's patent by methods fitted on the other folds' patents.

    Parameters
    ----------
    evidence : Evidence
        With the deals.
    folds : int
        At least 2. A patent that was sold several times is in one fold.

    Returns
    -------
    list of Estimate
        One a method, of the deals in their order.
    """
    deals = evidence.deals
    if not len(deals):
        return [Estimate.refuse(0, Reason.OK) for _ in methods]
    # patents in the order of their first deal, dealt out in turn: each fold spans all years
    _, first, place = np.unique(deals.subject.patent_id.astype(str), return_index=True, return_inverse=True)
    fold = (np.argsort(np.argsort(first, kind="stable"), kind="stable") % folds)[place]
    order = np.concatenate([np.flatnonzero(fold == k) for k in range(folds)])
    parts: list[list[Estimate]] = []
    for k in range(folds):
        rest = evidence.with_deals(fold != k)
        held = deals.subject.take(fold == k)
        parts.append([m.estimate(held, m.fit(rest, assumptions), assumptions) for m in methods])
    back = np.argsort(order, kind="stable")
    return [_join([part[m] for part in parts], back) for m in range(len(methods))]


def _join(parts: list[Estimate], back: Ints) -> Estimate:
    return Estimate(
        np.concatenate([p.value for p in parts])[back],
        Quantiles.concatenate([p.quantiles for p in parts]).take(back),
        np.concatenate([p.reason for p in parts])[back],
    )
