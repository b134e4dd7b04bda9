"""How long owners keep paying: the share of rights still renewed by years since grant, counted and foretold.

Counted as an actuary does (Kaplan and Meier): a right that ended in another way, whose term is over or whose next fee
is not settled yet, counts in the years that it was seen in. Foretold by a fitted renewal model for the same rights in
the same years, so that the two differ only by what owners did and what the model says that they do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from ipvalue.errors import BookError
from ipvalue.evidence.renewal_history import Histories, Thresholds, histories
from ipvalue.evidence.subject import Subject
from ipvalue.finance.renewal import renewal_probability
from ipvalue.methods.renewal_option import RenewalOption
from ipvalue.model import Model
from ipvalue.types import Floats, Ints, Mask
from ipvalue.valuation import Valuation

__all__ = ["Curve", "counted_survival", "expected_survival", "renewal_survival"]

_TWO_SIDED = 1.959963984540054


class Curve(NamedTuple):
    """Share kept beyond each year, with its 95 % interval; one element a year since grant."""

    share: Floats
    low: Floats
    high: Floats


def renewal_survival(valuation: Valuation, *, jurisdiction: str | None = None) -> pd.DataFrame:
    """Share of rights still renewed by years since grant, as known on the valuation date.

    Parameters
    ----------
    valuation : Valuation
        Made by an engine, not read from a file. Where the engine has a fitted :class:`ipvalue.RenewalOption`, its
        prediction is there too.
    jurisdiction : str, optional
        One office. Offices ask for fees at other ages and of other amounts; by default all are counted together.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``year`` since grant, up to the last in which a right was at risk: ``at_risk`` (rights of which it is
        settled whether they were kept beyond it), ``let_go`` (of these), ``share`` kept beyond it with ``low`` and
        ``high``, and ``expected``, ``expected_low`` and ``expected_high``, NaN without a fitted model.

    Raises
    ------
    BookError
        If the valuation was read from a file, or the book holds no renewals that a fee schedule covers.

    Notes
    -----
    The interval of ``expected`` is where the counted share lies in 95 of 100 such books if the model is right; the
    fit's own error is not in it. A model that was fitted to the same renewals is judged in sample:
    :func:`ipvalue.evaluation.renewal_score` judges it by renewals after its fit.

    References
    ----------
    Kaplan and Meier (1958), Journal of the American Statistical Association 53; Schankerman and Pakes (1986), Economic
    Journal 96.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(400, seed=7)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> table = renewal_survival(engine.value(book.as_of("2024-12-31")))
    >>> bool((table["share"].diff().dropna() <= 0).all())
    True
    """
    sheet = valuation.worksheet
    if sheet is None or sheet.snapshot is None:
        raise BookError("these values were read from a file; to count renewals, value their snapshot with the engine")
    subject = sheet.subject
    known = histories(sheet.snapshot, subject)
    if jurisdiction is not None:
        known = known.take(np.asarray(subject.jurisdiction[known.row] == jurisdiction))
    if not len(known.row):
        where = f" of {jurisdiction}" if jurisdiction else ""
        raise BookError(f"the book holds no granted right{where} with settled renewals under a known fee schedule")
    at_risk, gone = _counts(known.years, known.lapsed)
    counted = counted_survival(known.years, known.lapsed)
    reach = _reach(sheet.model, subject, known)
    foretold = Curve(*np.full((3, len(at_risk)), np.nan))
    if reach is not None:
        foretold = expected_survival(known.years, known.lapsed, reach)
    columns = {"at_risk": at_risk, "let_go": gone, "share": counted.share, "low": counted.low, "high": counted.high}
    columns |= {"expected": foretold.share, "expected_low": foretold.low, "expected_high": foretold.high}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(at_risk), name="year"))


def counted_survival(years: Ints, let_go: Mask) -> Curve:
    """Share of rights kept beyond each year, from histories.

    Parameters
    ----------
    years : ndarray of int, shape (n,)
        For how many years each right was paid for.
    let_go : ndarray of bool, shape (n,)
        Whether the next fee was then not paid; else nothing is known beyond.

    Returns
    -------
    Curve

    Notes
    -----
    ``S(a) = prod over s <= a of (1 - d_s / n_s)``, with d the rights let go after s years and n those of which that is
    known. The interval is Greenwood's, on ln(-ln S).

    References
    ----------
    Kaplan and Meier (1958); Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, 1.4.

    Examples
    --------
    >>> counted_survival(np.array([1, 1, 2, 2, 3]), np.array([True, False, True, False, False])).share.tolist()
    [1.0, 0.75, 0.375]
    """
    at_risk, gone = _counts(years, let_go)
    hazard = gone / at_risk
    return _curve(hazard, at_risk * hazard * (1.0 - hazard), at_risk)


def expected_survival(years: Ints, let_go: Mask, reach: Floats) -> Curve:
    """Share that a model expects to be kept beyond each year, of the rights that are at risk in it.

    Parameters
    ----------
    years, let_go : ndarray, shape (n,)
        As in :func:`counted_survival`: they say which rights are at risk, not what became of them.
    reach : ndarray, shape (n, m)
        Probability that each right is kept for 0, 1, ... years, not rising.

    Returns
    -------
    Curve

    Notes
    -----
    As there, with the mean over the rights at risk of the chance ``h = 1 - reach_(s+1) / reach_s`` in the place of
    d / n, and the variance of d the sum of h (1 - h).

    Examples
    --------
    >>> reach = np.array([[1.0, 1.0, 0.5, 0.25]] * 4)
    >>> expected_survival(np.array([1, 1, 2, 3]), np.array([True, False, True, False]), reach).share.tolist()
    [1.0, 0.5, 0.25]
    """
    at_risk, _ = _counts(years, let_go)
    seen = np.arange(len(at_risk)) < (years + let_go)[:, None]
    before, after = reach[:, : len(at_risk)], reach[:, 1 : len(at_risk) + 1]
    chance = np.where(seen & (before > 0), 1.0 - after / np.where(before > 0, before, 1.0), 0.0)
    return _curve(chance.sum(axis=0) / at_risk, (chance * (1.0 - chance)).sum(axis=0), at_risk)


def _counts(years: Ints, let_go: Mask) -> tuple[Ints, Ints]:
    """Rights at risk after each number of years, and those of them let go then."""
    horizon = int((years + let_go).max(initial=0))
    decided = np.bincount(years + let_go, minlength=horizon + 1)
    at_risk = len(years) - np.cumsum(decided)[:horizon]
    return np.asarray(at_risk, np.int64), np.bincount(years[let_go], minlength=horizon)[:horizon].astype(np.int64)


def _curve(hazard: Floats, variance: Floats, at_risk: Ints) -> Curve:
    """Survival from hazards and the variances of the counts, with its interval."""
    with np.errstate(all="ignore"):
        share = np.cumprod(1.0 - hazard)
        spread = np.sqrt(np.cumsum(variance / (at_risk * (1.0 - hazard)) ** 2)) / np.abs(np.log(share))
        ends = [share ** np.exp(sign * _TWO_SIDED * spread) for sign in (1.0, -1.0)]
    low, high = (np.where((share > 0) & (share < 1), end, share) for end in ends)
    return Curve(np.asarray(share, np.float64), low, high)


def _reach(model: Model, subject: Subject, known: Histories) -> Floats | None:
    """By the engine's renewal model, the probability that each right is kept for 0, 1, ... years; None without one."""
    for method in model.methods:
        state = model.state(method)
        if isinstance(method, RenewalOption) and state.numbers:
            chosen = subject.take(known.row)
            mu = method.estimate(chosen, state, model.assumptions).details["log_return"]
            table = Thresholds(known.fees, model.assumptions.discount_rate(chosen.field)).table(state.numbers["decay"])
            return renewal_probability(table, mu, state.numbers["sigma"])
    return None
