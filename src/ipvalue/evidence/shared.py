"""Features that several engines ask for on the same days, worked out once while they are run side by side.

What a patent looks like on a day follows from the book alone, not from an engine's assumptions. Fits of several
engines, or of one engine on several dates, ask for the same sold patents on the same half-years' ends. Nothing is kept
outside :func:`sharing`: a book may be large, and one fit asks once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from ipvalue.features import Features
from ipvalue.features.base import families
from ipvalue.types import Columns

__all__ = ["shared_features", "sharing"]

_FEW = 4096
_found: ContextVar[dict[Hashable, Features] | None] = ContextVar("ipvalue_shared_features", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Share features between all fits in a block, which must be of one book.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(300, seed=1)
    >>> with sharing():
    ...     one, other = (
    ...         ipv.ValuationEngine([method]).fit(book, as_of="2023-12-31")
    ...         for method in (ipv.ComparableSales(), ipv.HedonicPrice())
    ...     )
    """
    token = _found.set({})
    try:
        yield
    finally:
        _found.reset(token)


def shared_features(key: Hashable, make: Callable[[], Features]) -> Mapping[str, Columns]:
    """Features by family, made once for each key within :func:`sharing`.

    Parameters
    ----------
    key : hashable
        Day, kind of knowledge, and which patents.
    make : callable
        Makes them where they are not there yet.

    Returns
    -------
    mapping of str to dict of ndarray
        As ``features.compute`` takes what was kept. Of large tables, such as those of a whole book, only the last is
        kept.
    """
    found = _found.get()
    features = None if found is None else found.get(key)
    if features is None:
        features = make()
        if found is not None:
            if len(features) > _FEW:
                for old in [name for name, each in found.items() if len(each) > _FEW]:
                    del found[old]
            found[key] = features
    return dict.fromkeys(families(), features.columns)
