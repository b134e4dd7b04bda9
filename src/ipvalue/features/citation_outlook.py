"""Citations by age: citations a year so far, and expected citations within 20 years.

These features change with the date even without a new citation.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_indicators import publication
from ipvalue.features.citations import age_years
from ipvalue.types import Columns, Floats

__all__ = ["FAMILY", "seen_share"]

_SMALLEST_SHARE = 0.02


def seen_share(context: Context) -> Floats:
    """Share of its citations within 20 years that a patent of this field and age has received by now.

    Notes
    -----
    Citations in the year of age l over the patents of the field observed in that year give the rate of the age; the
    share at age a is the sum of the rates before a over the sum up to 20, with the last year in part. The
    rates are of the field in the book; they lean on those of all fields by the weight of 50 patents a year.
    """
    rates = context.statistics.citation_rates
    share = np.cumsum(rates, axis=1) / np.maximum(rates.sum(axis=1, keepdims=True), 1e-12)
    share = np.concatenate([np.zeros((len(share), 1)), share], axis=1)
    age = np.clip(age_years(publication(context.snapshot), context.snapshot.date), 0.0, share.shape[1] - 1.0)
    year = np.minimum(age.astype(np.int64), share.shape[1] - 2)
    field = context.snapshot.field
    below, above = share[field, year], share[field, year + 1]
    return np.asarray(np.clip(below + (age - year) * (above - below), 0.0, 1.0), np.float64)


def _compute(context: Context) -> Columns:
    snapshot, total = context.snapshot, context.earlier["forward_citations"]
    age = age_years(snapshot.patents["application_date"], snapshot.date)
    share = np.maximum(seen_share(context), _SMALLEST_SHARE)
    return {
        "forward_citations_per_year": total / np.maximum(age, 1.0),
        "expected_citations": total / share,
        # the part that is not seen is a Poisson count given the rate, and the rate itself has a relative error of
        # one over the root of the count seen
        "expected_citations_error": np.sqrt((total + 1.0) * (1.0 - share)) / share,
    }


FAMILY = Family.listed("citation_outlook", _compute)
