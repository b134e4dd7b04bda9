"""The tax amortisation benefit: tax that the buyer of an asset saves by amortising it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.finance.arrays import flatten
from ipvalue.finance.discounting import annuity
from ipvalue.types import Floats

__all__ = ["amortisation_factor"]


def amortisation_factor(
    tax: npt.ArrayLike, rate: npt.ArrayLike, years: npt.ArrayLike, *, timing: str = "mid"
) -> Floats:
    """Factor that lifts a value without amortisation to one that includes its own tax benefit.

    Parameters
    ----------
    tax : array_like
        Tax rate, decimal, 0 to below 1.
    rate : array_like
        Discount rate of the tax saving, decimal a year.
    years : array_like
        Length of the straight-line amortisation in years, may be fractional.
    timing : {'mid', 'end'}, default 'mid'
        When in a year the saving falls.

    Returns
    -------
    ndarray of float64
        Factor of at least 1 at positive rates, of the broadcast shape. At 0 years it is the limit
        ``1 / (1 - tax)``, an immediate write-off. NaN where an input is NaN or out of range, or where the
        saving would pay for the whole asset.

    Raises
    ------
    ValueError
        If ``timing`` is unknown or the inputs do not broadcast.

    Notes
    -----
    The amortised amount is the value including the benefit, which gives the circular equation
    ``V = PV + V (tax / years) annuity`` and its solution ``V / PV = 1 / (1 - tax / years * annuity)``.

    References
    ----------
    International Valuation Standards Council, IVS 210 Intangible Assets (editions of 2022 and 2025), tax
    amortisation benefit;
    The Appraisal Foundation (2010), Best Practices for Valuations in Financial Reporting 1.

    Examples
    --------
    >>> float(amortisation_factor(0.25, 0.12, 10))
    1.17576630...
    """
    shape, (share, discount, life) = flatten(tax, rate, years)
    with np.errstate(all="ignore"):
        saved = share * np.where(life == 0.0, 1.0, annuity(discount, life, timing=timing) / life)
        factor = 1.0 / (1.0 - saved)
    valid = (share >= 0.0) & (share < 1.0) & (life >= 0.0) & (discount > -1.0) & (saved < 1.0)
    return np.where(valid, factor, np.nan).reshape(shape)
