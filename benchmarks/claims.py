"""The claim parser in claims per second: real US, Chinese and Japanese sets, and composed ones.

    IPVALUE_DATA_DIR=../shared/data python -m benchmarks.claims [claims]

The parser reads equal texts once, so every repetition ends its claims with a serial number of its own: no reading
is saved. The peer is one regular expression for the word claim and a digit, the least that a parser must search.
"""

from __future__ import annotations

import re
import sys
import time

import pandas as pd

from benchmarks.report import publish
from ipvalue.claims.parser import parse, summarise
from ipvalue.claims.split import numbered_claims
from tests.claims.claim_sets_composed import composed_sets
from tests.claims.claim_sets_real import LABELS, claim_set
from tests.shared_data import DATA

ANCHOR = re.compile(r"(?:claims?|Ansprüche?n?|权利要求|請求項)\s?\d+", re.IGNORECASE)


def american() -> list[list[str]]:
    """Real US claims by patent."""
    table = pd.read_csv(DATA / "uspto_grant_xml" / "derived_claims.tsv", sep="\t", dtype=str)
    return list(table.groupby("patent", sort=False)["text"].agg(list))


def real(office: str) -> list[list[str]]:
    """Real sets of an office."""
    return [_listed(claim_set(DATA, label)) for label in LABELS if label["office"] == office]


def composed(language: str) -> list[list[str]]:
    """Composed sets of a language."""
    return [_listed(each.text) for each in composed_sets(language)]


def _listed(claims: str | list[str]) -> list[str]:
    return [f"{number}. {body}" for number, body in numbered_claims(claims)]


def measured(sets: list[list[str]], language: str, wanted: int) -> tuple[int, float, float, float]:
    """Claims, their mean length in characters, and the best of three times of parser and peer."""
    once = sum(map(len, sets))
    times = max(1, wanted // once)
    rows = [[f"{claim} {turn}" for claim in each] for turn in range(times) for each in sets]
    texts = [claim for row in rows for claim in row]
    parsing, searching = [], []
    for _ in range(3):
        started = time.perf_counter()
        summarise(parse(rows, language))
        parsing.append(time.perf_counter() - started)
        started = time.perf_counter()
        for text in texts:
            ANCHOR.search(text)
        searching.append(time.perf_counter() - started)
    return len(texts), sum(map(len, texts)) / len(texts), min(parsing), min(searching)


def main(wanted: int = 60_000) -> None:
    sources = [
        ("US, real", american(), "en"),
        ("CN, real", real("CN"), "zh"),
        ("JP, real", real("JP"), "ja"),
        ("EP, real", real("EP"), "en"),
        ("Chinese, composed", composed("zh"), "zh"),
        ("German, composed", composed("de"), "de"),
        ("Japanese, composed", composed("ja"), "ja"),
    ]
    rows = []
    for name, sets, language in sources:
        claims, length, parsing, searching = measured(sets, language, wanted)
        speed = f"{claims / parsing:,.0f}"
        rows.append((name, f"{claims:,}", f"{length:.0f}", speed, f"{parsing / searching:.1f}"))
    columns = ["claims of", "claims", "mean characters", "claims a second", "time over one regular expression"]
    notes = "One core, best of 3: texts to references, category, form, length, tree and one summary row a patent."
    publish("Claim parser", f"python -m benchmarks.claims {wanted}", pd.DataFrame(rows, columns=columns), notes)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
