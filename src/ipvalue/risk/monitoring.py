"""What happened to patents between two dates, when each is valued again, and whether scores drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ipvalue.errors import BookError, Reason
from ipvalue.features import extract
from ipvalue.law.states import ALIVE, State
from ipvalue.records.book import parse_date
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.eligibility import Facts, facts_of
from ipvalue.risk.origin import expect, model_value, origin_of
from ipvalue.risk.policy import default_figure, default_figures
from ipvalue.types import Floats, Mask
from ipvalue.valuation import Valuation

__all__ = ["Monitoring", "monitor", "stability_index"]

_EMPTY = 0.5


def stability_index(before: npt.ArrayLike, after: npt.ArrayLike, bins: int = 10) -> float:
    """Population stability index of two samples.

    Parameters
    ----------
    before, after : array_like
        Samples; missing values are a bin of their own.
    bins : int
        Bins by quantiles of the earlier sample; equal quantiles are one bin.

    Returns
    -------
    float
        0 where both have the same shares; NaN where a sample is empty. By the usual rule of thumb, below 0.1 is
        stable and above 0.25 has shifted.

    Notes
    -----
    ``sum over bins of (p_after - p_before) log(p_after / p_before)``. A bin that is empty in one sample counts half an
    observation there, so that the index stays finite.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards (index and rule of thumb); Kullback and Leibler (1951), Annals of
    Mathematical Statistics 22 (the divergence).

    Examples
    --------
    >>> stability_index([1, 2, 3, 4], [1, 2, 3, 4], bins=2)
    0.0
    >>> round(stability_index([1, 1, 2, 2], [1, 2, 2, 2], bins=2), 4)  # 0.25 log 1.5 + 0.25 log 2
    0.2747
    """
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if not len(first) or not len(second):
        return np.nan
    known = np.sort(first[~np.isnan(first)])
    # edges are values of the sample itself (method 'lower'), so that a flag's two values fall into two bins
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner, method="lower")) if len(known) else np.zeros(0)

    def shares(sample: Floats) -> Floats:
        place = np.where(np.isnan(sample), len(edges) + 1, np.searchsorted(edges, sample, side="left"))
        return np.bincount(place, minlength=len(edges) + 2).astype(np.float64)

    old, new = shares(first), shares(second)
    used = (old > 0) | (new > 0)
    p = np.maximum(old[used], _EMPTY) / len(first)
    q = np.maximum(new[used], _EMPTY) / len(second)
    return float(((q - p) * np.log(q / p)).sum())


_TABLE = "monitoring.csv"
_ALIVE = [state.label for state in State if ALIVE[state]]
_GRADES = ("A", "B", "C", "D", "E")
_LONGEST = 1200  # months
_SHIFTED = 0.25  # by the usual rule of thumb: see ipvalue.risk.monitoring
_SCORES = ("value", "log_sd", "remaining_years", "grant_probability", "disagreement")


@dataclass(frozen=True, eq=False, repr=False)
class Monitoring:
    """Triggers, revaluation dates and drift between two valuations.

    Attributes
    ----------
    triggers : DataFrame
        One row a patent and trigger: patent_id, trigger (lapsed, gone, challenged, pledged, seized, fee_overdue,
        value_down, no_value, model_value_down, override_ended), value_before, value_after, state_before, state_after,
        overridden_before, overridden_after (whether the value is an expert's).
    calendar : DataFrame
        One row a living patent: grade, next_valuation (the after date where a trigger asks for it at once; not after an
        override expires), overridden.
    drift : DataFrame
        Population stability index of each score, and of each feature where both snapshots are at hand. Scores are the
        model's own, overridden or not.
    overridden : tuple of int
        Number of patents with a value set by an expert, before and after.

    Notes
    -----
    Values are those in force, experts' included. ``model_value_down``: the model's own value of a patent that is
    overridden on either date fell. ``override_ended``: an expert's value was in force before and none is now.
    """

    triggers: pd.DataFrame
    calendar: pd.DataFrame
    drift: pd.DataFrame
    overridden: tuple[int, int] = (0, 0)

    def __repr__(self) -> str:
        counts = self.triggers["trigger"].value_counts().sort_index()
        lines = [f"Monitoring of {len(self.calendar):,} living patents: {len(self.triggers):,} triggers"]
        lines += [f"  {name}: {count:,}" for name, count in counts.items()]
        if any(self.overridden):
            lines.append(f"  values set by experts: {self.overridden[0]:,} before, {self.overridden[1]:,} after")
        shifted = int((self.drift["stability_index"] > _SHIFTED).sum())
        lines.append(f"  columns that shifted (stability index above {_SHIFTED}): {shifted:,} of {len(self.drift):,}")
        return "\n".join(lines)


def monitor(
    before: Valuation,
    after: Valuation,
    *,
    snapshots: tuple[Snapshot | None, Snapshot | None] = (None, None),
    value_fall: float | None = None,
    revaluation_months: Mapping[str, float] | None = None,
) -> Monitoring:
    """Compare two valuations of a book.

    Parameters
    ----------
    before, after : Valuation
        In one currency.
    snapshots : pair of Snapshot, optional
        What they were made from; needed where values were read from a file: without both, challenges, pledges and
        seizures are not seen, and only scores are tested for drift.
    value_fall : float, optional
        Share of the median by which a value must fall to be a trigger.
    revaluation_months : mapping of str to float, optional
        Months until the next valuation, by grade; a value without a grade, or of a grade that is not named, is due at
        once.

    Returns
    -------
    Monitoring

    Raises
    ------
    BookError
        If the dates are out of order, the currencies differ, or a figure is out of its range.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(300, seed=7)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2022-12-31")
    >>> found = monitor(*(engine.value(book.as_of(day)) for day in ("2023-12-31", "2024-12-31")))
    >>> "lapsed" in set(found.triggers["trigger"])
    True
    """
    for name, valuation in (("before", before), ("after", after)):
        expect(name, valuation, Valuation)
    first, second = (parse_date(v.provenance["as_of"]) for v in (before, after))
    if second < first:
        raise BookError(f"the later values are of {second}, the earlier ones of {first}")
    if before.provenance["currency"] != after.provenance["currency"]:
        raise BookError("both valuations must be in one currency")
    fall = default_figure(_TABLE, "value_fall").value if value_fall is None else value_fall
    if not 0.0 < fall <= 1.0:
        raise BookError(f"value_fall={fall}: it must be a share of the median above 0 and up to 1")
    _check_months(revaluation_months or {})
    states = [origin_of(v, s, None).snapshot for v, s in zip((before, after), snapshots)]
    frames = [_frame(valuation) for valuation in (before, after)]
    triggers = _triggers(frames[0], frames[1], states, fall)
    calendar = _calendar(frames[1], triggers, second, revaluation_months)
    drift = _drift(before.without_overrides(), after.without_overrides(), states)
    one, two = (int(frame["overridden"].sum()) for frame in frames)
    return Monitoring(triggers, calendar, drift, (one, two))


def _check_months(months: Mapping[str, float]) -> None:
    for grade, wait in months.items():
        if grade not in _GRADES or not 0.0 <= wait <= _LONGEST:
            raise BookError(
                f"revaluation_months[{grade!r}]={wait}: grades are {', '.join(_GRADES)}, and months 0 to {_LONGEST}"
            )


def _frame(valuation: Valuation) -> pd.DataFrame:
    """The values by patent, with the model's value and whether an expert's is in force."""
    frame = valuation.to_pandas()
    frame["overridden"] = (frame["reason"] == Reason.OVERRIDDEN.label).to_numpy(bool)
    frame["model_value"] = model_value(valuation)
    return frame


def _triggers(before: pd.DataFrame, after: pd.DataFrame, states: list[Snapshot | None], fall: float) -> pd.DataFrame:
    now = after.reindex(before.index)
    gone = ~np.asarray(before.index.isin(after.index))
    was, value = before["value"].to_numpy(np.float64), now["value"].to_numpy(np.float64)
    lived, lives = before["state"].isin(_ALIVE).to_numpy(), now["state"].isin(_ALIVE).to_numpy()
    set_before, set_now = before["overridden"].to_numpy(bool), now["overridden"].eq(True).to_numpy(bool)
    model_was, model_is = (side["model_value"].to_numpy(np.float64) for side in (before, now))
    grace = (now["state"] == "grace").to_numpy() & (before["state"] != "grace").to_numpy()
    found = {
        "lapsed": lived & ~lives & ~gone,
        "gone": gone,
        "fee_overdue": grace,
        "value_down": lives & (was > 0) & (value < (1.0 - fall) * was),
        "no_value": ~gone & ~np.isnan(was) & np.isnan(value),
        "model_value_down": (set_before | set_now) & lives & (model_was > 0) & (model_is < (1.0 - fall) * model_was),
        "override_ended": set_before & ~set_now & ~gone,
    }
    if states[0] is not None and states[1] is not None:
        ids = before.index.to_numpy(object)
        old, new = (facts_of(state, ids) for state in states)
        found |= _register(old, new)
    parts = []
    for name, here in found.items():
        rows = np.flatnonzero(here)
        table = {"patent_id": before.index.to_numpy(object)[rows], "trigger": name}
        table |= {"value_before": was[rows], "value_after": value[rows]}
        table |= {"state_before": before["state"].to_numpy()[rows], "state_after": now["state"].to_numpy()[rows]}
        table |= {"overridden_before": set_before[rows], "overridden_after": set_now[rows]}
        parts.append(pd.DataFrame(table))
    return pd.concat(parts).sort_values(["patent_id", "trigger"], kind="stable").reset_index(drop=True)


def _register(old: Facts, new: Facts) -> dict[str, Mask]:
    """What the register shows now and did not show before."""
    both = old.known & new.known
    return {
        "challenged": both & new.challenged & ~old.challenged,
        "pledged": both & (new.pledges > old.pledges),
        "seized": both & new.seized & ~old.seized,
    }


def _calendar(
    frame: pd.DataFrame, triggers: pd.DataFrame, day: np.datetime64, months: Mapping[str, float] | None
) -> pd.DataFrame:
    frame = frame[frame["state"].isin(_ALIVE)]
    given = months or {key: figure.value for key, figure in default_figures(_TABLE, "revaluation_months").items()}
    wait = frame["grade"].map(given).fillna(0.0).to_numpy(np.float64)
    wait = np.where(frame.index.isin(triggers["patent_id"]), 0.0, wait)
    days = np.rint(wait * 365.25 / 12.0).astype("timedelta64[D]")
    due = day + days
    if "override_expires_on" in frame:
        due = np.fmin(due, frame["override_expires_on"].to_numpy("M8[D]"))
    table = {"grade": frame["grade"].to_numpy(), "next_valuation": due.astype("M8[s]")}
    table["overridden"] = frame["overridden"].to_numpy(bool)
    return pd.DataFrame(table, index=frame.index)


def _drift(before: Valuation, after: Valuation, states: list[Snapshot | None]) -> pd.DataFrame:
    columns = {f"score: {name}": (before.to_pandas()[name], after.to_pandas()[name]) for name in _SCORES}
    if states[0] is not None and states[1] is not None:
        old, new = extract(states[0]), extract(states[1])
        columns |= {name: (old[name], new[name]) for name in old.columns}
    index = {name: stability_index(old, new) for name, (old, new) in columns.items()}
    return pd.DataFrame({"stability_index": pd.Series(index, dtype=np.float64)}).rename_axis("column")
