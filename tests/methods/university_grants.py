"""US university patents with what was known of each at its grant, and the maintenance fees paid since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ipvalue.methods.boosting import BoostedQuantiles, Observations

CUT = "2005-01-01"
LAST = "2005-07-01"  # all three fees had fallen due when the payments were counted; later third ones look underreported
SECTIONS = tuple("BCDEFGH")
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
COUNTS = ("num_claims", "num_patent_citations", "num_nonpatent_citations", "num_authors")


@dataclass(frozen=True)
class Grants:
    """One element a patent: inputs known at grant, fees paid (0 to 3), identifiers, grant dates and owner codes."""

    names: tuple[str, ...]
    matrix: np.ndarray
    paid: np.ndarray
    key: np.ndarray
    granted: np.ndarray
    owner: np.ndarray

    def take(self, rows: np.ndarray) -> Grants:
        return Grants(
            self.names, self.matrix[rows], self.paid[rows], self.key[rows], self.granted[rows], self.owner[rows]
        )


def read_grants(path: Path) -> Grants:
    """Utility patents granted from January 2004 to June 2005.

    Left out, as the file holds them as of 2017: num_applications (family members) and num_similar_doc.
    """
    table = pd.read_csv(path)
    day = {name: pd.to_datetime(table[f"{name} date"]) for name in ("priority", "filing/creation", "grant")}
    paid = pd.to_numeric(table["payment_times"], errors="coerce")
    use = table["id"].str.contains(r"B\d$") & paid.between(0, 3) & (day["grant"] < LAST)
    columns = {name: table[name].astype(float) for name in (*SECTIONS, *COUNTS)}
    columns["years_to_filing"] = (day["filing/creation"] - day["priority"]).dt.days / 365.25
    columns["years_to_grant"] = (day["grant"] - day["filing/creation"]).dt.days / 365.25
    columns["published_before"] = table["id"].str.endswith("B2").astype(float)
    frame = pd.DataFrame(columns)[use]
    granted = day["grant"][use].to_numpy("datetime64[D]")
    found = Grants(
        tuple(frame.columns),
        frame.to_numpy(float),
        paid[use].to_numpy(float),
        table["id"][use].to_numpy(object),
        granted,
        pd.factorize(table["assignee"][use].str.casefold().str.split().str.join(" "), sort=True)[0],
    )
    return found.take(np.lexsort((found.key.astype(str), granted)))


def boosted(learn: Grants, judge: Grants) -> tuple[np.ndarray, np.ndarray]:
    """Expected payments of the later patents by line, owner effect and trees, and the 90 % intervals."""
    learner = BoostedQuantiles()
    nothing = np.zeros(len(learn.paid), np.int64)
    data = Observations(learn.matrix, learn.paid, learn.key, learn.granted, logged(learn), learn.owner, nothing)
    state = learner.fit(data, learn.names)
    found = learner.predict(list(judge.matrix.T), state, anchors=logged(judge), classes=judge.owner)
    return found.location, found.quantiles[:, [0, 4]]


def linear(learn: Grants, judge: Grants) -> np.ndarray:
    """Expected payments by ridge regression on the same columns and a dummy an owner.

    Counts are logged, columns standardised, dummies not; the penalty that predicts left-out fifths best.
    """
    fold = np.arange(len(learn.paid)) % 5
    lost = []
    for penalty in PENALTIES:
        parts = [(learn.take(fold != k), learn.take(fold == k)) for k in range(5)]
        lost.append(sum(((b.paid - ridge(a, b, penalty)) ** 2).sum() for a, b in parts))
    return ridge(learn, judge, PENALTIES[int(np.argmin(lost))])


def ridge(learn: Grants, judge: Grants, penalty: float) -> np.ndarray:
    """Ridge regression with one penalty, in patents."""
    center, scale = logged(learn).mean(axis=0), logged(learn).std(axis=0)
    owners = np.unique(learn.owner)
    known, new = (
        np.column_stack([(logged(g) - center) / scale, (g.owner[:, None] == owners).astype(float)])
        for g in (learn, judge)
    )
    middle = known.mean(axis=0)
    gram = (known - middle).T @ (known - middle) + penalty * np.eye(known.shape[1])
    slope = np.linalg.solve(gram, (known - middle).T @ (learn.paid - learn.paid.mean()))
    return learn.paid.mean() + (new - middle) @ slope


def logged(grants: Grants) -> np.ndarray:
    """The inputs with counts in logarithms."""
    matrix = grants.matrix.copy()
    for k, name in enumerate(grants.names):
        if name in COUNTS:
            matrix[:, k] = np.log1p(matrix[:, k])
    return matrix


def skill(paid: np.ndarray, mean: float, expected: np.ndarray) -> tuple[float, float]:
    """Rank correlation, and R2 against the mean of the patents learnt from."""
    r_squared = 1 - ((paid - expected) ** 2).sum() / ((paid - mean) ** 2).sum()
    return float(spearmanr(paid, expected)[0]), float(r_squared)
