"""The state machine: operators applied to rights in the order of their days.

Each event that can change a state is one row of the table ``T[operation, state]``, which gives the next
state (or says: back to the last state in which the right was alive). Events are sorted once, by right, day,
precedence within the day and operation, so that the order of the rows never matters; then the table is
applied to all rights at once, first to every right's first event, then to every second one, and so on.

The rules in the table:

- an event of the pending stage never undoes a grant;
- a dead right stays dead, except through a revival, or through a grant after a withdrawal or refusal (a
  grant shows that the application had been revived);
- the first loss counts: a later lapse, expiry or surrender leaves a dead right as it is, but invalidation
  replaces every state and nothing follows it, because it works ab initio (Chinese Patent Law art. 47, EPC
  art. 68);
- neither an expired nor an invalidated right is revived.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law.events import Effect
from ipvalue.law.states import ALIVE, DEAD, GRANTED, PENDING, State
from ipvalue.types import Dates, Ints, Mask

__all__ = ["Course", "operation_of", "run"]

_RESTORE = 255

_DAY_BITS, _PRECEDENCE_BITS, _OPERATION_BITS = 18, 7, 6
_FIRST_DAY, _LAST_DAY = -100_000, 160_000

# of several losses of one day and precedence the more serious is applied first, and the first loss counts
_LOSSES = (State.INVALIDATED, State.SURRENDERED, State.EXPIRED, State.LAPSED, State.WITHDRAWN, State.REFUSED)


class Course(NamedTuple):
    """State changes of all rights: one element an operation, sorted by right and day."""

    right: Ints
    """Index of the right."""
    day: Dates
    """Day of the operation, datetime64[D]."""
    state: npt.NDArray[np.int8]
    """State after the operation."""
    changed: Mask
    """Whether the operation changed the state."""


@cache
def _operations() -> list[tuple[Effect, State]]:
    """(effect, target) of every operation, in the order in which those of one day and precedence apply."""
    pending = [State.FILED, State.PUBLISHED, State.EXAMINATION, State.ALLOWED]
    return [
        *((Effect.ADVANCE, state) for state in pending),
        *((Effect.SET, state) for state in pending),
        (Effect.SET, State.IN_FORCE),
        *((Effect.SET_IF_PENDING, state) for state in _LOSSES),
        *((Effect.SET, state) for state in _LOSSES),
        *((Effect.SET_IF_GRANTED, state) for state in _LOSSES),
        (Effect.TERMINATE, State.UNKNOWN),
        (Effect.REVIVE, State.UNKNOWN),
        (Effect.REVIVE_GRANT, State.UNKNOWN),
    ]


def operation_of(effect: npt.NDArray[np.int8], target: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Number of the operation that an effect with a target is, -1 where it changes no state.

    Parameters
    ----------
    effect, target : int8 arrays, shape (n,)
        :class:`~ipvalue.law.events.Effect` and :class:`~ipvalue.law.states.State`.

    Returns
    -------
    int8 array, shape (n,)
        Row of the operator table.

    Examples
    --------
    >>> operation_of(np.array([0], np.int8), np.array([0], np.int8)).tolist()
    [-1]
    """
    lookup = np.full((len(Effect), len(State)), -1, dtype=np.int8)
    for number, (kind, state) in enumerate(_operations()):
        lookup[kind, state] = number
    return lookup[effect, target]


def _row(effect: Effect, target: State) -> npt.NDArray[np.uint8]:
    """One row of the operator table: the next state by present state."""
    row = np.arange(len(State), dtype=np.uint8)
    present = np.arange(len(State))
    unknown = present == State.UNKNOWN
    revivable = np.isin(present, (State.LAPSED, State.WITHDRAWN, State.REFUSED, State.SURRENDERED))
    if effect is Effect.ADVANCE:
        row[present < target] = target
    elif effect is Effect.REVIVE:
        row[revivable] = _RESTORE
    elif effect is Effect.REVIVE_GRANT:
        row[revivable | ALIVE | unknown] = State.IN_FORCE
    elif effect is Effect.TERMINATE:
        row[PENDING] = State.WITHDRAWN
        row[GRANTED | unknown] = State.LAPSED
    elif target is State.INVALIDATED and effect is Effect.SET:
        row[:] = target
    elif effect is Effect.SET and PENDING[target]:
        row[PENDING | unknown] = target
    elif target is State.IN_FORCE:
        row[ALIVE | unknown | np.isin(present, (State.WITHDRAWN, State.REFUSED))] = target
    else:
        allowed = {Effect.SET_IF_PENDING: PENDING, Effect.SET_IF_GRANTED: GRANTED}.get(effect, ALIVE)
        row[allowed | unknown] = target
    return row


@cache
def _table() -> npt.NDArray[np.uint8]:
    return np.stack([_row(effect, target) for effect, target in _operations()])


@cache
def _alive_before_loss() -> npt.NDArray[np.int8]:
    """State to restore if a loss is the first event known: in force before a lapse, filed before a refusal."""
    before = np.zeros(len(State), dtype=np.int8)
    before[[State.LAPSED, State.EXPIRED, State.SURRENDERED, State.INVALIDATED]] = State.IN_FORCE
    before[[State.WITHDRAWN, State.REFUSED]] = State.FILED
    return before


def _sorted_keys(
    right: Ints,
    day: Dates,
    precedence: npt.NDArray[np.int8],
    operation: npt.NDArray[np.int8],
) -> Ints:
    """Right, day, precedence and operation packed into one integer an event, and sorted."""
    days = np.clip(day.astype("datetime64[D]").view(np.int64), _FIRST_DAY, _LAST_DAY) - _FIRST_DAY
    keys = (right << _DAY_BITS) | days
    keys = (keys << _PRECEDENCE_BITS) | precedence
    keys = (keys << _OPERATION_BITS) | operation
    keys.sort()
    return keys


def _scan(
    operation: Ints,
    counts: Ints,
    starts: Ints,
    initial: npt.NDArray[np.int8],
) -> npt.NDArray[np.int8]:
    """State after each operation; operations lie sorted by right, ``counts`` a right from ``starts`` on."""
    table, before_loss = _table(), _alive_before_loss()
    after = np.empty(operation.shape, dtype=np.int8)
    order = np.argsort(-counts, kind="stable")
    order = order[: np.count_nonzero(counts)]
    remaining = counts[order]
    position = starts[order]
    state = initial[order].astype(np.intp)
    last_alive = state.copy()
    rank = 0
    while order.size:
        following = table[operation[position], state].astype(np.intp)
        following = np.where(following == _RESTORE, last_alive, following)
        orphaned = DEAD[following] & (last_alive == State.UNKNOWN)
        last_alive = np.where(ALIVE[following], following, np.where(orphaned, before_loss[following], last_alive))
        after[position] = following
        rank += 1
        left = int(np.searchsorted(-remaining, -rank, side="left"))
        order, remaining, position = order[:left], remaining[:left], position[:left] + 1
        state, last_alive = following[:left], last_alive[:left]
    return after


def run(
    n_rights: int,
    right: Ints,
    day: Dates,
    precedence: npt.NDArray[np.int8],
    operation: npt.NDArray[np.int8],
    initial: npt.NDArray[np.int8],
) -> Course:
    """Apply operations to rights in the order of their days.

    Parameters
    ----------
    n_rights : int
        Number of rights.
    right : int64 array, shape (m,)
        Index of the right that an operation acts on.
    day : datetime64[D] array, shape (m,)
        Its day.
    precedence, operation : int8 arrays, shape (m,)
        Order within a day, and number of the operation, from 0 on.
    initial : int8 array, shape (n_rights,)
        State of each right before its first operation.

    Returns
    -------
    Course
        Sorted by right and day, shape (m,).

    Examples
    --------
    >>> day = np.array(["2020-01-01", "2019-01-01"], "datetime64[D]")
    >>> effect = np.array([Effect.SET, Effect.SET], np.int8)
    >>> operation = operation_of(effect, np.array([State.LAPSED, State.IN_FORCE], np.int8))
    >>> course = run(1, np.zeros(2, int), day, np.array([90, 50], np.int8), operation, np.zeros(1, np.int8))
    >>> course.state.tolist()
    [5, 8]
    """
    keys = _sorted_keys(np.asarray(right, dtype=np.int64), day, precedence, operation)
    numbers = keys & ((1 << _OPERATION_BITS) - 1)
    keys >>= _PRECEDENCE_BITS + _OPERATION_BITS
    days = ((keys & ((1 << _DAY_BITS) - 1)) + _FIRST_DAY).view("datetime64[D]")
    keys >>= _DAY_BITS
    counts = np.bincount(keys, minlength=n_rights)
    starts = np.cumsum(counts) - counts
    after = _scan(numbers, counts, starts, initial)
    before = np.empty_like(after)
    before[1:] = after[:-1]
    occupied = counts > 0
    before[starts[occupied]] = initial[occupied]
    return Course(keys, days, after, after != before)
