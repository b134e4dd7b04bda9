"""The result: one value a patent with its interval, its reasons and its provenance."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import ndtri

from ipvalue.errors import BookError, Reason, explain_reason, reason_labels
from ipvalue.finance.distributions import LEVELS
from ipvalue.law.states import state_names
from ipvalue.methods.base import Estimate
from ipvalue.reconcile import Reconciled
from ipvalue.records.csv_out import write_csv
from ipvalue.types import Columns, Floats, Ints16, Mask, Objects, Texts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ipvalue.explain import Explainer
    from ipvalue.overrides.record import Overrides

__all__ = ["QUANTILE_NAMES", "Valuation", "grade_of", "interval_sd"]


QUANTILE_NAMES = tuple(f"q{round(100 * level):02d}" for level in LEVELS)
_GRADES = np.array(["A", "B", "C", "D", "E"])
_GRADE_BOUNDS = np.array([0.35, 0.6, 0.9, 1.3])
_PROVENANCE_KEY = b"ipvalue"
_ENDLESS = 1e300
_WIDTH = float(ndtri(LEVELS[-1]) - ndtri(LEVELS[0]))


def grade_of(log_sd: Floats, methods: npt.NDArray[np.integer], disagreement: Floats, pending: Mask) -> Texts:
    """Grade the confidence in each value, A (best) to E.

    Parameters
    ----------
    log_sd : ndarray, shape (n,)
        Standard deviation of the log value that the interval stands for, as :func:`interval_sd` reads it.
    methods : ndarray of int, shape (n,)
        Number of methods with weight in the value.
    disagreement : ndarray, shape (n,)
        Weighted standard deviation of the methods' log values.
    pending : ndarray of bool, shape (n,)
        Applications.

    Returns
    -------
    ndarray of str, shape (n,)
        Empty where there is no value.

    Notes
    -----
    A up to a log standard deviation of 0.35 (the 90 % interval spans a factor of 3.2), B to 0.6 (7.2), C to
    0.9 (19), D to 1.3 (72), E above. One grade less where only one method applies, one less where the
    methods disagree by more than the interval's own standard deviation, and never above C for an application.

    Examples
    --------
    >>> grade_of(np.array([0.3, 0.3]), np.array([2, 1]), np.zeros(2), np.zeros(2, bool)).tolist()
    ['A', 'B']
    """
    known = np.isfinite(log_sd)
    level = np.searchsorted(_GRADE_BOUNDS, np.where(known, log_sd, 0.0), side="left")
    level = level + (methods == 1) + (np.nan_to_num(disagreement) > np.where(known, log_sd, np.inf))
    level = np.where(pending, np.maximum(level, 2), level)
    return np.where(known, _GRADES[np.minimum(level, 4)], "")


def interval_sd(quantiles: Floats) -> Floats:
    """Standard deviation of a lognormal whose 90 % interval is as wide; NaN where there is no value above 0.

    Parameters
    ----------
    quantiles : ndarray, shape (n, 5)
        Of the value.

    Notes
    -----
    log(q95 / q05) over the same of a standard normal. Intervals are learnt from the errors on deals, which have fatter
    tails than a normal and few observations in a small book: the deviation that they are built on says less.

    Examples
    --------
    >>> interval_sd(np.array([[1.0, 2.0, 3.0, 5.0, 26.835]])).round(4).tolist()
    [1.0]
    """
    low, high = quantiles[:, 0], quantiles[:, -1]
    ratio = np.divide(high, low, out=np.where(high > 0, _ENDLESS, np.nan), where=low > 0)
    return np.asarray(np.log(ratio) / _WIDTH, np.float64)


@dataclass(frozen=True, eq=False, repr=False)
class Valuation:
    """Values of all patents of a snapshot.

    Make one with :meth:`ipvalue.ValuationEngine.value`, or read one with :meth:`from_parquet`.

    Attributes
    ----------
    table : pyarrow.Table
        One row a patent, in the order of patent_id: ``value`` (median) and ``q05`` to ``q95`` in
        ``currency``, ``state``, ``remaining_years``, ``grade``, ``reason``, ``grant_probability``,
        ``disagreement``, ``log_sd``, and for each method ``value_<method>``, ``q05_<method>``,
        ``q95_<method>``, ``weight_<method>`` and ``reason_<method>``. A dead right is worth 0 with the reason
        ``dead_right``; where there is no value, it is null and ``reason`` says why. Overrides add
        :data:`ipvalue.overrides.apply.COLUMNS`.
    provenance : dict
        Versions, dates, and hashes of book, engine and assumptions, and of overrides the set itself.
    sources : Explainer or None
        Engine, snapshot and statistics of the whole book that made the values; None where they were read from a file.
    """

    table: pa.Table
    provenance: dict[str, Any]
    sources: Explainer | None = field(default=None)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def to_arrow(self) -> pa.Table:
        """The values as an Arrow table, with the provenance in its metadata."""
        text = json.dumps(self.provenance, sort_keys=True).encode()
        return self.table.replace_schema_metadata({_PROVENANCE_KEY: text})

    def to_pandas(self) -> pd.DataFrame:
        """The values as a DataFrame indexed by patent_id."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame.set_index("patent_id")

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the values as one Parquet file, with the provenance in its metadata.

        Raises
        ------
        BookError
            If the file can't be written.
        """
        try:
            pq.write_table(self.to_arrow(), os.fspath(path), compression="zstd")
        except OSError as error:
            raise BookError(f"{os.fspath(path)} can't be written: {error}") from error

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the values as CSV; text that a spreadsheet would take for a formula gets an apostrophe in front."""
        write_csv(self.table, path)

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str]) -> Valuation:
        """Read values that :meth:`to_parquet` or a batch wrote (a file, or a folder of them).

        Parameters
        ----------
        path : path
            Each part of a batch is held against the batch's manifest, so that none is missing or changed.

        Raises
        ------
        ArtifactError
            If it holds no ipvalue values, those of several runs, a patent twice, or a batch that has not finished or is
            not whole any more.
        """
        from ipvalue.batch.reading import read_values

        return cls(*read_values(path))

    def explain(self, patent_id: str) -> pd.DataFrame:
        """Show every number of one value, from input to result.

        Parameters
        ----------
        patent_id : str
            The patent.

        Returns
        -------
        pandas.DataFrame
            One row a step: part, quantity, value, unit, how, source. The last row is the value itself, equal
            to the table's to the last bit. Of an overridden patent the model's own steps come first.

        Raises
        ------
        BookError
            If there is no such patent, or the valuation was read from a file: value the snapshot again.
        """
        if self.sources is None:
            raise BookError("these values were read from a file; to explain one, value its snapshot with the engine")
        steps = self.sources(patent_id)
        if "overrides" not in self.provenance:
            return steps
        from ipvalue.overrides.log import override_steps

        more = override_steps(self, patent_id)
        return pd.concat([steps, more], ignore_index=True) if len(more) else steps

    def override(self, overrides: Overrides, *, strict: bool = False) -> Valuation:
        """Put experts' overrides in the place of the model's values.

        Parameters
        ----------
        overrides : Overrides
            The whole set; one that was applied before is taken away first. An empty set gives the model's values.
        strict : bool, default False
            Refuse overrides that hold on the date but can't be applied, rather than list them.

        Returns
        -------
        Valuation
            A new one. The columns of :data:`ipvalue.overrides.apply.COLUMNS` keep what the model said of every patent
            and tell the override; ``reason`` is ``overridden``. Other patents' values keep their bits.

        Raises
        ------
        OverrideError
            If ``strict``, and a patent is unknown, its right dead, the currency another one, or the model has no value
            or interval that the override needs.

        Notes
        -----
        :mod:`ipvalue.overrides.apply` says what an override makes of interval and grade. Those that are expired,
        withdrawn or not made yet on the valuation date are not applied; :meth:`override_log` lists them.

        Examples
        --------
        >>> import ipvalue as ipv
        >>> book = ipv.synthetic_book(200, seed=7)
        >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
        >>> model = engine.value(book.as_of("2024-12-31"))
        >>> one = model.to_pandas()["value"].idxmax()
        >>> half = ipv.Override(patent_id=one, factor=0.5, author="A. Expert", reason="licence was cancelled",
        ...                     made_on="2024-11-30", expires_on="2025-11-30")
        >>> values = model.override(ipv.Overrides(items=[half]))
        >>> row = values.to_pandas().loc[one]
        >>> bool(row["value"] == 0.5 * row["model_value"]), row["reason"]
        (True, 'overridden')
        >>> values.without_overrides().table.equals(model.table)
        True
        """
        from ipvalue.overrides.apply import overridden

        return overridden(self, overrides, strict=strict)

    def without_overrides(self) -> Valuation:
        """The values as the model made them, bit for bit."""
        from ipvalue.overrides.apply import restored

        return restored(self)

    @property
    def overrides(self) -> Overrides:
        """The set of overrides that was applied, those of other days included; empty where there is none."""
        from ipvalue.overrides.log import overrides_of

        return overrides_of(self)

    def override_log(self) -> pd.DataFrame:
        """Every override of the set, with what became of it.

        Returns
        -------
        pandas.DataFrame
            Indexed by override_id: patent_id; ``status`` (``overridden``, or the reason code why it is not applied) and
            its meaning; the model's value, quantiles and grade; what stands in their place (null where not applied);
            ``ratio`` of the two values; author, reason, approver, dates and reference.
        """
        from ipvalue.overrides.log import override_log

        return override_log(self)

    def summary(self) -> pd.DataFrame:
        """Patents, valued patents, total and median value, by legal state and grade."""
        frame = self.to_pandas()
        groups = frame.groupby([frame["state"].astype(str), frame["grade"].astype(str)], sort=True)["value"]
        columns = {"patents": groups.size(), "valued": groups.count(), "total": groups.sum(), "median": groups.median()}
        return pd.DataFrame(columns).rename_axis(["state", "grade"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Plot the distribution of the values with their intervals (extra ``[plot]``)."""
        from ipvalue import plots

        return plots.value_distribution(self, ax=ax)

    def __repr__(self) -> str:
        frame = self.to_pandas()
        valued = frame["value"].notna()
        worth = frame["value"] > 0
        lines = [
            f"Valuation of {len(frame):,} patents as of {self.provenance['as_of']} in {self.provenance['currency']}",
            f"  valued {int(valued.sum()):,} (of these worth 0 since dead: {int((valued & ~worth).sum()):,}), "
            f"without a value {int((~valued).sum()):,}",
        ]
        if worth.any():
            alive = frame.loc[worth, "value"]
            lines.append(
                f"  sum of medians {alive.sum():,.0f}, median {alive.median():,.0f}, largest {alive.max():,.0f}"
            )
            grades = frame.loc[worth, "grade"].astype(str).value_counts().sort_index()
            lines.append("  grades " + ", ".join(f"{g} {c:,}" for g, c in grades.items()))
        fitted = self.provenance.get("engine_fitted_as_of", "")
        if fitted > self.provenance["as_of"]:
            lines.append(f"  the engine learnt until {fitted}, after this date: no test of it")
        if "overrides" in self.provenance:
            said = self.provenance["overrides"]
            lines.append(f"  overridden by experts {said['applied']:,}, set {said['name']!r} {said['version']}")
        reasons = frame.loc[~valued, "reason"].astype(str).value_counts()
        lines += [
            f"  {count:,} without a value: {explain_reason(str(label))}" for label, count in reasons.head(3).items()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = repr(self).replace("\n", "<br>")
        columns = ["value", "q05", "q95", "state", "remaining_years", "grade", "reason"]
        return f"<p>{head}</p>{self.to_pandas()[columns].head(10).to_html(float_format='{:,.2f}'.format)}"


def assemble(
    patent_id: Objects,
    columns: Columns,
    state: npt.NDArray[np.int8],
    reason: Ints16,
    currency: str,
    names: list[str],
    estimates: list[Estimate],
    combined: Reconciled,
) -> pa.Table:
    """Put the table of a valuation together.

    Parameters
    ----------
    patent_id : ndarray of str, shape (n,)
    columns : dict of str to ndarray
        ``value``, the quantiles, and the other columns of numbers and text, in order.
    state, reason : ndarray, shape (n,)
        Ints16, which are shown by name.
    currency : str
    names, estimates : list
        The methods and what they say.
    combined : Reconciled
        For the weights.

    Returns
    -------
    pyarrow.Table
    """
    n = len(patent_id)
    table: dict[str, pa.Array] = {"patent_id": pa.array(patent_id, pa.string())}
    for name in ("value", *QUANTILE_NAMES):
        table[name] = _numbers(columns[name])
    table["currency"] = _labels(np.zeros(n, np.int64), [currency])
    table["state"] = _labels(state, state_names())
    table["remaining_years"] = _numbers(columns["remaining_years"])
    table["grade"] = _labels(np.searchsorted(["", *_GRADES], columns["grade"]), ["", *_GRADES])
    table["reason"] = _labels(reason, reason_labels())
    for name in ("grant_probability", "disagreement", "log_sd"):
        table[name] = _numbers(columns[name])
    for k, (name, estimate) in enumerate(zip(names, estimates)):
        table[f"value_{name}"] = _numbers(estimate.value)
        table[f"q05_{name}"] = _numbers(np.ascontiguousarray(estimate.quantiles[:, 0]))
        table[f"q95_{name}"] = _numbers(np.ascontiguousarray(estimate.quantiles[:, -1]))
        table[f"weight_{name}"] = _numbers(np.ascontiguousarray(combined.weights[:, k]))
        table[f"reason_{name}"] = _labels(estimate.reason, reason_labels())
    return pa.table(table)


def _numbers(values: npt.NDArray[np.floating]) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _labels(codes: npt.NDArray[np.integer], names: list[str]) -> pa.Array:
    return pa.array(np.array(names, object)[codes], pa.string())


def no_value_reason(combined: Reconciled, estimates: list[Estimate]) -> Ints16:
    """Reason of each patent without a value: the methods' common reason, else that no method applied."""
    reasons = np.column_stack([e.reason for e in estimates])
    common = (reasons == reasons[:, :1]).all(axis=1)
    return np.where(combined.reason == 0, 0, np.where(common, reasons[:, 0], Reason.NO_METHOD_APPLIED)).astype(np.int16)
