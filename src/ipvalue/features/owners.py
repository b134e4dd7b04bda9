"""Owner features: how large and how focused the first owner's portfolio in the book is."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.counts import owner_field_key
from ipvalue.types import Columns, Floats, Ints

__all__ = ["FAMILY"]

_FIELDS = np.arange(36)
_BESSEN = "Bessen (2008), Research Policy 37"


def _compute(context: Context) -> Columns:
    owner = context.snapshot.owner
    known = owner != 0
    size = context.whole.tallies["portfolio"].at(owner).astype(np.float64)
    return {
        "owner_portfolio": np.where(known, size, np.nan),
        "owner_concentration": np.where(known, _concentration(context, owner), np.nan),
    }


def _concentration(context: Context, owner: Ints) -> Floats:
    """Herfindahl index of each owner's patents over technology fields; whole numbers until the last division."""
    owners, place = np.unique(owner, return_inverse=True)
    counts = context.whole.tallies["owner_field"].at(owner_field_key(owners[:, None], _FIELDS[None, :]))
    total = counts.sum(axis=1)
    square = (counts**2).sum(axis=1)
    return np.where(total > 0, square / np.maximum(total, 1) ** 2, np.nan)[place]


FAMILY = Family(
    "owners",
    (
        Feature(
            "owner_portfolio",
            "patents",
            1.0,
            1e8,
            0,
            "patents of the first owner in the book",
            _BESSEN,
            "no owner is known",
        ),
        Feature(
            "owner_concentration",
            "share",
            0.0,
            1.0,
            0,
            "Herfindahl index of the first owner's patents over technology fields",
            _BESSEN,
            "no owner is known",
        ),
    ),
    _compute,
    reads=("portfolio", "owner_field"),
    after=(),
    tables=(),
    dated=False,
)
