"""Boosting of a target that the user names: one feature of the catalogue explained by the others.

It predicts, for example, the forward citations or the renewals paid of a patent, with an interval. The target is never
an input. The user must leave out features that reveal it under another name (``fees_paid`` for ``renewals_paid``), by
name or by family. Formula and source: :mod:`ipvalue.methods.boosting`. The directions of the catalogue are of value,
not of this target, so none is imposed. No value in money follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import IpvalueError
from ipvalue.evidence.subject import Subject
from ipvalue.finance.distributions import LEVELS
from ipvalue.methods.base import State
from ipvalue.methods.boosting import BoostedQuantiles, Observations
from ipvalue.methods.boosting_inputs import design, design_columns, explaining, input_names

__all__ = ["FeatureModel", "explain_feature"]

_FEWEST = 60


@dataclass(frozen=True)
class FeatureModel:
    """A fitted model of one feature.

    Attributes
    ----------
    target : str
    names : tuple of str
        The columns that explain it.
    learner : BoostedQuantiles
    state : State
        Plain arrays and texts, as every method's.
    """

    target: str
    names: tuple[str, ...]
    learner: BoostedQuantiles
    state: State

    def predict(self, subject: Subject, assumptions: Assumptions) -> pd.DataFrame:
        """Expected quantiles of the feature for every patent.

        Returns
        -------
        pandas.DataFrame
            Indexed by patent_id; columns ``q05`` to ``q95`` in the feature's unit.
        """
        columns = design_columns(subject, assumptions, self.names)
        found = self.learner.predict(columns, self.state)
        names = [f"q{round(100 * level):02d}" for level in LEVELS]
        return pd.DataFrame(found.quantiles, index=pd.Index(subject.patent_id, name="patent_id"), columns=names)


def explain_feature(
    subject: Subject,
    assumptions: Assumptions,
    target: str,
    *,
    without: tuple[str, ...] = (),
    learner: BoostedQuantiles | None = None,
) -> FeatureModel:
    """Learn a feature from the others, over the patents of a subject that have it.

    Parameters
    ----------
    subject : Subject
        From :func:`ipvalue.evidence.prices.prepare`.
    target : str
        A feature of the catalogue.
    without : tuple of str
        Features or families that would reveal the target.
    learner : BoostedQuantiles, optional
        Its parameters; those of the class by default.

    Raises
    ------
    IpvalueError
        If the target is not a feature, or fewer than 60 patents have it.

    Notes
    -----
    The latest filings are the validation part that chooses the number of trees.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> from ipvalue.evidence.prices import prepare
    >>> assumptions = ipv.Assumptions.default("CN")
    >>> subject = prepare(ipv.synthetic_book(400, seed=1).as_of("2024-12-31"), assumptions)
    >>> model = explain_feature(subject, assumptions, "n_claims", without=("claims", "quality"))
    >>> "n_claims" in model.names
    False
    >>> model.predict(subject, assumptions).shape
    (400, 5)
    """
    if target not in input_names():
        raise IpvalueError(f"{target!r} is not a feature: ipv.feature_catalogue() lists them")
    names = explaining(target, without)
    values = np.asarray(design_columns(subject, assumptions, (target,))[0], np.float64)
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < _FEWEST:
        raise IpvalueError(f"{len(rows)} patents have {target!r}: at least {_FEWEST} are needed to learn it")
    known = subject.take(rows)
    nothing = np.zeros(len(rows), np.int64)
    data = Observations(
        design(known, assumptions, names),
        values[rows],
        known.patent_id,
        known.dates["filing"],
        np.zeros((len(rows), 0)),
        nothing,
        nothing,
    )
    chosen = BoostedQuantiles() if learner is None else learner
    return FeatureModel(target, names, chosen, chosen.fit(data, names))
