"""The legal states of a right, and which of them are alive, enforceable or pending.

A right is in exactly one state. ``GRACE`` and ``IN_EXTENSION`` come from the calendar, never from an event.
A pledge, a licence or a pending challenge is no state but a flag beside it. The table ``canonical_status``
says what each state means and how ST.27 names it.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ipvalue.types import Mask

__all__ = ["ALIVE", "DEAD", "ENFORCEABLE", "GRANTED", "PENDING", "State", "state_names"]


class State(IntEnum):
    """Legal state of a right; :attr:`label` is the name that tables show."""

    UNKNOWN = 0
    FILED = 1
    PUBLISHED = 2
    EXAMINATION = 3
    ALLOWED = 4
    IN_FORCE = 5
    GRACE = 6
    IN_EXTENSION = 7
    LAPSED = 8
    EXPIRED = 9
    SURRENDERED = 10
    INVALIDATED = 11
    WITHDRAWN = 12
    REFUSED = 13

    @property
    def label(self) -> str:
        """The name in tables: lower case."""
        return self.name.lower()


def _mask(first: State, last: State) -> Mask:
    numbers = np.arange(len(State))
    mask = (numbers >= first) & (numbers <= last)
    mask.flags.writeable = False
    return mask


PENDING = _mask(State.FILED, State.ALLOWED)
"""``PENDING[state]``: an application."""
GRANTED = _mask(State.IN_FORCE, State.IN_EXTENSION)
"""``GRANTED[state]``: a right in force."""
ENFORCEABLE = GRANTED
"""``ENFORCEABLE[state]``: the right can be enforced."""
ALIVE = _mask(State.FILED, State.IN_EXTENSION)
"""``ALIVE[state]``: pending or in force."""
DEAD = _mask(State.LAPSED, State.REFUSED)
"""``DEAD[state]``: ended; worth 0 from that day."""


def state_names() -> list[str]:
    """Labels of the states by number.

    Returns
    -------
    list of str
        14 labels.

    Examples
    --------
    >>> state_names()[5]
    'in_force'
    """
    return [state.label for state in State]
