"""What a patent looks like: feature families, the catalogue of their columns, and ``extract``."""

from __future__ import annotations

import pandas as pd

from ipvalue.features.base import Context, Features, families
from ipvalue.features.whole import Whole
from ipvalue.records.snapshot import Snapshot

__all__ = ["Whole", "Features", "compute", "extract", "feature_catalogue"]


def compute(snapshot: Snapshot, whole: Whole | None = None) -> Features:
    """Compute all features as arrays.

    Parameters
    ----------
    snapshot : Snapshot
        What was known on the date.
    whole : Whole, optional
        Statistics of the whole book on that date, where the snapshot is a part of it; by default the
        snapshot's own.

    Returns
    -------
    Features
    """
    context = Context(snapshot, Whole.of(snapshot) if whole is None else whole)
    for family in families().values():
        computed = family.compute(context)
        context.earlier.update({feature.name: computed[feature.name] for feature in family.features})
    return Features(context.earlier)


def extract(snapshot: Snapshot, *, whole: Whole | None = None) -> pd.DataFrame:
    """Extract all features of a snapshot's patents.

    Parameters
    ----------
    snapshot : Snapshot
        What was known on a date (:meth:`ipvalue.Book.as_of`).
    whole : Whole, optional
        Statistics of the whole book on that date, where the snapshot is a part of it.

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
    return compute(snapshot, whole).frame(snapshot.patent_ids)


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
            "missing": f.missing,
            "definition": f.definition,
            "source": f.source,
        }
        for family in families().values()
        for f in family.features
    ]
    return pd.DataFrame(rows)
