"""Pictures of a book in which nothing has a value are empty, and say nothing on standard error."""

import warnings

import pyarrow as pa
import pytest

import ipvalue as ipv

pytest.importorskip("matplotlib")
from ipvalue import plots


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("picture", [plots.intervals, plots.value_distribution, plots.method_disagreement])
@pytest.mark.parametrize("filed", ["1990-01-01", "2020-01-01"])  # a dead right, and a living one without a value
def test_a_picture_of_no_values_is_empty(picture, filed):
    import matplotlib.pyplot as plt

    patents = pa.table({"patent_id": ["A"], "jurisdiction": ["CN"], "application_date": [filed]})
    book = ipv.Book(patents=patents)
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), ipv.ComparableSales()]).fit(book, as_of="2024-12-31")
    values = engine.value(book.as_of("2024-12-31"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = picture(values)
        ax.figure.canvas.draw()
    assert not ax.containers
    plt.close(ax.figure)
