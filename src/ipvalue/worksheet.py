"""The worksheet: every named quantity of every patent, from input to result.

A model computes the worksheet of a subject. Valuations, explanations, stress, attribution, overrides and reports all
read worksheets, so that every value is computed in one way only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ipvalue.errors import BookError, Reason, reason_labels
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.subject import Subject
from ipvalue.law.states import state_names
from ipvalue.methods.base import Estimate
from ipvalue.model import Model
from ipvalue.reconcile import Reconciled
from ipvalue.records.snapshot import Snapshot
from ipvalue.stopwatch import stage
from ipvalue.types import QUANTILE_NAMES, Array, Columns, Floats, Ints16, Mask, Positions, Quantiles, Texts

__all__ = ["Worksheet", "grade_of", "work"]

_GRADES = np.array(["A", "B", "C", "D", "E"])


@dataclass(frozen=True, eq=False)
class Worksheet:
    """Every named quantity of every patent of a subject.

    Attributes
    ----------
    model : Model
        The model that computed the values.
    subject : Subject
        The methods' inputs of each patent.
    estimates : tuple of Estimate
        Each method's estimate of each patent as a right in force, with every step of its arithmetic.
    combined : Reconciled
        The reconciled value of each patent as a right in force.
    quantiles : Quantiles
        Of the value: dead rights are worth 0, applications their value on grant times the probability of grant.
    reason : ndarray of int16, shape (n,)
        Why there is no value, or why it is 0 (:class:`~ipvalue.errors.Reason`); 0 otherwise.
    result : dict of str to ndarray
        The other columns of the result: ``value``, ``remaining_years``, ``grade``, ``grant_probability``,
        ``disagreement`` and ``log_sd``.
    snapshot : Snapshot or None
        The snapshot of the subject; None for a mixture of snapshots.
    """

    model: Model
    subject: Subject
    estimates: tuple[Estimate, ...]
    combined: Reconciled
    quantiles: Quantiles
    reason: Ints16
    result: Columns
    snapshot: Snapshot | None = None

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def value(self) -> Floats:
        """Median value of each patent; NaN where there is none."""
        return np.asarray(self.result["value"], np.float64)

    def without_details(self) -> Worksheet:
        """The worksheet without the methods' steps, which need most of the memory; :meth:`one` computes them again."""
        return replace(self, estimates=tuple(replace(estimate, details={}) for estimate in self.estimates))

    def one(self, patent_id: str) -> Worksheet:
        """Compute one patent again, alone, with every step.

        It has the same bits as in this worksheet, since all arithmetic is by element or in a fixed order.

        Raises
        ------
        BookError
            If there is no such patent, or the worksheet has no snapshot.
        """
        if self.snapshot is None:
            raise BookError(
                "this worksheet mixes two snapshots and cannot compute a single patent again; "
                "value the patent's snapshot with the engine"
            )
        part = self.snapshot.select(np.array([self.snapshot.position(patent_id)]))
        return work(self.model, part)

    def quantities(self) -> Columns:
        """Every quantity by name: ``feature.<name>``, ``money.<name>``, ``<method>.<step>``, ``result.<name>``."""
        columns: Columns = {f"feature.{name}": column for name, column in self.subject.features.columns.items()}
        columns |= {f"money.{name}": column for name, column in self.subject.money.items()}
        columns |= {f"date.{name}": column for name, column in self.subject.dates.items()}
        for k, (method, estimate) in enumerate(zip(self.model.methods, self.estimates)):
            columns |= {f"{method.name}.{step}": column for step, column in estimate.details.items()}
            columns[f"{method.name}.value"] = estimate.value
            columns |= {
                f"{method.name}.{name}": estimate.quantiles[:, level] for level, name in enumerate(QUANTILE_NAMES)
            }
            columns[f"{method.name}.weight"] = self.combined.weights[:, k]
        for name in ("log_value", "log_sd", "disagreement", "value"):
            columns[f"reconciliation.{name}"] = getattr(self.combined, name)
        columns |= {f"result.{name}": self.quantiles[:, level] for level, name in enumerate(QUANTILE_NAMES)}
        return columns | {f"result.{name}": column for name, column in self.result.items()}

    def to_pandas(self) -> pd.DataFrame:
        """Every quantity, one row a patent; see :meth:`quantities`."""
        return pd.DataFrame(self.quantities(), index=pd.Index(self.subject.patent_id, name="patent_id"))

    def table(self) -> pa.Table:
        """The table of a :class:`~ipvalue.Valuation`; a row follows from the subject's row and the model alone."""
        with stage("table"):
            return _table(self)

    def __repr__(self) -> str:
        valued = int(np.isfinite(self.value).sum())
        return f"Worksheet of {len(self):,} patents, {valued:,} of them valued, by {', '.join(self.model.names)}"


def work(model: Model, subject: Snapshot | Subject, *, unavailable: Collection[str] = ()) -> Worksheet:
    """Value every patent of a subject, and return every quantity in between.

    Parameters
    ----------
    unavailable : collection of str, optional
        Approaches (``market``, ``income`` ...) whose methods are not applied, for example where there is no market.
    """
    snapshot = subject if isinstance(subject, Snapshot) else None
    if isinstance(subject, Snapshot):
        with stage("features"):
            subject = prepare(subject, model.assumptions)
    estimates = []
    for method in model.methods:
        with stage(f"method {method.name}"):
            if method.approach in unavailable:
                estimates.append(Estimate.refuse(len(subject), Reason.NO_COMPARABLE))
            else:
                estimates.append(method.estimate(subject, model.state(method), model.assumptions))
    worthless = _worthless(subject)
    with stage("reconciliation"):
        estimates = [_without(estimate, worthless) for estimate in estimates]
        combined = model.reconciliation.combine(model.names, estimates, model.learnt.reconciliation)
    with stage("table"):
        quantiles, reason, result = _result(model, subject, estimates, combined, worthless)
    return Worksheet(model, subject, tuple(estimates), combined, quantiles, reason, result, snapshot)


def _result(
    model: Model, subject: Subject, estimates: list[Estimate], combined: Reconciled, worthless: Mask
) -> tuple[Quantiles, Ints16, Columns]:
    """Value from the value on grant: 0 for dead rights, times the probability of grant for applications."""
    pending = subject.features["pending"] == 1
    chance = np.where(pending, model.grant_probability(subject), np.where(worthless, 0.0, 1.0))
    quantiles = combined.quantiles.scale(chance).replace(worthless, 0.0)
    over = np.where(subject.features["alive"] == 0, Reason.DEAD_RIGHT, Reason.TERM_OVER)
    reason = np.where(worthless, over, _no_value_reason(combined, estimates)).astype(np.int16)
    used = (combined.weights > 0).sum(axis=1)
    spread = np.where(worthless, np.nan, combined.quantiles.log_sd)
    bounds = model.assumptions.grade_bounds()
    result: Columns = {
        "value": np.where(worthless, 0.0, combined.value * chance),
        "remaining_years": np.where(worthless, 0.0, subject.features["remaining_term"]),
        "grade": np.where(worthless, "A", grade_of(spread, used, combined.disagreement, pending, bounds)),
        "grant_probability": chance,
        "disagreement": combined.disagreement,
        "log_sd": combined.log_sd,
    }
    return quantiles, reason, result


def grade_of(log_sd: Floats, methods: Positions, disagreement: Floats, pending: Mask, bounds: Floats) -> Texts:
    """Grade the confidence in each value, A (best) to E.

    Parameters
    ----------
    log_sd : ndarray, shape (n,)
        Standard deviation of the log value by the interval (:attr:`ipvalue.types.Quantiles.log_sd`).
    methods : ndarray of int, shape (n,)
        Number of methods with weight in the value.
    disagreement : ndarray, shape (n,)
        Weighted standard deviation of the methods' log values.
    pending : ndarray of bool, shape (n,)
        Applications.
    bounds : ndarray, shape (4,)
        Largest log standard deviation of the grades A, B, C and D: the assumption ``grade_log_sd``.

    Returns
    -------
    ndarray of str, shape (n,)
        Empty where there is no value.

    Notes
    -----
    With the default bounds A goes up to a log standard deviation of 0.35 (the 90 % interval spans a factor of 3.2), B
    to 0.6 (7.2), C to 0.9 (19), D to 1.3 (72), E above. One grade less where only one method applies, one less where
    the methods disagree by more than the interval's own standard deviation, and never above C for an application.

    Examples
    --------
    >>> bounds = np.array([0.35, 0.6, 0.9, 1.3])
    >>> grade_of(np.array([0.3, 0.3]), np.array([2, 1]), np.zeros(2), np.zeros(2, bool), bounds).tolist()
    ['A', 'B']
    """
    known = np.isfinite(log_sd)
    level = np.searchsorted(bounds, np.where(known, log_sd, 0.0), side="left")
    level = level + (methods == 1) + (np.nan_to_num(disagreement) > np.where(known, log_sd, np.inf))
    level = np.where(pending, np.maximum(level, 2), level)
    return np.where(known, _GRADES[np.minimum(level, 4)], "")


def _worthless(subject: Subject) -> Mask:
    """Rights that are dead, or alive on the last day of their term."""
    return np.asarray((subject.features["alive"] == 0) | (subject.features["remaining_term"] == 0))


def _without(estimate: Estimate, dead: Mask) -> Estimate:
    """Remove the estimates of dead rights: a method values a right in force."""
    return replace(
        estimate,
        value=np.where(dead, np.nan, estimate.value),
        quantiles=estimate.quantiles.replace(dead, np.nan),
        reason=np.where(dead, np.int16(Reason.DEAD_RIGHT), estimate.reason).astype(np.int16),
    )


def _no_value_reason(combined: Reconciled, estimates: list[Estimate]) -> Ints16:
    """Reason of each patent without a value: the methods' common reason, else that no method applied."""
    reasons = np.column_stack([e.reason for e in estimates])
    common = (reasons == reasons[:, :1]).all(axis=1)
    return np.where(combined.reason == 0, 0, np.where(common, reasons[:, 0], Reason.NO_METHOD_APPLIED)).astype(np.int16)


def _table(sheet: Worksheet) -> pa.Table:
    n, result, combined = len(sheet), sheet.result, sheet.combined
    table: dict[str, pa.Array] = {"patent_id": pa.array(sheet.subject.patent_id, pa.string())}
    table["value"] = _numbers(result["value"])
    for level, name in enumerate(QUANTILE_NAMES):
        table[name] = _numbers(np.ascontiguousarray(sheet.quantiles[:, level]))
    table["currency"] = _labels(np.zeros(n, np.int64), [sheet.model.assumptions.currency])
    table["state"] = _labels(sheet.subject.features["legal_state"].astype(np.int8), state_names())
    table["remaining_years"] = _numbers(result["remaining_years"])
    table["grade"] = _labels(np.searchsorted(["", *_GRADES], result["grade"]), ["", *_GRADES])
    table["reason"] = _labels(sheet.reason, reason_labels())
    for name in ("grant_probability", "disagreement", "log_sd"):
        table[name] = _numbers(result[name])
    for k, (name, estimate) in enumerate(zip(sheet.model.names, sheet.estimates)):
        table[f"value_{name}"] = _numbers(estimate.value)
        table[f"q05_{name}"] = _numbers(estimate.quantiles.low)
        table[f"q95_{name}"] = _numbers(estimate.quantiles.high)
        table[f"weight_{name}"] = _numbers(np.ascontiguousarray(combined.weights[:, k]))
        table[f"reason_{name}"] = _labels(estimate.reason, reason_labels())
    return pa.table(table)


def _numbers(values: Array) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _labels(codes: npt.NDArray[np.integer], names: list[str]) -> pa.Array:
    return pa.array(np.array(names, object)[codes], pa.string())
