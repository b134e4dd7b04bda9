"""What a book lacks is not known of its patents, and no zero: by table, against a book in which the table is empty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import ipvalue as ipv
from ipvalue.evidence.prices import prepare
from ipvalue.features.base import families
from ipvalue.methods.boosting_inputs import design_columns, filled, input_names
from ipvalue.records.schema import TABLES

DAY = "2023-12-31"
LACKING = ("citations", "legal_events", "family_members")


def without(book: ipv.Book, *names: str) -> ipv.Book:
    return ipv.Book(**{name: table for name, table in book.tables.items() if name not in names})


def emptied(book: ipv.Book, name: str) -> ipv.Book:
    nothing: pa.Table = TABLES[name].arrow_schema().empty_table()
    return ipv.Book(**{**book.tables, name: nothing})


@pytest.mark.parametrize("name", LACKING)
def test_a_table_that_is_not_there_is_unknown_and_an_empty_one_is_zero(book: ipv.Book, name: str) -> None:
    small = ipv.Book(**book.tables).as_of(DAY)
    lacking, empty = (ipv.extract(each.as_of(DAY)) for each in (without(book, name), emptied(book, name)))
    concerned = [f.name for family in families().values() for f in family.features if f.needs_table == name]
    assert concerned and lacking[concerned].isna().all(axis=None)
    zero = [f for f in concerned if (empty[f] == 0).all()]
    assert zero, "what is counted and is not there is zero"
    full = ipv.extract(small)
    for feature in full:  # no other feature is zero all over just because the table is not there
        if feature not in concerned and feature != "has_revenue" and (lacking[feature] == 0).all():
            assert (full[feature] == 0).all() or (empty[feature] == 0).all(), feature
    missing = ipv.feature_catalogue().set_index("name")["missing"]
    assert all(f"the book has no {name}" in missing[f] for f in concerned)


def test_a_feature_needs_a_table_of_the_schema_or_none() -> None:
    needed = {f.needs_table for family in families().values() for f in family.features}
    assert needed == {"", *LACKING}
    assert needed - {""} <= TABLES.keys()


def test_an_engine_that_knew_citations_does_not_take_their_absence_for_zero(
    book: ipv.Book, engine: ipv.ValuationEngine
) -> None:
    """Comparables take what is not known as like the deals': worth more than what is known to be none."""
    lacking = engine.value(without(book, "citations").as_of(DAY)).to_pandas()
    empty = engine.value(emptied(book, "citations").as_of(DAY)).to_pandas()
    alive = (empty["value"] > 0) & (lacking["value"] > 0)
    assert alive.sum() > 500
    assert (lacking.loc[alive, "value_comparable_sales"] / empty.loc[alive, "value_comparable_sales"]).median() > 1.05
    assert (lacking.loc[alive, "value_gradient_boosting"] != empty.loc[alive, "value_gradient_boosting"]).mean() > 0.9


def test_trees_see_the_usual_where_a_column_was_never_missing_in_their_fit(
    book: ipv.Book, engine: ipv.ValuationEngine
) -> None:
    usual = engine.fitted.states["gradient_boosting"].tables["inputs"]["median"]
    cited, lag = (input_names().index(name) for name in ("forward_citations", "forward_citation_lag"))
    assert usual[cited] >= 0 and np.isnan(usual[lag])  # some sold patents were not cited, and have no lag
    subject = prepare(without(book, "citations").as_of(DAY), engine.assumptions)
    columns = filled(design_columns(subject, engine.assumptions), usual)
    assert (columns[cited] == usual[cited]).all() and np.isnan(columns[lag]).all()


@pytest.mark.parametrize("names", [("citations",), ("legal_events", "citations"), LACKING])
def test_engine_and_batch_run_without_the_tables(tmp_path: Path, names: tuple[str, ...]) -> None:
    book = without(ipv.synthetic_book(600, seed=4), *names)
    methods = [ipv.ComparableSales(), ipv.GradientBoosting(trees=20), ipv.IndicatorScore(), ipv.RenewalOption()]
    engine = ipv.ValuationEngine(methods).fit(book, as_of=DAY)
    ipv.write_book(book, tmp_path / "book", shards=3)
    ipv.revalue(tmp_path / "book", tmp_path / "values", engine=engine, as_of=DAY, keep=tmp_path / "keep")
    batch = ipv.Valuation.from_parquet(tmp_path / "values")
    assert batch.to_pandas().equals(engine.value(book.as_of(DAY)).to_pandas())
    ipv.revalue(tmp_path / "book", tmp_path / "later", engine=engine, as_of="2024-06-30", keep=tmp_path / "keep")
    later = ipv.Valuation.from_parquet(tmp_path / "later")
    assert later.to_pandas().equals(engine.value(book.as_of("2024-06-30")).to_pandas())
