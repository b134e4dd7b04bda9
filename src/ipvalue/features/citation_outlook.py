"""Citations by age: how many a year so far, and how many in the end.

These move with the date even where nobody has cited anything new.
"""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.citations import age_years
from ipvalue.features.measures import publication
from ipvalue.types import Columns, Floats

__all__ = ["FAMILY", "seen_share"]

_HALL = "Hall, Jaffe and Trajtenberg (2001), NBER Working Paper 8498"
_UNKNOWN = "forward citations are not known"
_SMALLEST_SHARE = 0.02
_MANY = 1e6


def seen_share(context: Context) -> Floats:
    """Share of its citations within 20 years that a patent of this field and age has received by now.

    Notes
    -----
    Citations in the year of age l over the patents of the field observed in that year give the rate of the age; the
    share at age a is the sum of the rates before a over the sum up to 20, with the last year in part. The
    rates are of the field in the book; they lean on those of all fields by the weight of 50 patents a year.
    """
    rates = context.whole.citation_rates
    share = np.cumsum(rates, axis=1) / np.maximum(rates.sum(axis=1, keepdims=True), 1e-12)
    share = np.concatenate([np.zeros((len(share), 1)), share], axis=1)
    age = np.clip(age_years(publication(context.snapshot), context.snapshot.date), 0.0, share.shape[1] - 1.0)
    whole = np.minimum(age.astype(np.int64), share.shape[1] - 2)
    field = context.snapshot.field
    below, above = share[field, whole], share[field, whole + 1]
    return np.asarray(np.clip(below + (age - whole) * (above - below), 0.0, 1.0), np.float64)


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


FAMILY = Family(
    "citation_outlook",
    (
        Feature(
            "forward_citations_per_year",
            "documents a year",
            0.0,
            _MANY,
            1,
            "forward citations over the years since filing (at least one)",
            _HALL,
            _UNKNOWN,
        ),
        Feature(
            "expected_citations",
            "documents",
            0.0,
            1e8,
            1,
            "forward citations over the share that a patent of this field and age has received by now, of those of 20 "
            "years: corrected for truncation",
            _HALL,
            _UNKNOWN,
        ),
        Feature(
            "expected_citations_error",
            "documents",
            0.0,
            1e8,
            0,
            "standard error of the expected citations: sqrt((n + 1) (1 - share)) / share",
            _HALL,
            _UNKNOWN,
        ),
    ),
    _compute,
    reads=("citation_ages", "observed_ages"),
    after=("citations",),
    tables=(),
)
