"""Attribution: why values moved between two valuations, in parts that sum to the change to the last cent.

Every patent of both valuations is valued again in states between the two, in which some groups of inputs are those of
after and the others those of before (:mod:`ipvalue.risk.mixed_inputs`). *Sequential*: groups change one after the
other in a stated order, and the parts depend on this order. *Shapley*: the average over all orders, which does not.
Patents of only one valuation are ``entries`` and ``exits`` with their full value.

The part ``overrides`` is the change of what experts' overrides add to the model's values. The other parts are of the
model's own values: if an override keeps a value constant while the model's falls, the fall is in the other parts and
the opposite amount in this one. ``Attribution.overrides`` gives the cause for each patent.

The value of each state is rounded to whole cents once. Parts and their sums are integers, so that the parts of a
patent, a segment or the book sum to the change of the rounded values with a residual of exactly 0
(:mod:`ipvalue.risk.whole_cents`). A patent without a value counts as 0 (see ``valued_before`` and ``valued_after``).

Each state costs one valuation of the common patents, without their features. With n groups that differ there are n + 1
states, or 2^n with Shapley values: 64 at most, 16 between two dates of one book and one engine. What an engine has
learnt belongs to the group ``engine``, also where other assumptions would have led it to learn something else.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from ipvalue.artifacts import versions
from ipvalue.batch.finished import FinishedBatch
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BatchError, BookError, IpvalueError, Reason
from ipvalue.model import Model
from ipvalue.overrides.log import override_log, overrides_of
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.mixed_inputs import GROUPS, MixedInputs, ValuationInputs, inputs_of
from ipvalue.risk.origin import expect, labels_by, model_value, segment_labels
from ipvalue.risk.whole_cents import sequential_parts, shapley_parts, to_cents
from ipvalue.types import Floats, Ints, Mask, Objects
from ipvalue.valuation import Valuation

__all__ = ["Attribution", "CAUSES", "PARTS", "attribute", "override_effects", "parts_of"]

CAUSES = {
    "added": "in force only after",
    "changed": "different overrides in force before and after",
    "kept": "the same override before and after: it reverses or multiplies the model's change",
    "removed": "in force only before, and not in the later set",
    "expired": "in force only before, because it expired",
    "withdrawn": "in force only before, because it was withdrawn",
    "not_applied": "in force only before, because it can't be applied now: a dead right, another currency",
}
"""Why what an override adds has changed."""

_STATUS = {Reason.OVERRIDE_EXPIRED.label: "expired", Reason.OVERRIDE_WITHDRAWN.label: "withdrawn"}


def override_effects(before: Valuation, after: Valuation, table: pd.DataFrame) -> pd.DataFrame:
    """Why the amount that each override adds has changed; ``table`` has the amounts in cents by patent_id.

    Returns
    -------
    pandas.DataFrame
        Indexed by patent_id: ``cause`` (of :data:`CAUSES`), ``before`` and ``after`` and their difference ``change`` in
        whole cents, ``override_before`` and ``override_after`` (their ids; empty without one).
    """
    ids = [_applied(valuation).reindex(table.index, fill_value="") for valuation in (before, after)]
    touched = (ids[0] != "") | (ids[1] != "")
    frame = table.loc[touched, ["before", "after"]].copy()
    one, two = (side[touched].to_numpy(object) for side in ids)
    gone = _end_causes(before, after)
    cause = np.where(one == "", "added", np.where(one == two, "kept", "changed"))
    cause = np.where(two == "", [gone.get(name, "") for name in one], cause)
    frame.insert(0, "cause", cause.astype(object))
    frame["change"] = frame["after"] - frame["before"]
    frame["override_before"], frame["override_after"] = one, two
    return frame


def _applied(valuation: Valuation) -> pd.Series[str]:
    """The id of the override of each overridden patent."""
    log = override_log(valuation)
    log = log[log["status"] == Reason.OVERRIDDEN.label]
    return pd.Series(log.index.astype(object), index=pd.Index(log["patent_id"], dtype=object), dtype=object)


def _end_causes(before: Valuation, after: Valuation) -> dict[str, str]:
    """Why each override of before is not in force after, if it is not."""
    status = override_log(after)["status"]
    day = dt.date.fromisoformat(str(after.provenance["as_of"]))
    result = {}
    for item in overrides_of(before).items:
        if item.id in status.index:
            result[item.id] = _STATUS.get(str(status[item.id]), "not_applied")
        else:
            result[item.id] = "expired" if item.expires_on <= day else "removed"
    return result


How = Literal["sequential", "shapley"]

PARTS = {
    "time": "passage of time",
    "market": "curves and currency",
    "assumptions": "assumptions",
    "legal": "legal status",
    "features": "citations and other features",
    "engine": "model and engine",
    "overrides": "experts' overrides",
    "entries": "entries",
    "exits": "exits",
}
"""What each part is called; the first six are groups of inputs."""


@dataclass(frozen=True, repr=False)
class Attribution:
    """The change between two valuations, in parts.

    Attributes
    ----------
    sequential : pandas.DataFrame of int64
        Whole cents, one row a patent of either valuation: ``before``, one column a part in the stated order,
        ``overrides``, ``entries``, ``exits`` and ``after``.
    shapley : pandas.DataFrame of int64 or None
        The same by the average over all orders.
    labels : pandas.DataFrame
        Field, jurisdiction, grade and owner of each patent: after, or before where it left; and ``valued_before`` and
        ``valued_after``.
    order : tuple of str
    currency : str
    dates : tuple of str
        Of before and after.
    states : int
        MixedInputs in which the common patents were valued.
    overrides : pandas.DataFrame
        Indexed by patent_id, the patents of both valuations that are overridden in either: ``cause``
        (:data:`ipvalue.risk.attribution.CAUSES`), what the override adds ``before`` and ``after`` and the
        ``change`` in whole cents, and the overrides' ids. ``change`` is the part ``overrides``.
    """

    sequential: pd.DataFrame
    shapley: pd.DataFrame | None
    labels: pd.DataFrame
    order: tuple[str, ...]
    currency: str
    dates: tuple[str, str]
    states: int
    overrides: pd.DataFrame = field(default_factory=pd.DataFrame)

    def cents(self, how: How = "sequential") -> pd.DataFrame:
        """Whole cents by patent.

        Raises
        ------
        IpvalueError
            If Shapley values were not asked for.
        """
        if how == "sequential":
            return self.sequential
        if how != "shapley" or self.shapley is None:
            raise IpvalueError(f"there are no {how!r} parts: call attribute(..., shapley=True) for Shapley values")
        return self.shapley

    def patents(self, how: How = "sequential") -> pd.DataFrame:
        """Parts by patent in ``currency``: whole cents over 100, with the patents' labels."""
        return (self.cents(how) / 100.0).join(self.labels)

    def segments(self, by: str | pd.Series, how: How = "sequential") -> pd.DataFrame:
        """Parts by segment in ``currency``; ``by`` as in :meth:`ipvalue.risk.stress.StressReport.segments`.

        Integers are added up first, so that a segment's parts sum to its change exactly.
        """
        label = labels_by(self.labels.drop(columns=["valued_before", "valued_after"]), by)
        return self.cents(how).groupby(label, sort=True).sum() / 100.0

    def book(self, how: How = "sequential") -> pd.Series:
        """Parts of the book in ``currency``: sums over its patents (of medians, which are not the median of a sum)."""
        total = self.cents(how).sum() / 100.0
        return total.rename(f"{self.dates[0]} to {self.dates[1]}")

    def override_causes(self) -> pd.DataFrame:
        """Patents and change in ``currency`` by cause; the changes sum to the part ``overrides``."""
        if not len(self.overrides):
            return pd.DataFrame({"patents": [], "change": []}, index=pd.Index([], name="cause"))
        groups = self.overrides.groupby("cause", sort=True)["change"]
        return pd.DataFrame({"patents": groups.size(), "change": groups.sum() / 100.0})

    def residual(self, how: How = "sequential") -> int:
        """Largest gap in cents between a patent's parts and its change: 0."""
        table = self.cents(how)
        gap = table["after"] - table["before"] - table.drop(columns=["before", "after"]).sum(axis=1)
        return int(gap.abs().max()) if len(gap) else 0

    def waterfall(self, how: How = "sequential") -> pd.DataFrame:
        """Steps from before to after, for a waterfall chart.

        Returns
        -------
        pandas.DataFrame
            One row a step in order: ``step``, ``label``, ``amount``, ``start`` and ``end`` of its bar, in ``currency``.
            The first and the last bar start at 0.
        """
        cents = self.cents(how).sum()
        steps = cents.drop(["before", "after"])
        end = (steps.cumsum() + cents["before"]).to_numpy()
        start = end - steps.to_numpy()
        names = {"before": self.dates[0], **PARTS, "after": self.dates[1]}
        return pd.DataFrame(
            {
                "step": list(cents.index),
                "label": [names[str(name)] for name in cents.index],
                "amount": cents.to_numpy() / 100.0,
                "start": np.concatenate([[0], start, [0]]) / 100.0,
                "end": np.concatenate([[cents["before"]], end, [cents["after"]]]) / 100.0,
            }
        )

    def __str__(self) -> str:
        table = self.waterfall()
        if self.shapley is not None:
            table["shapley"] = self.waterfall("shapley")["amount"]
        head = (
            f"Attribution of {len(self.sequential):,} patents in {self.currency}, in the order {', '.join(self.order)}"
        )
        lines = [f"{head}; residual {self.residual()} cents"]
        if self.shapley is not None:
            lines[0] += "; second column by Shapley"
        for row in table.to_dict("records"):
            amounts = [row["amount"]] + ([row["shapley"]] if "shapley" in row else [])
            lines.append(f"  {row['label']:<30}" + "".join(f"{amount:>22,.2f}" for amount in amounts))
        return "\n".join(lines)

    __repr__ = __str__


State = tuple[ValuationEngine, Snapshot]
Place = str | os.PathLike[str]
Made = ValuationEngine | Place


def attribute(
    before: Valuation | Place,
    after: Valuation | Place,
    *,
    order: Sequence[str] | None = None,
    shapley: bool = True,
    before_state: State | None = None,
    after_state: State | None = None,
    books: tuple[Place, Place] | None = None,
    engines: tuple[Made, Made] | None = None,
    workers: int = 1,
) -> Attribution:
    """Split the change between two valuations into its causes.

    Parameters
    ----------
    before, after : Valuation, or path of the folder of a finished batch
        In one currency; both of one kind. One made by :meth:`ipvalue.ValuationEngine.value` in this process knows its
        engine and its snapshot. Folders are processed shard by shard, so that no book is in memory as a whole.
    order : sequence of str, optional
        In which groups change: ``time``, ``market``, ``assumptions``, ``legal``, ``features``, ``engine`` by default.
    shapley : bool, default True
        Shapley values as well, at the cost of more valuations.
    before_state, after_state : tuple of ValuationEngine and Snapshot, optional
        What made the values, where they were read from a file.
    books : tuple of two paths, optional
        With folders: the books that were revalued, before and after, written with the same number of shards.
    engines : tuple of two engines or paths, optional
        With folders: the engines that valued them, or the folders of saved ones.
    workers : int, default 1
        With folders: processes that work on shards side by side.

    Returns
    -------
    Attribution

    Raises
    ------
    BatchError
        If a folder holds no finished batch, or one that was made from another book or engine, or the books have
        different numbers of shards.
    BookError
        If the states between can't be valued, a state is not the one of the values, or the currencies differ.
    IpvalueError
        If the order is not one of the six groups, or a value is too large for its cents.

    Notes
    -----
    Values of other software versions count as they were written; a difference to the present versions is part of
    ``engine``.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(200, seed=7)
    >>> engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(book, as_of="2023-12-31")
    >>> change = ipv.attribute(engine.value(book.as_of("2023-12-31")), engine.value(book.as_of("2024-12-31")))
    >>> change.residual(), change.residual("shapley")
    (0, 0)
    """
    groups = _order(order)
    if not isinstance(before, Valuation) and not isinstance(after, Valuation):
        return _of_folders((before, after), groups, shapley, books, engines, workers)
    for name, valuation in (("before", before), ("after", after)):
        expect(name, valuation, Valuation)
    assert isinstance(before, Valuation) and isinstance(after, Valuation)
    currencies = [valuation.provenance["currency"] for valuation in (before, after)]
    if currencies[0] != currencies[1]:
        raise BookError(f"values in {currencies[0]} and {currencies[1]} can't be compared: value both in one currency")
    one = _Valued.of(before, before_state, "before")
    two = _Valued.of(after, after_state, "after")
    ids = np.array(sorted({*one.ids, *two.ids}), object)
    common = np.array(sorted({*one.ids} & {*two.ids}), object)
    states = MixedInputs(one.inputs(common), two.inputs(common))
    cents = (one.cents(common, one.model), two.cents(common, two.model))
    gaps = (states.cents(frozenset()) - cents[0], cents[1] - states.cents(frozenset(GROUPS)))
    for made, gap in zip((one, two), gaps):
        made.check(common, gap)
    added = [made.cents(common, made.value) - end for made, end in zip((one, two), cents)]
    tables = []
    for averaged in (False, True)[: 1 + shapley]:
        parts = parts_of(states, groups, shapley=averaged)
        parts["engine"] = parts["engine"] + gaps[0] + gaps[1]
        parts["overrides"] = added[1] - added[0]
        tables.append(_table(ids, common, parts, one, two))
    labels = _labels(ids, one, two)
    dates = (one.date, two.date)
    table = pd.DataFrame(dict(zip(("before", "after"), added)), index=pd.Index(common, name="patent_id"))
    changes = override_effects(before, after, table)
    averaged_table = tables[1] if shapley else None
    return Attribution(tables[0], averaged_table, labels, groups, currencies[0], dates, states.evaluated, changes)


def _of_folders(
    folders: tuple[Place, Place],
    groups: tuple[str, ...],
    shapley: bool,
    books: tuple[Place, Place] | None,
    engines: tuple[Made, Made] | None,
    workers: int,
) -> Attribution:
    """The attribution of two finished batches, shard by shard: a patent is in the same shard of both."""
    for name, given in (("books", books), ("engines", engines)):
        if not isinstance(given, tuple) or len(given) != 2:
            raise BookError(f"{name}={given!r}: with folders of values, give two: those of before and of after")
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise BookError(f"workers={workers!r}: give a whole number of processes, at least 1")
    assert books is not None and engines is not None
    batches = [FinishedBatch(*each) for each in zip(folders, books, engines)]
    shards = [batch.shards for batch in batches]
    if shards[0] != shards[1]:
        raise BatchError(
            f"the book before has {shards[0]} shards and the book after {shards[1]}: write both with the same number, "
            "so that a patent is in the same shard of both"
        )
    one, two = batches
    calls = [delayed(_of_shard)(one, two, shard, groups, shapley) for shard in range(shards[0])]
    found = list(Parallel(n_jobs=min(workers, len(calls)), return_as="generator")(calls))

    def together(tables: list[pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(tables).sort_index(kind="stable")

    averaged = [each.shapley for each in found if each.shapley is not None]
    first = found[0]
    return Attribution(
        together([each.sequential for each in found]),
        together(averaged) if averaged else None,
        together([each.labels for each in found]),
        groups,
        first.currency,
        first.dates,
        max(each.states for each in found),
        together([each.overrides for each in found]),
    )


def _of_shard(
    before: FinishedBatch, after: FinishedBatch, shard: int, groups: tuple[str, ...], shapley: bool
) -> Attribution:
    states = [(batch.engine, batch.snapshot(shard)) for batch in (before, after)]
    values = [batch.values(shard) for batch in (before, after)]
    return attribute(*values, order=groups, shapley=shapley, before_state=states[0], after_state=states[1])


def parts_of(states: MixedInputs, order: Sequence[str], *, shapley: bool = False) -> dict[str, Ints]:
    """Parts of the change of the common patents by group, in whole cents: in the stated order, or Shapley values.

    Groups that do not differ are left out of the orders of Shapley values, which has no effect.
    """
    active = states.active
    if shapley:
        members = [frozenset(a for k, a in enumerate(active) if code >> k & 1) for code in range(1 << len(active))]
        found = shapley_parts({code: states.cents(member) for code, member in enumerate(members)}, len(active))
        by_group = dict(zip(active, found))
        nothing = np.zeros_like(states.cents(frozenset()))
        return {group: by_group.get(group, nothing) for group in order}
    chain = [states.cents(frozenset(order[:k])) for k in range(len(order) + 1)]
    return dict(zip(order, sequential_parts(chain)))


def _order(order: Sequence[str] | None) -> tuple[str, ...]:
    chosen = GROUPS if order is None else tuple(order)
    if sorted(chosen) != sorted(GROUPS):
        raise IpvalueError(f"order={chosen}: give each of {', '.join(GROUPS)} once")
    return chosen


@dataclass(frozen=True)
class _Valued:
    """A valuation with its model and snapshot."""

    valuation: Valuation
    by: Model
    snapshot: Snapshot
    name: str
    ids: Objects
    value: Floats
    model: Floats

    @classmethod
    def of(cls, valuation: Valuation, state: State | None, name: str) -> _Valued:
        sheet, provenance = valuation.worksheet, valuation.provenance
        if state is not None:
            if not isinstance(state, tuple) or [type(part) for part in state] != [ValuationEngine, Snapshot]:
                raise BookError(f"{name}_state is (engine, snapshot): what made the values, such as book.as_of(date)")
            by, snapshot = state[0].model, state[1]
        elif sheet is not None and sheet.snapshot is not None:
            by, snapshot = sheet.model, sheet.snapshot
        else:
            raise BookError(
                f"the values {name} were read from a file, and the states between can't be valued without the engine "
                f"and the snapshot that made them: give {name}_state=(engine, snapshot)"
            )
        found = {"as_of": str(snapshot.date), "known": snapshot.known, "engine_hash": by.hash}
        for what, value in found.items():
            if provenance[what] != value:
                raise BookError(f"{name}_state does not match the values: {what} {value}, not {provenance[what]}")
        columns = (valuation.table[column].to_numpy() for column in ("patent_id", "value"))
        ids, values = (np.asarray(column) for column in columns)
        model = model_value(valuation)
        return cls(valuation, by, snapshot, name, ids.astype(object), values.astype(np.float64), model)

    @property
    def date(self) -> str:
        return str(self.snapshot.date)

    def inputs(self, ids: Objects) -> ValuationInputs:
        """All inputs of the values of some patents."""
        return inputs_of(self.by, self.snapshot.select(rows_of(self.snapshot.patent_ids, ids)))

    def cents(self, ids: Objects, values: Floats) -> Ints:
        """Values in whole cents of some patents."""
        return to_cents(values[rows_of(self.ids, ids)])

    def check(self, ids: Objects, gap: Ints) -> None:
        """Refuse values that the same versions cannot reproduce: they were made from something else."""
        if gap.any() and self.valuation.provenance["versions"] == versions():
            where = int(np.flatnonzero(gap)[0])
            raise BookError(
                f"{self.name}_state does not reproduce the values: that of {ids[where]!r} differs by "
                f"{abs(int(gap[where])) / 100:,.2f}; is it a snapshot of the same, complete book?"
            )


def _table(ids: Objects, common: Objects, parts: dict[str, Ints], one: _Valued, two: _Valued) -> pd.DataFrame:
    """Parts of all patents in cents, with entries and exits."""
    columns = {name: np.zeros(len(ids), np.int64) for name in ("before", *parts, "entries", "exits", "after")}
    both, was, now = (_among(ids, some) for some in (common, one.ids, two.ids))
    for name, part in parts.items():
        columns[name][both] = part
    columns["before"][was] = to_cents(one.value)
    columns["after"][now] = to_cents(two.value)
    columns["entries"] = np.where(now & ~was, columns["after"], 0)
    columns["exits"] = np.where(was & ~now, -columns["before"], 0)
    return pd.DataFrame(columns, index=pd.Index(ids, name="patent_id"))


def _labels(ids: Objects, one: _Valued, two: _Valued) -> pd.DataFrame:
    """Labels of after, or of before for patents that left; and whether there was a value."""
    frames = []
    for made in (two, one):
        grade = np.asarray(made.valuation.table["grade"].to_pylist(), object)
        own = pd.Series(grade, index=made.ids).reindex(made.snapshot.patent_ids, fill_value="")
        frames.append(segment_labels(made.snapshot, np.asarray(own, object)))
    labels = frames[0].combine_first(frames[1]).reindex(pd.Index(ids, name="patent_id"))
    for name, made in (("valued_before", one), ("valued_after", two)):
        labels[name] = _among(ids, made.ids[np.isfinite(made.value)])
    return labels


def rows_of(ids: Objects, wanted: Objects) -> Ints:
    """Position of each wanted identifier in a column of distinct ones; -1 where it is missing."""
    return np.asarray(pd.Index(ids, dtype=object).get_indexer(pd.Index(wanted, dtype=object)), np.int64)


def _among(ids: Objects, some: Objects) -> Mask:
    return np.asarray(rows_of(some, ids) >= 0)
