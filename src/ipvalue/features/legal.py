"""Legal facts of a snapshot: term and status of each patent, from which two families are computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipvalue.law.ep_rights import lapsed_throughout
from ipvalue.law.fee_position import overdue_since
from ipvalue.law.fees import calendar
from ipvalue.law.states import ALIVE, ENFORCEABLE, PENDING, State
from ipvalue.law.status_arrays import StatusArrays, states_at, term_changes
from ipvalue.law.term import Term, end_dates, in_force_through, remaining_years
from ipvalue.records.snapshot import Snapshot, derived
from ipvalue.types import Dates, Floats, Mask

__all__ = ["LegalFacts", "legal_facts"]


@dataclass(frozen=True)
class LegalFacts:
    """Term and status on the snapshot's date, one element a patent.

    Attributes
    ----------
    term : Term
        Statutory, adjusted and actual end, and the rule used.
    end : ndarray of datetime64[D]
        Actual end of the term, by what was known on the date.
    remaining : ndarray
        Years to it; 0 past it, NaN where no rule covers the right.
    status : StatusArrays
        State and flags.
    """

    term: Term
    end: Dates
    remaining: Floats
    status: StatusArrays

    @property
    def alive(self) -> Mask:
        """Application pending or right in force."""
        return np.asarray(ALIVE[self.status.state])

    @property
    def pending(self) -> Mask:
        """Application that is not decided yet."""
        return np.asarray(PENDING[self.status.state])

    @property
    def enforceable(self) -> Mask:
        """Granted right in force."""
        return np.asarray(ENFORCEABLE[self.status.state])


@derived
def legal_facts(snapshot: Snapshot) -> LegalFacts:
    """Term and status of each patent of a snapshot, cached with the snapshot.

    Notes
    -----
    Days of adjustment and ends of term that register events give count where the patents table has none. A
    European patent is one right per state after grant: it counts as lapsed once it has lapsed in Germany, France and
    Great Britain and in every other state that an event names. A right in force whose payments are seen is in
    grace while its next fee is overdue; where no payment of it is known (China publishes none), never.
    """
    patents, events, n = snapshot.patents, snapshot.events, len(snapshot)
    known = (events.patent, events.effective, events.known, events.operators, events.detail)
    changes = term_changes(n, *known, snapshot.date)
    stated = patents["term_adjustment_days"]
    term = end_dates(
        patents["jurisdiction"],
        patents["right"],
        patents["application_date"],
        patents["parent_filing_date"],
        patents["grant_date"],
        np.where(np.isnan(stated), changes.days, stated),
        patents["term_extension_days"],
        patents["disclaimer_date"],
    )
    end = np.where(np.isnat(changes.end), term.actual, changes.end)
    status = states_at(
        n,
        *known,
        snapshot.date,
        application=patents["application_date"],
        publication=patents["publication_date"],
        grant=patents["grant_date"],
        term_statutory=in_force_through(term.statutory, patents["jurisdiction"]),
        term_actual=in_force_through(end, patents["jurisdiction"]),
    )
    no_state_left, since = lapsed_throughout(n, events.patent, events.effective, events.operators, events.detail)
    no_state_left &= ENFORCEABLE[status.state]
    status = status._replace(
        state=np.where(no_state_left, np.int8(State.LAPSED), status.state),
        since=np.where(no_state_left, since, status.since),
    )
    return LegalFacts(term, end, remaining_years(end, snapshot.date), _with_grace(snapshot, status, end))


def _with_grace(snapshot: Snapshot, status: StatusArrays, end: Dates) -> StatusArrays:
    """Put rights in force with a fee overdue, of those whose payments are seen, in grace."""
    patents = snapshot.patents
    rows = np.flatnonzero(ENFORCEABLE[status.state] & (status.last_paid_year > 0))
    names = ("jurisdiction", "right", "application_date", "grant_date")
    fees = calendar(*(patents[name][rows] for name in names), end=end[rows])
    overdue = overdue_since(fees, status.last_paid_year[rows], np.full(len(rows), snapshot.date))
    late = ~np.isnat(overdue)
    state, since = status.state.copy(), status.since.copy()
    state[rows[late]], since[rows[late]] = State.GRACE, overdue[late]
    return status._replace(state=state, since=since)
