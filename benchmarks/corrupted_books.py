"""Rows in are rows valued plus rows refused, over many randomly corrupted books.

    python -m benchmarks.corrupted_books [books] [first seed]

Each book is damaged by its seed (``tests/records/corruption.py``): wrong types, nulls, NaN, infinity, dates that do not
exist, repeats, negative prices, unknown codes, huge strings, wrong encodings, columns swapped, misspelt or missing,
tables emptied or gone. The law that each must obey is ``judge`` there; every fifth book is also learnt from.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter

import pandas as pd
from tqdm import tqdm

from benchmarks.report import publish
from tests.records.corruption import Verdict, clean_books, corrupted, judge, judge_engine

FIT_EVERY = 5


def main(books: int = 10_000, first: int = 0) -> int:
    engine, clean = judge_engine(), clean_books()
    verdicts: list[Verdict] = []
    breaches: list[tuple[int, str]] = []
    started = time.perf_counter()
    for seed in tqdm(range(first, first + books), mininterval=5):
        tables = corrupted(clean[seed % len(clean)], seed)
        try:
            verdicts.append(judge(tables, engine, seed, fit=seed % FIT_EVERY == 0))
        except Exception:  # a crash of any kind is what is looked for
            breaches.append((seed, traceback.format_exc()))
    for seed, trace in breaches[:5]:
        print(f"seed {seed}:\n{trace}")
    summarise(verdicts, breaches, books, first, time.perf_counter() - started)
    return len(breaches)


def summarise(verdicts: list[Verdict], breaches: list[tuple[int, str]], books: int, first: int, seconds: float) -> None:
    """Print and keep the counts."""
    frame = pd.DataFrame(verdicts)
    outcomes = Counter(frame["outcome"])
    rows = {"books": books, "breaches of the law (crash, lost row, silent zero, missing reason)": len(breaches)}
    rows |= {f"books {'valued' if name == 'valued' else f'refused with {name}'}": n for name, n in outcomes.items()}
    rows |= {
        "books learnt from": int(frame["fitted"].sum()),
        "rows in": int(frame["rows_in"].sum()),
        "rows refused or repeats dropped": int(frame["rows_set_aside"].sum()),
        "patents in snapshots": int(frame["patents"].sum()),
        "patents with a value (0 of a dead right included)": int(frame["with_value"].sum()),
        "patents with a reason instead": int((frame["patents"] - frame["with_value"]).sum()),
    }
    table = pd.DataFrame({"what": list(rows), "count": [f"{n:,}" for n in rows.values()]})
    publish(
        "Corrupted books",
        f"python -m benchmarks.corrupted_books {books} {first}",
        table,
        f"{seconds / books * 1e3:.0f} ms a book on one core, making it included.",
    )


if __name__ == "__main__":
    sys.exit(1 if main(*(int(a) for a in sys.argv[1:])) else 0)
