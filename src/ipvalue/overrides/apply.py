"""Apply overrides: which are in force and can be applied, and the value, interval and grade that result.

========================== =========================================================================================
value                      replaces value and q50; given low and high are q05 and q95, with q25 and q75 between as on
                           a lognormal on each side; else every quantile keeps its ratio to the model's value
factor                     multiplies value and quantiles
grade                      the model's; with low and high the worse of the model's and that of one method with this
                           interval: a narrow interval cannot raise the grade
reason                     ``overridden``
all other columns          are the model's, also ``log_sd``, ``disagreement`` and those of methods
========================== =========================================================================================
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import REASONS, OverrideError, Reason
from ipvalue.overrides.record import Override, Overrides, given_set
from ipvalue.types import LEVELS, NORMAL_DEVIATES, QUANTILE_NAMES, Floats, Ints, Ints16, Mask, Quantiles, Texts
from ipvalue.values import Values
from ipvalue.worksheet import grade_of

__all__ = ["COLUMNS", "KEPT", "Judged", "ModelValues", "judge", "model_of", "overridden", "restored", "provenance_of"]


KEPT = ("value", *QUANTILE_NAMES, "grade", "reason")
"""Columns that an override can change; ``model_<name>`` has the model's."""
_ATTRIBUTES = ("id", "author", "approver", "reason", "made_on", "expires_on", "reference")
COLUMNS = {
    "model_value": "the model's value (of every patent, overridden or not)",
    **{f"model_{name}": f"the model's {name}" for name in KEPT[1:]},
    "override_id": "the override's id; null where the value is the model's",
    "override_author": "who set the value",
    "override_approver": "who approved it",
    "override_reason": "what the model does not know",
    "override_made_on": "day from whose close it is in force",
    "override_expires_on": "day at whose close it ends",
    "override_reference": "where the evidence is filed",
}
"""Columns that overrides add to a valuation, in order, with their meaning."""

FAULTS = (
    Reason.UNKNOWN_PATENT,
    Reason.DEAD_RIGHT,
    Reason.OVERRIDE_OTHER_CURRENCY,
    Reason.OVERRIDE_NO_MODEL_VALUE,
    Reason.OVERRIDE_NO_INTERVAL,
)
"""Why an override in force on the date can't be applied."""

_SHAPE = NORMAL_DEVIATES / NORMAL_DEVIATES[-1]
V = TypeVar("V", bound=Values)
_MEDIAN = QUANTILE_NAMES.index("q50")


@dataclass(frozen=True)
class ModelValues:
    """The model's values, one element a patent of the valuation.

    ``dead`` are rights that are dead or whose term is over, ``day`` is the valuation date, and ``grade_bounds`` are
    those of :func:`ipvalue.worksheet.grade_of`.
    """

    patent_id: pa.Array | pa.ChunkedArray
    value: Floats
    quantiles: Floats
    grade: Texts
    dead: Mask
    currency: str
    day: dt.date
    grade_bounds: Floats


@dataclass(frozen=True)
class Judged:
    """Status and result of each override of a set, in the set's order.

    ``code`` is ``Reason.OVERRIDDEN`` or why it is not applied, ``row`` the patent's row in the valuation (-1 if
    unknown). Value and quantiles are NaN where it is not applied.
    """

    code: Ints16
    row: Ints
    value: Floats
    quantiles: Floats
    grade: Texts

    @property
    def applied(self) -> Mask:
        """Overrides that replace the model's value."""
        return np.asarray(self.code == Reason.OVERRIDDEN, bool)

    def within(self, values: Floats, ours: Floats) -> Floats:
        """Copy of a column of the valuation (or of its quantiles) with the overrides' values in their rows."""
        result = values.copy()
        result[self.row[self.applied]] = ours[self.applied]
        return result


def model_of(valuation: Values) -> ModelValues:
    """The model's values of a valuation with or without overrides."""
    table = restored(valuation).table
    reason = pc.is_in(table["reason"], pa.array([Reason.DEAD_RIGHT.label, Reason.TERM_OVER.label]))
    return ModelValues(
        table["patent_id"],
        _numbers(table["value"]),
        np.column_stack([_numbers(table[name]) for name in QUANTILE_NAMES]),
        np.asarray(pc.fill_null(table["grade"], "").to_numpy(zero_copy_only=False), np.str_),
        np.asarray(reason.to_numpy(), bool),
        str(valuation.provenance["currency"]),
        dt.date.fromisoformat(str(valuation.provenance["as_of"])),
        np.array(valuation.provenance.get("grade_bounds", Assumptions.default("CN").grade_bounds()), np.float64),
    )


def judge(overrides: Overrides, model: ModelValues) -> Judged:
    """Whether each override is applied, and the value, quantiles and grade that result."""
    items = overrides.items
    ids = pa.array([item.patent_id for item in items], pa.string())
    row = np.asarray(pc.fill_null(pc.index_in(ids, _one(model.patent_id)), -1).to_numpy(), np.int64)
    known = row >= 0
    at = np.where(known, row, len(model.value))
    base = np.append(model.value, np.nan)[at]
    spread = np.vstack([model.quantiles, np.full((1, len(LEVELS)), np.nan)])[at]
    dead = np.append(model.dead, False)[at]
    grade = np.append(model.grade, "")[at]

    value, factor, low, high = (_given(items, name) for name in ("value", "factor", "low", "high"))
    absolute, bracketed = ~np.isnan(value), ~np.isnan(low)
    currency = np.array([item.currency or model.currency for item in items], np.str_)
    scalable = (base > 0) & np.isfinite(spread).all(axis=1)
    tests = {
        Reason.OVERRIDE_NOT_YET_MADE: np.array([item.made_on > model.day for item in items], bool),
        Reason.OVERRIDE_WITHDRAWN: np.array([_withdrawn(item, model.day) for item in items], bool),
        Reason.OVERRIDE_EXPIRED: np.array([item.expires_on <= model.day for item in items], bool),
        Reason.UNKNOWN_PATENT: ~known,
        Reason.DEAD_RIGHT: dead,
        Reason.OVERRIDE_OTHER_CURRENCY: currency != model.currency,
        Reason.OVERRIDE_NO_MODEL_VALUE: ~absolute & np.isnan(base),
        Reason.OVERRIDE_NO_INTERVAL: absolute & (value > 0) & ~bracketed & ~scalable,
    }
    code = np.select(list(tests.values()), [int(reason) for reason in tests], int(Reason.OVERRIDDEN)).astype(np.int16)
    applied = code == Reason.OVERRIDDEN

    set_to = np.where(absolute, value, base * factor)
    quantiles = np.where(absolute[:, None], _moved(value, base, spread), spread * factor[:, None])
    quantiles = np.where(bracketed[:, None], _between(value, low, high), quantiles)
    own = np.where(bracketed & (value > 0), Quantiles(np.column_stack([low, value, value, value, high])).log_sd, np.nan)
    nothing = np.zeros(len(items))
    theirs = grade_of(own, np.ones(len(items), np.int64), nothing, nothing.astype(bool), model.grade_bounds)
    return Judged(
        code,
        row,
        np.where(applied, set_to, np.nan),
        np.where(applied[:, None], quantiles, np.nan),
        np.where(theirs > grade, theirs, grade),
    )


def overridden(valuation: V, overrides: Overrides, *, strict: bool = False) -> V:
    """Values with overrides applied; see :meth:`ipvalue.Valuation.override`."""
    overrides = given_set(overrides)
    plain = restored(valuation)
    if not overrides.items:
        return plain
    model = model_of(plain)
    judged = judge(overrides, model)
    if strict:
        _refuse(overrides, judged)
    columns = {name: plain.table[name] for name in plain.table.column_names}
    model_columns = {f"model_{name}": columns[name] for name in KEPT}
    columns["value"] = _nullable(judged.within(model.value, judged.value))
    quantiles = judged.within(model.quantiles, judged.quantiles)
    columns |= {name: _nullable(np.ascontiguousarray(quantiles[:, k])) for k, name in enumerate(QUANTILE_NAMES)}
    n, rows = len(plain), judged.row[judged.applied]
    hit = np.zeros(n, bool)
    hit[rows] = True
    order, items = np.argsort(rows), [item for item, used in zip(overrides.items, judged.applied) if used]
    grades = judged.grade[judged.applied][order].tolist()
    columns["grade"] = _replaced(columns["grade"], hit, grades)
    columns["reason"] = _replaced(columns["reason"], hit, [Reason.OVERRIDDEN.label] * len(rows))
    texts = {}
    for name in _ATTRIBUTES:
        kind = pa.date32() if name.endswith("_on") else pa.string()
        values = pa.array([getattr(items[k], name) for k in order], kind)
        texts[f"override_{name}"] = pc.replace_with_mask(pa.nulls(n, kind), pa.array(hit), values)
    provenance = plain.provenance | {"overrides": provenance_of(overrides, judged)}
    return replace(valuation, table=pa.table(columns | model_columns | texts), provenance=provenance)


def restored(valuation: V) -> V:
    """The model's own values, bit for bit."""
    if "overrides" not in valuation.provenance:
        return valuation
    table = valuation.table
    columns = {name: table[name] for name in table.column_names if name not in COLUMNS}
    columns |= {name: table[f"model_{name}"] for name in KEPT}
    provenance = {name: content for name, content in valuation.provenance.items() if name != "overrides"}
    return replace(valuation, table=pa.table(columns), provenance=provenance)


def provenance_of(overrides: Overrides, judged: Judged) -> dict[str, object]:
    """Provenance of overrides: name, version, hash and items of the set, and how many are applied or not."""
    labels, counts = np.unique(judged.code[~judged.applied], return_counts=True)
    return {
        "name": overrides.name,
        "version": overrides.version,
        "hash": overrides.hash,
        "applied": int(judged.applied.sum()),
        "not_applied": {Reason(int(code)).label: int(n) for code, n in zip(labels, counts)},
        "items": overrides.model_dump(mode="json")["items"],
    }


def _refuse(overrides: Overrides, judged: Judged) -> None:
    bad = np.flatnonzero(np.isin(judged.code, FAULTS))
    if len(bad):
        item, reason = overrides.items[int(bad[0])], Reason(int(judged.code[bad[0]]))
        raise OverrideError(
            f"the override {item.id} of {item.patent_id!r} can't be applied: {REASONS[reason]} "
            f"({len(bad)} in total; with strict=False override_log() lists them)"
        )


def _withdrawn(item: Override, day: dt.date) -> bool:
    return item.withdrawn_on is not None and item.withdrawn_on <= day and item.withdrawn_on <= item.expires_on


def _given(items: tuple[Override, ...], name: str) -> Floats:
    return np.array([np.nan if getattr(item, name) is None else getattr(item, name) for item in items], np.float64)


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)


def _moved(value: Floats, base: Floats, spread: Floats) -> Floats:
    """The model's quantiles scaled to another value; all 0 for a value of 0."""
    ratio = np.divide(value, base, out=np.zeros_like(value), where=(base > 0) & (value > 0))
    result = np.where((value == 0)[:, None], 0.0, spread * ratio[:, None])
    result[:, _MEDIAN] = value
    # rounding must not move a quantile across the median
    result[:, :_MEDIAN] = np.minimum(result[:, :_MEDIAN], value[:, None])
    result[:, _MEDIAN + 1 :] = np.maximum(result[:, _MEDIAN + 1 :], value[:, None])
    return result


def _between(value: Floats, low: Floats, high: Floats) -> Floats:
    """Quantiles of a lognormal with a different width on each side of the median."""
    down, up = low / _positive(value), high / _positive(value)
    result: Floats = value[:, None] * np.where(_SHAPE < 0, down[:, None] ** -_SHAPE, up[:, None] ** _SHAPE)
    result[:, 0], result[:, _MEDIAN], result[:, -1] = low, value, high
    return np.clip(result, low[:, None], high[:, None])


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.array([], pa.string()) if isinstance(array, pa.ChunkedArray) else array


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _replaced(column: pa.ChunkedArray, hit: Mask, values: list[str]) -> pa.Array:
    return pc.replace_with_mask(_one(column), pa.array(hit), pa.array(values, pa.string()))
