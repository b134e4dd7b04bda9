"""Values of nested records, whatever of them is there: a missing or strange branch is simply empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

__all__ = ["at", "column", "each", "text"]


def at(value: Any, *path: str) -> Any:
    """What stands under a path of keys; None where it is not there.

    Examples
    --------
    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": []}, "a", "b")
    (1, None)
    """
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def each(value: Any, *path: str) -> list[Any]:
    """The values of a list under a path; a single value is a list of one, and nothing an empty one.

    Examples
    --------
    >>> each({"a": [1, 2]}, "a"), each({"a": 1}, "a"), each({}, "a")
    ([1, 2], [1], [])
    """
    found = at(value, *path) if path else value
    if isinstance(found, Mapping) and len(found) == 1 and "list" in found:  # as some writers nest lists in Parquet
        found = [e.get("element", e.get("item", e)) if isinstance(e, Mapping) else e for e in found["list"] or []]
    return found if isinstance(found, list) else [] if found is None else [found]


def text(value: Any, *path: str) -> str | None:
    """Text or number under a path, as text without blanks around it; None where empty or a branch.

    Examples
    --------
    >>> text({"a": 20100119}, "a"), text({"a": " x "}, "a"), text({"a": {}}, "a")
    ('20100119', 'x', None)
    """
    found = at(value, *path)
    if found is None or isinstance(found, Mapping | list):
        return None
    return str(found).encode("utf-8", "replace").decode().strip() or None


def column(rows: Iterable[Mapping[str, Any]], name: str, kind: pa.DataType | None = None) -> pa.Array:
    """One column of rows as Arrow, text by default."""
    return pa.array([row.get(name) for row in rows], kind or pa.string())
