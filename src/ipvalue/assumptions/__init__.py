"""Typed, dated and sourced assumption sets."""

from ipvalue.assumptions.figures import Figure
from ipvalue.assumptions.sets import Assumptions

__all__ = ["Assumptions", "Figure"]
