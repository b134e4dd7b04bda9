"""Expiries in US registers: the entry is posted weeks after the day on which the patent expired."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipvalue.law import fees
from ipvalue.types import Dates

__all__ = ["EXPIRY", "expired_on"]

EXPIRY = ("EXP.", "EXP")
"""Codes of the entry."""

_LONGEST_POSTING = 120  # days; the entries known are 28 to 60 days after the expiry


def expired_on(granted: Dates, posted: Dates) -> Dates:
    """Days on which patents expired for an unpaid maintenance fee.

    Parameters
    ----------
    granted, posted : datetime64[D] arrays, shape (n,)
        Grant, and day of the entry.

    Returns
    -------
    datetime64[D] array, shape (n,)
        The last of the 4th, 8th and 12th anniversary of the grant before the entry, where that is within 120 days of
        it; else the day of the entry: a reissue counts from its original, and a patent may expire once more after a
        revival.

    References
    ----------
    35 USC 41(b)(2); 37 CFR 1.362(g).

    Examples
    --------
    >>> day = np.array(["2013-06-04", "2013-06-04"], "datetime64[D]")
    >>> expired_on(day, np.array(["2017-07-04", "2019-01-01"], "datetime64[D]")).tolist()
    [datetime.date(2017, 6, 4), datetime.date(2019, 1, 1)]
    """
    if not len(granted):
        return posted
    lapse: Any = fees.calendar(["US"], ["invention"], granted, granted).lapse
    before = np.where(lapse <= posted[:, None], lapse, np.datetime64("NaT", "D"))
    last = np.fmax.reduce(before, axis=1)
    near = (posted - last) <= np.timedelta64(_LONGEST_POSTING, "D")
    return np.where(near, last, posted)
