"""Whether a patent may secure a loan: the facts that a lender needs beside its value, and the rules on them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ipvalue.errors import Reason
from ipvalue.features.legal import legal_facts
from ipvalue.law.states import State
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.policy import RULES, CollateralPolicy
from ipvalue.types import Array, Floats, Ints, Mask, Objects, Texts

__all__ = ["ALL_RULES", "Facts", "broken_rules", "facts_of", "reason_texts"]

_RECENT = np.timedelta64(round(5 * 365.25), "D")


@dataclass(frozen=True)
class Facts:
    """What a lender must know of each patent beside its value, one element a patent.

    Attributes
    ----------
    known : ndarray of bool
        Whether the patent is in the snapshot; if not, nothing below is known.
    right : ndarray of str
    field : ndarray of int8
        WIPO technology field; 0 unknown.
    pledges : ndarray of int64
        Pledges that are registered and not cancelled.
    seized, suspended, challenged, fee_overdue, co_owned : ndarray of bool
    deals : ndarray of float64
        Arm's-length deals of the last five years in patents of the same field that the snapshot holds.
    """

    known: Mask
    right: Texts
    field: npt.NDArray[np.int8]
    pledges: Ints
    seized: Mask
    suspended: Mask
    challenged: Mask
    fee_overdue: Mask
    co_owned: Mask
    deals: Floats

    def take(self, rows: npt.NDArray[np.integer]) -> Facts:
        """Keep some patents, in any order and number."""
        return Facts(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def facts_of(snapshot: Snapshot | None, patent_ids: Objects) -> Facts:
    """Gather the facts of the valuation's patents; without a snapshot nothing is known."""
    n = len(patent_ids)
    if snapshot is None or not len(snapshot):
        no, none = np.zeros(n, bool), np.zeros(n)
        nothing = np.zeros(n, np.int64)
        return Facts(no, np.full(n, ""), none.astype(np.int8), nothing, no, no, no, no, no, none)
    place = np.searchsorted(snapshot.patent_ids, patent_ids)
    place = np.minimum(place, len(snapshot) - 1)
    status = legal_facts(snapshot).status
    everything = Facts(
        np.ones(len(snapshot), bool),
        snapshot.patents["right"],
        snapshot.field,
        status.n_pledges.astype(np.int64),
        status.preserved,
        status.suspended,
        status.challenged,
        status.state == State.GRACE,
        snapshot.owners.counts > 1,
        _deals(snapshot),
    )
    found = everything.take(place)
    known = snapshot.patent_ids[place] == patent_ids
    cleared = {f.name: _cleared(getattr(found, f.name), known) for f in fields(found)}
    return Facts(**cleared)


def _cleared(values: Array, known: Mask) -> Array:
    """Values of patents in the snapshot; empty for others."""
    return np.where(known, values, np.zeros(1, values.dtype))


def _deals(snapshot: Snapshot) -> Floats:
    deals = snapshot.transactions
    counts = (deals["arms_length"] == 1) & (deals["date"] > snapshot.date - _RECENT)
    by_field = np.bincount(snapshot.field[deals["patent"][counts]], minlength=36).astype(np.float64)
    by_field[0] = 0.0  # no market is known for an unknown field
    return by_field[snapshot.field]


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
    facts, state, value, remaining, grade
        Facts, legal state, median value, remaining years and grade of each pair's patent.
    years_owed : ndarray, shape (n,)
        Years until the loan is due, 0 where it is overdue; NaN where unknown.
    own_loans : ndarray of int64, shape (n,)
        Loans of the bank that the patent secures: so many registered pledges are its own.
    consent, exchange : ndarray, shape (n,)
        Whether the co-owners' consent is on file; rate of the loan's currency, NaN where unknown.

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
