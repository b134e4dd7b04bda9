"""National rights of a European patent: events of one state act on its right, all others on every one.

References
----------
EPC art. 2(2): a European patent has in each state the effect of a national patent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of
from ipvalue.law.events import Effect, Operators, ep_states, precedence_of
from ipvalue.law.states import State
from ipvalue.types import Dates, Ints, Mask

__all__ = ["by_state", "lapsed_throughout", "spread_over_pairs", "state_operators"]

# nearly every European patent is validated in these three, so that one without an event there is alive there
MAIN_STATES = ("DE", "FR", "GB")


def by_state(operators: Operators, detail: Any) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """State that each event of a contracting state names, and the event's effect on that state's right.

    Parameters
    ----------
    operators : Operators
        Shape (m,).
    detail : object array of str, shape (m,)
        ST.3 code of the state, where the event's code names none.

    Returns
    -------
    state : int8 array, shape (m,)
        Index into :func:`ipvalue.law.events.ep_states`; 0 for events of the whole patent, -1 where an event
        of a state names none that is known.
    effect : int8 array, shape (m,)
        The effect on one right: a lapse, a payment, a revival, or the effect on the European patent as a unit.

    Examples
    --------
    >>> from ipvalue.law.events import encode
    >>> operators = encode(["EP", "EP"], ["inpadoc"] * 2, ["PG25", "27W"])
    >>> state, effect = by_state(operators, np.array(["DE", ""], object))
    >>> [ep_states()[number] for number in state]
    ['DE', '']
    """
    on_one_right = {
        Effect.STATE_LOSS: Effect.SET,
        Effect.STATE_PAY: Effect.PAY,
        Effect.STATE_REVIVE: Effect.REVIVE,
    }
    lookup = np.arange(len(Effect), dtype=np.int8)
    for kind, single in on_one_right.items():
        lookup[kind] = single
    national = np.flatnonzero(lookup[operators.effect] != operators.effect)
    codes, names = codes_of(detail[national])
    number = {name: index for index, name in enumerate(ep_states()) if name}
    told = np.array([number.get(name.strip()[:2].upper(), -1) for name in names], dtype=np.int8)[codes]
    state = np.zeros(operators.effect.shape, dtype=np.int8)
    state[national] = np.where(operators.state[national] > 0, operators.state[national], told)
    return state, lookup[operators.effect]


def state_operators(operators: Operators, effect: npt.NDArray[np.int8]) -> Operators:
    """Operators on one state's right.

    Parameters
    ----------
    operators : Operators
        Shape (m,).
    effect : int8 array, shape (m,)
        From :func:`by_state`.

    Returns
    -------
    Operators
        With that effect; the loss of a state's right is a lapse.

    Examples
    --------
    >>> from ipvalue.law.events import encode
    >>> operators = encode(["EP"], ["inpadoc"], ["PG25"])
    >>> _, effect = by_state(operators, np.array(["DE"], object))
    >>> State(state_operators(operators, effect).target[0]).name
    'LAPSED'
    """
    lost = operators.effect == Effect.STATE_LOSS
    target = np.where(lost, np.int8(State.LAPSED), operators.target)
    return operators._replace(effect=effect, target=target, precedence=precedence_of(effect, target))


def spread_over_pairs(pairs: Ints, patent: Ints, state: npt.NDArray[np.int8]) -> tuple[Ints, Ints]:
    """Pairs of (patent, state) on which each event acts.

    Parameters
    ----------
    pairs : int64 array, shape (k, 2)
        Patent and state of each pair, sorted.
    patent : int64 array, shape (m,)
        Patent of each event, -1 for none.
    state : int8 array, shape (m,)
        State of each event, 0 for the whole patent, -1 for an unknown one.

    Returns
    -------
    event, pair : int64 arrays
        One element for each event and pair on which it acts.

    Examples
    --------
    >>> pairs = np.array([[0, 2], [0, 3]])
    >>> event, pair = spread_over_pairs(pairs, np.array([0, 0]), np.array([3, 0], np.int8))
    >>> event.tolist(), pair.tolist()
    ([0, 1, 1], [1, 0, 1])
    """
    first = np.searchsorted(pairs[:, 0], patent, side="left")
    counts = np.searchsorted(pairs[:, 0], patent, side="right") - first
    counts = np.where(patent >= 0, counts, 0)
    event = np.repeat(np.arange(patent.size), counts)
    ends = np.cumsum(counts)
    pair = np.arange(event.size) - np.repeat(ends - counts, counts) + np.repeat(first, counts)
    acts = (state[event] == 0) | (pairs[pair, 1] == state[event])
    return event[acts], pair[acts]


def lapsed_throughout(
    n_patents: int, patent: npt.NDArray[np.integer], day: Any, operators: Operators, detail: Any
) -> tuple[Mask, Dates]:
    """Whether a European patent has lapsed in every state in which it is taken to have lived, and since when.

    Parameters
    ----------
    n_patents : int
        Number of patents.
    patent : int array, shape (m,)
        Patent of each event that counts.
    day : datetime64[D] array, shape (m,)
        Day on which each takes effect.
    operators : Operators
        Shape (m,).
    detail : object array of str, shape (m,)
        ST.3 code of the state, where the event's code names none.

    Returns
    -------
    lapsed : bool array, shape (n_patents,)
        The right is lost in Germany, France and Great Britain, and in every other state that an event names.
    since : datetime64[D] array, shape (n_patents,)
        Day of the last loss; NaT where it has not lapsed.

    Notes
    -----
    Of the losses and revivals of one state the latest decides, the loss where both are of one day.

    Examples
    --------
    >>> from ipvalue.law.events import encode
    >>> operators = encode(["EP"] * 3, ["inpadoc"] * 3, ["PG25"] * 3)
    >>> days = np.array(["2020-01-31", "2020-01-19", "2020-08-01"], "datetime64[D]")
    >>> states = np.array(["FR", "GB", "DE"], object)
    >>> lapsed_throughout(1, np.zeros(3, int), days, operators, states)[1].astype(str).tolist()
    ['2020-08-01']
    """
    national = np.flatnonzero(np.isin(operators.effect, [Effect.STATE_LOSS, Effect.STATE_PAY, Effect.STATE_REVIVE]))
    cut = operators.take(national)
    state, effect = by_state(cut, np.asarray(detail, object)[national])
    named = np.flatnonzero(state > 0)
    pair = np.asarray(patent, np.int64)[national[named]] * len(ep_states()) + state[named]
    days, lost = np.asarray(day)[national[named]], effect[named] == Effect.SET
    pairs, place = np.unique(pair, return_inverse=True)
    early = np.datetime64("0001-01-01", "D")
    last_loss, last_revival = np.full(len(pairs), early), np.full(len(pairs), early)
    np.maximum.at(last_loss, place[lost], days[lost])
    revived = effect[named] == Effect.REVIVE
    np.maximum.at(last_revival, place[revived], days[revived])
    gone = (last_loss > early) & (last_loss >= last_revival)
    owner, number = pairs // len(ep_states()), pairs % len(ep_states())
    main = np.isin(number, [ep_states().index(name) for name in MAIN_STATES])
    lapsed = np.bincount(owner[gone & main], minlength=n_patents) == len(MAIN_STATES)
    lapsed[owner[~gone]] = False
    since = np.full(n_patents, early)
    np.maximum.at(since, owner, last_loss)
    return lapsed, np.where(lapsed, since, np.datetime64("NaT", "D"))
