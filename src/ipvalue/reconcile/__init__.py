"""Several estimates to one value: weights, calibration, disagreement."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from ipvalue.errors import IpvalueError
from ipvalue.reconcile.base import Reconciled, Reconciliation, log_estimates
from ipvalue.reconcile.stacked import StackedWeights
from ipvalue.reconcile.weights import FixedWeights, PrecisionWeights

__all__ = [
    "FixedWeights",
    "PrecisionWeights",
    "Reconciled",
    "Reconciliation",
    "StackedWeights",
    "log_estimates",
    "reconciliations",
]


@cache
def reconciliations() -> dict[str, type[Reconciliation]]:
    """Find all reconciliations: the built-in ones and those of installed packages.

    An outside package adds one by an entry point of the group ``ipvalue.reconciliations`` that names the class.

    Returns
    -------
    dict of str to type
        Classes by their ``kind``.

    Raises
    ------
    IpvalueError
        If an entry point names something that is not a reconciliation, or a kind that is taken.

    Examples
    --------
    >>> sorted(reconciliations())[:2]
    ['fixed_weights', 'precision_weights']
    """
    found: dict[str, type[Reconciliation]] = {
        kind.kind: kind for kind in (PrecisionWeights, FixedWeights, StackedWeights)
    }
    for point in entry_points(group="ipvalue.reconciliations"):
        kind = point.load()
        if not (isinstance(kind, type) and issubclass(kind, Reconciliation)):
            raise IpvalueError(f"the entry point {point.name!r} = {point.value!r} is not an ipvalue Reconciliation")
        if kind.kind in found:
            raise IpvalueError(f"the entry point {point.name!r} adds a second reconciliation named {kind.kind!r}")
        found[kind.kind] = kind
    return found
