"""The common factor of the quality indicators where the book lacks some of them."""

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.features.quality import factor_weights

DAY = "2023-12-31"


def without(book, *tables):
    return ipv.Book(**{name: table for name, table in book.tables.items() if name not in tables})


@pytest.mark.parametrize("missing", [("citations",), ("claims",), ("citations", "claims")])
def test_a_book_without_a_table_has_a_factor_of_the_indicators_that_are_left(book, missing):
    snapshot = without(book, *missing).as_of(DAY)
    weights, loadings = factor_weights(snapshot.statistics)
    assert np.isfinite(weights).all() and np.isfinite(loadings).all()
    if "citations" in missing:
        # citations within 5 years and references are 0 throughout: nothing can hang on them
        np.testing.assert_array_equal(weights[[0, 3]], 0.0)
    factor = ipv.extract(snapshot)["quality_factor"]
    assert not np.isinf(factor).any()


def test_a_book_without_citations_is_valued(book, engine):
    bare = without(book, "citations")
    values = engine.value(bare.as_of(DAY)).to_pandas()
    assert len(values) == len(book.as_of(DAY))
    assert (values["value"] > 0).sum() > 500
