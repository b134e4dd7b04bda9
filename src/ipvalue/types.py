"""Array aliases and the type of an interval, defined once for the package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "LEVELS",
    "NORMAL_DEVIATES",
    "NORMAL_WIDTH",
    "QUANTILE_NAMES",
    "Array",
    "Columns",
    "Dates",
    "Floats",
    "Ints",
    "Ints16",
    "Ints32",
    "Mask",
    "Objects",
    "Positions",
    "Quantiles",
    "Texts",
]

Array: TypeAlias = npt.NDArray[Any]
"""An array of any type."""
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Ints32: TypeAlias = npt.NDArray[np.int32]
Ints16: TypeAlias = npt.NDArray[np.int16]
Mask: TypeAlias = npt.NDArray[np.bool_]
Dates: TypeAlias = npt.NDArray[np.datetime64]
"""Days: ``datetime64[D]``."""
Texts: TypeAlias = npt.NDArray[np.str_]
Objects: TypeAlias = npt.NDArray[np.object_]
"""Python strings, such as identifiers."""
Positions: TypeAlias = npt.NDArray[np.integer[Any]]
"""Row numbers of any integer type."""
Columns: TypeAlias = dict[str, npt.NDArray[Any]]
"""Columns of a table by name."""

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Probability levels of every distribution in the library."""
QUANTILE_NAMES = ("q05", "q25", "q50", "q75", "q95")
"""Their column names in tables."""
NORMAL_DEVIATES: Floats = np.array(
    [-1.6448536269514729, -0.6744897501960817, 0.0, 0.6744897501960817, 1.6448536269514722]
)
"""Quantiles of the standard normal distribution at :data:`LEVELS`."""
NORMAL_WIDTH = 3.289707253902945
"""Distance of its 5 % and 95 % quantiles."""
_ENDLESS = 1e300  # ratio of a quantile above 0 to one that is 0


@dataclass(frozen=True, eq=False)
class Quantiles:
    """The distribution of each patent's value, as its quantiles at 5, 25, 50, 75 and 95 %.

    Parameters
    ----------
    values : ndarray, shape (n, 5)
        In money, ascending; NaN where there is no value.

    Examples
    --------
    >>> interval = Quantiles(np.array([[1.0, 2.0, 3.0, 5.0, 26.835]]))
    >>> interval.median.tolist(), interval.log_sd.round(4).tolist()
    ([3.0], [1.0])
    >>> interval.scale(np.array([2.0])).values.tolist()
    [[2.0, 4.0, 6.0, 10.0, 53.67]]
    """

    values: Floats

    @property
    def low(self) -> Floats:
        """The 5 % quantile."""
        return np.ascontiguousarray(self.values[:, 0])

    @property
    def median(self) -> Floats:
        """The median."""
        return np.ascontiguousarray(self.values[:, 2])

    @property
    def high(self) -> Floats:
        """The 95 % quantile."""
        return np.ascontiguousarray(self.values[:, -1])

    @property
    def log_sd(self) -> Floats:
        """Standard deviation of the lognormal distribution with the same width of the 90 % interval.

        NaN where there is no value above 0.

        Notes
        -----
        log(q95 / q05) / 3.29, the distance of these quantiles of the standard normal distribution. Intervals learnt
        from errors on deals have fatter tails than a normal distribution: this measures the width of the interval, and
        is not a moment.
        """
        low, high = self.values[:, 0], self.values[:, -1]
        ratio = np.divide(high, low, out=np.where(high > 0, _ENDLESS, np.nan), where=low > 0)
        return np.asarray(np.log(ratio) / NORMAL_WIDTH, np.float64)

    def scale(self, by: npt.ArrayLike) -> Quantiles:
        """Multiply each patent's quantiles by its own factor."""
        factor = np.asarray(by, np.float64)
        return Quantiles(self.values * (factor[:, None] if factor.ndim else factor))

    def replace(self, where: Mask, value: float) -> Quantiles:
        """Replace the quantiles of some patents by one number."""
        return Quantiles(np.where(where[:, None], value, self.values))

    def take(self, rows: Positions | Mask) -> Quantiles:
        """Select some patents."""
        return Quantiles(self.values[rows])

    @classmethod
    def concatenate(cls, parts: Sequence[Quantiles]) -> Quantiles:
        """Concatenate several parts."""
        return cls(np.concatenate([part.values for part in parts]))

    @classmethod
    def missing(cls, n: int) -> Quantiles:
        """Missing values for n patents."""
        return cls(np.full((n, len(LEVELS)), np.nan))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype) if copy else np.asarray(self.values, dtype)
