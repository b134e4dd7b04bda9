"""Summary of parsed claims, one row a patent: counts, lengths, depths and shares."""

from __future__ import annotations

import numpy as np

from ipvalue.claims.parsed import Dependency, ParsedClaims
from ipvalue.claims.tree import claim_depths
from ipvalue.claims.wording import CATEGORIES
from ipvalue.types import Floats, Ints, Ints32, Mask

__all__ = ["summarise"]


_SHARES = {
    "share_product": ("product", "purpose_limited_product"),
    "share_process": ("process",),
    "share_use": ("use", "swiss_use"),
    "share_program": ("crm", "program"),
}


def summarise(parsed: ParsedClaims, n_rows: int | None = None) -> dict[str, Floats]:
    """Summarise each row's claims.

    Parameters
    ----------
    parsed : ParsedClaims
        What :func:`ipvalue.claims.parser.parse` gave.
    n_rows : int, optional
        Length of the results; by default the number of rows parsed.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_rows,)
        ``n_claims``, ``n_independent`` (no reference at all), ``n_independent_legal`` (also those
        independent by reference), ``n_dependent`` (the rest), ``first_claim_length`` (of the lowest number),
        ``shortest_independent_length`` (of those without any reference), ``mean_depth`` and ``max_depth``
        (references between a claim and the nearest legally independent one it rests on), ``width`` (most
        dependent claims at one depth), ``share_product``, ``share_process``, ``share_use`` and
        ``share_program`` (of the legally independent claims), ``share_means_plus_function`` (of all claims) and
        ``n_problems`` (claims with one). NaN where a row has no claim, and where it has no claim of the sort.

    Notes
    -----
    A claim independent by reference takes in the words of another; its own length says nothing about its scope, so
    it is not counted for the shortest. A claim with several routes to independent claims has the depth of the shortest.

    References
    ----------
    Marco, Sarnoff and deGrazia (2019), Research Policy 48(9).

    Examples
    --------
    >>> from ipvalue.claims.parser import parse
    >>> rows = summarise(parse(["1. A pump.\\n2. The pump of claim 1.\\n3. The pump of claim 2.", None]))
    >>> rows["n_independent"].tolist(), rows["max_depth"].tolist()
    ([1.0, nan], [2.0, nan])
    """
    n = parsed.n_rows if n_rows is None else n_rows
    row = parsed.row
    strict = parsed.dependency == Dependency.INDEPENDENT
    legal = strict | (parsed.dependency == Dependency.INDEPENDENT_BY_REFERENCE)
    claims = _count(row, np.ones(row.size, dtype=bool), n)
    independent = _count(row, legal, n)
    depth = _depths(parsed, legal)
    with np.errstate(invalid="ignore", divide="ignore"):
        summary = {
            "n_claims": claims,
            "n_independent": _count(row, strict, n),
            "n_independent_legal": independent,
            "n_dependent": _count(row, ~legal, n),
            "first_claim_length": _first_length(parsed, n),
            "shortest_independent_length": _smallest(row[strict], parsed.length[strict], n),
            "mean_depth": np.bincount(row, weights=depth, minlength=n) / claims,
            "max_depth": _largest(row, depth, n),
            "width": _width(row, depth, n),
            "share_means_plus_function": _count(row, parsed.means_plus_function, n) / claims,
            "n_problems": _count(row, parsed.problems > 0, n),
        }
        for name, members in _SHARES.items():
            of_kind = np.isin(parsed.category, [CATEGORIES.index(each) for each in members])
            summary[name] = _count(row, legal & of_kind, n) / independent
    return {name: np.where(claims > 0, values, np.nan) for name, values in summary.items()}


def _count(row: Ints, which: Mask, n: int) -> Floats:
    """Number of claims of each row that are selected."""
    return np.bincount(row[which], minlength=n).astype(np.float64)


def _largest(row: Ints, values: Ints, n: int) -> Floats:
    """Largest value of each row, 0 where there is none."""
    result = np.zeros(n)
    np.maximum.at(result, row, values)
    return result


def _smallest(row: Ints, values: Ints32, n: int) -> Floats:
    """Smallest value of each row, NaN where there is none."""
    result = np.full(n, np.inf)
    np.minimum.at(result, row, values)
    return np.where(np.isinf(result), np.nan, result)


def _first_length(parsed: ParsedClaims, n: int) -> Floats:
    """Length of each row's claim of the lowest number."""
    result = np.full(n, np.nan)
    order = np.lexsort((-np.arange(parsed.row.size), -parsed.number, parsed.row))
    result[parsed.row[order]] = parsed.length[order]
    return result


def _depths(parsed: ParsedClaims, legal: Mask) -> Ints:
    """Depth of each claim; references to later claims, to itself or to missing claims are ignored."""
    child, parent = parsed.edge_claim, parsed.edge_parent
    usable = (parent >= 0) & (parsed.edge_number < parsed.number[child])
    return claim_depths(child[usable], parent[usable], legal)


def _width(row: Ints, depth: Ints, n: int) -> Floats:
    """Largest number of dependent claims of a row at one depth."""
    dependent = depth > 0
    span = int(depth.max(initial=0)) + 1
    levels, counts = np.unique(row[dependent] * span + depth[dependent], return_counts=True)
    return _largest(levels // span, counts.astype(np.int64), n)
