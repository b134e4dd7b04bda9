"""What a patent looks like: feature families, the catalogue of their columns, and ``extract``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from ipvalue.errors import require
from ipvalue.features.base import Context, Family, Feature, Features, families, register_feature
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns

__all__ = ["Family", "Feature", "Features", "extract", "feature_catalogue", "features_of", "register_feature"]


def features_of(snapshot: Snapshot) -> Features:
    """All features of a snapshot's patents as arrays, computed once and cached with the snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        What was known on the date, with the statistics of its book.
    """
    computation = _computation(tuple(families().values()))
    known = snapshot.cached_of_book(computation)
    if known is not None:
        # each patent has the same bits in a part as in the book
        features, rows = known
        return features.take(rows)
    return snapshot.derive(computation)


@cache
def _computation(chosen: tuple[Family, ...]) -> Callable[[Snapshot], Features]:
    """The function that computes some families: a family that is registered later makes another function."""

    def compute(snapshot: Snapshot) -> Features:
        context, columns = Context(snapshot), Columns()
        for family in chosen:
            found = family.compute(replace(context, earlier=columns))
            # a patent that a table does not mention has 0; without the table the feature is unknown
            lacking = {f.name for f in family.features if f.needs_table and not snapshot.holds(f.needs_table)}
            for feature in family.features:
                unknown = feature.name in lacking
                columns[feature.name] = np.full(len(snapshot), np.nan) if unknown else found[feature.name]
        return Features(columns)

    return compute


def extract(snapshot: Snapshot) -> pd.DataFrame:
    """Extract all features of a snapshot's patents.

    Parameters
    ----------
    snapshot : Snapshot
        What was known on a date (:meth:`ipvalue.Book.as_of`). A part of a snapshot gets the same features, bit for
        bit, as in the snapshot that it was selected from.

    Returns
    -------
    pandas.DataFrame
        Indexed by patent_id, one float64 column a feature, as :func:`feature_catalogue` describes them.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> X = ipv.extract(ipv.synthetic_book(200, seed=1).as_of("2020-12-31"))
    >>> list(X.columns) == list(ipv.feature_catalogue()["name"])
    True
    """
    require(snapshot, Snapshot, "snapshot", "book.as_of('2024-12-31')")
    return features_of(snapshot).frame(snapshot.patent_ids)


def feature_catalogue() -> pd.DataFrame:
    """Describe every feature: name, family, unit, range, direction, meaning of a missing value, definition, source.

    Returns
    -------
    pandas.DataFrame
        One row a feature, in the order of :func:`extract`.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> catalogue = ipv.feature_catalogue().set_index("name")
    >>> int(catalogue.loc["forward_citations_5y", "direction"])
    1
    """
    rows = [
        {
            "name": f.name,
            "family": family.name,
            "unit": f.unit,
            "lower": f.lower,
            "upper": f.upper,
            "direction": f.direction,
            "missing": f.when_missing,
            "definition": f.definition,
            "source": f.source,
        }
        for family in families().values()
        for f in family.features
    ]
    return pd.DataFrame(rows)
