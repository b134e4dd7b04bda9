"""Several estimates to one value: weights, calibration, disagreement.

All work is on logarithms. A reconciliation first learns from deals how each method errs (its bias, how much
wider its errors are than its interval claims, and how its errors go with the others'), and then combines the
methods that apply to a patent; what the others have no estimate for does not stop the rest. Three kinds differ in
their weights: by precision, as the user sets them, or learnt from deals by stacking.
"""

from __future__ import annotations

from ipvalue.reconcile.base import Reconciled, Reconciliation, log_estimates
from ipvalue.reconcile.stacked import StackedWeights
from ipvalue.reconcile.weights import FixedWeights, PrecisionWeights

__all__ = ["FixedWeights", "PrecisionWeights", "Reconciled", "Reconciliation", "StackedWeights", "log_estimates"]
