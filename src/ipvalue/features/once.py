"""What several families and tallies ask of a snapshot, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from ipvalue.records.snapshot import Snapshot

__all__ = ["once"]

T = TypeVar("T")


def once(function: Callable[[Snapshot], T]) -> Callable[[Snapshot], T]:
    """Remember what a function makes of a snapshot, which never changes, for as long as the snapshot lives.

    Parameters
    ----------
    function : callable
        Its result must not hold the snapshot: it would keep it alive.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> snapshot = ipv.synthetic_book(10, seed=1).as_of("2024-12-31")
    >>> numbers = iter(range(9))
    >>> asked = once(lambda state: next(numbers))
    >>> asked(snapshot), asked(snapshot)
    (0, 0)
    """
    found: WeakKeyDictionary[Snapshot, T] = WeakKeyDictionary()

    @wraps(function)
    def remembered(snapshot: Snapshot) -> T:
        if snapshot not in found:
            found[snapshot] = function(snapshot)
        return found[snapshot]

    return remembered
