"""Stress: what the values of a book become under scenarios.

Features are computed once. Each scenario then changes a copy of the assumptions, of what the methods learnt beside
them (:meth:`ipvalue.ValuationEngine.with_assumptions`) and of what ``economics`` gives, and the book is valued again.
Without a shock the values are those of :meth:`ipvalue.ValuationEngine.value` bit for bit.

A royalty shock moves the assumed rates, the rates learnt from licences (by the same ratio in each field) and those
given for a patent. Market methods price by deals, which a rate does not move: they have the market shock. The learnt
bias of methods does not change. Their weights follow from the intervals under the scenario: a reconciled value can rise
in a shock in which each method falls, where one method's interval becomes so wide that another gets the weight (on a
synthetic book of 3,000, royalties down by 30 % raise 1 of 1,681 living patents, by 61 %). ``gaining`` counts them.

The value of the book is the sum of its patents' medians, which is not the median of the sum. A patent without a value
under a scenario (no method applies) counts as 0 and is counted in ``without_value``.

Each quantile of a value set by an expert moves by the ratio of the model's own quantile, and is lost where the model's
value is lost. Where the model has no value without the shock, the override does not move. ``labels`` then has a segment
``overridden``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.assumptions.sets import Assumptions
from ipvalue.engine import ValuationEngine
from ipvalue.errors import IpvalueError, Reason
from ipvalue.evidence.risk_free_rates import CURVE_COLUMNS
from ipvalue.evidence.subject import Subject
from ipvalue.features import Features
from ipvalue.model import Model
from ipvalue.overrides.apply import Judged, ModelValues, judge
from ipvalue.overrides.record import Overrides, given_set
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.origin import expect, labels_by, segment_labels
from ipvalue.risk.scenarios import (
    FigureShock,
    InvalidityShock,
    MarketShock,
    MoneyShock,
    Scenario,
    default_scenarios,
    moved,
)
from ipvalue.types import QUANTILE_NAMES, Floats, Mask
from ipvalue.worksheet import Worksheet, work

__all__ = ["StressReport", "carried", "judged_in", "stress", "stressed_quantiles", "sum_of_known"]

# what economics or a curve gives in place of a figure: table, columns, sign of the move, and bounds
_GIVEN = {
    "royalty_rate": ("features", ("royalty_rate",), 1.0, 0.0, 1.0),
    "attribution": ("features", ("attribution",), 1.0, 0.0, 1.0),
    "operating_margin": ("features", ("operating_margin",), 1.0, -10.0, 1.0),
    "revenue_growth": ("features", ("revenue_growth",), 1.0, -0.99, 5.0),
    "success_probability": ("money", ("success_probability",), 1.0, 0.0, 1.0),
    "risk_free_rate": ("money", CURVE_COLUMNS, 1.0, -0.5, 10.0),
    # a patent with its own growth has no decline: what is added to the decline is subtracted from the growth
    "revenue_decline": ("features", ("revenue_growth",), -1.0, -0.99, 5.0),
}
_BASE = "base"
_MEDIAN = QUANTILE_NAMES.index("q50")


@dataclass(frozen=True, repr=False)
class StressReport:
    """Values of a book under scenarios.

    Attributes
    ----------
    values : pandas.DataFrame
        Median of each patent in ``currency``, indexed by patent_id: ``base``, then one column a scenario; NaN where
        there is no value.
    lower, upper : pandas.DataFrame
        The same for the 5 % and 95 % quantiles.
    labels : pandas.DataFrame
        Field, jurisdiction, grade (without a shock) and owner of each patent; with overrides whether it is overridden.
    scenarios : tuple of Scenario
    currency, as_of : str
    """

    values: pd.DataFrame
    lower: pd.DataFrame
    upper: pd.DataFrame
    labels: pd.DataFrame
    scenarios: tuple[Scenario, ...]
    currency: str
    as_of: str

    @property
    def changes(self) -> pd.DataFrame:
        """Change of each patent's value under each scenario; a value that is lost counts as 0."""
        filled = self.values.fillna(0.0)
        return filled.drop(columns=_BASE).sub(filled[_BASE], axis=0)

    def book(self) -> pd.DataFrame:
        """The book under each scenario.

        Returns
        -------
        pandas.DataFrame
            Indexed by scenario: ``sum_of_medians`` (no median of the sum), ``change``, ``change_share``,
            ``without_value`` (patents that lose their value), ``gaining`` (patents worth more than before),
            ``median_change_share`` (median over the patents worth something before) and ``description``.
        """
        base = self.values[_BASE]
        whole, worth = _total(base), base > 0
        rows = []
        for name, text in [(_BASE, "no shock"), *((s.name, s.description) for s in self.scenarios)]:
            values = self.values[name]
            total = _total(values)
            lost, gaining = int((base.notna() & values.isna()).sum()), int((values > base).sum())
            ratio = (values.fillna(0.0) / base - 1.0)[worth]
            share = total / whole - 1.0 if whole else math.nan
            rows.append((name, total, total - whole, share, lost, gaining, ratio.median(), text))
        names = [
            "sum_of_medians",
            "change",
            "change_share",
            "without_value",
            "gaining",
            "median_change_share",
            "description",
        ]
        return pd.DataFrame(rows, columns=["scenario", *names]).set_index("scenario")

    def segments(self, by: str | pd.Series) -> pd.DataFrame:
        """Sums of medians by segment.

        Parameters
        ----------
        by : {'field', 'jurisdiction', 'grade', 'owner'} or Series
            A segment, or labels of the caller's own by patent_id.

        Returns
        -------
        pandas.DataFrame
            One row a segment and scenario: ``patents``, ``base`` (its sum without a shock), ``sum_of_medians``,
            ``change`` and ``change_share``.
        """
        label = labels_by(self.labels, by)
        rows = []
        for segment, group in self.values.groupby(label, sort=True):
            whole = _total(group[_BASE])
            for scenario in self.scenarios:
                total = _total(group[scenario.name])
                share = total / whole - 1.0 if whole else math.nan
                rows.append((segment, scenario.name, len(group), whole, total, total - whole, share))
        names = [str(label.name), "scenario", "patents", _BASE, "sum_of_medians", "change", "change_share"]
        return pd.DataFrame(rows, columns=names).set_index(names[:2])

    def __repr__(self) -> str:
        table = self.book()
        lines = [
            f"Stress of {len(self.values):,} patents as of {self.as_of} in {self.currency}: sums of medians",
            *(f"  {name:<26}{r.sum_of_medians:>20,.0f}{r.change_share:>+9.1%}" for name, r in table.iterrows()),
        ]
        return "\n".join(lines)


def stress(
    state: Snapshot,
    engine: ValuationEngine,
    scenarios: Sequence[Scenario] | None = None,
    *,
    overrides: Overrides | None = None,
) -> StressReport:
    """Value a snapshot under scenarios.

    Parameters
    ----------
    state : Snapshot
    engine : ValuationEngine
        Fitted.
    scenarios : sequence of Scenario, optional
        By default :func:`ipvalue.risk.scenarios.default_scenarios`.
    overrides : Overrides, optional
        Experts' values, such as ``valuation.overrides``: they move as the model's own values do.

    Returns
    -------
    StressReport

    Raises
    ------
    IpvalueError
        If two scenarios have one name, or one is named ``base``.
    AssumptionError
        If a shock takes a figure out of its bounds.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(300, seed=7)
    >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> report = ipv.stress(book.as_of("2024-12-31"), engine)
    >>> bool(report.book().loc["royalty_down_30pct", "change_share"] < -0.25)
    True
    """
    expect("state", state, Snapshot)
    chosen = default_scenarios() if scenarios is None else _several(scenarios)
    names = [_BASE, *(scenario.name for scenario in chosen)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise IpvalueError(f"two scenarios are named {repeated[0]!r}; {_BASE!r} is the book without a shock")
    model = engine.model
    base = work(model, state)
    quantiles = [base.quantiles.values]
    quantiles += [stressed_quantiles(base.subject, model, scenario) for scenario in chosen]
    labels = segment_labels(state, np.asarray(base.result["grade"], object))
    if overrides is not None and len(given_set(overrides)):
        judged = judged_in(overrides, base)
        quantiles = [carried(judged, quantiles[0], moved) for moved in quantiles]
        labels = _relabelled(labels, judged)
    index = pd.Index(base.subject.patent_id, name="patent_id")
    lower, values, upper = (
        pd.DataFrame({name: q[:, level] for name, q in zip(names, quantiles)}, index=index)
        for level in (0, _MEDIAN, -1)
    )
    return StressReport(values, lower, upper, labels, chosen, engine.assumptions.currency, str(state.date))


def _several(scenarios: Sequence[Scenario]) -> tuple[Scenario, ...]:
    if isinstance(scenarios, Scenario) or not all(isinstance(one, Scenario) for one in scenarios):
        raise IpvalueError(f"scenarios={scenarios!r}: it takes several Scenarios; write [scenario]")
    return tuple(scenarios)


def judged_in(overrides: Overrides, sheet: Worksheet) -> Judged:
    """Status and values of each override without a shock."""
    subject, figures = sheet.subject, sheet.model.assumptions
    values = ModelValues(
        pa.array(subject.patent_id, pa.string()),
        sheet.value,
        sheet.quantiles.values,
        np.asarray(sheet.result["grade"], np.str_),
        np.isin(sheet.reason, (Reason.DEAD_RIGHT, Reason.TERM_OVER)),
        figures.currency,
        dt.date.fromisoformat(str(subject.dates["as_of"][0])) if len(subject) else dt.date.max,
        figures.grade_bounds(),
    )
    return judge(overrides, values)


def carried(judged: Judged, base: Floats, moved: Floats) -> Floats:
    """Quantiles under a scenario: those of overridden patents move by the model's own ratio, and stay in order."""
    row = np.maximum(judged.row, 0)
    ratio = np.divide(moved[row], base[row], out=np.ones_like(base[row]), where=base[row] > 0)
    ours = judged.quantiles * ratio
    # the ratio of an outer quantile can pull it across the median: the median bounds both sides
    ours[:, :_MEDIAN] = np.minimum.accumulate(ours[:, _MEDIAN::-1], axis=1)[:, :0:-1]
    return judged.within(moved, np.maximum.accumulate(ours, axis=1))


def _relabelled(labels: pd.DataFrame, judged: Judged) -> pd.DataFrame:
    """Labels with the grades of the overrides, and whether a patent is overridden."""
    rows = judged.row[judged.applied]
    grade, over = labels["grade"].to_numpy(object, copy=True), np.full(len(labels), "no", object)
    grade[rows] = np.where(judged.grade == "", "none", judged.grade)[judged.applied]
    over[rows] = "yes"
    return labels.assign(grade=grade, overridden=over)


def stressed_quantiles(subject: Subject, model: Model, scenario: Scenario) -> Floats:
    """Quantiles of each patent's value under a scenario.

    Subject and model are those without the shock; the result has shape (n, 5), NaN where there is no value.

    Notes
    -----
    An invalidity shock of share s and a haircut h multiply every quantile by (1 - s) (granted rights only) and
    (1 - h); a widening w takes each quantile q about the median m to m (q / m)^w.
    """
    figures = model.assumptions
    for shock in scenario.shocks:
        if isinstance(shock, FigureShock):
            subject = _given(subject, shock, figures)
            figures = shock.apply(figures)
        elif isinstance(shock, MoneyShock):
            subject = _money(subject, shock)
    closed = any(isinstance(shock, MarketShock) and shock.unavailable for shock in scenario.shocks)
    sheet = work(model.with_assumptions(figures), subject, unavailable=("market",) if closed else ())
    quantiles = sheet.quantiles.values
    for shock in scenario.shocks:
        if isinstance(shock, InvalidityShock):
            granted = (subject.features["pending"] == 0) & shock.hits(subject.field, subject.jurisdiction)
            quantiles = quantiles * np.where(granted, 1.0 - shock.share, 1.0)[:, None]
        elif isinstance(shock, MarketShock):
            hit = shock.hits(subject.field, subject.jurisdiction)
            quantiles = np.where(hit[:, None], _frozen(quantiles, shock), quantiles)
    return quantiles


def _given(subject: Subject, shock: FigureShock, before: Assumptions) -> Subject:
    """Move what is given for a patent in place of the figure; a growth only by what is added to the decline."""
    place = _GIVEN.get(shock.figure)
    if place is None or not shock.given or (shock.figure == "revenue_decline" and shock.by != "add"):
        return subject
    table, names, sign, low, high = place
    columns = dict(subject.features.columns if table == "features" else subject.money)
    amount = sign * shock.amount if shock.by == "add" else shock.amount
    hit = _keyed(subject, shock, before)
    for name in names:
        columns[name] = np.where(hit, np.clip(moved(columns[name], shock.by, amount), low, high), columns[name])
    if table == "features":
        return replace(subject, features=Features(columns))
    return replace(subject, money=columns)


def _keyed(subject: Subject, shock: FigureShock, before: Assumptions) -> Mask:
    """Patents of the fields that the shock names; ``default`` means the fields without an entry."""
    if not shock.keys:
        return np.ones(len(subject), bool)
    table = getattr(before, shock.figure)
    own = [str(k) in shock.keys or (str(k) not in table and "default" in shock.keys) for k in range(36)]
    return np.asarray(np.array(own)[subject.field], bool)


def _money(subject: Subject, shock: MoneyShock) -> Subject:
    values = subject.money[shock.column]
    hit = shock.hits(subject.field, subject.jurisdiction)
    changed = np.where(hit, np.maximum(moved(values, shock.by, shock.amount), 0.0), values)
    if shock.column == "success_probability":
        changed = np.minimum(changed, 1.0)
    return replace(subject, money={**subject.money, shock.column: changed})


def _frozen(quantiles: Floats, shock: MarketShock) -> Floats:
    if shock.widening != 1.0:
        median = quantiles[:, [_MEDIAN]]
        worth = median > 0.0
        ratio = np.divide(quantiles, median, out=np.ones_like(quantiles), where=worth)
        quantiles = np.where(worth, median * ratio**shock.widening, quantiles)
    return quantiles * (1.0 - shock.haircut)


def sum_of_known(values: Floats) -> float:
    """Exactly rounded sum of the known values, the same in any order."""
    return math.fsum(values[np.isfinite(values)])


def _total(values: pd.Series) -> float:
    return sum_of_known(values.to_numpy(np.float64))
