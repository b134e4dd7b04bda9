"""Intervals of legal states: from the state changes by events and the ends of the terms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law.state_machine import Course
from ipvalue.law.states import ALIVE, State
from ipvalue.types import Dates, Ints

__all__ = ["END_OF_TIME", "Intervals", "intervals_of"]

_DAY = np.timedelta64(1, "D")

END_OF_TIME = np.datetime64("2400-01-01", "D")
"""End of an interval that is still open."""


class Intervals(NamedTuple):
    """Intervals of states; ``to`` is the first day that is no longer in the interval."""

    right: Ints
    state: npt.NDArray[np.int8]
    start: Dates
    to: Dates

    def keep(self, where: npt.NDArray[Any]) -> Intervals:
        """Some of the intervals."""
        return Intervals(self.right[where], self.state[where], self.start[where], self.to[where])


def _intervals(course: Course, initial: npt.NDArray[np.int8], application: Dates) -> Intervals:
    """Intervals between the changes of a course, the first one from the application on."""
    filed = np.flatnonzero(initial == State.FILED)
    right = np.concatenate([filed, course.right])
    start = np.concatenate([application[filed], course.day])
    state = np.concatenate([initial[filed], course.state])
    order = np.lexsort((np.arange(right.size), start, right))
    right, start, state = right[order], start[order], state[order]
    to = np.full(right.shape, END_OF_TIME)
    same = right[1:] == right[:-1]
    to[:-1][same] = start[1:][same]
    return Intervals(right, state, start, to)


def _by_calendar(intervals: Intervals, statutory: Dates, actual: Dates) -> Intervals:
    """Intervals cut at the ends of the terms: extension after the basic term, expiry after the actual one."""
    basic_over = np.fmin(statutory[intervals.right] + _DAY, END_OF_TIME)
    over = np.fmin(actual[intervals.right] + _DAY, END_OF_TIME)
    alive = ALIVE[intervals.state]
    in_force = intervals.state == State.IN_FORCE
    cut = np.where(in_force, np.minimum(basic_over, over), np.where(alive, over, END_OF_TIME))
    extended = np.where(in_force, over, cut)
    pieces = []
    for state, start, end in (
        (intervals.state, intervals.start, cut),
        (np.full_like(intervals.state, State.IN_EXTENSION), cut, extended),
        (np.full_like(intervals.state, State.EXPIRED), extended, np.full(cut.shape, END_OF_TIME)),
    ):
        first = np.maximum(start, intervals.start)
        last = np.minimum(end, intervals.to)
        pieces.append(Intervals(intervals.right, state, first, last).keep(first < last))
    columns: list[Any] = [np.concatenate(parts) for parts in zip(*pieces)]
    joined = Intervals(*columns)
    return joined.keep(np.lexsort((joined.start, joined.right)))


def _merge(intervals: Intervals) -> Intervals:
    """Neighbouring intervals of one state as one."""
    new = np.ones(intervals.right.shape, dtype=bool)
    new[1:] = (intervals.right[1:] != intervals.right[:-1]) | (intervals.state[1:] != intervals.state[:-1])
    first = np.flatnonzero(new)
    last = np.flatnonzero(np.append(new[1:], True)[: new.size])
    merged = intervals.keep(first)
    return merged._replace(to=intervals.to[last])


def intervals_of(
    course: Course,
    initial: npt.NDArray[np.int8],
    application: Dates,
    statutory: Dates,
    actual: Dates,
) -> Intervals:
    """State intervals of all rights.

    Parameters
    ----------
    course : Course
        State changes, sorted by right and day.
    initial : int8 array, shape (n,)
        State of each right before its first change.
    application : datetime64[D] array, shape (n,)
        Start of the initial state.
    statutory, actual : datetime64[D] arrays, shape (n,)
        Last days in force of the basic and of the actual term, NaT where unknown.

    Returns
    -------
    Intervals
        Sorted by right and day; the last one of a right ends at :data:`END_OF_TIME`.

    Examples
    --------
    >>> nothing = np.zeros(0, int)
    >>> course = Course(nothing, nothing.astype("datetime64[D]"), nothing.astype(np.int8), nothing > 0)
    >>> day = np.array(["2000-01-01"], "datetime64[D]")
    >>> intervals_of(course, np.array([State.FILED], np.int8), day, day + 7300, day + 7300).state.tolist()
    [1, 9]
    """
    return _merge(_by_calendar(_intervals(course, initial, application), statutory, actual))
