"""Claim features: number, dependencies, categories and length of the claims, and how examination narrowed them.

Counts and lengths come from the claims' wording where it is known, else from the columns ``independent`` and
``length`` of the claims table, else (the number of claims only) from the patents table. Depth, category and
form are read from wording alone. The last two features compare the latest claim set known with the earliest:
the granted claims with those published.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.claims import parser as claims_parser
from ipvalue.claims.parser import parse
from ipvalue.claims.patterns import normalise
from ipvalue.claims.split import number_of
from ipvalue.features.base import Context, Family
from ipvalue.records.snapshot import Ragged, Snapshot
from ipvalue.types import Columns, Dates, Floats, Ints32, Mask

__all__ = ["FAMILY", "parse"]

_SUMMARY_NAMES = {
    "n_claims": "n_claims",
    "n_independent_claims": "n_independent",
    "n_legally_independent_claims": "n_independent_legal",
    "first_claim_length": "first_claim_length",
    "shortest_independent_length": "shortest_independent_length",
    "claim_depth": "max_depth",
    "claim_depth_mean": "mean_depth",
    "claim_tree_width": "width",
    "product_claim_share": "share_product",
    "process_claim_share": "share_process",
    "use_claim_share": "share_use",
    "program_claim_share": "share_program",
    "means_plus_function_share": "share_means_plus_function",
    "claim_problem_share": "n_problems",
}
_LENGTH_OF_PREFIX = 60


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    listed = _from_columns(snapshot.claims, snapshot.patents["n_claims"])
    worded = _from_wording(snapshot, snapshot.claims, np.ones(len(snapshot), bool))
    columns = {name: np.where(np.isfinite(worded[name]), worded[name], listed[name]) for name in _SUMMARY_NAMES}
    columns["independent_claim_share"] = columns["n_independent_claims"] / columns["n_claims"]
    return columns | _narrowing(snapshot, listed, worded)


def _from_columns(claims: Ragged, stated: Floats) -> dict[str, Floats]:
    """Features from the numeric columns of a claim set, else from the patents table."""
    n = len(stated)
    patent, independent, length = claims.patent, claims["independent"], claims["length"]
    counts = claims.counts.astype(np.float64)
    marked = np.bincount(patent[independent >= 0], minlength=n)
    alone = np.bincount(patent[independent == 1], minlength=n).astype(np.float64)
    shortest = np.full(n, np.inf)
    usable = (independent == 1) & np.isfinite(length)
    np.minimum.at(shortest, patent[usable], length[usable])
    first = np.full(n, np.nan)
    leading = np.flatnonzero(claims["number"] == 1)
    first[patent[leading]] = length[leading]
    return dict.fromkeys(_SUMMARY_NAMES, np.full(n, np.nan)) | {
        "n_claims": np.where(counts > 0, counts, np.where(stated > 0, stated, np.nan)),
        "n_independent_claims": np.where((marked > 0) & (marked == claims.counts), alone, np.nan),
        "first_claim_length": first,
        "shortest_independent_length": np.where(np.isfinite(shortest), shortest, np.nan),
    }


def _from_wording(snapshot: Snapshot, claims: Ragged, wanted: Mask) -> dict[str, Floats]:
    """Features from the wording of the wanted patents whose claims all have one; NaN for the others."""
    n = len(snapshot)
    result = {name: np.full(n, np.nan) for name in (*_SUMMARY_NAMES, "language")}
    if not len(claims) or not wanted.any():
        return result
    texts = snapshot.claim_texts(claims)
    written = np.asarray(pc.is_valid(texts["text"]).to_numpy(zero_copy_only=False), bool)
    complete = (np.bincount(claims.patent[written], minlength=n) == claims.counts) & (claims.counts > 0) & wanted
    patents = np.flatnonzero(complete)
    if not len(patents):
        return result
    rows = np.flatnonzero(complete[claims.patent])
    words, counts = texts.take(pa.array(rows)), claims.counts[patents]
    ends = np.cumsum(counts)
    numbered = _numbered(claims["number"][rows], words["text"].to_pylist())
    sets = [numbered[end - count : end] for end, count in zip(ends.tolist(), counts.tolist())]
    parsed = parse(sets, words["language"].take(pa.array(ends - counts)).to_pylist())
    summary = claims_parser.summarise(parsed, len(patents))
    for name, of_summary in _SUMMARY_NAMES.items():
        result[name][patents] = summary[of_summary]
    result["claim_problem_share"] /= result["n_claims"]
    result["language"][patents[parsed.row]] = parsed.language
    return result


def _numbered(numbers: Ints32, texts: list[str]) -> list[str]:
    """Put the number of the table before each wording that does not begin with a number."""
    return [
        text if number_of(normalise(text[:_LENGTH_OF_PREFIX]))[0] else f"{number}. {text}"
        for number, text in zip(numbers.tolist(), texts)
    ]


def _narrowing(snapshot: Snapshot, listed: Columns, worded: Columns) -> Columns:
    """Change from the earliest claim set to the latest, both read in the same way and language."""
    first, latest = snapshot.first_claims, snapshot.claims
    several = _date(first) < _date(latest)
    columns_first = _from_columns(first, np.full(len(snapshot), np.nan))
    worded_first = _from_wording(snapshot, first, several & np.isfinite(worded["language"]))
    by_wording = np.where(worded["language"] == worded_first["language"], _growth(worded, worded_first), np.nan)
    growth = np.where(np.isfinite(worded["language"]), by_wording, _growth(listed, columns_first))
    return {
        "claims_added": np.where(several, latest.counts - first.counts, np.nan),
        "independent_length_growth": np.where(several, growth, np.nan),
    }


def _growth(latest: Columns, first: Columns) -> Floats:
    """Logarithm of the ratio of the shortest independent claims' lengths; NaN where one is unknown or empty."""
    name = "shortest_independent_length"
    known = (latest[name] > 0) & (first[name] > 0)
    return np.asarray(np.log(np.where(known, latest[name], np.nan) / np.where(known, first[name], np.nan)))


def _date(claims: Ragged) -> Dates:
    """Date of each patent's set; NaT where it has none."""
    dates = np.append(claims["date"], np.datetime64("NaT", "D"))
    return np.asarray(dates[np.where(claims.counts > 0, claims.pointers[:-1], len(claims))])


FAMILY = Family.listed("claims", _compute)
