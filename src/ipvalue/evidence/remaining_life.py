"""Prices per unit of remaining income: how market and learning methods account for the end of a right.

Methods that learn from prices divide each price by the present value of one unit of income a year over the remaining
term of the sold patent. They multiply by the same factor of the patent to be valued. A value therefore falls to zero as
its right expires, whatever the deals are.
"""

from __future__ import annotations

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import Reason
from ipvalue.evidence.subject import Subject
from ipvalue.finance.discounting import present_value
from ipvalue.types import Floats, Ints16

__all__ = ["life_factor", "life_reason"]


def life_factor(subject: Subject, assumptions: Assumptions) -> Floats:
    """Present value of one currency unit a year over each right's remaining term.

    Parameters
    ----------
    assumptions : Assumptions
        Discount rate and decline of the patent's field.

    Returns
    -------
    ndarray of float64, shape (n,)
        Years' income; 0 at the end of the term, NaN where the term is unknown.

    Notes
    -----
    Mid-year present value at the field's discount rate, declining at the field's rate
    (:func:`ipvalue.finance.discounting.present_value`).
    """
    rate = assumptions.discount_rate(subject.field)
    decline = assumptions.by_field("revenue_decline", subject.field)
    return present_value(np.ones(len(subject)), rate, subject.features["remaining_term"], decay=decline, timing="mid")


def life_reason(factor: Floats) -> Ints16:
    """Reason code of rights without remaining income; 0 for the others."""
    reason = np.where(np.isnan(factor), Reason.NO_TERM_RULE, np.where(factor > 0, 0, Reason.TERM_OVER))
    return reason.astype(np.int16)
