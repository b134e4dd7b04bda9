"""Functions that all parts of the synthetic book use: random streams, small tables, dates and Arrow columns.

Each topic (families, citations, claims ...) draws from a stream of its own, keyed by the seed and the
topic's name. A new topic therefore leaves the draws of all others as they are.
"""

from __future__ import annotations

import csv
import zlib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ipvalue.types import Dates

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DAYS_A_YEAR",
    "days_after",
    "known_by",
    "random_days",
    "small_table",
    "stream",
    "take_text",
]


DAYS_A_YEAR = 365.25


def stream(seed: int, topic: str) -> np.random.Generator:
    """Generator of one topic.

    Parameters
    ----------
    seed : int
        Seed of the whole book, not negative.
    topic : str
        Name of the topic.

    Returns
    -------
    numpy.random.Generator
        The same for the same seed and topic, independent of all other topics.

    Examples
    --------
    >>> bool(stream(7, "claims").random() == stream(7, "claims").random())
    True
    """
    return np.random.default_rng([seed, zlib.crc32(topic.encode())])


@lru_cache(maxsize=16)
def small_table(name: str) -> dict[str, tuple[str, ...]]:
    """Columns of one of the generator's own CSV files.

    Parameters
    ----------
    name : str
        File name in ``synthetic/tables`` without ``.csv``.

    Returns
    -------
    dict of str to tuple of str
        The columns as text; callers turn into numbers what they need as numbers.

    Examples
    --------
    >>> len(small_table("fields")["field"])
    35
    """
    path = files("ipvalue.synthetic").joinpath("tables", f"{name}.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    return {column: tuple(row[column] for row in rows) for column in rows[0]}


def days_after(dates: Dates, days: npt.ArrayLike) -> Dates:
    """Dates moved by a number of days, which is cut to whole days.

    Examples
    --------
    >>> days_after(np.array(["2020-01-01"], "M8[D]"), 1.9)
    array(['2020-01-02'], dtype='datetime64[D]')
    """
    moved = np.asarray(dates, "M8[D]") + np.asarray(days).astype(np.int64).astype("m8[D]")
    return np.asarray(moved, "M8[D]")


def random_days(rng: np.random.Generator, start: Dates, end: Dates) -> Dates:
    """One day in each closed interval, all days equally likely; the start where the interval is empty."""
    width = np.maximum((end - start).astype(np.int64), 0)
    return days_after(start, rng.random(len(start)) * (width + 1))


def known_by(dates: Dates, until: np.datetime64) -> Dates:
    """The dates, with NaT for what happens after the last day of the book."""
    return np.where(dates <= until, dates, np.datetime64("NaT", "D")).astype("M8[D]")


def take_text(vocabulary: Any, index: npt.NDArray[np.integer[Any]]) -> pa.Array:
    """Text column by position in a vocabulary; a negative position is a missing value.

    Parameters
    ----------
    vocabulary : sequence of str or pyarrow.Array
        The texts.
    index : int array
        Position of each row's text.

    Returns
    -------
    pyarrow.Array of string

    Examples
    --------
    >>> take_text(["a", "b"], np.array([1, -1])).to_pylist()
    ['b', None]
    """
    import pyarrow as pa

    words = vocabulary if isinstance(vocabulary, pa.Array) else pa.array(list(vocabulary), pa.string())
    return words.take(pa.array(index, mask=index < 0))
