"""Encumbrances and other flags beside the legal state: pledges, licences, preservation, challenges.

Pledges and licences are keyed by their registration number, which an event's ``detail`` holds. All functions
here see only events that already count on the date; none depends on the order of the rows.

References
----------
CNIPA announcement no. 461 (2021) on the registration of pledges of patent rights; Implementing Regulations
of the Chinese Patent Law (2023) on preservation.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of, joint_codes
from ipvalue.law._tables import rows
from ipvalue.law.dates import add_months
from ipvalue.law.events import Effect
from ipvalue.types import Dates, Ints, Ints16, Mask

__all__ = ["Flags", "flags_at", "last_paid_years", "open_by_number", "open_challenges"]

_NEVER = np.iinfo(np.int64).min


class Flags(NamedTuple):
    """Flags on a date, one element a right."""

    n_pledges: Ints16
    """Pledges registered and not cancelled."""
    licensed: Mask
    """A recorded licence is running."""
    preserved: Mask
    """Seized by a court."""
    open_licence: Mask
    """Open licence, or licence of right, declared."""
    challenged: Mask
    """An opposition, invalidation or review is pending."""
    partly_invalid: Mask
    """Some claims were declared invalid."""
    suspended: Mask
    """The procedure is suspended."""
    litigated: Mask
    """A suit was recorded."""
    opposition_survived: Mask
    """A challenge ended (with the right alive, which the caller checks)."""
    n_transfers: Ints16
    """Days on which ownership changed; a new name of the same owner is not a change."""


def _last(n_groups: int, group: Ints, day: Ints) -> Ints:
    """Last day of each group, a very early day where it has none."""
    last = np.full(n_groups, _NEVER, dtype=np.int64)
    np.maximum.at(last, group, day)
    return last


def open_by_number(n_rights: int, right: Ints, number: Any, day: Ints, on: Mask, off: Mask) -> Ints16:
    """Registrations that were opened and not closed, counted by right.

    Parameters
    ----------
    n_rights : int
        Number of rights.
    right : int64 array, shape (m,)
        Right of each event.
    number : array-like of str, shape (m,)
        Registration number, empty where unknown.
    day : int64 array, shape (m,)
        Day of each event since 1970.
    on, off : bool arrays, shape (m,)
        Whether the event opens (or alters) or closes a registration.

    Returns
    -------
    int16 array, shape (n_rights,)
        Open registrations; those without a number count as one.

    Notes
    -----
    A closing with a number closes that number; where the number was never opened, it closes the opened
    registration without a number. A closing without a number closes all that were opened before that day: one
    opened on the day itself stands, since a loan rolled over is cancelled and registered anew on one day.

    Examples
    --------
    >>> on = np.array([True, True, False])
    >>> open_by_number(1, np.zeros(3, int), ["A", "B", "A"], np.array([1, 2, 3]), on, ~on).tolist()
    [1]
    """
    number_codes, _ = codes_of(number)
    group, pairs = joint_codes(right, number_codes)
    owner, unnumbered = pairs[:, 0], pairs[:, 1] == 0
    n_groups = len(pairs)
    opened = _last(n_groups, group[on], day[on])
    closed = _last(n_groups, group[off], day[off])
    closed_all = np.full(n_rights, _NEVER, dtype=np.int64)
    closed_all[owner[unnumbered]] = closed[unnumbered]
    stray = ~unnumbered & (opened == _NEVER) & (closed > _NEVER)
    closed_stray = _last(n_rights, owner[stray], closed[stray])
    standing = (opened > _NEVER) & (opened >= closed_all[owner])
    standing &= np.where(unnumbered, opened > closed_stray[owner], opened > closed)
    return np.bincount(owner[standing], minlength=n_rights).astype(np.int16)


def open_challenges(n_rights: int, right: Ints, day: Ints, on: Mask) -> Ints16:
    """Challenges pending: each opening adds one, each end takes one away, never below none.

    Parameters
    ----------
    n_rights : int
        Number of rights.
    right, day : int64 arrays, shape (m,)
        Right and day of each event.
    on : bool array, shape (m,)
        True for an opening, False for an end. On one day openings come first.

    Returns
    -------
    int16 array, shape (n_rights,)
        Pending challenges.

    Notes
    -----
    With :math:`S_t` the running sum of +1 and -1, the count with floor 0 is
    :math:`S_T - min(0, min_t S_t)`.

    Examples
    --------
    >>> open_challenges(1, np.zeros(3, int), np.array([1, 2, 3]), np.array([False, True, True])).tolist()
    [2]
    """
    order = np.lexsort((~on, day, right))
    steps = np.where(on[order], 1, -1)
    counts = np.bincount(right, minlength=n_rights)
    occupied = np.flatnonzero(counts)
    if occupied.size == 0:
        return np.zeros(n_rights, dtype=np.int16)
    ends = np.cumsum(counts[occupied])
    starts = ends - counts[occupied]
    running = np.cumsum(steps)
    before = running[starts] - steps[starts]
    lowest = np.minimum(np.minimum.reduceat(running, starts) - before, 0)
    pending = np.zeros(n_rights, dtype=np.int16)
    pending[occupied] = running[ends - 1] - before - lowest
    return pending


def last_paid_years(
    n_rights: int, right: Ints, effect: npt.NDArray[np.int8], year: npt.NDArray[np.int8], detail: Any
) -> npt.NDArray[np.int8]:
    """Latest fee year seen as paid.

    Parameters
    ----------
    n_rights : int
        Number of rights.
    right : int64 array, shape (m,)
        Right of each event.
    effect, year : int8 arrays, shape (m,)
        Effect of each event, and the fee year that its code names (0: none).
    detail : object array of str, shape (m,)
        Fee year of a payment where the code names none.

    Returns
    -------
    int8 array, shape (n_rights,)
        Fee year, 0 where no payment with a year is known.

    Examples
    --------
    >>> effect, year = np.full(2, Effect.PAY, np.int8), np.array([4, 0], np.int8)
    >>> last_paid_years(1, np.zeros(2, int), effect, year, np.array(["", "8"], object)).tolist()
    [8]
    """
    paid = np.flatnonzero(effect == Effect.PAY)
    named = year[paid].astype(np.int64)
    codes, names = codes_of(detail[paid])
    told = np.array([_year(name) for name in names], dtype=np.int64)[codes]
    last = np.zeros(n_rights, dtype=np.int64)
    np.maximum.at(last, right[paid], np.where(named > 0, named, told))
    return last.astype(np.int8)


def _year(text: str) -> int:
    """A fee year between 1 and 99, else 0."""
    text = text.strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else 0


def flags_at(n_rights: int, right: Ints, day: Dates, effect: npt.NDArray[np.int8], detail: Any, as_of: Dates) -> Flags:
    """Flags from the events that count on a date.

    Parameters
    ----------
    n_rights : int
        Number of rights.
    right : int64 array, shape (m,)
        Right of each event.
    day : datetime64[D] array, shape (m,)
        Effective day of each event.
    effect : int8 array, shape (m,)
        :class:`~ipvalue.law.events.Effect`.
    detail : object array of str, shape (m,)
        Registration number of pledges and licences.
    as_of : datetime64[D] array, shape (n_rights,)
        The date, a right.

    Returns
    -------
    Flags
        Arrays of shape (n_rights,).

    Examples
    --------
    >>> day, effect = np.array(["2020-01-01"], "datetime64[D]"), np.array([Effect.PRESERVE_ON], np.int8)
    >>> as_of = np.array(["2020-06-30"], "datetime64[D]")
    >>> flags_at(1, np.zeros(1, int), day, effect, np.array([""], object), as_of).preserved.tolist()
    [True]
    """
    days = day.astype("datetime64[D]").view(np.int64)

    def of(*effects: Effect) -> Ints:
        return np.flatnonzero(np.isin(effect, effects))

    def last(*effects: Effect) -> Ints:
        found = of(*effects)
        return _last(n_rights, right[found], days[found])

    def seen(*effects: Effect) -> Mask:
        found = np.zeros(n_rights, dtype=bool)
        found[right[of(*effects)]] = True
        return found

    registered = partial(_registered, n_rights, right, days, effect, detail)
    disputes = of(Effect.CHALLENGE_ON, Effect.CHALLENGE_OFF)
    preserved_on = last(Effect.PRESERVE_ON)
    preserved = (preserved_on > last(Effect.PRESERVE_OFF)) & (preserved_on > _NEVER)
    return Flags(
        n_pledges=registered(Effect.PLEDGE_ON, Effect.PLEDGE_MOD, Effect.PLEDGE_OFF),
        licensed=registered(Effect.LICENCE_ON, Effect.LICENCE_MOD, Effect.LICENCE_OFF) > 0,
        preserved=preserved & (as_of < _preservation_end(preserved_on)),
        open_licence=last(Effect.OPEN_ON) > last(Effect.OPEN_OFF),
        challenged=open_challenges(n_rights, right[disputes], days[disputes], effect[disputes] == Effect.CHALLENGE_ON)
        > 0,
        partly_invalid=seen(Effect.PARTIAL_INVALID),
        suspended=last(Effect.SUSPEND_ON) > last(Effect.SUSPEND_OFF),
        litigated=seen(Effect.LITIGATION),
        opposition_survived=seen(Effect.CHALLENGE_OFF),
        n_transfers=_distinct_days(n_rights, right[of(Effect.OWNER)], days[of(Effect.OWNER)]),
    )


def _registered(
    n_rights: int,
    right: Ints,
    days: Ints,
    effect: npt.NDArray[np.int8],
    detail: Any,
    opens: Effect,
    alters: Effect,
    closes: Effect,
) -> Ints16:
    """Open registrations of one kind; an alteration shows that the registration stands."""
    found = np.flatnonzero(np.isin(effect, (opens, alters, closes)))
    off = effect[found] == closes
    return open_by_number(n_rights, right[found], detail[found], days[found], ~off, off)


def _preservation_end(start: Ints) -> Dates:
    """Day on which a preservation that was not renewed has ended."""
    months = next(int(row["lasts_months"]) for row in rows("effects") if row["effect"] == "PRESERVE_ON")
    return add_months(np.where(start > _NEVER, start, 0).view("datetime64[D]"), months)


def _distinct_days(n_rights: int, right: Ints, days: Ints) -> Ints16:
    """Number of distinct days a right."""
    if right.size == 0:
        return np.zeros(n_rights, dtype=np.int16)
    order = np.lexsort((days, right))
    owner, day = right[order], days[order]
    new = np.ones(owner.shape, dtype=bool)
    new[1:] = (owner[1:] != owner[:-1]) | (day[1:] != day[:-1])
    return np.bincount(owner[new], minlength=n_rights).astype(np.int16)
