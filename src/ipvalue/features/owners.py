"""Owner features: how large and how focused the first owner's portfolio in the book is."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.book_statistics import owner_field_key
from ipvalue.types import Columns, Floats, Ints

__all__ = ["FAMILY"]

_FIELDS = np.arange(36)


def _compute(context: Context) -> Columns:
    owner = context.snapshot.owner
    known = owner != 0
    size = context.statistics.counts["portfolio"].at(owner).astype(np.float64)
    return {
        "owner_portfolio": np.where(known, size, np.nan),
        "owner_concentration": np.where(known, _concentration(context, owner), np.nan),
    }


def _concentration(context: Context, owner: Ints) -> Floats:
    """Herfindahl index of each owner's patents over technology fields; in integers until the last division."""
    owners, place = np.unique(owner, return_inverse=True)
    counts = context.statistics.counts["owner_field"].at(owner_field_key(owners[:, None], _FIELDS[None, :]))
    total = counts.sum(axis=1)
    square = (counts**2).sum(axis=1)
    return np.where(total > 0, square / np.maximum(total, 1) ** 2, np.nan)[place]


FAMILY = Family.listed("owners", _compute)
