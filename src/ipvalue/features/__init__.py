"""What a patent looks like: feature families, the catalogue of their columns, and ``extract``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from ipvalue.errors import require
from ipvalue.features.base import Context, Family, Features, families
from ipvalue.features.statistics import Whole
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns

__all__ = ["Whole", "Features", "compute", "extract", "family_keys", "feature_catalogue"]


def compute(snapshot: Snapshot, whole: Whole | None = None, kept: Mapping[str, Columns] | None = None) -> Features:
    """Compute all features as arrays.

    Parameters
    ----------
    snapshot : Snapshot
        What was known on the date.
    whole : Whole, optional
        Statistics of the whole book on that date, where the snapshot is a part of it; by default the
        snapshot's own.
    kept : mapping of str to dict of ndarray, optional
        Columns by family that were computed before; these families are not computed again.

    Returns
    -------
    Features
    """
    kept = kept or {}
    if whole is None and not kept.keys() >= families().keys():
        whole = Whole.of(snapshot)
    context = Context(snapshot, cast(Whole, whole))
    columns: Columns = {}
    for name, family in families().items():
        found = kept.get(name)
        if found is None:
            shown = families() if family.after is None else {other: families()[other] for other in family.after}
            earlier = {f.name: columns[f.name] for other in shown.values() for f in other.features if f.name in columns}
            found = family.compute(replace(context, whole=context.whole.only(family.reads), earlier=earlier))
            found = found | _unknown(family, snapshot)
        columns.update({feature.name: found[feature.name] for feature in family.features})
    return Features(columns)


def _unknown(family: Family, snapshot: Snapshot) -> Columns:
    """Columns of NaN in the place of those that a book without some table can't tell."""
    names = [name for table, without in family.without.items() if not snapshot.holds(table) for name in without]
    return {name: np.full(len(snapshot), np.nan) for name in names}


def family_keys(inputs: Callable[[Family], str], digests: Mapping[str, str]) -> dict[str, str]:
    """Name what each family's columns follow from: equal keys, equal columns.

    Parameters
    ----------
    inputs : callable
        Gives the hash of what a family reads of the snapshot, and of the code.
    digests : mapping of str to str
        Of the whole book's statistics (:meth:`ipvalue.features.Whole.digests`).

    Returns
    -------
    dict of str to str
        SHA-256 by family.

    Examples
    --------
    >>> one, two = (family_keys(lambda family: "snapshot", {"portfolio": digest}) for digest in ("a", "b"))
    >>> [name for name in one if one[name] != two[name]]
    ['owners']
    """
    keys: dict[str, str] = {}
    for name, family in families().items():
        read = sorted(digests) if family.reads is None else family.reads
        after = list(keys) if family.after is None else family.after
        parts = [inputs(family), name, *(digests.get(each, "") for each in read), *(keys[other] for other in after)]
        keys[name] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return keys


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
    require(snapshot, Snapshot, "snapshot", "book.as_of('2024-12-31')")
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
            "missing": family.missing(f),
            "definition": f.definition,
            "source": f.source,
        }
        for family in families().values()
        for f in family.features
    ]
    return pd.DataFrame(rows)
