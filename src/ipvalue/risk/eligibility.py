"""Whether a patent may secure a loan, rule by rule."""

from __future__ import annotations

import numpy as np

from ipvalue.errors import Reason
from ipvalue.risk.facts import Facts
from ipvalue.risk.policy import RULES, CollateralPolicy
from ipvalue.types import Floats, Ints, Mask, Objects, Texts

__all__ = ["ALL_RULES", "broken_rules", "reason_texts"]

_IN_FORCE = ("in_force", "grace", "in_extension")
ALL_RULES = (*RULES, "no_exchange_rate", "not_checked")
"""Columns of the matrix of broken rules."""


def broken_rules(
    policy: CollateralPolicy,
    facts: Facts,
    *,
    state: Texts,
    value: Floats,
    remaining: Floats,
    grade: Texts,
    years_owed: Floats,
    own_loans: Ints,
    consent: Mask,
    exchange: Floats,
) -> Mask:
    """Test each pair of loan and patent against each rule.

    Parameters
    ----------
    policy : CollateralPolicy
    facts : Facts
        Of each pair's patent.
    state, value, remaining, grade : ndarray, shape (n,)
        Legal state, median value, remaining years and grade of the patent.
    years_owed : ndarray, shape (n,)
        Years until the loan is due, 0 where it is overdue; NaN where unknown.
    own_loans : ndarray of int64, shape (n,)
        Loans of the bank that the patent secures: so many registered pledges are its own.
    consent : ndarray of bool, shape (n,)
        The co-owners' consent is on file.
    exchange : ndarray, shape (n,)
        Rate of the loan's currency; NaN where unknown.

    Returns
    -------
    ndarray of bool, shape (n, len(ALL_RULES))
        True where a rule is broken.
    """
    worst = policy.worst_grade
    known_right = facts.right != ""
    broken = {
        Reason.NOT_IN_FORCE: ~np.isin(state, _IN_FORCE),
        # an unknown remaining life is refused too
        Reason.LIFE_TOO_SHORT: ~(remaining >= np.nan_to_num(years_owed, nan=0.0) + policy.life_margin.value),
        Reason.PLEDGED_ELSEWHERE: facts.pledges > own_loans,
        Reason.SEIZED: facts.seized,
        Reason.OWNERSHIP_DISPUTED: facts.suspended,
        Reason.UNDER_CHALLENGE: facts.challenged,
        Reason.NO_CONSENT: facts.co_owned & ~consent,
        Reason.FEE_OVERDUE: facts.fee_overdue | (state == "grace"),
        Reason.NO_VALUE: ~(value > 0),
        Reason.GRADE_TOO_LOW: (grade == "") | (grade > worst),
        Reason.RIGHT_NOT_ACCEPTED: known_right & ~np.isin(facts.right, list(policy.maximum_ltv)),
        Reason.NO_MATURITY: np.isnan(years_owed),
        Reason.NO_EXCHANGE_RATE: np.isnan(exchange),
        Reason.NOT_CHECKED: ~facts.known & (policy.unchecked == "refuse"),
    }
    off = np.zeros(len(state), bool)
    columns = [off if name in policy.waived else broken[Reason[name.upper()]] for name in ALL_RULES]
    return np.stack(columns, axis=1) if len(columns) else np.zeros((len(state), 0), bool)


def reason_texts(broken: Mask) -> Objects:
    """Name the broken rules of each row, joined by a semicolon; empty where none is broken."""
    if not len(broken):
        return np.zeros(0, object)
    bits = broken @ (1 << np.arange(broken.shape[1]))
    _, first, place = np.unique(bits, return_index=True, return_inverse=True)
    texts = ["; ".join(np.array(ALL_RULES)[row]) for row in broken[first]]
    return np.array(texts, object)[place]
