"""How near the values come to the synthetic truth, on patents whose deals nothing has learnt from.

    python -m benchmarks.truth [patents] [seed]

Half of a synthetic book (by a hash of patent_id) is learnt from, the other half is valued. Beside the engine stand
each method, and as a yardstick the best that these features allow: a larger LightGBM fitted on the noise-free true
values of all living patents of the first half, about twenty times as many as there are deals.
"""

from __future__ import annotations

import sys
import time
import zlib

import lightgbm
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import ipvalue as ipv
from benchmarks.report import publish
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.methods.boosting_inputs import design

DAY = "2024-12-31"


def main(patents: int = 100_000, seed: int = 7) -> None:
    book = ipv.synthetic_book(patents, seed=seed, until=DAY)
    first = [i for i in book.patent_ids if zlib.crc32(i.encode()) % 2 == 0]
    learn, judge = book.select(first), book.select(set(book.patent_ids) - set(first))
    started = time.perf_counter()
    engine = ipv.ValuationEngine().fit(learn, as_of=DAY)
    fitted = time.perf_counter() - started
    frame = engine.value(judge.as_of(DAY)).to_pandas()
    truth = book.true_value(DAY).reindex(frame.index)
    alive = (truth > 0) & (frame["value"] > 0)
    rows = [row("reconciled", frame, truth, alive, "", 1.0)]
    chance = frame["grant_probability"]
    rows += [
        row(name, frame, truth, alive & frame[f"value_{name}"].notna(), f"_{name}", chance) for name in engine.names
    ]
    # the others on the patents that relief from royalty values, so that like is compared with like
    same = alive & frame["value_relief_from_royalty"].notna()
    rows.append(row("reconciled, where revenue is known", frame, truth, same, "", 1.0))
    rows.append(row("reconciled, where it is not", frame, truth, alive & ~same, "", 1.0))
    best, trained = best_predictor(engine, book, learn, judge)
    rows.append(
        {
            "value by": f"best with these features ({trained:,} true values)",
            "patents": int(alive.sum()),
            "Spearman": round(float(spearmanr(truth[alive], best[alive])[0]), 3),
            "R2 of log": round(r_squared(np.log(truth[alive]), np.log(best[alive])), 3),
        }
    )
    deals = engine.fitted.deals
    agree = float(((truth > 0) == (frame["value"] > 0))[frame["value"].notna()].mean())
    notes = (
        f"{patents:,} patents, seed {seed}; learnt from {deals:,} deals of one half, fit in {fitted:.0f} s; the other "
        f"half is judged. Alive or dead as the truth has it: {agree:.1%} (the rest is announced later). The interval "
        "is made for prices, which lie about the true value with a log standard deviation of 0.25."
    )
    publish(
        "Values against the synthetic truth",
        f"python -m benchmarks.truth {patents} {seed}",
        pd.DataFrame(rows).astype(object).fillna(""),
        notes,
    )


def row(
    name: str, frame: pd.DataFrame, truth: pd.Series, use: pd.Series, end: str, chance: object
) -> dict[str, object]:
    """Rank correlation, fit and coverage of one column of values."""
    value, low, high = (frame[f"{part}{end}"] * chance for part in ("value", "q05", "q95"))
    inside = ((truth >= low) & (truth <= high))[use]
    error = np.log(value[use] / truth[use])
    return {
        "value by": name,
        "patents": int(use.sum()),
        "Spearman": round(float(spearmanr(truth[use], value[use])[0]), 3),
        "R2 of log": round(r_squared(np.log(truth[use]), np.log(value[use])), 3),
        "median log error": round(float(error.median()), 3),
        "90 % interval covers": f"{inside.mean():.1%}",
        "90 % interval spans a factor of": round(float((high / low)[use].median()), 1),
    }


def r_squared(truth: pd.Series, estimate: pd.Series) -> float:
    """Share of the variance of the true log value that the estimate explains."""
    return float(1 - ((truth - estimate) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def best_predictor(
    engine: ipv.ValuationEngine, book: ipv.Book, learn: ipv.Book, judge: ipv.Book
) -> tuple[pd.Series, int]:
    """Predict with the same features, fitted on true values instead of deals."""
    one, two = (prepare(b.as_of(DAY), engine.assumptions) for b in (learn, judge))
    true = book.true_value(DAY)
    target = true.reindex(one.patent_id).to_numpy()
    factor = life_factor(one, engine.assumptions)
    use = (target > 0) & (factor > 0)
    rows = np.flatnonzero(use)
    parameters = {
        "objective": "regression",
        "num_leaves": 31,
        "learning_rate": 0.03,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.6,
        "verbosity": -1,
        "seed": 1,
        "num_threads": 2,
    }
    data = lightgbm.Dataset(design(one, engine.assumptions)[rows], np.log(target[rows] / factor[rows]))
    booster = lightgbm.train(parameters, data, num_boost_round=600)
    predicted = np.exp(booster.predict(design(two, engine.assumptions))) * life_factor(two, engine.assumptions)
    return pd.Series(predicted, index=two.patent_id), len(rows)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
