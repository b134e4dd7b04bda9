"""Whether the renewal option recovers known parameters, and foretells real renewals better than age alone.

    python -m benchmarks.renewal [patents] [books]

First, simulated books of Chinese and US patents whose owners renew as the model says (``tests/methods/renewal_books``):
each estimate's distance from the truth in its standard errors. Second, US university patents granted from January 2004
to June 2005, whose three maintenance fees have all fallen due: the log-likelihood of the renewals of patents that the
fit has not seen (ten folds by a hash of patent_id), against the share of rights let go at each fee. Third, time.
"""

from __future__ import annotations

import sys
import time
import zlib

import numpy as np
import pandas as pd

import ipvalue as ipv
from benchmarks.report import publish
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.renewal_history import Histories
from ipvalue.evidence.subject import Deals, Evidence
from ipvalue.methods.base import State
from tests.methods.renewal_books import TRUE, simulate
from tests.shared_data import DATA

OBSERVED = "2021-06-30"
COUNTED = "2017-09-06"
FEATURES = ("n_claims", "n_inventors", "npl_citations")
FOLDS = 10
CN, US = ipv.Assumptions.default("CN"), ipv.Assumptions.default("US")


def evidence(book: ipv.Book, day: str, assumptions: ipv.Assumptions) -> Evidence:
    """A book's evidence without deals, of which the renewal option reads none."""
    snapshot = book.as_of(day)
    subject = prepare(snapshot, assumptions)
    nothing = np.zeros(0, np.int64)
    return Evidence(snapshot, subject, Deals(subject.take(nothing), np.zeros(0), np.zeros(0, "datetime64[D]")))


def recovery(patents: int, seed: int) -> dict[str, float]:
    """Distance of each estimate from the truth, in standard errors; and the seconds of the fit."""
    known = evidence(simulate(patents, seed, OBSERVED, CN), OBSERVED, CN)
    started = time.perf_counter()
    state = ipv.RenewalOption(features=("n_claims", "n_inventors")).fit(known, CN)
    return {**distances(state), "fit, s": time.perf_counter() - started}


def distances(state: State) -> dict[str, float]:
    """(estimate - truth) / standard error of each parameter."""
    scale = state.tables["features"]["scale"]
    value, error = (state.tables["coefficients"][name] for name in ("value", "error"))
    found = {name: (value[k + 1] / scale[k] - TRUE[name]) / (error[k + 1] / scale[k]) for k, name in _FEATURES}
    others = {name: (state.numbers[name] - TRUE[name]) / state.numbers[f"{name}_error"] for name in ("sigma", "decay")}
    return {**found, **others}


_FEATURES = ((0, "n_claims"), (1, "n_inventors"))


def university() -> ipv.Book | None:
    """University patents whose three fees had all fallen due when the payments were counted."""
    path = DATA / "us_university_renewals" / "renewals_granted_2004_2005.csv"
    if not path.exists():
        return None
    book = ipv.read_university_renewals(path, observed=COUNTED)
    patents = book["patents"].to_pandas()
    granted = pd.to_datetime(patents["grant_date"])
    return book.select(set(patents.loc[granted < "2005-07-01", "patent_id"]))


def held_out(book: ipv.Book, folds: int = FOLDS) -> pd.DataFrame:
    """Log-likelihood of each held-out history by age alone, and by the renewal option without and with features."""
    fold = {i: zlib.crc32(i.encode()) % folds for i in book.patent_ids}
    parts = []
    for k in range(folds):
        learn, judge = (
            evidence(book.select({i for i in fold if (fold[i] == k) == held}), COUNTED, US) for held in (False, True)
        )
        columns = {}
        for name, features in (("renewal option, no features", ()), ("renewal option", FEATURES)):
            method = ipv.RenewalOption(features=features)
            state = method.fit(learn, US)
            seen, _ = method.log_likelihood(learn, state, US)
            known, columns[name] = method.log_likelihood(judge, state, US)
        columns["age only"] = age_only(seen, known)
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def age_only(seen: Histories, known: Histories) -> np.ndarray:
    """Log-probability by the share of rights let go at each age at which a fee falls due."""
    total = np.zeros(len(known.row))
    for year in np.unique(seen.years[seen.lapsed]):
        stop = seen.lapsed & (seen.years == year)
        hazard = stop.sum() / (stop | (seen.years > year)).sum()
        total += np.where(known.years > year, np.log1p(-hazard), 0.0)
        total += np.where(known.lapsed & (known.years == year), np.log(hazard), 0.0)
    return total


def main(patents: int = 100_000, books: int = 50) -> None:
    rows = pd.DataFrame([recovery(patents, seed) for seed in range(1, books + 1)])
    scores = rows.drop(columns="fit, s")
    within = scores.abs() < 2
    table = pd.DataFrame(
        {
            "parameter": scores.columns,
            "mean": scores.mean().round(2).to_numpy(),
            "root mean square": np.sqrt((scores**2).mean()).round(2).to_numpy(),
            "within two": [f"{int(n)} of {books}" for n in within.sum()],
            "largest": scores.abs().max().round(2).to_numpy(),
        }
    )
    share, whole = within.to_numpy().mean(), int(within.all(axis=1).sum())
    notes = (
        f"{books} books of {patents:,} patents; (estimate - truth) / standard error, whose root mean square is 1 if "
        f"the standard errors are right. Truth: {TRUE}. Within two of them: {share:.1%} of {within.size} estimates "
        f"(95 % is expected); all of a book in {whole} books. Median fit {rows['fit, s'].median():.1f} s."
    )
    command = f"python -m benchmarks.renewal {patents} {books}"
    publish("Renewal option: recovery of known parameters", command, table, notes)
    book = university()
    if book is not None:
        publish_real(held_out(book), command)
    publish_time(command)


def publish_real(frame: pd.DataFrame, command: str) -> None:
    """Print held-out log-likelihoods and their paired differences from age alone."""
    rows = []
    for name in ("age only", "renewal option, no features", "renewal option"):
        gain = frame[name] - frame["age only"]
        error = gain.std() / np.sqrt(len(gain))
        rows.append(
            {
                "model": name,
                "held-out log-likelihood": round(frame[name].sum(), 1),
                "per patent": round(frame[name].mean(), 4),
                "gain over age only": round(gain.sum(), 1),
                "standard errors": round(gain.mean() / error, 1) if error > 0 else "",
            }
        )
    notes = (
        f"{len(frame):,} patents, ten folds; features: {', '.join(FEATURES)}. Age only is the share let go at each of "
        "the three fees; without features the renewal option has as many parameters, but must fit the shares of all "
        "fees and cohorts by one distribution of returns."
    )
    publish("Renewal option: real university patents", command, pd.DataFrame(rows), notes)


def publish_time(command: str, patents: int = 400_000) -> None:
    """Time to value a large book, of which the renewals of a part were learnt."""
    known = evidence(simulate(patents, 1, OBSERVED, CN), OBSERVED, CN)
    rows = []
    method = ipv.RenewalOption(features=("n_claims", "n_inventors"))
    for name, call in (("fit (100,000 histories)", None), ("value", "estimate")):
        started = time.perf_counter()
        if call is None:
            state = method.fit(known, CN)
        else:
            method.estimate(known.subject, state, CN)
        rows.append({"what": name, "patents": f"{patents:,}", "seconds": round(time.perf_counter() - started, 1)})
    publish("Renewal option: time", command, pd.DataFrame(rows))


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
