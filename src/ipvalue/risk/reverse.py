"""Reverse stress: the size of a shock that costs a given share of a book's value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from ipvalue.engine import ValuationEngine
from ipvalue.errors import IpvalueError
from ipvalue.overrides.record import Overrides, given_set
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.origin import expect
from ipvalue.risk.scenarios import FAMILIES, Scenario, ScenarioFamily
from ipvalue.risk.stress import carried, judged_in, stressed_quantiles, sum_of_known
from ipvalue.types import QUANTILE_NAMES, Floats
from ipvalue.worksheet import Worksheet, work

__all__ = ["ReverseStress", "reverse_stress"]

_MEDIAN = QUANTILE_NAMES.index("q50")


@dataclass(frozen=True)
class ReverseStress:
    """The size of a shock at which a book loses a given share.

    Attributes
    ----------
    size : float
        Of the shock, in the family's unit.
    loss : float
        Share of the sum of medians that is lost at that size.
    scenario : Scenario
    evaluations : int
        Valuations of the book that the search took.
    overridden : int
        Number of patents with an expert's value, which is shocked instead of the model's.
    """

    size: float
    loss: float
    scenario: Scenario
    evaluations: int
    overridden: int = 0


def reverse_stress(
    state: Snapshot,
    engine: ValuationEngine,
    scenario_family: str | ScenarioFamily,
    target_loss: float,
    *,
    largest: float | None = None,
    tolerance: float = 1e-4,
    overrides: Overrides | None = None,
) -> ReverseStress:
    """Find the size of a shock at which the book's sum of medians falls by a given share.

    Parameters
    ----------
    state : Snapshot
    engine : ValuationEngine
        Fitted.
    scenario_family : str or callable
        A name in :data:`ipvalue.risk.scenarios.FAMILIES`, or a function from a size to a :class:`Scenario`; size 0
        must be no shock.
    target_loss : float
        Share between 0 and 1.
    largest : float, optional
        Largest size sought; needed with a function.
    tolerance : float, default 1e-4
        Of the size, relative to the largest.
    overrides : Overrides, optional
        Experts' values, such as ``valuation.overrides``: they move as the model's own values do, as in
        :func:`ipvalue.stress`. By default the book has the model's values.

    Returns
    -------
    ReverseStress

    Raises
    ------
    IpvalueError
        If the family is unknown, a size, share or tolerance is out of its range, or the largest size does not cost
        that much.

    Notes
    -----
    Brent's method on one scalar between 0 and the largest size, on features computed once. Where the loss does not
    always rise with the size, the size found has the target loss but may not be the smallest.
    """
    expect("state", state, Snapshot)
    if not 0.0 < target_loss < 1.0:
        raise IpvalueError(f"target_loss={target_loss}: it must be a share between 0 and 1")
    if not 0.0 < tolerance < 1.0:
        raise IpvalueError(f"tolerance={tolerance}: a share of the largest size, between 0 and 1")
    family, limit = _family(scenario_family, largest)
    base = work(engine.model, state)
    experts, overridden = _experts(overrides, base)

    def total(size: float) -> float:
        return sum_of_known(experts(stressed_quantiles(base.subject, base.model, family(size)))[:, _MEDIAN])

    whole = total(0.0)
    if whole <= 0.0:
        raise IpvalueError("the sum of values is 0, so no share of it can be lost")
    losses: dict[float, float] = {0.0: 0.0}

    def missed(size: float) -> float:
        if size not in losses:
            losses[size] = 1.0 - total(size) / whole
        return losses[size] - target_loss

    if missed(limit) < 0.0:
        raise IpvalueError(
            f"a loss of {target_loss:.1%} is not reached: a shock of {limit:g} costs {losses[limit]:.1%} of the book"
        )
    size = float(brentq(missed, 0.0, limit, xtol=tolerance * limit))
    missed(size)
    return ReverseStress(size, losses[size], family(size), len(losses), overridden)


def _experts(overrides: Overrides | None, base: Worksheet) -> tuple[Callable[[Floats], Floats], int]:
    """Function that puts experts' values into the model's quantiles under a shock, and the number of patents."""
    if overrides is None or not len(given_set(overrides)):
        return lambda quantiles: quantiles, 0
    judged = judged_in(overrides, base)
    return lambda quantiles: carried(judged, base.quantiles.values, quantiles), int(judged.applied.sum())


def _family(named: str | ScenarioFamily, largest: float | None) -> tuple[ScenarioFamily, float]:
    if largest is not None and not 0.0 < largest < math.inf:
        raise IpvalueError(f"largest={largest}: it must be above 0")
    if isinstance(named, str):
        if named not in FAMILIES:
            raise IpvalueError(f"there is no family of scenarios {named!r}; there are {', '.join(FAMILIES)}")
        family, limit = FAMILIES[named]
        return family, limit if largest is None else largest
    if largest is None:
        raise IpvalueError("give largest= for a family that is a function")
    return named, largest
