"""Performance on what was learnt from, and the values of a year before: what a book tells without a backtest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ipvalue.evaluation.scores import score
from ipvalue.evidence.prices import gather
from ipvalue.reports.case import Case
from ipvalue.risk.drift import stability_index

__all__ = ["in_time_table", "year_before"]

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
    """Compare the values of patents that live on both dates with what the same engine says of them a year earlier.

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
