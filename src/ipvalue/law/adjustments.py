"""Days that offices add to a term: for their own delay (China), and for a product's approval (Europe).

References
----------
Chinese Patent Law (2020) art. 42(2), Implementing Regulations (2023) rules 77-79; Regulation (EC) 469/2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ipvalue.law.dates import add_years, as_dates, days_between
from ipvalue.types import Floats

__all__ = ["cn_adjustment_days", "spc_days"]


def cn_adjustment_days(
    filing: Any, exam_request: Any, grant: Any, reasonable_delay: Any = 0.0, applicant_delay: Any = 0.0
) -> Floats:
    """Days of patent term adjustment of a Chinese invention patent.

    Parameters
    ----------
    filing, exam_request, grant : array-like of dates
        Filing (national entry, divisional filing), effective request for examination, and grant.
    reasonable_delay, applicant_delay : array-like of float, optional
        Days of reasonable delay (such as a re-examination) and of delay by the applicant.

    Returns
    -------
    float64 array
        Days, 0 where there are none, NaN where a date is unknown.

    Notes
    -----
    ``grant - max(filing + 4 years, request + 3 years) - reasonable delay - applicant delay``, on request
    within three months of the grant's publication, for grants from 2021-06-01 on.

    References
    ----------
    Chinese Patent Law (2020) art. 42(2); Implementing Regulations (2023) rules 77-79.

    Examples
    --------
    >>> float(cn_adjustment_days("2016-01-10", "2017-01-10", "2022-03-01", 0, 120))
    661.0
    """
    threshold = np.maximum(add_years(as_dates(filing), 4), add_years(as_dates(exam_request), 3))
    net = days_between(threshold, as_dates(grant)) - reasonable_delay - applicant_delay
    return np.asarray(np.maximum(net, 0.0), dtype=np.float64)


def spc_days(filing: Any, first_authorisation: Any) -> Floats:
    """Days of a supplementary protection certificate in Europe, without the paediatric six months.

    Parameters
    ----------
    filing : array-like of dates
        Filing of the basic patent.
    first_authorisation : array-like of dates
        First authorisation to place the product on the market in the EEA.

    Returns
    -------
    float64 array
        Days to pass as ``extension_days``, between 0 and five years; NaN where a date is unknown.

    Notes
    -----
    ``authorisation - filing - 5 years``. National offices count the remainder in days or in calendar
    months; this is in days, and may differ from the printed date by two days.

    References
    ----------
    Regulation (EC) 469/2009 art. 13.

    Examples
    --------
    >>> float(spc_days("2000-05-10", "2009-03-01"))
    1391.0
    """
    filed = as_dates(filing)
    days = days_between(add_years(filed, 5), as_dates(first_authorisation))
    end = add_years(filed, 20)
    return np.clip(days, 0.0, days_between(end, add_years(end, 5)))
