"""What a lender must know of each patent beside its value: register, owners, field and market."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ipvalue.features.legal import legal_facts
from ipvalue.law.states import State
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Array, Floats, Ints, Mask, Objects, Texts

__all__ = ["Facts", "facts_of"]

_RECENT = np.timedelta64(round(5 * 365.25), "D")


@dataclass(frozen=True)
class Facts:
    """One element a patent of the valuation.

    Attributes
    ----------
    known : ndarray of bool
        Whether the snapshot holds the patent; without it, nothing below is known.
    right : ndarray of str
    field : ndarray of int8
        WIPO technology field; 0 unknown.
    pledges : ndarray of int64
        Pledges registered and not struck out.
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
    """Gather the facts of patents.

    Parameters
    ----------
    snapshot : Snapshot, optional
        Without it nothing is known.
    patent_ids : ndarray of str, shape (n,)
        The valuation's patents.

    Returns
    -------
    Facts
    """
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
    """Values of patents that the snapshot holds; empty for others."""
    return np.where(known, values, np.zeros(1, values.dtype))


def _deals(snapshot: Snapshot) -> Floats:
    deals = snapshot.transactions
    counts = (deals["arms_length"] == 1) & (deals["date"] > snapshot.date - _RECENT)
    by_field = np.bincount(snapshot.field[deals["patent"][counts]], minlength=36).astype(np.float64)
    by_field[0] = 0.0  # no market is known for an unknown field
    return by_field[snapshot.field]
