"""Legal status of rights on a date, on arrays; :mod:`ipvalue.law.status` has the same for tables.

An event counts on a date when it is both effective and announced by then. A Chinese lapse, for example, takes effect
on the due date but is published about a year later, and until then nobody could know. A state follows from the
events, which :mod:`ipvalue.law.state_machine` applies in order; from the right's own application, publication and
grant dates; and from the calendar, which determines expiry, extension and overdue fees.

References
----------
WIPO Standard ST.27; Chinese Patent Law art. 42-47; 35 USC 41(b).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of
from ipvalue.law.dates import as_dates
from ipvalue.law.encumbrances import flags_at, last_paid_years
from ipvalue.law.events import Effect, Operators, precedence_of
from ipvalue.law.fee_position import overdue_since
from ipvalue.law.state_machine import Course, operation_of, run
from ipvalue.law.states import ALIVE, State
from ipvalue.types import Dates, Floats, Ints, Ints16, Ints32, Mask

if TYPE_CHECKING:
    from ipvalue.law.fees import FeeCalendar

__all__ = ["Counted", "StatusArrays", "TermChanges", "count_events", "course_of", "states_at", "term_changes"]

_DAY = np.timedelta64(1, "D")


class StatusArrays(NamedTuple):
    """Status on a date, one element a right."""

    state: npt.NDArray[np.int8]
    """:class:`~ipvalue.law.states.State`."""
    since: Dates
    """Day on which the right came into the state; NaT where the state is unknown."""
    pledged: Mask
    preserved: Mask
    licensed: Mask
    open_licence: Mask
    challenged: Mask
    partly_invalid: Mask
    suspended: Mask
    litigated: Mask
    n_pledges: Ints16
    """Pledges open."""
    last_paid_year: npt.NDArray[np.int8]
    """Latest fee year seen as paid, 0 where no payment is known."""
    n_unknown_codes: Ints32
    """Counted events whose meaning is unknown."""
    n_transfers: Ints16
    """Changes of owner."""
    opposition_survived: Mask
    """A challenge ended and the right was not invalidated."""


class TermChanges(NamedTuple):
    """Term adjustments and extensions by events, one element a right."""

    days: Floats
    """Days added, by the latest event that gives days; NaN where none does."""
    end: Dates
    """End of term, by the latest event that gives a date; NaT where none does."""


class Counted(NamedTuple):
    """Events that count on the date."""

    right: Ints
    day: Dates
    operators: Operators
    detail: Any


def count_events(
    patent: Any, effective: Any, announced: Any, operators: Operators, detail: Any, as_of: Dates
) -> Counted:
    """Events effective and announced by the date; a missing date of the two is taken from the other."""
    right = np.asarray(patent, dtype=np.int64)
    day, known = as_dates(effective), as_dates(announced)
    day = np.where(np.isnat(day), known, day)
    last = np.fmax(day, known)
    counted = (right >= 0) & (last <= as_of[np.maximum(right, 0)]) if as_of.size else np.zeros(0, bool)
    where = np.flatnonzero(counted)
    details = np.broadcast_to(np.asarray(detail, dtype=object), right.shape)[where]
    return Counted(right[where], day[where], operators.take(where), details)


def _own_events(
    publication: Dates, grant: Dates, as_of: Dates
) -> tuple[Ints, Dates, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Publication and grant as events: right, day, effect, target."""
    parts = []
    for dates, effect, target in (
        (publication, Effect.ADVANCE, State.PUBLISHED),
        (grant, Effect.SET, State.IN_FORCE),
    ):
        where = np.flatnonzero(dates <= as_of)
        size = where.size
        parts.append((where, dates[where], np.full(size, effect, np.int8), np.full(size, target, np.int8)))
    right, day, effects, targets = (np.concatenate(columns) for columns in zip(*parts))
    return right, day, effects, targets


def course_of(
    counted: Counted, application: Dates, publication: Dates, grant: Dates, as_of: Dates
) -> tuple[Course, npt.NDArray[np.int8]]:
    """State changes by events and own dates, and the state before the first of them."""
    operation = operation_of(counted.operators.effect, counted.operators.target)
    where = np.flatnonzero(operation >= 0)
    right, day, effect, target = _own_events(publication, grant, as_of)
    initial = np.where(application <= as_of, State.FILED, State.UNKNOWN).astype(np.int8)
    course = run(
        as_of.shape[0],
        np.concatenate([counted.right[where], right]),
        np.concatenate([counted.day[where], day]),
        np.concatenate([counted.operators.precedence[where], precedence_of(effect, target)]),
        np.concatenate([operation[where], operation_of(effect, target)]),
        initial,
    )
    return course, initial


def _calendar(
    state: npt.NDArray[np.int8],
    since: Dates,
    as_of: Dates,
    statutory: Dates,
    actual: Dates,
    overdue_since: Dates,
) -> tuple[npt.NDArray[np.int8], Dates]:
    """Change states by the calendar: fee overdue, extension, expiry."""
    in_force = state == State.IN_FORCE
    extended = in_force & (as_of > statutory)
    overdue = in_force & ~np.isnat(overdue_since)
    expired = ALIVE[state] & (as_of > actual)
    for where, new, day in (
        (extended, State.IN_EXTENSION, statutory + _DAY),
        (overdue, State.GRACE, overdue_since),
        (expired, State.EXPIRED, actual + _DAY),
    ):
        state = np.where(where, np.int8(new), state)
        since = np.where(where, day, since)
    return state, since


def states_at(
    n_patents: int,
    patent: Any,
    effective: Any,
    announced: Any,
    operators: Operators,
    detail: Any,
    as_of: Any,
    *,
    application: Any,
    publication: Any,
    grant: Any,
    term_statutory: Any,
    term_actual: Any,
    grace: FeeCalendar | None = None,
    payments_known: Any = None,
) -> StatusArrays:
    """Status of rights on a date, by the events and dates that count on it.

    Parameters
    ----------
    n_patents : int
        Number of rights.
    patent : int array, shape (m,)
        Right of each event, an index below ``n_patents``; events with -1 are left out.
    effective, announced : array-like of dates, shape (m,)
        Day an event takes effect, and day it was published (or loaded). One that is missing is taken from
        the other; an event with neither never counts.
    operators : Operators
        From :func:`ipvalue.law.events.encode`, shape (m,).
    detail : array-like of str, shape (m,)
        Fee year of a payment, registration number of a pledge or licence, by the effect.
    as_of : date or array-like of dates, shape (n_patents,)
        The date, one for all or one a right.
    application, publication, grant : array-like of dates, shape (n_patents,)
        Own dates; those after ``as_of`` are not looked at.
    term_statutory, term_actual : array-like of dates, shape (n_patents,)
        Last days in force (:func:`ipvalue.law.term.in_force_through`) of the basic and of the actual term.
    grace : FeeCalendar, optional
        From :func:`ipvalue.law.fees.calendar`, for the state GRACE; without it no right is in it.
    payments_known : array-like of bool, shape (n_patents,), optional
        Whether payments of the right would be among the events. By default they are taken to be where one
        payment is; otherwise a fee is never called overdue.

    Returns
    -------
    StatusArrays
        Arrays of shape (n_patents,).

    Notes
    -----
    The result depends neither on the order of the events nor on any event that does not count on the date.

    Examples
    --------
    >>> from ipvalue.law.events import encode
    >>> operators = encode(["CN"], ["cnipa"], ["CF01"])
    >>> dates = dict(application=["2014-08-15"], publication=["NaT"], grant=["2017-05-10"],
    ...              term_statutory=["2034-08-14"], term_actual=["2034-08-14"])
    >>> for day in ("2021-01-01", "2021-09-03"):
    ...     status = states_at(1, [0], ["2020-08-15"], ["2021-09-03"], operators, "", day, **dates)
    ...     print(State(status.state[0]).name, status.since[0])
    IN_FORCE 2017-05-10
    LAPSED 2020-08-15
    """
    dates = np.array(np.broadcast_to(as_dates(as_of), (n_patents,)))
    own = [as_dates(values) for values in (application, publication, grant)]
    counted = count_events(patent, effective, announced, operators, detail, dates)
    course, initial = course_of(counted, own[0], own[1], own[2], dates)
    state, since = initial, np.where(initial == State.FILED, own[0], np.datetime64("NaT", "D"))
    # of several changes of one right the last is assigned last and stays
    changed = np.flatnonzero(course.changed)
    state[course.right[changed]] = course.state[changed]
    since[course.right[changed]] = course.day[changed]
    paid = last_paid_years(n_patents, counted.right, counted.operators.effect, counted.operators.year, counted.detail)
    seen = paid > 0 if payments_known is None else np.asarray(payments_known, dtype=bool)
    overdue = np.full(n_patents, np.datetime64("NaT", "D"))
    if grace is not None:
        overdue = np.where(seen, overdue_since(grace, paid, dates), overdue)
    state, since = _calendar(state, since, dates, as_dates(term_statutory), as_dates(term_actual), overdue)
    flags = flags_at(n_patents, counted.right, counted.day, counted.operators.effect, counted.detail, dates)
    unknown = np.bincount(counted.right[~counted.operators.known], minlength=n_patents)
    return StatusArrays(
        state=state,
        since=since,
        pledged=flags.n_pledges > 0,
        preserved=flags.preserved,
        licensed=flags.licensed,
        open_licence=flags.open_licence,
        challenged=flags.challenged,
        partly_invalid=flags.partly_invalid,
        suspended=flags.suspended,
        litigated=flags.litigated,
        n_pledges=flags.n_pledges,
        last_paid_year=paid,
        n_unknown_codes=unknown.astype(np.int32),
        n_transfers=flags.n_transfers,
        opposition_survived=flags.opposition_survived & (state != State.INVALIDATED),
    )


def term_changes(
    n_patents: int, patent: Any, effective: Any, announced: Any, operators: Operators, detail: Any, as_of: Any
) -> TermChanges:
    """Term adjustments and extensions by the events that count on a date.

    Parameters
    ----------
    n_patents : int
        Number of rights.
    patent, effective, announced, operators, detail, as_of
        As for :func:`states_at`; ``detail`` of an event with the effect EXTEND is a number of days or an ISO
        date.

    Returns
    -------
    TermChanges
        Arrays of shape (n_patents,). Of several events the latest counts, of several on one day the largest.

    Examples
    --------
    >>> from ipvalue.law.events import encode
    >>> operators = encode(["CN"], ["cnipa"], ["TG01"])
    >>> term_changes(1, [0], ["2024-05-01"], ["2024-05-01"], operators, ["661"], "2024-12-31").days.tolist()
    [661.0]
    """
    dates = np.array(np.broadcast_to(as_dates(as_of), (n_patents,)))
    counted = count_events(patent, effective, announced, operators, detail, dates)
    extends = np.flatnonzero(counted.operators.effect == Effect.EXTEND)
    right, day = counted.right[extends], counted.day[extends]
    codes, names = codes_of(counted.detail[extends])
    days = np.array([_days(name) for name in names], dtype=np.float64)[codes]
    ends = np.array([_iso_date(name) for name in names], dtype="datetime64[D]")[codes]
    latest_days = np.full(n_patents, np.nan)
    latest_end = np.full(n_patents, np.datetime64("NaT", "D"))
    for values, latest in ((days, latest_days), (ends, latest_end)):
        given = np.flatnonzero(values == values)
        order = given[np.lexsort((values[given], day[given], right[given]))]
        latest[right[order]] = values[order]
    return TermChanges(latest_days, latest_end)


def _days(text: str) -> float:
    """A number of days, NaN where the text is none."""
    text = text.strip().removesuffix(".0")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 5 else np.nan


def _iso_date(text: str) -> np.datetime64:
    """An ISO date, NaT where the text is none."""
    try:
        return np.datetime64(text.strip()[:10], "D") if "-" in text else np.datetime64("NaT", "D")
    except ValueError:
        return np.datetime64("NaT", "D")
