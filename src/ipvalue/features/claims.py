"""Claim features: how many claims, how many stand alone, and how narrow the first ones are.

Counts come from the claims' wording where it is known, else from the columns ``independent`` and ``length``
of the claims table, else (the number of claims only) from the patents table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.features import claims_parser
from ipvalue.features.base import Context, Family, Feature
from ipvalue.records.columns import Columns
from ipvalue.records.snapshot import Ragged, Snapshot

__all__ = ["FAMILY"]

Floats = npt.NDArray[np.float64]

_MARCO = "Marco, Sarnoff and deGrazia (2019), Research Policy 48"
_KUHN = "Kuhn and Thompson (2019), International Journal of the Economics of Business 26"
_FROM_WORDING = (
    "n_claims",
    "n_independent_claims",
    "first_claim_length",
    "shortest_independent_length",
    "claim_depth",
    "process_claim_share",
)
_SUMMARY_NAMES = {
    "n_claims": "n_claims",
    "n_independent_claims": "n_independent",
    "first_claim_length": "first_claim_length",
    "shortest_independent_length": "shortest_independent_length",
    "claim_depth": "max_depth",
    "process_claim_share": "share_process",
}


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    columns = _from_columns(snapshot.claims, snapshot.patents["n_claims"])
    worded = _from_wording(snapshot)
    for name, values in worded.items():
        columns[name] = np.where(np.isfinite(values), values, columns[name])
    columns["independent_claim_share"] = columns["n_independent_claims"] / columns["n_claims"]
    return columns


def _from_columns(claims: Ragged, stated: Floats) -> dict[str, Floats]:
    """What the numeric columns of the claims table tell, and the patents table where that has no row."""
    n = len(stated)
    patent, independent, length = claims.patent, claims["independent"], claims["length"]
    counts = claims.counts.astype(np.float64)
    told = np.bincount(patent[independent >= 0], minlength=n)
    alone = np.bincount(patent[independent == 1], minlength=n).astype(np.float64)
    shortest = np.full(n, np.inf)
    usable = (independent == 1) & np.isfinite(length)
    np.minimum.at(shortest, patent[usable], length[usable])
    first = np.full(n, np.nan)
    leading = np.flatnonzero(claims["number"] == 1)
    first[patent[leading]] = length[leading]
    return {
        "n_claims": np.where(counts > 0, counts, np.where(stated > 0, stated, np.nan)),
        "n_independent_claims": np.where((told > 0) & (told == claims.counts), alone, np.nan),
        "first_claim_length": first,
        "shortest_independent_length": np.where(np.isfinite(shortest), shortest, np.nan),
        "claim_depth": np.full(n, np.nan),
        "process_claim_share": np.full(n, np.nan),
    }


def _from_wording(snapshot: Snapshot) -> dict[str, Floats]:
    """What the wording tells of the patents for which every claim has one; NaN for the others."""
    claims, n = snapshot.claims, len(snapshot)
    nothing = {name: np.full(n, np.nan) for name in _FROM_WORDING}
    if not len(claims):
        return nothing
    texts = snapshot.claim_texts()
    written = np.asarray(pc.is_valid(texts["text"]).to_numpy(zero_copy_only=False), bool)
    whole = np.bincount(claims.patent[written], minlength=n) == claims.counts
    patents = np.flatnonzero(whole & (claims.counts > 0))
    if not len(patents):
        return nothing
    rows = np.flatnonzero(whole[claims.patent])
    words = texts.take(pa.array(rows))
    position = np.searchsorted(patents, claims.patent[rows])
    parsed = claims_parser.parse_claims(
        position, claims["number"][rows], words["text"], words["language"], n_rows=len(patents)
    )
    summary = claims_parser.summarise(parsed, len(patents))
    for name in _FROM_WORDING:
        nothing[name][patents] = summary[_SUMMARY_NAMES[name]]
    return nothing


def _length(name: str, definition: str, source: str) -> Feature:
    unit = "words; characters in zh and ja"
    return Feature(name, unit, 0.0, 1e7, -1, definition, source, "no wording or length is known")


FAMILY = Family(
    "claims",
    (
        Feature("n_claims", "claims", 1.0, 1e5, 1, "claims of the latest set known", _MARCO, "not known"),
        Feature(
            "n_independent_claims",
            "claims",
            0.0,
            1e5,
            1,
            "claims that refer to no other claim",
            _MARCO,
            "neither wording nor a flag for every claim is known",
        ),
        Feature(
            "independent_claim_share", "share", 0.0, 1.0, 0, "independent claims over all claims", _MARCO, "not known"
        ),
        _length("first_claim_length", "length of claim 1: longer is narrower", _KUHN),
        _length("shortest_independent_length", "length of the shortest independent claim", _MARCO),
        Feature(
            "claim_depth",
            "claims",
            0.0,
            1e5,
            0,
            "longest chain of dependent claims above which an independent one stands",
            _MARCO,
            "no wording is known",
        ),
        Feature(
            "process_claim_share",
            "share",
            0.0,
            1.0,
            0,
            "share of the independent claims that claim a process",
            "OECD Patent Statistics Manual (2009), chapter 6",
            "no wording is known",
        ),
    ),
    _compute,
)
