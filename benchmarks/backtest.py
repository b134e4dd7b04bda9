"""Whether intervals hold out of time, and whether a backtest on deals ranks engines as the truth does.

    python -m benchmarks.backtest [patents] [seed] [workers]
    python -m benchmarks.backtest [patents] [seed,seed,...] [workers]    coverage alone, over several books

A synthetic book. First the default engine, refitted at the end of each half-year with what was known then: coverage of
its intervals by the prices of the following half-year. Then the same with a year between refits, so that prices are up
to a year later than the features. Then engines of different quality, ranked by deals and by the truth. Last, on real
US university patents: renewals foretold from those known by a day.
"""

from __future__ import annotations

import sys
import time

import pandas as pd

import ipvalue as ipv
from benchmarks.report import publish
from ipvalue.evaluation import Backtest, renewal_score
from tests.shared_data import DATA

HALF_YEARS = [str(day.date()) for day in pd.date_range("2018-12-31", "2024-06-30", freq="6ME")]
YEARS = [day for day in HALF_YEARS if day.endswith("12-31") and day > "2020"]


def main(patents: int = 100_000, seed: int = 7, workers: int = 2) -> None:
    book = ipv.synthetic_book(patents, seed=seed)
    command = f"python -m benchmarks.backtest {patents} {seed} {workers}"
    runs = {}
    for name, dates, years in (("half a year", HALF_YEARS, 0.5), ("a year", YEARS, 1.0)):
        started = time.perf_counter()
        test = ipv.backtest(ipv.ValuationEngine(), book, dates, horizon_years=years, workers=workers)
        runs[name] = (test, time.perf_counter() - started)
    publish_coverage(runs, patents, seed, command)
    publish_scores(runs["half a year"][0], command)
    publish_ranking(book, workers, command)
    publish_renewals(command)


def publish_coverage(runs: dict[str, tuple[Backtest, float]], patents: int, seed: int, command: str) -> None:
    """Nominal and observed coverage, by the horizon."""
    rows, notes = [], []
    for name, (test, seconds) in runs.items():
        rows += [
            {
                "refitted and judged every": name,
                "interval": f"{row.nominal:.0%}",
                "covers": f"{row.observed:.1%}",
                "95 % bootstrap interval": f"{row.low:.1%} to {row.high:.1%}",
                "prices below, above": f"{row.below:.1%}, {row.above:.1%}",
                "spans a factor of": round(row.factor, 1),
                "within 2 points": "yes" if abs(row.observed - row.nominal) <= 0.02 else "no",
            }
            for row in test.coverage(draws=1_000).itertuples()
        ]
        learnt = test.folds["deals_learnt"]
        twice = test.table.duplicated(["patent_id", "target_date"]).sum()
        notes.append(
            f"every {name}: {len(test.folds)} dates from {test.folds.index[0]}, {len(test):,} deals judged, "
            f"{learnt.min():,} to {learnt.max():,} learnt, {seconds:.0f} s, "
            f"{twice:,} deals counted twice where half-years are shorter than half a year"
        )
    text = f"{patents:,} patents, seed {seed}, the default engine; {'; '.join(notes)}. Intervals drawn by owner."
    publish("Backtest: coverage out of time", command, pd.DataFrame(rows), text)


def publish_books(patents: int, seeds: list[int], workers: int) -> None:
    """Coverage over several books, each refitted once a year: how much is chance of the book."""
    tests = {}
    for seed in seeds:
        book = ipv.synthetic_book(patents, seed=seed)
        tests[f"seed {seed}"] = ipv.backtest(
            ipv.ValuationEngine(), book, YEARS, horizon_years=1.0, workers=workers
        ).table
    tests["all"] = pd.concat(tests.values(), ignore_index=True)
    rows = []
    for name, table in tests.items():
        table = table[table["value"] > 0]
        row = {"book": name, "deals": f"{len(table):,}"}
        for nominal, low, high in ((50, "q25", "q75"), (80, "q10", "q90"), (90, "q05", "q95")):
            inside = (table[low] <= table["target"]) & (table["target"] <= table[high])
            row[f"{nominal}%"] = f"{inside.mean():.1%}"
        rows.append(row)
    told = f"python -m benchmarks.backtest {patents} {','.join(map(str, seeds))} {workers}"
    notes = (
        "The default engine, refitted at the end of each year from 2020 to 2023 and judged by the prices of the next."
    )
    publish("Backtest: coverage over books", told, pd.DataFrame(rows), notes)


def publish_scores(test: Backtest, command: str) -> None:
    """Metrics of the engine and of its methods, on deals and against the truth of the same patents."""
    parts = []
    for against, label in (("target", "price"), ("truth", "true value")):
        part = test.summary(against=against, draws=500)
        part.insert(0, "against", label)
        parts.append(part.reset_index())
    table = pd.concat(parts, ignore_index=True)
    table["Spearman"] = [
        f"{r.spearman:.3f} ({r.spearman_low:.3f} to {r.spearman_high:.3f})" for r in table.itertuples()
    ]
    table["log RMSE"] = [
        f"{r.log_rmse:.3f} ({r.log_rmse_low:.3f} to {r.log_rmse_high:.3f})" for r in table.itertuples()
    ]
    columns = ["value_by", "against", "n", "log RMSE", "bias", "median_ape", "Spearman", "gini", "r2_log", "crps_log"]
    found = []
    for loss in ("squared_log_error", "crps_log"):
        tests = test.tests(loss=loss).query("first == 'reconciled'")
        against = [f"{r.second} {r.difference:+.3f} (p {r.p_value:.1g}, {r.n:,} deals)" for r in tests.itertuples()]
        found.append(f"{loss}: {', '.join(against)}")
    notes = (
        "Diebold-Mariano tests over owners on prices, reconciled less each method on the deals that both value (below "
        f"0 the reconciled value is nearer). {'; '.join(found)}."
    )
    publish("Backtest: scores out of time", command, table[[*columns, "coverage_90"]].round(3), notes)


def publish_ranking(book: ipv.Book, workers: int, command: str) -> None:
    """Engines of different quality, by the deals ahead and by the truth of all held-out patents."""
    engines = {
        "default": ipv.ValuationEngine(),
        "comparable sales": ipv.ValuationEngine([ipv.ComparableSales()]),
        "replacement cost": ipv.ValuationEngine([ipv.ReplacementCost()]),
    }
    rows = []
    for target, label in (("deals", "deals ahead"), ("truth", "true values")):
        found = ipv.compare(engines, book, ["2021-12-31", "2023-12-31"], target=target, workers=workers)
        table = found.summary(draws=0)
        tests = found.tests(draws=100).set_index(["first", "second"])["p_value"]
        rank = table["log_rmse"].rank().astype(int)
        for name, row in table.iterrows():
            p = "" if name == "default" else f"{tests['default', name]:.1g}"
            rows.append(
                {
                    "judged by": label,
                    "engine": name,
                    "patents": f"{int(row['n']):,}",
                    "log RMSE": round(row["log_rmse"], 3),
                    "Spearman": round(row["spearman"], 3),
                    "rank": rank[name],
                    "Diebold-Mariano p against default": p,
                }
            )
    notes = "Two dates, the patents that all three value; ranks by log RMSE."
    publish("Backtest: ranking by deals and by the truth", command, pd.DataFrame(rows), notes)


def publish_renewals(command: str) -> None:
    """Real renewals after a day, foretold from those before it."""
    path = DATA / "us_university_renewals" / "renewals_granted_2004_2005.csv"
    if not path.exists():
        return
    book = ipv.read_university_renewals(path)
    rows = []
    for features in ((), ("n_claims", "n_inventors", "npl_citations")):
        method = ipv.RenewalOption(features=features)
        found = renewal_score(book, cut="2014-06-30", until="2017-09-06", method=method)
        rows.append(
            {
                "features": ", ".join(features) or "none",
                "rights judged": f"{found.rights:,}",
                "learnt": f"{found.learnt:,}",
                "log-likelihood": round(found.log_likelihood, 1),
                "by age only": round(found.age_only, 1),
                "gain per right": f"{found.gain:+.4f} (standard error {found.gain_error:.4f})",
                "let go, observed": f"{found.let_go:.1%}",
                "let go, foretold": f"{found.expected:.1%}",
            }
        )
    notes = (
        "US university patents granted 2004 and 2005: fitted on what was known on 30 June 2014 (the fees of the 4th "
        "and 8th year), judged by the fee of the 12th year, on which nobody had decided. Age only takes the share let "
        "go at the last fee seen."
    )
    publish("Backtest: real renewals out of time", command, pd.DataFrame(rows), notes)


if __name__ == "__main__":
    if len(sys.argv) > 2 and "," in sys.argv[2]:
        publish_books(int(sys.argv[1]), [int(s) for s in sys.argv[2].split(",")], int((*sys.argv[3:], 2)[0]))
    else:
        main(*(int(a) for a in sys.argv[1:]))
