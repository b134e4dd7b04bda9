"""Deprecations: one warning that says since when, until when, and what to write instead."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["deprecated", "warn_deprecated"]

P = ParamSpec("P")
T = TypeVar("T")
_WARNED: set[tuple[str, str, int]] = set()


def warn_deprecated(name: str, *, since: str, removal: str, instead: str, level: int = 1) -> None:
    """Warn that a name is deprecated, once for each line that uses it.

    Parameters
    ----------
    name : str
        What is deprecated, as the user writes it, for example ``"ipv.old_name"``.
    since, removal : str
        The release that deprecated the name, and the earliest one without it.
    instead : str
        What to write in its place.
    level : int
        How many calls above the function that calls this one the user's line is.

    Warns
    -----
    DeprecationWarning
        On the user's line, so that Python shows it in scripts, notebooks and tests.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_deprecated("ipv.old", since="0.2.0", removal="0.4.0", instead="ipv.new", level=0)
    >>> print(caught[0].message)
    ipv.old is deprecated since ipvalue 0.2.0 and will be removed in 0.4.0: write ipv.new instead
    """
    caller = sys._getframe(level + 1)
    place = (name, caller.f_code.co_filename, caller.f_lineno)
    if place in _WARNED:
        return
    message = f"{name} is deprecated since ipvalue {since} and will be removed in {removal}: write {instead} instead"
    warnings.warn(message, DeprecationWarning, stacklevel=level + 2)
    # noted only after the warning: where a filter makes it an error, every use is an error
    _WARNED.add(place)


def deprecated(*, since: str, removal: str, instead: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Mark a function as deprecated: each line that calls it warns once.

    Parameters
    ----------
    since, removal : str
        The release that deprecated the function, and the earliest one without it.
    instead : str
        What to write in its place.
    """

    def mark(function: Callable[P, T]) -> Callable[P, T]:
        name = function.__qualname__

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            warn_deprecated(f"{name}()", since=since, removal=removal, instead=instead)
            return function(*args, **kwargs)

        return call

    return mark
