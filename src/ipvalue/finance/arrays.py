"""Broadcasting into contiguous work arrays.

numpy may compute a transcendental function of a strided or repeated array on a different code path than that of a
contiguous array, and the last bit may differ. Functions whose results must not depend on how a batch is divided
therefore work on the contiguous one-dimensional copies that :func:`flatten` makes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.types import Floats

__all__ = ["flatten"]


def flatten(*inputs: npt.ArrayLike) -> tuple[tuple[int, ...], list[Floats]]:
    """Broadcast inputs against one another and lay each out flat and contiguous.

    Parameters
    ----------
    *inputs : array_like
        Numbers or arrays that broadcast.

    Returns
    -------
    shape : tuple of int
        The broadcast shape, for the caller to give its result.
    flat : list of ndarray of float64
        One contiguous one-dimensional array per input, writable and not shared with the caller.

    Raises
    ------
    ValueError
        If the inputs do not broadcast or are not numbers.

    Examples
    --------
    >>> shape, (a, b) = flatten([[1.0], [2.0]], [3.0, 4.0])
    >>> shape, a.tolist(), b.tolist()
    ((2, 2), [1.0, 1.0, 2.0, 2.0], [3.0, 4.0, 3.0, 4.0])
    """
    arrays = [np.asarray(each, dtype=np.float64) for each in inputs]
    shape = np.broadcast_shapes(*(each.shape for each in arrays))
    return shape, [np.array(np.broadcast_to(each, shape), order="C").reshape(-1) for each in arrays]
