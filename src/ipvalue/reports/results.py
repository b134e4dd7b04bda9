"""Sections on results: values, performance, benchmarks, sensitivity, stability, overrides, monitoring."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ipvalue import plots
from ipvalue.evaluation.backtest import Backtest
from ipvalue.evaluation.scores import score
from ipvalue.evidence.prices import gather
from ipvalue.overrides.review import WARNINGS, review
from ipvalue.reports.blocks import Block, Formula, Section, Table, Text, picture
from ipvalue.reports.case import Case
from ipvalue.reports.sensitivity import moving, tornado_table, unobservable_inputs
from ipvalue.risk.monitoring import stability_index

__all__ = [
    "benchmarks",
    "in_time_table",
    "monitoring",
    "overrides",
    "performance",
    "sensitivity",
    "stability",
    "values",
    "year_before",
]

_DRAWS = 200
_NO_BACKTEST = "No backtest was given: call dossier(engine, book, backtest=ipv.backtest(engine, book, dates))."
_NO_LIVING = "Sensitivities are measured on living patents of a book; there are none."
_NO_VALUES = "No book and no valuation were given, so there are no values to show."


def values(case: Case) -> Section:
    """Values of the book as of the date."""
    if case.values is None:
        return Section("values", "Values", (Text(_NO_VALUES),))
    valuation, reasons = case.values, case.frame["reason"].astype(str)
    counts = reasons[reasons != ""].value_counts().rename_axis("reason").rename("patents").to_frame()
    blocks: tuple[Block, ...] = (
        Text(
            "A value is the median of the price of the right in an orderly sale between market participants on the "
            "date; the quantiles beside it say how uncertain that price is."
        ),
        Formula(repr(valuation)),
        Table("By legal state and grade", valuation.summary().reset_index()),
        Table("Why a value is missing, 0 or an expert's", counts, "every patent has a value above 0"),
        *_pictures(case),
        Table("The ten highest values", _highest(case)),
    )
    return Section("values", "Values", blocks)


def _pictures(case: Case) -> tuple[Block, ...]:
    valuation = case.values
    if valuation is None or not case.living:
        return ()
    return (
        *picture("Values of living rights", lambda ax: plots.value_distribution(valuation, ax)),
        *picture("The highest values with their intervals", lambda ax: plots.intervals(valuation, ax)),
    )


def _highest(case: Case) -> pd.DataFrame:
    columns = ["value", "q05", "q95", "state", "remaining_years", "grade"]
    return case.frame.sort_values("value", ascending=False, kind="stable")[columns].head(10)


def performance(case: Case) -> Section:
    """Values compared with prices: in time, and out of time."""
    inside = in_time_table(case)
    blocks: list[Block] = [
        Text("In time: the prices that the engine learnt from, valued by it as of before each deal."),
        Table("In time", inside, "needs the book that the engine was fitted on, with deals"),
    ]
    if case.backtest is None:
        return Section("performance", "Performance in and out of time", (*blocks, Text(_NO_BACKTEST)))
    test = case.backtest
    calibration = test.calibration()
    blocks += [
        Text(
            f"Out of time: {_fitting(test)}, compared with {test.provenance['target']} of the following "
            f"{test.provenance['horizon_years']:g} year(s); book {test.provenance['book']}."
        ),
        Table("Folds", test.folds.drop(columns="engine_hash", errors="ignore")),
        Table(
            "Out of time, with 95 % intervals of a bootstrap over owners",
            _summary(test).transpose().rename_axis("score"),
        ),
        Table("Coverage of the intervals", test.coverage(draws=_DRAWS)),
        *picture("Calibration out of time", lambda ax: plots.calibration(calibration, ax)),
        Table("Calibration by size of the value", calibration),
        Table("Calibration by office", test.calibration("jurisdiction")),
        Table("Quantiles: share of targets below each", test.pinball()),
    ]
    return Section("performance", "Performance in and out of time", tuple(blocks))


def _fitting(test: Backtest) -> str:
    return "refitted at each date with only what was known then" if test.provenance["refit"] else "fitted once, before"


def _summary(test: Backtest) -> pd.DataFrame:
    return test.summary(draws=_DRAWS)


def benchmarks(case: Case) -> Section:
    """Comparison of the engine with each of its methods as an alternative model."""
    blocks: list[Block] = [Table("Methods against the reconciled value", _ratios(case), "no values at hand")]
    if case.values is not None and case.living:
        valuation = case.values
        blocks += picture("How the methods differ", lambda ax: plots.method_disagreement(valuation, ax))
    if case.backtest is None:
        return Section("benchmarks", "Benchmarks", (*blocks, Text(_NO_BACKTEST)))
    summary = _summary(case.backtest)
    common = case.backtest.summary(common=True, draws=0)
    blocks += [
        *picture("Methods compared out of time", lambda ax: plots.method_comparison(summary, ax)),
        Table("On patents that every method values", common),
        Table("Diebold-Mariano tests of equal squared log error", case.backtest.tests()),
    ]
    return Section("benchmarks", "Benchmarks", tuple(blocks))


def _ratios(case: Case) -> pd.DataFrame:
    """Each method's value over the reconciled value on grant: quantiles over the patents it values."""
    frame = case.model_frame
    if not len(frame):
        return pd.DataFrame()
    alive = frame[frame["value"] > 0]
    on_grant = alive["value"] / alive["grant_probability"]
    rows = []
    for name in case.engine.names:
        ratio = (alive[f"value_{name}"] / on_grant).dropna().to_numpy(np.float64)
        ends = np.quantile(ratio, [0.05, 0.25, 0.5, 0.75, 0.95]) if len(ratio) else np.full(5, np.nan)
        rows.append((name, len(ratio), *ends))
    return pd.DataFrame(rows, columns=["method", "patents", "5 %", "25 %", "median ratio", "75 %", "95 %"])


def sensitivity(case: Case) -> Section:
    """Effect of each assumption on values, and the level-3 inputs with their ranges."""
    title = "Sensitivity and level-3 inputs"
    if case.sample_sheet is None:
        return Section("sensitivity", title, (Text(_NO_LIVING),))
    table = tornado_table(case.sample_sheet)
    inputs = unobservable_inputs(case.sample_sheet)
    blocks: tuple[Block, ...] = (
        Text(
            f"Measured on {len(case.sample_sheet):,} living patents spread over the book by value, each valued again "
            "under every move. What was learnt or given in a figure's place moves along; prices learnt from do not."
        ),
        *picture("Tornado", lambda ax: plots.tornado(moving(table), ax)),
        Table("Change of the sum of values, as a share, by assumption lowered and raised", table),
        Table("Unobservable inputs (IFRS 13, level 3): range and weighted average", inputs, "no method shows one"),
        Text(
            "A higher figure raises values where its change raised is above 0 in the table above, and lowers them "
            "where it is below (IFRS 13.93(h))."
        ),
    )
    return Section("sensitivity", title, blocks)


def stability(case: Case) -> Section:
    """Stability over dates out of time, and from one year's values to the next."""
    blocks: list[Block] = [
        Table("This engine a year earlier, and on the date", year_before(case), "needs a book with living patents")
    ]
    if case.backtest is None:
        return Section("stability", "Stability", (*blocks, Text(_NO_BACKTEST)))
    blocks += [
        Table("Out of time by date", case.backtest.by("date")),
        Table("Out of time by grade", case.backtest.by("grade")),
    ]
    return Section("stability", "Stability", tuple(blocks))


def monitoring(case: Case) -> Section:
    """Indicators to monitor between validations, with their present level."""
    rows: list[tuple[str, object, str, str]] = []
    if case.backtest is not None:
        found = case.backtest.summary(draws=0).loc["reconciled"]
        rows += [
            ("bias out of time (log units)", found["bias"], "0", "ipv.backtest(...).summary()"),
            ("rank correlation out of time", found["spearman"], "not falling", "ipv.backtest(...).summary()"),
            ("coverage of the 90 % interval", found["coverage_90"], "0.9", "ipv.backtest(...).coverage()"),
        ]
    if len(case.model_frame):
        missing, known = case.model_frame["value"].isna().mean(), case.model_frame["disagreement"].median()
        rows += [
            ("share of patents without a value", missing, "not rising", "Valuation.table.reason"),
            ("median disagreement of the methods (log units)", known, "not rising", "Valuation.table.disagreement"),
        ]
    rows += [
        ("age of the fit (years)", _age(case), "up to 1", "ValuationEngine.fit"),
        ("drift of features and scores", "at each revaluation", "below 0.1; above 0.25 has shifted", "ipv.monitor"),
        ("change of the book by cause", "at each revaluation", "explained", "ipv.attribute"),
    ]
    frame = pd.DataFrame(rows, columns=["indicator", "today", "aim", "where from"])
    return Section("monitoring", "Ongoing monitoring", (Table("Indicators", frame),))


def _age(case: Case) -> float:
    fitted = np.datetime64(case.engine.fitted.as_of, "D")
    return float((case.as_of - fitted).astype(np.int64)) / 365.25


_YEAR = np.timedelta64(365, "D")


def in_time_table(case: Case) -> pd.DataFrame:
    """Score the engine and its methods on the deals that it learnt from; no rows where that can't be done.

    Parameters
    ----------
    case : Case

    Returns
    -------
    pandas.DataFrame
        One row a way to value, with the columns of :func:`ipvalue.evaluation.scores.score`.
    """
    engine, book = case.engine, case.book
    learnt = engine.fitted
    if book is None or book.fingerprint != learnt.book or learnt.deals == 0:
        return pd.DataFrame()
    day = np.datetime64(learnt.as_of, "D")
    deals = gather(book, book.as_of(day, known=learnt.known), engine.assumptions, learnt.grant_rates).deals
    sheet = engine.work(deals.subject)
    estimates, combined = sheet.estimates, sheet.combined
    quoted = {"reconciled": (combined.value, combined.quantiles)}
    quoted |= {name: (e.value, e.quantiles) for name, e in zip(engine.names, estimates)}
    patent = deals.subject.patent_id.astype(str)
    rows = [
        score({"value": v, "low": q[:, 0], "high": q[:, -1]}, deals.price, patent, draws=0, seed=0)
        for v, q in quoted.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(list(quoted), name="value_by"))


def year_before(case: Case) -> pd.DataFrame:
    """Compare the values of patents that live on both dates with their values by the same engine a year earlier.

    Parameters
    ----------
    case : Case

    Returns
    -------
    pandas.DataFrame
        One row a measure; no rows without such patents.
    """
    if case.book is None or not len(case.frame):
        return pd.DataFrame()
    known = case.engine.fitted.known
    earlier = case.engine.value(case.book.as_of(case.as_of - _YEAR, known=known)).to_pandas()
    both = pd.DataFrame({"value": case.model_frame["value"], "value_before": earlier["value"]})
    both = both[(both["value"] > 0) & (both["value_before"] > 0)]
    if not len(both):
        return pd.DataFrame()
    before, after = (both[name].to_numpy(np.float64) for name in ("value_before", "value"))
    change = np.log(after / before)
    rows = [
        ("patents that live on both dates", len(both)),
        ("rank correlation of their values", pd.Series(before).corr(pd.Series(after), method="spearman")),
        ("median change", float(np.exp(np.median(change)) - 1.0)),
        ("standard deviation of the log change", float(change.std())),
        ("share that changed by more than half", float((np.abs(np.exp(change) - 1.0) > 0.5).mean())),
        ("population stability index of log values", stability_index(np.log(before), np.log(after))),
    ]
    return pd.DataFrame(rows, columns=["measure", "value"])


_NONE = "no value was overridden"
_MATERIAL, _SOON, _LONGEST = 0.5, 90, 366


def overrides(case: Case) -> Section:
    """Experts' overrides, with what they replaced."""
    blocks: list[Block] = []
    if len(case.overrides) or not case.overridden:
        text = f"{len(case.overrides):,} override(s) of the model's values were handed in as rows."
        blocks += [Text(text), Table("Overrides", case.overrides, _NONE)]
    if case.overridden:
        blocks += _applied(case)
    return Section("overrides", "Overrides log", tuple(blocks))


def _applied(case: Case) -> list[Block]:
    """The set of overrides that is applied to the values."""
    chosen = case.overridden
    assert chosen is not None
    head = Text(
        f"Set {chosen.name!r}, version {chosen.version}, SHA-256 {chosen.hash}: {len(chosen):,} override(s). "
        "The values of this dossier are those with overrides; performance, learning, sensitivities and stability are "
        "the model's own."
    )
    if case.values is None:
        return [head, Table("Overrides", chosen.to_table(), _NONE), Text("No values are at hand to apply them to.")]
    log = case.values.override_log()
    found = review(case.values, material=_MATERIAL, expiring_days=_SOON, longest_days=_LONGEST)
    meanings = pd.DataFrame(WARNINGS.items(), columns=["warning", "meaning"])
    limits = (
        f"A ratio of {1 + _MATERIAL:g} or its inverse is material; a warning is given {_SOON} days before expiry, and "
        f"for a life of more than {_LONGEST} days. These limits are our own choice."
    )
    return [
        head,
        Table("Overrides", log.drop(columns="meaning"), _NONE),
        Table("How much of the book is overridden", found.summary),
        Table("Sizes: the model's value, the override's, and their ratio", found.sizes, "none is in force"),
        Table("By author: bias is the mean log ratio to the model", found.by_author, "none is in force"),
        Text(limits),
        Table("Overrides that need a second look", found.warnings, "none does"),
        Table("What the warnings mean", meanings),
        Table(f"Expiring within {_SOON} days", found.expiring, "none"),
        Table("Not applied on the date", found.not_applied, "all are applied"),
    ]
