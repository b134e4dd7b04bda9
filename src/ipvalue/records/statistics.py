"""Book-level statistics: cohorts, portfolios, renewals and citation graph measures of a book on one date.

Counts are integers by key, so that the counts of shards add up to those of the book exactly, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ipvalue.records.cohorts import Cohorts, KeyedCounts
from ipvalue.types import Columns, Floats, Ints

__all__ = ["CITED_YEARS", "CitationMeasures", "Statistics"]

CITED_YEARS = 20
"""Years of age over which citations are counted; older ones count as of this age."""
_RATE_PRIOR = 50.0  # patents


@dataclass(frozen=True)
class CitationMeasures:
    """Measures of patents in the citation graph of the book.

    Attributes
    ----------
    document : ndarray of int64, shape (n,)
        Codes, ascending.
    disruption, page_rank, h_index, family_citations : ndarray of float64, shape (n,)
    """

    document: Ints
    disruption: Floats
    page_rank: Floats
    h_index: Floats
    family_citations: Floats

    def at(self, document: Ints) -> Columns:
        """Look up some patents' measures; NaN for a document that is not here.

        Returns
        -------
        dict of str to ndarray
            ``disruption``, ``page_rank``, ``h_index`` and ``family_citations``.
        """
        names = [f.name for f in fields(self) if f.name != "document"]
        if not len(self.document):
            return {name: np.full(len(document), np.nan) for name in names}
        place = np.minimum(np.searchsorted(self.document, document), len(self.document) - 1)
        known = self.document[place] == document
        return {name: np.where(known, getattr(self, name)[place], np.nan) for name in names}


@dataclass(frozen=True)
class Statistics:
    """Statistics of a book on one date.

    Attributes
    ----------
    counts : dict of str to KeyedCounts
        Patents by cohort, owner and so on, by name.
    graph : CitationMeasures
        Of all patents of the book; in a batch, of the patents of one shard.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> state = ipv.synthetic_book(40, seed=1).as_of("2024-12-31")
    >>> int(state.statistics.counts["cohort_size"].count.sum())
    40
    >>> state.select([0, 1]).statistics is state.statistics
    True
    """

    counts: Mapping[str, KeyedCounts]
    graph: CitationMeasures

    def distribution(self, name: str) -> Cohorts:
        """Patents by field, filing year and a component of the quality indices."""
        return Cohorts.from_counts(self.counts[f"quality_{name}"])

    @cached_property
    def cohorts(self) -> Cohorts:
        """Patents by field, filing year and forward citations."""
        return Cohorts.from_counts(self.counts["forward_citations"])

    @cached_property
    def citation_rates(self) -> Floats:
        """Citations a patent and year of age, by technology field: shape (36, 20).

        Patents that have completed a year of age are at risk in it. The rates of a field
        are shrunk towards those of all fields with the weight of 50 patents.
        """
        keys = np.arange(36)[:, None] * (CITED_YEARS + 1) + np.arange(CITED_YEARS + 1)[None, :]
        cited = self.counts["citation_ages"].at(keys)[:, :CITED_YEARS].astype(np.float64)
        observed = self.counts["observed_ages"].at(keys)
        # a patent of age a has been observed in years 0 to a - 1 in full, and in year a in part: half on average
        full = observed[:, ::-1].cumsum(axis=1)[:, ::-1]
        at_risk = full[:, 1:] + 0.5 * observed[:, :CITED_YEARS]
        pooled = (cited.sum(axis=0) + 1e-9) / (at_risk.sum(axis=0) + 1e-9)
        rates = (cited + _RATE_PRIOR * pooled) / (at_risk + _RATE_PRIOR)
        return np.asarray(rates, np.float64)
