"""Array aliases: what the arrays of this package hold, defined once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Columns", "Dates", "Floats", "Ints", "Ints16", "Ints32", "Mask", "Objects", "Positions", "Texts"]

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
