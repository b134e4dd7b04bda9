"""Wall time by stage: code names its stages, and a caller measures them with a stopwatch.

Without a running stopwatch a stage costs one look-up of a variable. Times are not a part of any result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["Stopwatch", "stage"]

_RUNNING: ContextVar[Stopwatch | None] = ContextVar("ipvalue_stopwatch", default=None)


class Stopwatch:
    """Sums wall time by stage, in the thread that runs it.

    A stage inside another one takes its time from the outer one, so that the stages add up.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time by stage, in the order in which the stages first ended.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch.running():
    ...     with stage("outer"), stage("inner"):
    ...         pass
    >>> list(watch.seconds)
    ['inner', 'outer']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]

    @contextmanager
    def running(self) -> Iterator[Stopwatch]:
        """Measure the stages inside the ``with`` block."""
        token = _RUNNING.set(self)
        try:
            yield self
        finally:
            _RUNNING.reset(token)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of the ``with`` block, less that of stages inside it, to a stage."""
        started = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - started
            own = took - self._inner.pop()
            self._inner[-1] += took
            self.seconds[name] = self.seconds.get(name, 0.0) + own


class _Unmeasured:
    """A ``with`` block that is not measured."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_UNMEASURED = _Unmeasured()


def stage(name: str) -> Any:
    """Name the stage of the ``with`` block.

    Parameters
    ----------
    name : str
        The stage, such as ``'features'``.

    Examples
    --------
    >>> with stage("nobody measures this"):
    ...     pass
    """
    watch = _RUNNING.get()
    return _UNMEASURED if watch is None else watch.measure(name)
