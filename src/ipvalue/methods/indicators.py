"""A scorecard's indicators: the editable table, each indicator's transform to 0..100, and the weighted score.

A table has one row an indicator: dimension (first level), group (second level), indicator (third level), its weight,
the feature that measures it, and the transform:

- ``scale``: 0 at ``low``, 100 at ``high``, linear between; ``low`` above ``high`` turns it round;
- ``rank``: mid-rank among the patents of the technology field in the book on the fit date, in percent (among all
  patents where fewer than 50 of the field are known); ``rank_reversed``: 100 less that;
- ``rank_of_all`` and ``rank_of_all_reversed``: the same among all patents, for what fields differ in;
- ``none``: no feature measures it; it is missing until a bank names a feature.

The weight of a missing indicator goes to the known indicators of its dimension, and the weight of a dimension without
known indicators to the other dimensions. ``coverage`` is the share of the weight that is known.

Source of the structure: GB/T 42748-2023, Guidelines for patent evaluation, which CNIPA describes as three
first-level, 14 second-level and 27 third-level indicators (legal, technical and economic value) whose weights
follow the scenario. Its own list and weights were not at hand: the default table has its numbers of levels, and
every row is marked 'assumed'.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import AssumptionError, Reason
from ipvalue.evidence.subject import Evidence, Subject
from ipvalue.methods.base import State
from ipvalue.types import Floats, Ints16

__all__ = [
    "Indicator",
    "default_indicators",
    "learn",
    "read_indicators",
    "recall",
    "reference_ranks",
    "score",
    "score_of_each",
    "score_reason",
    "share_rate",
]

Ranks = Mapping[str, Mapping[str, npt.NDArray[Any]]]
_FIELDS = 36
_POINTS = 101
_ENOUGH = 50


class Indicator(BaseModel):
    """One row of a scorecard's table: an indicator, its weight, and the feature that measures it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dimension: Literal["legal", "technical", "economic"]
    group: str = Field(min_length=1)
    indicator: str = Field(pattern="^[a-z][a-z0-9_]*$")
    weight: float = Field(gt=0)
    feature: str = ""
    transform: Literal["scale", "rank", "rank_reversed", "rank_of_all", "rank_of_all_reversed", "none"]
    low: float | None = None
    high: float | None = None
    certainty: Literal["published", "derived", "assumed"]
    date: dt.date
    source: str = Field(min_length=3)

    @model_validator(mode="after")
    def _complete(self) -> Indicator:
        if (self.feature == "") != (self.transform == "none"):
            raise ValueError(f"{self.indicator}: the transform 'none' and no feature belong together")
        if self.transform == "scale" and (self.low is None or self.high is None or self.low == self.high):
            raise ValueError(f"{self.indicator}: the transform 'scale' needs a low and another high")
        return self


def read_indicators(source: str | os.PathLike[str]) -> tuple[Indicator, ...]:
    """Read a scorecard's table from a CSV file.

    Parameters
    ----------
    source : path
        Columns as in the default table, ``assumptions/tables/indicator_weights.csv``.

    Raises
    ------
    AssumptionError
        If a row is faulty, or an indicator appears twice; the message names it.
    """
    return _parse(Path(source).read_text("utf-8-sig"))


def default_indicators() -> tuple[Indicator, ...]:
    """The default table: 3 dimensions, 14 groups and 27 indicators, all of them assumed.

    Examples
    --------
    >>> table = default_indicators()
    >>> len({row.dimension for row in table}), len({(row.dimension, row.group) for row in table}), len(table)
    (3, 14, 27)
    """
    file = resources.files("ipvalue.assumptions") / "tables" / "indicator_weights.csv"
    return _parse(file.read_text(encoding="utf-8"))


def _parse(text: str) -> tuple[Indicator, ...]:
    rows = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        content = {name: value for name, value in row.items() if value != "" or name == "feature"}
        try:
            rows.append(Indicator.model_validate(content))
        except ValidationError as error:
            raise AssumptionError(f"indicator table, line {number}: {error.errors()[0]['msg']}") from error
    names = [row.indicator for row in rows]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not rows:
        what = f"{repeated[0]!r} appears twice" if repeated else "no rows"
        raise AssumptionError(f"indicator table: {what}")
    return tuple(rows)


def reference_ranks(table: tuple[Indicator, ...], subject: Subject) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Quantiles of each ranked feature over a book's patents, against which later patents are ranked.

    Parameters
    ----------
    subject : Subject
        The book on the fit date.

    Returns
    -------
    dict of str to dict
        By feature: ``quantile``, 101 levels for each of 36 fields one after the other; field 0 has all patents.
        NaN where too few are known.

    Raises
    ------
    AssumptionError
        If the table names a feature that the catalogue lacks.
    """
    for row in table:
        if row.feature and row.feature not in subject.features.columns:
            raise AssumptionError(f"indicator {row.indicator!r} names the feature {row.feature!r}: there is none")
    ranked = sorted({row.feature for row in table if row.transform.startswith("rank")})
    return {name: {"quantile": _quantiles(subject.features[name], subject.field)} for name in ranked}


def _quantiles(values: Floats, field: npt.NDArray[np.integer]) -> Floats:
    grid = np.full((_FIELDS, _POINTS), np.nan)
    known = np.isfinite(values)
    levels = np.linspace(0.0, 1.0, _POINTS)
    for number in range(_FIELDS):
        here = known if number == 0 else known & (field == number)
        if here.sum() >= (1 if number == 0 else _ENOUGH):
            grid[number] = np.quantile(values[here], levels, method="inverted_cdf")
    return grid.ravel()


def score_of_each(table: tuple[Indicator, ...], ranks: Ranks, subject: Subject) -> dict[str, Floats]:
    """Score of each indicator, 0 to 100; NaN where it is missing.

    Parameters
    ----------
    ranks : dict of str to dict
        Of :func:`reference_ranks`.
    """
    found = {}
    for row in table:
        if row.transform == "none":
            found[row.indicator] = np.full(len(subject), np.nan)
        elif row.low is not None and row.high is not None:
            place = (subject.features[row.feature] - row.low) / (row.high - row.low)
            found[row.indicator] = 100.0 * np.clip(place, 0.0, 1.0)
        else:
            cohort = np.zeros_like(subject.field) if "of_all" in row.transform else subject.field
            rank = _rank(ranks[row.feature]["quantile"], subject.features[row.feature], cohort)
            found[row.indicator] = 100.0 - rank if row.transform.endswith("reversed") else rank
    return found


def _rank(quantile: Floats, values: Floats, field: npt.NDArray[np.integer]) -> Floats:
    """Mid-rank of each value among the quantiles of its field, in percent."""
    grid = np.asarray(quantile, np.float64).reshape(_FIELDS, _POINTS)
    rank = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(field[known], kind="stable")]
    ends = np.searchsorted(field[order], np.arange(_FIELDS + 1))
    for number in np.flatnonzero(np.diff(ends)):
        line = grid[0] if np.isnan(grid[number, 0]) else grid[number]
        here = order[ends[number] : ends[number + 1]]
        if not np.isnan(line[0]):
            below, up_to = (np.searchsorted(line, values[here], side) for side in ("left", "right"))
            rank[here] = 50.0 * (below + up_to) / _POINTS
    return rank


def score(table: tuple[Indicator, ...], each: dict[str, Floats]) -> dict[str, Floats]:
    """Weighted score of each dimension and in total; missing indicators have no weight.

    Parameters
    ----------
    each : dict of str to ndarray, each of shape (n,)
        Of :func:`score_of_each`.

    Returns
    -------
    dict of str to ndarray, each of shape (n,)
        ``legal``, ``technical``, ``economic`` and ``score``, 0 to 100 (NaN where nothing is known), and
        ``coverage``, the share of the weight that is known.
    """
    n = len(each[table[0].indicator])
    total, weight, known_weight, result = np.zeros(n), np.zeros(n), np.zeros(n), {}
    for dimension in ("legal", "technical", "economic"):
        rows = [row for row in table if row.dimension == dimension]
        points, known = np.zeros(n), np.zeros(n)
        for row in rows:
            there = np.isfinite(each[row.indicator])
            points += np.where(there, row.weight * each[row.indicator], 0.0)
            known += np.where(there, row.weight, 0.0)
        result[dimension] = np.divide(points, known, out=np.full(n, np.nan), where=known > 0)
        full = sum(row.weight for row in rows)
        total += np.where(known > 0, full * np.nan_to_num(result[dimension]), 0.0)
        weight += np.where(known > 0, full, 0.0)
        known_weight += known
    result["score"] = np.divide(total, weight, out=np.full(n, np.nan), where=weight > 0)
    result["coverage"] = known_weight / sum(row.weight for row in table)
    return result


def learn(table: tuple[Indicator, ...], evidence: Evidence) -> State:
    """State with the table (the default one where it is empty) and the book's quantiles for the ranks."""
    rows = table or default_indicators()
    text = json.dumps([row.model_dump(mode="json") for row in rows], ensure_ascii=False, sort_keys=True)
    return State(tables=reference_ranks(rows, evidence.subject), texts={"indicators": text})


def recall(state: State, subject: Subject) -> tuple[tuple[Indicator, ...], dict[str, Floats]]:
    """The table that was learnt, and the score of each of its indicators."""
    rows = tuple(Indicator.model_validate(row) for row in json.loads(state.texts["indicators"]))
    return rows, score_of_each(rows, state.tables, subject)


def share_rate(points: Floats, assumptions: Assumptions) -> Floats:
    """Share of profit between the assumptions' floor and ceiling, by the score: at 0 the floor, at 100 the ceiling.

    Examples
    --------
    >>> from ipvalue import Assumptions
    >>> share_rate(np.array([0.0, 50.0, 100.0]), Assumptions.default("CN")).round(3).tolist()
    [0.16, 0.215, 0.27]
    """
    floor, ceiling = (assumptions.profit_share[name].value for name in ("floor", "ceiling"))
    return floor + (ceiling - floor) * points / 100.0


def score_reason(coverage: Floats, minimum: float) -> Ints16:
    """Reason code where too little of the weight is known for a score; 0 elsewhere."""
    return np.where((coverage >= minimum) & (coverage > 0), 0, Reason.NO_INDICATORS).astype(np.int16)
