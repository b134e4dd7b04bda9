"""The result: one value a patent with its interval, its reasons and its provenance."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pkgutil import resolve_name
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from ipvalue.errors import BookError, explain_reason
from ipvalue.explanation import explain
from ipvalue.overrides.apply import overridden, restored
from ipvalue.overrides.log import override_log, override_steps, overrides_of
from ipvalue.overrides.record import Overrides
from ipvalue.records.csv_out import write_csv
from ipvalue.values import Values
from ipvalue.values_on_disk import read_values

__all__ = ["Valuation"]

# Plots are an optional extra, imported by name on use.
_PICTURE = "ipvalue.plots:value_distribution"
# The batch imports this module: its function for explanations is imported by name on use.
_EXPLAIN_BATCH = "ipvalue.batch.finished:explain"


@dataclass(frozen=True, eq=False, repr=False)
class Valuation(Values):
    """Values of all patents of a snapshot.

    Make one with :meth:`ipvalue.ValuationEngine.value`, or read one with :meth:`from_parquet`.

    Attributes
    ----------
    table : pyarrow.Table
        One row a patent, in the order of patent_id: ``value`` (median) and ``q05`` to ``q95`` in
        ``currency``, ``state``, ``remaining_years``, ``grade``, ``reason``, ``grant_probability``,
        ``disagreement``, ``log_sd``, and for each method ``value_<method>``, ``q05_<method>``,
        ``q95_<method>``, ``weight_<method>`` and ``reason_<method>``. A dead right is worth 0 with the reason
        ``dead_right``; where there is no value, it is null and ``reason`` gives the reason code. Overrides add
        :data:`ipvalue.overrides.apply.COLUMNS`.
    provenance : dict
        Versions, dates, and hashes of book, engine and assumptions, and of overrides the set itself.
    worksheet : Worksheet or None
        Every quantity behind the values; None where they were read from a file.
    """

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
            Each part of a batch is compared with the batch's manifest, so that none is missing or changed.

        Raises
        ------
        ArtifactError
            If it holds no ipvalue values, values of several runs, several rows of a patent, or a batch that is not
            finished or no longer complete.
        """
        values = read_values(path)
        return cls(values.table, values.provenance, path=values.path)

    def explain(self, patent_id: str, *, book: Any = None, engine: Any = None) -> pd.DataFrame:
        """Show every number of one value, from input to result.

        Parameters
        ----------
        patent_id : str
            The patent.
        book, engine : path, optional
            Of values read from the folder of a batch: the folder of the book that was revalued, and the engine or the
            folder of a saved one. One shard of the book is read.

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
        if self.worksheet is None:
            if self.path is None or book is None or engine is None:
                raise BookError(
                    "these values were read from a file; to explain one, name the book and the engine that they were "
                    "made from, as in valuation.explain(patent_id, book='book/', engine='engine/'), or value its "
                    "snapshot with the engine"
                )
            steps: pd.DataFrame = resolve_name(_EXPLAIN_BATCH)(self.path, patent_id, book=book, engine=engine)
            return steps
        steps = explain(self.worksheet.one(patent_id))
        if "overrides" not in self.provenance:
            return steps
        more = override_steps(self, patent_id)
        return pd.concat([steps, more], ignore_index=True) if len(more) else steps

    def override(self, overrides: Overrides, *, strict: bool = False) -> Valuation:
        """Replace the model's values by experts' overrides.

        Parameters
        ----------
        overrides : Overrides
            The complete set; it replaces a set that was applied before. An empty set gives the model's values.
        strict : bool, default False
            Raise for overrides that are in force on the date but can't be applied, instead of listing them.

        Returns
        -------
        Valuation
            A new one. The columns of :data:`ipvalue.overrides.apply.COLUMNS` hold the model's figures of every patent
            and the override; ``reason`` is ``overridden``. The values of other patents are unchanged, bit for bit.

        Raises
        ------
        OverrideError
            If ``strict``, and a patent is unknown, its right dead, the currency another one, or the model has no value
            or interval that the override needs.

        Notes
        -----
        :mod:`ipvalue.overrides.apply` describes the effect of an override on interval and grade. Overrides that are
        expired, withdrawn or not yet made on the valuation date are not applied; :meth:`override_log` lists them.

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
        return overridden(self, overrides, strict=strict)

    def without_overrides(self) -> Valuation:
        """The values as the model made them, bit for bit."""
        return restored(self)

    @property
    def overrides(self) -> Overrides:
        """The set of overrides that was applied, those of other days included; empty where there is none."""
        return overrides_of(self)

    def override_log(self) -> pd.DataFrame:
        """Every override of the set, and whether it was applied.

        Returns
        -------
        pandas.DataFrame
            Indexed by override_id: patent_id; ``status`` (``overridden``, or the reason code why it is not applied) and
            its meaning; the model's value, quantiles and grade; their replacements (null where not applied);
            ``ratio`` of the two values; author, reason, approver, dates and reference.
        """
        return override_log(self)

    def summary(self) -> pd.DataFrame:
        """Patents, valued patents, total and median value, by legal state and grade."""
        frame = self.to_pandas()
        groups = frame.groupby([frame["state"].astype(str), frame["grade"].astype(str)], sort=True)["value"]
        columns = {"patents": groups.size(), "valued": groups.count(), "total": groups.sum(), "median": groups.median()}
        return pd.DataFrame(columns).rename_axis(["state", "grade"])

    def plot(self, ax: Any = None) -> Any:
        """Plot the distribution of the values with their intervals (extra ``[plot]``).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
        """
        return resolve_name(_PICTURE)(self, ax=ax)

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
            lines.append(f"  the engine learnt until {fitted}, after this date: so this is not an out-of-sample test")
        if "overrides" in self.provenance:
            used = self.provenance["overrides"]
            lines.append(f"  overridden by experts {used['applied']:,}, set {used['name']!r} {used['version']}")
        reasons = frame.loc[~valued, "reason"].astype(str).value_counts()
        lines += [
            f"  {count:,} without a value: {explain_reason(str(label))}" for label, count in reasons.head(3).items()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = escape(repr(self)).replace("\n", "<br>")  # names and dates are the user's text
        columns = ["value", "q05", "q95", "state", "remaining_years", "grade", "reason"]
        return f"<p>{head}</p>{self.to_pandas()[columns].head(10).to_html(float_format='{:,.2f}'.format)}"
