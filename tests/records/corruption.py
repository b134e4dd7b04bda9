"""Random damage to the tables of a book, and the law that every book obeys: nothing is lost, nothing crashes."""

from __future__ import annotations

import datetime
import decimal
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import ipvalue as ipv
from ipvalue.errors import IpvalueError
from ipvalue.records.schema import TABLES

Columns = dict[str, object]
Tables = dict[str, Columns]

DAYS = ("2023-12-31", "2023-12-31", "2023-12-31", "2005-06-30", "1995-01-01", "2060-02-29")
QUANTILES = ["q05", "q25", "q50", "q75", "q95"]

_HUGE = "x" * 300_000
_DIRT: tuple[object, ...] = (
    *(None, float("nan"), float("inf"), float("-inf"), -1, -0.0, 0, 1, 2**31, 2**63, 2**70, -(2**63), 1e-300, 1e15),
    *(1e16, 1e308, 5.5, True, False, "", " ", "?", "n/a", "NULL", "nan", "NaT", "inf", "-inf", "1e999", "+7", "1,5"),
    *(_HUGE, "界" * 400, "\x00", "A\x00", "CN\x00", "\x1f", "a\nb", "\ud800", "�", "🜚", "٣", "';--", "ZZ", "cn"),
    *("XXX", "usd", "A0", "H04L", "H04L 29/06; G06F", "0000-00-00", "2020-02-30", "31/12/2020", "20200229", "2020"),
    *("1789-12-31", "1790-01-01", "2199-12-31", "2200-01-01", "2200-01-02", "9999-12-31", "2020-01-01T25:00"),
    *(b"CN", b"\xff\xfe\xfa", "ä".encode("latin-1"), [], ["a", None], [["b"]], {"k": 1}, 1j, object),
    *(datetime.date(1, 1, 1), datetime.date(2100, 1, 1), datetime.datetime(2020, 1, 1, 23, 59), pd.NaT, pd.NA),
    *(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(days=3), decimal.Decimal("1.5")),
    *(
        decimal.Decimal("NaN"),
        np.float32(2.5),
        np.int8(3),
        np.datetime64("NaT", "D"),
        np.datetime64("2020-01-01"),
        np.bool_(True),
    ),
)


def clean_tables(patents: int, seed: int, *, claim_texts: bool = False) -> Tables:
    """The tables of a synthetic book as columns, with a deal for two patents in three so that methods can learn."""
    book = ipv.synthetic_book(patents, seed=seed, claim_texts=claim_texts)
    tables: Tables = {
        n: {c: t[c].combine_chunks() for c in t.column_names} for n, t in book.tables.items() if t.num_rows
    }
    rng = np.random.default_rng(seed)
    sold = [i for i in book.patent_ids if rng.random() < 2 / 3]
    tables["transactions"] = {
        "deal_id": [f"D{k}" for k in range(len(sold))],
        "patent_id": sold,
        "deal_date": (np.datetime64("2012-01-01") + rng.integers(0, 4_300, len(sold))).tolist(),
        "price": list(np.round(np.exp(rng.normal(13, 1.5, len(sold))))),
        "currency": ["CNY"] * len(sold),
        "kind": ["sale"] * len(sold),
        "arms_length": [True] * len(sold),
    }
    return tables


def corrupted(clean: Tables, seed: int) -> dict[str, object]:
    """Do one to eight kinds of damage to a book's tables, and hand them over in some container."""
    rng = np.random.default_rng(seed)
    tables = {name: dict(columns) for name, columns in clean.items()}
    for _ in range(rng.integers(1, 9)):
        name = str(rng.choice(list(tables)))
        damage = _DAMAGE[rng.integers(len(_DAMAGE))]
        tables[name] = damage(rng, tables[name], name)
    if rng.random() < 0.1:
        tables.pop(str(rng.choice([n for n in tables if n != "patents"])))
    return {name: _contained(rng, columns) for name, columns in tables.items()}


class Verdict(NamedTuple):
    """What became of one book."""

    outcome: str
    """``valued``, or the name of the error with which the book was refused."""
    rows_in: int = 0
    rows_set_aside: int = 0
    patents: int = 0
    with_value: int = 0
    fitted: bool = False


def judge(tables: dict[str, object], engine: ipv.ValuationEngine, seed: int, *, fit: bool) -> Verdict:
    """Hold a book to the law; a breach is an AssertionError, a crash whatever it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            book = ipv.Book(**tables)  # type: ignore[arg-type]
        except IpvalueError as error:
            return Verdict(type(error).__name__)
        for name, rows in book.rows_in.items():
            refused = int((book.rejects["table"] == name).sum())
            assert rows == book[name].num_rows + refused + book.duplicates.get(name, 0), name
        day = DAYS[seed % len(DAYS)]
        patents, with_value = check_values(engine, book, day)
        fitted = False
        if fit:
            try:
                own = engine.fit(book, as_of=DAYS[0])
            except IpvalueError:
                own = engine
            fitted = own is not engine
            check_values(own, book, day)
    kept = sum(t.num_rows for t in book.tables.values())
    total = sum(book.rows_in.values())
    return Verdict("valued", total, total - kept, patents, with_value, fitted)


def check_values(engine: ipv.ValuationEngine, book: ipv.Book, day: str) -> tuple[int, int]:
    """One row a patent of the snapshot, each with a value or a reason, no silent zero, quantiles in order."""
    snapshot = book.as_of(day)
    frame = engine.value(snapshot).to_pandas()
    assert list(frame.index) == list(snapshot.patent_ids)
    value, reason = frame["value"], frame["reason"]
    worthless = reason.isin(["dead_right", "term_over"])
    assert (value.isna() <= (reason != "")).all(), "a missing value has a reason"
    assert ((value == 0) <= worthless).all(), "no silent zero"
    assert (worthless <= (value == 0)).all(), "dead is worth nothing"
    known = frame[value.notna()]
    assert np.isfinite(known[["value", *QUANTILES]]).all(axis=None), "no infinite value"
    assert (known["value"] >= 0).all()
    assert (np.diff(known[QUANTILES], axis=1) >= 0).all(), "quantiles in order"
    assert frame.loc[value.isna(), QUANTILES].isna().all(axis=None)
    return len(frame), int(value.notna().sum())


def judge_engine() -> ipv.ValuationEngine:
    """The three methods, small, fitted on a sound book."""
    methods = [
        ipv.ReliefFromRoyalty(),
        ipv.ComparableSales(),
        ipv.GradientBoosting(trees=20, folds=2, minimum=20),
    ]
    return ipv.ValuationEngine(methods, folds=2).fit(ipv.synthetic_book(1_200, seed=3), as_of=DAYS[0])


def clean_books() -> list[Tables]:
    """Four small sound books, one of them with claim texts."""
    return [
        clean_tables(60, 1),
        clean_tables(120, 2),
        clean_tables(200, 3),
        clean_tables(60, 4, claim_texts=True),
    ]


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 0  # type: ignore[arg-type]


def _listed(values: object) -> list[object]:
    return values.to_pylist() if isinstance(values, pa.Array) else list(values)  # type: ignore[call-overload]


def _pick(rng: np.random.Generator, columns: Columns, name: str) -> str:
    """A column that the damage shall hit, rarely one that refuses every row."""
    names = [c for c in columns if c not in TABLES[name].required or rng.random() < 0.4] or list(columns)
    return str(rng.choice(names))


def _rows(rng: np.random.Generator, n: int) -> list[int]:
    share = rng.choice([0.02, 0.1, 0.5, 1.0])
    return [int(r) for r in np.flatnonzero(rng.random(n) < share)]


def _one_value(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """One kind of dirt in some rows of a column."""
    column = _pick(rng, columns, name)
    values = _listed(columns[column])
    dirt = _DIRT[rng.integers(len(_DIRT))]
    rows = _rows(rng, len(values))
    for row in rows[:3] if dirt is _HUGE else rows:
        values[row] = dirt
    return columns | {column: values}


def _many_values(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """All kinds of dirt in some rows of a column."""
    column = _pick(rng, columns, name)
    values = _listed(columns[column])
    for row in _rows(rng, len(values))[:200]:
        values[row] = _DIRT[rng.integers(len(_DIRT))]
    return columns | {column: values}


def _extreme(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """Values that the schema permits and nobody expects, in one column."""
    column = _pick(rng, columns, name)
    spec = TABLES[name].columns.get(column)
    values = _listed(columns[column])
    if spec is None:
        return columns
    if spec.kind in ("number", "integer"):
        low, high = spec.lower or 0, spec.upper or 0
        choice: list[object] = (
            [low, high, low + (high - low) * 1e-12, (low + high) / 2] if spec.kind == "number" else [low, high]
        )
    elif spec.kind == "date":
        choice = ["1790-01-01", "1883-03-20", "1970-01-01", "2023-12-31", "2024-01-01", "2024-02-29", "2200-01-01"]
    elif spec.kind in ("code", "id"):
        choice = list(spec.codes) or ["ZZ", "EP", "WO", "XXX", "USD", "Z99", "A1", "zz", "x"]
    elif spec.kind == "list":
        choice = [["H04L"], ["Z99Z 1/00"], ["x"] * 500, [""]]
    else:
        choice = ["1", "true", "claim 1", "The device of claim 1 to 99999, or 权利要求1所述", "1. 2. 3."]
    for row in _rows(rng, len(values)):
        values[row] = choice[rng.integers(len(choice))]
    return columns | {column: values}


def _other_type(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """The whole column in another type."""
    column = _pick(rng, columns, name)
    kinds = (pa.string(), pa.large_string(), pa.float64(), pa.int64(), pa.binary(), pa.timestamp("ns", "Asia/Shanghai"))
    array = pa.array([None if v is None else str(v) for v in map(_known, _listed(columns[column]))], pa.string())
    try:
        return columns | {column: array.cast(kinds[rng.integers(len(kinds))])}
    except pa.ArrowException:
        return columns | {column: array.dictionary_encode()}


def _known(value: object) -> object:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _swapped(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """Two columns under each other's names."""
    one, two = _pick(rng, columns, name), _pick(rng, columns, name)
    return columns | {one: columns[two], two: columns[one]}


def _shuffled(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """One column moved against the others."""
    column = _pick(rng, columns, name)
    values = _listed(columns[column])
    return columns | {column: [values[i] for i in rng.permutation(len(values))]}


def _missing(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """A column dropped, misspelt, or without any value."""
    column = _pick(rng, columns, name)
    rest = {key: values for key, values in columns.items() if key != column}
    what = rng.integers(3)
    if what == 0:
        return rest | {column[:-1]: columns[column]}
    return rest if what == 1 else columns | {column: [None] * _length(columns)}


def _repeated(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """Rows repeated, half of the time with one column changed, and all in another order."""
    n = _length(columns)
    rows = rng.permutation(np.concatenate([np.arange(n), rng.integers(0, max(n, 1), n // 3 if n else 0)]))
    lists = {key: _listed(values) for key, values in columns.items()}
    result: Columns = {key: [values[i] for i in rows] for key, values in lists.items()}
    return _shuffled(rng, result, name) if rng.random() < 0.5 else result


def _few(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """No row, one row, or some."""
    n = _length(columns)
    keep = slice(0, int(rng.choice([0, 1, 2, n // 2])))
    return {key: _listed(values)[keep] for key, values in columns.items()}


def _alike(rng: np.random.Generator, columns: Columns, name: str) -> Columns:
    """Identifiers cut short, so that they coincide or belong to nobody."""
    ids = [c for c in columns if c.endswith("_id")] or list(columns)
    column = str(rng.choice(ids))
    length = int(rng.choice([0, 1, 5, 9]))
    values = _listed(columns[column])
    for row in _rows(rng, len(values)):
        values[row] = str(_known(values[row]))[:length]
    return columns | {column: values}


_DAMAGE: tuple[Callable[[np.random.Generator, Columns, str], Columns], ...] = (
    *(_one_value, _one_value, _one_value, _many_values, _extreme, _extreme, _extreme, _other_type, _swapped),
    *(_shuffled, _missing, _repeated, _few, _alike),
)


def _contained(rng: np.random.Generator, columns: Columns) -> object:
    """The same columns as a dict, a pandas frame, an Arrow table or a polars frame, where these can hold them."""
    kind = rng.integers(4)
    if rng.random() < 0.05:
        return _wrongly_encoded(rng, columns)
    if any(isinstance(v, list) and np.datetime64 in set(map(type, v)) for v in columns.values()):
        return columns  # pyarrow crashes on some lists with these; a book must not
    try:
        if kind == 1:
            return pd.DataFrame({k: _series(v) for k, v in columns.items()})
        if kind == 2:
            return pa.table(columns)
        if kind == 3:
            return pl.from_arrow(pa.table(columns))
    except Exception:  # each container refuses other dirt
        return columns
    return columns


def _wrongly_encoded(rng: np.random.Generator, columns: Columns) -> Columns:
    """A text column in the Chinese encoding GBK, which claims to be UTF-8."""
    column = str(rng.choice(list(columns)))
    texts = ["" if v is None else f"{_known(v)}发明" for v in _listed(columns[column])]
    rows = set(_rows(rng, len(texts)))
    raw = [text.encode("gbk" if row in rows else "utf-8", "replace") for row, text in enumerate(texts)]
    return columns | {column: pa.array(raw, pa.binary()).view(pa.string())}


def _series(values: object) -> pd.Series:
    return values.to_pandas() if isinstance(values, pa.Array) else pd.Series(values, dtype=object)
