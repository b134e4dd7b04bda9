"""Loans as columns: rows that can't be read are set aside with their reason, the rest stand in rank order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.errors import REASONS, Reason, SchemaError
from ipvalue.records.arrow import to_arrow
from ipvalue.records.coerce import coerce
from ipvalue.records.columns import dates, flags, numbers
from ipvalue.records.schema import TABLES
from ipvalue.types import Ints, Ints16, Mask, Objects

__all__ = ["LoanPairs", "read_loans"]

_COLUMNS = tuple(TABLES["loans"].columns.values())
_REJECT_COLUMNS = ["row", "loan_id", "patent_id", "code", "message"]


@dataclass(frozen=True)
class LoanPairs:
    """One element a pair of loan and patent, in the order of rank, then loan_id, then patent_id.

    Attributes
    ----------
    loan_id, patent_id : ndarray of str, shape (n,)
    loan : ndarray of int64, shape (n,)
        The loan's place in :attr:`loans`, which stand in rank order.
    patent : ndarray of int64, shape (n,)
        The patent's row in the valuation.
    consent : ndarray of bool, shape (n,)
    loans : DataFrame
        One row a loan: loan_id, drawn_date, maturity_date, exposure, currency.
    rejects : DataFrame
        Rows set aside: row, loan_id, patent_id, code, message.
    """

    loan_id: Objects
    patent_id: Objects
    loan: Ints
    patent: Ints
    consent: Mask
    loans: pd.DataFrame
    rejects: pd.DataFrame

    def __len__(self) -> int:
        return len(self.loan)


def read_loans(data: object, patent_ids: Objects, as_of: np.datetime64) -> LoanPairs:
    """Read loans.

    Parameters
    ----------
    data : table
        The schema's columns of ``loans``, and optionally ``rank`` and ``consent``; a loan's exposure is repeated
        in each of its rows.
    patent_ids : ndarray of str
        The valuation's patents, sorted.
    as_of : datetime64[D]
        Loans drawn later are set aside.

    Returns
    -------
    LoanPairs

    Raises
    ------
    SchemaError
        If it is no table, or a required column is missing.

    Notes
    -----
    A loan's terms are those of its first patent in sorted order; a row with other terms is set aside. The smaller
    rank comes first; loans without a rank come after those with one, by drawn date (Civil Code of China (2020),
    art. 414 and 415: by time of registration), a loan not drawn yet last; loan_id breaks ties.
    """
    raw = to_arrow("loans", data)
    frame, code = _coerced(raw)
    place = np.searchsorted(patent_ids.astype(object), frame["patent_id"].fillna("").to_numpy(object))
    found = np.append(patent_ids, "")[place] == frame["patent_id"].to_numpy(object)
    code = np.where((code == 0) & ~found, Reason.UNKNOWN_PATENT, code)
    drawn, due = frame["drawn_date"].to_numpy("M8[D]"), frame["maturity_date"].to_numpy("M8[D]")
    code = np.where((code == 0) & (drawn > due), Reason.INCONSISTENT_DATES, code)
    code = np.where((code == 0) & (drawn > as_of), Reason.NOT_DRAWN, code)
    frame["patent"] = place
    good = frame[code == 0].sort_values(["loan_id", "patent_id", "row"], kind="stable")
    first = good.groupby("loan_id", sort=False)[["exposure", "currency", "drawn_date", "maturity_date", "rank"]]
    same = _same(good, first.transform("first"))
    fault = good.duplicated(["loan_id", "patent_id"]) | ~same
    code[good.loc[fault, "row"].to_numpy()] = Reason.DUPLICATE_KEY
    return _ranked(good[~fault], _rejects(frame, code))


def _coerced(raw: pa.Table) -> tuple[pd.DataFrame, Ints16]:
    """Columns by the schema's types, and the first fault of each row."""
    code = np.zeros(raw.num_rows, np.int16)
    columns: dict[str, object] = {"row": np.arange(raw.num_rows)}
    for column in _COLUMNS:
        if column.name not in raw.column_names:
            if column.required:
                raise SchemaError(f"loans: the required column {column.name!r} is missing")
            values: pa.Array | pa.ChunkedArray = pa.nulls(raw.num_rows, column.arrow_type())
        else:
            values, codes = coerce(column, raw[column.name])
            code = np.where(code == 0, codes, code).astype(np.int16)
        values = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
        if column.kind == "date":
            columns[column.name] = dates(values)
        elif column.kind in ("number", "integer"):
            columns[column.name] = numbers(values)
        elif column.kind == "flag":
            columns[column.name] = flags(values) == 1
        else:
            columns[column.name] = np.array(["" if v is None else v for v in values.to_pylist()], object)
    return pd.DataFrame(columns), code


def _same(good: pd.DataFrame, first: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row has the terms of its loan's first row."""
    mine = good[first.columns]
    return ((mine == first) | (mine.isna() & first.isna())).all(axis=1)


def _ranked(good: pd.DataFrame, rejects: pd.DataFrame) -> LoanPairs:
    order = ["rank", "drawn_date", "loan_id", "patent_id"]
    good = good.sort_values(order, kind="stable", na_position="last").reset_index(drop=True)
    loan, _ = pd.factorize(good["loan_id"])
    terms = ["loan_id", "drawn_date", "maturity_date", "exposure", "currency"]
    loans = good.drop_duplicates("loan_id")[terms].reset_index(drop=True)
    return LoanPairs(
        good["loan_id"].to_numpy(object),
        good["patent_id"].to_numpy(object),
        loan.astype(np.int64),
        good["patent"].to_numpy(np.int64),
        good["consent"].to_numpy(bool),
        loans,
        rejects,
    )


def _rejects(frame: pd.DataFrame, code: Ints16) -> pd.DataFrame:
    bad = frame[code != 0].copy()
    reasons = [Reason(int(c)) for c in code[code != 0]]
    bad["code"] = [reason.label for reason in reasons]
    bad["message"] = [REASONS[reason] for reason in reasons]
    rejects: pd.DataFrame = bad[_REJECT_COLUMNS].reset_index(drop=True)
    return rejects
