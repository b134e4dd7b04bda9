"""Tests of a renewal model: renewals predicted out of time, and the share of rights renewed by years since grant.

Neither needs a price. :func:`renewal_score` fits the model as of a day and scores it by what owners decided afterwards.
:func:`renewal_survival` sets the model's prediction beside the Kaplan-Meier estimate for the same rights and years: a
right that ended in another way, whose term is over or whose next fee is not settled yet, is censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import BookError
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.renewal_history import Histories, Thresholds, histories
from ipvalue.evidence.subject import Deals, Evidence, Subject
from ipvalue.finance.renewal import renewal_probability
from ipvalue.finance.renewal_fit import interval_log_likelihood
from ipvalue.methods.base import State
from ipvalue.methods.renewal_option import RenewalOption
from ipvalue.model import Model
from ipvalue.records.book import Book, Known, parse_date
from ipvalue.types import Floats, Ints, Mask
from ipvalue.valuation import Valuation

__all__ = ["Curve", "RenewalScore", "counted_survival", "expected_survival", "renewal_score", "renewal_survival"]


@dataclass(frozen=True)
class RenewalScore:
    """How well renewals after a day were predicted.

    Attributes
    ----------
    learnt : int
        Histories that the model was fitted to.
    rights : int
        Rights scored: in force by all that was known on the cut, and with a decision known since.
    lapsed, expected : float
        Share of these that lapsed at the next fee after the cut, and the share that the model predicted.
    log_likelihood, age_only : float
        Sum of the log-probabilities of what happened, by the model and by the share that lapsed at each age.
    gain, gain_error : float
        Mean difference of the two per right, and its standard error.
    """

    learnt: int
    rights: int
    lapsed: float
    expected: float
    log_likelihood: float
    age_only: float
    gain: float
    gain_error: float


def renewal_score(
    book: Book,
    *,
    cut: object,
    until: object,
    method: RenewalOption | None = None,
    assumptions: Assumptions | None = None,
    known: Known = "announced",
) -> RenewalScore:
    """Fit a renewal model as of a day and score it by the renewals known later.

    Parameters
    ----------
    book : Book
    cut : date-like
        Day of the fit.
    until : date-like
        Day until which decisions count.
    method : RenewalOption, optional
    assumptions : Assumptions, optional
        By default ``Assumptions.default("US")``.
    known : {'announced', 'loaded'}

    Returns
    -------
    RenewalScore

    Raises
    ------
    BookError
        If ``until`` is not after ``cut``, the model cannot be fitted, or no right has a later decision.

    Notes
    -----
    The score of a right is ln P(renewed or lapsed as known by ``until`` | in force as known by ``cut``), with the
    parameters, features and fees known on the cut. The benchmark knows the age only: the probability to lapse at a fee
    is the share that lapsed at this age before the cut, ``(lapsed + 1/2) / (decided + 1)``, or that of the nearest
    earlier age where there was no decision.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102 (logarithmic score); Schankerman and Pakes
    (1986), Economic Journal 96.
    """
    first, last = parse_date(cut), parse_date(until)
    if last <= first:
        raise BookError(f"until={last} must be after cut={first}")
    method = RenewalOption() if method is None else method
    assumptions = Assumptions.default("US") if assumptions is None else assumptions
    before, after = (_evidence(book, day, known, assumptions) for day in (first, last))
    state = method.fit(before, assumptions)
    if not state.numbers:
        raise BookError(f"the book holds too few renewals known on {first} to fit the renewal model")
    seen = histories(before.snapshot, before.subject)
    start, end = _undecided(before, seen, after)
    if not len(start.row):
        raise BookError(f"no right in force on {first} has a decision known by {last}")
    model = _conditional(method, before, state, assumptions, start, end)
    naive = _age_only(seen, start.years, end)
    following = _next_fee(start)
    stays = _conditional(
        method, before, state, assumptions, start, end._replace(years=following + 1, lapsed=np.zeros(len(naive), bool))
    )
    gain = model - naive
    return RenewalScore(
        learnt=len(seen.row),
        rights=len(gain),
        lapsed=float((end.lapsed & (end.years <= following)).mean()),
        expected=float(1.0 - np.exp(stays).mean()),
        log_likelihood=float(model.sum()),
        age_only=float(naive.sum()),
        gain=float(gain.mean()),
        gain_error=float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.nan,
    )


def _evidence(book: Book, day: np.datetime64, known: Known, assumptions: Assumptions) -> Evidence:
    """What was known on a day, without deals, which a renewal model does not use."""
    snapshot = book.as_of(day, known=known)
    subject = prepare(snapshot, assumptions)
    nothing = np.zeros(0, np.int64)
    return Evidence(snapshot, subject, Deals(subject.take(nothing), np.zeros(0), np.zeros(0, "datetime64[D]")))


def _undecided(before: Evidence, seen: Histories, after: Evidence) -> tuple[Histories, Histories]:
    """Rights in force on the cut with later decisions: their histories on both days, with the fees known on the cut."""
    later = histories(after.snapshot, after.subject)
    place = np.full(len(after.subject), -1)
    place[later.row] = np.arange(len(later.row))
    # patents are sorted, and every patent of the earlier snapshot is in the later one
    found = place[np.searchsorted(after.snapshot.patent_ids, before.snapshot.patent_ids[seen.row])]
    years = np.where(found >= 0, later.years[found], -1)
    gone = (found >= 0) & later.lapsed[found]
    # a lapse before the cut that became known later (a correction) is no later decision
    news = ~seen.lapsed & ((years > seen.years) | (gone & (years == seen.years)))
    start = seen.take(news)
    return start, start._replace(years=years[news], lapsed=gone[news])


def _conditional(
    method: RenewalOption, before: Evidence, state: State, assumptions: Assumptions, start: Histories, end: Histories
) -> Floats:
    """Log-probability of each later history, given the earlier one."""
    subject = before.subject.take(start.row)
    mu = method.estimate(subject, state, assumptions).details["log_return"]
    thresholds = Thresholds(start.fees, assumptions.discount_rate(subject.field))
    sigma, decay = state.numbers["sigma"], state.numbers["decay"]
    scores = [
        interval_log_likelihood(thresholds.bounds(decay, known.years, known.lapsed), mu, sigma)
        for known in (end, start)
    ]
    return scores[0] - scores[1]


def _next_fee(known: Histories) -> Ints:
    """Year since grant of the first fee after what was paid."""
    ahead = np.arange(known.fees.shape[1]) >= known.years[:, None]
    return np.asarray((ahead & (known.fees > 0)).argmax(axis=1), np.int64)


def _age_only(seen: Histories, paid: Ints, end: Histories) -> Floats:
    """Log-probability of each later history by the share that lapsed at each age before the cut."""
    total, hazard = np.zeros(len(end.row)), 0.5
    for year in range(end.fees.shape[1]):
        stop = seen.lapsed & (seen.years == year)
        decided = (stop | (seen.years > year)) & (seen.fees[:, year] > 0)
        if decided.any():
            hazard = float((stop.sum() + 0.5) / (decided.sum() + 1.0))
        asked = (year >= paid) & (end.fees[:, year] > 0)
        total += np.where(asked & (end.years > year), np.log1p(-hazard), 0.0)
        total += np.where(asked & end.lapsed & (end.years == year), np.log(hazard), 0.0)
    return total


_TWO_SIDED = 1.959963984540054


class Curve(NamedTuple):
    """Share renewed beyond each year, with its 95 % interval; one element a year since grant."""

    share: Floats
    low: Floats
    high: Floats


def renewal_survival(valuation: Valuation, *, jurisdiction: str | None = None) -> pd.DataFrame:
    """Share of rights still renewed by years since grant, as known on the valuation date.

    Parameters
    ----------
    valuation : Valuation
        Made by an engine, not read from a file. A fitted :class:`ipvalue.RenewalOption` of the engine gives the
        prediction.
    jurisdiction : str, optional
        One office; by default all together, although their fees fall due at different ages.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``year`` since grant, up to the last in which a right was at risk: ``at_risk`` (rights of which it is
        settled whether they were renewed beyond it), ``lapsed`` (of these), ``share`` renewed beyond it with ``low``
        and ``high``, and ``expected``, ``expected_low`` and ``expected_high``, NaN without a fitted model.

    Raises
    ------
    BookError
        If the valuation was read from a file, or the book holds no renewals that a fee schedule covers.

    Notes
    -----
    The interval of ``expected`` covers the observed share in 95 of 100 such books if the model is right, without the
    error of the fit. A model fitted to the same renewals is tested in sample here;
    :func:`ipvalue.evaluation.renewal_score` tests it out of sample.

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
        raise BookError("these values were read from a file: to count renewals, value their snapshot with the engine")
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
    predicted = Curve(*np.full((3, len(at_risk)), np.nan))
    if reach is not None:
        predicted = expected_survival(known.years, known.lapsed, reach)
    columns = {"at_risk": at_risk, "lapsed": gone, "share": counted.share, "low": counted.low, "high": counted.high}
    columns |= {"expected": predicted.share, "expected_low": predicted.low, "expected_high": predicted.high}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(at_risk), name="year"))


def counted_survival(years: Ints, lapsed: Mask) -> Curve:
    """Kaplan-Meier estimate of the share of rights renewed beyond each year.

    Parameters
    ----------
    years : ndarray of int, shape (n,)
        For how many years each right was paid for.
    lapsed : ndarray of bool, shape (n,)
        Whether the next fee was not paid; else the right is censored.

    Returns
    -------
    Curve

    Notes
    -----
    ``S(a) = prod over s <= a of (1 - d_s / n_s)``, with d the rights that lapsed after s years and n those at
    risk. The interval is Greenwood's, on ln(-ln S).

    References
    ----------
    Kaplan and Meier (1958); Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, 1.4.

    Examples
    --------
    >>> counted_survival(np.array([1, 1, 2, 2, 3]), np.array([True, False, True, False, False])).share.tolist()
    [1.0, 0.75, 0.375]
    """
    at_risk, gone = _counts(years, lapsed)
    hazard = gone / at_risk
    return _curve(hazard, at_risk * hazard * (1.0 - hazard), at_risk)


def expected_survival(years: Ints, lapsed: Mask, reach: Floats) -> Curve:
    """Share that a model expects to be renewed beyond each year, for the rights at risk in it.

    Parameters
    ----------
    years, lapsed : ndarray, shape (n,)
        As in :func:`counted_survival`: they say which rights are at risk.
    reach : ndarray, shape (n, m)
        Probability that each right is renewed for 0, 1, ... years, not rising.

    Returns
    -------
    Curve

    Notes
    -----
    As there, with the mean of ``h = 1 - reach_(s+1) / reach_s`` over the rights at risk in place of d / n, and the sum
    of h (1 - h) as the variance of d.

    Examples
    --------
    >>> reach = np.array([[1.0, 1.0, 0.5, 0.25]] * 4)
    >>> expected_survival(np.array([1, 1, 2, 3]), np.array([True, False, True, False]), reach).share.tolist()
    [1.0, 0.5, 0.25]
    """
    at_risk, _ = _counts(years, lapsed)
    seen = np.arange(len(at_risk)) < (years + lapsed)[:, None]
    before, after = reach[:, : len(at_risk)], reach[:, 1 : len(at_risk) + 1]
    chance = np.where(seen & (before > 0), 1.0 - after / np.where(before > 0, before, 1.0), 0.0)
    return _curve(chance.sum(axis=0) / at_risk, (chance * (1.0 - chance)).sum(axis=0), at_risk)


def _counts(years: Ints, lapsed: Mask) -> tuple[Ints, Ints]:
    """Rights at risk after each number of years, and those of them that lapsed then."""
    horizon = int((years + lapsed).max(initial=0))
    decided = np.bincount(years + lapsed, minlength=horizon + 1)
    at_risk = len(years) - np.cumsum(decided)[:horizon]
    return np.asarray(at_risk, np.int64), np.bincount(years[lapsed], minlength=horizon)[:horizon].astype(np.int64)


def _curve(hazard: Floats, variance: Floats, at_risk: Ints) -> Curve:
    """Survival from hazards and the variances of the counts, with its interval."""
    with np.errstate(all="ignore"):
        share = np.cumprod(1.0 - hazard)
        spread = np.sqrt(np.cumsum(variance / (at_risk * (1.0 - hazard)) ** 2)) / np.abs(np.log(share))
        ends = [share ** np.exp(sign * _TWO_SIDED * spread) for sign in (1.0, -1.0)]
    low, high = (np.where((share > 0) & (share < 1), end, share) for end in ends)
    return Curve(np.asarray(share, np.float64), low, high)


def _reach(model: Model, subject: Subject, known: Histories) -> Floats | None:
    """Probability by the engine's renewal model that each right is renewed for 0, 1, ... years; None without one."""
    for method in model.methods:
        state = model.state(method)
        if isinstance(method, RenewalOption) and state.numbers:
            chosen = subject.take(known.row)
            mu = method.estimate(chosen, state, model.assumptions).details["log_return"]
            table = Thresholds(known.fees, model.assumptions.discount_rate(chosen.field)).table(state.numbers["decay"])
            return renewal_probability(table, mu, state.numbers["sigma"])
    return None
