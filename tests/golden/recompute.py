"""Recompute the golden tables: fixed books with their features, every method's values, and what follows from them.

Run it to write the committed files again, after a change of values that is meant:

    python -m tests.golden.recompute

Each table is one Parquet file. Numbers are rounded to 42 bits of mantissa, a relative error of 1e-13, so that the files
stay small and a comparison to 1e-12 is still fair.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import ipvalue as ipv
from ipvalue.methods.base import available
from tests.shared_data import DATA

HERE = Path(__file__).resolve().parent
FIT, VALUED, LATER = "2022-12-31", "2023-12-31", "2024-06-30"
REAL_PATENTS = 500

# Each case: which book, which methods (None: the default three), and which reconciliation.
CASES = {
    "synthetic_3": ("all", "PrecisionWeights"),
    "synthetic_8": ("default", "StackedWeights"),
    "university": ("all", "PrecisionWeights"),
}
# By name: a method that is added later, here or by a plug-in, must not change what is golden.
METHODS = (
    "relief_from_royalty",
    "comparable_sales",
    "hedonic_price",
    "gradient_boosting",
    "excess_earnings",
    "incremental_income",
    "profit_split",
    "indicator_score",
    "real_option",
    "renewal_option",
    "replacement_cost",
)
KINDS = ("features", "values", "stress", "attribution", "collateral")


def is_real(case: str) -> bool:
    """Whether the case needs the folder of real data."""
    return case == "university"


def book_of(case: str) -> ipv.Book:
    """2,000 synthetic patents, or the first 500 university patents by identifier."""
    if case.startswith("synthetic_"):
        return ipv.synthetic_book(2_000, seed=int(case.removeprefix("synthetic_")))
    real = ipv.read_university_renewals(DATA / "us_university_renewals" / "renewals_granted_2004_2005.csv")
    return real.select(real.patent_ids[:REAL_PATENTS])


def dates_of(case: str) -> tuple[str, str, str]:
    """Day of the fit, day of the values, and the later day that the attribution looks at."""
    return ("2012-12-31", "2013-12-31", "2014-12-31") if is_real(case) else (FIT, VALUED, LATER)


def engine_of(case: str) -> ipv.ValuationEngine:
    methods, reconciliation = CASES[case]
    every = [available()[name]() for name in METHODS]
    return ipv.ValuationEngine(every if methods == "all" else None, reconciliation=getattr(ipv, reconciliation)())


def tables_of(case: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every golden table of a case, by kind."""
    book = book_of(case)
    fit, valued, later = dates_of(case)
    engine = engine_of(case).fit(book, as_of=fit)
    state = book.as_of(valued)
    yield "features", ipv.extract(state)
    valuation = engine.value(state)
    yield "values", valuation.to_pandas()
    report = ipv.stress(state, engine)
    yield "stress", report.book().drop(columns="description")
    change = ipv.attribute(valuation, engine.value(book.as_of(later)))
    book_level = pd.DataFrame({"sequential": change.book("sequential"), "shapley": change.book("shapley")})
    yield "attribution", book_level
    if "loans" in book.tables and book.tables["loans"].num_rows:
        yield "collateral", ipv.collateral(valuation, book.tables["loans"]).loans


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of float64 or text, with the index as the first column."""
    named = table.reset_index()
    columns = {}
    for name in named.columns:
        column = named[name]
        if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            columns[str(name)] = column.astype(object).where(column.notna(), "").astype(str)
        else:
            columns[str(name)] = column.astype(np.float64)
    return pd.DataFrame(columns)


def rounded(values: np.ndarray) -> np.ndarray:
    """Round to 42 bits of mantissa."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 2.0**42) / 2.0**42, exponent)


def path_of(case: str, kind: str) -> Path:
    return HERE / "tables" / f"{case}_{kind}.parquet"


def write(case: str, kind: str, table: pd.DataFrame) -> None:
    columns = flat(table)
    numbers = [name for name in columns if columns[name].dtype == np.float64]
    # a missing number is NaN, not null: Arrow reads nulls in this encoding only from version 17 on
    arrays = {
        name: pa.array(rounded(columns[name].to_numpy()) if name in numbers else columns[name]) for name in columns
    }
    path = path_of(case, kind)
    path.parent.mkdir(exist_ok=True)
    pq.write_table(
        pa.table(arrays),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in columns if name not in numbers],
        column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
    )


if __name__ == "__main__":
    sizes = {}
    for case in CASES:
        for kind, table in tables_of(case):
            write(case, kind, table)
            sizes[f"{case}_{kind}"] = path_of(case, kind).stat().st_size
    print(json.dumps(sizes | {"all": sum(sizes.values())}, indent=1))
