"""Characteristics by which the market methods compare patents: one matrix for deals and for what is valued."""

from __future__ import annotations

import numpy as np

from ipvalue.evidence.subject import Subject
from ipvalue.types import Floats, Texts

__all__ = ["CHARACTERISTICS", "characteristics", "common_offices", "sum_columns"]

CHARACTERISTICS = (
    "age",
    "remaining_share",
    "forward_citations",
    "forward_citation_percentile",
    "backward_citations",
    "n_claims",
    "family_size",
    "n_inventors",
    "patent_scope",
    "renewals_paid",
    "challenged",
    "licensed",
    "pledged",
)
_LOGGED = ("forward_citations", "backward_citations", "n_claims", "family_size", "n_inventors", "patent_scope")
_ATTRIBUTION = 0.25


def characteristics(
    subject: Subject, levels: Floats | None = None, offices: Texts | None = None
) -> tuple[Floats, Floats]:
    """Characteristics by which prices are compared, one column each; a missing one gets the mean of the deals.

    Parameters
    ----------
    levels : ndarray, shape (k,), optional
        Means to put in for missing values; those of this subject by default.
    offices : ndarray of str, optional
        Offices with their own indicator (:func:`common_offices`); none by default.

    Returns
    -------
    tuple of ndarray
        The matrix, shape (n, k), and the means that replace missing values. Counts enter as
        log(1 + count), revenue as the logarithm of the part attributed to the patent, and as an indicator whether it
        is known.
    """
    features, money = subject.features, subject.money
    columns = [np.log1p(features[name]) if name in _LOGGED else features[name] for name in CHARACTERISTICS]
    attribution = np.where(np.isfinite(features["attribution"]), features["attribution"], _ATTRIBUTION)
    earned = money["revenue"] * attribution
    with np.errstate(divide="ignore", invalid="ignore"):
        revenue = np.where(earned > 0, np.log(earned), np.nan)
    places = [(subject.jurisdiction == office).astype(np.float64) for office in ([] if offices is None else offices)]
    matrix = np.stack([*columns, revenue, np.isfinite(revenue).astype(np.float64), *places], axis=1)
    if levels is None:
        known = np.isfinite(matrix)
        levels = np.where(known, matrix, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(np.isfinite(matrix), matrix, levels), levels


def common_offices(jurisdiction: Texts, minimum: int) -> Texts:
    """Offices with at least so many deals, in alphabetical order.

    Examples
    --------
    >>> common_offices(np.array(["US", "CN", "US", "EP"]), 2).tolist()
    ['US']
    """
    names, count = np.unique(np.asarray(jurisdiction, np.str_), return_counts=True)
    return np.asarray(names[count >= minimum], np.str_)


def sum_columns(matrix: Floats, weight: Floats) -> Floats:
    """Weighted sum of columns in a fixed order: a matrix product may round by the number of rows."""
    total = np.zeros(len(matrix))
    for i in range(matrix.shape[1]):
        total = total + matrix[:, i] * weight[i]
    return total
